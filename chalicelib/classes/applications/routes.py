"""HTTP of applications for a class."""

from typing import Annotated

from msgspec import Meta

from chalicelib.classes.applications import service as decisions
from chalicelib.classes.model import LESSONS_MAX, TRAINERS_MAX
from chalicelib.classes.plans import draft as plans_service
from chalicelib.classes.showing.answers import (
    ClassAnswer,
    LessonForm,
    SiteForm,
    TrainerForm,
    class_answer,
    lesson_given,
    site_given,
    trainers_given,
)
from chalicelib.classes.showing.routes import Id, Name
from chalicelib.edge.endpoints import Call, NoQuery, VersionBody, VersionReason
from chalicelib.edge.forms import Comment, Form, Reason, Version
from chalicelib.edge.http import Api

api = Api(__name__)


# --------------------------------------------------------------------------- forms


class ClassRequest(Form):
    """An application. `program_id` is only needed where project and institution share several."""

    project_id: Id
    name: Name
    planned_size: Annotated[int, Meta(ge=1, le=10_000)]
    site: SiteForm
    trainers: Annotated[list[TrainerForm], Meta(min_length=1, max_length=TRAINERS_MAX)]
    lessons: Annotated[list[LessonForm], Meta(max_length=LESSONS_MAX)]
    program_id: Id | None = None


class ClassEdit(ClassRequest, kw_only=True):
    """An application that replaces an earlier version."""

    version: Version


# --------------------------------------------------------------------------- applying


@api.endpoint(
    "POST",
    "/v1/classes",
    action="class.write",
    body=ClassRequest,
    answer=ClassAnswer,
    status_code=201,
    summary="Write down an application for a class",
)
def create(call: Call[ClassRequest, NoQuery]) -> ClassAnswer:
    return class_answer(call, plans_service.create_class(call.context, _plan(call.body)))


@api.endpoint(
    "PUT",
    "/v1/classes/{class_id}",
    action="class.write",
    body=ClassEdit,
    answer=ClassAnswer,
    summary="Replace an application that is not filed",
)
def edit(call: Call[ClassEdit, NoQuery], class_id: str) -> ClassAnswer:
    plan = _plan(call.body)
    return class_answer(
        call, plans_service.edit_class(call.context, class_id, plan, version=call.body.version)
    )


def _plan(body: ClassRequest) -> plans_service.PlanGiven:
    return plans_service.PlanGiven(
        project_id=body.project_id,
        program_id=body.program_id,
        name=body.name,
        planned_size=body.planned_size,
        site=site_given(body.site, "site"),
        trainers=trainers_given(body.trainers),
        lessons=[lesson_given(lesson, f"lessons[{place}]") for place, lesson in enumerate(body.lessons)],
    )


# --------------------------------------------------------------------------- decisions


@api.endpoint(
    "POST",
    "/v1/classes/{class_id}/submit",
    action="class.submit",
    body=VersionBody,
    answer=ClassAnswer,
    summary="File an application",
)
def submit(call: Call[VersionBody, NoQuery], class_id: str) -> ClassAnswer:
    body = call.body
    return class_answer(
        call, decisions.submit_class(call.context, class_id, version=body.version, comment=body.comment)
    )


@api.endpoint(
    "POST",
    "/v1/classes/{class_id}/approve",
    action="class.approve",
    body=VersionBody,
    answer=ClassAnswer,
    summary="Approve an application",
)
def approve(call: Call[VersionBody, NoQuery], class_id: str) -> ClassAnswer:
    body = call.body
    return class_answer(
        call, decisions.approve_class(call.context, class_id, version=body.version, comment=body.comment)
    )


@api.endpoint(
    "POST",
    "/v1/classes/{class_id}/return",
    action="class.return",
    body=VersionReason,
    answer=ClassAnswer,
    summary="Return an application with a reason",
)
def give_back(call: Call[VersionReason, NoQuery], class_id: str) -> ClassAnswer:
    body = call.body
    return class_answer(
        call, decisions.return_class(call.context, class_id, version=body.version, reason=body.reason)
    )


class CancelBody(Form):
    """A cancellation, with its reason as `reason` or `comment`."""

    version: Version
    reason: Reason | None = None
    comment: Comment | None = None


@api.endpoint(
    "POST",
    "/v1/classes/{class_id}/cancel",
    action="class.cancel",
    body=CancelBody,
    answer=ClassAnswer,
    summary="Cancel a class and release its vouchers",
)
def cancel(call: Call[CancelBody, NoQuery], class_id: str) -> ClassAnswer:
    body = call.body
    reason = body.reason or body.comment
    return class_answer(
        call, decisions.cancel_class(call.context, class_id, version=body.version, comment=reason)
    )
