"""Vouchers that are due, in shards, and the writes that record their expiry."""

import contextlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from chalicelib.aws.writes import ConditionFailed, lawful, update
from chalicelib.kernel.principal import Change
from chalicelib.vouchers.model import Voucher, VoucherStatus
from chalicelib.vouchers.store import DUE_SHARDS, VoucherRow, lawful_for, target_of


@dataclass(frozen=True)
class DuePage:
    """Ids of one page of a due shard; `after` is where the next one begins, None at the end."""

    voucher_ids: list[str]
    after: dict[str, Any] | None


def due_shards() -> list[str]:
    """List all due shards."""
    return [f"{shard:02d}" for shard in range(DUE_SHARDS)]


def due_vouchers(
    due_shard: str,
    *,
    until: datetime,
    since: datetime | None = None,
    limit: int,
    after: dict[str, Any] | None = None,
) -> DuePage:
    """Give one page of what expires in a shard `until` a moment, inclusive, and not before `since`."""
    due = VoucherRow.expires_at
    rows = VoucherRow.by_due_shard.query(
        due_shard,
        due <= until if since is None else due.between(since, until),
        limit=limit,
        last_evaluated_key=after,
    )
    return DuePage([row.id for row in rows], rows.last_evaluated_key)


def expire(voucher_id: str, *, now: datetime, change: Change) -> Voucher:
    """Record that an unspent voucher's date has passed.

    Raises:
        ConditionFailed: there is nothing to record; `old` is the voucher as it is.

    """
    return update(
        VoucherRow,
        (voucher_id,),
        [VoucherRow.status.set(target_of("expire")), VoucherRow.due_shard.remove()],
        condition=lawful_for("expire") & (VoucherRow.expires_at <= now),
        change=change,
    )


def leave_to_class(voucher: Voucher, *, change: Change) -> None:
    """Take a redeemed voucher out of its due shard: what becomes of it is decided with its class."""
    with contextlib.suppress(ConditionFailed):  # settled, closed or released: each takes it out too
        update(
            VoucherRow,
            (voucher.id,),
            [VoucherRow.due_shard.remove()],
            condition=lawful(VoucherRow, sources=[VoucherStatus.REDEEMED]) & VoucherRow.due_shard.exists(),
            change=change,
        )
