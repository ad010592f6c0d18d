"""Whose hands are one person's, and the writes that keep it so."""

from dataclasses import dataclass
from datetime import datetime

from chalicelib.accounts.duties import store
from chalicelib.accounts.duties.model import (
    Duties,
    acted_through,
    ended,
    made_by,
    makers_of,
    own_hands,
    taken,
    tied,
    tied_to,
    with_programs,
)
from chalicelib.accounts.model import DECIDERS, Account
from chalicelib.aws.writes import Write, transact, until_written
from chalicelib.kernel.principal import Change


@dataclass(frozen=True)
class PersonsHands:
    """The ids of a person and their `programs`; in `all` both, and those of whom they are tied to."""

    own: frozenset[str] = frozenset()
    all: frozenset[str] = frozenset()
    programs: frozenset[str] = frozenset()
    tied: tuple[str, ...] = ()
    """The holders to whom they are tied."""


def hands_of(account: Account, now: datetime) -> PersonsHands:
    """Give all ids that count as the hands of an account's holder: one read, another where they are tied."""
    duties = store.read(account.holder)
    own = own_hands(duties) | {account.id}
    programs = frozenset(duties.programs)
    others = tied_to(duties, now)
    beside = store.read_many(others) if others else []
    every = own.union(programs, others, *(with_programs(other) for other in beside))
    return PersonsHands(own, every, programs, tuple(others))


def asking(account: Account, program: str, now: datetime) -> tuple[list[str], list[Write]]:
    """Give by whose hands who asks for a program has an account, and write that it acts for them."""
    duties = store.read(account.holder)
    return makers_of(duties, now), _program_writes(duties, account, program)


def _program_writes(duties: Duties, account: Account, program: str) -> list[Write]:
    """Write that what a program does counts as done by a person; nothing where it does already."""
    if program in duties.programs:
        return []
    return [store.change_write(duties, acted_through(_with(duties, account), program))]


def note_program(account: Account, program: str, change: Change) -> None:
    """Have what a program does count as done by a person, before it does anything for them.

    It takes rights away and gives none, so it stands also where what was to follow fails.
    """

    def attempt() -> None:
        writes = _program_writes(store.read(account.holder), account, program)
        if writes:
            transact(writes, change=change)

    until_written(attempt)


def taking_writes(before: Duties, account: Account, *, maker: Account | None, now: datetime) -> list[Write]:
    """Write that a person has an account (again); `maker` is tied to them if the account is a decider's.

    Both carry it: what one did, the other does not decide on, whoever was first.
    """
    after = taken(before, account)
    if maker is None:
        return [store.change_write(before, after)]
    after = made_by(after, maker.holder, now)
    if not _ties(account, maker):
        return [store.change_write(before, after)]
    return _tied_writes(before, after, maker, now)


def confirming_writes(
    account: Account, *, maker: Account | None, confirmer: Account | None, now: datetime
) -> list[Write]:
    """Write that who has a decider's account, and who made it, are tied to each other from now on.

    Who confirmed it is noted among those by whose hands its holder has it.
    """
    duties = store.read(account.holder)
    after = duties
    for one in (maker, confirmer):
        if one is not None:
            after = made_by(after, one.holder, now)
    if maker is not None and _ties(account, maker):
        return _tied_writes(duties, after, maker, now)
    return [] if after == duties else [store.change_write(duties, _with(after, account))]


def _ties(account: Account, maker: Account) -> bool:
    return account.role in DECIDERS and maker.holder != account.holder


def _tied_writes(before: Duties, after: Duties, maker: Account, now: datetime) -> list[Write]:
    theirs = store.read(maker.holder)
    return [
        store.change_write(before, tied(after, maker.holder, now)),
        store.change_write(theirs, tied(_with(theirs, maker), after.holder, now)),
    ]


def _with(duties: Duties, account: Account) -> Duties:
    """Name an account from before persons were known among its holder's."""
    known = any(post.account == account.id for post in duties.posts)
    return duties if known else taken(duties, account)


def ending_write(account: Account, now: datetime) -> Write:
    """Write that a person's account was switched off."""
    duties = store.read(account.holder)
    return store.change_write(duties, ended(_with(duties, account), account.id, now))
