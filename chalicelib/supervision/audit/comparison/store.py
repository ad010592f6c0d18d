"""The rows of streamed tables, page by page, and how far the walk is.

This is, beside the re-encryption, the one lawful Scan of the program: whether something is missing can be
told only by looking at everything. Rows are read whole: DynamoDB charges
the same, and those of which something is missing need no second call.
"""

from typing import Any

import msgspec
from pynamodb.attributes import NumberAttribute, UnicodeAttribute

from chalicelib.aws.index import index
from chalicelib.aws.streams import RowChange, rows_of_segment, standing_change
from chalicelib.aws.table import (
    MomentAttribute,
    StructAttribute,
    VersionedTable,
    all_tables,
    table_name,
    table_named,
)
from chalicelib.aws.writes import ConditionFailed, insert
from chalicelib.kernel.principal import Change
from chalicelib.kernel.walking import StandingRow
from chalicelib.supervision.audit.comparison.model import Comparison

PAGE_ITEMS = 400
_OURS = "chalicelib."


class ComparisonRow(VersionedTable[Comparison]):
    """One row: the last walk and how far it is."""

    class Meta:
        table_name = table_name("audit-comparisons")

    record_type = Comparison

    id = UnicodeAttribute(hash_key=True)
    begun_at = MomentAttribute()
    finished_at = MomentAttribute(null=True)
    table = UnicodeAttribute(default="")
    segment = NumberAttribute(default=0)
    after = StructAttribute(null=True)
    rows = NumberAttribute(default=0)
    gap_count = NumberAttribute(default=0)
    gaps = StructAttribute()
    rebuilt = NumberAttribute(default=0)
    since = MomentAttribute(null=True)
    stale_hours = NumberAttribute(null=True)


def streamed_tables() -> list[str]:
    """Name the tables whose changes the chain records, in the order of their names."""
    prefix = table_name("")
    loaded = [table for table in all_tables() if table.__module__.startswith(_OURS)]
    names = {*index().tables, *(table.Meta.table_name.removeprefix(prefix) for table in loaded)}
    return sorted(name for name in names if table_named(name).streamed)


def page_of_rows(
    name: str, segment: int, after: dict[str, Any] | None
) -> tuple[list[StandingRow], dict[str, Any] | None]:
    """Read the next rows of a segment of a table as they stand now, and where to go on."""
    return rows_of_segment(name, segment, after, limit=PAGE_ITEMS)


def standing(row: StandingRow) -> RowChange:
    """Read a row that was walked over in the types of its table."""
    return standing_change(row.table, row.raw)


def find_comparison() -> Comparison | None:
    """Read how far the last walk is."""
    return ComparisonRow.find("last")


def save_comparison(record: Comparison, *, change: Change) -> Comparison | None:
    """Write how far a walk is; None if somebody has written since it was read."""
    fresh = msgspec.structs.replace(record, version=record.version + 1, last_change=None)
    unchanged = ComparisonRow.version == record.version
    try:
        insert(
            ComparisonRow.from_record(fresh),
            change=change,
            condition=unchanged if record.version else ComparisonRow.id.does_not_exist(),
        )
    except ConditionFailed:
        return None
    return fresh
