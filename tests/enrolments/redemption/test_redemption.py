"""Scanning and redeeming (step 5)."""

import uuid
from datetime import date, timedelta

from chalicelib.kernel.calendar import expires_at


def code_of(world, api, person, at):
    voucher_id = world.voucher(person, issued_at=world.now)
    return voucher_id, api(person).get(f"/v1/vouchers/{voucher_id}/qr", at=at).json["token"]


def test_a_scan_redeems_and_the_same_nonce_answers_alike(world, api):
    person = world.person(1)
    voucher_id, token = code_of(world, api, person, world.now)
    nonce = uuid.uuid4().hex
    first = world.scan(token, nonce=nonce, at=world.now)
    again = world.scan(token, nonce=nonce, at=world.later(minutes=10))
    assert first.status == again.status == 201
    assert first.json == again.json
    assert api(person).get(f"/v1/vouchers/{voucher_id}", at=world.now).json["status"] == "redeemed"


def test_a_second_scan_of_the_same_code_is_refused_and_kept(world, api):
    _, token = code_of(world, api, world.person(1), world.now)
    assert world.scan(token, at=world.now).status == 201
    second = world.scan(token, institution="institution_two", at=world.now)
    assert (second.status, second.json["code"]) == (409, "token_replayed")
    kept = api("institution_two").get("/v1/scans", {"outcome": "refused"}).json["items"]
    assert [scan["code"] for scan in kept] == ["token_replayed"]


def test_a_refused_scan_leaves_one_row_however_often_it_is_sent(world, api):
    _, token = code_of(world, api, world.person(1), world.now)
    assert world.scan(token, at=world.now).status == 201
    body = {
        "token": token,
        "project_id": world.project_id,
        "nonce": "n1",
        "device_id": "counter-2",
        "happened_at": world.now.isoformat(),
    }
    for seconds in range(3):
        answer = api("institution_two").post("/v1/enrolments", body, at=world.later(seconds=seconds))
        assert answer.json["code"] == "token_replayed"
    assert len(api("institution_two").get("/v1/scans", {"outcome": "refused"}).json["items"]) == 1
    api("institution_two").post("/v1/enrolments", body | {"nonce": "n2"}, at=world.now)
    assert len(api("institution_two").get("/v1/scans", {"outcome": "refused"}).json["items"]) == 2


def test_the_list_of_refused_scans_says_until_when_a_voucher_was_valid(world, api):
    person = world.person(1)
    voucher_id = world.voucher(person, issued_at=world.now)
    valid_through = date.fromisoformat(api(person).get(f"/v1/vouchers/{voucher_id}").json["valid_through"])
    midnight = expires_at(valid_through)
    token = api(person).get(f"/v1/vouchers/{voucher_id}/qr", at=midnight - timedelta(seconds=5)).json["token"]
    refused = world.scan(token, at=midnight + timedelta(seconds=5))
    assert (refused.status, refused.json["code"]) == (409, "voucher_expired")
    (kept,) = api("institution").get("/v1/scans", {"outcome": "refused"}).json["items"]
    assert kept["detail"] == refused.json["detail"]
    assert str(valid_through) in kept["detail"]


def test_a_later_code_of_a_redeemed_voucher_is_refused_as_redeemed(world, api):
    person = world.person(1)
    voucher_id, token = code_of(world, api, person, world.now)
    assert world.scan(token, at=world.now).status == 201
    assert api(person).get(f"/v1/vouchers/{voucher_id}/qr", at=world.later(minutes=2)).json["code"] == (
        "voucher_already_redeemed"
    )


def test_old_and_altered_codes_are_refused(world, api):
    _, token = code_of(world, api, world.person(1), world.now)
    old = world.scan(token, at=world.later(minutes=3))
    assert (old.status, old.json["code"]) == (409, "token_expired")
    for place in range(len(token)):
        altered = token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :]
        answer = world.scan(altered, at=world.now)
        assert (answer.status, answer.json["code"]) == (422, "token_invalid"), altered


def test_a_preview_changes_nothing_and_tells_the_reasons(world, api):
    _, token = code_of(world, api, world.person(1), world.now)
    body = {"token": token, "project_id": world.project_id}
    for _ in range(2):
        shown = api("institution").post("/v1/verifications", body, at=world.now)
        assert shown.json["redeemable"] is True
    assert shown.json["holder"]["id_number"].count("*") > 5
    assert world.scan(token, at=world.now).status == 201
    shown = api("institution").post("/v1/verifications", body, at=world.now)
    assert shown.json["reasons"] == ["token_replayed", "voucher_already_redeemed"]


