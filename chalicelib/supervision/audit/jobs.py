"""The stream consumer that leaves one audit record of every change, and the nightly roots."""

from collections.abc import Mapping
from typing import Any

from chalicelib.aws.logs import log_failure
from chalicelib.aws.streams import RecordsUndone, row_changes
from chalicelib.kernel.principal import Context
from chalicelib.supervision.audit import service as audit


def record_audit(event: Mapping[str, Any], context: Context) -> dict[str, int]:
    """Record every change of the batch in its chain, exactly once however often it is delivered.

    Raises:
        RecordsUndone: some changes could not be recorded; everything else of the batch is.

    """
    observed: list[audit.ObservedChange] = []
    sequences: dict[tuple[str, str], str] = {}
    undone: list[str] = []
    for row in row_changes(event):
        if row.told_elsewhere:
            continue
        change = audit.observe(context, row)
        observed.append(change)
        sequences[change.key] = row.sequence
    added = 0
    for chain, changes in audit.by_chain(observed).items():
        try:
            added += audit.append(context, chain, changes)
        except Exception as error:  # noqa: BLE001 - one chain's trouble must not stop the others
            log_failure("audit_unrecorded", error, chain=chain)
            undone += [sequences[change.key] for change in changes]
    if undone:
        raise RecordsUndone(undone)
    return {"changes": len(observed), "recorded": added}


def seal_audit(context: Context) -> dict[str, int]:
    """Write the day's root of every chain into the locked bucket."""
    return audit.seal_roots(context)
