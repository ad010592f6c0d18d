"""The job that goes on with the daily comparison."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from chalicelib.kernel.principal import Context
from chalicelib.supervision.audit.comparison import service as comparison
from chalicelib.supervision.audit.comparison.model import STREAM_MEMORY


def compare_audit(event: Mapping[str, Any], context: Context) -> dict[str, object]:
    """Go on with comparing the streamed tables with the audit chain, or begin it once a day.

    An operator who knows that a stream is lost need not wait for its records to expire: `anew` begins a walk
    now, and `stale_hours` tells from which age on what is missing is rebuilt.
    """
    stale = timedelta(hours=float(event.get("stale_hours", STREAM_MEMORY.total_seconds() / 3600)))
    at = comparison.compare(context, stale=stale, anew=event.get("anew") is True)
    return {
        "finished": at.finished_at is not None,
        "rows": at.rows,
        "gaps": at.gap_count,
        "rebuilt": at.rebuilt,
    }
