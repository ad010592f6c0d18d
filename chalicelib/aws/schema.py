"""Rows of an older schema version: asked for in each condition, rewritten before they are written.

Where a table has a second schema version, each condition also asks for the current one (`in_current_form`),
so no write mixes two forms in one row. A row that fails it is rewritten (`modernise`), then the write is
repeated.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.operand import Path

from chalicelib.aws.table import SCHEMA, Raw, Table, connection
from chalicelib.kernel.reasons import error

MODERNISE_TRIES = 5
"""Of a write that meets a row of an older schema version; another program may still write such rows."""


def in_current_form(table: type[Table[Any]], condition: Condition, *, or_absent: bool = False) -> Condition:
    """Ask, besides, that the row is of the current schema version."""
    if table.schema_version == 1:
        return condition
    current: Condition = Path(SCHEMA) == table.schema_version
    if or_absent:
        current |= Path(table.key_names()[0]).does_not_exist()
    both: Condition = current & condition
    return both


def modernise(table: type[Table[Any]], raw: Raw | None) -> bool:
    """Rewrite a raw row in the current schema version, if it is still as it was read.

    Version, `op_id` and last change stay: what the row says does not change, and nobody is told of it.
    Gives False where there is none, it is current, or somebody has written it since.

    Raises:
        Unavailable: DynamoDB did not answer; repeating is safe.

    """
    if raw is None or not table.is_older(raw):
        return False
    current = table.in_current_form(raw)
    assert all(current[name] == raw[name] for name in table.key_names()), f"{table.__name__} changes a key"
    names = {f"#{place}": name for place, name in enumerate(raw)}
    values = {f":{place}": value for place, value in enumerate(raw.values())}
    unchanged = " AND ".join(f"#{place} = :{place}" for place in range(len(raw)))
    if SCHEMA not in raw:
        names["#form"] = SCHEMA
        unchanged += " AND attribute_not_exists(#form)"
    client = connection().client
    try:
        client.put_item(
            TableName=table.Meta.table_name,
            Item=current,
            ConditionExpression=unchanged,
            ExpressionAttributeNames=names,
            ExpressionAttributeValues=values,
        )
    except client.exceptions.ConditionalCheckFailedException:
        return False
    except (BotoCoreError, ClientError) as failure:
        raise error("try_again") from failure
    return True


def raw_row(table: type[Table[Any]], key: Sequence[Any]) -> Raw | None:
    """Read a row as it is stored."""
    hash_key, range_key = key[0], key[1] if len(key) > 1 else None
    answer: Mapping[str, Any] = table._get_connection().get_item(  # noqa: SLF001 - reads without upgrading
        hash_key, range_key, consistent_read=True
    )
    return answer.get("Item")


class OlderRows(NamedTuple):
    """The raw rows of a page that are of an earlier schema version, of how many, and where to go on."""

    rows: list[dict[str, Any]]
    seen: int
    after: dict[str, Any] | None


def older_rows(
    table: type[Table[Any]], *, segment: int, of: int, after: dict[str, Any] | None, limit: int = 100
) -> OlderRows:
    """Read a page of one of `of` parts of a table, as it is stored; for the migration of its rows.

    Raises:
        Unavailable: DynamoDB did not answer; repeating is safe.

    """
    asked: dict[str, Any] = {
        "TableName": table.Meta.table_name,
        "Segment": segment,
        "TotalSegments": of,
        "Limit": limit,
        "ConsistentRead": True,
    }
    if after is not None:
        asked["ExclusiveStartKey"] = after
    try:
        answer = connection().client.scan(**asked)
    except (BotoCoreError, ClientError) as failure:
        raise error("try_again") from failure
    rows = answer["Items"]
    return OlderRows([raw for raw in rows if table.is_older(raw)], len(rows), answer.get("LastEvaluatedKey"))
