"""The writes that cancel a class and give its trainees their vouchers back."""

from collections.abc import Sequence

from chalicelib.aws.writes import ConditionFailed, Update, transact
from chalicelib.classes.model import CLASS_TRANSITIONS
from chalicelib.classes.rosters.model import is_spent_on
from chalicelib.classes.store import HEAD, ClassRow, head_update, told_by, transact_under_head
from chalicelib.enrolments import store as enrolments
from chalicelib.enrolments.model import Enrolment
from chalicelib.kernel.principal import Change
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
    sources = CLASS_TRANSITIONS.sources("cancel")
    head = head_update(
        class_id,
        [ClassRow.status.set(str(CLASS_TRANSITIONS.target("cancel"))), ClassRow.queued_at.remove()],
        sources=sources,
        version=version,
    )
    releases = _release_writes(class_id, enrolled[:_RELEASES_A_TRANSACTION], change=change)
    transact_under_head([head, *releases], sources=sources, version=version, change=told_by(HEAD, change))
    release_trainees(class_id, enrolled[_RELEASES_A_TRANSACTION:], change=change)


def release_trainees(
    class_id: str, enrolled: Sequence[tuple[Enrolment, Voucher | None]], *, change: Change
) -> None:
    """Release trainees of a cancelled class, 49 a transaction."""
    for start in range(0, len(enrolled), _RELEASES_A_TRANSACTION):
        part = enrolled[start : start + _RELEASES_A_TRANSACTION]
        try:
            transact(_release_writes(class_id, part, change=change), change=change)
        except ConditionFailed as failure:
            raise error("try_again") from failure


def _release_writes(
    class_id: str, enrolled: Sequence[tuple[Enrolment, Voucher | None]], *, change: Change
) -> list[Update]:
    writes = []
    for enrolment, voucher in enrolled:
        writes.append(enrolments.cancel_write(enrolment.id, class_id=class_id))
        if voucher is not None and is_spent_on(voucher, enrolment):
            writes.append(vouchers.release_write(voucher, enrolment_id=enrolment.id, change=change))
    return writes
