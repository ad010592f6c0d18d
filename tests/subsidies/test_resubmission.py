"""A returned claim is sent again: what was decided of its lines meanwhile, and before, stays decided."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from chalicelib.aws.table import connection
from chalicelib.subsidies import store
from tests.subsidies.scored import Money, scored_class


@pytest.fixture
def money(world: Any) -> Money:
    money = Money(world)
    money.budget()
    return money


@contextlib.contextmanager
def just_before_the_write(act: Callable[[], object]) -> Iterator[None]:
    """Do something once, between what a use case reads and its transaction."""
    done: list[bool] = []

    def handler(request: Any, **_: Any) -> None:
        if not done and request.headers["X-Amz-Target"].endswith(b"TransactWriteItems"):
            done.append(True)
            act()

    events = connection().client.meta.events
    events.register_first("before-send.dynamodb", handler)
    try:
        yield
    finally:
        events.unregister("before-send.dynamodb", handler)
    assert done


def returned(money: Money, class_id: str) -> Any:
    claim = money.claim(class_id)
    money.ok(money.decide("clerk", claim, "return", reason="补充材料"))
    return claim


def test_a_hold_placed_while_a_claim_is_sent_again_stays(world: Any, money: Money) -> None:
    class_id = scored_class(world, 2)
    line_id = returned(money, class_id)["lines"][0]["id"]
    with just_before_the_write(lambda: store.place_hold(line_id, "rsk_a", world.change)):
        again = money.claim(class_id)
    assert [line["holds"] for line in again["lines"]] == [["rsk_a"], []]
    assert money.read(again)["lines"] == again["lines"]


def test_a_hold_lifted_while_a_claim_is_sent_again_is_gone(world: Any, money: Money) -> None:
    class_id = scored_class(world, 2)
    line_id = returned(money, class_id)["lines"][0]["id"]
    store.place_hold(line_id, "rsk_a", world.change)
    with just_before_the_write(lambda: store.lift_hold(line_id, "rsk_a", world.change)):
        again = money.claim(class_id)
    assert [(line["status"], line["holds"]) for line in money.read(again)["lines"]] == [("pending", [])] * 2
