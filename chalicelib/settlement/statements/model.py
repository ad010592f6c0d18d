"""A month's or year's statement (对账单): institutions' accounts over the period, and as rows of a sheet."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal

from chalicelib.kernel.calendar import shanghai_date
from chalicelib.kernel.divisions import name_of
from chalicelib.kernel.errors import Fault
from chalicelib.kernel.reasons import error
from chalicelib.settlement.ledger.model import AccountTotals, Period, Summary, add_up

HEADERS = ("机构代码", "机构名称", "科目", "日期", "摘要", "笔数", "借方(元)", "贷方(元)", "余额(元)")
_PERIOD = re.compile(r"(20[0-9]{2}|21[0-9]{2})(-(0[1-9]|1[0-2]))?")
_LAST_MONTH = 12
_TITLES = {"institution": "拨付补贴", "receivable": "应收追回", "set_off": "抵扣追回"}
Cell = str | int | Decimal | None


@dataclass
class DayTotals:
    """What one day did to an account: so many postings, their debits and credits."""

    day: date
    entries: int = 0
    debit_fen: int = 0
    credit_fen: int = 0


@dataclass
class InstitutionAccount:
    """One account of an institution in one ledger over the period; figures are debits less credits."""

    account: str
    kind: str
    division: str
    uscc: str
    name: str
    opening_fen: int = 0
    days: list[DayTotals] = field(default_factory=list)

    @property
    def entries(self) -> int:
        """Count the postings of the period."""
        return sum(day.entries for day in self.days)

    @property
    def debit_fen(self) -> int:
        """Add up the debits of the period."""
        return sum(day.debit_fen for day in self.days)

    @property
    def credit_fen(self) -> int:
        """Add up the credits of the period."""
        return sum(day.credit_fen for day in self.days)

    @property
    def closing_fen(self) -> int:
        """Give the figure at the end of the period."""
        return self.opening_fen + self.debit_fen - self.credit_fen


@dataclass(frozen=True)
class Statement:
    """A division's statement, of all its institutions or of one; `books` are its accounts as of today.

    Who does not act for the whole division is shown no books. An institution's accounts may stand in other
    divisions' ledgers as well: those that paid it before it moved.
    """

    division: str
    institution: str | None
    period: str
    first: date
    last: date
    accounts: list[InstitutionAccount]
    books: list[AccountTotals]


def period_of(text: str) -> Period:
    """Read `2026` or `2026-11`.

    Raises:
        Malformed: it is neither.

    """
    match = _PERIOD.fullmatch(text)
    if match is None:
        raise error("malformed", faults=(Fault("wrong_type", field="period"),))
    year, month = int(match[1]), int(match[3]) if match[3] else None
    if month is None:
        return Period(date(year, 1, 1), date(year, _LAST_MONTH, 31))
    following = date(year + month // _LAST_MONTH, month % _LAST_MONTH + 1, 1)
    return Period(date(year, month, 1), following - timedelta(days=1))


def account_over(
    account: str, summaries: Iterable[Summary], period: Period, *, name: str
) -> InstitutionAccount:
    """Add up an account's summaries by day; what was before the period opens it."""
    assert period.first is not None
    assert period.last is not None
    kind, division, uscc = account.split(".")
    by_day: dict[date, DayTotals] = {}
    earlier: list[Summary] = []
    for summary in summaries:
        day = shanghai_date(summary.posted_at)
        if day < period.first:
            earlier.append(summary)
        elif day <= period.last:
            totals = by_day.setdefault(day, DayTotals(day))
            totals.entries += summary.entries
            totals.debit_fen += summary.debit_fen
            totals.credit_fen += summary.credit_fen
    before = add_up(earlier).get(account)
    return InstitutionAccount(
        account,
        kind,
        division,
        uscc,
        name,
        opening_fen=before.debit_fen - before.credit_fen if before is not None else 0,
        days=[by_day[day] for day in sorted(by_day)],
    )


# --------------------------------------------------------------------------- as a sheet


def rows_of(statement: Statement) -> list[list[Cell]]:
    """Write a statement as rows: opening, one row a day, closing of each account, and the sums."""
    rows: list[list[Cell]] = []
    for account in statement.accounts:
        rows += _rows_of_account(account, statement)
    for kind, title in _TITLES.items():
        accounts = [account for account in statement.accounts if account.kind == kind]
        if accounts:
            day = statement.last.isoformat()
            rows.append(["合计", None, title, day, "期末余额", *_sums(accounts)])
    return rows


def _rows_of_account(account: InstitutionAccount, statement: Statement) -> list[list[Cell]]:
    recipient = "" if account.division == statement.division else f"({name_of(account.division)})"
    head: list[Cell] = [account.uscc, account.name, _TITLES[account.kind] + recipient]
    balance_fen = account.opening_fen
    opening: list[Cell] = ["期初余额", None, None, None, _yuan(balance_fen)]
    rows = [[*head, statement.first.isoformat(), *opening]]
    for day in account.days:
        balance_fen += day.debit_fen - day.credit_fen
        figures: list[Cell] = [
            day.entries,
            _yuan(day.debit_fen),
            _yuan(day.credit_fen),
            _yuan(balance_fen),
        ]
        rows.append([*head, day.day.isoformat(), "本日发生", *figures])
    rows.append([*head, statement.last.isoformat(), "期末余额", *_sums([account])])
    return rows


def _sums(accounts: Sequence[InstitutionAccount]) -> list[Cell]:
    return [
        sum(account.entries for account in accounts),
        _yuan(sum(account.debit_fen for account in accounts)),
        _yuan(sum(account.credit_fen for account in accounts)),
        _yuan(sum(account.closing_fen for account in accounts)),
    ]


def _yuan(fen: int) -> Decimal:
    """Give an amount in yuan, exactly and as a number: a clerk adds up columns."""
    return Decimal(fen).scaleb(-2)
