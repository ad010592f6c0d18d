"""Telling programs: each event is recorded for whom it concerns, and each box is worked on by one worker.

Recording is part of reading the streams, sending never is: however slow a program is, it holds up its own
box and nothing else.
"""

import contextvars
import math
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import msgspec

from chalicelib.accounts.clients import store as clients
from chalicelib.accounts.model import Account
from chalicelib.aws import queues
from chalicelib.aws.logs import log, log_failure, measure
from chalicelib.aws.metrics import MESSAGES_FAILED
from chalicelib.aws.settings import settings
from chalicelib.aws.streams import RowChange
from chalicelib.exchange import store as deliveries
from chalicelib.exchange.lines import line_of
from chalicelib.exchange.model import (
    WEBHOOK,
    Delivery,
    DeliveryState,
    message_id_of,
    pause_after,
    settled_for,
)
from chalicelib.exchange.receivers import way_of
from chalicelib.exchange.sending import SendingRun, drain, drawn_share
from chalicelib.exchange.webhooks import store
from chalicelib.exchange.webhooks.boxes import PAUSE_MAX, QUIET, is_to_be_stopped
from chalicelib.exchange.webhooks.message import WebhookMessage, WebhookThing
from chalicelib.exchange.webhooks.model import PING, TOLD, Event, is_told, subject_for
from chalicelib.kernel.calendar import format_moment
from chalicelib.kernel.divisions import PROVINCE
from chalicelib.kernel.errors import Unavailable
from chalicelib.kernel.principal import Context, change_of
from chalicelib.kernel.reasons import error

FORM = "event.1"
BOX_SECONDS = 12
"""So long a worker stays with one box; who has more in it comes again."""
PATIENCE = 3
_TRIES = 5
_BOXES_A_RUN = 200
_ASKED_AHEAD_SECONDS = 900
"""SQS delays a message by no more."""
WORKERS = 8


# --------------------------------------------------------------------------- recording


def tell(context: Context, rows: Iterable[RowChange]) -> int:
    """Record the events of some changes for every program that is told of them; gives how many that were.

    A change that is handed over again records nothing twice, and wakes its boxes again: the run before may
    have died in between. Each thing of each program is told by itself, in order; a failure stops no other.

    Raises:
        Unavailable: the store did not take something; repeating is safe. What no repeat would mend is logged
            and measured.

    """
    events = [event for row in rows if (event := _event_of(row)) is not None]
    if not events:
        return 0
    work, woken = _work_of(context, events)
    failed: list[Exception] = []
    here = contextvars.copy_context()

    def record(told: Sequence[tuple[Account, Event]]) -> int:
        done = 0
        try:
            for client, event in told:  # what comes after a failure waits for it
                done += _record(context, client, event)
        except Exception as failure:  # noqa: BLE001 - told below
            failed.append(failure)
        return done

    with ThreadPoolExecutor(WORKERS) as pool:
        count = sum(pool.map(lambda told: here.copy().run(record, told), work.values()))
    due: dict[str, datetime] = {}
    for client in woken.values():
        try:
            at = store.wake(client, context.now, change_of(context, "webhook.record"))
        except Exception as failure:  # noqa: BLE001 - told below
            failed.append(failure)
        else:
            due |= {client.id: at} if at is not None else {}
    _ask_for(due, context.now)
    _tell_failures(failed)
    return count


def ping(context: Context, client: Account) -> bool:
    """Record a message that tells of nothing, and have it sent now; False while one is on its way."""
    last = deliveries.last_of(subject_for(client.id, client.id))
    is_new = last is None or last.state in settled_for(WEBHOOK)
    if is_new:
        event = Event(
            name=PING,
            thing=client.id,
            version=last.sequence + 1 if last is not None else 1,
            at=context.now,
            institution=client.institution or "",
            division=client.division,
        )
        is_new = _record(context, client, event)
    change = change_of(context, "webhook.record")
    store.wake(client, context.now, change)
    store.hurry(client.id, context.now, change)
    _ask_for({client.id: context.now}, context.now)
    return is_new


def _work_of(
    context: Context, events: Sequence[Event]
) -> tuple[dict[str, list[tuple[Account, Event]]], dict[str, Account]]:
    """Give what is to be recorded, by the line it stands in, and whose boxes are woken by it."""
    known = _programs_of(events)
    work: dict[str, list[tuple[Account, Event]]] = {}
    woken: dict[str, Account] = {}
    for event in events:
        for client in (client for owner in event.owners for client in known.get(owner, [])):
            if is_told(client, event, context.now):
                woken[client.id] = client
                work.setdefault(subject_for(client.id, event.thing), []).append((client, event))
    return work, woken


def _tell_failures(failed: Sequence[Exception]) -> None:
    for failure in failed:
        log_failure("webhook_unrecorded", failure)
    lost = sum(not isinstance(failure, Unavailable) for failure in failed)
    if lost:
        measure(MESSAGES_FAILED, lost, worker="webhooks")
    if lost < len(failed):
        raise error("try_again")


def _event_of(row: RowChange) -> Event | None:
    """Tell what happened by a change of a row; None where nobody is told of it."""
    told = TOLD.get(row.table)
    if (
        told is None
        or row.after is None
        or row.version is None
        or row.change is None
        or row.part != told.part
    ):
        return None
    before, after = (row.before or {}).get("status"), str(row.after.get("status"))
    name = told.name_of(before, after)
    if before == after or name not in told.names:
        return None
    return Event(
        name=name,
        thing=row.subject,
        version=row.version,
        at=row.change.at,
        institution=str(row.after.get("institution") or row.subject),
        division=str(row.after.get("division") or PROVINCE),
    )


