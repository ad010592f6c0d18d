"""A program is told what happens to what is its owner's: in order, signed, at least once, and nobody else is."""

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

import app
from chalicelib.classes.store import ClassRow
from chalicelib.exchange import store as deliveries
from chalicelib.exchange.model import DeliveryState
from chalicelib.exchange.webhooks import store, telling
from chalicelib.exchange.webhooks.model import subject_for
from chalicelib.kernel.errors import Unavailable
from chalicelib.kernel.reasons import error
from tests.classes.builders import Classroom
from tests.exchange.webhooks.builders import (
    EVENTS,
    SECOND,
    URL,
    context,
    hook,
    moved,
    sent,
    told,
    told_program,
)
from tests.support.docs_example import webhook_example
from tests.support.figures import values_of
from tests.support.people import HEFEI_OTHER, HEFEI_SCHOOL
from tests.support.receiver import FakeReceiver
from tests.support.streams import Taps, stream_event

DAY = timedelta(days=1)


def states(program: str, thing: str = "cls_aaaa") -> list[str]:
    return [one.state.value for one in deliveries.deliveries_of(subject_for(program, thing))]


def listed(api: Any, program: str, state: str, *, who: str = "institution") -> list[dict[str, Any]]:
    answer = api(who).get(f"/v1/clients/{program}/webhook/deliveries", query={"state": state})
    assert answer.status == 200, answer.text
    return list(answer.json["items"])


def test_an_approved_class_is_told_from_the_stream_to_the_server(
    world: Any, api: Any, receiver: FakeReceiver
) -> None:
    program = told_program(api)
    taps = Taps([ClassRow])
    try:
        room = Classroom(world).approved()
        app.record_audit(stream_event(*taps.records()), None)
        world.cloud.work("reminders", app.remind_shard)
    finally:
        taps.close()
    (message,) = receiver.taken
    assert message["type"] == "class.approved"
    assert message["data"]["id"] == room.id
    assert message["data"]["institution"] == HEFEI_SCHOOL
    assert message["client_id"] == program, "who is handed another's message can tell"
    assert set(message["data"]) == {"id", "version", "institution", "division"}, "and nothing of anybody"
    assert message["path"] == "/vouchers"
    (shown,) = listed(api, program, "acknowledged")
    assert (shown["event"], shown["thing"]) == ("class.approved", room.id)


def test_whoever_reads_it_verifies_the_signature_by_the_published_key(
    world: Any, api: Any, receiver: FakeReceiver
) -> None:
    told_program(api)
    told(world.now, moved("cls_aaaa", 3, "submitted", "approved", at=world.now))
    sent(world.now)
    (message,) = receiver.taken
    headers = {name.lower(): value for name, value in message["headers"].items()}
    answer = api().get("/v1/webhook-keys")
    assert answer.status == 200, answer.text
    (key,) = answer.json["keys"]
    assert (key["kty"], key["crv"]) == ("OKP", "Ed25519")
    raw = base64.b64decode(key["whpk"].removeprefix("whpk_"))
    assert base64.urlsafe_b64encode(raw).decode().rstrip("=") == key["x"]
    version, _, signature = headers["webhook-signature"].partition(",")
    assert version == "v1a"
    content = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + message["raw"]
    known = Ed25519PublicKey.from_public_bytes(raw)
    known.verify(base64.b64decode(signature), content)
    assert abs(datetime.now(UTC).timestamp() - int(headers["webhook-timestamp"])) < 60
    try:
        known.verify(base64.b64decode(signature), content.replace(b"approved", b"returned"))
    except InvalidSignature:
        return
    raise AssertionError("a changed body was let pass")


