"""The double-entry ledger: accounts, immutable postings, and what they add up to."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum

import msgspec

from chalicelib.kernel.calendar import SHANGHAI
from chalicelib.kernel.ids import (
    LineId,
    ProgramId,
    Uscc,
    VoucherId,
    derived_id,
    part_id,
    whole_of,
)


class Event(StrEnum):
    """What can be posted for a line.

    It is paid once in a batch. What the bank sent back (退票) is `returned`, what it never paid although an
    officer had entered so `unpaid`; both undo a payment, and `set_off_undone` what was set off with it. It is
    `reversed` in one part or several, and comes back by repayments, one for each bank reference, or is
    `offset`: kept of the payment of another line, for which it is `set_off`. `owed_again` undoes an `offset`.
    """

    PAID = "paid"
    RETURNED = "returned"
    UNPAID = "unpaid"
    SET_OFF = "set_off"
    SET_OFF_UNDONE = "set_off_undone"
    REVERSED = "reversed"
    REPAID = "repaid"
    OFFSET = "offset"
    OWED_AGAIN = "owed_again"


SPENDING = (Event.PAID, Event.SET_OFF)
TAKING_BACK = (Event.RETURNED, Event.UNPAID, Event.SET_OFF_UNDONE, Event.REVERSED)
"""Events after which so much less is paid for a line."""


class Posting(msgspec.Struct, frozen=True, array_like=True):
    """One line's part of a group; the amount is above zero.

    `reference` and `paid_on` are the bank's, of a payment or of a repayment; rows posted before these were
    kept have none. `at_version` is the line's, where it was read for the posting: it tells apart what can
    happen to a line several times. A reversal without one was posted when budgets had no `receivable`: its
    amount went back to what is available at once.
    """

    line_id: LineId
    voucher_id: VoucherId
    institution: Uscc
    amount_fen: int
    reference: str | None = None
    paid_on: date | None = None
    at_version: int | None = None


class PostingGroup(msgspec.Struct, frozen=True, kw_only=True):
    """The immutable postings of one transaction: one event, division, program and budget year."""

    division: str
    id: str
    event: Event
    program_id: ProgramId
    budget_year: int
    batch_id: str | None = None
    posted_at: datetime
    postings: list[Posting]


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One posting as an account shows it."""

    id: str
    event: Event
    line_id: LineId
    voucher_id: VoucherId
    institution: Uscc
    batch_id: str | None
    counter_account: str
    debit_fen: int
    credit_fen: int
    posted_at: datetime
    paid_on: date | None
    bank_reference: str | None


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """What one group did to one account; its id sorts by account and time."""

    division: str
    id: str
    account: str
    group_id: str
    debit_fen: int
    credit_fen: int
    entries: int
    posted_at: datetime


class AccountTotals(msgspec.Struct, frozen=True, kw_only=True):
    """An account's sums (fen)."""

    id: str
    debit_fen: int
    credit_fen: int


@dataclass(frozen=True)
class Period:
    """Days in Shanghai, both inclusive; an open end is None."""

    first: date | None = None
    last: date | None = None

    def starts(self) -> datetime | None:
        """Give the first moment, inclusive."""
        return datetime.combine(self.first, time(), tzinfo=SHANGHAI) if self.first is not None else None

    def ends(self) -> datetime | None:
        """Give the end, exclusive."""
        if self.last is None:
            return None
        return datetime.combine(self.last + timedelta(days=1), time(), tzinfo=SHANGHAI)


EVER = Period()


def entry_id_of(posting: Posting, event: Event) -> str:
    """Give the natural key of a posting: line and event, and what tells it from others of the same kind.

    That is the bank's reference of a repayment, and the line's version of whatever else can happen twice.
    """
    own: str = event.value
    if event is Event.REPAID:
        own = derived_id(own, posting.reference) if posting.reference is not None else own
    elif posting.at_version is not None:
        own = derived_id(own, str(posting.at_version))
    return part_id("led", posting.line_id.replace("-", ""), own)


def group_id_of(batch_id: str, event: Event, postings: Sequence[Posting]) -> str:
    """Give the id of the group of just these postings, so that a repeat meets what it wrote.

    It names the batch in which the lines were paid, so that a batch's postings stand together.
    """
    keys = [entry_id_of(posting, event) for posting in postings]
    return part_id("grp", batch_id, derived_id("grp", *keys).partition("_")[2])


def batch_of_group(group_id: str) -> str:
    """Give the id of the batch that a group's id names, or an id that no batch has."""
    return whole_of("bat", group_id)[0] or NO_BATCH


_DIVISION_ONLY = ("treasury",)
_WITH_OWNER = ("subsidy_expense", "receivable", "set_off", "institution")
MEMORANDUM = "institution"
NO_BATCH = "bat_none"


def expense_account(division: str, program_id: str) -> str:
    """Name the account of the subsidies a division has paid under a program."""
    return f"subsidy_expense.{division}.{program_id}"


def treasury_account(division: str) -> str:
    """Name the account a division's subsidies are paid from."""
    return f"treasury.{division}"


def receivable_account(division: str, uscc: str) -> str:
    """Name the account of what an institution has to pay back to a division."""
    return f"receivable.{division}.{uscc}"


