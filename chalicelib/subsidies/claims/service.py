"""Use cases of subsidy claims: reading, first and second review, returning, rejecting."""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from chalicelib.accounts import rights
from chalicelib.aws.logs import log
from chalicelib.aws.writes import ConditionFailed, Write, refuse_stale, transact
from chalicelib.classes.scores.store import close_write
from chalicelib.classes.service import read_class
from chalicelib.kernel.calendar import add_working_days, calendar_known, shanghai_date
from chalicelib.kernel.divisions import PROVINCE
from chalicelib.kernel.errors import DomainError, Fault
from chalicelib.kernel.ids import is_id
from chalicelib.kernel.paging import Page, PageRequest, page_over
from chalicelib.kernel.principal import Change, Context, Principal, Role, change_of
from chalicelib.kernel.reasons import error
from chalicelib.programs.model import Policy
from chalicelib.subsidies.areas import cities_of
from chalicelib.subsidies.budgets import store as budget_store
from chalicelib.subsidies.claims import store
from chalicelib.subsidies.claims.closing import close_vouchers
from chalicelib.subsidies.claims.model import (
    CLAIM_TRANSITIONS,
    LINE_TRANSITIONS,
    Claim,
    ClaimStatus,
    Leftover,
    Line,
    LineStatus,
    is_prepared_by,
)
from chalicelib.subsidies.payability.model import Evidence
from chalicelib.subsidies.payability.service import Examined, examine, filed_on_of
from chalicelib.subsidies.register.service import enter

_TRIES = 5


# --------------------------------------------------------------------------- reading


def read_claim(context: Context, claim_id: str, action: str = "subsidy_claim.read") -> Claim:
    """Read a claim of the caller's area or institution."""
    claim = store.find_claim(claim_id) if is_id(claim_id, "clm") else None
    if claim is None:
        raise error("not_found")
    rights.require(context.principal, action, division=claim.division, institution=claim.institution)
    return claim


def lines_of(claim: Claim) -> list[Line]:
    """Read a claim's lines."""
    return store.find_lines(claim.line_ids)


def list_claims(
    context: Context, request: PageRequest, *, division: str | None, status: ClaimStatus | None
) -> Page[Claim]:
    """List claims, newest first: an institution its own, a bureau those of its area or a part of it."""
    principal = context.principal
    today = shanghai_date(context.now)
    rights.admit(principal, "subsidy_claim.read")
    if principal.role is Role.INSTITUTION:
        if principal.institution is None:
            raise error("not_found")
        page = store.claims_of(principal.institution, request, status=status, today=today)
        if division is None:
            return page
        return Page(items=[one for one in page.items if one.division.startswith(division)], after=page.after)
    area = division or principal.division
    rights.require(principal, "subsidy_claim.read", division=area)
    cities, county = cities_of(area)
    return page_over(
        cities,
        request,
        lambda city, part: store.claims_in(city, part, division=county, status=status, today=today),
    )


def allowed_actions(principal: Principal, claim: Claim) -> list[str]:
    """List what this caller may do with a claim now."""
    found = []
    for action in ("submit", "review", "approve", "return", "reject"):
        right = f"subsidy_claim.{action}"
        if not CLAIM_TRANSITIONS.allows(action, claim.status):
            continue
        if not rights.reaches(principal, right, division=claim.division, institution=claim.institution):
            continue
        if action != "submit" and is_prepared_by(claim, principal.actor):
            continue
        if action == "approve" and principal.actor == claim.reviewed_by:
            continue
        found.append(action)
    return found


# --------------------------------------------------------------------------- deciding


def review(
    context: Context, claim_id: str, *, version: int, rejected_lines: Mapping[str, str], comment: str | None
) -> Claim:
    """First review by a clerk who did not prepare the claim; lines may be rejected with a reason."""
    change = change_of(context, "subsidy_claim.review", reason=comment)
    note = store.review_actions(context.principal.actor)
    if not rejected_lines:
        return _decide_at_once(context, claim_id, "review", version=version, actions=note, change=change)
    claim = read_claim(context, claim_id, "subsidy_claim.review")
    _require_decidable(claim, "review", version, context.principal.actor)
    rejections, count, amount_fen = _reject_lines(claim, rejected_lines)
    totals = store.totals_actions(count=count, amount_fen=amount_fen)
    _commit(claim, "review", [store.decide_write(claim, "review", [*note, *totals]), *rejections], change)
    return store.read_claim(claim_id)


