"""What races, repeats and deaths leave behind: one batch, one payment a line, books that balance.

The way out to DynamoDB and S3 is interrupted from outside (botocore's `before-send`), never our own code.
"""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

from chalicelib.aws.clients import client
from chalicelib.aws.table import connection
from chalicelib.kernel.principal import system_context
from chalicelib.settlement.batches.sealing import seal_division
from tests.settlement.evaluated import evaluated
from tests.subsidies.scored import Money, scored_class


class Died(BaseException):
    """The machine is gone."""


@contextlib.contextmanager
def before_each_call(act: Callable[[int], None], *, to: Sequence[str] = ("dynamodb",)) -> Iterator[list[int]]:
    """Do something before each call to these services, with its number from 1; gives the count of calls."""
    calls = [0]

    def handler(**_: Any) -> None:
        calls[0] += 1
        act(calls[0])

    clients = {"dynamodb": connection().client, "s3": client("s3")}
    for service in to:
        clients[service].meta.events.register_first(f"before-send.{service}", handler)
    try:
        yield calls
    finally:
        for service in to:
            clients[service].meta.events.unregister(f"before-send.{service}", handler)


def die_at(number: int) -> Callable[[int], None]:
    def act(call: int) -> None:
        if call == number:
            raise Died

    return act


@pytest.fixture
def money(world: Any) -> Money:
    money = Money(world)
    money.budget()
    return money


def due(world: Any, money: Money, *sizes: int) -> list[str]:
    class_ids = [scored_class(world, size) for size in sizes]
    for class_id in class_ids:
        money.publicised(class_id)
    money.wait()
    evaluated(money.now, class_ids)
    return class_ids


def work(money: Money) -> Any:
    return seal_division(system_context("settle_subsidies", now=money.now, request_id="req_t"), "3401")


def batches(money: Money) -> list[Any]:
    return list(money.ok(money.api("finance").get("/v1/settlement-batches"))["items"])


def test_sealing_killed_after_any_call_ends_in_one_whole_batch(world: Any, money: Money) -> None:
    due(world, money, 50, 50)
    for number in range(1, 200):
        try:
            with before_each_call(die_at(number), to=("dynamodb", "s3")):
                work(money)
        except Died:
            continue
        break
    (batch,) = batches(money)
    assert batch["count"] == 100
    assert batch["number"] == 1
    assert money.export(batch)["sha256"] == batch["digest"]
    assert work(money) is None


def test_sealing_killed_around_the_stored_files_ends_in_a_batch_that_has_both(
    world: Any, money: Money
) -> None:
    from chalicelib.settlement.batches.store import file_name, find_files

    due(world, money, 2)
    for number in (1, 2):
        with contextlib.suppress(Died), before_each_call(die_at(number), to=("s3",)):
            work(money)
        assert batches(money) == [], "a batch is not sealed before its file is stored"
    (batch,) = [work(money)]
    assert batch.digest is not None
    assert batch.workbook_digest is not None
    stored = [
        len(find_files(file_name(batch.id, digest))) for digest in (batch.digest, batch.workbook_digest)
    ]
    assert stored == [2, 1], "the first form had been stored when it died"
    assert money.export({"id": batch.id})["sha256"] == batch.digest
    assert money.ok(export_workbook(money, {"id": batch.id}))["sha256"] == batch.workbook_digest


def export_workbook(money: Money, batch: Any) -> Any:
    path = f"/v1/settlement-batches/{batch['id']}/export"
    return money.api("finance").post(path, {"format": "xlsx"}, at=money.now)


def test_an_older_batch_whose_first_export_is_killed_after_any_call_gives_one_file(
    world: Any, money: Money
) -> None:
    from chalicelib.settlement.batches.store import BatchRow

    due(world, money, 2)
    batch = work(money)
    BatchRow(batch.id).update(actions=[BatchRow.workbook_digest.remove()])  # as the program before left it
    shown = {"id": batch.id}
    first = until_whole(lambda: money.ok(export_workbook(money, shown)), to=("dynamodb", "s3"))
    assert money.ok(export_workbook(money, shown))["sha256"] == first["sha256"]
    assert money.export(shown)["sha256"] == batch.digest


@pytest.mark.parametrize("number", [4, 7, 9, 11, 13, 15])
def test_a_second_worker_in_the_midst_of_sealing_changes_nothing(
    world: Any, money: Money, number: int
) -> None:
    due(world, money, 50, 50)
    others: list[Any] = []

    def act(call: int) -> None:
        if call == number and not others:
            others.append(None)
            others.append(work(money))

    with before_each_call(act):
        mine = work(money)
    assert others, "the other worker came in"
    sealed = [worked for worked in (mine, *others) if worked is not None]
    assert {worked.id for worked in sealed} == {batch["id"] for batch in batches(money)}
    (batch,) = batches(money)
    assert batch["count"] == 100
    assert batch["amount_fen"] == sum(line["amount_fen"] for line in money.batch(batch)["lines"])
    assert money.export(batch)["sha256"] == batch["digest"]


