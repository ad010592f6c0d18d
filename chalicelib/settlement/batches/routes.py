"""HTTP of settlement batches."""

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta

from chalicelib.edge.endpoints import AnswerKind, Call, Empty, Listing, NoQuery, PageQuery, Reply
from chalicelib.edge.forms import Answer, Form
from chalicelib.edge.http import Api
from chalicelib.kernel.principal import Context
from chalicelib.settlement.batches import service
from chalicelib.settlement.batches.model import Batch, BatchStatus

api = Api(__name__)


class BatchHead(Answer):
    """A batch without its lines."""

    id: str
    division: str
    number: int
    status: BatchStatus
    count: int
    amount_fen: int
    digest: str | None
    sealed_at: datetime | None
    result_count: int
    paid_count: int
    withdrawn_count: int
    version: int
    allowed_actions: list[str]


class BatchLine(Answer):
    """A line of a batch: what the bank is to pay, and what was kept of it for what the institution owes."""

    line_id: str
    institution: str
    amount_fen: int
    set_off_fen: int
    status: str


class BatchAnswer(BatchHead):
    """A batch with its lines."""

    lines: list[BatchLine]


class SealedAnswer(Answer):
    """What was sealed."""

    items: list[BatchHead]


class BatchQuery(PageQuery):
    """Whose batches to list."""

    division: Annotated[str, Meta(max_length=6)] | None = None


class ExportRequest(Form):
    """As what the payment file is wanted; the xlsx has its check totals in a last line."""

    format: Literal["csv", "xlsx"] = "csv"


class ExportAnswer(Answer):
    """The payment file: a link good for ten minutes, and the check totals of what it holds."""

    url: str
    format: str
    sha256: str
    count: int
    amount_fen: int


# --------------------------------------------------------------------------- batches


@api.endpoint(
    "POST",
    "/v1/settlement-batches",
    action="settlement.seal",
    body=Empty,
    answer=SealedAnswer,
    status_code=201,
    also=(AnswerKind(SealedAnswer),),
    summary="Seal what is due in one's own division, as the nightly job does",
)
def seal_settlement_batches(call: Call[Empty, NoQuery]) -> Reply:
    sealed = service.seal(call.context)
    answer = SealedAnswer(items=[_head(call.context, batch) for batch in sealed])
    return Reply(answer, 201 if sealed else 200)


@api.endpoint(
    "GET",
    "/v1/settlement-batches",
    action="settlement.read",
    query=BatchQuery,
    answer=Listing[BatchHead],
    summary="List settlement batches",
)
def list_settlement_batches(call: Call[None, BatchQuery]) -> Listing[BatchHead]:
    page = service.list_batches(call.context, call.page_request(), division=call.query.division)
    return call.listing(page, lambda batch: _head(call.context, batch, closely=False))


@api.endpoint(
    "GET",
    "/v1/settlement-batches/{batch_id}",
    action="settlement.read",
    answer=BatchAnswer,
    summary="Read a settlement batch with its lines",
)
def read_settlement_batch(call: Call[None, NoQuery], batch_id: str) -> BatchAnswer:
    return _batch(call.context, service.show_batch(call.context, batch_id))


@api.endpoint(
    "POST",
    "/v1/settlement-batches/{batch_id}/export",
    action="settlement.export",
    body=ExportRequest,
    answer=ExportAnswer,
    summary="Get the payment file; the same bytes every time",
)
def export_settlement_batch(call: Call[ExportRequest, NoQuery], batch_id: str) -> ExportAnswer:
    exported = service.export(call.context, batch_id, call.body.format)
    batch = exported.batch
    return ExportAnswer(
        url=exported.url,
        format=call.body.format,
        sha256=exported.sha256,
        count=exported.count,
        amount_fen=batch.amount_fen,
    )


def _head(context: Context, batch: Batch, *, closely: bool = True) -> BatchHead:
    allowed = service.allowed_on_batch(context.principal, batch, closely=closely)
    return BatchHead(**_head_facts(batch, allowed))  # type: ignore[arg-type]


def _head_facts(batch: Batch, allowed_actions: list[str]) -> dict[str, object]:
    same = {name: getattr(batch, name) for name in BatchHead.__struct_fields__ if hasattr(batch, name)}
    return {**same, "count": batch.line_count, "allowed_actions": allowed_actions}


def _batch(context: Context, view: service.BatchView) -> BatchAnswer:
    lines = [
        BatchLine(
            line_id=member.line_id,
            institution=member.institution,
            amount_fen=member.amount_fen,
            set_off_fen=member.whole_fen - member.amount_fen,
            status=view.statuses[member.line_id],
        )
        for member in view.members
    ]
    allowed = service.allowed_on_batch(
        context.principal, view.batch, members=view.members, own_work=view.own_work
    )
    return BatchAnswer(**_head_facts(view.batch, allowed), lines=lines)  # type: ignore[arg-type]
