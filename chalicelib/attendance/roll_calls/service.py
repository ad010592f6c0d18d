"""Which roll-calls a lesson has: nobody without the key knows before, everybody finds the same afterwards."""

from collections.abc import Mapping, Sequence

from chalicelib.attendance.roll_calls.model import RollCall, roll_calls_of
from chalicelib.aws.keys import keyed_digest
from chalicelib.classes.model import Lesson, TrainingClass
from chalicelib.kernel.calendar import format_moment


def roll_calls_at(training_class: TrainingClass, lesson: Lesson) -> list[RollCall]:
    """Give a lesson's roll-calls."""
    if not training_class.policy.roll_calls_per_lesson:
        return []
    digest = keyed_digest("roll-call", f"{lesson.id} {format_moment(lesson.starts_at)}")
    return roll_calls_of(lesson, training_class.policy, digest)


def calls_of(training_class: TrainingClass) -> Mapping[str, Sequence[RollCall]]:
    """Give the roll-calls of each lesson of a class."""
    return {lesson.id: roll_calls_at(training_class, lesson) for lesson in training_class.lessons}
