"""One clerk tries to become everybody: no way gives a working account, and each leaves a record."""

from typing import Any

import pytest

from chalicelib.accounts.guard import forget_statuses
from chalicelib.accounts.model import account_id_of
from chalicelib.accounts.refusals.store import RefusedAttemptRow
from chalicelib.accounts.store import AccountRow
from infra.local.people import make_person
from tests.accounts.builders import GOOD, activate, ask_for, confirm, holder, numbered, sign_in
from tests.support.keys import card_assertion

DECIDERS = ("reviewer", "finance", "supervisor")
CLERK = "clerk-jia"


@pytest.fixture
def clerk(world: Any, api: Any) -> Any:
    """Give a clerk of 合肥 who signed in: a person with a card of their own."""
    return holder(api, CLERK)


def kept(name: str) -> list[tuple[str, str]]:
    """List the refused attempts on an account, each with who tried."""
    rows = [row.record for row in RefusedAttemptRow.query(account_id_of(name))]
    told = [(row.last_change, row.code) for row in rows if row.last_change is not None]
    return [(code, change.actor) for change, code in sorted(told, key=lambda one: one[0].at)]


def asked_by(clerk: Any, name: str, role: str, person: Any) -> Any:
    body = {
        "account": name,
        "name": person.name,
        "id_number": person.id_number,
        "role": role,
        "division": "3401",
    }
    return clerk.post("/v1/accounts", body)


def works(api: Any, name: str) -> bool:
    forget_statuses()
    return bool(sign_in(api, name).status == 200)


@pytest.mark.parametrize("role", DECIDERS)
def test_an_account_that_the_clerk_asked_for_waits_for_another_person(
    api: Any, clerk: Any, role: str
) -> None:
    stranger = make_person(77)
    asked = asked_by(clerk, "puppet", role, stranger)
    assert (asked.status, asked.json["status"], asked.json["allowed_actions"]) == (
        201,
        "proposed",
        ["disable", "reset"],
    )
    early = activate(api, "puppet", asked.json["activation_code"], person=stranger)
    assert early.status == 401, "even with the right card: nobody confirmed it"
    own = clerk.post(f"/v1/accounts/{asked.json['id']}/confirm", {"version": 1})
    assert (own.status, own.json["code"]) == (403, "forbidden"), "a clerk confirms nobody"
    assert not works(api, "puppet")


@pytest.mark.parametrize("role", DECIDERS)
def test_a_confirmed_account_is_of_no_use_to_who_holds_its_code(api: Any, clerk: Any, role: str) -> None:
    stranger = make_person(77)
    asked = asked_by(clerk, "puppet", role, stranger).json
    assert confirm(api, asked, who="supervisor").status == 200
    code = asked["activation_code"]
    mine = card_assertion(numbered(CLERK).id_number)
    forged = mine[:-4] + ("AAAA" if mine[-4:] != "AAAA" else "BBBB")
    for assertion in (mine, forged, "none"):
        assert activate(api, "puppet", code, assertion=assertion).status == 401
    codes = kept("puppet")
    assert [code for code, _ in codes] == ["other_person"] * 3
    assert {actor for _, actor in codes} == {str(person_key(CLERK)), "unknown"}
    assert not works(api, "puppet")
    assert activate(api, "puppet", code, person=stranger).status == 200, "the very person may"


def person_key(name: str) -> Any:
    return AccountRow.get(account_id_of(name)).person_key


@pytest.mark.parametrize("role", DECIDERS)
def test_nobody_holds_two_duties_over_one_place(api: Any, clerk: Any, role: str) -> None:
    refused = asked_by(clerk, "my-other-self", role, numbered(CLERK))
    assert (refused.status, refused.json["code"]) == (409, "duty_held")
    assert kept("my-other-self") == [("duty_held", account_id_of(CLERK))]
    assert not works(api, "my-other-self")


