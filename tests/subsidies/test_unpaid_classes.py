"""Classes for which nothing is paid: nobody passed, or nobody claimed in time; their vouchers close with them."""

from datetime import timedelta
from typing import Any

import pytest

from chalicelib.classes.scores_store import classes_unclaimed
from chalicelib.classes.service import read_class
from chalicelib.classes.store import HEAD, ClassRow
from chalicelib.enrolments.store import EnrolmentRow
from tests.subsidies.scored import Money, scored_class
from tests.subsidies.test_claims import voucher_states


@pytest.fixture
def money(world: Any) -> Money:
    return Money(world)


def file(money: Money, class_id: str, count: int, amount_fen: int) -> Any:
    body = {"declared_count": count, "declared_amount_fen": amount_fen}
    return money.api("institution").post(f"/v1/classes/{class_id}/subsidy-claims", body, at=money.now)


def test_a_claim_for_nobody_closes_a_class_in_which_nobody_is_payable(world: Any, money: Money) -> None:
    class_id = scored_class(world, 3, failed={0, 1, 2})
    assert file(money, class_id, 3, 540_000).json["code"] == "not_payable"
    assert read_class(class_id).status == "scored"
    filed = file(money, class_id, 0, 0)
    assert filed.status == 201, filed.text
    shown = filed.json
    assert (shown["status"], shown["count"], shown["amount_fen"], shown["lines"]) == ("rejected", 0, 0, [])
    assert "没有符合拨付条件的学员" in shown["decision_reason"]
    assert read_class(class_id).status == "closed"
    assert voucher_states(class_id) == ["closed"] * 3
    again = file(money, class_id, 0, 0)
    assert (again.status, again.json) == (200, shown)


def test_nobody_can_be_declared_where_somebody_is_payable(world: Any, money: Money) -> None:
    class_id = scored_class(world, 2)
    refused = file(money, class_id, 0, 0)
    assert (refused.status, refused.json["code"]) == (422, "declared_totals_differ")
    assert read_class(class_id).status == "scored"


def test_a_returned_claim_of_whose_trainees_none_is_payable_any_more_can_be_ended(
    world: Any, money: Money
) -> None:
    money.budget()
    class_id = scored_class(world, 1)
    claim = money.publicised(class_id)
    (line,) = money.read(claim)["lines"]
    path = f"/v1/publicity/{claim['id']}/objections"
    about_line = money.ok(money.api().post(path, {"reason": "未到", "line_id": line["id"]}, at=money.now))
    about_claim = money.ok(money.api().post(path, {"reason": "未开课"}, at=money.now))
    upheld = {"version": 1, "outcome": "upheld", "reason": "属实"}
    for one in (about_claim, about_line):
        money.ok(money.api("supervisor").post(f"/v1/objections/{one['id']}/resolve", upheld, at=money.now))
    assert (money.read(claim)["status"], money.read(claim)["count"]) == ("returned", 0)
    assert file(money, class_id, 0, 0).json["status"] == "rejected"
    assert (read_class(class_id).status, voucher_states(class_id)) == ("closed", ["closed"])


def scored_again(money: Money, class_id: str) -> None:
    """Record the marks over HTTP, as every class's are."""
    ClassRow(class_id, HEAD).update(actions=[ClassRow.status.set("completion_approved")])
    ids = read_class(class_id).enrolment_ids
    for one in ids:
        EnrolmentRow(one).update(actions=[EnrolmentRow.status.set("rostered")])
    rows = [{"enrolment_id": one, "theory": 80, "practice": 80} for one in ids]
    body = {"version": read_class(class_id).version, "rows": rows}
    money.ok(money.api("institution").put(f"/v1/classes/{class_id}/scores", body, at=money.now))


def night(money: Money) -> None:
    import app

    assert app.settle_subsidies({"now": money.now.isoformat()}, None) == {"divisions": 17}
    money.world.cloud.work("settlement", app.seal_settlement)


@pytest.mark.parametrize("division", ["340111", "341882"])
def test_a_class_that_nobody_claims_for_in_time_is_closed_with_its_vouchers(
    world: Any, money: Money, division: str
) -> None:
    class_id = scored_class(world, 2, division=division)
    scored_again(money, class_id)
    money.now = world.now + timedelta(days=364)  # the last day: completion was approved the day before
    night(money)
    assert (read_class(class_id).status, voucher_states(class_id)) == ("scored", ["redeemed"] * 2)
    money.wait(1)
    night(money)
    assert (read_class(class_id).status, voucher_states(class_id)) == ("closed", ["closed"] * 2)
    assert file(money, class_id, 2, 360_000).json["code"] == "wrong_state"
    night(money)


def test_a_class_that_is_claimed_for_is_not_looked_at(world: Any, money: Money) -> None:
    class_id = scored_class(world, 2)
    scored_again(money, class_id)
    long_after = (world.now + timedelta(days=900)).date()
    assert classes_unclaimed("3401", before=long_after, limit=10) == [class_id]
    money.claim(class_id)
    assert classes_unclaimed("3401", before=long_after, limit=10) == []
