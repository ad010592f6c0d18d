"""Who wants money through a program: by its name in another post later, by a key of another form, by another's answer."""

import base64
import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from joserfc import jws

from chalicelib.accounts.duties.service import asking
from chalicelib.accounts.model import account_id_of
from chalicelib.accounts.store import find_account
from chalicelib.kernel.principal import Role
from tests.accounts.builders import activate, ask_for, make
from tests.accounts.builders import sign_in as password_sign_in
from tests.accounts.clients.builders import (
    AUDIENCE,
    Program,
    asked,
    confirmed,
    rsa,
    sign_in,
    signed_in,
)
from tests.accounts.test_separation import moved
from tests.classes.builders import application
from tests.subsidies.scored import Money, scored_class
from tests.support.people import HEFEI_SCHOOL, staff_principal


@pytest.mark.parametrize("named", ["institution", "institution_two"])
def test_who_was_named_or_asked_for_the_program_approves_nothing_that_it_did(
    world: Any, api: Any, named: str
) -> None:
    """The teacher's program files and submits for them; the teacher becomes a clerk, and approves it.

    By their own hands it is `self_approval` (test_separation). `institution` asked for the program in both cases;
    in the second a colleague is named for what it does.
    """
    program = Program()
    confirmed(api, program)
    software = signed_in(api, program)
    if named == "institution_two":
        moved("institution_two", Role.INSTITUTION, "340111", HEFEI_SCHOOL)
    else:
        staff_principal(named)
    filed = software.post("/v1/classes", application(world), by=named, at=world.now)
    assert filed.status == 201, filed.text
    path = f"/v1/classes/{filed.json['id']}"
    sent = software.post(f"{path}/submit", {"version": filed.json["version"]}, by=named, at=world.now)
    assert sent.status == 200, sent.text
    clerk = moved("institution", Role.CLERK)
    answer = api(clerk).post(f"{path}/approve", {"version": sent.json["version"]}, at=world.now)
    assert (answer.status, answer.json.get("code")) == (403, "self_approval")


def test_who_was_named_for_a_claim_reviews_no_money_for_it(world: Any, api: Any) -> None:
    money = Money(world)
    money.budget()
    program = Program()
    confirmed(api, program, scopes=["subsidy_claim.submit", "payability.read"])
    software = signed_in(api, program)
    staff_principal("institution")
    class_id = scored_class(world, 1)
    payable = money.payability(class_id)
    body = {"declared_count": payable["count"], "declared_amount_fen": payable["amount_fen"]}
    claim = software.post(f"/v1/classes/{class_id}/subsidy-claims", body, by="institution", at=money.now)
    assert claim.status == 201, claim.text
    answer = money.decide(moved("institution", Role.CLERK), claim.json, "review")
    assert (answer.status, answer.json.get("code")) == (403, "self_approval")


def test_a_key_that_was_used_for_one_person_gives_another_no_answer(world: Any, api: Any) -> None:
    """Two people of a school, whose program numbers its calls for each: the second class is never filed."""
    program = Program()
    confirmed(api, program)
    software = signed_in(api, program)
    staff_principal("institution")
    moved("institution_two", Role.INSTITUTION, "340111", HEFEI_SCHOOL)
    answers = [
        software.client.post(
            "/v1/classes",
            application(world),
            headers={
                "Authorization": f"Bearer {software.token}",
                "Idempotency-Key": "1",
                "X-On-Behalf-Of": name,
            },
            at=world.now,
        )
        for name in ("institution", "institution_two")
    ]
    assert answers[0].json["id"] != answers[1].json.get("id")


def test_a_jti_that_is_no_text_is_told_and_no_failure_of_ours(world: Any, api: Any) -> None:
    program = Program()
    confirmed(api, program)
    said = {"iss": program.id, "sub": program.id, "aud": AUDIENCE, "iat": int(time.time())}
    payload = json.dumps(said | {"exp": said["iat"] + 60, "jti": "\ud800"}).encode()
    signed = jws.serialize_compact({"alg": program.alg, "kid": program.kid}, payload, program.key)
    answer = sign_in(api, signed)
    assert (answer.status, answer.json["code"]) == (401, "assertion_claim")


