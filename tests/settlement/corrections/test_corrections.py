"""A bank's result that was wrong is corrected by two officers, booked anew, and paid once."""

from datetime import date, timedelta
from typing import Any

import pytest

from chalicelib.classes.service import read_class
from chalicelib.kernel.principal import Role
from chalicelib.settlement.corrections.model import books_close_on
from chalicelib.vouchers.store import VoucherRow
from tests.accounts.test_separation import is_own_work, moved
from tests.settlement.ledger.test_ledger import FEN, differences, take_back
from tests.settlement.test_faults import until_whole
from tests.subsidies.scored import Money, scored_class

REFERENCE = "TK-8801"


@pytest.fixture
def money(world: Any) -> Money:
    return Money(world)


@pytest.fixture
def batch(world: Any, money: Money) -> Any:
    batch = money.sealed(scored_class(world, 2))
    money.pay(batch, failing={0})
    return batch


@pytest.fixture
def failed(money: Money, batch: Any) -> str:
    return str(money.batch(batch)["lines"][0]["line_id"])


@pytest.fixture
def paid(money: Money, batch: Any) -> str:
    return str(money.batch(batch)["lines"][1]["line_id"])


def to_paid(money: Money, **facts: Any) -> dict[str, Any]:
    known = {
        "to": "paid",
        "amount_fen": FEN,
        "paid_on": money.now.date().isoformat(),
        "bank_reference": REFERENCE,
        "reason": "银行更正：已入账",
    }
    return {**known, **facts}


def to_failed(**facts: Any) -> dict[str, Any]:
    return {"to": "failed", "amount_fen": FEN, "reason": "录入错误，银行未付", **facts}


def confirm(money: Money, line_id: str, who: Any = "finance_two") -> Any:
    return money.act(line_id, "correct/confirm", who=who)


def line(money: Money, line_id: str) -> Any:
    return money.ok(money.api("finance").get(f"/v1/claim-lines/{line_id}", at=money.now))


def budget(money: Money) -> Any:
    found = money.ok(money.api("finance").get("/v1/budgets/3401/2026"))
    return {part: found[f"{part}_fen"] for part in ("reserved", "spent", "receivable")}


def net(money: Money) -> dict[str, int]:
    accounts = money.balance()["accounts"]
    return {one["id"].partition(".")[0]: one["debit_fen"] - one["credit_fen"] for one in accounts}


def test_what_failed_was_paid_after_all(money: Money, batch: Any, failed: str) -> None:
    money.ok(money.act(failed, "release", who="finance_two", reason="x"))
    asked = money.ok(money.act(failed, "correct", **to_paid(money)))
    assert (asked["status"], asked["correction"]["to"]) == ("payment_failed", "paid")
    assert asked == money.ok(money.act(failed, "correct", **to_paid(money))), "a repeat asks once"
    assert money.seal() is None, "released, and yet in no batch while a correction waits"
    assert is_own_work(confirm(money, failed, "finance"))
    other = money.act(failed, "correct", who="finance_two", **to_paid(money))
    assert other.json["code"] == "correction_already_asked"
    done = money.ok(confirm(money, failed))
    assert done["status"] == "paid"
    assert [attempt["status"] for attempt in done["attempts"]] == ["payment_failed", "paid"]
    assert [attempt["corrected"] for attempt in done["attempts"]] == [False, True]
    assert money.ok(confirm(money, failed)) == done, "a repeat gives the same answer"
    assert money.seal() is None
    assert budget(money) == {"reserved": 0, "spent": 2 * FEN, "receivable": 0}
    assert net(money) == {"subsidy_expense": 2 * FEN, "treasury": -2 * FEN}
    shown = money.batch(batch)
    assert (shown["status"], shown["paid_count"], shown["result_count"]) == ("closed", 2, 2)
    voucher = VoucherRow.get(done["voucher_id"])
    assert (voucher.status, voucher.paid_fen) == ("settled", FEN)
    assert differences(money) == []


