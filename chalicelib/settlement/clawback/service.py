"""Use cases of clawback (追回): a payment is taken back by one officer's word and another's confirmation."""

from datetime import date, timedelta

from chalicelib.accounts import rights
from chalicelib.aws.writes import ConditionFailed, Write, refuse_stale, transact
from chalicelib.catalogue.institutions.service import suspend_by_rule
from chalicelib.kernel.calendar import shanghai_date
from chalicelib.kernel.ids import is_id
from chalicelib.kernel.principal import Context, Principal, change_of
from chalicelib.kernel.reasons import error
from chalicelib.programs.service import current_program
from chalicelib.settlement.ledger import store
from chalicelib.settlement.ledger.model import Event, Posting, PostingGroup, group_id_of
from chalicelib.subsidies.budgets import store as budget_store
from chalicelib.subsidies.claims import store as claims
from chalicelib.subsidies.claims.dropping import allowed_on_line as allowed_before_payment
from chalicelib.subsidies.claims.model import Line, LineStatus, Repayment, claim_of_line, has_hand_in
from chalicelib.subsidies.payments import store as payments
from chalicelib.vouchers.store import reverse_write

_TRIES = 5
REASON_AT_ONCE = "拨付款被追回，按项目规定暂停"


def read_line(context: Context, line_id: str) -> Line:
    """Read a claim line of the caller's area."""
    line = _find_line(line_id)
    rights.require(context.principal, "claim_line.read", division=line.division, institution=line.institution)
    return line


def _paid_line(context: Context, line_id: str, action: str) -> Line:
    """Read a line whose money is of the caller's area: a county's lines were paid by its city."""
    line = _find_line(line_id)
    rights.require(context.principal, action, division=line.city)
    return line


def _find_line(line_id: str) -> Line:
    line = claims.find_line(line_id) if is_id(line_id, "lin") else None
    if line is None:
        raise error("not_found")
    return line


def ask_reversal(context: Context, line_id: str, *, reason: str) -> Line:
    """Ask to take a payment back; another finance officer has to confirm it."""
    line = _paid_line(context, line_id, "claim_line.reverse")
    actor = context.principal.actor
    asked = (line.reversal_asked_by, line.reversal_reason)
    if line.status is not LineStatus.PAID and asked != (actor, reason):
        raise error("wrong_state", status=str(line.status))
    if line.reversal_asked_by is None:
        change = change_of(context, "claim_line.reverse", reason=reason)
        try:
            return payments.ask_reversal(line_id, actor=actor, reason=reason, change=change)
        except ConditionFailed:
            line = _paid_line(context, line_id, "claim_line.reverse")
            asked = (line.reversal_asked_by, line.reversal_reason)
    if asked == (actor, reason):
        return line
    raise error("reversal_already_asked")


def cancel_reversal(context: Context, line_id: str, *, version: int, reason: str) -> Line:
    """Withdraw one's own request for a reversal, or refuse another officer's; it may be asked for again.

    Raises:
        Forbidden: `self_approval`, by who prepared or reviewed the claim, on another officer's request.
        Refused: `reversal_not_asked`, another version, or it was confirmed already.

    """
    change = change_of(context, "claim_line.cancel_reversal", reason=reason)
    for _ in range(_TRIES):
        line = _paid_line(context, line_id, "claim_line.cancel_reversal")
        if line.reversal_asked_by is None:
            raise error("reversal_not_asked")
        if line.reversal_asked_by != context.principal.actor:
            _refuse_own_work(context.principal, line)
        refuse_stale(line, sources=(LineStatus.PAID,), version=version)
        try:
            return payments.cancel_reversal(line, change)
        except ConditionFailed:
            continue
    raise error("try_again")


def _refuse_own_work(principal: Principal, line: Line) -> None:
    """Keep who prepared or reviewed a claim, in whatever role then, from deciding what becomes of its money.

    Else somebody could refuse that the payment for their own class is taken back, or book that it came back.
    """
    if _is_own_work(principal, line):
        raise error("self_approval")


def _is_own_work(principal: Principal, line: Line) -> bool:
    return has_hand_in(claims.read_claim(claim_of_line(line.id)), principal.actor)


