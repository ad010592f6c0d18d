"""The job that goes on with the weekly comparison."""

from chalicelib.kernel.principal import Context
from chalicelib.supervision.audit.comparison import service as comparison


def compare_audit(context: Context) -> dict[str, object]:
    """Go on with comparing the streamed tables with the audit chain, or begin it once a week."""
    at = comparison.compare(context)
    return {"finished": at.finished_at is not None, "rows": at.rows, "gaps": at.gap_count}
