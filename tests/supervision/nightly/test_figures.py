"""A night keeps figures for pages: what it keeps is what is computed, and nothing that waits is lost by it."""

import secrets
from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest

import app
from chalicelib.aws.waiting import queue_of_all
from chalicelib.classes.store import HEAD, ClassRow
from chalicelib.kernel.calendar import SHANGHAI
from chalicelib.kernel.divisions import PROVINCE, divisions_below, groups_below
from chalicelib.supervision.evaluations.service import begin_night
from chalicelib.supervision.kept.store import KeptRow, find_kept, keep
from chalicelib.supervision.nightly.service import areas_of
from chalicelib.supervision.waiting.model import (
    AHEAD_OF_THE_NIGHT,
    KEPT_MAX,
    KEPT_OF_EACH,
    KINDS,
    KeptWaiting,
    Kind,
    Overseen,
    Unread,
    picked,
)
from chalicelib.supervision.waiting.overseen import keep_overseen, kept_in
from tests.classes.builders import Classroom
from tests.console.staff.test_every_page import busy  # noqa: F401 - a fixture
from tests.supervision.found_night import SYSTEM
from tests.supervision.waiting.test_waiting import kinds, listed
from tests.support.pages import Visitor

REPORTS = ("idle", "ratings", "holds")


def work(area: str, at: Any) -> None:
    """Do what the message of an area asks for, as the deployed worker does."""
    body = msgspec.json.encode({"figures": area, "now": at.isoformat()}).decode()
    record = {"messageId": "m", "body": body}
    assert app.evaluate_classes({"Records": [record]}, None) == {"batchItemFailures": []}


def report(world: Any, who: str, name: str, at: Any, **query: Any) -> Any:
    answer = world.api(who).get(f"/v1/reports/{name}", query, at=at)
    assert answer.status == 200, answer.text
    return answer.json


@pytest.mark.parametrize("who", ["clerk", "province"])
def test_kept_reports_are_those_that_are_computed(world: Any, busy: Any, who: str) -> None:  # noqa: F811
    area = "3401" if who == "clerk" else PROVINCE
    program = world.program_id
    before = {name: report(world, who, name, world.now, kept="true") for name in REPORTS}
    computed = {name: report(world, who, name, world.now) for name in REPORTS}
    assert before == computed, "where no night has kept any, they are computed"
    work(area, world.now)
    later = world.now + timedelta(hours=2)
    for name in REPORTS:
        for query in ({}, {"program": program}):
            kept = report(world, who, name, later, kept="true", **query)
            now = report(world, who, name, world.now, **query)
            assert kept == now, name
            assert kept["computed_at"] != report(world, who, name, later, **query)["computed_at"]


def test_the_night_asks_for_every_group_once_and_keeps_every_area(world: Any, cloud: Any) -> None:
    from chalicelib.kernel.principal import Context

    begin_night(Context(principal=SYSTEM, now=world.now, request_id="req_night"))
    asked = [body["figures"] for body in cloud.messages("supervision") if "figures" in body]
    assert sorted(asked) == sorted(groups_below(PROVINCE))
    kept = [area for group in asked for area in areas_of(group)]
    assert sorted(kept) == sorted(divisions_below(PROVINCE))
    assert len(kept) == len(set(kept)) == 1 + 16 + 104


def test_what_is_overdue_comes_from_the_night_and_goes_with_its_decision(world: Any) -> None:
    room = Classroom(world).do("institution", "submit")
    for group in groups_below(PROVINCE):
        keep_overseen(group, world.later(days=15))
    at = world.later(days=16)
    for who in ("supervisor", "province"):
        (item,) = listed(world, who, at)["items"]
        assert (item["subject"], item["flags"]) == (room.id, ["late", "overdue"])
    assert listed(world, "supervisor_wuhu", at)["items"] == []
    room.do("clerk", "return", {"reason": "地点不清"}, at=at)
    for who in ("supervisor", "province"):
        assert listed(world, who, at)["items"] == [], "what was decided since is looked at anew"


