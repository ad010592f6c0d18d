"""The table of looks at personal data; its stream feeds the audit chain."""

from collections.abc import Sequence

import msgspec
from pynamodb.attributes import NumberAttribute, UnicodeAttribute

from chalicelib.aws.table import VersionedTable, table_name
from chalicelib.aws.writes import Put, insert, transact
from chalicelib.kernel.principal import Change


class Access(msgspec.Struct, frozen=True, kw_only=True):
    """One look at personal data: of whom (a person, an institution, a batch, a list), how many, for what.

    `person` is who was looked up, in a row whose subject is a day of lookups.
    """

    subject: str
    access: str
    division: str
    purpose: str
    items: int
    version: int = 1
    last_change: Change | None = None
    person: str | None = None


class AccessRow(VersionedTable[Access]):
    """One row a look; rows are only ever added."""

    class Meta:
        table_name = table_name("personal-data-accesses")

    record_type = Access
    streamed = True

    subject = UnicodeAttribute(hash_key=True)
    access = UnicodeAttribute(range_key=True)
    division = UnicodeAttribute()
    purpose = UnicodeAttribute()
    items = NumberAttribute()
    person = UnicodeAttribute(null=True)


def add_accesses(accesses: Sequence[Access], *, change: Change) -> None:
    """Record looks, at most a hundred, in one call; a repeated put knows itself by its `op_id`."""
    rows = [AccessRow.from_record(access) for access in accesses]
    if len(rows) == 1:
        insert(rows[0], change=change)
    elif rows:
        transact([Put(row) for row in rows], change=change)
