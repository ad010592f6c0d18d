"""The writes of settlement on claims and lines."""

import contextlib
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

import msgspec
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from chalicelib.aws.writes import ConditionFailed, Update, lawful, none_of, update
from chalicelib.kernel.principal import Change, Hands
from chalicelib.subsidies.claims.facts import is_barred, waits_for_facts
from chalicelib.subsidies.claims.model import (
    LINE_TRANSITIONS,
    AskedRepayment,
    Claim,
    Correction,
    Line,
    PaymentAttempt,
    Repayment,
    SetOff,
    waits_for_finance,
)
from chalicelib.subsidies.claims.moves import batched_after, paid_after, unpaid_after
from chalicelib.subsidies.claims.states import ClaimStatus, LineStatus
from chalicelib.subsidies.claims.store import (
    ClaimRow,
    LineRow,
    line_in,
    line_rests,
    line_to,
    line_waits,
    move_write,
)


def batch_claim_write(claim: Claim, *, lines: int) -> Update:
    """Note that so many more lines of a claim are in a batch; nobody may have objected to it meanwhile."""
    return move_write(claim, batched_after(claim, lines=lines), also=ClaimRow.open_objections == 0)


def pay_claim_write(claim: Claim, *, lines: int) -> Update:
    """Note that so many more lines of a claim are paid; with the last one the claim waits for closing."""
    waits = lawful(ClaimRow, sources=(ClaimStatus.BATCHED, ClaimStatus.PAYABLE))
    return move_write(claim, paid_after(claim, lines=lines), also=waits)


def unpay_claim_write(claim: Claim) -> Update:
    """Note that one of a claim's paid lines is to be paid again."""
    return move_write(claim, unpaid_after(claim))


def batch_line_write(line: Line, *, batch_id: str, budget_year: int) -> Update:
    """Put a line that nothing stops into a batch; one whose payment failed only once it was released."""
    return Update(
        LineRow,
        (line.id,),
        [
            line_to("batch"),
            LineRow.batch_id.set(batch_id),
            LineRow.budget_year.set(budget_year),
            LineRow.retry_city.remove(),
            *line_rests(),
        ],
        line_in("batch", version=line.version)
        & (LineRow.holds == [])
        & LineRow.correction.does_not_exist()
        & ((LineRow.status == str(LineStatus.PENDING)) | LineRow.released_by.exists()),
    )


def take_out_line_write(line: Line, holds: Sequence[str], *, since: Mapping[str, datetime]) -> Update:
    """Take a line out of the batch it waits in: it is held, or waits again if nothing holds the line itself.

    One that the bank has failed before waits among those again, and names the batch of that result again: so
    it can be corrected, which nobody can while it waits in another batch. One that facts hold has no record
    of that hold: it stands in the list of its city, whatever the bank said of it before.
    """
    status = LineStatus.PAYMENT_FAILED if line.attempts else _out_of_batch(holds)
    actions: list[Action] = [
        LineRow.status.set(str(status)),
        LineRow.holds.set(list(holds)),
        LineRow.held_since.set(dict(since)),
    ]
    if line.attempts:
        actions += [LineRow.batch_id.set(line.attempts[-1].batch_id), LineRow.retry_city.set(line.city)]
    else:
        actions.append(LineRow.batch_id.remove())
    facts = [since[hold] for hold in holds if waits_for_facts([hold])]
    actions += line_waits(line.city, min(facts)) if facts else []
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


def fail_line_write(line_id: str, attempts: Sequence[PaymentAttempt], *, city: str, at: datetime) -> Update:
    """Record that the bank did not pay a line; it rests until another officer releases it."""
    actions = [
        line_to("fail"),
        LineRow.attempts.set(list(attempts)),
        LineRow.released_by.remove(),
        *line_waits(city, at),
    ]
    return Update(LineRow, (line_id,), actions, _waits_in(attempts[-1].batch_id))


def release_line(line: Line, *, actor: str, change: Change) -> Line:
    """Let a line whose payment failed, or came back, into the next batch of its city.

    One that facts hold waits for a reviewer from now on. `corrections.model` gives the reasons against it.

    Raises:
        ConditionFailed: it is no longer as it was read.

    """
    return update(
        LineRow,
        (line.id,),
        [
            LineRow.released_by.set(actor),
            LineRow.retry_city.set(line.city),
            *(line_waits(line.city, change.at) if waits_for_facts(line.holds) else line_rests()),
        ],
        condition=lawful(LineRow, sources=(LineStatus.PAYMENT_FAILED,), version=line.version)
        & LineRow.correction.does_not_exist(),
        change=change,
    )


