"""HTTP of the ledger, its statements, and of taking payments back."""

from datetime import date, datetime
from typing import Annotated

import msgspec
from msgspec import Meta

from chalicelib.aws.forms import Answer, Form
from chalicelib.aws.http import Api, Call, Empty, NoQuery, PageQuery, ReasonBody
from chalicelib.kernel.principal import Context
from chalicelib.settlement import clawback, ledger
from chalicelib.settlement.ledger import Period
from chalicelib.settlement.model import Entry, Event
from chalicelib.subsidies.model import Line, LineStatus, Repayment, claim_of_line

api = Api(__name__)

AMOUNT_MAX = 1_000_000_000_000


class RepaymentRequest(Form):
    """What came back for a reversed line; the bank's reference tells parts apart."""

    amount_fen: Annotated[int, Meta(ge=1, le=AMOUNT_MAX)]
    received_on: date
    bank_reference: Annotated[str, Meta(min_length=1, max_length=64)]


class RepaymentAnswer(Answer):
    """One repayment."""

    bank_reference: str
    amount_fen: int
    received_on: date


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
    unsettled: str | None
    repayments: list[RepaymentAnswer]
    outstanding_fen: int
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
        unsettled=line.unsettled,
        repayments=[
            RepaymentAnswer(
                bank_reference=one.bank_reference, amount_fen=one.amount_fen, received_on=one.received_on
            )
            for one in line.repayments
        ],
        outstanding_fen=clawback.outstanding_fen(line),
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
    period = Period(call.query.from_, call.query.to)
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
