"""Signing in, activating, refreshing, disabling."""

import pytest

from tests.accounts.builders import HOME, numbered, sign_in
from tests.support.keys import card_assertion

NEW = {
    "account": "xin-jingban",
    "name": "新经办",
    "id_number": numbered("xin-jingban").id_number,
    "role": "clerk",
    "division": "3401",
}


@pytest.fixture
def activated(api):
    invited = api("province").post("/v1/accounts", NEW)
    assert invited.status == 201, invited.text
    body = {
        "account": NEW["account"],
        "activation_code": invited.json["activation_code"],
        "password": "correct horse",
        "assertion": card_assertion(NEW["id_number"]),
    }
    assert api().post("/v1/auth/activate", body, source=HOME).status == 200
    assert api().post("/v1/auth/activate", body, source=HOME).status == 200, (
        "again, for whoever did not hear the answer"
    )
    other = {**body, "password": "another horse"}
    assert api().post("/v1/auth/activate", other).status == 401, "the code works once"
    return invited.json


def test_a_new_account_is_activated_and_signs_in(api, activated):
    answer = sign_in(api, "Xin-Jingban", "correct horse")
    assert answer.status == 200
    assert (answer.json["role"], answer.json["division"]) == ("clerk", "3401")
    me = api().get("/v1/me", headers={"Authorization": f"Bearer {answer.json['access_token']}"})
    assert me.json["role"] == "clerk"


def test_wrong_password_and_unknown_account_answer_alike(api, activated):
    wrong = sign_in(api, NEW["account"], "wrong password")
    unknown = sign_in(api, "nobody-here", "wrong password")
    assert wrong.status == unknown.status == 401
    strip = {"request_id"}
    assert {k: v for k, v in wrong.json.items() if k not in strip} == {
        k: v for k, v in unknown.json.items() if k not in strip
    }


def test_an_account_rests_after_five_failures(api, activated):
    for _ in range(5):
        assert sign_in(api, NEW["account"], "wrong password").status == 401
    assert sign_in(api, NEW["account"], "correct horse").status == 401


def test_a_spent_refresh_token_ends_its_family(api, activated):
    first = sign_in(api, NEW["account"], "correct horse").json["refresh_token"]
    refresh = lambda token: api().post(  # noqa: E731
        "/v1/auth/tokens", {"grant_type": "refresh_token", "refresh_token": token}
    )
    second = refresh(first)
    assert second.status == 200
    unheard = refresh(first)
    assert unheard.json["refresh_token"] == second.json["refresh_token"], "the same successor, once"
    assert refresh(first).status == 401
    assert refresh(second.json["refresh_token"]).status == 401


def test_a_disabled_account_is_out(api, activated):
    from chalicelib.accounts.guard import forget_statuses

    token = sign_in(api, NEW["account"], "correct horse").json["access_token"]
    path = f"/v1/accounts/{activated['id']}/disable"
    version = next(
        item["version"]
        for item in api("province").get("/v1/accounts", {"division": "3401"}).json["items"]
        if item["id"] == activated["id"]
    )
    done = api("province").post(path, {"version": version, "reason": "调离"})
    assert (done.status, done.json["status"]) == (200, "disabled")
    forget_statuses()
    assert api().get("/v1/me", headers={"Authorization": f"Bearer {token}"}).status == 401
    assert sign_in(api, NEW["account"], "correct horse").status == 401


def test_a_clerk_makes_accounts_of_the_own_area_only(api):
    inside = api("clerk").post("/v1/accounts", {**NEW, "division": "340111"})
    outside = api("clerk").post("/v1/accounts", {**NEW, "account": "other", "division": "3402"})
    above = api("clerk").post(
        "/v1/accounts", {**NEW, "account": "other", "role": "province", "division": "34"}
    )
    assert (inside.status, outside.status, above.status) == (201, 404, 404)


def test_a_trainee_signs_in_with_the_card(world, api):
    person = world.person(1)
    body = {"grant_type": "social_card", "assertion": card_assertion(person.id_number, person.name)}
    answer = api().post("/v1/auth/tokens", body)
    assert (answer.status, answer.json["role"]) == (200, "trainee")


@pytest.mark.parametrize(
    "claims", [{"aud": "other"}, {"iss": "https://evil.example"}, {"exp": 1}, {"sub": "123"}]
)
def test_other_assertions_are_refused(world, api, claims):
    assertion = card_assertion(world.person(1).id_number, **claims)
    body = {"grant_type": "social_card", "assertion": assertion}
    assert api().post("/v1/auth/tokens", body).status == 401


def test_the_decoy_costs_what_a_real_hash_costs():
    from argon2 import extract_parameters

    from chalicelib.accounts.passwords import DECOY_HASH, hash_password

    assert extract_parameters(DECOY_HASH) == extract_parameters(hash_password("some password"))