def test_a_key_written_with_a_zero_before_it_is_the_same_key(world: Any, api: Any) -> None:
    """A stolen key stays good after `retire`: its thief has added it under another name."""
    program = rsa("one", "RS256")
    confirmed(api, program)
    software = signed_in(api, program)
    public = program.public_key()
    number = base64.urlsafe_b64decode(public["n"] + "==")
    again = public | {"kid": "two", "n": base64.urlsafe_b64encode(b"\0" + number).decode().rstrip("=")}
    version = api("institution").get(f"/v1/clients/{program.id}").json["version"]
    answer = software.post(f"/v1/clients/{program.id}/keys", {"version": version, "public_key": again})
    assert answer.json.get("code") in ("already_exists", "key_unusable"), answer.text


def of_school(api: Any, name: str, *, who: str) -> Any:
    """Have an account of a school made and activated, and give who acts by it."""
    invited = ask_for(api, name, role="institution", who=who, division="340111", institution=HEFEI_SCHOOL)
    assert invited.status == 201, invited.text
    assert activate(api, name, invited.json["activation_code"]).status == 200
    token = password_sign_in(api, name).json["access_token"]
    return invited.json, {"Authorization": f"Bearer {token}"}


@pytest.mark.parametrize("hand", ["made", "reset"])
def test_a_clerk_confirms_no_program_of_who_has_their_account_by_that_clerks_hands(
    world: Any, api: Any, hand: str
) -> None:
    """A clerk makes (or resets) the account of an accomplice at a school, who asks for a program."""
    account, headers = of_school(api, "teacher", who="clerk" if hand == "made" else "province")
    if hand == "reset":
        known = find_account(account["id"])
        assert known is not None
        again = api("clerk").post(f"/v1/accounts/{account['id']}/reset", {"version": known.version})
        assert again.status == 200, again.text
        assert activate(api, "teacher", again.json["activation_code"]).status == 200
        headers = {"Authorization": f"Bearer {password_sign_in(api, 'teacher').json['access_token']}"}
    program = Program(name="排课软件")
    wish = api().post("/v1/clients", program.wish(), headers=headers)
    assert wish.status == 201, wish.text
    path, body = f"/v1/clients/{wish.json['id']}", {"version": wish.json["version"]}
    assert "confirm" not in api("clerk").get(path).json["allowed_actions"]
    refused = api("clerk").post(f"{path}/confirm", body)
    assert (refused.status, refused.json["code"]) == (403, "self_approval")
    assert api("clerk_two").post(f"{path}/confirm", body).status == 200


def test_a_makers_hand_in_an_account_counts_for_thirty_days(world: Any, api: Any) -> None:
    of_school(api, "teacher", who="clerk")
    later = datetime.now(UTC) + timedelta(days=30, minutes=1)
    account = find_account(account_id_of("teacher"))
    assert account is not None
    makers, _ = asking(account, "cli_any", later)
    assert makers == []
    assert asking(account, "cli_any", later - timedelta(days=1))[0] != []


def test_who_asked_for_or_confirmed_an_account_confirms_no_program_of_its_holder(
    world: Any, api: Any
) -> None:
    make(api, "new-chief", role="province", division="34", who="province")  # confirmed by `province_two`
    token = password_sign_in(api, "new-chief").json["access_token"]
    wished = Program(name="督导大屏").wish(["report.read"], role="supervisor")
    wish = api().post("/v1/clients", wished, headers={"Authorization": f"Bearer {token}"})
    assert wish.status == 201, wish.text
    path, body = f"/v1/clients/{wish.json['id']}/confirm", {"version": wish.json["version"]}
    for who in ("province", "province_two"):
        refused = api(who).post(path, body)
        assert (refused.status, refused.json["code"]) == (403, "self_approval"), who


def test_a_school_fills_no_list_that_everybody_reads(world: Any, api: Any, monkeypatch: Any) -> None:
    """Programs of a city stand in one row: fifty names of an owner are enough, those that are over too."""
    monkeypatch.setattr("chalicelib.accounts.clients.service.PROGRAMS_MAX", 3)
    programs = [Program(name=f"软件{nth}", kid=f"k{nth}") for nth in range(4)]
    answers = [asked(api, program) for program in programs]
    assert [answer.status for answer in answers] == [201, 201, 201, 409]
    assert answers[-1].json["code"] == "too_many_programs"
    assert asked(api, programs[0]).status == 201, "the same wish again is the one that waits"
    first = answers[0].json
    api("institution").post(
        f"/v1/clients/{first['id']}/revoke", {"version": first["version"], "reason": "停用"}
    )
    assert asked(api, programs[3]).json["code"] == "too_many_programs", "a name that is over counts"
