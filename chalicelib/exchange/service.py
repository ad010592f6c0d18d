"""Use cases of the exchange: record each change, hear the platform's word, and what people decide."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from chalicelib.accounts import rights
from chalicelib.accounts.refusals.store import keep_decision
from chalicelib.aws.logs import log
from chalicelib.aws.streams import RowChange
from chalicelib.exchange import store
from chalicelib.exchange.lines import queue_of
from chalicelib.exchange.lists import store as lists
from chalicelib.exchange.messages.reported import REPORTED, body_of, event_of
from chalicelib.exchange.model import (
    ACTION_OF_VERDICT,
    ALL_AREAS,
    DELIVERY_TRANSITIONS,
    PLATFORM,
    Delivery,
    DeliveryState,
    PassingOver,
    PlatformVerdict,
    area_of,
    delivery_key,
    followers_of,
    kind_of,
    message_id_of,
    was_tried,
    why_not,
)
from chalicelib.exchange.sending import SendingRun, can_be_told, drawn_share, send_handed, take_and_send
from chalicelib.kernel.calendar import start_of_day
from chalicelib.kernel.divisions import PROVINCE, is_known
from chalicelib.kernel.paging import Page, PageRequest
from chalicelib.kernel.principal import Context, Principal, change_of
from chalicelib.kernel.reasons import error, refuse

_REDRIVE_SECONDS = 10
_FOLLOWING_SECONDS = 3
"""So long the answer to the platform's words may wait for the messages that they set going."""
REDRIVEN_MAX = 200
"""Of one filter at once: each is a write."""
REDRIVE_SPREAD = timedelta(minutes=2)


# --------------------------------------------------------------------------- recording


def delivery_of(context: Context, row: RowChange) -> Delivery | None:
    """Describe a change of a reported table as a delivery to be sent; None if it is not to be told.

    Raises:
        msgspec.ValidationError: the row lacks what its form has to say.

    """
    reported = REPORTED.get(row.table)
    if reported is None or row.after is None or row.version is None:
        return None
    subject = reported.subject_of(row.after)
    division = str(row.after.get("division") or PROVINCE)
    area = area_of(division)
    change = row.change or change_of(context, "exchange.record")
    return store.pending_form(
        Delivery(
            subject=subject,
            sequence=row.version,
            message_id=message_id_of(subject, row.version),
            event=event_of(reported, row.before, row.after),
            area=area,
            division=division,
            occurred_at=change.at,
            state=DeliveryState.PENDING,
            queue=queue_of(DeliveryState.PENDING, area, subject),
            body=body_of(reported, row.after),
            form=reported.form,
        ),
        context.now,
    )


def record(
    context: Context, row: RowChange, run: SendingRun | None = None, *, follows_settled: bool = True
) -> store.Stored | None:
    """Record a change of a reported table as a delivery, and send it; None if it is not to be told.

    Without a run, or if that is over, it is only recorded: a worker hands it over later. A stream that
    repeats itself records nothing twice.
    """
    delivery = delivery_of(context, row)
    return (
        None if delivery is None else record_delivery(context, delivery, run, follows_settled=follows_settled)
    )


def record_delivery(
    context: Context, delivery: Delivery, run: SendingRun | None, *, follows_settled: bool = True
) -> store.Stored:
    """Record a delivery; where it is not to wait for another one, it is handed over in the same write."""
    sends = run is not None and not run.over and can_be_told(delivery)
    form = store.handed_form(delivery, context.now) if sends else delivery
    stored = store.add(form, change_of(context, "exchange.record"), follows_settled=follows_settled)
    if stored.is_new and stored.delivery.state is DeliveryState.SENT:
        assert run is not None
        send_handed(context, stored.delivery, run)
    return stored


# --------------------------------------------------------------------------- the platform's word


@dataclass(frozen=True)
class AcknowledgementResult:
    """What became of a list of acknowledgements; nothing was changed by those that are named."""

    applied: int
    unknown: list[str]
    contradicting: list[str]
    never_sent: list[str]


@dataclass(frozen=True)
class Acknowledgement:
    """The platform's word on one message."""

    message_id: str
    verdict: PlatformVerdict
    reason: str | None


def acknowledge(context: Context, acknowledgements: Sequence[Acknowledgement]) -> AcknowledgementResult:
    """Take the platform's word on messages; a repeat changes nothing, accepted is final.

    A word on what was never handed over is no word on it, whoever signed: it is told apart and logged.
    What it accepts sets the next message of its subject going, which is sent before the answer, as far as
    there is time. What it refuses holds its subject up, and waits for the province.
    """
    keys = {item.message_id: delivery_key(item.message_id) for item in acknowledgements}
    named = list(dict.fromkeys(key for key in keys.values() if key is not None))
    read = store.find_many(list(dict.fromkeys([*named, *followers_of(named)])))
    known = {delivery.key: delivery for delivery in read}
    run = SendingRun(seconds=_FOLLOWING_SECONDS, patience=1)
    unknown, contradicting, never_sent = [], [], []
    for item in acknowledgements:
        key = keys[item.message_id]
        delivery = known.get(key) if key is not None else None
        if delivery is None or (delivery.message_id, delivery.audience) != (item.message_id, PLATFORM):
            unknown.append(item.message_id)
        elif not _apply(context, delivery, item, known.get(store.next_key(delivery)), run):
            now = store.find(*delivery.key)
            if now is None or was_tried(now):
                contradicting.append(item.message_id)
            else:
                log("word_on_unsent", message_id=item.message_id, verdict=item.verdict.value)
                never_sent.append(item.message_id)
    applied = len(acknowledgements) - len(unknown) - len(contradicting) - len(never_sent)
    return AcknowledgementResult(applied, unknown, contradicting, never_sent)


