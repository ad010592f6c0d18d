"""A mistaken second review is withdrawn by its reviewer until publicity has run a day."""

from datetime import timedelta
from typing import Any

import pytest

from tests.settlement.ledger.test_ledger import FEN, differences
from tests.settlement.test_faults import until_whole
from tests.subsidies.scored import Money, scored_class


@pytest.fixture
def money(world: Any) -> Money:
    return Money(world)


@pytest.fixture
def claim(world: Any, money: Money) -> Any:
    """Approve a claim of three lines, one of them rejected by mistake."""
    money.budget(10 * FEN)
    claim = money.claim(scored_class(world, 3))
    claim = money.ok(money.decide("clerk", claim, "review"))
    line_id = claim["lines"][0]["id"] if "lines" in claim else money.read(claim)["lines"][0]["id"]
    rejected = [{"id": line_id, "reason": "看错了"}]
    return money.ok(money.decide("reviewer", claim, "approve", rejected_lines=rejected))


def withdraw(money: Money, claim: Any, who: Any = "reviewer") -> Any:
    return money.decide(who, claim, "approve/withdraw", reason="误点通过")


def available(money: Money) -> int:
    return int(money.ok(money.api("finance").get("/v1/budgets/3401/2026"))["available_fen"])


def test_its_reviewer_withdraws_it_and_everything_is_as_before(money: Money, claim: Any) -> None:
    assert (claim["count"], available(money)) == (2, 8 * FEN)
    back = money.ok(withdraw(money, claim))
    assert (back["status"], back["count"], back["amount_fen"]) == ("reviewed", 3, 3 * FEN)
    assert available(money) == 10 * FEN
    shown = money.read(claim)
    assert [line["status"] for line in shown["lines"]] == ["pending"] * 3
    assert shown["publicity_ends_on"] is None
    assert differences(money) == []
    again = money.ok(money.decide("reviewer", back, "approve"))
    assert (again["status"], again["count"], available(money)) == ("publicised", 3, 7 * FEN)
    money.wait()
    assert money.seal()["count"] == 3


def test_only_its_own_reviewer_and_only_while_publicity_has_not_run_a_day(money: Money, claim: Any) -> None:
    for who, status in (("clerk", 403), ("finance", 403), ("institution", 403)):
        assert withdraw(money, claim, who).status == status
    money.now += timedelta(days=1)  # 2 September, a Wednesday: the first day of publicity
    early = {**claim, "version": claim["version"] - 1}
    assert withdraw(money, early).json["code"] == "version_conflict"
    money.now += timedelta(days=1)
    late = withdraw(money, claim)
    assert (late.status, late.json["code"]) == (409, "approval_stands")
    money.now -= timedelta(days=1)
    assert money.ok(withdraw(money, claim))["status"] == "reviewed"


def test_a_claim_that_somebody_objected_to_stays_in_publicity(money: Money, claim: Any) -> None:
    money.now += timedelta(days=1)
    path = f"/v1/publicity/{claim['id']}/objections"
    money.ok(money.api().post(path, {"reason": "名单有误"}, at=money.now))
    current = money.read(claim)
    assert withdraw(money, current).json["code"] == "objection_open"


def test_a_withdrawal_killed_after_any_call_frees_the_budget_once(money: Money, claim: Any) -> None:
    until_whole(lambda: withdraw(money, claim))
    assert available(money) == 10 * FEN
    assert differences(money) == []
