"""Month and year statements of a division or an institution: opening, postings by day, closing.

Two memoranda are shown of each institution: what was paid to it, and what it has to pay back. The sums agree
with the books: what is paid in a period is what the treasury is credited with.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from chalicelib.accounts import rights
from chalicelib.aws.workbook_writer import Cell
from chalicelib.catalogue.service import find_institution, find_institutions
from chalicelib.kernel.calendar import shanghai_date
from chalicelib.kernel.errors import Fault, Malformed, NotFound
from chalicelib.kernel.ids import Uscc
from chalicelib.kernel.principal import Context, Role
from chalicelib.settlement import store
from chalicelib.settlement.ledger import Period, add_up, books_of, cities_within
from chalicelib.settlement.model import AccountTotals, Summary, institution_account, receivable_account
from chalicelib.subsidies.model import budget_division

_PERIOD = re.compile(r"(20[0-9]{2}|21[0-9]{2})(-(0[1-9]|1[0-2]))?")
_LAST_MONTH = 12
HEADERS = ("机构代码", "机构名称", "科目", "日期", "摘要", "笔数", "借方(元)", "贷方(元)", "余额(元)")
_TITLES = {"institution": "拨付补贴", "receivable": "应收追回"}


@dataclass
class Posted:
    """What one day did to an account: so many postings, their debits and credits."""

    day: date
    entries: int = 0
    debit_fen: int = 0
    credit_fen: int = 0


@dataclass
class Sheet:
    """One account of one institution over the period; figures are debits less credits."""

    account: str
    kind: str
    uscc: str
    name: str
    opening_fen: int = 0
    postings: list[Posted] = field(default_factory=list)

    @property
    def debit_fen(self) -> int:
        """Add up the debits of the period."""
        return sum(one.debit_fen for one in self.postings)

    @property
    def credit_fen(self) -> int:
        """Add up the credits of the period."""
        return sum(one.credit_fen for one in self.postings)

    @property
    def closing_fen(self) -> int:
        """Give the figure at the end of the period."""
        return self.opening_fen + self.debit_fen - self.credit_fen


@dataclass(frozen=True)
class Statement:
    """A division's statement, of all its institutions or of one; `books` are its accounts as of today.

    Who does not act for the whole division is shown no books.
    """

    division: str
    institution: str | None
    period: str
    first: date
    last: date
    sheets: list[Sheet]
    books: list[AccountTotals]


def period_of(text: str) -> Period:
    """Read `2026` or `2026-11`.

    Raises:
        Malformed: it is neither.

    """
    found = _PERIOD.fullmatch(text)
    if found is None:
        raise Malformed("malformed", faults=(Fault("wrong_type", field="period"),))
    year, month = int(found[1]), int(found[3]) if found[3] else None
    if month is None:
        return Period(date(year, 1, 1), date(year, _LAST_MONTH, 31))
    following = date(year + month // _LAST_MONTH, month % _LAST_MONTH + 1, 1)
    return Period(date(year, month, 1), following - timedelta(days=1))


def statement(context: Context, *, division: str | None, institution: str | None, period: str) -> Statement:
    """Make a statement: bureaus of their area, institutions of themselves.

    Raises:
        NotFound: the area has no ledger of its own, or there is no such institution in it.

    """
    days = period_of(period)
    principal = context.principal
    rights.admit(principal, "statement.read")
    uscc = principal.institution if principal.role is Role.INSTITUTION else institution
    if principal.role is Role.INSTITUTION and institution not in (None, uscc):
        raise NotFound
    if uscc is not None:
        known = find_institution(uscc)
        if known is None:
            raise NotFound
        rights.require(principal, "statement.read", division=known.division, institution=uscc)
        area = budget_division(known.division)
    else:
        area = division or principal.division
        rights.require(principal, "statement.read", division=area)
        if area not in cities_within(area):
            raise NotFound
    assert days.first is not None
    assert days.last is not None
    # A county's institutions stand in the books of its city: the county sees their accounts, not the books.
    covered = rights.reaches(principal, "statement.read", division=area)
    books = sorted(books_of(area).values(), key=lambda one: one.id) if covered else []
    return Statement(area, uscc, period, days.first, days.last, _sheets(area, uscc, days), books)


def _sheets(division: str, uscc: str | None, days: Period) -> list[Sheet]:
    accounts = [institution_account(division, uscc or ""), receivable_account(division, uscc or "")]
    by_account: dict[str, list[Summary]] = {}
    for account in accounts:
        found = store.summaries_with(division, f"{account}#" if uscc is not None else account)
        for one in found:
            by_account.setdefault(one.account, []).append(one)
    names = {one.uscc: one.name for one in find_institutions(map(_owner_of, by_account)).values()}
    sheets = [
        _sheet(account, found, days, name=names.get(_owner_of(account), ""))
        for account, found in by_account.items()
    ]
    return sorted(sheets, key=lambda one: (one.uscc, one.kind))


def _owner_of(account: str) -> Uscc:
    return Uscc(account.rpartition(".")[2])


def _sheet(account: str, summaries: Iterable[Summary], days: Period, *, name: str) -> Sheet:
    sheet = Sheet(account, account.partition(".")[0], _owner_of(account), name)
    by_day: dict[date, Posted] = {}
    earlier: list[Summary] = []
    assert days.first is not None
    assert days.last is not None
    for one in summaries:
        day = shanghai_date(one.posted_at)
        if day < days.first:
            earlier.append(one)
        elif day <= days.last:
            posted = by_day.setdefault(day, Posted(day))
            posted.entries += one.entries
            posted.debit_fen += one.debit_fen
            posted.credit_fen += one.credit_fen
    before = add_up(earlier).get(account)
    sheet.opening_fen = before.debit_fen - before.credit_fen if before is not None else 0
    sheet.postings = [by_day[day] for day in sorted(by_day)]
    return sheet


# --------------------------------------------------------------------------- as a sheet


def rows_of(shown: Statement) -> list[list[Cell]]:
    """Write a statement as rows: opening, one row a day, closing of each account, and the sums."""
    rows: list[list[Cell]] = []
    for one in shown.sheets:
        head: list[Cell] = [one.uscc, one.name, _TITLES[one.kind]]
        rows.append([*head, shown.first.isoformat(), "期初余额", None, None, None, _yuan(one.opening_fen)])
        balance_fen = one.opening_fen
        for day in one.postings:
            balance_fen += day.debit_fen - day.credit_fen
            figures: list[Cell] = [
                day.entries,
                _yuan(day.debit_fen),
                _yuan(day.credit_fen),
                _yuan(balance_fen),
            ]
            rows.append([*head, day.day.isoformat(), "本日发生", *figures])
        count = sum(day.entries for day in one.postings)
        figures = [count, _yuan(one.debit_fen), _yuan(one.credit_fen), _yuan(one.closing_fen)]
        rows.append([*head, shown.last.isoformat(), "期末余额", *figures])
    for kind, title in _TITLES.items():
        mine = [one for one in shown.sheets if one.kind == kind]
        if mine:
            rows.append(["合计", None, title, shown.last.isoformat(), "期末余额", *_sums(mine)])
    return rows


def _sums(sheets: Sequence[Sheet]) -> list[Cell]:
    return [
        sum(day.entries for one in sheets for day in one.postings),
        _yuan(sum(one.debit_fen for one in sheets)),
        _yuan(sum(one.credit_fen for one in sheets)),
        _yuan(sum(one.closing_fen for one in sheets)),
    ]


def _yuan(fen: int) -> str:
    sign = "-" if fen < 0 else ""
    return f"{sign}{abs(fen) // 100}.{abs(fen) % 100:02d}"
