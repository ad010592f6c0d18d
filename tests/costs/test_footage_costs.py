"""What footage costs in calls and write units; the table is printed with the others."""

import pytest

from tests.attendance.summary.test_attendance_and_footage import announce, upload
from tests.classes.builders import Classroom
from tests.costs.conftest import MEASURED, Cost

FLOORS = {
    # operation: (calls, write units); a request may look up its caller's account, which is cached for seconds
    "announce a recording": (4 + 1, 1),
    # the ninth call takes it off the list of what is due, once its manifest is written: a worker that dies between
    # the two leaves it there, and the night writes the manifest
    "register a recording": (9, 3),
    "show footage, with links": (4 + 1, 1),
    "reconcile, nothing due": (32, 0),
    "attendance of a class": (3 + 1, 0),
}


@pytest.fixture
def room(world):
    return Classroom(world).rostered(2)


@pytest.fixture
def within():
    def check(name, meter):
        calls, writes = FLOORS[name]
        MEASURED[name] = Cost(
            calls=meter.call_count,
            calls_floor=calls,
            writes=meter.writes,
            writes_floor=writes,
            index_writes=meter.index_writes,
            reads=meter.reads,
        )
        assert meter.call_count <= calls, (name, meter.calls)
        assert meter.writes <= writes, name

    return check


def test_footage(room, world, measure, within):
    from chalicelib.attendance.footage.jobs import reconcile_footage
    from chalicelib.kernel.principal import system_context

    for number in range(20):
        upload(room, announce(room, number * 10, number * 10 + 10))
    announced = []

    def cheaper(action):
        """Do it twice and give the cheaper: a cache may run out under one of them."""
        meters = []
        for number in range(2):
            with measure() as meter:
                action(number)
            meters.append(meter)
        return min(meters, key=lambda meter: meter.call_count)

    within(
        "announce a recording",
        cheaper(lambda number: announced.append(announce(room, 300, 400, camera_id=f"x-{number}"))),
    )
    within("register a recording", cheaper(lambda number: upload(room, announced[number])))
    path = f"/v1/lessons/{room.lesson()['id']}/footage"
    clerk = room.api("clerk")
    within("show footage, with links", cheaper(lambda _: clerk.get(path, at=room.ended())))
    assert len(clerk.get(path, at=room.ended()).json["segments"]) == 22
    context = system_context("reconcile_footage", now=room.ended(), request_id="req_bench")
    with measure() as meter:
        assert reconcile_footage(context)["looked_at"] == 0
    within("reconcile, nothing due", meter)
    within("attendance of a class", cheaper(lambda _: clerk.get(f"/v1/classes/{room.id}/attendance")))
