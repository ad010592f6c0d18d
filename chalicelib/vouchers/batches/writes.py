"""Vouchers put where there are none yet, many in one transaction."""

from collections.abc import Sequence

from chalicelib.aws.writes import (
    TRANSACTION_ITEMS_MAX,
    ConditionFailed,
    Put,
    insert,
    transact,
)
from chalicelib.kernel.principal import Change
from chalicelib.vouchers.model import (
    Voucher,
)
from chalicelib.vouchers.store import VoucherRow, find_vouchers

# --------------------------------------------------------------------------- single writes


def issue(voucher: Voucher, change: Change) -> bool:
    """Store a voucher if the person has none under this program; False if they have (invariant 1)."""
    try:
        insert(VoucherRow.from_record(voucher), change=change)
    except ConditionFailed as failure:
        return isinstance(failure.old, Voucher) and failure.old.batch_id == voucher.batch_id
    return True


def issue_many(vouchers: Sequence[Voucher], change: Change) -> int:
    """Store vouchers, a hundred a transaction; tell how many are this batch's (invariant 1).

    Where one of a hundred is held already, the others are stored without those, and one by one in a race.
    """
    return sum(
        _issue_together(vouchers[start : start + TRANSACTION_ITEMS_MAX], change)
        for start in range(0, len(vouchers), TRANSACTION_ITEMS_MAX)
    )


def _issue_together(vouchers: Sequence[Voucher], change: Change) -> int:
    try:
        transact([Put(VoucherRow.from_record(voucher)) for voucher in vouchers], change=change)
    except ConditionFailed:
        held = {found.id: found.batch_id for found in find_vouchers([one.id for one in vouchers])}
        earlier = sum(held.get(one.id) == one.batch_id for one in vouchers)
        fresh = [one for one in vouchers if one.id not in held]
        try:
            if fresh:
                transact([Put(VoucherRow.from_record(voucher)) for voucher in fresh], change=change)
        except ConditionFailed:
            return earlier + sum(issue(voucher, change) for voucher in fresh)
        return earlier + len(fresh)
    return len(vouchers)
