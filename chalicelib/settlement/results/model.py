"""Payment results: how a bank's row is judged."""

from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

import msgspec

from chalicelib.kernel.errors import Fact
from chalicelib.settlement.batches.model import Member
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


class RowRefusal(NamedTuple):
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


# --------------------------------------------------------------------------- judging


def attempt_in(line: Line, batch_id: str) -> PaymentAttempt | None:
    """Find what the bank has already said of a line in this batch."""
    return next((attempt for attempt in line.attempts if attempt.batch_id == batch_id), None)


def judge_row(
    result: PaymentResult, member: Member | None, *, sealed_on: date, today: date
) -> RowRefusal | None:
    """Judge one row against what its batch froze: None if nothing speaks against it.

    The bank's date lies between the day the batch was sealed, before which there was no file to pay from, and
    today, both in Shanghai.
    """
    if member is None:
        return RowRefusal(result.row, "line_unknown", {})
    if result.amount_fen != member.amount_fen:
        return RowRefusal(
            result.row,
            "amount_differs",
            {"amount_fen": result.amount_fen, "expected_fen": member.amount_fen},
        )
    if result.paid_on is not None and result.paid_on > today:
        return RowRefusal(result.row, "date_in_future", {"day": result.paid_on.isoformat()})
    if result.paid_on is not None and result.paid_on < sealed_on:
        facts: dict[str, Fact] = {"day": result.paid_on.isoformat(), "sealed_on": sealed_on.isoformat()}
        return RowRefusal(result.row, "paid_before_sealing", facts)
    return None


def judge_repeat(result: PaymentResult, known: PaymentAttempt) -> RowRefusal | None:
    """Judge a row whose line has a result in this batch already: None if it says the same."""
    if _same(known, result):
        return None
    return RowRefusal(result.row, "result_contradicts", {"status": "paid" if _paid(known) else "failed"})


def _paid(attempt: PaymentAttempt) -> bool:
    return attempt.status is LineStatus.PAID


def _same(known: PaymentAttempt, result: PaymentResult) -> bool:
    if _paid(known) != result.paid:
        return False
    return not result.paid or (known.paid_on, known.bank_reference) == (result.paid_on, result.bank_reference)


def same_result(result: PaymentResult, other: PaymentResult) -> bool:
    """Tell whether two rows report the same of a line."""
    if (result.paid, result.amount_fen) != (other.paid, other.amount_fen):
        return False
    payment = (result.paid_on, result.bank_reference)
    return not result.paid or payment == (other.paid_on, other.bank_reference)


def first_right_rows(
    results: Sequence[PaymentResult], judge: Callable[[PaymentResult], RowRefusal | None]
) -> tuple[list[PaymentResult], list[RowRefusal]]:
    """Give each line's first right row, and refuse the others: wrong by themselves, repeats, contradictions.

    A line is paid once: a second row of it is a mistake or a second payment, and somebody has to look.
    Judged within the file alone, so that the whole file sent again gets the same answer.

        row 1   lin_a paid    reference 8801    right
        row 2   lin_a paid    reference 8801    result_repeated, of row 1
        row 3   lin_a paid    reference 8802    result_contradicts
        row 4   lin_b failed                    right
    """
    right: dict[str, PaymentResult] = {}
    refused: list[RowRefusal] = []
    seen: dict[str, list[PaymentResult]] = {}
    for result in results:
        before = seen.setdefault(result.line_id, [])
        same = next((earlier for earlier in before if same_result(earlier, result)), None)
        before.append(result)
        if same is not None:
            refused.append(RowRefusal(result.row, "result_repeated", {"row": same.row}))
        elif (refusal := judge(result)) is not None:
            refused.append(refusal)
        elif (first := right.setdefault(result.line_id, result)) is not result:
            status = "paid" if first.paid else "failed"
            refused.append(RowRefusal(result.row, "result_contradicts", {"status": status}))
    return list(right.values()), refused
