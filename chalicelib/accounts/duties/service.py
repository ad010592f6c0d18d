"""Whose hands are one person's, and the writes that keep it so."""

from datetime import datetime

from chalicelib.accounts.duties import store
from chalicelib.accounts.duties.model import Duties, ended, own_hands, taken, tied, tied_to
from chalicelib.accounts.model import DECIDERS, Account
from chalicelib.aws.writes import Write


def hands_of(account: Account, now: datetime) -> frozenset[str]:
    """Give all ids that count as the hands of an account's holder: one read, another where they are tied."""
    duties = store.read(account.holder)
    hands = own_hands(duties) | {account.id}
    others = tied_to(duties, now)
    if not others:
        return hands
    return hands.union(others, *(own_hands(other) for other in store.read_many(others)))


def taking_writes(before: Duties, account: Account, *, maker: Account | None, now: datetime) -> list[Write]:
    """Write that a person has an account (again); `maker` is tied to them if the account is a decider's.

    Both carry it: what one did, the other does not decide on, whoever was first.
    """
    after = taken(before, account)
    if maker is None or account.role not in DECIDERS or maker.holder == account.holder:
        return [store.change_write(before, after)]
    theirs = store.read(maker.holder)
    return [
        store.change_write(before, tied(after, maker.holder, now)),
        store.change_write(theirs, tied(_with(theirs, maker), account.holder, now)),
    ]


def _with(duties: Duties, account: Account) -> Duties:
    """Name an account from before persons were known among its holder's."""
    known = any(post.account == account.id for post in duties.posts)
    return duties if known else taken(duties, account)


def ending_write(account: Account, now: datetime) -> Write:
    """Write that a person's account was switched off."""
    duties = store.read(account.holder)
    return store.change_write(duties, ended(_with(duties, account), account.id, now))
