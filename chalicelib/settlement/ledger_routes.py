"""HTTP of the ledger, its statements, and of taking payments back."""

from datetime import date, datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from chalicelib.aws.downloads import link_to_xlsx
from chalicelib.aws.forms import Answer, Form, line, malformed
from chalicelib.aws.http import (
    AS_SHEETS,
    COMMA_SEPARATED,
    Api,
    Call,
    Empty,
    LinkAnswer,
    NoQuery,
    PageQuery,
    ReasonBody,
    Reply,
    VersionReason,
)
from chalicelib.aws.sheets import write_csv
from chalicelib.kernel.errors import Fault
from chalicelib.kernel.ids import new_id
from chalicelib.kernel.principal import Context
from chalicelib.settlement import clawback, ledger, statements, verification
from chalicelib.settlement.ledger import Period
from chalicelib.settlement.model import MEMORANDUM, Entry, Event
from chalicelib.settlement.withdrawal import withdraw_line
from chalicelib.subsidies.model import Line, LineStatus, Repayment, claim_of_line
from chalicelib.subsidies.routes import LineAnswer, line_answer

api = Api(__name__)

AMOUNT_MAX = 1_000_000_000_000


class RepaymentRequest(Form):
    """What came back for a reversed line; the bank's reference tells parts apart."""

    amount_fen: Annotated[int, Meta(ge=1, le=AMOUNT_MAX)]
    received_on: date
    bank_reference: Annotated[str, line(64)]


class RepaymentAnswer(Answer):
    """One repayment."""

    bank_reference: str
    amount_fen: int
    received_on: date


class AttemptAnswer(Answer):
    """What the bank said of a line in one batch; the reason is the bank's, with numbers masked."""

    batch_id: str
    status: LineStatus
    amount_fen: int
    paid_on: date | None
    bank_reference: str | None
    reason: str | None


class SettledLine(Answer):
    """A claim line as finance sees it; `reversal_asked_by` is told to bureaus only."""

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
    reversal_asked_by: str | None
    unsettled: str | None
    attempts: list[AttemptAnswer]
    repayments: list[RepaymentAnswer]
    outstanding_fen: int
    repay_by: date | None
    version: int
    allowed_actions: list[str]


class AccountAnswer(Answer):
    """An account's sums."""

    id: str
    debit_fen: int
    credit_fen: int


class EntryAnswer(Answer):
    """One posting to an account; `paid_on` is the bank's date, on which money left or came back."""

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
    paid_on: date | None
    bank_reference: str | None


class PeriodQuery(PageQuery):
    """Which days to show of an account, both inclusive, in Shanghai."""

    from_: date | None = msgspec.field(default=None, name="from")
    to: date | None = None


class StatementAnswer(AccountAnswer):
    """An account over a period with one page of its postings, oldest first.

    Opening and closing are debits less credits.
    """

    opening_fen: int
    closing_fen: int
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


class VerifyRequest(Form):
    """Whose ledger to verify, and where the last page ended; without it, from the beginning."""

    division: Annotated[str, Meta(max_length=6)] | None = None
    after: Annotated[str, Meta(min_length=1, max_length=200_000)] | None = None


class DifferenceAnswer(Answer):
    """Two figures that should be one: fen, or a number of lines or vouchers where the kind says so."""

    kind: str
    account: str | None
    line_id: str | None
    stored_fen: int
    expected_fen: int


class VerifiedAnswer(Answer):
    """What a page found; send `after` again for the next one until it is null."""

    division: str
    intact: bool
    postings: int
    lines: int
    differences: list[DifferenceAnswer]
    after: str | None


class StatementQuery(Form):
    """Whose statement, of which month (2026-11) or year (2026), and as what.

    With both, an institution's accounts in that division's ledger, even after it moved away.
    """

    period: Annotated[str, Meta(max_length=7)]
    division: Annotated[str, Meta(max_length=6)] | None = None
    institution: Annotated[str, Meta(max_length=18)] | None = None
    format: Literal["json", "csv", "xlsx"] = "json"


class PostedDay(Answer):
    """What one day did to an account."""

    day: date
    entries: int
    debit_fen: int
    credit_fen: int


