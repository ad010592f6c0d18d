"""What was tried too often is counted, and goes back to where it came from when a person says so."""

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from chalicelib.aws.parking import park
from chalicelib.supervision.dead_letters import service
from chalicelib.supervision.dead_letters.model import QUEUE_OF_WORKER, STARTED_OTHERWISE
from infra.deployment.dead_letters import DeadLetters
from infra.deployment.functions import FUNCTIONS
from infra.deployment.storage import has_dead_letters


def dead_url(function: str) -> str:
    return str(boto3.client("sqs").get_queue_url(QueueName=f"voucher-test-{function}-dead")["QueueUrl"])


def lay_down(function: str, *bodies: dict[str, Any]) -> None:
    for body in bodies:
        boto3.client("sqs").send_message(QueueUrl=dead_url(function), MessageBody=json.dumps(body))


@pytest.fixture(autouse=True)
def _no_letters(cloud: Any) -> Iterator[None]:
    yield
    for function in (*QUEUE_OF_WORKER, "record_audit", "seal_audit"):
        boto3.client("sqs").delete_queue(QueueUrl=dead_url(function))
        boto3.client("sqs").create_queue(QueueName=f"voucher-test-{function}-dead")


def test_the_program_knows_every_function_that_has_dead_letters() -> None:
    workers = {function.name: function.queue.name for function in FUNCTIONS if function.queue}
    assert workers == QUEUE_OF_WORKER
    others = {one.name for one in FUNCTIONS if has_dead_letters(one) and not one.queue}
    assert set(STARTED_OTHERWISE) == others
    assert len(STARTED_OTHERWISE) == len(others)


def test_the_province_counts_them_and_is_offered_what_it_can_redrive(api: Any) -> None:
    lay_down("expire_shard", {"n": 1}, {"n": 2})
    lay_down("record_audit", {"record": {}})
    answer = api("province").get("/v1/dead-letters")
    assert answer.status == 200, answer.text
    shown = {one.pop("queue"): one for one in answer.json["items"]}
    assert shown["expire_shard"] == {"waiting": 2, "allowed_actions": ["redrive"]}
    assert shown["record_audit"] == {"waiting": 1, "allowed_actions": []}
    assert shown["seal_settlement"] == {"waiting": 0, "allowed_actions": []}


def test_the_province_sees_what_was_put_aside_for_good(api: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    records = [{"dynamodb": {"SequenceNumber": f"parked{number}"}} for number in range(3)]
    for record in records:
        park(record, "record_audit", reason="undone")
    told = api("province").get("/v1/dead-letters").json
    assert [one for one in told["parked"] if one["record"].startswith("parked")] == [
        {"queue": "record_audit", "record": f"parked{number}"} for number in range(3)
    ]
    assert not told["parked_more"]
    monkeypatch.setattr(service, "PARKED_LISTED_MAX", 2)
    few = api("province").get("/v1/dead-letters").json
    assert (len(few["parked"]), few["parked_more"]) == (2, True)


@pytest.mark.parametrize(("worker", "queue"), QUEUE_OF_WORKER.items())
def test_a_redrive_sends_them_back_to_their_queue_once(api: Any, cloud: Any, worker: str, queue: str) -> None:
    lay_down(worker, *({"n": n} for n in range(12)))
    answer = api("province").post(f"/v1/dead-letters/{worker}/redrive", {})
    assert answer.json == {"queue": worker, "moved": 12, "waiting": 0}
    assert sorted(body["n"] for body in cloud.messages(queue)) == list(range(12))
    again = api("province").post(f"/v1/dead-letters/{worker}/redrive", {})
    assert again.json["moved"] == 0


@pytest.mark.parametrize("function", ["record_audit", "settle_subsidies", "nobody"])
def test_what_no_queue_started_cannot_be_redriven_over_http(api: Any, function: str) -> None:
    answer = api("province").post(f"/v1/dead-letters/{function}/redrive", {})
    assert (answer.status, answer.json["code"]) == (404, "not_found")


def test_only_the_province_sees_them(api: Any) -> None:
    for who in ("clerk", "finance", "supervisor", "institution"):
        assert api(who).get("/v1/dead-letters").status == 403


class Lambda:
    """Takes invocations; those of a consumer fail where the record says so."""

    def __init__(self) -> None:
        self.invoked: list[tuple[str, str, Any]] = []

    def invoke(self, **asked: Any) -> dict[str, Any]:
        event = json.loads(asked["Payload"])
        self.invoked.append((asked["FunctionName"], asked.get("InvocationType", "RequestResponse"), event))
        failed = any(record.get("bad") for record in event.get("Records", []))
        return {"FunctionError": "Unhandled"} if failed else {}


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> tuple[DeadLetters, Lambda]:
    found, functions = DeadLetters(boto3.Session(), "test"), Lambda()
    found._functions = functions
    monkeypatch.setattr(found, "_name", lambda function: function.name)
    return found, functions


def function(name: str) -> Any:
    return next(one for one in FUNCTIONS if one.name == name)


def test_the_command_hands_each_letter_to_whom_it_was_meant_for(command: Any, cloud: Any) -> None:
    letters, functions = command
    lay_down("expire_shard", {"n": 1})
    lay_down("seal_audit", {"source": "aws.events"})
    lay_down(
        "record_audit", {"record": {"good": True}}, {"record": {"bad": True}}, {"DDBStreamBatchInfo": {}}
    )
    counts = dict(letters.waiting())
    assert (counts["expire_shard"], counts["seal_audit"], counts["record_audit"]) == (1, 1, 3)

    assert letters.redrive(function("expire_shard")).moved == 1
    assert cloud.messages("expiry") == [{"n": 1}]
    assert letters.redrive(function("seal_audit")).moved == 1
    assert functions.invoked.pop() == ("seal_audit", "Event", {"source": "aws.events"})
    done = letters.redrive(function("record_audit"))
    assert (done.moved, done.left) == (1, 2), "what was not taken, or holds no change, stays"
    assert {kind for _, kind, _ in functions.invoked} == {"RequestResponse"}
