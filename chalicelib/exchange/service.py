"""Use cases of the exchange: record each change, deliver in order, hear answers, redrive, reconcile."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from chalicelib.accounts import rights
from chalicelib.aws.settings import settings
from chalicelib.aws.streams import RowChange
from chalicelib.exchange import store
from chalicelib.exchange.model import (
    ACTION_OF_OUTCOME,
    DELIVERY_TRANSITIONS,
    REPORTED,
    TRIES_MAX,
    Delivery,
    DeliveryState,
    Outcome,
    area_of,
    body_of,
    delivery_key,
    event_of,
    message_id_of,
)
from chalicelib.exchange.platform import Platform, Taken, platform_at
from chalicelib.kernel.calendar import start_of_day
from chalicelib.kernel.divisions import COUNTY_LEVEL, PROVINCE
from chalicelib.kernel.paging import Page, PageRequest
from chalicelib.kernel.principal import Context, change_of
from chalicelib.kernel.reasons import error

ALL_AREAS: tuple[str, ...] = (str(PROVINCE), *sorted({area_of(code) for code in COUNTY_LEVEL}))


@dataclass
class Run:
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

    def note(self, taken: Taken) -> None:
        """Count how a message fared."""
        self.sent += taken is Taken.TAKEN
        self.refused += taken is Taken.REFUSED
        self.failed += taken is Taken.NOT_NOW
        self._in_a_row = self._in_a_row + 1 if taken is Taken.NOT_NOW else 0


def record(context: Context, row: RowChange) -> tuple[Delivery, bool] | None:
    """Record a change of a reported table as a delivery; None if it is not to be told.

    Answers the delivery and whether it is new: a stream that repeats itself makes no second one.
    """
    reported = REPORTED.get(row.table)
    if reported is None or row.after is None or row.version is None:
        return None
    division = str(row.after.get("division", PROVINCE))
    area = area_of(division)
    change = row.change or change_of(context, "exchange.record")
    delivery = Delivery(
        subject=row.subject,
        sequence=row.version,
        message_id=message_id_of(row.subject, row.version),
        event=event_of(reported, row.before, row.after),
        area=area,
        division=division,
        occurred_at=change.at,
        state=DeliveryState.PENDING,
        queue=store.queue_of(DeliveryState.PENDING, area, row.subject),
        body=body_of(reported, row.after),
    )
    return delivery, store.add(delivery, change_of(context, "exchange.record"))


def deliver(context: Context, subjects: Iterable[str], run: Run) -> None:
    """Send what waits of these subjects, each in its order, until the run is over."""
    for subject in subjects:
        if run.over:
            return
        deliver_in_order(context, store.deliveries_of(subject), run)


def deliver_in_order(context: Context, deliveries: Sequence[Delivery], run: Run) -> None:
    """Send the pending ones of a subject's deliveries; a later one waits for an earlier one."""
    url = settings().platform_url
    if not url:
        return
    for delivery in deliveries:
        if delivery.state is DeliveryState.PENDING and (
            run.over or not _send(context, platform_at(url), delivery, run)
        ):
            return


def _send(context: Context, platform: Platform, delivery: Delivery, run: Run) -> bool:
    answer = platform.send(delivery)
    run.note(answer.taken)
    change = change_of(context, "exchange.deliver")
    match answer.taken:
        case Taken.TAKEN:
            store.mark_sent(delivery, now=context.now, change=change)
        case Taken.REFUSED:
            store.mark_refused(delivery, failure=answer.failure, now=context.now, change=change)
        case Taken.NOT_NOW if delivery.attempts + 1 >= TRIES_MAX:
            store.mark_dead(delivery, failure=answer.failure, change=change)
        case Taken.NOT_NOW:
            store.mark_tried(delivery, failure=answer.failure, change=change)
            return False
    return True


# --------------------------------------------------------------------------- answers


@dataclass(frozen=True)
class Heard:
    """What became of a list of acknowledgements."""

    applied: int
    unknown: list[str]
    contradicting: list[str]


@dataclass(frozen=True)
class Acknowledgement:
    """The platform's word on one message."""

    message_id: str
    outcome: Outcome
    reason: str | None


def acknowledge(context: Context, items: Sequence[Acknowledgement]) -> Heard:
    """Take the platform's word on messages; a repeat changes nothing, accepted is final."""
    unknown, contradicting = [], []
    for item in items:
        key = delivery_key(item.message_id)
        delivery = store.find(*key) if key is not None else None
        if delivery is None:
            unknown.append(item.message_id)
        elif not _apply(context, delivery, item):
            contradicting.append(item.message_id)
    return Heard(len(items) - len(unknown) - len(contradicting), unknown, contradicting)


def _apply(context: Context, delivery: Delivery, item: Acknowledgement) -> bool:
    action = ACTION_OF_OUTCOME[item.outcome]
    target = DELIVERY_TRANSITIONS.target(action)
    if delivery.state is target:
        return True
    change = change_of(context, "exchange.acknowledge", reason=item.reason)
    if store.mark_answered(delivery, action, reason=item.reason, now=context.now, change=change):
        return True
    now = store.find(delivery.subject, delivery.sequence)
    return now is not None and now.state is target


# --------------------------------------------------------------------------- people


def _areas_of(division: str) -> tuple[Sequence[str], str | None]:
    """Give the areas of a bureau, and the one division it is confined to if it is a county's."""
    if division == PROVINCE:
        return ALL_AREAS, None
    area = area_of(division)
    return (area,), None if area == division else division


def list_deliveries(context: Context, state: DeliveryState, request: PageRequest) -> Page[Delivery]:
    """List the deliveries of a state in the caller's area."""
    rights.admit(context.principal, "exchange.read")
    areas, only = _areas_of(context.principal.division)
    return store.listing(state, areas, request, division=only)


def redrive(context: Context, message_id: str) -> Delivery:
    """Send a message again that was refused, given up or never acknowledged.

    Raises:
        NotFound: unknown, or outside the caller's area.
        Refused: `wrong_state` if it is acknowledged.

    """
    key = delivery_key(message_id)
    delivery = store.find(*key) if key is not None else None
    if delivery is None:
        raise error("not_found")
    rights.require(context.principal, "exchange.redrive", division=delivery.division)
    if delivery.state is not DeliveryState.PENDING:
        moved = store.redrive(delivery, change_of(context, "exchange.redrive"))
        if moved is None:
            raise error("wrong_state", status=delivery.state.value)
    deliver(context, [delivery.subject], Run(seconds=10))
    found = store.find(delivery.subject, delivery.sequence)
    assert found is not None
    return found


@dataclass(frozen=True)
class DayCount:
    """How the changes of one day fared."""

    day: date
    division: str
    states: dict[DeliveryState, int]


def reconcile_day(context: Context, day: date) -> DayCount:
    """Count the changes of a day, by what became of their deliveries, in the caller's area."""
    rights.admit(context.principal, "exchange.read")
    division = context.principal.division
    areas, _ = _areas_of(division)
    since, until = start_of_day(day), start_of_day(day + timedelta(days=1))
    states = {state: store.count(state, areas, since=since, until=until) for state in DeliveryState}
    return DayCount(day=day, division=areas[0] if len(areas) == 1 else division, states=states)


def may_redrive(context: Context, delivery: Delivery) -> bool:
    """Tell whether this caller may redrive this delivery now."""
    return DELIVERY_TRANSITIONS.allows("redrive", delivery.state) and rights.reaches(
        context.principal, "exchange.redrive", division=delivery.division
    )
