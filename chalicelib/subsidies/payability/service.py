"""Use cases of payability: what is payable for each trainee, and what has changed since it was claimed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

import msgspec

from chalicelib.catalogue.projects.model import Project
from chalicelib.classes.model import ClassStatus, TrainingClass
from chalicelib.classes.service import require_class
from chalicelib.enrolments.model import Enrolment
from chalicelib.enrolments.store import want_enrolments
from chalicelib.kernel.calendar import shanghai_date
from chalicelib.kernel.principal import Context
from chalicelib.subsidies.claims import store
from chalicelib.subsidies.claims.evidence import PayabilityEvidence
from chalicelib.subsidies.claims.model import Claim, Line, claim_id_of, filing_day, line_id_of, was_paid
from chalicelib.subsidies.holds.model import stops_of
from chalicelib.subsidies.holds.store import want_holds
from chalicelib.subsidies.payability.gathering import (
    ClassFacts,
    evidence_of,
    facts_of,
    holds_of,
    under_newest_terms,
)
from chalicelib.subsidies.payability.model import (
    CheckDifference,
    Payability,
    as_listed_now,
    differences,
    evaluate,
)
from chalicelib.vouchers.model import Voucher, VoucherStatus


@dataclass(frozen=True)
class Examination:
    """One trainee examined: the place on the sorted roster (from 1), the evidence, and what follows."""

    place: int
    enrolment: Enrolment
    voucher: Voucher | None
    evidence: PayabilityEvidence
    holds: list[str]
    payability: Payability


@dataclass(frozen=True)
class ComparedPayability:
    """A trainee's payability, and how it differs from what was submitted; no differences without a claim.

    `newest_amount_fen` is what today's policy and project would give, where that is another amount.
    """

    payability: Payability
    newest_amount_fen: int | None = None
    compared_with: datetime | None = None
    differences: list[CheckDifference] = field(default_factory=list)


@dataclass(frozen=True)
class Terms:
    """What a class is paid by: a version of its policy, and one of its project."""

    policy_version: int
    project: Project


@dataclass(frozen=True)
class ClassPayability:
    """What is payable for a class; `newest` are today's terms where they are others than the pinned ones."""

    terms: Terms
    newest: Terms | None
    trainees: list[ComparedPayability]


def payability_of(context: Context, class_id: str, *, glance: bool = False) -> ClassPayability:
    """Show for each rostered trainee of a class what is payable and why, and what changed meanwhile.

    Of a line that was paid it is shown what was paid, and by what it was judged. Where policy or project have
    changed since the class was approved, it is shown what they would give now; it is never applied.
    At a `glance` other subsidies are the approved ones alone (`gathering.facts_of`).
    """
    store.want_claims([claim_id_of(class_id)])
    training_class = require_class(context, "payability.read", class_id)
    want_enrolments(training_class.enrolment_ids)
    claim = _claim_for(training_class)
    lines = _claimed_lines(training_class, claim)
    today = shanghai_date(context.now)
    facts = facts_of(training_class, today=today, filed_on=filing_day(claim), glance=glance)
    newest = under_newest_terms(facts)
    examined_newest = _examine_all(newest, lines) if newest is not None else []
    newest_fen = {trainee.enrolment.id: trainee.payability.amount_fen for trainee in examined_newest}
    return ClassPayability(
        terms=_terms(facts),
        newest=_terms(newest) if newest is not None else None,
        trainees=[
            _compared(
                trainee, lines.get(trainee.enrolment.id), newest_fen=newest_fen.get(trainee.enrolment.id)
            )
            for trainee in _examine_all(facts, lines)
        ],
    )


def _terms(facts: ClassFacts) -> Terms:
    return Terms(facts.training_class.policy_version, facts.project)


