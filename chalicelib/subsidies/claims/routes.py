"""HTTP of subsidy claims: reading them, and how a claim and its lines are shown."""

from datetime import date, datetime
from typing import Annotated

from msgspec import Meta

from chalicelib.edge.endpoints import Call, Listing, NoQuery, PageQuery
from chalicelib.edge.forms import Answer
from chalicelib.edge.http import Api
from chalicelib.kernel.calendar import shanghai_date
from chalicelib.kernel.principal import Context
from chalicelib.subsidies.claims import service
from chalicelib.subsidies.claims.model import (
    Claim,
    ClaimStatus,
    Line,
    LineStatus,
    claim_of_line,
    line_status_shown,
    status_shown,
)

api = Api(__name__)


class LineAnswer(Answer):
    """One trainee's line; names and numbers are masked."""

    id: str
    enrolment_id: str
    voucher_id: str
    trainee: dict[str, str]
    amount_fen: int
    status: LineStatus
    holds: list[str]
    reject_reason: str | None
    batch_id: str | None
    version: int


class ClaimHead(Answer):
    """A claim without its lines."""

    id: str
    class_id: str
    class_name: str
    institution: str
    division: str
    program_id: str
    project_id: str
    status: ClaimStatus
    count: int
    amount_fen: int
    declared_count: int
    declared_amount_fen: int
    submitted_at: datetime
    publicity_ends_on: date | None
    open_objections: int
    decision_reason: str | None
    version: int
    allowed_actions: list[str]


class ClaimAnswer(ClaimHead):
    """A claim with its lines."""

    lines: list[LineAnswer]


class ClaimQuery(PageQuery):
    """Which claims to list."""

    division: Annotated[str, Meta(max_length=6)] | None = None
    status: ClaimStatus | None = None


@api.endpoint(
    "GET",
    "/v1/subsidy-claims",
    action="subsidy_claim.read",
    query=ClaimQuery,
    answer=Listing[ClaimHead],
    summary="List subsidy claims",
)
def list_claims(call: Call[None, ClaimQuery]) -> Listing[ClaimHead]:
    page = service.list_claims(
        call.context, call.page_request(), division=call.query.division, status=call.query.status
    )
    return call.listing(page, lambda claim: claim_head(call.context, claim))


@api.endpoint(
    "GET",
    "/v1/subsidy-claims/{claim_id}",
    action="subsidy_claim.read",
    answer=ClaimAnswer,
    summary="Read a subsidy claim with its lines",
)
def read(call: Call[None, NoQuery], claim_id: str) -> ClaimAnswer:
    claim = service.read_claim(call.context, claim_id)
    return claim_answer(call.context, claim, service.lines_of(claim))


def claim_head(context: Context, claim: Claim) -> ClaimHead:
    """Show a claim without its lines, as it is for this caller today."""
    return ClaimHead(**_head_facts(context, claim))  # type: ignore[arg-type]


def claim_answer(context: Context, claim: Claim, lines: list[Line]) -> ClaimAnswer:
    """Show a claim with its lines."""
    facts = _head_facts(context, claim)
    return ClaimAnswer(**facts, lines=[line_answer(line, claim) for line in lines])  # type: ignore[arg-type]


def _head_facts(context: Context, claim: Claim) -> dict[str, object]:
    same = {name: getattr(claim, name) for name in ClaimHead.__struct_fields__ if hasattr(claim, name)}
    return {
        **same,
        "count": claim.line_count,
        "status": status_shown(claim, shanghai_date(context.now)),
        "allowed_actions": service.allowed_actions(context.principal, claim),
    }


def line_answer(line: Line, claim: Claim) -> LineAnswer:
    """Show one line of a claim."""
    assert claim_of_line(line.id) == claim.id
    shown = line_status_shown(line, claim)
    # Reviewers of a claim that was sent again see why one of its lines was rejected before.
    under_review = claim.status in (ClaimStatus.SUBMITTED, ClaimStatus.REVIEWED)
    return LineAnswer(
        id=line.id,
        enrolment_id=line.enrolment_id,
        voucher_id=line.voucher_id,
        trainee={"name": line.trainee_name, "id_number": line.trainee_id_number},
        amount_fen=line.amount_fen,
        status=shown,
        holds=line.holds,
        reject_reason=line.reject_reason if shown is LineStatus.REJECTED or under_review else None,
        batch_id=line.batch_id,
        version=line.version,
    )
