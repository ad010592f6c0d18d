"""Use cases of holds: stop a payment, and let it go again (停止支付)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import msgspec

from chalicelib.accounts import rights
from chalicelib.aws.writes import TRANSACTION_ITEMS_MAX, Write, transact, until_written
from chalicelib.catalogue.institutions import store as institution_store
from chalicelib.catalogue.institutions.paying import to_be_paid
from chalicelib.catalogue.institutions.reading import find_institution, forget_institutions
from chalicelib.kernel.errors import DomainError
from chalicelib.kernel.ids import Uscc, is_id, new_id
from chalicelib.kernel.paging import Page, PageRequest, page_over
from chalicelib.kernel.ports import Port
from chalicelib.kernel.principal import Change, Context, Role, change_of
from chalicelib.kernel.reasons import error, refuse
from chalicelib.subsidies.areas import cities_of
from chalicelib.subsidies.budgets.model import budget_division
from chalicelib.subsidies.claims import store as claim_store
from chalicelib.subsidies.claims.model import Claim, Line, claim_of_line
from chalicelib.subsidies.claims.moves import changed, taken_out_after
from chalicelib.subsidies.holds import payees, store
from chalicelib.subsidies.holds.institutions import changed_payee
from chalicelib.subsidies.holds.model import (
    LIFTED_BY,
    PAYEE_CHANGED,
    SENTENCES,
    STOPPERS,
    UNPAID,
    Hold,
    HoldCode,
    HoldKind,
    HoldStatus,
    SubjectKind,
    claim_of_hold,
    derived_hold_id,
    hold_id_of_rule,
    is_of_kind,
    lifters_of_stop,
    line_of_hold,
    since_with,
    stop_hold,
    stops_of,
    why_not_release,
)
from chalicelib.subsidies.payments.store import take_out_line_write

_SYSTEM = "system:holds"
HOLD_TRIES = 10
"""Sealing, lists and objections change a line at once; whoever stops a payment does not want to ask again."""


@dataclass(frozen=True)
class OutOfBatches:
    """Which of some lines come out of their batches, and the writes that take them out.

    `let_go` are those that free what was kept of their payments for debts.
    """

    line_ids: frozenset[str] = frozenset()
    writes: Sequence[Write] = ()
    too_late: frozenset[str] = frozenset()
    let_go: Sequence[Write] = ()


lines_out_of_batches: Port[[Sequence[Line]], OutOfBatches] = Port("lines_out_of_batches")
"""Asks settlement to take lines out of batches; of those that were exported they are `too_late`."""


@dataclass(frozen=True)
class PlacedHold:
    """A hold as placed; the lines that the bank has to pay already are `too_late`."""

    hold: Hold
    too_late: list[str] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Grounds:
    """Why something is held: a person's reason, or what a rule found.

    `evidence` names what a rule went by: the same rule with the same evidence holds a thing once. `lifted_by`
    are the roles that may let it go.
    """

    reason: str
    code: HoldCode = HoldCode.STOP_PAYMENT
    evidence: str | None = None
    lifted_by: tuple[Role, ...] = STOPPERS
    by_rule: bool = False


# --------------------------------------------------------------------------- placing


def stop_payment(context: Context, kind: SubjectKind, subject_id: str, *, reason: str) -> PlacedHold:
    """Hold a line, a claim or all of an institution, with the reason.

    Of whoever oversees finance it is lifted by overseers only.

    Raises:
        NotFound: there is none in the caller's area.
        Refused: `wrong_state`, nothing of it is unpaid.

    """
    rights.admit(context.principal, "hold.place")
    subject = _subject(kind, subject_id)
    rights.require(context.principal, "hold.place", division=subject.division)
    lifters = lifters_of_stop(context.principal.role)
    return place(context, kind, subject_id, Grounds(reason=reason, lifted_by=lifters))


def place(context: Context, kind: SubjectKind, subject_id: str, grounds: Grounds) -> PlacedHold:
    """Hold a line, a claim or all of an institution; for rules as well as for people.

    The same person's same stop again answers with the one that is open. A line in a batch that nobody has
    exported is taken out of it. One that the bank has to pay already is
    held for when it fails. The lines of an institution are taken out when their batch is to be exported.

    Raises:
        NotFound: there is no such thing.
        Refused: `wrong_state`, nothing of it is unpaid.

    """
    change = change_of(context, "hold.place", reason=grounds.reason)
    hold = _hold_on(context, _subject(kind, subject_id), grounds)

    def attempt() -> PlacedHold:
        known = store.find_hold(hold.id) or _same_stop(hold)
        if known is not None:
            return PlacedHold(known)
        if kind is SubjectKind.INSTITUTION:
            transact([store.hold_write(hold), *_stop_institution(hold, change)], change=change)
            forget_institutions()
            return PlacedHold(hold)
        writes, out = _stop_lines(hold, context)
        transact_out(out, [store.hold_write(hold), *writes], change)
        return PlacedHold(hold, sorted(out.too_late))

    return until_written(attempt, tries=HOLD_TRIES)


def _same_stop(hold: Hold) -> Hold | None:
    """Find the open stop by the same person, on the same thing and for the same reason: it is placed once.

    Who has another reason, or is another person, places a stop of their own, which is lifted by itself.
    """
    if hold.by_rule:
        return None
    if hold.subject_kind is SubjectKind.INSTITUTION:
        institution = find_institution(hold.subject_id)
        stops = list(institution.stops) if institution is not None else []
    else:
        claim, lines = _claim_and_lines(hold.subject_kind, hold.subject_id)
        of_claim = hold.subject_kind is SubjectKind.CLAIM
        stops = list(claim.holds) if of_claim else stops_of(lines[0].holds)
    wanted = (HoldStatus.OPEN, hold.subject_id, hold.placed_by, hold.reason)
    open_stops = store.find_holds(stops) if stops else []
    return next((o for o in open_stops if (o.status, o.subject_id, o.placed_by, o.reason) == wanted), None)


@dataclass(frozen=True)
class _Subject:
    kind: SubjectKind
    id: str
    institution: Uscc
    division: str
    city: str


def _subject(kind: SubjectKind, subject_id: str) -> _Subject:
    if kind is SubjectKind.INSTITUTION:
        institution = find_institution(subject_id)
        if institution is None:
            raise error("not_found")
        division = institution.division
        return _Subject(kind, subject_id, institution.uscc, division, budget_division(division))
    claim, _ = _claim_and_lines(kind, subject_id)
    return _Subject(kind, subject_id, claim.institution, claim.division, claim.city)


def _hold_on(context: Context, subject: _Subject, grounds: Grounds) -> Hold:
    hold_id = new_id("hld")
    if grounds.by_rule and grounds.evidence is not None:
        hold_id = hold_id_of_rule(grounds.code, subject.id, grounds.evidence)
    return Hold(
        id=hold_id,
        subject_kind=subject.kind,
        subject_id=subject.id,
        institution=subject.institution,
        division=subject.division,
        city=subject.city,
        code=grounds.code,
        reason=grounds.reason,
        evidence=grounds.evidence,
        status=HoldStatus.OPEN,
        placed_by=context.principal.actor,
        placed_at=context.now,
        lifted_by=list(grounds.lifted_by),
        by_rule=grounds.by_rule,
    )


def _claim_and_lines(kind: SubjectKind, subject_id: str) -> tuple[Claim, list[Line]]:
    """Read a claim with its lines, or with the one that is held.

    Raises:
        NotFound: there is no such claim or line.

    """
    of_line = kind is SubjectKind.LINE
    if not is_id(subject_id, "lin" if of_line else "clm"):
        raise error("not_found")
    claim = claim_store.read_claim(claim_held(kind, subject_id))
    lines = claim_store.find_lines([subject_id] if of_line else claim.line_ids)
    if not lines:
        raise error("not_found")
    return claim, lines


def claim_held(kind: SubjectKind, subject_id: str) -> str:
    """Give the id of the claim that a hold is on, or whose line it is on."""
    return claim_of_line(subject_id) if kind is SubjectKind.LINE else subject_id


def _stop_institution(hold: Hold, change: Change) -> list[Write]:
    institution = find_institution(hold.subject_id)
    if institution is None:
        raise error("not_found")
    return [institution_store.stops_write(institution, [*institution.stops, hold.id], change)]


def transact_out(out: OutOfBatches, others: Sequence[Write], change: Change) -> None:
    """Take lines out of their batches with other writes, as one.

    Where that is more than a transaction holds, what was kept for debts is let go before: a payment that is
    made after all takes its part again, if it is still owed (`set_off.service.booked_writes`).
    """
    together: list[Write] = [*out.writes, *others, *out.let_go]
    if len(together) > TRANSACTION_ITEMS_MAX:
        for start in range(0, len(out.let_go), TRANSACTION_ITEMS_MAX):
            transact(out.let_go[start : start + TRANSACTION_ITEMS_MAX], change=change)
        together = [*out.writes, *others]
    transact(together, change=change)


def _stop_lines(hold: Hold, context: Context) -> tuple[list[Write], OutOfBatches]:
    """Give the writes that put a hold on lines, and what comes out of batches by it."""
    claim, lines = _claim_and_lines(hold.subject_kind, hold.subject_id)
    unpaid = [line for line in lines if line.status in UNPAID]
    if not unpaid:
        raise error("wrong_state", status=lines[0].status.value)
    out = lines_out_of_batches([line for line in unpaid if line.batch_id is not None])
    writes: list[Write] = []
    for line in unpaid:
        holds = [*line.holds, stop_hold(hold.id)]
        if line.id in out.line_ids:
            since = since_with(line, holds, context.now)
            writes.append(take_out_line_write(line, holds, since=since))
        else:
            writes.append(store.unpaid_holds_write(line, holds, at=context.now))
    after = claim_without_batched(claim, [line for line in unpaid if line.id in out.line_ids])
    if hold.subject_kind is SubjectKind.CLAIM:
        after = changed(after, {"holds": [*claim.holds, hold.id]})
    if after is not claim:
        writes.append(claim_store.move_write(claim, after))
    return writes, out


def claim_without_batched(claim: Claim, lines: Sequence[Line]) -> Claim:
    """Give a claim as it is once these lines are out of their batch.

    Those that the bank had failed before stay counted: they wait among those to be paid again.
    """
    fresh = sum(not line.attempts for line in lines)
    return taken_out_after(claim, lines=fresh) if fresh else claim


# --------------------------------------------------------------------------- releasing


def release(context: Context, hold_id: str, *, version: int, reason: str) -> Hold:
    """Let go what is held, with the reason; who may is told by the hold.

    Raises:
        NotFound: there is no such hold in the caller's area.
        Forbidden: the role may not, or `self_approval`: a rule's hold is lifted by somebody else.
        Refused: another version, released already, or `hold_follows`: it goes by itself.

    """
    principal = context.principal
    rights.admit(principal, "hold.release")
    change = change_of(context, "hold.release", reason=reason)

    def attempt() -> Hold:
        if not is_id(hold_id, "hld"):
            raise error("not_found")
        line_id, claim_id = line_of_hold(hold_id), claim_of_hold(hold_id)
        if line_id is not None:
            found = _derived_on_line(context, hold_id, line_id)
        elif claim_id is not None:
            found = _changed_payee_of(context, hold_id, claim_id)
        else:
            found = _recorded(context, hold_id, change)
        hold, claim = found.hold, found.claim
        rights.require(principal, "hold.release", division=hold.division)
        refuse(found.refusal)
        refuse(why_not_release(hold, principal, claim=claim, version=version))
        if hold.status is HoldStatus.RELEASED:
            return hold  # by an earlier run of this very call
        transact([*found.writes, *_released(found, context, reason)], change=change)
        released = store.find_hold(hold_id)
        assert released is not None
        return released

    released = until_written(attempt, tries=HOLD_TRIES)
    if released.subject_kind is SubjectKind.INSTITUTION:
        forget_institutions()
    return released


@dataclass(frozen=True)
class _Releasing:
    """A hold that is about to be lifted: with what that writes, and whether its record is there."""

    hold: Hold
    claim: Claim | None
    writes: Sequence[Write]
    recorded: bool = True
    before: Hold | None = None
    refusal: DomainError | None = None


def _released(found: _Releasing, context: Context, reason: str) -> list[Write]:
    """Note on the record that a hold was lifted; of one that has none yet the record is made."""
    actor = context.principal.actor
    if found.recorded:
        return [store.release_write(found.hold, actor=actor, reason=reason, now=context.now)]
    return [
        store.released_write(found.hold, before=found.before, actor=actor, reason=reason, now=context.now)
    ]


def _recorded(context: Context, hold_id: str, change: Change) -> _Releasing:
    hold = store.find_hold(hold_id)
    if hold is None:
        raise error("not_found")
    if hold.subject_kind is SubjectKind.INSTITUTION:
        institution = find_institution(hold.subject_id)
        assert institution is not None
        stops = [stop for stop in institution.stops if stop != hold.id]
        return _Releasing(hold, None, [institution_store.stops_write(institution, stops, change)])
    if hold.subject_kind is SubjectKind.CLASS:
        return _Releasing(hold, None, [])  # its case lets it go: `why_not_release` refuses it here
    claim, lines = _claim_and_lines(hold.subject_kind, hold.subject_id)
    text = stop_hold(hold.id)
    writes: list[Write] = [
        store.unpaid_holds_write(line, [other for other in line.holds if other != text], at=context.now)
        for line in lines
        if text in line.holds and line.status in UNPAID
    ]
    if hold.id in claim.holds:
        left = [other for other in claim.holds if other != hold.id]
        writes.append(claim_store.move_write(claim, changed(claim, {"holds": left})))
    return _Releasing(hold, claim, writes)


def derived_record(line: Line, text: str, context: Context) -> Hold:
    """Make the record of a hold that follows from facts: it has none before it is lifted."""
    kind, _, code = text.partition(":")
    return Hold(
        id=derived_hold_id(line.id, text),
        subject_kind=SubjectKind.LINE,
        subject_id=line.id,
        institution=line.institution,
        division=line.division,
        city=line.city,
        code=code,
        reason=SENTENCES[kind][0],
        status=HoldStatus.OPEN,
        placed_by=_SYSTEM,
        placed_at=line.held_since.get(text, context.now),
        lifted_by=list(LIFTED_BY[kind]),
        by_rule=True,
        version=line.version,
    )


def _derived_on_line(context: Context, hold_id: str, line_id: str) -> _Releasing:
    """Find a hold that follows from facts: a supervisor lifts that of attendance, others go by themselves."""
    line = claim_store.find_line(line_id)
    texts = [text for text in line.holds if derived_hold_id(line_id, text) == hold_id] if line else []
    known = store.find_hold(hold_id)
    if line is None or not (texts or known):
        raise error("not_found")
    if not texts:
        assert known is not None
        return _Releasing(known, None, [])  # released: the record's state refuses it
    claim = claim_store.read_claim(claim_of_line(line_id))
    hold = derived_record(line, texts[0], context)
    follows = None if is_of_kind(texts[0], HoldKind.ATTENDANCE) else error("hold_follows")
    lifts = [store.lift_derived_write(line, texts[0], at=context.now)]
    return _Releasing(hold, claim, lifts, recorded=False, before=known, refusal=follows)


def _changed_payee_of(context: Context, hold_id: str, claim_id: str) -> _Releasing:
    """Find the hold on a claim that is now to be paid to another account; letting it go approves that one."""
    claim = claim_store.read_claim(claim_id)
    known = store.find_hold(hold_id)
    recipient = to_be_paid([claim.institution])[claim.institution]
    payee_id = changed_payee(claim, recipient, context.now)
    change = change_of(context, "hold.place")
    current = payees.changed_payee_hold(claim, payee_id, change) if payee_id is not None else None
    if payee_id is None or current is None or current.id != hold_id:
        if known is None:
            raise error("not_found")
        return _Releasing(known, claim, [], refusal=error("wrong_state", status=known.status.value))
    refusal = None
    if payees.had_hand_in_change(context.principal, claim, payee_id):
        refusal = error("self_approval")
    writes = payees.payee_writes(claim, payee_id)
    if known is not None and known.status is HoldStatus.OPEN:
        return _Releasing(known, claim, writes, refusal=refusal)
    unnoted = msgspec.structs.replace(current, version=claim.version)
    return _Releasing(unnoted, claim, writes, recorded=False, before=known, refusal=refusal)


# --------------------------------------------------------------------------- reading


def list_holds(
    context: Context,
    request: PageRequest,
    *,
    division: str | None,
    institution: str | None,
    status: HoldStatus,
) -> Page[Hold]:
    """List the holds of the caller's area, oldest first in each city."""
    area = division or context.principal.division
    rights.require(context.principal, "hold.read", division=area)
    cities, county = cities_of(area)
    page = page_over(
        cities,
        request,
        lambda city, part: store.holds_in(
            city, part, status=status, division=county, institution=institution
        ),
    )
    want_claims_held(page.items)
    return page


