"""The card's signed name is compared with the list's: a stranger with the number of a list row is refused."""

import dataclasses
from datetime import timedelta

import pytest

from chalicelib.accounts.persons.names import name_digests
from chalicelib.accounts.persons.service import person_key_of
from chalicelib.kernel.names import folded
from chalicelib.people.lists.graduates.service import person_of
from chalicelib.people.vault import store as vault_store
from chalicelib.people.vault.service import find_person
from chalicelib.vouchers import store
from chalicelib.vouchers.names.service import follow_name
from tests.support.keys import card_assertion
from tests.vouchers.lists import graduate_of

STRANGER = "赵六"


def as_stranger(person):
    """The same number, another name on the card."""
    return dataclasses.replace(person, name=STRANGER)


def refusal(answer):
    return answer.status, answer.json["code"]


def flagged(world, who="province"):
    answer = world.api(who).get("/v1/vouchers", {"flag": "name_mismatch"}, at=world.now)
    return [voucher["id"] for voucher in answer.json["items"]]


def rename(world, person):
    """Let the vault have another name for a number, as a confirmed list row does."""
    from chalicelib.kernel.principal import system_context

    key = person_key_of(person.id_number)
    renamed = person_of(graduate_of(person, 2, division="340111"), "imp_corrected", key)
    vault_store.save_people([renamed])
    follow_name(system_context("test", now=world.now, request_id="req_test"), renamed)


def test_a_stranger_neither_claims_nor_is_told_whom_the_list_means(world, api):
    person = world.person(1)
    voucher_id = world.voucher(person, claimed=False)
    stranger = api(as_stranger(person))
    shown = stranger.get(f"/v1/vouchers/{voucher_id}", at=world.now).json
    assert shown["holder"]["name"] == f"{person.name[0]}{'*' * (len(person.name) - 1)}"
    assert shown["allowed_actions"] == []
    assert refusal(stranger.post(f"/v1/vouchers/{voucher_id}/claim", at=world.now)) == (409, "name_mismatch")
    assert store.read_voucher(voucher_id).status == "issued"


def test_a_mismatch_is_told_to_the_province_once(world, api):
    person = world.person(1)
    voucher_id = world.voucher(person, claimed=False)
    assert flagged(world) == []
    for _ in range(2):
        api(as_stranger(person)).post(f"/v1/vouchers/{voucher_id}/claim", at=world.now)
    assert flagged(world) == [voucher_id]
    assert flagged(world, "clerk") == [voucher_id]
    assert flagged(world, "clerk_wuhu") == []
    voucher = store.read_voucher(voucher_id)
    assert (voucher.version, voucher.name_mismatch_at) == (2, world.now)
    assert voucher.last_change.action == "voucher.find_name_mismatch"


def test_a_stranger_shows_no_code_of_a_voucher_claimed_before_the_list_was_corrected(world, api):
    stranger = as_stranger(world.person(1))
    voucher_id = world.voucher(stranger)  # the list had the stranger's name, and the card claimed it
    card = api(stranger)
    assert card.get(f"/v1/vouchers/{voucher_id}/qr", at=world.now).status == 200
    rename(world, world.person(1))
    assert refusal(card.get(f"/v1/vouchers/{voucher_id}/qr", at=world.now)) == (409, "name_mismatch")
    assert api(world.person(1)).get(f"/v1/vouchers/{voucher_id}/qr", at=world.now).status == 200


def test_a_code_shown_before_a_mismatch_was_found_is_not_redeemed_after_it(world, api):
    person = world.person(1)
    voucher_id = world.voucher(person)
    token = api(person).get(f"/v1/vouchers/{voucher_id}/qr", at=world.now).json["token"]
    api(as_stranger(person)).get(f"/v1/vouchers/{voucher_id}/qr", at=world.now)
    body = {"token": token, "project_id": world.project_id}
    assert api("institution").post("/v1/verifications", body, at=world.now).json["reasons"] == [
        "name_mismatch"
    ]
    refused = world.scan(token, at=world.now)
    assert refusal(refused) == (409, "name_mismatch")
    kept = api("institution").get("/v1/scans", {"outcome": "refused"}, at=world.now).json["items"]
    assert [scan["code"] for scan in kept] == ["name_mismatch"] * 2, "a look is refused and kept as a scan is"
    fresh = api(person).get(f"/v1/vouchers/{voucher_id}/qr", at=world.later(minutes=1))
    assert fresh.status == 200, "the holder's own card takes the mismatch off"
    assert world.scan(fresh.json["token"], at=world.later(minutes=1)).status == 201
    assert flagged(world) == []


