"""One finance officer, alone, tries to have a class paid twice: each way is refused, and none moves a fen.

The officer's own entries stay in the line's versions and so in the audit; what is refused leaves evidence
where it is a bank's row (`GET …/results?outcome=refused`).
"""

from collections.abc import Callable
from typing import Any

import pytest

from chalicelib.settlement.batches.store import BatchRow
from chalicelib.subsidies.claims.store import LineRow
from tests.settlement.corrections.test_corrections import net, to_failed, to_paid
from tests.settlement.corrections.test_returned import returned
from tests.settlement.ledger.test_ledger import FEN, differences
from tests.subsidies.scored import Money, scored_class
from tests.support.people import staff_principal

OFFICER = "finance"


@pytest.fixture
def money(world: Any) -> Money:
    return Money(world)


@pytest.fixture
def batch(world: Any, money: Money) -> Any:
    batch = money.sealed(scored_class(world, 2))
    money.export(batch)
    return batch


def ids(money: Money, batch: Any) -> list[str]:
    return [str(line["line_id"]) for line in money.batch(batch)["lines"]]


def bank_pays(money: Money, batch: Any) -> None:
    """Record what the bank really did: it paid both lines."""
    rows = [money.result(line) for line in money.batch(batch)["lines"]]
    money.ok(money.send(batch, rows))


def own_failure_then_release(money: Money, batch: Any) -> list[Any]:
    """The bank has paid; the officer says it has not, and lets the line go on."""
    (line, _) = money.batch(batch)["lines"]
    money.ok(money.send(batch, [money.result(line, "failed")]))
    return [money.act(line["line_id"], "release", reason="重付")]


def own_correction(money: Money, batch: Any) -> list[Any]:
    bank_pays(money, batch)
    (line_id, _) = ids(money, batch)
    money.ok(money.act(line_id, "correct", **to_failed()))
    return [money.act(line_id, "correct/confirm"), money.act(line_id, "release", reason="重付")]


def own_repayment(money: Money, batch: Any) -> list[Any]:
    """A payment was taken back by two; one officer says that it came in, so that it may be spent again."""
    bank_pays(money, batch)
    (line_id, _) = ids(money, batch)
    money.ok(money.act(line_id, "reverse", reason="重复"))
    money.ok(money.act(line_id, "reverse/confirm", who="finance_two"))
    came = {"amount_fen": FEN, "received_on": "2026-09-21", "bank_reference": "R1"}
    money.ok(money.act(line_id, "repayments", **came))
    return [money.act(line_id, "repayments/confirm")]


def own_return(money: Money, batch: Any) -> list[Any]:
    bank_pays(money, batch)
    money.ok(money.send(batch, [returned(money, batch)]))
    return [money.act(ids(money, batch)[0], "release", reason="重付")]


def correction_there_and_back(money: Money, batch: Any) -> list[Any]:
    """Say it failed, then that it was paid after all, so that nobody asks why it was released."""
    (line, _) = money.batch(batch)["lines"]
    money.ok(money.send(batch, [money.result(line, "failed")]))
    money.ok(money.act(line["line_id"], "correct", **to_paid(money)))
    return [money.act(line["line_id"], "correct/confirm"), money.act(line["line_id"], "release", reason="x")]


def own_reversal(money: Money, batch: Any) -> list[Any]:
    bank_pays(money, batch)
    (line_id, _) = ids(money, batch)
    money.ok(money.act(line_id, "reverse", reason="收回再付"))
    return [money.act(line_id, "reverse/confirm"), money.act(line_id, "release", reason="重付")]


def release_without_a_failure(money: Money, batch: Any) -> list[Any]:
    bank_pays(money, batch)
    return [money.act(line_id, "release", reason="重付") for line_id in ids(money, batch)]


WAYS: list[Callable[[Money, Any], list[Any]]] = [
    own_failure_then_release,
    own_correction,
    own_return,
    correction_there_and_back,
    own_reversal,
    release_without_a_failure,
    own_repayment,
]


@pytest.mark.parametrize("way", WAYS, ids=[way.__name__ for way in WAYS])
def test_finance_alone_brings_no_line_into_a_second_batch(
    money: Money, batch: Any, way: Callable[[Money, Any], list[Any]]
) -> None:
    answers = way(money, batch)
    assert answers
    for answer in answers:
        assert answer.status in (403, 409), answer.text
        assert answer.json["code"] in ("self_approval", "wrong_state", "correction_already_asked"), (
            answer.text
        )
    for _ in range(3):
        money.wait(1)
        assert money.seal() is None
    assert [row.record.number for row in BatchRow.scan() if row.record.line_count] == [1]
    assert net(money).get("treasury", 0) >= -2 * FEN
    assert differences(money) == []


@pytest.mark.parametrize("way", WAYS, ids=[way.__name__ for way in WAYS])
def test_what_the_officer_did_stands_in_the_lines_own_record(
    money: Money, batch: Any, way: Callable[[Money, Any], list[Any]]
) -> None:
    way(money, batch)
    change = LineRow.get(ids(money, batch)[0]).record.last_change
    assert change is not None
    assert change.actor == staff_principal(OFFICER).actor


def test_a_second_answer_of_the_bank_is_refused_and_kept(money: Money, batch: Any) -> None:
    bank_pays(money, batch)
    line = money.batch(batch)["lines"][0]
    refused = money.ok(money.send(batch, [money.result(line, "failed")]))["refused"]
    assert [row["code"] for row in refused] == ["result_contradicts"]
    kept = money.ok(money.api("supervisor").get(f"/v1/settlement-batches/{batch['id']}/results"))["items"]
    assert [(row["line_id"], row["sent_by"]) for row in kept] == [
        (line["line_id"], staff_principal(OFFICER).actor)
    ]
