"""The writes that cancel a class and give its trainees their vouchers back."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from pynamodb.expressions.condition import Condition

from chalicelib.aws.writes import ConditionFailed, Update, transact
from chalicelib.classes.model import CLASS_TRANSITIONS, ClassHead
from chalicelib.classes.rosters.model import is_spent_on
from chalicelib.classes.store import (
    HEAD,
    ClassRow,
    also_prepared_action,
    head_update,
    move,
    not_own_work,
    told_by,
    transact_under_head,
)
from chalicelib.enrolments import store as enrolments
from chalicelib.enrolments.model import Enrolment
from chalicelib.kernel.principal import Change, Hands
from chalicelib.kernel.reasons import error
from chalicelib.vouchers import store as vouchers
from chalicelib.vouchers.model import Voucher

_RELEASES_A_TRANSACTION = 49


def cancel(
    class_id: str,
    enrolled: Sequence[tuple[Enrolment, Voucher | None]],
    *,
    version: int,
    change: Change,
) -> None:
    """Cancel a class and give its trainees their vouchers back.

    Up to 49 trainees go in the one transaction that cancels the class; more are released by
    `release_trainees` afterwards, which a repeat of the call resumes.
    """
    _end(class_id, "cancel", enrolled, version=version, change=change)


def approve(
    class_id: str,
    enrolled: Sequence[tuple[Enrolment, Voucher | None]],
    *,
    version: int,
    hands: Hands,
    change: Change,
) -> None:
    """Cancel a class on application, never one's own; its trainees get the days back that it cost them."""
    own = not_own_work(hands)
    _end(class_id, "cancel_approve", enrolled, version=version, change=change, also=own)


def _end(
    class_id: str,
    action: str,
    enrolled: Sequence[tuple[Enrolment, Voucher | None]],
    *,
    version: int,
    change: Change,
    also: Condition | None = None,
) -> None:
    sources = CLASS_TRANSITIONS.sources(action)
    head = head_update(
        class_id,
        [ClassRow.status.set(str(CLASS_TRANSITIONS.target(action))), ClassRow.queued_at.remove()],
        sources=sources,
        version=version,
    )
    if also is not None:
        head = replace(head, condition=head.condition & also)
    days_back = action == "cancel_approve"
    first = enrolled[:_RELEASES_A_TRANSACTION]
    releases = _release_writes(class_id, first, change=change, days_back=days_back)
    transact_under_head([head, *releases], sources=sources, version=version, change=told_by(HEAD, change))
    rest = enrolled[_RELEASES_A_TRANSACTION:]
    release_trainees(class_id, rest, change=change, days_back=days_back)


def request(class_id: str, *, version: int, reason: str, also: Sequence[str], change: Change) -> ClassHead:
    """Apply for the cancellation of a class that has begun; `also` prepared the class besides."""
    return move(
        class_id,
        "cancel_request",
        version=version,
        change=change,
        actions=[
            ClassRow.cancel_reason.set(reason),
            also_prepared_action(also),
            ClassRow.queued_at.set(change.at),
        ],
    )


def refuse_request(
    class_id: str, *, version: int, ends_at: datetime, hands: Hands, change: Change
) -> ClassHead:
    """Refuse a cancellation that was applied for, never one's own; the class goes on."""
    return move(
        class_id,
        "cancel_refuse",
        version=version,
        change=change,
        actions=[ClassRow.cancel_reason.remove(), ClassRow.queued_at.set(ends_at)],
        also=not_own_work(hands),
    )


def release_trainees(
    class_id: str,
    enrolled: Sequence[tuple[Enrolment, Voucher | None]],
    *,
    change: Change,
    days_back: bool = False,
) -> None:
    """Release trainees of a cancelled class, 49 a transaction."""
    for start in range(0, len(enrolled), _RELEASES_A_TRANSACTION):
        part = enrolled[start : start + _RELEASES_A_TRANSACTION]
        try:
            transact(_release_writes(class_id, part, change=change, days_back=days_back), change=change)
        except ConditionFailed as failure:
            raise error("try_again") from failure


def _release_writes(
    class_id: str, enrolled: Sequence[tuple[Enrolment, Voucher | None]], *, change: Change, days_back: bool
) -> list[Update]:
    writes = []
    for enrolment, voucher in enrolled:
        writes.append(enrolments.cancel_write(enrolment.id, class_id=class_id))
        if voucher is not None and is_spent_on(voucher, enrolment):
            writes.append(
                vouchers.release_write(voucher, enrolment_id=enrolment.id, change=change, days_back=days_back)
            )
    return writes
