"""Attacks on the account that is paid to: by a clerk alone, a finance officer alone, or both: none is paid to it.

Found by trying: the first reviewer put another account on the last day of publicity, and it was paid to.
"""

import csv
import io
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.catalogue.payees.store import PayeeAccountRow
from chalicelib.kernel.principal import Role
from tests.accounts.test_separation import moved
from tests.catalogue.payees.test_payees import PATH, PRIVATE, entry
from tests.settlement.batches.test_batches import file_of
from tests.subsidies.holds.test_stop_payment import let_go, states
from tests.subsidies.scored import Money, codes, scored_class
from tests.support.people import HEFEI_SCHOOL

ATTACK = {**PRIVATE, "reason": "更换账户"}


@pytest.fixture
def money(world: Any) -> Money:
    money = Money(world)
    money.budget()
    return money


def paid_to(money: Money, batch: Any) -> set[str]:
    rows = csv.DictReader(io.StringIO(file_of(money.export(batch)).decode()))
    return {row["account number"] for row in rows}


def own_number(world: Any) -> str:
    from infra.local.catalogue import INSTITUTIONS

    (number,) = (one["bank_account"]["number"] for one in INSTITUTIONS if one["uscc"] == HEFEI_SCHOOL)
    return str(number)


def school(money: Money) -> Any:
    return money.ok(money.api("clerk").get(PATH, at=money.now))


def propose(money: Money, who: Any = "clerk") -> Any:
    body = {**ATTACK, "version": school(money)["version"]}
    return money.ok(money.api(who).post(f"{PATH}/payee", body, at=money.now))


def confirm(money: Money, payee: Any, who: Any = "finance", number: str = ATTACK["number"]) -> Any:
    body = {"version": payee["version"], "reason": "已核", "number": number}
    return money.api(who).post(f"{PATH}/payee/{payee['id']}/confirm", body, at=money.now)


def last_day(money: Money, claim: Any) -> None:
    ends = claim["publicity_ends_on"]
    while money.now.date().isoformat() < ends:
        money.wait(1)


def test_another_account_put_by_the_first_reviewer_on_the_last_day_of_publicity_is_not_paid_to(
    world: Any, money: Money
) -> None:
    claim = money.publicised(scored_class(world, 2))
    last_day(money, claim)
    proposed = propose(money)
    assert proposed["warnings"][0]["code"] == "holder_differs"
    money.now += timedelta(days=1)
    batch = money.seal()
    assert batch["count"] == 2
    assert paid_to(money, batch) == {own_number(world)}


@pytest.mark.parametrize("way", ["payee", "entry", "sheet"])
def test_a_clerk_alone_changes_nothing_that_is_paid_by_any_way_in_any_post(
    world: Any, money: Money, way: str
) -> None:
    from tests.catalogue.imports.test_sheets import HEADERS, rows, send

    money.publicised(scored_class(world, 1))
    version = school(money)["version"]
    if way == "payee":
        propose(money)
    elif way == "entry":
        body = entry(world, version=version, bank_account=PRIVATE)
        money.ok(money.api("clerk").put(PATH, body, at=money.now))
    else:
        from chalicelib.sheets.content_types import CSV
        from chalicelib.sheets.writing import write_csv
        from infra.local.catalogue import INSTITUTIONS

        (found,) = (one for one in INSTITUTIONS if one["uscc"] == HEFEI_SCHOOL)
        sheet = write_csv(HEADERS, rows(world, [{**found, "bank_account": PRIVATE}]))
        answer = money.ok(send(money.api, "clerk", sheet, "institutions", content_type=CSV))
        assert {warning["code"] for warning in answer["warnings"]} >= {"payee_proposed", "holder_differs"}
    (proposed,) = school(money)["payees"]
    assert confirm(money, proposed, "clerk").json["code"] == "forbidden"
    assert confirm(money, proposed, moved("clerk", Role.FINANCE)).json["code"] == "self_approval"
    money.wait()
    assert paid_to(money, money.seal()) == {own_number(world)}


def test_a_finance_officer_alone_is_not_paid_to_either(world: Any, money: Money) -> None:
    money.publicised(scored_class(world, 1))
    body = {**ATTACK, "version": 1}
    assert money.api("finance").post(f"{PATH}/payee", body, at=money.now).json["code"] == "forbidden"
    proposed = propose(money)  # an innocent mistake of the clerk's, or an old one
    money.ok(confirm(money, proposed))
    money.wait()
    assert money.seal() is None, "it changed after the first review"
    (held,) = money.ok(money.api("finance").get("/v1/holds", at=money.now))["items"]
    assert (held["code"], held["evidence"], held["lifted_by"]) == (
        "payee_changed",
        proposed["id"],
        ["finance"],
    )
    own = let_go(money, held, who="finance")
    assert (own.status, own.json["code"]) == (403, "self_approval")
    assert money.seal() is None


