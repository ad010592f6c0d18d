"""The stream consumer that leaves one audit record of every change, and the nightly roots."""

from collections.abc import Mapping
from typing import Any

from chalicelib.aws.logs import log_failure
from chalicelib.aws.parking import Batch
from chalicelib.kernel.principal import Context
from chalicelib.supervision.audit import service as audit


def record_audit(event: Mapping[str, Any], context: Context) -> dict[str, int]:
    """Record every change of the batch in its chain, exactly once however often it is delivered.

    Raises:
        RecordsUndone: some changes could not be recorded; everything else of the batch is. A record that was
            tried alone for too long, or cannot be read, is parked instead.

    """
    observed: list[audit.ObservedChange] = []
    sequences: dict[tuple[str, str], str] = {}
    batch = Batch(event, "record_audit")
    for row in batch.changes():
        if row.told_elsewhere:
            continue
        try:
            change = audit.observe(context, row)
        except Exception as error:  # noqa: BLE001 - one bad record must not stop the others
            log_failure("audit_unrecorded", error, table=row.table, sequence=row.sequence)
            batch.undone.append(row.sequence)
            continue
        observed.append(change)
        sequences[change.key] = row.sequence
    added = 0
    for chain, changes in audit.by_chain(observed).items():
        try:
            added += audit.append(context, chain, changes)
        except Exception as error:  # noqa: BLE001 - one chain's trouble must not stop the others
            log_failure("audit_unrecorded", error, chain=chain)
            batch.undone += [sequences[change.key] for change in changes]
    batch.finish(now=context.now)
    return {"changes": len(observed), "recorded": added}


def seal_audit(context: Context) -> dict[str, int]:
    """Write the day's root of every chain into the locked bucket."""
    return audit.seal_roots(context)