def test_the_second_account_of_a_person_confirms_nothing_that_the_first_asked_for(
    world: Any, api: Any
) -> None:
    """A person of the province may be clerk of its bureau too: the hands are the same."""
    first = holder(api, "asker", role="clerk", division="34", person=numbered("asker"))
    second = holder(api, "asker-boss", role="province", division="34", person=numbered("asker"))
    asked = asked_by(first, "puppet", "reviewer", make_person(77)).json
    listed = second.get("/v1/accounts", {"division": "3401"}).json["items"]
    (shown,) = [item for item in listed if item["account"] == "puppet"]
    assert "confirm" not in shown["allowed_actions"]
    refused = second.post(f"/v1/accounts/{asked['id']}/confirm", {"version": asked["version"]})
    assert (refused.status, refused.json["code"]) == (403, "self_approval")
    assert kept("puppet") == [("self_approval", account_id_of("asker-boss"))]
    assert not works(api, "puppet")


def test_nobody_confirms_an_account_of_their_own(world: Any, api: Any) -> None:
    boss = holder(api, "boss", role="province", division="34")
    asked = ask_for(api, "boss-too", role="province", division="34", person=numbered("boss")).json
    refused = boss.post(f"/v1/accounts/{asked['id']}/confirm", {"version": 1})
    assert (refused.status, refused.json["code"]) == (403, "self_approval")
    assert kept("boss-too") == [("self_approval", account_id_of("boss"))]


@pytest.mark.parametrize("role", DECIDERS)
def test_a_reset_gives_the_clerk_nothing_but_an_account_that_rests(api: Any, clerk: Any, role: str) -> None:
    victim = holder(api, "victim", role=role)
    version = AccountRow.get(account_id_of("victim")).version
    reset = clerk.post(f"/v1/accounts/{account_id_of('victim')}/reset", {"version": version})
    assert (reset.status, reset.json["status"]) == (200, "proposed")
    assert AccountRow.get(reset.json["id"]).password_hash is None
    code = reset.json["activation_code"]
    mine = card_assertion(numbered(CLERK).id_number)
    assert activate(api, "victim", code, assertion=mine).status == 401
    assert activate(api, "victim", code).status == 401, "not even the holder, before somebody confirms"
    forget_statuses()
    assert victim.get("/v1/me").status == 401, "the old credential rests"
    assert clerk.post(f"/v1/accounts/{reset.json['id']}/confirm", {"version": version + 1}).status == 403
    assert confirm(api, reset.json, who="supervisor").status == 200
    assert activate(api, "victim", code, assertion=mine).status == 401
    assert kept("victim")[-1] == ("other_person", str(person_key(CLERK)))
    assert activate(api, "victim", code).status == 200


def test_an_account_never_becomes_another_persons(api: Any, clerk: Any) -> None:
    victim = ask_for(api, "victim", role="reviewer").json
    body = {"version": 1, "id_number": numbered(CLERK).id_number}
    refused = clerk.post(f"/v1/accounts/{victim['id']}/reset", body)
    assert (refused.status, refused.json["code"]) == (409, "other_person")
    assert kept("victim") == [("other_person", account_id_of(CLERK))]


def test_the_clerk_makes_nobody_above_themselves(api: Any, clerk: Any) -> None:
    refused = asked_by(clerk, "new-boss", "province", make_person(77))
    assert refused.status == 404
    assert kept("new-boss") == [("not_found", account_id_of(CLERK))]


def test_one_of_the_province_does_not_get_at_anothers_account(world: Any, api: Any) -> None:
    first = holder(api, "province-a", role="province", division="34")
    holder(api, "province-b", role="province", division="34")
    version = AccountRow.get(account_id_of("province-b")).version
    reset = first.post(f"/v1/accounts/{account_id_of('province-b')}/reset", {"version": version}).json
    assert reset["status"] == "proposed"
    own = first.post(f"/v1/accounts/{reset['id']}/confirm", {"version": reset["version"]})
    assert (own.status, own.json["code"]) == (403, "self_approval")
    mine = card_assertion(numbered("province-a").id_number)
    assert activate(api, "province-b", reset["activation_code"], assertion=mine).status == 401
    assert not works(api, "province-b")


def test_anothers_authenticator_is_not_enrolled_with_their_password_alone(api: Any, clerk: Any) -> None:
    holder(api, "payer", role="finance")
    body = {"account": "payer", "password": GOOD, "assertion": card_assertion(numbered(CLERK).id_number)}
    assert api().post("/v1/auth/totp", body).status == 401
    assert kept("payer") == [("other_person", str(person_key(CLERK)))]
