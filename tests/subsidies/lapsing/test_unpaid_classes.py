"""Classes for which nothing is paid: nobody passed, or nobody claimed in time; their vouchers close with them."""

from datetime import timedelta
from typing import Any

import pytest

from chalicelib.aws.queues import Message
from chalicelib.classes.scores.store import classes_unclaimed
from chalicelib.classes.service import read_class
from chalicelib.classes.store import HEAD, ClassRow
from chalicelib.enrolments.store import EnrolmentRow
from chalicelib.kernel.errors import Refused
from chalicelib.kernel.principal import Role, system_context
from chalicelib.settlement.jobs import seal_settlement
from chalicelib.subsidies.budgets.store import BudgetRow
from tests.accounts.test_separation import moved
from tests.settlement.evaluated import evaluated
from tests.subsidies.claims.test_claims import voucher_states
from tests.subsidies.scored import Money, scored_class
from tests.support.people import staff_principal


@pytest.fixture
def money(world: Any) -> Money:
    return Money(world)


def file(money: Money, class_id: str, count: int, amount_fen: int) -> Any:
    body = {"declared_count": count, "declared_amount_fen": amount_fen}
    return money.api("institution").post(f"/v1/classes/{class_id}/subsidy-claims", body, at=money.now)


def close(money: Money, class_id: str, *, who: Any = "clerk", version: int | None = None) -> Any:
    body = {"version": version or read_class(class_id).version, "reason": "全班未通过"}
    return money.api(who).post(f"/v1/classes/{class_id}/close", body, at=money.now)


def test_a_clerk_closes_a_class_in_which_nobody_is_payable(world: Any, money: Money) -> None:
    class_id = scored_class(world, 3, failed={0, 1, 2})
    assert file(money, class_id, 0, 0).json["code"] == "not_payable"
    assert close(money, class_id, who="institution").status == 403
    assert close(money, class_id, who="clerk_wuhu").status == 404
    assert close(money, class_id, version=9).json["code"] == "version_conflict"
    closed = money.ok(close(money, class_id))
    assert (closed["status"], read_class(class_id).status.value) == ("closed", "closed")
    assert voucher_states(class_id) == ["closed"] * 3
    assert close(money, class_id).json["code"] == "wrong_state"


def test_a_class_in_which_somebody_is_payable_is_not_closed(world: Any, money: Money) -> None:
    class_id = scored_class(world, 3, failed={0})
    refused = close(money, class_id)
    assert (refused.status, refused.json["code"]) == (409, "somebody_payable")
    assert "2 名学员" in refused.json["detail"]
    assert (read_class(class_id).status, set(voucher_states(class_id))) == ("scored", {"redeemed"})


def test_who_prepared_a_class_does_not_close_it(world: Any, money: Money) -> None:
    class_id = scored_class(world, 1, failed={0})
    teacher = staff_principal("institution").actor
    ClassRow(class_id, HEAD).update(actions=[ClassRow.scored_by.set(teacher)])
    refused = close(money, class_id, who=moved("institution", Role.CLERK))
    assert (refused.status, refused.json["code"]) == (403, "self_approval")


def test_a_returned_claim_that_loses_its_last_line_ends_with_its_class(world: Any, money: Money) -> None:
    money.budget()
    class_id = scored_class(world, 1)
    claim = money.publicised(class_id)
    (line,) = money.read(claim)["lines"]
    path = f"/v1/publicity/{claim['id']}/objections"
    about_line = money.ok(money.api().post(path, {"reason": "未到", "line_id": line["id"]}, at=money.now))
    about_claim = money.ok(money.api().post(path, {"reason": "未开课"}, at=money.now))
    upheld = {"version": 1, "outcome": "upheld", "reason": "属实"}
    for objection in (about_claim, about_line):
        money.ok(
            money.api("supervisor").post(f"/v1/objections/{objection['id']}/resolve", upheld, at=money.now)
        )
    over = money.read(claim)
    assert (over["status"], over["count"], over["decision_reason"]) == ("rejected", 0, "属实")
    assert (read_class(class_id).status, voucher_states(class_id)) == ("closed", ["closed"])


def scored_again(money: Money, class_id: str) -> None:
    """Record the marks over HTTP, as every class's are."""
    ClassRow(class_id, HEAD).update(actions=[ClassRow.status.set("completion_approved")])
    ids = read_class(class_id).enrolment_ids
    for enrolment_id in ids:
        EnrolmentRow(enrolment_id).update(actions=[EnrolmentRow.status.set("rostered")])
    rows = [{"enrolment_id": enrolment_id, "theory": 80, "practice": 80} for enrolment_id in ids]
    body = {"version": read_class(class_id).version, "rows": rows}
    money.ok(money.api("institution").put(f"/v1/classes/{class_id}/scores", body, at=money.now))


def night(money: Money) -> None:
    import app

    assert app.settle_subsidies({"now": money.now.isoformat()}, None) == {"divisions": 17, "clocks": 19}
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


def test_a_batch_that_cannot_be_sealed_keeps_nothing_else_waiting(world: Any, money: Money) -> None:
    money.budget()
    unclaimed = scored_class(world, 1)
    scored_again(money, unclaimed)
    money.publicised(scored_class(world, 1))
    BudgetRow("bud_3401-2026", world.program_id).update(actions=[BudgetRow.reserved_fen.set(0)])
    money.now = world.now + timedelta(days=365)
    message = Message(id="1", body={"division": "3401"}, now=money.now)
    evaluated(money.now)
    night_of = system_context("seal_settlement", now=money.now, request_id="req_night")
    with pytest.raises(Refused):
        seal_settlement(message, night_of)
    assert read_class(unclaimed).status == "closed"


def test_closing_is_offered_to_a_clerk_where_nobody_is_payable_and_nowhere_else(
    world: Any, money: Money
) -> None:
    nobody, somebody = scored_class(world, 2, failed={0, 1}), scored_class(world, 2, failed={0})

    def offered(who: Any) -> dict[str, list[str]]:
        listed = money.api(who).whole("/v1/classes", at=money.now)
        assert not any({"close", "claim"} & set(head["allowed_actions"]) for head in listed), (
            "each reads its trainees"
        )
        told = [money.api(who).get(f"/v1/classes/{head['id']}", at=money.now).json for head in listed]
        return {room["id"]: room["allowed_actions"] for room in told}

    assert offered("clerk") == {nobody: ["close"], somebody: []}
    assert offered("reviewer") == {nobody: [], somebody: []}
    assert offered("institution") == {nobody: ["scores"], somebody: ["scores", "claim"]}
    assert close(money, somebody).json["code"] == "somebody_payable"
    assert close(money, nobody).status == 200
    assert offered("clerk") == {nobody: [], somebody: []}