def test_what_becomes_overdue_before_the_next_night_is_listed_in_time(world: Any) -> None:
    room = Classroom(world).do("institution", "submit")
    due = world.later(days=14, hours=15)  # at the end of the tenth working day
    for group in groups_below(PROVINCE):
        keep_overseen(group, due - timedelta(hours=30))
    assert listed(world, "supervisor", due - timedelta(hours=30))["items"] == []
    assert [item["subject"] for item in listed(world, "supervisor", due)["items"]] == [room.id]


def test_rows_of_before_are_found_wherever_they_stand(world: Any) -> None:
    """A program of before spread a city's list over four parts: none of its rows is lost."""
    room = Classroom(world).do("institution", "submit")
    row = ClassRow.get(room.id, HEAD)
    row.queue = "3401#3"
    row.queue_all = queue_of_all(row.queue)
    row.save()
    assert [subject for _, subject in kinds(listed(world, "clerk"))] == [room.id], "before any night"
    for group in groups_below(PROVINCE):
        keep_overseen(group, world.now)
    assert kept_in("3401", world.now).spread == {"class"}
    assert [subject for _, subject in kinds(listed(world, "clerk"))] == [room.id], "and after it"
    row.queue = "3401#0"
    row.queue_all = queue_of_all(row.queue)
    row.save()
    keep_overseen("3401", world.now)
    assert kept_in("3401", world.now).spread == frozenset()
    assert [subject for _, subject in kinds(listed(world, "clerk"))] == [room.id]


def test_a_kept_row_that_cannot_be_read_is_no_row(world: Any) -> None:
    keep("overdue#3401", {"of another": "program"}, now=world.now)
    assert find_kept("overdue#3401", list[int]) is None
    assert not kept_in("3401", world.now).is_whole
    room = Classroom(world).do("institution", "submit")
    assert [subject for _, subject in kinds(listed(world, "clerk"))] == [room.id]


def case_waiting(number: int, since: datetime, **differing: Any) -> KeptWaiting:
    made = KeptWaiting(
        machine="risk_case",
        state="open",
        key=(f"rsk_{secrets.token_hex(16)}",),
        since=since,
        institution=f"52340100MX{number:08d}",
        division="340111",
        about=" ".join(f"cls_{secrets.token_hex(16)}" for _ in range(5)),
    )
    return msgspec.structs.replace(made, **differing)


def idle_ones(count: int, since: datetime) -> list[KeptWaiting]:
    return [
        case_waiting(
            number, since, machine="enrolment", state="confirmed", key=(f"enr_{number}",), about=None
        )
        for number in range(count)
    ]


def test_a_thousand_idle_enrolments_crowd_nothing_out_of_what_a_night_keeps(world: Any) -> None:
    idle = idle_ones(KEPT_MAX + 200, world.now - timedelta(days=80))
    cases = [case_waiting(number, world.now) for number in range(300)]
    claim = case_waiting(1, world.now, machine="subsidy_claim", state="reviewed", key=("clm_1",))
    hold = case_waiting(1, world.now, machine="hold", key=("hld_1",))
    kept, left_out = picked([*idle, *cases, claim, hold])
    assert len(kept) == KEPT_MAX
    assert {one.key for one in (*cases, claim, hold)} <= {one.key for one in kept}, (
        "decisions before enrolments"
    )
    assert [one.since for one in kept] == sorted(one.since for one in kept), "the oldest first"
    assert left_out == [Unread("enrolment", "confirmed", idle[0].since)]


def test_each_kind_has_its_share_of_what_a_night_keeps(world: Any) -> None:
    old = world.now - timedelta(days=90)
    everything = [
        case_waiting(number, old if machine == "risk_case" else world.now, machine=machine, state=state)
        for machine, states in KINDS.items()
        for state in states
        for number in range(KEPT_MAX + 1 if machine == "risk_case" else KEPT_OF_EACH)
    ]
    kept, left_out = picked(everything)
    counted = Counter(KINDS[one.machine][one.state] for one in kept)
    assert sum(counted.values()) == KEPT_MAX
    assert set(counted) == set(Kind)
    assert min(counted.values()) == KEPT_OF_EACH
    assert Unread("risk_case", "open", old) in left_out


