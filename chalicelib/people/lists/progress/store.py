"""What an import leaves while it is worked through: how far the workers are, and the objects of its chunks.

Objects that hold rows are sealed. What one reading of the file wrote stands under that reading's own name, so
that a second reading begun by a repeated message can never mix with the first.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec
from pynamodb.attributes import NumberAttribute, NumberSetAttribute, UnicodeAttribute

from chalicelib.aws import crypto, objects
from chalicelib.aws.crypto import SealedText
from chalicelib.aws.settings import settings
from chalicelib.aws.table import Table, table_name
from chalicelib.aws.writes import ConditionFailed, insert, update
from chalicelib.kernel.principal import Change
from chalicelib.people.lists.model import Import, RowFault
from chalicelib.sheets.content_types import CSV

FAULTS_A_PAGE = 1000
_CHUNKS_AT_ONCE = 16


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """How far the workers are with an import; its counts once every chunk is judged."""

    import_id: str
    judged: set[int] = msgspec.field(default_factory=set)
    kept: set[int] = msgspec.field(default_factory=set)
    accepted: int | None = None
    valid: int = 0
    invalid: int = 0
    faults: int = 0


class ImportProgressRow(Table[Progress]):
    """One row an import, apart from the import's own: 600 steps of workers are no changes to be audited.

    The two sets only ever grow by numbers, so a write that arrives twice changes nothing.
    """

    class Meta:
        table_name = table_name("import-progress")

    record_type = Progress

    import_id = UnicodeAttribute(hash_key=True)
    judged = NumberSetAttribute(null=True)
    kept = NumberSetAttribute(null=True)
    accepted = NumberAttribute(null=True)
    valid = NumberAttribute(null=True)
    invalid = NumberAttribute(null=True)
    faults = NumberAttribute(null=True)


class RawRow(msgspec.Struct, frozen=True, kw_only=True):
    """One row as it was read from the sheet."""

    row: int
    cells: dict[str, str]
    faults: dict[str, str] = {}


class RawChunk(msgspec.Struct, frozen=True, kw_only=True):
    """Some rows of a list, with the key of the digests by which this list's rows are compared."""

    key: bytes
    headers: dict[str, str]
    rows: list[RawRow]


class Marks(msgspec.Struct, frozen=True, kw_only=True):
    """What came of judging a chunk, without personal data: faults, and a keyed digest of each good row."""

    rows: int
    repeated_column: str
    faults: list[RowFault]
    good: list[tuple[int, bytes]]


# --------------------------------------------------------------------------- progress


def open_progress(import_id: str) -> None:
    """Begin to count; a repeat changes nothing."""
    try:
        insert(ImportProgressRow(import_id=import_id))
    except ConditionFailed:
        return


def read_progress(import_id: str) -> Progress:
    """Read how far the workers are."""
    return ImportProgressRow.find(import_id) or Progress(import_id=import_id)


def note_judged(import_id: str, chunk: int, change: Change) -> Progress:
    """Note that a chunk is judged."""
    return _note(import_id, [ImportProgressRow.judged.add({chunk})], change)


def note_kept(import_id: str, chunk: int, change: Change) -> Progress:
    """Note that a chunk is taken over."""
    return _note(import_id, [ImportProgressRow.kept.add({chunk})], change)


def note_verdict(
    import_id: str, *, accepted: bool, valid: int, invalid: int, faults: int, change: Change
) -> Progress:
    """Note what came of the whole list; merging again comes to the same."""
    row: Any = ImportProgressRow
    return _note(
        import_id,
        [
            row.accepted.set(int(accepted)),
            row.valid.set(valid),
            row.invalid.set(invalid),
            row.faults.set(faults),
        ],
        change,
    )


def _note(import_id: str, actions: Sequence[Any], change: Change) -> Progress:
    there = ImportProgressRow.import_id.exists()
    return update(ImportProgressRow, (import_id,), actions, condition=there, change=change)


# --------------------------------------------------------------------------- chunks


def write_raw(record: Import, reading: str, chunks: Iterable[RawChunk]) -> int:
    """Store the rows of a reading, sealed; give the number of chunks."""
    count = 0

    def sealed() -> Iterator[tuple[str, bytes]]:
        nonlocal count
        for chunk in chunks:
            name = _name(record.id, reading, "raw", count)
            count += 1
            yield name, crypto.seal(msgspec.json.encode(chunk), item=name).encode()

    objects.write_objects(settings().intake_bucket, sealed())
    return count


