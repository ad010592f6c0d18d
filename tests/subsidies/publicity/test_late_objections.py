"""Objections decided when their claim is somewhere else by now, and by whom, and how many at once."""

from typing import Any

import pytest

from chalicelib.classes.service import read_class
from chalicelib.kernel.principal import Role
from chalicelib.subsidies.claims.store import ClaimRow, LineRow
from chalicelib.subsidies.publicity.model import OBJECTIONS_MAX
from tests.accounts.test_separation import moved
from tests.subsidies.claims.test_claims import voucher_states
from tests.subsidies.scored import Money, scored_class


@pytest.fixture
def money(world: Any) -> Money:
    money = Money(world)
    money.budget()
    return money


def objection(money: Money, claim: Any, reason: str, **about: Any) -> Any:
    body = {"reason": reason, **about}
    return money.ok(money.api().post(f"/v1/publicity/{claim['id']}/objections", body, at=money.now))


def resolve(money: Money, about: Any, outcome: str, *, who: Any = "supervisor", version: int = 1) -> Any:
    body = {"version": version, "outcome": outcome, "reason": "经核查"}
    return money.api(who).post(f"/v1/objections/{about['id']}/resolve", body, at=money.now)


def reserved(money: Money) -> int:
    return int(money.ok(money.api("finance").get("/v1/budgets/3401/2026", at=money.now))["reserved_fen"])


def intact(money: Money) -> bool:
    after: dict[str, Any] = {}
    while after != {"after": None}:
        page = money.ok(money.api("finance").post("/v1/ledger/verify", after, at=money.now))
        if not page["intact"]:
            return False
        after = {"after": page["after"]}
    return True


def left_out(claim_id: str, line_id: str) -> None:
    """Leave a line out of its claim, as a resubmission does whose trainee is no longer payable."""
    row = ClaimRow.get(claim_id)
    rest = [other for other in row.line_ids if other != line_id]
    amount_fen = row.amount_fen - LineRow.get(line_id).amount_fen
    row.update(
        actions=[
            ClaimRow.line_ids.set(rest),
            ClaimRow.line_count.set(len(rest)),
            ClaimRow.amount_fen.set(amount_fen),
        ]
    )


def sent_again_without(money: Money, class_id: str, claim: Any, line: Any) -> Any:
    """Have the claim come back and be approved again, without one line."""
    money.ok(resolve(money, objection(money, claim, "全班未开课"), "upheld"))
    again = money.claim(class_id)
    left_out(claim["id"], line["id"])
    again = money.ok(money.decide("clerk", again, "review"))
    return money.ok(money.decide("reviewer", again, "approve"))


def test_an_upheld_objection_to_a_line_that_left_the_claim_takes_no_money_out_of_it(
    world: Any, money: Money
) -> None:
    class_id = scored_class(world, 3)
    claim = money.publicised(class_id)
    first = money.read(claim)["lines"][0]
    about_line = objection(money, claim, "此人未到", line_id=first["id"])
    again = sent_again_without(money, class_id, claim, first)
    assert (again["count"], reserved(money)) == (2, again["amount_fen"])
    money.ok(resolve(money, about_line, "upheld"))
    after = money.read(claim)
    assert (after["status"], after["count"], after["amount_fen"]) == ("publicised", 2, again["amount_fen"])
    assert reserved(money) == again["amount_fen"]
    money.wait()
    batch = money.seal()
    assert batch["count"] == 2
    assert money.pay(batch)["applied"] == 2
    assert money.read(claim)["status"] == "paid"
    assert intact(money)


def test_a_line_that_left_the_claim_cannot_be_rejected(world: Any, money: Money) -> None:
    class_id = scored_class(world, 2)
    claim = money.publicised(class_id)
    first = money.read(claim)["lines"][0]
    again = sent_again_without(money, class_id, claim, first)
    body = {"version": LineRow.get(first["id"]).version, "reason": "无法支付"}
    refused = money.api("reviewer").post(f"/v1/claim-lines/{first['id']}/reject", body, at=money.now)
    assert (refused.status, refused.json["code"]) == (409, "wrong_state")
    assert (money.read(claim)["status"], reserved(money)) == ("publicised", again["amount_fen"])


@pytest.mark.parametrize("came_to", ["submitted", "reviewed"])
def test_an_objection_upheld_while_the_claim_is_reviewed_again_sends_it_back_again(
    world: Any, money: Money, came_to: str
) -> None:
    class_id = scored_class(world, 2)
    claim = money.publicised(class_id)
    first, second = objection(money, claim, "甲"), objection(money, claim, "乙")
    money.ok(resolve(money, first, "upheld"))
    again = money.claim(class_id)
    if came_to == "reviewed":
        again = money.ok(money.decide("clerk", again, "review"))
    money.ok(resolve(money, second, "upheld"))
    back = money.read(claim)
    assert (back["status"], back["open_objections"], back["decision_reason"]) == ("returned", 0, "经核查")
    assert money.decide("reviewer", back, "approve").json["code"] == "wrong_state"
    assert reserved(money) == 0
    approved = money.publicised(class_id)
    money.wait()
    assert money.seal()["count"] == approved["count"]


