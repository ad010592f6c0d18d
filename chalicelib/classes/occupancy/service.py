"""Use cases of what is taken up: which classes collide with one, and what a plan writes into the index."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from chalicelib.aws.writes import Put
from chalicelib.classes import store as class_store
from chalicelib.classes.model import (
    OCCUPYING,
    ClassPlan,
    ClassStatus,
    Lesson,
    TrainingClass,
    last_lesson_ends_at,
)
from chalicelib.classes.occupancy import store
from chalicelib.classes.occupancy.model import (
    days_of_collision,
    first_day_together,
    names_sought,
    names_taken,
)
from chalicelib.enrolments.model import EnrolmentStatus
from chalicelib.enrolments.store import enrolments_of
from chalicelib.kernel.divisions import group_of
from chalicelib.kernel.paging import LIMIT_MAX, PageRequest


def days_taken_by_others(training_class: TrainingClass) -> list[date]:
    """List the days on which another class of the city has this one's trainer or room.

    One query for each trainer and room, and one read of the classes that these name.
    """
    named = store.classes_that_take(
        names_sought(training_class),
        city=group_of(training_class.division),
        opens_at=training_class.opens_at,
        ends_at=training_class.ends_at,
    )
    others = class_store.heads_and_plans(sorted(named - {training_class.id}))
    return days_of_collision(training_class, [plan for head, plan in others if head.status in OCCUPYING])


def writes_taking(training_class: TrainingClass, plan: TrainingClass | ClassPlan) -> Sequence[Put]:
    """Say in the index what this plan of the class takes up."""
    return store.take_writes(
        names_taken(plan),
        city=group_of(training_class.division),
        class_id=training_class.id,
        opens_at=min(lesson.starts_at for lesson in plan.lessons),
        ends_at=last_lesson_ends_at(plan.lessons),
    )


# --------------------------------------------------------------------------- trainees

_TAUGHT = (EnrolmentStatus.ROSTERED, EnrolmentStatus.PASSED, EnrolmentStatus.FAILED)


@dataclass(frozen=True)
class TaughtElsewhere:
    """What some people's other enrolments say: `days` names those whom another class teaches meanwhile.

    `free` are the enrolments of each that no class has yet. Who puts a person on a roster requires in the
    same write that they still are free (`enrolments.store.free_check`): of two rosters of one second that
    take the same person by two enrolments, one fails.
    """

    days: Mapping[str, date]
    free: Mapping[str, Sequence[str]]


def people_taught_elsewhere(training_class: TrainingClass, people: Iterable[str]) -> TaughtElsewhere:
    """Name those of some people whom another class teaches while this one does, with the first such day.

    Anywhere in the province: a person has one voucher a program, and as many classes as programs. One query
    for each person and one read of the classes that these name. What a changed timetable lets slip through,
    supervision finds (`lesson_overlap`).
    """
    enrolments_by_person = {
        person: enrolments_of(person, PageRequest(limit=LIMIT_MAX)).items for person in people
    }
    classes_of = {
        person: {
            enrolment.class_id
            for enrolment in enrolments
            if enrolment.class_id not in (None, training_class.id) and enrolment.status in _TAUGHT
        }
        for person, enrolments in enrolments_by_person.items()
    }
    ids = sorted({class_id for class_ids in classes_of.values() for class_id in class_ids})
    lessons: dict[str, list[Lesson]] = {
        head.id: plan.lessons
        for head, plan in class_store.heads_and_plans(ids)
        if head.status is not ClassStatus.CANCELLED
    }
    days = {
        person: first_day_together(
            training_class.lessons,
            [lesson for class_id in class_ids for lesson in lessons.get(class_id, ())],
        )
        for person, class_ids in classes_of.items()
    }
    return TaughtElsewhere(
        days={person: day for person, day in days.items() if day is not None},
        free={
            person: [one.id for one in enrolments if one.status is EnrolmentStatus.CONFIRMED]
            for person, enrolments in enrolments_by_person.items()
        },
    )
