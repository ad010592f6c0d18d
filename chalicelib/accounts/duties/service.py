"""Whose hands are one person's, and the writes that keep it so."""

from dataclasses import dataclass
from datetime import datetime

from chalicelib.accounts.duties import store
from chalicelib.accounts.duties.model import Duties, ended, own_hands, taken, tied, tied_to
from chalicelib.accounts.model import DECIDERS, Account
from chalicelib.aws.writes import Write


@dataclass(frozen=True)
class PersonsHands:
    """The ids of a person, and with them those of whom they are tied to."""

    own: frozenset[str] = frozenset()
    all: frozenset[str] = frozenset()


def hands_of(account: Account, now: datetime) -> PersonsHands:
    """Give all ids that count as the hands of an account's holder: one read, another where they are tied."""
    duties = store.read(account.holder)
    own = own_hands(duties) | {account.id}
    others = tied_to(duties, now)
    if not others:
        return PersonsHands(own, own)
    return PersonsHands(own, own.union(others, *(own_hands(other) for other in store.read_many(others))))


def taking_writes(before: Duties, account: Account, *, maker: Account | None, now: datetime) -> list[Write]:
    """Write that a person has an account (again); `maker` is tied to them if the account is a decider's.

    Both carry it: what one did, the other does not decide on, whoever was first.
    """
    after = taken(before, account)
    if maker is None or not _ties(account, maker):
        return [store.change_write(before, after)]
    return _tied_writes(before, after, maker, now)


def tying_writes(account: Account, maker: Account, now: datetime) -> list[Write]:
    """Write that who has a decider's account, and who made it, are tied to each other from now on."""
    if not _ties(account, maker):
        return []
    duties = store.read(account.holder)
    return _tied_writes(duties, duties, maker, now)


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
