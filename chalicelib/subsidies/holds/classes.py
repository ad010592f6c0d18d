"""Holds on a class: what supervision finds stops lines, those that are there and those that come later.

A finding may come before the subsidy is claimed, while the class still runs. So the hold stands on the class,
in a row of its own, and is put on each line that it concerns: at once on those that are there, at filing on
those that are not yet. Three writes meet here, and each holds the others in its condition:

    finding     the class's row as it was read; the claim as it was read, or none; each line as it was read
    filing      the class's row as it was read: lines are born with the holds that stand in it
    sealing     each line as it was read, without a hold (`payments.batch_line_write`)

Filed first, the finding's write fails on the claim, is decided anew and holds the lines. Found first, filing
fails on the class's row and is decided anew. Sealed first, the line is taken out of its batch again, unless
the bank has it already.

Lifting goes the same way back. Second review needs no part in it: the lines are there by then.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial

import msgspec

from chalicelib.aws.writes import Check, Write, transact, until_written
from chalicelib.kernel.ids import Uscc
from chalicelib.kernel.principal import Change, Context, change_of
from chalicelib.subsidies.budgets.model import budget_division
from chalicelib.subsidies.claims import store as claim_store
from chalicelib.subsidies.claims.model import Claim, Line, claim_id_of
from chalicelib.subsidies.claims.states import LineStatus
from chalicelib.subsidies.holds import store
from chalicelib.subsidies.holds.model import (
    LIFTED_BY,
    RISK_CASE,
    SENTENCES,
    STOPPABLE,
    UNPAID,
    ClassHolds,
    Hold,
    HoldStatus,
    SubjectKind,
    attendance_hold,
    concerns,
    hold_id_of_rule,
    since_with,
    stop_hold,
    stops_of,
)
from chalicelib.subsidies.holds.service import (
    HOLD_TRIES,
    PlacedHold,
    claim_without_batched,
    derived_record,
    lines_out_of_batches,
    transact_out,
)
from chalicelib.subsidies.payments.store import take_out_line_write


@dataclass(frozen=True, kw_only=True)
class HeldClass:
    """Which class, whose it is, and for which case of supervision it is held."""

    id: str
    institution: Uscc
    division: str
    case_id: str

    @property
    def hold_id(self) -> str:
        """Give the id of the one hold that a case places on a class."""
        return hold_id_of_rule(RISK_CASE, self.id, self.case_id)


def hold_class(
    context: Context, held: HeldClass, enrolments: Sequence[str], *, stands: Callable[[], Check | None]
) -> PlacedHold | None:
    """Hold the lines of some trainees of a class, of all if none are named; what is held stays held.

    `stands` gives the condition under which the case still stands; once there is none, nothing is held.
    """
    change = change_of(context, "hold.place", reason=held.case_id)

    def attempt() -> PlacedHold | None:
        known = store.find_hold(held.hold_id)
        is_open = known is not None and known.status is HoldStatus.OPEN
        before = known.enrolments if known is not None and is_open else None
        whom = _widened(before, enrolments)
        if known is not None and whom == before:
            return PlacedHold(known)
        of_case = stands()
        if of_case is None:
            return None
        version = known.version + 1 if known is not None else 1
        record: Write
        if known is not None and is_open:
            hold = msgspec.structs.replace(known, enrolments=whom, version=version)
            record = store.widen_write(known, whom)
        else:
            hold = msgspec.structs.replace(_hold_on(context, held, whom), version=version)
            record = store.hold_write(hold, before=known)
        standing = store.find_class_holds(held.id)
        stops = {**(standing.holds if standing is not None else {}), held.hold_id: whom}
        return _placed(hold, [of_case, record, _standing_write(held, stops, standing)], context, change)

    return until_written(attempt, tries=HOLD_TRIES)


def lift_from_class(context: Context, held: HeldClass, *, reason: str) -> Hold | None:
    """Let go what a case holds of a class; None if it holds nothing (any more).

    A line that something else holds besides stays held.
    """
    change = change_of(context, "hold.release", reason=reason)

    def attempt() -> Hold | None:
        hold = store.find_hold(held.hold_id)
        if hold is None or hold.status is HoldStatus.RELEASED:
            return None
        standing = store.find_class_holds(held.id)
        assert standing is not None  # it is written with the hold, and never removed
        left_over = {other: whom for other, whom in standing.holds.items() if other != hold.id}
        after = msgspec.structs.replace(standing, holds=left_over)
        claim, lines = _claim_with_lines(held.id)
        text = stop_hold(hold.id)
        writes: list[Write] = [
            store.release_write(hold, actor=context.principal.actor, reason=reason, now=context.now),
            store.class_holds_update(after, standing),
            store.claim_check(claim_id_of(held.id), claim),
        ]
        for line in lines:
            if text in line.holds:
                left = [other for other in line.holds if other != text]
                writes += _line_writes(line, left, context)
        transact(writes, change=change)
        return store.find_hold(hold.id)

    return until_written(attempt, tries=HOLD_TRIES)


def lift_attendance(
    context: Context, class_id: str, enrolments: Sequence[str], code: str, *, reason: str
) -> list[str]:
    """Lift what attendance holds (`attendance:mock_location`) off the lines of some trainees, for good.

    All of the class if none are named. What a case of supervision judged is not to be lifted line by line
    again. Gives the lines that were let go; doing it again changes nothing.
    """
    text = attendance_hold(code)
    change = change_of(context, "hold.release", reason=reason)

    def attempt(line_id: str) -> bool:
        line = claim_store.find_line(line_id)
        if line is None or text not in line.holds or line.status not in STOPPABLE:
            return False
        hold = derived_record(line, text, context)
        record = store.released_write(
            hold,
            before=store.find_hold(hold.id),
            actor=context.principal.actor,
            reason=reason,
            now=context.now,
        )
        transact([store.lift_derived_write(line, text, at=context.now), record], change=change)
        return True

    _, lines = _claim_with_lines(class_id)
    held = [line.id for line in lines if text in line.holds and concerns(enrolments, line.enrolment_id)]
    return [line_id for line_id in held if until_written(partial(attempt, line_id), tries=HOLD_TRIES)]


def let_go_meanwhile(lines: Iterable[Line]) -> frozenset[str]:
    """Name the holds on these lines whose class was let go since.

    Rejected lines are passed over by both, placing and lifting: nothing changes them until they come back.
    Then they are given the holds that stand on their class.
    """
    hold_ids = sorted({hold_id for line in lines for hold_id in stops_of(line.holds)})
    records = store.find_holds(hold_ids) if hold_ids else []
    released = [hold for hold in records if hold.status is HoldStatus.RELEASED]
    return frozenset(stop_hold(hold.id) for hold in released if hold.subject_kind is SubjectKind.CLASS)


def _widened(before: Sequence[str] | None, enrolments: Sequence[str]) -> list[str]:
    """Add whom a hold is to stop to whom it stops already; an empty list is everybody."""
    if not enrolments or before == []:
        return []
    return sorted({*(before or ()), *enrolments})


def _hold_on(context: Context, held: HeldClass, enrolments: list[str]) -> Hold:
    return Hold(
        id=held.hold_id,
        subject_kind=SubjectKind.CLASS,
        subject_id=held.id,
        institution=held.institution,
        division=held.division,
        city=budget_division(held.division),
        code=RISK_CASE,
        reason=SENTENCES[RISK_CASE][0],
        evidence=held.case_id,
        enrolments=enrolments,
        status=HoldStatus.OPEN,
        placed_by=context.principal.actor,
        placed_at=context.now,
        lifted_by=list(LIFTED_BY[RISK_CASE]),
        by_rule=True,
    )


def _standing_write(held: HeldClass, stops: dict[str, list[str]], standing: ClassHolds | None) -> Write:
    after = ClassHolds(class_id=held.id, division=held.division, holds=stops)
    return store.class_holds_put(after) if standing is None else store.class_holds_update(after, standing)


def _claim_with_lines(class_id: str) -> tuple[Claim | None, list[Line]]:
    claim = claim_store.find_claim(claim_id_of(class_id))
    return claim, claim_store.find_lines(claim.line_ids) if claim is not None else []


def _placed(hold: Hold, writes: Sequence[Write], context: Context, change: Change) -> PlacedHold:
    """Write a hold with what it does to the lines that are there already."""
    claim, lines = _claim_with_lines(hold.subject_id)
    text = stop_hold(hold.id)
    fresh = [
        line for line in lines if concerns(hold.enrolments, line.enrolment_id) and text not in line.holds
    ]
    out = lines_out_of_batches([line for line in fresh if line.status is LineStatus.BATCHED])
    on_lines: list[Write] = []
    for line in fresh:
        holds = [*line.holds, text]
        if line.id in out.line_ids:
            since = since_with(line, holds, context.now)
            on_lines.append(take_out_line_write(line, holds, since=since))
        else:
            on_lines += _line_writes(line, holds, context)
    on_claim: Write = store.claim_check(claim_id_of(hold.subject_id), claim)
    if claim is not None:
        after = claim_without_batched(claim, [line for line in fresh if line.id in out.line_ids])
        on_claim = claim_store.move_write(claim, after) if after is not claim else on_claim
    transact_out(out, [*writes, on_claim, *on_lines], change)
    return PlacedHold(hold, sorted(out.too_late))


def _line_writes(line: Line, holds: Sequence[str], context: Context) -> list[Write]:
    """Replace the holds of a line that may still be paid; those of others tell nothing any more."""
    return [store.unpaid_holds_write(line, holds, at=context.now)] if line.status in UNPAID else []