def test_a_mismatch_found_between_preview_and_scan_stops_the_write_itself(world, api):
    person = world.person(1)
    voucher_id = world.voucher(person)
    token = api(person).get(f"/v1/vouchers/{voucher_id}/qr", at=world.now).json["token"]
    body = {"token": token, "project_id": world.project_id}
    assert api("institution").post("/v1/verifications", body, at=world.now).json["redeemable"]
    api(as_stranger(person)).get(f"/v1/vouchers/{voucher_id}/qr", at=world.now)
    assert refusal(world.scan(token, at=world.now)) == (409, "name_mismatch")


def test_a_corrected_list_gives_the_voucher_to_whom_it_means_and_takes_the_flag_off(world, api):
    person = world.person(1)
    voucher_id = world.voucher(as_stranger(person), claimed=False)  # a row with another name
    card = api(person)
    assert refusal(card.post(f"/v1/vouchers/{voucher_id}/claim", at=world.now)) == (409, "name_mismatch")
    assert flagged(world) == [voucher_id]
    rename(world, person)
    assert flagged(world) == []
    claimed = card.post(f"/v1/vouchers/{voucher_id}/claim", at=world.now)  # the token of before
    assert (claimed.status, claimed.json["status"]) == (200, "claimed")
    assert claimed.json["holder"]["name"].startswith(person.name[0])


@pytest.mark.parametrize(
    "spelling", ["买买提·艾力", "买买提.艾力", "买买提•艾力", " 买买提 艾力", "买买提・艾力\ufe00"]
)
def test_spellings_of_one_name_are_one_name(world, api, spelling):
    person = dataclasses.replace(world.person(1), name="买买提·艾力")
    voucher_id = world.voucher(person, claimed=False)
    card = api(dataclasses.replace(person, name=spelling))
    assert card.post(f"/v1/vouchers/{voucher_id}/claim", at=world.now).status == 200


def test_folding_keeps_letters_apart():
    assert folded("张三") != folded("张叁")
    assert folded("欧阳 修") == folded("欧阳修")


def test_a_card_signs_in_by_its_name_and_refreshing_compares_it_anew(world, api):
    person = world.person(1)
    voucher_id = world.voucher(as_stranger(person), claimed=False)
    body = {"grant_type": "social_card", "assertion": card_assertion(person.id_number, person.name)}
    signed_in = api().post("/v1/auth/tokens", body).json

    def claim(token):
        headers = {"Authorization": f"Bearer {token}"}
        return api().post(f"/v1/vouchers/{voucher_id}/claim", at=world.now, headers=headers)

    assert refusal(claim(signed_in["access_token"])) == (409, "name_mismatch")
    rename(world, person)
    fresh = api().post(
        "/v1/auth/tokens", {"grant_type": "refresh_token", "refresh_token": signed_in["refresh_token"]}
    )
    assert fresh.status == 200, fresh.text
    assert claim(fresh.json["access_token"]).status == 200


def test_an_assertion_without_a_name_signs_nobody_in(world, api):
    for name in ("", " · "):
        assertion = card_assertion(world.person(1).id_number, name)
        answer = api().post("/v1/auth/tokens", {"grant_type": "social_card", "assertion": assertion})
        assert (answer.status, answer.json["code"]) == (401, "unauthenticated")


def test_what_is_offered_to_a_card_is_what_it_may_do(world, api):
    person = world.person(1)
    voucher_id = world.voucher(person)
    for who, offered in ((person, ["show_qr"]), (as_stranger(person), [])):
        alone = api(who).get(f"/v1/vouchers/{voucher_id}", at=world.now).json
        (listed,) = api(who).get("/v1/vouchers", at=world.now).json["items"]
        assert alone["allowed_actions"] == listed["allowed_actions"] == offered


def test_no_digest_of_a_name_stands_on_a_voucher(world):
    person = world.person(1)
    voucher = store.read_voucher(world.voucher(person))
    assert find_person(voucher.person_key).name_digest in name_digests(person.name)
    values = {str(getattr(voucher, name)) for name in voucher.__struct_fields__}
    assert not values & set(name_digests(person.name))
    assert voucher.issued_at - world.now == timedelta(0)
