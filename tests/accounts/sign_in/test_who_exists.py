"""Nothing tells which accounts exist: same answers, same hashing, same calls; and what failures cost."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP

from chalicelib.accounts import guard, passwords
from chalicelib.accounts.model import account_id_of
from chalicelib.accounts.passwords import is_weak
from chalicelib.accounts.sign_in import credentials
from chalicelib.accounts.sign_in.attempts import store as attempts_store
from chalicelib.accounts.sign_in.attempts.model import ACCOUNT, SOURCE, STRANGER, Attempts
from chalicelib.accounts.store import AccountRow
from chalicelib.aws.settings import settings
from tests.accounts.builders import GOOD, activate, ask_for, confirm, make, numbered, refresh, sign_in
from tests.support.keys import card_assertion


class CountingHasher:
    """Argon2id as configured, counting how often it works."""

    def __init__(self, real: Any) -> None:
        self.real, self.calls = real, 0

    def verify(self, hashed: str, password: str) -> bool:
        self.calls += 1
        return bool(self.real.verify(hashed, password))

    def hash(self, password: str) -> str:
        self.calls += 1
        return str(self.real.hash(password))


@pytest.fixture
def hasher() -> Any:
    """Stand a counter in the hasher's place."""
    counting = CountingHasher(passwords._hasher())
    passwords._installed_hasher[:] = [counting]
    yield counting
    passwords._installed_hasher[:] = [counting.real]


def me(api: Any, token: str) -> int:
    return int(api().get("/v1/me", headers={"Authorization": f"Bearer {token}"}).status)


def told(answer: Any) -> Any:
    """Give what a guesser can compare."""
    headers = {k: v for k, v in answer.headers.items() if k not in ("X-Request-Id", "Date")}
    return answer.status, {k: v for k, v in answer.json.items() if k != "request_id"}, headers


def version_of(name: str) -> int:
    return int(AccountRow.get(account_id_of(name)).version)


def test_every_way_to_fail_answers_alike_and_hashes_once(api: Any, hasher: Any) -> None:
    for name in ("known", "resting", "switched-off"):
        make(api, name)
    make(api, "not-yet", active=False)
    for _ in range(5):
        sign_in(api, "resting", "wrong password")
    off = {"version": version_of("switched-off"), "reason": "调离"}
    path = f"/v1/accounts/{account_id_of('switched-off')}/disable"
    assert api("province").post(path, off).status == 200
    tries = [
        ("known", "wrong password"),
        ("nobody", GOOD),
        ("resting", GOOD),
        ("switched-off", GOOD),
        ("not-yet", GOOD),
    ]
    answers = []
    for name, password in tries:
        before = hasher.calls
        answers.append(told(sign_in(api, name, password)))
        assert hasher.calls == before + 1, name
    assert all(answer == answers[0] for answer in answers)
    assert answers[0][0] == 401
    assert sign_in(api, "known").status == 200


def test_activation_tells_nothing_either(api: Any, hasher: Any) -> None:
    make(api, "known")
    make(api, "not-yet", active=False)
    answers = []
    for name in ("known", "not-yet", "nobody"):
        before = hasher.calls
        answers.append(told(activate(api, name, "wrong")))
        assert hasher.calls == before + 1, name
    assert all(answer == answers[0] for answer in answers)


def test_refresh_tokens_that_are_spent_unknown_or_of_a_disabled_account_answer_alike(api: Any) -> None:
    account = make(api, "known")
    first = sign_in(api, "known").json["refresh_token"]
    assert refresh(api, first).status == 200
    assert refresh(api, first).status == 200, "once more, for whoever did not hear the answer"
    spent = told(refresh(api, first))
    other = sign_in(api, "known").json["refresh_token"]
    off = {"version": version_of("known"), "reason": "调离"}
    assert api("province").post(f"/v1/accounts/{account['id']}/disable", off).status == 200
    assert (
        spent == told(refresh(api, other)) == told(refresh(api, "ses_unknown.x")) == told(refresh(api, "é"))
    )
    assert spent[0] == 401