def test_the_example_of_docs_verifies_what_is_really_sent_and_it_is_as_described(
    world: Any, api: Any, receiver: FakeReceiver
) -> None:
    program = told_program(api)
    told(world.now, moved("cls_aaaa", 3, "submitted", "approved", at=world.now))
    sent(world.now)
    (message,) = receiver.taken
    verified = webhook_example(api().get("/docs").text)["verified"]
    keys = api().get("/v1/webhook-keys").json["keys"]
    headers = {name.lower(): value for name, value in message["headers"].items()}
    read = verified(keys, headers, message["raw"], program)
    assert (read["type"], read["data"]["id"]) == ("class.approved", "cls_aaaa")
    with pytest.raises(ValueError, match="another program"):
        verified(keys, headers, message["raw"], "cli_other")
    document = Resource(contents=api().get("/openapi.json").json, specification=DRAFT202012)
    registry = Registry().with_resource("urn:doc", document)
    whole = {"$ref": "urn:doc#/components/schemas/WebhookMessage"}
    Draft202012Validator(whole, registry=registry).validate(read)


def test_events_of_one_thing_come_in_their_order_and_a_repeat_is_no_second_message(
    world: Any, api: Any, receiver: FakeReceiver
) -> None:
    program = told_program(api)
    rows = [
        moved("cls_aaaa", 3, "submitted", "returned", at=world.now),
        moved("cls_aaaa", 4, "returned", "submitted", at=world.now),
        moved("cls_aaaa", 5, "submitted", "approved", at=world.now + SECOND),
    ]
    receiver.always = 503
    assert told(world.now, *rows[:1]) == 1
    sent(world.now)
    assert told(world.now, *rows[1:]) == 1, "it did not ask to be told of what it submits itself"
    assert told(world.now, *rows) == 0
    assert states(program) == ["pending", "waiting"]
    receiver.always = 200
    sent(world.now + timedelta(hours=7))
    assert [message["type"] for message in receiver.taken] == ["class.returned", "class.approved"]
    assert [message["data"]["version"] for message in receiver.taken] == [3, 5]
    assert states(program) == ["acknowledged", "acknowledged"]


def test_a_try_in_vain_is_the_same_message_again(world: Any, api: Any, receiver: FakeReceiver) -> None:
    program = told_program(api)
    told(world.now, moved("cls_aaaa", 3, "submitted", "approved", at=world.now))
    receiver.answers = [500, 200]
    sent(world.now)
    (waits,) = listed(api, program, "pending")
    assert (waits["attempts"], waits["failure"]) == (1, "status_500")
    sent(world.now + timedelta(hours=1))
    (message,) = receiver.taken
    assert receiver.asked == 2
    assert message["headers"]["webhook-id"] == waits["message_id"]


def test_nobody_elses_program_is_told_or_shown_anything(world: Any, api: Any, receiver: FakeReceiver) -> None:
    own = told_program(api)
    other = told_program(api, who="institution_two")
    bureau = told_program(api, "大屏", who="clerk", by="supervisor", role="supervisor")
    far = told_program(api, "外市大屏", who="clerk_wuhu", by="supervisor_wuhu", role="supervisor")
    assert told(world.now, moved("cls_aaaa", 3, "submitted", "approved", at=world.now)) == 2
    assert (states(own), states(bureau), states(other), states(far)) == (["pending"], ["pending"], [], [])
    elsewhere = moved("cls_b", 3, "submitted", "approved", at=world.now, institution=HEFEI_OTHER)
    assert told(world.now, elsewhere) == 2
    assert states(other, "cls_b") == ["pending"]
    assert states(own, "cls_b") == []
    for who in ("institution_two", "clerk_wuhu"):
        for path in ("webhook", "webhook/deliveries"):
            assert api(who).get(f"/v1/clients/{own}/{path}").status == 404
        sending = api(who).post(f"/v1/clients/{own}/webhook/redrive", {"reason": "重发"})
        assert sending.status == 404


def test_the_platforms_lists_and_words_know_nothing_of_webhooks(
    world: Any, api: Any, receiver: FakeReceiver
) -> None:
    program = told_program(api)
    told(world.now, moved("cls_aaaa", 3, "submitted", "approved", at=world.now))
    for state in ("pending", "waiting", "dead"):
        assert api("province").get("/v1/exchange/deliveries", query={"state": state}).json["items"] == []
    (waits,) = listed(api, program, "pending")
    assert api("province").get(f"/v1/exchange/deliveries/{waits['message_id']}").status == 404
    from chalicelib.exchange import service
    from chalicelib.kernel.principal import Context, Principal, Role

    platform = Principal(actor="platform:national", role=Role.PLATFORM, division="34")
    said = [service.Acknowledgement(waits["message_id"], service.PlatformVerdict.ACCEPTED, None)]
    result = service.acknowledge(Context(principal=platform, now=world.now, request_id="req_w"), said)
    assert (result.applied, result.unknown) == (0, [waits["message_id"]])
    assert states(program) == ["pending"]


