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
from chalicelib.accounts.sign_in.attempts.model import ACCOUNT, SOURCE, Attempts
from chalicelib.accounts.store import AccountRow
from chalicelib.aws.settings import settings

GOOD = "correct horse battery"


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


def make(
    api: Any, name: str, *, role: str = "clerk", division: str = "3401", active: bool = True
) -> dict[str, Any]:
    body = {"account": name, "name": "某人", "role": role, "division": division}
    invited = api("province").post("/v1/accounts", body)
    assert invited.status == 201, invited.text
    if active:
        code = invited.json["activation_code"]
        done = api().post("/v1/auth/activate", {"account": name, "activation_code": code, "password": GOOD})
        assert done.status == 200, done.text
    return dict(invited.json)


def sign_in(api: Any, name: str, password: str = GOOD, **more: Any) -> Any:
    return api().post(
        "/v1/auth/tokens", {"grant_type": "password", "account": name, "password": password, **more}
    )


def refresh(api: Any, token: str) -> Any:
    return api().post("/v1/auth/tokens", {"grant_type": "refresh_token", "refresh_token": token})


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
        body = {"account": name, "activation_code": "wrong", "password": GOOD}
        answers.append(told(api().post("/v1/auth/activate", body)))
        assert hasher.calls == before + 1, name
    assert all(answer == answers[0] for answer in answers)


def test_refresh_tokens_that_are_spent_unknown_or_of_a_disabled_account_answer_alike(api: Any) -> None:
    account = make(api, "known")
    first = sign_in(api, "known").json["refresh_token"]
    assert refresh(api, first).status == 200
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
        attempts = attempts_store.read(account_id_of(name), now)
        assert attempts.failures == 5, "a resting name is not counted further"
        assert attempts.rests(now)
    assert version_of("known") == 2, "guessing leaves the account as it is"


def test_rests_double_up_to_four_hours() -> None:
    minutes = [rest and rest / timedelta(minutes=1) for rest in map(ACCOUNT.rest_after, range(1, 16))]
    assert minutes == [None, None, None, None, 1, 2, 4, 8, 16, 32, 64, 128, 240, 240, 240]


def test_attempts_at_the_same_time_are_all_counted(cloud: Any) -> None:
    now = datetime.now(UTC)
    stale = attempts_store.read("acc_race", now)
    for _ in range(3):
        attempts_store.note_failure(stale, ACCOUNT, now)
    assert attempts_store.read("acc_race", now).failures == 3


def test_a_rest_ends_and_a_good_sign_in_forgets(api: Any) -> None:
    make(api, "known")
    for _ in range(4):
        sign_in(api, "known", "wrong password")
    assert sign_in(api, "known").status == 200
    assert attempts_store.read(account_id_of("known"), datetime.now(UTC)).failures == 0


def test_a_source_that_keeps_failing_is_told_when_to_come_back(api: Any, hasher: Any) -> None:
    now = datetime.now(UTC)
    before = Attempts(id=credentials._source_key("127.0.0.1"), failures=SOURCE.free - 1)
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
    body = {"account": "known", "activation_code": again.json["activation_code"], "password": GOOD + "2"}
    row = AccountRow.get(account["id"])
    assert api().post("/v1/auth/activate", body).status == 200
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
    body = {"account": "late", "activation_code": account["activation_code"], "password": GOOD}
    assert api().post("/v1/auth/activate", body).status == 401


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
        body = {
            "account": name,
            "name": "某人",
            "role": "institution",
            "division": "3401",
            "institution": uscc,
        }
        return api(who).post("/v1/accounts", body)

    assert invite("clerk", HEFEI_SCHOOL, "school-one").status == 201
    assert invite("clerk", WUHU_SCHOOL, "school-two").status == 404
    unknown = invite("clerk", "91350100M000100Y43", "school-three")
    assert (unknown.status, unknown.json["errors"][0]["code"]) == (400, "unknown_institution")


@pytest.mark.parametrize(
    "password", ["clerk-3401-x", "1234567890", "9876543210", "aaaaaaaaaaaa", "ababababab", "Password123"]
)
def test_passwords_that_are_guessed_first_are_refused(api: Any, password: str) -> None:
    assert is_weak("Clerk-3401", password)
    body = {"account": "clerk-3401", "activation_code": "x", "password": password}
    refused = api().post("/v1/auth/activate", body)
    assert (refused.status, refused.json["errors"][0]["code"]) == (400, "weak_password")


# --------------------------------------------------------------------------- the second factor


def code_at(secret: str, moment: datetime) -> str:
    import base64

    return TOTP(base64.b32decode(secret), 6, SHA1(), 30).generate(int(moment.timestamp())).decode()


def enrol(api: Any, name: str) -> str:
    offered = api().post("/v1/auth/totp", {"account": name, "password": GOOD})
    assert offered.status == 200, offered.text
    assert offered.json["uri"].startswith("otpauth://totp/")
    secret = offered.json["secret"]
    body = {
        "account": name,
        "password": GOOD,
        "totp": code_at(secret, datetime.now(UTC) - timedelta(seconds=30)),
    }
    done = api().post("/v1/auth/totp/confirm", body)
    assert done.status == 200, done.text
    return str(secret)


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
    assert api().post("/v1/auth/totp", {"account": "recipient", "password": GOOD}).status == 401


def test_a_reset_takes_a_lost_authenticator_away(api: Any) -> None:
    account = make(api, "recipient", role="finance")
    enrol(api, "recipient")
    again = api("province").post(f"/v1/accounts/{account['id']}/reset", {"version": version_of("recipient")})
    body = {"account": "recipient", "activation_code": again.json["activation_code"], "password": GOOD}
    assert api().post("/v1/auth/activate", body).status == 200
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
