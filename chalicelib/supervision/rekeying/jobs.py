"""The job that goes on with a re-encryption."""

from collections.abc import Mapping
from typing import Any

from chalicelib.kernel.principal import Context
from chalicelib.supervision.rekeying import service as rekeying


def reencrypt_people(event: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """Go on with a re-encryption; `{"order": "start"}` begins one after a rotation, `stop` stops it."""
    at = rekeying.reencrypt(context, rekeying.Order(event.get("order", "continue")))
    if at is None:
        return {"status": "none"}
    return {"run": at.run, "status": at.status.value, "rows": at.rows, "written": at.written}
