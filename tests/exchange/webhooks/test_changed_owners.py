"""A program that moves, ends or gets fewer rights: what was stopped or waits for it follows that."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from chalicelib.accounts.clients import store as clients
from chalicelib.accounts.service import take_along
from chalicelib.exchange import store as deliveries
from chalicelib.exchange.webhooks import store
from chalicelib.exchange.webhooks.model import subject_for
from chalicelib.kernel.principal import change_of
from tests.catalogue.payees.test_payees import entry
from tests.exchange.webhooks.builders import (
    EVENTS,
    SECOND,
    box_of,
    context,
    hook,
    moved,
    sent,
    told,
    told_program,
)
from tests.support.people import HEFEI_SCHOOL
from tests.support.receiver import FakeReceiver

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
WUHU = "340202"


def approved(thing: str, at: datetime, version: int = 3) -> Any:
    return moved(thing, version, "submitted", "approved", at=at)


def in_tray(api: Any, who: str, at: datetime) -> list[str]:
    answer = api(who).get("/v1/waiting", query={"kind": "webhook"}, at=at)
    assert answer.status == 200, answer.text
    return [item["subject"] for item in answer.json["items"]]


def stopped(api: Any, receiver: FakeReceiver, since: datetime, **more: Any) -> tuple[str, datetime]:
    program = told_program(api, **more)
    receiver.always = 503
    told(since, approved("cls_a", since))
    at = since
    while box_of(program).state != "dead":
        sent(at)
        at += 2 * HOUR
    return program, at


def move_school(world: Any, api: Any, division: str = WUHU) -> None:
    version = api("province").get(f"/v1/institutions/{HEFEI_SCHOOL}").json["version"]
    change = entry(world, division=division, version=version)
    done = api("province").put(f"/v1/institutions/{HEFEI_SCHOOL}", change)
    assert done.status == 200, done.text


def test_what_is_stopped_follows_its_school_to_another_city(
    world: Any, api: Any, receiver: FakeReceiver
) -> None:
    program, at = stopped(api, receiver, world.now)
    assert in_tray(api, "institution", at) == [program]
    move_school(world, api)
    assert in_tray(api, "institution", at) == [program], "at once"
    store.tidy_stopped("3401", at)
    store.tidy_stopped("3402", at)
    assert in_tray(api, "institution", at) == [program], "and after a night"
    path = f"/v1/clients/{program}/webhook/redrive"
    assert api("institution").post(path, {"reason": "已修复"}, at=at).json["resumed"] is True
    assert in_tray(api, "institution", at) == []


def test_what_stops_after_its_school_moved_stands_where_it_is_now(
    world: Any, api: Any, receiver: FakeReceiver
) -> None:
    told_program(api)
    told(world.now, approved("cls_0", world.now))
    sent(world.now)
    move_school(world, api)
    store.tidy_stopped("3402", world.now)
    program, at = stopped(api, receiver, world.now + HOUR, name="另一个", by="clerk_wuhu")
    assert in_tray(api, "institution", at)[-1] == program
    assert box_of(program).division == WUHU


def test_a_box_of_before_the_move_stops_in_the_city_of_now(
    world: Any, api: Any, receiver: FakeReceiver
) -> None:
    program = told_program(api)
    receiver.always = 503
    told(world.now, approved("cls_a", world.now))
    sent(world.now)
    move_school(world, api)
    at = world.now
    while box_of(program).state != "dead":
        at += 2 * HOUR
        sent(at)
    assert in_tray(api, "institution", at) == [program]


def test_a_night_finds_what_was_stopped_where_its_school_no_longer_is(
    world: Any, api: Any, receiver: FakeReceiver
) -> None:
    """As those stand that moved before lists went along."""
    program, at = stopped(api, receiver, world.now)
    move_school(world, api)
    for one in store.short_lists([store.stopped_webhooks_in("3402")]):
        store.take_off(one, one.things)
    assert in_tray(api, "institution", at) == []
    store.tidy_stopped("3401", at)
    assert in_tray(api, "institution", at) == [program]


def test_who_moves_while_it_is_stopped_is_stopped_with_the_next_try(
    world: Any, api: Any, receiver: FakeReceiver
) -> None:
    program = told_program(api)
    told(world.now, approved("cls_a", world.now))
    before = clients.find(program)
    assert before is not None
    change = change_of(context(world.now), "webhook.deliver")
    box = store.take(program, world.now, change)
    assert box is not None
    take_along(context(world.now), HEFEI_SCHOOL, WUHU)
    store.stop(box, before, failing="status_503", now=world.now, change=change)
    assert box_of(program).state == "pending"
    after = clients.find(program)
    assert after is not None
    store.stop(box, after, failing="status_503", now=world.now, change=change)
    assert (box_of(program).state, box_of(program).division) == ("dead", WUHU)


def test_a_program_that_is_over_stands_in_no_in_tray_and_is_back_once_it_is_confirmed_anew(
    world: Any, api: Any, receiver: FakeReceiver
) -> None:
    program, at = stopped(api, receiver, world.now)
    gone = api("institution").post(f"/v1/clients/{program}/revoke", {"version": 2, "reason": "停用"}, at=at)
    assert gone.status == 200, gone.text
    assert in_tray(api, "institution", at) == []
    store.tidy_stopped("3401", at)
    assert told_program(api) == program
    assert in_tray(api, "institution", world.now + 6 * DAY) == [program], "its box is stopped still"


def test_one_whose_credential_ran_out_stands_in_no_in_tray(
    world: Any, api: Any, receiver: FakeReceiver
) -> None:
    program, at = stopped(api, receiver, world.now)
    assert in_tray(api, "institution", at + 200 * DAY) == []
    assert in_tray(api, "institution", at) == [program]


@pytest.mark.parametrize(
    "narrower",
    [
        {"scopes": ["claim_line.read"], "webhook": hook("claim_line.paid", "institution.suspended")},
        {"webhook": hook("class.returned")},
    ],
)
def test_what_waited_is_not_sent_to_who_may_not_have_it_any_more(
    world: Any, api: Any, receiver: FakeReceiver, narrower: dict[str, Any]
) -> None:
    program = told_program(api)
    told(world.now, approved("cls_a", world.now))
    gone = api("institution").post(f"/v1/clients/{program}/revoke", {"version": 2, "reason": "停用"})
    assert gone.status == 200, gone.text
    anew(api, narrower)
    sent(world.now)
    assert receiver.asked == 0
    waits = deliveries.find(subject_for(program, "cls_a"), 1)
    assert waits is not None
    assert (waits.state, waits.failure) == ("dead", "not_given")
    assert box_of(program).attempts == 0, "nobody was away"
    path = f"/v1/clients/{program}/webhook/redrive"
    assert api("institution").post(path, {"reason": "再试"}, at=world.now).status == 200
    sent(world.now + 3 * HOUR)
    assert receiver.asked == 0, "asking again gives no right"


def test_what_comes_after_it_goes_on(world: Any, api: Any, receiver: FakeReceiver) -> None:
    program = told_program(api)
    told(world.now, approved("cls_a", world.now))
    told(world.now, moved("cls_a", 4, "approved", "returned", at=world.now + SECOND))
    told(world.now, moved("cls_b", 4, "submitted", "returned", at=world.now + SECOND))
    states = [one.event for one in deliveries.deliveries_of(subject_for(program, "cls_a"))]
    gone = api("institution").post(f"/v1/clients/{program}/revoke", {"version": 2, "reason": "停用"})
    assert gone.status == 200, gone.text
    anew(api, {"webhook": hook("class.returned")})
    sent(world.now + SECOND)
    sent(world.now + HOUR)
    wanted = [event for event in states if event == "class.returned"] + ["class.returned"]
    assert [message["type"] for message in receiver.taken] == wanted
    assert EVENTS[0] not in {message["type"] for message in receiver.taken}


def anew(api: Any, wish: dict[str, Any]) -> None:
    """Ask for the program anew, as its owner wants it now, and confirm it."""
    from tests.accounts.clients.builders import Program
    from tests.exchange.webhooks.builders import SCOPES

    asked = api("institution").post(
        "/v1/clients", Program(name="教务系统").wish(wish.get("scopes", SCOPES), webhook=wish["webhook"])
    )
    assert asked.status == 201, asked.text
    path = f"/v1/clients/{asked.json['id']}/confirm"
    assert api("clerk").post(path, {"version": asked.json["version"]}).status == 200
