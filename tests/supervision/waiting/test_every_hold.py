"""Every kind of hold has an owner and a list; its owner lifts it, and the line is sealed once after that."""

from datetime import timedelta
from typing import Any

import pytest

from chalicelib.subsidies.claims.store import LineRow
from chalicelib.supervision.evaluations.service import evaluate_class
from tests.subsidies.holds.test_listed import follow, listed
from tests.subsidies.scored import Money, codes, scored_class
from tests.supervision.evaluations.test_paths import context_at
from tests.supervision.evaluations.test_races import one_phone
from tests.supervision.waiting.test_waiting import listed as waiting


@pytest.fixture
def money(world: Any) -> Money:
    money = Money(world)
    money.budget()
    return money


def lists(world: Any, money: Money, who: str, kind: str) -> list[str]:
    return [item["subject"] for item in waiting(world, who, money.now, kind=kind)["items"]]


def hold_of(money: Money, claim: Any, code: str) -> Any:
    (line,) = money.read(claim, who="supervisor")["lines"]
    (hold,) = [hold for hold in line["holds"] if hold["code"] == code]
    return hold


def release(money: Money, hold: Any, who: str) -> Any:
    body = {"version": hold["version"], "reason": "已核实"}
    return money.api(who).post(f"/v1/holds/{hold['id']}/release", body, at=money.now)


def sealed_once(money: Money) -> None:
    money.wait()
    assert money.seal()["count"] == 1
    assert money.seal() is None


def test_a_false_position_is_listed_as_a_line_and_as_a_case_and_lifted_with_it(
    world: Any, money: Money
) -> None:
    class_id = scored_class(world, 1, mocked={0})
    claim = money.publicised(class_id)
    (line,) = money.read(claim)["lines"]
    assert codes(line) == ["mock_location"]
    for who in ("supervisor", "reviewer"):
        assert lists(world, money, who, "claim_line") == [line["id"]]
    assert lists(world, money, "clerk", "claim_line") == lists(world, money, "supervisor_wuhu", "claim_line")
    late = waiting(world, "province", money.now + timedelta(days=40), kind="claim_line")["items"]
    assert [(item["subject"], item["flags"]) for item in late] == [(line["id"], ["overdue"])]
    evaluate_class(context_at(money.now), class_id)
    cases = waiting(world, "supervisor", money.now, kind="risk_case")["items"]
    (case_id,) = [item["subject"] for item in cases if item["name"] == "mock_location"]
    case = money.ok(money.api("supervisor").get(f"/v1/risk-cases/{case_id}", at=money.now))
    for action, body in (("take", {}), ("resolve", {"outcome": "false_alarm", "reason": "手机测试模式"})):
        case = money.ok(
            money.api("supervisor").post(
                f"/v1/risk-cases/{case_id}/{action}", {"version": case["version"], **body}, at=money.now
            )
        )
    assert lists(world, money, "supervisor", "claim_line") == []
    assert case_id not in lists(world, money, "supervisor", "risk_case")
    sealed_once(money)


def test_a_false_position_is_lifted_on_its_line_too_by_a_supervisor_alone(world: Any, money: Money) -> None:
    claim = money.publicised(scored_class(world, 1, mocked={0}))
    hold = hold_of(money, claim, "mock_location")
    assert release(money, hold, "finance").status == 403
    assert release(money, hold, "supervisor").status == 200
    assert lists(world, money, "supervisor", "claim_line") == []


def test_a_line_that_a_list_holds_waits_for_the_reviewer_and_goes_with_the_corrected_list(
    world: Any, money: Money
) -> None:
    claim = money.publicised(scored_class(world, 1))
    (line,) = money.read(claim)["lines"]
    key = listed(money, line["voucher_id"])
    assert codes(money.read(claim)["lines"][0]) == ["eligible_at_date"]
    assert lists(world, money, "reviewer", "claim_line") == [line["id"]]
    assert lists(world, money, "clerk", "claim_line") == []
    (item,) = waiting(world, "reviewer", money.now, kind="claim_line")["items"]
    assert item["allowed_actions"] == ["reject"]
    follow(money, key)
    assert lists(world, money, "reviewer", "claim_line") == [line["id"]], "once, however often it is said"


def test_a_line_taken_out_of_its_claim_leaves_the_list(world: Any, money: Money) -> None:
    claim = money.publicised(scored_class(world, 2))
    line = money.read(claim)["lines"][0]
    listed(money, line["voucher_id"])
    assert lists(world, money, "reviewer", "claim_line") == [line["id"]]
    version = LineRow.get(line["id"]).version
    body = {"version": version, "reason": "开班日已就业"}
    answer = money.api("reviewer").post(f"/v1/claim-lines/{line['id']}/reject", body, at=money.now)
    assert answer.status == 200, answer.text
    assert lists(world, money, "reviewer", "claim_line") == []


def test_a_stop_of_a_person_and_one_of_a_case_stand_in_their_lists_and_are_lifted_there(
    world: Any, money: Money
) -> None:
    class_id = one_phone(world)
    evaluate_class(context_at(money.now), class_id)
    claim = money.claim(class_id)
    assert len(lists(world, money, "supervisor", "risk_case")) >= 1
    (hold_id,) = lists(world, money, "supervisor", "hold")
    held = {hold["id"] for line in money.read(claim)["lines"] for hold in line["holds"]}
    assert held == {hold_id}
    hold = money.read(claim, who="supervisor")["lines"][0]["holds"][0]
    refused = release(money, hold, "supervisor")
    assert (refused.status, refused.json["code"]) == (409, "hold_of_case"), "its case lets it go"
    assert lists(world, money, "supervisor", "claim_line") == [], "what has a record is listed by it"
