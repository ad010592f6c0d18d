"""Ratings from figures, and what a card does where the policy says so."""

from datetime import timedelta
from typing import Any

import pytest

from chalicelib.programs.model import Card, Policy
from chalicelib.supervision.inspections.cards import CardFigures, card_by
from tests.classes.builders import application
from tests.subsidies.scored import Money, scored_class
from tests.supervision.cases.found import finding, record, resolve, take
from tests.support.people import HEFEI_OTHER, HEFEI_SCHOOL


@pytest.fixture
def money(world: Any) -> Money:
    money = Money(world)
    money.budget()
    return money


@pytest.mark.parametrize(
    ("cases", "deviations", "card"),
    [
        (0, 0, None),
        (0, 2, None),
        (1, 0, Card.YELLOW),
        (0, 3, Card.YELLOW),
        (2, 5, Card.YELLOW),
        (3, 0, Card.RED),
        (0, 6, Card.RED),
    ],
)
def test_a_card_follows_from_confirmed_cases_or_deviations(
    cases: int, deviations: int, card: Card | None
) -> None:
    assert card_by(Policy(), CardFigures(confirmed_cases=cases, deviations=deviations)) is card


def policy(money: Money, **changes: Any) -> None:
    from chalicelib.programs.service import forget_programs

    path = f"/v1/programs/{money.world.program_id}"
    program = money.ok(money.api("province").get(path, at=money.now))
    body = {
        "version": program["version"],
        "policy": {**program["policy"], **changes},
        "reason": "红黄牌管理",
    }
    money.ok(money.api("province").post(f"{path}/policy", body, at=money.now))
    forget_programs()


def test_refused_check_ins_are_rated_with_the_figure_behind_them(world: Any, money: Money) -> None:
    """Two of three attempts came from elsewhere: what a class that was looked at had, on any path to it."""
    from chalicelib.supervision.evaluations.service import evaluate_class, touch_classes
    from tests.classes.builders import Classroom
    from tests.supervision.evaluations.test_paths import context_at

    room = Classroom(world).rostered(3)
    at = room.starts() - timedelta(minutes=10)
    far = {"location": {"lng": 118.4329, "lat": 31.3525}}
    statuses = [
        room.check_in(person, at=at, **(far if place else {})).status
        for place, person in enumerate(room.people)
    ]
    assert statuses == [201, 409, 409]
    context = context_at(at)
    touch_classes(context, [room.id])
    evaluate_class(context, room.id)

    def rated() -> tuple[int, int, float | None]:
        answer = money.ok(money.api("supervisor").get("/v1/reports/ratings", {"division": "3401"}, at=at))
        (own,) = [item for item in answer["items"] if item["institution"] == room.json["institution"]]
        return own["attempts"], own["refused"], own["refused_share"]

    assert rated() == (3, 2, 0.6667)
    evaluate_class(context, room.id)
    touch_classes(context_at(at + timedelta(hours=1)), [room.id])
    assert rated() == (3, 2, 0.6667), "a touch takes nothing away, and again is once"


def caught(money: Money, times: int, outcome: str = "confirmed") -> None:
    for _ in range(times):
        found = finding(scored_class(money.world, 1))
        record(money, found)
        money.ok(resolve(money, found, outcome))


def rated(money: Money, who: str = "supervisor", **query: Any) -> dict[str, Any]:
    answer = money.ok(money.api(who).get("/v1/reports/ratings", query, at=money.now))
    return {row["institution"]: row for row in answer["items"]}


def test_institutions_are_rated_by_their_figures_the_worst_first(world: Any, money: Money) -> None:
    scored_class(world, 4, failed={0}, institution=HEFEI_OTHER)
    caught(money, 2)
    caught(money, 1, "false_alarm")
    record(money, finding(scored_class(world, 1)))
    inspection = money.ok(
        money.api("supervisor").post(
            "/v1/inspections", {"scope": "classes", "division": "3401", "share": 1}, at=money.now
        )
    )
    for item in inspection["items"]:
        if item["institution"] == HEFEI_OTHER:
            money.ok(
                money.api("supervisor").put(
                    f"/v1/inspections/{inspection['id']}/entries/{item['subject']}",
                    {"outcome": "deviation", "note": "无人上课"},
                    at=money.now,
                )
            )
    rows = rated(money)
    assert next(iter(rows)) == HEFEI_SCHOOL
    bad, other = rows[HEFEI_SCHOOL], rows[HEFEI_OTHER]
    assert (bad["card"], bad["confirmed_cases"], bad["open_cases"], bad["open_holds"]) == ("yellow", 2, 1, 3)
    assert (other["card"], other["inspected"], other["deviations"]) == (None, 1, 1)
    assert (bad["pass_share"], bad["idle"]) == (None, 0), "its classes are scored without a count"
    sheet = money.api("supervisor").get("/v1/reports/ratings", {"format": "csv"}, at=money.now).text
    assert "黄牌" in sheet
    assert money.api("institution").get("/v1/reports/ratings", at=money.now).status == 403
    assert rated(money, "province", program=world.program_id)[HEFEI_SCHOOL]["card"] == "yellow"
    money.wait(400)
    assert rated(money)[HEFEI_SCHOOL]["card"] is None, "a card is over a year after its cases"