def test_results_killed_after_any_call_pay_each_line_once(world: Any, money: Money) -> None:
    due(world, money, 5, 34)
    batch = money.seal()
    money.export(batch)
    rows = [money.result(line) for line in money.batch(batch)["lines"]]
    for number in range(1, 200):
        try:
            with before_each_call(die_at(number)):
                answer = money.send(batch, rows)
        except Died:
            continue
        break
    assert answer.json == {"applied": 39, "refused": [], "flagged": [], "notices": []}
    work(money)  # the night closes what a dead worker left open
    assert money.batch(batch)["status"] == "closed"
    balance = money.balance()
    assert balance["debit_fen"] == balance["credit_fen"] == batch["amount_fen"]
    budget = money.api("finance").get("/v1/budgets/3401/2026").json
    assert (budget["reserved_fen"], budget["spent_fen"]) == (0, batch["amount_fen"])
    listed = money.ok(money.api("clerk").get("/v1/subsidy-claims"))["items"]
    assert {claim["status"] for claim in listed} == {"paid"}


@pytest.mark.parametrize("number", [4, 5, 6])
def test_the_same_results_sent_twice_at_once_are_applied_once(world: Any, money: Money, number: int) -> None:
    due(world, money, 34)
    batch = money.seal()
    money.export(batch)
    rows = [money.result(line) for line in money.batch(batch)["lines"]]
    others: list[Any] = []

    def act(call: int) -> None:
        if call == number and not others:
            others.append(None)
            others.append(money.send(batch, rows))

    with before_each_call(act):
        mine = money.send(batch, rows)
    assert others, "the other request came in"
    assert mine.json == others[1].json == {"applied": 34, "refused": [], "flagged": [], "notices": []}
    assert money.balance()["debit_fen"] == batch["amount_fen"]


@pytest.mark.parametrize("lost", [False, True])
def test_a_file_with_repeated_rows_gets_one_answer_whatever_call_dies_or_loses_its_answer(
    world: Any, money: Money, lost: bool
) -> None:
    due(world, money, 3)
    batch = money.seal()
    money.export(batch)
    one, two, _ = money.batch(batch)["lines"]
    rows = [money.result(one), money.result(two, "failed"), money.result(one), money.result(two, "failed")]

    def send() -> Any:
        return money.ok(money.send(batch, rows))

    answer = until_whole(send)
    if lost:  # the answer came too late: the whole file once more
        answer = send()
    assert answer["applied"] == 2
    assert [(row["row"], row["code"]) for row in answer["refused"]] == [
        (3, "result_repeated"),
        (4, "result_repeated"),
    ]
    assert send() == answer
    assert money.batch(batch)["result_count"] == 2
    assert money.balance()["debit_fen"] == one["amount_fen"]


def test_money_paid_for_a_voucher_that_is_gone_is_booked_and_flagged(world: Any, money: Money) -> None:
    from chalicelib.vouchers.store import VoucherRow

    (class_id,) = due(world, money, 3)
    batch = money.seal()
    money.export(batch)
    line = money.read({"id": "clm_" + class_id[4:]})["lines"][1]
    VoucherRow(line["voucher_id"]).update(actions=[VoucherRow.status.set("revoked")])
    rows = [money.result(row) for row in money.batch(batch)["lines"]]
    answer = money.ok(money.send(batch, rows))
    assert (answer["applied"], answer["refused"]) == (3, [])
    assert [(row["row"], row["code"]) for row in answer["flagged"]] == [(2, "paid_without_voucher")]
    assert money.ok(money.send(batch, rows)) == answer
    assert money.balance()["debit_fen"] == batch["amount_fen"]
    assert money.batch(batch)["status"] == "closed"
    path = f"/v1/claim-lines/{line['id']}/reverse"
    money.ok(money.api("finance").post(path, {"reason": "券已收回"}, at=money.now))
    done = money.ok(money.api("finance_two").post(f"{path}/confirm", {}, at=money.now))
    assert done["status"] == "reversed"
    assert VoucherRow.get(line["voucher_id"]).status == "revoked"


def test_more_lines_cost_few_more_calls(world: Any, money: Money) -> None:
    """The floor of the design: at most 0.05 calls a line, to seal and to settle (the fixed part apart)."""
    calls: dict[int, tuple[int, int]] = {}
    for sizes in ((2,), (60, 60)):
        due(world, money, *sizes)
        with before_each_call(lambda _: None) as sealing:
            batch = work(money)
        shown = {"id": batch.id}
        money.export(shown)
        rows = [money.result(line) for line in money.batch(shown)["lines"]]
        with before_each_call(lambda _: None) as settling:
            assert money.ok(money.send(shown, rows))["applied"] == sum(sizes)
        calls[sum(sizes)] = (sealing[0], settling[0])
    for few, many in zip(calls[2], calls[120], strict=True):
        assert (many - few) / (120 - 2) <= 0.05
    altogether = sum(calls[120]) - sum(calls[2])
    assert altogether / (120 - 2) <= 0.055, "whole classes do not fill their transactions at this size"


