"""How far each part is, kept; and the walk over the rows of a part."""

from collections.abc import Sequence
from typing import Any

import msgspec
from pynamodb.attributes import NumberAttribute, UnicodeAttribute

from chalicelib.aws.table import MomentAttribute, StructAttribute, VersionedTable, table_name
from chalicelib.aws.writes import insert
from chalicelib.kernel.principal import Change
from chalicelib.supervision.migration.model import Migration


class MigrationRow(VersionedTable[Migration]):
    """One row a part."""

    class Meta:
        table_name = table_name("migrations")

    record_type = Migration

    id = UnicodeAttribute(hash_key=True)
    table = UnicodeAttribute()
    target = NumberAttribute()
    segment = NumberAttribute()
    status = UnicodeAttribute()
    after = StructAttribute(null=True)
    held_until = MomentAttribute()
    rows = NumberAttribute()
    written = NumberAttribute()


def find_migrations(ids: Sequence[str]) -> list[Migration]:
    """Read how far these parts are, in their order; those that were never begun are left out."""
    found: list[Any] = MigrationRow.find_many(ids)
    return sorted(found, key=lambda part: str(part.id))


def save_migration(record: Migration, *, change: Change) -> Migration:
    """Write how far a part is, if nobody has written since it was read.

    Raises:
        ConditionFailed: somebody has.

    """
    fresh = msgspec.structs.replace(record, version=record.version + 1, last_change=None)
    unchanged = MigrationRow.version == record.version
    insert(
        MigrationRow.from_record(fresh),
        change=change,
        condition=unchanged if record.version else MigrationRow.id.does_not_exist(),
    )
    return fresh
