"""The table of renames."""

import contextlib
from collections.abc import Iterable

from pynamodb.attributes import NumberAttribute, UnicodeAttribute

from chalicelib.aws.table import MomentAttribute, VersionedTable, page_of, table_name
from chalicelib.aws.writes import ConditionFailed, insert, none_of, transition
from chalicelib.kernel.paging import Page, PageRequest
from chalicelib.kernel.principal import Change, Hands
from chalicelib.people.lists.renames.model import RENAME_TRANSITIONS, Rename, part_of


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


def propose(renames: Iterable[Rename], change: Change) -> None:
    """Store renames; one that is stored already stays as it is."""
    for rename in renames:
        with contextlib.suppress(ConditionFailed):
            insert(RenameRow.from_record(rename), change=change)


def read_rename(import_id: str, row: int) -> Rename:
    """Read a rename or raise `NotFound`."""
    return RenameRow.read(import_id, part_of(row))


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
        actions=[row.decided_by.set(by), row.decided_at.set(change.at), *reason],
        also=none_of(row.proposed_by, hands),
    )
