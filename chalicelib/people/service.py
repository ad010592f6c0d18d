"""Use cases of graduate lists: announce, upload, validate row by row, keep people in the vault."""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from chalicelib.accounts import rights
from chalicelib.aws import crypto, objects, queues, sheets
from chalicelib.aws.disclosure import Sealed, disclose, record_access
from chalicelib.aws.keys import keyed_digest, keyed_digests, person_keys_of
from chalicelib.aws.logs import log
from chalicelib.aws.settings import settings
from chalicelib.kernel.divisions import PROVINCE
from chalicelib.kernel.errors import Impossible, NotFound, Refused
from chalicelib.kernel.identity import mask_id_number, mask_name
from chalicelib.kernel.ids import ImportId, PersonKey, new_id
from chalicelib.kernel.principal import Context, change_of
from chalicelib.kernel.reasons import sentence
from chalicelib.people import store
from chalicelib.people.model import (
    GRADUATE_COLUMNS,
    ISSUABLE,
    Graduate,
    Identity,
    Import,
    ImportKind,
    ImportStatus,
    Person,
    RowFault,
    read_graduate,
)

CHUNK_ROWS = 500
ERRORS_SHOWN_MAX = 1000
UPLOAD_BYTES_MAX = 100_000_000


@dataclass(frozen=True)
class Announced:
    """An import that waits for its file, and the form to send it with."""

    record: Import
    form: objects.UploadForm


def name_digest(name: str) -> str:
    """Give the keyed digest by which names are compared without being shown."""
    return _text(keyed_digest("name", _tidy(name)))


def _tidy(name: str) -> str:
    return "".join(name.split()).replace("·", "").replace(".", "")


def _text(digest: bytes) -> str:
    return base64.b64encode(digest[:18]).decode()


def phone_digest(phone: str) -> str:
    """Give the keyed digest by which phones are compared without being shown."""
    return _text(keyed_digest("phone", phone))


# --------------------------------------------------------------------------- announcing and reading


def announce_import(
    context: Context, *, kind: ImportKind, filename: str, size_bytes: int, sha256: str, partial: bool
) -> Announced:
    """Prepare an upload: the form accepts exactly the announced file."""
    rights.require(context.principal, "import.create", division=PROVINCE)
    content_type = sheets.content_type_of(filename)
    record = Import(
        id=ImportId(new_id("imp")),
        kind=kind,
        content_type=content_type,
        size_bytes=size_bytes,
        sha256=sha256.lower(),
        partial=partial,
        created_by=context.principal.actor,
        created_at=context.now,
        status=ImportStatus.AWAITING_UPLOAD,
    )
    store.create_import(record, change_of(context, "import.create"))
    form = objects.upload_form(
        settings().intake_bucket,
        store.upload_key(record.id),
        content_type=content_type,
        size_bytes=size_bytes,
        sha256_base64=base64.b64encode(bytes.fromhex(record.sha256)).decode(),
    )
    return Announced(record, form)


def read_import(context: Context, import_id: str) -> Import:
    """Read an import."""
    found = store.read_import(import_id)
    rights.require(context.principal, "import.read", division=PROVINCE)
    return found


def faults_of(record: Import) -> list[RowFault]:
    """Give the row errors of an import, at most a thousand; the error sheet has all."""
    return store.read_faults(record.id)[:ERRORS_SHOWN_MAX] if record.invalid else []


def error_sheet_of(context: Context, record: Import) -> str | None:
    """Give the link to the sheet with a column of reasons, where there are any; it shows the rows."""
    if not record.invalid:
        return None
    purpose = "show the error sheet"
    record_access(context, subject=record.id, division=PROVINCE, purpose=purpose, items=record.total)
    return store.error_sheet_link(record.id)


# --------------------------------------------------------------------------- working through a list


def receive_upload(context: Context, key: str) -> None:
    """Note that a file has arrived and ask a worker to validate it; a repeat asks again, harmlessly."""
    import_id = store.import_id_of(key)
    if import_id is None or store.find_import(import_id) is None:
        return
    try:
        store.move_import(import_id, "receive", change=change_of(context, "import.receive"))
    except Refused:
        log("upload_repeated", import_id=import_id)
    queues.send(settings().imports_queue_url, [{"import_id": import_id}], now=context.now)


def validate_import(context: Context, import_id: str) -> None:
    """Read an uploaded list row by row; all rows are judged, none is applied if one is wrong.

    Repeating it after a crash at any point ends in the same state.
    """
    try:
        record = store.move_import(import_id, "validate", change=change_of(context, "import.validate"))
    except (Refused, NotFound):
        return  # decided already: a message delivered again
    raw = store.read_upload(import_id)
    try:
        if raw is None or hashlib.sha256(raw).hexdigest() != record.sha256:
            raise Impossible("digest_mismatch")
        rows = sheets.read_table(raw, record.content_type, GRADUATE_COLUMNS, frozenset(GRADUATE_COLUMNS))
    except Impossible as error:
        change = change_of(context, "import.fail", reason=error.code)
        store.write_faults(import_id, [])
        store.move_import(import_id, "fail", change=change, failure=error.code)
        return
    graduates, faults = _judge(rows)
    wrong_rows = {fault.row for fault in faults}
    store.write_faults(import_id, faults)
    if faults:
        store.write_error_sheet(import_id, _error_sheet(rows, faults), sheets.XLSX)
    counts = {"total": len(rows), "valid": len(graduates), "invalid": len(wrong_rows)}
    if faults and (not record.partial or not graduates):
        change = change_of(context, "import.fail", reason="rows_invalid")
        store.move_import(import_id, "fail", change=change, failure="rows_invalid", **counts)
        return
    chunks = [graduates[start : start + CHUNK_ROWS] for start in range(0, len(graduates), CHUNK_ROWS)]
    for number, chunk in enumerate(chunks):
        store.write_chunk(import_id, number, chunk)
        keys = person_keys_of(graduate.id_number for graduate in chunk)
        store.save_people(_person_of(graduate, import_id, keys[graduate.id_number]) for graduate in chunk)
    change = change_of(context, "import.accept")
    store.move_import(import_id, "accept", change=change, chunks=len(chunks), **counts)