def list_stopped_line(line: Line, change: Change) -> None:
    """Have a released line stand in the list of its city again, unless it does or has changed."""
    resting = lawful(LineRow, sources=(LineStatus.PAYMENT_FAILED,), version=line.version)
    with contextlib.suppress(ConditionFailed):
        update(
            LineRow,
            (line.id,),
            line_waits(line.city, change.at),
            condition=resting & LineRow.queued_at.does_not_exist(),
            change=change,
        )


def ask_correction(line: Line, correction: Correction, change: Change) -> Line:
    """Note what one finance officer says a line's result really is, unless another request waits.

    Raises:
        ConditionFailed: it is no longer as it was read.

    """
    return update(
        LineRow,
        (line.id,),
        [LineRow.correction.set(correction), *line_waits(line.city, change.at)],
        condition=_correctable(line) & LineRow.correction.does_not_exist(),
        change=change,
    )


def cancel_correction(line: Line, change: Change) -> Line:
    """Forget what was asked to be corrected, if the line is still as it was read.

    Raises:
        ConditionFailed: it was confirmed, or asked for anew, meanwhile.

    """
    return update(
        LineRow,
        (line.id,),
        [
            LineRow.correction.remove(),
            *line_rests(still=_waits_without_correction(line)),
        ],
        condition=_correctable(line) & LineRow.correction.exists(),
        change=change,
    )


def _waits_without_correction(line: Line) -> bool:
    asked_for_nothing = msgspec.structs.replace(line, correction=None)
    return waits_for_finance(asked_for_nothing) or is_barred(asked_for_nothing)


def _correctable(line: Line) -> Condition:
    resting = (LineStatus.PAID, LineStatus.PAYMENT_FAILED)
    condition: Condition = lawful(LineRow, sources=resting, version=line.version)
    condition &= LineRow.reversal_asked_by.does_not_exist() & _nothing_taken_back()
    return condition


def _nothing_taken_back() -> Condition:
    nothing: Condition = LineRow.reversed_fen.does_not_exist() | (LineRow.reversed_fen == 0)
    return nothing


def correct_to_paid_write(line: Line, attempts: Sequence[PaymentAttempt], *, unsettled: str | None) -> Update:
    """Record that a line was paid after all: it goes into no batch any more."""
    actions = [
        line_to("correct_to_paid"),
        LineRow.attempts.set(list(attempts)),
        LineRow.correction.remove(),
        LineRow.retry_city.remove(),
        LineRow.released_by.remove(),
        *line_rests(),
    ]
    if unsettled is not None:
        actions.append(LineRow.unsettled.set(unsettled))
    condition = line_in("correct_to_paid", version=line.version) & LineRow.correction.exists()
    return Update(LineRow, (line.id,), actions, condition)


def pay_back_write(
    line: Line, attempts: Sequence[PaymentAttempt], *, corrected: bool, at: datetime
) -> Update:
    """Record that a paid line was not paid, or that its money came back: it rests until it is released."""
    asked = LineRow.correction.exists() if corrected else LineRow.correction.does_not_exist()
    actions = [
        line_to("pay_back"),
        LineRow.attempts.set(list(attempts)),
        LineRow.paid_once.set(True),
        LineRow.correction.remove(),
        LineRow.released_by.remove(),
        LineRow.retry_city.remove(),
        *line_waits(line.city, at),
    ]
    condition = line_in("pay_back", version=line.version) & LineRow.reversal_asked_by.does_not_exist()
    return Update(LineRow, (line.id,), actions, condition & _nothing_taken_back() & asked)


def set_offs_write(line: Line, set_offs: Sequence[SetOff]) -> Update:
    """Note which payments cover what is owed for a line, if it is still as it was read."""
    return Update(
        LineRow,
        (line.id,),
        [LineRow.set_offs.set(list(set_offs))],
        lawful(LineRow, sources=(LineStatus.PAID, LineStatus.REVERSED), version=line.version),
    )


