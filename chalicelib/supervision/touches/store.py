"""The table of touched classes: one row a class, listed under the last day on which it was touched."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import UpdateError
from pynamodb.indexes import GlobalSecondaryIndex, KeysOnlyProjection

from chalicelib.aws.table import MomentAttribute, Table, table_name
from chalicelib.aws.writes import update
from chalicelib.supervision.touches.model import Touched

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


def find_touched(class_ids: Iterable[str]) -> list[Touched]:
    """Read what is kept of many classes, 100 a call; those in which nothing happened have nothing."""
    return TouchedRow.find_many(sorted(set(class_ids)))


def touched_on(day_shard: str, after: Mapping[str, Any] | None) -> tuple[list[str], dict[str, Any] | None]:
    """Give a page of the classes of a list, and where the next one begins."""
    index: Any = TouchedRow.by_day
    rows = index.query(day_shard, limit=A_PAGE, last_evaluated_key=dict(after) if after else None)
    return [row.class_id for row in rows], rows.last_evaluated_key
