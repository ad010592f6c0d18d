"""What an institution owes is kept of its next payment: paid in part, the rest booked against the debt."""

import csv
import io
from typing import Any

import pytest

from chalicelib.settlement.batches.store import BatchRow, members_of
from chalicelib.settlement.ledger.store import SummaryRow
from chalicelib.subsidies.budgets.store import BudgetRow
from chalicelib.subsidies.claims.store import LineRow
from tests.settlement.batches.test_batches import file_of
from tests.settlement.clawback.test_arrears import policy
from tests.settlement.corrections.test_corrections import budget, confirm, line, net, to_failed, to_paid
from tests.settlement.corrections.test_returned import returned
from tests.settlement.ledger.test_ledger import FEN, differences, repay
from tests.settlement.test_faults import until_whole
from tests.subsidies.scored import Money, scored_class
from tests.support.people import HEFEI_SCHOOL

OWED = 100_000


@pytest.fixture
def money(world: Any) -> Money:
    return Money(world)


@pytest.fixture
def debt(world: Any, money: Money) -> str:
    """Pay one line and take 100,000 fen of it back."""
    batch = money.sealed(scored_class(world, 1))
    money.pay(batch)
    line_id = str(money.batch(batch)["lines"][0]["line_id"])
    take_part_back(money, line_id, OWED)
    return line_id


def take_part_back(money: Money, line_id: str, fen: int) -> Any:
    money.ok(money.act(line_id, "reverse", reason="多付", amount_fen=fen))
    return money.ok(money.act(line_id, "reverse/confirm", who="finance_two"))


def next_batch(world: Any, money: Money, size: int = 1) -> Any:
    money.publicised(scored_class(world, size))
    money.wait()
    return money.seal()


def rows_of(money: Money, batch: Any) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(file_of(money.export(batch)).decode())))


def owed(money: Money, line_id: str) -> tuple[int, list[tuple[int, bool]]]:
    shown = line(money, line_id)
    return shown["outstanding_fen"], [(part["amount_fen"], part["booked"]) for part in shown["set_offs"]]


def test_the_next_payment_is_made_in_part_and_the_rest_repays_what_is_owed(
    world: Any, money: Money, debt: str
) -> None:
    batch = next_batch(world, money, 2)
    assert (batch["count"], batch["amount_fen"]) == (2, 2 * FEN - OWED)
    exported = money.export(batch)
    assert (exported["count"], exported["amount_fen"]) == (2, 2 * FEN - OWED)
    shown = money.batch(batch)["lines"]
    assert [(one["amount_fen"], one["set_off_fen"]) for one in shown] == [(FEN - OWED, OWED), (FEN, 0)]
    assert [int(row["amount_fen"]) for row in rows_of(money, batch)] == [FEN - OWED, FEN]
    assert owed(money, debt) == (0, [(OWED, False)]), "kept aside until the bank has paid"
    assert repay(money, debt, 1, day="2026-10-11").json["code"] == "repayment_exceeds"
    assert differences(money) == []
    answer = money.pay(batch)
    assert (answer["applied"], answer["refused"]) == (2, [])
    assert owed(money, debt) == (0, [(OWED, True)])
    assert budget(money) == {"reserved": 0, "spent": 3 * FEN - OWED, "receivable": 0}
    assert net(money) == {
        "subsidy_expense": 3 * FEN - OWED,
        "treasury": OWED - 3 * FEN,
        "receivable": 0,
        "set_off": 0,
    }
    assert money.pay(batch) == answer, "a repeat gives the same answer"
    assert line(money, shown[0]["line_id"])["attempts"][0]["set_off_fen"] == OWED
    assert money.batch(batch)["status"] == "closed"
    assert differences(money) == []


def test_statements_show_what_was_paid_and_what_was_set_off(world: Any, money: Money, debt: str) -> None:
    money.pay(next_batch(world, money))
    answer = money.api("institution").get("/v1/statements", {"period": "2026"}, at=money.now)
    statement = money.ok(answer)
    figures = {
        one["kind"]: (one["debit_fen"], one["credit_fen"], one["closing_fen"])
        for one in statement["accounts"]
    }
    assert figures == {
        "institution": (2 * FEN, OWED, 2 * FEN - OWED),
        "receivable": (OWED, OWED, 0),
        "set_off": (OWED, OWED, 0),
    }
    sheet = money.api("finance").get("/v1/statements", {"period": "2026", "format": "csv"}, at=money.now)
    assert "抵扣追回" in sheet.text


def test_a_debt_larger_than_a_line_takes_all_of_it_and_the_bank_is_not_asked(
    world: Any, money: Money, debt: str
) -> None:
    take_part_back(money, debt, FEN - OWED)
    batch = next_batch(world, money, 1)
    assert (batch["count"], batch["amount_fen"]) == (1, 0)
    assert (money.export(batch)["count"], rows_of(money, batch)) == (0, [])
    money.ok(money.send(batch, []))
    assert money.batch(batch)["status"] == "closed"
    assert net(money)["treasury"] == -FEN
    assert budget(money) == {"reserved": 0, "spent": FEN, "receivable": 0}
    assert owed(money, debt) == (0, [(FEN, True)])
    money.ok(money.send(batch, []))
    assert differences(money) == []


def test_two_debts_are_taken_in_the_order_they_are_due(world: Any, money: Money, debt: str) -> None:
    second = next_batch(world, money)
    money.pay(second)
    later = str(money.batch(second)["lines"][0]["line_id"])
    money.wait(1)
    take_part_back(money, later, 90_000)
    take_part_back(money, debt, 60_000)
    batch = next_batch(world, money, 1)
    assert batch["amount_fen"] == FEN - 150_000
    assert owed(money, later)[0] == 0
    money.pay(batch)
    assert differences(money) == []


