"""The attendance computed from check-ins, decisions on them, make-ups and footage.

Attendance is never stored and never edited: it is computed from the records each time it is asked for.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

import msgspec

from chalicelib.attendance.check_ins.model import CheckIn, Kind, Punctuality, Verdict, slot_of, window_of
from chalicelib.attendance.footage.model import Interval, Segment, coverage_of, covered, gaps, seconds_of
from chalicelib.attendance.make_ups.model import MakeUp, MakeUpKind, MakeUpStatus, hours_max
from chalicelib.attendance.roll_calls.model import RollCall
from chalicelib.classes.model import Lesson, TrainingClass
from chalicelib.kernel.shares import share_of


class Mark(StrEnum):
    """What a trainee's lesson came to."""

    PRESENT = "present"
    LATE = "late"
    LEFT_EARLY = "left_early"
    ABSENT = "absent"
    EXCUSED = "excused"
    MADE_UP = "made_up"
    NEEDS_REVIEW = "needs_review"


@dataclass(frozen=True)
class Records:
    """Everything that a class's attendance is computed from; `calls` are the roll-calls of each lesson."""

    check_ins: Mapping[str, CheckIn]
    make_ups: Mapping[str, MakeUp]
    segments: Sequence[Segment]
    calls: Mapping[str, Sequence[RollCall]]


class LessonSummary(msgspec.Struct, frozen=True, kw_only=True):
    """One lesson: `hours` are lesson hours (课时), `coverage` the share that footage shows, `gaps` not.

    `counts` tells how many trainees have each mark.
    """

    lesson_id: str
    starts_at: datetime
    ends_at: datetime
    hours: int
    coverage: Decimal
    footage_seconds: int
    gaps: list[Interval]
    counts: dict[Mark, int]


class TraineeAttendance(msgspec.Struct, frozen=True, kw_only=True):
    """One trainee: lesson hours attended, those of the whole timetable, their quotient, each lesson's mark.

    `made_up_hours` are those among `hours` that the bureau granted. `holds` lists what a supervisor has to
    look at before money flows (`mock_location`).
    """

    enrolment_id: str
    hours: int
    required_hours: int
    share: Decimal
    marks: dict[str, Mark]
    holds: list[str]
    made_up_hours: int = 0


class AttendanceSummary(msgspec.Struct, frozen=True, kw_only=True):
    """The attendance of a class."""

    lessons: list[LessonSummary]
    trainees: list[TraineeAttendance]


def records_of(
    check_ins: Iterable[CheckIn],
    make_ups: Iterable[MakeUp],
    segments: Sequence[Segment],
    calls: Mapping[str, Sequence[RollCall]],
) -> Records:
    """Order what was read by the place of a person at a lesson."""
    return Records({one.slot: one for one in check_ins}, by_slot(make_ups), segments, calls)


def by_slot(make_ups: Iterable[MakeUp]) -> dict[str, MakeUp]:
    """Order what was asked for by the place of a person at a lesson."""
    return {one.slot: one for one in make_ups}


def is_lesson_missed(training_class: TrainingClass, records: Records) -> bool:
    """Tell whether anyone's check-ins leave a lesson that does not count: only there a make-up applies."""
    return any(
        not counts(_shown_by_check_ins(training_class, lesson, person_key, records, None), training_class)
        for person_key in training_class.roster
        for lesson in training_class.lessons
    )


def summarise(
    training_class: TrainingClass, records: Records, *, now: datetime | None = None
) -> AttendanceSummary:
    """Compute a class's attendance from its records.

    `share` is of the lesson hours of the whole timetable, so it grows until the last lesson. With `now`,
    lessons whose check-in has not closed have no mark yet, unless the trainee is there already.
    """
    trainees = [
        _trainee(training_class, person_key, enrolment_id, records, now)
        for person_key, enrolment_id in training_class.roster.items()
    ]
    filmed: dict[str, list[Segment]] = defaultdict(list)
    for segment in records.segments:
        filmed[segment.lesson_id].append(segment)
    return AttendanceSummary(
        lessons=[
            _lesson_summary(
                lesson,
                filmed[lesson.id],
                Counter(one.marks[lesson.id] for one in trainees if lesson.id in one.marks),
            )
            for lesson in training_class.lessons
        ],
        trainees=trainees,
    )


def _lesson_summary(lesson: Lesson, segments: Sequence[Segment], counts: Counter[Mark]) -> LessonSummary:
    shown = covered(lesson, segments)
    return LessonSummary(
        lesson_id=lesson.id,
        starts_at=lesson.starts_at,
        ends_at=lesson.ends_at,
        hours=lesson.hours,
        coverage=coverage_of(lesson, shown),
        footage_seconds=seconds_of(shown),
        gaps=gaps(lesson, shown),
        counts={mark: counts[mark] for mark in Mark},
    )


