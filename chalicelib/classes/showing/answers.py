"""How a class and a change are rendered: the answers that endpoints of several folders give."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from chalicelib.catalogue.institutions.model import Location
from chalicelib.catalogue.projects.model import Project
from chalicelib.classes.evidence import ClassEvidence, share_of
from chalicelib.classes.model import (
    ChangeStatus,
    ClassHead,
    ClassStatus,
    FieldChange,
    Lesson,
    Site,
    Trainer,
    TrainingClass,
)
from chalicelib.classes.plans.model import Breach
from chalicelib.classes.showing import service
from chalicelib.classes.showing.service import ShownChange, ShownClass
from chalicelib.edge.endpoints import Call
from chalicelib.edge.forms import Answer
from chalicelib.kernel.calendar import parse_moment
from chalicelib.kernel.closing import OpenDecision, Undecided
from chalicelib.kernel.reasons import sentence


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


class UndecidedAnswer(Answer):
    """A check-in, make-up or excuse that waits for a decision, by its id."""

    code: Undecided
    subject: str


class EvidenceAnswer(Answer):
    """What the records say of a class that is over; shares and coverage from 0 to 1.

    `trainees_below` did not attend as much as the policy wants, `lessons_without_footage` have none at all.
    `undecided` waits for the bureau: completion is neither applied for nor approved above it.
    """

    trainees: int
    attendance_min: Decimal
    mean_share: Decimal
    trainees_below: list[str]
    undecided: list[UndecidedAnswer]
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
    cancel_reason: str | None
    version: int
    allowed_actions: list[str]


class ClassProjectAnswer(Answer):
    """The project by which a class is judged and paid: pinned at approval, the newest until then."""

    version: int
    name: str
    occupation_code: str
    edition: str
    level: int
    hours: int
    fee_fen: int


class ClassAnswer(ClassSummary):
    """A whole class. `changes` are those made since it was last returned, until it is approved."""

    project: ClassProjectAnswer
    site: SiteAnswer
    trainers: list[TrainerAnswer]
    lessons: list[LessonAnswer]
    warnings: list[WarningAnswer]
    changes: list[FieldChangeAnswer]
    open_change: ChangeAnswer | None
    evidence: EvidenceAnswer | None


# --------------------------------------------------------------------------- rendering


def class_answer(call: Call[Any, Any], shown: ShownClass) -> ClassAnswer:
    """Render a whole class."""
    training_class = shown.training_class
    waiting, evidence = shown.open_change, shown.evidence
    undecided: Sequence[OpenDecision] | None = () if evidence is None else evidence.undecided
    if not shown.closely:
        undecided = None
    return ClassAnswer(
        **class_facts(call, training_class, undecided, closely=shown.closely),
        project=_project(shown.project),
        site=_site(training_class.site),
        trainers=_trainers(training_class.trainers),
        lessons=[_lesson(lesson) for lesson in training_class.lessons],
        warnings=_warnings(call, shown.breaches),
        changes=_changes(shown.changes),
        open_change=change_answer(call, waiting) if waiting is not None else None,
        evidence=_evidence(training_class, evidence) if evidence is not None else None,
    )


def _project(project: Project) -> ClassProjectAnswer:
    return ClassProjectAnswer(
        **{name: getattr(project, name) for name in ClassProjectAnswer.__struct_fields__}
    )


def class_facts(
    call: Call[Any, Any],
    training_class: TrainingClass | ClassHead,
    undecided: Sequence[OpenDecision] | None = (),
    *,
    closely: bool = True,
) -> dict[str, Any]:
    """Give what a list and a whole class have in common."""
    actions = service.actions_on(call.context, training_class, undecided, closely=closely)
    fields = (name for name in ClassSummary.__struct_fields__ if name != "allowed_actions")
    return {name: getattr(training_class, name) for name in fields} | {"allowed_actions": actions}


def change_answer(call: Call[Any, Any], shown: ShownChange) -> ChangeAnswer:
    """Render a change."""
    change = shown.change
    return ChangeAnswer(
        id=change.change_id,
        class_id=change.id,
        version=shown.version,
        status=change.status,
        reason=change.reason,
        changes=_changes(change.changes),
        warnings=_warnings(call, shown.breaches),
        submitted_by=change.submitted_by,
        submitted_at=change.submitted_at,
        decided_by=change.decided_by,
        decided_at=change.decided_at,
        decision_reason=change.decision_reason,
        trainers=_trainers(change.trainers),
        lessons=[_lesson(lesson) for lesson in change.lessons],
        allowed_actions=list(shown.allowed_actions),
    )


def _changes(changes: Sequence[FieldChange]) -> list[FieldChangeAnswer]:
    return [
        FieldChangeAnswer(
            field=change.field,
            before=_told(change.field, change.before),
            after=_told(change.field, change.after),
        )
        for change in changes
    ]


def _told(field: str, value: Any) -> Any:
    """Give a moment as a moment: a stored change has it as text, in UTC."""
    return parse_moment(value) if field.endswith("_at") and isinstance(value, str) else value


def _warnings(call: Call[Any, Any], breaches: Sequence[Breach]) -> list[WarningAnswer]:
    return [
        WarningAnswer(
            code=breach.code, detail=sentence(breach.code, dict(breach.facts), english=call.english)
        )
        for breach in breaches
    ]


def _trainers(trainers: Sequence[Trainer]) -> list[TrainerAnswer]:
    return [
        TrainerAnswer(name=trainer.name, id_number=trainer.id_number, qualification=trainer.qualification)
        for trainer in trainers
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


def _evidence(training_class: TrainingClass, evidence: ClassEvidence) -> EvidenceAnswer:
    least = training_class.policy.attendance_min
    shares = {enrolment_id: share_of(evidence, enrolment_id) for enrolment_id in training_class.enrolment_ids}
    coverage = {lesson.id: evidence.coverage.get(lesson.id, Decimal(0)) for lesson in training_class.lessons}
    return EvidenceAnswer(
        trainees=len(shares),
        attendance_min=least,
        mean_share=_mean(list(shares.values())),
        trainees_below=[enrolment_id for enrolment_id, share in shares.items() if share < least],
        undecided=[UndecidedAnswer(code=open_.kind, subject=open_.subject) for open_ in evidence.undecided],
        lessons=len(coverage),
        mean_coverage=_mean(list(coverage.values())),
        lessons_without_footage=[lesson_id for lesson_id, share in coverage.items() if share == 0],
    )


def _mean(values: Sequence[Decimal]) -> Decimal:
    return (sum(values, Decimal(0)) / max(len(values), 1)).quantize(_PLACES)
