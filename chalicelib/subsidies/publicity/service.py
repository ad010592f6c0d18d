"""Publicity and objections (公示): everybody may look, and object until the last day."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from chalicelib.accounts import rights
from chalicelib.accounts.disclosures.service import disclose
from chalicelib.aws import crypto
from chalicelib.aws.crypto import SealedText
from chalicelib.aws.keys import keyed_digest
from chalicelib.aws.writes import ConditionFailed, Write, refuse_stale, transact
from chalicelib.kernel.calendar import shanghai_date
from chalicelib.kernel.divisions import PROVINCE, is_known
from chalicelib.kernel.errors import DomainError, Fault
from chalicelib.kernel.ids import LineId, derived_id, is_id
from chalicelib.kernel.paging import Page, PageRequest, page_over
from chalicelib.kernel.principal import Context, Principal, change_of
from chalicelib.kernel.reasons import error
from chalicelib.subsidies.areas import cities_of
from chalicelib.subsidies.budgets import store as budget_store
from chalicelib.subsidies.claims import store
from chalicelib.subsidies.claims.closing import finish_claims
from chalicelib.subsidies.claims.dropping import drop_writes
from chalicelib.subsidies.claims.model import (
    LINE_TRANSITIONS,
    OBJECTIONS_MAX,
    Claim,
    ClaimStatus,
    Line,
    LineStatus,
    Objection,
    ObjectionStatus,
    claim_sent_back,
    claim_without,
    claim_without_objection,
    has_hand_in,
    hold_of,
    is_running,
)
from chalicelib.subsidies.holds import store as hold_store
from chalicelib.subsidies.publicity import store as objection_store

_TRIES = 5


@dataclass(frozen=True)
class Publicised:
    """A claim in publicity with its lines."""

    claim: Claim
    lines: list[Line]


PUBLICITY_PAGE_MAX = 20
"""Claims a page of the public list: each brings up to a class of names."""


def publicity(context: Context, request: PageRequest, *, division: str | None) -> Page[Publicised]:
    """Show everybody the claims whose publicity runs today, with masked names."""
    if division is not None and not is_known(division):
        raise error("malformed", faults=(Fault("unknown_division", field="division"),))
    today = shanghai_date(context.now)
    cities, county = cities_of(division or PROVINCE)
    part = PageRequest(limit=min(request.limit, PUBLICITY_PAGE_MAX), after=request.after)
    page = page_over(cities, part, lambda city, one: store.publicised_claims(city, one, on=today))
    running = [
        claim
        for claim in page.items
        if is_running(claim, today) and (county is None or claim.division == county)
    ]
    wanted = [line_id for claim in running for line_id in claim.line_ids]
    lines = {line.id: line for line in store.find_lines(wanted) if line.status is not LineStatus.REJECTED}
    return Page(
        items=[
            Publicised(claim, [lines[one] for one in claim.line_ids if one in lines]) for claim in running
        ],
        after=page.after,
    )


@dataclass(frozen=True)
class Objected:
    """An objection; `created` unless this was a repeat."""

    objection: Objection
    created: bool


_PUBLIC_STATES = (ClaimStatus.PUBLICISED, ClaimStatus.PAYABLE, ClaimStatus.BATCHED, ClaimStatus.PAID)


def object_to(
    context: Context, claim_id: str, *, reason: str, contact: str | None, line_id: str | None = None
) -> Objected:
    """Object until the last day of publicity; the line, or the whole claim, stops until it is decided.

    Raises:
        NotFound: there is no such claim in public.
        Impossible: `line_unknown`, the claim has no such line.
        Refused: `publicity_over`, or `too_many_objections` wait for a decision already.

    """
    claim = store.find_claim(claim_id) if is_id(claim_id, "clm") else None
    if claim is None or claim.status not in _PUBLIC_STATES or claim.publicity_ends_on is None:
        raise error("not_found")
    ends_on = claim.publicity_ends_on
    text = reason.strip()
    about = line_id or claim_id
    filing = claim.submitted_at.isoformat()  # the same words of a claim filed anew are another objection
    objection_id = derived_id("obj", about, keyed_digest("objection", text).hex(), filing)
    known = objection_store.find_objection(objection_id)
    if known is not None:
        return Objected(known, created=False)
    _require_open(claim, ends_on, context)
    if line_id is not None and line_id not in claim.line_ids:
        raise error("line_unknown", faults=(Fault("line_unknown", field="line_id"),))
    objection = Objection(
        id=objection_id,
        claim_id=claim.id,
        line_id=LineId(line_id) if line_id is not None else None,
        division=claim.division,
        status=ObjectionStatus.OPEN,
        sealed_reason=crypto.seal(text.encode(), item=objection_id),
        sealed_contact=crypto.seal(contact.encode(), item=objection_id) if contact else None,
        created_at=context.now,
        publicity_ends_on=ends_on,
    )
    change = change_of(context, "claim.object")
    for _ in range(_TRIES):
        try:
            transact(_objecting(objection, claim), change=change)
        except ConditionFailed:
            known = objection_store.find_objection(objection_id)
            if known is not None:
                return Objected(known, created=False)
            claim = store.read_claim(claim_id)
            _require_open(claim, ends_on, context)
            continue  # another hold came between
        return Objected(objection, created=True)
    raise error("try_again")


def _require_open(claim: Claim, ends_on: date, context: Context) -> None:
    """Refuse an objection to what is no longer in public, or to which too many wait for a decision."""
    if not is_running(claim, shanghai_date(context.now)):
        raise error("publicity_over", ends_on=ends_on.isoformat())
    if claim.publicity_ends_on != ends_on:
        raise error("not_found")  # sent back and publicised anew since: another list is in public now
    if claim.objections >= OBJECTIONS_MAX:
        raise error("too_many_objections", limit=OBJECTIONS_MAX)


def _objecting(objection: Objection, claim: Claim) -> list[Write]:
    if objection.line_id is None:
        return [*objection_store.object_writes(objection, claim, None)]
    line = store.find_line(objection.line_id)
    if line is None or not LINE_TRANSITIONS.allows("drop", line.status):
        raise error("line_unknown", faults=(Fault("line_unknown", field="line_id"),))
    return [*objection_store.object_writes(objection, claim, line)]


def objections_to(context: Context, claim_id: str, request: PageRequest) -> Page[Objection]:
    """List a claim's objections for bureaus."""
    claim = store.find_claim(claim_id) if is_id(claim_id, "clm") else None
    if claim is None:
        raise error("not_found")
    rights.require(context.principal, "objection.read", division=claim.division)
    return objection_store.objections_to(claim_id, request)