def _waits_in(batch_id: str) -> Condition:
    """Tell that a line waits in a batch: nothing but a result changes it then."""
    waits: Condition = line_in("pay") & (LineRow.batch_id == batch_id)
    return waits


def ask_reversal(line: Line, *, actor: str, reason: str, amount_fen: int, change: Change) -> Line:
    """Note that one finance officer asks for a paid line's reversal, or that of a part, unless somebody has.

    Raises:
        ConditionFailed: it is no longer as it was read, or a reversal or correction was asked for already.

    """
    return update(
        LineRow,
        (line.id,),
        [
            LineRow.reversal_asked_by.set(actor),
            LineRow.reversal_reason.set(reason),
            LineRow.reversal_asked_fen.set(amount_fen),
            *line_waits(line.city, change.at),
        ],
        condition=line_in("reverse", version=line.version)
        & LineRow.reversal_asked_by.does_not_exist()
        & LineRow.correction.does_not_exist(),
        change=change,
    )


_REQUEST: Sequence[Any] = (LineRow.reversal_asked_by, LineRow.reversal_reason, LineRow.reversal_asked_fen)


def cancel_reversal(line: Line, change: Change) -> Line:
    """Forget that a line's reversal was asked for, if it is still as it was read.

    Raises:
        ConditionFailed: it was asked for anew, or confirmed, meanwhile.

    """
    return update(
        LineRow,
        (line.id,),
        [
            *(asked.remove() for asked in _REQUEST),
            *line_rests(still=line.repayment_asked is not None),
        ],
        condition=line_in("reverse", version=line.version) & LineRow.reversal_asked_by.exists(),
        change=change,
    )


def reverse_line_write(line: Line, *, actor: str, hands: Hands, reversed_fen: int, repay_by: date) -> Update:
    """Take back of a paid line what another officer asked for, `reversed_fen` in all by now.

    It is to be given back by `repay_by`. Once all of it was taken back the line is reversed; until then
    another part may be asked for.
    """
    whole = reversed_fen == line.amount_fen
    return Update(
        LineRow,
        (line.id,),
        [
            LineRow.reversed_by.set(actor),
            LineRow.reversed_fen.set(reversed_fen),
            LineRow.repay_by.set(repay_by),
            *([line_to("reverse")] if whole else [asked.remove() for asked in _REQUEST]),
            *line_rests(still=line.repayment_asked is not None),
        ],
        line_in("reverse", version=line.version)
        & LineRow.reversal_asked_by.exists()
        & none_of(LineRow.reversal_asked_by, hands),
    )


_REPAYABLE = (LineStatus.PAID, LineStatus.REVERSED)


def ask_repayment(line: Line, asked: AskedRepayment, change: Change) -> Line:
    """Note that one finance officer has entered a repayment, if it is still as it was read and none waits.

    Raises:
        ConditionFailed: it is no longer as it was read, or a repayment waits already.

    """
    return update(
        LineRow,
        (line.id,),
        [LineRow.repayment_asked.set(asked), *line_waits(line.city, change.at)],
        condition=lawful(LineRow, sources=_REPAYABLE, version=line.version)
        & LineRow.repayment_asked.does_not_exist(),
        change=change,
    )


def cancel_repayment(line: Line, change: Change) -> Line:
    """Forget a repayment that was entered, if it is still as it was read.

    Raises:
        ConditionFailed: it was entered anew, or confirmed, meanwhile.

    """
    return update(
        LineRow,
        (line.id,),
        [LineRow.repayment_asked.remove(), *line_rests(still=_is_reversal_asked(line))],
        condition=lawful(LineRow, sources=_REPAYABLE, version=line.version)
        & LineRow.repayment_asked.exists(),
        change=change,
    )


def _is_reversal_asked(line: Line) -> bool:
    return line.status is LineStatus.PAID and line.reversal_asked_by is not None


def repay_line_write(line: Line, repayment: Repayment, *, actor: str) -> Update:
    """Note what came back of what was taken back of a line, if the entry is still as it was read."""
    return Update(
        LineRow,
        (line.id,),
        [
            LineRow.repayments.set([*line.repayments, repayment]),
            LineRow.repayment_asked.remove(),
            LineRow.repayment_confirmed_by.set(actor),
            *line_rests(still=_is_reversal_asked(line)),
        ],
        lawful(LineRow, sources=_REPAYABLE, version=line.version) & LineRow.repayment_asked.exists(),
    )
