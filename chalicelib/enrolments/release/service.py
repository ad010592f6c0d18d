"""Use cases of ending an enrolment: its voucher given back to its holder, or taken away for good."""

from datetime import datetime

from chalicelib.accounts import rights
from chalicelib.aws.writes import Write, transact, until_written
from chalicelib.enrolments import store
from chalicelib.enrolments.model import Enrolment, EnrolmentStatus
from chalicelib.enrolments.service import bound_enrolments, read_enrolment, why_not_now
from chalicelib.kernel.principal import Change, Context, change_of
from chalicelib.kernel.reasons import refuse
from chalicelib.vouchers import store as voucher_store
from chalicelib.vouchers.model import Voucher, VoucherStatus, why_not
from chalicelib.vouchers.service import ShownVoucher, read_voucher

# --------------------------------------------------------------------------- released


def release(context: Context, enrolment_id: str, *, reason: str) -> Enrolment:
    """Give a voucher back before the roster; a repeat gives the released enrolment.

    Raises:
        Refused: the enrolment is on a roster or further; `release_too_late`, the policy's time is over
            in which an institution may do this without its bureau.

    """
    change = change_of(context, "enrolment.release", reason=reason)

    def attempt() -> Enrolment:
        enrolment = read_enrolment(context, enrolment_id, "enrolment.release")
        if enrolment.status is EnrolmentStatus.RELEASED:
            return enrolment
        refuse(why_not_now(context, "release", enrolment))
        voucher = voucher_store.read_voucher(enrolment.voucher_id)
        transact(release_writes(enrolment.id, voucher, change), change=change)
        return store.read_enrolment(enrolment.id)

    return until_written(attempt)


def release_writes(
    enrolment_id: str, voucher: Voucher, change: Change, *, waiting_before: datetime | None = None
) -> list[Write]:
    """End a confirmed enrolment and give its voucher back, as one.

    `waiting_before` where only one is ended that has waited for a class since before a moment.
    """
    return [
        store.release_write(enrolment_id, waiting_before=waiting_before),
        voucher_store.release_write(voucher, enrolment_id=enrolment_id, change=change),
    ]


# --------------------------------------------------------------------------- revoked


def revoke(context: Context, voucher_id: str, *, version: int, reason: str) -> ShownVoucher:
    """Take a voucher back with a reason; an enrolment that is on no roster is released with it.

    A repeat by the same person, of the same version, gives the revoked voucher.

    Raises:
        Refused: the voucher is spent on a running class, settled, closed, revoked before or expired.

    """
    change = change_of(context, "voucher.revoke", reason=reason)

    def attempt() -> None:
        voucher = voucher_store.read_voucher(voucher_id)
        rights.require(context.principal, "voucher.revoke", division=voucher.division)
        if _is_repeated_revocation(voucher, change, version=version):
            return
        enrolment_id = voucher.enrolment_id if voucher.status is VoucherStatus.REDEEMED else None
        on_roster = enrolment_id is not None and enrolment_id in bound_enrolments([enrolment_id])
        refuse(why_not("revoke", voucher, now=context.now, on_roster=on_roster, version=version))
        if enrolment_id is None:
            voucher_store.revoke(voucher_id, version=version, change=change)
        else:
            transact(
                [
                    voucher_store.revoke_write(voucher_id, version=version),
                    store.release_write(enrolment_id),
                ],
                change=change,
            )

    until_written(attempt)
    return read_voucher(context, voucher_id)


def _is_repeated_revocation(voucher: Voucher, change: Change, *, version: int) -> bool:
    """Tell whether this very request has taken it back already, and its answer was lost."""
    last = voucher.last_change
    return (
        voucher.status is VoucherStatus.REVOKED
        and voucher.version == version + 1
        and last is not None
        and (last.actor, last.action, last.reason) == (change.actor, change.action, change.reason)
    )
