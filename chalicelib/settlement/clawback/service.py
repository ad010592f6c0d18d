"""Use cases of clawback (追回): a payment is taken back by one officer's word and another's confirmation."""

import functools
from datetime import timedelta

from chalicelib.accounts import rights
from chalicelib.aws.writes import Write, transact, until_written, why_stale
from chalicelib.catalogue.institutions.service import suspend_by_rule
from chalicelib.kernel.calendar import shanghai_date
from chalicelib.kernel.ids import is_id
from chalicelib.kernel.paging import Page, PageRequest, page_over
from chalicelib.kernel.principal import Context, Principal, change_of
from chalicelib.kernel.reasons import error, refuse
from chalicelib.programs.service import current_program
from chalicelib.settlement.clawback.model import (
    REASON_AT_ONCE,
    ProposedClawback,
    actions_on,
    outstanding_fen,
    proposed_clawback,
    why_not,
    why_not_booked,
)
from chalicelib.settlement.ledger import store as ledger_store
from chalicelib.settlement.ledger.model import Event, Posting, PostingGroup, group_id_of
from chalicelib.settlement.own_work import is_own_work
from chalicelib.subsidies.areas import cities_of
from chalicelib.subsidies.budgets import store as budget_store
from chalicelib.subsidies.claims import store as claim_store
from chalicelib.subsidies.claims.dropping import allowed_on_line as allowed_before_payment
from chalicelib.subsidies.claims.model import Line, LineFlag, LineStatus, Repayment, claim_of_line
from chalicelib.subsidies.payments import store as payments
from chalicelib.vouchers.store import reverse_write


def read_line(context: Context, line_id: str) -> Line:
    """Read a claim line of the caller's area."""
    line = _find_line(line_id)
    rights.require(context.principal, "claim_line.read", division=line.division, institution=line.institution)
    return line


def list_flagged(
    context: Context, request: PageRequest, flag: LineFlag, *, division: str | None
) -> Page[Line]:
    """List the lines of an area that somebody has to look at, until their payment is taken back."""
    area = division or context.principal.division
    rights.require(context.principal, "claim_line.read_flagged", division=area)
    cities, county = cities_of(area)

    def read(city: str, part: PageRequest) -> Page[Line]:
        page = claim_store.lines_flagged(flag, city, part)
        listed = [line for line in page.items if _is_listed(line, county)]
        return Page(items=listed, after=page.after)

    return page_over(cities, request, read)


def _is_listed(line: Line, county: str | None) -> bool:
    return proposed_clawback(line) not in (None, ProposedClawback.DONE) and county in (None, line.division)


def _paid_line(context: Context, line_id: str, right: str) -> Line:
    """Read a line whose money is of the caller's area: a county's lines were paid by its city."""
    line = _find_line(line_id)
    rights.require(context.principal, right, division=line.city)
    return line


def _find_line(line_id: str) -> Line:
    line = claim_store.find_line(line_id) if is_id(line_id, "lin") else None
    if line is None:
        raise error("not_found")
    return line


def _refuse(action: str, principal: Principal, line: Line) -> None:
    refuse(why_not(action, line, principal.hands, own_work=lambda: _is_own_work(principal, line)))


def _is_own_work(principal: Principal, line: Line) -> bool:
    """Tell whether the caller had a hand in a line's claim.

    Else somebody could refuse that the payment for their own class is taken back, or book that it came back.
    """
    return is_own_work(principal, [claim_store.read_claim(claim_of_line(line.id))])


def ask_reversal(context: Context, line_id: str, *, reason: str) -> Line:
    """Ask to take a payment back; another finance officer has to confirm it.

    Raises:
        Refused: `wrong_state`, the line is not paid, or `reversal_already_asked`.

    """
    actor = context.principal.actor
    change = change_of(context, "claim_line.reverse", reason=reason)

    def attempt() -> Line:
        line = _paid_line(context, line_id, "claim_line.reverse")
        if (line.reversal_asked_by, line.reversal_reason) == (actor, reason):
            return line
        _refuse("reverse", context.principal, line)
        return payments.ask_reversal(line_id, actor=actor, reason=reason, change=change)

    return until_written(attempt)


