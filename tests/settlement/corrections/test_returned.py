"""退票: what was paid and came back is booked back, and paid again once a second officer released it."""

from typing import Any

import pytest

from chalicelib.vouchers.store import VoucherRow
from tests.accounts.test_separation import is_own_work
from tests.settlement.corrections.test_corrections import budget, line, net
from tests.settlement.ledger.test_ledger import FEN, differences, repay, take_back
from tests.settlement.test_faults import until_whole
from tests.subsidies.scored import Money, scored_class


@pytest.fixture
def money(world: Any) -> Money:
    return Money(world)


@pytest.fixture
def batch(world: Any, money: Money) -> Any:
    batch = money.sealed(scored_class(world, 2))
    money.pay(batch)
    return batch


def returned(money: Money, batch: Any, place: int = 0, **facts: Any) -> dict[str, Any]:
    known = money.batch(batch)["lines"][place]
    return {
        "line_id": known["line_id"],
        "status": "returned",
        "amount_fen": known["amount_fen"],
        "reason": "账户已销户",
        **facts,
    }


def test_money_that_came_back_is_paid_again_after_a_second_officers_release(money: Money, batch: Any) -> None:
    row = returned(money, batch)
    answer = money.ok(money.send(batch, [row]))
    assert (answer["applied"], answer["refused"], answer["flagged"]) == (1, [], [])
    first = money.batch(batch)
    assert (first["status"], first["paid_count"], first["result_count"]) == ("reconciled", 1, 2)
    assert [shown["status"] for shown in first["lines"]] == ["payment_failed", "paid"]
    assert budget(money) == {"reserved": FEN, "spent": FEN, "receivable": 0}
    assert net(money) == {"subsidy_expense": FEN, "treasury": -FEN}
    line_id = row["line_id"]
    voucher = VoucherRow.get(line(money, line_id)["voucher_id"])
    assert (voucher.status, voucher.paid_fen) == ("settled", 0), "settled at most once, ever"
    assert differences(money) == []
    assert money.ok(money.send(batch, [row])) == answer, "a repeat gives the same answer"
    assert net(money) == {"subsidy_expense": FEN, "treasury": -FEN}
    assert money.seal() is None
    assert is_own_work(money.act(line_id, "release", reason="账户已更正"))
    money.ok(money.act(line_id, "release", who="finance_two", reason="账户已更正"))
    second = money.seal()
    assert (second["count"], second["amount_fen"]) == (1, FEN)
    assert [shown["status"] for shown in money.batch(batch)["lines"]] == ["returned", "paid"]
    answer = money.pay(second)
    assert (answer["applied"], answer["flagged"]) == (1, []), "its voucher is settled, and its own"
    assert [attempt["status"] for attempt in line(money, line_id)["attempts"]] == ["paid", "returned", "paid"]
    assert VoucherRow.get(line(money, line_id)["voucher_id"]).paid_fen == FEN
    assert budget(money) == {"reserved": 0, "spent": 2 * FEN, "receivable": 0}
    assert [money.batch(one)["status"] for one in (batch, second)] == ["closed", "closed"]
    assert money.seal() is None
    assert differences(money) == []


def test_what_was_never_paid_cannot_come_back(world: Any, money: Money) -> None:
    batch = money.sealed(scored_class(world, 2))
    money.export(batch)
    failed, silent = (returned(money, batch, place) for place in (0, 1))
    money.ok(money.send(batch, [{**failed, "status": "failed"}]))
    answer = money.ok(money.send(batch, [failed, silent]))
    assert [row["code"] for row in answer["refused"]] == ["result_contradicts", "returned_before_paid"]
    assert answer["applied"] == 0
    wrong = {**failed, "amount_fen": FEN - 1}
    assert money.ok(money.send(batch, [wrong]))["refused"][0]["code"] == "amount_differs"


def test_what_was_taken_back_is_a_repayment_and_no_return(money: Money, batch: Any) -> None:
    row = returned(money, batch)
    money.ok(money.act(row["line_id"], "reverse", reason="重复发放"))
    assert money.ok(money.send(batch, [row]))["refused"][0]["code"] == "line_taken_back"
    take_back(money, row["line_id"])
    assert money.ok(money.send(batch, [row]))["refused"][0]["code"] == "line_taken_back"
    money.ok(repay(money, row["line_id"], FEN))
    assert differences(money) == []


def test_a_line_that_came_back_stays_in_its_claim(money: Money, batch: Any) -> None:
    row = returned(money, batch)
    money.ok(money.send(batch, [row]))
    shown = line(money, row["line_id"])
    refused = money.act(row["line_id"], "reject", who="reviewer", version=shown["version"], reason="x")
    assert refused.json["code"] in ("line_paid_once", "wrong_state")
    assert "reject" not in shown["allowed_actions"]


def test_a_return_killed_after_any_call_is_booked_once(money: Money, batch: Any) -> None:
    row = returned(money, batch)
    assert until_whole(lambda: money.send(batch, [row])).json["applied"] == 1
    assert net(money) == {"subsidy_expense": FEN, "treasury": -FEN}
    assert differences(money) == []


def test_a_sheet_may_name_what_came_back(money: Money, batch: Any) -> None:
    row = returned(money, batch)
    sheet = f"明细编号,状态,金额（分）,原因\n{row['line_id']},退票,{FEN},账户已销户\n"
    path = f"/v1/settlement-batches/{batch['id']}/results"
    answer = money.api("finance").send(
        "POST", path, None, raw=sheet.encode(), content_type="text/csv", at=money.now
    )
    assert money.ok(answer)["applied"] == 1
    assert line(money, row["line_id"])["attempts"][-1]["status"] == "returned"
