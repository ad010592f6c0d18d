"""Held lines come out of batches that nobody has exported; races of holds with sealing and exporting."""

import csv
import io
from collections.abc import Callable
from typing import Any

import pytest

from chalicelib.aws.table import connection
from chalicelib.kernel.principal import Context
from chalicelib.settlement.batches import store as batches_store
from chalicelib.subsidies.claims.store import LineRow
from chalicelib.subsidies.holds import service
from chalicelib.subsidies.holds.model import SubjectKind
from chalicelib.subsidies.holds.service import Grounds
from tests.settlement.batches.test_batches import balanced, file_of
from tests.settlement.test_faults import before_each_call
from tests.subsidies.holds.test_stop_payment import SCHOOL, let_go, move_school, on, states, stop
from tests.subsidies.scored import Money, scored_class
from tests.support.people import HEFEI_SCHOOL, staff_principal

FEN = 180_000


@pytest.fixture
def money(world: Any) -> Money:
    return Money(world)


def paid_in(exported: Any) -> list[str]:
    return [row["line_id"] for row in csv.DictReader(io.StringIO(file_of(exported).decode()))]


def export(money: Money, batch: Any) -> Any:
    """Export as the one who pays: another of finance enters what the bank tells."""
    return money.api("finance_two").post(f"/v1/settlement-batches/{batch['id']}/export", {}, at=money.now)


def claim_of(class_id: str) -> dict[str, str]:
    return {"id": "clm_" + class_id[4:]}