def _judge(rows: list[sheets.SheetRow]) -> tuple[list[Graduate], list[RowFault]]:
    graduates: list[Graduate] = []
    faults: list[RowFault] = []
    first_rows: dict[str, int] = {}
    for row in rows:
        read = read_graduate(row.row, row.cells, row.headers)
        if isinstance(read, list):
            faults += read
            continue
        first = first_rows.setdefault(read.id_number, row.row)
        if first != row.row:
            faults.append(
                RowFault(
                    row=row.row,
                    column=row.headers["id_number"],
                    code="repeated_person",
                    facts={"first_row": first},
                )
            )
            continue
        graduates.append(read)
    return graduates, faults


def _error_sheet(rows: list[sheets.SheetRow], faults: list[RowFault]) -> bytes:
    reasons: dict[int, list[str]] = {}
    for fault in faults:
        text = sentence(fault.code, {**fault.facts, "column": fault.column})
        reasons.setdefault(fault.row, []).append(f"{fault.column}：{text}")
    headers = list(rows[0].headers.values())
    return sheets.write_xlsx(
        "错误明细",
        ["行号", *headers, "错误原因"],
        (
            [row.row, *(row.cells[name] for name in row.headers), " ".join(reasons.get(row.row, []))]
            for row in rows
        ),
    )


def _person_of(graduate: Graduate, import_id: str, key: PersonKey) -> Person:
    identity = Identity(
        name=graduate.name,
        id_number=graduate.id_number,
        phone=graduate.phone,
        school=graduate.school,
        degree=graduate.degree,
    )
    return Person(
        person_key=key,
        sealed=crypto.seal(msgspec.json.encode(identity), item=store.item_of(key)),
        name_digest=name_digest(graduate.name),
        phone_digest=phone_digest(graduate.phone),
        masked_name=mask_name(graduate.name),
        masked_id_number=mask_id_number(graduate.id_number),
        graduated_on=graduate.graduated_on,
        left_school_on=graduate.left_school_on,
        employment_status=graduate.employment_status,
        division=graduate.division,
        import_id=import_id,
    )


# --------------------------------------------------------------------------- for later steps


def ready_import(import_id: str) -> Import:
    """Read a graduate list that can be issued from.

    Raises:
        NotFound: there is none.
        Refused: `import_not_ready`.

    """
    found = store.read_import(import_id)
    if found.status not in ISSUABLE:
        raise Refused("import_not_ready", status=found.status.value)
    return found


def graduates_in(context: Context, import_id: str, chunk: int, *, purpose: str) -> list[Graduate]:
    """Read one chunk of a list; the look is recorded as one of the list."""
    sealed = store.read_chunk(import_id, chunk)
    raw = disclose(context, [sealed], subject=import_id, division=PROVINCE, purpose=purpose)
    return msgspec.json.decode(raw[0], type=list[Graduate])


def note_applying(context: Context, import_id: str) -> None:
    """Note that vouchers are being issued from a list."""
    store.move_import(import_id, "apply", change=change_of(context, "import.apply"))


def note_applied(context: Context, import_id: str) -> None:
    """Note that all vouchers of a list are issued; a repeat changes nothing."""
    try:
        store.move_import(import_id, "finish", change=change_of(context, "import.finish"))
    except Refused:
        log("import_finished_before", import_id=import_id)


def find_person(person_key: str) -> Person | None:
    """Read a person of the vault."""
    return store.find_person(person_key)


def misnamed(named: Sequence[tuple[PersonKey, str]]) -> set[tuple[PersonKey, str]]:
    """Tell which of these people are not in the vault under the name given: one read a hundred."""
    found = store.find_people(dict.fromkeys(key for key, _ in named))
    known = {person.person_key: person.name_digest for person in found}
    return {(key, name) for key, name in named if known.get(key) not in _name_digests(name)}


def _name_digests(name: str) -> set[str]:
    return {_text(one) for one in keyed_digests("name", _tidy(name))}


def open_identity(context: Context, person: Person, *, purpose: str) -> Identity:
    """Open what identifies a person, which leaves a record of who looked, and why."""
    sealed = Sealed(person.sealed, store.item_of(person.person_key))
    raw = disclose(context, [sealed], subject=person.person_key, division=person.division, purpose=purpose)
    return msgspec.json.decode(raw[0], type=Identity)


def digests_now(sealed: bytes) -> dict[str, str]:
    """Give the digests of an opened identity under the current index key (after a rotation)."""
    identity = msgspec.json.decode(sealed, type=Identity)
    return {"name_digest": name_digest(identity.name), "phone_digest": phone_digest(identity.phone)}
