"""What may be done with a line: a reversal is asked for, withdrawn or refused; an unpaid one is rejected."""

from typing import Any

import pytest

from chalicelib.kernel.principal import Role
from chalicelib.subsidies.claims.store import LineRow
from tests.accounts.test_separation import is_own_work, moved
from tests.settlement.ledger.test_ledger import repay
from tests.settlement.test_faults import until_whole
from tests.subsidies.scored import Money, scored_class
from tests.support.people import staff_principal


@pytest.fixture
def money(world: Any) -> Money:
    return Money(world)


@pytest.fixture
def paid(world: Any, money: Money) -> str:
    batch = money.sealed(scored_class(world, 2))
    money.pay(batch)
    return str(money.batch(batch)["lines"][0]["line_id"])


def act(
    money: Money,
    line_id: str,
    verb: str = "",
    *,
    who: Any = "finance",
    reason: str | None = None,
    version: int | None = None,
) -> Any:
    body: dict[str, Any] = {} if reason is None else {"reason": reason}
    if verb == "/cancel":
        body["version"] = version or LineRow.get(line_id).version
    return money.api(who).post(f"/v1/claim-lines/{line_id}/reverse{verb}", body, at=money.now)


def actions(money: Money, line_id: str, who: Any) -> list[str]:
    actions: list[str] = money.ok(money.api(who).get(f"/v1/claim-lines/{line_id}"))["allowed_actions"]
    return actions


@pytest.mark.parametrize("who", ["finance", "finance_two"])
def test_a_request_is_withdrawn_or_refused_with_a_reason_and_may_be_made_again(
    money: Money, paid: str, who: str
) -> None:
    early = act(money, paid, "/cancel", reason="x")
    assert (early.status, early.json["code"]) == (409, "reversal_not_asked")
    money.ok(act(money, paid, reason="打错"))
    assert actions(money, paid, "finance") == ["cancel_reversal"]
    assert actions(money, paid, "finance_two") == ["confirm_reversal", "cancel_reversal"]
    assert act(money, paid, "/cancel").status == 400
    assert act(money, paid, "/cancel", who="finance_wuhu", reason="x").status == 404
    assert act(money, paid, "/cancel", who="clerk", reason="x").status == 403
    shown = money.ok(act(money, paid, "/cancel", who=who, reason="核实无误"))
    assert (shown["status"], shown["reversal_asked"], shown["reversal_reason"]) == ("paid", False, None)
    last = LineRow.get(paid).record.last_change
    assert last is not None
    assert (last.actor, last.action, last.reason) == (
        staff_principal(who).actor,
        "claim_line.cancel_reversal",
        "核实无误",
    )
    assert act(money, paid, "/cancel", who=who, reason="核实无误").json["code"] == "reversal_not_asked"
    assert act(money, paid, "/confirm", who="finance_two").json["code"] == "reversal_not_asked"
    assert money.ok(act(money, paid, reason="更正理由"))["reversal_reason"] == "更正理由"
    assert money.ok(act(money, paid, "/confirm", who="finance_two"))["status"] == "reversed"
    late = act(money, paid, "/cancel", reason="x")
    assert (late.status, late.json["code"]) == (409, "wrong_state")


def test_bureaus_see_who_asked_for_a_reversal_and_the_institution_that_somebody_did(
    money: Money, paid: str
) -> None:
    asked = money.ok(act(money, paid, reason="重复发放"))
    assert (asked["reversal_asked"], asked["reversal_asked_by"]) == (True, staff_principal("finance").actor)
    school = money.ok(money.api("institution").get(f"/v1/claim-lines/{paid}"))
    assert (school["reversal_asked"], school["reversal_asked_by"]) == (True, None)


def test_cancelling_killed_after_any_call_cancels_once(money: Money, paid: str) -> None:
    money.ok(act(money, paid, reason="重复发放"))
    answer = until_whole(lambda: act(money, paid, "/cancel", reason="核实无误"))
    assert answer.status == 200 or answer.json["code"] == "reversal_not_asked"
    assert not money.ok(money.api("finance").get(f"/v1/claim-lines/{paid}"))["reversal_asked"]


@pytest.mark.parametrize("name", ["institution", "clerk", "reviewer"])
def test_who_had_a_hand_in_a_claim_does_not_decide_what_becomes_of_its_money(
    money: Money, paid: str, name: str
) -> None:
    money.ok(act(money, paid, reason="重复发放"))
    treasurer = moved(name, Role.FINANCE)
    assert is_own_work(act(money, paid, "/cancel", who=treasurer, reason="x"))
    assert is_own_work(act(money, paid, "/confirm", who=treasurer))
    assert actions(money, paid, treasurer) == []
    money.ok(act(money, paid, "/confirm", who="finance_two"))
    body = {"amount_fen": 1, "received_on": "2026-10-08", "bank_reference": "R1"}
    path = f"/v1/claim-lines/{paid}/repayments"
    assert is_own_work(money.api(treasurer).post(path, body, at=money.now))
    assert actions(money, paid, treasurer) == []
    assert repay(money, paid, 1).status == 200


def test_a_reviewer_is_told_that_an_unpaid_line_of_an_approved_claim_may_be_rejected(
    world: Any, money: Money
) -> None:
    money.budget()
    claim = money.claim(scored_class(world, 3, mocked={0}))
    held, pending, _ = (line["id"] for line in claim["lines"])
    assert actions(money, pending, "reviewer") == [], "under review its claim's decisions reject it"
    claim = money.ok(money.decide("clerk", claim, "review"))
    money.ok(money.decide("reviewer", claim, "approve"))
    assert {line["id"]: line["status"] for line in money.read(claim)["lines"]}[held] == "held"
    for line_id in (held, pending):
        assert actions(money, line_id, "reviewer") == ["reject"]
        assert actions(money, line_id, moved("supervisor", Role.REVIEWER, "340111")) == ["reject"]
        assert actions(money, line_id, moved("institution", Role.REVIEWER)) == []
        for who in ("finance", "clerk", "province"):
            assert actions(money, line_id, who) == []
    money.wait()
    batch = money.seal()
    assert actions(money, pending, "reviewer") == []
    money.pay(batch, failing={0})
    states = {line["line_id"]: line["status"] for line in money.batch(batch)["lines"]}
    for line_id, state in states.items():
        assert actions(money, line_id, "reviewer") == (["reject"] if state == "payment_failed" else [])
    failed = next(line_id for line_id, state in states.items() if state == "payment_failed")
    body = {"version": LineRow.get(failed).version, "reason": "账户已注销"}
    assert money.api("reviewer").post(f"/v1/claim-lines/{failed}/reject", body, at=money.now).status == 200
    assert actions(money, failed, "reviewer") == []


def test_a_late_repeat_of_a_withdrawal_leaves_the_next_request_alone(money: Money, paid: str) -> None:
    money.ok(act(money, paid, reason="打错"))
    version = LineRow.get(paid).version
    money.ok(act(money, paid, "/cancel", reason="打错", version=version))
    money.ok(act(money, paid, who="finance_two", reason="重复发放"))
    late = act(money, paid, "/cancel", reason="打错", version=version)
    assert (late.status, late.json["code"]) == (409, "version_conflict")
    assert LineRow.get(paid).reversal_reason == "重复发放"