def test_unknown_names_rest_like_known_ones(api: Any) -> None:
    make(api, "known")
    now = datetime.now(UTC)
    for name in ("known", "nobody"):
        for _ in range(6):
            sign_in(api, name, "wrong password")
        key = credentials._key("try", account_id_of(name), "127.0.0.1")
        attempts = attempts_store.read(key, now)
        assert attempts.failures == 5, "a resting name is not counted further"
        assert attempts.rests(now)
    assert version_of("known") == 2, "guessing leaves the account as it is"


def test_rests_double_up_to_four_hours() -> None:
    minutes = [rest and rest / timedelta(minutes=1) for rest in map(STRANGER.rest_after, range(1, 16))]
    assert minutes == [None, None, None, None, 1, 2, 4, 8, 16, 32, 64, 128, 240, 240, 240]


def test_attempts_at_the_same_time_are_all_counted(cloud: Any) -> None:
    now = datetime.now(UTC)
    for _ in range(3):
        assert attempts_store.take("try_race", STRANGER, now)
        assert attempts_store.take_under("acc_race", ACCOUNT, now) == 0
    assert attempts_store.read("try_race", now).failures == 3
    assert attempts_store.read("acc_race", now).failures == 3


def test_a_rest_ends_and_a_good_sign_in_forgets(api: Any) -> None:
    make(api, "known")
    for _ in range(4):
        sign_in(api, "known", "wrong password")
    assert sign_in(api, "known").status == 200
    key = credentials._key("try", account_id_of("known"), "127.0.0.1")
    assert attempts_store.read(key, datetime.now(UTC)).failures == 0


def test_a_source_that_keeps_failing_is_told_when_to_come_back(api: Any, hasher: Any) -> None:
    now = datetime.now(UTC)
    before = Attempts(id=credentials.source_key("127.0.0.1"), failures=SOURCE.most - 1)
    attempts_store.AttemptRow(before.id, failures=before.failures, expires=int(now.timestamp()) + 60).save()
    assert sign_in(api, "nobody").status == 401
    calls = hasher.calls
    refused = sign_in(api, "somebody-else")
    assert (refused.status, refused.json["code"]) == (429, "too_many_requests")
    assert 0 < int(refused.headers["Retry-After"]) <= 60
    assert hasher.calls == calls, "no work is done for it"


# --------------------------------------------------------------------------- reset, disable, role


def test_a_reset_ends_every_session_even_after_the_new_activation(api: Any) -> None:
    account = make(api, "known")
    old = sign_in(api, "known").json
    path = f"/v1/accounts/{account['id']}/reset"
    again = api("province").post(path, {"version": version_of("known")})
    assert again.status == 200
    row = AccountRow.get(account["id"])
    assert activate(api, "known", again.json["activation_code"], password=GOOD + "2").status == 200
    row.refresh()
    row.update(actions=[AccountRow.password_set_at.set(row.password_set_at + timedelta(seconds=2))])
    guard.forget_statuses()
    assert me(api, old["access_token"]) == 401
    assert refresh(api, old["refresh_token"]).status == 401


def test_a_token_of_another_role_or_area_is_out(api: Any) -> None:
    account = make(api, "known")
    old = sign_in(api, "known").json
    assert me(api, old["access_token"]) == 200
    AccountRow(account["id"]).update(actions=[AccountRow.role.set("reviewer")])
    guard.forget_statuses()
    assert me(api, old["access_token"]) == 401
    new = sign_in(api, "known").json
    assert (new["role"], me(api, new["access_token"])) == ("reviewer", 200)


def test_an_activation_code_runs_out(api: Any) -> None:
    account = make(api, "late", active=False)
    AccountRow(account["id"]).update(actions=[AccountRow.activation_until.set(datetime.now(UTC))])
    assert activate(api, "late", account["activation_code"]).status == 401


