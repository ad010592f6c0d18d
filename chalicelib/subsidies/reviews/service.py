"""Use cases of review: first and second review, returning, rejecting."""

import functools
from collections.abc import Mapping, Sequence
from datetime import date

from chalicelib.accounts import rights
from chalicelib.aws.logs import log
from chalicelib.aws.writes import ConditionFailed, Write, transact, until_written
from chalicelib.catalogue.institutions.cards import publicity_days
from chalicelib.catalogue.institutions.paying import to_be_paid
from chalicelib.classes.service import read_class
from chalicelib.kernel.calendar import add_working_days, calendar_known, shanghai_date
from chalicelib.kernel.closing import Stage, open_below
from chalicelib.kernel.divisions import PROVINCE
from chalicelib.kernel.errors import Fault
from chalicelib.kernel.ids import is_id
from chalicelib.kernel.principal import Change, Context, change_of
from chalicelib.kernel.reasons import error, refuse
from chalicelib.subsidies.areas import cities_of
from chalicelib.subsidies.budgets import store as budget_store
from chalicelib.subsidies.claims import store
from chalicelib.subsidies.claims.closing import rejection_writes
from chalicelib.subsidies.claims.evidence import PayabilityEvidence
from chalicelib.subsidies.claims.model import (
    LINE_TRANSITIONS,
    Claim,
    Line,
    filing_day,
    why_not,
    why_not_withdraw_approval,
)
from chalicelib.subsidies.claims.moves import (
    Changes,
    approval_withdrawn,
    changed,
    publicised,
    returned,
    reviewed,
)
from chalicelib.subsidies.claims.service import lines_of, read_claim
from chalicelib.subsidies.claims.states import LineStatus
from chalicelib.subsidies.holds.classes import let_go_meanwhile
from chalicelib.subsidies.holds.model import holds_from_class, since_with
from chalicelib.subsidies.holds.store import class_holds_check, find_class_holds
from chalicelib.subsidies.overrides.service import undecided
from chalicelib.subsidies.payability.service import Examination, examine
from chalicelib.subsidies.register.service import enter


def review(
    context: Context, claim_id: str, *, version: int, rejected_lines: Mapping[str, str], comment: str | None
) -> Claim:
    """First review by a clerk who did not prepare the claim; lines may be rejected with a reason."""
    actor = context.principal.actor
    change = change_of(context, "subsidy_claim.review", reason=comment)
    if not rejected_lines:
        given = reviewed(actor, context.now)
        return _decide_at_once(context, claim_id, "review", given, version=version, change=change)

    def attempt() -> None:
        claim = read_claim(context, claim_id, "subsidy_claim.review")
        refuse(why_not("review", claim, context.principal.hands, version=version))
        rejections, totals = _reject_lines(claim, rejected_lines)
        after = changed(claim, {**reviewed(actor, context.now), **totals})
        transact([store.move_write(claim, after), *rejections], change=change)

    until_written(attempt)
    return store.read_claim(claim_id)


def approve(
    context: Context, claim_id: str, *, version: int, rejected_lines: Mapping[str, str], comment: str | None
) -> Claim:
    """Second review: payability is decided again, the budget reserved and publicity begun, in one write.

    Raises:
        Forbidden: `self_approval`, who prepared the claim or gave the first review.
        Refused: stale, an override waits for its decision (`decisions_open`), a line is no longer payable, or
            the budget is missing or exhausted.

    """
    actor = context.principal.actor
    today = shanghai_date(context.now)
    change = change_of(context, "subsidy_claim.approve", reason=comment)

    def attempt() -> None:
        claim = read_claim(context, claim_id, "subsidy_claim.approve")
        refuse(why_not("approve", claim, context.principal.hands, version=version))
        rejections, totals = _reject_lines(claim, rejected_lines)
        training_class = read_class(claim.class_id)
        refuse(open_below(Stage.SECOND_REVIEW, undecided(training_class, today)))
        policy = training_class.policy
        going_on, evidence = _require_still_payable(context, claim, rejected_lines)
        entries = enter(going_on, evidence, policy)
        _refuse_lost(entries.without_room)
        ends_on = _publicity_ends_on(today, publicity_days(claim.institution, policy, context.now))
        begun = publicised(
            claim,
            approved_by=actor,
            approved_on=today,
            ends_on=ends_on,
            payee_id=_payee_looked_at(claim),
        )
        after = changed(claim, {**begun, **totals})
        reserve = budget_store.reserve_write(
            claim.city, today.year, claim.program_id, amount_fen=after.amount_fen
        )
        moves: list[Write] = [store.move_write(claim, after), reserve, *rejections]
        try:
            transact([*moves, *entries.writes], change=change)
        except ConditionFailed as failure:
            _refuse_without_budget(failure, amount_fen=after.amount_fen, year=today.year)
            raise  # decided meanwhile, or a person was approved elsewhere

    until_written(attempt)
    return store.read_claim(claim_id)


