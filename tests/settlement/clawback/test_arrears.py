"""Who does not give back what was taken back is suspended by rule; and batches close without dropped lines."""

from datetime import timedelta
from typing import Any

import pytest

from chalicelib.aws.queues import Message
from chalicelib.kernel.principal import system_context
from chalicelib.settlement.jobs import seal_settlement
from tests.settlement.ledger.test_ledger import FEN, repay, take_back
from tests.subsidies.scored import Money, scored_class
from tests.support.people import HEFEI_SCHOOL


@pytest.fixture
def money(world: Any) -> Money:
    return Money(world)


@pytest.fixture
def line_id(world: Any, money: Money) -> str:
    batch = money.sealed(scored_class(world, 3))
    money.pay(batch)
    return str(money.batch(batch)["lines"][0]["line_id"])


def night(money: Money) -> None:
    """Run the nightly settlement of 合肥 as its worker does."""
    context = system_context("seal_settlement", now=money.now, request_id="req_night")
    seal_settlement(Message(id="1", body={"division": "3401"}, now=money.now), context)


def school(money: Money) -> Any:
    return money.ok(money.api("clerk").get(f"/v1/institutions/{HEFEI_SCHOOL}", at=money.now))


def reinstate(money: Money) -> None:
    body = {"version": school(money)["version"], "reason": "已退还"}
    path = f"/v1/institutions/{HEFEI_SCHOOL}/reinstate"
    money.ok(money.api("supervisor").post(path, body, at=money.now))


def policy(world: Any, money: Money, **numbers: Any) -> None:
    program = money.ok(world.api("province").get(f"/v1/programs/{world.program_id}"))
    body = {"version": program["version"], "policy": {**program["policy"], **numbers}}
    money.ok(world.api("province").post(f"/v1/programs/{world.program_id}/policy", body))


def test_an_institution_that_does_not_repay_in_time_is_suspended_and_says_why(
    money: Money, line_id: str
) -> None:
    done = take_back(money, line_id)
    assert done["repay_by"] == (money.now.date() + timedelta(days=30)).isoformat()
    money.ok(repay(money, line_id, 30_000))
    money.wait(30)
    night(money)
    assert school(money)["status"] == "listed", "the last day is not over"
    money.wait(1)
    night(money)
    night(money)
    assert school(money)["status"] == "suspended"
    from chalicelib.catalogue.institutions.store import find_institution

    change = find_institution(HEFEI_SCHOOL).last_change  # type: ignore[union-attr]
    assert change is not None
    assert (change.actor, change.action) == ("system:seal_settlement", "institution.suspend")
    assert change.reason == "追回款逾期未退还：1 笔，共 1500.00 元"
    reinstate(money)
    night(money)
    assert school(money)["status"] == "suspended", "it still owes"
    money.ok(repay(money, line_id, FEN - 30_000, "R2"))
    reinstate(money)
    night(money)
    assert school(money)["status"] == "listed"


def test_a_policy_may_suspend_with_the_reversal_itself(world: Any, money: Money, line_id: str) -> None:
    policy(world, money, suspend_on_clawback=True, clawback_due_days=10)
    done = take_back(money, line_id)
    assert done["repay_by"] == (money.now.date() + timedelta(days=10)).isoformat()
    assert school(money)["status"] == "suspended"
    money.ok(repay(money, line_id, FEN))
    reinstate(money)
    path = f"/v1/claim-lines/{line_id}/reverse/confirm"
    money.ok(money.api("finance_two").post(path, {}, at=money.now))
    night(money)
    assert school(money)["status"] == "listed", "a repeat after the money is back changes nothing"


def test_a_line_shows_what_is_expected_and_what_has_come_back(money: Money, line_id: str) -> None:
    take_back(money, line_id)
    money.ok(repay(money, line_id, 30_000))
    path = f"/v1/claim-lines/{line_id}"
    for who in ("finance", "supervisor", "institution"):
        shown = money.ok(money.api(who).get(path, at=money.now))
        assert (shown["status"], shown["outstanding_fen"]) == ("reversed", FEN - 30_000)
        assert [repayment["amount_fen"] for repayment in shown["repayments"]] == [30_000]
    assert money.api("clerk_wuhu").get(path).status == 404
    assert money.api("finance").get("/v1/claim-lines/lin_x").status == 404


def test_a_batch_closes_with_its_last_line_paid_or_taken_out(world: Any, money: Money) -> None:
    class_ids = [scored_class(world, 3), scored_class(world, 2)]
    first = money.sealed(*class_ids)
    money.pay(first, failing={0, 1})
    bounced = [line for line in money.batch(first)["lines"] if line["status"] == "payment_failed"]
    money.release(first)
    second = money.seal()
    money.pay(second, failing={0, 1})
    assert [money.batch(batch)["status"] for batch in (first, second)] == ["reconciled", "reconciled"]
    for count, line in enumerate(bounced, start=1):
        claim = money.read({"id": "clm_" + line["line_id"][4:].rsplit("-", 1)[0]})
        now = next(line_now for line_now in claim["lines"] if line_now["id"] == line["line_id"])
        path = f"/v1/claim-lines/{line['line_id']}/reject"
        body = {"version": now["version"], "reason": "账户已注销"}
        money.ok(money.api("reviewer").post(path, body, at=money.now))
        batches = [money.batch(batch) for batch in (first, second)]
        assert [batch["withdrawn_count"] for batch in batches] == [count, count]
    assert [batch["status"] for batch in batches] == ["closed", "closed"]
    assert batches[0]["paid_count"] == 3


def test_a_line_taken_out_before_the_other_results_lets_the_last_payment_close(
    world: Any, money: Money
) -> None:
    batch = money.sealed(scored_class(world, 2))
    money.export(batch)
    failed, paid = money.batch(batch)["lines"]
    money.ok(money.send(batch, [money.result(failed, "failed")]))
    version = money.ok(money.api("finance").get(f"/v1/claim-lines/{failed['line_id']}"))["version"]
    body = {"version": version, "reason": "账户已注销"}
    money.ok(money.api("reviewer").post(f"/v1/claim-lines/{failed['line_id']}/reject", body, at=money.now))
    assert money.batch(batch)["status"] == "exported"
    money.ok(money.send(batch, [money.result(paid)]))
    assert money.batch(batch)["status"] == "closed"
