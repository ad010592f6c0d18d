"""The stream consumer that leaves one audit record of every change, and the nightly roots."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

from chalicelib.aws.logs import log_failure, measure
from chalicelib.aws.metrics import MESSAGES_FAILED
from chalicelib.aws.parking import Batch
from chalicelib.aws.streams import RowChange
from chalicelib.exchange.webhooks import telling
from chalicelib.kernel.errors import Unavailable
from chalicelib.kernel.principal import Context
from chalicelib.supervision.audit import service as audit

PROGRAMS_WAIT: Final = timedelta(minutes=30)
"""So long what programs are told of may hold up the chain; a stream remembers a day."""


def record_audit(event: Mapping[str, Any], context: Context) -> dict[str, int]:
    """Record every change of the batch in its chain, exactly once however often it is delivered.

    Each is guarded by itself. One that cannot be read, or cannot be told, is recorded as unreadable, by its
    digest, and what can be read of the batch is recorded all the same.

    Raises:
        RecordsUndone: some changes could not be recorded; everything else of the batch is. A record that was
            tried alone for too long, or cannot be read, is parked besides.

    """
    batch = Batch(event, "record_audit")
    rows = [row for row in batch.changes() if not row.told_elsewhere]
    observed = [_observed(context, batch, row) for row in rows]
    observed += [audit.observe_unreadable(record, why, context) for record, why in batch.unreadable]
    added = 0
    for chain, changes in audit.by_chain(observed).items():
        added += _append(context, batch, chain, changes)
    _tell_programs(context, batch, rows)
    batch.finish(now=context.now)
    return {"changes": len(observed), "recorded": added}


def _tell_programs(context: Context, batch: Batch, rows: Sequence[RowChange]) -> None:
    """Record for programs what happened to what is theirs; here, as no table's stream has a third reader.

    It comes last. What the store did not take comes again with the batch, which records nothing twice, but
    not for long: the chain goes on. What nobody could tell is logged and rings.
    """
    try:
        telling.tell(context, rows)
    except Unavailable as error:
        log_failure("webhook_unrecorded", error)
        measure(MESSAGES_FAILED, worker="webhooks")
        if batch.waited(context.now) < PROGRAMS_WAIT:
            batch.undone += [row.sequence for row in rows if row.sequence not in batch.undone]
    except Exception as error:  # noqa: BLE001 - see above
        log_failure("webhook_unrecorded", error)
        measure(MESSAGES_FAILED, worker="webhooks")


def _observed(context: Context, batch: Batch, row: RowChange) -> audit.ObservedChange:
    try:
        return audit.observe(context, row)
    except Exception as error:  # noqa: BLE001 - one bad record must not stop the others
        log_failure("audit_unreadable", error, table=row.table, sequence=row.sequence)
        return audit.observe_unreadable(batch.record_of(row), type(error).__name__, context)


def _append(context: Context, batch: Batch, chain: str, changes: list[audit.ObservedChange]) -> int:
    """Append changes to a chain; where they do not go together, each by itself."""
    try:
        return audit.append(context, chain, changes)
    except Exception as error:  # noqa: BLE001 - one chain's trouble must not stop the others
        log_failure("audit_unrecorded", error, chain=chain)
        if isinstance(error, Unavailable) or len(changes) == 1:
            batch.undone += [change.sequence for change in changes]
            return 0
    return sum(_append(context, batch, chain, [change]) for change in changes)


def seal_audit(context: Context) -> dict[str, int]:
    """Write the day's root of every chain into the locked bucket."""
    return audit.seal_roots(context)
