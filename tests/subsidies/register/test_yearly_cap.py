"""The yearly cap across New Year: a claim counts in the year it was filed in, whenever it is looked at."""

from datetime import UTC, datetime
from typing import Any

import pytest

from chalicelib.classes.store import ClassRow
from infra.local import catalogue
from tests.subsidies.scored import Money, scored_class

DECEMBER, JANUARY = datetime(2026, 12, 30, 1, tzinfo=UTC), datetime(2027, 1, 5, 1, tzinfo=UTC)


@pytest.fixture
def money(world: Any) -> Money:
    money = Money(world)
    money.budget()
    body = {"program_id": world.program_id, "appropriated_fen": 100_000_000}
    money.ok(world.api("finance").put("/v1/budgets/3401/2027", body, at=money.now))
    return money


def once_a_year(money: Money) -> int:
    """Let each person be subsidised once a year; give the version of the policy."""
    path = f"/v1/programs/{money.world.program_id}"
    program = money.ok(money.api().get(path))
    body = {
        "version": program["version"],
        "policy": program["policy"] | {"subsidies_per_person_per_year": 1},
    }
    return int(money.ok(money.api("province").post(f"{path}/policy", body))["policy_version"])


def another_project(world: Any) -> str:
    own = next(project for project in catalogue.PROJECTS if project["id"] == world.project_id)
    return next(
        str(project["id"])
        for project in catalogue.PROJECTS
        if project["occupation_code"] != own["occupation_code"]
    )


def classes_of_one_person(money: Money, *moments: datetime) -> list[str]:
    """Store classes of different occupations in which the same person was, each scored at a moment."""
    found = []
    version = once_a_year(money)
    for place, moment in enumerate(moments):
        money.world.now = moment
        found.append(scored_class(money.world, 1, people=["prs_same"], policy_version=version))
        if place:
            project = another_project(money.world)
            ClassRow(found[-1], "head").update(actions=[ClassRow.project_id.set(project)])
    return found


def cap_of(money: Money, class_id: str) -> Any:
    (line,) = money.payability(class_id)["lines"]
    return next(check for check in line["checks"] if check["name"] == "yearly_cap")


def test_a_claim_of_december_is_not_held_against_one_of_january(world: Any, money: Money) -> None:
    old, new = classes_of_one_person(money, DECEMBER, JANUARY)
    money.now = DECEMBER
    december = money.ok(money.decide("clerk", money.claim(old), "review"))
    money.now = JANUARY
    january = money.claim(new)
    assert cap_of(money, old)["evidence"] == {"this_year": 0, "maximum": 1}
    assert money.ok(money.decide("reviewer", december, "approve"))["status"] == "publicised"
    january = money.ok(money.decide("clerk", january, "review"))
    assert money.ok(money.decide("reviewer", january, "approve"))["status"] == "publicised"


def test_a_claim_that_was_not_filed_yet_counts_in_the_year_of_today(world: Any, money: Money) -> None:
    old, new = classes_of_one_person(money, DECEMBER, DECEMBER)
    money.now = DECEMBER
    money.claim(old)
    assert not cap_of(money, new)["passed"]
    money.now = JANUARY
    assert money.claim(new)["count"] == 1
    assert cap_of(money, old)["passed"]


def test_a_returned_claim_counts_in_the_year_it_is_filed_again(world: Any, money: Money) -> None:
    old, new = classes_of_one_person(money, DECEMBER, JANUARY)
    money.now = DECEMBER
    claim = money.claim(old)
    money.ok(money.decide("clerk", claim, "return", reason="补充材料"))
    money.now = JANUARY
    assert money.claim(new)["count"] == 1
    assert not cap_of(money, old)["passed"]
    body = {"declared_count": 1, "declared_amount_fen": claim["amount_fen"]}
    again = money.api("institution").post(f"/v1/classes/{old}/subsidy-claims", body, at=money.now)
    assert (again.status, again.json["code"]) == (409, "not_payable")


@pytest.mark.parametrize("first", [0, 1])
def test_what_an_override_let_pass_takes_no_place_of_a_regular_claim(
    world: Any, money: Money, first: int
) -> None:
    path = f"/v1/programs/{world.program_id}"
    program = money.ok(money.api().get(path))
    policy = program["policy"] | {
        "subsidies_per_person_per_year": 1,
        "overridable_checks": ["yearly_cap", "occupation_and_level_once"],
    }
    body = {"version": program["version"], "policy": policy}
    version = money.ok(money.api("province").post(f"{path}/policy", body))["policy_version"]
    regular, beside = (scored_class(world, 1, people=["prs_same"], policy_version=version) for _ in range(2))
    filed = [money.claim(regular)]
    for check in policy["overridable_checks"]:
        (line,) = money.payability(beside)["lines"]
        wish = {
            "enrolment_id": line["enrolment_id"],
            "check": check,
            "reason": "转岗",
            "expires_on": "2026-12-31",
        }
        asked = money.ok(money.api("clerk").post(f"/v1/classes/{beside}/overrides", wish, at=money.now))
        confirmed = {"version": asked["version"]}
        money.ok(money.api("reviewer").post(f"/v1/overrides/{asked['id']}/confirm", confirmed, at=money.now))
    filed.append(money.claim(beside))
    for claim in (filed[first], filed[1 - first]):
        reviewed = money.ok(money.decide("clerk", claim, "review"))
        money.ok(money.decide("reviewer", reviewed, "approve"))
    third = scored_class(world, 1, people=["prs_same"], policy_version=version)
    assert money.payability(third)["count"] == 0, "the regular one still counts"
