"""A returned claim is sent again: what was decided of its lines meanwhile, and before, stays decided."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from chalicelib.aws.table import connection
from chalicelib.subsidies.holds import store as hold_store
from tests.subsidies.claims.test_claims import voucher_states
from tests.subsidies.scored import Money, codes, let_go, scored_class


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


def objected(money: Money, claim: Any, **facts: Any) -> None:
    """Object to a claim or one of its lines, and uphold it."""
    path = f"/v1/publicity/{claim['id']}/objections"
    objection = money.ok(money.api().post(path, {"reason": "未参加培训", **facts}, at=money.now))
    upheld = {"version": 1, "outcome": "upheld", "reason": "属实"}
    path = f"/v1/objections/{objection['id']}/resolve"
    money.ok(money.api("supervisor").post(path, upheld, at=money.now))


def taken_out_by_an_objection(money: Money, claim: Any, line: Any) -> str:
    objected(money, claim, line_id=line["id"])
    return "属实"


def taken_out_by_a_reviewer(money: Money, _: Any, line: Any) -> str:
    body = {"version": line["version"], "reason": "冒名顶替"}
    money.ok(money.api("reviewer").post(f"/v1/claim-lines/{line['id']}/reject", body, at=money.now))
    return "冒名顶替"


@pytest.mark.parametrize("take_out", [taken_out_by_an_objection, taken_out_by_a_reviewer])
def test_a_line_taken_out_after_second_review_stays_out_however_often_the_claim_is_sent_again(
    world: Any, money: Money, take_out: Callable[[Money, Any, Any], str]
) -> None:
    class_id = scored_class(world, 3)
    claim = money.publicised(class_id)
    first, *others = money.read(claim)["lines"]
    reason = take_out(money, claim, first)
    objected(money, claim)
    for _ in range(2):
        payability = money.payability(class_id)
        assert (payability["count"], payability["lines"][0]["payable"]) == (2, False)
        check = next(check for check in payability["lines"][0]["checks"] if check["name"] == "not_rejected")
        assert check == {"name": "not_rejected", "passed": False, "evidence": {"reason": reason}}
        again = money.claim(class_id)
        assert (again["count"], again["amount_fen"]) == (2, payability["amount_fen"])
        assert [line["id"] for line in again["lines"]] == [line["id"] for line in others]
        money.ok(money.decide("clerk", again, "return", reason="补充材料"))
    everybody = {"declared_count": 3, "declared_amount_fen": claim["amount_fen"]}
    path = f"/v1/classes/{class_id}/subsidy-claims"
    assert (
        money.api("institution").post(path, everybody, at=money.now).json["code"] == "declared_totals_differ"
    )
    money.publicised(class_id)
    money.wait()
    batch = money.seal()
    assert batch["count"] == 2
    money.pay(batch)
    money.seal()  # the nightly run closes the class
    assert voucher_states(class_id) == ["closed", "settled", "settled"]


def test_a_line_rejected_during_review_may_come_back(world: Any, money: Money) -> None:
    class_id = scored_class(world, 2)
    claim = money.claim(class_id)
    rejected = [{"id": claim["lines"][0]["id"], "reason": "缺材料"}]
    claim = money.ok(money.decide("clerk", claim, "review", rejected_lines=rejected))
    money.ok(money.decide("reviewer", claim, "return", reason="补充材料"))
    assert money.claim(class_id)["count"] == 2


def test_a_hold_placed_while_a_claim_is_sent_again_stays(world: Any, money: Money) -> None:
    class_id = scored_class(world, 2)
    line_id = returned(money, class_id)["lines"][0]["id"]
    with just_before_the_write(lambda: hold_store.place_hold(line_id, "stop:hld_a", world.change)):
        again = money.claim(class_id)
    assert [codes(line) for line in again["lines"]] == [["stop_payment"], []]
    assert money.read(again)["lines"] == again["lines"]


def test_a_hold_lifted_while_a_claim_is_sent_again_is_gone(world: Any, money: Money) -> None:
    class_id = scored_class(world, 2)
    line_id = returned(money, class_id)["lines"][0]["id"]
    hold_store.place_hold(line_id, "stop:hld_a", world.change)
    with just_before_the_write(lambda: let_go(line_id, "stop:hld_a", world.change)):
        again = money.claim(class_id)
    assert [(line["status"], line["holds"]) for line in money.read(again)["lines"]] == [("pending", [])] * 2
