"""The register of what each person was subsidised for, by which the yearly cap is kept under races.

An index lags behind its table, so two claims of one person that are approved at the same moment would not
see each other in it. Each person has one row here; second review rewrites it in its own transaction, on
condition that nobody has since it was read.
"""

from collections.abc import Sequence

import msgspec
from pynamodb.attributes import UnicodeAttribute

from chalicelib.aws.table import StructAttribute, VersionedTable, table_name
from chalicelib.aws.writes import Put
from chalicelib.kernel.ids import LineId, PersonKey
from chalicelib.kernel.principal import Change
from chalicelib.programs.model import OverridableCheck


class Entry(msgspec.Struct, frozen=True, array_like=True):
    """One approved line: its occupation and level, and the year it counts in.

    Of a check in `waived` two people have let the line pass: it takes nobody else's place there.
    """

    line_id: LineId
    occupation: str
    year: int
    waived: list[OverridableCheck] = []


class Subsidised(msgspec.Struct, frozen=True, kw_only=True):
    """What one person was approved for; an entry counts while its line does."""

    person_key: PersonKey
    entries: list[Entry] = []
    version: int = 0
    last_change: Change | None = None


class SubsidisedRow(VersionedTable[Subsidised]):
    """One row a person."""

    class Meta:
        table_name = table_name("subsidised-people")

    record_type = Subsidised

    person_key = UnicodeAttribute(hash_key=True)
    entries = StructAttribute(default=list)


def subsidised(person_keys: Sequence[PersonKey]) -> dict[PersonKey, Subsidised]:
    """Read the rows of many people, 100 a call; one without a row has no entries and version 0."""
    found = {one.person_key: one for one in SubsidisedRow.find_many(list(dict.fromkeys(person_keys)))}
    return {key: found.get(key, Subsidised(person_key=key)) for key in person_keys}


def enter_write(before: Subsidised, entries: Sequence[Entry]) -> Put:
    """Rewrite a person's entries, if nobody has since they were read."""
    after = msgspec.structs.replace(
        before, entries=list(entries), version=before.version + 1, last_change=None
    )
    absent = SubsidisedRow.person_key.does_not_exist()
    unchanged = absent if before.version == 0 else SubsidisedRow.version == before.version
    return Put(SubsidisedRow.from_record(after), unchanged)
