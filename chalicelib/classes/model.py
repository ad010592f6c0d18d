"""A class (班): a run of a project with a timetable and a roster; its states.

The rules of a plan are in `plans/model.py`. Lessons live inside the class: a lesson's id names its class, so
no look-up is needed between them.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

import msgspec

from chalicelib.catalogue.institutions.model import Location
from chalicelib.kernel.calendar import add_months, shanghai_date
from chalicelib.kernel.ids import ClassId, LessonId, ProgramId, ProjectId, Uscc, part_id, whole_of
from chalicelib.kernel.principal import Change
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
RUNNING = (_S.APPROVED, _S.COMPLETION_SUBMITTED, _S.COMPLETION_RETURNED)
"""States in which the lessons' evidence is still being gathered."""
WITHDRAWABLE = (*RUNNING, _S.COMPLETION_APPROVED)
OCCUPYING = (_S.SUBMITTED, *RUNNING)
"""States in which a class holds its trainers and rooms against others."""

SHOWN_ACTION: Mapping[str, str] = {"revise": "edit", "correct_scores": "scores"}
"""Steps that clients know under the name of another: the endpoint is the same."""

ACTION_RIGHTS: Mapping[str, str] = {
    "edit": "class.write",
    "submit": "class.submit",
    "approve": "class.approve",
    "return": "class.return",
    "cancel": "class.cancel",
    "roster": "roster.write",
    "change": "class.change",
    "change_approve": "class.approve_change",
    "change_reject": "class.reject_change",
    "change_withdraw": "class.withdraw_change",
    "completion_submit": "completion.submit",
    "completion_approve": "completion.approve",
    "completion_return": "completion.return",
    "scores": "scores.write",
}
DECISIONS = (
    "approve",
    "return",
    "change_approve",
    "change_reject",
    "completion_approve",
    "completion_return",
)
"""What a bureau decides; nobody does on a class in which they had a hand."""


class Site(msgspec.Struct, frozen=True, kw_only=True):
    """A place of training, or one room of it; `radius_m` overrides the policy's geofence."""

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


class ClassHead(msgspec.Struct, frozen=True, kw_only=True):
    """What decisions change: small, so that one costs one write unit.

    `city` groups the classes that a city's bureau sees. `policy_version` is the newest at submission until
    approval pins it. `returned_version` is the version at which it was last returned. `also_prepared_by` are
    those who had a hand in it on the institution's side and whom no other field names (see `prepared_by`).
    `claim_city` and `claim_by` stand only on a scored class whose subsidy is not claimed: whose it is and the
    last day of claiming, so that its vouchers do not stay redeemed for ever.
    """

    id: ClassId
    institution: Uscc
    division: str
    city: str
    program_id: ProgramId
    project_id: ProjectId
    name: str
    planned_size: int
    status: ClassStatus
    policy_version: int
    created_at: datetime
    opens_at: datetime
    ends_at: datetime
    part: str = "head"
    lesson_count: int = 0
    lesson_hours: int = 0
    enrolled: int = 0
    passed: int = 0
    failed: int = 0
    plan_digest: str | None = None
    roster_digest: str | None = None
    submitted_by: str | None = None
    submitted_at: datetime | None = None
    approved_by: str | None = None
    approved_at: datetime | None = None
    return_reason: str | None = None
    returned_version: int | None = None
    open_change: str | None = None
    change_by: str | None = None
    change_count: int = 0
    completion_submitted_by: str | None = None
    completion_approved_by: str | None = None
    completion_approved_at: datetime | None = None
    scored_by: str | None = None
    scored_at: datetime | None = None
    also_prepared_by: list[str] = []
    claim_city: str | None = None
    claim_by: date | None = None
    version: int = 1
    last_change: Change | None = None


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


class Marks(msgspec.Struct, frozen=True, kw_only=True):
    """One trainee's marks, the share of the hours they attended, and whether they pass."""

    enrolment_id: str
    theory: int
    practice: int
    share: Decimal
    passed: bool


class ScoreSheet(msgspec.Struct, frozen=True, kw_only=True):
    """One recording of a class's marks; a correction is another one, with its reason."""

    id: ClassId
    part: str
    division: str
    scored_by: str
    scored_at: datetime
    marks: list[Marks]
    reason: str | None = None
    version: int = 1
    last_change: Change | None = None


