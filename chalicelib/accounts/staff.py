"""Whose accounts an institution's are: none of its people is trained there for a voucher.

A school's own employee had his voucher spent by his own scan and gave himself the marks: 1,800 yuan were
sealed for him.

Whoever has, or had, the use of an account is staff until the bureau disables it: a reset that nobody followed
makes nobody a trainee. An account that was never entered counts while it may still be.

    asked for on 1 September, its code good until the 8th and never used     staff until the 8th
    activated on 3 September, reset in October, that code never used         staff until it is disabled
"""

import functools
import time
from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from chalicelib.accounts import store
from chalicelib.accounts.model import Account, AccountStatus

CACHE_SECONDS = 30
_OVER = (AccountStatus.DISABLED, AccountStatus.LAPSED)


class _Member(NamedTuple):
    """Who is staff, and until when if they never enter their account."""

    person_key: str
    until: datetime | None


def staff_of(uscc: str, now: datetime) -> frozenset[str]:
    """Give the person keys of those who have an account of an institution, or are to have one."""
    return _at(_members_of(uscc), now)


def current_staff(uscc: str, now: datetime) -> frozenset[str]:
    """Give them by accounts of at most half a minute ago: for scans; a roster asks anew."""
    return _at(_members_at(uscc, int(time.monotonic() // CACHE_SECONDS)), now)


def _at(members: Iterable[_Member], now: datetime) -> frozenset[str]:
    return frozenset(one.person_key for one in members if one.until is None or now < one.until)


def _members_of(uscc: str) -> tuple[_Member, ...]:
    return tuple(
        _Member(one.person_key, one.activation_until if _was_never_entered(one) else None)
        for one in store.accounts_of(uscc)
        if one.person_key and one.status not in _OVER
    )


def _was_never_entered(account: Account) -> bool:
    return account.status is AccountStatus.PENDING and account.password_set_at is None


@functools.lru_cache(maxsize=1024)
def _members_at(uscc: str, _: int) -> tuple[_Member, ...]:
    return _members_of(uscc)


def forget_staff() -> None:
    """Drop the cached people."""
    _members_at.cache_clear()