def test_what_was_paid_was_not(world: Any, money: Money, batch: Any, paid: str) -> None:
    asked = money.ok(money.act(paid, "correct", **to_failed()))
    assert asked["allowed_actions"] == ["cancel_correction"]
    assert money.act(paid, "reverse", reason="x").json["code"] == "correction_already_asked"
    done = money.ok(confirm(money, paid))
    assert (done["status"], done["released"]) == ("payment_failed", False)
    assert budget(money) == {"reserved": 2 * FEN, "spent": 0, "receivable": 0}
    assert net(money) == {"subsidy_expense": 0, "treasury": 0}
    assert money.batch(batch)["paid_count"] == 0
    voucher = VoucherRow.get(done["voucher_id"])
    assert (voucher.status, voucher.paid_fen) == ("settled", 0)
    assert differences(money) == []
    assert money.seal() is None
    assert is_own_work(money.act(paid, "release", reason="x")), "who asked for it does not release it"
    money.ok(money.act(paid, "release", who="finance_two", reason="重付"))
    second = money.seal()
    assert second["count"] == 1
    money.pay(second)
    assert line(money, paid)["status"] == "paid"
    assert budget(money) == {"reserved": FEN, "spent": FEN, "receivable": 0}
    assert VoucherRow.get(done["voucher_id"]).paid_fen == FEN
    assert differences(money) == []


def test_a_class_that_was_closed_stays_closed_while_its_line_is_paid_again(world: Any, money: Money) -> None:
    class_id = scored_class(world, 1)
    batch = money.sealed(class_id)
    money.pay(batch)
    (only,) = money.batch(batch)["lines"]
    assert (read_class(class_id).status, money.batch(batch)["status"]) == ("closed", "closed")
    money.ok(money.act(only["line_id"], "correct", **to_failed()))
    money.ok(confirm(money, only["line_id"]))
    claim = {"id": "clm_" + class_id[4:]}
    assert (money.read(claim)["status"], read_class(class_id).status) == ("batched", "closed")
    assert money.batch(batch)["status"] == "reconciled"
    money.ok(money.act(only["line_id"], "release", who="finance_two", reason="重付"))
    money.pay(money.seal())
    assert (money.read(claim)["status"], read_class(class_id).status) == ("paid", "closed")
    assert money.batch(batch)["status"] == "closed"
    assert money.seal() is None
    assert differences(money) == []


def test_the_bank_corrects_itself_back_and_forth_and_each_is_booked(money: Money, failed: str) -> None:
    for to in (to_paid(money), to_failed(), to_paid(money, bank_reference="TK-2"), to_failed()):
        money.ok(money.act(failed, "correct", **to))
        money.ok(confirm(money, failed))
        assert differences(money) == []
    assert net(money) == {"subsidy_expense": FEN, "treasury": -FEN}
    shown = line(money, failed)
    outcomes = [attempt["status"] for attempt in shown["attempts"]]
    assert outcomes == ["payment_failed", "paid", "payment_failed", "paid", "payment_failed"]


def test_the_file_of_before_sent_again_gives_the_answer_of_before(
    money: Money, batch: Any, failed: str, paid: str
) -> None:
    money.ok(money.act(failed, "correct", **to_paid(money)))
    money.ok(confirm(money, failed))
    money.ok(money.act(paid, "correct", **to_failed()))
    money.ok(confirm(money, paid))
    before = net(money)
    answer = money.pay(batch, failing={0})
    assert (answer["applied"], answer["refused"]) == (2, [])
    assert net(money) == before
    assert [line(money, one)["status"] for one in (failed, paid)] == ["paid", "payment_failed"]


def test_a_line_in_a_batch_again_is_corrected_only_once_it_is_out_there(money: Money, failed: str) -> None:
    money.ok(money.act(failed, "release", who="finance_two", reason="x"))
    second = money.seal()
    refused = money.act(failed, "correct", **to_paid(money))
    assert (refused.status, refused.json["code"]) == (409, "line_batched_again")
    money.pay(second, failing={0})
    money.ok(money.act(failed, "correct", **to_paid(money)))
    money.ok(confirm(money, failed))
    assert differences(money) == []


