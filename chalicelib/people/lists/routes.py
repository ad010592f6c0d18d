"""HTTP of imports."""

from datetime import datetime
from typing import Annotated, Any

from msgspec import Meta

from chalicelib.edge.endpoints import Call, LinkAnswer, Listing, NoQuery, PageQuery
from chalicelib.edge.forms import Answer, Form, line
from chalicelib.edge.http import Api
from chalicelib.edge.notices import NoticeAnswer, notice_answers
from chalicelib.kernel.reasons import sentence
from chalicelib.people.lists import service as imports
from chalicelib.people.lists.cross_match.service import effect_of
from chalicelib.people.lists.graduates.model import NAME_COLUMN
from chalicelib.people.lists.kinds import KINDS
from chalicelib.people.lists.model import Import, ImportKind, ImportStatus, RowFault
from chalicelib.people.lists.renames.model import WARNING

api = Api(__name__)


class ImportRequest(Form):
    """A file that will be uploaded; `sha256` in hex."""

    kind: ImportKind
    filename: Annotated[str, line(200)]
    size_bytes: Annotated[int, Meta(ge=1, le=imports.UPLOAD_BYTES_MAX)]
    sha256: Annotated[str, Meta(pattern=r"^[0-9a-fA-F]{64}$(?!\n)")]


class ImportOptions(Form):
    """`partial`: go on with the right rows though some are wrong. `dry_run`: only judge the list."""

    partial: bool = False
    dry_run: bool = False


class TemplateQuery(Form):
    """Of which list."""

    kind: ImportKind


class UploadAnswer(Answer):
    """A form to post the file with."""

    url: str
    fields: dict[str, str]
    expires_at: datetime


class AnnouncedImportAnswer(Answer):
    """An import that waits for its file."""

    id: str
    status: ImportStatus
    upload: UploadAnswer


class RowErrorAnswer(Answer):
    """What is wrong with a row."""

    row: int
    column: str
    code: str
    detail: str


class ProgressAnswer(Answer):
    """How far the work is: a list is gone through twice, once to judge and once to take over."""

    step: str
    rows_done: int
    rows_total: int


class ImportSummary(Answer):
    """An import with its counts; `error_count` may be more than `invalid`: a row may have several."""

    id: str
    kind: ImportKind
    status: ImportStatus
    partial: bool
    dry_run: bool
    total: int
    valid: int
    invalid: int
    error_count: int
    failure: str | None
    detail: str | None
    created_at: datetime
    version: int
    allowed_actions: list[str]


class EffectAnswer(Answer):
    """What a cross-match list did to vouchers: how many are lost, how many spent ones are marked."""

    revoked: int
    marked: int


class ImportAnswer(ImportSummary):
    """An import with its progress, its first thousand row errors, and how cells were read.

    `warnings` are rows that count once a second person has confirmed them: they rename who is known.
    """

    progress: ProgressAnswer
    errors: list[RowErrorAnswer]
    warnings: list[RowErrorAnswer]
    notices: list[NoticeAnswer]
    error_sheet: str | None
    effect: EffectAnswer | None


@api.endpoint(
    "POST",
    "/v1/imports",
    action="import.create",
    body=ImportRequest,
    query=ImportOptions,
    answer=AnnouncedImportAnswer,
    status_code=201,
    layouts=[kind.layout for kind in KINDS.values()],
    summary="Announce a list to upload",
)
def announce_import(call: Call[ImportRequest, ImportOptions]) -> AnnouncedImportAnswer:
    body = call.body
    announced = imports.announce_import(
        call.context,
        kind=body.kind,
        filename=body.filename,
        size_bytes=body.size_bytes,
        sha256=body.sha256,
        partial=call.query.partial,
        dry_run=call.query.dry_run,
    )
    form = announced.form
    return AnnouncedImportAnswer(
        id=announced.record.id,
        status=announced.record.status,
        upload=UploadAnswer(url=form.url, fields=form.fields, expires_at=form.expires_at),
    )


@api.endpoint(
    "GET",
    "/v1/import-templates",
    action="import.create",
    query=TemplateQuery,
    answer=LinkAnswer,
    summary="A link to the empty sheet of a list",
)
def get_import_template(call: Call[None, TemplateQuery]) -> LinkAnswer:
    return LinkAnswer(url=imports.link_to_template(call.context, call.query.kind))


@api.endpoint(
    "GET",
    "/v1/imports",
    action="import.read",
    query=PageQuery,
    answer=Listing[ImportSummary],
    summary="List imports, newest first",
)
def list_imports(call: Call[None, PageQuery]) -> Listing[ImportSummary]:
    page = imports.list_imports(call.context, call.page_request())
    return call.listing(page, lambda record: ImportSummary(**_summary(call, record)))


@api.endpoint(
    "GET", "/v1/imports/{import_id}", action="import.read", answer=ImportAnswer, summary="Read an import"
)
def read_import(call: Call[None, NoQuery], import_id: str) -> ImportAnswer:
    record = imports.read_import(call.context, import_id)
    headway = imports.headway_of(record)
    return ImportAnswer(
        **_summary(call, record),
        progress=ProgressAnswer(
            step=headway.step, rows_done=headway.rows_done, rows_total=headway.rows_total
        ),
        errors=[_row_error(fault, english=call.english) for fault in imports.faults_of(record)],
        warnings=[_row_warning(row, english=call.english) for row in imports.warned_rows(record)],
        notices=notice_answers(imports.notices_of(record), english=call.english),
        error_sheet=imports.error_sheet_of(call.context, record),
        effect=_effect(record),
    )


@api.endpoint(
    "GET",
    "/v1/imports/{import_id}/errors",
    action="import.read",
    query=PageQuery,
    answer=Listing[RowErrorAnswer],
    summary="List every row error of an import",
)
def list_import_errors(call: Call[None, PageQuery], import_id: str) -> Listing[RowErrorAnswer]:
    page = imports.fault_page(call.context, import_id, call.page_request())
    return call.listing(page, lambda fault: _row_error(fault, english=call.english))


def _summary(call: Call[object, object], record: Import) -> dict[str, Any]:
    facts = {**record.failure_facts, "invalid": record.invalid}
    return {
        "id": record.id,
        "kind": record.kind,
        "status": record.status,
        "partial": record.partial,
        "dry_run": record.dry_run,
        "total": record.total,
        "valid": record.valid,
        "invalid": record.invalid,
        "error_count": record.faults,
        "failure": record.failure,
        "detail": sentence(record.failure, facts, english=call.english) if record.failure else None,
        "created_at": record.created_at,
        "version": record.version,
        "allowed_actions": imports.allowed_actions(call.context, record),
    }


def _effect(record: Import) -> EffectAnswer | None:
    if record.kind is not ImportKind.INELIGIBLE_PEOPLE:
        return None
    effect = effect_of(record)
    return EffectAnswer(revoked=effect.revoked, marked=effect.marked)


def _row_warning(row: int, *, english: bool) -> RowErrorAnswer:
    return RowErrorAnswer(
        row=row, column=NAME_COLUMN, code=WARNING, detail=sentence(WARNING, {}, english=english)
    )


def _row_error(fault: RowFault, *, english: bool) -> RowErrorAnswer:
    return RowErrorAnswer(
        row=fault.row,
        column=fault.column,
        code=fault.code,
        detail=sentence(fault.code, fault.told, english=english),
    )
