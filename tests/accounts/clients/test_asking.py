"""A program's credential takes two people, ends by one, and is over when nobody uses it."""

from datetime import timedelta
from typing import Any

import pytest

from chalicelib.accounts.refusals.store import RefusedAttemptRow
from tests.accounts.clients.builders import Program, asked, confirmed, rsa, sign_in, signed_in
from tests.support.people import HEFEI_SCHOOL

DAY = timedelta(days=1)


def test_a_school_asks_a_clerk_confirms_and_the_program_signs_in(world: Any, api: Any) -> None:
    program = Program()
    wish = asked(api, program)
    assert (wish.status, wish.json["status"], wish.json["allowed_actions"]) == (201, "proposed", ["revoke"])
    assert (wish.json["role"], wish.json["institution"], wish.json["division"]) == (
        "institution",
        HEFEI_SCHOOL,
        "340111",
    )
    early = sign_in(api, program.assertion())
    assert (early.status, early.json["code"]) == (401, "client_not_in_force")

    done = api("clerk").post(f"/v1/clients/{program.id}/confirm", {"version": 1})
    assert (done.status, done.json["status"]) == (200, "active")
    answer = sign_in(api, program.assertion())
    assert answer.status == 200, answer.text
    assert answer.json["scope"].split() == sorted(wish.json["scopes"])
    assert (answer.json["role"], answer.json["institution"], answer.json["expires_in"]) == (
        "institution",
        HEFEI_SCHOOL,
        900,
    )


def test_the_same_wish_again_is_the_one_that_waits_and_another_under_its_name_is_refused(
    world: Any, api: Any
) -> None:
    program = Program()
    first = asked(api, program)
    again = asked(api, program)
    assert (again.status, again.json) == (201, first.json)
    other = asked(api, program, scopes=["class.read"])
    assert (other.status, other.json["code"]) == (409, "already_exists")
    thief = asked(api, Program(name=program.name))
    assert thief.json["code"] == "already_exists", "nor with another key"
    assert api("institution").get("/v1/clients").json["items"] == [first.json]


def test_who_asked_confirms_nothing_under_whatever_account(world: Any, api: Any) -> None:
    program = Program(name="督导大屏")
    wish = asked(api, program, who="province", scopes=["report.read"], role="supervisor")
    assert wish.status == 201, wish.text
    own = api("province").post(f"/v1/clients/{program.id}/confirm", {"version": 1})
    assert (own.status, own.json["code"]) == (403, "self_approval")
    kept = [row.record for row in RefusedAttemptRow.query(program.id)]
    assert [attempt.code for attempt in kept] == ["self_approval"]
    second = api("province_two").post(f"/v1/clients/{program.id}/confirm", {"version": 1})
    assert second.json["status"] == "active"


def test_a_bureaus_program_is_confirmed_by_who_oversees_it_and_never_above(world: Any, api: Any) -> None:
    program = Program(name="部门大屏")
    wish = asked(api, program, who="clerk", scopes=["class.read"], role="finance")
    assert (wish.status, wish.json["role"]) == (201, "finance")
    body = {"version": wish.json["version"]}
    clerk = api("clerk_two").post(f"/v1/clients/{program.id}/confirm", body)
    assert (clerk.status, clerk.json["code"]) == (403, "forbidden")
    assert api("supervisor_wuhu").post(f"/v1/clients/{program.id}/confirm", body).status == 404
    assert api("supervisor").post(f"/v1/clients/{program.id}/confirm", body).status == 200
    above = asked(api, Program(name="省厅大屏"), who="clerk", scopes=["class.read"], role="province")
    assert above.status == 404


@pytest.mark.parametrize(
    "scope",
    ["class.approve", "account.create", "client.ask", "settlement.export", "me.dance", "voucher.claim"],
)
def test_what_a_person_has_to_do_no_school_program_can_be_given(world: Any, api: Any, scope: str) -> None:
    answer = asked(api, Program(), scopes=["class.read", scope])
    assert answer.status == 400
    assert [(fault["field"], fault["code"]) for fault in answer.json["errors"]] == [
        ("scopes[1]", "scope_refused")
    ]


@pytest.mark.parametrize(
    "scope", ["subsidy_claim.review", "class.approve", "settlement.record_results", "inspection.open_phones"]
)
def test_a_bureaus_program_can_be_given_reading_alone(world: Any, api: Any, scope: str) -> None:
    assert asked(api, Program(), who="province", role="clerk", scopes=[scope]).status == 400