def approve(
    context: Context, claim_id: str, *, version: int, rejected_lines: Mapping[str, str], comment: str | None
) -> Claim:
    """Second review: payability is decided again, the budget reserved and publicity begun, in one write.

    Raises:
        Forbidden: `self_approval`, who prepared the claim or gave the first review.
        Refused: stale, a line is no longer payable, or the budget is missing or exhausted.

    """
    claim = read_claim(context, claim_id, "subsidy_claim.approve")
    actor = context.principal.actor
    today = shanghai_date(context.now)
    change = change_of(context, "subsidy_claim.approve", reason=comment)
    for _ in range(_TRIES):
        _require_decidable(claim, "approve", version, actor)
        rejections, count, amount_fen = _reject_lines(claim, rejected_lines)
        policy = read_class(claim.class_id).policy
        going_on, evidence = _require_still_payable(context, claim, rejected_lines)
        entered = enter(going_on, evidence, policy)
        _refuse_lost(entered.refused)
        begin = store.publicise_actions(
            claim,
            approved_by=actor,
            budget_year=today.year,
            ends_on=_publicity_ends_on(today, policy),
        )
        totals = store.totals_actions(count=count, amount_fen=amount_fen) if rejections else []
        reserve = budget_store.reserve_write(claim.city, today.year, claim.program_id, amount_fen=amount_fen)
        moves: list[Write] = [store.approve_write(claim, [*begin, *totals]), reserve, *rejections]
        try:
            transact([*moves, *entered.writes], change=change)
        except ConditionFailed as failure:
            _refuse_without_budget(failure, amount_fen=amount_fen, year=today.year)
            claim = store.read_claim(claim_id)  # decided meanwhile, or a person was approved elsewhere
            continue
        return store.read_claim(claim_id)
    raise error("try_again")


def _publicity_ends_on(today: date, policy: Policy) -> date:
    ends_on = add_working_days(today, policy.publicity_working_days)
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
    actions = store.return_actions(reason)
    return _decide_at_once(context, claim_id, "return", version=version, actions=actions, change=change)


def reject(context: Context, claim_id: str, *, version: int, reason: str) -> Claim:
    """Reject a claim for good: its class closes, and with it every voucher redeemed for it."""
    claim = read_claim(context, claim_id, "subsidy_claim.reject")
    change = change_of(context, "subsidy_claim.reject", reason=reason)
    for _ in range(_TRIES):
        _require_decidable(claim, "reject", version, context.principal.actor)
        used = [Leftover(one.enrolment_id, one.voucher_id) for one in lines_of(claim)]
        writes: list[Write] = [
            store.decide_write(
                claim, "reject", [*store.reject_actions(reason), *store.totals_actions(count=0, amount_fen=0)]
            ),
            close_write(claim.class_id),
            *close_vouchers([*claim.leftovers, *used]),
        ]
        try:
            transact(writes, change=change)
        except ConditionFailed:
            claim = store.read_claim(claim_id)
            continue
        return store.read_claim(claim_id)
    raise error("try_again")


@dataclass(frozen=True)
class Decision:
    """What one reviewer decides on one claim; `action` is review, approve, return or reject."""

    claim_id: str
    action: str
    version: int
    reason: str | None = None
    rejected_lines: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Decided:
    """What became of one decision: the claim as it is now, or why it was refused."""

    decision: Decision
    claim: Claim | None
    refusal: DomainError | None


def decide_many(context: Context, decisions: Sequence[Decision]) -> list[Decided]:
    """Decide on several claims in turn: each by itself, under the same rules as one alone."""
    return [_decide_one(context, decision) for decision in decisions]


def _decide_one(context: Context, decision: Decision) -> Decided:
    facts = {"version": decision.version}
    try:
        match decision.action:
            case "review" | "approve":
                decide = review if decision.action == "review" else approve
                rejected = decision.rejected_lines
                claim = decide(
                    context, decision.claim_id, **facts, rejected_lines=rejected, comment=decision.reason
                )
            case _:
                decide_against = send_back if decision.action == "return" else reject
                claim = decide_against(context, decision.claim_id, **facts, reason=str(decision.reason))
    except DomainError as refusal:
        return Decided(decision, None, refusal)
    return Decided(decision, claim, None)


