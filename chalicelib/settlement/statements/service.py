"""Month and year statements of a division or an institution: opening, postings by day, closing.

Of each institution is shown what was paid to it, what it has to pay back, and what of that was set off. The
sums agree with the books: what is paid in a period, less what is set off, is what the treasury is credited
with.
"""

from collections.abc import Sequence

from chalicelib.accounts import rights
from chalicelib.catalogue.institutions.reading import find_institutions, read_institution
from chalicelib.kernel.divisions import PROVINCE, covers
from chalicelib.kernel.ids import Uscc
from chalicelib.kernel.principal import Context, Principal, Role
from chalicelib.kernel.reasons import error
from chalicelib.settlement.ledger import store as ledger_store
from chalicelib.settlement.ledger.model import (
    Period,
    Summary,
    institution_account,
    receivable_account,
    set_off_account,
)
from chalicelib.settlement.ledger.service import books_of, cities_within
from chalicelib.settlement.statements.model import InstitutionAccount, Statement, account_over, period_of
from chalicelib.subsidies.budgets.model import budget_division


def statement(context: Context, *, division: str | None, institution: str | None, period: str) -> Statement:
    """Make a statement: bureaus of their area, institutions of themselves.

    Raises:
        Malformed: the period is neither a year nor a month.
        NotFound: the area has no ledger of its own, or there is no such institution in it or in its ledger.

    """
    days = period_of(period)
    principal = context.principal
    rights.admit(principal, "statement.read")
    uscc: str | None
    if principal.role is Role.INSTITUTION:
        uscc = principal.institution
        if uscc is None or institution not in (None, uscc):
            raise error("not_found")
        area, accounts = _own(uscc, division, days)
    elif institution is not None:
        uscc = institution
        area, accounts = _seen_by_bureau(principal, uscc, division or principal.division, days)
    else:
        uscc, area = None, division or principal.division
        rights.require(principal, "statement.read", division=area)
        accounts = _accounts_in(area, days)
    assert days.first is not None
    assert days.last is not None
    # A county's institutions stand in the books of its city: the county sees their accounts, not the books.
    covered = rights.reaches(principal, "statement.read", division=area)
    totals = [total for city in cities_within(area) for total in books_of(city).values()] if covered else []
    books = sorted(totals, key=lambda total: total.id)
    return Statement(area, uscc, period, days.first, days.last, accounts, books)


def _own(uscc: str, division: str | None, days: Period) -> tuple[str, list[InstitutionAccount]]:
    """Give an institution its accounts in every ledger or in one, and the division whose statement it is."""
    ledgers = [city for city in cities_within(PROVINCE) if division in (None, city)]
    if not ledgers:
        raise error("not_found")
    area = division or budget_division(read_institution(uscc).division)
    return area, _accounts_of(uscc, ledgers, days)


def _seen_by_bureau(
    principal: Principal, uscc: str, area: str, days: Period
) -> tuple[str, list[InstitutionAccount]]:
    """Give an institution's accounts in the ledgers of an area, and the division whose statement it is.

    An institution that has moved away is still seen where it was paid; a county has no ledger, and sees those
    of its own institutions in the one that pays for it.
    """
    rights.require(principal, "statement.read", division=area)
    now_in = read_institution(uscc).division
    of_area = covers(area, now_in)
    ledgers = cities_within(area)
    if not ledgers and not of_area:
        raise error("not_found")
    accounts = _accounts_of(uscc, ledgers or [budget_division(area)], days)
    if not accounts and not of_area:
        raise error("not_found")
    return budget_division(now_in if of_area else area), accounts


def _accounts_of(uscc: str, divisions: Sequence[str], days: Period) -> list[InstitutionAccount]:
    """Give an institution's accounts in these ledgers: an institution that moves leaves its history behind.

    One query a ledger, a second one only where it was ever paid: nothing else makes it owe anything. A third
    only where it ever owed: what is set off is shown beside what it repays.
    """
    accounts = []
    for division in divisions:
        paid = _accounts(division, f"{institution_account(division, uscc)}#", days)
        if paid:
            owed = _accounts(division, f"{receivable_account(division, uscc)}#", days)
            accounts += [*paid, *owed]
            if owed:
                accounts += _accounts(division, f"{set_off_account(division, uscc)}#", days)
    return accounts


def _accounts_in(area: str, days: Period) -> list[InstitutionAccount]:
    """Give the accounts of all institutions in the ledgers of an area.

    A county has none: it sees those of its own institutions in the ledger that pays for it.
    """
    ledgers = cities_within(area)
    accounts = [
        account
        for division in ledgers or [budget_division(area)]
        for beginning in (
            institution_account(division, ""),
            receivable_account(division, ""),
            set_off_account(division, ""),
        )
        for account in _accounts(division, beginning, days)
    ]
    if not ledgers:
        institutions = find_institutions({Uscc(account.uscc) for account in accounts})
        accounts = [
            account
            for account in accounts
            if account.uscc in institutions and covers(area, institutions[account.uscc].division)
        ]
    return sorted(accounts, key=lambda account: (account.uscc, account.division, account.kind))


def _accounts(division: str, beginning: str, days: Period) -> list[InstitutionAccount]:
    """Give the accounts over a period whose names, or names and times, begin so."""
    by_account: dict[str, list[Summary]] = {}
    for summary in ledger_store.summaries_with(division, beginning):
        by_account.setdefault(summary.account, []).append(summary)
    institutions = find_institutions(map(_owner_of, by_account)).values()
    names: dict[str, str] = {institution.uscc: institution.name for institution in institutions}
    return [
        account_over(account, summaries, days, name=names.get(_owner_of(account), ""))
        for account, summaries in by_account.items()
    ]


def _owner_of(account: str) -> Uscc:
    return Uscc(account.rpartition(".")[2])
