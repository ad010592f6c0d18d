"""Roll-calls: unpredictable before, the same for everybody, answered at the site in time."""

from datetime import UTC, datetime, timedelta

import pytest

from chalicelib.attendance.roll_calls.model import roll_calls_of
from chalicelib.classes.model import Lesson, lesson_id_of
from chalicelib.programs.model import Policy
from tests.attendance.builders import mark_of, room_under

MINUTE = timedelta(minutes=1)


@pytest.fixture
def room(world):
    return room_under(world, roll_calls_per_lesson=2)


def moments(room, number=0):
    """Know what only the service knows."""
    from chalicelib.attendance.roll_calls.service import roll_calls_at
    from chalicelib.classes.service import read_class

    training_class = read_class(room.id)
    return roll_calls_at(training_class, training_class.lessons[number])


def answer(room, person, at, **changes):
    return room.check_in(person, kind="roll_call", at=at, **changes)


def shown(room, person, at):
    return room.api(person).get(f"/v1/lessons/{room.lesson()['id']}/roll-calls", at=at).json["items"]


def lesson(number=1, hours=8):
    starts_at = datetime(2026, 9, 11, 1, 0, tzinfo=UTC)
    ends_at = starts_at + timedelta(hours=hours)
    lesson_id = lesson_id_of("cls_x", number)
    return Lesson(id=lesson_id, starts_at=starts_at, ends_at=ends_at, hours=8, topic="x", trainer=0)


@pytest.mark.parametrize("digest", [b"\0" * 32, b"\xff" * 32, bytes(range(32))])
@pytest.mark.parametrize("count", [0, 1, 2, 4])
def test_each_roll_call_lies_within_its_part_of_the_lesson(digest, count):
    policy = Policy(roll_calls_per_lesson=count)
    calls = roll_calls_of(lesson(), policy, digest)
    assert [call.number for call in calls] == list(range(1, count + 1))
    edges = [lesson().starts_at + 30 * MINUTE, *(call.closes_at for call in calls)]
    for call, before in zip(calls, edges, strict=False):
        assert before <= call.opens_at
        assert call.closes_at - call.opens_at == 10 * MINUTE
        assert call.closes_at <= lesson().ends_at


def test_a_lesson_too_short_for_roll_calls_has_none():
    assert roll_calls_of(lesson(hours=0.8), Policy(roll_calls_per_lesson=2), bytes(32)) == []


def test_moments_differ_by_lesson_and_are_the_same_each_time(room):
    assert moments(room) == moments(room)
    offsets = {
        tuple(call.opens_at - room.starts(number) for call in moments(room, number)) for number in range(5)
    }
    assert len(offsets) == 5


def test_a_trainee_who_answers_each_roll_call_is_present(room):
    person = room.people[0]
    room.check_in(person)
    for call in moments(room):
        done = answer(room, person, call.opens_at + MINUTE, nonce=f"n{call.number}")
        assert (done.status, done.json["kind"]) == (201, "roll_call"), done.text
        assert answer(room, person, call.closes_at + 5 * MINUTE, nonce=f"n{call.number}").json == done.json
        again = answer(room, person, call.opens_at + 2 * MINUTE)
        assert again.json["code"] == "already_checked_in"
    assert mark_of(room, 0) == ("present", 8)


def test_a_missed_roll_call_costs_the_lesson(room):
    person = room.people[0]
    room.check_in(person)
    answer(room, person, moments(room)[0].opens_at)
    assert mark_of(room, 0) == ("left_early", 0)


def test_a_rough_answer_needs_review_and_counts_once_accepted(room):
    from tests.attendance.builders import recorded

    person = room.people[0]
    room.check_in(person)
    first, second = moments(room)
    answer(room, person, first.opens_at)
    answer(room, person, second.opens_at, location={"accuracy_m": 400})
    assert mark_of(room, 0) == ("needs_review", 0)
    check_in = recorded(room, outcome="needs_review")[0]
    assert check_in["needs_review"] == ["roll_call"]
    path = f"/v1/lessons/{check_in['lesson_id']}/check-ins/{check_in['id']}/accept"
    assert room.api("clerk").post(path, {"version": 1, "reason": "在场"}, at=room.ended()).status == 200
    assert mark_of(room, 0) == ("present", 8)


def test_outside_its_minutes_there_is_none_and_nobody_is_told_when(room):
    person = room.people[0]
    room.check_in(person)
    first, second = moments(room)
    for at in (first.opens_at - MINUTE, first.closes_at + MINUTE, second.closes_at + MINUTE):
        refused = answer(room, person, at)
        assert (refused.status, refused.json["code"]) == (409, "no_roll_call")
        for call in (first, second):
            assert call.opens_at.strftime("%M:%S") not in refused.text
    assert shown(room, person, first.opens_at - MINUTE) == []
    begun = shown(room, person, first.opens_at)
    assert [(call["number"], call["answered"]) for call in begun] == [(1, False)]
    answer(room, person, first.opens_at)
    assert [call["answered"] for call in shown(room, person, second.opens_at)] == [True, False]


def test_it_is_answered_at_the_site_by_who_came(room):
    person = room.people[0]
    call = moments(room)[0]
    assert answer(room, person, call.opens_at).json["code"] == "not_checked_in"
    room.check_in(person)
    assert answer(room, person, call.opens_at, location={"lat": 31.9}).json["code"] == "outside_site"


def test_an_answer_made_offline_counts_for_its_moment_once_accepted(room):
    person = room.people[0]
    room.check_in(person)
    call = moments(room)[0]
    later = moments(room)[-1].closes_at + timedelta(hours=3)
    during = (call.opens_at + MINUTE).isoformat()
    assert answer(room, person, later, happened_at=during).json["code"] == "no_roll_call"
    done = answer(room, person, later, happened_at=during, offline=True)
    assert (done.status, done.json["outcome"], done.json["late_uploaded"]) == (201, "needs_review", True)


def test_without_the_policy_there_are_none(world):
    room = room_under(world)
    room.check_in(room.people[0])
    refused = answer(room, room.people[0], room.starts() + timedelta(hours=2))
    assert (refused.status, refused.json["code"]) == (409, "no_roll_call")
