"""The attendance computed from check-ins, decisions on them, make-ups and footage.

Attendance is never stored and never edited: it is computed from the records each time it is asked for.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

import msgspec

from chalicelib.attendance.check_ins.model import CheckIn, slot_of
from chalicelib.attendance.footage.model import Interval, Segment, coverage_of, covered, gaps, seconds_of
from chalicelib.attendance.make_ups.model import MakeUp, MakeUpKind, MakeUpStatus, hours_max
from chalicelib.attendance.model import (
    AttendanceHold,
    AttendanceMark,
    PresenceRecords,
    counts,
    mark_by_check_ins,
)
from chalicelib.attendance.roll_calls.model import RollCall
from chalicelib.classes.model import Lesson, TrainingClass
from chalicelib.kernel.shares import share_of


@dataclass(frozen=True)
class AttendanceRecords(PresenceRecords):
    """Everything that a class's attendance is computed from."""

    make_ups: Mapping[str, MakeUp]
    segments: Sequence[Segment]


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
    counts: dict[AttendanceMark, int]


class TraineeAttendance(msgspec.Struct, frozen=True, kw_only=True):
    """One trainee: lesson hours attended, those of the whole timetable, their quotient, each lesson's mark.

    `made_up_hours` are those among `hours` that the bureau granted. `holds` lists what a supervisor has to
    look at before money flows (`mock_location`).
    """

    enrolment_id: str
    hours: int
    required_hours: int
    share: Decimal
    marks: dict[str, AttendanceMark]
    holds: list[AttendanceHold]
    made_up_hours: int


class AttendanceSummary(msgspec.Struct, frozen=True, kw_only=True):
    """The attendance of a class."""

    lessons: list[LessonSummary]
    trainees: list[TraineeAttendance]


def records_of(
    check_ins: Iterable[CheckIn],
    make_ups: Iterable[MakeUp],
    segments: Sequence[Segment],
    calls: Mapping[str, Sequence[RollCall]],
) -> AttendanceRecords:
    """Order what was read by the place of a person at a lesson."""
    return AttendanceRecords(
        check_ins={check_in.slot: check_in for check_in in check_ins},
        calls=calls,
        make_ups=by_slot(make_ups),
        segments=segments,
    )


def by_slot(make_ups: Iterable[MakeUp]) -> dict[str, MakeUp]:
    """Order what was asked for by the place of a person at a lesson."""
    return {make_up.slot: make_up for make_up in make_ups}


def is_lesson_missed(training_class: TrainingClass, records: AttendanceRecords) -> bool:
    """Tell whether anyone's check-ins leave a lesson that does not count: only there a make-up applies."""
    return any(
        not counts(mark_by_check_ins(training_class, lesson, person_key, records, now=None), training_class)
        for person_key in training_class.roster
        for lesson in training_class.lessons
    )


def summarise(
    training_class: TrainingClass, records: AttendanceRecords, *, now: datetime | None = None
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
                Counter(trainee.marks[lesson.id] for trainee in trainees if lesson.id in trainee.marks),
            )
            for lesson in training_class.lessons
        ],
        trainees=trainees,
    )


def _lesson_summary(
    lesson: Lesson, segments: Sequence[Segment], counts: Counter[AttendanceMark]
) -> LessonSummary:
    shown = covered(lesson, segments)
    return LessonSummary(
        lesson_id=lesson.id,
        starts_at=lesson.starts_at,
        ends_at=lesson.ends_at,
        hours=lesson.hours,
        coverage=coverage_of(lesson, shown),
        footage_seconds=seconds_of(shown),
        gaps=gaps(lesson, shown),
        counts={mark: counts[mark] for mark in AttendanceMark},
    )


def _trainee(
    training_class: TrainingClass,
    person_key: str,
    enrolment_id: str,
    records: AttendanceRecords,
    now: datetime | None,
) -> TraineeAttendance:
    marks: dict[str, AttendanceMark] = {}
    attended = made_up = 0
    mocked = False
    for lesson in training_class.lessons:
        came = records.check_ins.get(slot_of(lesson.id, person_key))
        mocked = mocked or (came is not None and any(proof.place.mocked for proof in came.proofs.values()))
        mark = mark_of(training_class, lesson, person_key, records, now=now)
        if mark is None:
            continue
        marks[lesson.id] = mark
        if mark is AttendanceMark.MADE_UP:
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
        holds=[AttendanceHold.MOCK_LOCATION] if mocked else [],
        made_up_hours=made_up,
    )


def mark_of(
    training_class: TrainingClass,
    lesson: Lesson,
    person_key: str,
    records: AttendanceRecords,
    *,
    now: datetime | None,
) -> AttendanceMark | None:
    """Tell what a trainee's records make of a lesson; None while nothing is and it is not over.

    What the bureau granted applies where the check-ins alone do not count.
    """
    slot = slot_of(lesson.id, person_key)
    mark = mark_by_check_ins(training_class, lesson, person_key, records, now=now)
    granted = records.make_ups.get(slot)
    if granted is None or granted.status is not MakeUpStatus.APPROVED or counts(mark, training_class):
        return mark
    return AttendanceMark.EXCUSED if granted.kind is MakeUpKind.EXCUSE else AttendanceMark.MADE_UP