def _apply(
    context: Context, delivery: Delivery, said: Acknowledgement, following: Delivery | None, run: SendingRun
) -> bool:
    target = DELIVERY_TRANSITIONS.target(ACTION_OF_VERDICT[said.verdict])
    if delivery.state is target:
        return True
    change = change_of(context, "exchange.acknowledge", reason=said.reason)
    if said.verdict is PlatformVerdict.REFUSED:
        done = store.mark_refused(delivery, reason=said.reason, now=context.now, change=change) is not None
    else:
        hands_over = not run.over and can_be_told(delivery)
        settling = store.accept(
            delivery, now=context.now, change=change, following=following, hands_over=hands_over
        )
        done = settling.done
        if settling.next is not None and settling.next.state is DeliveryState.SENT:
            send_handed(context, settling.next, run)
    if done:
        return True
    again = store.find(*delivery.key)
    return again is not None and again.state is target


def _find(message_id: str) -> Delivery | None:
    """Read a message to the platform; those of webhooks are their owners'."""
    key = delivery_key(message_id)
    delivery = store.find(*key) if key is not None else None
    return delivery if delivery is not None and delivery.audience == PLATFORM else None


# --------------------------------------------------------------------------- people


def areas_of(division: str) -> tuple[Sequence[str], str | None]:
    """Give the areas of a bureau, and the one division it is confined to if it is a county's."""
    if division == PROVINCE:
        return ALL_AREAS, None
    area = area_of(division)
    return (area,), None if area == division else division


def list_deliveries(context: Context, state: DeliveryState, request: PageRequest) -> Page[Delivery]:
    """List the deliveries of a state in the caller's area."""
    rights.admit(context.principal, "exchange.read")
    areas, only = areas_of(context.principal.division)
    page = lists.listing(state, areas, request, division=only)
    whole = {delivery.key: delivery for delivery in store.find_many([listed.key for listed in page.items])}
    rows = [whole[listed.key] for listed in page.items if listed.key in whole]
    return Page(items=[row for row in rows if row.state is state], after=page.after)


def read_delivery(context: Context, message_id: str) -> Delivery:
    """Read one delivery.

    Raises:
        NotFound: unknown, or outside the caller's area.

    """
    delivery = _find(message_id)
    if delivery is None:
        raise error("not_found")
    rights.require(context.principal, "exchange.read", division=delivery.division)
    return delivery


def note_decision(context: Context, subject: str, division: str, action: str, reason: str) -> None:
    """Have it audited what the caller decides: deliveries change with every try, and stand in no chain."""
    keep_decision(subject, division=division, change=change_of(context, action, reason=reason))


def _decided(context: Context, message_id: str, action: str) -> Delivery:
    """Read a delivery that somebody decides on.

    Raises:
        NotFound: unknown, or outside the caller's area.

    """
    delivery = _find(message_id)
    if delivery is None:
        raise error("not_found")
    rights.require(context.principal, action, division=delivery.division)
    return delivery


def redrive(context: Context, message_id: str) -> Delivery:
    """Send a message again that was refused, given up or never acknowledged; one that waits is sent now.

    Raises:
        NotFound: unknown, or outside the caller's area.
        Refused: `wrong_state` if it is acknowledged, or another of its subject comes first.

    """
    delivery = _decided(context, message_id, "exchange.redrive")
    if delivery.state is not DeliveryState.PENDING:
        refuse(why_not("redrive", delivery))
        change = change_of(context, "exchange.redrive")
        redriven = store.redrive(delivery, due_at=context.now, change=change)
        if redriven is None:
            raise error("wrong_state", status=delivery.state.value)
        delivery = redriven
    if can_be_told(delivery):
        take_and_send(context, delivery, SendingRun(seconds=_REDRIVE_SECONDS), early=True)
    after = store.find(*delivery.key)
    assert after is not None
    return after


@dataclass(frozen=True, kw_only=True)
class RedriveFilter:
    """Which deliveries to send again: all that have what is given; `reason` is found in why they failed."""

    state: DeliveryState
    kind: str | None = None
    division: str | None = None
    reason: str | None = None

    def takes(self, delivery: Delivery) -> bool:
        """Tell whether a delivery is one of them."""
        return (
            (self.kind is None or kind_of(delivery.event) == self.kind)
            and (self.division is None or delivery.division.startswith(self.division))
            and (self.reason is None or self.reason in (delivery.failure or ""))
        )


