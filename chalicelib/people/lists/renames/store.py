"""The table of renames."""

import contextlib
from collections.abc import Iterable, Sequence
from typing import Any

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.indexes import GlobalSecondaryIndex, IncludeProjection

from chalicelib.aws.table import MomentAttribute, VersionedTable, page_of, table_name
from chalicelib.aws.waiting import queue_of
from chalicelib.aws.writes import ConditionFailed, insert, none_of, transition
from chalicelib.kernel.divisions import PROVINCE
from chalicelib.kernel.paging import Page, PageRequest
from chalicelib.kernel.principal import Change, Hands
from chalicelib.people.lists.renames.model import RENAME_TRANSITIONS, Rename, part_of


class WaitingRenames(GlobalSecondaryIndex[Any]):
    """Renames that nobody has decided on, by part, oldest first."""

    class Meta:
        index_name = "waiting"
        projection = IncludeProjection(["status", "division"])

    queue = UnicodeAttribute(hash_key=True)
    queued_at = MomentAttribute(range_key=True)


class RenameRow(VersionedTable[Rename]):
    """One row a list's row that renames somebody."""

    class Meta:
        table_name = table_name("renames")

    record_type = Rename
    streamed = True

    import_id = UnicodeAttribute(hash_key=True)
    part = UnicodeAttribute(range_key=True)
    chunk = NumberAttribute()
    person_key = UnicodeAttribute()
    status = UnicodeAttribute()
    proposed_by = UnicodeAttribute()
    proposed_at = MomentAttribute()
    division = UnicodeAttribute()
    decided_by = UnicodeAttribute(null=True)
    decided_at = MomentAttribute(null=True)
    decision_reason = UnicodeAttribute(null=True)
    queue = UnicodeAttribute(null=True)
    queued_at = MomentAttribute(null=True)
    waiting = WaitingRenames()


def propose(renames: Iterable[Rename], change: Change) -> None:
    """Store renames; one that is stored already stays as it is."""
    for rename in renames:
        with contextlib.suppress(ConditionFailed):
            row: Any = RenameRow.from_record(rename)
            row.queue, row.queued_at = queue_of(PROVINCE), rename.proposed_at
            insert(row, change=change)


def read_rename(import_id: str, row: int) -> Rename:
    """Read a rename or raise `NotFound`."""
    return RenameRow.read(import_id, part_of(row))


def find_renames(keys: Sequence[tuple[str, str]]) -> list[Rename]:
    """Read many renames by list and part, 100 a call."""
    return RenameRow.find_many(keys)


def renames_in(import_id: str, request: PageRequest) -> Page[Rename]:
    """List the renames of a list, in the order of its rows."""
    rows = RenameRow.query(
        import_id, limit=request.limit, last_evaluated_key=request.after, consistent_read=True
    )
    return page_of(rows, request)


def decide(rename: Rename, action: str, *, version: int, by: str, hands: Hands, change: Change) -> Rename:
    """Confirm or refuse a rename; the condition is the truth of what `model.why_not` gives the reason for.

    Raises:
        NotFound, Refused: there is none; another version; decided already.
        ConditionFailed: its decider uploaded the list.

    """
    row = RenameRow
    reason = [row.decision_reason.set(change.reason)] if change.reason is not None else []
    return transition(
        row,
        (rename.import_id, rename.part),
        sources=RENAME_TRANSITIONS.sources(action),
        target=RENAME_TRANSITIONS.target(action),
        version=version,
        change=change,
        actions=[row.decided_by.set(by), row.decided_at.set(change.at), row.queued_at.remove(), *reason],
        also=none_of(row.proposed_by, hands),
    )
