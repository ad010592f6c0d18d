"""HTTP of payment results."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Annotated, Any, Literal

from msgspec import Meta

from chalicelib.edge.endpoints import Call, Listing, PageQuery, SheetBody
from chalicelib.edge.forms import Answer, Form, reference, words
from chalicelib.edge.http import Api
from chalicelib.edge.notices import NoticeAnswer, notice_answers
from chalicelib.kernel.notices import Notice
from chalicelib.kernel.reasons import sentence
from chalicelib.settlement.results import service as results
from chalicelib.settlement.results.bank_sheet import RESULTS, read_results
from chalicelib.settlement.results.model import (
    PaymentResult,
    RefusedResult,
    RowRefusal,
    outcome_of,
    plain_reference,
)
from chalicelib.subsidies.budgets.routes import AMOUNT_MAX

api = Api(__name__)
RESULTS_MAX = 5_000


class ResultRow(Form):
    """What the bank reports of one line; a paid one has its date and reference.

    `returned` (退票) is said of money that came back after it was paid, with the bank's date and reference of
    that.
    """

    line_id: Annotated[str, Meta(min_length=1, max_length=80)]
    status: Literal["paid", "failed", "returned"]
    amount_fen: Annotated[int, Meta(ge=0, le=AMOUNT_MAX)]
    paid_on: date | None = None
    bank_reference: Annotated[str, reference(64)] | None = None
    reason: Annotated[str, words(200, needed=False)] | None = None

    @classmethod
    def needed(cls, given: Mapping[str, Any]) -> list[str]:
        """Ask for the date and reference of what was paid."""
        paid = given.get("status") == "paid"
        return [name for name in ("paid_on", "bank_reference") if paid and given.get(name) is None]


class ResultsRequest(Form):
    """What the bank reports of a batch, or of a part of it; nothing where all its lines are set off."""

    results: Annotated[list[ResultRow], Meta(max_length=RESULTS_MAX)]


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
    """How many rows were right, the others, and which of the right ones were paid without a voucher.

    `notices` tell how cells of a sheet were read that are not written as they are kept.
    """

    applied: int
    refused: list[RefusedRow]
    flagged: list[RefusedRow]
    notices: list[NoticeAnswer]


@api.endpoint(
    "POST",
    "/v1/settlement-batches/{batch_id}/results",
    action="settlement.record_results",
    body=ResultsRequest,
    query=ResultsQuery,
    answer=ResultsAnswer,
    sheet=True,
    layouts=[RESULTS],
    summary="Record what the bank paid, did not pay or sent back, by JSON, xlsx or csv",
)
def record_payment_results(
    call: Call[ResultsRequest | SheetBody, ResultsQuery], batch_id: str
) -> ResultsAnswer:
    body = call.body
    unreadable: list[RowRefusal] = []
    notices: list[Notice] = []
    if isinstance(body, SheetBody):
        rows, unreadable, notices = read_results(body.raw, body.content_type)
    else:
        rows = _results(body)
    recorded = results.record_results(
        call.context, batch_id, rows, unreadable=unreadable, dry_run=call.query.dry_run
    )
    return ResultsAnswer(
        applied=recorded.applied,
        refused=_rows(recorded.refused, english=call.english),
        flagged=_rows(recorded.flagged, english=call.english),
        notices=notice_answers(notices, english=call.english),
    )


@api.endpoint(
    "GET",
    "/v1/settlement-batches/{batch_id}/results",
    action="settlement.read",
    query=RefusedQuery,
    answer=Listing[RefusedAnswer],
    summary="List the results of a batch that were refused",
)
def list_refused_payment_results(call: Call[None, RefusedQuery], batch_id: str) -> Listing[RefusedAnswer]:
    page = results.refused_results(call.context, batch_id, call.page_request())
    return call.listing(page, lambda refused: _refused(refused, english=call.english))


def _refused(refused: RefusedResult, *, english: bool) -> RefusedAnswer:
    return RefusedAnswer(
        row=refused.row,
        code=refused.code,
        detail=sentence(refused.code, refused.facts, english=english),
        line_id=refused.line_id,
        sent_by=refused.sent_by,
        sent_at=refused.sent_at,
    )


def _rows(rows: Sequence[RowRefusal], *, english: bool) -> list[RefusedRow]:
    return [
        RefusedRow(row=row, code=code, detail=sentence(code, facts, english=english))
        for row, code, facts in rows
    ]


def _results(body: ResultsRequest) -> list[PaymentResult]:
    return [
        PaymentResult(
            row=place,
            line_id=row.line_id,
            outcome=outcome_of(row.status),
            amount_fen=row.amount_fen,
            paid_on=row.paid_on,
            bank_reference=plain_reference(row.bank_reference) if row.bank_reference is not None else None,
            reason=row.reason,
        )
        for place, row in enumerate(body.results, start=1)
    ]
