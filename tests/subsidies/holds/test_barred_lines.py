"""A line to be paid again whose trainee a list bars: it waits for a reviewer, and ends in a decision."""

from datetime import date
from typing import Any

import pytest

from chalicelib.subsidies.claims.store import LineRow
from chalicelib.vouchers.store import VoucherRow
from tests.settlement.corrections.test_corrections import to_paid
from tests.settlement.corrections.test_returned import returned
from tests.settlement.ledger.test_ledger import differences
from tests.subsidies.claims.test_dropped_lines import budget, reject
from tests.subsidies.holds.test_listed import OPENING, listed
from tests.subsidies.holds.test_lists_and_exports import FEN, Sealed
from tests.subsidies.holds.test_stopped_by_institution import stopped
from tests.subsidies.scored import Money


@pytest.fixture
def money(world: Any) -> Money:
    money = Money(world)
    money.budget()
    return money


@pytest.fixture
def sealed(money: Money) -> Sealed:
    return Sealed(money)


def tray(money: Money, who: str) -> list[str]:
    return stopped(money.world, money, who, "claim_line")


def corrected(money: Money, sealed: Sealed) -> None:
    """Have the list say that the trainee was ineligible only before the class."""
    listed(money, sealed.voucher_id, since=OPENING, until=date(2026, 8, 1), as_of=date(2026, 9, 2))


def shown(money: Money, line_id: str, who: str = "reviewer") -> Any:
    return money.ok(money.api(who).get(f"/v1/claim-lines/{line_id}", at=money.now))


def barred_in_its_second_batch(money: Money, sealed: Sealed) -> Any:
    """Let the bank fail the line, a second officer release it, and a list come once it is sealed again."""
    money.pay(sealed.batch, failing={0})
    money.release(sealed.batch)
    second = money.seal()
    listed(money, sealed.voucher_id)
    return second


def test_a_failed_line_that_a_list_takes_out_of_its_next_batch_waits_for_the_reviewer(
    money: Money, sealed: Sealed
) -> None:
    barred_in_its_second_batch(money, sealed)
    assert sealed.line().status == "payment_failed"
    for who in ("reviewer", "supervisor"):
        assert tray(money, who) == [sealed.line_id]
    assert tray(money, "finance_two") == [], "no finance officer can do anything"
    line = shown(money, sealed.line_id)
    assert line["allowed_actions"] == ["reject"]
    assert money.seal() is None
    money.ok(reject(money, line))
    assert tray(money, "reviewer") == []
    assert budget(money) == (0, FEN)
    assert money.read(sealed.claim)["status"] == "paid", "the claim has ended"
    assert differences(money) == []


def test_a_barred_line_is_paid_once_its_list_is_corrected(money: Money, sealed: Sealed) -> None:
    barred_in_its_second_batch(money, sealed)
    corrected(money, sealed)
    third = money.seal()
    assert third["count"] == 1
    assert tray(money, "reviewer") == []
    money.pay(third)
    assert sealed.line().status == "paid"
    assert differences(money) == []


def test_who_is_listed_before_the_release_waits_for_finance_and_then_for_the_reviewer(
    money: Money, sealed: Sealed
) -> None:
    money.pay(sealed.batch, failing={0})
    listed(money, sealed.voucher_id)
    assert (tray(money, "finance_two"), tray(money, "reviewer")) == ([sealed.line_id], [])
    money.release(sealed.batch)
    assert (tray(money, "finance_two"), tray(money, "reviewer")) == ([], [sealed.line_id])


def test_what_sealing_finds_against_a_released_line_waits_for_the_reviewer(
    money: Money, sealed: Sealed
) -> None:
    money.export(sealed.batch)
    listed(money, sealed.voucher_id)  # too late to be taken out: it is flagged
    money.pay(sealed.batch, failing={0})
    money.release(sealed.batch)
    assert money.seal() is None
    assert tray(money, "reviewer") == [sealed.line_id]


def test_a_line_that_was_barred_before_any_list_told_of_it_is_listed_by_sealing(
    money: Money, sealed: Sealed
) -> None:
    barred_in_its_second_batch(money, sealed)
    LineRow(sealed.line_id).update(actions=[LineRow.queued_at.remove()])
    assert tray(money, "reviewer") == []
    for _ in range(2):
        assert money.seal() is None
        assert tray(money, "reviewer") == [sealed.line_id], "once"


def test_a_correction_of_a_barred_line_is_finances_and_refused_it_waits_for_the_reviewer_again(
    money: Money, sealed: Sealed
) -> None:
    barred_in_its_second_batch(money, sealed)
    money.ok(money.act(sealed.line_id, "correct", **to_paid(money)))
    assert (tray(money, "finance_two"), tray(money, "reviewer")) == ([sealed.line_id], [])
    version = sealed.line().version
    money.ok(money.act(sealed.line_id, "correct/cancel", who="finance_two", version=version, reason="未到账"))
    assert (tray(money, "finance_two"), tray(money, "reviewer")) == ([], [sealed.line_id])


def test_money_that_came_back_of_who_is_barred_by_then_is_dropped_and_not_paid_again(
    money: Money, sealed: Sealed
) -> None:
    money.pay(sealed.batch)
    money.ok(money.send(sealed.batch, [returned(money, sealed.batch)]))
    owed = reject(money, shown(money, sealed.line_id))
    assert (owed.status, owed.json["code"]) == (409, "line_paid_once"), "nothing stands against it yet"
    money.release(sealed.batch)
    listed(money, sealed.voucher_id)
    assert money.seal() is None
    assert tray(money, "reviewer") == [sealed.line_id]
    line = shown(money, sealed.line_id)
    assert line["allowed_actions"] == ["reject"]
    money.ok(reject(money, line))
    voucher = VoucherRow.get(sealed.voucher_id)
    assert (voucher.status, voucher.paid_fen) == ("settled", 0), "settled at most once, ever"
    assert (money.read(sealed.claim)["status"], budget(money)) == ("paid", (0, FEN))
    assert money.batch(sealed.batch)["status"] == "closed"
    first, second = money.payability(sealed.claim["class_id"])["lines"]
    assert (first["payable"], second["payable"]) == (False, True)
    assert (money.seal(), differences(money)) == (None, [])


def test_a_claim_of_which_all_came_back_and_is_barred_ends(money: Money, sealed: Sealed) -> None:
    money.pay(sealed.batch)
    for place, line_id in enumerate((sealed.line_id, sealed.other)):
        money.ok(money.send(sealed.batch, [returned(money, sealed.batch, place)]))
        listed(money, LineRow.get(line_id).voucher_id)
    for line_id in (sealed.line_id, sealed.other):
        money.ok(reject(money, shown(money, line_id)))
    assert (money.read(sealed.claim)["status"], budget(money)) == ("rejected", (0, 0))
    assert money.batch(sealed.batch)["status"] == "closed"
    assert (money.seal(), differences(money)) == (None, [])


def test_the_flag_of_a_line_that_failed_goes_with_the_corrected_list(money: Money, sealed: Sealed) -> None:
    money.export(sealed.batch)
    listed(money, sealed.voucher_id)
    assert sealed.line().late_ineligibility is not None
    money.pay(sealed.batch, failing={0})
    corrected(money, sealed)
    assert sealed.line().late_ineligibility is None
    assert LineRow.get(sealed.line_id).flagged is None
    money.release(sealed.batch)
    money.pay(money.seal())
    assert shown(money, sealed.line_id, "finance")["late_ineligibility"] is None, "an honest payment"
