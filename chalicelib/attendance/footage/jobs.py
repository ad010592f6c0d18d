"""Registration of footage when S3 reports an object, and the nightly look for what it did not report."""

from collections.abc import Mapping
from typing import Any

from chalicelib.attendance.footage import registration as footage_register
from chalicelib.aws.settings import settings
from chalicelib.kernel.principal import Context


def register_footage(event: Mapping[str, Any], context: Context) -> dict[str, str]:
    """Register the object of an EventBridge "Object Created" event; answers `{"status": …}`."""
    detail = event.get("detail", {})
    if detail.get("bucket", {}).get("name") != settings().evidence_bucket:
        return {"status": "ignored"}
    told = detail.get("object", {})
    version = told.get("version-id") or None
    status = footage_register.register_object(context, str(told.get("key", "")), version)
    return {"status": status.value if status is not None else "ignored"}


def reconcile_footage(context: Context) -> dict[str, int]:
    """Ask S3 for announced recordings of which nothing was heard (nightly); answers counts by outcome."""
    return footage_register.reconcile(context)