def until_whole(act: Callable[[], Any], *, to: Sequence[str] = ("dynamodb",)) -> Any:
    """Try again after dying at each call in turn, until one run gets through; give what it answers."""
    for number in range(1, 200):
        try:
            with before_each_call(die_at(number), to=to):
                return act()
        except Died:
            continue
    raise AssertionError("no run gets through")


def test_taking_back_and_repaying_killed_after_any_call_book_each_once(world: Any, money: Money) -> None:
    due(world, money, 2)
    batch = money.seal()
    money.pay(batch)
    line = money.batch(batch)["lines"][0]
    path = f"/v1/claim-lines/{line['line_id']}"
    finance, other = money.api("finance"), money.api("finance_two")
    money.ok(until_whole(lambda: finance.post(f"{path}/reverse", {"reason": "重复"}, at=money.now)))
    money.ok(until_whole(lambda: other.post(f"{path}/reverse/confirm", {}, at=money.now)))
    part = {"amount_fen": 80_000, "received_on": "2026-09-21", "bank_reference": "R1"}
    money.ok(until_whole(lambda: finance.post(f"{path}/repayments", part, at=money.now)))
    shown = money.ok(until_whole(lambda: other.post(f"{path}/repayments/confirm", {}, at=money.now)))
    assert (shown["outstanding_fen"], len(shown["repayments"])) == (line["amount_fen"] - 80_000, 1)
    balance = money.balance()
    assert balance["debit_fen"] == balance["credit_fen"] == batch["amount_fen"] + line["amount_fen"] + 80_000
    budget = money.ok(finance.get("/v1/budgets/3401/2026"))
    assert (budget["reserved_fen"], budget["spent_fen"]) == (0, batch["amount_fen"] - line["amount_fen"])
    after: dict[str, str] = {}
    while after != {"after": None}:
        page = money.ok(finance.post("/v1/ledger/verify", after, at=money.now))
        assert page["intact"], page["differences"]
        after = {"after": page["after"]}


def test_a_settlement_message_delivered_again_or_twice_changes_nothing(world: Any, money: Money) -> None:
    from chalicelib.aws.queues import Message
    from chalicelib.settlement.jobs import seal_settlement

    due(world, money, 3)
    context = system_context("seal_settlement", now=money.now, request_id="req_night")
    message = Message(id="1", body={"division": "3401"}, now=money.now)  # of before messages named their work
    until_whole(lambda: seal_settlement(message, context))
    (batch,) = batches(money)
    before = money.batch(batch)
    for _ in range(2):
        seal_settlement(message, context)
    assert [batch_now["id"] for batch_now in batches(money)] == [batch["id"]]
    assert money.batch(batch) == before
    assert money.export(batch)["sha256"] == before["digest"]


def test_a_budget_too_small_says_what_is_missing_and_the_same_claim_goes_on_once_it_is_there(
    world: Any,
) -> None:
    money = Money(world)
    fen = 180_000
    money.budget(2 * fen)
    paid, claim = (money.claim(scored_class(world, size)) for size in (1, 2))
    paid = money.ok(money.decide("reviewer", money.ok(money.decide("clerk", paid, "review")), "approve"))
    claim = money.ok(money.decide("clerk", claim, "review"))
    refused = money.decide("reviewer", claim, "approve")
    assert (refused.status, refused.json["code"]) == (409, "budget_exhausted")
    assert "还差 1,800.00 元" in refused.json["detail"]
    kept = money.read(claim)
    assert (kept["status"], kept["count"], kept["amount_fen"]) == ("reviewed", 2, 2 * fen)
    path = "/v1/budgets/3401/2026"
    budget = money.ok(money.api("finance").get(path))
    assert (budget["reserved_fen"], budget["available_fen"]) == (fen, fen)
    less = {"program_id": world.program_id, "appropriated_fen": fen - 1, "version": budget["version"]}
    assert money.api("finance").put(path, less).json["code"] == "budget_exhausted", "what is reserved stays"
    more = less | {"appropriated_fen": 3 * fen}
    money.ok(money.api("finance").put(path, more))
    money.ok(money.decide("reviewer", claim, "approve"))
    money.wait()
    batch = money.seal()
    assert (batch["count"], batch["amount_fen"]) == (3, 3 * fen)
    money.pay(batch, failing={0})
    assert money.ok(money.api("finance").get(path))["reserved_fen"] == fen, "kept for the next batch"
    money.release(batch)
    money.pay(money.seal())
    budget = money.ok(money.api("finance").get(path))
    assert (budget["reserved_fen"], budget["spent_fen"], budget["available_fen"]) == (0, 3 * fen, 0)