def set_off_account(division: str, uscc: str) -> str:
    """Name the account through which an institution's debt is set off: its debits are its credits, always."""
    return f"set_off.{division}.{uscc}"


def institution_account(division: str, uscc: str) -> str:
    """Name the memorandum account of what a division has paid to an institution."""
    return f"{MEMORANDUM}.{division}.{uscc}"


def division_of_account(account: str) -> str | None:
    """Tell whose account this is; None if it is no account of the chart."""
    kind, _, rest = account.partition(".")
    division, _, owner = rest.partition(".")
    good = (kind in _WITH_OWNER and owner) or (kind in _DIVISION_ONLY and not owner)
    return division if good and division.isdigit() else None


def is_memorandum(account: str) -> bool:
    """Tell whether an account only repeats what stands in the books."""
    return account.startswith(f"{MEMORANDUM}.")


# --------------------------------------------------------------------------- double entry


def sides_of(group: PostingGroup, posting: Posting) -> tuple[str, str]:
    """Name the accounts a posting debits and credits.

    A line of 180,000 fen is paid, taken back, and repaid in part (figures in fen, debit/credit):

        paid         subsidy_expense 180,000/0     treasury 0/180,000
        reversed     receivable 180,000/0          subsidy_expense 0/180,000
        repaid       treasury 80,000/0             receivable 0/80,000
        balances     subsidy_expense 0   receivable 100,000   treasury -100,000   together 0

    The institution's next line of 180,000 is paid in part, since 100,000 are still owed:

        paid         subsidy_expense 80,000/0      treasury 0/80,000
        set off      subsidy_expense 100,000/0     set_off 0/100,000       of the line that is paid
        offset       set_off 100,000/0             receivable 0/100,000    of the line that was reversed

    Nothing is ever changed: the payment stands, and the reversal stands beside it.
    """
    expense = expense_account(group.division, group.program_id)
    treasury = treasury_account(group.division)
    receivable = receivable_account(group.division, posting.institution)
    set_off = set_off_account(group.division, posting.institution)
    return {
        Event.PAID: (expense, treasury),
        Event.RETURNED: (treasury, expense),
        Event.UNPAID: (treasury, expense),
        Event.SET_OFF: (expense, set_off),
        Event.SET_OFF_UNDONE: (set_off, expense),
        Event.REVERSED: (receivable, expense),
        Event.REPAID: (treasury, receivable),
        Event.OFFSET: (set_off, receivable),
        Event.OWED_AGAIN: (receivable, set_off),
    }[group.event]


def effects_of(group: PostingGroup, posting: Posting) -> list[tuple[str, int, int]]:
    """Give what a posting does: (account, debit fen, credit fen), the memorandum account included."""
    debited, credited = sides_of(group, posting)
    fen = posting.amount_fen
    memorandum = institution_account(group.division, posting.institution)
    effects = [(debited, fen, 0), (credited, 0, fen)]
    if group.event in SPENDING:
        effects.append((memorandum, fen, 0))
    elif group.event in TAKING_BACK:
        effects.append((memorandum, 0, fen))
    return effects


def summaries_of_group(group: PostingGroup) -> list[Summary]:
    """Add up what a group does to each account."""
    sums: dict[str, list[int]] = {}
    for posting in group.postings:
        for account, debit_fen, credit_fen in effects_of(group, posting):
            total = sums.setdefault(account, [0, 0, 0])
            total[0] += debit_fen
            total[1] += credit_fen
            total[2] += 1
    return [
        Summary(
            division=group.division,
            id=f"{account}#{moment_key(group.posted_at)}#{group.id}",
            account=account,
            group_id=group.id,
            debit_fen=debit_fen,
            credit_fen=credit_fen,
            entries=count,
            posted_at=group.posted_at,
        )
        for account, (debit_fen, credit_fen, count) in sums.items()
    ]


def add_up(summaries: Iterable[Summary]) -> dict[str, AccountTotals]:
    """Add summaries up by account."""
    totals: dict[str, AccountTotals] = {}
    for summary in summaries:
        old = totals.get(summary.account)
        totals[summary.account] = AccountTotals(
            id=summary.account,
            debit_fen=summary.debit_fen + (old.debit_fen if old is not None else 0),
            credit_fen=summary.credit_fen + (old.credit_fen if old is not None else 0),
        )
    return totals


def moment_key(moment: datetime) -> str:
    """Write a moment so that comparing texts compares moments."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def entries_in(group: PostingGroup, account: str) -> list[Entry]:
    """Give the postings of a group that an account shows, in the order they were posted."""
    entries = []
    for posting in group.postings:
        sides = sides_of(group, posting)
        for name, debit_fen, credit_fen in effects_of(group, posting):
            if name != account:
                continue
            counter = sides[1] if account == sides[0] or is_memorandum(account) else sides[0]
            entries.append(
                Entry(
                    id=entry_id_of(posting, group.event),
                    event=group.event,
                    line_id=posting.line_id,
                    voucher_id=posting.voucher_id,
                    institution=posting.institution,
                    batch_id=group.batch_id,
                    counter_account=counter,
                    debit_fen=debit_fen,
                    credit_fen=credit_fen,
                    posted_at=group.posted_at,
                    paid_on=posting.paid_on,
                    bank_reference=posting.reference,
                )
            )
    return entries
