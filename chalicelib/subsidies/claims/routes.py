"""HTTP of subsidy claims: the list of them, and how one is shown without its lines (`showing` has both)."""

from datetime import date, datetime
from typing import Annotated

from msgspec import Meta

from chalicelib.edge.endpoints import Call, Listing, PageQuery
from chalicelib.edge.forms import Answer
from chalicelib.edge.http import Api
from chalicelib.kernel.calendar import shanghai_date
from chalicelib.kernel.principal import Context
from chalicelib.subsidies.claims import service
from chalicelib.subsidies.claims.model import (
    Claim,
    status_shown,
)
from chalicelib.subsidies.claims.states import ClaimStatus

api = Api(__name__)


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


class ClaimQuery(PageQuery):
    """Which claims to list."""

    division: Annotated[str, Meta(max_length=6)] | None = None
    status: ClaimStatus | None = None
    institution: Annotated[str, Meta(max_length=18)] | None = None


@api.endpoint(
    "GET",
    "/v1/subsidy-claims",
    action="subsidy_claim.read",
    query=ClaimQuery,
    answer=Listing[ClaimHead],
    summary="List subsidy claims",
)
def list_subsidy_claims(call: Call[None, ClaimQuery]) -> Listing[ClaimHead]:
    page = service.list_claims(
        call.context,
        call.page_request(),
        division=call.query.division,
        status=call.query.status,
        institution=call.query.institution,
    )
    return call.listing(page, lambda claim: claim_head(call.context, claim))


def claim_head(context: Context, claim: Claim) -> ClaimHead:
    """Show a claim without its lines, as it is for this caller today."""
    return ClaimHead(**head_facts(context, claim))  # type: ignore[arg-type]


def head_facts(context: Context, claim: Claim) -> dict[str, object]:
    """Give what is shown of a claim besides its lines."""
    same = {name: getattr(claim, name) for name in ClaimHead.__struct_fields__ if hasattr(claim, name)}
    return {
        **same,
        "count": claim.line_count,
        "status": status_shown(claim, shanghai_date(context.now)),
        "allowed_actions": service.allowed_actions(context, claim),
    }
