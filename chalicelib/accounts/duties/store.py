"""The table of duties: one row a person, written with the account it tells of, whose record tells it."""

from collections.abc import Sequence

import msgspec
from pynamodb.attributes import UnicodeAttribute

from chalicelib.accounts.duties.model import Duties
from chalicelib.aws.ahead import ahead
from chalicelib.aws.table import StructAttribute, VersionedTable, table_name
from chalicelib.aws.writes import Put


class DutiesRow(VersionedTable[Duties]):
    """One row a person."""

    class Meta:
        table_name = table_name("duties")

    record_type = Duties

    holder = UnicodeAttribute(hash_key=True)
    posts = StructAttribute(default=list)
    ties = StructAttribute(default=list)
    programs = StructAttribute(default=list)
    makers = StructAttribute(default=list)


def read(holder: str) -> Duties:
    """Read what a person holds; nothing, if they never had an account."""
    duties: Duties | None = DutiesRow.find(holder)
    return duties if duties is not None else Duties(holder=holder)


def want_duties(holders: Sequence[str]) -> None:
    """Have what people hold come along with the next read of a page."""
    ahead(DutiesRow, holders)


def read_many(holders: Sequence[str]) -> list[Duties]:
    """Read what people hold: one call; who never had an account is left out."""
    return DutiesRow.find_many(list(holders))


def change_write(before: Duties, after: Duties) -> Put:
    """Write what a person holds now, if it is still as it was read."""
    row = DutiesRow.from_record(msgspec.structs.replace(after, version=before.version + 1, last_change=None))
    unchanged = DutiesRow.version == before.version if before.version else DutiesRow.holder.does_not_exist()
    return Put(row, unchanged)