@dataclass(frozen=True)
class Told:
    """An objection with what the objector wrote and how they can be reached."""

    objection: Objection
    reason: str
    contact: str | None


def told(context: Context, objections: Sequence[Objection]) -> list[Told]:
    """Open objections of one claim; one record of the claim tells who looked."""
    if not objections:
        return []
    texts = {one.id: [one.sealed_reason, one.sealed_contact] for one in objections}
    sealed = [SealedText(text, item) for item, both in texts.items() for text in both if text is not None]
    claim = objections[0]
    opened = iter(
        disclose(context, sealed, subject=claim.claim_id, division=claim.division, purpose="show objections")
    )
    return [
        Told(one, next(opened).decode(), next(opened).decode() if one.sealed_contact is not None else None)
        for one in objections
    ]


def resolve_objection(
    context: Context, objection_id: str, *, version: int, outcome: ObjectionStatus, reason: str
) -> Objection:
    """Decide on an objection: dismissed, its line or claim goes on.

    Upheld, a line is taken out of its claim, and a claim returns to the institution, whichever review it has
    come to meanwhile.

    Raises:
        NotFound: there is none in the caller's area.
        Forbidden: `self_approval`, by who applied for the claim or reviewed it, in whatever role then.
        Refused: it is decided, or has another version.

    """
    objection = objection_store.find_objection(objection_id) if is_id(objection_id, "obj") else None
    if objection is None:
        raise error("not_found")
    rights.require(context.principal, "objection.resolve", division=objection.division)
    change = change_of(context, "objection.resolve", reason=reason)
    actor = context.principal.actor
    for _ in range(_TRIES):
        claim = store.read_claim(objection.claim_id)
        if has_hand_in(claim, actor):
            raise error("self_approval")
        refuse_stale(objection, sources=(ObjectionStatus.OPEN,), version=version)
        decided = objection_store.resolve_write(
            objection_id, version=version, outcome=outcome, resolution=reason, actor=actor
        )
        try:
            transact([decided, *_consequences(objection, claim, outcome, reason)], change=change)
        except ConditionFailed:
            objection = _objection_again(objection_id)
            continue
        finish_claims([store.read_claim(objection.claim_id)], change)
        return _objection_again(objection_id)
    raise error("try_again")


