"""What is told to an audience, message by message, and how each of them fares.

A delivery is one change of one subject on its way to an audience: the national platform, or whoever else has
a way to be told (`audiences`). Its key is the subject and the number of the message among those of its
subject. The numbers have no gaps, and a message is handed over only when the one before it is settled: so the
other side sees the changes of a subject in their order, and can tell a repeat by its number.

    vch_a 1  acknowledged                       the platform has it
    vch_a 2  sent, due again at 10:20           handed over, no word yet; without one it is handed over again
    vch_a 3  waiting                            recorded; 2 has to be settled first
    the platform refuses 2 with a reason        vch_a stands still, and nothing else; the province sees it
    the province has 2 sent again, or two of    3 is pending, and handed over
    them pass it over

A row that is handed over bears, in that very write, when it is due again: whoever dies between the write and
the sending loses nothing, and nobody else sends it meanwhile.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

import msgspec

from chalicelib.kernel.divisions import COUNTY_LEVEL, PROVINCE, is_known, parent_of
from chalicelib.kernel.errors import DomainError
from chalicelib.kernel.ids import part_id, whole_of
from chalicelib.kernel.principal import Change, Principal
from chalicelib.kernel.reasons import error
from chalicelib.kernel.transitions import Step, Transitions

PLATFORM: Final = "platform"
"""The audience of the return of data (数据回流): the national platform."""

WEBHOOK: Final = "webhook"
"""The audience of programs that are told by a webhook, each by itself: the area of their deliveries is the
program, and its deliveries stand in a line and in lists of their own."""

BOX: Final = 0
"""The number that a program's box has among its rows (`webhooks.boxes`); messages begin with 1."""

ANSWER_WAIT: Final = timedelta(minutes=10)
"""So long a message that was handed over waits for its answer before it is handed over again, at first."""
PAUSE_FIRST: Final = timedelta(seconds=30)
PAUSE_MAX: Final = timedelta(hours=6)
"""Between two tries: twice as long each time, up to this, and then a random share of it (full jitter)."""
GIVE_UP_AFTER: Final = timedelta(days=7)
TRIES_MIN: Final = 12
"""What failed for so long, and so often, while others got through, a person decides on."""
HEARD_WITHIN: Final = timedelta(days=1)
"""An audience that took nothing for longer is away: what fails then says nothing of a message."""

_PREFIX_CHARS = 3


class DeliveryState(StrEnum):
    """Where a delivery is.

    `missing` names a change of which nothing is left to tell: the stream lost it, and later ones wrote over
    it. `passed` was left out by two people of the province.
    """

    WAITING = "waiting"
    PENDING = "pending"
    SENT = "sent"
    ACKNOWLEDGED = "acknowledged"
    REFUSED = "refused"
    DEAD = "dead"
    PASSED = "passed"
    MISSING = "missing"


_S = DeliveryState
DELIVERY_TRANSITIONS: Transitions[DeliveryState] = Transitions(
    "delivery",
    {
        "follow": Step((_S.WAITING,), _S.PENDING),
        "hand_over": Step((_S.PENDING, _S.SENT), _S.SENT),
        "put_off": Step((_S.SENT,), _S.PENDING),
        "refuse": Step((_S.PENDING, _S.SENT, _S.DEAD), _S.REFUSED),
        "give_up": Step((_S.PENDING, _S.SENT), _S.DEAD),
        "acknowledge": Step((_S.PENDING, _S.SENT, _S.REFUSED, _S.DEAD), _S.ACKNOWLEDGED),
        "redrive": Step((_S.SENT, _S.REFUSED, _S.DEAD), _S.PENDING),
        "pass_over": Step((_S.REFUSED, _S.DEAD), _S.PASSED),
        "tell_again": Step((_S.ACKNOWLEDGED,), _S.PENDING),
    },
)
SETTLED: Final = (_S.ACKNOWLEDGED, _S.PASSED, _S.MISSING)
"""What the next message of a subject waits for. A refused one holds it up: were a number that the platform
does not have followed by a later one, it could never be told in order any more."""
_LEFT_BEHIND: Final = (*SETTLED, _S.DEAD)


def settled_for(audience: str) -> tuple[DeliveryState, ...]:
    """Tell what the next message of a subject waits for.

    Who is told by a webhook reads the record itself, and is not kept without what comes after one that was
    given up.
    """
    return SETTLED if audience == PLATFORM else _LEFT_BEHIND


DUE_STATES: Final = (_S.PENDING, _S.SENT)
"""In these a machine acts, when `due_at` has come."""
STUCK: Final = (_S.REFUSED, _S.DEAD)
"""In these a person decides."""


class PlatformVerdict(StrEnum):
    """What the platform says of a message it took."""

    ACCEPTED = "accepted"
    REFUSED = "refused"


ACTION_OF_VERDICT: Mapping[PlatformVerdict, str] = {
    PlatformVerdict.ACCEPTED: "acknowledge",
    PlatformVerdict.REFUSED: "refuse",
}