def test_a_card_stays_while_a_confirmed_case_is_looked_at_again_and_goes_once_it_is_changed(
    world: Any, money: Money
) -> None:
    found = finding(scored_class(world, 1))
    record(money, found)
    money.ok(resolve(money, found, "confirmed"))
    assert rated(money)[HEFEI_SCHOOL]["card"] == "yellow"
    take(money, found, who="province")
    assert rated(money)[HEFEI_SCHOOL]["card"] == "yellow", "nobody has decided otherwise yet"
    money.ok(resolve(money, found, "false_alarm", who="province"))
    assert rated(money)[HEFEI_SCHOOL]["card"] is None


def test_a_deviation_counts_once_and_no_longer_when_its_case_was_a_false_alarm(
    world: Any, money: Money
) -> None:
    class_ids = [scored_class(world, 1) for _ in range(3)]
    asked = {"scope": "classes", "division": "3401", "share": 1}
    drawn = money.ok(money.api("supervisor").post("/v1/inspections", asked, at=money.now))
    cases = []
    for class_id in class_ids:
        path = f"/v1/inspections/{drawn['id']}/entries/{class_id}"
        entry = money.ok(money.api("supervisor").put(path, {"outcome": "deviation"}, at=money.now))
        cases.append(entry["case_id"])

    def figures() -> Any:
        row = rated(money)[HEFEI_SCHOOL]
        return row["deviations"], row["confirmed_cases"], row["card"]

    def decide(case_id: str, outcome: str) -> None:
        path = f"/v1/risk-cases/{case_id}"
        money.ok(money.api("province").post(f"{path}/take", {"version": 1}, at=money.now))
        body = {"version": 2, "outcome": outcome, "reason": "已复核"}
        money.ok(money.api("province").post(f"{path}/resolve", body, at=money.now))

    assert figures() == (3, 0, "yellow")
    decide(cases[0], "confirmed")
    assert figures() == (3, 0, "yellow"), "its case is the same deviation, not another one"
    decide(cases[1], "false_alarm")
    assert figures() == (2, 0, None)


def test_a_card_makes_classes_be_drawn_more_often(world: Any, money: Money) -> None:
    caught(money, 3)
    drawn = money.ok(
        money.api("supervisor").post(
            "/v1/inspections", {"scope": "classes", "division": "3401", "share": 1}, at=money.now
        )
    )
    assert {item["lots"] for item in drawn["items"]} == {3}


@pytest.mark.parametrize(("switch", "times", "status"), [(True, 3, 409), (True, 2, 200), (False, 3, 200)])
def test_a_red_card_stops_new_classes_where_the_policy_says_so(
    world: Any, money: Money, switch: bool, times: int, status: int
) -> None:
    policy(money, red_card_stops_classes=switch)
    caught(money, times)
    draft = money.ok(money.api("institution").post("/v1/classes", application(world), at=money.now))
    told = [warning["code"] for warning in draft["warnings"]]
    assert ("red_card" in told) == (status == 409)
    path = f"/v1/classes/{draft['id']}/submit"
    answer = money.api("institution").post(path, {"version": draft["version"]}, at=money.now)
    assert answer.status == status, answer.text
    if status == 409:
        assert answer.json["code"] == "red_card"


@pytest.mark.parametrize(("times", "days"), [(0, 0), (1, 5)])
def test_a_card_makes_publicity_longer_where_the_policy_says_so(
    world: Any, money: Money, times: int, days: int
) -> None:
    from chalicelib.kernel.calendar import add_working_days, shanghai_date

    policy(money, card_publicity_extra_days=5)
    caught(money, times)
    claim = money.publicised(scored_class(world, 1, policy_version=2))
    ends_on = money.read(claim)["publicity_ends_on"]
    assert ends_on == add_working_days(shanghai_date(money.now), 5 + days).isoformat()
