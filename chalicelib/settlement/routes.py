"""HTTP of budgets, settlement batches, payment results, reversal and the ledger."""

from datetime import date, datetime
from typing import Annotated, Literal

from msgspec import Meta

from chalicelib.aws.forms import Answer, Form, Version, malformed
from chalicelib.aws.http import Api, Call, Empty, Listing, NoQuery, PageQuery, ReasonBody, Reply
from chalicelib.kernel.errors import Fault
from chalicelib.kernel.principal import Context
from chalicelib.kernel.reasons import sentence
from chalicelib.settlement import results, service
from chalicelib.settlement.model import Batch, BatchStatus, Entry, Event, PaymentResult
from chalicelib.subsidies.budget_model import Budget
from chalicelib.subsidies.model import Line, LineStatus, claim_of_line

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


class ExportAnswer(Answer):
    """The payment file: a link good for ten minutes, and what it must amount to."""

    url: str
    sha256: str
    count: int
    amount_fen: int


class ResultRow(Form):
    """What the bank reports of one line; a paid one has its date and reference."""

    line_id: Annotated[str, Meta(min_length=1, max_length=80)]
    status: Literal["paid", "failed"]
    amount_fen: Annotated[int, Meta(ge=0, le=AMOUNT_MAX)]
    paid_on: date | None = None
    bank_reference: Annotated[str, Meta(min_length=1, max_length=64)] | None = None
    reason: Annotated[str, Meta(max_length=200)] | None = None


class ResultsRequest(Form):
    """What the bank reports of a batch, or of a part of it."""

    results: Annotated[list[ResultRow], Meta(min_length=1, max_length=RESULTS_MAX)]


class RefusedRow(Answer):
    """A row that was not applied; rows count from 1."""

    row: int
    code: str
    detail: str


class ResultsAnswer(Answer):
    """How many rows were right, and the others."""

    applied: int
    refused: list[RefusedRow]


class SettledLine(Answer):
    """A claim line as finance sees it."""

    id: str
    claim_id: str
    enrolment_id: str
    voucher_id: str
    institution: str
    batch_id: str | None
    amount_fen: int
    status: LineStatus
    reversal_reason: str | None
    reversal_asked: bool
    version: int
    allowed_actions: list[str]


class AccountAnswer(Answer):
    """An account's sums."""

    id: str
    debit_fen: int
    credit_fen: int


class EntryAnswer(Answer):
    """One posting to an account."""

    id: str
    event: Event
    line_id: str
    voucher_id: str
    institution: str
    batch_id: str | None
    counter_account: str
    debit_fen: int
    credit_fen: int
    posted_at: datetime


class StatementAnswer(AccountAnswer):
    """An account with one page of its postings, oldest first."""

    items: list[EntryAnswer]
    next: str | None


class TrialBalanceAnswer(Answer):
    """Every account; the two sums are equal."""

    debit_fen: int
    credit_fen: int
    accounts: list[AccountAnswer]


class AreaQuery(Form):
    """Whose accounts to add up."""

    division: Annotated[str, Meta(max_length=6)] | None = None


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
    body=Empty,
    answer=ExportAnswer,
    summary="Get the payment file; the same bytes every time",
)
def export(call: Call[Empty, NoQuery], batch_id: str) -> ExportAnswer:
    exported = service.export(call.context, batch_id)
    batch = exported.batch
    assert batch.digest is not None
    return ExportAnswer(
        url=exported.url, sha256=batch.digest, count=batch.line_count, amount_fen=batch.amount_fen
    )


@api.endpoint(
    "POST",
    "/v1/settlement-batches/{batch_id}/results",
    action="settlement.record_results",
    body=ResultsRequest,
    answer=ResultsAnswer,
    summary="Record what the bank paid and what it did not",
)
def record_results(call: Call[ResultsRequest, NoQuery], batch_id: str) -> ResultsAnswer:
    recorded = results.record_results(call.context, batch_id, _results(call.body))
    return ResultsAnswer(
        applied=recorded.applied,
        refused=[
            RefusedRow(row=row, code=code, detail=sentence(code, facts, english=call.english))
            for row, code, facts in recorded.refused
        ],
    )


