"""Lists of any kind: announced, uploaded, judged row by row, taken over; `lists.ListKind` is what differs."""

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chalicelib.accounts import rights
from chalicelib.aws import objects, queues, sheets
from chalicelib.aws.disclosure import record_access
from chalicelib.aws.logs import log
from chalicelib.aws.settings import settings
from chalicelib.kernel.divisions import PROVINCE
from chalicelib.kernel.errors import Impossible, NotFound, Refused
from chalicelib.kernel.ids import ImportId, new_id
from chalicelib.kernel.principal import Context, change_of
from chalicelib.kernel.reasons import sentence
from chalicelib.people import store
from chalicelib.people.graduates import GRADUATES
from chalicelib.people.lists import ListKind
from chalicelib.people.model import ISSUABLE, Import, ImportKind, ImportStatus, RowFault

KINDS: Mapping[ImportKind, ListKind[Any]] = {kind.kind: kind for kind in (GRADUATES,)}
CHUNK_ROWS = 500
ERRORS_SHOWN_MAX = 1000
UPLOAD_BYTES_MAX = 100_000_000


@dataclass(frozen=True)
class Announced:
    """An import that waits for its file, and the form to send it with."""

    record: Import
    form: objects.UploadForm


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


def allowed_actions(record: Import) -> list[str]:
    """Tell what may be done next with a list."""
    return list(KINDS[record.kind].actions) if record.status in ISSUABLE else []


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
    kind = KINDS[record.kind]
    raw = store.read_upload(import_id)
    try:
        if raw is None or hashlib.sha256(raw).hexdigest() != record.sha256:
            raise Impossible("digest_mismatch")
        rows = sheets.read_table(raw, record.content_type, kind.columns, kind.required)
    except Impossible as error:
        change = change_of(context, "import.fail", reason=error.code)
        store.write_faults(import_id, [])
        store.move_import(import_id, "fail", change=change, failure=error.code)
        return
    good, faults = _judge(kind, rows)
    wrong_rows = {fault.row for fault in faults}
    store.write_faults(import_id, faults)
    if faults:
        store.write_error_sheet(import_id, _error_sheet(rows, faults), sheets.XLSX)
    counts = {"total": len(rows), "valid": len(good), "invalid": len(wrong_rows)}
    if faults and (not record.partial or not good):
        change = change_of(context, "import.fail", reason="rows_invalid")
        store.move_import(import_id, "fail", change=change, failure="rows_invalid", **counts)
        return
    chunks = [good[start : start + CHUNK_ROWS] for start in range(0, len(good), CHUNK_ROWS)]
    for number, chunk in enumerate(chunks):
        store.write_chunk(import_id, number, kind.encode(chunk))
        kind.keep(context, record, chunk)
    change = change_of(context, "import.accept")
    store.move_import(import_id, "accept", change=change, chunks=len(chunks), **counts)


def _judge(kind: ListKind[Any], rows: list[sheets.SheetRow]) -> tuple[list[Any], list[RowFault]]:
    good: list[Any] = []
    faults: list[RowFault] = []
    first_rows: dict[str, int] = {}
    for row in rows:
        read = kind.read_row(row.row, row.cells, row.headers)
        if isinstance(read, list):
            faults += read
            continue
        first = first_rows.setdefault(kind.repeated_by(read), row.row)
        if first != row.row:
            column = row.headers[kind.repeated_column]
            faults.append(
                RowFault(row=row.row, column=column, code="repeated_person", facts={"first_row": first})
            )
            continue
        good.append(read)
    return good, faults


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
