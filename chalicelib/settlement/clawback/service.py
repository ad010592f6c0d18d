"""Use cases of clawback (追回): a payment is taken back by one officer's word and another's confirmation."""

from datetime import date, timedelta

from chalicelib.aws.writes import Write, transact, until_written, why_stale
from chalicelib.catalogue.institutions.service import suspend_by_rule
from chalicelib.kernel.calendar import shanghai_date
from chalicelib.kernel.principal import Context, Principal, change_of
from chalicelib.kernel.reasons import refuse
from chalicelib.programs.service import current_program
from chalicelib.settlement.clawback.model import (
    REASON_AT_ONCE,
    outstanding_fen,
    taken_back_fen,
    why_not,
    why_not_booked,
    why_not_reversed,
)
from chalicelib.settlement.ledger import store as ledger_store
from chalicelib.settlement.ledger.model import Event
from chalicelib.settlement.ledger.of_line import group_of_line
from chalicelib.settlement.own_work import paid_line, prepared
from chalicelib.subsidies.budgets import store as budget_store
from chalicelib.subsidies.budgets.model import BudgetMoves, Part
from chalicelib.subsidies.claims.model import AskedRepayment, Line, Repayment
from chalicelib.subsidies.claims.states import LineStatus
from chalicelib.subsidies.payments import store as payments
from chalicelib.vouchers.store import reverse_write


def _refuse(action: str, principal: Principal, line: Line) -> None:
    """Refuse who had a hand in a line's claim, among others.

    Else somebody could refuse that the payment for their own class is taken back, or book that it came back.
    """
    refuse(why_not(action, line, principal, own_work=lambda: prepared(principal, line)))


def ask_reversal(context: Context, line_id: str, *, reason: str, amount_fen: int | None = None) -> Line:
    """Ask to take a payment back, all that is left of it or a part; another officer has to confirm it.

    Raises:
        Refused: `wrong_state`, the line is not paid, `reversal_already_asked`, `correction_already_asked` or
            `reversal_exceeds` what is left of the payment.

    """
    actor = context.principal.actor
    change = change_of(context, "claim_line.reverse", reason=reason)

    def attempt() -> Line:
        line = paid_line(context, line_id, "claim_line.reverse")
        part_fen = amount_fen if amount_fen is not None else line.amount_fen - taken_back_fen(line)
        asked = (line.reversal_asked_by, line.reversal_reason)
        if asked == (actor, reason) and (line.status is LineStatus.REVERSED or _asked_fen(line) == part_fen):
            return line
        _refuse("reverse", context.principal, line)
        refuse(why_not_reversed(line, part_fen))
        return payments.ask_reversal(line, actor=actor, reason=reason, amount_fen=part_fen, change=change)

    return until_written(attempt)


def _asked_fen(line: Line) -> int:
    """Give what is asked to be taken back; requests made before parts could be were for all of it."""
    return line.reversal_asked_fen if line.reversal_asked_fen is not None else line.amount_fen


def cancel_reversal(context: Context, line_id: str, *, version: int, reason: str) -> Line:
    """Withdraw one's own request for a reversal, or refuse another officer's; it may be asked for again.

    Raises:
        Forbidden: `self_approval`, by who prepared or reviewed the claim, on another officer's request.
        Refused: `reversal_not_asked`, another version, or it was confirmed already.

    """
    change = change_of(context, "claim_line.cancel_reversal", reason=reason)

    def attempt() -> Line:
        line = paid_line(context, line_id, "claim_line.cancel_reversal")
        _refuse("cancel_reversal", context.principal, line)
        refuse(why_stale(line, sources=(LineStatus.PAID,), version=version))
        return payments.cancel_reversal(line, change)

    return until_written(attempt)


def confirm_reversal(context: Context, line_id: str) -> Line:
    """Take a payment back: the reversing entry, the line, the voucher's note and the budget, in one write.

    Raises:
        Forbidden: `self_approval`, by the officer who asked, or who prepared or reviewed the claim.
        Refused: `reversal_not_asked`, or the line is not paid.

    """
    actor = context.principal.actor

    def attempt() -> Line:
        line = paid_line(context, line_id, "claim_line.reverse")
        done = line.status is LineStatus.REVERSED or line.reversal_asked_by is None
        if done and line.reversed_by == actor:
            return line
        _refuse("confirm_reversal", context.principal, line)
        change = change_of(context, "claim_line.reverse", reason=line.reversal_reason)
        transact(_reversal_writes(context, line), change=change)
        return paid_line(context, line_id, "claim_line.reverse")

    line = until_written(attempt)
    _suspend_by_policy(context, line)
    return line


def _reversal_writes(context: Context, line: Line) -> list[Write]:
    """Give the writes that take a payment or a part of it back; it is to be repaid within its policy's days.

    The budget has it as receivable from now on: nobody can spend it before it has come back.
    """
    assert line.budget_year is not None
    fen, before_fen = _asked_fen(line), taken_back_fen(line)
    moves = BudgetMoves()
    moves.move(line.budget_year, line.program_id, Part.SPENT, Part.RECEIVABLE, fen)
    group = group_of_line(line, Event.REVERSED, fen, now=context.now, at_version=line.version)
    return [
        payments.reverse_line_write(
            line,
            actor=context.principal.actor,
            hands=context.principal.hands,
            reversed_fen=before_fen + fen,
            repay_by=_repay_by(context, line),
        ),
        *_voucher_writes(line, before_fen=before_fen, fen=fen),
        *budget_store.moves_writes(line.city, moves),
        *ledger_store.post_writes(group),
    ]


