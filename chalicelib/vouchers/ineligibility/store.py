"""The writes that take an unspent voucher from who is listed, or mark a redeemed one."""

from datetime import datetime
from typing import Any

from pynamodb.expressions.update import Action

from chalicelib.aws.writes import update
from chalicelib.kernel.principal import Change
from chalicelib.people.eligibility import Bar
from chalicelib.vouchers.model import Voucher, bar_moments
from chalicelib.vouchers.store import VoucherRow, lawful_for, target_of


def revoke_ineligible(voucher: Voucher, bar: Bar, *, now: datetime, change: Change) -> None:
    """Take back an unspent voucher whose holder a cross-match list shows as ineligible.

    Raises:
        ConditionFailed: it has been spent, expired or taken back meanwhile; `old` is the voucher.

    """
    update(
        VoucherRow,
        (voucher.id,),
        [VoucherRow.status.set(target_of("revoke")), VoucherRow.due_shard.remove(), *bar_actions(bar)],
        condition=lawful_for("expire") & (VoucherRow.expires_at > now),
        change=change,
    )


def mark_ineligible(voucher: Voucher, bar: Bar | None, *, change: Change) -> None:
    """Note on a voucher from when on lists stand against it, or that they no longer do.

    Raises:
        ConditionFailed: it has changed meanwhile; `old` is the voucher.

    """
    update(
        VoucherRow,
        (voucher.id,),
        bar_actions(bar),
        condition=VoucherRow.version == voucher.version,
        change=change,
    )


def bar_actions(bar: Bar | None) -> list[Action]:
    """Put what lists say onto a voucher, as moments a write can compare, or take it off."""
    first, end = bar_moments(bar)
    values: list[tuple[Any, Any]] = [
        (VoucherRow.barred_from, first),
        (VoucherRow.barred_until, end),
        (VoucherRow.bar, bar),
    ]
    return [attribute.set(value) if value is not None else attribute.remove() for attribute, value in values]
