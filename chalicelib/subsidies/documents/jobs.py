"""Registration of supporting documents when S3 reports an object."""

from collections.abc import Mapping
from typing import Any

from chalicelib.aws.settings import settings
from chalicelib.kernel.principal import Context
from chalicelib.subsidies.documents import service as documents


def register_document(event: Mapping[str, Any], context: Context) -> dict[str, str]:
    """Register the object of an EventBridge "Object Created" event; answers `{"status": …}`."""
    detail = event.get("detail", {})
    if detail.get("bucket", {}).get("name") != settings().evidence_bucket:
        return {"status": "ignored"}
    status = documents.register_object(context, str(detail.get("object", {}).get("key", "")))
    return {"status": status.value if status is not None else "ignored"}
