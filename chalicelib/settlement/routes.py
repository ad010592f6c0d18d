"""HTTP of budgets, settlement batches and payment results."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Annotated, Any, Literal

from msgspec import Meta

from chalicelib.aws.forms import Answer, Form, Version, line, malformed, words
from chalicelib.aws.http import Api, Call, Empty, Listing, NoQuery, PageQuery, Reply, Sent, SheetBody
from chalicelib.kernel.errors import Fault
from chalicelib.kernel.principal import Context
from chalicelib.kernel.reasons import sentence
from chalicelib.settlement import results, service
from chalicelib.settlement.model import Batch, BatchStatus, PaymentResult, Refusal
from chalicelib.settlement.result_sheets import read_results
from chalicelib.subsidies.budget_model import Budget

api = Api(__name__)

AMOUNT_MAX = 1_000_000_000_000
RESULTS_MAX = 5_000
YEAR_MIN, YEAR_MAX = 2000, 2199
ProgramKey = Annotated[str, Meta(min_length=1, max_length=80)]


class BudgetRequest(Form):
    """What a division may spend on a program in a year."""

    program_id: ProgramKey
    appropriated_fen: Annotated[int, Meta(ge=0, le=AMOUNT_MAX)]
    version: Version | None = None


class BudgetQuery(Form):
    """Which program's budget to read; needed where the division has several."""

    program_id: ProgramKey | None = None


class BudgetAnswer(Answer):
    """A budget."""

    division: str
    year: int
    program_id: str
    appropriated_fen: int
    reserved_fen: int
    spent_fen: int
    available_fen: int
    version: int


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
    """A line of a batch."""

    line_id: str
    institution: str
    amount_fen: int
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


class ResultRow(Form):
    """What the bank reports of one line; a paid one has its date and reference."""

    line_id: Annotated[str, Meta(min_length=1, max_length=80)]
    status: Literal["paid", "failed"]
    amount_fen: Annotated[int, Meta(ge=0, le=AMOUNT_MAX)]
    paid_on: date | None = None
    bank_reference: Annotated[str, line(64)] | None = None
    reason: Annotated[str, words(200, needed=False)] | None = None

    @classmethod
    def needed(cls, given: Mapping[str, Any]) -> list[str]:
        """Ask for the date and reference of what was paid."""
        paid = given.get("status") == "paid"
        return [name for name in ("paid_on", "bank_reference") if paid and given.get(name) is None]


class ResultsRequest(Form):
    """What the bank reports of a batch, or of a part of it."""

    results: Annotated[list[ResultRow], Meta(min_length=1, max_length=RESULTS_MAX)]


class RefusedRow(Answer):
    """A row that was not applied; rows count from 1."""

    row: int
    code: str
    detail: str


class RefusedAnswer(RefusedRow):
    """A refused row as it is kept, with who sent it and when."""

    line_id: str | None
    sent_by: str
    sent_at: datetime


class ResultsQuery(Form):
    """Whether only to judge the rows."""

    dry_run: bool = False


class RefusedQuery(PageQuery):
    """Which results to list."""

    outcome: Literal["refused"] = "refused"


class ResultsAnswer(Answer):
    """How many rows were right, the others, and which of the right ones were paid without a voucher."""

    applied: int
    refused: list[RefusedRow]
    flagged: list[RefusedRow]


# --------------------------------------------------------------------------- budgets


@api.endpoint(
    "PUT",
    "/v1/budgets/{division}/{year}",
    action="budget.write",
    body=BudgetRequest,
    answer=BudgetAnswer,
    summary="Enter or change a division's budget of a year for a program",
)
def put_budget(call: Call[BudgetRequest, NoQuery], division: str, year: str) -> BudgetAnswer:
    body = call.body
    budget = service.set_budget(
        call.context,
        division,
        _year(year),
        program_id=body.program_id,
        appropriated_fen=body.appropriated_fen,
        version=body.version,
    )
    return _budget(budget)


@api.endpoint(
    "GET",
    "/v1/budgets/{division}/{year}",
    action="budget.read",
    query=BudgetQuery,
    answer=BudgetAnswer,
    summary="Read a division's budget of a year for a program",
)
def get_budget(call: Call[None, BudgetQuery], division: str, year: str) -> BudgetAnswer:
    found = service.read_budgets(call.context, division, _year(year), program_id=call.query.program_id)
    if len(found) > 1:
        raise malformed([Fault("missing_field", field="program_id")])
    return _budget(found[0])


def _year(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) == len(str(YEAR_MIN))):
        raise malformed([Fault("wrong_type", field="year")])
    year = int(text)
    if not YEAR_MIN <= year <= YEAR_MAX:
        raise malformed([Fault("wrong_type", field="year")])
    return year


def _budget(budget: Budget) -> BudgetAnswer:
    return BudgetAnswer(
        division=budget.division,
        year=budget.year,
        program_id=budget.program_id,
        appropriated_fen=budget.appropriated_fen,
        reserved_fen=budget.reserved_fen,
        spent_fen=budget.spent_fen,
        available_fen=budget.available_fen,
        version=budget.version,
    )


