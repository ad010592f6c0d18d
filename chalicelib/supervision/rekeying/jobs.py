"""The job that goes on with a re-encryption."""

from collections.abc import Mapping
from typing import Any

from chalicelib.aws.logs import measure
from chalicelib.aws.metrics import REENCRYPTION_OPEN
from chalicelib.kernel.principal import Context
from chalicelib.supervision.rekeying import service as rekeying
from chalicelib.supervision.rekeying.model import RekeyingStatus


def reencrypt_people(event: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """Go on with a re-encryption; `{"order": "start"}` begins one after a rotation, `stop` stops it."""
    at = rekeying.reencrypt(context, rekeying.Order(event.get("order", "continue")))
    measure(REENCRYPTION_OPEN, at is not None and at.status is not RekeyingStatus.FINISHED)
    if at is None:
        return {"status": "none"}
    return {"run": at.run, "status": at.status.value, "rows": at.rows, "written": at.written}
