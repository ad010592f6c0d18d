"""Publicity and objections (公示): everybody may look, and object until the last day."""

import base64
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from chalicelib.accounts import rights
from chalicelib.accounts.disclosures.service import Look, disclose_of_many
from chalicelib.accounts.sign_in.attempts import store as attempts
from chalicelib.aws import crypto
from chalicelib.aws.crypto import SealedText
from chalicelib.aws.keys import keyed_digest
from chalicelib.aws.writes import Write, transact, until_written
from chalicelib.kernel.calendar import shanghai_date
from chalicelib.kernel.divisions import PROVINCE, covers, is_known
from chalicelib.kernel.errors import Fault
from chalicelib.kernel.ids import derived_id, is_id
from chalicelib.kernel.paging import Page, PageRequest, page_over
from chalicelib.kernel.principal import Context, Principal, change_of
from chalicelib.kernel.reasons import error, refuse
from chalicelib.subsidies.areas import cities_of
from chalicelib.subsidies.budgets import store as budget_store
from chalicelib.subsidies.claims import store
from chalicelib.subsidies.claims.closing import finish_claims
from chalicelib.subsidies.claims.dropping import drop_writes
from chalicelib.subsidies.claims.model import LINE_TRANSITIONS, Claim, Line
from chalicelib.subsidies.claims.moves import changed, claim_without, sent_back
from chalicelib.subsidies.claims.states import ClaimStatus, LineStatus
from chalicelib.subsidies.holds.model import objection_hold
from chalicelib.subsidies.holds.store import holds_write
from chalicelib.subsidies.publicity import store as objection_store
from chalicelib.subsidies.publicity.model import (
    FROM_SOURCE,
    FROM_SOURCE_TO_CLAIM,
    PUBLIC_STATES,
    Objection,
    ObjectionStatus,
    claim_without_objection,
    folded,
    is_running,
    source_of,
    why_not_object,
    why_not_resolve,
)

PUBLICITY_PAGE_MAX = 20
"""Claims a page of the public list: each brings up to a class of names."""
LISTED_MAX = 50
"""Objections a page of an area's list: as many as one call decides, each may leave a record of who looked."""


@dataclass(frozen=True)
class PublicisedClaim:
    """A claim in publicity with its lines."""

    claim: Claim
    lines: list[Line]


def publicity(context: Context, request: PageRequest, *, division: str | None) -> Page[PublicisedClaim]:
    """Show everybody the claims whose publicity runs today, with masked names."""
    if division is not None and not is_known(division):
        raise error("malformed", faults=(Fault("unknown_division", field="division"),))
    today = shanghai_date(context.now)
    cities, county = cities_of(division or PROVINCE)
    part = replace(request, limit=min(request.limit, PUBLICITY_PAGE_MAX))
    page = page_over(cities, part, lambda city, rest: store.publicised_claims(city, rest, on=today))
    running = [
        claim
        for claim in page.items
        if is_running(claim, today) and (county is None or claim.division == county)
    ]
    line_ids = [line_id for claim in running for line_id in claim.line_ids]
    lines = {line.id: line for line in store.find_lines(line_ids) if line.status is not LineStatus.REJECTED}
    return Page(
        items=[
            PublicisedClaim(claim, [lines[line_id] for line_id in claim.line_ids if line_id in lines])
            for claim in running
        ],
        after=page.after,
    )


# --------------------------------------------------------------------------- objecting


@dataclass(frozen=True)
class FiledObjection:
    """An objection; `created` unless the same was said before, and then no other contact is kept."""

    objection: Objection
    created: bool


def object_to(
    context: Context,
    claim_id: str,
    *,
    reason: str,
    contact: str | None,
    source: str,
    line_id: str | None = None,
) -> FiledObjection:
    """Object until the last day of publicity; the line, or the whole claim, stops until it is decided.

    What says the same as an open one is counted with it. `source` is the address it came from.

    Raises:
        NotFound: there is no such claim in public.
        Impossible: `line_unknown`, the claim has no such line.
        Refused: `publicity_over`, or `too_many_objections` wait for a decision already.
        TooMany: `objections_too_fast`, too many came from there within the hour.

    """
    claim, ends_on = _claim_in_public(claim_id)
    _paced(source, claim.id, context.now)
    text, filing = reason.strip(), claim.submitted_at.isoformat()
    # The same words of a claim filed anew are another objection.
    objection_id = derived_id(
        "obj", line_id or claim_id, keyed_digest("objection", folded(text)).hex(), filing
    )
    read_already, claim_read = [claim], claim
    change = change_of(context, "claim.object")

    def attempt() -> FiledObjection:
        known = objection_store.find_objection(objection_id)
        if known is not None:
            if known.status is ObjectionStatus.OPEN and is_running(claim_read, shanghai_date(context.now)):
                transact(objection_store.same_writes(known), change=change)
            return FiledObjection(known, created=False)
        claim = read_already.pop() if read_already else store.read_claim(claim_id)
        refuse(why_not_object(claim, shanghai_date(context.now), ends_on=ends_on))
        line = _line_of(claim, line_id) if line_id is not None else None
        objection = Objection(
            id=objection_id,
            claim_id=claim.id,
            line_id=line.id if line is not None else None,
            division=claim.division,
            status=ObjectionStatus.OPEN,
            sealed_reason=crypto.seal(text.encode(), item=objection_id),
            sealed_contact=crypto.seal(contact.encode(), item=objection_id) if contact else None,
            created_at=context.now,
            publicity_ends_on=ends_on,
        )
        transact(objection_store.object_writes(objection, claim, line), change=change)
        return FiledObjection(objection, created=True)

    return until_written(attempt)