def test_only_what_it_asked_for_and_may_read_is_told(world: Any, api: Any) -> None:
    told_program(api, webhook=hook("class.returned"))
    assert told(world.now, moved("cls_aaaa", 3, "submitted", "approved", at=world.now)) == 0
    line = moved("lin_a", 4, "batched", "paid", at=world.now, table="claim-lines")
    assert told(world.now, line) == 0
    program = told_program(api, "支付系统", webhook=hook("claim_line.paid"))
    assert told(world.now, line) == 1
    (message,) = deliveries.deliveries_of(subject_for(program, "lin_a"))
    assert (message.event, message.body["data"]["version"]) == ("claim_line.paid", 4)


def test_a_suspended_institution_is_told_of_it(world: Any, api: Any) -> None:
    program = told_program(api)
    row = moved(HEFEI_SCHOOL, 7, "listed", "suspended", at=world.now, table="institutions")
    assert row.after is not None
    row.after.pop("institution")
    assert told(world.now, row) == 1
    assert states(program, HEFEI_SCHOOL) == ["pending"]


def test_a_program_that_is_over_is_told_nothing_more(world: Any, api: Any, receiver: FakeReceiver) -> None:
    program = told_program(api)
    told(world.now, moved("cls_aaaa", 3, "submitted", "approved", at=world.now))
    gone = api("institution").post(f"/v1/clients/{program}/revoke", {"version": 2, "reason": "停用"})
    assert gone.status == 200, gone.text
    sent(world.now)
    assert told(world.now, moved("cls_b", 3, "submitted", "approved", at=world.now)) == 0
    assert receiver.asked == 0
    assert states(program) == ["pending"]
    again = told_program(api)
    assert again == program
    told(world.now, moved("cls_c", 3, "submitted", "approved", at=world.now))
    sent(world.now + SECOND)
    assert [message["data"]["id"] for message in receiver.taken] == ["cls_aaaa", "cls_c"], "nothing was lost"


def test_an_address_that_is_not_public_and_an_event_of_what_it_may_not_read_are_refused(
    world: Any, api: Any
) -> None:
    from tests.accounts.clients.builders import Program

    for url in (
        "http://hooks.example.com/",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://2130706433/",
        "https://0x7f.1/",
        "https://localhost/",
        "https://hooks.internal/",
        "https://user:word@hooks.example.com/",
        "https://hooks.example.com:8443/",
        "https://hooks.example.com/?token=1",
        "https://hooks.example.com/#a",
        "https://hooks..example.com/",
        "https://hooks.example.com\\@169.254.169.254/",
        "https://hooks.example.com/a b",
    ):
        wish = Program().wish(["class.read"], webhook=hook("class.approved", url=url))
        refused = api("institution").post("/v1/clients", wish)
        assert (refused.status, refused.json["errors"]) == (
            400,
            [{**refused.json["errors"][0], "field": "webhook.url", "code": "address_refused"}],
        ), url
    wish = Program().wish(["class.read"], webhook=hook("class.approved", "claim_line.paid", "class.dance"))
    refused = api("institution").post("/v1/clients", wish)
    assert [(fault["field"], fault["code"]) for fault in refused.json["errors"]] == [
        ("webhook.events[1]", "event_refused"),
        ("webhook.events[2]", "event_refused"),
    ]
    may_be_told = "class.approved, class.cancel_refused, class.cancel_requested, class.cancelled"
    assert all(may_be_told in fault["detail"] for fault in refused.json["errors"])
    assert all("claim_line" not in fault["detail"] for fault in refused.json["errors"])
    asked = api("institution").post("/v1/clients", Program().wish(["class.read"]))
    assert asked.json["webhook"] is None
    assert api("institution").get(f"/v1/clients/{asked.json['id']}/webhook").status == 404


