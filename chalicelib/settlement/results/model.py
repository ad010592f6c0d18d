"""Payment results: how a bank's row is judged, and what it makes of a line and its batch."""

from datetime import date, datetime
from typing import Any, NamedTuple

import msgspec

from chalicelib.kernel.errors import Fact
from chalicelib.settlement.batches.model import BATCH_TRANSITIONS, Batch, BatchStatus, Member
from chalicelib.subsidies.claims.model import Line, LineStatus, PaymentAttempt


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


# --------------------------------------------------------------------------- results


def attempt_in(line: Line, batch_id: str) -> PaymentAttempt | None:
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


def judge_repeat(result: PaymentResult, known: PaymentAttempt) -> Refusal | None:
    """Judge a row whose line has a result in this batch already: None if it says the same."""
    if _same(known, result):
        return None
    return Refusal(result.row, "result_contradicts", {"status": "paid" if _paid(known) else "failed"})


def _paid(attempt: PaymentAttempt) -> bool:
    return attempt.status is LineStatus.PAID


def _same(known: PaymentAttempt, result: PaymentResult) -> bool:
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
