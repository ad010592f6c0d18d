"""Tries to sign in: how many are free, and how long a guesser rests after more."""

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


class Cap(msgspec.Struct, frozen=True, kw_only=True):
    """How many tries are let through in a span, wherever they come from."""

    most: int
    span: timedelta


STRANGER = Limit(
    free=5, first=timedelta(minutes=1), longest=timedelta(hours=4), forgotten_after=timedelta(hours=12)
)
"""An account tried from an address from which its holder has not signed in lately."""
KNOWN = Limit(
    free=10, first=timedelta(minutes=1), longest=timedelta(minutes=15), forgotten_after=timedelta(hours=12)
)
"""An account tried from where its holder signs in: nobody else's guesses count there."""
ACCOUNT = Cap(most=60, span=timedelta(hours=1))
"""One account from all strange addresses together: far above what people mistype."""
SOURCE = Cap(most=60, span=timedelta(minutes=1))
"""An office shares an address: sixty failures within a minute are no office."""
KNOWN_FOR = timedelta(days=30)
"""So long an address is known as the holder's after a sign-in from it."""


class Attempts(msgspec.Struct, frozen=True, kw_only=True):
    """Tries that were not good; also a known source, or a spent one-time code. `mark` is the last write's."""

    id: str
    failures: int = 0
    rests_until: datetime | None = None
    expires: int = 0
    mark: str | None = None

    def rests(self, now: datetime) -> bool:
        """Tell whether further attempts are refused unseen."""
        return self.rest_left_seconds(now) > 0

    def rest_left_seconds(self, now: datetime) -> int:
        """Tell for how long, in whole seconds; 0 where an attempt may be made."""
        if self.rests_until is None or self.rests_until <= now:
            return 0
        return math.ceil((self.rests_until - now).total_seconds())
