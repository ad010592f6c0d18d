"""The table of deliveries, and every lawful write on one.

The order of a subject is kept by conditions: a message is stored as one to be sent only if the one before it
is settled, else as one that waits; and whatever settles a message sets the next one going in the same write.
Both are transactions over the two rows, so however they meet, none of them is left behind.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Final

import msgspec
from pynamodb.attributes import BooleanAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from chalicelib.aws.table import MomentAttribute, StructAttribute, Upgrade, VersionedTable, table_name
from chalicelib.aws.writes import Check, ConditionFailed, Put, Update, insert, transact, update
from chalicelib.exchange.indexes import ByDue, ByQueue
from chalicelib.exchange.lines import STUCK_QUEUE, line_of, queue_of
from chalicelib.exchange.model import (
    DELIVERY_TRANSITIONS,
    DUE_STATES,
    PLATFORM,
    SETTLED,
    STUCK,
    Delivery,
    DeliveryState,
    Due,
    PassingOver,
    answer_wait,
    settled_for,
)
from chalicelib.kernel.principal import Change
from chalicelib.kernel.reasons import error

_FLIPS = 6
"""A message and the one before it meet once or twice; more turns are somebody's fault."""
_S = DeliveryState


def _due_by_form_2(raw: dict[str, Any]) -> dict[str, Any]:
    """Have what waited, or was never answered, under the first form stand among what is due."""
    stuck = raw.get("state", {}).get("S")
    if stuck in map(str, STUCK) and "queue" in raw:
        return {**raw, "queue": {"S": STUCK_QUEUE}}
    is_due = raw.get("state", {}).get("S") in map(str, DUE_STATES)
    if "due_at" in raw or "occurred_at" not in raw or not is_due:  # an index hands out a part of a row
        return raw
    line = line_of(PLATFORM, raw["subject"]["S"])
    return {**raw, "due_at": raw["occurred_at"], "due_line": {"S": line}}


class DeliveryRow(VersionedTable[Delivery]):
    """One row a message."""

    class Meta:
        table_name = table_name("deliveries")

    record_type = Delivery
    schema_version = 2
    upgrades: ClassVar[Mapping[int, Upgrade]] = {1: _due_by_form_2}

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
    audience = UnicodeAttribute(null=True)
    form = UnicodeAttribute(null=True)
    due_at = MomentAttribute(null=True)
    due_line = UnicodeAttribute(null=True)
    tried_since = MomentAttribute(null=True)
    rebuilt = BooleanAttribute(null=True)
    passing = StructAttribute(null=True)
    by_queue = ByQueue()
    by_due = ByDue()


_WAS_TRIED: Final = DeliveryRow.sent_at.exists() | (DeliveryRow.attempts > 0)  # see `model.was_tried`


# --------------------------------------------------------------------------- recording


@dataclass(frozen=True)
class Stored:
    """A delivery as it stands in the table, and whether it was stored now."""

    delivery: Delivery
    is_new: bool


def add(delivery: Delivery, change: Change, *, follows_settled: bool = True) -> Stored:
    """Store a new delivery; as one that waits if the one before it is not settled.

    `follows_settled` is what the caller thinks of the one before: right, it takes one call, wrong, two. One
    that is not there is not settled: it may come yet, or is found missing.
    """
    if delivery.sequence == 1 or delivery.state in SETTLED:
        try:
            insert(DeliveryRow.from_record(delivery), change=change)
        except ConditionFailed as failure:
            return Stored(failure.old or delivery, is_new=False)
        return Stored(delivery, is_new=True)
    settled = follows_settled
    for _ in range(_FLIPS):
        row = delivery if settled else waiting_form(delivery)
        before = DeliveryRow.state.is_in(*map(str, settled_for(delivery.audience)))
        open_before = DeliveryRow.state.does_not_exist() | ~before
        writes: list[Put | Update | Check] = [
            Put(DeliveryRow.from_record(row)),
            _state_is(_key_before(delivery), before if settled else open_before),
        ]
        try:
            transact(writes, change=change)
        except ConditionFailed as failure:
            if failure.index == 0:
                return Stored(failure.old or delivery, is_new=False)
            settled = not settled
        else:
            return Stored(row, is_new=True)
    raise error("try_again")


