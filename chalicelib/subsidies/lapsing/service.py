"""Scored classes for which nothing is paid are closed: their vouchers would stay redeemed for ever.

A clerk closes one in which nobody is payable; one that nobody claims for in time is closed in the night.
"""

import contextlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from chalicelib.aws.writes import ConditionFailed, Write, refuse_stale, transact
from chalicelib.classes.model import CLASS_TRANSITIONS, ClassHead, TrainingClass, own_work, why_not
from chalicelib.classes.scores.store import classes_unclaimed, lapse_write
from chalicelib.classes.service import read_class, require_class
from chalicelib.enrolments.store import find_enrolments
from chalicelib.kernel.calendar import shanghai_date
from chalicelib.kernel.divisions import DIRECTLY_ADMINISTERED, PROVINCE
from chalicelib.kernel.errors import DomainError
from chalicelib.kernel.principal import Context, change_of
from chalicelib.kernel.reasons import error, refuse
from chalicelib.subsidies.claims import store
from chalicelib.subsidies.claims.closing import close_vouchers, rejection_writes
from chalicelib.subsidies.claims.model import Leftover, sent_again_by
from chalicelib.subsidies.claims.states import ClaimStatus
from chalicelib.subsidies.payability.model import totals_of
from chalicelib.subsidies.payability.service import Examination, examine

CLASSES_A_RUN_MAX = 100
REASON = "逾期未申领补贴，随班关闭"


def close_unpayable(context: Context, class_id: str, *, version: int, reason: str) -> TrainingClass:
    """Close a scored class in which nobody is payable, with the vouchers that were redeemed for it.

    Raises:
        Forbidden: `self_approval`, by who prepared the class, in whatever role then.
        Refused: `wrong_state`, `version_conflict`, or `somebody_payable`, with how many and how much.

    """
    training_class = require_class(context, "class.close", class_id)
    hands = context.principal.hands
    refuse(own_work(training_class, hands))
    refuse(why_not("close", training_class, hands=hands, now=context.now, version=version))
    trainees = examine(training_class, today=shanghai_date(context.now))
    refuse(_somebody_payable(trainees))
    used = [Leftover(trainee.enrolment.id, trainee.enrolment.voucher_id) for trainee in trainees]
    writes: list[Write] = [lapse_write(class_id, version=version), *close_vouchers(used)]
    try:
        transact(writes, change=change_of(context, "class.close", reason=reason))
    except ConditionFailed as failure:
        if isinstance(failure.old, ClassHead):
            refuse_stale(failure.old, sources=CLASS_TRANSITIONS.sources("lapse"), version=version)
        raise error("try_again") from None
    return read_class(class_id)


def why_not_close(class_id: str, now: datetime) -> DomainError | None:
    """Tell that somebody is payable in a scored class, which is then to be claimed for and not closed."""
    return _somebody_payable(examine(read_class(class_id), today=shanghai_date(now), glance=True))


def _somebody_payable(trainees: Sequence[Examination]) -> DomainError | None:
    count, amount_fen = totals_of([trainee.payability for trainee in trainees])
    return error("somebody_payable", count=count, amount_fen=amount_fen) if count else None


def close_unclaimed(context: Context, payer: str) -> int:
    """Close the classes that a division would pay for and whose last day of claiming is over.

    Their vouchers are closed with them. Gives how many were due, at most `CLASSES_A_RUN_MAX`: as many as that
    means that there may be more.
    """
    change = change_of(context, "class.lapse", reason=REASON)
    today = shanghai_date(context.now)
    groups = [payer, *sorted(DIRECTLY_ADMINISTERED)] if payer == PROVINCE else [payer]
    due = [
        class_id
        for group in groups
        for class_id in classes_unclaimed(group, before=today, limit=CLASSES_A_RUN_MAX)
    ]
    for class_id in due[:CLASSES_A_RUN_MAX]:
        enrolments = find_enrolments(sorted(read_class(class_id).enrolment_ids))
        used = [Leftover(enrolment.id, enrolment.voucher_id) for enrolment in enrolments]
        writes: list[Write] = [lapse_write(class_id, version=None), *close_vouchers(used)]
        try:
            transact(writes, change=change)
        except ConditionFailed:
            continue  # claimed or closed meanwhile, or the next night finds what has changed
    return min(len(due), CLASSES_A_RUN_MAX)


# --------------------------------------------------------------------------- returned claims

NOT_SENT_AGAIN = "退回后逾期未重新申领，随班关闭"


def lapse_claims(
    context: Context, queue: str, until: datetime, after: Mapping[str, Any] | None
) -> Mapping[str, Any] | None:
    """Reject the claims of one list that were returned before a moment and not sent again in time.

    Their classes close with them, and the vouchers redeemed for these. `claims.model.sent_again_by` tells
    until when: the deadline goes on while a claim rests with the institution.
    """
    page = store.waiting_claims(queue, until=until, status=ClaimStatus.RETURNED, after=after)
    change = change_of(context, "subsidy_claim.lapse", reason=NOT_SENT_AGAIN)
    today = shanghai_date(context.now)
    for claim in store.find_claims([key.key[0] for key in page.keys]):
        last_day = sent_again_by(claim)
        if claim.status is not ClaimStatus.RETURNED or last_day is None or today <= last_day:
            continue
        with contextlib.suppress(ConditionFailed):  # sent again at this very moment
            transact(rejection_writes(claim, NOT_SENT_AGAIN), change=change)
    return page.after
