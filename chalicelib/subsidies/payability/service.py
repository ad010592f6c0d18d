"""Payability of a class: reading the evidence that `model.evaluate` decides by."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

import msgspec

from chalicelib.attendance.summary.service import attendance_of
from chalicelib.catalogue.projects.model import Project
from chalicelib.catalogue.projects.reading import read_project
from chalicelib.classes.model import ClassStatus, TrainingClass
from chalicelib.classes.service import require_class
from chalicelib.enrolments.model import Enrolment
from chalicelib.enrolments.store import find_enrolments
from chalicelib.kernel.calendar import shanghai_date
from chalicelib.kernel.ids import PersonKey
from chalicelib.kernel.principal import Context
from chalicelib.programs.model import ExpiryScope, OverridableCheck
from chalicelib.subsidies.claims import store
from chalicelib.subsidies.claims.model import (
    Claim,
    ClaimStatus,
    Line,
    LineStatus,
    claim_id_of,
    claim_of_line,
    line_id_of,
)
from chalicelib.subsidies.overrides.model import Override
from chalicelib.subsidies.overrides.service import in_force
from chalicelib.subsidies.payability.model import (
    Difference,
    Evidence,
    Overriding,
    Payability,
    differences,
    evaluate,
    waived_by,
)
from chalicelib.vouchers.model import Voucher, VoucherStatus
from chalicelib.vouchers.store import find_vouchers

_NONE = Decimal(0)
_PAID = (LineStatus.PAID, LineStatus.REVERSED)


@dataclass(frozen=True)
class Examined:
    """One trainee of a class with the enrolment, the frozen evidence and the outcome."""

    place: int
    enrolment: Enrolment
    voucher: Voucher | None
    evidence: Evidence
    holds: list[str]
    outcome: Payability


@dataclass(frozen=True)
class Looked:
    """A trainee's payability now, and what changed since it was last looked at for a claim."""

    outcome: Payability
    compared_with: datetime | None
    differences: list[Difference]


def payability_of(context: Context, class_id: str) -> list[Looked]:
    """Show for each rostered trainee of a class what is payable and why, and what changed meanwhile.

    Of a line that was paid it is shown what was paid, and by what it was judged.
    """
    training_class = require_class(context, "payability.read", class_id)
    claim = _claim_for(training_class)
    lines = _claimed_lines(training_class, claim)
    today, filed_on = shanghai_date(context.now), filed_on_of(claim)
    return [
        Looked(
            _as_paid(one, lines.get(one.enrolment.id)), *_since_submission(one, lines.get(one.enrolment.id))
        )
        for one in examine(training_class, today=today, lines=lines, filed_on=filed_on)
    ]


def _claim_for(training_class: TrainingClass) -> Claim | None:
    if training_class.status not in (ClassStatus.CLAIMED, ClassStatus.CLOSED):
        return None
    return store.find_claim(claim_id_of(training_class.id))


def _claimed_lines(training_class: TrainingClass, claim: Claim | None) -> dict[str, Line]:
    if claim is None:
        return {}
    ever = lines_ever_claimed(training_class)
    return {line.enrolment_id: line for line in ever if line.id in claim.line_ids or line.dropped}


def filed_on_of(claim: Claim | None) -> date | None:
    """Give the day a claim was filed, by whose year it counts; None of one that has to be filed again."""
    if claim is None or claim.status is ClaimStatus.RETURNED:
        return None
    return shanghai_date(claim.submitted_at)


def lines_ever_claimed(training_class: TrainingClass) -> list[Line]:
    """Read every line that trainees of a class ever had, also those that its claim no longer names."""
    claim_id, places = claim_id_of(training_class.id), len(training_class.enrolment_ids)
    return store.find_lines([line_id_of(claim_id, place) for place in range(1, places + 1)])


def _as_paid(one: Examined, line: Line | None) -> Payability:
    if line is None or line.status not in _PAID:
        return one.outcome
    return evaluate(
        line.evidence,
        one.voucher,
        enrolment_id=line.enrolment_id,
        voucher_id=line.voucher_id,
        holds=one.holds,
        paid_fen=line.amount_fen,
    )


def _since_submission(one: Examined, line: Line | None) -> tuple[datetime | None, list[Difference]]:
    """Compare with what was submitted: the evidence frozen then, and a voucher as it was then.

    It was redeemed, and no list counted against it: nobody is submitted otherwise.
    """
    if line is None:
        return None, []
    then = evaluate(
        line.evidence,
        one.voucher
        and msgspec.structs.replace(
            one.voucher, status=VoucherStatus.REDEEMED, enrolment_id=line.enrolment_id, bar=None
        ),
        enrolment_id=line.enrolment_id,
        voucher_id=line.voucher_id,
        holds=(),
    )
    return line.submitted_at, differences(then, one.outcome)


