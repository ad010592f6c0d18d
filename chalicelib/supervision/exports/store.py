"""The table of exports of records. Its stream tells the audit who asked for one, who opened it, and why."""

from collections.abc import Mapping
from datetime import datetime

from pynamodb.attributes import NumberAttribute, UnicodeAttribute

from chalicelib.aws.table import MomentAttribute, StructAttribute, VersionedTable, table_name
from chalicelib.aws.writes import insert, update
from chalicelib.kernel.principal import Change
from chalicelib.supervision.exports.model import RecordExport


class RecordExportRow(VersionedTable[RecordExport]):
    """One row an export."""

    class Meta:
        table_name = table_name("record-exports")

    record_type = RecordExport
    streamed = True

    id = UnicodeAttribute(hash_key=True)
    division = UnicodeAttribute()
    first = StructAttribute()
    last = StructAttribute()
    purpose = UnicodeAttribute()
    asked_by = UnicodeAttribute()
    asked_at = MomentAttribute()
    finished_at = MomentAttribute(null=True)
    records = StructAttribute(null=True)
    size_bytes = NumberAttribute(default=0)


def find_export(export_id: str) -> RecordExport | None:
    """Read an export."""
    return RecordExportRow.find(export_id)


def read_export(export_id: str) -> RecordExport:
    """Read an export or raise `NotFound`."""
    return RecordExportRow.read(export_id)


def add_export(export: RecordExport, change: Change) -> None:
    """Store an export that was asked for."""
    insert(RecordExportRow.from_record(export), change=change)


def finish_export(
    export: RecordExport, *, records: Mapping[str, int], size_bytes: int, now: datetime, change: Change
) -> None:
    """Record that an export can be opened; one that is finished already stays as it is.

    Raises:
        ConditionFailed: it is finished.

    """
    update(
        RecordExportRow,
        (export.id,),
        [
            RecordExportRow.finished_at.set(now),
            RecordExportRow.records.set(dict(records)),
            RecordExportRow.size_bytes.set(size_bytes),
        ],
        condition=RecordExportRow.id.exists() & RecordExportRow.finished_at.does_not_exist(),
        change=change,
    )


def note_opened(export: RecordExport, change: Change) -> None:
    """Record that somebody opens an export: the version counts, and the audit tells who and why."""
    update(
        RecordExportRow,
        (export.id,),
        [RecordExportRow.purpose.set(export.purpose)],
        condition=RecordExportRow.finished_at.exists(),
        change=change,
    )
