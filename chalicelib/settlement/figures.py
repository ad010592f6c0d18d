"""What the nightly verification measures on its way: it reads every batch and every claimed line anyway."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from chalicelib.aws.logs import measure
from chalicelib.aws.metrics import (
    BATCH_UNANSWERED_DAYS,
    BATCH_UNEXPORTED_DAYS,
    BATCH_UNSEALED_DAYS,
    HELD_DAYS,
    HELD_FEN,
    LEDGER_DIFFERENCES,
    Metric,
)
from chalicelib.kernel.calendar import shanghai_date, working_days_since
from chalicelib.settlement.batches.model import Batch, BatchStatus
from chalicelib.settlement.verification.model import VerifiedPage
from chalicelib.subsidies.claims.model import Line
from chalicelib.subsidies.claims.states import LineStatus


def measure_page(page: VerifiedPage, *, now: datetime) -> None:
    """Write what one page tells of differences, of a batch nobody goes on with and of held money."""
    measure(LEDGER_DIFFERENCES, len(page.differences), division=page.division)
    if page.batch is not None:
        for metric, days in waits(page.batch, now=now):
            measure(metric, days, division=page.division, batch_id=page.batch.id)
    held = [line for line in page.claimed if line.status is LineStatus.HELD]
    if held:
        measure(HELD_FEN, sum(line.amount_fen for line in held), division=page.division)
        measure(HELD_DAYS, _days_rested(held, now), division=page.division)


def waits(batch: Batch, *, now: datetime) -> Iterator[tuple[Metric, int]]:
    """Tell for what a batch waits, and since how many working days; nothing if it waits for nobody.

    One that is reconciled has all its results; one that was opened and got no line waits for no one.
    """
    if batch.status is BatchStatus.SEALING and batch.chunks:
        yield BATCH_UNSEALED_DAYS, _working_days(batch.opened_at, now)
    if batch.status is BatchStatus.SEALED and batch.sealed_at is not None:
        yield BATCH_UNEXPORTED_DAYS, _working_days(batch.sealed_at, now)
    if batch.status is BatchStatus.EXPORTED and batch.last_change is not None:
        yield BATCH_UNANSWERED_DAYS, _working_days(batch.last_change.at, now)


def _working_days(since: datetime, now: datetime) -> int:
    return working_days_since(shanghai_date(since), shanghai_date(now))


def _days_rested(lines: Sequence[Line], now: datetime) -> int:
    """Give the days since anything last happened to the line that rests longest."""
    rested = (line.last_change.at if line.last_change is not None else line.submitted_at for line in lines)
    return max(0, (now - min(rested)).days)
