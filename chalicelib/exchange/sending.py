"""Sending what waits: each subject's messages in order, until the time is up or the platform is away."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from chalicelib.aws.settings import settings
from chalicelib.exchange import store
from chalicelib.exchange.model import TRIES_MAX, Delivery, DeliveryState
from chalicelib.exchange.platform import Platform, Reception, platform_at
from chalicelib.kernel.principal import Context, change_of


@dataclass
class SendingRun:
    """One run of sending: ends when the time is up or the platform seems to be away.

    `patience` is how many tries may fail in a row: so many different subjects are not all bad messages.
    """

    seconds: float
    patience: int = 3
    sent: int = 0
    refused: int = 0
    failed: int = 0
    _in_a_row: int = 0
    _began: float = field(default_factory=time.monotonic)

    @property
    def over(self) -> bool:
        """Tell whether to leave the rest to the next run."""
        return self._in_a_row >= self.patience or time.monotonic() - self._began > self.seconds

    def note(self, reception: Reception) -> None:
        """Count how a message fared."""
        self.sent += reception is Reception.TAKEN
        self.refused += reception is Reception.REFUSED
        self.failed += reception is Reception.NOT_NOW
        self._in_a_row = self._in_a_row + 1 if reception is Reception.NOT_NOW else 0


def deliver(context: Context, subjects: Iterable[str], run: SendingRun) -> None:
    """Send what waits of these subjects, each in its order, until the run is over."""
    for subject in subjects:
        if run.over:
            return
        deliver_in_order(context, store.deliveries_of(subject), run)


def deliver_in_order(context: Context, deliveries: Sequence[Delivery], run: SendingRun) -> None:
    """Send the pending ones of a subject's deliveries; a later one waits for an earlier one."""
    url = settings().platform_url
    if not url:
        return
    for delivery in deliveries:
        if delivery.state is DeliveryState.PENDING and (
            run.over or not _send(context, platform_at(url), delivery, run)
        ):
            return


def _send(context: Context, platform: Platform, delivery: Delivery, run: SendingRun) -> bool:
    """Send a message once and note how it fared; False if it still waits, and the later ones with it."""
    answer = platform.send(delivery)
    run.note(answer.reception)
    change = change_of(context, "exchange.deliver")
    match answer.reception:
        case Reception.TAKEN:
            store.mark_sent(delivery, now=context.now, change=change)
        case Reception.REFUSED:
            store.mark_refused(delivery, failure=answer.failure, now=context.now, change=change)
        case Reception.NOT_NOW if delivery.attempts + 1 >= TRIES_MAX:
            store.mark_dead(delivery, failure=answer.failure, change=change)
        case Reception.NOT_NOW:
            store.mark_tried(delivery, failure=answer.failure, change=change)
            return False
    return True