def test_a_release_gives_the_voucher_back(world, api):
    person = world.person(1)
    enrolment = world.enrolment(person)
    path = f"/v1/enrolments/{enrolment['id']}/release"
    released = api("institution").post(path, {"reason": "学员改报"}, at=world.now)
    assert (released.status, released.json["status"]) == (200, "released")
    again = api("institution").post(path, {"reason": "学员改报"}, at=world.now)
    assert again.json == released.json
    voucher = api(person).get(f"/v1/vouchers/{enrolment['voucher_id']}", at=world.now).json
    assert (voucher["status"], voucher["enrolment_id"]) == ("claimed", None)


def test_a_voucher_released_after_its_date_expires_at_once(world, api):
    person = world.person(1)
    enrolment = world.enrolment(person)
    late = world.later(days=400)
    api("institution").post(f"/v1/enrolments/{enrolment['id']}/release", {"reason": "x"}, at=late)
    assert api(person).get(f"/v1/vouchers/{enrolment['voucher_id']}", at=late).json["status"] == "expired"


def test_an_institution_sees_only_its_own_enrolments(world, api):
    enrolment = world.enrolment(world.person(1))
    assert api("institution").get(f"/v1/enrolments/{enrolment['id']}").status == 200
    assert api("institution_two").get(f"/v1/enrolments/{enrolment['id']}").status == 404
    assert api("clerk").get(f"/v1/enrolments/{enrolment['id']}").status == 200
    assert api("clerk_wuhu").get(f"/v1/enrolments/{enrolment['id']}").status == 404


def test_after_a_preview_the_refusals_stay_the_same(world, api):
    person = world.person(1)
    _, token = code_of(world, api, person, world.now)
    body = {"token": token, "project_id": world.project_id}
    for institution in ("institution", "institution_two"):
        assert api(institution).post("/v1/verifications", body, at=world.now).json["redeemable"]
    nonce = uuid.uuid4().hex
    first = world.scan(token, nonce=nonce, at=world.now)
    assert first.status == 201
    assert world.scan(token, nonce=nonce, at=world.now).json == first.json
    other = world.scan(token, institution="institution_two", at=world.now)
    assert (other.status, other.json["code"]) == (409, "token_replayed")


def test_redeeming_after_a_preview_is_one_call(world, api):
    from chalicelib.aws.table import connection

    _, token = code_of(world, api, world.person(1), world.now)
    world.scan(token[:-1] + "0", at=world.now)  # warms the catalogue; the code itself is refused
    body = {"token": token, "project_id": world.project_id}
    assert api("institution").post("/v1/verifications", body, at=world.now).json["redeemable"]
    client = api("institution")
    calls = []

    def count(request, **_):
        calls.append(request.headers["X-Amz-Target"])

    events = connection().client.meta.events
    events.register("before-send.dynamodb", count)
    body = {**body, "nonce": "n-1", "device_id": "d-1", "happened_at": world.now.isoformat()}
    try:
        assert client.post("/v1/enrolments", body, at=world.now).status == 201
    finally:
        events.unregister("before-send.dynamodb", count)
    assert [
        bytes(name).decode().rpartition(".")[2] if isinstance(name, bytes) else name for name in calls
    ] == ["TransactWriteItems"]


def test_an_institution_lists_the_vouchers_spent_there_and_no_longer_one_that_was_given_back(world, api):
    kept, kept_code = code_of(world, api, world.person(1), world.now)
    given_back, other_code = code_of(world, api, world.person(2), world.now)
    world.scan(kept_code, at=world.now)
    enrolment = world.scan(other_code, at=world.now).json
    listed = api("institution").get("/v1/vouchers", at=world.now)
    assert listed.status == 200
    assert {voucher["id"] for voucher in listed.json["items"]} == {kept, given_back}
    assert {voucher["holder"]["name"][1:] for voucher in listed.json["items"]} == {"**"}
    api("institution").post(f"/v1/enrolments/{enrolment['id']}/release", {"reason": "报错班"}, at=world.now)
    left = api("institution").get("/v1/vouchers", at=world.now).json["items"]
    assert [voucher["id"] for voucher in left] == [kept]
    assert api("institution_two").get("/v1/vouchers", at=world.now).json["items"] == []
