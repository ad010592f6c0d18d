"""Use cases of roll-calls: which there are, and which of them a trainee may see now."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from chalicelib.attendance.check_ins import store
from chalicelib.attendance.check_ins.model import (
    slot_of,
)
from chalicelib.attendance.lessons import require_lesson
from chalicelib.attendance.roll_calls.model import RollCall, roll_calls_of
from chalicelib.aws.keys import keyed_digest
from chalicelib.classes.model import Lesson, TrainingClass
from chalicelib.kernel.calendar import format_moment
from chalicelib.kernel.principal import Context


def roll_calls_at(training_class: TrainingClass, lesson: Lesson) -> list[RollCall]:
    """Give a lesson's roll-calls, which nobody without the key can know before."""
    if not training_class.policy.roll_calls_per_lesson:
        return []
    digest = keyed_digest("roll-call", f"{lesson.id} {format_moment(lesson.starts_at)}")
    return roll_calls_of(lesson, training_class.policy, digest)


# --------------------------------------------------------------------------- roll-calls


@dataclass(frozen=True)
class ShownCall:
    """A roll-call that has begun, and whether the caller answered it."""

    call: RollCall
    answered: bool


def show_roll_calls(context: Context, lesson_id: str) -> list[ShownCall]:
    """List a lesson's roll-calls to one who is on its roster: those that have begun, never a coming one."""
    training_class, lesson = require_lesson(context, "attendance.read_own", lesson_id)
    person_key = context.principal.person_key
    assert person_key is not None
    begun = [call for call in roll_calls_at(training_class, lesson) if call.opens_at <= context.now]
    slots = {call.number: slot_of(lesson.id, person_key, call=call.number) for call in begun}
    known = {one.slot for one in store.check_ins_in(training_class.id, list(slots.values()))}
    return [ShownCall(call, slots[call.number] in known) for call in begun]


def calls_of(training_class: TrainingClass) -> Mapping[str, Sequence[RollCall]]:
    """Give the roll-calls of each lesson of a class."""
    return {lesson.id: roll_calls_at(training_class, lesson) for lesson in training_class.lessons}
