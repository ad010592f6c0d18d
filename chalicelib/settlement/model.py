"""Settlement: batches of payable lines, payment results, and the double-entry ledger.

Chart of accounts, for each division that has a budget:

* `subsidy_expense.{division}.{program}`: subsidies paid, grows on the debit side;
* `treasury.{division}`: the money they were paid from, grows on the credit side;
* `receivable.{division}.{uscc}`: what an institution has to pay back, grows on the debit side.

A payment debits expense and credits treasury; a reversal debits the receivable and credits expense; a
repayment debits treasury and credits the receivable. What one transaction posts stands in one immutable
row, the posting group: a hundred rows a transaction would cost twice as much for the same words. A posting's
natural key is its line and event: the same transaction moves the line out of the only state in which that
event can happen, so no event can be posted twice. Balances are never a counter that every line touches: each
group leaves one summary an account, written in that transaction, and a balance is the sum of the summaries.

`institution.{division}.{uscc}` repeats the postings by payee. It is a memorandum beside the books, so it
stands in statements and not in the trial balance.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Any, NamedTuple

import msgspec

from chalicelib.kernel.errors import Fact
from chalicelib.kernel.ids import (
    LineId,
    ProgramId,
    SettlementBatchId,
    Uscc,
    VoucherId,
    derived_id,
    part_id,
    whole_of,
)
from chalicelib.kernel.principal import Change
from chalicelib.kernel.transitions import Step, Transitions
from chalicelib.subsidies.model import Attempt, Line, LineStatus, class_of_line

BATCH_LINES_MAX = 5_000
PAYMENT_COLUMNS = (
    "line_id",
    "institution",
    "account holder",
    "bank",
    "account number",
    "amount_fen",
    "program",
    "class",
)


class BatchStatus(StrEnum):
    """Where a batch is in its life; `sealing` is a batch whose content is still being collected."""

    SEALING = "sealing"
    SEALED = "sealed"
    EXPORTED = "exported"
    RECONCILED = "reconciled"
    CLOSED = "closed"


_B = BatchStatus
BATCH_TRANSITIONS: Transitions[BatchStatus] = Transitions(
    "settlement_batch",
    {
        "seal": Step((_B.SEALING,), _B.SEALED),
        "export": Step((_B.SEALED,), _B.EXPORTED),
        "reconcile": Step((_B.EXPORTED,), _B.RECONCILED),
        "close": Step((_B.EXPORTED, _B.RECONCILED), _B.CLOSED),
    },
)
EXPORTABLE = (_B.SEALED, _B.EXPORTED, _B.RECONCILED, _B.CLOSED)
ACCEPTS_RESULTS = (_B.EXPORTED, _B.RECONCILED, _B.CLOSED)


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """A batch of lines. `opened_at` is the moment the content was decided by; `digest` is hex SHA-256."""

    id: SettlementBatchId
    division: str
    number: int
    status: BatchStatus
    opened_at: datetime
    chunks: int = 0
    line_count: int = 0
    amount_fen: int = 0
    digest: str | None = None
    sealed_at: datetime | None = None
    result_count: int = 0
    paid_count: int = 0
    withdrawn_count: int = 0
    version: int = 1
    last_change: Change | None = None


class Member(msgspec.Struct, frozen=True, array_like=True):
    """A line as its batch froze it."""

    line_id: LineId
    enrolment_id: str
    voucher_id: VoucherId
    institution: Uscc
    program_id: ProgramId
    budget_year: int
    amount_fen: int
    attempts: list[Attempt] = []


class Chunk(msgspec.Struct, frozen=True, kw_only=True):
    """The lines that one transaction put into a batch; named by the first of them."""

    batch_id: SettlementBatchId
    id: str
    members: list[Member]


class Payee(msgspec.Struct, frozen=True, kw_only=True):
    """An institution's account as it was when the batch was sealed; the number is sealed."""

    batch_id: SettlementBatchId
    institution: Uscc
    holder: str
    bank: str
    sealed_account: str


