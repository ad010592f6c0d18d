"""The stream consumer that tells every change, reminders, and the hourly job that finishes the rest."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from chalicelib.aws import queues
from chalicelib.aws.logs import log, log_failure, measure
from chalicelib.aws.metrics import DELIVERIES_DEAD, DELIVERIES_REFUSED, UNDELIVERED, UNDELIVERED_AGE
from chalicelib.aws.parking import Batch
from chalicelib.exchange import reminders, service, store
from chalicelib.exchange.model import ALL_AREAS, REPORTED, DeliveryState
from chalicelib.exchange.sending import SendingRun, deliver, deliver_in_order
from chalicelib.exchange.service import RecordedDelivery
from chalicelib.kernel.principal import Context
from chalicelib.vouchers.expiry import service as expiry

STREAM_SECONDS = 25
REMINDER_SECONDS = 15
JOB_SECONDS = 240
JOB_PATIENCE = 12
WAITING_MAX = 50_000


def return_changes(event: Mapping[str, Any], context: Context) -> dict[str, int]:
    """Record every change of the batch as a delivery, then send what can be sent.

    That a message could not be sent is no failure of the batch: it waits for `reconcile_exchange`.

    Raises:
        RecordsUndone: a delivery could not be recorded; everything else of the batch is done. A record that
            was tried alone for too long, or cannot be read, is parked instead.

    """
    recorded: dict[str, list[RecordedDelivery]] = {}
    batch = Batch(event, "return_changes")
    rows = list(batch.changes(tables=REPORTED))
    behind: set[str] = set()  # subjects of which something earlier could not be recorded: the rest waits
    for row in rows:
        if row.subject in behind:
            batch.undone.append(row.sequence)
            continue
        try:
            delivery = service.record(context, row)
        except Exception as error:  # noqa: BLE001 - one bad record must not stop the others
            log_failure("delivery_unrecorded", error, table=row.table, subject=row.subject)
            behind.add(row.subject)
            batch.undone.append(row.sequence)
        else:
            if delivery is not None:
                recorded.setdefault(row.subject, []).append(delivery)
    run = SendingRun(seconds=STREAM_SECONDS)
    for subject, deliveries in recorded.items():
        if run.over:
            break
        _deliver(context, subject, deliveries, run)
    batch.finish(now=context.now)
    return {"changes": len(rows), "sent": run.sent, "refused": run.refused, "failed": run.failed}


def _deliver(context: Context, subject: str, recorded: Sequence[RecordedDelivery], run: SendingRun) -> None:
    """Send what waits of a subject; if all it has is new and in this batch, nothing is read for that."""
    deliveries = [entry.delivery for entry in recorded]
    try:
        if deliveries[0].sequence == 1 and all(entry.is_new for entry in recorded):
            deliver_in_order(context, deliveries, run)
        else:
            deliver(context, [subject], run)
    except Exception as error:  # noqa: BLE001 - recorded and pending: the hourly job takes it up
        log_failure("delivery_unsent", error, subject=subject)


def remind_shard(message: queues.Message, context: Context) -> None:
    """Remind the holders of the page a message names, then ask for the next one."""
    place = expiry.ShardPlace.of(message)
    page = expiry.page_to_remind(context, place)
    reminders.remind(context, page.vouchers, place.days, SendingRun(seconds=REMINDER_SECONDS))
    expiry.ask_for_next(context, place, page.after)


def reconcile_exchange(event: Mapping[str, Any], context: Context) -> dict[str, int]:
    """Send what waits, those that failed least first, so that a bad message stands in nobody's way."""
    del event
    waiting: list[tuple[int, datetime, str]] = []
    for delivery in store.waiting(ALL_AREAS):
        waiting.append((delivery.attempts, delivery.occurred_at, delivery.subject))
        if len(waiting) >= WAITING_MAX:
            break
    _measure(context, [moment for _, moment, _ in waiting])
    run = SendingRun(seconds=JOB_SECONDS, patience=JOB_PATIENCE)
    deliver(context, dict.fromkeys(subject for _, _, subject in sorted(waiting)), run)
    counts = {"waiting": len(waiting), "sent": run.sent, "refused": run.refused, "failed": run.failed}
    log("exchange_reconciled", **counts)
    return counts


def _measure(context: Context, moments: Sequence[datetime]) -> None:
    """Write what waits as it is before this run, and what a person has to decide on."""
    oldest = min(moments, default=context.now)
    measure(UNDELIVERED, len(moments))
    measure(UNDELIVERED_AGE, max(0.0, (context.now - oldest).total_seconds()))
    measure(DELIVERIES_DEAD, store.number(DeliveryState.DEAD, ALL_AREAS))
    measure(DELIVERIES_REFUSED, store.number(DeliveryState.REFUSED, ALL_AREAS))