def test_the_nightly_run_tells_finance_of_a_changed_account_once(world: Any, money: Money) -> None:
    import app

    claim = money.publicised(scored_class(world, 1))
    money.ok(confirm(money, propose(money)))
    money.wait()
    for _ in range(2):
        app.settle_subsidies({"now": money.now.isoformat()}, None)
        world.cloud.work("settlement", app.seal_settlement)
    (held,) = money.ok(money.api("finance_two").get("/v1/holds", at=money.now))["items"]
    assert (held["subject"], held["placed_by"]) == (
        {"kind": "claim", "id": claim["id"]},
        "system:seal_settlement",
    )
    (shown,) = money.read(claim)["lines"][0]["holds"]
    assert (shown["id"], shown["version"]) == (held["id"], held["version"])


def test_a_clerk_and_a_finance_officer_together_need_a_third_and_three_days(world: Any, money: Money) -> None:
    claim = money.publicised(scored_class(world, 1))
    proposed = propose(money)
    money.ok(confirm(money, proposed))
    money.now += timedelta(days=2, hours=23)
    assert school(money)["bank_account"]["id"] != proposed["id"]
    assert states(money, claim) == [("pending", [])]
    money.now += timedelta(hours=1)
    (shown,) = money.read(claim)["lines"][0]["holds"]
    assert (shown["code"], shown["released_by"]) == ("payee_changed", ["finance"])
    assert let_go(money, shown, who="supervisor").json["code"] == "forbidden"
    money.wait()
    assert money.seal() is None
    (shown,) = money.read(claim)["lines"][0]["holds"]
    assert let_go(money, shown, who=moved("clerk_two", Role.FINANCE, "3402")).status == 404
    money.ok(let_go(money, shown, who="finance_two"))
    assert codes(money.read(claim)["lines"][0]) == []
    assert paid_to(money, money.seal()) == {PRIVATE["number"]}


def test_an_account_that_changed_between_the_reviews_is_held_though_the_second_reviewer_saw_it(
    world: Any, money: Money
) -> None:
    claim = money.ok(money.decide("clerk", money.claim(scored_class(world, 1)), "review"))
    approved = school(money)["bank_account"]["id"]
    money.ok(confirm(money, propose(money)))
    money.wait(4)
    claim = money.ok(money.decide("reviewer", claim, "approve"))
    read = money.read(claim)
    assert (read["payee"]["id"], codes(read["lines"][0])) == (approved, ["payee_changed"])
    money.wait()
    assert money.seal() is None


def test_a_claim_that_is_reviewed_anew_is_approved_for_the_account_in_force_then(
    world: Any, money: Money
) -> None:
    class_id = scored_class(world, 1)
    claim = money.ok(money.decide("clerk", money.claim(class_id), "review"))
    proposed = propose(money)
    money.ok(confirm(money, proposed))
    money.wait(4)
    money.ok(money.decide("clerk", claim, "return", reason="补充材料"))
    again = money.publicised(class_id)
    assert money.read(again)["payee"]["id"] == proposed["id"]
    money.wait()
    assert paid_to(money, money.seal()) == {PRIVATE["number"]}


def test_what_is_sealed_is_paid_to_the_account_it_was_sealed_with(world: Any, money: Money) -> None:
    money.publicised(scored_class(world, 1))
    money.wait()
    batch = money.seal()
    money.ok(confirm(money, propose(money)))
    money.wait(4)
    assert paid_to(money, batch) == {own_number(world)}


def test_an_institution_without_a_confirmed_account_is_held_until_it_has_one(
    world: Any, money: Money
) -> None:
    from chalicelib.catalogue.payees.model import payee_id_of
    from chalicelib.catalogue.payees.store import PayeesRow

    PayeesRow(HEFEI_SCHOOL).delete()
    PayeeAccountRow(HEFEI_SCHOOL, payee_id_of(HEFEI_SCHOOL, 1)).delete()
    claim = money.publicised(scored_class(world, 1))
    assert states(money, claim) == [("held", ["payee_missing"])]
    money.ok(confirm(money, propose(money)))
    money.wait()
    assert money.seal() is None, "the first review saw no account"
    (held,) = money.ok(money.api("finance_two").get("/v1/holds", at=money.now))["items"]
    money.ok(let_go(money, held, who="finance_two"))
    assert paid_to(money, money.seal()) == {PRIVATE["number"]}


@pytest.mark.parametrize("number", range(1, 25, 2))
def test_an_account_confirmed_at_any_call_of_sealing_is_not_paid_to(
    world: Any, money: Money, number: int
) -> None:
    from tests.settlement.test_faults import before_each_call

    policy = {"version": 1, "policy": {"payee_wait_days": 0}}
    money.ok(money.api("province").post(f"/v1/programs/{world.program_id}/policy", policy, at=money.now))
    money.publicised(scored_class(world, 1))
    money.wait()
    proposed = propose(money)
    done: list[None] = []

    def act(call: int) -> None:
        if call == number and not done:
            done.append(None)
            money.ok(confirm(money, proposed))

    with before_each_call(act):
        batch = money.seal()
    assert batch is None or paid_to(money, batch) == {own_number(world)}
