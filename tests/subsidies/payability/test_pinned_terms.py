"""What was approved is paid by the terms of its approval: a later fee or policy is shown, and never applied."""

from typing import Any

import pytest

from chalicelib.aws.writes import update
from chalicelib.catalogue.projects.reading import forget_projects
from chalicelib.classes.store import ClassRow
from chalicelib.subsidies.claims.store import LineRow
from tests.subsidies.scored import Money, scored_class

FEE = 180_000


@pytest.fixture
def money(world: Any) -> Money:
    money = Money(world)
    change_project(world, fee_fen=FEE)
    money.budget()
    return money


def change_project(world: Any, **facts: Any) -> int:
    """Change the project's entry over HTTP; give its version."""
    path = f"/v1/projects/{world.project_id}"
    entry = world.api("province").get(path).json
    entry.pop("id")
    answer = world.api("province").put(path, entry | facts)
    assert answer.status == 200, answer.text
    return int(answer.json["version"])


def change_policy(world: Any, **terms: Any) -> None:
    path = f"/v1/programs/{world.program_id}"
    program = world.api("province").get(path).json
    body = {"version": program["version"], "policy": program["policy"] | terms}
    assert world.api("province").post(f"{path}/policy", body).status in (200, 201)


def approved_class(world: Any, size: int = 2) -> str:
    """Give a scored class that was approved under the project as it is now."""
    class_id = scored_class(world, size)
    version = world.api().get(f"/v1/projects/{world.project_id}").json["version"]
    row: Any = ClassRow
    update(
        row,
        (class_id, "head"),
        [row.project_version.set(version)],
        condition=row.id.exists(),
        change=world.change,
    )
    return class_id


@pytest.mark.parametrize("fee_fen", [FEE * 2, FEE // 2, 0])
def test_a_fee_changed_after_the_last_lesson_changes_nothing_that_is_paid(
    world: Any, money: Money, fee_fen: int
) -> None:
    class_id = approved_class(world)
    version = change_project(world, fee_fen=fee_fen)
    shown = money.payability(class_id)
    assert (shown["count"], shown["amount_fen"]) == (2, 2 * FEE)
    assert shown["terms"]["fee_fen"] == FEE
    assert shown["newest_terms"] == {"policy_version": 1, "project_version": version, "fee_fen": fee_fen}
    assert [line["newest_amount_fen"] for line in shown["lines"]] == [fee_fen, fee_fen]
    claim = money.publicised(class_id)
    assert claim["amount_fen"] == 2 * FEE
    money.wait()
    batch = money.seal()
    assert batch["amount_fen"] == 2 * FEE
    money.pay(batch)
    assert money.payability(class_id)["amount_fen"] == 2 * FEE


def test_where_nothing_changed_no_difference_is_told(world: Any, money: Money) -> None:
    shown = money.payability(approved_class(world))
    assert shown["newest_terms"] is None
    assert [line["newest_amount_fen"] for line in shown["lines"]] == [None, None]


def test_a_fee_changed_between_the_reviews_or_after_the_second_leaves_the_claim_as_it_was_shown(
    world: Any, money: Money
) -> None:
    class_id = approved_class(world)
    claim = money.ok(money.decide("clerk", money.claim(class_id), "review"))
    change_project(world, fee_fen=FEE * 3)
    claim = money.ok(money.decide("reviewer", claim, "approve"))
    assert claim["amount_fen"] == 2 * FEE
    assert {line["amount_fen"] for line in money.read(claim)["lines"]} == {FEE}
    change_project(world, fee_fen=1)
    money.wait()
    assert money.seal()["amount_fen"] == 2 * FEE


def test_a_policy_changed_after_approval_is_shown_and_not_applied(world: Any, money: Money) -> None:
    class_id = approved_class(world)
    change_policy(world, pay_rate={"passed": "0.5", "failed": "0"}, pass_mark=99)
    shown = money.payability(class_id)
    assert (shown["amount_fen"], shown["terms"]["policy_version"]) == (2 * FEE, 1)
    assert shown["newest_terms"]["policy_version"] == 2
    assert [line["newest_amount_fen"] for line in shown["lines"]] == [0, 0]


def test_a_renamed_occupation_or_level_does_not_let_a_person_be_subsidised_twice_for_one(
    world: Any, money: Money
) -> None:
    class_id = approved_class(world, 1)
    before = world.api().get(f"/v1/projects/{world.project_id}").json
    change_project(world, occupation_code="9-99-99-99", level=1)
    claim = money.claim(class_id)
    line = LineRow.get(claim["lines"][0]["id"])
    assert line.occupation == f"{before['occupation_code']}/{before['level']}"


def test_a_class_approved_before_versions_were_pinned_has_the_project_of_its_approval(
    world: Any, money: Money
) -> None:
    class_id = scored_class(world, 1)
    row: Any = ClassRow
    removed = [row.project_version.remove(), row.approved_at.set(money.now)]
    update(row, (class_id, "head"), removed, condition=row.id.exists(), change=world.change)
    entry = world.api().get(f"/v1/projects/{world.project_id}").json
    entry.pop("id")
    later = world.later(days=1)
    path = f"/v1/projects/{world.project_id}"
    assert world.api("province").put(path, entry | {"fee_fen": 7}, at=later).status == 200
    forget_projects()
    assert money.payability(class_id)["terms"]["fee_fen"] == FEE