def test_a_webhook_is_shown_with_its_program_and_a_wish_for_another_one_is_another_wish(
    world: Any, api: Any
) -> None:
    from tests.accounts.clients.builders import Program

    program = Program()
    asked = api("institution").post(
        "/v1/clients", program.wish(["class.read"], webhook=hook("class.approved"))
    )
    assert asked.json["webhook"] == {"url": URL, "events": ["class.approved"]}
    again = api("institution").post(
        "/v1/clients", program.wish(["class.read"], webhook=hook("class.approved"))
    )
    assert again.json == asked.json
    elsewhere = hook("class.approved", url="https://elsewhere.example.com/")
    other = api("institution").post("/v1/clients", program.wish(["class.read"], webhook=elsewhere))
    assert other.json["code"] == "already_exists"


def test_recording_and_sending_cost_what_they_cost(world: Any, api: Any, receiver: FakeReceiver) -> None:
    program = told_program(api)
    told(world.now, moved("cls_aaaa", 3, "submitted", "approved", at=world.now))
    shown = api("institution").get(f"/v1/clients/{program}/webhook").json
    assert (shown["status"], shown["allowed_actions"], shown["events"]) == (
        "sending",
        ["redrive"],
        sorted(EVENTS),
    )
    sent(world.now)
    assert sent(world.now + timedelta(minutes=5)) == 1
    assert api("institution").get(f"/v1/clients/{program}/webhook").json["status"] == "idle"
    assert sent(world.now + DAY) == 0, "what sleeps costs the clock nothing"
    assert states(program) == [DeliveryState.ACKNOWLEDGED.value]


