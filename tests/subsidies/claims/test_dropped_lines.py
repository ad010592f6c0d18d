"""One line is stopped or taken out after second review; the others of its claim go on."""

from typing import Any

import pytest

from chalicelib.classes.service import read_class
from chalicelib.vouchers.store import find_voucher
from tests.subsidies.scored import Money, scored_class


@pytest.fixture
def money(world: Any) -> Money:
    money = Money(world)
    money.budget()
    return money


def object_to(money: Money, claim: Any, line: Any, **extra: Any) -> Any:
    body = {"reason": "此人未参加培训", "line_id": line["id"], **extra}
    return money.api().post(f"/v1/publicity/{claim['id']}/objections", body, at=money.now)


def resolve(money: Money, objection: Any, outcome: str) -> Any:
    body = {"version": 1, "outcome": outcome, "reason": "经核查"}
    path = f"/v1/objections/{objection['id']}/resolve"
    return money.ok(money.api("supervisor").post(path, body, at=money.now))


def reject(money: Money, line: Any, *, who: str = "reviewer", version: int | None = None) -> Any:
    body = {"version": version or line["version"], "reason": "无法支付"}
    return money.api(who).post(f"/v1/claim-lines/{line['id']}/reject", body, at=money.now)


def budget(money: Money) -> tuple[int, int]:
    budget = money.ok(money.api("finance").get("/v1/budgets/3401/2026", at=money.now))
    return budget["reserved_fen"], budget["spent_fen"]


def voucher_of(line: Any) -> str:
    voucher = find_voucher(line["voucher_id"])
    assert voucher is not None
    return str(voucher.status)


def test_an_objection_to_a_line_stops_that_line_alone(world: Any, money: Money) -> None:
    claim = money.publicised(scored_class(world, 3))
    first, *_ = lines = money.read(claim)["lines"]
    objection = money.ok(object_to(money, claim, first))
    assert money.ok(object_to(money, claim, first)) == objection
    held = money.read(claim)
    assert [line["status"] for line in held["lines"]] == ["held", "pending", "pending"]
    assert held["open_objections"] == 0
    money.wait()
    batch = money.seal()
    assert batch["count"] == 2
    assert money.seal() is None
    resolve(money, objection, "dismissed")
    later = money.seal()
    assert [line["line_id"] for line in money.batch(later)["lines"]] == [lines[0]["id"]]
    money.pay(batch)
    money.pay(later)
    assert money.read(claim)["status"] == "paid"
    assert budget(money) == (0, claim["amount_fen"])


def test_an_upheld_objection_takes_its_line_out_and_frees_the_money(world: Any, money: Money) -> None:
    class_id = scored_class(world, 3)
    claim = money.publicised(class_id)
    first, second, _ = money.read(claim)["lines"]
    objection = money.ok(object_to(money, claim, first))
    resolve(money, objection, "upheld")
    after = money.read(claim)
    assert (after["status"], after["count"]) == ("publicised", 2)
    assert after["amount_fen"] == claim["amount_fen"] - first["amount_fen"]
    assert after["lines"][0]["status"] == "rejected"
    assert budget(money) == (after["amount_fen"], 0)
    money.wait()
    money.pay(money.seal())
    money.seal()  # the nightly run closes the class
    assert read_class(class_id).status == "closed"
    assert (voucher_of(first), voucher_of(second)) == ("closed", "settled")


def test_an_objection_names_a_line_of_its_claim(world: Any, money: Money) -> None:
    claim, other = (money.publicised(scored_class(world, 1)) for _ in range(2))
    for line_id in (money.read(other)["lines"][0]["id"], "lin_nonsense", "x"):
        refused = object_to(money, claim, {"id": line_id})
        assert (refused.status, refused.json["code"]) == (422, "line_unknown")


def test_two_objections_to_a_line_both_hold_it(world: Any, money: Money) -> None:
    claim = money.publicised(scored_class(world, 1))
    (line,) = money.read(claim)["lines"]
    objections = [money.ok(object_to(money, claim, line, reason=reason)) for reason in ("甲", "乙")]
    resolve(money, objections[0], "dismissed")
    assert money.read(claim)["lines"][0]["status"] == "held"
    resolve(money, objections[1], "dismissed")
    assert money.read(claim)["lines"][0]["status"] == "pending"


def test_a_claim_whose_only_line_is_taken_out_ends_rejected_with_its_class(world: Any, money: Money) -> None:
    class_id = scored_class(world, 2, failed={1})
    claim = money.publicised(class_id)
    (line,) = money.read(claim)["lines"]
    assert money.ok(reject(money, line))["status"] == "rejected"
    assert money.read(claim)["status"] == "rejected"
    assert read_class(class_id).status == "closed"
    assert voucher_of(line) == "closed"
    assert budget(money) == (0, 0)
    money.wait()
    assert money.seal() is None


def test_a_line_whose_payment_cannot_succeed_is_taken_out_and_the_claim_closes(
    world: Any, money: Money
) -> None:
    class_id = scored_class(world, 2)
    claim = money.publicised(class_id)
    money.wait()
    batch = money.seal()
    in_batch = money.read(claim)["lines"][0]
    assert reject(money, in_batch).json["code"] == "wrong_state"
    money.pay(batch, failing={0})
    failed, paid = money.read(claim)["lines"]
    assert [failed["status"], paid["status"]] == ["payment_failed", "paid"]
    assert reject(money, paid).json["code"] == "wrong_state"
    assert reject(money, failed, version=99).json["code"] == "version_conflict"
    assert reject(money, failed, who="finance").status == 403
    money.ok(reject(money, failed))
    assert money.seal() is None
    after = money.read(claim)
    assert (after["status"], after["count"], after["amount_fen"]) == ("paid", 1, paid["amount_fen"])
    assert read_class(class_id).status == "closed"
    assert (voucher_of(failed), voucher_of(paid)) == ("closed", "settled")
    assert budget(money) == (0, paid["amount_fen"])


def test_before_second_review_lines_are_rejected_in_the_review(world: Any, money: Money) -> None:
    claim = money.claim(scored_class(world, 2))
    assert reject(money, claim["lines"][0]).json["code"] == "wrong_state"
