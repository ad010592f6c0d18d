"""A class (班): a run of a project with a timetable and a roster; its states, and what they allow.

It is stored in parts (`store.py`): the head, which decisions change, the plan, the roster, each change
applied for and each recording of marks. Lessons live inside the class: a lesson's id names its class, so no
look-up is needed between them. What policy asks of a plan is in `plans/model.py`.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

import msgspec

from chalicelib.catalogue.institutions.model import Location
from chalicelib.kernel.calendar import format_moment
from chalicelib.kernel.closing import OpenDecision, Stage, Undecided, open_below
from chalicelib.kernel.errors import DomainError
from chalicelib.kernel.ids import ClassId, LessonId, ProgramId, ProjectId, Uscc, part_id, whole_of
from chalicelib.kernel.principal import Change, Hands
from chalicelib.kernel.reasons import error
from chalicelib.kernel.transitions import Step, Transitions
from chalicelib.programs.model import Policy

LESSONS_MAX = 120
TRAINERS_MAX = 20
ROSTER_MAX = 90
SITES_MAX = 40


class ClassStatus(StrEnum):
    """Where a class is in its life."""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    RETURNED = "returned"
    APPROVED = "approved"
    CANCEL_REQUESTED = "cancel_requested"
    COMPLETION_SUBMITTED = "completion_submitted"
    COMPLETION_RETURNED = "completion_returned"
    COMPLETION_APPROVED = "completion_approved"
    SCORED = "scored"
    CLAIMED = "claimed"
    CLOSED = "closed"
    CANCELLED = "cancelled"


_S = ClassStatus
CLASS_TRANSITIONS: Transitions[ClassStatus] = Transitions(
    "class",
    {
        "edit": Step((_S.DRAFT,), _S.DRAFT),
        "revise": Step((_S.RETURNED,), _S.RETURNED),
        "submit": Step((_S.DRAFT, _S.RETURNED), _S.SUBMITTED),
        "approve": Step((_S.SUBMITTED,), _S.APPROVED),
        "return": Step((_S.SUBMITTED,), _S.RETURNED),
        "cancel": Step((_S.DRAFT, _S.SUBMITTED, _S.RETURNED, _S.APPROVED), _S.CANCELLED),
        "cancel_request": Step((_S.APPROVED,), _S.CANCEL_REQUESTED),
        "cancel_approve": Step((_S.CANCEL_REQUESTED,), _S.CANCELLED),
        "cancel_refuse": Step((_S.CANCEL_REQUESTED,), _S.APPROVED),
        "roster": Step((_S.APPROVED,), _S.APPROVED),
        "change": Step((_S.APPROVED,), _S.APPROVED),
        "change_approve": Step((_S.APPROVED,), _S.APPROVED),
        "change_reject": Step((_S.APPROVED,), _S.APPROVED),
        "change_withdraw": Step((_S.APPROVED,), _S.APPROVED),
        "completion_submit": Step((_S.APPROVED, _S.COMPLETION_RETURNED), _S.COMPLETION_SUBMITTED),
        "completion_approve": Step((_S.COMPLETION_SUBMITTED,), _S.COMPLETION_APPROVED),
        "completion_return": Step((_S.COMPLETION_SUBMITTED,), _S.COMPLETION_RETURNED),
        "scores": Step((_S.COMPLETION_APPROVED,), _S.SCORED),
        "correct_scores": Step((_S.SCORED,), _S.SCORED),
        "claim": Step((_S.SCORED,), _S.CLAIMED),
        "close": Step((_S.CLAIMED,), _S.CLOSED),
        "lapse": Step((_S.SCORED,), _S.CLOSED),
    },
)
NOT_YET_APPROVED = (_S.DRAFT, _S.SUBMITTED, _S.RETURNED)
TAUGHT = (_S.APPROVED, _S.CANCEL_REQUESTED)
"""States in which lessons are held: one whose cancellation is applied for goes on until that is decided."""
RUNNING = (*TAUGHT, _S.COMPLETION_SUBMITTED, _S.COMPLETION_RETURNED)
"""States in which evidence of lessons is gathered."""
WITHDRAWABLE = (*RUNNING, _S.COMPLETION_APPROVED)
OCCUPYING = (_S.SUBMITTED, *RUNNING)
"""States in which a class holds its trainers and rooms against others."""

STEPS_OF: Mapping[str, tuple[str, ...]] = {
    "edit": ("edit", "revise"),
    "cancel": ("cancel", "cancel_request"),
    "scores": ("scores", "correct_scores"),
    "close": ("lapse",),
}
"""Actions that are other steps of the table than they are called, and one endpoint each."""

DECISIONS = (
    "approve",
    "return",
    "cancel_approve",
    "cancel_refuse",
    "change_approve",
    "change_reject",
    "completion_approve",
    "completion_return",
    "close",
)
"""What a bureau decides; nobody does on a class in which they had a hand."""
NOT_WHILE_SUSPENDED = ("submit", "approve", "change")
"""What waits until the institution is reinstated; what runs already is brought to its end."""


# --------------------------------------------------------------------------- the parts of a class


class Site(msgspec.Struct, frozen=True, kw_only=True):
    """A place of training, or one room of it; `radius_m` narrows the policy's geofence."""

    name: str
    address: str
    location: Location
    radius_m: int | None = None
    room: str | None = None


