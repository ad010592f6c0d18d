"""What a cross-match list does to vouchers: an unspent one is lost, a redeemed one is marked.

Called by the worker that applies a list, after the list is stored, and by the issuer, after its vouchers are.
Every write is followed by another look at what lists say: of two that act on one voucher, the later one finds
the newest word and writes it.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from chalicelib.aws.table import ConditionFailed
from chalicelib.kernel.calendar import shanghai_date
from chalicelib.kernel.errors import Unavailable
from chalicelib.kernel.ids import PersonKey
from chalicelib.kernel.principal import Change, Context, change_of
from chalicelib.kernel.reasons import sentence
from chalicelib.people import standings
from chalicelib.people.eligibility import Bar, Standings, bar_of, facts_of
from chalicelib.programs.service import all_programs
from chalicelib.vouchers import store
from chalicelib.vouchers.model import Consequence, Voucher, consequence_of, voucher_id_of

_TRIES = 8


@dataclass(frozen=True)
class Followed:
    """How many vouchers were taken back, and how many carry another mark."""

    revoked: int = 0
    marked: int = 0


def follow(context: Context, person_keys: Iterable[PersonKey]) -> Followed:
    """Bring the vouchers of these people in line with what cross-match lists say of them now.

    Raises:
        Unavailable: others kept changing the same vouchers or lists; repeating is safe.

    """
    revoked = marked = 0
    people: Collection[PersonKey] = set(person_keys)
    for _ in range(_TRIES):
        if not people:
            return Followed(revoked, marked)
        listed = standings.standings_of(people)
        done = [_bring_in_line(context, voucher, bar) for voucher, bar in _concerned(context, listed)]
        revoked += done.count(Consequence.REVOKE)
        marked += done.count(Consequence.MARK)
        if not any(done):
            return Followed(revoked, marked)
        people = standings.told_since(people, listed)
    raise Unavailable("try_again")


def _concerned(
    context: Context, listed: Mapping[PersonKey, Standings]
) -> Iterator[tuple[Voucher, Bar | None]]:
    """Find the vouchers of listed people by their derived ids: an index might not have the newest yet."""
    today = shanghai_date(context.now)
    programs = {program.id: program for program in all_programs()} if listed else {}
    ids = [voucher_id_of(key, program_id) for key in listed for program_id in programs]
    for voucher in store.find_vouchers(ids):
        known = listed[voucher.person_key].standings
        yield voucher, bar_of(known, programs[voucher.program_id], today=today)


def _bring_in_line(context: Context, voucher: Voucher, bar: Bar | None) -> Consequence | None:
    """Do to one voucher what follows; it may be claimed, redeemed or released meanwhile."""
    current: Voucher | None = voucher
    for _ in range(_TRIES):
        if current is None:
            return None
        consequence = consequence_of(current, bar, now=context.now)
        try:
            if consequence is Consequence.REVOKE:
                assert bar is not None
                store.revoke_ineligible(current, bar, now=context.now, change=_change(context, bar))
            elif consequence is Consequence.MARK:
                store.mark_ineligible(current, bar, change=_change(context, bar))
        except ConditionFailed as failure:
            current = failure.old
        else:
            return consequence
    raise Unavailable("try_again")


def _change(context: Context, bar: Bar | None) -> Change:
    """Tell the list and the person who uploaded it, so that the decision traces to somebody."""
    if bar is None:
        return change_of(context, "voucher.find_eligible")
    standing = bar.standing
    reason = (
        f"{sentence(bar.code, facts_of(standing))} "
        f"[{bar.code} import={standing.import_id} applied_by={standing.listed_by}]"
    )
    return change_of(context, "voucher.find_ineligible", reason=reason)