def examine(
    training_class: TrainingClass,
    *,
    today: date,
    lines: Mapping[str, Line] | None = None,
    filed_on: date | None = None,
) -> list[Examined]:
    """Evaluate every trainee of a class; `lines` (by enrolment) add the holds placed since submission.

    A trainee whose line was taken out after second review is not payable, whatever else is known.
    What else a trainee was subsidised for counts in the year of `filed_on`, the day the claim was filed, as
    in the register; without a claim in that of `today`. Overrides count that are in force today.
    """
    enrolments: dict[str, Enrolment] = {
        one.id: one for one in find_enrolments(sorted(training_class.enrolment_ids))
    }
    vouchers = {one.id: one for one in find_vouchers([one.voucher_id for one in enrolments.values()])}
    attendance = {one.enrolment_id: one for one in attendance_of(training_class).trainees}
    project = read_project(training_class.project_id)
    policy = training_class.policy
    completed = training_class.completion_approved_at
    overrides = in_force(training_class, today)
    people = [one.person_key for one in enrolments.values()]
    others, year = _other_subsidies(people, claim_id_of(training_class.id)), (filed_on or today).year
    examined = []
    for place, enrolment_id in enumerate(sorted(training_class.enrolment_ids), start=1):
        enrolment = enrolments.get(enrolment_id)
        if enrolment is None:
            continue
        attended = attendance.get(enrolment_id)
        known = lines.get(enrolment_id) if lines is not None else None
        before = others[enrolment.person_key]
        evidence = Evidence(
            class_status=training_class.status,
            completion_approved_on=shanghai_date(completed) if completed is not None else None,
            on_roster=enrolment.class_id == training_class.id,
            enrolment_status=enrolment.status,
            theory=enrolment.theory,
            practice=enrolment.practice,
            pass_mark=policy.pass_mark,
            hours=Decimal(attended.hours) if attended is not None else _NONE,
            required_hours=Decimal(attended.required_hours) if attended is not None else _NONE,
            share=attended.share if attended is not None else _NONE,
            attendance_min=policy.attendance_min,
            fee_fen=project.fee_fen,
            rate_passed=policy.pay_rate.passed,
            rate_failed=policy.pay_rate.failed,
            subsidies_this_year=sum(
                shanghai_date(line.submitted_at).year == year
                for line in before
                if not _is_waived(line, OverridableCheck.YEARLY_CAP)
            ),
            subsidies_per_year=policy.subsidies_per_person_per_year,
            same_level_before=any(
                line.occupation == occupation_of(project)
                for line in before
                if not _is_waived(line, OverridableCheck.OCCUPATION_AND_LEVEL_ONCE)
            ),
            overrides=_overriding(overrides.get(enrolment.id, []), known),
            completed_by_expiry=policy.expiry_scope is ExpiryScope.COMPLETE,
            last_lesson_on=shanghai_date(training_class.ends_at),
            opens_on=shanghai_date(training_class.opens_at),
            reject_reason=known.reject_reason if known is not None and known.dropped else None,
        )
        holds = [f"attendance:{hold}" for hold in attended.holds] if attended is not None else []
        holds += [hold for hold in known.holds if not is_derived_hold(hold)] if known is not None else []
        voucher = vouchers.get(enrolment.voucher_id)
        outcome = evaluate(
            evidence,
            voucher,
            enrolment_id=enrolment.id,
            voucher_id=enrolment.voucher_id,
            holds=holds,
            paid_fen=known.amount_fen if known is not None and known.status in _PAID else None,
        )
        examined.append(Examined(place, enrolment, voucher, evidence, holds, outcome))
    return examined


def _is_waived(line: Line, check: OverridableCheck) -> bool:
    """Tell whether two people let a line pass a check: then it takes nobody else's place there."""
    return check in waived_by(line.evidence)


def _overriding(in_force_now: Sequence[Override], known: Line | None) -> list[Overriding]:
    """Give the overrides that count; what was paid for under one stays paid when it is over."""
    found = [Overriding(one.check, one.id, one.expires_on) for one in in_force_now]
    if known is not None and known.status in _PAID:
        found += [one for one in known.evidence.overrides if one not in found]
    return found


def is_derived_hold(hold: str) -> bool:
    """Tell whether a hold follows from other facts (and goes with them) rather than from a decision."""
    return hold.startswith(("attendance:", "check:"))


def occupation_of(project: Project) -> str:
    """Name an occupation and level, of which one person is subsidised once."""
    return f"{project.occupation_code}/{project.level}"


_COUNTED = (
    LineStatus.PENDING,
    LineStatus.HELD,
    LineStatus.BATCHED,
    LineStatus.PAYMENT_FAILED,
    LineStatus.PAID,
)


def _other_subsidies(people: Sequence[PersonKey], claim_id: str) -> dict[PersonKey, list[Line]]:
    """Find what each person is subsidised for beside this claim: a query each, the claims 100 a call."""
    found: dict[str, Line] = {
        line.id: line
        for key in people
        for line in store.lines_of_person(key)
        if claim_of_line(line.id) != claim_id
    }
    others: dict[PersonKey, list[Line]] = {key: [] for key in people}
    for line, _ in counted(list(found.values())):
        others[line.person_key].append(line)
    return others


def counted(lines: Sequence[Line]) -> list[tuple[Line, Claim]]:
    """Pick the lines that count as a subsidy of their person, each with its claim.

    A line counts from its claim's submission until it or its claim is rejected, or its payment reversed.
    """
    standing = [line for line in lines if line.status in _COUNTED]
    claims: dict[str, Claim] = {
        claim.id: claim for claim in store.find_claims(sorted({claim_of_line(one.id) for one in standing}))
    }
    found = []
    for line in standing:
        claim = claims.get(claim_of_line(line.id))
        if claim is not None and claim.status is not ClaimStatus.REJECTED and line.id in claim.line_ids:
            found.append((line, claim))
    return found