def test_a_private_key_a_weak_one_and_one_of_another_kind_are_refused(world: Any, api: Any) -> None:
    program = Program()
    private = program.wish() | {
        "public_key": {**program.public_key(), "d": program.key.as_dict(private=True)["d"]}
    }
    sent = api("institution").post("/v1/clients", private)
    assert (sent.status, sent.json["errors"][0]["field"]) == (400, "public_key.d")
    off_curve = program.public_key() | {"y": program.public_key()["x"]}
    wrong = {
        "short": rsa("short", "RS256").public_key() | {"n": "w" * 171},
        "off the curve": off_curve,
        "another curve": program.public_key() | {"alg": "ES384", "crv": "P-384"},
        "another kind": program.public_key() | {"alg": "RS256"},
        "more than it needs": program.public_key() | {"e": "AQAB"},
        "less than it needs": {k: v for k, v in program.public_key().items() if k != "y"},
    }
    for name, public in wrong.items():
        answer = api("institution").post("/v1/clients", program.wish() | {"public_key": public})
        assert (answer.status, answer.json["code"]) == (422, "key_unusable"), name


@pytest.mark.parametrize("alg", ["RS256", "PS256"])
def test_keys_of_rsa_are_good_too(world: Any, api: Any, alg: str) -> None:
    program = rsa(alg, alg)
    confirmed(api, program)
    assert sign_in(api, program.assertion()).status == 200
    other = {"RS256": "PS256", "PS256": "RS256"}[alg]
    assert sign_in(api, program.assertion(header={"alg": other})).status == 401, "the algorithm is fixed"


def test_it_waits_in_the_clerks_list_lapses_after_thirty_days_and_can_be_asked_for_anew(
    world: Any, api: Any
) -> None:
    from chalicelib.accounts import jobs
    from chalicelib.kernel.principal import system_context

    program = Program()
    asked(api, program, at=world.now)
    (waiting,) = api("clerk").get("/v1/waiting?kind=client", at=world.now).json["items"]
    assert (waiting["subject"], waiting["name"], waiting["allowed_actions"]) == (
        program.id,
        program.name,
        ["confirm", "refuse", "revoke"],
    )
    assert api("clerk_wuhu").get("/v1/waiting?kind=client", at=world.now).json["items"] == []
    late = world.now + 30 * DAY
    over = api("clerk").post(f"/v1/clients/{program.id}/confirm", {"version": 1}, at=late)
    assert (over.status, over.json["code"]) == (409, "wrong_state")
    assert api("institution").get(f"/v1/clients/{program.id}", at=late).json["status"] == "lapsed"
    context = system_context("lapse_accounts", now=late, request_id="req_test")
    assert jobs.lapse_accounts(context) == {"lapsed": 1}
    anew = asked(api, program, at=late)
    assert (anew.status, anew.json["status"], anew.json["version"]) == (201, "proposed", 3)
    assert anew.json["id"] == program.id


def test_one_that_is_over_is_asked_for_anew_whether_the_night_has_written_that_down_or_not(
    world: Any, api: Any
) -> None:
    """Schemathesis found it: what had lapsed by its date alone was "busy"."""
    program = Program()
    asked(api, program, at=world.now)
    anew = asked(api, program, at=world.now + 31 * DAY)
    assert (anew.status, anew.json["status"], anew.json["version"]) == (201, "proposed", 2)
    done = api("clerk").post(f"/v1/clients/{program.id}/confirm", {"version": 2}, at=world.now + 32 * DAY)
    assert done.json["status"] == "active"
    unused = asked(api, program, at=world.now + 200 * DAY)
    assert (unused.status, unused.json["status"]) == (201, "proposed"), unused.text
    assert unused.json["good_until"] is None


def test_one_that_nobody_uses_for_ninety_days_is_over_and_two_years_are_the_end(world: Any, api: Any) -> None:
    program = Program()
    confirmed(api, program, at=world.now)
    path = f"/v1/clients/{program.id}"

    def good(days: int) -> int:
        return int(sign_in(api, program.assertion(), at=world.now + days * DAY).status)

    assert [good(89), good(178), good(178 + 90)] == [200, 200, 401]
    lapsed = api("institution").get(path, at=world.now + 268 * DAY).json
    assert (lapsed["status"], lapsed["allowed_actions"]) == ("lapsed", [])

    daily = Program(name="每日使用")
    confirmed(api, daily, at=world.now)
    days = [*range(0, 730, 80), 729]
    assert {sign_in(api, daily.assertion(), at=world.now + day * DAY).status for day in days} == {200}
    assert sign_in(api, daily.assertion(), at=world.now + 730 * DAY).json["code"] == "client_not_in_force"


