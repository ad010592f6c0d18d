"""Use cases of attendance: compute a class's, show it to who may see it (step 8)."""

import dataclasses
from datetime import datetime

import msgspec

from chalicelib.attendance.check_ins import store
from chalicelib.attendance.check_ins.model import slot_of
from chalicelib.attendance.footage.store import segments_of
from chalicelib.attendance.make_ups import store as make_up_store
from chalicelib.attendance.roll_calls.service import calls_of
from chalicelib.attendance.summary.model import (
    AttendanceRecords,
    AttendanceSummary,
    TraineeAttendance,
    by_slot,
    is_lesson_missed,
    records_of,
    summarise,
)
from chalicelib.classes.model import TrainingClass
from chalicelib.classes.service import require_class, withdrawn_enrolment
from chalicelib.kernel.principal import Context


def records_of_class(training_class: TrainingClass, *, footage: bool = True) -> AttendanceRecords:
    """Read what a class's attendance is computed from: two queries, a third if a lesson was missed.

    No trainee's attendance depends on `footage`: whoever needs these alone does without.
    """
    segments = segments_of(training_class.id) if footage else ()
    records = records_of(store.check_ins_of(training_class.id), (), segments, calls_of(training_class))
    if not is_lesson_missed(training_class, records):
        return records  # what was granted applies to missed lessons alone
    return dataclasses.replace(records, make_ups=by_slot(make_up_store.make_ups_of(training_class.id)))


def attendance_of(training_class: TrainingClass, *, now: datetime | None = None) -> AttendanceSummary:
    """Compute a class's attendance from its records."""
    return summarise(training_class, records_of_class(training_class), now=now)


def trainees_of(training_class: TrainingClass) -> list[TraineeAttendance]:
    """Compute the attendance of a class's trainees, without what the cameras saw of its lessons."""
    return summarise(training_class, records_of_class(training_class, footage=False)).trainees


def show_attendance(context: Context, class_id: str) -> AttendanceSummary:
    """Compute the attendance of a class in the caller's area as of now."""
    return attendance_of(require_class(context, "attendance.read", class_id), now=context.now)


def show_own_attendance(context: Context, class_id: str) -> AttendanceSummary:
    """Compute the caller's own attendance of a class as of now, from their own records alone.

    Who withdrew still sees them: what was recorded of a person does not go with their place.
    """
    training_class = require_class(context, "attendance.read_own", class_id)
    person_key = context.principal.person_key
    assert person_key is not None
    enrolment_id = training_class.roster.get(person_key) or withdrawn_enrolment(class_id, person_key)
    assert enrolment_id is not None
    own = msgspec.structs.replace(training_class, roster={person_key: enrolment_id})
    calls = calls_of(training_class)
    slots = [
        slot_of(lesson.id, person_key, call=number)
        for lesson in training_class.lessons
        for number in (None, *(call.number for call in calls[lesson.id]))
    ]
    make_ups = (make_up for make_up in make_up_store.make_ups_of(own.id) if make_up.person_key == person_key)
    records = records_of(store.check_ins_in(own.id, slots), make_ups, segments_of(own.id), calls)
    return summarise(own, records, now=context.now)
