"""The table of objections, and what they do to a claim or a line."""

from typing import Any

from pynamodb.attributes import UnicodeAttribute
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex

from chalicelib.aws.table import MomentAttribute, StructAttribute, VersionedTable, page_of, table_name
from chalicelib.aws.writes import Put, Update
from chalicelib.kernel.paging import Page, PageRequest
from chalicelib.subsidies.claims.model import (
    OBJECTIONS_MAX,
    Claim,
    ClaimStatus,
    Line,
    Objection,
    ObjectionStatus,
    hold_of,
)
from chalicelib.subsidies.claims.store import ClaimRow
from chalicelib.subsidies.holds.store import holds_write


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

    Many may object at once, so the claim need not be as it was read.
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
        writes.append(holds_write(line, [*line.holds, hold_of(objection.id)]))
    return writes


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
