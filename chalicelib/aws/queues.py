"""Queues: small JSON messages of opaque ids; the time a job believes in travels with them."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec

from chalicelib.aws.clients import client
from chalicelib.aws.logs import log_failure, measure
from chalicelib.aws.metrics import MESSAGES_FAILED
from chalicelib.aws.settings import settings
from chalicelib.kernel.calendar import format_moment, parse_moment
from chalicelib.kernel.ids import new_id
from chalicelib.kernel.principal import Context, system_context
from chalicelib.kernel.reasons import error

_BATCH_MAX = 10


@dataclass(frozen=True)
class Message:
    """One message as a worker gets it: `now` is the time the sender decided by."""

    id: str
    body: dict[str, Any]
    now: datetime


def send(
    queue_url: str, bodies: Iterable[Mapping[str, Any]], *, now: datetime, delay_seconds: int = 0
) -> None:
    """Send messages, ten a call; every one of them arrives at least once, not before the delay.

    Raises:
        Unavailable: the queue did not take every message; repeating is safe.

    """
    pending = [{**body, "now": format_moment(now)} for body in bodies]
    delay = {"DelaySeconds": delay_seconds} if delay_seconds else {}
    for start in range(0, len(pending), _BATCH_MAX):
        entries = [
            {"Id": str(place), "MessageBody": msgspec.json.encode(body).decode(), **delay}
            for place, body in enumerate(pending[start : start + _BATCH_MAX])
        ]
        answer = client("sqs").send_message_batch(QueueUrl=queue_url, Entries=entries)
        if answer.get("Failed"):
            raise error("try_again")  # who repeats it sends all of them again, which all work allows


def dead_letters_url(function: str) -> str:
    """Give the address of the queue that keeps what a function could not do; it stands beside the others."""
    beside = settings().settlement_queue_url.rpartition("/")[0]
    return f"{beside}/{settings().table_prefix}{function}-dead"


def letters_waiting(function: str) -> int:
    """Tell about how many dead letters of a function wait."""
    name = "ApproximateNumberOfMessages"
    answer = client("sqs").get_queue_attributes(QueueUrl=dead_letters_url(function), AttributeNames=[name])
    return int(answer["Attributes"][name])


def move_back(function: str, queue_url: str, *, most: int) -> int:
    """Send the dead letters of a queue's worker to the queue again, at most so many; gives how many.

    Each is deleted after it was sent: what is cut off in between is done twice, which all work allows. By
    receiving and sending: a move task of SQS is not there everywhere, and needs rights of its own.
    """
    sqs, dead_url, moved = client("sqs"), dead_letters_url(function), 0
    while moved < most:
        answer = sqs.receive_message(QueueUrl=dead_url, MaxNumberOfMessages=min(_BATCH_MAX, most - moved))
        letters = answer.get("Messages", [])
        if not letters:
            break
        for letter in letters:
            sqs.send_message(QueueUrl=queue_url, MessageBody=letter["Body"])
            sqs.delete_message(QueueUrl=dead_url, ReceiptHandle=letter["ReceiptHandle"])
            moved += 1
    return moved


def messages_of(event: Mapping[str, Any]) -> Iterator[Message]:
    """Read the messages of an SQS event."""
    for record in event.get("Records", []):
        body = msgspec.json.decode(record["body"])
        yield Message(id=record["messageId"], body=body, now=believed_time(body))


def believed_time(event: Mapping[str, Any]) -> datetime:
    """Give the time a job believes in: the real clock, except where time travel is on (local stage)."""
    moment = event.get("now")
    if settings().allow_time_travel and isinstance(moment, str):
        return parse_moment(moment)
    return datetime.now(UTC)


def since_told(context: Context, told_at: datetime) -> Context:
    """Give what S3 or a stream reports the time of what it reports, where time travel is on (local stage).

    Their reports cannot carry the time that was believed in; what was announced or written says it.
    """
    if not settings().allow_time_travel:
        return context
    return msgspec.structs.replace(context, now=told_at)


def work_through(
    event: Mapping[str, Any], job: str, worker: Callable[[Message, Context], object]
) -> dict[str, list[dict[str, str]]]:
    """Give each message to the worker; only those that failed come back to the queue."""
    failed = []
    for message in messages_of(event):
        context = system_context(job, now=message.now, request_id=new_id("req"))
        try:
            worker(message, context)
        except Exception as failure:  # noqa: BLE001 - the edge of a worker: the queue retries
            log_failure("message_failed", failure, job=job, message_id=message.id)
            measure(MESSAGES_FAILED, worker=job)
            failed.append({"itemIdentifier": message.id})
    return {"batchItemFailures": failed}


def job_context(event: Mapping[str, Any], job: str) -> Context:
    """Give the context of a job that an event starts."""
    return system_context(job, now=believed_time(event), request_id=new_id("req"))
