"""What is never taken is given up and listed; a program that takes nothing for days is stopped, once."""

from datetime import datetime, timedelta
from typing import Any

import app
from chalicelib.exchange import jobs, service
from chalicelib.exchange import store as deliveries
from chalicelib.exchange.webhooks import store
from chalicelib.exchange.webhooks.boxes import STOP_AFTER
from chalicelib.exchange.webhooks.model import subject_for
from tests.exchange.webhooks.builders import SECOND, box_of, context, moved, sent, told, told_program
from tests.support.pages import Visitor
from tests.support.receiver import FakeReceiver

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def approved(thing: str, at: datetime) -> Any:
    return moved(thing, 3, "submitted", "approved", at=at)


def waiting(api: Any, who: str, at: datetime) -> list[dict[str, Any]]:
    answer = api(who).get("/v1/waiting", query={"kind": "webhook"}, at=at)
    assert answer.status == 200, answer.text
    return list(answer.json["items"])


def state(program: str, thing: str, number: int = 1) -> str:
    found = deliveries.find(subject_for(program, thing), number)
    assert found is not None
    return found.state.value


def failing_for_days(program: str, receiver: FakeReceiver, since: datetime, span: timedelta) -> datetime:
    at = since
    while at < since + span:
        sent(at)
        at += 2 * HOUR
    return at


def stopped(world: Any, api: Any, receiver: FakeReceiver) -> tuple[str, datetime]:
    program = told_program(api)
    receiver.always = 503
    for number in range(30):
        told(world.now, approved(f"cls_{number:04}", world.now))
    at = failing_for_days(program, receiver, world.now, STOP_AFTER + DAY)
    assert box_of(program).state == "dead"
    return program, at


def test_a_program_that_takes_nothing_for_days_is_stopped_once_and_told_to_its_owner(
    world: Any, api: Any, receiver: FakeReceiver
) -> None:
    program, at = stopped(world, api, receiver)
    asked = receiver.asked
    assert asked <= 3 * 24 * 6, "three messages a try, whatever waits"
    sent(at + HOUR)
    told(at + HOUR, approved("cls_new", at + HOUR))
    sent(at + 2 * HOUR)
    assert receiver.asked == asked, "it is left alone"
    (item,) = waiting(api, "institution", at + 3 * HOUR)
    assert (item["kind"], item["subject"], item["allowed_actions"]) == ("webhook", program, ["redrive"])
    assert waiting(api, "clerk", at + 3 * HOUR) == []
    shown = api("institution").get(f"/v1/clients/{program}/webhook", at=at).json
    assert (shown["status"], shown["failure"]) == ("stopped", "status_503")
    receiver.always = 200
    done = api("institution").post(
        f"/v1/clients/{program}/webhook/redrive", {"reason": "服务器已恢复"}, at=at + 3 * HOUR
    )
    assert (done.status, done.json["resumed"]) == (200, True), done.text
    sent(at + 3 * HOUR + SECOND)
    for hours in range(1, 9):
        sent(at + 3 * HOUR + hours * HOUR)
    assert len({message["data"]["id"] for message in receiver.taken}) == 31
    assert len(receiver.taken) == 31
    assert waiting(api, "institution", at + DAY) == []
    store.tidy_stopped("3401", at + DAY)
    assert waiting(api, "institution", at + DAY) == []


def test_the_in_tray_leads_to_the_webhook_and_its_page_sends_again(
    world: Any, api: Any, receiver: FakeReceiver
) -> None:
    program, at = stopped(world, api, receiver)
    school = Visitor(api, "institution", at=at + HOUR)
    link = next(link for link in school.get("/console").links if f"webhook={program}" in link)
    page = school.get(f"/console/{link.partition('console/')[2]}")
    assert "已停止" in page.text
    assert "status_503" in page.text
    receiver.always = 200
    done = school.press(page, "webhook.redrive", words="服务器已恢复")
    assert done.status == 200, done.text
    assert box_of(program).state != "dead"
    assert waiting(api, "institution", at + DAY) == []


def test_a_bureaus_stopped_program_is_told_to_the_bureau(
    world: Any, api: Any, receiver: FakeReceiver
) -> None:
    program = told_program(api, "大屏", who="clerk", by="supervisor", role="supervisor")
    receiver.always = 500
    told(world.now, approved("cls_a", world.now))
    at = failing_for_days(program, receiver, world.now, STOP_AFTER + DAY)
    (item,) = waiting(api, "clerk", at)
    assert (item["subject"], item["institution"]) == (program, None)
    assert waiting(api, "institution", at) == []


