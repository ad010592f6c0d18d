"""Whatever waits for somebody stands in the list of who has to act, with what they may do, and goes with it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chalicelib.attendance.footage.model import FootageStatus
from chalicelib.attendance.footage.store import Verdict, find_segment, lapse, register
from chalicelib.aws.writes import ConditionFailed
from tests.accounts.builders import ask_for, confirm
from tests.catalogue.payees.test_payees import decide as decide_payee
from tests.catalogue.payees.test_payees import propose as propose_payee
from tests.classes.builders import DAY, Classroom
from tests.settlement.clocks.test_night import night
from tests.settlement.corrections.test_corrections import to_failed
from tests.settlement.ledger.test_ledger import FEN, entered, take_back
from tests.settlement.test_faults import before_each_call
from tests.subsidies.scored import Money, scored_class
from tests.supervision.waiting.test_waiting import kinds, listed
from tests.support.people import HEFEI_SCHOOL, WUHU_SCHOOL

QUERIES_MAX = 150
"""Of the province's list without a kind, whatever its cities have: some lists are of a city, most of all."""


@pytest.fixture
def money(world: Any) -> Money:
    return Money(world)


def only(world: Any, who: Any, kind: str, at: Any = None) -> Any:
    (item,) = listed(world, who, at, kind=kind)["items"]
    return item


def test_a_deciders_account_waits_for_who_may_confirm_it(world: Any, api: Any) -> None:
    asked = ask_for(api, "new-reviewer", role="reviewer", who="clerk")
    assert asked.status == 201, asked.text
    at = datetime.now(UTC) + timedelta(minutes=1)  # accounts live by the real clock
    for who in ("supervisor", "province"):
        item = only(world, who, "account", at)
        assert (item["subject"], item["name"], item["division"]) == (asked.json["id"], "new-reviewer", "3401")
        assert "confirm" in item["allowed_actions"]
    assert listed(world, "supervisor_wuhu", at, kind="account")["items"] == []
    assert listed(world, "clerk", at, kind="account")["items"] == []
    assert confirm(api, asked.json).status == 200
    assert listed(world, "supervisor", at, kind="account")["items"] == []


def test_an_account_of_an_institution_waits_for_finance(world: Any, api: Any) -> None:
    payee = propose_payee(api, world).json
    item = only(world, "finance", "payee")
    assert (item["subject"], item["within"], item["institution"]) == (payee["id"], HEFEI_SCHOOL, HEFEI_SCHOOL)
    assert item["allowed_actions"] == ["confirm", "refuse"]
    assert listed(world, "finance_wuhu", kind="payee")["items"] == []
    assert only(world, "supervisor", "payee", world.later(days=20))["flags"] == ["late", "overdue"]
    assert decide_payee(api, world, payee).status == 200
    assert listed(world, "finance", kind="payee")["items"] == []


def test_a_hold_and_an_objection_wait_for_who_may_lift_them(world: Any, money: Money) -> None:
    money.budget()
    claim = money.publicised(scored_class(world, 2))
    line = money.read(claim)["lines"][0]
    body = {"subject": {"kind": "line", "id": line["id"]}, "reason": "举报"}
    hold = money.ok(money.api("finance").post("/v1/holds", body, at=money.now))
    objected = money.api(None).post(
        f"/v1/publicity/{claim['id']}/objections", {"reason": "未实际开课"}, at=money.now
    )
    assert objected.status == 201, objected.text
    for who in ("finance", "supervisor", "province"):
        item = only(world, who, "hold", money.now)
        assert (item["subject"], item["allowed_actions"]) == (hold["id"], ["release"])
    item = only(world, "supervisor", "objection", money.now)
    assert (item["within"], item["institution"], item["allowed_actions"]) == (
        claim["id"],
        HEFEI_SCHOOL,
        ["resolve"],
    )
    assert listed(world, "supervisor", money.now, kind="objection", institution=WUHU_SCHOOL)["items"] == []
    assert only(world, "supervisor", "objection", money.now + timedelta(days=30))["flags"] == ["overdue"]
    resolved = {"version": item["version"], "outcome": "dismissed", "reason": "不实"}
    money.ok(
        money.api("supervisor").post(f"/v1/objections/{item['subject']}/resolve", resolved, at=money.now)
    )
    released = {"version": hold["version"], "reason": "已核实"}
    money.ok(money.api("finance").post(f"/v1/holds/{hold['id']}/release", released, at=money.now))
    for kind in ("hold", "objection"):
        assert listed(world, "supervisor", money.now, kind=kind)["items"] == []


def test_a_batch_waits_for_its_export_then_its_results_and_is_overdue_after_five_working_days(
    world: Any, money: Money
) -> None:
    batch = money.sealed(scored_class(world, 2))
    item = only(world, "finance", "settlement_batch", money.now)
    assert (item["subject"], item["allowed_actions"], item["flags"]) == (batch["id"], [], [])
    late = money.now + timedelta(days=25)  # over the holidays of October
    for who in ("finance", "supervisor", "province"):
        assert only(world, who, "settlement_batch", late)["flags"] == ["overdue"]
    assert listed(world, "finance_wuhu", late, kind="settlement_batch")["items"] == []
    money.now = late
    money.export(batch)
    item = only(world, "finance", "settlement_batch", money.now)
    assert (item["allowed_actions"], item["flags"]) == ([], [])
    assert only(world, "finance", "settlement_batch", money.now + timedelta(days=25))["flags"] == ["overdue"]
    money.ok(money.send(batch, [money.result(line) for line in money.batch(batch)["lines"]]))
    assert listed(world, "finance", money.now, kind="settlement_batch")["items"] == []


