"""Use cases of cancelling a class: its trainees get their vouchers back."""

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from chalicelib.classes import store
from chalicelib.classes.cancellation import store as cancellation_store
from chalicelib.classes.model import (
    ClassHead,
    ClassStatus,
    TrainingClass,
    also_prepared,
    why_not,
)
from chalicelib.classes.rosters.model import has_opened
from chalicelib.classes.service import read_parts, require_class, require_version
from chalicelib.classes.showing.service import ShownClass, show_decided, show_parts
from chalicelib.enrolments.model import Enrolment, EnrolmentStatus
from chalicelib.enrolments.store import find_enrolments
from chalicelib.kernel.errors import Fault, Refused
from chalicelib.kernel.principal import Context, change_of
from chalicelib.kernel.reasons import error, refuse
from chalicelib.vouchers.model import Voucher
from chalicelib.vouchers.store import find_vouchers


@dataclass(frozen=True)
class Cancellation:
    """A class after somebody wanted to cancel it: it is cancelled, or waits for the bureau's decision."""

    shown: ShownClass
    waits: bool


def cancel_class(context: Context, class_id: str, *, version: int, comment: str | None) -> Cancellation:
    """Cancel a class that has not begun, or apply for the cancellation of one that has.

    Its trainees get their vouchers back: of one that has begun with the bureau's approval only, and then with
    the days that the class cost them. A repeat by the same call's version goes on where a crash stopped
    releasing and answers like the first.

    Raises:
        Refused: the state.
        Malformed: the class has begun, and no reason is given for its cancellation.

    """
    training_class = require_class(context, "class.cancel", class_id)
    change = change_of(context, "class.cancel", reason=comment)
    if _is_repeat(training_class, version) and training_class.cancel_reason is None:
        cancellation_store.release_trainees(training_class.id, still_enrolled(training_class), change=change)
        return Cancellation(show_parts(context, read_parts(class_id)), waits=False)
    refuse(why_not("cancel", training_class, hands=context.principal.hands, now=context.now, version=version))
    if training_class.approved_by is not None and has_opened(training_class, context.now):
        head = _apply(context, training_class, version=version, reason=comment)
        return Cancellation(show_decided(training_class, head), waits=True)
    cancellation_store.cancel(
        training_class.id, still_enrolled(training_class), version=version, change=change
    )
    return Cancellation(show_parts(context, read_parts(class_id)), waits=False)


def _apply(context: Context, training_class: TrainingClass, *, version: int, reason: str | None) -> ClassHead:
    if reason is None:
        raise error("malformed", faults=(Fault("missing_field", field="reason"),))
    return cancellation_store.request(
        training_class.id,
        version=version,
        reason=reason,
        also=also_prepared(training_class, context.principal.actor),
        change=change_of(context, "class.request_cancel", reason=reason),
    )


def approve_cancellation(context: Context, class_id: str, *, version: int, comment: str | None) -> ShownClass:
    """Approve that a class which has begun is cancelled: its trainees get their vouchers and their days back.

    A repeat goes on where a crash stopped releasing.

    Raises:
        Forbidden: `self_approval`.
        Refused: the state.

    """
    training_class = require_class(context, "class.approve_cancel", class_id)
    hands = context.principal.hands
    change = change_of(context, "class.approve_cancel", reason=comment)
    if _is_repeat(training_class, version) and training_class.cancel_reason is not None:
        cancellation_store.release_trainees(
            training_class.id, still_enrolled(training_class), change=change, days_back=True
        )
        return show_parts(context, read_parts(class_id))
    refuse(why_not("cancel_approve", training_class, hands=hands, now=context.now, version=version))
    enrolled = still_enrolled(training_class)
    cancellation_store.approve(training_class.id, enrolled, version=version, hands=hands, change=change)
    return show_parts(context, read_parts(class_id))


def refuse_cancellation(context: Context, class_id: str, *, version: int, reason: str) -> ShownClass:
    """Refuse the cancellation of a class with the reason: it goes on."""
    training_class = require_version(context, "class.refuse_cancel", class_id, version)
    hands = context.principal.hands
    refuse(why_not("cancel_refuse", training_class, hands=hands, now=context.now, version=version))
    head = cancellation_store.refuse_request(
        training_class.id,
        version=version,
        ends_at=training_class.ends_at,
        hands=hands,
        change=change_of(context, "class.refuse_cancel", reason=reason),
    )
    return show_decided(training_class, head)


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
