"""Use case of cancelling a class: its trainees get their vouchers back."""

import contextlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from chalicelib.classes import store
from chalicelib.classes.cancellation import store as cancellation_store
from chalicelib.classes.model import ClassStatus, TrainingClass, why_not
from chalicelib.classes.service import read_parts, require_class
from chalicelib.classes.showing.service import ShownClass, show_parts
from chalicelib.enrolments.model import Enrolment, EnrolmentStatus
from chalicelib.enrolments.store import find_enrolments
from chalicelib.kernel.errors import Refused
from chalicelib.kernel.principal import Context, change_of
from chalicelib.kernel.reasons import refuse
from chalicelib.vouchers.model import Voucher
from chalicelib.vouchers.store import find_vouchers


def cancel_class(context: Context, class_id: str, *, version: int, comment: str | None) -> ShownClass:
    """Cancel a class that is not complete; its trainees get their vouchers back.

    A repeat by the same call's version goes on where a crash stopped releasing and answers like the first.
    """
    training_class = require_class(context, "class.cancel", class_id)
    change = change_of(context, "class.cancel", reason=comment)
    if _is_repeat(training_class, version):
        cancellation_store.release_trainees(training_class.id, still_enrolled(training_class), change=change)
        return show_parts(context, read_parts(class_id))
    refuse(why_not("cancel", training_class, hands=context.principal.hands, now=context.now, version=version))
    cancellation_store.cancel(
        training_class.id, still_enrolled(training_class), version=version, change=change
    )
    return show_parts(context, read_parts(class_id))


def _is_repeat(training_class: TrainingClass, version: int) -> bool:
    seen = (training_class.version, training_class.version - 1)
    return training_class.status is ClassStatus.CANCELLED and version in seen


def still_enrolled(training_class: TrainingClass) -> list[tuple[Enrolment, Voucher | None]]:
    """Give the trainees whom a cancelled class still holds, each with the voucher."""
    rostered = [
        enrolment
        for enrolment in find_enrolments(training_class.enrolment_ids)
        if enrolment.status is EnrolmentStatus.ROSTERED and enrolment.class_id == training_class.id
    ]
    vouchers = {voucher.id: voucher for voucher in find_vouchers([e.voucher_id for e in rostered])}
    return [(enrolment, vouchers.get(enrolment.voucher_id)) for enrolment in rostered]


# --------------------------------------------------------------------------- by the clock

LAPSED = "退回后逾期未重新提交，开班申请失效"


def lapse_classes(
    context: Context, queue: str, until: datetime, after: Mapping[str, Any] | None
) -> Mapping[str, Any] | None:
    """Cancel the classes of one list that were returned before a moment and not filed again.

    Not before the day on which they were to open: until then the application may still be mended. No voucher
    is bound to a class that was never approved. See `kernel.clocks` for the days.
    """
    page = store.waiting_classes(queue, until=until, status=ClassStatus.RETURNED, after=after)
    change = change_of(context, "class.lapse", reason=LAPSED)
    for head in store.heads_by_id(key.key[0] for key in page.keys):
        if head.status is not ClassStatus.RETURNED or head.opens_at > context.now:
            continue
        with contextlib.suppress(Refused):  # filed or changed at this very moment
            cancellation_store.cancel(head.id, (), version=head.version, change=change)
    return page.after