def _key_before(delivery: Delivery) -> tuple[str, int]:
    return delivery.subject, delivery.sequence - 1


def _state_is(key: tuple[str, int], condition: Condition) -> Check:
    """Require something of the state in which another message is: it is the same in both forms of a row."""
    return Check(DeliveryRow, key, condition, any_form=True)


def waiting_form(delivery: Delivery) -> Delivery:
    """Give a delivery as one that waits for the one before it."""
    return msgspec.structs.replace(
        delivery,
        state=_S.WAITING,
        queue=queue_of(_S.WAITING, delivery.area, delivery.subject, delivery.audience),
        attempts=0,
        sent_at=None,
        due_at=None,
        due_line=None,
    )


def pending_form(delivery: Delivery, now: datetime) -> Delivery:
    """Give a delivery as one that is to be sent."""
    return msgspec.structs.replace(
        delivery,
        state=_S.PENDING,
        queue=queue_of(_S.PENDING, delivery.area, delivery.subject, delivery.audience),
        attempts=0,
        due_at=now,
        due_line=line_of(delivery.audience, delivery.subject, delivery.area),
    )


def handed_form(delivery: Delivery, now: datetime) -> Delivery:
    """Give a delivery as one that its writer sends now, for the first time."""
    return msgspec.structs.replace(
        delivery,
        state=_S.SENT,
        queue=queue_of(_S.SENT, delivery.area, delivery.subject, delivery.audience),
        attempts=1,
        sent_at=now,
        due_at=now + answer_wait(1),
        due_line=line_of(delivery.audience, delivery.subject, delivery.area),
    )


# --------------------------------------------------------------------------- reading


def find(subject: str, sequence: int) -> Delivery | None:
    """Read a delivery."""
    return DeliveryRow.find(subject, sequence)


def find_many(keys: Sequence[tuple[str, int]]) -> list[Delivery]:
    """Read many deliveries by subject and sequence; unknown ones are left out."""
    return DeliveryRow.find_many(keys)


def deliveries_of(subject: str) -> list[Delivery]:
    """List a subject's deliveries in their order."""
    return [row.record for row in DeliveryRow.query(subject, consistent_read=True)]


def last_of(subject: str) -> Delivery | None:
    """Read the last delivery of a subject."""
    rows = DeliveryRow.query(subject, consistent_read=True, scan_index_forward=False, limit=1)
    return next((row.record for row in rows), None)


# --------------------------------------------------------------------------- moving


def move(
    delivery: Delivery | Due,
    action: str,
    *,
    change: Change,
    actions: Sequence[Action] = (),
    also: Condition | None = None,
) -> Delivery | None:
    """Take a delivery through one action of its table; None if its state no longer allows it.

    The state stands in `state`, not in `status` as elsewhere, so the condition is written out here. It is the
    truth of `model.why_not`.
    """
    written = _moving(delivery, action, actions, also)
    try:
        return update(DeliveryRow, delivery.key, written.actions, condition=written.condition, change=change)
    except ConditionFailed:
        return None


def _moving(
    delivery: Delivery | Due, action: str, actions: Sequence[Action] = (), also: Condition | None = None
) -> Update:
    target = DELIVERY_TRANSITIONS.target(action)
    condition = DeliveryRow.state.is_in(*map(str, DELIVERY_TRANSITIONS.sources(action)))
    timing = [] if target in DUE_STATES else [DeliveryRow.due_at.remove(), DeliveryRow.due_line.remove()]
    return Update(
        DeliveryRow,
        delivery.key,
        [
            DeliveryRow.state.set(str(target)),
            DeliveryRow.queue.set(queue_of(target, delivery.area, delivery.subject, delivery.audience)),
            *timing,
            *actions,
        ],
        condition if also is None else condition & also,
    )


def _due(delivery: Delivery | Due, at: datetime) -> list[Action]:
    return [
        DeliveryRow.due_at.set(at),
        DeliveryRow.due_line.set(line_of(delivery.audience, delivery.subject, delivery.area)),
    ]