def test_a_failed_line_waits_to_be_released_and_whatever_is_asked_of_a_line_for_a_second_officer(
    world: Any, money: Money
) -> None:
    batch = money.sealed(scored_class(world, 2))
    money.pay(batch, failing={0})
    failed, paid = (line["line_id"] for line in money.batch(batch)["lines"])

    def waits(who: str = "finance_two") -> dict[str, list[str]]:
        answer = listed(world, who, money.now, kind="claim_line")
        items, figures = answer["items"], answer["counts"].get("claim_line", {"count": 0})
        assert figures["count"] == len(items), "what is counted is what is shown"
        return {item["subject"]: item["allowed_actions"] for item in items}

    assert "release" in waits()[failed]
    assert "release" not in waits("finance")[failed], "who recorded the failure does not release it"
    assert listed(world, "clerk", money.now, kind="claim_line")["items"] == []
    money.ok(money.act(failed, "release", who="finance_two", reason="更正户名"))
    assert waits() == {}
    for ask, undo in (("correct", "correct/cancel"), ("reverse", "reverse/cancel")):
        body = to_failed() if ask == "correct" else {"reason": "重复"}
        asked = money.ok(money.act(paid, ask, **body))
        assert list(waits()) == [paid]
        money.ok(money.act(paid, undo, version=asked["version"], reason="不必"))
        assert waits() == {}
    take_back(money, paid)
    assert waits() == {}
    money.ok(entered(money, paid, FEN))
    assert waits() == {paid: ["confirm_repayment", "cancel_repayment"]}
    money.ok(money.act(paid, "repayments/confirm", who="finance_two"))
    assert waits() == {}


def announced(room: Any, at: Any) -> Any:
    lesson = room.lesson()
    body = {
        "camera_id": "cam-1",
        "started_at": lesson["starts_at"],
        "ended_at": lesson["ends_at"],
        "size_bytes": 1_000,
        "sha256": "0" * 64,
        "content_type": "video/mp4",
    }
    answer = room.api("institution").post(f"/v1/lessons/{lesson['id']}/footage", body, at=at)
    assert answer.status in (200, 201), answer.text
    return answer.json


def test_footage_that_was_announced_and_never_came_waits_for_seven_days_and_lapses(
    world: Any, cloud: Any
) -> None:
    room = Classroom(world).rostered(1)
    at = room.starts() + timedelta(hours=8)
    footage = announced(room, at)

    def status() -> FootageStatus:
        segment = find_segment(room.id, footage["id"])
        assert segment is not None
        return segment.status

    item = only(world, "institution", "footage", at)
    assert (item["subject"], item["within"]) == (footage["id"], room.lesson()["id"])
    assert listed(world, "institution_two", at, kind="footage")["items"] == []
    night(world, at + 7 * DAY - timedelta(seconds=1))
    assert status() is FootageStatus.AWAITING_UPLOAD
    night(world, at + 7 * DAY)
    assert status() is FootageStatus.LAPSED
    assert listed(world, "institution", at + 7 * DAY, kind="footage")["items"] == []
    later = at + 8 * DAY
    assert announced(room, later)["id"] == footage["id"], "announced anew, it is awaited again"
    assert status() is FootageStatus.AWAITING_UPLOAD
    assert only(world, "institution", "footage", later)["subject"] == footage["id"]


def test_footage_that_came_or_was_announced_anew_meanwhile_does_not_lapse(world: Any, cloud: Any) -> None:
    room = Classroom(world).rostered(1)
    at = room.starts() + timedelta(hours=8)
    segment = find_segment(room.id, announced(room, at)["id"])
    assert segment is not None
    with pytest.raises(ConditionFailed):
        lapse(segment, awaited_before=at - timedelta(seconds=1), change=world.change)
    register(segment, "v1", verdict=Verdict(None), now=at, change=world.change)
    assert listed(world, "institution", at, kind="footage")["items"] == []
    night(world, at + 7 * DAY)
    came = find_segment(room.id, segment.id)
    assert came is not None
    assert came.status is FootageStatus.STORED


def test_the_provinces_list_makes_no_more_queries_however_many_cities_have_something(
    world: Any, money: Money
) -> None:
    def calls(**query: str) -> int:
        at = world.later(days=60)
        world.api("province").get("/v1/waiting", query, at=at)
        with before_each_call(lambda _: None) as made:
            listed(world, "province", at, **query)
        return made[0]

    nothing = calls()
    assert nothing <= QUERIES_MAX
    rooms = [Classroom(world).do("institution", "submit") for _ in range(2)]
    money.budget()
    money.claim(scored_class(world, 2))
    answer = listed(world, "province", world.later(days=60))
    assert {("class", room.id) for room in rooms} <= set(kinds(answer))
    few = calls()
    for _ in range(3):
        Classroom(world).do("institution", "submit")
    assert calls() == few
    assert calls(kind="class") <= 10
