"""Idle vouchers (空转): redeemed, and then in no approved class for as long as their clock allows.

A voucher is money that waits for a use. The institution is reminded, the bureau sees it, and in the end the
voucher is given back: the holder, whom the platform tells of every change of their voucher, may go elsewhere.
The rule and its days are in `kernel.clocks`.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from chalicelib.aws.writes import ConditionFailed, transact
from chalicelib.enrolments import store
from chalicelib.enrolments.model import Enrolment
from chalicelib.enrolments.release.service import release_writes
from chalicelib.kernel.principal import Context, change_of
from chalicelib.vouchers.model import Voucher
from chalicelib.vouchers.store import find_vouchers

REASON = "核销后长期未编入班级，券退回本人"


def release_idle(
    context: Context, queue: str, until: datetime, after: Mapping[str, Any] | None
) -> Mapping[str, Any] | None:
    """Give back the vouchers of one page of enrolments that have waited for a class since before a moment.

    Gives where the next page begins. What was rostered or released meanwhile is left alone by the condition
    of the write; what could not be written is found again in the next night.
    """
    page = store.waiting_enrolments(queue, until=until, after=after)
    enrolments: list[Enrolment] = store.find_enrolments([key.key[0] for key in page.keys])
    vouchers: dict[str, Voucher] = {
        voucher.id: voucher for voucher in find_vouchers([one.voucher_id for one in enrolments])
    }
    change = change_of(context, "enrolment.release", reason=REASON)
    for enrolment in enrolments:
        writes = release_writes(enrolment.id, vouchers[enrolment.voucher_id], change, waiting_before=until)
        try:
            transact(writes, change=change)
        except ConditionFailed:
            continue
    return page.after
