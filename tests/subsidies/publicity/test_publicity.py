"""Publicity: masked, while it runs; objections stop a claim until a supervisor decides."""

from datetime import timedelta
from typing import Any

import pytest

from tests.subsidies.scored import Money, scored_class, wuhu_class


@pytest.fixture
def money(world: Any) -> Money:
    money = Money(world)
    money.budget()
    return money


def publicity(money: Money, **query: Any) -> Any:
    return money.ok(money.api().get("/v1/publicity", query, at=money.now))


def object_to(money: Money, claim: Any, reason: str = "此人未参加培训", **extra: Any) -> Any:
    path = f"/v1/publicity/{claim['id']}/objections"
    return money.api().post(path, {"reason": reason, **extra}, at=money.now)


def test_running_publicity_is_public_and_masked(world: Any, money: Money) -> None:
    claim = money.publicised(scored_class(world, 2))
    money.claim(scored_class(world, 1))
    (shown,) = publicity(money)["items"]
    assert shown["claim_id"] == claim["id"]
    assert shown["publicity_ends_on"] == "2026-09-08"
    assert shown["lines"] == [
        {
            "line_id": line["id"],
            "name": "张*",
            "id_number": "340***********1234",
            "amount_fen": line["amount_fen"],
        }
        for line in money.read(claim)["lines"]
    ]
    assert publicity(money, division="340111")["items"] == [shown]
    assert publicity(money, division="3402")["items"] == []
    assert money.api().get("/v1/publicity", {"division": "9999"}).status == 400
    money.now = world.now + timedelta(days=7)
    assert len(publicity(money)["items"]) == 1, "the last day is part of publicity"
    money.now = world.now + timedelta(days=8)
    assert publicity(money)["items"] == []
    assert money.read(claim)["status"] == "payable"


def test_publicity_of_many_cities_is_paged(world: Any, money: Money) -> None:
    money.budget(division="3402", who="finance_wuhu")
    expected = {money.publicised(scored_class(world, 1))["id"] for _ in range(3)}
    expected.add(money.publicised(wuhu_class(world), town="_wuhu")["id"])
    claim_ids: list[str] = []
    query: dict[str, Any] = {"limit": 2}
    while True:
        page = publicity(money, **query)
        claim_ids += [claim["claim_id"] for claim in page["items"]]
        if page["next"] is None:
            break
        query["cursor"] = page["next"]
    assert sorted(claim_ids) == sorted(expected)


def test_an_objection_stops_the_claim_and_its_repeat_is_harmless(world: Any, money: Money) -> None:
    claim = money.publicised(scored_class(world, 2))
    first = object_to(money, claim, contact="13800000000")
    again = object_to(money, claim)
    assert (first.status, again.status) == (201, 200)
    assert again.json == first.json
    assert "contact" not in first.json
    seen = money.read(claim)
    assert seen["open_objections"] == 1
    assert {line["status"] for line in seen["lines"]} == {"held"}
    money.wait()
    assert money.seal() is None


def test_an_objection_after_the_last_day_is_refused(world: Any, money: Money) -> None:
    claim = money.publicised(scored_class(world, 1))
    money.now = world.now + timedelta(days=8)
    late = object_to(money, claim)
    assert (late.status, late.json["code"]) == (409, "publicity_over")
    money.now = world.now + timedelta(days=7)
    assert object_to(money, claim).status == 201


def test_what_is_not_in_public_cannot_be_objected_to(world: Any, money: Money) -> None:
    claim = money.claim(scored_class(world, 1))
    assert object_to(money, claim).status == 404
    assert object_to(money, {"id": "clm_none"}).status == 404
    assert object_to(money, {"id": "'; drop table"}).status == 404
    assert object_to(money, claim, reason=" ").status == 400


def test_what_an_objector_writes_is_stored_sealed_and_read_by_bureaus(world: Any, money: Money) -> None:
    from chalicelib.subsidies.publicity.store import ObjectionRow

    claim = money.publicised(scored_class(world, 1))
    objection = object_to(money, claim, contact="13800000000").json
    row = ObjectionRow.get(objection["id"])
    assert "13800000000" not in str(row.attribute_values)
    assert "未参加" not in str(row.attribute_values)
    listed = money.ok(money.api("clerk").get("/v1/objections", {"claim": claim["id"]}))
    assert listed["items"][0]["contact"] == "13800000000"
    assert listed["items"][0]["allowed_actions"] == []
    assert money.api("clerk_wuhu").get("/v1/objections", {"claim": claim["id"]}).status == 404


def test_a_dismissed_objection_lets_the_claim_go_on(world: Any, money: Money) -> None:
    claim = money.publicised(scored_class(world, 1))
    objection = object_to(money, claim).json
    path = f"/v1/objections/{objection['id']}/resolve"
    body = {"version": 1, "outcome": "dismissed", "reason": "已核实"}
    assert money.api("clerk").post(path, body, at=money.now).status == 403
    assert money.api("supervisor_wuhu").post(path, body, at=money.now).status == 404
    assert money.api("supervisor").post(path, {**body, "outcome": "maybe"}).status == 400
    decided = money.ok(money.api("supervisor").post(path, body, at=money.now))
    assert decided["status"] == "dismissed"
    assert decided["allowed_actions"] == []
    assert money.api("supervisor").post(path, {**body, "version": 2}, at=money.now).status == 409
    money.wait()
    assert money.seal()["count"] == 1


def test_an_upheld_objection_returns_the_claim_and_frees_its_budget(world: Any, money: Money) -> None:
    class_id = scored_class(world, 1)
    claim = money.publicised(class_id)
    objection = object_to(money, claim).json
    body = {"version": 1, "outcome": "upheld", "reason": "属实"}
    money.ok(money.api("supervisor").post(f"/v1/objections/{objection['id']}/resolve", body, at=money.now))
    seen = money.read(claim)
    assert seen["status"] == "returned"
    assert seen["publicity_ends_on"] is None
    assert world.api("finance").get("/v1/budgets/3401/2026").json["reserved_fen"] == 0
    assert publicity(money)["items"] == []
    again = money.publicised(class_id)
    assert again["status"] == "publicised"
    assert again["open_objections"] == 0


def test_one_of_two_objections_still_stops_the_claim(world: Any, money: Money) -> None:
    claim = money.publicised(scored_class(world, 1))
    first = object_to(money, claim, "甲").json
    object_to(money, claim, "乙")
    body = {"version": 1, "outcome": "dismissed", "reason": "已核实"}
    money.ok(money.api("supervisor").post(f"/v1/objections/{first['id']}/resolve", body, at=money.now))
    money.wait()
    assert money.seal() is None
