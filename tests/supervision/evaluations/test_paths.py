"""Every path to an evaluation: which classes it takes, and that all of them find the same."""

import json
from datetime import timedelta
from typing import Any

import pytest

import app
from chalicelib.attendance.check_ins.store import CheckInRow
from chalicelib.classes.store import ClassRow
from chalicelib.enrolments.store import EnrolmentRow
from chalicelib.kernel.principal import Context, Principal, Role
from chalicelib.subsidies.claims.store import ClaimRow
from chalicelib.supervision.evaluations.model import day_of, touch
from chalicelib.supervision.evaluations.store import note_touched
from tests.classes.builders import Classroom
from tests.support.streams import Taps

WATCHED = (CheckInRow, ClassRow, EnrolmentRow, ClaimRow)


@pytest.fixture
def taps(emulator: Any) -> Any:
    opened = Taps(list(WATCHED))
    yield opened
    opened.close()


def context_at(now: Any) -> Context:
    principal = Principal(actor="system:test", role=Role.SYSTEM, division="34")
    return Context(principal=principal, now=now, request_id="req_test")


def asked(emulator: Any) -> list[str]:
    """Name the classes that are asked for, also those whose message is held back for a quarter of an hour."""
    queue = next(queue for url, queue in emulator.queues.items() if url.endswith("supervision"))
    bodies = [json.loads(message["body"]) for message in queue["messages"]]
    queue["messages"].clear()
    return [body["class_id"] for body in bodies if "class_id" in body]


def test_a_class_is_asked_for_once_however_much_happens_in_it(world: Any, emulator: Any, taps: Any) -> None:
    room = Classroom(world).rostered(3)
    app.watch_changes({"Records": taps.records()}, None)
    assert asked(emulator) == [room.id]
    for person in room.people:
        assert room.check_in(person).status == 201
    records = taps.records()
    assert {record["eventSourceARN"].split("/")[1] for record in records} >= {CheckInRow.Meta.table_name}
    told = app.watch_changes({"Records": records}, None)
    assert (told["changes"], told["asked"]) == (3, 0)  # it is asked for already
    assert asked(emulator) == []


def test_touches_are_news_once_until_they_were_acted_on(world: Any) -> None:
    now = world.now
    assert note_touched(touch("cls_aaaa", now), now)
    later = now + timedelta(minutes=14)
    assert not note_touched(touch("cls_aaaa", later), later)
    much_later = now + timedelta(minutes=16)
    assert note_touched(touch("cls_aaaa", much_later), much_later)
    next_day = now + timedelta(days=1)
    assert note_touched(touch("cls_aaaa", next_day), next_day)
    assert day_of(next_day) - day_of(now) == timedelta(days=1)
