"""The stream consumer that tells every change, reminders, and the job that goes on with the rest."""

import time
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import msgspec

from chalicelib.aws import queues
from chalicelib.aws.logs import log, log_failure, measure
from chalicelib.aws.metrics import DELIVERIES_STUCK, UNDELIVERED, UNDELIVERED_AGE
from chalicelib.aws.parking import Batch
from chalicelib.exchange import reminders, service
from chalicelib.exchange.lists import store as lists
from chalicelib.exchange.messages.reported import STREAMED
from chalicelib.exchange.model import ALL_AREAS, DUE_STATES, PLATFORM, SETTLED
from chalicelib.exchange.reconciling.model import STREAM_MEMORY
from chalicelib.exchange.reconciling.service import reconcile
from chalicelib.exchange.sending import SendingRun, drain
from chalicelib.exchange.webhooks import telling
from chalicelib.kernel.principal import Context
from chalicelib.vouchers.expiry import service as expiry

STREAM_SECONDS = 25
REMINDER_SECONDS = 15
JOB_SECONDS = 150
JOB_PATIENCE = 12
BOXES_SECONDS = 20
ALL_SECONDS = 260
"""Of the 300 that a run has: the last box that is begun takes another half minute at worst."""
WORKERS = 8
_EVERY_MINUTES = 10
"""How often the job is run."""


def return_changes(event: Mapping[str, Any], context: Context) -> dict[str, int]:
    """Record every change of the batch as a delivery, and send what has not to wait for another one.

    That a message could not be sent is no failure of the batch: it is due again for `reconcile_exchange`.

    Raises:
        RecordsUndone: a delivery could not be recorded; everything else of the batch is done. A record that
            was tried alone for too long, or cannot be read, is parked instead.

    """
    batch = Batch(event, "return_changes")
    rows = list(batch.changes(tables=STREAMED))
    run = SendingRun(seconds=STREAM_SECONDS)
    behind: set[tuple[str, str]] = set()  # rows of which something earlier was not recorded: the rest waits
    unsettled: set[tuple[str, str]] = set()
    for row in rows:
        name = (row.subject, row.part)
        if name in behind:
            batch.undone.append(row.sequence)
            continue
        try:
            stored = service.record(context, row, run, follows_settled=name not in unsettled)
        except Exception as error:  # noqa: BLE001 - one bad record must not stop the others
            log_failure("delivery_unrecorded", error, table=row.table, subject=row.subject)
            behind.add(name)
            batch.undone.append(row.sequence)
        else:
            if stored is not None and stored.delivery.state not in SETTLED:
                unsettled.add(name)
    batch.finish(now=context.now)
    return {"changes": len(rows), "sent": run.sent, "refused": run.refused, "failed": run.failed}


def remind_shard(message: queues.Message, context: Context) -> None:
    """Remind the holders of the page a message names, then ask for the next one; or work on a box.

    Both are of those that are told outside the return of data; a program that takes nothing keeps a worker
    for seconds, and reminders, which a night has, wait for it.
    """
    if "box" in message.body:
        telling.work_on(context, str(message.body["box"]))
        return
    place = expiry.ShardPlace.of(message)
    page = expiry.page_to_remind(context, place)
    reminders.remind(context, page.vouchers, place.days, SendingRun(seconds=REMINDER_SECONDS))
    expiry.ask_for_next(context, place, page.after)


def reconcile_exchange(event: Mapping[str, Any], context: Context) -> dict[str, int]:
    """Hand over what is due, by several workers at once; then go on with the daily walk.

    An operator who knows that a stream is lost need not wait for its records to expire: `anew` begins a walk
    now, and `stale_hours` tells from which age on what was not told is rebuilt.
    """
    began = time.monotonic()
    waiting = _measure(context)
    run = SendingRun(seconds=JOB_SECONDS, patience=JOB_PATIENCE)
    drain(context, lists.lines_of(PLATFORM), run, workers=WORKERS)
    counts = {"waiting": waiting, "sent": run.sent, "refused": run.refused, "failed": run.failed}
    stale = timedelta(hours=float(event.get("stale_hours", STREAM_MEMORY.total_seconds() / 3600)))
    try:
        reconcile(context, stale=stale, anew=event.get("anew") is True)
    finally:
        _tell_programs(context, spent=time.monotonic() - began)
    log("exchange_reconciled", **counts)
    return counts


def _tell_programs(context: Context, *, spent: float) -> None:
    """Work on boxes last, and for what time is left: nothing that is wrong there is the platform's matter."""
    left = min(BOXES_SECONDS, ALL_SECONDS - spent)
    if left <= 0:
        return
    later = msgspec.structs.replace(context, now=context.now + timedelta(seconds=spent))
    try:
        telling.work_on_due(later, seconds=left)
    except Exception as error:  # noqa: BLE001 - see above
        log_failure("webhooks_unsent", error)


def _measure(context: Context) -> int:
    """Write what waits as it is before this run, and once an hour what a person has to decide on."""
    waiting = sum(lists.number_due(line) for line in lists.lines_of(PLATFORM))
    oldest = context.now
    if waiting:
        moments = (lists.oldest(state, ALL_AREAS) for state in DUE_STATES)
        oldest = min([oldest, *(moment for moment in moments if moment is not None)])
    measure(UNDELIVERED, waiting)
    measure(UNDELIVERED_AGE, (context.now - oldest).total_seconds())
    if context.now.minute < _EVERY_MINUTES:
        measure(DELIVERIES_STUCK, lists.number_stuck())
    return waiting
