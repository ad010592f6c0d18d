"""HTTP of imports."""

from datetime import datetime
from typing import Annotated

from msgspec import Meta

from chalicelib.aws.forms import Answer, Form
from chalicelib.aws.http import Api, Call, NoQuery
from chalicelib.kernel.principal import Context
from chalicelib.kernel.reasons import sentence
from chalicelib.people import imports
from chalicelib.people.model import Import, ImportKind, ImportStatus

api = Api(__name__)


class ImportRequest(Form):
    """A file that will be uploaded; `sha256` in hex."""

    kind: ImportKind
    filename: Annotated[str, Meta(min_length=1, max_length=200)]
    size_bytes: Annotated[int, Meta(ge=1, le=imports.UPLOAD_BYTES_MAX)]
    sha256: Annotated[str, Meta(pattern=r"^[0-9a-fA-F]{64}$")]


class ImportOptions(Form):
    """`partial`: go on with the right rows though some are wrong."""

    partial: bool = False


class UploadAnswer(Answer):
    """A form to post the file with."""

    url: str
    fields: dict[str, str]
    expires_at: datetime


class AnnouncedAnswer(Answer):
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


class ImportAnswer(Answer):
    """An import with its counts and row errors."""

    id: str
    kind: ImportKind
    status: ImportStatus
    total: int
    valid: int
    invalid: int
    failure: str | None
    detail: str | None
    errors: list[RowErrorAnswer]
    error_sheet: str | None
    created_at: datetime
    version: int
    allowed_actions: list[str]


@api.endpoint(
    "POST",
    "/v1/imports",
    action="import.create",
    body=ImportRequest,
    query=ImportOptions,
    answer=AnnouncedAnswer,
    status_code=201,
    summary="Announce a list to upload",
)
def announce(call: Call[ImportRequest, ImportOptions]) -> AnnouncedAnswer:
    body = call.body
    announced = imports.announce_import(
        call.context,
        kind=body.kind,
        filename=body.filename,
        size_bytes=body.size_bytes,
        sha256=body.sha256,
        partial=call.query.partial,
    )
    form = announced.form
    return AnnouncedAnswer(
        id=announced.record.id,
        status=announced.record.status,
        upload=UploadAnswer(url=form.url, fields=form.fields, expires_at=form.expires_at),
    )


@api.endpoint(
    "GET", "/v1/imports/{import_id}", action="import.read", answer=ImportAnswer, summary="Read an import"
)
def read(call: Call[None, NoQuery], import_id: str) -> ImportAnswer:
    return _answer(call.context, imports.read_import(call.context, import_id), english=call.english)


def _answer(context: Context, record: Import, *, english: bool) -> ImportAnswer:
    return ImportAnswer(
        id=record.id,
        kind=record.kind,
        status=record.status,
        total=record.total,
        valid=record.valid,
        invalid=record.invalid,
        failure=record.failure,
        detail=sentence(record.failure, {"invalid": record.invalid}, english=english)
        if record.failure
        else None,
        errors=[
            RowErrorAnswer(
                row=fault.row,
                column=fault.column,
                code=fault.code,
                detail=sentence(fault.code, {**fault.facts, "column": fault.column}, english=english),
            )
            for fault in imports.faults_of(record)
        ],
        error_sheet=imports.error_sheet_of(context, record),
        created_at=record.created_at,
        version=record.version,
        allowed_actions=imports.allowed_actions(record),
    )
