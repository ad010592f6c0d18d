"""An institution that moves to another city takes its staff along; what it was paid stays where it was paid."""

from typing import Any

from chalicelib.accounts.guard import forget_statuses
from chalicelib.accounts.model import account_id_of
from chalicelib.accounts.store import AccountRow
from infra.local import catalogue
from tests.accounts.builders import make, refresh, sign_in
from tests.subsidies.scored import Money, scored_class
from tests.support.people import HEFEI_SCHOOL

WUHU = "340202"


def moved(world: Any, division: str = WUHU) -> Any:
    """Move the school of 合肥 by its own entry, as the province does; gives the answer."""
    (entry,) = [entry for entry in catalogue.INSTITUTIONS if entry["uscc"] == HEFEI_SCHOOL]
    path = f"/v1/institutions/{HEFEI_SCHOOL}"
    version = world.api("province").get(path).json["version"]
    body = {name: value for name, value in entry.items() if name != "uscc"}
    body |= {"division": division, "programs": [world.program_id], "version": version}
    answer = world.api("province").put(path, body)
    assert answer.status == 200, answer.text
    return answer


def division_of(name: str) -> str:
    return str(AccountRow.get(account_id_of(name)).division)


def test_staff_move_with_their_institution(world: Any, api: Any) -> None:
    make(api, "teacher", role="institution", division="340111", institution=HEFEI_SCHOOL)
    make(api, "clerk-there")
    before = sign_in(api, "teacher").json
    bearer = {"Authorization": f"Bearer {before['access_token']}"}
    assert api().get("/v1/me", headers=bearer).json["division"] == "340111"
    moved(world)
    assert (division_of("teacher"), division_of("clerk-there")) == (WUHU, "3401")
    forget_statuses()
    assert api().get("/v1/me", headers=bearer).status == 401
    after = refresh(api, before["refresh_token"]).json
    assert (after["division"], after["institution"]) == (WUHU, HEFEI_SCHOOL)
    version = int(AccountRow.get(account_id_of("teacher")).version)
    body = {"version": version, "reason": "离职"}
    path = f"/v1/accounts/{account_id_of('teacher')}/disable"
    assert api("clerk").post(path, body).status == 404, "the old city's bureau no longer"
    assert api("clerk_wuhu").post(path, body).status == 200


def test_the_same_entry_again_takes_along_whom_a_first_call_left(world: Any, api: Any) -> None:
    make(api, "teacher", role="institution", division="340111", institution=HEFEI_SCHOOL)
    moved(world)
    AccountRow(account_id_of("teacher")).update(actions=[AccountRow.division.set("340111")])
    moved(world)
    assert division_of("teacher") == WUHU


def test_what_was_paid_stays_with_the_old_city(world: Any, api: Any) -> None:
    money = Money(world)
    batch = money.sealed(scored_class(world, 2))
    money.pay(batch)
    month = money.now.strftime("%Y-%m")
    statement = "/v1/statements"
    before = money.ok(api("finance").get(statement, {"period": month}, at=money.now))
    forget_statuses()
    moved(world)
    after = money.ok(api("finance").get(statement, {"period": month}, at=money.now))
    assert after == before
    assert any(line["institution"] == HEFEI_SCHOOL for line in after["accounts"])
    there = money.ok(api("finance_wuhu").get(statement, {"period": month}, at=money.now))
    assert all(line["institution"] != HEFEI_SCHOOL for line in there["accounts"])
    assert money.batch(batch)["division"] == "3401"
    assert money.balance()["debit_fen"] == money.balance()["credit_fen"] > 0
