"""A card that names its phone: codes are shown there only, and move with the holder."""

import pytest

OLD, NEW = {"X-Device-Id": "phone-1"}, {"X-Device-Id": "phone-2"}


def code_of(world, api, person, voucher_id, headers, minutes=0):
    path = f"/v1/vouchers/{voucher_id}/qr"
    return api(person).get(path, at=world.later(minutes=minutes), headers=headers)


def claimed_on(world, api, person, device, voucher_id=None):
    voucher_id = voucher_id or world.voucher(person, claimed=False)
    answer = api(person).post(f"/v1/vouchers/{voucher_id}/claim", {"device_id": device}, at=world.now)
    assert answer.status == 200, answer.text
    assert answer.json["device_bound"] is True
    return voucher_id


def test_the_codes_are_shown_on_the_phone_that_claimed_only(world, api):
    person = world.person(1)
    voucher_id = claimed_on(world, api, person, "phone-1")
    assert code_of(world, api, person, voucher_id, OLD).status == 200
    for headers in (NEW, {}):
        refused = code_of(world, api, person, voucher_id, headers)
        assert (refused.status, refused.json["code"]) == (409, "other_device")


def test_a_bound_code_redeems_and_the_phone_itself_stands_nowhere(world, api):
    from chalicelib.vouchers import store

    person = world.person(1)
    voucher_id = claimed_on(world, api, person, "phone-1")
    token = code_of(world, api, person, voucher_id, OLD).json["token"]
    assert world.scan(token, at=world.now).status == 201
    assert "phone-1" not in repr(store.read_voucher(voucher_id))


@pytest.mark.parametrize("previewed", [True, False])
def test_claiming_again_on_a_new_phone_moves_the_codes_and_ends_the_old_ones(world, api, previewed):
    person = world.person(1)
    voucher_id = claimed_on(world, api, person, "phone-1")
    photographed = code_of(world, api, person, voucher_id, OLD).json["token"]
    check = {"token": photographed, "project_id": world.project_id}
    if previewed:  # the counter's process then knows the voucher as it was
        assert api("institution").post("/v1/verifications", check, at=world.now).json["redeemable"]
    claimed_on(world, api, person, "phone-2", voucher_id)
    refused = world.scan(photographed, at=world.now)
    assert (refused.status, refused.json["code"]) == (409, "other_device")
    asked = api("institution").post("/v1/verifications", check, at=world.now).json
    assert (asked["redeemable"], asked["reasons"]) == (False, ["other_device"])
    assert code_of(world, api, person, voucher_id, OLD).json["code"] == "other_device"
    token = code_of(world, api, person, voucher_id, NEW).json["token"]
    assert world.scan(token, at=world.now).status == 201


def test_moving_to_a_phone_is_recorded_and_a_repeat_of_it_is_not(world, api):
    from chalicelib.vouchers import store

    person = world.person(1)
    voucher_id = claimed_on(world, api, person, "phone-1")
    claimed_on(world, api, person, "phone-2", voucher_id)
    moved = store.read_voucher(voucher_id)
    assert moved.last_change.action == "voucher.bind_device"
    claimed_on(world, api, person, "phone-2", voucher_id)
    assert store.read_voucher(voucher_id) == moved
    api(person).post(f"/v1/vouchers/{voucher_id}/claim", at=world.now)
    assert store.read_voucher(voucher_id) == moved, "a card that names no device takes nothing away"


def test_a_code_from_before_the_binding_is_worth_nothing_after_it(world, api):
    person = world.person(1)
    voucher_id = world.voucher(person)
    unbound = code_of(world, api, person, voucher_id, {}).json["token"]
    claimed_on(world, api, person, "phone-1", voucher_id)
    assert world.scan(unbound, at=world.now).json["code"] == "other_device"


def test_a_spent_voucher_moves_to_no_phone(world, api):
    person = world.person(1)
    voucher_id = claimed_on(world, api, person, "phone-1")
    token = code_of(world, api, person, voucher_id, OLD).json["token"]
    assert world.scan(token, at=world.now).status == 201
    again = api(person).post(f"/v1/vouchers/{voucher_id}/claim", {"device_id": "phone-2"}, at=world.now)
    assert (again.status, again.json["code"]) == (409, "voucher_already_redeemed")


@pytest.mark.parametrize("device", ["", "x" * 65, "手机", 7])
def test_an_odd_device_is_refused(world, api, device):
    person = world.person(1)
    voucher_id = world.voucher(person, claimed=False)
    answer = api(person).post(f"/v1/vouchers/{voucher_id}/claim", {"device_id": device}, at=world.now)
    assert (answer.status, answer.json["errors"][0]["field"]) == (400, "device_id")


def test_a_voucher_tells_where_it_can_be_used(world, api):
    person = world.person(1)
    shown = api(person).get(f"/v1/vouchers/{world.voucher(person)}", at=world.now).json
    assert world.project_id in shown["projects"]
    assert len(api().get(shown["institutions_url"]).json["items"]) == 3