def _payee_looked_at(claim: Claim) -> str | None:
    """Give the account that was in force when the first review looked: what is approved is paid to that one.

    One that came into force since is paid to once a finance officer has looked at it (`holds.payees`).
    """
    if claim.reviewed_at is None:
        return None
    recipient = to_be_paid([claim.institution]).get(claim.institution)
    return recipient.in_force(claim.reviewed_at) if recipient is not None else None


def withdraw_approval(context: Context, claim_id: str, *, version: int, reason: str) -> Claim:
    """Withdraw one's own second review while publicity has not run a day: it was a mistake.

    What it reserved is free again, the lines it rejected are back, and another second review is needed.

    Raises:
        Forbidden: `approval_not_yours`.
        Refused: stale, the claim is not in publicity, `objection_open`, or `approval_stands`.

    """
    today, own = shanghai_date(context.now), context.principal.own
    change = change_of(context, _WITHDRAW, reason=reason)

    def attempt() -> None:
        claim = read_claim(context, claim_id, _WITHDRAW)
        refuse(why_not_withdraw_approval(claim, own, today=today, version=version))
        restored = [line for line in lines_of(claim) if _was_rejected_at_approval(line)]
        totals: Changes = {
            "line_count": claim.line_count + len(restored),
            "amount_fen": claim.amount_fen + sum(line.amount_fen for line in restored),
        }
        after = changed(claim, {**approval_withdrawn(claim, context.now), **totals})
        moves: list[Write] = [store.move_write(claim, after)]
        if claim.budget_year is not None:  # none is left where an earlier run of this call has withdrawn it
            year, fen = claim.budget_year, claim.amount_fen
            moves.append(budget_store.unreserve_write(claim.city, year, claim.program_id, amount_fen=fen))
        transact([*moves, *_restored(context, claim, restored)], change=change)

    until_written(attempt)
    return store.read_claim(claim_id)


def _restored(context: Context, claim: Claim, lines: Sequence[Line]) -> list[Write]:
    """Give the writes that take lines into a claim again, with the holds that stand on its class by now."""
    if not lines:
        return []
    standing, gone = find_class_holds(claim.class_id), let_go_meanwhile(lines)
    writes: list[Write] = [class_holds_check(claim.class_id, standing)]
    for line in lines:
        of_class = holds_from_class(standing, line.enrolment_id)
        holds = [*dict.fromkeys([*(hold for hold in line.holds if hold not in gone), *of_class])]
        since = since_with(line, holds, context.now)
        writes.append(store.restore_line_write(line, holds, since=since))
    return writes


_WITHDRAW = "subsidy_claim.withdraw_approval"


def _was_rejected_at_approval(line: Line) -> bool:
    """Tell whether second review has rejected a line: nothing changes a rejected line after that."""
    change = line.last_change
    by_approval = change is not None and change.action == "subsidy_claim.approve"
    return line.status is LineStatus.REJECTED and not line.dropped and by_approval


def _publicity_ends_on(today: date, working_days: int) -> date:
    """Count the working days of publicity from the day after second review.

    Example: approved on Tuesday, 1 September 2026, five working days of publicity: 2, 3, 4, 7 and 8
    September. The last day is the 8th.
    """
    ends_on = add_working_days(today, working_days)
    if not calendar_known(ends_on.year):
        _tell_of_missing_plan(ends_on.year)
    return ends_on


@functools.cache
def _tell_of_missing_plan(year: int) -> None:
    """Log, once a process, that publicity is counted without a year's plan of holidays and make-up days."""
    log("calendar_plan_missing", year=year)


def send_back(context: Context, claim_id: str, *, version: int, reason: str) -> Claim:
    """Return a claim to the institution with a reason."""
    change = change_of(context, "subsidy_claim.return", reason=reason)
    back = returned(reason, context.now)
    return _decide_at_once(context, claim_id, "return", back, version=version, change=change)


