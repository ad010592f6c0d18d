"""A list that comes after sealing or payment: the voucher and the line show it, and a clawback is proposed."""

from datetime import date
from typing import Any

import pytest

from chalicelib.people.standings.model import Situation
from chalicelib.subsidies.claims.store import LineRow
from chalicelib.vouchers.store import VoucherRow
from tests.subsidies.holds.test_listed import OPENING, follow, listed
from tests.subsidies.scored import Money, scored_class


@pytest.fixture
def money(world: Any) -> Money:
    money = Money(world)
    money.budget()
    return money


class Late:
    """A claim of two lines, sealed, of which the first trainee is listed too late."""

    def __init__(self, money: Money) -> None:
        self.money = money
        self.class_id = scored_class(money.world, 2)
        self.claim = money.publicised(self.class_id)
        money.wait()
        self.batch = money.seal()
        line = money.read(self.claim)["lines"][0]
        self.line_id, self.voucher_id = line["id"], line["voucher_id"]

    def line(self, who: str = "finance") -> Any:
        return self.money.ok(self.money.api(who).get(f"/v1/claim-lines/{self.line_id}", at=self.money.now))

    def voucher(self) -> Any:
        return self.money.api("supervisor").get(f"/v1/vouchers/{self.voucher_id}", at=self.money.now).json

    def flagged(self, who: str = "finance", **query: Any) -> list[str]:
        path = "/v1/claim-lines"
        answer = self.money.api(who).get(path, {"flag": "late_ineligibility", **query}, at=self.money.now)
        return [line["id"] for line in self.money.ok(answer)["items"]]

    def ask(self, who: str) -> Any:
        path = f"/v1/claim-lines/{self.line_id}/reverse"
        return self.money.api(who).post(path, {"reason": "开班前已死亡"}, at=self.money.now)

    def confirm(self, who: str) -> Any:
        return self.money.api(who).post(f"/v1/claim-lines/{self.line_id}/reverse/confirm", at=self.money.now)


@pytest.mark.parametrize("situation", [Situation.DECEASED, Situation.EMPLOYED])
def test_who_was_ineligible_before_the_opening_day_and_is_listed_after_the_payment_is_seen(
    money: Money, situation: Situation
) -> None:
    late = Late(money)
    money.pay(late.batch)
    assert (late.voucher()["ineligible"], late.line()["late_ineligibility"]) == (None, None)
    listed(money, late.voucher_id, situation, since=date(2026, 8, 1))
    assert (late.voucher()["status"], late.voucher()["ineligible"]["code"]) == (
        "settled",
        f"listed_{situation}",
    )
    told = late.line()["late_ineligibility"]
    assert (told["code"], told["since"], told["import_id"]) == (
        f"listed_{situation}",
        "2026-08-01",
        "imp_crossmatch",
    )
    assert told["clawback"] == "proposed"
    assert "reverse" in late.line()["allowed_actions"]
    assert late.flagged() == [late.line_id]


def test_what_was_paid_with_all_checks_green_shows_which_is_not_by_now(money: Money) -> None:
    late = Late(money)
    money.pay(late.batch)
    listed(money, late.voucher_id)
    shown = money.payability(late.class_id)
    first = next(line for line in shown["lines"] if line["voucher_id"] == late.voucher_id)
    (difference,) = first["differences"]
    assert (difference["name"], difference["now"]["passed"]) == ("eligible_at_date", False)
    assert first["amount_fen"] == late.batch["amount_fen"] // 2, "what was paid stays what was paid"


def test_a_list_while_the_batch_is_at_the_bank_waits_for_the_result(money: Money) -> None:
    late = Late(money)
    money.export(late.batch)
    listed(money, late.voucher_id)
    assert late.line()["late_ineligibility"]["clawback"] == "waits_for_result"
    assert late.flagged() == [late.line_id]
    money.pay(late.batch)
    assert late.line()["late_ineligibility"]["clawback"] == "proposed"


def test_a_proposed_clawback_is_done_by_two_officers_and_leaves_the_list(money: Money) -> None:
    late = Late(money)
    money.pay(late.batch)
    listed(money, late.voucher_id)
    assert late.confirm("finance").json["code"] == "reversal_not_asked", "a list alone takes nothing back"
    assert late.ask("finance").status == 200
    assert late.line()["late_ineligibility"]["clawback"] == "asked"
    assert late.confirm("finance").json["code"] == "self_approval"
    assert late.confirm("finance_two").status == 200
    assert (late.line()["status"], late.line()["late_ineligibility"]["clawback"]) == ("reversed", "done")
    assert late.flagged() == []


def test_a_job_found_after_the_opening_day_is_neither_flagged_nor_shown(money: Money) -> None:
    late = Late(money)
    money.pay(late.batch)
    listed(money, late.voucher_id, Situation.EMPLOYED, since=date(2026, 8, 13))
    assert (late.voucher()["ineligible"], late.line()["late_ineligibility"]) == (None, None)
    assert late.flagged() == []


def test_saying_it_again_changes_nothing_and_a_corrected_list_takes_it_off(money: Money) -> None:
    late = Late(money)
    money.pay(late.batch)
    key = listed(money, late.voucher_id, since=OPENING)
    versions = LineRow.get(late.line_id).version, VoucherRow.get(late.voucher_id).version
    follow(money, key)
    assert (LineRow.get(late.line_id).version, VoucherRow.get(late.voucher_id).version) == versions
    listed(money, late.voucher_id, since=OPENING, until=date(2026, 8, 12), as_of=date(2026, 9, 2))
    assert late.flagged() == [late.line_id], "on the opening day it counted still"
    # the row was of somebody else: it is given an end before the class opened
    other = date(2026, 7, 1)
    late_two = Late(money)
    money.pay(late_two.batch)
    listed(money, late_two.voucher_id, since=other)
    assert late_two.line_id in late_two.flagged()
    listed(money, late_two.voucher_id, since=other, until=date(2026, 8, 1), as_of=date(2026, 9, 2))
    assert late_two.line_id not in late_two.flagged()
    assert (late_two.voucher()["ineligible"], late_two.line()["late_ineligibility"]) == (None, None)


def test_the_list_is_of_an_area_and_not_for_schools(money: Money) -> None:
    late = Late(money)
    money.pay(late.batch)
    listed(money, late.voucher_id)
    assert late.flagged("province") == [late.line_id]
    assert late.flagged("supervisor", division="340111") == [late.line_id]
    assert late.flagged("finance_wuhu") == []
    path = "/v1/claim-lines?flag=late_ineligibility"
    assert money.api("institution").get(path, at=money.now).json["code"] == "forbidden"
    assert money.api("finance").get("/v1/claim-lines", at=money.now).status == 400


def test_a_worker_that_died_after_the_voucher_flags_the_line_when_it_is_repeated(money: Money) -> None:
    late = Late(money)
    money.pay(late.batch)
    key = listed(money, late.voucher_id)
    LineRow(late.line_id).update(actions=[LineRow.late_ineligibility.remove(), LineRow.flagged.remove()])
    follow(money, key)
    assert late.flagged() == [late.line_id]
