"""The table of objections, and what they do to a claim or a line."""

from typing import Any

from pynamodb.attributes import UnicodeAttribute
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex

from chalicelib.aws.table import MomentAttribute, StructAttribute, VersionedTable, page_of, table_name
from chalicelib.aws.writes import Put, Update, lawful
from chalicelib.kernel.paging import Page, PageRequest
from chalicelib.subsidies.claims.model import Claim, ClaimStatus, Line
from chalicelib.subsidies.claims.store import ClaimRow
from chalicelib.subsidies.holds.model import objection_hold
from chalicelib.subsidies.holds.store import holds_write
from chalicelib.subsidies.publicity.model import (
    OBJECTION_TRANSITIONS,
    OBJECTIONS_MAX,
    Objection,
    ObjectionStatus,
)


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
    writes: list[Put | Update] = [
        Put(ObjectionRow.from_record(objection)),
        Update(ClaimRow, (claim.id,), counted, in_public),
    ]
    if line is not None:
        writes.append(holds_write(line, [*line.holds, objection_hold(objection.id)], at=objection.created_at))
    return writes


def resolve_write(
    objection: Objection, outcome: ObjectionStatus, *, version: int, resolution: str, actor: str
) -> Update:
    """Decide on an open objection; `model.why_not_resolve` gives the reasons against it."""
    return Update(
        ObjectionRow,
        (objection.id,),
        [
            ObjectionRow.status.set(str(outcome)),
            ObjectionRow.resolution.set(resolution),
            ObjectionRow.resolved_by.set(actor),
        ],
        lawful(ObjectionRow, sources=OBJECTION_TRANSITIONS.sources("dismiss"), version=version),
    )
