"""The table of touched classes: one row a class, listed under the last day on which it was touched."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import UpdateError
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action
from pynamodb.indexes import GlobalSecondaryIndex, KeysOnlyProjection

from chalicelib.aws.table import MomentAttribute, StructAttribute, Table, table_name
from chalicelib.aws.writes import Check, ConditionFailed, until_written, update
from chalicelib.supervision.touches.model import Touched, touch

A_PAGE = 100


class TouchedByDay(GlobalSecondaryIndex[Any]):
    """The classes that were touched on a day and not since, in shards."""

    class Meta:
        index_name = "by_day"
        projection = KeysOnlyProjection()

    day_shard = UnicodeAttribute(hash_key=True)
    class_id = UnicodeAttribute(range_key=True)


class TouchedRow(Table[Touched]):
    """One row a class in which something happened since it was approved."""

    class Meta:
        table_name = table_name("touched-classes")

    record_type = Touched

    class_id = UnicodeAttribute(hash_key=True)
    day_shard = UnicodeAttribute()
    due_at = MomentAttribute()
    attempts = NumberAttribute(default=0)
    refused = NumberAttribute(default=0)
    asked_at = MomentAttribute(null=True)
    answered_at = MomentAttribute(null=True)
    failed_at = MomentAttribute(null=True)
    failed_rules = StructAttribute(default=list)
    missed_since = MomentAttribute(null=True)
    by_day = TouchedByDay()


def note_touched(touched: Touched, now: datetime) -> bool:
    """Note a touch, if none is noted that is still to be acted on; tell whether it was."""
    row: Any = TouchedRow
    is_news = row.due_at.does_not_exist() | (row.due_at <= now) | (row.day_shard != touched.day_shard)
    actions = [row.day_shard.set(touched.day_shard), row.due_at.set(touched.due_at)]
    try:
        TouchedRow(touched.class_id).update(actions=actions, condition=is_news)
    except UpdateError as failure:
        if failure.cause_response_code == "ConditionalCheckFailedException":
            return False
        raise
    return True


def note_attempts(class_id: str, *, attempts: int, refused: int) -> None:
    """Keep how many attempts a class had, and how many were refused.

    Raises:
        ConditionFailed: the class was never touched.

    """
    actions = [TouchedRow.attempts.set(attempts), TouchedRow.refused.set(refused)]
    update(TouchedRow, (class_id,), actions, condition=TouchedRow.day_shard.exists())


# --------------------------------------------------------------------------- asked for, and answered


def ask(class_id: str, at: datetime) -> datetime:
    """Note that a class is asked for, and give the moment that is to be answered.

    What happens in it from now on touches it anew. A repeat changes nothing, and gives the same moment; where
    something has happened since, it gives another: an evaluation of before answers to the old one.

    Raises:
        Unavailable: it was touched or asked for again each time; repeating is safe.

    """
    row: Any = TouchedRow
    free = row.asked_at.does_not_exist() | (row.asked_at < at)

    def attempt() -> datetime:
        nonlocal at, free
        listed = row.day_shard | touch(class_id, at).day_shard
        asked = [row.asked_at.set(at), row.due_at.set(at), row.day_shard.set(listed)]
        try:
            update(TouchedRow, (class_id,), asked, condition=free)
        except ConditionFailed as failure:
            old = failure.old
            if not isinstance(old, Touched) or old.asked_at is None:
                raise
            if old.due_at == old.asked_at:
                return old.asked_at
            at = max(at, old.asked_at) + _NEXT
            free = (row.asked_at == old.asked_at) & (row.due_at == old.due_at)
            raise
        return at

    return until_written(attempt)


_NEXT = timedelta(microseconds=1)
"""What tells a moment that is asked for from the one before, where the clock stands."""


def answer(class_id: str, at: datetime) -> bool:
    """Note that every rule was carried out for what was asked; tell whether that is still what is asked.

    It is not where the class was asked for again, or something has happened in it since.
    """
    row: Any = TouchedRow
    done = [
        row.answered_at.set(at),
        row.failed_at.remove(),
        row.failed_rules.remove(),
        row.missed_since.remove(),
    ]
    return _still_asked(class_id, at, done)


def note_failed(class_id: str, at: datetime, rules: Sequence[str]) -> bool:
    """Note which rules failed for what was asked; tell whether that is still what is asked."""
    row: Any = TouchedRow
    return _still_asked(class_id, at, [row.failed_at.set(at), row.failed_rules.set(sorted(set(rules)))])


def _still_asked(class_id: str, at: datetime, actions: Sequence[Action]) -> bool:
    row: Any = TouchedRow
    try:
        update(TouchedRow, (class_id,), actions, condition=(row.asked_at == at) & (row.due_at == at))
    except ConditionFailed:
        return False
    return True


def note_missed(class_id: str, at: datetime) -> Touched | None:
    """Note that a class was not paid because nothing was answered; the first time stays.

    Give it as it is then; None if it was never asked for, or is answered meanwhile: this is told by a queue.
    """
    row: Any = TouchedRow
    is_open = (
        row.answered_at.does_not_exist() | (row.answered_at != row.asked_at) | (row.due_at != row.asked_at)
    )
    since = row.missed_since.set(row.missed_since | at)
    try:
        return update(TouchedRow, (class_id,), [since], condition=row.asked_at.exists() & is_open)
    except ConditionFailed:
        return None


def answered_check(touched: Touched) -> Check:
    """Require that what was asked of a class is still answered, and that nothing has happened in it since."""
    row: Any = TouchedRow
    unchanged = _as_asked(touched) & (row.answered_at == touched.asked_at)
    return Check(TouchedRow, (touched.class_id,), unchanged)


def asked_check(touched: Touched) -> Check:
    """Require that a class is still asked for as it was, and that nothing has happened in it since."""
    return Check(TouchedRow, (touched.class_id,), _as_asked(touched))


def _as_asked(touched: Touched) -> Condition:
    row: Any = TouchedRow
    asked: Condition = (row.asked_at == touched.asked_at) & (row.due_at == touched.due_at)
    return asked


# --------------------------------------------------------------------------- reading


def find_touched(class_ids: Iterable[str]) -> list[Touched]:
    """Read what is kept of many classes, 100 a call; those in which nothing happened have nothing."""
    return TouchedRow.find_many(sorted(set(class_ids)))


def touched_on(day_shard: str, after: Mapping[str, Any] | None) -> tuple[list[str], dict[str, Any] | None]:
    """Give a page of the classes of a list, and where the next one begins."""
    index: Any = TouchedRow.by_day
    rows = index.query(day_shard, limit=A_PAGE, last_evaluated_key=dict(after) if after else None)
    return [row.class_id for row in rows], rows.last_evaluated_key
