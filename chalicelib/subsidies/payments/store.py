"""The writes of settlement on claims and lines."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime

from pynamodb.expressions.condition import Condition

from chalicelib.aws.writes import Update, lawful, none_of, update
from chalicelib.kernel.principal import Change, Hands
from chalicelib.subsidies.claims.model import (
    LINE_TRANSITIONS,
    Claim,
    ClaimStatus,
    Line,
    LineStatus,
    PaymentAttempt,
    Repayment,
)
from chalicelib.subsidies.claims.moves import batched_after, paid_after
from chalicelib.subsidies.claims.store import ClaimRow, LineRow, line_in, line_to, move_write


def batch_claim_write(claim: Claim, *, lines: int) -> Update:
    """Note that so many more lines of a claim are in a batch; nobody may have objected to it meanwhile."""
    return move_write(claim, batched_after(claim, lines=lines), also=ClaimRow.open_objections == 0)


def pay_claim_write(claim: Claim, *, lines: int) -> Update:
    """Note that so many more lines of a claim are paid; with the last one the claim waits for closing."""
    waits = lawful(ClaimRow, sources=(ClaimStatus.BATCHED, ClaimStatus.PAYABLE))
    return move_write(claim, paid_after(claim, lines=lines), also=waits)


def batch_line_write(line: Line, *, batch_id: str, budget_year: int) -> Update:
    """Put a line that nothing stops into a batch."""
    return Update(
        LineRow,
        (line.id,),
        [
            line_to("batch"),
            LineRow.batch_id.set(batch_id),
            LineRow.budget_year.set(budget_year),
            LineRow.retry_city.remove(),
        ],
        line_in("batch", version=line.version) & (LineRow.holds == []),
    )


def take_out_line_write(line: Line, holds: Sequence[str], *, since: Mapping[str, datetime]) -> Update:
    """Take a line out of the batch it waits in: it is held, or waits again if nothing holds the line itself.

    One that the bank has failed before waits among those again.
    """
    tried = bool(line.attempts)
    status = LineStatus.PAYMENT_FAILED if tried else _out_of_batch(holds)
    actions = [
        LineRow.status.set(str(status)),
        LineRow.holds.set(list(holds)),
        LineRow.held_since.set(dict(since)),
        LineRow.batch_id.remove(),
    ]
    if tried:
        actions.append(LineRow.retry_city.set(line.city))
    return Update(LineRow, (line.id,), actions, line_in("take_out", version=line.version))


def _out_of_batch(holds: Sequence[str]) -> LineStatus:
    return LINE_TRANSITIONS.target("take_out") if holds else LineStatus.PENDING


def pay_line_write(line_id: str, attempts: Sequence[PaymentAttempt], *, unsettled: str | None) -> Update:
    """Record that the bank has paid a line of the last attempt's batch.

    `unsettled` is the state of a voucher that could not be settled: the payment has to be taken back.
    """
    actions = [line_to("pay"), LineRow.attempts.set(list(attempts))]
    if unsettled is not None:
        actions.append(LineRow.unsettled.set(unsettled))
    return Update(LineRow, (line_id,), actions, _waits_in(attempts[-1].batch_id))


def fail_line_write(line_id: str, attempts: Sequence[PaymentAttempt], *, city: str) -> Update:
    """Record that the bank did not pay a line; it waits for the next batch of its city."""
    actions = [line_to("fail"), LineRow.attempts.set(list(attempts)), LineRow.retry_city.set(city)]
    return Update(LineRow, (line_id,), actions, _waits_in(attempts[-1].batch_id))


def _waits_in(batch_id: str) -> Condition:
    """Tell that a line waits in a batch: nothing but a result changes it then."""
    waits: Condition = line_in("pay") & (LineRow.batch_id == batch_id)
    return waits


def ask_reversal(line_id: str, *, actor: str, reason: str, change: Change) -> Line:
    """Note that one finance officer asks for a paid line's reversal, unless somebody has.

    Raises:
        ConditionFailed: it is not paid, or a reversal was asked for already.

    """
    return update(
        LineRow,
        (line_id,),
        [LineRow.reversal_asked_by.set(actor), LineRow.reversal_reason.set(reason)],
        condition=line_in("reverse") & LineRow.reversal_asked_by.does_not_exist(),
        change=change,
    )


def cancel_reversal(line: Line, change: Change) -> Line:
    """Forget that a line's reversal was asked for, if it is still as it was read.

    Raises:
        ConditionFailed: it was asked for anew, or confirmed, meanwhile.

    """
    return update(
        LineRow,
        (line.id,),
        [LineRow.reversal_asked_by.remove(), LineRow.reversal_reason.remove()],
        condition=line_in("reverse", version=line.version) & LineRow.reversal_asked_by.exists(),
        change=change,
    )


def reverse_line_write(line: Line, *, actor: str, hands: Hands, repay_by: date) -> Update:
    """Reverse a paid line that another officer asked to reverse; it is to be given back by `repay_by`."""
    return Update(
        LineRow,
        (line.id,),
        [line_to("reverse"), LineRow.reversed_by.set(actor), LineRow.repay_by.set(repay_by)],
        line_in("reverse", version=line.version)
        & LineRow.reversal_asked_by.exists()
        & none_of(LineRow.reversal_asked_by, hands),
    )


def repay_line_write(line: Line, repayment: Repayment) -> Update:
    """Note what came back for a reversed line, if it is still as it was read."""
    return Update(
        LineRow,
        (line.id,),
        [LineRow.repayments.set([*line.repayments, repayment])],
        lawful(LineRow, sources=(LineStatus.REVERSED,), version=line.version),
    )
