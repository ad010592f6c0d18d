"""Handing over what is due: each message by one worker, until the time is up or the audience is away."""

import contextvars
import random
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime

from chalicelib.aws.logs import log_failure
from chalicelib.exchange import store
from chalicelib.exchange.audiences import WAYS
from chalicelib.exchange.lists import store as lists
from chalicelib.exchange.model import (
    HEARD_WITHIN,
    Answer,
    Delivery,
    DeliveryState,
    Due,
    Reception,
    is_hopeless,
    may_be_hopeless,
    pause_after,
)
from chalicelib.kernel.principal import Context, change_of

_A_PAGE = 50
UNANSWERED = "unanswered"
"""What is wrong with a message that was taken again and again, and never answered."""


@dataclass
class SendingRun:
    """One run of sending: ends when the time is up or the audience seems to be away.

    `patience` is how many tries may fail in a row: so many different subjects are not all bad messages.
    Several workers may share a run.
    """

    seconds: float
    patience: int = 3
    sent: int = 0
    refused: int = 0
    failed: int = 0
    _in_a_row: int = 0
    _began: float = field(default_factory=time.monotonic)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @property
    def over(self) -> bool:
        """Tell whether to leave the rest to the next run."""
        return self._in_a_row >= self.patience or time.monotonic() - self._began > self.seconds

    def note(self, reception: Reception) -> None:
        """Count how a message fared."""
        with self._lock:
            self.sent += reception in (Reception.TAKEN, Reception.ACCEPTED)
            self.refused += reception is Reception.REFUSED
            self.failed += reception is Reception.NOT_NOW
            if reception is not Reception.NEVER:  # that nobody was asked tells nothing of who is away
                self._in_a_row = self._in_a_row + 1 if reception is Reception.NOT_NOW else 0


def drawn_share() -> float:
    """Draw how much of a pause is waited, so that what failed together does not come back together."""
    return random.random()  # noqa: S311 - no secret


def can_be_told(delivery: Delivery) -> bool:
    """Tell whether there is a way to whom a delivery is for."""
    return WAYS[delivery.audience].way(delivery) is not None


def send_handed(context: Context, delivery: Delivery, run: SendingRun) -> None:
    """Send a message that this worker holds, and those of its subject that its acceptance sets going."""
    held: Delivery | None = delivery
    while held is not None:
        held = _send(context, held, run)


def _send(context: Context, delivery: Delivery, run: SendingRun) -> Delivery | None:
    """Send once and note how it fared; gives the next message, if this worker holds that now."""
    way = WAYS[delivery.audience].way(delivery)
    answer = way.send(delivery) if way is not None else Answer(Reception.NOT_NOW, "no_way")
    run.note(answer.reception)
    change = change_of(context, "exchange.deliver")
    match answer.reception:
        case Reception.ACCEPTED:
            settling = store.accept(
                delivery, now=context.now, change=change, following=None, hands_over=not run.over
            )
            return settling.next if settling.next and settling.next.state is DeliveryState.SENT else None
        case Reception.REFUSED:
            store.mark_refused(delivery, reason=answer.failure, now=context.now, change=change)
        case Reception.NOT_NOW:
            _put_off(context, delivery, answer.failure)
        case Reception.NEVER:
            store.give_up(delivery, failure=answer.failure, now=context.now, change=change)
        case Reception.TAKEN:
            pass  # its lease is the time that it has to be answered in
    return None


def _put_off(context: Context, delivery: Delivery, failure: str) -> None:
    change = change_of(context, "exchange.deliver")
    if _is_hopeless(delivery, context.now):
        store.give_up(delivery, failure=failure, now=context.now, change=change)
        return
    due_at = context.now + pause_after(delivery.attempts, drawn_share())
    store.put_off(delivery, failure=failure, due_at=due_at, now=context.now, change=change)


def _is_hopeless(delivery: Delivery, now: datetime) -> bool:
    """Ask whether others got through meanwhile only of what failed for so long that it matters."""
    if not may_be_hopeless(delivery, now):
        return False
    heard = WAYS[delivery.audience].heard(delivery, now - HEARD_WITHIN)
    return is_hopeless(delivery, now, now if heard else None)


def take_and_send(
    context: Context, delivery: Delivery | Due, run: SendingRun, *, early: bool = False
) -> bool:
    """Hand over a message that is due, if nobody else does; False if it was not this worker's to send."""
    held = store.hand_over(
        delivery, now=context.now, change=change_of(context, "exchange.deliver"), early=early
    )
    if held is None:
        return False
    if delivery.state is DeliveryState.SENT and _is_hopeless(held, context.now):
        change = change_of(context, "exchange.deliver")
        store.give_up(held, failure=UNANSWERED, now=context.now, change=change)
        return True
    send_handed(context, held, run)
    return True


def drain(context: Context, lines: Sequence[str], run: SendingRun, *, workers: int) -> int:
    """Hand over what is due in some lines, by so many workers at once; gives how many messages that were.

    Workers need not know of each other, here or in other processes: who hands a message over says so in the
    write, and the next one of its subject is not due before it is settled.
    """
    here = contextvars.copy_context()
    drawn = random.sample(list(lines), len(lines))  # with little time, not the same ones are left each time
    with ThreadPoolExecutor(workers) as pool:
        return sum(pool.map(lambda line: here.copy().run(_drain_line, context, line, run), drawn))


def _drain_line(context: Context, line: str, run: SendingRun) -> int:
    done = 0
    while not run.over:
        page = lists.due(line, now=context.now, limit=_A_PAGE)
        taken = 0
        for entry in page:
            taken += _try(context, entry, run)
        done += taken
        if not taken:  # the index lags, or others are faster
            break
    return done


def _try(context: Context, entry: Due, run: SendingRun) -> bool:
    try:
        return not run.over and take_and_send(context, entry, run)
    except Exception as error:  # noqa: BLE001 - it is due again when its lease is over
        log_failure("delivery_unsent", error, subject=entry.subject)
        return False
