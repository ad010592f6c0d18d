"""The table of deliveries to the national platform."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.expressions.update import Action
from pynamodb.indexes import GlobalSecondaryIndex, IncludeProjection

from chalicelib.aws.table import MomentAttribute, StructAttribute, VersionedTable, page_of, table_name
from chalicelib.aws.writes import ConditionFailed, insert, update
from chalicelib.exchange.model import DELIVERY_TRANSITIONS, Delivery, DeliveryState
from chalicelib.kernel.paging import Page, PageRequest, page_over
from chalicelib.kernel.principal import Change

SHARDS = 4


class ByQueue(GlobalSecondaryIndex[Any]):
    """Deliveries by state, area and shard, oldest first, without their bodies."""

    class Meta:
        index_name = "by_queue"
        projection = IncludeProjection(
            [
                "message_id",
                "event",
                "area",
                "division",
                "state",
                "attempts",
                "failure",
                "sent_at",
                "answered_at",
                "version",
            ]
        )

    queue = UnicodeAttribute(hash_key=True)
    occurred_at = MomentAttribute(range_key=True)


class DeliveryRow(VersionedTable[Delivery]):
    """One row a delivery."""

    class Meta:
        table_name = table_name("deliveries")

    record_type = Delivery

    subject = UnicodeAttribute(hash_key=True)
    sequence = NumberAttribute(range_key=True)
    message_id = UnicodeAttribute()
    event = UnicodeAttribute()
    area = UnicodeAttribute()
    division = UnicodeAttribute()
    occurred_at = MomentAttribute()
    state = UnicodeAttribute()
    queue = UnicodeAttribute()
    body = StructAttribute(default=dict)
    attempts = NumberAttribute(default=0)
    failure = UnicodeAttribute(null=True)
    sent_at = MomentAttribute(null=True)
    answered_at = MomentAttribute(null=True)
    by_queue = ByQueue()


def queue_of(state: DeliveryState, area: str, subject: str) -> str:
    """Give the queue in which a subject's deliveries of a state stand."""
    return _queue(state, area, sum(subject.encode()) % SHARDS)


def _queue(state: DeliveryState, area: str, shard: int) -> str:
    return f"{state}#{area}#{shard}"


def _queues(state: DeliveryState, areas: Iterable[str]) -> list[str]:
    return [_queue(state, area, shard) for area in areas for shard in range(SHARDS)]


def add(delivery: Delivery, change: Change) -> bool:
    """Store a new delivery; False if the change was recorded before."""
    try:
        insert(DeliveryRow.from_record(delivery), change=change)
    except ConditionFailed:
        return False
    return True


def find(subject: str, sequence: int) -> Delivery | None:
    """Read a delivery."""
    return DeliveryRow.find(subject, sequence)


def find_many(keys: Sequence[tuple[str, int]]) -> list[Delivery]:
    """Read many deliveries by subject and sequence; unknown ones are left out."""
    return DeliveryRow.find_many(keys)


def deliveries_of(subject: str) -> list[Delivery]:
    """List a subject's deliveries in their order."""
    return [row.record for row in DeliveryRow.query(subject, consistent_read=True)]


def move(
    delivery: Delivery, action: str, *, change: Change, actions: Sequence[Action] = ()
) -> Delivery | None:
    """Take a delivery through one action of its table; None if its state no longer allows it.

    The state stands in `state`, not in `status` as elsewhere, so the condition is written out here. It is the
    truth of `model.why_not`.
    """
    target = DELIVERY_TRANSITIONS.target(action)
    try:
        return update(
            DeliveryRow,
            (delivery.subject, delivery.sequence),
            [
                DeliveryRow.state.set(str(target)),
                DeliveryRow.queue.set(queue_of(target, delivery.area, delivery.subject)),
                *actions,
            ],
            condition=DeliveryRow.state.is_in(*map(str, DELIVERY_TRANSITIONS.sources(action))),
            change=change,
        )
    except ConditionFailed:
        return None


def mark_sent(delivery: Delivery, *, now: datetime, change: Change) -> None:
    """Record that the platform took a message."""
    actions = [
        DeliveryRow.sent_at.set(now),
        DeliveryRow.attempts.set(delivery.attempts + 1),
        DeliveryRow.failure.remove(),
    ]
    move(delivery, "send", change=change, actions=actions)


def mark_refused(delivery: Delivery, *, failure: str, now: datetime, change: Change) -> None:
    """Record that the platform will not have a message."""
    actions = [
        DeliveryRow.answered_at.set(now),
        DeliveryRow.attempts.set(delivery.attempts + 1),
        DeliveryRow.failure.set(failure),
    ]
    move(delivery, "refuse", change=change, actions=actions)


def mark_dead(delivery: Delivery, *, failure: str, change: Change) -> None:
    """Give a message up after too many tries."""
    move(delivery, "give_up", change=change, actions=[DeliveryRow.failure.set(failure)])


def mark_tried(delivery: Delivery, *, failure: str, change: Change) -> None:
    """Count a failed try; the message stays where it is."""
    try:
        update(
            DeliveryRow,
            (delivery.subject, delivery.sequence),
            [DeliveryRow.attempts.set(delivery.attempts + 1), DeliveryRow.failure.set(failure)],
            condition=DeliveryRow.state == str(DeliveryState.PENDING),
            change=change,
        )
    except ConditionFailed:
        return


def mark_answered(
    delivery: Delivery, action: str, *, reason: str | None, now: datetime, change: Change
) -> Delivery | None:
    """Record the platform's answer; None if the state does not allow this one."""
    failure = DeliveryRow.failure.set(reason) if reason else DeliveryRow.failure.remove()
    return move(delivery, action, change=change, actions=[DeliveryRow.answered_at.set(now), failure])


def redrive(delivery: Delivery, change: Change) -> Delivery | None:
    """Put a delivery back among those to be sent, its tries forgotten."""
    cleared = [DeliveryRow.attempts.set(0), DeliveryRow.failure.remove()]
    return move(delivery, "redrive", change=change, actions=cleared)


def waiting(areas: Iterable[str]) -> Iterator[Delivery]:
    """Give everything that waits to be sent, without bodies, oldest first within each queue."""
    for queue in _queues(DeliveryState.PENDING, areas):
        for row in DeliveryRow.by_queue.query(queue):
            yield row.record


def count(state: DeliveryState, areas: Iterable[str], *, since: datetime, until: datetime) -> int:
    """Count the deliveries of a state whose change happened from `since` on and before `until`."""
    day = DeliveryRow.occurred_at.between(since, until - timedelta(microseconds=1))
    return sum(DeliveryRow.by_queue.count(queue, day) for queue in _queues(state, areas))


def number(state: DeliveryState, areas: Iterable[str]) -> int:
    """Count all deliveries of a state; for states in which few stay."""
    return sum(DeliveryRow.by_queue.count(queue) for queue in _queues(state, areas))


def listing(
    state: DeliveryState, areas: Sequence[str], request: PageRequest, *, division: str | None
) -> Page[Delivery]:
    """List the deliveries of a state queue by queue; `division` leaves out those of any other."""
    of_division = DeliveryRow.division == division if division is not None else None

    def read(queue: str, part: PageRequest) -> Page[Delivery]:
        rows = DeliveryRow.by_queue.query(
            queue, limit=part.limit, last_evaluated_key=part.after, filter_condition=of_division
        )
        return page_of(rows, part)

    return page_over(_queues(state, areas), request, read)