def _decide_at_once(
    context: Context, claim_id: str, action: str, *, version: int, actions: Sequence[object], change: Change
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
            version=version,
            where=_where(principal.division),
            not_by=principal.actor,
            actions=actions,  # type: ignore[arg-type]
            change=change,
        )
    except ConditionFailed as failure:
        old = failure.old
        if not isinstance(old, Claim):
            raise error("not_found") from None
        rights.require(principal, right, division=old.division, institution=old.institution)
        _require_decidable(old, action, version, principal.actor)
        raise error("try_again") from None


def _where(area: str) -> tuple[str, str] | None:
    if area == PROVINCE:
        return None
    cities, county = cities_of(area)
    return ("city", cities[0]) if county is None else ("division", county)


def _require_decidable(claim: Claim, action: str, version: int, actor: str) -> None:
    own_work = is_prepared_by(claim, actor) or (action == "approve" and actor == claim.reviewed_by)
    if own_work:
        raise error("self_approval")
    refuse_stale(claim, sources=CLAIM_TRANSITIONS.sources(action), version=version)


def _reject_lines(claim: Claim, rejected: Mapping[str, str]) -> tuple[list[Write], int, int]:
    """Give the writes that reject lines, and the count and amount (fen) that are left."""
    if not rejected:
        return [], claim.line_count, claim.amount_fen
    lines: dict[str, Line] = {line.id: line for line in lines_of(claim)}
    unknown = [place for place, line_id in enumerate(rejected) if line_id not in lines]
    if unknown:
        faults = tuple(Fault("line_unknown", field=f"rejected_lines[{place}].id") for place in unknown)
        raise error("line_unknown", faults=faults)
    fresh = [lines[line_id] for line_id in rejected if lines[line_id].status is not LineStatus.REJECTED]
    count = claim.line_count - len(fresh)
    if count <= 0:
        raise error("all_lines_rejected")
    for line in fresh:
        LINE_TRANSITIONS.require("reject", line.status)
    amount_fen = claim.amount_fen - sum(line.amount_fen for line in fresh)
    return [store.reject_line_write(line, rejected[line.id]) for line in fresh], count, amount_fen


def _require_still_payable(
    context: Context, claim: Claim, rejected: Mapping[str, str]
) -> tuple[list[Line], dict[str, Evidence]]:
    """Decide payability again; give the lines that go on, and by enrolment what was found of each trainee."""
    lines: dict[str, Line] = {line.enrolment_id: line for line in lines_of(claim)}
    examined = examine(
        read_class(claim.class_id),
        today=shanghai_date(context.now),
        lines=lines,
        filed_on=filed_on_of(claim),
    )
    now: dict[str, Examined] = {one.enrolment.id: one for one in examined}
    going_on = [
        line for line in lines.values() if line.status is not LineStatus.REJECTED and line.id not in rejected
    ]
    _refuse_lost(
        [
            line
            for line in going_on
            if not (line.enrolment_id in now and now[line.enrolment_id].outcome.amount_fen == line.amount_fen)
        ]
    )
    return going_on, {enrolment_id: one.evidence for enrolment_id, one in now.items()}


def _refuse_lost(lost: Sequence[Line]) -> None:
    if lost:
        raise error("lines_not_payable", count=len(lost), lines=", ".join(sorted(line.id for line in lost)))


def _commit(claim: Claim, action: str, writes: Sequence[Write], change: Change) -> None:
    try:
        transact(writes, change=change)
    except ConditionFailed:
        again = store.read_claim(claim.id)
        refuse_stale(again, sources=CLAIM_TRANSITIONS.sources(action), version=claim.version)
        raise error("try_again") from None


def _refuse_without_budget(failure: ConditionFailed, *, amount_fen: int, year: int) -> None:
    if failure.table is budget_store.BudgetRow:
        if failure.old is None:
            raise error("budget_missing", year=year) from None
        raise error("budget_exhausted", missing_fen=amount_fen - failure.old.available_fen) from None
