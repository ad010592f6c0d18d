"""Lists of any kind as their owner meets them: announced, uploaded, watched, their faults read.

`work` works through them; `kind.ListKind` is what differs between kinds.
"""

import base64
from dataclasses import dataclass

from chalicelib.accounts import rights
from chalicelib.accounts.disclosures.service import record_access
from chalicelib.aws import objects, queues
from chalicelib.aws.logs import log
from chalicelib.aws.settings import settings
from chalicelib.kernel.divisions import PROVINCE
from chalicelib.kernel.errors import Refused
from chalicelib.kernel.ids import ImportId, new_id
from chalicelib.kernel.notices import Notice
from chalicelib.kernel.paging import Page, PageRequest
from chalicelib.kernel.principal import Context, change_of
from chalicelib.people.lists import store, work
from chalicelib.people.lists.kind import CHUNK_ROWS
from chalicelib.people.lists.kinds import KINDS
from chalicelib.people.lists.model import (
    DECIDED,
    ISSUABLE,
    Import,
    ImportKind,
    ImportStatus,
    RowFault,
    why_not_propose,
)
from chalicelib.people.lists.progress import store as progress_store
from chalicelib.people.lists.renames import store as rename_store
from chalicelib.people.lists.renames.model import RenameStatus
from chalicelib.sheets.content_types import XLSX, content_type_of
from chalicelib.sheets.downloads import link_to
from chalicelib.sheets.forms import write_template

ERRORS_SHOWN_MAX = 1000
UPLOAD_BYTES_MAX = 100_000_000
ACTIONS = {"propose": "issuance.propose"}
"""What may be done next with a list, and the right to it: a batch of vouchers is proposed for its people."""


@dataclass(frozen=True)
class AnnouncedImport:
    """An import that waits for its file, and the form to send it with."""

    record: Import
    form: objects.UploadForm


@dataclass(frozen=True)
class Headway:
    """How far the work on a list is; a list is gone through twice, once to judge and once to take over."""

    step: str
    rows_done: int
    rows_total: int


def announce_import(
    context: Context,
    *,
    kind: ImportKind,
    filename: str,
    size_bytes: int,
    sha256: str,
    partial: bool,
    dry_run: bool,
) -> AnnouncedImport:
    """Prepare an upload: the form accepts exactly the announced file."""
    rights.require(context.principal, "import.create", division=PROVINCE)
    content_type = content_type_of(filename)
    record = Import(
        id=ImportId(new_id("imp")),
        kind=kind,
        content_type=content_type,
        size_bytes=size_bytes,
        sha256=sha256.lower(),
        partial=partial,
        dry_run=dry_run,
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
    return AnnouncedImport(record, form)


def read_import(context: Context, import_id: str) -> Import:
    """Read an import."""
    record = store.read_import(import_id)
    rights.require(context.principal, "import.read", division=PROVINCE)
    return record


def list_imports(context: Context, request: PageRequest) -> Page[Import]:
    """List imports, newest first."""
    rights.require(context.principal, "import.read", division=PROVINCE)
    return store.imports_in(PROVINCE, request)


def headway_of(record: Import) -> Headway:
    """Tell how far the work on a list is."""
    if record.status is not ImportStatus.VALIDATING or record.reading is None:
        done = record.total if record.status in (*ISSUABLE, ImportStatus.FAILED) else 0
        return Headway(step=record.status.value, rows_done=done, rows_total=record.total)
    progress = progress_store.read_progress(record.id)
    if progress.accepted is None:
        return Headway("judging", _rows_in(record, progress.judged), record.total)
    if progress.accepted and not record.dry_run and len(progress.kept) < record.chunks:
        return Headway("taking_over", _rows_in(record, progress.kept), record.total)
    return Headway("finishing", record.total, record.total)


def _rows_in(record: Import, chunks: set[int]) -> int:
    """Count the rows of chunks; all but the last are full."""
    missing = record.chunks * CHUNK_ROWS - record.total if record.chunks - 1 in chunks else 0
    return len(chunks) * CHUNK_ROWS - missing


def link_to_template(context: Context, kind: ImportKind) -> str:
    """Give a link to the empty sheet of a list."""
    rights.require(context.principal, "import.create", division=PROVINCE)
    return link_to(
        write_template(KINDS[kind].layout),
        content_type=XLSX,
        key=f"templates/{kind}.xlsx",
        filename=f"{kind}.xlsx",
    )


def notices_of(record: Import) -> list[Notice]:
    """Give how cells were read that are not written as they are kept, those of most rows first."""
    return store.read_notices(record.id) if record.status in DECIDED else []


def faults_of(record: Import) -> list[RowFault]:
    """Give the row errors of an import, at most a thousand; `fault_page` has all."""
    return store.read_faults(record.id, 0, ERRORS_SHOWN_MAX) if record.faults else []


def fault_page(context: Context, import_id: str, request: PageRequest) -> Page[RowFault]:
    """List every row error of an import, in the order of its rows."""
    record = read_import(context, import_id)
    start = int((request.after or {}).get("from", 0))
    end = min(start + request.limit, record.faults)
    faults = store.read_faults(record.id, start, end) if start < end else []
    return Page(items=faults, after={"from": end} if end < record.faults else None)


def warned_rows(record: Import) -> list[int]:
    """List the rows, at most a thousand, that count once a second person has confirmed the name they give."""
    page = rename_store.renames_in(record.id, PageRequest(limit=ERRORS_SHOWN_MAX))
    return [rename.row for rename in page.items if rename.status is RenameStatus.PROPOSED]


def error_sheet_of(context: Context, record: Import) -> str | None:
    """Give the link to the sheet with a column of reasons, where there are any; it shows the rows."""
    if not record.invalid:
        return None
    purpose = "show the error sheet"
    record_access(context, subject=record.id, division=PROVINCE, purpose=purpose, items=record.total)
    return store.error_sheet_link(record)


def allowed_actions(context: Context, record: Import) -> list[str]:
    """Tell what this caller may do next with a list."""
    return rights.offered(context.principal, ACTIONS, lambda _: why_not_propose(record), division=PROVINCE)


def receive_upload(context: Context, key: str) -> None:
    """Note that a file has arrived and ask the workers for it; a repeat asks again, harmlessly."""
    import_id = store.import_id_of(key)
    record = store.find_import(import_id) if import_id is not None else None
    if import_id is None or record is None:
        return
    context = queues.since_told(context, record.created_at)
    try:
        store.move_import(import_id, "receive", change=change_of(context, "import.receive"))
    except Refused:
        log("upload_repeated", import_id=import_id)
    work.ask(context, import_id, work.WorkStep.SPLIT)