class StatementAccount(Answer):
    """An account of an institution over a period."""

    id: str
    kind: str
    institution: str
    name: str
    opening_fen: int
    debit_fen: int
    credit_fen: int
    closing_fen: int
    postings: list[PostedDay]


class StatementOfPeriod(Answer):
    """A statement; `paid_fen` is what was paid in the period less what was taken back."""

    division: str
    institution: str | None
    period: str
    first: date
    last: date
    paid_fen: int
    accounts: list[StatementAccount]
    books: list[AccountAnswer]


# --------------------------------------------------------------------------- lines: withdrawal and reversal


@api.endpoint(
    "POST",
    "/v1/claim-lines/{line_id}/reject",
    action="claim_line.reject",
    body=VersionReason,
    answer=LineAnswer,
    summary="Take a line that cannot be paid out of an approved claim",
)
def reject_line(call: Call[VersionReason, NoQuery], line_id: str) -> LineAnswer:
    body = call.body
    line, claim = withdraw_line(call.context, line_id, version=body.version, reason=body.reason)
    return line_answer(line, claim)


@api.endpoint(
    "GET",
    "/v1/claim-lines/{line_id}",
    action="claim_line.read",
    answer=SettledLine,
    summary="A claim line with its payments, its reversal, and what is to be repaid by when",
)
def read_line(call: Call[None, NoQuery], line_id: str) -> SettledLine:
    return _line(call.context, clawback.read_line(call.context, line_id))


@api.endpoint(
    "POST",
    "/v1/claim-lines/{line_id}/reverse",
    action="claim_line.reverse",
    body=ReasonBody,
    answer=SettledLine,
    summary="Ask for a payment to be taken back",
)
def ask_reversal(call: Call[ReasonBody, NoQuery], line_id: str) -> SettledLine:
    return _line(call.context, clawback.ask_reversal(call.context, line_id, reason=call.body.reason))


@api.endpoint(
    "POST",
    "/v1/claim-lines/{line_id}/reverse/confirm",
    action="claim_line.reverse",
    body=Empty,
    answer=SettledLine,
    summary="Confirm, as another officer, that a payment is taken back",
)
def confirm_reversal(call: Call[Empty, NoQuery], line_id: str) -> SettledLine:
    return _line(call.context, clawback.confirm_reversal(call.context, line_id))


@api.endpoint(
    "POST",
    "/v1/claim-lines/{line_id}/reverse/cancel",
    action="claim_line.cancel_reversal",
    body=VersionReason,
    answer=SettledLine,
    summary="Withdraw one's own request to take a payment back, or refuse another officer's",
)
def cancel_reversal(call: Call[VersionReason, NoQuery], line_id: str) -> SettledLine:
    body = call.body
    line = clawback.cancel_reversal(call.context, line_id, version=body.version, reason=body.reason)
    return _line(call.context, line)


@api.endpoint(
    "POST",
    "/v1/claim-lines/{line_id}/repayments",
    action="claim_line.repay",
    body=RepaymentRequest,
    answer=SettledLine,
    summary="Book what an institution gave back for a reversed line",
)
def record_repayment(call: Call[RepaymentRequest, NoQuery], line_id: str) -> SettledLine:
    body = call.body
    repayment = Repayment(body.bank_reference, body.amount_fen, body.received_on)
    return _line(call.context, clawback.record_repayment(call.context, line_id, repayment))


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
        reversal_asked_by=line.reversal_asked_by if context.principal.is_bureau else None,
        unsettled=line.unsettled,
        attempts=[
            AttemptAnswer(**{name: getattr(one, name) for name in AttemptAnswer.__struct_fields__})
            for one in line.attempts
        ],
        repayments=[
            RepaymentAnswer(
                bank_reference=one.bank_reference, amount_fen=one.amount_fen, received_on=one.received_on
            )
            for one in line.repayments
        ],
        outstanding_fen=clawback.outstanding_fen(line),
        repay_by=line.repay_by,
        version=line.version,
        allowed_actions=clawback.allowed_on_line(context.principal, line),
    )


# --------------------------------------------------------------------------- ledger


