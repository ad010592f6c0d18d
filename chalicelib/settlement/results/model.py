"""Payment results: how a bank's row is judged."""

import unicodedata
from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

import msgspec

from chalicelib.kernel.errors import Fact
from chalicelib.settlement.batches.model import Member
from chalicelib.subsidies.claims.model import BankOutcome, Line, PaymentAttempt
from chalicelib.subsidies.claims.states import LineStatus


class PaymentResult(msgspec.Struct, frozen=True, kw_only=True):
    """What the bank reports of one line; `row` is its place in what was sent, from 1.

    `paid_on` is the bank's date, of a payment or of the money that came back.
    """

    row: int
    line_id: str
    outcome: BankOutcome
    amount_fen: int
    paid_on: date | None
    bank_reference: str | None
    reason: str | None

    @property
    def paid(self) -> bool:
        """Tell whether the bank has paid."""
        return self.outcome is BankOutcome.PAID


def plain_reference(text: str) -> str:
    """Give a bank's reference as it is kept and compared, whatever the width of its signs."""
    plain = unicodedata.normalize("NFKC", text)
    return "".join(sign for sign in plain if unicodedata.category(sign) != "Cf").strip()


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


def attempts_in(line: Line, batch_id: str) -> list[PaymentAttempt]:
    """Find what is known of a line's payment in this batch, with corrections and returns, oldest first."""
    return [attempt for attempt in line.attempts if attempt.batch_id == batch_id]


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


class Known(NamedTuple):
    """What is known of a row's line: it is `fresh`, refused, or said already what the row says."""

    fresh: bool
    refusal: RowRefusal | None = None


def judge_known(result: PaymentResult, line: Line, batch_id: str) -> Known:
    """Hold a row against what is known of its line in its batch.

    What was said before is a repeat, also where it was corrected since: it changes nothing and is no mistake.

        known nothing             paid, failed: fresh       returned: `returned_before_paid`
        known paid                paid: a repeat            failed: `result_contradicts`       returned: fresh
        known paid, returned      paid, returned: repeats   failed: `result_contradicts`
    """
    known = attempts_in(line, batch_id)
    if any(_same(attempt, result) for attempt in known):
        return Known(fresh=False)
    code = _why_wrong(result, line, known)
    if code is None:
        return Known(fresh=True)
    facts: dict[str, Fact] = {"status": word_of(known[-1].status)} if known else {}
    return Known(fresh=False, refusal=RowRefusal(result.row, code, facts))


def _why_wrong(result: PaymentResult, line: Line, known: Sequence[PaymentAttempt]) -> str | None:
    """Name what stands against a row that says something new of its line; None if nothing does."""
    if result.outcome is not BankOutcome.RETURNED:
        return "result_contradicts" if known else None
    if not known:
        return "returned_before_paid"
    if known[-1].status is not BankOutcome.PAID:
        return "result_contradicts"
    if line.status is LineStatus.REVERSED or line.reversed_fen or line.reversal_asked_by is not None:
        return "line_taken_back"
    return "correction_already_asked" if line.correction is not None else None


def word_of(outcome: BankOutcome) -> str:
    """Give the word that results use for an outcome."""
    return "failed" if outcome is BankOutcome.FAILED else outcome.value


def outcome_of(word: str) -> BankOutcome:
    """Give the outcome that a result's word names."""
    return BankOutcome.FAILED if word == "failed" else BankOutcome(word)


def _same(known: PaymentAttempt, result: PaymentResult) -> bool:
    if known.status is not result.outcome:
        return False
    if result.outcome is BankOutcome.FAILED:
        return True
    return (known.paid_on, known.bank_reference) == (result.paid_on, result.bank_reference)


def same_result(result: PaymentResult, other: PaymentResult) -> bool:
    """Tell whether two rows report the same of a line."""
    if (result.outcome, result.amount_fen) != (other.outcome, other.amount_fen):
        return False
    payment = (result.paid_on, result.bank_reference)
    return result.outcome is BankOutcome.FAILED or payment == (other.paid_on, other.bank_reference)


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
            facts: dict[str, Fact] = {"status": word_of(first.outcome)}
            refused.append(RowRefusal(result.row, "result_contradicts", facts))
    return list(right.values()), refused