def test_a_correction_is_withdrawn_or_refused(money: Money, failed: str) -> None:
    money.ok(money.act(failed, "correct", **to_paid(money)))
    for who in ("finance", "finance_two"):
        assert (
            money.act(failed, "correct/cancel", who=who, version=1, reason="x").json["code"]
            == "version_conflict"
        )
    version = line(money, failed)["version"]
    done = money.ok(money.act(failed, "correct/cancel", version=version, reason="银行未确认"))
    assert done["correction"] is None
    assert confirm(money, failed).json["code"] == "correction_not_asked"
    money.ok(money.act(failed, "release", who="finance_two", reason="x"))
    assert money.seal()["count"] == 1


@pytest.mark.parametrize(
    ("facts", "status", "code"),
    [
        ({"amount_fen": FEN - 1}, 422, "amount_differs"),
        ({"paid_on": "2026-09-20"}, 422, "paid_before_sealing"),
        ({"paid_on": "2026-12-31"}, 422, "date_in_future"),
        ({"paid_on": None}, 400, "malformed"),
        ({"bank_reference": None}, 400, "malformed"),
        ({"to": "failed"}, 409, "nothing_to_correct"),
        ({"to": "returned"}, 400, "malformed"),
    ],
)
def test_a_correction_says_what_can_be_true(
    money: Money, failed: str, facts: dict[str, Any], status: int, code: str
) -> None:
    body = {name: fact for name, fact in to_paid(money, **facts).items() if fact is not None}
    refused = money.act(failed, "correct", **body)
    assert (refused.status, refused.json["code"]) == (status, code)


def test_a_month_whose_books_are_closed_is_not_corrected(money: Money, failed: str) -> None:
    assert books_close_on(date(2026, 9, 21), close_day=10) == date(2026, 10, 10)
    assert books_close_on(date(2026, 12, 1), close_day=10) == date(2027, 1, 10)
    money.ok(money.act(failed, "correct", **to_paid(money)))
    money.now += timedelta(days=20)
    refused = confirm(money, failed)
    assert (refused.status, refused.json["code"]) == (409, "books_closed")
    assert "2026-10-10" in refused.json["detail"]
    money.now -= timedelta(days=1)
    assert money.ok(confirm(money, failed))["status"] == "paid"


def test_what_was_taken_back_is_not_corrected(money: Money, paid: str) -> None:
    money.ok(money.act(paid, "reverse", reason="重复发放"))
    assert money.act(paid, "correct", **to_failed()).json["code"] == "reversal_already_asked"
    take_back(money, paid)
    assert money.act(paid, "correct", **to_failed()).json["code"] == "line_taken_back"


@pytest.mark.parametrize("name", ["clerk", "reviewer", "institution"])
def test_who_had_a_hand_in_a_claim_corrects_nothing(money: Money, failed: str, name: str) -> None:
    money.ok(money.act(failed, "correct", **to_paid(money)))
    officer = moved(name, Role.FINANCE)
    assert is_own_work(confirm(money, failed, officer))
    version = line(money, failed)["version"]
    assert is_own_work(money.act(failed, "correct/cancel", who=officer, version=version, reason="x"))


def test_a_line_with_a_correction_is_not_taken_out(money: Money, failed: str) -> None:
    money.ok(money.act(failed, "correct", **to_paid(money)))
    body = {"version": line(money, failed)["version"], "reason": "x"}
    assert money.act(failed, "reject", who="reviewer", **body).json["code"] == "correction_already_asked"


def test_a_confirmation_killed_after_any_call_books_once(money: Money, failed: str) -> None:
    money.ok(money.act(failed, "correct", **to_paid(money)))
    assert until_whole(lambda: confirm(money, failed)).status == 200
    assert net(money) == {"subsidy_expense": 2 * FEN, "treasury": -2 * FEN}
    assert differences(money) == []
