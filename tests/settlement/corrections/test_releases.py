"""A line whose payment failed rests until a second finance officer releases it."""

from typing import Any

import pytest

from chalicelib.kernel.principal import Role
from chalicelib.subsidies.claims.store import LineRow
from tests.accounts.test_separation import is_own_work, moved
from tests.settlement.test_faults import until_whole
from tests.subsidies.scored import Money, scored_class
from tests.support.people import staff_principal


@pytest.fixture
def money(world: Any) -> Money:
    return Money(world)


@pytest.fixture
def failed(world: Any, money: Money) -> str:
    batch = money.sealed(scored_class(world, 2))
    money.pay(batch, failing={0})
    return str(money.batch(batch)["lines"][0]["line_id"])


def actions(money: Money, line_id: str, who: Any) -> list[str]:
    shown: list[str] = money.ok(money.api(who).get(f"/v1/claim-lines/{line_id}"))["allowed_actions"]
    return shown


def test_a_failed_line_is_in_no_batch_before_another_officer_released_it(money: Money, failed: str) -> None:
    assert money.seal() is None
    own = money.act(failed, "release", reason="账户已核实")
    assert is_own_work(own), "who entered the failure does not release it"
    assert money.seal() is None
    assert "release" not in actions(money, failed, "finance")
    assert "release" in actions(money, failed, "finance_two")
    done = money.ok(money.act(failed, "release", who="finance_two", reason="账户已核实"))
    assert (done["status"], done["released"]) == ("payment_failed", True)
    change = LineRow.get(failed).record.last_change
    assert change is not None
    assert (change.actor, change.action, change.reason) == (
        staff_principal("finance_two").actor,
        "claim_line.release",
        "账户已核实",
    )
    again = money.ok(money.act(failed, "release", who="finance_two", reason="账户已核实"))
    assert again == done, "a repeat gives the same answer"
    late = money.act(failed, "release", reason="账户已核实")
    assert (late.status, late.json["code"]) == (409, "line_released")
    batch = money.seal()
    assert (batch["count"], money.seal()) == (1, None)
    assert (
        money.ok(money.act(failed, "release", who="finance_two", reason="账户已核实"))["status"] == "batched"
    )


def test_each_failure_has_to_be_released_anew(money: Money, failed: str) -> None:
    money.ok(money.act(failed, "release", who="finance_two", reason="账户已核实"))
    second = money.seal()
    money.pay(second, failing={0})
    assert money.seal() is None
    assert is_own_work(money.act(failed, "release", reason="再付"))
    money.ok(money.act(failed, "release", who="finance_two", reason="再付"))
    money.pay(money.seal())
    assert money.ok(money.api("finance").get(f"/v1/claim-lines/{failed}"))["status"] == "paid"


def test_only_finance_of_the_city_releases_and_only_what_failed(
    world: Any, money: Money, failed: str
) -> None:
    assert money.act(failed, "release", who="finance_wuhu", reason="x").status == 404
    for who in ("clerk", "reviewer", "supervisor", "institution", "province"):
        assert money.act(failed, "release", who=who, reason="x").status == 403
    assert money.act(failed, "release", who="finance_two").status == 400
    assert money.act("lin_x", "release", who="finance_two", reason="x").status == 404
    paid = failed[:-2] + "02"
    refused = money.act(paid, "release", who="finance_two", reason="x")
    assert (refused.status, refused.json["code"]) == (409, "wrong_state")


@pytest.mark.parametrize("name", ["clerk", "reviewer", "institution"])
def test_who_had_a_hand_in_a_claim_does_not_release_its_line(money: Money, failed: str, name: str) -> None:
    officer = moved(name, Role.FINANCE)
    assert is_own_work(money.act(failed, "release", who=officer, reason="x"))
    assert actions(money, failed, officer) == []


def test_a_release_killed_after_any_call_releases_once(money: Money, failed: str) -> None:
    answer = until_whole(lambda: money.act(failed, "release", who="finance_two", reason="账户已核实"))
    assert answer.status == 200
    assert money.seal()["count"] == 1
