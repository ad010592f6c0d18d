"""A hold that arrives while sealing decides on its line is never lost."""

from datetime import date
from typing import Any

import pytest

from chalicelib.subsidies.claims.store import LineRow
from chalicelib.subsidies.holds import store as hold_store
from tests.settlement.test_faults import before_each_call
from tests.subsidies.holds.test_listed import OPENING, listed
from tests.subsidies.scored import Money, let_go, scored_class


@pytest.fixture
def money(world: Any) -> Money:
    money = Money(world)
    money.budget()
    return money


def corrected(money: Money, voucher_id: str) -> None:
    """A list names somebody, and a later one says that it was over before the class opened."""
    listed(money, voucher_id)
    listed(money, voucher_id, until=date(2026, 8, 1), since=OPENING, as_of=date(2026, 9, 2))


@pytest.mark.parametrize("number", range(1, 16))
def test_a_hold_placed_at_any_call_of_sealing_stays(world: Any, money: Money, number: int) -> None:
    claim = money.publicised(scored_class(world, 1))
    (line,) = money.read(claim)["lines"]
    corrected(money, line["voucher_id"])
    money.wait()
    placed: list[Any] = []

    def act(call: int) -> None:
        if call == number and not placed:
            placed.append(None)
            placed.append(hold_store.place_hold(line["id"], "stop:hld_a", world.change))

    with before_each_call(act):
        batch = money.seal()
    now = LineRow.get(line["id"]).record
    if batch is None:
        assert "stop:hld_a" in now.holds
    else:
        assert placed[1:] in ([], [None]), "it came too late, and whoever placed it was told so"


@pytest.mark.parametrize("number", range(1, 16))
def test_a_list_applied_again_at_any_call_of_sealing_is_not_overlooked(
    world: Any, money: Money, number: int
) -> None:
    claim = money.publicised(scored_class(world, 1))
    (line,) = money.read(claim)["lines"]
    corrected(money, line["voucher_id"])
    money.wait()
    again: list[None] = []

    def act(call: int) -> None:
        if call == number and not again:
            again.append(None)
            listed(money, line["voucher_id"], as_of=date(2026, 9, 3))

    with before_each_call(act):
        batch = money.seal()
    now = LineRow.get(line["id"]).record
    if batch is not None and again:
        assert now.batch_id == batch["id"], (
            "the batch was written before the list came: it is logged as too late"
        )
    if again and now.batch_id is None:
        assert "check:eligible_at_date" in now.holds


def test_a_hold_placed_while_a_failed_line_is_looked_at_again_stays(world: Any, money: Money) -> None:
    batch = money.sealed(scored_class(world, 1))
    money.pay(batch, failing={0})
    (line_id,) = money.release(batch)
    for number in range(1, 12):
        hold_store.place_hold(line_id, "check:eligible_at_date", world.change)

        def act(call: int, number: int = number) -> None:
            if call == number:
                hold_store.place_hold(line_id, "stop:hld_a", world.change)

        with before_each_call(act):
            sealed = money.seal()
        now = LineRow.get(line_id).record
        if sealed is not None:
            assert now.batch_id == sealed["id"]
            break
        assert "stop:hld_a" in now.holds
        let_go(line_id, "stop:hld_a", world.change)