@dataclass(frozen=True)
class Redriven:
    """How many deliveries are sent again, and whether there are more of the kind."""

    count: int
    more: bool


def redrive_all(context: Context, wanted: RedriveFilter, reason: str) -> Redriven:
    """Put everything of a filter back among what is due, some at a time, spread over two minutes.

    Raises:
        Refused: `wrong_state` for a state from which nothing can be sent again.

    """
    rights.require(context.principal, "exchange.redrive", division=wanted.division or PROVINCE)
    if not DELIVERY_TRANSITIONS.allows("redrive", wanted.state):
        raise error("wrong_state", status=wanted.state.value)
    areas: Sequence[str] = ALL_AREAS
    if wanted.division is not None and wanted.division != PROVINCE and is_known(wanted.division):
        areas = (area_of(wanted.division),)
    subject = f"{wanted.state}:{wanted.kind or '*'}"
    told = f"{reason} [{wanted.reason or '*'}]"
    note_decision(context, subject, wanted.division or PROVINCE, "exchange.redrive_all", told)
    change = change_of(context, "exchange.redrive", reason=reason)
    count, more = 0, False
    for delivery in lists.of_state(wanted.state, areas):
        if not wanted.takes(delivery):
            continue
        if count == REDRIVEN_MAX:
            more = True
            break
        due_at = context.now + REDRIVE_SPREAD * drawn_share()
        count += store.redrive(delivery, due_at=due_at, change=change) is not None
    return Redriven(count, more)


def ask_pass_over(context: Context, message_id: str, reason: str) -> Delivery:
    """Ask that a message which can never be accepted is left out, so that its subject goes on.

    Raises:
        NotFound: unknown, or outside the caller's area.
        Refused: `wrong_state` unless it is refused or given up; `version_conflict` if it moves meanwhile.

    """
    delivery = _decided(context, message_id, "exchange.pass_over")
    refuse(why_not("pass_over", delivery))
    known = delivery.passing
    if known is not None and context.principal.had_hand_in(known.asked_by) and known.reason == reason:
        return delivery
    note_decision(context, message_id, delivery.division, "exchange.ask_pass_over", reason)
    passing = PassingOver(asked_by=context.principal.actor, asked_at=context.now, reason=reason)
    change = change_of(context, "exchange.ask_pass_over", reason=reason)
    asked = store.ask_pass_over(delivery, passing, change)
    if asked is None:
        raise error("version_conflict", version=delivery.version)
    return asked


def confirm_pass_over(context: Context, message_id: str, grounds: str) -> Delivery:
    """Leave out a message as another person asked for: its subject goes on with the next one.

    The decision is in the audit chain before it has its effect, as whatever cannot be undone is.

    Raises:
        NotFound: unknown, or outside the caller's area.
        Refused: `wrong_state` unless it is stuck and somebody asked for it; `self_approval`.

    """
    delivery = _decided(context, message_id, "exchange.pass_over")
    known = delivery.passing
    if delivery.state is DeliveryState.PASSED and known is not None and known.confirmed_by is not None:
        if context.principal.had_hand_in(known.confirmed_by):
            return delivery
        raise error("wrong_state", status=delivery.state.value)
    refuse(why_not("confirm_pass_over", delivery, context.principal))
    assert known is not None
    note_decision(context, message_id, delivery.division, "exchange.pass_over", f"{known.reason} / {grounds}")
    passing = PassingOver(
        asked_by=known.asked_by,
        asked_at=known.asked_at,
        reason=known.reason,
        confirmed_by=context.principal.actor,
        grounds=grounds,
    )
    change = change_of(context, "exchange.pass_over", reason=grounds)
    settling = store.pass_over(
        delivery, passing, now=context.now, change=change, following=store.find(*store.next_key(delivery))
    )
    if not settling.done:
        raise error("version_conflict", version=delivery.version)
    if settling.next is not None and can_be_told(settling.next):
        take_and_send(context, settling.next, SendingRun(seconds=_REDRIVE_SECONDS), early=True)
    after = store.find(*delivery.key)
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
    areas, _ = areas_of(division)
    since, until = start_of_day(day), start_of_day(day + timedelta(days=1))
    states = {state: lists.count(state, areas, since=since, until=until) for state in DeliveryState}
    return DayCount(day=day, division=areas[0] if len(areas) == 1 else division, states=states)


_ACTIONS: dict[str, str] = {
    "redrive": "exchange.redrive",
    "pass_over": "exchange.pass_over",
    "confirm_pass_over": "exchange.pass_over",
}


def allowed_on_delivery(principal: Principal, delivery: Delivery) -> list[str]:
    """List what this caller may do with a delivery now."""
    return rights.offered(
        principal,
        _ACTIONS,
        lambda action: why_not(action, delivery, principal),
        division=delivery.division,
    )
