"""Taking a line that cannot be paid out of its claim, and out of the count of the batches where it failed."""

from chalicelib.aws.writes import Write
from chalicelib.kernel.principal import Context
from chalicelib.settlement.batches import store
from chalicelib.subsidies.claims.dropping import drop_line
from chalicelib.subsidies.claims.model import Claim, Line


def withdraw_line(context: Context, line_id: str, *, version: int, reason: str) -> tuple[Line, Claim]:
    """Take a line out for good; a batch all of whose lines are paid or withdrawn closes in the same write.

    Raises:
        DomainError: as `drop_line`.

    """
    return drop_line(context, line_id, version=version, reason=reason, also=_batch_writes)


def _batch_writes(line: Line) -> list[Write]:
    failed_in = sorted({attempt.batch_id for attempt in line.attempts})
    return [store.progress_write(batch, withdrawn=1) for batch in store.find_batches(failed_in)]
