"""Tries to sign in, counted before they are made, for names that exist and that do not.

Each is counted by the write that lets it pass, so that many at once are not more than the free ones; a
good one is given back. They stand in a table of their own and not on the account: so an unknown name costs
the same calls as a known one, a guesser cannot make an administrator's `version` stale, and nothing of it
reaches the audit chain. Addresses are kept as keyed digests only. Objections of one address are counted here
too (`subsidies/publicity`): they may come at a pace.
"""

from datetime import datetime, timedelta
from typing import Any

from pynamodb.attributes import NumberAttribute, UnicodeAttribute

from chalicelib.accounts.sign_in.attempts.model import Attempts, Cap, Limit
from chalicelib.aws.table import MomentAttribute, Table, table_name
from chalicelib.aws.writes import ConditionFailed, insert, until_written, update
from chalicelib.kernel.ids import new_operation_id


class AttemptRow(Table[Attempts]):
    """One row an account (at a source), a source, a known source or a spent code; gone by itself."""

    class Meta:
        table_name = table_name("attempts")

    record_type = Attempts
    ttl_attribute = "expires"

    id = UnicodeAttribute(hash_key=True)
    failures = NumberAttribute(default=0)
    rests_until = MomentAttribute(null=True)
    expires = NumberAttribute()
    mark = UnicodeAttribute(null=True)


def read(key: str, now: datetime) -> Attempts:
    """Read the tries of a key; those that are long past count no more."""
    attempts: Attempts | None = AttemptRow.find(key)
    if attempts is None or attempts.expires <= now.timestamp():
        return Attempts(id=key)
    return attempts


def _write(key: str, actions: list[Any], condition: Any) -> None:
    """Change a row; a repeat of the SDK's knows its own success by its mark, and counts nothing twice.

    Raises:
        ConditionFailed: the condition did not hold.

    """
    mark = new_operation_id()
    mine = AttemptRow.mark.does_not_exist() | (AttemptRow.mark != mark)
    try:
        update(AttemptRow, (key,), [*actions, AttemptRow.mark.set(mark)], condition=mine & condition)
    except ConditionFailed as failure:
        if failure.old is None or failure.old.mark != mark:
            raise


def take(key: str, limit: Limit, now: datetime) -> bool:
    """Count one try more in a row, before it is made; False if the key rests, and nothing is counted then.

    Raises:
        Unavailable: others of the same key were tried at the same time, each time.

    """

    def attempt() -> bool:
        before = read(key, now)
        if before.rests(now):
            return False
        failures = before.failures + 1
        rest = limit.rest_after(failures)
        forgotten = now + max(limit.forgotten_after, rest or timedelta())
        actions: list[Any] = [
            AttemptRow.failures.set(failures),
            AttemptRow.expires.set(int(forgotten.timestamp())),
        ]
        actions.append(AttemptRow.rests_until.set(now + rest) if rest else AttemptRow.rests_until.remove())
        unchanged: Any = AttemptRow.failures == before.failures if before.failures else _none_yet(now)
        _write(key, actions, unchanged)
        return True

    return until_written(attempt)


def take_under(key: str, cap: Cap, now: datetime) -> int:
    """Count one try more within a span, before it is made; gives 0, or the seconds to wait.

    Raises:
        Unavailable: others of the same key opened a new span at the same time, each time.

    """
    moment = int(now.timestamp())

    def attempt() -> int:
        within: Any = (AttemptRow.expires > moment) & (AttemptRow.failures < cap.most)
        try:
            _write(key, [AttemptRow.failures.set(AttemptRow.failures + 1)], within)
        except ConditionFailed as failure:
            if failure.old is not None and failure.old.expires > moment:
                return int(failure.old.expires) - moment
            ends = AttemptRow.expires.set(moment + int(cap.span.total_seconds()))
            _write(key, [AttemptRow.failures.set(1), ends], _none_yet(now))
        return 0

    return until_written(attempt)


def _none_yet(now: datetime) -> Any:
    return AttemptRow.id.does_not_exist() | (AttemptRow.expires <= int(now.timestamp()))


def give_back(key: str, now: datetime) -> None:
    """Take a good try out of its span again, if that is not over."""
    try:
        _write(
            key,
            [AttemptRow.failures.set(AttemptRow.failures - 1)],
            (AttemptRow.expires > int(now.timestamp())) & (AttemptRow.failures > 0),
        )
    except ConditionFailed:
        return


def forget(key: str) -> None:
    """Begin counting anew after a good sign-in."""
    AttemptRow(key).delete()


def remember(key: str, *, until: datetime) -> None:
    """Keep a known source until a moment; whoever writes it last is right."""
    AttemptRow(key, failures=0, expires=int(until.timestamp())).save()


def spend(code: str, *, until: datetime) -> bool:
    """Spend a one-time code; False if it was spent before. A repeat of the SDK's knows its own success."""
    spent = Attempts(id=code, expires=int(until.timestamp()), mark=new_operation_id())
    try:
        insert(AttemptRow.from_record(spent))
    except ConditionFailed as failure:
        return failure.old is not None and failure.old.mark == spent.mark
    return True