def _objection_again(objection_id: str) -> Objection:
    objection = objection_store.find_objection(objection_id)
    if objection is None:
        raise error("not_found")
    return objection


def _consequences(objection: Objection, claim: Claim, outcome: ObjectionStatus, reason: str) -> list[Write]:
    """Give what a decision does to the claim, and to the line if it is about one."""
    about_line = objection.line_id is not None
    eased = claim_without_objection(claim, about_line=about_line)
    if about_line:
        return _line_after(objection, claim, eased, outcome, reason)
    if outcome is ObjectionStatus.DISMISSED:
        return [store.move_write(claim, eased)]
    moved = store.move_write(claim, claim_sent_back(eased, reason))
    if claim.status is not ClaimStatus.PUBLICISED:
        return [moved]
    assert claim.budget_year is not None
    freed = budget_store.unreserve_write(
        claim.city, claim.budget_year, claim.program_id, amount_fen=claim.amount_fen
    )
    return [moved, freed]


def _line_after(
    objection: Objection, claim: Claim, eased: Claim, outcome: ObjectionStatus, reason: str
) -> list[Write]:
    """Let the line go on, or take it out of its claim; of one that is gone nothing is left to decide."""
    line = store.find_line(str(objection.line_id))
    stopped = line is not None and hold_of(objection.id) in line.holds
    if line is None or not stopped or not LINE_TRANSITIONS.allows("drop", line.status):
        return [store.move_write(claim, eased)]
    if outcome is ObjectionStatus.UPHELD:
        if line.id in claim.line_ids:
            return drop_writes(claim, claim_without(eased, line), line, reason)
        left_out = store.drop_line_write(line, reason)  # not in the claim now, nor when it is sent again
        return [store.move_write(claim, eased), left_out]
    going_on = [hold for hold in line.holds if hold != hold_of(objection.id)]
    return [store.move_write(claim, eased), hold_store.holds_write(line, going_on)]


@dataclass(frozen=True)
class Resolution:
    """What a supervisor decides on one of several objections."""

    objection_id: str
    version: int
    outcome: ObjectionStatus
    reason: str


@dataclass(frozen=True)
class Resolved:
    """What became of one resolution: the objection as it is now, or why it was refused."""

    resolution: Resolution
    objection: Objection | None
    refusal: DomainError | None


def resolve_many(context: Context, resolutions: Sequence[Resolution]) -> list[Resolved]:
    """Decide on several objections in turn: each by itself, under the same rules as one alone."""
    return [_resolve_one(context, one) for one in resolutions]


def _resolve_one(context: Context, one: Resolution) -> Resolved:
    try:
        objection = resolve_objection(
            context, one.objection_id, version=one.version, outcome=one.outcome, reason=one.reason
        )
    except DomainError as refusal:
        return Resolved(one, None, refusal)
    return Resolved(one, objection, None)


def allowed_on_objection(principal: Principal, objection: Objection) -> list[str]:
    """List what this caller may do with an objection now."""
    may = rights.reaches(principal, "objection.resolve", division=objection.division)
    return ["resolve"] if may and objection.status is ObjectionStatus.OPEN else []