def test_what_was_recorded_by_a_run_that_died_is_sent_once_its_records_come_again(
    world: Any, api: Any, receiver: FakeReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = told_program(api)
    change = moved("cls_aaaa", 3, "submitted", "approved", at=world.now)
    with monkeypatch.context() as broken:
        broken.setattr(store, "wake", _refuse)
        with pytest.raises(Unavailable):
            told(world.now, change)
    assert states(program) == ["pending"]
    assert told(world.now, change) == 0, "nothing is recorded twice"
    assert sent(world.now) == 1
    assert states(program) == ["acknowledged"]
    assert [message["client_id"] for message in receiver.taken] == [program]


def test_one_program_that_cannot_be_told_costs_no_other_its_events(
    world: Any, api: Any, receiver: FakeReceiver, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    bad, good = told_program(api, "甲系统"), told_program(api, "乙系统")
    recorded = telling._record

    def fail(context: Any, client: Any, event: Any) -> bool:
        if client.id == bad:
            raise ValueError(client.id)
        return bool(recorded(context, client, event))

    monkeypatch.setattr(telling, "_record", fail)
    rows = [moved(f"cls_aaa{one}", 3, "submitted", "approved", at=world.now) for one in "abc"]
    assert told(world.now, *rows) == 3
    assert [states(good, row.subject) for row in rows] == [["pending"]] * 3
    assert values_of(capsys.readouterr().out, "MessagesFailed") == [3], "and it rings"


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[datetime, int]]:
    """Note when boxes are asked for, and by how much their messages are delayed."""
    asked: list[tuple[datetime, int]] = []
    sent_on = telling.queues.send

    def send(url: str, bodies: Any, *, now: datetime, delay_seconds: int = 0) -> None:
        asked.append((now, delay_seconds))
        sent_on(url, bodies, now=now, delay_seconds=delay_seconds)

    monkeypatch.setattr(telling.queues, "send", send)
    return asked


def test_a_try_in_vain_is_made_again_within_a_minute_and_not_with_the_next_clock(
    world: Any, api: Any, receiver: FakeReceiver, asked: list[tuple[datetime, int]]
) -> None:
    program = told_program(api)
    receiver.always = 503
    told(world.now, moved("cls_aaaa", 3, "submitted", "approved", at=world.now))
    assert telling.work_on(context(world.now), program)
    (at_once, none), (again, delay) = asked
    assert (at_once, none) == (world.now, 0)
    assert 0 < delay <= 60
    assert again == world.now + timedelta(seconds=delay)
    told(world.now, moved("cls_bbbb", 3, "submitted", "approved", at=world.now))
    assert len(asked) == 2, "what comes meanwhile waits for that try"
    receiver.always = 200
    assert telling.work_on(context(again), program)
    assert states(program, "cls_bbbb") == ["acknowledged"]


def test_what_comes_just_after_a_message_is_sent_when_its_box_is_due(
    world: Any, api: Any, receiver: FakeReceiver, asked: list[tuple[datetime, int]]
) -> None:
    program = told_program(api)
    told(world.now, moved("cls_aaaa", 3, "submitted", "approved", at=world.now))
    assert telling.work_on(context(world.now), program)
    soon = world.now + timedelta(seconds=20)
    told(soon, moved("cls_bbbb", 3, "submitted", "approved", at=soon))
    due, delay = asked[-1]
    assert 0 < delay <= 120
    assert telling.work_on(context(due), program)
    assert states(program, "cls_bbbb") == ["acknowledged"]


def _refuse(*_: Any) -> None:
    raise error("try_again")


def ping(api: Any, program: str, at: datetime, *, who: str = "institution", **more: Any) -> Any:
    body = {"reason": "联调", "ping": True, **more}
    return api(who).post(f"/v1/clients/{program}/webhook/redrive", body, at=at)


def test_whose_program_it_is_tries_its_server_by_a_message_that_tells_of_nothing(
    world: Any, api: Any, receiver: FakeReceiver
) -> None:
    program = told_program(api)
    done = ping(api, program, world.now)
    assert (done.status, done.json) == (200, {"redriven": 1, "more": False, "resumed": False}), done.text
    assert ping(api, program, world.now).json["redriven"] == 0, "one is on its way"
    assert world.cloud.work("reminders", app.remind_shard) >= 1
    (message,) = receiver.taken
    assert (message["type"], message["client_id"]) == ("webhook.ping", program)
    assert message["data"] == {
        "id": program,
        "version": 1,
        "institution": HEFEI_SCHOOL,
        "division": message["data"]["division"],
    }
    assert "webhook-signature" in {name.lower() for name in message["headers"]}
    (shown,) = listed(api, program, "acknowledged")
    assert (shown["event"], shown["thing"]) == ("webhook.ping", program)
    assert ping(api, program, world.now + DAY).json["redriven"] == 1
    sent(world.now + DAY + SECOND)
    assert [message["data"]["version"] for message in receiver.taken] == [1, 2]


def test_what_tries_a_server_is_as_the_document_says_also_to_a_bureaus_program(
    world: Any, api: Any, receiver: FakeReceiver
) -> None:
    schools = told_program(api)
    bureaus = told_program(api, "大屏", who="clerk", by="supervisor", role="supervisor")
    assert ping(api, schools, world.now).json["redriven"] == 1
    assert ping(api, bureaus, world.now, who="clerk").json["redriven"] == 1
    sent(world.now)
    read = {message["data"]["id"]: json.loads(message["raw"]) for message in receiver.taken}
    assert {program: read[program]["data"]["institution"] for program in (schools, bureaus)} == {
        schools: HEFEI_SCHOOL,
        bureaus: "",
    }
    document = Resource(contents=api().get("/openapi.json").json, specification=DRAFT202012)
    registry = Registry().with_resource("urn:doc", document)
    whole = {"$ref": "urn:doc#/components/schemas/WebhookMessage"}
    for message in read.values():
        Draft202012Validator(whole, registry=registry).validate(message)


def test_a_ping_is_not_another_programs_to_send_and_names_no_message(
    world: Any, api: Any, receiver: FakeReceiver
) -> None:
    program = told_program(api)
    assert ping(api, program, world.now, who="institution_two").status == 404
    both = ping(api, program, world.now, message_id="msg_x-whk1")
    assert (both.status, both.json["code"]) == (400, "malformed")
    gone = api("institution").post(f"/v1/clients/{program}/revoke", {"version": 2, "reason": "停用"})
    assert gone.status == 200, gone.text
    assert ping(api, program, world.now).json["code"] == "wrong_state"
    sent(world.now)
    assert receiver.asked == 0
