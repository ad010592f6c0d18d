"""HTTP of changes to a running class."""

from typing import Annotated

from msgspec import Meta

from chalicelib.classes.changes import service
from chalicelib.classes.model import LESSONS_MAX, TRAINERS_MAX
from chalicelib.classes.plans.forms import (
    Id,
    LessonForm,
    SiteForm,
    TrainerForm,
    lesson_draft,
    site_draft,
    trainer_drafts,
)
from chalicelib.classes.showing.answers import ChangeAnswer, change_answer
from chalicelib.edge.endpoints import Call, Listing, NoQuery, VersionBody, VersionReason
from chalicelib.edge.forms import Form, Reason, Version
from chalicelib.edge.http import Api

api = Api(__name__)


class LessonChangeForm(LessonForm, kw_only=True):
    """A lesson still to come: an existing one by its id, else a new one."""

    id: Id | None = None


class ChangeRequest(Form):
    """What shall change. `lessons` are all that shall still be held; those that have begun may be left out.

    `new_trainers` come after the class's trainers: lessons name them by the indexes that follow.
    """

    version: Version
    reason: Reason
    lessons: Annotated[list[LessonChangeForm], Meta(max_length=LESSONS_MAX)] | None = None
    new_trainers: Annotated[list[TrainerForm], Meta(max_length=TRAINERS_MAX)] | None = None
    site: SiteForm | None = None


@api.endpoint(
    "POST",
    "/v1/classes/{class_id}/changes",
    action="class.change",
    body=ChangeRequest,
    answer=ChangeAnswer,
    status_code=201,
    summary="Apply for a change of a running class's timetable, trainers or site",
)
def apply_for_change(call: Call[ChangeRequest, NoQuery], class_id: str) -> ChangeAnswer:
    body = call.body
    lessons = None
    if body.lessons is not None:
        lessons = [
            service.ChangedLesson(form.id, lesson_draft(form, f"lessons[{place}]"))
            for place, form in enumerate(body.lessons)
        ]
    draft = service.ChangeDraft(
        reason=body.reason,
        lessons=lessons,
        new_trainers=trainer_drafts(body.new_trainers or ()),
        site=site_draft(body.site, "site") if body.site is not None else None,
    )
    shown = service.apply_for_change(call.context, class_id, draft, version=body.version)
    return change_answer(call, shown)


@api.endpoint(
    "GET",
    "/v1/classes/{class_id}/changes",
    action="class.read_changes",
    answer=Listing[ChangeAnswer],
    summary="List the changes applied for, newest first",
)
def list_changes(call: Call[None, NoQuery], class_id: str) -> Listing[ChangeAnswer]:
    changes = service.list_changes(call.context, class_id)
    return Listing(items=[change_answer(call, shown) for shown in changes], next=None)


@api.endpoint(
    "POST",
    "/v1/classes/{class_id}/changes/{change_id}/approve",
    action="class.approve_change",
    body=VersionBody,
    answer=ChangeAnswer,
    summary="Approve a change: the class has its new timetable from now on",
)
def approve_change(call: Call[VersionBody, NoQuery], class_id: str, change_id: str) -> ChangeAnswer:
    body = call.body
    shown = service.approve_change(
        call.context, class_id, change_id, version=body.version, comment=body.comment
    )
    return change_answer(call, shown)


@api.endpoint(
    "POST",
    "/v1/classes/{class_id}/changes/{change_id}/reject",
    action="class.reject_change",
    body=VersionReason,
    answer=ChangeAnswer,
    summary="Reject a change with a reason",
)
def reject_change(call: Call[VersionReason, NoQuery], class_id: str, change_id: str) -> ChangeAnswer:
    body = call.body
    shown = service.reject_change(call.context, class_id, change_id, version=body.version, reason=body.reason)
    return change_answer(call, shown)


@api.endpoint(
    "POST",
    "/v1/classes/{class_id}/changes/{change_id}/withdraw",
    action="class.withdraw_change",
    body=VersionBody,
    answer=ChangeAnswer,
    summary="Take a change back that waits for its decision",
)
def withdraw_change(call: Call[VersionBody, NoQuery], class_id: str, change_id: str) -> ChangeAnswer:
    body = call.body
    shown = service.withdraw_change(
        call.context, class_id, change_id, version=body.version, comment=body.comment
    )
    return change_answer(call, shown)