def test_what_a_night_keeps_stays_well_under_what_a_row_holds(world: Any) -> None:
    """At its largest: every one a case about as many classes as are noted, of ids that do not pack."""
    cases = [
        case_waiting(number, world.now + timedelta(seconds=number), key=(f"rsk_{secrets.token_hex(32)}",))
        for number in range(KEPT_MAX)
    ]
    unread = [Unread(machine, state, world.now) for machine, states in KINDS.items() for state in states]
    keep("overdue#3401", Overseen(waiting=cases, unread=unread, spread=list(KINDS)), now=world.now)
    kept = KeptRow.find("overdue#3401")
    assert kept is not None
    assert len(kept.packed) < 200_000, "of the 400 KB of a row"


def test_a_kind_of_which_nothing_was_kept_is_told_of(world: Any) -> None:
    old = world.now - timedelta(days=80)
    for group in groups_below(PROVINCE):
        unread = [Unread("risk_case", "open", old), Unread("enrolment", "confirmed", world.now)]
        there = unread if group == "3401" else []
        keep(f"overdue#{group}", Overseen(waiting=[], unread=there, spread=[]), now=world.now)
    answer = listed(world, "province")
    assert answer["items"] == []
    told = answer["counts"]["risk_case"]
    assert (told["count"], datetime.fromisoformat(told["oldest"]), told["more"]) == (0, old, True)
    assert set(answer["counts"]) == {"risk_case"}, "no enrolment that was left out can be overdue yet"
    assert listed(world, "province", kind="hold")["counts"] == {}
    assert listed(world, "supervisor_wuhu")["counts"] == {}


def test_what_a_night_did_not_reach_of_a_list_is_told_of_with_every_kind_that_stands_there(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chalicelib.supervision.waiting.store.LISTED_MAX", 1)
    Classroom(world).do("institution", "submit")
    Classroom(world).do("institution", "submit")
    for group in groups_below(PROVINCE):
        keep_overseen(group, world.later(days=15))
    answer = listed(world, "supervisor", world.later(days=15))
    assert len(answer["items"]) == answer["counts"]["class"]["count"] == 1
    assert answer["counts"]["class"]["more"]
    for kind in ("change", "completion"):
        told = answer["counts"][kind]
        assert (told["count"], told["more"]) == (0, True)
        assert datetime.fromisoformat(told["oldest"]) == world.now, "as old as the last that was read"


def test_what_an_earlier_night_kept_counts_no_more_once_it_may_miss_something(world: Any) -> None:
    """Nights that fail leave an old list: what became overdue since is read as it waits."""
    room = Classroom(world).do("institution", "submit")
    early = world.later(days=10)
    for group in groups_below(PROVINCE):
        keep_overseen(group, early)
    assert kept_in("3401", early + AHEAD_OF_THE_NIGHT).is_whole
    assert not kept_in("3401", early + AHEAD_OF_THE_NIGHT + timedelta(seconds=1)).is_whole
    at = world.later(days=15)
    for who in ("supervisor", "province"):
        assert [item["subject"] for item in listed(world, who, at)["items"]] == [room.id]
    for group in groups_below(PROVINCE):
        if group != "3402":
            keep_overseen(group, at)
    assert kept_in("3401", at).is_whole
    assert not kept_in(PROVINCE, at).is_whole, "one city's night that failed is missed"


def test_who_looks_after_an_area_is_told_as_of_when_and_on_the_page_too(world: Any) -> None:
    """A supervisor acts on no class that waits: the night counts it for them. A clerk does: it is as of now."""
    Classroom(world).do("institution", "submit")
    night, at = world.later(days=15), world.later(days=15, hours=6)
    for group in groups_below(PROVINCE):
        keep_overseen(group, night if group != "3402" else night + timedelta(minutes=5))
    for who in ("supervisor", "province"):
        assert datetime.fromisoformat(listed(world, who, at)["computed_at"]) == night, who
        page = Visitor(world.api, who, at=at).get("/console")
        assert page.text.count("截至") == 1, who
        assert f"{night.astimezone(SHANGHAI):%H:%M}" in page.text, who
    assert listed(world, "clerk", at)["computed_at"] is None
    assert "截至" not in Visitor(world.api, "clerk", at=at).get("/console").text
