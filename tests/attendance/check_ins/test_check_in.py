"""Checking in and out (step 8)."""

from datetime import timedelta

import pytest

from tests.classes.builders import SITE, Classroom
from tests.support.people import trainee_principal


@pytest.fixture
def room(world):
    return Classroom(world).rostered(2)


def north(metres, system="gcj02"):
    return {"lat": SITE["location"]["lat"] + metres / 110_900, "coord_system": system}


def refused(room):
    path = f"/v1/lessons/{room.lesson()['id']}/check-ins"
    answer = room.api("clerk").get(path, {"outcome": "refused"})
    assert answer.status == 200, answer.text
    return [item["code"] for item in answer.json["items"]]


def test_a_check_in_at_the_site_is_accepted(room):
    answer = room.check_in(room.people[0], nonce="n1")
    assert answer.status == 201, answer.text
    facts = {name: answer.json[name] for name in ("lesson_id", "kind", "outcome", "status", "distance_m")}
    assert facts == {
        "lesson_id": room.lesson()["id"],
        "kind": "in",
        "outcome": "accepted",
        "status": "present",
        "distance_m": 0.0,
    }
    assert answer.json["id"].startswith("chk_")
    assert answer.json["received_at"].endswith("+08:00")


def test_the_same_nonce_gets_the_first_answer_even_after_the_window(room):
    person = room.people[0]
    first = room.check_in(person, nonce="n1")
    for at in (room.starts(), room.ended()):
        again = room.check_in(person, nonce="n1", at=at)
        assert (again.status, again.json) == (201, first.json)
    assert refused(room) == []


def test_a_refused_attempt_leaves_one_row_however_often_it_is_sent(room):
    person, tapped = room.people[0], room.starts() - timedelta(minutes=10)
    for seconds in range(3):
        answer = room.check_in(
            person,
            nonce="n1",
            location=north(900),
            at=tapped + timedelta(seconds=seconds),
            happened_at=tapped.isoformat(),
        )
        assert answer.json["code"] == "outside_site"
    assert refused(room) == ["outside_site"]
    room.check_in(person, nonce="n1", location=north(800), at=tapped, happened_at=tapped.isoformat())
    assert refused(room) == ["outside_site"] * 2, "another place is other evidence, whatever its nonce"


def test_another_nonce_is_told_that_the_check_in_is_there(room):
    person = room.people[0]
    room.check_in(person)
    second = room.check_in(person, device_id="phone-2")
    assert (second.status, second.json["code"]) == (409, "already_checked_in")
    assert refused(room) == ["already_checked_in"]


@pytest.mark.parametrize(
    ("minutes", "expected"),
    [
        (-61, "lesson_not_open"),
        (-60, "present"),
        (0, "present"),
        (1, "late"),
        (30, "late"),
        (31, "lesson_closed"),
    ],
)
def test_the_servers_clock_decides_the_window(room, minutes, expected):
    at = room.starts() + timedelta(minutes=minutes)
    answer = room.check_in(room.people[0], at=at, happened_at=room.starts().isoformat())
    assert expected in (answer.json.get("status"), answer.json.get("code"))
    assert answer.status == (409 if expected.startswith("lesson") else 201)


@pytest.mark.parametrize(
    ("metres", "accuracy_m", "expected"),
    [
        (210, 20, "accepted"),
        (230, 20, "outside_site"),
        (290, 100, "accepted"),
        (290, 500, "needs_review"),
        (310, 500, "outside_site"),
        (10, 1000, "needs_review"),
        (10, 1001, "accuracy_too_low"),
        (2000, 1001, "outside_site"),
    ],
)
def test_the_distance_may_exceed_the_radius_by_the_accuracy_up_to_the_allowance(
    room, metres, accuracy_m, expected
):
    answer = room.check_in(room.people[0], location=north(metres) | {"accuracy_m": accuracy_m})
    assert expected in (answer.json.get("outcome"), answer.json.get("code"))
    if expected == "outside_site":
        assert str(round(metres, -1))[:2] in answer.json["detail"]


def test_the_same_numbers_in_another_coordinate_system_are_another_place(room):
    person = room.people[0]
    for system in ("wgs84", "bd09"):
        answer = room.check_in(person, location={"coord_system": system})
        assert (answer.status, answer.json["code"]) == (409, "outside_site")
    from chalicelib.kernel.geo import CoordSystem, Point, convert

    point = convert(Point(**SITE["location"] | {"coord_system": CoordSystem.GCJ02}), CoordSystem.WGS84)
    same = {"lng": point.lng, "lat": point.lat, "coord_system": "wgs84"}
    assert room.check_in(person, location=same).status == 201


def test_a_point_without_its_system_is_malformed(room):
    for system in (None, "mars"):
        answer = room.check_in(room.people[0], location={"coord_system": system})
        assert (answer.status, answer.json["code"]) == (400, "coord_system_missing")


def test_a_stranger_is_not_on_the_roster_and_the_attempt_is_kept(room, world):
    answer = room.check_in(world.person(60))
    assert (answer.status, answer.json["code"]) == (409, "not_on_roster")
    assert refused(room) == ["not_on_roster"]


def test_a_class_that_is_not_approved_takes_no_check_in(world):
    room = Classroom(world)
    assert room.check_in(world.person(60)).json["code"] == "class_not_approved"
    cancelled = Classroom(world).rostered(1)
    cancelled.do("institution", "cancel")
    assert cancelled.check_in(cancelled.people[0]).json["code"] == "class_not_approved"