def test_a_clerk_of_the_province_cannot_take_over_its_own_accounts(api: Any) -> None:
    from chalicelib.kernel.principal import Role
    from tests.architecture.test_rights_matrix import account_of

    clerk = api(account_of("clerk-34", Role.CLERK, "34"))
    account = make(api, "boss", role="province", division="34")
    version = version_of("boss")
    assert clerk.post(f"/v1/accounts/{account['id']}/reset", {"version": version}).status == 404
    assert (
        clerk.post(f"/v1/accounts/{account['id']}/disable", {"version": version, "reason": "x"}).status == 404
    )
    listed = clerk.get("/v1/accounts", {"division": "34"}).json["items"]
    assert {tuple(item["allowed_actions"]) for item in listed if item["role"] == "province"} == {()}


def test_supervisors_see_accounts_but_no_actions(api: Any) -> None:
    make(api, "known")
    items = api("supervisor").get("/v1/accounts").json["items"]
    assert items
    assert all(item["allowed_actions"] == [] for item in items)


def test_staff_of_a_school_are_made_where_the_school_is(world: Any, api: Any) -> None:
    from tests.support.people import HEFEI_SCHOOL, WUHU_SCHOOL

    def invite(who: str, uscc: str, name: str) -> Any:
        return ask_for(api, name, who=who, role="institution", institution=uscc)

    assert invite("clerk", HEFEI_SCHOOL, "school-one").status == 201
    assert invite("clerk", WUHU_SCHOOL, "school-two").status == 404
    unknown = invite("clerk", "91350100M000100Y43", "school-three")
    assert (unknown.status, unknown.json["errors"][0]["code"]) == (400, "unknown_institution")


@pytest.mark.parametrize(
    "password", ["clerk-3401-x", "1234567890", "9876543210", "aaaaaaaaaaaa", "ababababab", "Password123"]
)
def test_passwords_that_are_guessed_first_are_refused(api: Any, password: str) -> None:
    assert is_weak("Clerk-3401", password)
    refused = activate(api, "clerk-3401", "x", password=password)
    assert (refused.status, refused.json["errors"][0]["code"]) == (400, "weak_password")


# --------------------------------------------------------------------------- the second factor


def code_at(secret: str, moment: datetime) -> str:
    import base64

    return TOTP(base64.b32decode(secret), 6, SHA1(), 30).generate(int(moment.timestamp())).decode()


def proven(name: str) -> dict[str, Any]:
    card = card_assertion(numbered(name).id_number)
    return {"account": name, "password": GOOD, "assertion": card}


def enrol(api: Any, name: str) -> str:
    offered = api().post("/v1/auth/totp", proven(name))
    assert offered.status == 200, offered.text
    assert offered.json["uri"].startswith("otpauth://totp/")
    secret = offered.json["secret"]
    body = {
        "account": name,
        "password": GOOD,
        "totp": code_at(secret, datetime.now(UTC) - timedelta(seconds=30)),
    }
    for _ in range(2):  # the second for whoever did not hear the answer
        done = api().post("/v1/auth/totp/confirm", body)
        assert done.status == 200, done.text
    return str(secret)


def test_what_its_holder_does_stands_in_nobodys_way_who_switches_an_account_off(api: Any) -> None:
    """Activated and with a second factor, which each count its version up, since a clerk opened the page."""
    shown = make(api, "recipient", role="finance")
    enrol(api, "recipient")
    path = f"/v1/accounts/{shown['id']}"
    off = api("clerk").post(f"{path}/disable", {"version": shown["version"], "reason": "泄露"})
    assert (off.status, off.json["status"]) == (200, "disabled"), off.text
    assert off.json["version"] > shown["version"] + 3
    again = api("clerk").post(f"{path}/reset", {"version": off.json["version"]})
    assert again.status == 200, again.text
    stale = api("clerk").post(f"{path}/disable", {"version": shown["version"], "reason": "泄露"})
    assert (stale.status, stale.json["code"]) == (409, "version_conflict"), "another matter since the reset"