@api.endpoint(
    "GET",
    "/v1/ledger/accounts/{account_id}",
    action="ledger.read",
    query=PeriodQuery,
    answer=StatementAnswer,
    summary="A ledger account's sums and postings",
)
def read_account(call: Call[None, PeriodQuery], account_id: str) -> StatementAnswer:
    first, last = call.query.from_, call.query.to
    if first is not None and last is not None and last < first:
        raise malformed([Fault("period_reversed", field="to")])
    period = Period(first, last)
    shown = ledger.statement(call.context, account_id, call.page_request(), period)
    listing = call.listing(shown.entries, _entry)
    return StatementAnswer(
        id=shown.totals.id,
        opening_fen=shown.opening_fen,
        debit_fen=shown.totals.debit_fen,
        credit_fen=shown.totals.credit_fen,
        closing_fen=shown.closing_fen,
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
    accounts = ledger.trial_balance(call.context, division=call.query.division)
    return TrialBalanceAnswer(
        debit_fen=sum(one.debit_fen for one in accounts),
        credit_fen=sum(one.credit_fen for one in accounts),
        accounts=[
            AccountAnswer(id=one.id, debit_fen=one.debit_fen, credit_fen=one.credit_fen) for one in accounts
        ],
    )


def _entry(entry: Entry) -> EntryAnswer:
    return EntryAnswer(**{name: getattr(entry, name) for name in EntryAnswer.__struct_fields__})


@api.endpoint(
    "POST",
    "/v1/ledger/verify",
    action="ledger.verify",
    body=VerifyRequest,
    answer=VerifiedAnswer,
    summary="Recompute a page of the ledger from postings and lines, and name every difference",
)
def verify(call: Call[VerifyRequest, NoQuery]) -> VerifiedAnswer:
    found, after = verification.verify(call.context, division=call.body.division, after=call.body.after)
    return VerifiedAnswer(
        division=found.division,
        intact=not found.differences,
        postings=found.postings,
        lines=found.lines,
        differences=[DifferenceAnswer(**one._asdict()) for one in found.differences],
        after=after,
    )


@api.endpoint(
    "GET",
    "/v1/statements",
    action="statement.read",
    query=StatementQuery,
    answer=StatementOfPeriod,
    also=AS_SHEETS,
    summary="A month's or year's statement of a division or institution (csv: the sheet, xlsx: a link)",
)
def statement(call: Call[None, StatementQuery]) -> StatementOfPeriod | LinkAnswer | Reply:
    query = call.query
    shown = statements.statement(
        call.context, division=query.division, institution=query.institution, period=query.period
    )
    if query.format == "json":
        return _statement(shown)
    name = f"statement-{shown.institution or shown.division}-{shown.period}.{query.format}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    rows = statements.rows_of(shown)
    if query.format == "csv":
        return Reply(write_csv(statements.HEADERS, rows), content_type=COMMA_SEPARATED, headers=headers)
    key = f"statements/{new_id('sta')}.xlsx"
    url = link_to_xlsx("对账单", statements.HEADERS, rows, key=key, filename=name)
    return LinkAnswer(url=url)


def _statement(shown: statements.Statement) -> StatementOfPeriod:
    return StatementOfPeriod(
        division=shown.division,
        institution=shown.institution,
        period=shown.period,
        first=shown.first,
        last=shown.last,
        paid_fen=sum(one.debit_fen - one.credit_fen for one in shown.sheets if one.kind == MEMORANDUM),
        accounts=[
            StatementAccount(
                id=one.account,
                kind=one.kind,
                institution=one.uscc,
                name=one.name,
                opening_fen=one.opening_fen,
                debit_fen=one.debit_fen,
                credit_fen=one.credit_fen,
                closing_fen=one.closing_fen,
                postings=[
                    PostedDay(
                        day=day.day, entries=day.entries, debit_fen=day.debit_fen, credit_fen=day.credit_fen
                    )
                    for day in one.postings
                ],
            )
            for one in shown.sheets
        ],
        books=[
            AccountAnswer(id=one.id, debit_fen=one.debit_fen, credit_fen=one.credit_fen)
            for one in shown.books
        ],
    )
