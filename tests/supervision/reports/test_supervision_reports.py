"""Idle vouchers by age, and holds with what became of them and of the money, in figures."""

from datetime import timedelta
from typing import Any

import pytest

from chalicelib.classes.store import ClassRow
from chalicelib.enrolments.store import EnrolmentRow
from tests.subsidies.scored import Money, scored_class
from tests.supervision.cases.found import finding, record, resolve
from tests.support.people import HEFEI_SCHOOL


@pytest.fixture
def money(world: Any) -> Money:
    money = Money(world)
    money.budget()
    return money


def report(money: Money, name: str, *, who: str = "supervisor", **query: Any) -> Any:
    return money.ok(money.api(who).get(f"/v1/reports/{name}", query, at=money.now))


def test_idle_vouchers_are_counted_by_age_city_and_institution(world: Any, money: Money) -> None:
    enrolments = [world.enrolment(world.person(place)) for place in range(4)]
    for enrolment, days in zip(enrolments, (1, 31, 61, 91), strict=True):
        EnrolmentRow(enrolment["id"]).update(
            actions=[EnrolmentRow.queued_at.set(world.now - timedelta(days=days))]
        )
    told = report(money, "idle")
    assert told["total"]["idle"] == {"up_to_30": 1, "up_to_60": 1, "up_to_90": 1, "longer": 1}
    assert [(row["place"], row["idle_total"]) for row in told["cities"]] == [("3401", 4)]
    first = told["institutions"][0]
    assert (first["place"], first["idle_total"]) == (HEFEI_SCHOOL, 4)
    assert report(money, "idle", division="340102")["total"]["idle_total"] == 0
    assert report(money, "idle", who="province", program=world.program_id)["total"]["idle_total"] == 4
    everywhere = report(money, "idle", who="province")
    assert {row["place"]: row["idle_total"] for row in everywhere["cities"]}["3402"] == 0
    assert "空转更久" in money.api("supervisor").get("/v1/reports/idle", {"format": "csv"}, at=money.now).text


def test_holds_are_reported_with_what_became_of_their_cases_and_of_the_money(
    world: Any, money: Money
) -> None:
    classes = [scored_class(world, 2) for _ in range(4)]
    claims = [money.publicised(class_id) for class_id in classes]
    fen = money.read(claims[0])["lines"][0]["amount_fen"]
    rules = ("shared_device", "shared_device", "mock_location", "lesson_overlap")
    found = [finding(class_id, rule=rule) for class_id, rule in zip(classes, rules, strict=True)]
    trainee = min(ClassRow.get(classes[2], "roster").record.roster.values())
    found[2] = finding(classes[2], rule="mock_location", lines=[trainee])
    record(money, *found)
    money.ok(resolve(money, found[0], "false_alarm"))
    money.ok(resolve(money, found[1], "confirmed"))
    line = money.read(claims[1])["lines"][0]
    money.ok(
        money.api("reviewer").post(
            f"/v1/claim-lines/{line['id']}/reject",
            {"version": line["version"], "reason": "查实"},
            at=money.now,
        )
    )
    told = report(money, "holds")
    rows = {row["rule"]: row for row in told["items"]}
    shared = rows["shared_device"]
    assert (shared["placed"], shared["open"], shared["released"]) == (2, 1, 1)
    assert (shared["false_alarms"], shared["confirmed"], shared["under_review"]) == (1, 1, 0)
    assert shared["money"] == {
        "lines": 4,
        "stopped_fen": 2 * fen,
        "held_fen": fen,
        "refused_fen": fen,
        "let_go_fen": 2 * fen,
        "taken_back_fen": 0,
        "recovered_fen": 0,
    }
    assert (rows["mock_location"]["money"]["lines"], rows["mock_location"]["money"]["held_fen"]) == (1, fen)
    assert told["total"]["lines"] == 7
    assert told["total"]["stopped_fen"] == 5 * fen
    again = finding(classes[3], rule="impossible_travel")
    record(money, again)
    assert report(money, "holds")["total"]["stopped_fen"] == 5 * fen, "a line is counted once"
    assert report(money, "holds", year=2025)["items"] == []
    assert report(money, "holds", division="340102")["items"] == []
    sheet = money.api("supervisor").get("/v1/reports/holds", {"format": "csv"}, at=money.now).text
    assert "合计（明细不重复）" in sheet


def test_reports_of_supervision_are_the_bureaus_of_the_area_and_name_nobody(world: Any, money: Money) -> None:
    world.enrolment(world.person(1))
    for name in ("idle", "holds"):
        assert money.api("institution").get(f"/v1/reports/{name}", at=money.now).status == 403
        assert money.api("clerk").get(f"/v1/reports/{name}", {"division": "3402"}, at=money.now).status == 404
        assert "prs_" not in money.api("clerk").get(f"/v1/reports/{name}", at=money.now).text
