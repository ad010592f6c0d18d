"""What an institution stops waits for the bureau, with a clock, and leaves the list when it goes on."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from chalicelib.catalogue.payees.model import payee_id_of
from chalicelib.catalogue.payees.store import PayeeAccountRow, PayeesRow
from tests.settlement.test_faults import before_each_call
from tests.settlement.test_payee_attacks import confirm, propose
from tests.subsidies.holds.test_stop_payment import let_go, move_school
from tests.subsidies.scored import Money, scored_class
from tests.supervision.waiting.test_waiting import listed as waiting
from tests.support.people import HEFEI_SCHOOL, WUHU_SCHOOL

OVERSEERS = ("supervisor", "province")


@pytest.fixture
def money(world: Any) -> Money:
    money = Money(world)
    money.budget()
    return money


def stopped(world: Any, money: Money, who: str, kind: str = "stopped_claim", **query: str) -> list[str]:
    answer = waiting(world, who, money.now, kind=kind, **query)
    assert sum(figures["count"] for figures in answer["counts"].values()) == len(answer["items"])
    return [item["subject"] for item in answer["items"]]


def test_a_claim_of_a_suspended_institution_waits_for_the_bureau_until_it_is_reinstated(
    world: Any, money: Money
) -> None:
    claim = money.publicised(scored_class(world, 2))
    move_school(money, "suspend")
    assert stopped(world, money, "clerk") == [], "nothing of it could be paid yet"
    money.wait()
    since = money.now
    assert money.seal() is None
    assert stopped(world, money, "clerk") == [claim["id"]]
    for who in OVERSEERS:
        assert stopped(world, money, who) == [], "not while the clerk has time"
    assert stopped(world, money, "clerk", institution=WUHU_SCHOOL) == []
    assert stopped(world, money, "supervisor_wuhu") == []
    for who in ("finance", "reviewer", "institution"):
        assert stopped(world, money, who) == []
    money.now += timedelta(days=40)
    assert money.seal() is None
    (item,) = waiting(world, "clerk", money.now, kind="stopped_claim")["items"]
    for who in OVERSEERS:
        assert stopped(world, money, who) == [claim["id"]], "overdue"
    assert (datetime.fromisoformat(item["since"]), item["flags"]) == (since, ["late", "overdue"])
    assert (item["institution"], item["name"]) == (HEFEI_SCHOOL, money.read(claim)["class_name"])
    move_school(money, "reinstate", "已核实无误")
    assert money.seal()["count"] == 2
    assert stopped(world, money, "clerk") == []


def test_a_claim_of_an_institution_without_an_account_waits_until_it_has_one(
    world: Any, money: Money
) -> None:
    PayeesRow(HEFEI_SCHOOL).delete()
    PayeeAccountRow(HEFEI_SCHOOL, payee_id_of(HEFEI_SCHOOL, 1)).delete()
    claim = money.publicised(scored_class(world, 1))
    money.wait()
    assert money.seal() is None
    assert stopped(world, money, "clerk") == [claim["id"]]
    money.ok(confirm(money, propose(money)))
    money.wait()
    assert money.seal() is None, "the first review saw no account"
    assert stopped(world, money, "clerk") == [], "it waits as a hold of a finance officer now"
    (held,) = money.ok(money.api("finance_two").get("/v1/holds", at=money.now))["items"]
    money.ok(let_go(money, held, who="finance_two"))
    assert money.seal()["count"] == 1


def test_a_stop_by_a_person_stands_in_the_list_by_its_record_alone(world: Any, money: Money) -> None:
    money.publicised(scored_class(world, 1))
    subject = {"kind": "institution", "id": HEFEI_SCHOOL}
    hold = money.ok(
        money.api("supervisor").post("/v1/holds", {"subject": subject, "reason": "核查"}, at=money.now)
    )
    money.wait()
    assert money.seal() is None
    assert stopped(world, money, "supervisor") == []
    assert stopped(world, money, "supervisor", "hold") == [hold["id"]]


def test_a_failed_line_that_was_released_waits_again_while_its_institution_is_suspended(
    world: Any, money: Money
) -> None:
    money.publicised(scored_class(world, 1))
    money.wait()
    batch = money.seal()
    money.pay(batch, failing={0})
    (line,) = money.batch(batch)["lines"]
    assert stopped(world, money, "finance_two", "claim_line") == [line["line_id"]]
    money.release(batch)
    assert stopped(world, money, "finance_two", "claim_line") == []
    move_school(money, "suspend")
    for _ in range(2):
        assert money.seal() is None
        assert stopped(world, money, "finance_two", "claim_line") == [line["line_id"]], "once"
    move_school(money, "reinstate", "已核实无误")
    assert money.seal()["count"] == 1
    assert stopped(world, money, "finance_two", "claim_line") == []


def test_a_stopped_claim_costs_the_list_no_call_beside_others(world: Any, money: Money) -> None:
    claims = [money.publicised(scored_class(world, 1)) for _ in range(2)]
    money.wait()
    fresh = money.claim(scored_class(world, 1))

    def calls() -> tuple[int, set[str]]:
        with before_each_call(lambda _: None) as made:
            items = waiting(world, "clerk", money.now)["items"]
        return made[0], {item["subject"] for item in items} & {fresh["id"], *(one["id"] for one in claims)}

    calls()
    before, shown = calls()
    assert shown == {fresh["id"]}
    move_school(money, "suspend")
    assert money.seal() is None
    calls()
    after, shown = calls()
    assert shown == {fresh["id"], *(claim["id"] for claim in claims)}
    assert after == before
