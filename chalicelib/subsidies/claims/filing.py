"""Filing a subsidy claim: for a scored class, and again after it was returned."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from chalicelib.aws.writes import ConditionFailed, Write, transact
from chalicelib.catalogue.projects.reading import read_project
from chalicelib.classes.model import ClassStatus, TrainingClass, claim_deadline, prepared_by
from chalicelib.classes.scores.store import claim_write
from chalicelib.classes.service import require_class
from chalicelib.kernel.calendar import shanghai_date
from chalicelib.kernel.principal import Context, change_of
from chalicelib.kernel.reasons import error
from chalicelib.subsidies.claims import store
from chalicelib.subsidies.claims.model import (
    Claim,
    ClaimStatus,
    Leftover,
    Line,
    LineStatus,
    budget_division,
    claim_id_of,
    line_id_of,
)
from chalicelib.subsidies.payability.model import totals_of
from chalicelib.subsidies.payability.service import (
    Examined,
    examine,
    is_derived_hold,
    lines_ever_claimed,
    occupation_of,
)

_TRIES = 5


@dataclass(frozen=True)
class Submitted:
    """A claim with its lines; `created` unless this was a repeat."""

    claim: Claim
    lines: list[Line]
    created: bool


def submit_claim(
    context: Context, class_id: str, *, declared_count: int, declared_amount_fen: int
) -> Submitted:
    """Ask for payment for a scored class, one line a payable trainee; again after a return.

    Raises:
        Refused: the class is not scored, the deadline for the first filing has passed, or nobody is payable.
        Impossible: `declared_totals_differ`, with both figures.

    """
    for _ in range(_TRIES):
        training_class = require_class(context, "subsidy_claim.submit", class_id)
        before = store.find_claim(claim_id_of(class_id))
        if before is not None and before.status is not ClaimStatus.RETURNED:
            return _repeat(before, declared_count, declared_amount_fen)
        _require_claimable(training_class, before, shanghai_date(context.now))
        old = lines_ever_claimed(training_class) if before is not None else []
        dropped: dict[str, Line] = {line.enrolment_id: line for line in old if line.dropped}
        examined = examine(training_class, today=shanghai_date(context.now), lines=dropped)
        count, amount_fen = totals_of([one.outcome for one in examined])
        if count == 0:
            raise error("not_payable")
        _require_totals(count, amount_fen, declared_count, declared_amount_fen)
        claim = _claim_for(context, training_class, examined, before)
        known: dict[str, Line] = {one.id: one for one in old}
        occupation = occupation_of(read_project(training_class.project_id))
        lines = [
            _line_for(context, training_class, claim, one, known, occupation=occupation)
            for one in examined
            if one.outcome.payable
        ]
        writes: list[Write] = [*store.submit_writes(claim, lines, before=before, known=known)]
        if before is None:
            writes.append(claim_write(class_id, version=training_class.version))
        try:
            transact(writes, change=change_of(context, "subsidy_claim.submit"))
        except ConditionFailed:
            continue  # claimed or scored anew meanwhile, or a hold was placed or lifted: look again
        return Submitted(claim, lines, created=True)
    raise error("try_again")


def _repeat(claim: Claim, declared_count: int, declared_amount_fen: int) -> Submitted:
    _require_totals(claim.declared_count, claim.declared_amount_fen, declared_count, declared_amount_fen)
    return Submitted(claim, store.find_lines(claim.line_ids), created=False)


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
    if training_class.status is not expected:
        code = "class_not_approved" if training_class.status in _NOT_APPROVED else "wrong_state"
        raise error(code, status=str(training_class.status))
    if before is not None:
        return  # filed in time; how long reviews and objections take is not in the institution's hands
    assert training_class.completion_approved_at is not None
    deadline = claim_deadline(training_class.completion_approved_at, training_class.policy)
    if today > deadline:
        raise error("claim_deadline_passed", deadline=deadline.isoformat())


def _claim_for(
    context: Context, training_class: TrainingClass, examined: Sequence[Examined], before: Claim | None
) -> Claim:
    claim_id = claim_id_of(training_class.id)
    count, amount_fen = totals_of([one.outcome for one in examined])
    left = [one.enrolment for one in examined if not one.outcome.payable]
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
        line_ids=[line_id_of(claim_id, one.place) for one in examined if one.outcome.payable],
        line_count=count,
        amount_fen=amount_fen,
        declared_count=count,
        declared_amount_fen=amount_fen,
        submitted_by=applicant,
        submitted_at=context.now,
        leftovers=[Leftover(one.id, one.voucher_id) for one in left],
        also_prepared_by=sorted(prepared - {applicant}),
        objections=before.objections if before is not None else 0,
        open_objections=before.open_objections if before is not None else 0,
        version=before.version + 1 if before is not None else 1,
    )


def _line_for(
    context: Context,
    training_class: TrainingClass,
    claim: Claim,
    one: Examined,
    known: Mapping[str, Line],
    *,
    occupation: str,
) -> Line:
    line_id = line_id_of(claim.id, one.place)
    old = known.get(line_id)
    decided = [hold for hold in old.holds if not is_derived_hold(hold)] if old is not None else []
    holds = [*one.holds, *decided]
    return Line(
        id=line_id,
        division=training_class.division,
        city=claim.city,
        institution=training_class.institution,
        program_id=training_class.program_id,
        enrolment_id=one.enrolment.id,
        voucher_id=one.enrolment.voucher_id,
        person_key=one.enrolment.person_key,
        trainee_name=one.enrolment.trainee_name,
        trainee_id_number=one.enrolment.trainee_id_number,
        occupation=occupation,
        status=LineStatus.HELD if holds else LineStatus.PENDING,
        amount_fen=one.outcome.amount_fen,
        evidence=one.evidence,
        submitted_at=context.now,
        holds=holds,
        reject_reason=old.reject_reason if old is not None else None,
        version=old.version + 1 if old is not None else 1,
    )
