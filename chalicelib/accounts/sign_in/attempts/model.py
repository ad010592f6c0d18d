"""Failures in a row: how many are free, and how long a name or an address rests after more."""

import math
from datetime import datetime, timedelta

import msgspec


class Limit(msgspec.Struct, frozen=True, kw_only=True):
    """How many failures in a row are free, and how long one rests after more: doubling, up to `longest`."""

    free: int
    first: timedelta
    longest: timedelta
    forgotten_after: timedelta

    def rest_after(self, failures: int) -> timedelta | None:
        """Tell how long to rest after so many failures; None while they are free.

        With 5 free ones and a first rest of 1 minute: none after the fourth failure, 1 minute after the
        fifth, 2 after the sixth, 4 after the seventh.
        """
        if failures < self.free:
            return None
        doubled: timedelta = self.first * int(2 ** min(failures - self.free, 20))
        return min(doubled, self.longest)


ACCOUNT = Limit(
    free=5, first=timedelta(minutes=1), longest=timedelta(hours=4), forgotten_after=timedelta(hours=12)
)
SOURCE = Limit(
    free=60, first=timedelta(minutes=1), longest=timedelta(minutes=1), forgotten_after=timedelta(minutes=1)
)
"""An office shares an address: sixty failures in a row without a minute's pause are no office."""


class Attempts(msgspec.Struct, frozen=True, kw_only=True):
    """Failures in a row of one account name or source; also a spent one-time code."""

    id: str
    failures: int = 0
    rests_until: datetime | None = None
    expires: int = 0

    def rests(self, now: datetime) -> bool:
        """Tell whether further attempts are refused unseen."""
        return self.rest_left_seconds(now) > 0

    def rest_left_seconds(self, now: datetime) -> int:
        """Tell for how long, in whole seconds; 0 where an attempt may be made."""
        if self.rests_until is None or self.rests_until <= now:
            return 0
        return math.ceil((self.rests_until - now).total_seconds())
