"""Check-ins (打卡) and the attendance computed from them and from the footage.

Attendance is never stored: it is computed from the records each time it is asked for.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

import msgspec

from chalicelib.attendance.footage_model import Interval, Segment, coverage_of, covered, gaps, seconds_of
from chalicelib.classes.model import ClassStatus, Lesson, TrainingClass
from chalicelib.kernel.calendar import format_moment
from chalicelib.kernel.errors import Fact
from chalicelib.kernel.geo import CoordSystem, Point, distance_m
from chalicelib.kernel.ids import ClassId, LessonId, PersonKey, part_id, whole_of
from chalicelib.kernel.principal import Change
from chalicelib.kernel.reasons import first_of
from chalicelib.kernel.shares import share_of

ACCURACY_MAX_M = 1000.0


class Kind(StrEnum):
    """Coming or going."""

    IN = "in"
    OUT = "out"


class Outcome(StrEnum):
    """Whether a check-in counts as it is, or only once somebody looked at it."""

    ACCEPTED = "accepted"
    NEEDS_REVIEW = "needs_review"


class Punctuality(StrEnum):
    """How a trainee came; late counts as present."""

    PRESENT = "present"
    LATE = "late"


class Mark(StrEnum):
    """What a trainee's lesson came to."""

    PRESENT = "present"
    LATE = "late"
    LEFT_EARLY = "left_early"
    ABSENT = "absent"
    EXCUSED = "excused"
    MADE_UP = "made_up"
    NEEDS_REVIEW = "needs_review"


# --------------------------------------------------------------------------- check-ins


