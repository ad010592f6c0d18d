"""What the HTTP of classes and of their changes share: forms of a plan, and how a class is shown."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

from msgspec import Meta

from chalicelib.catalogue.institutions.model import Location
from chalicelib.classes import service
from chalicelib.classes.changes import service as changes
from chalicelib.classes.changes.model import ChangeStatus
from chalicelib.classes.evidence import Evidence, share_of
from chalicelib.classes.model import (
    TRAINERS_MAX,
    ClassHead,
    ClassStatus,
    Lesson,
    Site,
    Trainer,
    TrainingClass,
)
from chalicelib.classes.plans import draft as plans_service
from chalicelib.classes.plans.model import Breach, FieldChange
from chalicelib.edge.endpoints import Call
from chalicelib.edge.forms import Answer, Form, line, malformed
from chalicelib.kernel.errors import Fault
from chalicelib.kernel.reasons import sentence

Name = Annotated[str, line(100)]
Moment = Annotated[datetime, Meta(tz=True)]


# --------------------------------------------------------------------------- forms


class SiteForm(Form):
    """A place of training, or a room of it; `radius_m` overrides the policy's geofence.

    With `source: "catalogue"` it is the institution's own place, as listed: then name, address and location
    are not given.
    """

    name: Name | None = None
    address: Annotated[str, line(200)] | None = None
    location: Location | None = None
    radius_m: Annotated[int, Meta(ge=10, le=1000)] | None = None
    room: Annotated[str, line(50)] | None = None
    source: Literal["new", "catalogue"] = "new"


class TrainerForm(Form):
    """A trainer."""

    name: Annotated[str, line(64)]
    id_number: Annotated[str, Meta(min_length=1, max_length=40)]
    qualification: Annotated[str, line(200, needed=False)] = ""


class LessonForm(Form):
    """A lesson: `hours` are lesson hours (课时), `trainer` an index into `trainers`."""

    starts_at: Moment
    ends_at: Moment
    hours: Annotated[int, Meta(ge=1, le=24)]
    topic: Annotated[str, line(100, needed=False)] = ""
    trainer: Annotated[int, Meta(ge=0, lt=TRAINERS_MAX)] = 0
    site: SiteForm | None = None


def site_given(form: SiteForm, field: str) -> plans_service.SiteGiven:
    """Give the place of a form.

    Raises:
        Malformed: a new place with parts missing, or a listed one with parts given.

    """
    parts = {"name": form.name, "address": form.address, "location": form.location}
    listed = form.source == "catalogue"
    code = "unknown_field" if listed else "missing_field"
    faults = [
        Fault(code, field=f"{field}.{name}") for name, part in parts.items() if (part is None) != listed
    ]
    if faults:
        raise malformed(faults)
    if form.name is None or form.address is None or form.location is None:
        return plans_service.CatalogueSite(room=form.room, radius_m=form.radius_m)
    return Site(
        name=form.name, address=form.address, location=form.location, radius_m=form.radius_m, room=form.room
    )


def trainers_given(forms: Sequence[TrainerForm]) -> list[plans_service.TrainerGiven]:
    """Give the trainers of a form."""
    return [plans_service.TrainerGiven(one.name, one.id_number, one.qualification) for one in forms]


def lesson_given(form: LessonForm, field: str) -> plans_service.LessonGiven:
    """Give a lesson of a form."""
    return plans_service.LessonGiven(
        starts_at=form.starts_at,
        ends_at=form.ends_at,
        hours=form.hours,
        topic=form.topic,
        trainer=form.trainer,
        site=site_given(form.site, f"{field}.site") if form.site is not None else None,
    )


# --------------------------------------------------------------------------- answers


class SiteAnswer(Answer):
    """A place of training."""

    name: str
    address: str
    location: Location
    radius_m: int | None
    room: str | None


class TrainerAnswer(Answer):
    """A trainer, masked."""

    name: str
    id_number: str
    qualification: str


class LessonAnswer(Answer):
    """A lesson; `site` only where it is not the class's."""

    id: str
    starts_at: datetime
    ends_at: datetime
    hours: int
    topic: str
    trainer: int
    site: SiteAnswer | None


class WarningAnswer(Answer):
    """A rule that the plan breaks."""

    code: str
    detail: str


class FieldChangeAnswer(Answer):
    """A field that differs between two versions of a plan; null where it is not there."""

    field: str
    before: Any
    after: Any


class ChangeAnswer(Answer):
    """A change applied for of a running class; `version` is the class's."""

    id: str
    class_id: str
    version: int
    status: ChangeStatus
    reason: str
    changes: list[FieldChangeAnswer]
    warnings: list[WarningAnswer]
    submitted_by: str
    submitted_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    decision_reason: str | None
    trainers: list[TrainerAnswer]
    lessons: list[LessonAnswer]
    allowed_actions: list[str]


class EvidenceAnswer(Answer):
    """What the records say of a class whose completion is applied for; shares and coverage from 0 to 1.

    `trainees_below` did not attend as much as the policy wants, `lessons_without_footage` have none at all.
    """

    trainees: int
    attendance_min: Decimal
    mean_share: Decimal
    trainees_below: list[str]
    lessons: int
    mean_coverage: Decimal
    lessons_without_footage: list[str]


