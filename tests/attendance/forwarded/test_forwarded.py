"""Check-ins that the national platform forwards: its signature, our rules."""

import json
import uuid
from datetime import timedelta

import pytest

from chalicelib.edge import tokens
from tests.attendance.builders import mark_of, recorded
from tests.classes.builders import SITE, Classroom
from tests.support import keys


@pytest.fixture
def room(world):
    return Classroom(world).rostered(2)


def item(room, person=0, **changes):
    at = room.starts() - timedelta(minutes=10)
    place = {"accuracy_m": 20, **SITE["location"], **changes.pop("location", {})}
    return {
        "lesson_id": room.lesson()["id"],
        "enrolment_id": room.enrolments[person]["id"],
        "kind": "in",
        "location": place,
        "device_id": "phone-1",
        "nonce": uuid.uuid4().hex,
        "happened_at": at.isoformat(),
    } | changes


def forward(room, *items, key=keys.PLATFORM_KEY, body=None, at=None):
    raw = json.dumps({"items": list(items)}).encode()
    claims = {
        "iss": "national-platform",
        "aud": "voucher-service",
        "jti": "x",
        **keys.call_of("/v1/exchange/check-ins"),
    }
    signature = keys.sign(key, claims | {"body_sha256": tokens.body_digest(raw)})
    return room.api().post(
        "/v1/exchange/check-ins",
        raw=body or raw,
        headers={"X-Message-Signature": signature},
        at=at or room.starts() - timedelta(minutes=10),
    )


def test_forwarded_check_ins_count_and_tell_who_sent_them(room):
    answer = forward(room, item(room, 0), item(room, 1, location={"accuracy_m": 500}))
    assert answer.status == 200, answer.text
    assert answer.json["recorded"] == 2
    assert [item["check_in"]["outcome"] for item in answer.json["items"]] == ["accepted", "needs_review"]
    assert {check_in["proofs"][0]["forwarded_by"] for check_in in recorded(room)} == {"platform:national"}
    assert mark_of(room, 0) == ("present", 8)


def test_each_is_decided_by_the_same_rules_and_the_others_stand(room, world):
    stranger = world.enrolment(world.person(40))
    items = [
        item(room, 0, location={"lat": 31.9}),
        item(room, 0) | {"enrolment_id": stranger["id"]},
        item(room, 0) | {"enrolment_id": "enr_unknown00"},
        item(room, 0) | {"lesson_id": "les_unknown-01"},
        item(room, 1),
        item(room, 1),
    ]
    answer = forward(room, *items)
    assert [item["code"] for item in answer.json["items"]] == [
        "outside_site",
        "not_on_roster",
        "not_found",
        "not_found",
        None,
        "already_checked_in",
    ]
    assert answer.json["recorded"] == 1
    assert "米" in answer.json["items"][0]["detail"]
    kept = {check_in["code"] for check_in in recorded(room, outcome="refused")}
    assert kept == {"outside_site", "not_on_roster", "already_checked_in"}


def test_a_message_repeated_finds_its_own_answers(room):
    sent = [item(room, 0), item(room, 1)]
    first = forward(room, *sent)
    assert forward(room, *sent, at=room.starts() + timedelta(hours=3)).json == first.json
    assert recorded(room, outcome="refused") == []


def test_the_trainees_own_check_in_and_a_forwarded_one_are_one_record(room):
    own = room.check_in(room.people[0])
    assert own.status == 201
    assert forward(room, item(room, 0)).json["items"][0]["code"] == "already_checked_in"
    assert len(recorded(room)) == 1


def test_only_the_platform_may_forward(room, api):
    sent = item(room)
    other = keys.ECKey.generate_key("P-256", {"kid": "platform-1", "alg": "ES256", "use": "sig"})
    assert forward(room, sent, key=other).status == 401
    assert forward(room, sent, body=json.dumps({"items": [sent, sent]}).encode()).status == 401
    assert api("clerk").post("/v1/exchange/check-ins", {"items": [sent]}).status == 403
    assert api().post("/v1/exchange/check-ins", {"items": [sent]}).status == 401


@pytest.mark.parametrize("change", [{"id_number": "x"}, {"kind": "x"}, {"location": {"coord_system": "x"}}])
def test_a_wrong_form_is_refused_as_a_whole(room, change):
    assert forward(room, item(room), item(room, 1, **change)).status == 400
    assert recorded(room) == []
    assert forward(room).status == 400
    assert forward(room, *[item(room)] * 101).status == 400