def read_raw(record: Import, chunk: int) -> SealedText:
    """Read a chunk as it was sealed when the file was read."""
    return _sealed(_of(record, "raw", chunk))


def raw_chunk(opened: bytes) -> RawChunk:
    """Give an opened chunk its type."""
    return msgspec.json.decode(opened, type=RawChunk)


def write_judged(record: Import, chunk: int, rows: bytes, marks: Marks) -> None:
    """Store the well-formed rows of a chunk, sealed, and what is known of all of them."""
    name = _of(record, "judged", chunk)
    sealed = crypto.seal(rows, item=name).encode()
    bucket = settings().intake_bucket
    objects.write_object(bucket, name, sealed)
    objects.write_object(bucket, _of(record, "marks", chunk), msgspec.json.encode(marks))


def read_judged(record: Import, chunk: int) -> SealedText:
    """Read the well-formed rows of a chunk, as they were sealed."""
    return _sealed(_of(record, "judged", chunk))


def marks_of(record: Import) -> Iterator[Marks]:
    """Read the marks of all chunks, in order."""
    names = [_of(record, "marks", chunk) for chunk in range(record.chunks)]
    for name, raw in zip(names, objects.read_objects(settings().intake_bucket, names), strict=True):
        if raw is None:
            raise LookupError(name)
        yield msgspec.json.decode(raw, type=Marks)


def write_repeats(record: Import, repeats: Mapping[int, Sequence[RowFault]]) -> None:
    """Store, by chunk, the rows that stand in the list before; only chunks that have any get an object."""
    objects.write_objects(
        settings().intake_bucket,
        ((_of(record, "repeats", chunk), msgspec.json.encode(faults)) for chunk, faults in repeats.items()),
    )


def repeats_in(record: Import, chunks: Sequence[int]) -> Iterator[list[RowFault]]:
    """Read which rows of these chunks stand in the list before."""
    names = [_of(record, "repeats", chunk) for chunk in chunks]
    for raw in objects.read_objects(settings().intake_bucket, names):
        yield msgspec.json.decode(raw, type=list[RowFault]) if raw is not None else []


def _of(record: Import, what: str, chunk: int) -> str:
    assert record.reading is not None, "a list is read before its chunks are"
    return _name(record.id, record.reading, what, chunk)


def _name(import_id: str, reading: str, what: str, chunk: int) -> str:
    return f"imports/{import_id}/{reading}/{what}-{chunk:05d}"


def _sealed(name: str) -> SealedText:
    raw = objects.read_object(settings().intake_bucket, name)
    if raw is None:
        raise LookupError(name)
    return SealedText(raw.decode(), name)


# --------------------------------------------------------------------------- right rows, faults, error sheet


def write_chunk(import_id: str, number: int, rows: bytes) -> None:
    """Store one chunk of right rows, sealed."""
    name = _rows_name(import_id, number)
    objects.write_object(settings().intake_bucket, name, crypto.seal(rows, item=name).encode())


def read_chunk(import_id: str, number: int) -> SealedText:
    """Read one chunk of right rows, as it was sealed."""
    return _sealed(_rows_name(import_id, number))


def _rows_name(import_id: str, number: int) -> str:
    return f"imports/{import_id}/rows-{number:05d}"


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
    found: list[RowFault] = []
    for raw in objects.read_objects(settings().intake_bucket, names):
        found += msgspec.json.decode(raw, type=list[RowFault]) if raw is not None else []
    first = pages.start * FAULTS_A_PAGE
    return found[start - first : end - first]


def _faults_name(import_id: str, page: int) -> str:
    return f"imports/{import_id}/faults-{page:05d}"


def write_error_sheet(record: Import, body: bytes) -> None:
    """Store the uploaded sheet with a column of reasons."""
    name = f"imports/{record.id}/errors"
    objects.write_object(settings().intake_bucket, name, body, content_type=record.content_type)


def error_sheet_link(record: Import) -> str:
    """Presign a link to the sheet with reasons."""
    filename = "errors.csv" if record.content_type == CSV else "errors.xlsx"
    return objects.link(settings().intake_bucket, f"imports/{record.id}/errors", filename=filename)