class ClassSummary(Answer):
    """A class in a list; `lesson_hours` are lesson hours (课时)."""

    id: str
    institution: str
    division: str
    program_id: str
    project_id: str
    name: str
    planned_size: int
    status: ClassStatus
    policy_version: int
    created_at: datetime
    opens_at: datetime
    ends_at: datetime
    lesson_hours: int
    enrolled: int
    passed: int
    failed: int
    submitted_at: datetime | None
    approved_at: datetime | None
    completion_approved_at: datetime | None
    return_reason: str | None
    version: int
    allowed_actions: list[str]


class ClassAnswer(ClassSummary):
    """A whole class. `changes` are those made since it was last returned, until it is approved."""

    site: SiteAnswer
    trainers: list[TrainerAnswer]
    lessons: list[LessonAnswer]
    warnings: list[WarningAnswer]
    changes: list[FieldChangeAnswer]
    open_change: ChangeAnswer | None
    evidence: EvidenceAnswer | None


# --------------------------------------------------------------------------- rendering


def class_answer(call: Call[Any, Any], shown: service.Shown) -> ClassAnswer:
    """Render a whole class."""
    found = shown.training_class
    waiting = None
    if shown.open_change is not None:
        waiting = change_answer(call, changes.shown_change(call.context, found, shown.open_change))
    return ClassAnswer(
        **class_facts(call, found),
        site=_site(found.site),
        trainers=_trainers(found.trainers),
        lessons=[_lesson(lesson) for lesson in found.lessons],
        warnings=_warnings(call, shown.breaches),
        changes=_changes(shown.changes),
        open_change=waiting,
        evidence=_evidence(found, shown.evidence) if shown.evidence is not None else None,
    )


def class_facts(call: Call[Any, Any], found: TrainingClass | ClassHead) -> dict[str, Any]:
    """Give what a list and a whole class have in common."""
    computed = {
        "enrolled": found.enrolled if isinstance(found, ClassHead) else len(found.roster),
        "allowed_actions": service.actions_on(call.context, found),
    }
    fields = (name for name in ClassSummary.__struct_fields__ if name not in computed)
    return {name: getattr(found, name) for name in fields} | computed


def change_answer(call: Call[Any, Any], shown: changes.ShownChange) -> ChangeAnswer:
    """Render a change."""
    one = shown.applied
    return ChangeAnswer(
        id=one.change_id,
        class_id=one.id,
        version=shown.version,
        status=one.status,
        reason=one.reason,
        changes=_changes(one.changes),
        warnings=_warnings(call, shown.breaches),
        submitted_by=one.submitted_by,
        submitted_at=one.submitted_at,
        decided_by=one.decided_by,
        decided_at=one.decided_at,
        decision_reason=one.decision_reason,
        trainers=_trainers(one.trainers),
        lessons=[_lesson(lesson) for lesson in one.lessons],
        allowed_actions=list(shown.allowed_actions),
    )


def _changes(found: Sequence[FieldChange]) -> list[FieldChangeAnswer]:
    return [FieldChangeAnswer(field=one.field, before=one.before, after=one.after) for one in found]


def _warnings(call: Call[Any, Any], breaches: Sequence[Breach]) -> list[WarningAnswer]:
    return [
        WarningAnswer(code=one.code, detail=sentence(one.code, dict(one.facts), english=call.english))
        for one in breaches
    ]


def _trainers(found: Sequence[Trainer]) -> list[TrainerAnswer]:
    return [
        TrainerAnswer(name=one.name, id_number=one.id_number, qualification=one.qualification)
        for one in found
    ]


def _site(site: Site) -> SiteAnswer:
    return SiteAnswer(
        name=site.name,
        address=site.address,
        location=site.location,
        radius_m=site.radius_m,
        room=site.room,
    )


def _lesson(lesson: Lesson) -> LessonAnswer:
    return LessonAnswer(
        id=lesson.id,
        starts_at=lesson.starts_at,
        ends_at=lesson.ends_at,
        hours=lesson.hours,
        topic=lesson.topic,
        trainer=lesson.trainer,
        site=_site(lesson.site) if lesson.site is not None else None,
    )


_PLACES = Decimal("0.0001")


def _evidence(found: TrainingClass, evidence: Evidence) -> EvidenceAnswer:
    shares = {one: share_of(evidence, one) for one in found.enrolment_ids}
    coverage = {lesson.id: evidence.coverage.get(lesson.id, Decimal(0)) for lesson in found.lessons}
    least = found.policy.attendance_min
    return EvidenceAnswer(
        trainees=len(shares),
        attendance_min=least,
        mean_share=_mean(list(shares.values())),
        trainees_below=[one for one, share in shares.items() if share < least],
        lessons=len(coverage),
        mean_coverage=_mean(list(coverage.values())),
        lessons_without_footage=[one for one, share in coverage.items() if share == 0],
    )


def _mean(values: Sequence[Decimal]) -> Decimal:
    return (sum(values, Decimal(0)) / max(len(values), 1)).quantize(_PLACES)
