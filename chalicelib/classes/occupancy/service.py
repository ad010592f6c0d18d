"""Use cases of what is taken up: which classes collide with one, and what a plan writes into the index."""

from collections.abc import Sequence
from datetime import date

from chalicelib.aws.writes import Put
from chalicelib.classes import store as class_store
from chalicelib.classes.model import OCCUPYING, ClassPlan, TrainingClass, last_lesson_ends_at
from chalicelib.classes.occupancy import store
from chalicelib.classes.occupancy.model import days_of_collision, names_sought, names_taken
from chalicelib.kernel.divisions import group_of


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
