"""Failed sign-ins, counted by account name and by source address alike for names that exist and that do not.

They stand in a table of their own and not on the account: so an unknown name costs the same calls as a known
one, a guesser cannot make an administrator's `version` stale, and nothing of it reaches the audit chain.
A good sign-in without failures before it writes nothing here; a failed one writes two rows.
"""

from datetime import datetime, timedelta
from typing import Any

from pynamodb.attributes import NumberAttribute, UnicodeAttribute

from chalicelib.accounts.sign_in.attempts.model import Attempts, Limit
from chalicelib.aws.table import MomentAttribute, Table, table_name
from chalicelib.aws.writes import ConditionFailed, insert, until_written, update


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
    attempts: Attempts | None = AttemptRow.find(key)
    if attempts is None or attempts.expires <= now.timestamp():
        return Attempts(id=key)
    return attempts


def note_failure(before: Attempts, limit: Limit, now: datetime) -> None:
    """Count one failure more than were read before; attempts at the same time are all counted.

    Raises:
        Unavailable: others of the same key failed at the same time, each time.

    """
    already_read = [before]

    def attempt() -> None:
        attempts = already_read.pop() if already_read else read(before.id, now)
        failures = attempts.failures + 1
        rest = limit.rest_after(failures)
        forgotten = now + max(limit.forgotten_after, rest or timedelta())
        actions: list[Any] = [
            AttemptRow.failures.set(failures),
            AttemptRow.expires.set(int(forgotten.timestamp())),
        ]
        if rest is not None:
            actions.append(AttemptRow.rests_until.set(now + rest))
        unchanged: Any = (
            AttemptRow.failures == attempts.failures
            if attempts.failures
            else AttemptRow.id.does_not_exist() | (AttemptRow.expires <= int(now.timestamp()))
        )
        update(AttemptRow, (before.id,), actions, condition=unchanged)

    until_written(attempt)


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