def test_what_its_holder_does_stands_in_nobodys_way_who_resets_an_active_account(api: Any) -> None:
    shown = make(api, "recipient", role="finance")
    enrol(api, "recipient")
    again = api("clerk").post(f"/v1/accounts/{shown['id']}/reset", {"version": shown["version"]})
    assert (again.status, again.json["status"]) == (200, "proposed"), again.text


def test_no_page_from_before_it_was_switched_off_switches_an_account_on_again(api: Any) -> None:
    shown = make(api, "recipient", role="finance")
    path = f"/v1/accounts/{shown['id']}"
    before = version_of("recipient")
    off = api("clerk").post(f"{path}/disable", {"version": before, "reason": "离职"})
    assert (off.status, off.json["status"]) == (200, "disabled"), off.text
    for version in (shown["version"], before):
        stale = api("clerk").post(f"{path}/reset", {"version": version})
        assert (stale.status, stale.json["code"]) == (409, "version_conflict"), stale.text
    seen = api("clerk").post(f"{path}/reset", {"version": off.json["version"]})
    assert (seen.status, seen.json["status"]) == (200, "proposed"), seen.text


def test_a_reset_that_an_account_is_switched_off_under_does_not_switch_it_on_again(
    api: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was active when it was read; the write finds it switched off, reads again, and is refused."""
    from chalicelib.accounts import service, store

    shown = make(api, "recipient", role="finance")
    path, write, off = f"/v1/accounts/{shown['id']}", store.reset_account, []

    def late(*given: Any, **more: Any) -> None:
        if not off:
            leaving = {"version": shown["version"], "reason": "离职"}
            off.append(api("province").post(f"{path}/disable", leaving))
        write(*given, **more)

    monkeypatch.setattr(service.store, "reset_account", late)
    reset = api("clerk").post(f"{path}/reset", {"version": version_of("recipient")})
    assert off[0].status == 200, off[0].text
    assert (reset.status, reset.json["code"]) == (409, "version_conflict"), reset.text
    assert AccountRow.get(shown["id"]).status == "disabled"


def test_a_code_is_asked_once_enrolled_and_good_once(api: Any) -> None:
    make(api, "recipient", role="finance")
    secret = enrol(api, "recipient")
    code = code_at(secret, datetime.now(UTC))
    failed = told(sign_in(api, "recipient"))
    assert failed == told(sign_in(api, "recipient", totp="000000")) == told(sign_in(api, "nobody", totp=code))
    assert sign_in(api, "recipient", totp=code).status == 200
    assert told(sign_in(api, "recipient", totp=code)) == failed, "the same code again"
    assert sign_in(api, "recipient", totp="12345").status == 400
    assert secret not in str(AccountRow.get(account_id_of("recipient")).serialize())
    assert api().post("/v1/auth/totp", proven("recipient")).status == 401


def test_a_reset_takes_a_lost_authenticator_away(api: Any) -> None:
    account = make(api, "recipient", role="finance")
    enrol(api, "recipient")
    again = api("province").post(f"/v1/accounts/{account['id']}/reset", {"version": version_of("recipient")})
    assert again.json["status"] == "proposed"
    assert confirm(api, again.json).status == 200
    assert activate(api, "recipient", again.json["activation_code"]).status == 200
    assert sign_in(api, "recipient").status == 200


@pytest.fixture
def totp_required() -> Any:
    import os

    os.environ["TOTP_REQUIRED"] = "1"
    settings.cache_clear()
    yield
    del os.environ["TOTP_REQUIRED"]
    settings.cache_clear()


def test_where_it_is_required_payers_enrol_before_they_sign_in(api: Any, totp_required: None) -> None:
    make(api, "recipient", role="finance")
    make(api, "clerk-x")
    needed = sign_in(api, "recipient")
    assert (needed.status, needed.json["code"]) == (401, "totp_needed")
    assert sign_in(api, "recipient", "wrong password").json["code"] == "sign_in_failed"
    secret = enrol(api, "recipient")
    assert sign_in(api, "recipient", totp=code_at(secret, datetime.now(UTC))).status == 200
    assert sign_in(api, "clerk-x").status == 200
