"""HTTP of statements."""

from datetime import date
from typing import Annotated, Literal

from msgspec import Meta

from chalicelib.edge.endpoints import AS_SHEETS, COMMA_SEPARATED, Call, LinkAnswer, Reply
from chalicelib.edge.forms import Answer, Form
from chalicelib.edge.http import Api
from chalicelib.kernel.ids import new_id
from chalicelib.settlement.ledger.model import MEMORANDUM
from chalicelib.settlement.ledger.routes import AccountAnswer, account_answer
from chalicelib.settlement.statements import service as statements
from chalicelib.settlement.statements.model import HEADERS, InstitutionAccount, Statement, rows_of
from chalicelib.sheets.downloads import link_to_xlsx
from chalicelib.sheets.writing import write_csv

api = Api(__name__)


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
    """A statement; `paid_fen` is what was paid in the period less what was taken back.

    Of that, what accounts of kind `set_off` are credited with was kept for what the institutions owed.
    """

    division: str
    institution: str | None
    period: str
    first: date
    last: date
    paid_fen: int
    accounts: list[StatementAccount]
    books: list[AccountAnswer]


@api.endpoint(
    "GET",
    "/v1/statements",
    action="statement.read",
    query=StatementQuery,
    answer=StatementOfPeriod,
    also=AS_SHEETS,
    summary="A month's or year's statement of a division or institution (csv: the sheet, xlsx: a link)",
)
def read_statement(call: Call[None, StatementQuery]) -> StatementOfPeriod | LinkAnswer | Reply:
    query = call.query
    statement = statements.statement(
        call.context, division=query.division, institution=query.institution, period=query.period
    )
    if query.format == "json":
        return _statement(statement)
    name = f"statement-{statement.institution or statement.division}-{statement.period}.{query.format}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    rows = rows_of(statement)
    if query.format == "csv":
        return Reply(write_csv(HEADERS, rows), content_type=COMMA_SEPARATED, headers=headers)
    key = f"statements/{new_id('sta')}.xlsx"
    return LinkAnswer(url=link_to_xlsx("对账单", HEADERS, rows, key=key, filename=name))


def _statement(statement: Statement) -> StatementOfPeriod:
    paid = [account for account in statement.accounts if account.kind == MEMORANDUM]
    return StatementOfPeriod(
        division=statement.division,
        institution=statement.institution,
        period=statement.period,
        first=statement.first,
        last=statement.last,
        paid_fen=sum(account.debit_fen - account.credit_fen for account in paid),
        accounts=[_account(account) for account in statement.accounts],
        books=[account_answer(totals) for totals in statement.books],
    )


def _account(account: InstitutionAccount) -> StatementAccount:
    return StatementAccount(
        id=account.account,
        kind=account.kind,
        institution=account.uscc,
        name=account.name,
        opening_fen=account.opening_fen,
        debit_fen=account.debit_fen,
        credit_fen=account.credit_fen,
        closing_fen=account.closing_fen,
        postings=[
            PostedDay(day=day.day, entries=day.entries, debit_fen=day.debit_fen, credit_fen=day.credit_fen)
            for day in account.days
        ],
    )