def cancel_reversal(context: Context, line_id: str, *, version: int, reason: str) -> Line:
    """Withdraw one's own request for a reversal, or refuse another officer's; it may be asked for again.

    Raises:
        Forbidden: `self_approval`, by who prepared or reviewed the claim, on another officer's request.
        Refused: `reversal_not_asked`, another version, or it was confirmed already.

    """
    change = change_of(context, "claim_line.cancel_reversal", reason=reason)

    def attempt() -> Line:
        line = _paid_line(context, line_id, "claim_line.cancel_reversal")
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
        line = _paid_line(context, line_id, "claim_line.reverse")
        if line.status is LineStatus.REVERSED and line.reversed_by == actor:
            return line
        _refuse("confirm_reversal", context.principal, line)
        change = change_of(context, "claim_line.reverse", reason=line.reversal_reason)
        transact(_reversal_writes(context, line), change=change)
        return _paid_line(context, line_id, "claim_line.reverse")

    line = until_written(attempt)
    _suspend_by_policy(context, line)
    return line


def _reversal_writes(context: Context, line: Line) -> list[Write]:
    """Give the writes that take a payment back; it is to be repaid within the days of its policy."""
    assert line.budget_year is not None
    due_days = current_program(line.program_id).policy.clawback_due_days
    repay_by = shanghai_date(context.now) + timedelta(days=due_days)
    return [
        payments.reverse_line_write(
            line, actor=context.principal.actor, hands=context.principal.hands, repay_by=repay_by
        ),
        *_voucher_writes(line),
        budget_store.unspend_write(line.city, line.budget_year, line.program_id, amount_fen=line.amount_fen),
        *ledger_store.post_writes(posting_of(line, Event.REVERSED, line.amount_fen, context=context)),
    ]


def _suspend_by_policy(context: Context, line: Line) -> None:
    """Suspend the institution at once where the policy says so; the nightly run makes up for a lost call."""
    if outstanding_fen(line) and current_program(line.program_id).policy.suspend_on_clawback:
        suspend_by_rule(context, line.institution, reason=REASON_AT_ONCE)


def record_repayment(context: Context, line_id: str, repayment: Repayment) -> Line:
    """Book what an institution gave back, in one part or several; the bank's reference tells parts apart.

    Raises:
        Impossible: `date_in_future`, received after today; `repaid_before_payment`.
        Forbidden: `self_approval`, by who prepared or reviewed the claim.
        Refused: `wrong_state` (not reversed), `repayment_contradicts` (the reference is known with another
            amount or day) or `repayment_exceeds` what is outstanding.

    """
    change = change_of(context, "claim_line.repay")

    def attempt() -> Line:
        line = _paid_line(context, line_id, "claim_line.repay")
        _refuse("repay", context.principal, line)
        if repayment in line.repayments:
            return line
        refuse(why_not_booked(line, repayment, today=shanghai_date(context.now)))
        posted = posting_of(line, Event.REPAID, repayment.amount_fen, context=context, repayment=repayment)
        transact(
            [payments.repay_line_write(line, repayment), *ledger_store.post_writes(posted)], change=change
        )
        return _paid_line(context, line_id, "claim_line.repay")

    return until_written(attempt)


def _voucher_writes(line: Line) -> list[Write]:
    """Note the reversal on the voucher, unless the line was paid without it."""
    if line.unsettled is not None:
        return []
    return [reverse_write(line.voucher_id, amount_fen=line.amount_fen)]


def posting_of(
    line: Line, event: Event, amount_fen: int, *, context: Context, repayment: Repayment | None = None
) -> PostingGroup:
    """Make the group that posts one event of one line."""
    assert line.budget_year is not None
    assert line.batch_id is not None, "a line is paid in a batch"
    reference = repayment.bank_reference if repayment is not None else None
    received_on = repayment.received_on if repayment is not None else None
    postings = [Posting(line.id, line.voucher_id, line.institution, amount_fen, reference, received_on)]
    return PostingGroup(
        division=line.city,
        id=group_id_of(line.batch_id, event, postings),
        event=event,
        program_id=line.program_id,
        budget_year=line.budget_year,
        batch_id=line.batch_id,
        posted_at=context.now,
        postings=postings,
    )


def allowed_on_line(principal: Principal, line: Line) -> list[str]:
    """List what this caller may do with a line now; its claim is read only where that decides."""
    if line.status not in (LineStatus.PAID, LineStatus.REVERSED):
        return allowed_before_payment(principal, line)
    own_work = functools.cache(lambda: _is_own_work(principal, line))
    return rights.offered(
        principal,
        actions_on(line),
        lambda action: why_not(action, line, principal.hands, own_work=own_work),
        division=line.city,
    )
