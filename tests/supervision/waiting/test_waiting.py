"""What waits for whom: each role sees its own work, oldest first, with how much and how old."""

from datetime import datetime, timedelta
from typing import Any

import pytest

import app  # noqa: F401 - the whole program
from chalicelib.kernel.clocks import CLOCKS
from chalicelib.supervision.waiting.model import KINDS
from chalicelib.supervision.waiting.store import machines
from tests.classes.builders import Classroom
from tests.classes.changes.test_changes import apply, wanted
from tests.settlement.clocks.test_night import proposed
from tests.subsidies.overrides.test_overrides import ask, decide, letting
from tests.subsidies.scored import Money, scored_class
from tests.support.calls import called
from tests.support.people import HEFEI_SCHOOL


def listed(world: Any, who: Any, at: datetime | None = None, **query: Any) -> Any:
    answer = world.api(who).get("/v1/waiting", query, at=at or world.now)
    assert answer.status == 200, answer.text
    return answer.json


def kinds(answer: Any) -> list[tuple[str, str]]:
    return [(item["kind"], item["subject"]) for item in answer["items"]]


def test_each_state_that_is_listed_has_a_clock() -> None:
    assert {(machine, state) for machine, states in KINDS.items() for state in states} <= {
        (machine, state) for machine, states in CLOCKS.items() for state in states
    }
    assert set(machines()) | {
        "class change",
        "barred_line",
        "line_request",
        "client",
        "stopped_claim",
    } == set(KINDS)


def test_a_filed_class_waits_for_the_clerk_and_goes_with_the_decision(world: Any) -> None:
    room = Classroom(world).do("institution", "submit")
    answer = listed(world, "clerk")
    (item,) = answer["items"]
    assert (item["kind"], item["subject"], item["name"]) == ("class", room.id, "互联网营销一班")
    assert (item["institution"], item["division"], item["flags"]) == (HEFEI_SCHOOL, "340111", [])
    assert item["allowed_actions"] == ["approve", "return"]
    assert datetime.fromisoformat(item["since"]) == world.now
    assert item["due"] == "2026-09-09T00:00:00+08:00"  # the end of the fifth working day
    assert answer["counts"] == {"class": {"count": 1, "oldest": item["since"], "more": False}}
    assert (answer["next"], listed(world, "reviewer")["items"]) == (None, [])
    assert listed(world, "clerk_wuhu") == {"items": [], "counts": {}, "next": None, "computed_at": None}
    room.do("clerk", "return", {"reason": "地点不清"})
    assert listed(world, "clerk")["items"] == []
    (back,) = listed(world, "institution")["items"]
    assert (back["subject"], back["allowed_actions"]) == (room.id, ["edit", "submit", "cancel"])
    assert listed(world, "institution_two")["items"] == []


def test_what_is_overdue_is_seen_by_supervisors_and_the_province(world: Any) -> None:
    room = Classroom(world).do("institution", "submit")
    at = world.later(days=8)
    assert [item["flags"] for item in listed(world, "clerk", at)["items"]] == [["late"]]
    assert listed(world, "supervisor", at)["items"] == []
    at = world.later(days=15)
    for who in ("clerk", "supervisor", "province"):
        (item,) = listed(world, who, at, flag="overdue")["items"]
        assert (item["subject"], item["flags"]) == (room.id, ["late", "overdue"])
    assert listed(world, "supervisor", at)["items"][0]["allowed_actions"] == []
    assert listed(world, "supervisor_wuhu", at)["items"] == []


def test_a_class_past_its_last_lesson_waits_for_its_completion(world: Any) -> None:
    room = Classroom(world).rostered(1)
    assert listed(world, "institution", room.ended() - timedelta(days=1))["items"] == []
    assert kinds(listed(world, "institution", room.ended())) == [("completion", room.id)]
    (item,) = listed(world, "supervisor", room.ended() + timedelta(days=14))["items"]
    assert (item["subject"], item["flags"]) == (room.id, ["late", "overdue"])
    room.do("institution", "completion/submit", at=room.ended())
    assert listed(world, "institution", room.ended())["items"] == []
    assert kinds(listed(world, "clerk", room.ended())) == [("completion", room.id)]
    room.do("clerk", "completion/approve", at=room.ended())
    assert kinds(listed(world, "institution", room.ended())) == [("marks", room.id)]
    room.put_scores([{"enrolment_id": room.enrolments[0]["id"], "theory": 80, "practice": 80}])
    assert kinds(listed(world, "institution", room.ended())) == [("claim_due", room.id)]


def test_a_school_is_offered_to_apply_for_completion_wherever_its_list_shows_the_class(world: Any) -> None:
    """It reads no lists of check-ins and make-ups, so its list of everything never offered that step."""
    room = Classroom(world).rostered(2)
    asking = {"enrolment_id": room.enrolments[1]["id"], "kind": "excuse", "reason": "病假"}
    asked = world.api("institution").post(
        f"/v1/lessons/{room.lesson(1)['id']}/make-ups", asking, at=room.starts(1)
    )
    assert asked.status == 201, asked.text
    at = room.ended()

    def offered(**query: Any) -> tuple[bool, bool]:
        items = listed(world, "institution", at, **query)["items"]
        (item,) = (one for one in items if (one["kind"], one["subject"]) == ("completion", room.id))
        shown = room.read(at=at)["allowed_actions"]
        return "completion_submit" in item["allowed_actions"], "completion_submit" in shown

    assert offered() == offered(kind="completion") == (False, False), "an excuse waits for the clerk"
    verdict = {"version": asked.json["version"], "reason": "无证明"}
    assert world.api("clerk").post(f"/v1/make-ups/{asked.json['id']}/reject", verdict, at=at).status == 200
    assert offered() == offered(kind="completion") == (True, True)
    with called() as calls:
        listed(world, "institution", at)
    below = [call for call in calls if "check-ins" in call or "make-ups" in call]
    assert len(below) == len(set(below)) == 2, "two queries, whatever waits"
    room.do("institution", "completion/submit", at=at)


