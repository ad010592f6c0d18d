"""Whose money it is: a county sees its lines, but its city or the province has paid them."""

from typing import Any

import pytest

from chalicelib.kernel.principal import Role
from tests.accounts.test_separation import moved
from tests.settlement.ledger.test_ledger import repay, take_back
from tests.subsidies.scored import Money, scored_class
from tests.support.people import HEFEI_SCHOOL

COUNTY, DIRECT = "340111", "341882"


@pytest.fixture
def money(world: Any) -> Money:
    return Money(world)


@pytest.fixture
def paid(world: Any, money: Money) -> str:
    """Give a paid line of a county, paid by its city."""
    batch = money.sealed(scored_class(world, 2))
    money.pay(batch)
    return str(money.batch(batch)["lines"][0]["line_id"])


def paid_by_the_province(world: Any, money: Money) -> str:
    """Give a paid line of a directly administered county, which the province pays."""
    treasurer = moved("finance", Role.FINANCE, "34")
    money.budget(division="34", who=treasurer)  # type: ignore[arg-type]
    claim = money.claim(scored_class(world, 1, division=DIRECT))
    for name, role, verb in (("clerk", Role.CLERK, "review"), ("reviewer", Role.REVIEWER, "approve")):
        claim = money.ok(money.decide(moved(name, role, DIRECT), claim, verb))  # type: ignore[arg-type]
    money.wait()
    path = f"/v1/settlement-batches/{money.seal(who=treasurer)['id']}"  # type: ignore[arg-type]
    money.ok(money.api(moved("finance_two", Role.FINANCE, "34")).post(f"{path}/export", {}, at=money.now))
    line = money.ok(money.api(treasurer).get(path))["lines"][0]
    body = {"results": [money.result(line)]}
    assert money.ok(money.api(treasurer).post(f"{path}/results", body, at=money.now))["applied"] == 1
    return str(line["line_id"])


def test_a_county_reads_a_line_but_does_not_take_back_what_its_city_paid(money: Money, paid: str) -> None:
    path = f"/v1/claim-lines/{paid}"
    county = money.api(moved("supervisor", Role.FINANCE, COUNTY))
    shown = money.ok(county.get(path))
    assert (shown["status"], shown["allowed_actions"]) == ("paid", [])
    assert county.post(f"{path}/reverse", {"reason": "x"}, at=money.now).status == 404
    money.ok(money.api("finance").post(f"{path}/reverse", {"reason": "x"}, at=money.now))
    assert county.post(f"{path}/reverse/confirm", {}, at=money.now).status == 404
    assert money.ok(county.get(path))["allowed_actions"] == []
    money.ok(money.api("finance_two").post(f"{path}/reverse/confirm", {}, at=money.now))
    assert money.ok(county.get(path))["allowed_actions"] == []
    body = {"amount_fen": 1, "received_on": "2026-10-08", "bank_reference": "R1"}
    assert county.post(f"{path}/repayments", body, at=money.now).status == 404
    assert money.ok(repay(money, paid, 1))["allowed_actions"] == ["repay"]


def test_a_directly_administered_county_does_not_take_back_what_the_province_paid(
    world: Any, money: Money
) -> None:
    line_id = paid_by_the_province(world, money)
    path = f"/v1/claim-lines/{line_id}"
    county = money.api(moved("supervisor", Role.FINANCE, DIRECT))
    assert money.ok(county.get(path))["allowed_actions"] == []
    assert county.post(f"{path}/reverse", {"reason": "x"}, at=money.now).status == 404
    other = moved("finance_two", Role.FINANCE, "34")
    treasurer = money.api(moved("finance", Role.FINANCE, "34"))
    money.ok(treasurer.post(f"{path}/reverse", {"reason": "x"}, at=money.now))
    assert county.post(f"{path}/reverse/confirm", {}, at=money.now).status == 404
    done = money.ok(money.api(other).post(f"{path}/reverse/confirm", {}, at=money.now))
    assert done["status"] == "reversed"
    body = {"amount_fen": 1, "received_on": "2026-10-08", "bank_reference": "R1"}
    assert county.post(f"{path}/repayments", body, at=money.now).status == 404


def test_a_county_is_shown_the_accounts_of_its_institution_and_not_the_books_of_its_city(
    money: Money, paid: str
) -> None:
    take_back(money, paid)
    query = {"period": "2026", "institution": HEFEI_SCHOOL}
    city = money.ok(money.api("finance").get("/v1/statements", query))
    county = money.ok(money.api(moved("supervisor", Role.FINANCE, COUNTY)).get("/v1/statements", query))
    assert [account["kind"] for account in county["accounts"]] == ["institution", "receivable"]
    assert county["accounts"] == city["accounts"]
    assert county["books"] == []
    assert len(city["books"]) > 0
    assert money.api(moved("supervisor", Role.FINANCE, "340104")).get("/v1/statements", query).status == 404


def test_verifying_the_ledger_of_a_division_that_does_not_exist_is_malformed(money: Money) -> None:
    for division in ("9999", "x", COUNTY):
        answer = money.api("province").post("/v1/ledger/verify", {"division": division})
        assert (answer.status, answer.json["code"]) == (400, "unknown_division")
