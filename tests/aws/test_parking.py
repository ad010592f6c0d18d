"""One record that cannot be done stops neither its batch nor its shard, and is not lost."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.aws.clients import client
from chalicelib.aws.objects import read_object
from chalicelib.aws.parking import LETTER_BYTES_MAX, PATIENCE, park
from chalicelib.aws.queues import dead_letters_url
from chalicelib.aws.settings import settings
from chalicelib.aws.streams import RecordsUndone
from chalicelib.exchange import store
from chalicelib.exchange.jobs import return_changes
from chalicelib.kernel.principal import system_context
from chalicelib.supervision.audit.jobs import record_audit
from chalicelib.supervision.audit.store import AuditRow
from tests.support.figures import values_of
from tests.support.streams import NOW, stream_event, voucher_changes

CONSUMERS = {"record_audit": record_audit, "return_changes": return_changes}


def letters(consumer: str) -> list[dict[str, Any]]:
    """Take every letter that waits."""
    sqs, url = client("sqs"), dead_letters_url(consumer)
    found = []
    while received := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        for message in received:
            found.append(json.loads(message["Body"]))
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return found


@pytest.fixture(autouse=True)
def _no_letters(cloud: Any) -> Iterator[None]:
    for consumer in CONSUMERS:
        letters(consumer)
    yield


def consumed(consumer: str, *records: Any, now: Any = NOW) -> Any:
    context = system_context(consumer, now=now, request_id="req_test")
    return CONSUMERS[consumer](stream_event(*records), context)


def done(consumer: str, subject: str) -> int:
    if consumer == "record_audit":
        return len(list(AuditRow.query(subject)))
    return len(store.deliveries_of(subject))


def unreadable() -> Any:
    [record] = voucher_changes("vch_poisoned")
    record["dynamodb"]["NewImage"]["issued_at"] = {"S": "the day before yesterday"}
    return record


def unwritable(age: timedelta) -> Any:
    """Give a change that the consumer can read and cannot describe, of such an age."""
    [record] = voucher_changes("vch_poisoned")
    del record["dynamodb"]["NewImage"]["status"]
    record["dynamodb"]["ApproximateCreationDateTime"] = (NOW - age).timestamp()
    return record


@pytest.mark.parametrize("consumer", CONSUMERS)
def test_what_cannot_be_read_is_parked_and_the_others_go_on(
    consumer: str, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = unreadable()
    consumed(consumer, *voucher_changes("vch_before"), bad, *voucher_changes("vch_behind"))
    assert (done(consumer, "vch_before"), done(consumer, "vch_behind")) == (1, 1)
    kept = {"consumer": consumer, "reason": "ValueError", "record": bad}
    place = f"parked/{consumer}/{bad['dynamodb']['SequenceNumber']}.json"
    assert letters(consumer) == [{**kept, "object": place}]
    assert json.loads(read_object(settings().evidence_bucket, place) or b"") == kept
    assert values_of(capsys.readouterr().out, "ChangesParked") == [1]


def test_what_cannot_be_written_comes_again_until_it_was_tried_long_enough_alone() -> None:
    young, old = unwritable(PATIENCE - timedelta(minutes=1)), unwritable(PATIENCE)
    for records in ([young], [old, *voucher_changes("vch_behind")], [unreadable(), young]):
        with pytest.raises(RecordsUndone):
            consumed("return_changes", *records)
    assert letters("return_changes") == [], "nothing is parked of a batch that comes again"
    consumed("return_changes", old)
    assert [letter["reason"] for letter in letters("return_changes")] == ["undone"]


@pytest.mark.parametrize("consumer", CONSUMERS)
def test_a_letter_holds_all_that_the_consumer_needs(consumer: str) -> None:
    [record] = voucher_changes("vch_later")
    park(record, consumer, reason="test")
    [letter] = letters(consumer)
    consumed(consumer, letter["record"])
    assert done(consumer, "vch_later") == 1


def test_a_letter_too_large_for_the_queue_says_which_change_it_was() -> None:
    [record] = voucher_changes("vch_large")
    record["dynamodb"]["NewImage"]["note"] = {"S": "长" * LETTER_BYTES_MAX}
    park(record, "record_audit", reason="test")
    [letter] = letters("record_audit")
    assert letter["cut"] is True
    whole = json.loads(read_object(settings().evidence_bucket, letter["object"]) or b"")
    assert whole["record"] == record, "what the queue cannot hold is kept whole beside it"
    assert letter["record"]["dynamodb"] == {
        "Keys": record["dynamodb"]["Keys"],
        "SequenceNumber": record["dynamodb"]["SequenceNumber"],
    }
