"""Settlement: batches of payable lines, payment results, and the double-entry ledger.

Chart of accounts, two for each division that has a budget:

* `subsidy_expense.{division}.{program}`: subsidies paid, grows on the debit side;
* `treasury.{division}`: the money they were paid from, grows on the credit side.

A line's payment is one immutable entry, debit expense and credit treasury; its reversal is another the
other way round. An entry's key is line and event, so no event can be posted twice. Balances are never a
counter that every line touches: each settlement group (≤ 32 lines in one transaction) leaves one summary
a account, written in that transaction, and a balance is the sum of the summaries.
"""

from collections.abc import Sequence
from datetime import date, datetime
from enum import StrEnum
from typing import NamedTuple

import msgspec

from chalicelib.kernel.ids import (
    LineId,
    ProgramId,
    SettlementBatchId,
    Uscc,
    VoucherId,
    derived_id,
    part_id,
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
    """What can be posted for a line, each once."""

    PAID = "paid"
    REVERSED = "reversed"


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One immutable entry. `debits_expense` tells its direction; the amount is always above zero."""

    id: str
    division: str
    expense_account: str
    treasury_account: str
    debits_expense: bool
    amount_fen: int
    event: Event
    line_id: LineId
    voucher_id: VoucherId
    institution: Uscc
    batch_id: str | None
    group_id: str
    posted_at: datetime


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """What one group of entries did to one account."""

    division: str
    id: str
    account: str
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
    facts: dict[str, str | int | float | bool | None]


# --------------------------------------------------------------------------- names


def batch_id_of(division: str, number: int) -> SettlementBatchId:
    """Give the id of a division's n-th batch."""
    return SettlementBatchId(derived_id("bat", division, str(number)))


def entry_id_of(line_id: str, event: Event) -> str:
    """Give the id of the one entry a line's event can have."""
    return part_id("led", line_id.replace("-", ""), event.value)


def expense_account(division: str, program_id: str) -> str:
    """Name the account of the subsidies a division has paid under a program."""
    return f"subsidy_expense.{division}.{program_id}"


def treasury_account(division: str) -> str:
    """Name the account a division's subsidies are paid from."""
    return f"treasury.{division}"


def division_of_account(account: str) -> str | None:
    """Tell whose account this is; None if it is no account of the chart."""
    kind, _, rest = account.partition(".")
    division, _, program_id = rest.partition(".")
    good = (kind == "subsidy_expense" and program_id) or (kind == "treasury" and not program_id)
    return division if good and division.isdigit() else None


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


def judge_result(
    result: PaymentResult, line: Line | None, member: Member | None, batch_id: str
) -> Refusal | None:
    """Judge one row against its line: None if it is right, new or repeated."""
    if line is None or member is None:
        return Refusal(result.row, "line_unknown", {})
    if result.amount_fen != member.amount_fen:
        return Refusal(
            result.row,
            "amount_differs",
            {"amount_fen": result.amount_fen, "expected_fen": member.amount_fen},
        )
    known = attempt_in(line, batch_id)
    if known is not None and not _same(known, result):
        return Refusal(result.row, "result_contradicts", {"status": "paid" if _paid(known) else "failed"})
    return None


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


def status_after(batch: Batch, *, results: int, paid: int) -> BatchStatus:
    """Tell a batch's state after so many more results and payments."""
    for action, done in (("close", batch.paid_count + paid), ("reconcile", batch.result_count + results)):
        if done == batch.line_count and BATCH_TRANSITIONS.allows(action, batch.status):
            return BATCH_TRANSITIONS.target(action)
    return batch.status


def batch_after(batch: Batch, *, results: int, paid: int) -> Batch:
    """Give a batch as it is after so many more results and payments."""
    return msgspec.structs.replace(
        batch,
        status=status_after(batch, results=results, paid=paid),
        result_count=batch.result_count + results,
        paid_count=batch.paid_count + paid,
        version=batch.version + 1,
    )