def _trainee(
    training_class: TrainingClass,
    person_key: str,
    enrolment_id: str,
    records: Records,
    now: datetime | None,
) -> TraineeAttendance:
    marks: dict[str, Mark] = {}
    attended = made_up = 0
    mocked = False
    for lesson in training_class.lessons:
        came = records.check_ins.get(slot_of(lesson.id, person_key))
        mocked = mocked or (came is not None and any(one.place.mocked for one in came.proofs.values()))
        mark = mark_of(training_class, lesson, person_key, records, now=now)
        if mark is None:
            continue
        marks[lesson.id] = mark
        if mark is Mark.MADE_UP:
            made_up += lesson.hours
        elif counts(mark, training_class):
            attended += lesson.hours
    required = training_class.lesson_hours
    # Two requests granted at the same moment may exceed what the policy lets be made up: the rest is void.
    made_up = min(made_up, hours_max(training_class))
    return TraineeAttendance(
        enrolment_id=enrolment_id,
        hours=attended + made_up,
        required_hours=required,
        share=share_of(attended + made_up, required),
        marks=marks,
        holds=["mock_location"] if mocked else [],
        made_up_hours=made_up,
    )


def mark_of(
    training_class: TrainingClass,
    lesson: Lesson,
    person_key: str,
    records: Records,
    *,
    now: datetime | None,
) -> Mark | None:
    """Tell what a trainee's records make of a lesson; None while nothing is and it is not over.

    What the bureau granted applies where the check-ins alone do not count.
    """
    slot = slot_of(lesson.id, person_key)
    mark = _shown_by_check_ins(training_class, lesson, person_key, records, now)
    granted = records.make_ups.get(slot)
    if granted is None or granted.status is not MakeUpStatus.APPROVED or counts(mark, training_class):
        return mark
    return Mark.EXCUSED if granted.kind is MakeUpKind.EXCUSE else Mark.MADE_UP


def _shown_by_check_ins(
    training_class: TrainingClass, lesson: Lesson, person_key: str, records: Records, now: datetime | None
) -> Mark | None:
    came = records.check_ins.get(slot_of(lesson.id, person_key))
    verdict = came.verdict_on(Kind.IN) if came is not None else Verdict.REJECTED
    if came is None or verdict is Verdict.REJECTED:
        over = now is None or now > window_of(Kind.IN, training_class, lesson)[1]
        return Mark.ABSENT if over else None
    if verdict is None:
        return Mark.NEEDS_REVIEW
    stayed = [_checked_out(training_class, lesson, came, now)]
    for call in records.calls.get(lesson.id, ()):
        answer = records.check_ins.get(slot_of(lesson.id, person_key, call=call.number))
        closed = now is None or now > call.closes_at
        missing = Verdict.REJECTED if closed else Verdict.ACCEPTED
        stayed.append(answer.verdict_on(Kind.ROLL_CALL) if answer is not None else missing)
    if Verdict.REJECTED in stayed:
        return Mark.LEFT_EARLY
    if None in stayed:
        return Mark.NEEDS_REVIEW
    return Mark.LATE if came.came.status is Punctuality.LATE else Mark.PRESENT


def _checked_out(
    training_class: TrainingClass, lesson: Lesson, came: CheckIn, now: datetime | None
) -> Verdict | None:
    """Tell whether a trainee stayed to the end by their check-out; None while that needs review."""
    wanted = training_class.policy.check_out_required
    over = now is None or now > window_of(Kind.OUT, training_class, lesson)[1]
    if came.went is None:
        return Verdict.REJECTED if wanted and over else Verdict.ACCEPTED
    left_at = came.went.happened_at if came.went.late_uploaded else came.went.received_at
    if left_at < lesson.ends_at:
        return Verdict.REJECTED
    return came.verdict_on(Kind.OUT) if wanted else Verdict.ACCEPTED


def counts(mark: Mark | None, training_class: TrainingClass) -> bool:
    """Tell whether a lesson with this mark counts.

    Leaving early does, unless the policy wants proof that people stay: check-outs or roll-calls.
    """
    if mark is Mark.LEFT_EARLY:
        policy = training_class.policy
        return not policy.check_out_required and not policy.roll_calls_per_lesson
    return mark in (Mark.PRESENT, Mark.LATE, Mark.MADE_UP)