def reject(context: Context, claim_id: str, *, version: int, reason: str) -> Claim:
    """Reject a claim for good: its class closes, and with it every voucher redeemed for it."""
    change = change_of(context, "subsidy_claim.reject", reason=reason)

    def attempt() -> None:
        claim = read_claim(context, claim_id, "subsidy_claim.reject")
        refuse(why_not("reject", claim, context.principal.hands, version=version))
        transact(rejection_writes(claim, reason), change=change)

    until_written(attempt)
    return store.read_claim(claim_id)


def _decide_at_once(
    context: Context, claim_id: str, action: str, changes: Changes, *, version: int, change: Change
) -> Claim:
    """Decide with one call: area, state, version and separation of duties are the write's condition."""
    principal = context.principal
    right = f"subsidy_claim.{action}"
    rights.admit(principal, right)
    if not is_id(claim_id, "clm"):
        raise error("not_found")
    try:
        return store.decide(
            claim_id,
            action,
            changes,
            version=version,
            where=_where(principal.division),
            hands=principal.hands,
            change=change,
        )
    except ConditionFailed as failure:
        claim = failure.old
        if not isinstance(claim, Claim):
            raise error("not_found") from None
        rights.require(principal, right, division=claim.division, institution=claim.institution)
        refuse(why_not(action, claim, principal.hands, version=version))
        raise error("try_again") from None


def _where(area: str) -> tuple[str, str] | None:
    if area == PROVINCE:
        return None
    cities, county = cities_of(area)
    return ("city", cities[0]) if county is None else ("division", county)


def _reject_lines(claim: Claim, reasons: Mapping[str, str]) -> tuple[list[Write], Changes]:
    """Give the writes that reject lines, with the reasons by line, and what is left of the claim's totals."""
    if not reasons:
        return [], {}
    lines: dict[str, Line] = {line.id: line for line in lines_of(claim)}
    unknown = [place for place, line_id in enumerate(reasons) if line_id not in lines]
    if unknown:
        faults = tuple(Fault("line_unknown", field=f"rejected_lines[{place}].id") for place in unknown)
        raise error("line_unknown", faults=faults)
    fresh = [lines[line_id] for line_id in reasons if lines[line_id].status is not LineStatus.REJECTED]
    count = claim.line_count - len(fresh)
    if count <= 0:
        raise error("all_lines_rejected")
    for line in fresh:
        LINE_TRANSITIONS.require("reject", line.status)
    amount_fen = claim.amount_fen - sum(line.amount_fen for line in fresh)
    rejections = [store.reject_line_write(line, reasons[line.id]) for line in fresh]
    return [*rejections], {"line_count": count, "amount_fen": amount_fen}


def _require_still_payable(
    context: Context, claim: Claim, rejected_lines: Mapping[str, str]
) -> tuple[list[Line], dict[str, PayabilityEvidence]]:
    """Decide payability again; give the lines that go on, and by enrolment what was found of each trainee."""
    lines: dict[str, Line] = {line.enrolment_id: line for line in lines_of(claim)}
    examined = examine(
        read_class(claim.class_id), today=shanghai_date(context.now), lines=lines, filed_on=filing_day(claim)
    )
    now: dict[str, Examination] = {trainee.enrolment.id: trainee for trainee in examined}
    going_on = [
        line
        for line in lines.values()
        if line.status is not LineStatus.REJECTED and line.id not in rejected_lines
    ]
    _refuse_lost([line for line in going_on if _amount_fen(now.get(line.enrolment_id)) != line.amount_fen])
    return going_on, {enrolment_id: trainee.evidence for enrolment_id, trainee in now.items()}


def _amount_fen(trainee: Examination | None) -> int | None:
    return trainee.payability.amount_fen if trainee is not None else None


def _refuse_lost(lost: Sequence[Line]) -> None:
    if lost:
        raise error("lines_not_payable", count=len(lost), lines=", ".join(sorted(line.id for line in lost)))


def _refuse_without_budget(failure: ConditionFailed, *, amount_fen: int, year: int) -> None:
    if failure.table is budget_store.BudgetRow:
        if failure.old is None:
            raise error("budget_missing", year=year) from None
        raise error("budget_exhausted", missing_fen=amount_fen - failure.old.available_fen) from None
