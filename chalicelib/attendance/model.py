"""Attendance (出勤): what a trainee's check-ins make of a lesson, and until when its evidence is gathered."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from chalicelib.attendance.check_ins.model import (
    CheckIn,
    CheckInKind,
    Punctuality,
    ReviewVerdict,
    slot_of,
    window_of,
)
from chalicelib.attendance.roll_calls.model import RollCall
from chalicelib.classes.model import RUNNING, ClassFacts, ClassStatus, Lesson, TrainingClass
from chalicelib.kernel.errors import DomainError
from chalicelib.kernel.reasons import error


def why_closed(training_class: ClassFacts) -> DomainError | None:
    """Tell why nothing is added to the evidence of a class's lessons now; None if something may be.

    The truth at the moment of writing is the condition `classes.store.evidence_check`.
    """
    if training_class.approved_by is None:
        return error("class_not_approved")
    if training_class.status not in RUNNING:
        return error("wrong_state", status=training_class.status.value)
    return None


ASKED_IN = tuple(status for status in RUNNING if status is not ClassStatus.COMPLETION_SUBMITTED)
"""States in which something may be asked for: once completion is applied for, nothing opens below it."""


def why_not_ask(training_class: ClassFacts) -> DomainError | None:
    """Tell why nothing can be asked for of a class's lessons now; None if something may be.

    The truth at the moment of writing is the condition of `make_ups.store.ask`.
    """
    if training_class.approved_by is not None and training_class.status not in ASKED_IN:
        return error("wrong_state", status=training_class.status.value)
    return why_closed(training_class)


class AttendanceHold(StrEnum):
    """What a supervisor has to look at before money flows.

    `mock_location`: a check-in came from a simulated position.
    """

    MOCK_LOCATION = "mock_location"


class AttendanceMark(StrEnum):
    """What a trainee's lesson came to.

    `present` and `late` count, and so does `made_up`, an approved make-up; `left_early` does unless the
    policy wants check-outs or roll-calls; `absent` and `excused`, an approved excuse, do not; `needs_review`:
    a check-in waits for the bureau.
    """

    PRESENT = "present"
    LATE = "late"
    LEFT_EARLY = "left_early"
    ABSENT = "absent"
    EXCUSED = "excused"
    MADE_UP = "made_up"
    NEEDS_REVIEW = "needs_review"


@dataclass(frozen=True)
class PresenceRecords:
    """What tells who was there: check-ins by a person's place at a lesson, the roll-calls of each lesson."""

    check_ins: Mapping[str, CheckIn]
    calls: Mapping[str, Sequence[RollCall]]


def mark_by_check_ins(
    training_class: TrainingClass,
    lesson: Lesson,
    person_key: str,
    records: PresenceRecords,
    *,
    now: datetime | None,
) -> AttendanceMark | None:
    """Tell what a trainee's check-ins make of a lesson; None while nothing is recorded and it is not over.

    Without `now` everything is over.

    An example: a lesson from 9:00 to 12:00 with one roll-call, at 10:40. Who checked in at 9:10 and answered
    is `late`. Who checked in at 8:50 and did not answer `left_early`, once the roll-call is closed. Whose
    check-in waits for the bureau is `needs_review`, and `absent` if the bureau rejects it.
    """
    came = records.check_ins.get(slot_of(lesson.id, person_key))
    verdict = came.verdict_on(CheckInKind.IN) if came is not None else ReviewVerdict.REJECTED
    if came is None or verdict is ReviewVerdict.REJECTED:
        is_over = now is None or now > window_of(CheckInKind.IN, training_class, lesson)[1]
        return AttendanceMark.ABSENT if is_over else None
    if verdict is None:
        return AttendanceMark.NEEDS_REVIEW
    stayed = [_checked_out(training_class, lesson, came, now)]
    for call in records.calls.get(lesson.id, ()):
        answer = records.check_ins.get(slot_of(lesson.id, person_key, call=call.number))
        is_closed = now is None or now > call.closes_at
        unanswered = ReviewVerdict.REJECTED if is_closed else ReviewVerdict.ACCEPTED
        stayed.append(answer.verdict_on(CheckInKind.ROLL_CALL) if answer is not None else unanswered)
    if ReviewVerdict.REJECTED in stayed:
        return AttendanceMark.LEFT_EARLY
    if None in stayed:
        return AttendanceMark.NEEDS_REVIEW
    return AttendanceMark.LATE if came.came.status is Punctuality.LATE else AttendanceMark.PRESENT


def _checked_out(
    training_class: TrainingClass, lesson: Lesson, came: CheckIn, now: datetime | None
) -> ReviewVerdict | None:
    """Tell whether a trainee stayed to the end by their check-out; None while that needs review."""
    is_required = training_class.policy.check_out_required
    is_over = now is None or now > window_of(CheckInKind.OUT, training_class, lesson)[1]
    if came.went is None:
        return ReviewVerdict.REJECTED if is_required and is_over else ReviewVerdict.ACCEPTED
    left_at = came.went.happened_at if came.went.late_uploaded else came.went.received_at
    if left_at < lesson.ends_at:
        return ReviewVerdict.REJECTED
    return came.verdict_on(CheckInKind.OUT) if is_required else ReviewVerdict.ACCEPTED


def counts(mark: AttendanceMark | None, training_class: TrainingClass) -> bool:
    """Tell whether a lesson with this mark counts.

    Leaving early does, unless the policy wants proof that people stay: check-outs or roll-calls.
    """
    if mark is AttendanceMark.LEFT_EARLY:
        policy = training_class.policy
        return not policy.check_out_required and not policy.roll_calls_per_lesson
    return mark in (AttendanceMark.PRESENT, AttendanceMark.LATE, AttendanceMark.MADE_UP)
