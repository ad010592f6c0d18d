"""Statements of an institution that moved to another division: its history stays where it was paid."""

from typing import Any

import pytest

from chalicelib.kernel.principal import Role
from tests.accounts.test_separation import moved
from tests.settlement.ledger.test_ledger import FEN, take_back
from tests.subsidies.scored import Money, scored_class
from tests.support.people import HEFEI_OTHER, HEFEI_SCHOOL, WUHU_SCHOOL

KINDS = ["institution", "receivable"]


@pytest.fixture
def money(world: Any) -> Money:
    """Pay a school in Hefei, take one payment back, then move the school to Wuhu."""
    money = Money(world)
    batch = money.sealed(scored_class(world, 2))
    money.pay(batch)
    take_back(money, money.batch(batch)["lines"][0]["line_id"])
    move(money, "340202")
    return money


def move(money: Money, division: str) -> None:
    path = f"/v1/institutions/{HEFEI_SCHOOL}"
    shown = money.ok(money.api("province").get(path))
    names = ("name", "address", "phone", "location", "programs", "projects", "version")
    account = {"holder": "学校", "bank": "银行", "number": "6222020000000009993"}
    body = {name: shown[name] for name in names} | {"division": division, "bank_account": account}
    money.ok(money.api("province").put(path, body, at=money.now))


def statement(money: Money, who: Any, **query: str) -> Any:
    return money.api(who).get("/v1/statements", {"period": "2026"} | query, at=money.now)


def paid_in_wuhu(world: Any, money: Money) -> None:
    money.budget(division="3402", who="finance_wuhu")
    claim = money.claim(scored_class(world, 1, division="340202"))
    claim = money.ok(money.decide("clerk_wuhu", claim, "review"))
    money.ok(money.decide("reviewer_wuhu", claim, "approve"))
    money.wait()
    batch = money.seal(who="finance_wuhu")
    path = f"/v1/settlement-batches/{batch['id']}"
    other = moved("supervisor_wuhu", Role.FINANCE, "3402")  # who had the file enters no results
    money.ok(money.api(other).post(f"{path}/export", {}, at=money.now))
    lines = money.ok(money.api("finance_wuhu").get(path))["lines"]
    money.ok(money.send(batch, [money.result(line) for line in lines], who="finance_wuhu"))


def test_it_sees_the_accounts_of_every_division_that_ever_paid_it(world: Any, money: Money) -> None:
    shown = money.ok(statement(money, "institution"))
    assert [account["id"] for account in shown["accounts"]] == [
        f"{kind}.3401.{HEFEI_SCHOOL}" for kind in KINDS
    ]
    assert (shown["division"], shown["books"], shown["paid_fen"]) == ("3402", [], FEN)
    paid_in_wuhu(world, money)
    shown = money.ok(statement(money, "institution", institution=HEFEI_SCHOOL))
    assert [account["id"] for account in shown["accounts"]] == [
        *[f"{kind}.3401.{HEFEI_SCHOOL}" for kind in KINDS],
        f"institution.3402.{HEFEI_SCHOOL}",
    ]
    assert shown["paid_fen"] == 2 * FEN
    text = statement(money, "institution", format="csv").text
    assert "拨付补贴(合肥市)" in text
    assert ",拨付补贴," in text
    assert statement(money, "institution", institution=HEFEI_OTHER).status == 404


def test_the_bureau_that_paid_it_sees_its_accounts_after_it_moved_away(world: Any, money: Money) -> None:
    paid_in_wuhu(world, money)
    both = {"institution": HEFEI_SCHOOL, "division": "3401"}
    for query in (both, {"institution": HEFEI_SCHOOL}):
        shown = money.ok(statement(money, "finance", **query))
        assert shown["division"] == "3401"
        assert [account["id"] for account in shown["accounts"]] == [
            f"{kind}.3401.{HEFEI_SCHOOL}" for kind in KINDS
        ]
        assert len(shown["books"]) > 0
    here = money.ok(statement(money, "finance_wuhu", institution=HEFEI_SCHOOL, division="3402"))
    assert [account["id"] for account in here["accounts"]] == [f"institution.3402.{HEFEI_SCHOOL}"]
    assert len(money.ok(statement(money, "province", institution=HEFEI_SCHOOL))["accounts"]) == 3
    assert len(money.ok(statement(money, "province", **both))["accounts"]) == 2


def test_nobody_sees_accounts_of_another_area_or_of_an_institution_never_paid_there(money: Money) -> None:
    assert statement(money, "finance_wuhu", institution=HEFEI_SCHOOL, division="3401").status == 404
    assert statement(money, "finance", institution=HEFEI_SCHOOL, division="3402").status == 404
    assert statement(money, "finance", institution=WUHU_SCHOOL, division="3401").status == 404
    assert statement(money, "finance", institution="9134XXXXXXXXXXXXXX", division="3401").status == 404
    assert money.ok(statement(money, "finance", institution=HEFEI_OTHER))["accounts"] == []
    county = moved("supervisor", Role.FINANCE, "340111")
    assert statement(money, county, institution=HEFEI_SCHOOL).status == 404
    move(money, "340111")
    for query in ({}, {"division": "340111"}):
        shown = money.ok(statement(money, county, institution=HEFEI_SCHOOL, **query))
        assert ([account["kind"] for account in shown["accounts"]], shown["books"]) == (KINDS, [])
    assert statement(money, county, institution=HEFEI_SCHOOL, division="3401").status == 404


def test_the_accounts_of_an_institution_are_looked_for_once_in_each_ledger(money: Money) -> None:
    from tests.settlement.test_faults import before_each_call

    school = money.api("institution")
    school.get("/v1/statements", {"period": "2026"}, at=money.now)
    with before_each_call(lambda _: None) as calls:
        money.ok(school.get("/v1/statements", {"period": "2026"}, at=money.now))
    assert calls[0] <= 17 + 2 + 3, "17 ledgers, twice more where it was paid and owed, and its own row"
