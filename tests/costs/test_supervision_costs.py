"""What supervision costs: the evaluation of a class, however long it runs, and a batch of changes."""

from datetime import timedelta
from typing import Any

import pytest

import app
from chalicelib.kernel.principal import system_context
from chalicelib.supervision.evaluations.service import evaluate_class, touch_classes
from tests.classes.builders import Classroom

CALLS_A_CLASS_MAX = 12
TRAINEES = 30


@pytest.fixture
def room(world: Any) -> Classroom:
    """A class of thirty in its last week, beside nine others of its school."""
    for number in range(9):
        Classroom(world, name=f"邻班{number}")
    room = Classroom(world).rostered(TRAINEES)
    for place in range(TRAINEES):
        room.attend(place, 1)
    return room


def evaluated(room: Classroom) -> None:
    context = system_context("evaluate_classes", now=room.ended(), request_id="req_bench")
    evaluate_class(context, room.id)


def test_evaluating_a_class_takes_the_same_calls_however_long_it_runs(
    room: Classroom, measure: Any, within: Any
) -> None:
    evaluated(room)  # its sightings are new only once, and its program is cached
    with measure() as early:
        evaluated(room)
    within("evaluate a class of 30, one lesson", early, calls=CALLS_A_CLASS_MAX, units=0)
    for place in range(TRAINEES):
        room.attend(place)
    with measure() as late:
        evaluated(room)
    within("evaluate a class of 30, five lessons", late, calls=CALLS_A_CLASS_MAX, units=0)
    assert late.call_count == early.call_count


def test_a_batch_of_changes_costs_a_write_a_class(world: Any, measure: Any, within: Any) -> None:
    context = system_context("watch_changes", now=world.now, request_id="req_bench")
    classes = [f"cls_{number:024d}" for number in range(50)]
    with measure() as meter:
        assert touch_classes(context, classes) == 50
    within("touch a class", meter, calls=1, units=1, count=50)
    with measure() as again:
        assert touch_classes(msgspec_later(context), classes) == 0
    within("touch a class again within its quarter", again, calls=1, units=1, count=50)


def msgspec_later(context: Any) -> Any:
    """Give the context of some minutes later."""
    import msgspec

    return msgspec.structs.replace(context, now=context.now + timedelta(minutes=5))


def test_the_night_asks_with_a_message_a_list(world: Any, measure: Any, within: Any) -> None:
    with measure() as meter:
        told = app.evaluate_day({}, None)
    within("begin a night of supervision", meter, calls=0, units=0)
    assert told["messages"] < 150
