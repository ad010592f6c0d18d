"""Whose accounts an institution's are: none of its people is trained there for a voucher.

A school's own employee had his voucher spent by his own scan and gave himself the marks: 1,800 yuan were
sealed for him.
"""

import functools
import time

from chalicelib.accounts import store
from chalicelib.accounts.model import AccountStatus

CACHE_SECONDS = 30
_OVER = (AccountStatus.DISABLED, AccountStatus.LAPSED)


def staff_of(uscc: str) -> frozenset[str]:
    """Give the person keys of those who have an account of an institution, or are to have one."""
    accounts = store.accounts_of(uscc)
    return frozenset(one.person_key for one in accounts if one.person_key and one.status not in _OVER)


def current_staff(uscc: str) -> frozenset[str]:
    """Give them as they were at most half a minute ago: for scans; a roster asks anew."""
    return _staff_at(uscc, int(time.monotonic() // CACHE_SECONDS))


@functools.lru_cache(maxsize=1024)
def _staff_at(uscc: str, _: int) -> frozenset[str]:
    return staff_of(uscc)


def forget_staff() -> None:
    """Drop the cached people."""
    _staff_at.cache_clear()
