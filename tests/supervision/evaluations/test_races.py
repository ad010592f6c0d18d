"""What an evaluation holds is not sealed, whenever it comes; what it holds of a batch is taken out again."""

from typing import Any

import pytest

from chalicelib.attendance.check_ins.store import CheckInRow
from chalicelib.supervision.evaluations.service import evaluate_class
from tests.settlement.test_faults import before_each_call
from tests.subsidies.scored import Money, scored_class
from tests.supervision.cases.test_holds import aside
from tests.supervision.evaluations.test_paths import context_at


def one_phone(world: Any) -> str:
    """Store a scored class whose six trainees were all signed in by one phone, which holds all of it."""
    class_id = scored_class(world, 6)
    for row in CheckInRow.query(class_id):
        row.update(actions=[CheckInRow.came.set({**row.came, "device_id": "one-phone"})])
    return class_id


@pytest.mark.parametrize("number", [1, 3, 6, 9, 12, 15, 18, 21])
def test_an_evaluation_at_any_call_of_sealing_leaves_nothing_to_pay(world: Any, number: int) -> None:
    money = Money(world)
    money.budget()
    class_id = one_phone(world)
    claim = money.publicised(class_id)
    money.wait()
    begun: list[None] = []

    def act(call: int) -> None:
        if call == number and not begun:
            begun.append(None)
            aside(lambda: evaluate_class(context_at(money.now), class_id))

    with before_each_call(act):
        batch = money.seal()
    if not begun:
        evaluate_class(context_at(money.now), class_id)
    assert all("risk_case" in [hold["code"] for hold in line["holds"]] for line in money.read(claim)["lines"])
    if batch is not None:  # what was sealed in that moment leaves it before there is a file to pay by
        money.api("finance").post(f"/v1/settlement-batches/{batch['id']}/export", {}, at=money.now)
        assert {line["status"] for line in money.batch(batch)["lines"]} <= {"withdrawn"}
    assert money.seal() is None


def test_an_evaluation_before_review_is_seen_by_it_and_once_is_enough(world: Any) -> None:
    money = Money(world)
    money.budget()
    class_id = one_phone(world)
    evaluate_class(context_at(money.now), class_id)
    claim = money.claim(class_id)
    assert {line["status"] for line in claim["lines"]} == {"held"}
    evaluate_class(context_at(money.now), class_id)
    reviewed = money.ok(money.decide("clerk", claim, "review"))
    money.ok(money.decide("reviewer", reviewed, "approve"))
    money.wait()
    assert money.seal() is None
