"""Filing a subsidy claim: for a scored class, and again after it was returned."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from chalicelib.aws.waiting import queue_of
from chalicelib.aws.writes import Write, transact, until_written
from chalicelib.classes.marks import claim_deadline
from chalicelib.classes.model import ClassStatus, TrainingClass, prepared_by
from chalicelib.classes.scores.store import claim_write
from chalicelib.classes.service import project_of, read_class, require_class
from chalicelib.kernel.calendar import shanghai_date
from chalicelib.kernel.closing import OpenDecision, Stage, Undecided, open_below
from chalicelib.kernel.errors import DomainError
from chalicelib.kernel.principal import Context, change_of
from chalicelib.kernel.reasons import error, refuse
from chalicelib.subsidies.budgets.model import budget_division
from chalicelib.subsidies.claims import store
from chalicelib.subsidies.claims.model import (
    Claim,
    Leftover,
    Line,
    claim_id_of,
    line_id_of,
    why_not,
    why_not_again,
)
from chalicelib.subsidies.claims.states import ClaimStatus, LineStatus
from chalicelib.subsidies.holds.classes import let_go_meanwhile
from chalicelib.subsidies.holds.model import (
    ClassHolds,
    decided_holds,
    holds_from_class,
    not_lifted,
    stop_hold,
)
from chalicelib.subsidies.holds.store import class_holds_check, find_class_holds
from chalicelib.subsidies.overrides.service import undecided
from chalicelib.subsidies.payability.model import occupation_of, totals_of
from chalicelib.subsidies.payability.service import Examination, examine, lines_ever_claimed


@dataclass(frozen=True)
class FiledClaim:
    """A claim with its lines; `created` unless it had been filed by another call."""

    claim: Claim
    lines: list[Line]
    created: bool


def submit_claim(
    context: Context, class_id: str, *, declared_count: int, declared_amount_fen: int
) -> FiledClaim:
    """Ask for payment for a scored class, one line a payable trainee; again after a return.

    Raises:
        Refused: the class is not scored, the deadline for this filing has passed, or nobody is payable;
            `decisions_open`, the completion or an override waits for its decision.
        Impossible: `declared_totals_differ`, with both figures.

    """
    today = shanghai_date(context.now)

    def attempt() -> FiledClaim:
        training_class = require_class(context, "subsidy_claim.submit", class_id)
        before = store.find_claim(claim_id_of(class_id))
        if before is not None and why_not("submit", before, context.principal.hands) is not None:
            return _repeat(before, declared_count, declared_amount_fen)
        _require_claimable(training_class, before, today)
        refuse(open_below(Stage.SUBSIDY_CLAIM, undecided(training_class, today)))
        old = lines_ever_claimed(training_class) if before is not None else []
        dropped: dict[str, Line] = {line.enrolment_id: line for line in old if line.dropped}
        trainees = examine(training_class, today=today, lines=dropped)
        count, amount_fen = totals_of([trainee.payability for trainee in trainees])
        if count == 0:
            raise error("not_payable")
        _require_totals(count, amount_fen, declared_count, declared_amount_fen)
        claim = _claim_for(context, training_class, trainees, before)
        known: dict[str, Line] = {line.id: line for line in old}
        standing = find_class_holds(class_id)
        lines = [
            _line_for(
                context,
                claim,
                trainee,
                known,
                _Found(occupation_of(project_of(training_class)), standing, let_go_meanwhile(old)),
            )
            for trainee in trainees
            if trainee.payability.payable
        ]
        writes: list[Write] = [*store.submit_writes(claim, lines, before=before, known=known)]
        writes.append(class_holds_check(class_id, standing))
        if before is None:
            writes.append(claim_write(class_id, version=training_class.version))
        # Fails if it was claimed or scored anew meanwhile, or a hold was placed or lifted.
        transact(writes, change=change_of(context, "subsidy_claim.submit"))
        return FiledClaim(claim, lines, created=True)

    return until_written(attempt)


def why_not_claim(class_id: str, now: datetime) -> DomainError | None:
    """Tell what stands against claiming for a scored class, whatever the totals that are declared."""
    today, training_class = shanghai_date(now), read_class(class_id)
    late = training_class.status is ClassStatus.SCORED and today > _claim_by(training_class)
    if late:
        return error("claim_deadline_passed", deadline=_claim_by(training_class).isoformat())
    refusal = open_below(Stage.SUBSIDY_CLAIM, undecided(training_class, today))
    if refusal is not None:
        return refusal
    trainees = examine(training_class, today=today, glance=True)
    count, _ = totals_of([trainee.payability for trainee in trainees])
    return None if count else error("not_payable")


def _repeat(claim: Claim, declared_count: int, declared_amount_fen: int) -> FiledClaim:
    _require_totals(claim.declared_count, claim.declared_amount_fen, declared_count, declared_amount_fen)
    return FiledClaim(claim, store.find_lines(claim.line_ids), created=store.was_filed_before(claim))


def _require_totals(count: int, amount_fen: int, declared_count: int, declared_amount_fen: int) -> None:
    if (count, amount_fen) != (declared_count, declared_amount_fen):
        raise error(
            "declared_totals_differ",
            declared_count=declared_count,
            declared_amount_fen=declared_amount_fen,
            count=count,
            amount_fen=amount_fen,
        )


_NOT_APPROVED = (ClassStatus.DRAFT, ClassStatus.SUBMITTED, ClassStatus.RETURNED)


def _require_claimable(training_class: TrainingClass, before: Claim | None, today: date) -> None:
    expected = ClassStatus.SCORED if before is None else ClassStatus.CLAIMED
    if training_class.status in (ClassStatus.COMPLETION_SUBMITTED, ClassStatus.COMPLETION_RETURNED):
        below = [OpenDecision(Undecided.COMPLETION, training_class.id)]
        refuse(open_below(Stage.SUBSIDY_CLAIM, below))
    if training_class.status is not expected:
        code = "class_not_approved" if training_class.status in _NOT_APPROVED else "wrong_state"
        raise error(code, status=str(training_class.status))
    if before is not None:
        refuse(why_not_again(before, today))
    elif today > (deadline := _claim_by(training_class)):
        raise error("claim_deadline_passed", deadline=deadline.isoformat())


def _claim_by(training_class: TrainingClass) -> date:
    assert training_class.completion_approved_at is not None
    return claim_deadline(training_class.completion_approved_at, training_class.policy)


def _claim_for(
    context: Context, training_class: TrainingClass, trainees: Sequence[Examination], before: Claim | None
) -> Claim:
    claim_id = claim_id_of(training_class.id)
    count, amount_fen = totals_of([trainee.payability for trainee in trainees])
    left_out = [trainee.enrolment for trainee in trainees if not trainee.payability.payable]
    applicant = context.principal.actor
    prepared = prepared_by(training_class)
    if before is not None:
        prepared |= {before.submitted_by, *before.also_prepared_by}
    return Claim(
        id=claim_id,
        class_id=training_class.id,
        class_name=training_class.name,
        institution=training_class.institution,
        division=training_class.division,
        city=budget_division(training_class.division),
        program_id=training_class.program_id,
        project_id=training_class.project_id,
        status=ClaimStatus.SUBMITTED,
        line_ids=[line_id_of(claim_id, trainee.place) for trainee in trainees if trainee.payability.payable],
        line_count=count,
        amount_fen=amount_fen,
        declared_count=count,
        declared_amount_fen=amount_fen,
        submitted_by=applicant,
        submitted_at=context.now,
        leftovers=[Leftover(enrolment.id, enrolment.voucher_id) for enrolment in left_out],
        also_prepared_by=sorted(prepared - {applicant}),
        holds=before.holds if before is not None else [],
        objections=before.objections if before is not None else 0,
        open_objections=before.open_objections if before is not None else 0,
        claim_by=_claim_by(training_class),
        queue=queue_of(training_class.division),
        queued_at=context.now,
        version=before.version + 1 if before is not None else 1,
    )


@dataclass(frozen=True)
class _Found:
    """What a class gives each of its lines: its occupation, and which holds of supervision stand, or went."""

    occupation: str
    standing: ClassHolds | None
    let_go: frozenset[str] = frozenset()


def _line_for(
    context: Context, claim: Claim, trainee: Examination, known: Mapping[str, Line], found: _Found
) -> Line:
    """Make the line of a payable trainee; `known` are those that stand there, by id."""
    line_id = line_id_of(claim.id, trainee.place)
    old = known.get(line_id)
    decided = [hold for hold in decided_holds(old) if hold not in found.let_go] if old is not None else []
    of_claim = [stop_hold(hold_id) for hold_id in claim.holds]
    of_class = holds_from_class(found.standing, trainee.enrolment.id)
    holds = [*dict.fromkeys([*not_lifted(old, trainee.holds), *decided, *of_claim, *of_class])]
    return Line(
        id=line_id,
        division=claim.division,
        city=claim.city,
        institution=claim.institution,
        program_id=claim.program_id,
        enrolment_id=trainee.enrolment.id,
        voucher_id=trainee.enrolment.voucher_id,
        person_key=trainee.enrolment.person_key,
        trainee_name=trainee.enrolment.trainee_name,
        trainee_id_number=trainee.enrolment.trainee_id_number,
        occupation=found.occupation,
        status=LineStatus.HELD if holds else LineStatus.PENDING,
        amount_fen=trainee.payability.amount_fen,
        evidence=trainee.evidence,
        submitted_at=context.now,
        holds=holds,
        held_since={
            hold: old.held_since.get(hold, context.now) if old is not None else context.now for hold in holds
        },
        lifted=old.lifted if old is not None else [],
        reject_reason=old.reject_reason if old is not None else None,
        version=old.version + 1 if old is not None else 1,
    )
