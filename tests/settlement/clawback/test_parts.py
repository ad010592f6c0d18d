"""A payment is taken back in parts; the budget has what is owed as receivable until it has come back."""

from typing import Any

import pytest

from chalicelib.subsidies.budgets.store import BudgetRow
from chalicelib.subsidies.claims.store import LineRow
from chalicelib.vouchers.store import VoucherRow
from tests.settlement.corrections.test_corrections import budget, line, net
from tests.settlement.ledger.test_ledger import FEN, differences, repay, take_back
from tests.settlement.set_off.test_set_off import take_part_back
from tests.subsidies.scored import Money, scored_class

YUAN_200_000 = 20_000_000


@pytest.fixture
def money(world: Any) -> Money:
    return Money(world)


@pytest.fixture
def paid(world: Any, money: Money) -> str:
    batch = money.sealed(scored_class(world, 1))
    money.pay(batch)
    return str(money.batch(batch)["lines"][0]["line_id"])


def test_a_part_is_taken_back_and_then_the_rest(money: Money, paid: str) -> None:
    asked = money.ok(money.act(paid, "reverse", reason="多付", amount_fen=30_000))
    assert (asked["reversal_asked_fen"], asked["reversed_fen"]) == (30_000, 0)
    other = money.act(paid, "reverse", reason="多付", amount_fen=40_000)
    assert other.json["code"] == "reversal_already_asked"
    done = money.ok(money.act(paid, "reverse/confirm", who="finance_two"))
    assert (done["status"], done["reversed_fen"], done["outstanding_fen"]) == ("paid", 30_000, 30_000)
    assert (done["reversal_asked"], done["repay_by"]) == (False, "2026-10-21")
    assert money.ok(money.act(paid, "reverse/confirm", who="finance_two")) == done, "a repeat changes nothing"
    assert budget(money) == {"reserved": 0, "spent": FEN - 30_000, "receivable": 30_000}
    assert net(money) == {"subsidy_expense": FEN - 30_000, "treasury": -FEN, "receivable": 30_000}
    assert VoucherRow.get(done["voucher_id"]).reversed_fen == 30_000
    assert differences(money) == []
    too_much = money.act(paid, "reverse", reason="全部", amount_fen=FEN)
    assert (too_much.status, too_much.json["code"]) == (409, "reversal_exceeds")
    assert "1,500.00 元" in too_much.json["detail"]
    money.wait(5)
    rest = take_part_back(money, paid, FEN - 30_000)
    assert (rest["status"], rest["reversed_fen"], rest["repay_by"]) == ("reversed", FEN, "2026-10-21")
    assert VoucherRow.get(done["voucher_id"]).reversed_fen == FEN
    assert differences(money) == []


def test_a_reversal_without_an_amount_takes_what_is_left(money: Money, paid: str) -> None:
    take_part_back(money, paid, 30_000)
    assert take_back(money, paid)["reversed_fen"] == FEN
    assert budget(money) == {"reserved": 0, "spent": 0, "receivable": FEN}


def test_what_comes_back_of_a_part_is_available_again(money: Money, paid: str) -> None:
    assert repay(money, paid, 1).json["code"] == "wrong_state", "nothing was taken back"
    take_part_back(money, paid, 30_000)
    assert line(money, paid)["allowed_actions"][-1] == "repay"
    assert repay(money, paid, 30_001).json["code"] == "repayment_exceeds"
    money.ok(repay(money, paid, 20_000))
    assert budget(money) == {"reserved": 0, "spent": FEN - 30_000, "receivable": 10_000}
    assert line(money, paid)["outstanding_fen"] == 10_000
    assert differences(money) == []


@pytest.mark.parametrize("fen", [0, -1, 1.5, "1"])
def test_an_amount_is_whole_fen_above_nothing(money: Money, paid: str, fen: Any) -> None:
    assert money.act(paid, "reverse", reason="x", amount_fen=fen).status == 400


def test_200_000_yuan_are_not_paid_twice_before_they_came_back(world: Any, money: Money) -> None:
    size = YUAN_200_000 // FEN  # 111 lines: what fits into the appropriation
    money.budget(size * FEN)
    classes = [scored_class(world, count) for count in (60, size - 60)]
    for class_id in classes:
        money.publicised(class_id)
    money.wait()
    batch = money.seal()
    money.pay(batch)
    for known in money.batch(batch)["lines"]:
        take_back(money, known["line_id"])
    assert budget(money) == {"reserved": 0, "spent": 0, "receivable": size * FEN}
    claim = money.claim(scored_class(world, 60))
    claim = money.ok(money.decide("clerk", claim, "review"))
    refused = money.decide("reviewer", claim, "approve")
    assert (refused.status, refused.json["code"]) == (409, "budget_exhausted")
    shown = money.ok(money.api("finance").get("/v1/budgets/3401/2026"))
    less = {"program_id": world.program_id, "appropriated_fen": FEN, "version": shown["version"]}
    assert money.api("finance").put("/v1/budgets/3401/2026", less).json["code"] == "budget_exhausted"
    for known in money.batch(batch)["lines"][:60]:
        money.ok(repay(money, known["line_id"], FEN))
    assert money.decide("reviewer", claim, "approve").status == 200
    assert differences(money) == []


def test_money_that_was_spent_twice_is_found(world: Any, money: Money, paid: str) -> None:
    take_back(money, paid)
    row = BudgetRow.get("bud_3401-2026", world.program_id)
    row.update(
        actions=[
            BudgetRow.available_fen.set(0),
            BudgetRow.receivable_fen.set(0),
            BudgetRow.appropriated_fen.set(FEN - 1),
            BudgetRow.spent_fen.set(FEN - 1),
        ]
    )
    found = {(kind, has, should) for kind, _, _, has, should in differences(money)}
    assert ("budget_overdrawn", FEN, FEN - 1) in found
    assert ("budget_receivable", 0, FEN) in found


def test_a_reversal_of_before_budgets_had_a_receivable_is_repaid_as_then(
    world: Any, money: Money, paid: str
) -> None:
    """Rows as the program before wrote them: available at once, postings without a version."""
    from chalicelib.settlement.ledger.store import GroupRow

    take_back(money, paid)
    LineRow(paid).update(actions=[LineRow.reversed_fen.remove()])
    budget_row = BudgetRow.get("bud_3401-2026", world.program_id)
    budget_row.update(
        actions=[
            BudgetRow.available_fen.set(budget_row.available_fen + FEN),
            BudgetRow.receivable_fen.remove(),
        ]
    )
    group = next(row for row in GroupRow.query("3401") if row.event == "reversed")
    group.update(actions=[GroupRow.postings.set([[*posting[:6]] for posting in group.postings])])
    assert line(money, paid)["outstanding_fen"] == FEN
    assert differences(money) == []
    money.ok(repay(money, paid, FEN))
    assert budget(money) == {"reserved": 0, "spent": 0, "receivable": 0}
    assert differences(money) == []
