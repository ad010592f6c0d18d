"""What is offered on a batch is what is accepted, and the other way round."""

from datetime import UTC, datetime
from typing import Any

import pytest

from chalicelib.kernel.principal import Role
from chalicelib.settlement.batches.model import OFFERED, Batch, BatchStatus, batch_id_of, why_not
from tests.accounts.test_separation import is_own_work, moved
from tests.subsidies.holds.test_stop_payment import let_go, stop
from tests.subsidies.scored import Money, scored_class
from tests.support.people import HEFEI_SCHOOL


@pytest.fixture
def money(world: Any) -> Money:
    return Money(world)


def offered(money: Money, batch: Any, who: Any) -> list[str]:
    shown: list[str] = money.ok(money.api(who).get(f"/v1/settlement-batches/{batch['id']}"))[
        "allowed_actions"
    ]
    return shown


def test_exporting_comes_first_then_results_until_the_batch_is_closed(money: Money) -> None:
    batch = money.sealed(scored_class(money.world, 2))
    assert offered(money, batch, "finance") == ["export"]
    assert offered(money, batch, "supervisor") == []
    money.export(batch)
    assert offered(money, batch, "finance") == ["export", "results"]
    money.pay(batch, failing={0})
    assert offered(money, batch, "finance") == ["export", "results"]
    money.release(batch)
    money.pay(money.seal())
    assert money.batch(batch)["status"] == "closed"
    assert offered(money, batch, "finance") == ["export"], "a repeat is accepted, and waits for nobody"
    assert money.pay(batch, failing={0})["applied"] == 2


def test_a_batch_whose_every_line_is_held_is_not_offered_until_its_hold_is_lifted(money: Money) -> None:
    batch = money.sealed(scored_class(money.world, 2))
    assert offered(money, batch, "finance") == ["export"]
    hold = money.ok(stop(money, {"kind": "institution", "id": HEFEI_SCHOOL}))
    assert offered(money, batch, "finance") == []
    (listed,) = money.ok(money.api("finance").get("/v1/settlement-batches", at=money.now))["items"]
    assert listed["allowed_actions"] == []
    money.ok(let_go(money, hold))
    assert offered(money, batch, "finance") == ["export"]
    assert money.export(batch)["count"] == 2


@pytest.mark.parametrize("name", ["clerk", "reviewer"])
def test_who_reviewed_a_claim_is_offered_nothing_on_its_batch(money: Money, name: str) -> None:
    batch = money.sealed(scored_class(money.world, 1))
    money.export(batch)
    (line,) = money.batch(batch)["lines"]
    officer = moved(name, Role.FINANCE)
    assert offered(money, batch, officer) == []
    (listed,) = money.ok(money.api(officer).get("/v1/settlement-batches", at=money.now))["items"]
    assert listed["allowed_actions"] == []
    assert is_own_work(
        money.api(officer).post(f"/v1/settlement-batches/{batch['id']}/export", {}, at=money.now)
    )
    assert is_own_work(money.send(batch, [money.result(line)], who=officer))


@pytest.mark.parametrize("status", list(BatchStatus))
@pytest.mark.parametrize("action", list(OFFERED))
@pytest.mark.parametrize("own_work", [False, True])
def test_each_state_accepts_what_its_table_says(status: BatchStatus, action: str, own_work: bool) -> None:
    opened_at = datetime(2026, 9, 1, tzinfo=UTC)
    batch = Batch(
        id=batch_id_of("3401", 1), division="3401", number=1, status=status, opened_at=opened_at, line_count=1
    )
    refusal = why_not(action, batch, own_work=own_work)
    states = ["sealed", "exported", "reconciled", "closed"][action == "results" :]
    if status not in states:
        assert refusal is not None
        assert refusal.code == ("wrong_state" if action == "export" else "not_exported")
    elif own_work:
        assert refusal is not None
        assert refusal.code == "self_approval"
    else:
        assert refusal is None
