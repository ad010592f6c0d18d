"""Accounts that wait and programs stand in short lists, which cost a page no call and lose nothing."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chalicelib.accounts.store import AccountRow
from chalicelib.accounts.tidying import tidy_short_lists
from chalicelib.aws.short_lists import ShortListRow, listing, short_lists, take_off
from chalicelib.aws.writes import transact
from chalicelib.kernel.divisions import PROVINCE, groups_below
from chalicelib.kernel.principal import Context, change_of
from chalicelib.supervision.waiting.overseen import keep_overseen, kept_in
from tests.accounts.builders import ask_for, confirm
from tests.accounts.clients.builders import Program, asked, confirmed
from tests.supervision.found_night import SYSTEM


def waiting_for(world: Any, who: str, *, at: Any = None) -> list[str]:
    answer = world.api(who).get("/v1/waiting", at=at or world.now)
    assert answer.status == 200, answer.text
    return [item["subject"] for item in answer.json["items"] if item["kind"] in ("account", "client")]


def on_list(name: str) -> set[str]:
    return {thing for one in short_lists([name]) for thing in one.things}


def night(world: Any) -> None:
    for group in groups_below(PROVINCE):
        keep_overseen(group, world.now)


def test_what_is_proposed_is_found_by_its_short_list_alone(
    world: Any, api: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    night(world)
    program = Program()
    asked(api, program, at=world.now)
    monkeypatch.setattr(AccountRow.by_proposal, "query", lambda *_: pytest.fail("no list is queried"))
    assert waiting_for(world, "clerk") == [program.id]
    assert waiting_for(world, "province") == [program.id]
    assert waiting_for(world, "clerk_wuhu") == []


def test_who_decides_takes_it_out_of_the_in_tray_and_the_night_off_the_list(world: Any, api: Any) -> None:
    night(world)
    wanted = ask_for(world.api, "ke-yuan", role="finance").json
    assert wanted["status"] == "proposed", wanted
    assert waiting_for(world, "province", at=datetime.now(UTC)) == [wanted["id"]]
    assert confirm(world.api, wanted).status == 200
    assert on_list("account#3401") == {wanted["id"]}, "a list names what may wait"
    assert waiting_for(world, "province", at=datetime.now(UTC)) == []
    assert tidy_short_lists("3401", world.now)
    assert on_list("account#3401") == set()


def test_what_was_proposed_before_there_were_short_lists_is_found(world: Any, api: Any) -> None:
    program = Program()
    asked(api, program, at=world.now)
    for name in ("account#3401", "client#3401"):
        ShortListRow(name).delete()
    assert waiting_for(world, "clerk") == [program.id], "before any night"
    night(world)
    assert kept_in("3401", world.now).spread == {"account"}
    assert waiting_for(world, "clerk") == [program.id], "and after it"
    listed = world.api("clerk").get("/v1/clients", at=world.now).json["items"]
    assert [one["id"] for one in listed] == [program.id], "the night lists programs of before"


def test_what_is_proposed_while_the_night_tidies_stays_on_the_list(world: Any) -> None:
    change = change_of(Context(principal=SYSTEM, now=world.now, request_id="req_test"), "account.request")
    transact([listing("account#3401", "acc_old", at=world.now)], change=change)
    (as_read,) = short_lists(["account#3401"])
    meanwhile = world.now + timedelta(seconds=1)
    transact([listing("account#3401", "acc_old", at=meanwhile)], change=change)
    take_off(as_read, {"acc_old"})
    assert on_list("account#3401") == {"acc_old"}
    take_off(short_lists(["account#3401"])[0], {"acc_old"})
    assert on_list("account#3401") == set()


def test_a_page_of_programs_is_full_whatever_county_they_are_of(world: Any, api: Any) -> None:
    school, bureau = Program(), Program(name="部门大屏")
    confirmed(api, school)
    asked(api, bureau, who="clerk", scopes=["class.read"], role="finance", at=world.now)
    both = sorted([school.id, bureau.id])
    for who in ("province", "clerk"):
        page = world.api(who).get("/v1/clients", at=world.now).json
        assert (sorted(one["id"] for one in page["items"]), page["next"]) == (both, None)
    first = world.api("province").get("/v1/clients?limit=1", at=world.now).json
    rest = world.api("province").get("/v1/clients", {"limit": 1, "cursor": first["next"]}, at=world.now).json
    assert sorted(one["id"] for page in (first, rest) for one in page["items"]) == both
    assert rest["next"] is None


def test_what_an_index_does_not_tell_yet_is_not_taken_off_by_the_night(
    world: Any, api: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Indexes lag: what has just been proposed stands on its lists before it stands in them."""
    program = Program()
    asked(api, program, at=world.now)
    both = {name: on_list(name) for name in ("account#3401", "client#3401")}
    assert all(both.values())
    with monkeypatch.context() as lagging:
        for index in (AccountRow.by_proposal, AccountRow.by_division):
            lagging.setattr(index, "query", lambda *_: iter(()))
        assert tidy_short_lists("3401", world.now)
    assert {name: on_list(name) for name in both} == both
    assert waiting_for(world, "clerk") == [program.id]


def test_what_was_taken_off_is_put_back_by_the_next_night(world: Any, api: Any) -> None:
    program = Program()
    asked(api, program, at=world.now)
    before = {name: on_list(name) for name in ("account#3401", "client#3401")}
    for name in before:
        take_off(short_lists([name])[0], on_list(name))
        assert on_list(name) == set()
    assert not tidy_short_lists("3401", world.now), "this night found what was on no list"
    assert {name: on_list(name) for name in before} == before
    assert tidy_short_lists("3401", world.now)


def test_the_night_reads_a_list_before_it_looks_at_what_waits(
    world: Any, api: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is proposed between the two reads is on the list that is left, whatever the night saw."""
    first, second = Program(), Program(name="部门大屏")
    asked(api, first, at=world.now)
    found = AccountRow.find_many

    def find_and_propose(keys: Any) -> Any:
        accounts = found(keys)
        monkeypatch.setattr(AccountRow, "find_many", found)
        asked(api, second, at=world.now + timedelta(seconds=1))
        return accounts

    monkeypatch.setattr(AccountRow, "find_many", find_and_propose)
    tidy_short_lists("3401", world.now)
    assert on_list("account#3401") == {first.id, second.id}
    assert {place.partition("#")[2] for place in on_list("client#3401")} == {first.id, second.id}


def test_what_left_its_place_is_taken_off_the_list_of_programs(world: Any, api: Any) -> None:
    program = Program()
    asked(api, program, at=world.now)
    change = change_of(Context(principal=SYSTEM, now=world.now, request_id="req_test"), "account.request")
    stays = on_list("client#3401")
    for place in ("340111#acc_gone", f"340102#{program.id}"):
        transact([listing("client#3401", place, at=world.now)], change=change)
    tidy_short_lists("3401", world.now)
    assert on_list("client#3401") == stays
