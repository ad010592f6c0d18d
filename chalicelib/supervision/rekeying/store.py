"""How far a re-encryption is, kept."""

import msgspec
from pynamodb.attributes import NumberAttribute, UnicodeAttribute

from chalicelib.aws.table import MomentAttribute, StructAttribute, VersionedTable, table_name
from chalicelib.aws.writes import insert
from chalicelib.kernel.principal import Change
from chalicelib.supervision.rekeying.model import Rekeying


class RekeyingRow(VersionedTable[Rekeying]):
    """One row: the last re-encryption and how far it is."""

    class Meta:
        table_name = table_name("rekeyings")

    record_type = Rekeying

    id = UnicodeAttribute(hash_key=True)
    run = UnicodeAttribute()
    status = UnicodeAttribute()
    not_before = MomentAttribute()
    index_key = UnicodeAttribute(default="")
    place = NumberAttribute()
    after = StructAttribute(null=True)
    rows = NumberAttribute()
    written = NumberAttribute()


# --------------------------------------------------------------------------- re-encryption


def find_rekeying() -> Rekeying | None:
    """Read how far the last re-encryption is."""
    return RekeyingRow.find("last")


def save_rekeying(record: Rekeying, *, change: Change) -> Rekeying:
    """Write how far a re-encryption is, if nobody has written since it was read.

    Raises:
        ConditionFailed: somebody has.

    """
    fresh = msgspec.structs.replace(record, version=record.version + 1, last_change=None)
    unchanged = RekeyingRow.version == record.version
    insert(
        RekeyingRow.from_record(fresh),
        change=change,
        condition=unchanged if record.version else RekeyingRow.id.does_not_exist(),
    )
    return fresh