class Event(StrEnum):
    """What can be posted for a line: paid and reversed once, repaid once for each bank reference."""

    PAID = "paid"
    REVERSED = "reversed"
    REPAID = "repaid"


class Posting(msgspec.Struct, frozen=True, array_like=True):
    """One line's part of a group; the amount is above zero.

    `reference` and `paid_on` are the bank's, of a payment or of a repayment; rows posted before these were
    kept have none.
    """

    line_id: LineId
    voucher_id: VoucherId
    institution: Uscc
    amount_fen: int
    reference: str | None = None
    paid_on: date | None = None


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


class PaymentResult(msgspec.Struct, frozen=True, kw_only=True):
    """What the bank reports of one line; `row` is its place in what was sent, from 1."""

    row: int
    line_id: str
    paid: bool
    amount_fen: int
    paid_on: date | None
    bank_reference: str | None
    reason: str | None


class Refusal(NamedTuple):
    """A row that is not applied, and why."""

    row: int
    code: str
    facts: dict[str, Fact]


class RefusedResult(msgspec.Struct, frozen=True, kw_only=True):
    """A result that was not applied, as it is kept; `line_id` only where it has the form of one."""

    batch_id: str
    id: str
    row: int
    line_id: str | None = None
    code: str
    facts: dict[str, Any]
    sent_by: str
    sent_at: datetime


# --------------------------------------------------------------------------- names


def batch_id_of(division: str, number: int) -> SettlementBatchId:
    """Give the id of a division's n-th batch."""
    return SettlementBatchId(derived_id("bat", division, str(number)))


def entry_id_of(line_id: str, event: Event, reference: str | None = None) -> str:
    """Give the natural key of a posting: line and event, and for a repayment the bank's reference."""
    own: str = event.value
    if event is Event.REPAID and reference is not None:
        own = derived_id(event.value, reference)
    return part_id("led", line_id.replace("-", ""), own)


def group_id_of(batch_id: str, event: Event, postings: Sequence[Posting]) -> str:
    """Give the id of the group of just these postings, so that a repeat meets what it wrote.

    It names the batch in which the lines were paid, so that a batch's postings stand together.
    """
    keys = [entry_id_of(one.line_id, event, one.reference) for one in postings]
    return part_id("grp", batch_id, derived_id("grp", *keys).partition("_")[2])


def batch_of_group(group_id: str) -> str:
    """Give the id of the batch that a group's id names, or an id that no batch has."""
    return whole_of("bat", group_id)[0] or NO_BATCH


_DIVISION_ONLY = ("treasury",)
_WITH_OWNER = ("subsidy_expense", "receivable", "institution")
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
    """Name the accounts a posting debits and credits."""
    expense = expense_account(group.division, group.program_id)
    treasury = treasury_account(group.division)
    receivable = receivable_account(group.division, posting.institution)
    return {
        Event.PAID: (expense, treasury),
        Event.REVERSED: (receivable, expense),
        Event.REPAID: (treasury, receivable),
    }[group.event]


def effects_of(group: PostingGroup, posting: Posting) -> list[tuple[str, int, int]]:
    """Give what a posting does: (account, debit fen, credit fen), the memorandum account included."""
    debited, credited = sides_of(group, posting)
    fen = posting.amount_fen
    memorandum = institution_account(group.division, posting.institution)
    effects = [(debited, fen, 0), (credited, 0, fen)]
    if group.event is Event.PAID:
        effects.append((memorandum, fen, 0))
    elif group.event is Event.REVERSED:
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


