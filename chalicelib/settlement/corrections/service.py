"""Use cases after a result: a failed line is released, a wrong result is corrected."""

import msgspec

from chalicelib.aws.writes import Write, until_written, why_stale
from chalicelib.kernel.calendar import shanghai_date
from chalicelib.kernel.free_text import mask_numbers
from chalicelib.kernel.principal import Context, change_of
from chalicelib.kernel.reasons import refuse
from chalicelib.programs.service import current_program
from chalicelib.settlement.batches import store as batch_store
from chalicelib.settlement.corrections.model import (
    last_attempt,
    why_books_closed,
    why_not,
    why_not_corrected,
)
from chalicelib.settlement.ledger.model import Event
from chalicelib.settlement.own_work import paid_line, prepared
from chalicelib.settlement.results.singly import (
    Payment,
    pay_back_writes,
    paying_writes,
    unsettled_of,
    write_one,
)
from chalicelib.settlement.set_off.model import DebtPart
from chalicelib.subsidies.claims import store as claim_store
from chalicelib.subsidies.claims.closing import finish_claims
from chalicelib.subsidies.claims.model import (
    BankOutcome,
    Correction,
    Line,
    PaymentAttempt,
    claim_of_line,
)
from chalicelib.subsidies.claims.states import LineStatus
from chalicelib.subsidies.payments import store as payments

_RELEASE, _CORRECT = "claim_line.release", "claim_line.correct"


def release(context: Context, line_id: str, *, reason: str) -> Line:
    """Let a line whose payment failed, or came back, into the next batch: not by who entered that.

    Raises:
        Forbidden: `self_approval`, by who entered the result, or who prepared or reviewed the claim.
        Refused: `wrong_state`, the line's payment has not failed, `line_released`, or
            `correction_already_asked`.

    """
    actor = context.principal.actor
    change = change_of(context, _RELEASE, reason=reason)

    def attempt() -> Line:
        line = paid_line(context, line_id, _RELEASE)
        if line.released_by == actor:
            return line
        _refuse("release", context, line)
        return payments.release_line(line, actor=actor, change=change)

    return until_written(attempt)


def ask_correction(context: Context, line_id: str, correction: Correction) -> Line:
    """Say what a line's result really is; another finance officer has to confirm it.

    Raises:
        Impossible: `amount_differs`, `date_in_future` or `paid_before_sealing`.
        Forbidden: `self_approval`, by who prepared or reviewed the claim.
        Refused: `wrong_state`, `line_batched_again`, `line_taken_back`, `nothing_to_correct`, `books_closed`,
            or `correction_already_asked` or `reversal_already_asked`.

    """
    asked = msgspec.structs.replace(correction, reason=mask_numbers(correction.reason))
    change = change_of(context, _CORRECT, reason=asked.reason)

    def attempt() -> Line:
        line = paid_line(context, line_id, _CORRECT)
        if line.correction == asked:
            return line
        _refuse("correct", context, line)
        _refuse_words(context, line, asked)
        return payments.ask_correction(line, asked, change)

    return until_written(attempt)


def cancel_correction(context: Context, line_id: str, *, version: int, reason: str) -> Line:
    """Withdraw one's own request for a correction, or refuse another officer's; it may be asked for again.

    Raises:
        Forbidden: `self_approval`, by who prepared or reviewed the claim, on another officer's request.
        Refused: `correction_not_asked`, another version, or it was confirmed already.

    """
    change = change_of(context, _CORRECT, reason=reason)

    def attempt() -> Line:
        line = paid_line(context, line_id, _CORRECT)
        _refuse("cancel_correction", context, line)
        refuse(why_stale(line, sources=(LineStatus.PAID, LineStatus.PAYMENT_FAILED), version=version))
        return payments.cancel_correction(line, change)

    return until_written(attempt)


def confirm_correction(context: Context, line_id: str) -> Line:
    """Correct a line's result as another officer asked: new postings, the line, voucher, batches and budget.

    Raises:
        Forbidden: `self_approval`, by the officer who asked, or who prepared or reviewed the claim.
        Refused: `correction_not_asked`, `books_closed` meanwhile, `set_off_gone`, or `budget_exhausted`.

    """
    actor = context.principal.actor

    def attempt() -> Line:
        line = paid_line(context, line_id, _CORRECT)
        last = last_attempt(line)
        if line.correction is None and last is not None and last.confirmed_by == actor:
            return line
        _refuse("confirm_correction", context, line)
        assert line.correction is not None
        _refuse_words(context, line, line.correction)
        payment = _payment_of(line)
        change = change_of(context, _CORRECT, reason=line.correction.reason)
        write_one(payment, _correction_writes(context, payment, line.correction), change)
        return paid_line(context, line_id, _CORRECT)

    line = until_written(attempt)
    claim = claim_store.read_claim(claim_of_line(line.id))
    finish_claims([claim], change_of(context, _CORRECT))
    return line


def _refuse(action: str, context: Context, line: Line) -> None:
    principal = context.principal
    refuse(why_not(action, line, principal, own_work=lambda: prepared(principal, line)))


def _refuse_words(context: Context, line: Line, correction: Correction) -> None:
    """Refuse what a correction says, by what is known of the line and by the calendar."""
    assert line.batch_id is not None, "what has a result was in a batch"
    batch = batch_store.find_batch(line.batch_id)
    assert batch is not None
    assert batch.sealed_at is not None
    today, close_day = shanghai_date(context.now), current_program(line.program_id).policy.books_close_day
    sealed_on = shanghai_date(batch.sealed_at)
    refuse(why_not_corrected(line, correction, sealed_on=sealed_on, today=today))
    refuse(why_books_closed(line, close_day=close_day, today=today))


def _payment_of(line: Line) -> Payment:
    """Give a line with what of its last payment is set off; its batch is read only where something is."""
    last = last_attempt(line)
    assert last is not None
    parts: list[DebtPart] = []
    if last.set_off_fen:
        members = batch_store.members_of(last.batch_id)
        parts = next(member.set_offs for member in members if member.line_id == line.id)
    return Payment(line, last.batch_id, parts)


def _correction_writes(context: Context, payment: Payment, correction: Correction) -> list[Write]:
    line, last = payment.line, payment.line.attempts[-1]
    said = PaymentAttempt(
        batch_id=payment.batch_id,
        status=correction.to,
        amount_fen=correction.amount_fen,
        paid_on=correction.paid_on,
        bank_reference=correction.bank_reference,
        reason=correction.reason,
        set_off_fen=last.set_off_fen,
        entered_by=correction.asked_by,
        entered_at=context.now,
        confirmed_by=context.principal.actor,
    )
    attempts = [*line.attempts, said]
    if correction.to is BankOutcome.PAID:
        unsettled = unsettled_of(line)
        moved = payments.correct_to_paid_write(line, attempts, unsettled=unsettled)
        return [moved, *paying_writes(context, payment, said, unsettled=unsettled, first=False)]
    moved = payments.pay_back_write(line, attempts, corrected=True, at=context.now)
    return [moved, *pay_back_writes(context, payment, said, Event.UNPAID)]