def _results(body: ResultsRequest) -> list[PaymentResult]:
    faults = [
        Fault("missing_field", field=f"results[{place}].{name}")
        for place, row in enumerate(body.results)
        for name in ("paid_on", "bank_reference")
        if row.status == "paid" and getattr(row, name) is None
    ]
    if faults:
        raise malformed(faults)
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


# --------------------------------------------------------------------------- reversal


@api.endpoint(
    "POST",
    "/v1/claim-lines/{line_id}/reverse",
    action="claim_line.reverse",
    body=ReasonBody,
    answer=SettledLine,
    summary="Ask for a payment to be taken back",
)
def ask_reversal(call: Call[ReasonBody, NoQuery], line_id: str) -> SettledLine:
    return _line(call.context, service.ask_reversal(call.context, line_id, reason=call.body.reason))


@api.endpoint(
    "POST",
    "/v1/claim-lines/{line_id}/reverse/confirm",
    action="claim_line.reverse",
    body=Empty,
    answer=SettledLine,
    summary="Confirm, as another officer, that a payment is taken back",
)
def confirm_reversal(call: Call[Empty, NoQuery], line_id: str) -> SettledLine:
    return _line(call.context, service.confirm_reversal(call.context, line_id))


def _line(context: Context, line: Line) -> SettledLine:
    return SettledLine(
        id=line.id,
        claim_id=claim_of_line(line.id),
        enrolment_id=line.enrolment_id,
        voucher_id=line.voucher_id,
        institution=line.institution,
        batch_id=line.batch_id,
        amount_fen=line.amount_fen,
        status=line.status,
        reversal_reason=line.reversal_reason,
        reversal_asked=line.reversal_asked_by is not None,
        version=line.version,
        allowed_actions=service.allowed_on_line(context.principal, line),
    )


# --------------------------------------------------------------------------- ledger


@api.endpoint(
    "GET",
    "/v1/ledger/accounts/{account_id}",
    action="ledger.read",
    query=PageQuery,
    answer=StatementAnswer,
    summary="A ledger account's sums and postings",
)
def read_account(call: Call[None, PageQuery], account_id: str) -> StatementAnswer:
    statement = service.statement(call.context, account_id, call.page_request())
    listing = call.listing(statement.entries, lambda entry: _entry(entry, account_id))
    totals = statement.totals
    return StatementAnswer(
        id=totals.id,
        debit_fen=totals.debit_fen,
        credit_fen=totals.credit_fen,
        items=listing.items,
        next=listing.next,
    )


@api.endpoint(
    "GET",
    "/v1/ledger/trial-balance",
    action="ledger.read",
    query=AreaQuery,
    answer=TrialBalanceAnswer,
    summary="Every account's sums; debits equal credits",
)
def trial_balance(call: Call[None, AreaQuery]) -> TrialBalanceAnswer:
    accounts = service.trial_balance(call.context, division=call.query.division)
    return TrialBalanceAnswer(
        debit_fen=sum(one.debit_fen for one in accounts),
        credit_fen=sum(one.credit_fen for one in accounts),
        accounts=[
            AccountAnswer(id=one.id, debit_fen=one.debit_fen, credit_fen=one.credit_fen) for one in accounts
        ],
    )


def _entry(entry: Entry, account: str) -> EntryAnswer:
    debits = (account == entry.expense_account) == entry.debits_expense
    counter = entry.treasury_account if account == entry.expense_account else entry.expense_account
    return EntryAnswer(
        id=entry.id,
        event=entry.event,
        line_id=entry.line_id,
        voucher_id=entry.voucher_id,
        institution=entry.institution,
        batch_id=entry.batch_id,
        counter_account=counter,
        debit_fen=entry.amount_fen if debits else 0,
        credit_fen=0 if debits else entry.amount_fen,
        posted_at=entry.posted_at,
    )
