"""What a key counts for, and how long; whose call it is; what is kept under it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chalicelib.edge.idempotency.service import KEPT_FOR, LEASE_SECONDS
from chalicelib.edge.idempotency.store import FirstCallRow
from infra.local.catalogue import INSTITUTIONS, PROGRAM
from tests.catalogue.imports.test_sheets import HEADERS, rows
from tests.subsidies.scored import Money, scored_class
from tests.support.in_process import Interrupted
from tests.support.plugin import forget_what_is_known

KEY = {"Idempotency-Key": "k"}


def kept() -> list[Any]:
    return [row.record for row in FirstCallRow.scan()]


def later(**span: float) -> None:
    """Let time pass for every key."""
    seconds = int(timedelta(**span).total_seconds())
    for call in kept():
        FirstCallRow(call.id).update(
            actions=[
                FirstCallRow.leased_until.set(call.leased_until - seconds),
                FirstCallRow.expires.set(call.expires - seconds),
            ]
        )


def fail_at(emulator: Any, number: int, failure: BaseException) -> Any:
    """Fail after so many calls to tables and queues."""

    def act(place: int) -> None:
        if place == -number:
            raise failure

    return emulator.interrupted(act)


def patiently(send: Any) -> Any:
    """Send a call, again once it may if another run of it seems to go on."""
    answer = send()
    if answer.status == 409 and answer.json["code"] == "in_progress":
        later(seconds=int(answer.headers["Retry-After"]))
        answer = send()
    return answer


def effect_of(emulator: Any, send: Any) -> int:
    """Tell at which call this one has its effect: the last before its answer is kept."""
    begun = emulator.keep()
    number = calls_of(emulator, send) - 1
    emulator.restore(begun)
    forget_what_is_known()
    return number


def calls_of(emulator: Any, send: Any) -> int:
    forget_what_is_known()
    with emulator.interrupted(lambda _: None):
        assert send().status < 300
        return int(emulator.calls)


# ------------------------------------------------------------------------------------------ whose and what


def test_a_trial_and_the_call_itself_are_two_calls_under_one_key(world: Any, api: Any) -> None:
    from chalicelib.sheets.content_types import XLSX
    from chalicelib.sheets.writing import write_xlsx

    sheet = write_xlsx("机构", HEADERS, rows(world, INSTITUTIONS[3:5]))
    path = "/v1/catalogue/imports?kind=institutions"

    def send(query: str) -> Any:
        return api("province").send("POST", path + query, None, raw=sheet, content_type=XLSX, headers=KEY)

    assert (send("&dry_run=true").json["created"], send("").json["created"]) == (2, 2)
    assert api().get(f"/v1/institutions/{INSTITUTIONS[3]['uscc']}").status == 200
    assert send("").json["created"] == 2, "the first answer"


def test_a_key_is_its_callers_own(world: Any, api: Any) -> None:
    first, second = (
        api(who).post("/v1/programs", PROGRAM, headers=KEY) for who in ("province", "province_two")
    )
    assert (first.status, second.status) == (201, 201)
    assert first.json["id"] != second.json["id"]


def test_sign_in_and_anonymous_calls_know_no_key(world: Any, api: Any) -> None:
    money = Money(world)
    money.budget()
    claim = money.publicised(scored_class(world, 1))
    path = f"/v1/publicity/{claim['id']}/objections"
    for reason in ("此人未参加培训", "课没有上"):
        filed = api().post(path, {"reason": reason}, at=money.now, headers=KEY)
        assert filed.status == 201, filed.text
    for password in ("wrong-1", "wrong-2"):
        body = {"grant_type": "password", "account": "nobody", "password": password}
        assert api().post("/v1/auth/tokens", body, headers=KEY).status == 401
    assert kept() == []


# ------------------------------------------------------------------------------------------ how long


def test_a_repeat_that_comes_too_early_is_told_when_to_come_back(emulator: Any, world: Any, api: Any) -> None:
    province = api("province")

    def send() -> Any:
        return province.post("/v1/programs", PROGRAM, headers=KEY)

    number = effect_of(emulator, send)
    with pytest.raises(Interrupted), fail_at(emulator, number, Interrupted()):
        send()
    early = send()
    assert (early.status, early.json["code"]) == (409, "in_progress")
    assert 1 <= int(early.headers["Retry-After"]) <= LEASE_SECONDS + 1
    later(seconds=int(early.headers["Retry-After"]))
    assert send().status == 201
    assert len(api().get("/v1/programs").json["items"]) == 2


def test_what_fails_on_our_side_may_be_repeated_at_once_but_not_with_another_body(
    emulator: Any, world: Any, api: Any
) -> None:
    province = api("province")
    number = effect_of(emulator, lambda: province.post("/v1/programs", PROGRAM, headers=KEY))
    with fail_at(emulator, number, RuntimeError()):
        assert province.post("/v1/programs", PROGRAM, headers=KEY).status == 500
    other = province.post("/v1/programs", {**PROGRAM, "name": "别的"}, headers=KEY)
    assert (other.status, other.json["code"]) == (422, "idempotency_mismatch")
    assert province.post("/v1/programs", PROGRAM, headers=KEY).status == 201


def test_a_refusal_frees_the_key(world: Any, api: Any) -> None:
    province = api("province")
    program = province.post("/v1/programs", PROGRAM).json
    path = f"/v1/programs/{program['id']}/policy"
    stale = province.post(path, {"version": 7, "policy": program["policy"]}, headers=KEY)
    assert stale.json["code"] == "version_conflict"
    right = province.post(path, {"version": 1, "policy": program["policy"]}, headers=KEY)
    assert (right.status, right.json["policy_version"]) == (201, 2)


def test_a_key_is_free_after_its_day(world: Any, api: Any) -> None:
    province = api("province")
    first = province.post("/v1/programs", PROGRAM, headers=KEY)
    later(seconds=KEPT_FOR.total_seconds() + 1)
    other = province.post("/v1/programs", {**PROGRAM, "name": "别的"}, headers=KEY)
    assert (first.status, other.status) == (201, 201)
    (call,) = kept()
    assert call.expires > datetime.now(UTC).timestamp()


def test_a_call_is_the_same_one_after_the_key_of_the_index_was_rotated(
    emulator: Any, world: Any, api: Any
) -> None:
    import json

    import boto3

    from chalicelib.aws.keys import forget_keys

    secrets = boto3.client("secretsmanager", region_name="cn-north-1")
    before = secrets.get_secret_value(SecretId="voucher-test-index")["SecretString"]
    province = api("province")
    number = effect_of(emulator, lambda: province.post("/v1/programs", PROGRAM, headers=KEY))
    with fail_at(emulator, number, RuntimeError()):
        assert province.post("/v1/programs", PROGRAM, headers=KEY).status == 500
    try:
        secrets.put_secret_value(SecretId="voucher-test-index", SecretString=json.dumps({"seed": "y" * 60}))
        forget_keys()
        assert province.post("/v1/programs", PROGRAM, headers=KEY).status == 201
        assert len(api().get("/v1/programs").json["items"]) == 2
    finally:
        for _ in range(2):  # twice, so that nothing of it is the key before either
            secrets.put_secret_value(SecretId="voucher-test-index", SecretString=before)
        forget_keys()


# ------------------------------------------------------------------------------------------ what is kept


def test_a_decision_that_could_not_be_taken_now_is_taken_by_the_repeat(
    emulator: Any, world: Any, api: Any
) -> None:
    from botocore.exceptions import ConnectionClosedError

    money = Money(world)
    claims = [money.claim(scored_class(world, 1)) for _ in range(2)]
    body = {"decisions": [{"claim_id": claim["id"], "action": "review", "version": 1} for claim in claims]}

    clerk = api("clerk")

    def send() -> Any:
        return clerk.post("/v1/claim-decisions", body, at=money.now, headers=KEY)

    begun = emulator.keep()
    calls = calls_of(emulator, send)
    for number in range(2, calls):
        emulator.restore(begun)
        forget_what_is_known()
        with fail_at(emulator, number, ConnectionClosedError(endpoint_url="https://x")):
            first = send()
        again = patiently(send)
        assert again.json["applied"] == 2, (number, first.text, again.text)
        assert {money.read(claim)["version"] for claim in claims} == {2}
        if first.status == 200 and first.json["applied"] < 2:
            assert {result["code"] for result in first.json["results"]} <= {None, "try_again"}
            break
    else:
        pytest.fail("no trial left a decision to the repeat")


def test_an_answer_that_cannot_be_kept_is_given_all_the_same(emulator: Any, world: Any, api: Any) -> None:
    province = api("province")

    def send() -> Any:
        return province.post("/v1/programs", PROGRAM, headers=KEY)

    begun = emulator.keep()
    last = calls_of(emulator, send)
    emulator.restore(begun)
    forget_what_is_known()
    with fail_at(emulator, last, RuntimeError()):
        first = send()
    assert (first.status, first.json) == (201, patiently(send).json)


def test_an_activation_code_is_given_again_and_works(emulator: Any, world: Any, api: Any) -> None:
    body = {
        "account": "neu-clerk",
        "name": "新",
        "role": "clerk",
        "division": "3401",
        "id_number": world.person(77).id_number,
    }

    province = api("province")

    def send() -> Any:
        return province.post("/v1/accounts", body, headers=KEY)

    begun = emulator.keep()
    calls = calls_of(emulator, send)
    codes = set()
    for number in range(2, calls + 1):
        emulator.restore(begun)
        forget_what_is_known()
        with fail_at(emulator, number, RuntimeError()):
            send()
        again = patiently(send)
        assert again.status == 201, again.text
        codes.add(again.json["activation_code"])
    assert len(codes) == 1
    fresh = api("province").post(
        "/v1/accounts",
        {**body, "account": "other", "id_number": world.person(78).id_number},
        headers={"Idempotency-Key": "2"},
    )
    assert fresh.json["activation_code"] not in codes
