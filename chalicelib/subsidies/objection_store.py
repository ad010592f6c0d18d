"""The table of objections, and what they do to a claim or a line."""

from typing import Any

from pynamodb.attributes import UnicodeAttribute
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex

from chalicelib.aws.table import (
    MomentAttribute,
    Put,
    StructAttribute,
    Update,
    VersionedTable,
    page_of,
    table_name,
)
from chalicelib.kernel.paging import Page, PageRequest
from chalicelib.subsidies.model import (
    OBJECTIONS_MAX,
    Claim,
    ClaimStatus,
    Line,
    Objection,
    ObjectionStatus,
    hold_of,
)
from chalicelib.subsidies.store import ClaimRow, decide_write, holds_write, return_actions


class ObjectionsByClaim(GlobalSecondaryIndex[Any]):
    """A claim's objections, by time."""

    class Meta:
        index_name = "by_claim"
        projection = AllProjection()

    claim_id = UnicodeAttribute(hash_key=True)
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
    by_claim = ObjectionsByClaim()


def find_objection(objection_id: str) -> Objection | None:
    """Read an objection."""
    return ObjectionRow.find(objection_id)


def objections_to(claim_id: str, request: PageRequest) -> Page[Objection]:
    """List a claim's objections, oldest first."""
    rows = ObjectionRow.by_claim.query(claim_id, limit=request.limit, last_evaluated_key=request.after)
    return page_of(rows, request)


def object_writes(objection: Objection, claim: Claim) -> list[Put | Update]:
    """Store an objection and stop its claim while publicity runs."""
    return [
        Put(ObjectionRow.from_record(objection)),
        Update(
            ClaimRow,
            (claim.id,),
            [
                ClaimRow.objections.set(ClaimRow.objections + 1),
                ClaimRow.open_objections.set(ClaimRow.open_objections + 1),
            ],
            (ClaimRow.status == str(ClaimStatus.PUBLICISED))
            & (ClaimRow.publicity_ends_on == claim.publicity_ends_on)
            & (ClaimRow.objections < OBJECTIONS_MAX),
        ),
    ]


def object_to_line_writes(objection: Objection, claim: Claim, line: Line) -> list[Put | Update]:
    """Store an objection and stop the one line it is about while publicity runs."""
    return [
        Put(ObjectionRow.from_record(objection)),
        Update(
            ClaimRow,
            (claim.id,),
            [ClaimRow.objections.set(ClaimRow.objections + 1)],
            (ClaimRow.status == str(ClaimStatus.PUBLICISED))
            & (ClaimRow.publicity_ends_on == claim.publicity_ends_on)
            & (ClaimRow.objections < OBJECTIONS_MAX),
        ),
        holds_write(line, [*line.holds, hold_of(objection.id)]),
    ]


def resolve_write(
    objection_id: str, *, version: int, outcome: ObjectionStatus, resolution: str, actor: str
) -> Update:
    """Decide on an open objection."""
    return Update(
        ObjectionRow,
        (objection_id,),
        [
            ObjectionRow.status.set(str(outcome)),
            ObjectionRow.resolution.set(resolution),
            ObjectionRow.resolved_by.set(actor),
        ],
        (ObjectionRow.status == str(ObjectionStatus.OPEN)) & (ObjectionRow.version == version),
    )


def dismiss_objection_write(claim: Claim) -> Update:
    """Take one open objection off a claim."""
    return Update(
        ClaimRow,
        (claim.id,),
        [ClaimRow.open_objections.set(ClaimRow.open_objections - 1)],
        (ClaimRow.open_objections > 0) & (ClaimRow.version == claim.version),
    )


def uphold_objection_write(claim: Claim, reason: str) -> Update:
    """Send a claim back because an objection to it is right; it leaves publicity."""
    return decide_write(
        claim,
        "uphold_objection",
        [
            *return_actions(reason),
            ClaimRow.open_objections.set(ClaimRow.open_objections - 1),
            ClaimRow.approved_by.remove(),
            ClaimRow.budget_year.remove(),
            ClaimRow.publicity_ends_on.remove(),
            ClaimRow.due_city.remove(),
            ClaimRow.due_on.remove(),
        ],
    )
