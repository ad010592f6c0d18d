"""The payability of a class that was paid tells what was paid, and what changed since."""

from typing import Any

import pytest

from chalicelib.catalogue.projects.store import ProjectRow
from chalicelib.classes.service import read_class
from tests.subsidies.overrides.test_overrides import ask, decide, letting
from tests.subsidies.scored import Money, scored_class


@pytest.fixture
def money(world: Any) -> Money:
    return Money(world)


def paid(money: Money, class_id: str) -> Any:
    money.budget()
    claim = money.publicised(class_id)
    money.wait()
    money.pay(money.seal())
    money.seal()  # the nightly run closes the class
    assert read_class(class_id).status == "closed"
    return claim


def test_a_paid_class_shows_what_was_paid_and_no_difference(world: Any, money: Money) -> None:
    class_id = scored_class(world, 3, failed={2})
    claim = paid(money, class_id)
    payability = money.payability(class_id)
    assert (
        (payability["count"], payability["amount_fen"])
        == (claim["count"], claim["amount_fen"])
        == (2, 360_000)
    )
    assert [line["payable"] for line in payability["lines"]] == [True, True, False]
    assert [line["differences"] for line in payability["lines"]] == [[], [], []]
    shown = payability["lines"][0]["checks"][0]
    assert shown == {"name": "voucher_redeemed", "passed": True, "evidence": {"status": "settled"}}


def test_a_fee_that_changes_afterwards_does_not_change_what_was_paid(world: Any, money: Money) -> None:
    class_id = scored_class(world, 2)
    claim = paid(money, class_id)
    ProjectRow(world.project_id).update(actions=[ProjectRow.fee_fen.set(99)])
    assert money.payability(class_id)["amount_fen"] == claim["amount_fen"]


def test_a_reversed_line_still_shows_what_was_paid(world: Any, money: Money) -> None:
    class_id = scored_class(world, 1)
    claim = paid(money, class_id)
    path = f"/v1/claim-lines/{money.read(claim)['lines'][0]['id']}/reverse"
    money.ok(world.api("finance").post(path, {"reason": "虚假培训"}, at=money.now))
    money.ok(world.api("finance_two").post(f"{path}/confirm", {}, at=money.now))
    assert money.payability(class_id)["amount_fen"] == claim["amount_fen"]


def test_what_was_paid_under_an_override_stays_so_when_it_is_over(world: Any, money: Money) -> None:
    class_id = scored_class(world, 2, absent={0}, policy_version=letting(money, "attendance"))
    money.ok(decide(money, money.ok(ask(money, class_id, days=3)), "confirm"))
    paid(money, class_id)
    payability = money.payability(class_id)
    assert (payability["count"], [line["differences"] for line in payability["lines"]]) == (2, [[], []])


def test_a_voucher_settled_for_another_enrolment_is_no_ground_for_payment(world: Any, money: Money) -> None:
    from chalicelib.vouchers.store import VoucherRow

    class_id = scored_class(world, 2)
    first = money.payability(class_id)["lines"][0]
    VoucherRow(first["voucher_id"]).update(actions=[VoucherRow.status.set("settled")])
    assert [line["payable"] for line in money.payability(class_id)["lines"]] == [False, True]
