"""One clerk and one school together try to have a class paid: none of it reaches a batch, each attempt is kept."""

from typing import Any

import pytest

from chalicelib.accounts.refusals.store import RefusedAttemptRow
from chalicelib.accounts.rights import RIGHTS, WATCHED_READING
from chalicelib.edge.pace import forget_paces
from chalicelib.settlement.batches.store import BatchRow
from tests.subsidies.scored import Money, scored_class
from tests.support.people import staff_principal

TWO = ("clerk", "institution")


@pytest.fixture
def money(world: Any) -> Money:
    return Money(world)


def kept() -> list[tuple[str, str, str]]:
    """Give who tried what, and why it was refused."""
    rows = (row.record for row in RefusedAttemptRow.scan())
    return sorted(
        (row.last_change.actor, row.last_change.action, row.code) for row in rows if row.last_change
    )


def test_a_clerk_and_a_school_together_bring_no_line_into_a_batch_and_leave_a_record_of_each_attempt(
    world: Any, money: Money
) -> None:
    money.budget()
    class_id = scored_class(world, 2)
    claim = money.ok(money.decide("clerk", money.claim(class_id), "review"))
    line = money.read(claim)["lines"][0]["id"]
    path, wish = f"/v1/subsidy-claims/{claim['id']}", {"reason": "请尽快"}
    seen = {"version": claim["version"]}
    came = {"amount_fen": 1, "received_on": "2026-09-21", "bank_reference": "R1"}
    tries = [
        ("POST", f"{path}/approve", seen),  # the second review, by who gave the first or applied
        ("POST", f"{path}/review", seen),
        ("POST", f"{path}/approve/withdraw", seen | wish),
        ("PUT", "/v1/budgets/3401/2026", {"program_id": world.program_id, "appropriated_fen": 1}),
        ("POST", "/v1/settlement-batches", {}),
        ("POST", f"/v1/claim-lines/{line}/release", wish),
        ("POST", f"/v1/claim-lines/{line}/reverse", wish),
        ("POST", f"/v1/claim-lines/{line}/repayments", came),
        ("POST", f"/v1/claim-lines/{line}/repayments/confirm", {}),
        ("POST", f"/v1/claim-lines/{line}/correct", {"to": "failed", "amount_fen": 1, **wish}),
        ("POST", "/v1/holds", {"subject": {"kind": "line", "id": line}, **wish}),
    ]
    refused = []
    for who in TWO:
        for method, where, body in tries:
            answer = money.api(who).send(method, where, body, at=money.now)
            if (who, where) == ("clerk", f"{path}/review"):
                assert answer.status == 409, "it was theirs, and is done"
                continue
            assert answer.status == 403, (who, where, answer.text)
            refused.append((staff_principal(who).actor, answer.json["code"]))
    assert sorted((actor, code) for actor, _, code in kept()) == sorted(refused)
    assert all(action.endswith("_refused") for _, action, _ in kept())
    for _ in range(3):
        money.wait()
        assert money.seal() is None
    assert not [row for row in BatchRow.scan() if row.record.line_count]
    assert money.balance()["debit_fen"] == 0


def test_a_refused_attempt_is_in_the_audit_with_who_tried_and_why(
    world: Any, money: Money, cloud: Any
) -> None:
    claim = money.ok(money.decide("clerk", money.claim(scored_class(world, 1)), "review"))
    assert money.decide("clerk", claim, "approve").json["code"] == "forbidden"
    (told,) = [row.record for row in RefusedAttemptRow.scan()]
    assert (told.subject, told.code, told.division) == (claim["id"], "forbidden", "3401")
    assert told.last_change is not None
    assert (told.last_change.actor, told.last_change.action) == (
        staff_principal("clerk").actor,
        "subsidy_claim.approve_refused",
    )