class PassingOver(msgspec.Struct, frozen=True, kw_only=True):
    """Why a message is left out for good: asked for by one person of the province, confirmed by another.

    `reason` is why it can never be accepted, `grounds` why its subject may go on without it.
    """

    asked_by: str
    asked_at: datetime
    reason: str
    confirmed_by: str | None = None
    grounds: str | None = None


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """One message on its way; `sequence` is its number among those of its subject.

    `due_at` is when a machine has to act next, `due_line` the part of the work in which it then stands; other
    states have neither. `tried_since` is the first of the tries that were in vain. `rebuilt` tells that the
    stream never told the change: it was read off the row as it stood.
    """

    subject: str
    sequence: int
    message_id: str
    event: str
    area: str
    division: str
    occurred_at: datetime
    state: DeliveryState
    queue: str
    body: dict[str, Any] = {}
    attempts: int = 0
    failure: str | None = None
    sent_at: datetime | None = None
    answered_at: datetime | None = None
    audience: str = PLATFORM
    form: str = ""
    due_at: datetime | None = None
    due_line: str | None = None
    tried_since: datetime | None = None
    rebuilt: bool = False
    passing: PassingOver | None = None
    version: int = 1
    last_change: Change | None = None

    @property
    def key(self) -> tuple[str, int]:
        """Give the key of its row."""
        return self.subject, self.sequence


class Due(msgspec.Struct, frozen=True, kw_only=True):
    """A delivery that is due, as far as the index tells: enough to be handed over."""

    subject: str
    sequence: int
    area: str
    attempts: int
    state: DeliveryState
    audience: str

    @property
    def key(self) -> tuple[str, int]:
        """Give the key of its row."""
        return self.subject, self.sequence


class Reception(StrEnum):
    """How a message fared: `taken` is no word yet, `accepted` and `refused` are.

    `never` was not sent: nobody is to be told of it any more.
    """

    TAKEN = "taken"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    NOT_NOW = "not_now"
    NEVER = "never"


class Answer(msgspec.Struct, frozen=True):
    """How a message fared, and what for."""

    reception: Reception
    failure: str = ""


def was_tried(delivery: Delivery) -> bool:
    """Tell whether a message was ever handed over: being so is written before it leaves.

    Of what was tried a word may come, also if the answer of the call was lost. Of what was not, nobody can
    have one.
    """
    return delivery.sent_at is not None or delivery.attempts > 0


def why_not(action: str, delivery: Delivery, principal: Principal | None = None) -> DomainError | None:
    """Tell what stands against an action; the truth is the condition of each write in `store`.

    To pass a message over is asked for by one person and confirmed by another.
    """
    base = "pass_over" if action == "confirm_pass_over" else action
    if not DELIVERY_TRANSITIONS.allows(base, delivery.state):
        return error("wrong_state", status=str(delivery.state))
    if action == "confirm_pass_over":
        if delivery.passing is None:
            return error("wrong_state", status=str(delivery.state))
        if principal is not None and principal.had_hand_in(delivery.passing.asked_by):
            return error("self_approval")
    return None


# --------------------------------------------------------------------------- when to try again


def pause_after(attempts: int, share: float) -> timedelta:
    """Tell how long to wait after so many tries in vain; `share` of the span, 0 to 1, is drawn (full jitter).

    After 1, 2, 3 … tries at most 30 s, 1 min, 2 min … 6 h: a message is tried about thirty times a week.
    """
    span = min(PAUSE_MAX, PAUSE_FIRST * (1 << min(attempts - 1, 20)))
    return span * share


def answer_wait(attempts: int) -> timedelta:
    """Tell how long to wait for an answer once a message was handed over for the nth time."""
    return min(PAUSE_MAX, ANSWER_WAIT * (1 << min(attempts - 1, 20)))


def is_hopeless(delivery: Delivery, now: datetime, heard_at: datetime | None) -> bool:
    """Tell whether a person has to decide: it failed for a week while the audience took others."""
    since = delivery.tried_since
    return (
        since is not None
        and delivery.attempts >= TRIES_MIN
        and now - since >= GIVE_UP_AFTER
        and heard_at is not None
        and heard_at > now - HEARD_WITHIN
    )


def may_be_hopeless(delivery: Delivery, now: datetime) -> bool:
    """Tell whether it is worth asking when the audience took something last."""
    return is_hopeless(delivery, now, heard_at=now)


# --------------------------------------------------------------------------- names


def message_id_of(subject: str, sequence: int) -> str:
    """Give the message's id, which can be read backwards: `vch_x`, 3 → `msg_x-vch3`."""
    return part_id("msg", subject, f"{subject.partition('_')[0]}{sequence}")


def delivery_key(message_id: str) -> tuple[str, int] | None:
    """Give the subject and sequence a message id names; None if it is none of ours."""
    if not message_id.startswith("msg_"):
        return None
    whole, name = whole_of("msg", message_id)
    number = name[_PREFIX_CHARS:]
    if not whole or not (number.isascii() and number.isdecimal()) or len(number) > 9:  # noqa: PLR2004
        return None
    subject, sequence = f"{name[:_PREFIX_CHARS]}_{whole.partition('_')[2]}", int(number)
    return (subject, sequence) if message_id_of(subject, sequence) == message_id else None


def kind_of(event: str) -> str:
    """Give the kind of subject that an event is of: `voucher.redeemed` → `voucher`."""
    return event.partition(".")[0]


def area_of(division: str | None) -> str:
    """Give the bureau directly under the province that a division belongs to, or the province."""
    if division is None or not is_known(division):
        return str(PROVINCE)
    area = division
    while (above := parent_of(area)) is not None and above != PROVINCE:
        area = above
    return str(area)


ALL_AREAS: tuple[str, ...] = (str(PROVINCE), *sorted({area_of(code) for code in COUNTY_LEVEL}))


def followers_of(keys: Sequence[tuple[str, int]]) -> list[tuple[str, int]]:
    """Name the messages that come next after some."""
    return [(subject, sequence + 1) for subject, sequence in keys]
