"""Reminders of expiry, told to the holder's card through the platform 30, 7 and 1 days before.

A reminder is no change of the voucher, so it stands outside the voucher's own chain, whose sequence has no
gaps. Each voucher and kind of reminder is a subject of its own with one message, and its id is derived from
the two: however often the night runs, there is one delivery, and the platform can tell a repeat.
"""

from collections.abc import Sequence

from chalicelib.exchange import store
from chalicelib.exchange.lines import queue_of
from chalicelib.exchange.messages.model import ReminderBody
from chalicelib.exchange.messages.reported import body_told
from chalicelib.exchange.model import Delivery, DeliveryState, area_of, message_id_of
from chalicelib.exchange.sending import SendingRun
from chalicelib.exchange.service import record_delivery
from chalicelib.kernel.ids import derived_id
from chalicelib.kernel.principal import Context
from chalicelib.vouchers.model import Voucher

EVENT = "voucher.expires_soon"
FORM = "reminder.1"
_ONLY = 1


def remind(context: Context, vouchers: Sequence[Voucher], days: int, run: SendingRun) -> None:
    """Record a reminder for each voucher, once, and send what can be sent; the rest is due for the job."""
    reminders = [_reminder(context, voucher, days) for voucher in vouchers]
    known = {delivery.subject for delivery in store.find_many([reminder.key for reminder in reminders])}
    for reminder in reminders:
        if reminder.subject not in known:
            record_delivery(context, reminder, run)


def _reminder(context: Context, voucher: Voucher, days: int) -> Delivery:
    subject = derived_id("rem", voucher.id, str(days))
    area = area_of(voucher.division)
    body = ReminderBody(
        voucher_id=voucher.id,
        program_id=voucher.program_id,
        person_key=voucher.person_key,
        division=voucher.division,
        status=voucher.status.value,  # type: ignore[arg-type] # only unspent vouchers are reminded of
        days=days,
        valid_through=voucher.valid_through,
        expires_at=voucher.expires_at,
    )
    return store.pending_form(
        Delivery(
            subject=subject,
            sequence=_ONLY,
            message_id=message_id_of(subject, _ONLY),
            event=EVENT,
            area=area,
            division=voucher.division,
            occurred_at=context.now,
            state=DeliveryState.PENDING,
            queue=queue_of(DeliveryState.PENDING, area, subject),
            body=body_told(body),
            form=FORM,
        ),
        context.now,
    )
