"""Use cases of the exchange: record each change, hear the platform's word, redrive, reconcile a day."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from chalicelib.accounts import rights
from chalicelib.aws.streams import RowChange
from chalicelib.exchange import store
from chalicelib.exchange.model import (
    ACTION_OF_VERDICT,
    ALL_AREAS,
    DELIVERY_TRANSITIONS,
    REPORTED,
    Delivery,
    DeliveryState,
    PlatformVerdict,
    area_of,
    body_of,
    delivery_key,
    event_of,
    message_id_of,
    why_not,
)
from chalicelib.exchange.sending import SendingRun, deliver
from chalicelib.kernel.calendar import start_of_day
from chalicelib.kernel.divisions import PROVINCE
from chalicelib.kernel.paging import Page, PageRequest
from chalicelib.kernel.principal import Context, Principal, change_of
from chalicelib.kernel.reasons import error, refuse

_REDRIVE_SECONDS = 10


@dataclass(frozen=True)
class RecordedDelivery:
    """A delivery as it is recorded, and whether it was now: a stream that repeats itself makes no second."""

    delivery: Delivery
    is_new: bool


def record(context: Context, row: RowChange) -> RecordedDelivery | None:
    """Record a change of a reported table as a delivery; None if it is not to be told."""
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
    return RecordedDelivery(delivery, store.add(delivery, change_of(context, "exchange.record")))


# --------------------------------------------------------------------------- the platform's word


@dataclass(frozen=True)
class AcknowledgementResult:
    """What became of a list of acknowledgements."""

    applied: int
    unknown: list[str]
    contradicting: list[str]


@dataclass(frozen=True)
class Acknowledgement:
    """The platform's word on one message."""

    message_id: str
    verdict: PlatformVerdict
    reason: str | None


def acknowledge(context: Context, acknowledgements: Sequence[Acknowledgement]) -> AcknowledgementResult:
    """Take the platform's word on messages; a repeat changes nothing, accepted is final."""
    unknown, contradicting = [], []
    for acknowledgement in acknowledgements:
        delivery = _find(acknowledgement.message_id)
        if delivery is None:
            unknown.append(acknowledgement.message_id)
        elif not _apply(context, delivery, acknowledgement):
            contradicting.append(acknowledgement.message_id)
    applied = len(acknowledgements) - len(unknown) - len(contradicting)
    return AcknowledgementResult(applied, unknown, contradicting)


def _apply(context: Context, delivery: Delivery, acknowledgement: Acknowledgement) -> bool:
    action, reason = ACTION_OF_VERDICT[acknowledgement.verdict], acknowledgement.reason
    target = DELIVERY_TRANSITIONS.target(action)
    if delivery.state is target:
        return True
    change = change_of(context, "exchange.acknowledge", reason=reason)
    if store.mark_answered(delivery, action, reason=reason, now=context.now, change=change):
        return True
    again = store.find(delivery.subject, delivery.sequence)
    return again is not None and again.state is target


def _find(message_id: str) -> Delivery | None:
    key = delivery_key(message_id)
    return store.find(*key) if key is not None else None


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
    """Send a message again that was refused, given up or never acknowledged; one that waits is sent now.

    Raises:
        NotFound: unknown, or outside the caller's area.
        Refused: `wrong_state` if it is acknowledged.

    """
    delivery = _find(message_id)
    if delivery is None:
        raise error("not_found")
    rights.require(context.principal, "exchange.redrive", division=delivery.division)
    if delivery.state is not DeliveryState.PENDING:
        refuse(why_not("redrive", delivery))
        if store.redrive(delivery, change_of(context, "exchange.redrive")) is None:
            raise error("wrong_state", status=delivery.state.value)
    deliver(context, [delivery.subject], SendingRun(seconds=_REDRIVE_SECONDS))
    after = store.find(delivery.subject, delivery.sequence)
    assert after is not None
    return after


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


def allowed_on_delivery(principal: Principal, delivery: Delivery) -> list[str]:
    """List what this caller may do with a delivery now."""
    return rights.offered(
        principal,
        {"redrive": "exchange.redrive"},
        lambda action: why_not(action, delivery),
        division=delivery.division,
    )
