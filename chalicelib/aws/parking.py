"""Records of a stream that a consumer cannot do: put aside where nothing is lost, so that the others go on.

A stream hands a shard's records over in their order, again and again until the consumer took them or a day is
over. One record that can never be done would stop all that follow. So a record that cannot even be read is
parked at once. One that cannot be written is tried for `PATIENCE`; by then the stream hands it over alone,
since it halves what fails.

What is parked is kept whole in S3, with the evidence, sealed by the bucket's key, and for good; and it stands
in the consumer's dead letters, from where it is redriven for as long as the queue keeps it. The object comes
first: a change of which there is a letter can be read.
"""

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from chalicelib.aws.clients import client
from chalicelib.aws.logs import log, log_failure, measure
from chalicelib.aws.metrics import CHANGES_PARKED
from chalicelib.aws.objects import asking, keys_under, write_object
from chalicelib.aws.queues import dead_letters_url
from chalicelib.aws.settings import settings
from chalicelib.aws.streams import RecordsUndone, RowChange, row_changes

PATIENCE = timedelta(hours=12)
"""Half of what a record lives: the other half is left for an outage of everything."""
PARKED = "parked"
"""Where in the bucket of evidence parked records lie, by consumer and by their numbers in the stream."""
LETTER_BYTES_MAX = 250_000
"""SQS takes 262,144 bytes."""


class Batch:
    """The records of one stream event on their way through a consumer; `undone` are those to come again."""

    def __init__(self, event: Mapping[str, Any], consumer: str) -> None:
        self._records: Sequence[Mapping[str, Any]] = event.get("Records", [])
        self._consumer = consumer
        self._unreadable: list[tuple[Mapping[str, Any], str]] = []
        self._by_sequence: dict[str, Mapping[str, Any]] = {
            _sequence(record): record for record in self._records
        }
        self.undone: list[str] = []

    @property
    def unreadable(self) -> Sequence[tuple[Mapping[str, Any], str]]:
        """Give the records that could not be read so far, each with the kind of what was wrong."""
        return self._unreadable

    def waited(self, now: datetime) -> timedelta:
        """Tell how old the oldest of the records is."""
        return max((_age(record, now) for record in self._records), default=timedelta(0))

    def record_of(self, change: RowChange) -> Mapping[str, Any]:
        """Give the record that a change was read from."""
        return self._by_sequence[change.sequence]

    def changes(self, *, tables: Collection[str] | None = None) -> Iterator[RowChange]:
        """Read the records in their order, each by itself; of these tables only, if any are named."""
        for record in self._records:
            try:
                yield from row_changes({"Records": [record]}, tables=tables)
            except Exception as error:  # noqa: BLE001 - whatever is wrong with it, it will not get better
                log_failure("change_unreadable", error, consumer=self._consumer, sequence=_sequence(record))
                self._unreadable.append((record, type(error).__name__))

    def finish(self, *, now: datetime) -> None:
        """Have the stream hand the batch over again, or park what will never be done.

        Nothing is parked of a batch that comes again: it would be parked each time.

        Raises:
            RecordsUndone: something is to come again.

        """
        if self.undone and (
            len(self._records) > 1 or any(_age(record, now) < PATIENCE for record in self._records)
        ):
            raise RecordsUndone(self.undone)
        if self.undone:
            self._unreadable += [(record, "undone") for record in self._records]
        for record, reason in self._unreadable:
            log("change_parked", consumer=self._consumer, sequence=_sequence(record), reason=reason)
            park(record, self._consumer, reason=reason)


def park(record: Mapping[str, Any], consumer: str, *, reason: str) -> None:
    """Keep a record whole, and put it into the dead letters of its consumer, cut if that takes no more.

    Raises:
        Unavailable: S3 did not answer; the batch is to come again.

    """
    letter = {"consumer": consumer, "reason": reason, "record": record}
    text = json.dumps(letter, default=_plain)
    name = _sequence(record) or hashlib.sha256(text.encode()).hexdigest()
    place = f"{PARKED}/{consumer}/{name}.json"
    with asking():
        write_object(settings().evidence_bucket, place, text.encode(), content_type="application/json")
    letter["object"] = place
    text = json.dumps(letter, default=_plain)
    if len(text.encode()) > LETTER_BYTES_MAX:
        stream = {name: record["dynamodb"][name] for name in ("Keys", "SequenceNumber")}
        text = json.dumps({**letter, "record": {**record, "dynamodb": stream}, "cut": True}, default=_plain)
    client("sqs").send_message(QueueUrl=dead_letters_url(consumer), MessageBody=text)
    measure(CHANGES_PARKED, consumer=consumer)


def parked_records(*, most: int) -> tuple[list[tuple[str, str]], bool]:
    """Name what is parked: the consumer, and the record's number in the stream; and whether there is more."""
    places, after = keys_under(settings().evidence_bucket, f"{PARKED}/", after=None, limit=most)
    named = [place.removeprefix(f"{PARKED}/").removesuffix(".json").partition("/") for place in places]
    return [(consumer, record) for consumer, _, record in named], after is not None


def _sequence(record: Mapping[str, Any]) -> str:
    return str(record.get("dynamodb", {}).get("SequenceNumber", ""))


def _age(record: Mapping[str, Any], now: datetime) -> timedelta:
    """Tell how old a record is; one that does not say is new."""
    made = record.get("dynamodb", {}).get("ApproximateCreationDateTime")
    if made is None:
        return timedelta(0)
    return now - (made if isinstance(made, datetime) else datetime.fromtimestamp(float(made), UTC))


def _plain(value: Any) -> Any:
    return value.timestamp() if isinstance(value, datetime) else str(value)
