"""A class (班): a run of a project with a timetable and a roster; its states and its rules.

Lessons live inside the class: a lesson's id names its class, so no look-up is needed between them.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

import msgspec

from chalicelib.catalogue.model import Institution, InstitutionStatus, Location, Project, teaches
from chalicelib.kernel.calendar import shanghai_date
from chalicelib.kernel.errors import Fact
from chalicelib.kernel.geo import distance_m
from chalicelib.kernel.ids import ClassId, LessonId, ProgramId, ProjectId, Uscc, part_id, whole_of
from chalicelib.kernel.principal import Change
from chalicelib.kernel.transitions import Step, Transitions
from chalicelib.programs.model import Policy

LESSONS_MAX = 120
TRAINERS_MAX = 20
ROSTER_MAX = 90
SAME_ROOM_M = 20.0


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
        "completion_submit": Step((_S.APPROVED, _S.COMPLETION_RETURNED), _S.COMPLETION_SUBMITTED),
        "completion_approve": Step((_S.COMPLETION_SUBMITTED,), _S.COMPLETION_APPROVED),
        "completion_return": Step((_S.COMPLETION_SUBMITTED,), _S.COMPLETION_RETURNED),
        "scores": Step((_S.COMPLETION_APPROVED,), _S.SCORED),
        "correct_scores": Step((_S.SCORED,), _S.SCORED),
        "claim": Step((_S.SCORED,), _S.CLAIMED),
        "close": Step((_S.CLAIMED,), _S.CLOSED),
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
    "completion_submit": "completion.submit",
    "completion_approve": "completion.approve",
    "completion_return": "completion.return",
    "scores": "scores.write",
}


class Site(msgspec.Struct, frozen=True, kw_only=True):
    """A place of training; `radius_m` overrides the policy's geofence."""

    name: str
    address: str
    location: Location
    radius_m: int | None = None


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

    `city` groups the classes that a city's bureau sees; the digests let an audit of the head tell that
    the plan or the roster beside it changed. `policy_version` is the newest at submission until approval
    pins it.
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
    completion_submitted_by: str | None = None
    completion_approved_by: str | None = None
    completion_approved_at: datetime | None = None
    scored_by: str | None = None
    scored_at: datetime | None = None
    version: int = 1
    last_change: Change | None = None


class ClassPlan(msgspec.Struct, frozen=True, kw_only=True):
    """Where, by whom and when a class is taught."""

    id: ClassId
    division: str
    site: Site
    trainers: list[Trainer]
    lessons: list[Lesson]
    part: str = "plan"
    version: int = 1


class ClassRoster(msgspec.Struct, frozen=True, kw_only=True):
    """Who is taught: the enrolment of each person."""

    id: ClassId
    division: str
    roster: dict[str, str]
    part: str = "roster"
    version: int = 1


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
    completion_submitted_by: str | None = None
    completion_approved_by: str | None = None
    completion_approved_at: datetime | None = None
    scored_by: str | None = None
    scored_at: datetime | None = None
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


# --------------------------------------------------------------------------- rules of the plan


@dataclass(frozen=True)
class Breach:
    """One rule that a plan breaks: its code and the facts of its sentence."""

    code: str
    facts: Mapping[str, Fact]

    @property
    def refuses(self) -> bool:
        """Tell whether a class with this breach cannot be submitted; else the clerk only sees it."""
        return self.code not in WARNINGS_ONLY


WARNINGS_ONLY = frozenset({"hours_too_long", "project_hours_unmet", "trainer_or_room_overlap"})


def breaches_of(
    training_class: TrainingClass,
    *,
    institution: Institution,
    project: Project,
    policy: Policy,
    now: datetime,
) -> list[Breach]:
    """List every rule the plan breaks if it were filed now (step 6 of the notice; policy table)."""
    found = []
    if institution.status is InstitutionStatus.SUSPENDED:
        found.append(Breach("institution_suspended", {}))
    if not teaches(institution, project, training_class.program_id):
        found.append(Breach("project_not_covered", {}))
    size = training_class.planned_size
    if not policy.class_size_min <= size <= policy.class_size_max:
        limits = {"minimum": policy.class_size_min, "maximum": policy.class_size_max}
        found.append(Breach("class_size", {"planned_size": size, **limits}))
    found += _timetable_breaches(training_class.lessons, policy, project_hours=project.hours)
    opening = shanghai_date(training_class.opens_at)
    if (opening - shanghai_date(now)).days < policy.file_before_opening_days:
        days = policy.file_before_opening_days
        found.append(
            Breach("filed_too_late", {"file_before_opening_days": days, "opens_on": opening.isoformat()})
        )
    return found