def _repay_by(context: Context, line: Line) -> date:
    """Give the day until which a part is to be repaid; while an earlier part is owed, its day stays."""
    if line.repay_by is not None and outstanding_fen(line):
        return line.repay_by
    due_days = current_program(line.program_id).policy.clawback_due_days
    return shanghai_date(context.now) + timedelta(days=due_days)


def _suspend_by_policy(context: Context, line: Line) -> None:
    """Suspend the institution at once where the policy says so; the nightly run makes up for a lost call."""
    if outstanding_fen(line) and current_program(line.program_id).policy.suspend_on_clawback:
        suspend_by_rule(context, line.institution, reason=REASON_AT_ONCE)


def ask_repayment(context: Context, line_id: str, repayment: Repayment) -> Line:
    """Enter what an institution gave back, in one part or several; another officer has to confirm it.

    One officer's word alone would let a debt go and the money be spent again. The bank's reference tells
    parts apart.

    Raises:
        Impossible: `date_in_future`, received after today; `repaid_before_payment`.
        Forbidden: `self_approval`, by who prepared or reviewed the claim.
        Refused: `wrong_state` (not reversed), `repayment_contradicts` (the reference is known with another
            amount or day), `repayment_exceeds` what is outstanding, or `repayment_already_asked`.

    """
    change = change_of(context, "claim_line.repay")
    asked = AskedRepayment(repayment=repayment, asked_by=context.principal.actor)

    def attempt() -> Line:
        line = paid_line(context, line_id, "claim_line.repay")
        if repayment in line.repayments or line.repayment_asked == asked:
            return line
        _refuse("repay", context.principal, line)
        refuse(why_not_booked(line, repayment, today=shanghai_date(context.now)))
        return payments.ask_repayment(line, asked, change)

    return until_written(attempt)


def cancel_repayment(context: Context, line_id: str, *, version: int, reason: str) -> Line:
    """Withdraw one's own entry of a repayment, or refuse another officer's; it may be entered again.

    Raises:
        Forbidden: `self_approval`, by who prepared or reviewed the claim, on another officer's entry.
        Refused: `repayment_not_asked`, or another version.

    """
    change = change_of(context, "claim_line.cancel_repayment", reason=reason)

    def attempt() -> Line:
        line = paid_line(context, line_id, "claim_line.repay")
        _refuse("cancel_repayment", context.principal, line)
        refuse(why_stale(line, sources=(LineStatus.PAID, LineStatus.REVERSED), version=version))
        return payments.cancel_repayment(line, change)

    return until_written(attempt)


def confirm_repayment(context: Context, line_id: str) -> Line:
    """Book what another officer entered as given back: the entry, the line and the budget, in one write.

    Raises:
        Forbidden: `self_approval`, by the officer who entered it, or who prepared or reviewed the claim.
        Refused: `repayment_not_asked`; `repayment_exceeds` what is outstanding by now.

    """
    change = change_of(context, "claim_line.confirm_repayment")

    def attempt() -> Line:
        line = paid_line(context, line_id, "claim_line.repay")
        if line.repayment_asked is None and line.repayment_confirmed_by == context.principal.actor:
            return line
        _refuse("confirm_repayment", context.principal, line)
        assert line.repayment_asked is not None
        repayment = line.repayment_asked.repayment
        refuse(why_not_booked(line, repayment, today=shanghai_date(context.now)))
        transact(_repayment_writes(context, line, repayment), change=change)
        return paid_line(context, line_id, "claim_line.repay")

    return until_written(attempt)


def _repayment_writes(context: Context, line: Line, repayment: Repayment) -> list[Write]:
    """Give the writes that book what came back; the budget has it available again.

    What was reversed before budgets had a receivable became available with the reversal.
    """
    assert line.budget_year is not None
    fen, counted = repayment.amount_fen, line.reversed_fen > 0
    moves = BudgetMoves()
    if counted:
        moves.move(line.budget_year, line.program_id, Part.RECEIVABLE, Part.AVAILABLE, fen)
    group = group_of_line(
        line,
        Event.REPAID,
        fen,
        now=context.now,
        at_version=line.version if counted else None,
        reference=repayment.bank_reference,
        paid_on=repayment.received_on,
    )
    return [
        payments.repay_line_write(line, repayment, actor=context.principal.actor),
        *budget_store.moves_writes(line.city, moves),
        *ledger_store.post_writes(group),
    ]


def _voucher_writes(line: Line, *, before_fen: int, fen: int) -> list[Write]:
    """Note the reversal on the voucher, unless the line was paid without it."""
    if line.unsettled is not None:
        return []
    return [reverse_write(line.voucher_id, before_fen=before_fen, amount_fen=before_fen + fen)]
