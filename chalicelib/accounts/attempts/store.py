"""Failed sign-ins, counted by account name and by source address alike for names that exist and that do not.

They stand in a table of their own and not on the account: so an unknown name costs the same calls as a known
one, a guesser cannot make an administrator's `version` stale, and nothing of it reaches the audit chain.
A good sign-in without failures before it writes nothing here; a failed one writes two rows.
"""

import math
from datetime import datetime, timedelta
from typing import Any

import msgspec
from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import UpdateError

from chalicelib.aws.table import MomentAttribute, Table, table_name
from chalicelib.aws.writes import ConditionFailed, insert
from chalicelib.kernel.reasons import error

_TRIES = 4


class Limit(msgspec.Struct, frozen=True, kw_only=True):
    """How many failures in a row are free, and how long one rests after more: doubling, up to `longest`."""

    free: int
    first: timedelta
    longest: timedelta
    forgotten_after: timedelta

    def rest_after(self, failures: int) -> timedelta | None:
        """Tell how long to rest after so many failures; None while they are free."""
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
        return self.rests_until is not None and self.rests_until > now


class AttemptRow(Table[Attempts]):
    """One row a name, source or spent code; gone by itself."""

    class Meta:
        table_name = table_name("attempts")

    record_type = Attempts
    ttl_attribute = "expires"

    id = UnicodeAttribute(hash_key=True)
    failures = NumberAttribute(default=0)
    rests_until = MomentAttribute(null=True)
    expires = NumberAttribute()


def read(key: str, now: datetime) -> Attempts:
    """Read the failures of a key; those that are long past count no more."""
    found: Attempts | None = AttemptRow.find(key)
    if found is None or found.expires <= now.timestamp():
        return Attempts(id=key)
    return found


def require_room(source: str, now: datetime) -> None:
    """Let a source try.

    Raises:
        TooMany: it failed too often just now.

    """
    found = read(source, now)
    if found.rests_until is not None and found.rests(now):
        left = math.ceil((found.rests_until - now).total_seconds())
        raise error("too_many_requests", retry_after_seconds=left)


def note_failure(before: Attempts, limit: Limit, now: datetime) -> None:
    """Count one failure more; attempts at the same time are all counted."""
    for _ in range(_TRIES):
        failures = before.failures + 1
        rest = limit.rest_after(failures)
        forgotten = now + max(limit.forgotten_after, rest or timedelta())
        actions: list[Any] = [
            AttemptRow.failures.set(failures),
            AttemptRow.expires.set(int(forgotten.timestamp())),
        ]
        if rest is not None:
            actions.append(AttemptRow.rests_until.set(now + rest))
        unchanged: Any = (
            AttemptRow.failures == before.failures
            if before.failures
            else AttemptRow.id.does_not_exist() | (AttemptRow.expires <= int(now.timestamp()))
        )
        try:
            AttemptRow(before.id).update(actions=actions, condition=unchanged)
        except UpdateError as failure:
            if failure.cause_response_code != "ConditionalCheckFailedException":
                raise error("try_again") from failure
            before = read(before.id, now)
            continue
        return


def forget(key: str) -> None:
    """Begin counting anew after a good sign-in."""
    AttemptRow(key).delete()


def spend(code: str, *, until: datetime) -> bool:
    """Spend a one-time code; False if it was spent before."""
    try:
        insert(AttemptRow.from_record(Attempts(id=code, expires=int(until.timestamp()))))
    except ConditionFailed:
        return False
    return True