def hand_over(
    delivery: Delivery | Due, *, now: datetime, change: Change, early: bool = False
) -> Delivery | None:
    """Take a delivery for this worker to send now; None if it is another's, settled, or not yet due.

    The write is the lease: it says when the delivery is due again, should nothing more be heard of it.
    `early` takes a pending one before its time. One that was sent before was sent in vain.
    """
    attempts = delivery.attempts + 1
    taken: Condition = DeliveryRow.due_at <= now
    if early:
        taken |= DeliveryRow.state == str(_S.PENDING)
    actions = [
        DeliveryRow.attempts.set(attempts),
        DeliveryRow.sent_at.set(now),
        *_due(delivery, now + answer_wait(attempts)),
    ]
    if delivery.state is _S.SENT:
        actions.append(DeliveryRow.tried_since.set(DeliveryRow.tried_since | now))
    return move(delivery, "hand_over", change=change, actions=actions, also=taken)


def _ours(delivery: Delivery) -> Condition:
    """Require that nobody has handed the delivery over since this worker did."""
    condition: Condition = DeliveryRow.attempts == delivery.attempts
    return condition


def put_off(
    delivery: Delivery, *, failure: str, due_at: datetime, now: datetime, change: Change
) -> Delivery | None:
    """Have a delivery that could not be sent now tried again later."""
    actions = [
        DeliveryRow.failure.set(failure),
        DeliveryRow.tried_since.set(DeliveryRow.tried_since | now),
        *_due(delivery, due_at),
    ]
    return move(delivery, "put_off", change=change, actions=actions, also=_ours(delivery))


def give_up(delivery: Delivery, *, failure: str, now: datetime, change: Change) -> None:
    """Leave a delivery that failed for too long to a person; where the next one need not wait, it goes."""
    actions = [DeliveryRow.failure.set(failure), DeliveryRow.answered_at.set(now)]
    if _S.DEAD not in settled_for(delivery.audience):
        move(delivery, "give_up", change=change, actions=actions, also=_ours(delivery))
        return
    settle(
        delivery,
        "give_up",
        now=now,
        change=change,
        following=None,
        hands_over=False,
        actions=actions,
        also=_ours(delivery),
    )


def mark_refused(delivery: Delivery, *, reason: str | None, now: datetime, change: Change) -> Delivery | None:
    """Record that the audience will not have a message; None if it cannot say that now, or never had it."""
    failure = DeliveryRow.failure.set(reason) if reason else DeliveryRow.failure.remove()
    actions = [DeliveryRow.answered_at.set(now), failure]
    return move(delivery, "refuse", change=change, actions=actions, also=_WAS_TRIED)


def redrive(delivery: Delivery, *, due_at: datetime, change: Change) -> Delivery | None:
    """Put a delivery back among those to be sent, its tries and what was asked about it forgotten."""
    cleared = [
        DeliveryRow.attempts.set(0),
        DeliveryRow.failure.remove(),
        DeliveryRow.tried_since.remove(),
        DeliveryRow.passing.remove(),
        *_due(delivery, due_at),
    ]
    return move(delivery, "redrive", change=change, actions=cleared)


def ask_pass_over(delivery: Delivery, passing: PassingOver, change: Change) -> Delivery | None:
    """Note that somebody wants a message left out; None if its state no longer allows it."""
    sources = map(str, DELIVERY_TRANSITIONS.sources("pass_over"))
    try:
        return update(
            DeliveryRow,
            delivery.key,
            [DeliveryRow.passing.set(passing)],
            condition=DeliveryRow.state.is_in(*sources) & (DeliveryRow.version == delivery.version),
            change=change,
        )
    except ConditionFailed:
        return None


def tell_again(delivery: Delivery, *, now: datetime, change: Change) -> bool:
    """Have an accepted message told once more, if it is the last of its subject; False if it is not."""
    again = _moving(delivery, "tell_again", [DeliveryRow.attempts.set(0), *_due(delivery, now)])
    nothing_after = _state_is(next_key(delivery), DeliveryRow.state.does_not_exist())
    try:
        transact([again, nothing_after], change=change)
    except ConditionFailed:
        return False
    return True