def _paced(source: str, claim_id: str, now: datetime) -> None:
    """Count an objection against the address it comes from, by the very write that lets it pass.

    The address is kept as a keyed digest, for an hour.
    """
    place = source_of(source)
    here = _source_key(place, claim_id)
    seconds = attempts.take_under(here, FROM_SOURCE_TO_CLAIM, now)
    if not seconds:
        seconds = attempts.take_under(_source_key(place), FROM_SOURCE, now)
        if seconds:
            attempts.give_back(here, now)
    if seconds:
        raise error("objections_too_fast", retry_after_seconds=seconds)


def _source_key(*parts: str) -> str:
    digest = keyed_digest("objection source", " ".join(parts))[:15]
    return "obj_" + base64.b32encode(digest).decode().lower()


def _claim_in_public(claim_id: str) -> tuple[Claim, date]:
    """Give a claim that is, or was, in public, and the last day of it."""
    claim = store.find_claim(claim_id) if is_id(claim_id, "clm") else None
    if claim is None or claim.status not in PUBLIC_STATES or claim.publicity_ends_on is None:
        raise error("not_found")
    return claim, claim.publicity_ends_on


def _line_of(claim: Claim, line_id: str) -> Line:
    """Read a line of a claim to which one can still object."""
    line = store.find_line(line_id) if line_id in claim.line_ids else None
    if line is None or not LINE_TRANSITIONS.allows("drop", line.status):
        raise error("line_unknown", faults=(Fault("line_unknown", field="line_id"),))
    return line


# --------------------------------------------------------------------------- reading


def objections_in(
    context: Context, request: PageRequest, *, status: ObjectionStatus, division: str | None
) -> Page[Objection]:
    """List the objections of the caller's area, or a part of it, in one state, the oldest of a city first."""
    area = division or context.principal.division
    rights.require(context.principal, "objection.read", division=area)
    part = replace(request, limit=min(request.limit, LISTED_MAX))
    return objection_store.objections_in(area, part, status=status)


def objections_to(
    context: Context,
    claim_id: str,
    request: PageRequest,
    *,
    status: ObjectionStatus | None,
    division: str | None,
) -> Page[Objection]:
    """List the objections to a claim, for bureaus; none if it is not of the division asked for."""
    claim = store.find_claim(claim_id) if is_id(claim_id, "clm") else None
    if claim is None:
        raise error("not_found")
    rights.require(context.principal, "objection.read", division=claim.division)
    if division is not None and not covers(division, claim.division):
        return Page(items=[])
    return objection_store.objections_to(claim_id, request, status=status)


@dataclass(frozen=True)
class ToldObjection:
    """What whoever has an objection's number may know: its claim is for bureaus, the rest for everybody."""

    claim_id: str
    status: ObjectionStatus
    filed_on: date
    decided_on: date | None


def told_of(objection_id: str) -> ToldObjection | None:
    """Tell what became of an objection to who has its number; None if there is none of it.

    Its writer is anonymous, so the number is all they have: 120 bits derived from a keyed digest of their own
    words, which nobody can guess who has neither. It is told no person, no words and nothing of the claim.
    """
    objection = objection_store.find_objection(objection_id) if is_id(objection_id, "obj") else None
    if objection is None:
        return None
    change = objection.last_change
    is_decided = objection.status is not ObjectionStatus.OPEN and change is not None
    return ToldObjection(
        claim_id=objection.claim_id,
        status=objection.status,
        filed_on=shanghai_date(objection.created_at),
        decided_on=shanghai_date(change.at) if is_decided and change is not None else None,
    )


def claims_of(objections: Sequence[Objection]) -> Mapping[str, Claim]:
    """Give the claims of these, by id."""
    objection_store.want_counts(objection.id for objection in objections)
    return {claim.id: claim for claim in store.find_claims(sorted({each.claim_id for each in objections}))}