def test_an_attempt_among_several_decisions_is_kept_like_one_alone(world: Any, money: Money) -> None:
    claim = money.ok(money.decide("clerk", money.claim(scored_class(world, 1)), "review"))
    wish = {"claim_id": claim["id"], "version": claim["version"], "action": "approve"}
    answer = money.api("clerk").post("/v1/claim-decisions", {"decisions": [wish]}, at=money.now)
    assert (answer.status, answer.json["results"][0]["code"]) == (200, "forbidden"), answer.text
    assert kept() == [(staff_principal("clerk").actor, "subsidy_claim.decide_refused", "forbidden")]


def test_no_number_that_somebody_writes_into_a_path_becomes_a_key(world: Any, money: Money) -> None:
    for number in ("340102200301010003", "lin_340102200301010003"):
        answer = money.api("institution").post(
            f"/v1/claim-lines/{number}/reverse", {"reason": "x"}, at=money.now
        )
        assert answer.status == 403
    assert {row.subject for row in RefusedAttemptRow.scan()} == {staff_principal("institution").actor}


def test_records_of_refused_attempts_have_a_pace(world: Any, money: Money) -> None:
    for _ in range(70):
        assert money.api("institution").post("/v1/settlement-batches", {}, at=money.now).status == 403
    each = [one for one in kept() if one[1] != "refused_attempt.leave_out"]
    assert 60 <= len(each) <= 62


def test_attempts_above_the_pace_are_counted_by_caller_and_hour(world: Any, money: Money) -> None:
    def left_out() -> list[int]:
        rows = [row.record for row in RefusedAttemptRow.scan()]
        return sorted(row.left_out for row in rows if row.left_out is not None)

    for _ in range(70):
        money.api("institution").post("/v1/settlement-batches", {}, at=money.now)
    assert left_out() == [1, 2, 4, 8]
    forget_paces()  # as another process has not counted them
    for _ in range(62):
        money.api("institution").post("/v1/settlement-batches", {}, at=money.now)
    assert left_out() == [1, 2, 4, 8], "the same count is kept once"
    money.wait()
    money.api("institution").post("/v1/settlement-batches", {}, at=money.now)
    assert left_out() == [1, 1, 2, 4, 8], "another hour is counted anew"


@pytest.mark.parametrize(
    ("who", "path", "action"),
    [
        ("clerk", "/v1/audit?subject=x", "audit.read_refused"),
        ("institution", "/v1/accounts", "account.read_refused"),
        ("institution", "/v1/risk-cases", "risk_case.read_refused"),
        ("finance", "/v1/risk-cases", "risk_case.read_refused"),
        ("reviewer", "/v1/inspections", "inspection.read_refused"),
    ],
)
def test_who_is_refused_to_read_of_people_or_the_audit_leaves_a_record(
    world: Any, money: Money, who: str, path: str, action: str
) -> None:
    assert money.api(who).get(path, at=money.now).status == 403
    assert kept() == [(staff_principal(who).actor, action, "forbidden")]


def test_every_watched_reading_is_an_action() -> None:
    assert set(RIGHTS) >= WATCHED_READING


def test_a_trainee_a_stranger_and_a_reader_leave_none(world: Any, money: Money) -> None:
    claim = money.claim(scored_class(world, 1))
    assert money.api().post(f"/v1/subsidy-claims/{claim['id']}/approve", {"version": 1}).status == 401
    assert money.api("clerk").get("/v1/ledger/trial-balance").status == 403
    (only,) = kept()
    assert only[1] == "ledger.read_refused"
    assert money.api("institution").get("/v1/budgets/3401/2026").status == 403
    assert kept() == [only]


def test_the_answer_is_the_same_when_the_record_cannot_be_written(
    world: Any, money: Money, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pynamodb.exceptions import PynamoDBException

    from chalicelib.accounts.refusals import service

    def fail(*_: Any, **__: Any) -> None:
        raise PynamoDBException("the table is away")

    monkeypatch.setattr(service, "keep_refusal", fail)
    claim = money.ok(money.decide("clerk", money.claim(scored_class(world, 1)), "review"))
    assert money.decide("clerk", claim, "approve").status == 403
