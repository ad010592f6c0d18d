"""HTTP of publicity and objections."""

from datetime import date, datetime
from typing import Annotated, Literal

from msgspec import Meta

from chalicelib.catalogue.institutions.reading import current_institution
from chalicelib.catalogue.projects.reading import current_project
from chalicelib.edge.endpoints import PUBLIC, AnswerKind, Call, Listing, NoQuery, PageQuery, Reply
from chalicelib.edge.forms import Answer, Form, Reason, Version, line, words
from chalicelib.edge.http import Api
from chalicelib.kernel.paging import Page
from chalicelib.kernel.principal import Context
from chalicelib.kernel.reasons import sentence
from chalicelib.subsidies.claims.model import ObjectionStatus
from chalicelib.subsidies.publicity import service as publicities

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
    contact: Annotated[str, line(200, needed=False)] | None = None


class ObjectionReceipt(Answer):
    """What the objector gets back."""

    id: str
    claim_id: str
    line_id: str | None
    status: ObjectionStatus
    created_at: datetime
    publicity_ends_on: date


class ObjectionAnswer(ObjectionReceipt):
    """An objection as bureaus see it."""

    reason: str
    contact: str | None
    resolution: str | None
    version: int
    allowed_actions: list[str]


class ObjectionQuery(PageQuery, kw_only=True):
    """Whose objections to list."""

    claim: Annotated[str, Meta(min_length=1, max_length=80)]


class ResolveRequest(Form):
    """A supervisor's decision on an objection."""

    version: Version
    outcome: Literal["upheld", "dismissed"]
    reason: Reason


class ResolutionRequest(ResolveRequest):
    """A supervisor's decision on one of several objections."""

    objection_id: Annotated[str, Meta(min_length=1, max_length=80)]


class ResolutionsRequest(Form):
    """Decisions on several objections, each of which stands by itself."""

    decisions: Annotated[list[ResolutionRequest], Meta(min_length=1, max_length=DECISIONS_MAX)]


class ResolutionAnswer(Answer):
    """What became of one decision; `code` and `detail` say why it was refused."""

    objection_id: str
    applied: bool
    status: ObjectionStatus | None
    version: int | None
    code: str | None
    detail: str | None


class ResolutionsAnswer(Answer):
    """What became of each decision, in the order they were sent."""

    applied: int
    refused: int
    results: list[ResolutionAnswer]


@api.endpoint(
    "GET",
    "/v1/publicity",
    action=PUBLIC,
    query=PublicityQuery,
    answer=Listing[PublicClaim],
    summary="The claims now in publicity, with masked names",
)
def publicity(call: Call[None, PublicityQuery]) -> Listing[PublicClaim]:
    page = publicities.publicity(call.context, call.page_request(), division=call.query.division)
    return call.listing(page, _public)


@api.endpoint(
    "POST",
    "/v1/publicity/{claim_id}/objections",
    action=PUBLIC,
    body=ObjectionRequest,
    answer=ObjectionReceipt,
    status_code=201,
    also=(AnswerKind(ObjectionReceipt),),
    summary="Object to a claim while its publicity runs",
)
def object_to(call: Call[ObjectionRequest, NoQuery], claim_id: str) -> Reply:
    objected = publicities.object_to(
        call.context,
        claim_id,
        reason=call.body.reason,
        contact=call.body.contact,
        line_id=call.body.line_id,
    )
    one = objected.objection
    receipt = ObjectionReceipt(
        id=one.id,
        claim_id=one.claim_id,
        line_id=one.line_id,
        status=one.status,
        created_at=one.created_at,
        publicity_ends_on=one.publicity_ends_on,
    )
    return Reply(receipt, 201 if objected.created else 200)


@api.endpoint(
    "GET",
    "/v1/objections",
    action="objection.read",
    query=ObjectionQuery,
    answer=Listing[ObjectionAnswer],
    summary="List the objections to a claim",
)
def list_objections(call: Call[None, ObjectionQuery]) -> Listing[ObjectionAnswer]:
    page = publicities.objections_to(call.context, call.query.claim, call.page_request())
    opened = Page(items=publicities.told(call.context, page.items), after=page.after)
    return call.listing(opened, lambda one: _objection(call.context, one))


@api.endpoint(
    "POST",
    "/v1/objections/{objection_id}/resolve",
    action="objection.resolve",
    body=ResolveRequest,
    answer=ObjectionAnswer,
    summary="Decide on an objection",
)
def resolve(call: Call[ResolveRequest, NoQuery], objection_id: str) -> ObjectionAnswer:
    body = call.body
    resolved = publicities.resolve_objection(
        call.context,
        objection_id,
        version=body.version,
        outcome=ObjectionStatus(body.outcome),
        reason=body.reason,
    )
    return _objection(call.context, publicities.told(call.context, [resolved])[0])


@api.endpoint(
    "POST",
    "/v1/objection-decisions",
    action="objection.resolve",
    body=ResolutionsRequest,
    answer=ResolutionsAnswer,
    summary="Decide on several objections at once; each stands by itself",
)
def resolve_many(call: Call[ResolutionsRequest, NoQuery]) -> ResolutionsAnswer:
    resolved = publicities.resolve_many(
        call.context,
        [
            publicities.Resolution(one.objection_id, one.version, ObjectionStatus(one.outcome), one.reason)
            for one in call.body.decisions
        ],
    )
    results = [_resolution(one, english=call.english) for one in resolved]
    applied = sum(one.applied for one in results)
    return ResolutionsAnswer(applied=applied, refused=len(results) - applied, results=results)


def _resolution(one: publicities.Resolved, *, english: bool) -> ResolutionAnswer:
    objection, refusal = one.objection, one.refusal
    return ResolutionAnswer(
        objection_id=one.resolution.objection_id,
        applied=objection is not None,
        status=objection.status if objection is not None else None,
        version=objection.version if objection is not None else None,
        code=refusal.code if refusal is not None else None,
        detail=sentence(refusal.code, refusal.facts, english=english) if refusal is not None else None,
    )


def _public(one: publicities.Publicised) -> PublicClaim:
    claim = one.claim
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
            for line in one.lines
        ],
    )


def _objection(context: Context, told: publicities.Told) -> ObjectionAnswer:
    one = told.objection
    return ObjectionAnswer(
        id=one.id,
        claim_id=one.claim_id,
        line_id=one.line_id,
        status=one.status,
        created_at=one.created_at,
        publicity_ends_on=one.publicity_ends_on,
        reason=told.reason,
        contact=told.contact,
        resolution=one.resolution,
        version=one.version,
        allowed_actions=publicities.allowed_on_objection(context.principal, one),
    )