class Trainer(msgspec.Struct, frozen=True, kw_only=True):
    """A trainer: name and number are masks, `person_key` finds the same person in other classes."""

    name: str
    id_number: str
    person_key: str
    qualification: str
    sealed: str


class Lesson(msgspec.Struct, frozen=True, kw_only=True):
    """One dated meeting (课次): `hours` are lesson hours, `trainer` an index into the class's trainers."""

    id: LessonId
    starts_at: datetime
    ends_at: datetime
    hours: int
    topic: str
    trainer: int
    site: Site | None = None


class ClassFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What stands in a class's head and is shown of the whole class.

    `policy_version` is the newest at submission until approval pins it, and with it `project_version`: by
    these the class is judged and paid, whatever changes later. `applied_at` is when completion was applied
    for. `returned_version` is the version at which it was last returned. `also_prepared_by` are those who had
    a hand in it on the institution's side and whom no other field names (see `prepared_by`). `trainees` are
    those on its roster, where it was read with the head: they are stored in it alone.
    """

    id: ClassId
    institution: Uscc
    division: str
    program_id: ProgramId
    project_id: ProjectId
    name: str
    planned_size: int
    status: ClassStatus
    policy_version: int
    project_version: int | None = None
    created_at: datetime
    opens_at: datetime
    ends_at: datetime
    passed: int = 0
    failed: int = 0
    submitted_by: str | None = None
    submitted_at: datetime | None = None
    approved_by: str | None = None
    approved_at: datetime | None = None
    return_reason: str | None = None
    returned_version: int | None = None
    cancel_reason: str | None = None
    open_change: str | None = None
    change_by: str | None = None
    change_count: int = 0
    completion_submitted_by: str | None = None
    applied_at: datetime | None = None
    completion_approved_by: str | None = None
    completion_approved_at: datetime | None = None
    scored_by: str | None = None
    scored_at: datetime | None = None
    also_prepared_by: list[str] = []
    trainees: list[str] = []
    version: int = 1
    last_change: Change | None = None


class ClassHead(ClassFacts, frozen=True, kw_only=True):
    """What decisions change: small, so that one costs one write unit.

    `city` groups the classes that a city's bureau sees. `claim_city` and `claim_by` stand only on a scored
    class whose subsidy is not claimed: whose it is and the last day of claiming, so that its vouchers do not
    stay redeemed for ever. `queue` is the list in which it waits, `queued_at` since when somebody has to act
    (`kernel.clocks`): for an approved class that is the end of its last lesson.
    """

    city: str
    part: str = "head"
    lesson_count: int = 0
    lesson_hours: int = 0
    enrolled: int = 0
    plan_digest: str | None = None
    roster_digest: str | None = None
    claim_city: str | None = None
    claim_by: date | None = None
    queue: str | None = None
    queued_at: datetime | None = None


class ClassPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What is applied for: where, by whom and when a class is taught.

    What the head lists stands here again, so that one version of an application is whole in itself.
    `lesson_numbers` is the highest number a lesson ever had: a dropped lesson's id is not given again.
    """

    id: ClassId
    division: str
    site: Site
    trainers: list[Trainer]
    lessons: list[Lesson]
    part: str = "plan"
    program_id: str = ""
    project_id: str = ""
    name: str = ""
    planned_size: int = 0
    lesson_numbers: int = 0
    version: int = 1
    last_change: Change | None = None


class ClassRoster(msgspec.Struct, frozen=True, kw_only=True):
    """Who is taught: the enrolment of each person."""

    id: ClassId
    division: str
    roster: dict[str, str]
    part: str = "roster"
    version: int = 1
    last_change: Change | None = None


class ChangeStatus(StrEnum):
    """Where an application for a change is."""

    SUBMITTED = "submitted"
    APPROVED = "approved"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


