"""What supervision costs: the evaluation of a class, however long it runs, and a batch of changes."""

import random
from datetime import timedelta
from typing import Any

import pytest

import app
from chalicelib.attendance.check_ins.store import CheckInRow
from chalicelib.attendance.footage.model import FootageStatus, Segment, segment_id_of
from chalicelib.attendance.footage.store import SegmentRow
from chalicelib.kernel.ids import ClassId, LessonId
from chalicelib.kernel.principal import system_context
from chalicelib.supervision.evaluations.service import evaluate_class, touch_classes
from tests.classes.builders import Classroom
from tests.supervision.dossiers.test_marks import mark

CALLS_A_CLASS_MAX = 12
CALLS_WITH_FINDINGS_MAX = 18
"""Cases and holds are looked at for what is found; of honest classes nothing is."""
TRAINEES = 30


@pytest.fixture
def room(world: Any) -> Classroom:
    """A class of thirty in its last week, beside nine others of its school."""
    for number in range(9):
        Classroom(world, name=f"邻班{number}")
    return Classroom(world).rostered(TRAINEES)


def teach(room: Classroom, lessons: int) -> None:
    """Hold the first so many lessons: each comes by themselves, to another spot; they are filmed."""
    for place in range(TRAINEES):
        room.attend(place, lessons)
    for number in range(lessons):
        _hold(room, number)


def _hold(room: Classroom, number: int) -> None:
    chance = random.Random(number)
    starts_at = room.starts(number)
    for row in CheckInRow.query(room.id, CheckInRow.slot.startswith(f"{number + 1:02d}#")):
        at = starts_at - timedelta(seconds=chance.randrange(60, 2400))
        here = {name: row.came["place"][name] + chance.gauss(0, 0.00009) for name in ("lng", "lat")}
        accuracy_m = chance.randrange(8, 30)
        moved = {**row.came["place"], **here, "accuracy_m": accuracy_m}
        stamped = {"happened_at": at.isoformat(), "received_at": at.isoformat()}
        row.update(actions=[CheckInRow.came.set({**row.came, **stamped, "place": moved})])
    lesson_id = room.lesson(number)["id"]
    segment = Segment(
        class_id=ClassId(room.id),
        id=segment_id_of(lesson_id, digest=f"{number:040d}"),
        lesson_id=LessonId(lesson_id),
        division="340111",
        institution=room.json["institution"],
        camera_id="cam",
        started_at=starts_at - timedelta(minutes=5),
        ended_at=starts_at + timedelta(hours=8, minutes=5),
        sha256=f"{number:064d}",
        status=FootageStatus.STORED,
        announced_at=starts_at,
    )
    SegmentRow.from_record(segment).save()


def evaluated(room: Classroom) -> list[str]:
    context = system_context("evaluate_classes", now=room.ended(), request_id="req_bench")
    return [finding.rule for finding in evaluate_class(context, room.id).findings]


def test_evaluating_a_class_takes_the_same_calls_however_long_it_runs(
    room: Classroom, measure: Any, within: Any
) -> None:
    lessons = len(room.json["lessons"])
    teach(room, lessons - 1)
    evaluated(room)  # its sightings are new only once, and its program is cached
    with measure() as early:
        evaluated(room)
    teach(room, lessons)
    evaluated(room)
    with measure() as late:
        assert evaluated(room) == []
    within("evaluate a class of 30", late, calls=CALLS_A_CLASS_MAX, units=0)
    assert late.call_count <= early.call_count


def test_a_marked_class_takes_one_query_more(room: Classroom, measure: Any, within: Any) -> None:
    lessons = len(room.json["lessons"])
    teach(room, lessons)
    mark(room.id, [60 + place for place in range(TRAINEES)], room.ended())
    evaluated(room)  # its marks are kept once
    with measure() as meter:
        evaluated(room)
    within("evaluate a class of 30 that was marked", meter, calls=CALLS_A_CLASS_MAX + 1, units=0)


def test_what_is_found_again_is_looked_up_and_not_written(room: Classroom, measure: Any, within: Any) -> None:
    for place in range(TRAINEES):
        room.attend(place)  # everybody at one point at one moment, and nobody filmed it
    evaluated(room)
    with measure() as meter:
        assert evaluated(room)
    within("evaluate a class of 30 with findings", meter, calls=CALLS_WITH_FINDINGS_MAX, units=0)


def test_a_batch_of_changes_costs_a_write_a_class(world: Any, measure: Any, within: Any) -> None:
    context = system_context("watch_changes", now=world.now, request_id="req_bench")
    classes = [f"cls_{number:024d}" for number in range(50)]
    with measure() as meter:
        assert touch_classes(context, classes) == 50
    within("touch a class", meter, calls=1, units=1, count=50)
    with measure() as again:
        assert touch_classes(later(context), classes) == 0
    within("touch a class again within its quarter", again, calls=1, units=1, count=50)


def later(context: Any) -> Any:
    """Give the context of some minutes later."""
    import msgspec

    return msgspec.structs.replace(context, now=context.now + timedelta(minutes=5))


def test_the_night_asks_with_a_message_a_list(world: Any, measure: Any, within: Any) -> None:
    with measure() as meter:
        told = app.evaluate_day({}, None)
    within("begin a night of supervision", meter, calls=0, units=0)
    assert told["messages"] < 150
