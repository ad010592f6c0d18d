"""HTTP of applications for a class."""

from typing import Annotated

from msgspec import Meta

from chalicelib.classes.applications import service
from chalicelib.classes.model import LESSONS_MAX, TRAINERS_MAX
from chalicelib.classes.plans.draft import PlanDraft
from chalicelib.classes.plans.forms import (
    Id,
    LessonForm,
    Name,
    SiteForm,
    TrainerForm,
    lesson_draft,
    site_draft,
    trainer_drafts,
)
from chalicelib.classes.showing.answers import ClassAnswer, class_answer
from chalicelib.edge.endpoints import Call, NoQuery, VersionBody, VersionReason
from chalicelib.edge.forms import Form, Version
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
def create_class(call: Call[ClassRequest, NoQuery]) -> ClassAnswer:
    return class_answer(call, service.create_class(call.context, _draft(call.body)))


@api.endpoint(
    "PUT",
    "/v1/classes/{class_id}",
    action="class.write",
    body=ClassEdit,
    answer=ClassAnswer,
    summary="Replace an application that is not filed",
)
def edit_class(call: Call[ClassEdit, NoQuery], class_id: str) -> ClassAnswer:
    body = call.body
    shown = service.edit_class(call.context, class_id, _draft(body), version=body.version)
    return class_answer(call, shown)


def _draft(body: ClassRequest) -> PlanDraft:
    return PlanDraft(
        project_id=body.project_id,
        program_id=body.program_id,
        name=body.name,
        planned_size=body.planned_size,
        site=site_draft(body.site, "site"),
        trainers=trainer_drafts(body.trainers),
        lessons=[lesson_draft(lesson, f"lessons[{place}]") for place, lesson in enumerate(body.lessons)],
    )


# --------------------------------------------------------------------------- decisions


class ClassApproval(VersionBody):
    """Approve a class; who names the versions of policy and project they saw approves under no others."""

    policy_version: Version | None = None
    project_version: Version | None = None


@api.endpoint(
    "POST",
    "/v1/classes/{class_id}/submit",
    action="class.submit",
    body=VersionBody,
    answer=ClassAnswer,
    summary="File an application",
)
def submit_class(call: Call[VersionBody, NoQuery], class_id: str) -> ClassAnswer:
    body = call.body
    return class_answer(
        call, service.submit_class(call.context, class_id, version=body.version, comment=body.comment)
    )


@api.endpoint(
    "POST",
    "/v1/classes/{class_id}/approve",
    action="class.approve",
    body=ClassApproval,
    answer=ClassAnswer,
    summary="Approve an application under the policy and project that were shown",
)
def approve_class(call: Call[ClassApproval, NoQuery], class_id: str) -> ClassAnswer:
    body = call.body
    terms = service.ShownTerms(body.policy_version, body.project_version)
    shown = service.approve_class(
        call.context, class_id, version=body.version, comment=body.comment, terms=terms
    )
    return class_answer(call, shown)


@api.endpoint(
    "POST",
    "/v1/classes/{class_id}/return",
    action="class.return",
    body=VersionReason,
    answer=ClassAnswer,
    summary="Return an application with a reason",
)
def return_class(call: Call[VersionReason, NoQuery], class_id: str) -> ClassAnswer:
    body = call.body
    return class_answer(
        call, service.return_class(call.context, class_id, version=body.version, reason=body.reason)
    )