@dataclass(frozen=True)
class OpenedObjection:
    """An objection with what the objector wrote, how they can be reached, and how often it was said."""

    objection: Objection
    reason: str
    contact: str | None
    same_count: int


def opened(context: Context, objections: Sequence[Objection]) -> list[OpenedObjection]:
    """Open objections; one record of each claim tells who looked."""
    counts = objection_store.same_counts([objection.id for objection in objections])
    by_claim: dict[str, list[Objection]] = {}
    for objection in objections:
        by_claim.setdefault(objection.claim_id, []).append(objection)
    looks = [
        Look(claim_id, of_claim[0].division, _sealed(of_claim)) for claim_id, of_claim in by_claim.items()
    ]
    texts = disclose_of_many(context, looks, purpose="show objections")
    found = {
        each.objection.id: each
        for of_claim, read in zip(by_claim.values(), texts, strict=True)
        for each in _opened_of_claim(of_claim, iter(read), counts)
    }
    return [found[objection.id] for objection in objections]


def _sealed(objections: Sequence[Objection]) -> list[SealedText]:
    return [
        SealedText(text, objection.id)
        for objection in objections
        for text in (objection.sealed_reason, objection.sealed_contact)
        if text is not None
    ]


def _opened_of_claim(
    objections: Sequence[Objection], texts: Iterator[bytes], counts: Mapping[str, int]
) -> list[OpenedObjection]:
    return [
        OpenedObjection(
            objection,
            next(texts).decode(),
            next(texts).decode() if objection.sealed_contact is not None else None,
            counts.get(objection.id, 1),
        )
        for objection in objections
    ]


def allowed_on_objection(principal: Principal, objection: Objection, claim: Claim) -> list[str]:
    """List what this caller may do with an objection to a claim now."""
    return rights.offered(
        principal,
        {"resolve": "objection.resolve"},
        lambda _: why_not_resolve(objection, claim, principal.hands),
        division=objection.division,
    )


# --------------------------------------------------------------------------- deciding


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
    change = change_of(context, "objection.resolve", reason=reason)
    actor = context.principal.actor

    def attempt() -> Claim:
        objection = _read_objection(objection_id)
        rights.require(context.principal, "objection.resolve", division=objection.division)
        claim = store.read_claim(objection.claim_id)
        refuse(why_not_resolve(objection, claim, context.principal.hands, version=version))
        decision = objection_store.resolve_write(
            objection, outcome, version=version, resolution=reason, actor=actor
        )
        transact([decision, *_consequences(objection, claim, outcome, reason, context.now)], change=change)
        return claim

    claim = until_written(attempt)
    finish_claims([store.read_claim(claim.id)], change)
    return _read_objection(objection_id)


def _read_objection(objection_id: str) -> Objection:
    objection = objection_store.find_objection(objection_id) if is_id(objection_id, "obj") else None
    if objection is None:
        raise error("not_found")
    return objection


def _consequences(
    objection: Objection, claim: Claim, outcome: ObjectionStatus, reason: str, now: datetime
) -> list[Write]:
    """Give what a decision does to the claim, and to the line if it is about one."""
    about_line = objection.line_id is not None
    eased = claim_without_objection(claim, about_line=about_line)
    if about_line:
        return _line_after(objection, claim, eased, outcome, reason=reason, now=now)
    if outcome is ObjectionStatus.DISMISSED:
        return [store.move_write(claim, eased)]
    moved = store.move_write(claim, changed(eased, sent_back(eased, reason, now)))
    if claim.status is not ClaimStatus.PUBLICISED:
        return [moved]
    assert claim.budget_year is not None
    freed = budget_store.unreserve_write(
        claim.city, claim.budget_year, claim.program_id, amount_fen=claim.amount_fen
    )
    return [moved, freed]


def _line_after(
    objection: Objection,
    claim: Claim,
    eased: Claim,
    outcome: ObjectionStatus,
    *,
    reason: str,
    now: datetime,
) -> list[Write]:
    """Let the line go on, or take it out of its claim; of one that is gone nothing is left to decide."""
    hold = objection_hold(objection.id)
    line = store.find_line(str(objection.line_id))
    if line is None or hold not in line.holds or not LINE_TRANSITIONS.allows("drop", line.status):
        return [store.move_write(claim, eased)]
    if outcome is ObjectionStatus.UPHELD:
        if line.id in claim.line_ids:
            return drop_writes(claim, claim_without(eased, line), line, reason)
        left_out = store.drop_line_write(line, reason)  # not in the claim now, nor when it is sent again
        return [store.move_write(claim, eased), left_out]
    going_on = [other for other in line.holds if other != hold]
    return [store.move_write(claim, eased), holds_write(line, going_on, at=now)]