def test_one_message_that_is_never_taken_is_given_up_and_what_follows_goes_on(
    world: Any, api: Any, receiver: FakeReceiver
) -> None:
    program = told_program(api)
    receiver.refused = {"cls_bad"}
    told(world.now, moved("cls_bad", 3, "submitted", "returned", at=world.now))
    told(world.now, moved("cls_bad", 5, "submitted", "approved", at=world.now))
    at = world.now
    for number in range(9 * 12):
        at = world.now + number * 2 * HOUR
        told(at, approved(f"cls_{number:04}", at))
        sent(at)
        if state(program, "cls_bad") == "dead":
            break
    assert at - world.now >= timedelta(days=7)
    assert state(program, "cls_bad", 2) in ("pending", "sent"), "what comes after it goes on"
    assert len(receiver.taken) >= 80, "nothing else waited for it"
    listed = (
        api("institution")
        .get(f"/v1/clients/{program}/webhook/deliveries", query={"state": "dead"}, at=at)
        .json["items"]
    )
    assert [(one["thing"], one["event"], one["failure"]) for one in listed] == [
        ("cls_bad", "class.returned", "status_500")
    ]
    receiver.refused = set()
    path = f"/v1/clients/{program}/webhook/redrive"
    unknown = api("institution").post(path, {"reason": "重发", "message_id": "msg_x-whk1"}, at=at)
    assert unknown.status == 404
    body = {"reason": "重发", "message_id": listed[0]["message_id"]}
    once = api("institution").post(path, body, at=at)
    assert (once.status, once.json) == (200, {"redriven": 1, "more": False, "resumed": False})
    twice = api("institution").post(path, body, at=at)
    assert (twice.status, twice.json["code"]) == (409, "wrong_state")
    for hours in range(1, 9):
        sent(at + hours * HOUR)
    assert [m["type"] for m in receiver.taken if m["data"]["id"] == "cls_bad"].count("class.returned") == 1
    assert state(program, "cls_bad") == state(program, "cls_bad", 2) == "acknowledged"


def test_all_that_was_given_up_is_sent_again_by_one_call_and_the_decision_is_audited(
    world: Any, api: Any, receiver: FakeReceiver
) -> None:
    from chalicelib.accounts.refusals.store import RefusedAttemptRow
    from chalicelib.kernel.principal import change_of

    program = told_program(api)
    receiver.always = 500
    for number in range(3):
        told(world.now, approved(f"cls_{number}", world.now))
    sent(world.now)
    for number in range(3):
        waits = deliveries.find(subject_for(program, f"cls_{number}"), 1)
        assert waits is not None
        held = deliveries.hand_over(
            waits, now=world.now + DAY, change=change_of(context(world.now), "exchange.deliver")
        )
        assert held is not None
        deliveries.give_up(
            held,
            failure="status_500",
            now=world.now,
            change=change_of(context(world.now), "exchange.deliver"),
        )
    receiver.always = 200
    done = api("institution").post(
        f"/v1/clients/{program}/webhook/redrive", {"reason": "修复了程序"}, at=world.now
    )
    assert (done.status, done.json["redriven"]) == (200, 3), done.text
    sent(world.now + HOUR)
    assert len(receiver.taken) == 3
    kept = [row.record for row in RefusedAttemptRow.query(program) if row.code == "decided"]
    assert [(one.last_change.action, one.last_change.reason) for one in kept if one.last_change] == [
        ("client.redrive", "修复了程序")
    ]


def test_a_slow_program_holds_up_neither_the_platform_nor_another_program(
    world: Any, api: Any, receiver: FakeReceiver
) -> None:
    told_program(api)
    receiver.always = 500
    told(world.now, approved("cls_a", world.now))
    assert service.list_deliveries  # the platform's own lists stay as they are
    assert jobs.reconcile_exchange({}, context(world.now))["waiting"] == 0
    assert receiver.asked == 1, "its box was worked on after the platform's"


def test_a_worker_that_died_loses_nothing(world: Any, api: Any, receiver: FakeReceiver) -> None:
    program = told_program(api)
    told(world.now, approved("cls_a", world.now))
    from chalicelib.kernel.principal import change_of

    assert store.take(program, world.now, change_of(context(world.now), "webhook.deliver")) is not None
    assert sent(world.now) == 0, "another worker has it"
    sent(world.now + HOUR)
    assert len(receiver.taken) == 1


def test_what_comes_while_a_box_is_about_to_sleep_wakes_it(
    world: Any, api: Any, receiver: FakeReceiver
) -> None:
    from chalicelib.kernel.principal import change_of

    program = told_program(api)
    told(world.now, approved("cls_a", world.now))
    sent(world.now)
    later = world.now + 10 * timedelta(minutes=1)
    change = change_of(context(later), "webhook.deliver")
    box = store.take(program, later, change)
    assert box is not None
    told(later, approved("cls_b", later))
    store.sleep(box, change)
    assert box_of(program).state == "pending"
    sent(later + HOUR)
    assert [message["data"]["id"] for message in receiver.taken] == ["cls_a", "cls_b"]


def test_the_queue_has_a_box_worked_on_at_once(world: Any, api: Any, receiver: FakeReceiver) -> None:
    told_program(api)
    told(world.now, approved("cls_a", world.now))
    assert world.cloud.work("reminders", app.remind_shard) >= 1
    assert len(receiver.taken) == 1
