"""The table of objections, and what they do to a claim or a line."""

from collections.abc import Iterable, Sequence
from typing import Any

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex

from chalicelib.aws.ahead import ahead
from chalicelib.aws.lists import page_of_list
from chalicelib.aws.table import MomentAttribute, StructAttribute, Table, VersionedTable, table_name
from chalicelib.aws.writes import Check, Put, Update, Write, lawful
from chalicelib.kernel.divisions import group_of, groups_below, is_part_of_group
from chalicelib.kernel.paging import LISTS_OF_A_WIDE_PAGE, Page, PageRequest, page_over
from chalicelib.subsidies.claims.model import Claim, Line
from chalicelib.subsidies.claims.states import ClaimStatus
from chalicelib.subsidies.claims.store import ClaimRow
from chalicelib.subsidies.holds.model import objection_hold
from chalicelib.subsidies.holds.store import holds_write
from chalicelib.subsidies.publicity.model import (
    OBJECTION_TRANSITIONS,
    OBJECTIONS_MAX,
    Objection,
    ObjectionCount,
    ObjectionStatus,
)


class ObjectionsByClaim(GlobalSecondaryIndex[Any]):
    """A claim's objections, by time."""

    class Meta:
        index_name = "by_claim"
        projection = AllProjection()

    claim_id = UnicodeAttribute(hash_key=True)
    created_at = MomentAttribute(range_key=True)


class ObjectionsByState(GlobalSecondaryIndex[Any]):
    """The objections of a city in one state, by time; `listed_in` is written with the state."""

    class Meta:
        index_name = "by_state"
        projection = AllProjection()

    listed_in = UnicodeAttribute(hash_key=True)
    created_at = MomentAttribute(range_key=True)


class ObjectionRow(VersionedTable[Objection]):
    """One row an objection; its key is derived from the claim and the text."""

    class Meta:
        table_name = table_name("objections")

    record_type = Objection
    streamed = True

    id = UnicodeAttribute(hash_key=True)
    claim_id = UnicodeAttribute()
    line_id = UnicodeAttribute(null=True)
    division = UnicodeAttribute()
    status = UnicodeAttribute()
    sealed_reason = UnicodeAttribute()
    created_at = MomentAttribute()
    publicity_ends_on = StructAttribute()
    sealed_contact = UnicodeAttribute(null=True)
    resolution = UnicodeAttribute(null=True)
    resolved_by = UnicodeAttribute(null=True)
    listed_in = UnicodeAttribute(null=True)
    by_claim = ObjectionsByClaim()
    by_state = ObjectionsByState()


class ObjectionCountRow(Table[ObjectionCount]):
    """One row an objection that was raised more than once.

    It is a table of its own, so that a crowd makes no decision stale and fills no audit chain.
    """

    class Meta:
        table_name = table_name("objection-counts")

    record_type = ObjectionCount

    id = UnicodeAttribute(hash_key=True)
    same_count = NumberAttribute()


def find_objection(objection_id: str) -> Objection | None:
    """Read an objection."""
    return ObjectionRow.find(objection_id)


def objections_to(claim_id: str, request: PageRequest, *, status: ObjectionStatus | None) -> Page[Objection]:
    """List a claim's objections, or those in one state, oldest first."""
    picked = (ObjectionRow.status == str(status)) if status is not None else None
    return page_of_list(ObjectionRow, ObjectionRow.by_claim, claim_id, request=request, picked=picked)


def find_objections(objection_ids: Sequence[str]) -> list[Objection]:
    """Read many objections, 100 a call."""
    return ObjectionRow.find_many(objection_ids)


def objections_in(area: str, request: PageRequest, *, status: ObjectionStatus) -> Page[Objection]:
    """List the objections of an area in one state, city by city, the oldest of each first."""
    here = ObjectionRow.division == area if is_part_of_group(area) else None

    def read(group: str, part: PageRequest) -> Page[Objection]:
        name = list_of_objections(group, status)
        return page_of_list(ObjectionRow, ObjectionRow.by_state, name, request=part, picked=here)

    return page_over(groups_below(area), request, read, lists_a_page=LISTS_OF_A_WIDE_PAGE)


def list_of_objections(group: str, status: ObjectionStatus) -> str:
    """Name the list of a city's objections of one state."""
    return f"{group}#{status}"


def want_counts(objection_ids: Iterable[str]) -> None:
    """Have it come along with the next read of a page how often objections were raised."""
    ahead(ObjectionCountRow, objection_ids)


def same_counts(objection_ids: Sequence[str]) -> dict[str, int]:
    """Tell how often each of these, at most a page, was raised; those raised once are left out."""
    return {count.id: count.same_count for count in ObjectionCountRow.find_many(objection_ids)}


def object_writes(objection: Objection, claim: Claim, line: Line | None) -> list[Put | Update]:
    """Store an objection while publicity runs, and stop the line it is about, or the whole claim.

    Many may object at once, so the claim is counted up as it stands and need not be as it was read.
    `model.why_not_object` gives the reasons for what the condition refuses.
    """
    counted = [ClaimRow.objections.set(ClaimRow.objections + 1)]
    if line is None:
        counted.append(ClaimRow.open_objections.set(ClaimRow.open_objections + 1))
    in_public = (
        (ClaimRow.status == str(ClaimStatus.PUBLICISED))
        & (ClaimRow.publicity_ends_on == claim.publicity_ends_on)
        & (ClaimRow.objections < OBJECTIONS_MAX)
    )
    row = ObjectionRow.from_record(objection)
    row.listed_in = list_of_objections(group_of(objection.division), objection.status)
    writes: list[Put | Update] = [
        Put(row),
        Update(ClaimRow, (claim.id,), counted, in_public),
    ]
    if line is not None:
        writes.append(holds_write(line, [*line.holds, objection_hold(objection.id)], at=objection.created_at))
    return writes


def same_writes(objection: Objection) -> list[Write]:
    """Count an objection once more, as long as it is open."""
    raised: Any = ObjectionCountRow.same_count
    return [
        Update(
            ObjectionCountRow,
            (objection.id,),
            [raised.set((raised | 1) + 1)],
            raised.does_not_exist() | (raised > 0),
        ),
        Check(ObjectionRow, (objection.id,), ObjectionRow.status == str(ObjectionStatus.OPEN)),
    ]


def resolve_write(
    objection: Objection, outcome: ObjectionStatus, *, version: int, resolution: str, actor: str
) -> Update:
    """Decide on an open objection; `model.why_not_resolve` gives the reasons against it."""
    return Update(
        ObjectionRow,
        (objection.id,),
        [
            ObjectionRow.status.set(str(outcome)),
            ObjectionRow.listed_in.set(list_of_objections(group_of(objection.division), outcome)),
            ObjectionRow.resolution.set(resolution),
            ObjectionRow.resolved_by.set(actor),
        ],
        lawful(ObjectionRow, sources=OBJECTION_TRANSITIONS.sources("dismiss"), version=version),
    )
