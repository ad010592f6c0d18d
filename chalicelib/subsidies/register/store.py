"""The register of what each person was subsidised for, by which the yearly cap is kept under races.

An index lags behind its table, so two claims of one person that are approved at the same moment would not
see each other in it. Each person has one row here; second review rewrites it in its own transaction, on
condition that nobody has since it was read.
"""

from collections.abc import Sequence

import msgspec
from pynamodb.attributes import UnicodeAttribute

from chalicelib.aws.ahead import ahead
from chalicelib.aws.table import StructAttribute, VersionedTable, table_name
from chalicelib.aws.writes import Put
from chalicelib.kernel.ids import PersonKey
from chalicelib.subsidies.register.model import Entry, Register


class RegisterRow(VersionedTable[Register]):
    """One row a person."""

    class Meta:
        table_name = table_name("subsidised-people")

    record_type = Register

    person_key = UnicodeAttribute(hash_key=True)
    entries = StructAttribute(default=list)


def want_registers(people: Sequence[PersonKey]) -> None:
    """Have registers of people come along with the next read of a page."""
    ahead(RegisterRow, people)


def registers_of(people: Sequence[PersonKey]) -> dict[PersonKey, Register]:
    """Read the registers of many people, 100 a call; one without a row has no entries and version 0."""
    known = {register.person_key: register for register in RegisterRow.find_many(list(dict.fromkeys(people)))}
    return {person: known.get(person, Register(person_key=person)) for person in people}


def enter_write(before: Register, entries: Sequence[Entry]) -> Put:
    """Rewrite a person's entries, if nobody has since they were read: the truth of `model.has_room`."""
    after = msgspec.structs.replace(
        before, entries=list(entries), version=before.version + 1, last_change=None
    )
    absent = RegisterRow.person_key.does_not_exist()
    unchanged = absent if before.version == 0 else RegisterRow.version == before.version
    return Put(RegisterRow.from_record(after), unchanged)
