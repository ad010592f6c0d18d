"""Redeemed vouchers whose date has passed before their class was completed (expiry scope `complete`).

Fujian voids a voucher whose training is not completed in time. A trainee who is in no class by then cannot
complete one: the enrolment is released, and the voucher with it expires at once. One on a roster is left to
the class, which may have ended in time: payability tells (`completed_in_time`), and the voucher is settled or
closed with the class.
"""

from collections.abc import Sequence

from chalicelib.aws.writes import ConditionFailed, transact
from chalicelib.enrolments import store
from chalicelib.enrolments.model import Enrolment, EnrolmentStatus
from chalicelib.enrolments.release.service import release_writes
from chalicelib.kernel.principal import Context, change_of
from chalicelib.kernel.reasons import error
from chalicelib.programs.model import ExpiryScope
from chalicelib.programs.service import current_program
from chalicelib.vouchers.expiry import store as expiry_store
from chalicelib.vouchers.model import Voucher

_REASON = "券已过有效期且未编入班级"


def release_or_leave(context: Context, overdue: Sequence[Voucher]) -> None:
    """Decide what becomes of each; doing it again finds nothing left to do.

    Raises:
        Unavailable: one changed at this very moment: the message is to come again.

    """
    enrolment_ids = [str(voucher.enrolment_id) for voucher in overdue]
    enrolments: dict[str, Enrolment] = {
        enrolment.id: enrolment for enrolment in store.find_enrolments(enrolment_ids)
    }
    for voucher in overdue:
        enrolment = enrolments[str(voucher.enrolment_id)]
        scope = current_program(voucher.program_id).policy.expiry_scope
        if scope is ExpiryScope.COMPLETE and enrolment.status is EnrolmentStatus.CONFIRMED:
            _release(context, voucher)
        else:
            expiry_store.leave_to_class(voucher, change=change_of(context, "voucher.leave_to_class"))


def _release(context: Context, voucher: Voucher) -> None:
    change = change_of(context, "enrolment.release", reason=_REASON)
    try:
        transact(release_writes(str(voucher.enrolment_id), voucher, change), change=change)
    except ConditionFailed:
        raise error("try_again") from None
