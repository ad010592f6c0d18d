"""Expiry to the second on every way in, and the night that records it, however late."""

import json
from datetime import timedelta

import pytest

import app
from chalicelib.vouchers import store
from chalicelib.vouchers.model import VoucherStatus

SECOND = timedelta(seconds=1)


def code_at(world, api, person, voucher_id, at):
    return api(person).get(f"/v1/vouchers/{voucher_id}/qr", at=at).json["token"]


def end_of(voucher_id):
    return store.read_voucher(voucher_id).expires_at


def test_a_code_and_its_preview_end_with_the_last_second(world, api):
    person = world.person(1)
    voucher_id = world.voucher(person)
    end = end_of(voucher_id)
    token = code_at(world, api, person, voucher_id, end - SECOND)
    late = api(person).get(f"/v1/vouchers/{voucher_id}/qr", at=end)
    assert (late.status, late.json["code"]) == (409, "voucher_expired")
    scan = {"token": token, "project_id": world.project_id}
    counter = api("institution")
    assert counter.post("/v1/verifications", scan, at=end - SECOND).json["redeemable"]
    shown = counter.post("/v1/verifications", scan, at=end).json
    assert (shown["redeemable"], shown["reasons"]) == (False, ["voucher_expired"])
    assert shown["voucher"]["status"] == "expired"


@pytest.mark.parametrize("previewed", [True, False])
def test_a_scan_counts_until_the_last_second(world, api, previewed):
    late, timely = world.person(1), world.person(2)
    ids = {person: world.voucher(person) for person in (late, timely)}
    end = end_of(ids[late])
    tokens = {
        person: code_at(world, api, person, voucher_id, end - SECOND) for person, voucher_id in ids.items()
    }
    if previewed:
        for token in tokens.values():
            body = {"token": token, "project_id": world.project_id}
            assert api("institution").post("/v1/verifications", body, at=end - SECOND).json["redeemable"]
    refused = world.scan(tokens[late], at=end)
    assert (refused.status, refused.json["code"]) == (409, "voucher_expired")
    assert world.scan(tokens[timely], at=end - SECOND).status == 201


@pytest.mark.parametrize(("early", "status"), [(SECOND, "claimed"), (timedelta(), "expired")])
def test_a_release_gives_back_until_the_last_second_and_then_expires(world, api, early, status):
    enrolment = world.enrolment(world.person(1))
    moment = end_of(enrolment["voucher_id"]) - early
    path = f"/v1/enrolments/{enrolment['id']}/release"
    assert api("institution").post(path, {"reason": "学员改报"}, at=moment).status == 200
    voucher = store.read_voucher(enrolment["voucher_id"])
    assert voucher.status == status
    assert (voucher.due_shard is None) == (status == "expired")


def test_what_has_expired_is_not_revoked_any_more(world, api):
    ids = [world.voucher(world.person(n), claimed=n == 1) for n in (1, 2, 3)]
    end = end_of(ids[0])
    for voucher_id, moment, expected in ((ids[0], end, 409), (ids[1], end, 409), (ids[2], end - SECOND, 200)):
        body = {"version": store.read_voucher(voucher_id).version, "reason": "发错"}
        answer = api("province").post(f"/v1/vouchers/{voucher_id}/revoke", body, at=moment)
        assert answer.status == expected
        if expected == 409:
            assert answer.json["code"] == "voucher_expired"


def test_a_revocation_repeated_answers_alike_and_another_is_told_the_state(world, api):
    path = f"/v1/vouchers/{world.voucher(world.person(1))}"
    body = {"version": api("province").get(path).json["version"], "reason": "查实不符合条件"}
    first = api("province").post(f"{path}/revoke", body, at=world.now)
    assert (first.status, first.json["status"]) == (200, "revoked")
    assert api("province").post(f"{path}/revoke", body, at=world.later(minutes=1)).json == first.json
    for who, changes, code in (
        ("province_two", {}, "version_conflict"),
        ("province", {"reason": "another"}, "version_conflict"),
        ("province", {"version": body["version"] + 1}, "voucher_revoked"),
    ):
        refused = api(who).post(f"{path}/revoke", {**body, **changes}, at=world.now)
        assert (refused.status, refused.json["code"]) == (409, code)


# --------------------------------------------------------------------------- the night


def test_nights_that_were_missed_for_a_year_are_made_up_for(world, cloud):
    ids = [world.voucher(world.person(n)) for n in range(3)]
    app.expire_vouchers({"now": (end_of(ids[0]) + timedelta(days=365)).isoformat()}, None)
    cloud.work("expiry", app.expire_shard)
    assert {voucher.status for voucher in store.find_vouchers(ids)} == {VoucherStatus.EXPIRED}


def test_the_night_before_expires_nothing(world, cloud):
    voucher_id = world.voucher(world.person(1))
    app.expire_vouchers({"now": (end_of(voucher_id) - SECOND).isoformat()}, None)
    cloud.work("expiry", app.expire_shard)
    assert store.read_voucher(voucher_id).status is VoucherStatus.CLAIMED


def test_messages_of_the_night_name_nobody(world, cloud):
    person = world.person(1)
    voucher_id = world.voucher(person)
    app.expire_vouchers({"now": end_of(voucher_id).isoformat()}, None)
    sent = json.dumps(cloud.messages("expiry") + cloud.messages("reminders"), ensure_ascii=False)
    assert person.id_number not in sent
    assert person.name not in sent