def _programs_of(events: Sequence[Event]) -> dict[str, list[Account]]:
    by_owner: dict[str, list[Account]] = {}
    for client in clients.told_of({owner for event in events for owner in event.owners}):
        by_owner.setdefault(clients.owner_of(client), []).append(client)
    return by_owner


def _ask_for(due: Mapping[str, datetime], now: datetime) -> None:
    """Have boxes worked on when they are due; what is due late, or cannot be asked for, the clock finds."""
    soon: dict[int, list[str]] = {}
    for program, at in due.items():
        seconds = max(0, math.ceil((at - now).total_seconds()))
        if seconds <= _ASKED_AHEAD_SECONDS:
            soon.setdefault(seconds, []).append(program)
    for seconds, programs in soon.items():
        bodies = [{"box": program} for program in programs]
        then = now + timedelta(seconds=seconds)
        try:
            queues.send(settings().reminders_queue_url, bodies, now=then, delay_seconds=seconds)
        except Exception as failure:  # noqa: BLE001 - what is recorded is not lost
            log_failure("webhook_unasked", failure, boxes=len(bodies))


def _record(context: Context, client: Account, event: Event) -> bool:
    """Record one event for one program; False if it was before."""
    subject = subject_for(client.id, event.thing)
    for _ in range(_TRIES):
        told = deliveries.deliveries_of(subject)
        if any(one.body["data"]["version"] == event.version for one in told):
            return False
        last = told[-1] if told else None
        sequence = last.sequence + 1 if last is not None else 1
        delivery = deliveries.pending_form(
            Delivery(
                subject=subject,
                sequence=sequence,
                message_id=message_id_of(subject, sequence),
                event=event.name,
                area=client.id,
                division=client.division,
                occurred_at=event.at,
                state=DeliveryState.PENDING,
                queue="",
                body=_body_of(event, client.id),
                audience=WEBHOOK,
                form=FORM,
            ),
            context.now,
        )
        settled = last is None or last.state in (DeliveryState.ACKNOWLEDGED, DeliveryState.DEAD)
        change = change_of(context, "webhook.record")
        if deliveries.add(delivery, change, follows_settled=settled).is_new:
            return True
    raise error("try_again")


def _body_of(event: Event, program: str) -> dict[str, Any]:
    """Write what a message says, as it is described."""
    thing = WebhookThing(
        id=event.thing, version=event.version, institution=event.institution, division=event.division
    )
    at = format_moment(event.at)
    message = WebhookMessage(type=event.name, timestamp=at, client_id=program, data=thing)
    body: dict[str, Any] = msgspec.to_builtins(message)
    return body


# --------------------------------------------------------------------------- sending


def work_on_due(context: Context, *, seconds: float) -> int:
    """Work on the boxes that are due, by several workers at once; gives how many that were."""
    due = store.due_boxes(context.now, limit=_BOXES_A_RUN)
    whole = SendingRun(seconds=seconds, patience=len(due) + 1)
    here = contextvars.copy_context()

    def work(program: str) -> bool:
        if whole.over:
            return False
        try:
            return here.copy().run(work_on, context, program)
        except Exception as failure:  # noqa: BLE001 - it is due again when its lease is over
            log_failure("webhook_box_failed", failure, program=program)
            measure(MESSAGES_FAILED, worker="webhooks")
            return False

    with ThreadPoolExecutor(WORKERS) as pool:
        count = sum(pool.map(work, due))
    if due:
        log("webhooks_sent", due=len(due), worked_on=count)
    return count


def work_on(context: Context, program: str) -> bool:
    """Send what is due to a program, as far as there is time and it takes it; False if it is not ours now."""
    change = change_of(context, "webhook.deliver")
    box = store.take(program, context.now, change)
    if box is None:
        return False
    if way_of(box) is None:  # its program is over; what waits goes once it is asked for, and told, anew
        store.sleep(box, change)
        return True
    run = SendingRun(seconds=BOX_SECONDS, patience=PATIENCE)
    drain(context, [line_of(WEBHOOK, "", program)], run, workers=1)
    next_due = store.next_due(program)
    if run.failed and not run.sent:
        _note_failing(context, box)
    elif next_due is not None:
        heard_at = context.now if run.sent else None
        store.put_back(box, due_at=next_due, heard_at=heard_at, failing=None, change=change)
        _ask_for({program: next_due}, context.now)
    elif run.sent or context.now - box.occurred_at < QUIET:
        heard_at = context.now if run.sent else None
        store.put_back(box, due_at=context.now + QUIET, heard_at=heard_at, failing=None, change=change)
    else:
        store.sleep(box, change)
    return True


def _note_failing(context: Context, box: Delivery) -> None:
    """Try later, each time later, or not again: whose program it is looks after it."""
    change = change_of(context, "webhook.deliver")
    failing = _last_failure(box)
    client = clients.find(box.subject) if is_to_be_stopped(box, context.now) else None
    if client is not None:
        store.stop(box, client, failing=failing, now=context.now, change=change)
        return
    pause = min(PAUSE_MAX, pause_after(box.attempts + 1, drawn_share()))
    store.put_back(box, due_at=context.now + pause, heard_at=None, failing=failing, change=change)
    _ask_for({box.subject: context.now + pause}, context.now)


def _last_failure(box: Delivery) -> str:
    """Tell why the program took nothing: as one of its messages has it."""
    waiting = store.messages_in(box.subject, DeliveryState.PENDING)
    return next((one.failure for one in waiting if one.failure), "unknown")