class FieldChange(msgspec.Struct, frozen=True, kw_only=True):
    """One field that differs between two versions of a plan; None where it did not, or does not exist."""

    field: str
    before: Any
    after: Any


class ClassChange(msgspec.Struct, frozen=True, kw_only=True):
    """An application to change a running class: how its plan shall be, and in which fields that differs.

    `part` names it within the class: `change#0001` is the first.
    """

    id: ClassId
    part: str
    division: str
    status: ChangeStatus
    reason: str
    site: Site
    trainers: list[Trainer]
    lessons: list[Lesson]
    lesson_numbers: int
    changes: list[FieldChange]
    submitted_by: str
    submitted_at: datetime
    decided_by: str | None = None
    decided_at: datetime | None = None
    decision_reason: str | None = None
    queue: str | None = None
    queued_at: datetime | None = None
    version: int = 1
    last_change: Change | None = None

    @property
    def change_id(self) -> str:
        """Give the id by which clients know it."""
        return change_id_of(self.id, self.part)


# --------------------------------------------------------------------------- the whole class


class TrainingClass(ClassFacts, frozen=True, kw_only=True):
    """A class, whole. `policy` is pinned at approval; before that it is the program's newest.

    `roster` gives the enrolment id of each rostered person's key.
    """

    site: Site
    trainers: list[Trainer]
    lessons: list[Lesson]
    policy: Policy
    roster: dict[str, str] = {}

    @property
    def enrolled(self) -> int:
        """Count the trainees on the roster."""
        return len(self.roster)

    @property
    def enrolment_ids(self) -> list[str]:
        """List the enrolments on the roster, in the order of the roster."""
        return list(self.roster.values())

    @property
    def lesson_hours(self) -> int:
        """Sum the lesson hours (课时) of the timetable."""
        return sum(lesson.hours for lesson in self.lessons)

    def lesson(self, lesson_id: str) -> Lesson | None:
        """Give one lesson of this class."""
        return next((lesson for lesson in self.lessons if lesson.id == lesson_id), None)

    def site_of(self, lesson: Lesson) -> Site:
        """Give the place of a lesson: its own, or the class's."""
        return lesson.site or self.site

    def as_planned(self, plan: ClassPlan | ClassChange) -> "TrainingClass":
        """Give the class as it would be under this plan."""
        return msgspec.structs.replace(
            self,
            site=plan.site,
            trainers=plan.trainers,
            lessons=plan.lessons,
            opens_at=min(lesson.starts_at for lesson in plan.lessons),
            ends_at=last_lesson_ends_at(plan.lessons),
        )


def lesson_id_of(class_id: str, number: int) -> LessonId:
    """Give the id of a class's n-th lesson."""
    return LessonId(part_id("les", class_id, f"{number:02d}"))


def change_id_of(class_id: str, part: str) -> str:
    """Give the id of the change that a part of a class holds."""
    return part_id("chg", class_id, part.partition("#")[2])


def class_id_of(lesson_id: str) -> ClassId:
    """Give the id of a lesson's class, or an id that no class has."""
    return ClassId(whole_of("cls", lesson_id)[0])


def last_lesson_ends_at(lessons: Sequence[Lesson]) -> datetime:
    """Tell when the last lesson ends."""
    return max(lesson.ends_at for lesson in lessons)


def has_begun(lesson: Lesson, policy: Policy, now: datetime) -> bool:
    """Tell whether a lesson's check-in has opened: from then on nothing about it changes."""
    return now >= lesson.starts_at - timedelta(minutes=policy.check_in_opens_minutes_before)


# --------------------------------------------------------------------------- whose work it is


def prepared_by(training_class: ClassFacts) -> set[str]:
    """Give everybody who had a hand in a class, in whatever role they are now, and who is taught in it.

    None of them decides on it, its changes, or the money for it (invariant 5).
    """
    return _prepared(training_class) | _trainees(training_class)


def _trainees(training_class: ClassFacts) -> set[str]:
    roster = training_class.roster if isinstance(training_class, TrainingClass) else ()
    return {*training_class.trainees, *roster}


def _prepared(training_class: ClassFacts) -> set[str]:
    named = (
        training_class.submitted_by,
        training_class.change_by,
        training_class.completion_submitted_by,
        training_class.scored_by,
    )
    return {*training_class.also_prepared_by, *(actor for actor in named if actor is not None)}


def also_prepared(training_class: ClassFacts, actor: str, **named: str) -> list[str]:
    """List who is to be kept in `also_prepared_by` once `actor` did something that sets these fields.

    Who stands in a field of their own is not kept twice: a decision on a head has to stay one write unit.
    """
    after = msgspec.structs.replace(training_class, **named)
    own_field = {after.submitted_by, after.completion_submitted_by, after.scored_by}
    return sorted((_prepared(training_class) | {actor}) - own_field)