def test_an_unknown_lesson_is_not_found(room, api):
    body = {
        "kind": "in",
        "location": {**SITE["location"], "accuracy_m": 5},
        "device_id": "d",
        "nonce": "n",
        "happened_at": "2026-09-11T09:00:00+08:00",
    }
    suffix = room.id.partition("_")[2]
    for lesson_id in ("les_unknown", f"les_{suffix}-99", f"les_{suffix}", room.id, "les_%20x"):
        assert api(room.people[0]).post(f"/v1/lessons/{lesson_id}/check-ins", body).status == 404
    for who in ("institution", "clerk"):
        path = f"/v1/lessons/{room.lesson()['id']}/check-ins"
        assert api(who).post(path, body).status == 403


@pytest.mark.parametrize(
    "changes",
    [
        {"kind": "sideways"},
        {"nonce": ""},
        {"nonce": "x" * 65},
        {"device_id": 7},
        {"happened_at": "yesterday"},
        {"happened_at": "0001-01-01T00:00:00+14:00"},
        {"happened_at": "2026-09-11T09:00:00"},
        {"location": {"lat": 91}},
        {"location": {"accuracy_m": -1e9}},
        {"location": {"accuracy_m": None}},
        {"location": {"altitude": 30}},
        {"status": "present"},
    ],
)
def test_a_wrong_form_is_malformed(room, changes):
    answer = room.check_in(room.people[0], **changes)
    assert (answer.status, answer.json["code"]) == (400, "malformed")


def test_checking_out_needs_a_check_in_and_a_begun_lesson(room):
    person, during = room.people[0], room.starts() + timedelta(hours=8)
    missing = room.check_in(person, kind="out", at=during)
    assert (missing.status, missing.json["code"]) == (409, "not_checked_in")
    assert room.check_in(person).status == 201
    early = room.check_in(person, kind="out", at=room.starts() - timedelta(minutes=1))
    assert early.json["code"] == "lesson_not_open"
    first = room.check_in(person, kind="out", at=during, nonce="o1")
    assert (first.status, first.json["kind"]) == (201, "out")
    assert room.check_in(person, kind="out", at=during, nonce="o1").json == first.json
    assert room.check_in(person, kind="out", at=during).json["code"] == "already_checked_in"


def test_a_lesson_elsewhere_is_judged_by_its_own_site(world):
    from tests.classes.builders import application

    body = application(world)
    body["lessons"][0]["site"] = {**SITE, "location": SITE["location"] | north(3000), "radius_m": 50}
    room = Classroom(world, **body).rostered(1)
    person = room.people[0]
    assert room.check_in(person).json["code"] == "outside_site"
    assert room.check_in(person, location=north(3000)).status == 201
    assert room.check_in(person, number=1).status == 201


@pytest.mark.parametrize("accuracy_m", [0, -1, -0.5])
def test_an_accuracy_that_no_device_can_have_is_unknown_and_waits_for_review(room, accuracy_m):
    answer = room.check_in(room.people[0], location=north(20) | {"accuracy_m": accuracy_m})
    assert (answer.status, answer.json["outcome"]) == (201, "needs_review")


def test_a_rough_position_is_no_proof_that_somebody_is_not_there(room):
    rough = room.check_in(room.people[0], location=north(1200) | {"accuracy_m": 3000})
    assert (rough.status, rough.json["code"]) == (409, "accuracy_too_low")
    assert "精确位置" in rough.json["detail"]
    assert "到场" not in rough.json["detail"]
    far = room.check_in(room.people[1], location=north(10_000) | {"accuracy_m": 3000})
    assert far.json["code"] == "outside_site", "however rough, that is not the site"


def test_a_check_in_costs_two_calls_and_one_of_them_writes(room):
    from chalicelib.aws.table import connection

    calls = []
    first, second = map(trainee_principal, room.people[:2])  # signed in before anything is counted

    def count(request, operation_name=None, **_):
        calls.append(request.headers["X-Amz-Target"].decode().split(".")[1])

    events = connection().client.meta.events
    room.check_in(first)  # policies and keys are warm from here on
    for name in ("in", "repeat", "refused", "out"):
        calls.clear()
        events.register("before-send.dynamodb", count, unique_id="count")
        try:
            match name:
                case "in":
                    room.check_in(second, nonce="n")
                    expected = ["BatchGetItem", "PutItem"]
                case "repeat":
                    room.check_in(second, nonce="n")
                    expected = ["BatchGetItem"]
                case "refused":
                    room.check_in(second, number=1, location=north(2000))
                    expected = ["BatchGetItem", "PutItem"]
                case "out":
                    room.check_in(second, kind="out", at=room.starts() + timedelta(hours=8))
                    expected = ["BatchGetItem", "UpdateItem"]
        finally:
            events.unregister("before-send.dynamodb", unique_id="count")
        assert calls == expected, name


def test_a_stored_check_in_fits_one_write_unit(room):
    from chalicelib.attendance.check_ins.store import CheckInRow

    room.check_in(room.people[0], device_id="d" * 64, nonce="n" * 64)
    room.check_in(
        room.people[0], kind="out", at=room.starts() + timedelta(hours=8), device_id="d" * 40, nonce="n" * 40
    )
    row = next(CheckInRow.query(room.id)).serialize()
    size = sum(len(name) + len(next(iter(value.values()))) for name, value in row.items())
    assert size <= 1024
