"""A list and an export: of a sealed batch the bank is given nobody whom a list bars by then."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any

import pytest

from chalicelib.settlement.batches import store as batches_store
from chalicelib.subsidies.claims.store import LineRow
from tests.settlement.batches.test_batches import balanced
from tests.settlement.batches.test_taking_out import export, paid_in
from tests.settlement.test_faults import before_each_call
from tests.subsidies.holds.test_listed import OPENING, follow, listed, states
from tests.subsidies.scored import Money, scored_class

FEN = 180_000
BARRED = ("held", ["eligible_at_date"])


@pytest.fixture
def money(world: Any) -> Money:
    money = Money(world)
    money.budget()
    return money


class Sealed:
    """A claim of two lines in a sealed batch; the first trainee is whom lists name."""

    def __init__(self, money: Money) -> None:
        self.money = money
        self.claim = money.publicised(scored_class(money.world, 2))
        money.wait()
        self.batch = money.seal()
        first, second = money.read(self.claim)["lines"]
        self.line_id, self.voucher_id, self.other = first["id"], first["voucher_id"], second["id"]

    def line(self) -> Any:
        return LineRow.get(self.line_id).record


def meanwhile(act: Callable[[], Any]) -> Any:
    """Do something as another process does it, whose calls are not those of what it interrupts."""
    with ThreadPoolExecutor(1) as other:
        return other.submit(act).result()


def test_who_is_listed_after_sealing_is_not_in_the_payment_file(money: Money) -> None:
    sealed = Sealed(money)
    listed(money, sealed.voucher_id)
    batch = money.batch(sealed.batch)
    assert (batch["status"], batch["count"], batch["digest"]) == ("sealed", 1, None)
    assert states(money, sealed.claim) == [BARRED, ("batched", [])]
    assert sealed.line().late_ineligibility is None, "it was in time"
    exported = money.export(sealed.batch)
    assert paid_in(exported) == [sealed.other]
    money.pay(sealed.batch)
    assert money.seal() is None
    assert money.batch(sealed.batch)["status"] == "closed"


def test_what_a_list_took_out_waits_in_the_list_of_its_city_and_is_paid_once_the_list_is_corrected(
    money: Money,
) -> None:
    sealed = Sealed(money)
    listed(money, sealed.voucher_id)
    row = LineRow.get(sealed.line_id)
    assert (row.queue, row.queued_at) == ("3401#lines", money.now), "a hold by facts has no record of its own"
    listed(money, sealed.voucher_id, since=OPENING, until=date(2026, 8, 1), as_of=date(2026, 9, 2))
    money.pay(sealed.batch)
    money.pay(money.seal())
    assert states(money, sealed.claim) == [("paid", []), ("paid", [])]
    balanced(money, 2 * FEN)


def test_a_batch_that_loses_its_last_line_to_a_list_is_not_exported(money: Money) -> None:
    sealed = Sealed(money)
    listed(money, sealed.voucher_id)
    listed(money, LineRow.get(sealed.other).voucher_id)
    refused = export(money, sealed.batch)
    assert (refused.status, refused.json["code"]) == (409, "hold_open")


def test_who_is_listed_after_the_export_is_flagged(money: Money) -> None:
    sealed = Sealed(money)
    assert sealed.line_id in paid_in(money.export(sealed.batch))
    key = listed(money, sealed.voucher_id)
    late = sealed.line()
    assert (late.status, late.late_ineligibility.code) == ("batched", "listed_deceased")
    follow(money, key)
    assert sealed.line().version == late.version, "saying it again changes nothing"


def test_a_line_that_failed_before_comes_out_of_its_second_batch_by_a_list(money: Money) -> None:
    sealed = Sealed(money)
    money.pay(sealed.batch, failing={0, 1})
    money.release(sealed.batch)
    second = money.seal()
    listed(money, sealed.voucher_id)
    assert (money.batch(second)["count"], sealed.line().status) == (1, "payment_failed")
    assert paid_in(money.export(second)) == [sealed.other]


def test_what_was_kept_of_a_line_for_a_debt_is_owed_again_once_a_list_takes_it_out(money: Money) -> None:
    from tests.settlement.set_off.test_set_off import owed, take_part_back

    before = Sealed(money)
    money.pay(before.batch)
    debt = before.other
    take_part_back(money, debt, FEN)
    sealed = Sealed(money)
    assert owed(money, debt)[1], "a part is kept"
    for line_id in (sealed.line_id, sealed.other):
        listed(money, LineRow.get(line_id).voucher_id)
    assert owed(money, debt) == (FEN, [])


@pytest.mark.parametrize("number", range(1, 27, 2))
def test_a_list_at_any_call_of_an_export_takes_the_line_out_or_flags_it(money: Money, number: int) -> None:
    sealed = Sealed(money)
    told: list[None] = []

    def act(call: int) -> None:
        if call == number and not told:
            told.append(None)
            meanwhile(lambda: listed(money, sealed.voucher_id))

    with before_each_call(act):
        answer = export(money, sealed.batch)
    if not told:
        listed(money, sealed.voucher_id)
    assert_paid_or_flagged(sealed, answer)


@pytest.mark.parametrize("number", range(1, 30, 2))
def test_an_export_at_any_call_of_a_list_has_the_line_flagged_or_is_without_it(
    money: Money, number: int
) -> None:
    sealed = Sealed(money)
    answers: list[Any] = []

    def act(call: int) -> None:
        if call == number and not answers:
            answers.append(None)
            answers[0] = meanwhile(lambda: export(money, sealed.batch))

    with before_each_call(act):
        listed(money, sealed.voucher_id)
    assert_paid_or_flagged(sealed, answers[0] if answers else export(money, sealed.batch))


def assert_paid_or_flagged(sealed: Sealed, answer: Any) -> None:
    """Either the bank was given the line and it is flagged, or it is held and in no batch."""
    if answer.status == 503:
        answer = export(sealed.money, sealed.batch)
    assert answer.status == 200, answer.json
    line = sealed.line()
    given = sealed.line_id in paid_in(answer.json)
    assert (line.late_ineligibility is not None) == given
    assert ((line.status, line.batch_id) == ("held", None)) == (not given)
    batch = batches_store.read_batch(sealed.batch["id"])
    assert (batch.status, batch.line_count) == ("exported", 1 + given)


@pytest.mark.parametrize("number", range(1, 16))
def test_who_is_listed_at_any_call_of_sealing_is_not_in_the_payment_file(money: Money, number: int) -> None:
    claim = money.publicised(scored_class(money.world, 2))
    first, second = money.read(claim)["lines"]
    money.wait()
    told: list[None] = []

    def act(call: int) -> None:
        if call == number and not told:
            told.append(None)
            meanwhile(lambda: listed(money, first["voucher_id"]))

    with before_each_call(act):
        batch = money.seal()
    if not told:
        listed(money, first["voucher_id"])
    assert paid_in(money.export(batch)) == [second["id"]]
    assert LineRow.get(first["id"]).batch_id is None