class Place(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where a device says it is, and how far that may be off."""

    lng: float
    lat: float
    accuracy_m: float
    coord_system: CoordSystem
    mocked: bool = False

    @property
    def point(self) -> Point:
        """Give the point."""
        return Point(self.lng, self.lat, self.coord_system)


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """One tap on the button: `happened_at` is the device's clock and decides nothing."""

    kind: Kind
    place: Place
    device_id: str
    nonce: str
    happened_at: datetime


class Proof(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An accepted attempt: what was sent, what it was judged to be, both clocks.

    `forwarded_by` names who sent it for the trainee, if it was not their own device.
    """

    place: Place
    device_id: str
    nonce: str
    happened_at: datetime
    received_at: datetime
    outcome: Outcome
    status: Punctuality
    distance_m: float
    forwarded_by: str | None = None


class CheckIn(msgspec.Struct, frozen=True, kw_only=True):
    """One trainee's coming to one lesson, and their going if they checked out.

    The key `class_id`, `slot` allows one coming and one going of a person at a lesson, and lets one query
    read a whole class. Everything fits one write unit, so what the key tells is not stored again.
    """

    class_id: ClassId
    slot: str
    enrolment_id: str
    came: Proof
    went: Proof | None = None
    version: int = 1
    last_change: Change | None = None

    @property
    def lesson_id(self) -> LessonId:
        """Give the lesson."""
        return LessonId(part_id("les", self.class_id, self.slot.partition("#")[0]))

    @property
    def person_key(self) -> PersonKey:
        """Give the trainee."""
        return PersonKey(self.slot.partition("#")[2])

    @property
    def id(self) -> str:
        """Give the id of this person's check-in at this lesson."""
        number, _, person_key = self.slot.partition("#")
        return part_id("chk", self.class_id, number + person_key.partition("_")[2])


class RefusedCheckIn(msgspec.Struct, frozen=True, kw_only=True):
    """A refused attempt: evidence, with the reason, the place, the device and both clocks."""

    lesson_id: str
    id: str
    class_id: str
    division: str
    code: str
    kind: Kind
    person_key: str
    place: Place
    device_id: str
    nonce: str
    happened_at: datetime
    received_at: datetime
    distance_m: float
    actor: str


def slot_of(lesson_id: str, person_key: str) -> str:
    """Give the place of a person's check-in at a lesson among those of the class."""
    return f"{whole_of('cls', lesson_id)[1]}#{person_key}"


@dataclass(frozen=True)
class Judgement:
    """What the rules say of an attempt; `code` is None if it is accepted."""

    code: str | None
    outcome: Outcome
    status: Punctuality
    distance_m: float
    facts: Mapping[str, Fact]


def judge(
    attempt: Attempt, training_class: TrainingClass, lesson: Lesson, *, person_key: str, now: datetime
) -> Judgement:
    """Decide an attempt by class, roster, window and place; the server's clock decides (step 8).

    Where several rules refuse, the earliest in the documented order is told.
    """
    policy = training_class.policy
    site = training_class.site_of(lesson)
    radius_m = site.radius_m if site.radius_m is not None else policy.geofence_radius_m
    allowed_m = radius_m + min(attempt.place.accuracy_m, policy.accuracy_allowance_m)
    away_m = distance_m(attempt.place.point, site.location.point)
    opens_at, closed_at = window_of(attempt.kind, training_class, lesson)
    refused_if = {
        "class_not_approved": training_class.approved_by is None
        or training_class.status is ClassStatus.CANCELLED,
        "not_on_roster": person_key not in training_class.roster,
        "lesson_not_open": now < opens_at,
        "lesson_closed": now > closed_at or training_class.status is not ClassStatus.APPROVED,
        "outside_site": away_m > allowed_m,
        "accuracy_too_low": attempt.place.accuracy_m > ACCURACY_MAX_M,
    }
    codes = [code for code, refused in refused_if.items() if refused]
    rough = attempt.place.accuracy_m > policy.accuracy_allowance_m
    return Judgement(
        code=first_of(codes) if codes else None,
        outcome=Outcome.NEEDS_REVIEW if rough else Outcome.ACCEPTED,
        status=Punctuality.LATE if now > lesson.starts_at else Punctuality.PRESENT,
        distance_m=round(away_m, 1),
        facts={
            "opens_at": format_moment(opens_at),
            "closed_at": format_moment(closed_at),
            "distance_m": round(away_m),
            "allowed_m": round(allowed_m),
            "accuracy_m": round(attempt.place.accuracy_m),
        },
    )


def window_of(kind: Kind, training_class: TrainingClass, lesson: Lesson) -> tuple[datetime, datetime]:
    """Tell from when to when one may check in, or out: out from the start until as long after the end."""
    policy = training_class.policy
    after = timedelta(minutes=policy.check_in_closes_minutes_after_start)
    if kind is Kind.OUT:
        return lesson.starts_at, lesson.ends_at + after
    return lesson.starts_at - timedelta(
        minutes=policy.check_in_opens_minutes_before
    ), lesson.starts_at + after


# --------------------------------------------------------------------------- attendance


class LessonSummary(msgspec.Struct, frozen=True, kw_only=True):
    """One lesson: `hours` are lesson hours (课时), `coverage` the share that footage shows, `gaps` not."""

    lesson_id: str
    starts_at: datetime
    ends_at: datetime
    hours: int
    coverage: Decimal
    footage_seconds: int
    gaps: list[Interval]


class TraineeAttendance(msgspec.Struct, frozen=True, kw_only=True):
    """One trainee: lesson hours attended, those of the whole timetable, their quotient, each lesson's mark.

    `holds` lists what a supervisor has to look at before money flows (`mock_location`).
    """

    enrolment_id: str
    hours: int
    required_hours: int
    share: Decimal
    marks: dict[str, Mark]
    holds: list[str]


class AttendanceSummary(msgspec.Struct, frozen=True, kw_only=True):
    """The attendance of a class."""

    lessons: list[LessonSummary]
    trainees: list[TraineeAttendance]


def summarise(
    training_class: TrainingClass,
    check_ins: Iterable[CheckIn],
    segments: Sequence[Segment],
    *,
    now: datetime | None = None,
) -> AttendanceSummary:
    """Compute a class's attendance from its records.

    `share` is of the lesson hours of the whole timetable, so it grows until the last lesson. With `now`,
    lessons whose check-in has not closed have no mark yet, unless the trainee is there already.
    """
    by_slot = {check_in.slot: check_in for check_in in check_ins}
    filmed: dict[str, list[Segment]] = defaultdict(list)
    for segment in segments:
        filmed[segment.lesson_id].append(segment)
    return AttendanceSummary(
        lessons=[_lesson_summary(lesson, filmed[lesson.id]) for lesson in training_class.lessons],
        trainees=[
            _trainee(training_class, person_key, enrolment_id, by_slot, now)
            for person_key, enrolment_id in training_class.roster.items()
        ],
    )


def _lesson_summary(lesson: Lesson, segments: Sequence[Segment]) -> LessonSummary:
    shown = covered(lesson, segments)
    return LessonSummary(
        lesson_id=lesson.id,
        starts_at=lesson.starts_at,
        ends_at=lesson.ends_at,
        hours=lesson.hours,
        coverage=coverage_of(lesson, shown),
        footage_seconds=seconds_of(shown),
        gaps=gaps(lesson, shown),
    )


def _trainee(
    training_class: TrainingClass,
    person_key: str,
    enrolment_id: str,
    by_slot: Mapping[str, CheckIn],
    now: datetime | None,
) -> TraineeAttendance:
    marks: dict[str, Mark] = {}
    hours = 0
    mocked = False
    for lesson in training_class.lessons:
        check_in = by_slot.get(slot_of(lesson.id, person_key))
        if check_in is None:
            if now is None or now > window_of(Kind.IN, training_class, lesson)[1]:
                marks[lesson.id] = Mark.ABSENT
            continue
        mocked = mocked or any(proof.place.mocked for proof in (check_in.came, check_in.went) if proof)
        mark = mark_of(check_in, training_class, lesson, now=now)
        marks[lesson.id] = mark
        if counts(mark, check_out_required=training_class.policy.check_out_required):
            hours += lesson.hours
    required = training_class.lesson_hours
    return TraineeAttendance(
        enrolment_id=enrolment_id,
        hours=hours,
        required_hours=required,
        share=share_of(hours, required),
        marks=marks,
        holds=["mock_location"] if mocked else [],
    )


def mark_of(
    check_in: CheckIn, training_class: TrainingClass, lesson: Lesson, *, now: datetime | None
) -> Mark:
    """Tell what a check-in makes of a lesson."""
    if check_in.came.outcome is Outcome.NEEDS_REVIEW:
        return Mark.NEEDS_REVIEW
    over = now is None or now > window_of(Kind.OUT, training_class, lesson)[1]
    missing_out = training_class.policy.check_out_required and check_in.went is None and over
    if missing_out or (check_in.went is not None and check_in.went.received_at < lesson.ends_at):
        return Mark.LEFT_EARLY
    return Mark.LATE if check_in.came.status is Punctuality.LATE else Mark.PRESENT


def counts(mark: Mark, *, check_out_required: bool) -> bool:
    """Tell whether a lesson with this mark counts; leaving early does unless the policy wants check-outs."""
    if mark is Mark.LEFT_EARLY:
        return not check_out_required
    return mark in (Mark.PRESENT, Mark.LATE, Mark.MADE_UP)