def own_work(training_class: ClassFacts, hands: Hands) -> DomainError | None:
    """Tell against somebody that they had a hand in a class on which they would decide, or are taught in it.

    The truth in the write is the condition `store.not_own_work`; of trainees, the version a roster changes.
    """
    return None if hands.isdisjoint(prepared_by(training_class)) else error("self_approval")


# --------------------------------------------------------------------------- what may be done


def sources_of(action: str) -> tuple[ClassStatus, ...]:
    """List the states in which an action is lawful."""
    steps = STEPS_OF.get(action, (action,))
    return tuple(source for step in steps for source in CLASS_TRANSITIONS.sources(step))


def why_not(
    action: str,
    training_class: TrainingClass | ClassHead,
    *,
    hands: Hands,
    now: datetime,
    suspended: bool = False,
    version: int | None = None,
    undecided: Sequence[OpenDecision] = (),
) -> DomainError | None:
    """Tell what stands against an action on a class now; None if nothing does.

    Use cases refuse by it, with the `version` their caller saw; what is offered is what it lets pass.
    `suspended` is whether its institution is now; `undecided` is what waits for a decision in the class's
    evidence, where somebody has looked. What the plan's rules (told as `warnings` before) or a sheet's rows
    stand against is told when tried. `store.head_update` is the truth: the write's condition.

    An example: a class is approved, its last lesson ends on 18 September at 17:00, nobody applied for a
    change. On the 10th `change`, `roster` and `cancel` are offered to the institution; `completion_submit`
    is refused (`lessons_open`). On the 18th at 17:00 it is the other way round: `completion_submit` is
    offered, if anybody is on the roster (else `roster_empty`), and `change` is refused (`lesson_begun`).
    """
    if version is not None and training_class.version != version:
        return error("version_conflict", version=training_class.version)
    if training_class.status not in sources_of(action):
        return _wrong_state(action, training_class)
    if suspended and action in NOT_WHILE_SUSPENDED:
        return error("institution_suspended")
    refusal = next(_reasons_against(action, training_class, hands=hands, now=now), None)
    if refusal is None and action in ("completion_submit", "completion_approve"):
        return open_below(Stage.COMPLETION, [*_change_waiting(training_class), *undecided])
    return refusal


def _change_waiting(training_class: ClassFacts) -> list[OpenDecision]:
    part = training_class.open_change
    return [] if part is None else [OpenDecision(Undecided.CHANGE, change_id_of(training_class.id, part))]


def _wrong_state(action: str, training_class: TrainingClass | ClassHead) -> DomainError:
    status = training_class.status
    if action == "scores" and status in (_S.COMPLETION_SUBMITTED, _S.COMPLETION_RETURNED):
        below = [OpenDecision(Undecided.COMPLETION, training_class.id)]
        return open_below(Stage.MARKS, below) or error("wrong_state", status=status.value)
    if action == "roster":
        return error("class_not_approved") if status in NOT_YET_APPROVED else error("roster_closed")
    if action == "scores" and status in (ClassStatus.CLAIMED, ClassStatus.CLOSED):
        return error("scores_closed")
    return error("wrong_state", status=status.value)


def _reasons_against(
    action: str, training_class: TrainingClass | ClassHead, *, hands: Hands, now: datetime
) -> Iterator[DomainError]:
    """Go through what stands against an action in its state, in the order in which it is told."""
    match action:
        case "change":
            if training_class.open_change is not None:
                yield error("change_open")
            if training_class.ends_at <= now:
                yield error("lesson_begun", lesson_id=_last_lesson_id(training_class))
        case "change_approve" | "change_reject" | "change_withdraw":
            if training_class.open_change is None:
                yield error("wrong_state", status=training_class.status.value)
        case "completion_submit":
            if training_class.ends_at > now:
                yield error("lessons_open", ends_at=format_moment(training_class.ends_at))
            if training_class.enrolled == 0:
                yield error("roster_empty")
    whose = prepared_by if action in DECISIONS else _trainees if action == "scores" else None
    if whose is not None and not hands.isdisjoint(whose(training_class)):
        yield error("self_approval")


def _last_lesson_id(training_class: TrainingClass | ClassHead) -> LessonId:
    if isinstance(training_class, TrainingClass):
        return max(training_class.lessons, key=lambda lesson: lesson.ends_at).id
    return lesson_id_of(training_class.id, training_class.lesson_count)