def test_changes_check_ins_and_make_ups_wait_for_the_clerk_the_oldest_first(world: Any) -> None:
    room = Classroom(world).rostered(2)
    change = apply(room, lessons=wanted(room, _4=timedelta(days=1)))
    assert change.status == 201, change.text
    room.refresh()
    check_in = room.check_in(room.people[0], location={"accuracy_m": 500}).json
    body = {"enrolment_id": room.enrolments[1]["id"], "kind": "excuse", "reason": "病假"}
    path = f"/v1/lessons/{room.lesson(1)['id']}/make-ups"
    asked = world.api("institution").post(path, body, at=room.starts(1)).json
    answer = listed(world, "clerk", room.starts(1))
    everything = [("change", change.json["id"]), ("check_in", check_in["id"]), ("make_up", asked["id"])]
    assert kinds(answer) == everything
    assert [item["allowed_actions"] for item in answer["items"]] == [
        ["approve", "reject"],
        ["accept", "reject"],
        ["approve", "reject"],
    ]
    assert {item["institution"] for item in answer["items"]} == {HEFEI_SCHOOL}
    paged, cursor = [], None
    for _ in everything:
        page = listed(world, "clerk", room.starts(1), limit=1, **({"cursor": cursor} if cursor else {}))
        paged += kinds(page)
        cursor = page["next"]
        assert len(page["counts"]) == 3
    assert (paged, cursor) == (everything, None)
    assert kinds(listed(world, "clerk", room.starts(1), kind="check_in")) == everything[1:2]
    assert kinds(listed(world, "clerk", room.starts(1), institution=HEFEI_SCHOOL)) == everything
    assert listed(world, "clerk", room.starts(1), institution="52340111MX0000019K")["items"] == []


def test_an_idle_voucher_is_listed_from_its_reminder_on_under_a_masked_name(world: Any) -> None:
    enrolment = world.enrolment(world.person(1))
    assert listed(world, "institution", world.later(days=29))["items"] == []
    (item,) = listed(world, "institution", world.later(days=30))["items"]
    assert (item["kind"], item["subject"], item["flags"]) == ("idle_voucher", enrolment["id"], ["late"])
    assert item["name"] == enrolment["trainee"]["name"]
    assert world.person(1).name not in item["name"]
    assert item["allowed_actions"] == ["release"]
    assert datetime.fromisoformat(item["due"]) == world.later(days=60)
    assert listed(world, "supervisor", world.later(days=59))["items"] == []
    assert kinds(listed(world, "supervisor", world.later(days=60))) == [("idle_voucher", enrolment["id"])]


@pytest.fixture
def money(world: Any) -> Money:
    return Money(world)


def test_a_claim_waits_for_one_review_after_the_other_and_for_its_institution_once_returned(
    world: Any, money: Money
) -> None:
    money.budget()
    claim = money.claim(scored_class(world, 2))
    assert kinds(listed(world, "clerk")) == [("subsidy_claim", claim["id"])]
    claim = money.ok(money.decide("clerk", claim, "review"))
    assert listed(world, "clerk")["items"] == []
    (item,) = listed(world, "reviewer")["items"]
    assert (item["subject"], item["allowed_actions"]) == (claim["id"], ["approve", "return", "reject"])
    claim = money.ok(money.decide("reviewer", claim, "return", reason="补充材料"))
    assert kinds(listed(world, "institution")) == [("subsidy_claim", claim["id"])]
    claim = money.claim(claim["class_id"])
    claim = money.ok(money.decide("clerk", claim, "review"))
    money.ok(money.decide("reviewer", claim, "approve"))
    for who in ("clerk", "reviewer", "institution"):
        assert listed(world, who)["items"] == []


def test_an_override_waits_for_the_reviewer(world: Any, money: Money) -> None:
    version = letting(money, "attendance")
    class_id = scored_class(world, 2, absent={0}, policy_version=version)
    asked = money.ok(ask(money, class_id))
    (item,) = listed(world, "reviewer", kind="override")["items"]
    assert (item["subject"], item["allowed_actions"]) == (asked["id"], ["confirm", "refuse"])
    assert listed(world, "clerk", kind="override")["items"] == []
    money.ok(decide(money, asked, "refuse", reason="材料不足"))
    assert listed(world, "reviewer")["items"] == []


def test_a_proposed_batch_waits_for_the_province(world: Any) -> None:
    proposed(world, "iss_left")
    (item,) = listed(world, "province", kind="issuance_batch")["items"]
    program = world.api("province").get(f"/v1/programs/{world.program_id}").json["name"]
    assert (item["subject"], item["name"], item["division"]) == ("iss_left", program, "34")
    assert item["allowed_actions"] == ["reject"], "nobody is on it"
    assert listed(world, "clerk", kind="issuance_batch")["items"] == []


def test_what_moved_on_since_the_index_told_of_it_is_not_listed(world: Any) -> None:
    from chalicelib.classes.store import ClassRow

    room = Classroom(world).do("institution", "submit")
    ClassRow(room.id, "head").update(actions=[ClassRow.status.set("approved")])
    at = world.later(days=1)
    assert kinds(listed(world, "clerk", at)) == []
