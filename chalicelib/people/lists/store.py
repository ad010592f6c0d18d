"""The table of imports, and the uploaded objects."""

from collections.abc import Iterator
from typing import Any

from pynamodb.attributes import BooleanAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex

from chalicelib.aws import objects
from chalicelib.aws.settings import settings
from chalicelib.aws.table import MomentAttribute, StructAttribute, VersionedTable, page_of, table_name
from chalicelib.aws.writes import ConditionFailed, insert, transition, update
from chalicelib.kernel.paging import Page, PageRequest
from chalicelib.kernel.principal import Change
from chalicelib.kernel.reasons import error
from chalicelib.people.lists.model import IMPORT_TRANSITIONS, UNDECIDED, Import, ImportStatus

OPEN_MARK = "open"


class ImportsByDivision(GlobalSecondaryIndex[Any]):
    """A division's imports; only the province has any."""

    class Meta:
        index_name = "by_division"
        projection = AllProjection()

    division = UnicodeAttribute(hash_key=True)
    created_at = MomentAttribute(range_key=True)


class OpenImports(GlobalSecondaryIndex[Any]):
    """Lists that workers have yet to decide; the attribute goes when they are decided."""

    class Meta:
        index_name = "by_open"
        projection = AllProjection()

    open = UnicodeAttribute(hash_key=True)
    created_at = MomentAttribute(range_key=True)


class ImportRow(VersionedTable[Import]):
    """One row an import."""

    class Meta:
        table_name = table_name("imports")

    record_type = Import
    streamed = True

    id = UnicodeAttribute(hash_key=True)
    kind = UnicodeAttribute()
    content_type = UnicodeAttribute()
    size_bytes = NumberAttribute()
    sha256 = UnicodeAttribute()
    partial = BooleanAttribute()
    dry_run = BooleanAttribute(default=False)
    division = UnicodeAttribute()
    created_by = UnicodeAttribute()
    created_at = MomentAttribute()
    status = UnicodeAttribute()
    total = NumberAttribute(default=0)
    valid = NumberAttribute(default=0)
    invalid = NumberAttribute(default=0)
    chunks = NumberAttribute(default=0)
    faults = NumberAttribute(default=0)
    reading = UnicodeAttribute(null=True)
    failure = UnicodeAttribute(null=True)
    failure_facts = StructAttribute(null=True)
    open = UnicodeAttribute(null=True)
    by_division = ImportsByDivision()
    by_open = OpenImports()


# --------------------------------------------------------------------------- uploaded lists


def create_import(record: Import, change: Change) -> None:
    """Store a new import."""
    insert(ImportRow.from_record(record), change=change)


def read_import(import_id: str) -> Import:
    """Read an import or raise `NotFound`."""
    return ImportRow.read(import_id)


def find_import(import_id: str) -> Import | None:
    """Read an import."""
    return ImportRow.find(import_id)


def imports_in(division: str, request: PageRequest) -> Page[Import]:
    """List a division's imports, newest first."""
    rows = ImportRow.by_division.query(
        division, limit=request.limit, last_evaluated_key=request.after, scan_index_forward=False
    )
    return page_of(rows, request)


def open_imports() -> Iterator[Import]:
    """Give the lists that workers have yet to decide."""
    return (row.record for row in ImportRow.by_open.query(OPEN_MARK))


def note_resumed(import_id: str, change: Change) -> None:
    """Note that a list's missing work was asked for again; nothing to one that is decided meanwhile."""
    row: Any = ImportRow
    undecided = row.status.is_in(*[status.value for status in UNDECIDED])
    try:
        update(ImportRow, (import_id,), [], condition=undecided, change=change)
    except ConditionFailed:
        return


def note_reading(import_id: str, *, reading: str, total: int, chunks: int, change: Change) -> Import:
    """Note the reading of a file that counts: the first; give the import as it then is."""
    row: Any = ImportRow
    try:
        return update(
            ImportRow,
            (import_id,),
            [row.reading.set(reading), row.total.set(total), row.chunks.set(chunks)],
            condition=row.reading.does_not_exist() & (row.status == ImportStatus.VALIDATING.value),
            change=change,
        )
    except ConditionFailed as failure:
        if failure.old is None:
            raise error("not_found") from failure
        found: Import = failure.old
        return found


def move_import(import_id: str, action: str, *, change: Change, **facts: Any) -> Import:
    """Move an import to its next state, keeping some facts."""
    row: Any = ImportRow
    target = IMPORT_TRANSITIONS.target(action)
    mark = row.open.set(OPEN_MARK) if target in UNDECIDED else row.open.remove()
    return transition(
        ImportRow,
        (import_id,),
        sources=IMPORT_TRANSITIONS.sources(action),
        target=target,
        version=None,
        change=change,
        actions=[mark, *(getattr(row, name).set(value) for name, value in facts.items())],
    )


# --------------------------------------------------------------------------- the uploaded file


def upload_key(import_id: str) -> str:
    """Name the uploaded file."""
    return f"imports/{import_id}/upload"


def import_id_of(key: str) -> str | None:
    """Tell whose upload an object is; None for our own objects."""
    parts = key.split("/")
    return parts[1] if len(parts) == 3 and parts[0] == "imports" and parts[2] == "upload" else None  # noqa: PLR2004


def read_upload(import_id: str) -> bytes | None:
    """Read the uploaded file."""
    return objects.read_object(settings().intake_bucket, upload_key(import_id))