# --------------------------------------------------------------------------- settling


def next_key(delivery: Delivery) -> tuple[str, int]:
    """Name the message that comes after one."""
    return delivery.subject, delivery.sequence + 1


@dataclass(frozen=True)
class Settling:
    """What became of settling a message: whether it could be, and the next one if that is set going."""

    done: bool
    next: Delivery | None = None


def settle(
    delivery: Delivery,
    action: str,
    *,
    now: datetime,
    change: Change,
    following: Delivery | None,
    hands_over: bool,
    actions: Sequence[Action] = (),
    also: Condition | None = None,
) -> Settling:
    """Settle a message and set the next one of its subject going, if there is one that waits: one write.

    `following` is the next one as it was read; whether there is one, the write makes sure. With `hands_over`
    the caller sends it at once.
    """
    settled = _moving(delivery, action, actions, also)
    return _settled_with(
        settled, delivery, now=now, change=change, following=following, hands_over=hands_over
    )


def accept(
    delivery: Delivery, *, now: datetime, change: Change, following: Delivery | None, hands_over: bool
) -> Settling:
    """Record that a message was accepted, and set the next one going; not done if nobody ever had it."""
    return settle(
        delivery,
        "acknowledge",
        now=now,
        change=change,
        following=following,
        hands_over=hands_over,
        actions=[
            DeliveryRow.answered_at.set(now),
            DeliveryRow.failure.remove(),
            DeliveryRow.passing.remove(),
        ],
        also=_WAS_TRIED,
    )


def pass_over(
    delivery: Delivery, passing: PassingOver, *, now: datetime, change: Change, following: Delivery | None
) -> Settling:
    """Leave a message out for good, and set the next one going."""
    return settle(
        delivery,
        "pass_over",
        now=now,
        change=change,
        following=following,
        hands_over=False,
        actions=[DeliveryRow.passing.set(passing)],
        also=DeliveryRow.version == delivery.version,
    )


def add_missing(delivery: Delivery, *, now: datetime, change: Change) -> Settling:
    """Name a change of which nothing is left, and set the next one going.

    Not done if it is recorded after all, or the message before it is still open: what comes after must not
    overtake that. The first that is named of a subject of which nothing is recorded stands for all before it.
    """
    put = Put(DeliveryRow.from_record(delivery))
    settled_before = DeliveryRow.state.does_not_exist() | DeliveryRow.state.is_in(*map(str, SETTLED))
    before = _state_is(_key_before(delivery), settled_before)
    return _settled_with(
        put, delivery, now=now, change=change, following=None, hands_over=False, before=before
    )


def _settled_with(
    settled: Put | Update,
    delivery: Delivery,
    *,
    now: datetime,
    change: Change,
    following: Delivery | None,
    hands_over: bool,
    before: Check | None = None,
) -> Settling:
    first = [settled] if before is None else [settled, before]
    for _ in range(_FLIPS):
        waits = following is not None and following.state is _S.WAITING
        if waits:
            assert following is not None
            going = handed_form(following, now) if hands_over else pending_form(following, now)
            second: Check | Update = _going(going)
        else:
            is_other = DeliveryRow.state.does_not_exist() | (DeliveryRow.state != str(_S.WAITING))
            second = _state_is(next_key(delivery), is_other)
        try:
            transact([*first, second], change=change)
        except ConditionFailed as failure:
            if failure.index < len(first):
                return Settling(done=False)
            following = find(*next_key(delivery))
        else:
            return Settling(done=True, next=going if waits else None)
    raise error("try_again")


def _going(going: Delivery) -> Update:
    """Set a message that waited going: to be sent, or handed over by the writer."""
    assert going.due_at is not None
    sent = [DeliveryRow.sent_at.set(going.sent_at)] if going.sent_at is not None else []
    return Update(
        DeliveryRow,
        going.key,
        [
            DeliveryRow.state.set(str(going.state)),
            DeliveryRow.queue.set(going.queue),
            DeliveryRow.attempts.set(going.attempts),
            *_due(going, going.due_at),
            *sent,
        ],
        DeliveryRow.state == str(_S.WAITING),
    )