def test_revoked_by_one_it_stops_at_once_and_its_token_too(world: Any, api: Any) -> None:
    program = Program()
    confirmed(api, program)
    software = signed_in(api, program)
    assert software.get("/v1/classes").status == 200
    version = api("institution").get(f"/v1/clients/{program.id}").json["version"]
    other = api("institution_two").post(
        f"/v1/clients/{program.id}/revoke", {"version": version, "reason": "停用"}
    )
    assert other.status == 404, "another school's"
    gone = api("institution").post(f"/v1/clients/{program.id}/revoke", {"version": version, "reason": "停用"})
    assert gone.json["status"] == "disabled"
    from chalicelib.accounts.guard import forget_statuses

    assert software.post("/v1/classes", {}, by="institution").status == 401, "changes look at the row itself"
    forget_statuses()  # thirty seconds later
    assert software.get("/v1/classes").status == 401
    assert sign_in(api, program.assertion()).json["code"] == "client_not_in_force"


def test_programs_are_no_accounts_of_people(world: Any, api: Any) -> None:
    program = Program()
    confirmed(api, program)
    assert api("province").post(f"/v1/accounts/{program.id}/reset", {"version": 2}).status == 404
    listed = api("province").get("/v1/accounts?division=340111&limit=100").json["items"]
    assert program.id not in [account["id"] for account in listed]
    assert [one["id"] for one in api("clerk").get("/v1/clients?division=340111").json["items"]] == [
        program.id
    ]
    assert [one["id"] for one in api("province").get("/v1/clients").json["items"]] == [program.id]
    assert api("clerk_wuhu").get("/v1/clients").json["items"] == []


def test_what_it_does_itself_stands_in_nobodys_way_who_revokes_it(world: Any, api: Any) -> None:
    """Who stole its key could else keep it for good: by its first use of a day, and by another key each time."""
    program = Program()
    shown = confirmed(api, program, at=world.now)["version"]
    software = signed_in(api, program, at=world.now + DAY)
    path = f"/v1/clients/{program.id}"
    slipped_in = Program(kid="stolen", id=program.id).public_key()
    added = software.post(f"{path}/keys", {"version": shown, "public_key": slipped_in}, at=world.now + DAY)
    assert (added.status, added.json["version"]) == (200, shown + 2), "the day of use counts, and the key"
    unread = api("institution").post(
        f"{path}/revoke", {"version": shown + 3, "reason": "泄露"}, at=world.now + DAY
    )
    assert (unread.status, unread.json["code"]) == (409, "version_conflict"), "nobody has seen that version"
    gone = api("institution").post(f"{path}/revoke", {"version": shown, "reason": "泄露"}, at=world.now + DAY)
    assert (gone.status, gone.json["status"]) == (200, "disabled"), gone.text
    assert (
        software.post(f"{path}/keys", {"version": shown, "public_key": slipped_in}, at=world.now + DAY).status
        == 401
    )
    twice = api("institution").post(
        f"{path}/revoke", {"version": shown, "reason": "泄露"}, at=world.now + DAY
    )
    assert (twice.status, twice.json["code"]) == (409, "wrong_state")


def test_one_that_was_asked_for_anew_is_not_revoked_by_what_was_seen_of_the_one_before(
    world: Any, api: Any
) -> None:
    program = Program()
    before = confirmed(api, program, at=world.now)["version"]
    path, late = f"/v1/clients/{program.id}/revoke", world.now + 91 * DAY
    anew = asked(api, program, at=late).json
    assert anew["version"] == before + 1
    old = api("institution").post(path, {"version": before, "reason": "停用"}, at=late)
    assert (old.status, old.json["code"]) == (409, "version_conflict")
    done = api("clerk").post(f"/v1/clients/{program.id}/confirm", {"version": anew["version"]}, at=late)
    assert done.status == 200, done.text
    gone = api("institution").post(path, {"version": anew["version"], "reason": "停用"}, at=late)
    assert gone.json["status"] == "disabled", "what was seen before it was confirmed is this one"
