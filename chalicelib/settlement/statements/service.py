"""Month and year statements of a division or an institution: opening, postings by day, closing.

Two memoranda are shown of each institution: what was paid to it, and what it has to pay back. The sums agree
with the books: what is paid in a period is what the treasury is credited with.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal

from chalicelib.accounts import rights
from chalicelib.catalogue.institutions.reading import find_institution, find_institutions
from chalicelib.kernel.calendar import shanghai_date
from chalicelib.kernel.divisions import PROVINCE, covers, name_of
from chalicelib.kernel.errors import Fault
from chalicelib.kernel.ids import Uscc
from chalicelib.kernel.principal import Context, Principal, Role
from chalicelib.kernel.reasons import error
from chalicelib.settlement.ledger import store
from chalicelib.settlement.ledger.model import AccountTotals, Summary, institution_account, receivable_account
from chalicelib.settlement.ledger.service import Period, add_up, books_of, cities_within
from chalicelib.sheets.packing import Cell
from chalicelib.subsidies.budgets.model import budget_division

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
    """One account of an institution in one ledger over the period; figures are debits less credits."""

    account: str
    kind: str
    division: str
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

    Who does not act for the whole division is shown no books. An institution's accounts may stand in other
    divisions' ledgers as well: those that paid it before it moved.
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
        raise error("malformed", faults=(Fault("wrong_type", field="period"),))
    year, month = int(found[1]), int(found[3]) if found[3] else None
    if month is None:
        return Period(date(year, 1, 1), date(year, _LAST_MONTH, 31))
    following = date(year + month // _LAST_MONTH, month % _LAST_MONTH + 1, 1)
    return Period(date(year, month, 1), following - timedelta(days=1))


def statement(context: Context, *, division: str | None, institution: str | None, period: str) -> Statement:
    """Make a statement: bureaus of their area, institutions of themselves.

    Raises:
        NotFound: the area has no ledger of its own, or there is no such institution in it or in its ledger.

    """
    days = period_of(period)
    principal = context.principal
    rights.admit(principal, "statement.read")
    if principal.role is Role.INSTITUTION:
        uscc = principal.institution
        if uscc is None or institution not in (None, uscc):
            raise error("not_found")
        area = division or budget_division(_division_of(uscc))
        ledgers = [one for one in cities_within(PROVINCE) if division in (None, one)]
        sheets = _accounts_of(uscc, ledgers, days)
        if not ledgers:
            raise error("not_found")
    elif institution is not None:
        uscc = institution
        area, sheets = _seen_by_bureau(principal, uscc, division or principal.division, days)
    else:
        uscc, area = None, division or principal.division
        rights.require(principal, "statement.read", division=area)
        sheets = _accounts_in(area, days)
    assert days.first is not None
    assert days.last is not None
    # A county's institutions stand in the books of its city: the county sees their accounts, not the books.
    covered = rights.reaches(principal, "statement.read", division=area)
    totals = [one for city in cities_within(area) for one in books_of(city).values()] if covered else []
    books = sorted(totals, key=lambda one: one.id)
    return Statement(area, uscc, period, days.first, days.last, sheets, books)


def _division_of(uscc: str) -> str:
    known = find_institution(uscc)
    if known is None:
        raise error("not_found")
    return known.division


def _seen_by_bureau(principal: Principal, uscc: str, area: str, days: Period) -> tuple[str, list[Sheet]]:
    """Give an institution's accounts in the ledgers of an area, and the division whose statement it is.

    An institution that has moved away is still seen where it was paid; a county has no ledger, and sees those
    of its own institutions in the one that pays for it.
    """
    rights.require(principal, "statement.read", division=area)
    now_in = _division_of(uscc)
    of_area = covers(area, now_in)
    ledgers = cities_within(area)
    if not ledgers and not of_area:
        raise error("not_found")
    sheets = _accounts_of(uscc, ledgers or [budget_division(area)], days)
    if not sheets and not of_area:
        raise error("not_found")
    return budget_division(now_in if of_area else area), sheets


def _accounts_of(uscc: str, divisions: Sequence[str], days: Period) -> list[Sheet]:
    """Give an institution's accounts in these ledgers: an institution that moves leaves its history behind.

    One query a ledger, a second one only where it was ever paid: nothing else makes it owe anything.
    """
    found = []
    for division in divisions:
        paid = _sheets(division, f"{institution_account(division, uscc)}#", days)
        if paid:
            found += paid + _sheets(division, f"{receivable_account(division, uscc)}#", days)
    return found


def _accounts_in(area: str, days: Period) -> list[Sheet]:
    """Give the accounts of all institutions in the ledgers of an area.

    A county has none: it sees those of its own institutions in the ledger that pays for it.
    """
    ledgers = cities_within(area)
    sheets = [
        one
        for division in ledgers or [budget_division(area)]
        for beginning in (institution_account(division, ""), receivable_account(division, ""))
        for one in _sheets(division, beginning, days)
    ]
    if not ledgers:
        known = find_institutions({Uscc(one.uscc) for one in sheets})
        sheets = [one for one in sheets if one.uscc in known and covers(area, known[Uscc(one.uscc)].division)]
    return sorted(sheets, key=lambda one: (one.uscc, one.division, one.kind))


def _sheets(division: str, beginning: str, days: Period) -> list[Sheet]:
    by_account: dict[str, list[Summary]] = {}
    for one in store.summaries_with(division, beginning):
        by_account.setdefault(one.account, []).append(one)
    names = {one.uscc: one.name for one in find_institutions(map(_owner_of, by_account)).values()}
    return [
        _sheet(account, found, days, name=names.get(_owner_of(account), ""))
        for account, found in by_account.items()
    ]


def _owner_of(account: str) -> Uscc:
    return Uscc(account.rpartition(".")[2])


def _sheet(account: str, summaries: Iterable[Summary], days: Period, *, name: str) -> Sheet:
    kind, division, uscc = account.split(".")
    sheet = Sheet(account, kind, division, uscc, name)
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
        payer = "" if one.division == shown.division else f"({name_of(one.division)})"
        head: list[Cell] = [one.uscc, one.name, _TITLES[one.kind] + payer]
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


def _yuan(fen: int) -> Decimal:
    """Give an amount in yuan, exactly and as a number: a clerk adds up columns."""
    return Decimal(fen).scaleb(-2)