def test_a_line_that_is_stopped_comes_out_of_a_sealed_batch_and_the_file_is_of_the_others(
    world: Any, money: Money
) -> None:
    class_id = scored_class(world, 3)
    batch = money.sealed(class_id)
    first, second, third = (line["line_id"] for line in money.batch(batch)["lines"])
    hold = money.ok(stop(money, {"kind": "line", "id": second}))
    assert hold["too_late"] == []
    now = money.batch(batch)
    assert (now["status"], now["count"], now["amount_fen"]) == ("sealed", 2, batch["amount_fen"] // 3 * 2)
    assert (now["digest"], [line["line_id"] for line in now["lines"]]) == (None, [first, third])
    assert states(money, claim_of(class_id))[1] == ("held", ["stop_payment"])
    exported = money.export(batch)
    assert (paid_in(exported), exported["count"]) == ([first, third], 2)
    assert money.batch(batch)["digest"] == exported["sha256"]
    assert money.export(batch)["sha256"] == exported["sha256"]
    money.pay(batch)
    assert money.batch(batch)["status"] == "closed"
    assert money.seal() is None
    money.ok(let_go(money, hold))
    again = money.seal()
    assert [line["line_id"] for line in money.batch(again)["lines"]] == [second]
    money.pay(again)
    assert money.read(claim_of(class_id))["status"] == "paid"
    balanced(money, batch["amount_fen"])


def test_a_claim_that_is_stopped_takes_its_lines_along_and_a_batch_that_loses_all_is_closed(
    world: Any, money: Money
) -> None:
    class_id = scored_class(world, 2)
    batch = money.sealed(class_id)
    hold = money.ok(stop(money, on("claim", claim_of(class_id)), who="finance_two"))
    empty = money.batch(batch)
    assert (empty["status"], empty["count"], empty["amount_fen"], empty["lines"]) == ("closed", 0, 0, [])
    assert empty["allowed_actions"] == []
    assert money.read(claim_of(class_id))["status"] == "payable"
    refused = export(money, batch)
    assert (refused.status, refused.json["code"]) == (409, "hold_open")
    money.ok(let_go(money, hold))
    assert money.seal()["count"] == 2


def test_a_line_that_the_bank_failed_before_waits_among_the_failed_again(world: Any, money: Money) -> None:
    batch = money.sealed(scored_class(world, 1))
    money.pay(batch, failing={0})
    money.release(batch)
    second = money.seal()
    (line,) = money.batch(second)["lines"]
    hold = money.ok(stop(money, {"kind": "line", "id": line["line_id"]}))
    assert LineRow.get(line["line_id"]).status == "payment_failed"
    assert money.seal() is None
    money.ok(let_go(money, hold))
    money.pay(money.seal())
    balanced(money, FEN)


def test_a_line_that_is_out_of_its_second_batch_can_be_corrected_instead_of_paid_twice(
    world: Any, money: Money
) -> None:
    """The bank had paid after all: nobody could say so while the line stood in no batch."""
    from tests.settlement.corrections.test_corrections import confirm, to_paid

    batch = money.sealed(scored_class(world, 1))
    money.pay(batch, failing={0})
    money.release(batch)
    (line,) = money.batch(money.seal())["lines"]
    line_id = line["line_id"]
    assert money.act(line_id, "correct", **to_paid(money)).json["code"] == "line_batched_again"
    hold = money.ok(stop(money, {"kind": "line", "id": line_id}))
    money.ok(money.act(line_id, "correct", **to_paid(money)))
    corrected = money.ok(confirm(money, line_id))
    assert (corrected["status"], corrected["batch_id"]) == ("paid", batch["id"])
    money.ok(let_go(money, hold))
    assert money.seal() is None, "it is paid"
    balanced(money, FEN)


def test_a_claim_in_two_batches_that_pay_off_one_debt_is_stopped_in_one_go(world: Any, money: Money) -> None:
    from tests.settlement.set_off.test_set_off import owed, take_part_back

    before = money.sealed(scored_class(world, 1))
    money.pay(before)
    debt = str(money.batch(before)["lines"][0]["line_id"])
    take_part_back(money, debt, FEN)
    class_id = scored_class(world, 2)
    claim = money.publicised(class_id)
    _, late = money.read(claim)["lines"]
    hold = money.ok(stop(money, {"kind": "line", "id": late["id"]}))
    money.wait()
    first = money.seal()
    money.ok(let_go(money, hold))
    take_part = owed(money, debt)[1]
    assert first["count"] == 1
    second = money.seal()
    assert second["count"] == 1
    assert take_part, "the first took it all"
    stopped = money.ok(stop(money, on("claim", claim_of(class_id)), who="finance_two"))
    assert stopped["too_late"] == []
    assert owed(money, debt) == (FEN, []), "what was kept of both is owed again"
    assert [money.batch(batch)["count"] for batch in (first, second)] == [0, 0]


def test_a_claim_with_more_set_off_than_a_transaction_holds_is_stopped_all_the_same(
    world: Any, money: Money
) -> None:
    from tests.settlement.set_off.test_set_off import owed, take_part_back

    before = money.sealed(scored_class(world, 50))
    money.pay(before)
    debts = [str(known["line_id"]) for known in money.batch(before)["lines"]]
    for debt in debts:
        take_part_back(money, debt, FEN)
    class_id = scored_class(world, 60)
    money.publicised(class_id)
    money.wait()
    batch = money.seal()
    assert all(owed(money, debt)[1] for debt in debts), "60 lines, 50 debts and the rest are more than 100"
    money.ok(stop(money, on("claim", claim_of(class_id)), who="finance_two"))
    assert money.batch(batch)["count"] == 0
    assert [owed(money, debt) for debt in debts] == [(FEN, [])] * 50


def test_of_an_exported_batch_it_is_told_that_it_is_too_late_and_a_failed_line_is_not_paid_again(
    world: Any, money: Money
) -> None:
    batch = money.sealed(scored_class(world, 2))
    money.export(batch)
    first, second = (line["line_id"] for line in money.batch(batch)["lines"])
    hold = money.ok(stop(money, {"kind": "line", "id": first}))
    assert hold["too_late"] == [first]
    assert money.batch(batch)["count"] == 2
    money.pay(batch, failing={0, 1})
    money.release(batch)
    assert [line["line_id"] for line in money.batch(money.seal())["lines"]] == [second]
    money.ok(let_go(money, hold))
    assert [line["line_id"] for line in money.batch(money.seal())["lines"]] == [first]


@pytest.mark.parametrize("how", ["suspend", "stop"])
def test_the_lines_of_an_institution_stopped_after_sealing_are_not_in_the_file(
    world: Any, money: Money, how: str
) -> None:
    from tests.support.people import HEFEI_OTHER

    school = scored_class(world, 2)
    other = scored_class(world, 1, institution=HEFEI_OTHER)
    money.budget()
    money.publicised(school)
    claim = money.claim(other, who="institution_two")
    money.ok(money.decide("reviewer", money.ok(money.decide("clerk", claim, "review")), "approve"))
    money.wait()
    batch = money.seal()
    assert batch["count"] == 3
    if how == "suspend":
        move_school(money, "suspend")
    else:
        money.ok(stop(money, SCHOOL))
    exported = money.export(batch)
    assert exported["count"] == 1
    assert paid_in(exported) == [line["line_id"] for line in money.batch(batch)["lines"]]
    assert [status for status, _ in states(money, claim_of(school))] == ["held", "held"]
    money.pay(batch)
    assert money.batch(batch)["status"] == "closed"
    assert money.seal() is None


def test_a_batch_whose_every_line_is_held_is_not_exported(world: Any, money: Money) -> None:
    batch = money.sealed(scored_class(world, 2))
    move_school(money, "suspend")
    refused = export(money, batch)
    assert (refused.status, refused.json["code"]) == (409, "hold_open")
    assert money.batch(batch)["status"] == "closed"
    move_school(money, "reinstate", "已核实无误")
    again = money.seal()
    assert again["count"] == 2
    money.pay(again)
    balanced(money, 2 * FEN)


# --------------------------------------------------------------------------- races


def supervisor(money: Money) -> Context:
    return Context(principal=staff_principal("supervisor"), now=money.now, request_id="req_test")


def hold_line(money: Money, line_id: str) -> Callable[[], Any]:
    return lambda: service.place(supervisor(money), SubjectKind.LINE, line_id, Grounds(reason="核查"))


def hold_claim(money: Money, line_id: str) -> Callable[[], Any]:
    claim_id = "clm_" + line_id[4:].rpartition("-")[0]
    return lambda: service.place(supervisor(money), SubjectKind.CLAIM, claim_id, Grounds(reason="核查"))


def hold_school(money: Money, _: str) -> Callable[[], Any]:
    grounds = Grounds(reason="核查")
    return lambda: service.place(supervisor(money), SubjectKind.INSTITUTION, HEFEI_SCHOOL, grounds)


def suspend_school(money: Money, _: str) -> Callable[[], Any]:
    return lambda: move_school(money, "suspend")


HOLDS = [hold_line, hold_claim, hold_school, suspend_school]


@pytest.mark.parametrize("number", range(1, 31, 2))
@pytest.mark.parametrize("hold", HOLDS)
def test_a_hold_placed_at_any_call_of_sealing_is_never_paid(
    world: Any, money: Money, hold: Any, number: int
) -> None:
    money.budget()
    claim = money.publicised(scored_class(world, 1))
    (line,) = money.read(claim)["lines"]
    money.wait()
    place = hold(money, line["id"])
    placed: list[Any] = []

    def act(call: int) -> None:
        if call == number and not placed:
            placed.append(None)
            place()

    with before_each_call(act):
        batch = money.seal()
    if not placed:
        place()
    if batch is not None:
        refused = export(money, batch)
        assert (refused.status, refused.json.get("code")) in {(409, "hold_open"), (409, "wrong_state")}
    assert LineRow.get(line["id"]).batch_id is None
    assert money.seal() is None
    assert states(money, claim)[0][0] == "held"


@pytest.mark.parametrize("hold", HOLDS)
def test_a_hold_placed_between_what_sealing_reads_and_writes_keeps_the_line_out_of_the_batch(
    world: Any, money: Money, hold: Any
) -> None:
    money.budget()
    claim = money.publicised(scored_class(world, 1))
    (line,) = money.read(claim)["lines"]
    money.wait()
    placed: list[Any] = []

    def act(request: Any, **_: Any) -> None:
        # the first transaction begins the batch with the line in it
        if request.headers["X-Amz-Target"].endswith(b"TransactWriteItems"):
            placed.append(None)
            if len(placed) == 1:
                hold(money, line["id"])()

    events = connection().client.meta.events
    events.register_first("before-send.dynamodb", act)
    try:
        assert money.seal() is None
    finally:
        events.unregister("before-send.dynamodb", act)
    assert placed
    assert LineRow.get(line["id"]).batch_id is None
    assert batches_store.newest_batch("3401") is None, "no batch without a line"


@pytest.mark.parametrize("number", range(1, 31, 2))
@pytest.mark.parametrize("hold", HOLDS)
def test_a_hold_placed_at_any_call_of_an_export_stops_the_line_or_is_told_that_it_is_too_late(
    world: Any, money: Money, hold: Any, number: int
) -> None:
    class_id = scored_class(world, 2)
    batch = money.sealed(class_id)
    line_id = money.batch(batch)["lines"][0]["line_id"]
    place = hold(money, line_id)
    placed: list[Any] = []
    exported_then: list[str] = []

    def act(call: int) -> None:
        if call == number and not placed:
            placed.append(None)
            placed.append(place())
            exported_then.append(str(batches_store.read_batch(batch["id"]).status))

    with before_each_call(act):
        answer = export(money, batch)
    out = answer.status == 200 and line_id in paid_in(answer.json)
    if placed and hold in (hold_line, hold_claim):
        assert (line_id in placed[1].too_late) == out
    if placed and hold in (hold_school, suspend_school):
        assert out == (exported_then == ["exported"])
    if answer.status == 200:
        assert paid_in(answer.json) == [line["line_id"] for line in money.batch(batch)["lines"]]
    if not out:
        assert LineRow.get(line_id).batch_id is None


@pytest.mark.parametrize("number", range(1, 25, 2))
def test_an_export_at_any_call_of_a_stop_gives_the_line_to_the_bank_or_not_and_it_is_told(
    world: Any, money: Money, number: int
) -> None:
    batch = money.sealed(scored_class(world, 2))
    first, second = (line["line_id"] for line in money.batch(batch)["lines"])
    exported: list[Any] = []

    def act(call: int) -> None:
        if call == number and not exported:
            exported.append(None)
            exported.append(export(money, batch))

    with before_each_call(act):
        hold = stop(money, {"kind": "line", "id": first}).json
    answer = exported[1] if exported else export(money, batch)
    assert (first in paid_in(answer.json)) == (first in hold["too_late"])
    assert second in paid_in(answer.json)


@pytest.mark.parametrize("number", range(1, 41, 3))
def test_an_export_that_dies_while_it_takes_lines_out_is_done_by_the_next(
    world: Any, money: Money, number: int
) -> None:
    from tests.settlement.test_faults import Died, die_at
    from tests.support.people import HEFEI_OTHER

    money.budget()
    money.publicised(scored_class(world, 2))
    claim = money.claim(scored_class(world, 1, institution=HEFEI_OTHER), who="institution_two")
    money.ok(money.decide("reviewer", money.ok(money.decide("clerk", claim, "review")), "approve"))
    money.wait()
    batch = money.seal()
    move_school(money, "suspend")
    try:
        with before_each_call(die_at(number)):
            export(money, batch)
    except Died:
        pass
    exported = money.export(batch)
    assert exported["count"] == 1
    assert money.batch(batch)["digest"] == exported["sha256"]
    money.pay(batch)
    balanced(money, FEN)
