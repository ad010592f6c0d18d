"""Many devices checking in one trainee at once, and answers that are lost: one record, and the others told.

Run by `make bench` on the local cloud: moto cannot prove "never twice".
"""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from chalicelib.kernel.errors import DomainError
from chalicelib.kernel.principal import Context
from tests.classes.builders import SITE, Classroom
from tests.support.depth import size_of
from tests.support.people import staff_principal, trainee_principal

ROUNDS = size_of("RACE_ROUNDS", usual=24, full=24) // 4
DEVICES = 32


@pytest.fixture(scope="module")
def pool():
    with ThreadPoolExecutor(DEVICES) as executor:
        yield executor


@pytest.fixture
def room(world):
    return Classroom(world).rostered(1)


def attempt(kind="in", nonce="n", device="d", **changes):
    from chalicelib.attendance.check_ins.model import CheckInAttempt, CheckInKind, DevicePlace
    from chalicelib.kernel.geo import CoordSystem

    location = SITE["location"]
    place = DevicePlace(
        lng=location["lng"],
        lat=location["lat"],
        accuracy_m=changes.pop("accuracy_m", 10),
        coord_system=CoordSystem(location["coord_system"]),
    )
    moment = changes.pop("happened_at")
    return CheckInAttempt(
        kind=CheckInKind(kind), place=place, device_id=device, nonce=nonce, happened_at=moment
    )


def tap(room, number, at, one):
    """Check in; give the nonce that is recorded, or the code of the refusal."""
    from chalicelib.attendance.check_ins import service

    principal = trainee_principal(room.people[0])
    context = Context(principal=principal, now=at, request_id="req_race")
    try:
        answered = service.check_in(context, room.lesson(number)["id"], one, person_key=principal.person_key)
    except DomainError as refusal:
        return refusal.code
    return f"recorded {answered.proof.nonce}"


def test_many_devices_at_once_make_one_record_and_the_others_are_told(room, pool):
    from chalicelib.attendance.check_ins.store import check_ins_of

    for number in range(min(ROUNDS, 5)):
        for kind, at in (
            ("in", room.starts(number) - timedelta(minutes=5)),
            ("out", room.starts(number) + timedelta(hours=8)),
        ):
            taps = [
                attempt(kind, nonce=f"n{place}", device=f"d{place}", happened_at=at)
                for place in range(DEVICES)
            ]
            answers = list(pool.map(lambda one: tap(room, number, at, one), taps))  # noqa: B023 - done within
            won = [answer for answer in answers if answer.startswith("recorded")]
            assert len(won) == 1, answers
            assert answers.count("already_checked_in") == DEVICES - 1
            stored = next(one for one in check_ins_of(room.id) if one.lesson_id == room.lesson(number)["id"])
            proof = stored.came if kind == "in" else stored.went
            assert won == [f"recorded {proof.nonce}"]
            assert stored.version == (1 if kind == "in" else 2)


def test_one_attempt_sent_many_times_is_one_record_with_one_answer(room, pool):
    from chalicelib.attendance.check_ins.store import check_ins_of

    at = room.starts() - timedelta(minutes=5)
    same = attempt(nonce="same", happened_at=at)
    answers = set(pool.map(lambda _: tap(room, 0, at, same), range(DEVICES)))
    assert answers == {"recorded same"}
    assert [one.version for one in check_ins_of(room.id)] == [1]


def test_a_lost_answer_is_found_again(room):
    """The write happens, its answer is lost, the SDK sends it again: that is the same success."""
    from botocore.exceptions import ReadTimeoutError

    from chalicelib.attendance.check_ins.store import check_ins_of
    from chalicelib.aws.table import connection

    client = connection().client
    lost = []

    def lose(request, **_):
        operation = request.headers["X-Amz-Target"].decode().partition(".")[2]
        if operation in ("PutItem", "UpdateItem") and operation not in lost:
            lost.append(operation)
            client._endpoint.http_session.send(request)
            raise ReadTimeoutError(endpoint_url=request.url)

    at, after = room.starts() - timedelta(minutes=5), room.starts() + timedelta(hours=8)
    trainee_principal(room.people[0])  # its own writes are not the ones to lose
    client.meta.events.register_first("before-send.dynamodb", lose)
    try:
        assert tap(room, 0, at, attempt(nonce="a", happened_at=at)) == "recorded a"
        assert tap(room, 0, after, attempt("out", nonce="b", happened_at=after)) == "recorded b"
    finally:
        client.meta.events.unregister("before-send.dynamodb", lose)
    assert lost == ["PutItem", "UpdateItem"]
    assert [(one.version, one.came.nonce, one.went.nonce) for one in check_ins_of(room.id)] == [(2, "a", "b")]


def test_a_decision_and_the_application_for_completion_at_once_leave_one_story(room, pool):
    """What needs review is decided before the completion is applied for: nothing is closed above it."""
    from chalicelib.attendance.check_ins.model import ReviewVerdict
    from chalicelib.attendance.check_ins.store import check_ins_of
    from chalicelib.attendance.reviews import service as review_service
    from chalicelib.classes.completion import service as completion_service

    at = room.starts() - timedelta(minutes=5)
    tap(room, 0, at, attempt(nonce="rough", accuracy_m=500, happened_at=at))
    one = next(iter(check_ins_of(room.id)))
    clerk, school = (
        Context(principal=staff_principal(who), now=room.ended(), request_id="req_race")
        for who in ("clerk", "institution")
    )

    def apply():
        completion_service.submit_completion(school, room.id, version=room.version, comment=None)

    def act(place):
        try:
            if place % 2:
                apply()
                return "applied"
            review_service.decide(
                clerk, one.lesson_id, one.id, list(ReviewVerdict)[place % 4 // 2], version=1, reason="race"
            )
        except DomainError as refusal:
            return refusal.code
        return "decided"

    answers = list(pool.map(act, range(DEVICES)))
    assert answers.count("decided") == 1, answers
    assert answers.count("applied") <= 1
    (after,) = check_ins_of(room.id)
    assert (after.version, after.queue) == (2, None)
    if "applied" not in answers:
        assert "decisions_open" in answers
        apply()
