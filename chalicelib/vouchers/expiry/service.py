"""The night's work through the due shards: recording expiry, and finding whom to remind of it (step 5).

Expiry itself is a condition of every write (`expires_at > now`); the night only records it. A shard is worked
page by page: each page ends by asking the queue for the next one, so that no function run carries more than a
page however many vouchers fall due on one night, and a message that dies anywhere is delivered again and goes
on from its own page. What is recorded has left the shard, so running twice, also at once, records once.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import msgspec

from chalicelib.aws import queues
from chalicelib.aws.settings import settings
from chalicelib.aws.writes import ConditionFailed
from chalicelib.kernel.calendar import shanghai_date, start_of_day
from chalicelib.kernel.principal import Context, change_of
from chalicelib.vouchers import store
from chalicelib.vouchers.expiry import store as expiry_store
from chalicelib.vouchers.model import Voucher, VoucherStatus

PAGE = 500
"""Vouchers to a message: at 10 ms each a batch of five messages takes 25 s of a function's 120."""
REMINDER_DAYS = (30, 7, 1)


@dataclass(frozen=True)
class ShardPlace:
    """Where in the night's work a message stands: a shard, the page of it, and what for.

    `days` is 0 for what has expired, else it tells which reminder.
    """

    due_shard: str
    days: int = 0
    after: dict[str, Any] | None = None

    @classmethod
    def of(cls, message: queues.Message) -> "ShardPlace":
        """Read the place of a message."""
        return msgspec.convert(message.body, cls)


@dataclass(frozen=True)
class ExpiryPage:
    """What became of a page: how many expiries were recorded, and who is left to be decided on.

    `redeemed` are vouchers that were spent in time under a program that also wants the class to be completed
    in time (`expiry_scope: complete`); what becomes of them their enrolments tell.
    """

    recorded: int
    redeemed: list[Voucher]
    after: dict[str, Any] | None


def begin_night(context: Context) -> dict[str, int]:
    """Ask the workers for every due shard: for what has expired, and for whom to remind."""
    shards = expiry_store.due_shards()
    reminders = [ShardPlace(shard, days) for days in REMINDER_DAYS for shard in shards]
    _ask(context, settings().expiry_queue_url, [ShardPlace(shard) for shard in shards])
    _ask(context, settings().reminders_queue_url, reminders)
    return {"shards": len(shards), "reminders": len(reminders)}


def ask_for_next(context: Context, place: ShardPlace, after: dict[str, Any] | None) -> None:
    """Ask the workers for the page after this one, if there is one; called when this one is done."""
    if after is not None:
        url = settings().reminders_queue_url if place.days else settings().expiry_queue_url
        _ask(context, url, [replace(place, after=after)])


def _ask(context: Context, queue_url: str, places: Sequence[ShardPlace]) -> None:
    queues.send(queue_url, (asdict(place) for place in places), now=context.now)


# --------------------------------------------------------------------------- expiry


def expire_page(context: Context, place: ShardPlace) -> ExpiryPage:
    """Record the expiry of one page of a shard, whenever it fell due."""
    page = expiry_store.due_vouchers(place.due_shard, until=context.now, limit=PAGE, after=place.after)
    change = change_of(context, "voucher.expire")
    recorded = 0
    redeemed: list[Voucher] = []
    for voucher_id in page.voucher_ids:
        try:
            expiry_store.expire(voucher_id, now=context.now, change=change)
        except ConditionFailed as failure:
            redeemed += _still_due(failure.old)
        else:
            recorded += 1
    return ExpiryPage(recorded, redeemed, page.after)


def _still_due(old: Any | None) -> Iterator[Voucher]:
    if isinstance(old, Voucher) and old.status is VoucherStatus.REDEEMED and old.due_shard is not None:
        yield old


# --------------------------------------------------------------------------- reminders


@dataclass(frozen=True)
class ReminderPage:
    """A page of unspent vouchers that expire in so many days."""

    vouchers: list[Voucher]
    after: dict[str, Any] | None


def page_to_remind(context: Context, place: ShardPlace) -> ReminderPage:
    """Give one page of a shard's unspent vouchers whose last day is `place.days` days from today.

    Those of the day before are among them, for the case that their night was missed.
    """
    since, until = _moments_to_remind(context.now, place.days)
    page = expiry_store.due_vouchers(place.due_shard, since=since, until=until, limit=PAGE, after=place.after)
    vouchers = store.find_vouchers(page.voucher_ids)
    unspent = (VoucherStatus.ISSUED, VoucherStatus.CLAIMED)
    return ReminderPage([voucher for voucher in vouchers if voucher.status in unspent], page.after)


def _moments_to_remind(now: datetime, days: int) -> tuple[datetime, datetime]:
    last_day = shanghai_date(now) + timedelta(days=days)
    return start_of_day(last_day), start_of_day(last_day + timedelta(days=1))
