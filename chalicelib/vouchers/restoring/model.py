"""Restoring a voucher (恢复): rights lost by other people's mistakes come back, by the word of two.

A voucher was revoked after a wrong list, by hand, or expired because its class was cancelled. One person of
the province proposes to give it back with a reason, another confirms it: it is in the state before again,
good through another day where its time was taken. A proposal that nobody confirmed within `PROPOSED_DAYS`
lapses.

An example: claimed, good through 1 September 2027, revoked on 1 March because a list said "employed". On 10
March a corrected list says it was somebody else. 甲 proposes to restore it, 乙 confirms: it is claimed again,
good through 1 September. Had it expired meanwhile, `extended_to` would be asked for
(`restore_needs_extension`), no later than a voucher issued today would be good.
"""

from datetime import date, datetime, timedelta

from chalicelib.kernel.calendar import expires_at, shanghai_date, valid_through
from chalicelib.kernel.clocks import PROPOSED_DAYS
from chalicelib.kernel.errors import DomainError
from chalicelib.kernel.principal import Hands
from chalicelib.kernel.reasons import error
from chalicelib.people.eligibility import Bar
from chalicelib.people.eligibility import facts_of as standing_facts
from chalicelib.vouchers.model import OVER, Restoration, Voucher, VoucherStatus, facts_of, status_shown

ACTIONS = {"restore": "voucher.restore", "confirm_restore": "voucher.confirm_restore"}
"""What may be done with a lost voucher, and the right to it."""

LOST = (VoucherStatus.EXPIRED, VoucherStatus.REVOKED)
_CONFIRM = "confirm_restore"


def lapses_at(restoration: Restoration) -> datetime:
    """Tell until when a proposal may be confirmed (exclusive)."""
    return restoration.asked_at + timedelta(days=PROPOSED_DAYS)


def open_restoration(voucher: Voucher, now: datetime) -> Restoration | None:
    """Give the proposal that waits for a second person; None if there is none, or it has lapsed."""
    restoration = voucher.restoration
    return restoration if restoration is not None and now < lapses_at(restoration) else None


def state_before(voucher: Voucher) -> VoucherStatus:
    """Tell in which state a voucher was when it was lost: losing it leaves the moments of its life on it.

    Giving a redeemed one back to its holder takes the redemption off it, so what is left of one was lost
    with it.
    """
    if voucher.redeemed_at is not None and voucher.enrolment_id is not None:
        return VoucherStatus.REDEEMED
    return VoucherStatus.CLAIMED if voucher.claimed_at is not None else VoucherStatus.ISSUED


def why_not(
    action: str, voucher: Voucher, *, hands: Hands, now: datetime, bar: Bar | None
) -> DomainError | None:
    """Tell what stands against proposing to restore a voucher, or confirming it; None if nothing does.

    `bar` is what cross-match lists say of its holder by now: while one counts, an unspent voucher would be
    lost again at once, so the list is corrected first. Nobody confirms what they asked for, nor that their
    own voucher is given back. The truth is the condition of `store.propose` and of `store.restore_write`: the
    very version that was read.
    """
    status = status_shown(voucher, now)
    if status not in LOST:
        return error(OVER.get(status, "voucher_not_lost"), **facts_of(voucher))
    restoration = open_restoration(voucher, now)
    if action == _CONFIRM and restoration is None:
        return error("restore_not_asked")
    own = voucher.person_key in hands or (restoration is not None and restoration.asked_by in hands)
    if action == _CONFIRM and own:
        return error("self_approval")
    if action != _CONFIRM and restoration is not None and restoration.asked_by not in hands:
        return error("restore_already_asked")
    target = state_before(voucher) if restoration is None else restoration.target
    return barred_again(target, bar, now=now)


def barred_again(target: VoucherStatus, bar: Bar | None, *, now: datetime) -> DomainError | None:
    """Tell whether a list would take an unspent voucher back at once; a spent one stays, and is marked."""
    if target is VoucherStatus.REDEEMED or bar is None or not bar.counts_on(shanghai_date(now)):
        return None
    facts = standing_facts(bar.standing)
    return error(bar.code, since=facts["since"], as_of=facts["as_of"])


def why_not_until(
    voucher: Voucher,
    target: VoucherStatus,
    extended_to: date | None,
    *,
    today: date,
    validity_months: int,
    ends_with_date: bool,
) -> DomainError | None:
    """Tell what stands against the day a voucher shall be good through.

    It may be no earlier than before, and no later than of a voucher issued today. What is restored lives
    today: an unspent voucher, and a spent one whose class has to end by that day too (`ends_with_date`).
    """
    most = max(voucher.valid_through, valid_through(today, validity_months))
    if extended_to is not None and not voucher.valid_through <= extended_to <= most:
        return error(
            "extension_out_of_range",
            valid_through=voucher.valid_through.isoformat(),
            ends_on=most.isoformat(),
        )
    lives_by_date = target is not VoucherStatus.REDEEMED or ends_with_date
    if lives_by_date and (extended_to or voucher.valid_through) < today:
        return error("restore_needs_extension", valid_through=voucher.valid_through.isoformat())
    return None


def good_through(voucher: Voucher, restoration: Restoration) -> tuple[date, datetime]:
    """Give the last day (inclusive) and the moment of expiry (exclusive) of a voucher once it is restored."""
    last_day = restoration.extended_to or voucher.valid_through
    return last_day, expires_at(last_day)