def want_claims_held(holds: Iterable[Hold]) -> None:
    """Have the claims of holds come along with the next read of a page: who may let go depends on them."""
    of_claims = (hold for hold in holds if hold.subject_kind in (SubjectKind.LINE, SubjectKind.CLAIM))
    claim_store.want_claims(claim_held(hold.subject_kind, hold.subject_id) for hold in of_claims)


def allowed_on_hold(context: Context, hold: Hold) -> list[str]:
    """List what this caller may do with a hold now.

    Its claim is read only where role, area and the hold's own state do not decide.
    """
    return rights.offered(
        context.principal,
        {"release": "hold.release"},
        lambda _: _stands_against(context, hold),
        division=hold.division,
    )


def _stands_against(context: Context, hold: Hold) -> DomainError | None:
    principal = context.principal
    refusal = why_not_release(hold, principal, claim=None)
    if refusal is not None or hold.subject_kind is SubjectKind.INSTITUTION:
        return refusal
    if hold.code == PAYEE_CHANGED:
        found = _changed_payee_of(context, hold.id, hold.subject_id)
        return found.refusal or why_not_release(hold, principal, claim=found.claim)
    claim = claim_store.read_claim(claim_held(hold.subject_kind, hold.subject_id))
    return why_not_release(hold, principal, claim=claim)
