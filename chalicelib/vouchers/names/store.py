"""The writes that note of a voucher whether the cards that use it have its holder's name."""

import contextlib
from datetime import datetime

from pynamodb.expressions.update import Action

from chalicelib.aws.writes import ConditionFailed, lawful, update
from chalicelib.kernel.principal import Change
from chalicelib.vouchers.model import Voucher, VoucherFlag, VoucherStatus
from chalicelib.vouchers.store import VoucherRow, flag_action

_UNSPENT = (VoucherStatus.ISSUED, VoucherStatus.CLAIMED)


def flag_mismatch(voucher: Voucher, change: Change) -> None:
    """Note that a card with another name tried to use an unspent voucher; once, until it is corrected."""
    with contextlib.suppress(ConditionFailed):
        update(
            VoucherRow,
            (voucher.id,),
            [
                VoucherRow.name_mismatch_at.set(change.at),
                flag_action(voucher, VoucherFlag.NAME_MISMATCH),
            ],
            condition=lawful(VoucherRow, sources=_UNSPENT) & VoucherRow.name_mismatch_at.does_not_exist(),
            change=change,
        )


def set_name(voucher: Voucher, masked_name: str, named_at: datetime, change: Change) -> Voucher:
    """Write the name that counts since a moment, and take the mismatch off.

    Raises:
        ConditionFailed: it has changed meanwhile; `old` is the voucher.

    """
    row = VoucherRow
    actions: list[Action] = [
        row.named_at.set(named_at),
        row.holder_name.set(masked_name),
        row.name_mismatch_at.remove(),
    ]
    if voucher.name_mismatch_at is not None and voucher.status in _UNSPENT:
        actions.append(flag_action(voucher, None))
    return update(row, (voucher.id,), actions, condition=row.version == voucher.version, change=change)
