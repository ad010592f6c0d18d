"""Scored classes that nobody claims for in time are closed: their vouchers would stay redeemed for ever."""

from chalicelib.aws.table import ConditionFailed, Write, transact
from chalicelib.classes.scores_store import classes_unclaimed, lapse_write
from chalicelib.classes.service import read_class
from chalicelib.enrolments.store import find_enrolments
from chalicelib.kernel.calendar import shanghai_date
from chalicelib.kernel.divisions import DIRECTLY_ADMINISTERED, PROVINCE
from chalicelib.kernel.principal import Context, change_of
from chalicelib.subsidies.model import Leftover
from chalicelib.subsidies.service import close_vouchers

CLASSES_A_RUN_MAX = 100
REASON = "逾期未申领补贴，随班关闭"


def close_unclaimed(context: Context, payer: str) -> int:
    """Close the classes that a division would pay for and whose last day of claiming is over.

    Their vouchers are closed with them. Gives how many were due, at most `CLASSES_A_RUN_MAX`: as many as that
    means that there may be more.
    """
    change = change_of(context, "class.lapse", reason=REASON)
    today = shanghai_date(context.now)
    groups = [payer, *sorted(DIRECTLY_ADMINISTERED)] if payer == PROVINCE else [payer]
    due = [one for group in groups for one in classes_unclaimed(group, before=today, limit=CLASSES_A_RUN_MAX)]
    for class_id in due[:CLASSES_A_RUN_MAX]:
        enrolments = find_enrolments(sorted(read_class(class_id).enrolment_ids))
        used = [Leftover(one.id, one.voucher_id) for one in enrolments]
        writes: list[Write] = [lapse_write(class_id), *close_vouchers(used)]
        try:
            transact(writes, change=change)
        except ConditionFailed:
            continue  # claimed or closed meanwhile, or the next night finds what has changed
    return min(len(due), CLASSES_A_RUN_MAX)