def confirm_reversal(context: Context, line_id: str) -> Line:
    """Take a payment back: the reversing entry, the line, the voucher's note and the budget, in one write.

    Raises:
        Forbidden: `self_approval`, by the officer who asked, or who prepared or reviewed the claim.
        Refused: `reversal_not_asked`, or the line is not paid.

    """
    actor = context.principal.actor
    for _ in range(_TRIES):
        line = _paid_line(context, line_id, "claim_line.reverse")
        if line.reversal_asked_by is None:
            raise error("reversal_not_asked")
        if line.reversal_asked_by == actor:
            raise error("self_approval")
        if line.status is LineStatus.REVERSED and line.reversed_by == actor:
            _suspend_by_policy(context, line)
            return line
        if line.status is not LineStatus.PAID:
            raise error("wrong_state", status=str(line.status))
        _refuse_own_work(context.principal, line)
        assert line.budget_year is not None
        due_days = current_program(line.program_id).policy.clawback_due_days
        repay_by = shanghai_date(context.now) + timedelta(days=due_days)
        freed = budget_store.unspend_write(
            line.city, line.budget_year, line.program_id, amount_fen=line.amount_fen
        )
        change = change_of(context, "claim_line.reverse", reason=line.reversal_reason)
        try:
            transact(
                [
                    payments.reverse_line_write(line, actor=actor, repay_by=repay_by),
                    *_voucher_writes(line),
                    freed,
                    *store.post_writes(posting_of(line, Event.REVERSED, line.amount_fen, context=context)),
                ],
                change=change,
            )
        except ConditionFailed:
            continue
        done = _paid_line(context, line_id, "claim_line.reverse")
        _suspend_by_policy(context, done)
        return done
    raise error("try_again")


def _suspend_by_policy(context: Context, line: Line) -> None:
    """Suspend the institution at once where the policy says so; the nightly run makes up for a lost call."""
    if outstanding_fen(line) and current_program(line.program_id).policy.suspend_on_clawback:
        suspend_by_rule(context, line.institution, reason=REASON_AT_ONCE)


def outstanding_fen(line: Line) -> int:
    """Tell how much of a reversed line has not come back."""
    if line.status is not LineStatus.REVERSED:
        return 0
    return line.amount_fen - sum(one.amount_fen for one in line.repayments)


def record_repayment(context: Context, line_id: str, repayment: Repayment) -> Line:
    """Book what an institution gave back, in one part or several; the bank's reference tells parts apart.

    Raises:
        Impossible: `date_in_future`, received after today; `repaid_before_payment`.
        Forbidden: `self_approval`, by who prepared or reviewed the claim.
        Refused: `wrong_state` (not reversed), `repayment_contradicts` (the reference is known with another
            amount or day) or `repayment_exceeds` what is outstanding.

    """
    for _ in range(_TRIES):
        line = _paid_line(context, line_id, "claim_line.repay")
        _refuse_own_work(context.principal, line)
        if line.status is not LineStatus.REVERSED:
            raise error("wrong_state", status=str(line.status))
        if repayment.received_on > shanghai_date(context.now):
            raise error("date_in_future", day=repayment.received_on.isoformat())
        paid_on = _paid_on(line)
        if paid_on is not None and repayment.received_on < paid_on:
            day = repayment.received_on.isoformat()
            raise error("repaid_before_payment", day=day, paid_on=paid_on.isoformat())
        known = [one for one in line.repayments if one.bank_reference == repayment.bank_reference]
        if known:
            if known == [repayment]:
                return line
            raise error("repayment_contradicts", amount_fen=known[0].amount_fen)
        if repayment.amount_fen > outstanding_fen(line):
            raise error("repayment_exceeds", outstanding_fen=outstanding_fen(line))
        posted = posting_of(
            line,
            Event.REPAID,
            repayment.amount_fen,
            context=context,
            repayment=repayment,
        )
        change = change_of(context, "claim_line.repay")
        try:
            transact([payments.repay_line_write(line, repayment), *store.post_writes(posted)], change=change)
        except ConditionFailed:
            continue
        return _paid_line(context, line_id, "claim_line.repay")
    raise error("try_again")


def _paid_on(line: Line) -> date | None:
    """Give the bank's date of a line's payment."""
    return next((one.paid_on for one in line.attempts if one.status is LineStatus.PAID), None)


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
    if line.status is LineStatus.REVERSED:
        may_repay = rights.reaches(principal, "claim_line.repay", division=line.city)
        own = not (may_repay and outstanding_fen(line)) or _is_own_work(principal, line)
        return [] if own else ["repay"]
    if line.status is not LineStatus.PAID:
        return allowed_before_payment(principal, line)
    if not rights.reaches(principal, "claim_line.reverse", division=line.city):
        return []
    if line.reversal_asked_by is None:
        return ["reverse"]
    if line.reversal_asked_by == principal.actor:
        return ["cancel_reversal"]
    return [] if _is_own_work(principal, line) else ["confirm_reversal", "cancel_reversal"]
