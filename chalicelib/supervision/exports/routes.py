"""HTTP of exports of records."""

from datetime import date, datetime
from typing import Annotated

from msgspec import Meta, field

from chalicelib.edge.endpoints import Call, LinkAnswer, NoQuery, ReasonBody
from chalicelib.edge.forms import Answer, Form, Reason
from chalicelib.edge.http import Api
from chalicelib.supervision.exports import service
from chalicelib.supervision.exports.model import KEPT, ExportStatus, RecordExport

api = Api(__name__)


class RecordExportRequest(Form):
    """Which records: of a division, from the first through the last day; and what for."""

    division: Annotated[str, Meta(min_length=2, max_length=6)]
    first: date = field(name="from")
    last: date = field(name="to")
    purpose: Reason


class RecordExportAnswer(Answer):
    """An export and what became of it; `records` counts its lines by file."""

    id: str
    division: str
    first: date = field(name="from")
    last: date = field(name="to")
    purpose: str
    status: ExportStatus
    asked_by: str
    asked_at: datetime
    finished_at: datetime | None
    kept_until: datetime | None
    records: dict[str, int]
    size_bytes: int
    version: int


@api.endpoint(
    "POST",
    "/v1/records/exports",
    action="record_export.ask",
    body=RecordExportRequest,
    answer=RecordExportAnswer,
    status_code=202,
    summary="Ask for the records of supervision of an area and a time",
)
def request_record_export(call: Call[RecordExportRequest, NoQuery]) -> RecordExportAnswer:
    body = call.body
    asked = service.ask_for_export(
        call.context, division=body.division, first=body.first, last=body.last, purpose=body.purpose
    )
    return _answer(asked, call.context.now)


@api.endpoint(
    "GET",
    "/v1/records/exports/{export_id}",
    action="record_export.read",
    answer=RecordExportAnswer,
    summary="What became of an export of records",
)
def read_record_export(call: Call[None, NoQuery], export_id: str) -> RecordExportAnswer:
    return _answer(service.show_export(call.context, export_id), call.context.now)


@api.endpoint(
    "POST",
    "/v1/records/exports/{export_id}/open",
    action="record_export.open",
    body=ReasonBody,
    answer=LinkAnswer,
    summary="Open an export of records: a link that is good for ten minutes; the audit tells who opened it",
)
def open_record_export(call: Call[ReasonBody, NoQuery], export_id: str) -> LinkAnswer:
    return LinkAnswer(url=service.open_export(call.context, export_id, reason=call.body.reason))


def _answer(export: RecordExport, now: datetime) -> RecordExportAnswer:
    return RecordExportAnswer(
        id=export.id,
        division=export.division,
        first=export.first,
        last=export.last,
        purpose=export.purpose,
        status=export.status_at(now),
        asked_by=export.asked_by,
        asked_at=export.asked_at,
        finished_at=export.finished_at,
        kept_until=export.finished_at + KEPT if export.finished_at is not None else None,
        records=export.records,
        size_bytes=export.size_bytes,
        version=export.version,
    )
