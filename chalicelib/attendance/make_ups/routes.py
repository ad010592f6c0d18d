"""HTTP of make-ups and excuses."""

from datetime import datetime
from typing import Annotated

from msgspec import Meta

from chalicelib.attendance.make_ups import service
from chalicelib.attendance.make_ups.model import MakeUp, MakeUpKind, MakeUpStatus
from chalicelib.edge.endpoints import Call, Listing, NoQuery, PageQuery, VersionReason
from chalicelib.edge.forms import Answer, Form, Reason
from chalicelib.edge.http import Api
from chalicelib.kernel.principal import Context

api = Api(__name__)


class MakeUpRequest(Form, kw_only=True):
    """A request to count a lesson as made up, or to excuse an absence; `evidence` says where the proof is."""

    enrolment_id: Annotated[str, Meta(min_length=1, max_length=80)]
    kind: MakeUpKind = MakeUpKind.MAKE_UP
    reason: Reason
    evidence: Reason | None = None


class MakeUpsQuery(PageQuery):
    """Whose requests that wait for a decision: of a division and below, by default the caller's."""

    division: str | None = None


class MakeUpAnswer(Answer):
    """A request; `hours` are lesson hours."""

    id: str
    lesson_id: str
    class_id: str
    enrolment_id: str
    institution: str
    kind: MakeUpKind
    status: MakeUpStatus
    hours: int
    reason: str
    evidence: str | None
    requested_at: datetime
    decided_at: datetime | None
    decision_reason: str | None
    version: int
    allowed_actions: list[str]


@api.endpoint(
    "POST",
    "/v1/lessons/{lesson_id}/make-ups",
    action="make_up.request",
    body=MakeUpRequest,
    answer=MakeUpAnswer,
    status_code=201,
    summary="Ask to count a trainee's lesson as made up, or to excuse them",
)
def ask(call: Call[MakeUpRequest, NoQuery], lesson_id: str) -> MakeUpAnswer:
    body = call.body
    asked = service.Asked(body.enrolment_id, body.kind, body.reason, body.evidence)
    return _render(call.context, service.ask(call.context, lesson_id, asked))


@api.endpoint(
    "GET",
    "/v1/classes/{class_id}/make-ups",
    action="make_up.read",
    query=PageQuery,
    answer=Listing[MakeUpAnswer],
    summary="The make-ups and excuses of a class",
)
def list_of_class(call: Call[None, PageQuery], class_id: str) -> Listing[MakeUpAnswer]:
    page = service.list_of_class(call.context, class_id, call.page_request())
    return call.listing(page, lambda one: _render(call.context, one))


@api.endpoint(
    "GET",
    "/v1/make-ups",
    action="make_up.read_waiting",
    query=MakeUpsQuery,
    answer=Listing[MakeUpAnswer],
    summary="The make-ups and excuses of a division that wait for a decision",
)
def list_waiting(call: Call[None, MakeUpsQuery]) -> Listing[MakeUpAnswer]:
    page = service.list_waiting(call.context, call.page_request(), division=call.query.division)
    return call.listing(page, lambda one: _render(call.context, one))


@api.endpoint(
    "POST",
    "/v1/make-ups/{make_up_id}/approve",
    action="make_up.decide",
    body=VersionReason,
    answer=MakeUpAnswer,
    summary="Grant a make-up or an excuse",
)
def approve(call: Call[VersionReason, NoQuery], make_up_id: str) -> MakeUpAnswer:
    return _decide(call, make_up_id, "approve")


@api.endpoint(
    "POST",
    "/v1/make-ups/{make_up_id}/reject",
    action="make_up.decide",
    body=VersionReason,
    answer=MakeUpAnswer,
    summary="Refuse a make-up or an excuse",
)
def reject(call: Call[VersionReason, NoQuery], make_up_id: str) -> MakeUpAnswer:
    return _decide(call, make_up_id, "reject")


def _decide(call: Call[VersionReason, NoQuery], make_up_id: str, action: str) -> MakeUpAnswer:
    body = call.body
    decided = service.decide(call.context, make_up_id, action, version=body.version, reason=body.reason)
    return _render(call.context, decided)


def _render(context: Context, found: MakeUp) -> MakeUpAnswer:
    return MakeUpAnswer(
        id=found.id,
        lesson_id=found.lesson_id,
        class_id=found.class_id,
        enrolment_id=found.enrolment_id,
        institution=found.institution,
        kind=found.kind,
        status=found.status,
        hours=found.hours,
        reason=found.reason,
        evidence=found.evidence,
        requested_at=found.requested_at,
        decided_at=found.decided_at,
        decision_reason=found.decision_reason,
        version=found.version,
        allowed_actions=service.actions_on(context, found),
    )
