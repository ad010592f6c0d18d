"""Audit records made anew from a row, for changes that the stream never told.

A stream record lives for a day. What no consumer took by then is lost, but not what it made: the row stands
as the last change left it, and says who made that, when and why. Of the changes between nothing is left.

    voucher vch_a stands at version 5; the chain has 1 and 2
    version 5   rebuilt: the actor from `last_change`; before: what 1 and 2 tell; after: what differs now
    3 and 4     rebuilt, `row.version_missing`: they were, and nobody can say any more what they changed

The counts follow: what is missing moves them by the difference between its two sides, so that they come out
as if nothing had been lost. A record that comes after all is kept under its stream number and moves nothing.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from chalicelib.aws.streams import RowChange
from chalicelib.exchange.model import area_of
from chalicelib.kernel.divisions import PROVINCE
from chalicelib.kernel.principal import Context
from chalicelib.supervision.audit.model import (
    MISSING_ACTION,
    UNTOLD_ACTOR,
    AuditRecord,
    differences,
    entry_of,
    known_of,
    runs_of,
    undone,
    version_of,
)
from chalicelib.supervision.audit.service import COUNTED_TABLE, ObservedChange, observe
from chalicelib.supervision.reports.model import CountScope, moves_of

_NEVER_CHANGE = ("program_id", "division", "face_value_fen", "issued_at")
"""What a voucher has from its first version on: it stands in for a first version that was lost."""


def observe_standing(
    context: Context, row: RowChange, versions: Sequence[int], chained: Sequence[AuditRecord]
) -> list[ObservedChange]:
    """Describe those versions of a row that its chain lacks; `chained` are the records that there are."""
    ordered = sorted(
        (record for record in chained if version_of(record.entry) is not None),
        key=lambda record: record.entry,
    )
    observed = []
    for first, last in runs_of(versions):
        run = [_rebuilt(context, row, version, ordered) for version in range(first, last + 1)]
        moves = _moves_over(context, row, first, last, ordered)
        observed += [ObservedChange(record, {}, record.entry, row.part) for record in run[:-1]]
        observed.append(ObservedChange(run[-1], moves, run[-1].entry, row.part))
    return observed


def _rebuilt(context: Context, row: RowChange, version: int, chained: Sequence[AuditRecord]) -> AuditRecord:
    if version != row.version:
        return _missing(context, row, version)
    told = observe(context, row).record
    before, after = differences(known_of(_until(version, chained)), told.after)
    return msgspec.structs.replace(told, before=before, after=after, rebuilt=True)


def _until(version: int, chained: Sequence[AuditRecord]) -> list[AuditRecord]:
    return [record for record in chained if (version_of(record.entry) or 0) < version]


def _missing(context: Context, row: RowChange, version: int) -> AuditRecord:
    division = str((row.after or {}).get("division") or PROVINCE)
    return AuditRecord(
        subject=row.subject,
        entry=entry_of(row.part, version, ""),
        chain=area_of(division),
        seq=0,
        table=row.table,
        division=division,
        at=context.now,
        actor=UNTOLD_ACTOR,
        role="",
        action=MISSING_ACTION,
        request_id=context.request_id,
        rebuilt=True,
    )


def _moves_over(
    context: Context, row: RowChange, first: int, last: int, chained: Sequence[AuditRecord]
) -> dict[CountScope, Counter[str]]:
    """Tell by how much the changes of a run moved the counts: the difference between its two sides."""
    if row.table != COUNTED_TABLE or row.after is None:
        return {}
    standing = observe(context, row).record.after
    later = [record for record in chained if (version_of(record.entry) or 0) > last]
    right = row.after if last == row.version else undone(standing, reversed(later))
    left = {**{name: standing.get(name) for name in _NEVER_CHANGE}, **known_of(_until(first, chained))}
    chain = area_of(str(row.after.get("division") or PROVINCE))
    return moves_of(left if _is_counted(left) else None, right if _is_counted(right) else None, chain=chain)


def _is_counted(image: Mapping[str, Any]) -> bool:
    return image.get("status") is not None
