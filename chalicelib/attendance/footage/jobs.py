"""Registration of footage when S3 reports an object, and the nightly look for what it did not report."""

from collections.abc import Mapping
from typing import Any

from chalicelib.attendance.footage import registration
from chalicelib.aws.settings import settings
from chalicelib.kernel.principal import Context


def register_footage(event: Mapping[str, Any], context: Context) -> dict[str, str]:
    """Register the object of an EventBridge "Object Created" event; answers `{"status": …}`."""
    detail = event.get("detail", {})
    if detail.get("bucket", {}).get("name") != settings().evidence_bucket:
        return {"status": "ignored"}
    created = detail.get("object", {})
    version = created.get("version-id") or None
    status = registration.register_object(context, str(created.get("key", "")), version)
    return {"status": status.value if status is not None else "ignored"}


def reconcile_footage(context: Context) -> dict[str, int]:
    """Ask S3 for announced recordings of which nothing was heard (nightly); answers counts by outcome."""
    return registration.reconcile(context)
