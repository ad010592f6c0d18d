"""HTTP of make-ups and excuses."""

from datetime import datetime
from typing import Annotated

from msgspec import Meta

from chalicelib.attendance.make_ups import service
from chalicelib.attendance.make_ups.model import MakeUpKind, MakeUpStatus
from chalicelib.edge.endpoints import Call, Listing, NoQuery, PageQuery, VersionReason
from chalicelib.edge.forms import Answer, Form, Reason
from chalicelib.edge.http import Api

api = Api(__name__)


class MakeUpRequest(Form, kw_only=True):
    """A request to count a lesson as made up, or to excuse an absence.

    `evidence` says where the proof is; a make-up needs it, as it counts towards payment.
    """

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
def request_make_up(call: Call[MakeUpRequest, NoQuery], lesson_id: str) -> MakeUpAnswer:
    body = call.body
    draft = service.MakeUpDraft(body.enrolment_id, body.kind, body.reason, body.evidence)
    return _render(service.ask(call.context, lesson_id, draft))


@api.endpoint(
    "GET",
    "/v1/classes/{class_id}/make-ups",
    action="make_up.read",
    query=PageQuery,
    answer=Listing[MakeUpAnswer],
    summary="The make-ups and excuses of a class",
)
def list_make_ups(call: Call[None, PageQuery], class_id: str) -> Listing[MakeUpAnswer]:
    page = service.list_of_class(call.context, class_id, call.page_request())
    return call.listing(page, _render)


@api.endpoint(
    "GET",
    "/v1/make-ups",
    action="make_up.read_waiting",
    query=MakeUpsQuery,
    answer=Listing[MakeUpAnswer],
    summary="The make-ups and excuses of a division that wait for a decision",
)
def list_waiting_make_ups(call: Call[None, MakeUpsQuery]) -> Listing[MakeUpAnswer]:
    page = service.list_waiting(call.context, call.page_request(), division=call.query.division)
    return call.listing(page, _render)


@api.endpoint(
    "POST",
    "/v1/make-ups/{make_up_id}/approve",
    action="make_up.decide",
    body=VersionReason,
    answer=MakeUpAnswer,
    summary="Grant a make-up or an excuse",
)
def approve_make_up(call: Call[VersionReason, NoQuery], make_up_id: str) -> MakeUpAnswer:
    return _decide(call, make_up_id, "approve")


@api.endpoint(
    "POST",
    "/v1/make-ups/{make_up_id}/reject",
    action="make_up.decide",
    body=VersionReason,
    answer=MakeUpAnswer,
    summary="Refuse a make-up or an excuse",
)
def reject_make_up(call: Call[VersionReason, NoQuery], make_up_id: str) -> MakeUpAnswer:
    return _decide(call, make_up_id, "reject")


def _decide(call: Call[VersionReason, NoQuery], make_up_id: str, action: str) -> MakeUpAnswer:
    body = call.body
    shown = service.decide(call.context, make_up_id, action, version=body.version, reason=body.reason)
    return _render(shown)


def _render(shown: service.ShownMakeUp) -> MakeUpAnswer:
    make_up = shown.make_up
    return MakeUpAnswer(
        id=make_up.id,
        lesson_id=make_up.lesson_id,
        class_id=make_up.class_id,
        enrolment_id=make_up.enrolment_id,
        institution=make_up.institution,
        kind=make_up.kind,
        status=make_up.status,
        hours=make_up.hours,
        reason=make_up.reason,
        evidence=make_up.evidence,
        requested_at=make_up.requested_at,
        decided_at=make_up.decided_at,
        decision_reason=make_up.decision_reason,
        version=make_up.version,
        allowed_actions=shown.allowed_actions,
    )
