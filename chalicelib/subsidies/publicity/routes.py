"""HTTP of publicity and objections."""

from datetime import date, datetime
from typing import Annotated, Literal

from msgspec import Meta

from chalicelib.catalogue.institutions.reading import current_institution
from chalicelib.catalogue.projects.reading import current_project
from chalicelib.edge.endpoints import PUBLIC, AnswerKind, Call, Listing, NoQuery, PageQuery, Reply
from chalicelib.edge.forms import Answer, Form, Reason, Version, line, words
from chalicelib.edge.http import Api
from chalicelib.kernel.free_text import Numbers
from chalicelib.kernel.paging import Page
from chalicelib.kernel.principal import Context
from chalicelib.subsidies.bulk.routes import DecisionAnswer, DecisionsAnswer, decisions_answer
from chalicelib.subsidies.bulk.service import decide_each
from chalicelib.subsidies.claims.model import Claim
from chalicelib.subsidies.publicity import service
from chalicelib.subsidies.publicity.model import Objection, ObjectionStatus

api = Api(__name__)

DECISIONS_MAX = 50
"""Objections a call of decisions: each takes some seven calls, and the gateway waits 29 seconds."""


class PublicityQuery(PageQuery):
    """Whose publicity to show."""

    division: Annotated[str, Meta(max_length=6)] | None = None


class PublicLine(Answer):
    """One trainee as everybody sees them."""

    line_id: str
    name: str
    id_number: str
    amount_fen: int


class PublicClaim(Answer):
    """A claim as everybody sees it."""

    claim_id: str
    institution: str
    institution_name: str
    class_name: str
    project_name: str
    division: str
    count: int
    amount_fen: int
    publicity_ends_on: date | None
    lines: list[PublicLine]


class ObjectionRequest(Form):
    """An objection to one line or, without `line_id`, to the claim; how to reach the objector is optional."""

    reason: Annotated[str, words(2000)]
    line_id: Annotated[str, Meta(min_length=1, max_length=80)] | None = None
    contact: Annotated[str, line(200, needed=False, numbers=Numbers.KEPT)] | None = None


class ObjectionReceipt(Answer):
    """What the objector gets back."""

    id: str
    claim_id: str
    line_id: str | None
    status: ObjectionStatus
    created_at: datetime
    publicity_ends_on: date


class FiledAnswer(ObjectionReceipt):
    """What the objector gets back; of what was said before, only the first contact is kept."""

    contact_not_kept: bool


class ObjectionAnswer(ObjectionReceipt):
    """An objection as bureaus see it; `same_count` tells how often it was raised in the same words."""

    same_count: int
    reason: str
    contact: str | None
    resolution: str | None
    version: int
    allowed_actions: list[str]


class ObjectionQuery(PageQuery, kw_only=True):
    """Whose objections to list: a claim's, else those of the caller's area, or a part of it, in one state."""

    claim: Annotated[str, Meta(min_length=1, max_length=80)] | None = None
    status: ObjectionStatus | None = None
    division: Annotated[str, Meta(max_length=6)] | None = None


class ResolveRequest(Form):
    """A supervisor's decision on an objection."""

    version: Version
    outcome: Literal["upheld", "dismissed"]
    reason: Reason


class ObjectionDecision(ResolveRequest):
    """A supervisor's decision on one of several objections."""

    objection_id: Annotated[str, Meta(min_length=1, max_length=80)]


class ObjectionDecisions(Form):
    """Decisions on several objections, each of which stands by itself."""

    decisions: Annotated[list[ObjectionDecision], Meta(min_length=1, max_length=DECISIONS_MAX)]


class ObjectionDecisionAnswer(DecisionAnswer[ObjectionStatus]):
    """What became of the decision on one of several objections."""

    objection_id: str


@api.endpoint(
    "GET",
    "/v1/publicity",
    action=PUBLIC,
    query=PublicityQuery,
    answer=Listing[PublicClaim],
    summary="The claims now in publicity, with masked names",
)
def list_publicity(call: Call[None, PublicityQuery]) -> Listing[PublicClaim]:
    page = service.publicity(call.context, call.page_request(), division=call.query.division)
    return call.listing(page, _public)