def test_a_payment_that_failed_lets_the_debt_go_and_the_next_batch_takes_it_again(
    world: Any, money: Money, debt: str
) -> None:
    batch = next_batch(world, money)
    money.pay(batch, failing={0})
    assert owed(money, debt) == (OWED, [])
    assert differences(money) == []
    money.ok(repay(money, debt, 40_000, day="2026-10-11"))
    money.release(batch)
    again = money.seal()
    assert again["amount_fen"] == FEN - 60_000
    money.pay(again)
    assert budget(money) == {"reserved": 0, "spent": 2 * FEN - OWED, "receivable": 0}
    assert differences(money) == []


def test_a_payment_that_came_back_is_owed_again_as_a_whole(world: Any, money: Money, debt: str) -> None:
    batch = next_batch(world, money)
    money.pay(batch)
    money.ok(money.send(batch, [returned(money, batch)]))
    assert owed(money, debt) == (OWED, [])
    assert budget(money) == {"reserved": FEN, "spent": FEN - OWED, "receivable": OWED}
    assert net(money) == {"subsidy_expense": FEN - OWED, "treasury": -FEN, "receivable": OWED, "set_off": 0}
    assert differences(money) == []
    money.release(batch)
    again = money.seal()
    assert again["amount_fen"] == FEN - OWED
    money.pay(again)
    assert net(money)["receivable"] == 0
    assert differences(money) == []


def test_money_that_is_reserved_again_is_not_owed_again(world: Any, money: Money, debt: str) -> None:
    batch = next_batch(world, money)
    money.pay(batch)
    row = BudgetRow.get("bud_3401-2026", world.program_id)
    spare_fen = row.available_fen
    row.update(
        actions=[
            BudgetRow.available_fen.set(0),
            BudgetRow.appropriated_fen.set(row.appropriated_fen - spare_fen),
        ]
    )
    answer = money.ok(money.send(batch, [returned(money, batch)]))
    assert [refused["code"] for refused in answer["refused"]] == ["budget_exhausted"]
    assert "1,000.00 元" in answer["refused"][0]["detail"]


def test_a_correction_moves_the_set_off_with_its_payment(world: Any, money: Money, debt: str) -> None:
    batch = next_batch(world, money)
    money.pay(batch)
    line_id = money.batch(batch)["lines"][0]["line_id"]
    money.ok(money.act(line_id, "correct", **to_failed(amount_fen=FEN - OWED)))
    money.ok(confirm(money, line_id))
    assert owed(money, debt) == (OWED, [])
    assert differences(money) == []
    money.ok(money.act(line_id, "correct", **to_paid(money, amount_fen=FEN - OWED)))
    money.ok(confirm(money, line_id))
    assert owed(money, debt) == (0, [(OWED, True)])
    assert differences(money) == []


def test_a_debt_that_was_repaid_otherwise_is_not_set_off_by_a_correction(
    world: Any, money: Money, debt: str
) -> None:
    batch = next_batch(world, money)
    money.pay(batch, failing={0})
    money.ok(repay(money, debt, OWED, day="2026-10-11"))
    line_id = money.batch(batch)["lines"][0]["line_id"]
    money.ok(money.act(line_id, "correct", **to_paid(money, amount_fen=FEN - OWED)))
    assert confirm(money, line_id).json["code"] == "set_off_gone"
    assert differences(money) == []


def test_a_policy_may_leave_debts_alone(world: Any, money: Money, debt: str) -> None:
    policy(world, money, set_off_arrears=False)
    batch = next_batch(world, money)
    assert batch["amount_fen"] == FEN
    assert owed(money, debt) == (OWED, [])


def test_a_full_class_of_debts_is_set_off_in_transactions_that_fit(world: Any, money: Money) -> None:
    first = money.sealed(scored_class(world, 50))
    money.pay(first)
    for known in money.batch(first)["lines"]:
        take_part_back(money, known["line_id"], 1_000)
    batch = next_batch(world, money, 60)
    assert (batch["count"], batch["amount_fen"]) == (60, 60 * FEN - 50_000)
    money.pay(batch)
    assert net(money)["receivable"] == 0
    assert money.batch(batch)["status"] == "closed"
    assert differences(money) == []


def test_a_sealing_killed_after_any_call_keeps_each_debt_once(world: Any, money: Money, debt: str) -> None:
    money.publicised(scored_class(world, 2))
    money.wait()
    until_whole(lambda: money.api("finance").post("/v1/settlement-batches", {}, at=money.now))
    (batch,) = (row.record for row in BatchRow.scan() if row.record.amount_fen != FEN)
    assert batch.amount_fen == 2 * FEN - OWED
    assert sum(part.amount_fen for member in members_of(batch.id) for part in member.set_offs) == OWED
    assert owed(money, debt) == (0, [(OWED, False)])
    assert differences(money) == []


def test_results_killed_after_any_call_book_each_set_off_once(world: Any, money: Money, debt: str) -> None:
    batch = next_batch(world, money, 2)
    money.export(batch)
    rows = [money.result(known) for known in money.batch(batch)["lines"]]
    assert until_whole(lambda: money.send(batch, rows)).json["applied"] == 2
    assert net(money)["receivable"] == 0
    assert differences(money) == []


def test_verification_names_a_set_off_of_which_one_side_is_missing(
    world: Any, money: Money, debt: str
) -> None:
    batch = next_batch(world, money)
    money.pay(batch)
    row = LineRow.get(debt)
    row.update(actions=[LineRow.set_offs.set([])])
    assert ("posting_offset", OWED, 0) in {
        (kind, has, should) for kind, _, _, has, should in differences(money)
    }
    account = f"set_off.3401.{HEFEI_SCHOOL}"
    assert {one.account for one in SummaryRow.query("3401")} >= {account}
