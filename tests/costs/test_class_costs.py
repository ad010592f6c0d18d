"""What the decisions on a class cost: the clerk has read what they decide on, so a decision is its one write.

Floors of the design for approve and return; the others are what they were when they were last looked at.
"""

import pytest

from tests.classes.builders import SITE, Classroom, application, trainer
from tests.classes.changes.test_changes import apply, decide, wanted


@pytest.fixture
def warm(world, api):
    """Let this process have approved a class: catalogue and program are at hand, and people signed in."""
    signed_in = {who: api(who) for who in ("institution", "clerk")}
    world.api = lambda who: signed_in[who] if isinstance(who, str) else api(who)
    return Classroom(world, trainers=[trainer(950)], site={**SITE, "room": "0"}).approved()


def filed(world, number):
    """Give a filed class that collides with no other, as the clerk has read it."""
    room = Classroom(world, trainers=[trainer(900 + number)], site={**SITE, "room": str(number)})
    room.do("institution", "submit")
    room.read("clerk")
    return room


def test_approving_and_returning(warm, world, measure, within):
    room = filed(world, 1)
    with measure() as meter:
        room.do("clerk", "approve")
    within("approve a class", meter, calls=1, units=1)
    with measure() as meter:
        refused = room.try_("clerk", "approve", {"version": room.version - 1})
    assert refused.json["code"] == "version_conflict"
    within("refused: class decided already", meter, calls=1, units=1)
    room = filed(world, 2)
    with measure() as meter:
        room.do("clerk", "return", {"reason": "课程表不清楚"})
    within("return a class", meter, calls=1, units=1)


def test_ending_a_class(warm, world, measure, within):
    room = filed(world, 3).do("clerk", "approve")
    room.enrol(10)
    rows = [{"enrolment_id": one["id"]} for one in room.enrolments]
    with measure() as meter:
        assert room.put_roster(rows).status == 200
    within("roster of 10, a trainee", meter, calls=1.5, units=3, count=10)
    for place in range(10):
        room.attend(place)
    room.refresh()
    with measure() as meter:
        room.do("institution", "completion/submit", at=room.ended())
    within("apply for completion", meter, calls=5, units=1)
    room.read("clerk", at=room.ended())
    with measure() as meter:
        room.do("clerk", "completion/return", {"reason": "缺录像"}, at=room.ended())
    within("return a completion", meter, calls=1, units=1)
    room.do("institution", "completion/submit", at=room.ended())
    room.read("clerk", at=room.ended())
    with measure() as meter:
        room.do("clerk", "completion/approve", at=room.ended())
    within("approve a completion", meter, calls=3, units=1)
    marks = [row | {"theory": 80, "practice": 80} for row in rows]
    with measure() as meter:
        assert room.put_scores(marks).status == 200
    within("marks of 10, a trainee", meter, calls=0.4, units=3, count=10)


def test_writing_an_application(warm, world, measure, within):
    room = Classroom(world, trainers=[trainer(904)], site={**SITE, "room": "4"})
    body = application(world, trainers=[trainer(904)], site={**SITE, "room": "4"}, name="二班")
    with measure() as meter:
        edited = room.api("institution").put(
            f"/v1/classes/{room.id}", body | {"version": room.version}, at=world.now
        )
    assert edited.status == 200, edited.text
    within("replace an application", meter, calls=12, units=6)
    room.refresh()
    with measure() as meter:
        room.do("institution", "submit")
    within("file an application", meter, calls=11, units=6)


def test_changing_a_running_class(warm, world, measure, within):
    room = filed(world, 5).do("clerk", "approve")
    with measure() as meter:
        change = apply(room, lessons=[*wanted(room)[:4], wanted(room)[4] | {"topic": "改"}])
    assert change.status == 201, change.text
    within("apply for a change", meter, calls=6, units=6)
    with measure() as meter:
        assert decide(room, change.json, "approve").status == 200
    within("approve a change", meter, calls=4, units=14)