def examine(
    training_class: TrainingClass,
    *,
    today: date,
    lines: Mapping[str, Line] | None = None,
    filed_on: date | None = None,
    glance: bool = False,
) -> list[Examination]:
    """Evaluate every trainee of a class; `lines` (by enrolment) add the holds placed since submission.

    A trainee whose line was taken out after second review is not payable, whatever else is known. See
    `gathering.facts_of` for the year and the overrides that count.
    """
    facts = facts_of(training_class, today=today, filed_on=filed_on, glance=glance)
    return _examine_all(facts, lines if lines is not None else {})


def _examine_all(facts: ClassFacts, lines: Mapping[str, Line]) -> list[Examination]:
    return [
        _examined(facts, place, facts.enrolments[enrolment_id], lines.get(enrolment_id))
        for place, enrolment_id in enumerate(sorted(facts.training_class.enrolment_ids), start=1)
        if enrolment_id in facts.enrolments
    ]


def _examined(facts: ClassFacts, place: int, enrolment: Enrolment, line: Line | None) -> Examination:
    evidence, holds = evidence_of(facts, enrolment, line), holds_of(facts, enrolment, line)
    voucher = facts.vouchers.get(enrolment.voucher_id)
    payability = evaluate(
        evidence,
        voucher,
        enrolment_id=enrolment.id,
        voucher_id=enrolment.voucher_id,
        holds=holds,
        paid_fen=line.amount_fen if line is not None and was_paid(line) else None,
    )
    return Examination(place, enrolment, voucher, evidence, holds, payability)


def lines_ever_claimed(training_class: TrainingClass) -> list[Line]:
    """Read every line that trainees of a class ever had, also those that its claim no longer names."""
    claim_id, places = claim_id_of(training_class.id), len(training_class.enrolment_ids)
    return store.find_lines([line_id_of(claim_id, place) for place in range(1, places + 1)])


def _claim_for(training_class: TrainingClass) -> Claim | None:
    if training_class.status not in (ClassStatus.CLAIMED, ClassStatus.CLOSED):
        return None
    return store.find_claim(claim_id_of(training_class.id))


def _claimed_lines(training_class: TrainingClass, claim: Claim | None) -> dict[str, Line]:
    if claim is None:
        return {}
    ever = lines_ever_claimed(training_class)
    want_holds(hold_id for line in ever for hold_id in stops_of(line.holds))
    return {line.enrolment_id: line for line in ever if line.id in claim.line_ids or line.dropped}


# --------------------------------------------------------------------------- compared with the claim


def _compared(trainee: Examination, line: Line | None, *, newest_fen: int | None) -> ComparedPayability:
    if newest_fen == trainee.payability.amount_fen:
        newest_fen = None
    if line is None:
        return ComparedPayability(trainee.payability, newest_fen)
    shown = _as_it_was_paid(trainee, line) if was_paid(line) else trainee.payability
    submitted = _as_it_was_submitted(trainee, line)
    now = trainee.payability
    if was_paid(line) and trainee.voucher is not None:
        now = as_listed_now(now, line.evidence, trainee.voucher.bar)
    return ComparedPayability(shown, newest_fen, line.submitted_at, differences(submitted, now))


def _as_it_was_paid(trainee: Examination, line: Line) -> Payability:
    """Judge a paid line by the evidence frozen on it: what it was paid by, and how much."""
    return evaluate(
        line.evidence,
        trainee.voucher,
        enrolment_id=line.enrolment_id,
        voucher_id=line.voucher_id,
        holds=trainee.holds,
        paid_fen=line.amount_fen,
    )


def _as_it_was_submitted(trainee: Examination, line: Line) -> Payability:
    """Judge a line by the evidence frozen on it and a voucher as it was then.

    It was redeemed, and no list counted against it: nobody is submitted otherwise.
    """
    voucher = trainee.voucher
    if voucher is not None:
        voucher = msgspec.structs.replace(
            voucher, status=VoucherStatus.REDEEMED, enrolment_id=line.enrolment_id, bar=None
        )
    return evaluate(
        line.evidence, voucher, enrolment_id=line.enrolment_id, voucher_id=line.voucher_id, holds=()
    )
