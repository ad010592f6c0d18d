"""What a cross-match list does to vouchers: an unspent one is lost, a redeemed one is marked.

The payment for a voucher that was redeemed is of a later step, which is told through here: `app.py` installs
it. It is told each time a list is looked at, whether or not the voucher changes: a worker may have died
in between.

Called by the worker that applies a list, after the list is stored, and by the issuer, after its vouchers are.
Every write is followed by another look at what lists say: of two that act on one voucher, the later one finds
the newest word and writes it.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime

from chalicelib.aws.writes import ConditionFailed, until_written
from chalicelib.kernel.calendar import shanghai_date
from chalicelib.kernel.ids import PersonKey, VoucherId
from chalicelib.kernel.ports import Port
from chalicelib.kernel.principal import Change, Context, change_of
from chalicelib.kernel.reasons import error
from chalicelib.people.eligibility import Bar, bar_of
from chalicelib.people.standings import service as standings
from chalicelib.people.standings.model import Standings
from chalicelib.programs.service import all_programs, current_program
from chalicelib.vouchers import store
from chalicelib.vouchers.ineligibility import store as ineligibility_store
from chalicelib.vouchers.model import (
    FOUND_INELIGIBLE,
    Consequence,
    Voucher,
    VoucherStatus,
    bar_reason,
    consequence_of,
    is_late_mark,
    voucher_id_of,
)

_ROUNDS_MAX = 8
"""So many lists may say something new of the same people while their vouchers follow one of them."""
_PAID_FOR = (VoucherStatus.REDEEMED, VoucherStatus.SETTLED)
_stop_payment: Port[[Context, Voucher, Bar | None], bool] = Port("payment_of_voucher")
"""Tells what lists say of a voucher that is, or will be, paid for; answers whether that stands against it."""
_told_of_trainee: Port[[Context, Voucher], None] = Port("listed_trainee")
"""Told of each voucher in use whose holder a list bars: supervision looks at their class again."""


def follow(context: Context, person_keys: Iterable[PersonKey]) -> None:
    """Bring the vouchers of these people in line with what cross-match lists say of them now.

    Raises:
        Unavailable: others kept changing the same vouchers or lists; repeating is safe.

    """
    people: Collection[PersonKey] = set(person_keys)
    for _ in range(_ROUNDS_MAX):  # not `until_written`: it goes round as long as its own writes come through
        if not people:
            return
        listed = standings.standings_of(people)
        consequences = [_bring_in_line(context, voucher, bar) for voucher, bar in _concerned(context, listed)]
        if not any(consequences):
            return
        people = standings.people_with_news(people, listed)
    raise error("try_again")


def bars_of(context: Context, vouchers: Sequence[Voucher]) -> dict[VoucherId, Bar | None]:
    """Tell what lists say now of the holders of vouchers, whatever these carry: one read a hundred."""
    listed = standings.standings_of(voucher.person_key for voucher in vouchers)
    return {
        voucher.id: bar_of(
            listed[voucher.person_key].standings,
            current_program(voucher.program_id),
            today=_asked_from(voucher, context.now),
        )
        if voucher.person_key in listed
        else None
        for voucher in vouchers
    }


def effect_on(person_keys: Iterable[PersonKey], import_id: str) -> tuple[int, int]:
    """Count the vouchers lost and those marked because of a list, from what they themselves say."""
    ids = [voucher_id_of(key, program.id) for program in all_programs() for key in person_keys]
    statuses = [
        voucher.status
        for voucher in store.find_vouchers(ids)
        if voucher.bar is not None and voucher.bar.standing.import_id == import_id
    ]
    revoked = statuses.count(VoucherStatus.REVOKED)
    return revoked, len(statuses) - revoked


def _concerned(
    context: Context, listed: Mapping[PersonKey, Standings]
) -> Iterator[tuple[Voucher, Bar | None]]:
    """Find the vouchers of listed people by their derived ids: an index might not have the newest yet."""
    programs = {program.id: program for program in all_programs()} if listed else {}
    ids = [voucher_id_of(key, program_id) for key in listed for program_id in programs]
    for voucher in store.find_vouchers(ids):
        known = listed[voucher.person_key].standings
        yield voucher, bar_of(known, programs[voucher.program_id], today=_asked_from(voucher, context.now))


def _asked_from(voucher: Voucher, now: datetime) -> date:
    """Give the day from which on it matters what lists say: of a voucher in use, that of its redemption.

    Whether its class is paid for depends on the day the class opened, and lists come long after.
    """
    today = shanghai_date(now)
    if voucher.status not in _PAID_FOR or voucher.redeemed_at is None:
        return today
    return min(today, shanghai_date(voucher.redeemed_at))


def _bring_in_line(context: Context, voucher: Voucher, bar: Bar | None) -> Consequence | None:
    """Do to one voucher what follows; it may be claimed, redeemed or released meanwhile."""
    current: Voucher | None = voucher

    def attempt() -> Consequence | None:
        nonlocal current
        if current is None:
            return None
        try:
            return _do_what_follows(context, current, bar)
        except ConditionFailed as failure:
            current = failure.old  # as it is now: nothing needs to be read again
            raise

    return until_written(attempt)


def _do_what_follows(context: Context, voucher: Voucher, bar: Bar | None) -> Consequence | None:
    consequence = consequence_of(voucher, bar, now=context.now)
    change = _change(context, bar)
    if consequence is Consequence.REVOKE:
        assert bar is not None
        ineligibility_store.revoke_ineligible(voucher, bar, now=context.now, change=change)
    elif consequence is Consequence.MARK:
        ineligibility_store.mark_ineligible(voucher, bar, change=change)
    if voucher.status in _PAID_FOR:
        stands = _stop_payment(context, voucher, bar)
        if bar is not None:
            _told_of_trainee(context, voucher)
        if is_late_mark(voucher, bar, stands_against_payment=stands):
            ineligibility_store.mark_ineligible(voucher, bar, change=change)
            return Consequence.MARK
    return consequence


def _change(context: Context, bar: Bar | None) -> Change:
    """Tell the list and the person who uploaded it, so that the decision traces to somebody."""
    if bar is None:
        return change_of(context, "voucher.find_eligible")
    return change_of(context, FOUND_INELIGIBLE, reason=bar_reason(bar))
