"""The tables of people and imports, and the objects that hold a list's rows."""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from pynamodb.attributes import BooleanAttribute, NumberAttribute, UnicodeAttribute

from chalicelib.aws import crypto, objects
from chalicelib.aws.disclosure import Sealed
from chalicelib.aws.settings import settings
from chalicelib.aws.table import (
    MomentAttribute,
    StructAttribute,
    Table,
    VersionedTable,
    insert,
    table_name,
    transition,
)
from chalicelib.kernel.principal import Change
from chalicelib.people.model import IMPORT_TRANSITIONS, Import, Person, RowFault


class PersonRow(Table[Person]):
    """One row a person."""

    class Meta:
        table_name = table_name("people")

    record_type = Person

    person_key = UnicodeAttribute(hash_key=True)
    sealed = UnicodeAttribute()
    name_digest = UnicodeAttribute()
    phone_digest = UnicodeAttribute()
    masked_name = UnicodeAttribute()
    masked_id_number = UnicodeAttribute()
    graduated_on = StructAttribute()
    left_school_on = StructAttribute()
    employment_status = UnicodeAttribute()
    division = UnicodeAttribute()
    import_id = UnicodeAttribute()


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
    created_by = UnicodeAttribute()
    created_at = MomentAttribute()
    status = UnicodeAttribute()
    total = NumberAttribute(default=0)
    valid = NumberAttribute(default=0)
    invalid = NumberAttribute(default=0)
    chunks = NumberAttribute(default=0)
    failure = UnicodeAttribute(null=True)


# --------------------------------------------------------------------------- people


def find_person(person_key: str) -> Person | None:
    """Read a person."""
    return PersonRow.find(person_key)


def item_of(person_key: str) -> str:
    """Name the item that a person's identity is sealed for."""
    return f"person:{person_key}"


def find_people(person_keys: Iterable[str]) -> list[Person]:
    """Read many people, 100 a call, in no particular order."""
    return PersonRow.find_many(list(person_keys))


def save_people(people: Iterable[Person]) -> None:
    """Store people, 25 a call; the newest list's facts win."""
    with PersonRow.batch_write() as batch:
        for person in people:
            batch.save(PersonRow.from_record(person))


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


def move_import(import_id: str, action: str, *, change: Change, **facts: Any) -> Import:
    """Move an import to its next state, keeping some facts."""
    return transition(
        ImportRow,
        (import_id,),
        sources=IMPORT_TRANSITIONS.sources(action),
        target=IMPORT_TRANSITIONS.target(action),
        version=None,
        change=change,
        actions=[getattr(ImportRow, name).set(value) for name, value in facts.items()],
    )


# --------------------------------------------------------------------------- objects of an import


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


def write_chunk(import_id: str, number: int, rows: bytes) -> None:
    """Store one chunk of right rows, sealed."""
    name = _chunk_key(import_id, number)
    sealed = crypto.seal(rows, item=name)
    objects.write_object(settings().intake_bucket, name, sealed.encode())


def read_chunk(import_id: str, number: int) -> Sealed:
    """Read one chunk of well-formed rows, as it was sealed."""
    name = _chunk_key(import_id, number)
    raw = objects.read_object(settings().intake_bucket, name)
    if raw is None:
        raise LookupError(name)
    return Sealed(raw.decode(), name)


def _chunk_key(import_id: str, number: int) -> str:
    return f"imports/{import_id}/rows-{number:05d}"


def write_faults(import_id: str, faults: Sequence[RowFault]) -> None:
    """Store what is wrong with a list."""
    objects.write_object(settings().intake_bucket, f"imports/{import_id}/faults", msgspec.json.encode(faults))


def read_faults(import_id: str) -> list[RowFault]:
    """Read what is wrong with a list."""
    raw = objects.read_object(settings().intake_bucket, f"imports/{import_id}/faults")
    return msgspec.json.decode(raw, type=list[RowFault]) if raw is not None else []


def write_error_sheet(import_id: str, body: bytes, content_type: str) -> None:
    """Store the uploaded sheet with a column of reasons."""
    objects.write_object(
        settings().intake_bucket, f"imports/{import_id}/errors", body, content_type=content_type
    )


def error_sheet_link(import_id: str) -> str:
    """Presign a link to the sheet with reasons."""
    return objects.link(settings().intake_bucket, f"imports/{import_id}/errors", filename="errors.xlsx")