class TrainingClass(msgspec.Struct, frozen=True, kw_only=True):
    """A class, whole. `policy` is pinned at approval; before that it is the program's newest.

    `roster` gives the enrolment id of each rostered person's key.
    """

    id: ClassId
    institution: Uscc
    division: str
    program_id: ProgramId
    project_id: ProjectId
    name: str
    planned_size: int
    site: Site
    trainers: list[Trainer]
    lessons: list[Lesson]
    status: ClassStatus
    policy: Policy
    policy_version: int
    created_at: datetime
    opens_at: datetime
    ends_at: datetime
    roster: dict[str, str] = {}
    passed: int = 0
    failed: int = 0
    submitted_by: str | None = None
    submitted_at: datetime | None = None
    approved_by: str | None = None
    approved_at: datetime | None = None
    return_reason: str | None = None
    returned_version: int | None = None
    open_change: str | None = None
    change_by: str | None = None
    change_count: int = 0
    completion_submitted_by: str | None = None
    completion_approved_by: str | None = None
    completion_approved_at: datetime | None = None
    scored_by: str | None = None
    scored_at: datetime | None = None
    also_prepared_by: list[str] = []
    version: int = 1
    last_change: Change | None = None

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


def lesson_id_of(class_id: str, number: int) -> LessonId:
    """Give the id of a class's n-th lesson."""
    return LessonId(part_id("les", class_id, f"{number:02d}"))


def class_id_of(lesson_id: str) -> ClassId:
    """Give the id of a lesson's class, or an id that no class has."""
    return ClassId(whole_of("cls", lesson_id)[0])


# --------------------------------------------------------------------------- whose work it is


def prepared_by(one: TrainingClass | ClassHead) -> set[str]:
    """Give everybody who had a hand in a class on the institution's side, in whatever role they are now.

    None of them decides on it, on its changes, or on the money for it (invariant 5).
    """
    named = (one.submitted_by, one.change_by, one.completion_submitted_by, one.scored_by)
    return {*one.also_prepared_by, *(who for who in named if who is not None)}


def also_prepared(one: TrainingClass | ClassHead, actor: str, **named: str) -> list[str]:
    """List who is to be kept in `also_prepared_by` once `actor` did something that sets these fields.

    Who stands in a field of their own is not kept twice: a decision on a head has to stay one write unit.
    """
    after = msgspec.structs.replace(one, **named)
    own_field = {after.submitted_by, after.completion_submitted_by, after.scored_by}
    return sorted((prepared_by(one) | {actor}) - own_field)


# --------------------------------------------------------------------------- rules of the end


def last_lesson_ends_at(lessons: Sequence[Lesson]) -> datetime:
    """Tell when the last lesson ends."""
    return max(lesson.ends_at for lesson in lessons)


def has_passed(*, theory: int, practice: int, policy: Policy, share: Decimal = Decimal(1)) -> bool:
    """Tell whether a trainee passes: theory and practice each reach `pass_mark`, and they were there.

    `share` is the share of the lesson hours attended, held against the policy's `attendance_min`.
    """
    return min(theory, practice) >= policy.pass_mark and share >= policy.attendance_min


def claim_deadline(completion_approved_at: datetime, policy: Policy) -> date:
    """Give the last day, inclusive, on which the subsidy of a class can be claimed for the first time."""
    return add_months(shanghai_date(completion_approved_at), policy.subsidy_claim_deadline_months)


def possible_now(
    status: ClassStatus, *, ends_at: datetime, enrolled: int, now: datetime, change_open: bool = False
) -> list[str]:
    """List what may be done with a class in its state, whoever asks, as clients know it."""
    barred = set()
    if ends_at > now or enrolled == 0:
        barred.add("completion_submit")
    if ends_at <= now:
        barred.add("change")
    barred |= {"change"} if change_open else {"change_approve", "change_reject", "change_withdraw"}
    steps = (SHOWN_ACTION.get(step, step) for step in CLASS_TRANSITIONS.allowed(status))
    return [step for step in steps if step in ACTION_RIGHTS and step not in barred]


def hours_share_over(lessons: Sequence[Lesson], now: datetime) -> Decimal:
    """Give the share of the lesson hours that are over: 0 before the first lesson ends, 1 after the last."""
    total = sum(lesson.hours for lesson in lessons)
    over = sum(lesson.hours for lesson in lessons if lesson.ends_at <= now)
    return Decimal(over) / Decimal(total) if total else Decimal(0)
