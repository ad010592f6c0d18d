"""Gathering the evidence: what is read of a whole class at once, and what of it is about one trainee.

A person's other lines are asked for one by one; all else costs a few calls a class, however many its
trainees.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

import msgspec

from chalicelib.attendance.summary.model import TraineeAttendance
from chalicelib.attendance.summary.service import trainees_of
from chalicelib.catalogue.projects.model import Project
from chalicelib.catalogue.projects.reading import current_project
from chalicelib.classes.model import TrainingClass
from chalicelib.classes.service import project_of
from chalicelib.enrolments.model import Enrolment
from chalicelib.enrolments.store import find_enrolments
from chalicelib.kernel.calendar import shanghai_date
from chalicelib.kernel.ids import PersonKey
from chalicelib.kernel.ports import Port
from chalicelib.programs.model import ExpiryScope, OverridableCheck
from chalicelib.programs.service import current_program
from chalicelib.subsidies.claims.counting import other_subsidies
from chalicelib.subsidies.claims.evidence import OverrideInForce, PayabilityEvidence
from chalicelib.subsidies.claims.model import Line, claim_id_of, was_paid
from chalicelib.subsidies.holds.model import attendance_hold, decided_holds, not_lifted
from chalicelib.subsidies.overrides.model import Override
from chalicelib.subsidies.overrides.service import in_force
from chalicelib.subsidies.payability.model import occupation_of, waived_by
from chalicelib.vouchers.model import Voucher
from chalicelib.vouchers.store import find_vouchers, want_vouchers

_NONE = Decimal(0)
_want_registers: Port[[Sequence[PersonKey]], None] = Port("want_registers")
approved_elsewhere: Port[[Sequence[PersonKey], str], dict[PersonKey, list[Line]]] = Port("approved_elsewhere")
"""Gives what each person was approved for beside a claim: their registers are kept where claims are approved,
which is judged by payability."""


@dataclass(frozen=True)
class ClassFacts:
    """What is read of a class: by enrolment, voucher and person. Other subsidies count in `year`."""

    training_class: TrainingClass
    project: Project
    year: int
    enrolments: Mapping[str, Enrolment]
    vouchers: Mapping[str, Voucher]
    attendance: Mapping[str, TraineeAttendance]
    other_lines: Mapping[PersonKey, Sequence[Line]]
    overrides: Mapping[str, Sequence[Override]]


def facts_of(
    training_class: TrainingClass, *, today: date, filed_on: date | None, glance: bool = False
) -> ClassFacts:
    """Read what the trainees of a class are judged by.

    What else a trainee was subsidised for counts in the year of `filed_on`, the day the claim was filed, as
    in the register; without a claim in that of `today`. Overrides count that are in force today. At a
    `glance` other subsidies are those of the register, approved ones: a call for all people, where a claim
    that is filed and not approved yet costs a query for each. Nothing is filed or approved by that.
    """
    if glance:
        _want_registers([PersonKey(person) for person in training_class.roster])
    enrolments: dict[str, Enrolment] = {
        enrolment.id: enrolment for enrolment in find_enrolments(sorted(training_class.enrolment_ids))
    }
    people = [enrolment.person_key for enrolment in enrolments.values()]
    voucher_ids = [enrolment.voucher_id for enrolment in enrolments.values()]
    want_vouchers(voucher_ids)
    others = (approved_elsewhere if glance else other_subsidies)(people, claim_id_of(training_class.id))
    vouchers = find_vouchers(voucher_ids)
    return ClassFacts(
        training_class=training_class,
        project=project_of(training_class),
        year=(filed_on or today).year,
        enrolments=enrolments,
        vouchers={voucher.id: voucher for voucher in vouchers},
        attendance={trainee.enrolment_id: trainee for trainee in trainees_of(training_class)},
        other_lines=others,
        overrides=in_force(training_class, today),
    )


def under_newest_terms(facts: ClassFacts) -> ClassFacts | None:
    """Give what would be judged if the class were approved today; None where nothing has changed since.

    For showing only: what was approved is judged and paid by the versions pinned then.
    """
    training_class = facts.training_class
    program, project = current_program(training_class.program_id), current_project(training_class.project_id)
    if (program.policy_version, project.version) == (training_class.policy_version, facts.project.version):
        return None
    newest = msgspec.structs.replace(
        training_class, policy=program.policy, policy_version=program.policy_version
    )
    return replace(facts, training_class=newest, project=project)


def evidence_of(facts: ClassFacts, enrolment: Enrolment, line: Line | None) -> PayabilityEvidence:
    """Take the evidence of one trainee; `line` is theirs in the claim, if there is one."""
    training_class, policy = facts.training_class, facts.training_class.policy
    completed = training_class.completion_approved_at
    attendance = facts.attendance.get(enrolment.id)
    other_lines = facts.other_lines[enrolment.person_key]
    return PayabilityEvidence(
        class_status=training_class.status,
        completion_approved_on=shanghai_date(completed) if completed is not None else None,
        on_roster=enrolment.class_id == training_class.id,
        enrolment_status=enrolment.status,
        theory=enrolment.theory,
        practice=enrolment.practice,
        pass_mark=policy.pass_mark,
        hours=Decimal(attendance.hours) if attendance is not None else _NONE,
        required_hours=Decimal(attendance.required_hours) if attendance is not None else _NONE,
        share=attendance.share if attendance is not None else _NONE,
        attendance_min=policy.attendance_min,
        fee_fen=facts.project.fee_fen,
        rate_passed=policy.pay_rate.passed,
        rate_failed=policy.pay_rate.failed,
        subsidies_this_year=sum(_counts_in(facts.year, other) for other in other_lines),
        subsidies_per_year=policy.subsidies_per_person_per_year,
        same_level_before=any(_is_for(facts.project, other) for other in other_lines),
        overrides=_overrides(facts.overrides.get(enrolment.id, []), line),
        completed_by_expiry=policy.expiry_scope is ExpiryScope.COMPLETE,
        last_lesson_on=shanghai_date(training_class.ends_at),
        opens_on=shanghai_date(training_class.opens_at),
        reject_reason=line.reject_reason if line is not None and line.dropped else None,
    )


def holds_of(facts: ClassFacts, enrolment: Enrolment, line: Line | None) -> list[str]:
    """Give what holds one trainee's line: what attendance says now, and what was decided on the line."""
    attendance = facts.attendance.get(enrolment.id)
    holds = [attendance_hold(reason) for reason in attendance.holds] if attendance is not None else []
    return [*not_lifted(line, holds), *decided_holds(line)] if line is not None else holds


def _counts_in(year: int, line: Line) -> bool:
    filed_in = shanghai_date(line.submitted_at).year
    return filed_in == year and not _is_waived(line, OverridableCheck.YEARLY_CAP)


def _is_for(project: Project, line: Line) -> bool:
    once = OverridableCheck.OCCUPATION_AND_LEVEL_ONCE
    return line.occupation == occupation_of(project) and not _is_waived(line, once)


def _is_waived(line: Line, check: OverridableCheck) -> bool:
    """Tell whether two people let a line pass a check: then it takes nobody else's place there."""
    return check in waived_by(line.evidence)


def _overrides(in_force_now: Sequence[Override], line: Line | None) -> list[OverrideInForce]:
    """Give the overrides that count; what was paid for under one stays paid when it is over."""
    overrides = [
        OverrideInForce(override.check, override.id, override.expires_on) for override in in_force_now
    ]
    if line is not None and was_paid(line):
        overrides += [override for override in line.evidence.overrides if override not in overrides]
    return overrides