def moment_key(moment: datetime) -> str:
    """Write a moment so that comparing texts compares moments."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def entries_in(group: PostingGroup, account: str) -> list[Entry]:
    """Give the postings of a group that an account shows, in the order they were posted."""
    found = []
    for posting in group.postings:
        sides = sides_of(group, posting)
        for name, debit_fen, credit_fen in effects_of(group, posting):
            if name != account:
                continue
            counter = sides[1] if account == sides[0] or is_memorandum(account) else sides[0]
            found.append(
                Entry(
                    id=entry_id_of(posting.line_id, group.event, posting.reference),
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
    return found


# --------------------------------------------------------------------------- the payment file


def payment_rows(members: Sequence[Member], payees: dict[str, tuple[str, str, str]]) -> list[list[str | int]]:
    """Give the rows of the payment file, by line id; `payees` are (holder, bank, account number)."""
    rows: list[list[str | int]] = []
    for member in sorted(members, key=lambda one: one.line_id):
        holder, bank, number = payees[member.institution]
        rows.append(
            [
                member.line_id,
                member.institution,
                holder,
                bank,
                number,
                member.amount_fen,
                member.program_id,
                class_of_line(member.line_id),
            ]
        )
    return rows


# --------------------------------------------------------------------------- results


def attempt_in(line: Line, batch_id: str) -> Attempt | None:
    """Find what the bank has already said of a line in this batch."""
    return next((one for one in line.attempts if one.batch_id == batch_id), None)


def judge_row(
    result: PaymentResult, member: Member | None, *, sealed_on: date, today: date
) -> Refusal | None:
    """Judge one row against what its batch froze: None if nothing speaks against it.

    The bank's date lies between the day the batch was sealed, before which there was no file to pay from, and
    today, both in Shanghai.
    """
    if member is None:
        return Refusal(result.row, "line_unknown", {})
    if result.amount_fen != member.amount_fen:
        return Refusal(
            result.row,
            "amount_differs",
            {"amount_fen": result.amount_fen, "expected_fen": member.amount_fen},
        )
    if result.paid_on is not None and result.paid_on > today:
        return Refusal(result.row, "date_in_future", {"day": result.paid_on.isoformat()})
    if result.paid_on is not None and result.paid_on < sealed_on:
        facts: dict[str, Fact] = {"day": result.paid_on.isoformat(), "sealed_on": sealed_on.isoformat()}
        return Refusal(result.row, "paid_before_sealing", facts)
    return None


def judge_repeat(result: PaymentResult, known: Attempt) -> Refusal | None:
    """Judge a row whose line has a result in this batch already: None if it says the same."""
    if _same(known, result):
        return None
    return Refusal(result.row, "result_contradicts", {"status": "paid" if _paid(known) else "failed"})


def _paid(attempt: Attempt) -> bool:
    return attempt.status is LineStatus.PAID


def _same(known: Attempt, result: PaymentResult) -> bool:
    if _paid(known) != result.paid:
        return False
    return not result.paid or (known.paid_on, known.bank_reference) == (result.paid_on, result.bank_reference)


def same_result(one: PaymentResult, other: PaymentResult) -> bool:
    """Tell whether two rows report the same of one line."""
    if (one.paid, one.amount_fen) != (other.paid, other.amount_fen):
        return False
    return not one.paid or (one.paid_on, one.bank_reference) == (other.paid_on, other.bank_reference)


def status_after(batch: Batch, *, results: int, paid: int, withdrawn: int = 0) -> BatchStatus:
    """Tell a batch's state after so many more results, payments and lines taken out for good."""
    settled = batch.paid_count + paid + batch.withdrawn_count + withdrawn
    for action, done in (("close", settled), ("reconcile", batch.result_count + results)):
        if done == batch.line_count and BATCH_TRANSITIONS.allows(action, batch.status):
            return BATCH_TRANSITIONS.target(action)
    return batch.status


def batch_after(batch: Batch, *, results: int = 0, paid: int = 0, withdrawn: int = 0) -> Batch:
    """Give a batch as it is after so many more results, payments and lines taken out for good."""
    return msgspec.structs.replace(
        batch,
        status=status_after(batch, results=results, paid=paid, withdrawn=withdrawn),
        result_count=batch.result_count + results,
        paid_count=batch.paid_count + paid,
        withdrawn_count=batch.withdrawn_count + withdrawn,
        version=batch.version + 1,
    )
