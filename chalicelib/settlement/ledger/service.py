"""Use cases of the ledger: statements of accounts and the trial balance."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chalicelib.accounts import rights
from chalicelib.kernel.divisions import PROVINCE, covers, is_known
from chalicelib.kernel.paging import Page, PageRequest
from chalicelib.kernel.principal import Context
from chalicelib.kernel.reasons import error
from chalicelib.settlement.ledger import store
from chalicelib.settlement.ledger.model import (
    EVER,
    AccountTotals,
    Entry,
    Period,
    add_up,
    division_of_account,
    entries_in,
    is_memorandum,
    moment_key,
)
from chalicelib.subsidies.areas import cities_of

_GROUPS_A_READ = 20


@dataclass(frozen=True)
class AccountStatement:
    """An account over a period with one page of its entries; `opening_fen` is debits less credits."""

    totals: AccountTotals
    opening_fen: int
    entries: Page[Entry]

    @property
    def closing_fen(self) -> int:
        """Give debits less credits at the end of the period."""
        return self.opening_fen + self.totals.debit_fen - self.totals.credit_fen


def statement(
    context: Context, account: str, request: PageRequest, period: Period = EVER
) -> AccountStatement:
    """Show one account of the ledger over a period.

    Raises:
        NotFound: the caller's area has no such account: nothing was ever posted to it.

    """
    division = division_of_account(account)
    if division is None or not is_known(division):
        rights.admit(context.principal, "ledger.read")
        raise error("not_found")
    rights.require(context.principal, "ledger.read", division=division)
    before, within = _balances(division, account, period)
    if before is None and within is None and not store.is_in_use(division, account):
        raise error("not_found")
    none = AccountTotals(id=account, debit_fen=0, credit_fen=0)
    before, within = before or none, within or none
    page = _entries(division, account, period, request)
    return AccountStatement(within, before.debit_fen - before.credit_fen, page)


def _balances(
    division: str, account: str, period: Period
) -> tuple[AccountTotals | None, AccountTotals | None]:
    """Add up an account before a period and within it."""
    since, until = _bounds(account, period)
    summaries = list(store.summaries_of(division, account=account, until=until))
    earlier = [summary for summary in summaries if since is not None and summary.id < since]
    later = summaries[len(earlier) :]
    return add_up(earlier).get(account), add_up(later).get(account)


def _bounds(account: str, period: Period) -> tuple[str | None, str | None]:
    starts, ends = period.starts(), period.ends()
    return (
        f"{account}#{moment_key(starts)}" if starts is not None else None,
        f"{account}#{moment_key(ends)}" if ends is not None else None,
    )


def _entries(division: str, account: str, period: Period, request: PageRequest) -> Page[Entry]:
    """Take one page of an account's entries, oldest first; a group may go on on the next page."""
    since, until = _bounds(account, period)
    after: Mapping[str, Any] = request.after or {}
    summaries = list(
        store.summaries_of(division, account=account, since=after.get("id") or since, until=until)
    )
    skipped = int(after.get("skip", 0))
    items: list[Entry] = []
    for start in range(0, len(summaries), _GROUPS_A_READ):
        part = summaries[start : start + _GROUPS_A_READ]
        groups = store.find_groups(division, [summary.group_id for summary in part])
        for summary in part:
            entries = entries_in(groups[summary.group_id], account)
            room = request.limit - len(items)
            items += entries[skipped : skipped + room]
            if skipped + room < len(entries):
                return Page(items=items, after={"id": summary.id, "skip": skipped + room})
            skipped = 0
    return Page(items=items)


def trial_balance(context: Context, *, division: str | None) -> list[AccountTotals]:
    """Add up every account of the caller's area (or a division of it), from the summaries."""
    area = division or context.principal.division
    rights.require(context.principal, "ledger.read", division=area)
    totals = [total for city in cities_within(area) for total in books_of(city).values()]
    return sorted(totals, key=lambda total: total.id)


def cities_within(area: str) -> list[str]:
    """List the divisions with a budget of their own in an area."""
    within = [city for city in cities_of(area)[0] if city == PROVINCE or covers(area, city)]
    return within if area == PROVINCE else [city for city in within if city == area]


def books_of(division: str) -> dict[str, AccountTotals]:
    """Add up a division's accounts, without the memoranda."""
    summaries = store.summaries_of(division)
    return add_up(summary for summary in summaries if not is_memorandum(summary.account))