@pytest.mark.parametrize("came_to", ["returned", "submitted", "reviewed"])
def test_an_objection_to_a_line_can_be_decided_wherever_the_claim_is(
    world: Any, money: Money, came_to: str
) -> None:
    class_id = scored_class(world, 3)
    claim = money.publicised(class_id)
    first = money.read(claim)["lines"][0]
    about_line = objection(money, claim, "此人未到", line_id=first["id"])
    money.ok(resolve(money, objection(money, claim, "全班"), "upheld"))
    if came_to != "returned":
        again = money.claim(class_id)
        if came_to == "reviewed":
            money.ok(money.decide("clerk", again, "review"))
    money.ok(resolve(money, about_line, "upheld"))
    after = money.read(claim)
    assert (after["status"], after["count"]) == (came_to, 2)
    assert after["lines"][0]["status"] == "rejected"
    assert reserved(money) == 0


def test_the_only_line_of_a_claim_under_review_ends_it(world: Any, money: Money) -> None:
    class_id = scored_class(world, 1)
    claim = money.publicised(class_id)
    (line,) = money.read(claim)["lines"]
    about_line = objection(money, claim, "此人未到", line_id=line["id"])
    money.ok(resolve(money, objection(money, claim, "全班"), "upheld"))
    money.claim(class_id)
    money.ok(resolve(money, about_line, "upheld"))
    assert (money.read(claim)["status"], read_class(class_id).status.value) == ("rejected", "closed")
    assert set(voucher_states(class_id)) == {"closed"}


def offered(money: Money, claim: Any, *, who: Any = "supervisor") -> list[list[str]]:
    page = money.ok(money.api(who).get("/v1/objections", {"claim": claim["id"]}, at=money.now))
    return [shown["allowed_actions"] for shown in page["items"]]


def test_nobody_decides_on_objections_to_a_claim_they_had_a_hand_in(world: Any, money: Money) -> None:
    claim = money.publicised(scored_class(world, 1))
    about_claim = objection(money, claim, "有异议")
    assert offered(money, claim) == [["resolve"]]
    assert offered(money, claim, who="finance") == [[]]
    for name in ("institution", "clerk", "reviewer"):
        supervisor = moved(name, Role.SUPERVISOR)
        assert offered(money, claim, who=supervisor) == [[]], name
        refused = resolve(money, about_claim, "dismissed", who=supervisor)
        assert (refused.status, refused.json["code"]) == (403, "self_approval"), name
    resolved = money.ok(resolve(money, about_claim, "dismissed"))
    assert (resolved["status"], resolved["allowed_actions"]) == ("dismissed", [])
    assert offered(money, claim) == [[]]


def test_only_undecided_objections_count_against_the_limit(world: Any, money: Money) -> None:
    claim = money.publicised(scored_class(world, 2))
    line = money.read(claim)["lines"][0]
    known = [objection(money, claim, "甲"), objection(money, claim, "乙", line_id=line["id"])]
    assert ClaimRow.get(claim["id"]).objections == 2
    ClaimRow(claim["id"]).update(actions=[ClaimRow.objections.set(OBJECTIONS_MAX)])
    body = {"reason": "丙"}
    path = f"/v1/publicity/{claim['id']}/objections"
    full = money.api().post(path, body, at=money.now)
    assert (full.status, full.json["code"]) == (409, "too_many_objections")
    for about in known:
        money.ok(resolve(money, about, "dismissed"))
    assert ClaimRow.get(claim["id"]).objections == OBJECTIONS_MAX - 2
    assert money.api().post(path, body, at=money.now).status == 201


def test_many_objections_are_decided_in_one_call_each_by_itself(world: Any, money: Money) -> None:
    claim = money.publicised(scored_class(world, 2))
    known = [objection(money, claim, reason) for reason in "甲乙丙"]
    decisions = [
        {"objection_id": known[0]["id"], "version": 1, "outcome": "dismissed", "reason": "查无实据"},
        {"objection_id": known[1]["id"], "version": 7, "outcome": "dismissed", "reason": "查无实据"},
        {"objection_id": "obj_none", "version": 1, "outcome": "dismissed", "reason": "查无实据"},
        {"objection_id": known[2]["id"], "version": 1, "outcome": "upheld", "reason": "属实"},
    ]
    path = "/v1/objection-decisions"
    assert money.api("reviewer").post(path, {"decisions": decisions}, at=money.now).status == 403
    elsewhere = money.ok(money.api("supervisor_wuhu").post(path, {"decisions": decisions}, at=money.now))
    assert {result["code"] for result in elsewhere["results"]} == {"not_found"}
    answer = money.ok(money.api("supervisor").post(path, {"decisions": decisions}, at=money.now))
    assert (answer["applied"], answer["refused"]) == (2, 2)
    assert [result["code"] for result in answer["results"]] == [None, "version_conflict", "not_found", None]
    back = money.read(claim)
    assert (back["status"], back["open_objections"]) == ("returned", 1)


def test_dropping_the_last_line_of_a_full_class_that_failed_many_times_fits(world: Any, money: Money) -> None:
    class_id = scored_class(world, 90, failed=set(range(1, 90)))
    claim = money.publicised(class_id)
    money.wait()
    for _ in range(8):
        batch = money.seal()
        money.pay(batch, failing={0})
        money.release(batch)
        money.wait(1)
    (line,) = money.read(claim)["lines"]
    body = {"version": line["version"], "reason": "无法支付"}
    money.ok(money.api("reviewer").post(f"/v1/claim-lines/{line['id']}/reject", body, at=money.now))
    assert (money.read(claim)["status"], read_class(class_id).status.value) == ("rejected", "closed")
    assert set(voucher_states(class_id)) == {"closed"}
    assert reserved(money) == 0