def _timetable_breaches(lessons: Sequence[Lesson], policy: Policy, *, project_hours: int) -> list[Breach]:
    found = []
    hours = sum(lesson.hours for lesson in lessons)
    if hours < policy.class_hours_min:
        found.append(Breach("hours_too_few", {"hours": hours, "minimum": policy.class_hours_min}))
    by_day: dict[date, int] = defaultdict(int)
    for lesson in lessons:
        by_day[shanghai_date(lesson.starts_at)] += lesson.hours
    for day, total in sorted(by_day.items()):
        if total > policy.hours_per_day_max:
            maximum = policy.hours_per_day_max
            found.append(
                Breach("hours_per_day", {"day": day.isoformat(), "hours": total, "maximum": maximum})
            )
    for lesson in lessons:
        if lesson.ends_at - lesson.starts_at < timedelta(minutes=lesson.hours * policy.lesson_hour_minutes):
            facts: dict[str, Fact] = {
                "day": shanghai_date(lesson.starts_at).isoformat(),
                "hours": lesson.hours,
                "lesson_hour_minutes": policy.lesson_hour_minutes,
            }
            found.append(Breach("hours_too_long", facts))
    found += [Breach("lessons_overlap", {"day": day.isoformat()}) for day in _days_of_overlap(lessons)]
    if hours < project_hours:
        found.append(Breach("project_hours_unmet", {"hours": hours, "minimum": project_hours}))
    return found


def _days_of_overlap(lessons: Sequence[Lesson]) -> list[date]:
    """List the days on which two lessons of the class overlap; touching ends do not."""
    days = []
    busy_until: datetime | None = None
    for lesson in sorted(lessons, key=lambda one: one.starts_at):
        if busy_until is not None and lesson.starts_at < busy_until:
            days.append(shanghai_date(lesson.starts_at))
        busy_until = lesson.ends_at if busy_until is None else max(busy_until, lesson.ends_at)
    return sorted(set(days))


def overlap_breaches(plan: TrainingClass, others: Iterable[ClassPlan]) -> list[Breach]:
    """List the days on which a trainer or room of this class is taken by another class."""
    mine_on: dict[date, list[Lesson]] = defaultdict(list)
    for lesson in plan.lessons:
        for day in {shanghai_date(lesson.starts_at), shanghai_date(lesson.ends_at)}:
            mine_on[day].append(lesson)
    days = {
        shanghai_date(mine.starts_at)
        for other in others
        for theirs in other.lessons
        for day in {shanghai_date(theirs.starts_at), shanghai_date(theirs.ends_at)}
        for mine in mine_on.get(day, ())
        if mine.starts_at < theirs.ends_at
        and theirs.starts_at < mine.ends_at
        and (
            plan.trainers[mine.trainer].person_key == other.trainers[theirs.trainer].person_key
            or _same_room(plan.site_of(mine), theirs.site or other.site)
        )
    }
    return [Breach("trainer_or_room_overlap", {"day": day.isoformat()}) for day in sorted(days)]


def _same_room(one: Site, other: Site) -> bool:
    if one.name.strip() != other.name.strip():
        return False
    return distance_m(one.location.point, other.location.point) <= SAME_ROOM_M


# --------------------------------------------------------------------------- rules of the end


def last_lesson_ends_at(lessons: Sequence[Lesson]) -> datetime:
    """Tell when the last lesson ends."""
    return max(lesson.ends_at for lesson in lessons)


def has_passed(*, theory: int, practice: int, policy: Policy) -> bool:
    """Tell whether marks pass: theory and practice each (policy `pass_mark`)."""
    return min(theory, practice) >= policy.pass_mark


def possible_now(status: ClassStatus, *, ends_at: datetime, enrolled: int, now: datetime) -> list[str]:
    """List what may be done with a class in its state, whoever asks, as clients know it."""
    steps = (SHOWN_ACTION.get(step, step) for step in CLASS_TRANSITIONS.allowed(status))
    may_complete = ends_at <= now and enrolled > 0
    return [step for step in steps if step in ACTION_RIGHTS and (may_complete or step != "completion_submit")]
