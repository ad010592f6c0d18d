"""The table of imports, and the objects of a whole list: its file, its faults, its error sheet."""

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec
from pynamodb.attributes import BooleanAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex

from chalicelib.aws import objects
from chalicelib.aws.settings import settings
from chalicelib.aws.table import MomentAttribute, StructAttribute, VersionedTable, page_of, table_name
from chalicelib.aws.writes import ConditionFailed, insert, lawful, transition, update
from chalicelib.kernel.notices import Notice
from chalicelib.kernel.paging import Page, PageRequest
from chalicelib.kernel.principal import Change
from chalicelib.kernel.reasons import error
from chalicelib.people.lists.model import (
    IMPORT_TRANSITIONS,
    UNDECIDED,
    Import,
    ImportStatus,
    RowFault,
)
from chalicelib.sheets.content_types import CSV

OPEN_MARK = "open"
FAULTS_A_PAGE = 1000


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
    with contextlib.suppress(ConditionFailed):
        update(ImportRow, (import_id,), [], condition=lawful(ImportRow, sources=UNDECIDED), change=change)


def note_reading(import_id: str, *, reading: str, total: int, chunks: int, change: Change) -> Import:
    """Note the reading of a file that counts: the first; give the import as it then is."""
    row: Any = ImportRow
    try:
        return update(
            ImportRow,
            (import_id,),
            [row.reading.set(reading), row.total.set(total), row.chunks.set(chunks)],
            condition=lawful(ImportRow, sources=[ImportStatus.VALIDATING]) & row.reading.does_not_exist(),
            change=change,
        )
    except ConditionFailed as failure:
        if failure.old is None:
            raise error("not_found") from failure
        record: Import = failure.old
        return record


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


# --------------------------------------------------------------------------- faults, error sheet


def write_faults(import_id: str, faults: Iterable[RowFault]) -> None:
    """Store what is wrong with a list, in pages of a thousand."""

    def pages() -> Iterator[tuple[str, bytes]]:
        page: list[RowFault] = []
        number = 0
        for fault in faults:
            page.append(fault)
            if len(page) == FAULTS_A_PAGE:
                yield _faults_name(import_id, number), msgspec.json.encode(page)
                page, number = [], number + 1
        if page:
            yield _faults_name(import_id, number), msgspec.json.encode(page)

    objects.write_objects(settings().intake_bucket, pages())


def read_faults(import_id: str, start: int, end: int) -> list[RowFault]:
    """Read the faults from one place to another, in the order of the rows."""
    pages = range(start // FAULTS_A_PAGE, (end - 1) // FAULTS_A_PAGE + 1)
    names = [_faults_name(import_id, page) for page in pages]
    faults: list[RowFault] = []
    for raw in objects.read_objects(settings().intake_bucket, names):
        faults += msgspec.json.decode(raw, type=list[RowFault]) if raw is not None else []
    first = pages.start * FAULTS_A_PAGE
    return faults[start - first : end - first]


def _faults_name(import_id: str, page: int) -> str:
    return f"imports/{import_id}/faults-{page:05d}"


def write_notices(import_id: str, notices: Sequence[Notice]) -> None:
    """Store what is to be known of a list, though it is not wrong."""
    name = f"imports/{import_id}/notices"
    objects.write_object(settings().intake_bucket, name, msgspec.json.encode(notices))


def read_notices(import_id: str) -> list[Notice]:
    """Read what is to be known of a list; nothing before it is judged."""
    raw = objects.read_object(settings().intake_bucket, f"imports/{import_id}/notices")
    return msgspec.json.decode(raw, type=list[Notice]) if raw is not None else []


def write_error_sheet(record: Import, body: bytes) -> None:
    """Store the uploaded sheet with a column of reasons."""
    name = f"imports/{record.id}/errors"
    objects.write_object(settings().intake_bucket, name, body, content_type=record.content_type)


def error_sheet_link(record: Import) -> str:
    """Presign a link to the sheet with reasons."""
    filename = "errors.csv" if record.content_type == CSV else "errors.xlsx"
    return objects.link(settings().intake_bucket, f"imports/{record.id}/errors", filename=filename)