# --------------------------------------------------------------------------- batches


@api.endpoint(
    "POST",
    "/v1/settlement-batches",
    action="settlement.seal",
    body=Empty,
    answer=SealedAnswer,
    status_code=201,
    also=(Sent(SealedAnswer),),
    summary="Seal what is due in one's own division, as the nightly job does",
)
def seal(call: Call[Empty, NoQuery]) -> Reply:
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
def list_batches(call: Call[None, BatchQuery]) -> Listing[BatchHead]:
    page = service.list_batches(call.context, call.page_request(), division=call.query.division)
    return call.listing(page, lambda batch: _head(call.context, batch))


@api.endpoint(
    "GET",
    "/v1/settlement-batches/{batch_id}",
    action="settlement.read",
    answer=BatchAnswer,
    summary="Read a settlement batch with its lines",
)
def read_batch(call: Call[None, NoQuery], batch_id: str) -> BatchAnswer:
    batch = service.read_batch(call.context, batch_id)
    return _batch(call.context, service.show_batch(batch))


@api.endpoint(
    "POST",
    "/v1/settlement-batches/{batch_id}/export",
    action="settlement.export",
    body=ExportRequest,
    answer=ExportAnswer,
    summary="Get the payment file; the same bytes every time",
)
def export(call: Call[ExportRequest, NoQuery], batch_id: str) -> ExportAnswer:
    exported = service.export(call.context, batch_id, as_xlsx=call.body.format == "xlsx")
    batch = exported.batch
    return ExportAnswer(
        url=exported.url,
        format=call.body.format,
        sha256=exported.sha256,
        count=batch.line_count,
        amount_fen=batch.amount_fen,
    )


@api.endpoint(
    "POST",
    "/v1/settlement-batches/{batch_id}/results",
    action="settlement.record_results",
    body=ResultsRequest,
    query=ResultsQuery,
    answer=ResultsAnswer,
    sheet=True,
    summary="Record what the bank paid and what it did not, by JSON, xlsx or csv",
)
def record_results(call: Call[ResultsRequest | SheetBody, ResultsQuery], batch_id: str) -> ResultsAnswer:
    body = call.body
    unreadable: list[Refusal] = []
    if isinstance(body, SheetBody):
        rows, unreadable = read_results(body.raw, body.content_type)
    else:
        rows = _results(body)
    recorded = results.record_results(
        call.context, batch_id, rows, unreadable=unreadable, dry_run=call.query.dry_run
    )
    return ResultsAnswer(
        applied=recorded.applied,
        refused=_rows(recorded.refused, english=call.english),
        flagged=_rows(recorded.flagged, english=call.english),
    )


@api.endpoint(
    "GET",
    "/v1/settlement-batches/{batch_id}/results",
    action="settlement.read",
    query=RefusedQuery,
    answer=Listing[RefusedAnswer],
    summary="List the results of a batch that were refused",
)
def refused_results(call: Call[None, RefusedQuery], batch_id: str) -> Listing[RefusedAnswer]:
    page = results.refused_results(call.context, batch_id, call.page_request())
    return call.listing(
        page,
        lambda one: RefusedAnswer(
            row=one.row,
            code=one.code,
            detail=sentence(one.code, one.facts, english=call.english),
            line_id=one.line_id,
            sent_by=one.sent_by,
            sent_at=one.sent_at,
        ),
    )


def _rows(rows: Sequence[Refusal], *, english: bool) -> list[RefusedRow]:
    return [
        RefusedRow(row=row, code=code, detail=sentence(code, facts, english=english))
        for row, code, facts in rows
    ]


def _results(body: ResultsRequest) -> list[PaymentResult]:
    return [
        PaymentResult(
            row=place,
            line_id=row.line_id,
            paid=row.status == "paid",
            amount_fen=row.amount_fen,
            paid_on=row.paid_on,
            bank_reference=row.bank_reference,
            reason=row.reason,
        )
        for place, row in enumerate(body.results, start=1)
    ]


def _head(context: Context, batch: Batch) -> BatchHead:
    return BatchHead(**_head_facts(context, batch))  # type: ignore[arg-type]


def _head_facts(context: Context, batch: Batch) -> dict[str, object]:
    same = {name: getattr(batch, name) for name in BatchHead.__struct_fields__ if hasattr(batch, name)}
    return {
        **same,
        "count": batch.line_count,
        "allowed_actions": service.allowed_on_batch(context.principal, batch),
    }


def _batch(context: Context, shown: service.ShownBatch) -> BatchAnswer:
    lines = [
        BatchLine(
            line_id=member.line_id,
            institution=member.institution,
            amount_fen=member.amount_fen,
            status=shown.statuses[member.line_id],
        )
        for member in shown.members
    ]
    return BatchAnswer(**_head_facts(context, shown.batch), lines=lines)  # type: ignore[arg-type]
