"""The objects of a list's chunks, from the rows as they were read to those that are right.

Objects that hold rows are sealed. What one reading of the file wrote stands under that reading's own name, so
that a second reading begun by a repeated message can never mix with the first.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from chalicelib.aws import crypto, objects
from chalicelib.aws.crypto import SealedText
from chalicelib.aws.settings import settings
from chalicelib.people.lists.chunks.model import Marks, RawChunk
from chalicelib.people.lists.model import Import, RowFault


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


# --------------------------------------------------------------------------- right rows


def write_chunk(import_id: str, number: int, rows: bytes) -> None:
    """Store one chunk of right rows, sealed."""
    name = _rows_name(import_id, number)
    objects.write_object(settings().intake_bucket, name, crypto.seal(rows, item=name).encode())


def read_chunk(import_id: str, number: int) -> SealedText:
    """Read one chunk of right rows, as it was sealed."""
    return _sealed(_rows_name(import_id, number))


def _rows_name(import_id: str, number: int) -> str:
    return f"imports/{import_id}/rows-{number:05d}"
