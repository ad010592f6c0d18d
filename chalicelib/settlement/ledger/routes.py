"""HTTP of the ledger."""

from datetime import date, datetime
from typing import Annotated

import msgspec
from msgspec import Meta

from chalicelib.edge.endpoints import Call, PageQuery
from chalicelib.edge.forms import Answer, Form, malformed
from chalicelib.edge.http import Api
from chalicelib.kernel.errors import Fault
from chalicelib.settlement.ledger import service as ledger
from chalicelib.settlement.ledger.model import AccountTotals, Entry, Event, Period

api = Api(__name__)


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


# --------------------------------------------------------------------------- ledger


@api.endpoint(
    "GET",
    "/v1/ledger/accounts/{account_id}",
    action="ledger.read",
    query=PeriodQuery,
    answer=StatementAnswer,
    summary="A ledger account's sums and postings",
)
def read_ledger_account(call: Call[None, PeriodQuery], account_id: str) -> StatementAnswer:
    first, last = call.query.from_, call.query.to
    if first is not None and last is not None and last < first:
        raise malformed([Fault("period_reversed", field="to")])
    period = Period(first, last)
    account = ledger.statement(call.context, account_id, call.page_request(), period)
    listing = call.listing(account.entries, _entry)
    return StatementAnswer(
        id=account.totals.id,
        opening_fen=account.opening_fen,
        debit_fen=account.totals.debit_fen,
        credit_fen=account.totals.credit_fen,
        closing_fen=account.closing_fen,
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
def read_trial_balance(call: Call[None, AreaQuery]) -> TrialBalanceAnswer:
    accounts = ledger.trial_balance(call.context, division=call.query.division)
    return TrialBalanceAnswer(
        debit_fen=sum(account.debit_fen for account in accounts),
        credit_fen=sum(account.credit_fen for account in accounts),
        accounts=[account_answer(account) for account in accounts],
    )


def account_answer(account: AccountTotals) -> AccountAnswer:
    """Render an account's sums."""
    return AccountAnswer(id=account.id, debit_fen=account.debit_fen, credit_fen=account.credit_fen)


def _entry(entry: Entry) -> EntryAnswer:
    return EntryAnswer(**{name: getattr(entry, name) for name in EntryAnswer.__struct_fields__})
