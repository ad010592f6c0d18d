"""Use cases of what is taken up: which classes collide with one, and what a plan writes into the index."""

from collections.abc import Iterable, Mapping, Sequence
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


def people_taught_elsewhere(training_class: TrainingClass, people: Iterable[str]) -> Mapping[str, date]:
    """Name those of some people whom another class teaches while this one does, with the first such day.

    Anywhere in the province: a person has one voucher a program, and as many classes as programs. One query
    for each person and one read of the classes that these name. What two rosters of the same second let
    slip through, supervision finds (`lesson_overlap`).
    """
    classes_of = {person: _classes_teaching(person) - {training_class.id} for person in people}
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
    return {person: day for person, day in days.items() if day is not None}


def _classes_teaching(person_key: str) -> set[str]:
    page = enrolments_of(person_key, PageRequest(limit=LIMIT_MAX))
    return {one.class_id for one in page.items if one.class_id is not None and one.status in _TAUGHT}