@api.endpoint(
    "POST",
    "/v1/publicity/{claim_id}/objections",
    action=PUBLIC,
    body=ObjectionRequest,
    answer=FiledAnswer,
    status_code=201,
    also=(AnswerKind(FiledAnswer),),
    summary="Object to a claim while its publicity runs",
)
def object_to_claim(call: Call[ObjectionRequest, NoQuery], claim_id: str) -> Reply:
    body = call.body
    filed = service.object_to(
        call.context,
        claim_id,
        reason=body.reason,
        contact=body.contact,
        source=call.source,
        line_id=body.line_id,
    )
    objection = filed.objection
    receipt = FiledAnswer(
        id=objection.id,
        claim_id=objection.claim_id,
        line_id=objection.line_id,
        status=objection.status,
        created_at=objection.created_at,
        publicity_ends_on=objection.publicity_ends_on,
        contact_not_kept=body.contact is not None and not filed.created,
    )
    return Reply(receipt, 201 if filed.created else 200)


@api.endpoint(
    "GET",
    "/v1/objections",
    action="objection.read",
    query=ObjectionQuery,
    answer=Listing[ObjectionAnswer],
    summary="List the objections to a claim, or those of an area that are open or decided",
)
def list_objections(call: Call[None, ObjectionQuery]) -> Listing[ObjectionAnswer]:
    query, request = call.query, call.page_request()
    if query.claim is None:
        state = query.status or ObjectionStatus.OPEN
        page = service.objections_in(call.context, request, status=state, division=query.division)
    else:
        page = service.objections_to(
            call.context, query.claim, request, status=query.status, division=query.division
        )
    claims = service.claims_of(page.items)
    opened = Page(items=service.opened(call.context, page.items), after=page.after)
    return call.listing(
        opened, lambda shown: _objection(call.context, shown, claims[shown.objection.claim_id])
    )


@api.endpoint(
    "POST",
    "/v1/objections/{objection_id}/resolve",
    action="objection.resolve",
    body=ResolveRequest,
    answer=ObjectionAnswer,
    summary="Decide on an objection",
)
def resolve_objection(call: Call[ResolveRequest, NoQuery], objection_id: str) -> ObjectionAnswer:
    resolved = _resolve(call.context, objection_id, call.body)
    return _objection(call.context, service.opened(call.context, [resolved])[0], None)


@api.endpoint(
    "POST",
    "/v1/objection-decisions",
    action="objection.resolve",
    body=ObjectionDecisions,
    answer=DecisionsAnswer[ObjectionDecisionAnswer],
    summary="Decide on several objections at once; each stands by itself",
)
def resolve_objections(call: Call[ObjectionDecisions, NoQuery]) -> DecisionsAnswer[ObjectionDecisionAnswer]:
    return decisions_answer(
        ObjectionDecisionAnswer,
        decide_each(
            call.context,
            "objection.resolve",
            call.body.decisions,
            lambda decision: _resolve(call.context, decision.objection_id, decision),
            subject=lambda decision: decision.objection_id,
        ),
        known_by=("objection_id",),
        status=lambda objection: objection.status,
        english=call.english,
    )


def _resolve(context: Context, objection_id: str, body: ResolveRequest) -> Objection:
    return service.resolve_objection(
        context,
        objection_id,
        version=body.version,
        outcome=ObjectionStatus(body.outcome),
        reason=body.reason,
    )


def _public(publicised: service.PublicisedClaim) -> PublicClaim:
    claim = publicised.claim
    return PublicClaim(
        claim_id=claim.id,
        institution=claim.institution,
        institution_name=current_institution(claim.institution).name,
        class_name=claim.class_name,
        project_name=current_project(claim.project_id).name,
        division=claim.division,
        count=claim.line_count,
        amount_fen=claim.amount_fen,
        publicity_ends_on=claim.publicity_ends_on,
        lines=[
            PublicLine(
                line_id=line.id,
                name=line.trainee_name,
                id_number=line.trainee_id_number,
                amount_fen=line.amount_fen,
            )
            for line in publicised.lines
        ],
    )


def _objection(context: Context, opened: service.OpenedObjection, claim: Claim | None) -> ObjectionAnswer:
    """Show an objection; one that has just been decided comes without its claim, and offers nothing more."""
    objection = opened.objection
    allowed = service.allowed_on_objection(context.principal, objection, claim) if claim is not None else []
    return ObjectionAnswer(
        id=objection.id,
        claim_id=objection.claim_id,
        line_id=objection.line_id,
        status=objection.status,
        created_at=objection.created_at,
        publicity_ends_on=objection.publicity_ends_on,
        same_count=opened.same_count,
        reason=opened.reason,
        contact=opened.contact,
        resolution=objection.resolution,
        version=objection.version,
        allowed_actions=allowed,
    )
