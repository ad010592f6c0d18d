"""Payability: one pure function, `evaluate`, with every check by name and the evidence behind it.

It decides at submission, at second review and, for lines about which anything is in doubt, at sealing. What
cannot change after scoring is frozen on the line (`claims.evidence`), so that sealing reads only a voucher
besides.

An open hold does not make a trainee unpayable: it stops the line (`held`) until it goes (`holds.model`). So
`payable` means that every check but `no_hold` passed, and `held` that this one did not.

Example. 王's class opened on 10 August 2026 and cost 1,800 yuan (180,000 fen). 王's voucher is worth
600,000 fen.

| check | what is known of 王 | passes |
|---|---|---|
| `voucher_redeemed` | the voucher is redeemed, for this enrolment | yes |
| `class_approved` | the class is scored, its completion was approved on 30 August | yes |
| `on_roster` | on the roster, scored as passed | yes |
| `attendance` | 36 of 40 lesson hours, 0.90; the policy asks for 0.80 | yes |
| `scores` | theory 72, practice 85, pass mark 60: the rate for those who passed, 1 | yes |
| `yearly_cap` | one other subsidy this year, of at most 3 | yes |
| `occupation_and_level_once` | the other one was for another occupation | yes |
| `eligible_at_date` | no list says anything of 10 August | yes |
| `not_rejected` | no reviewer has taken 王 out of the claim | yes |
| `no_hold` | one check-in came from a false position | no |

王 is payable with min(600,000, 180,000) × 1 = 180,000 fen, and held: the line is in the claim, and is not
paid while it is held. With 55 in practice the rate for those who failed counts. Where a policy pays those
0.6, the amount is 108,000 fen, and of a voucher of 100,001 fen it is 60,000 fen: 60,000.6 rounded down.
Where it pays those nothing, `scores` fails, and 王 gets no line.
"""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

import msgspec

from chalicelib.catalogue.projects.model import Project
from chalicelib.classes.model import ClassStatus
from chalicelib.enrolments.model import EnrolmentStatus
from chalicelib.kernel.errors import Fact
from chalicelib.kernel.ids import EnrolmentId, VoucherId
from chalicelib.kernel.money import at_rate
from chalicelib.people.eligibility import Bar
from chalicelib.programs.model import OverridableCheck
from chalicelib.subsidies.claims.checks import CheckName
from chalicelib.subsidies.claims.evidence import OverrideInForce, PayabilityEvidence, standing_at_opening
from chalicelib.vouchers.model import Voucher, VoucherStatus


class PayabilityCheck(msgspec.Struct, frozen=True):
    """One condition of payment with what it was judged by."""

    name: CheckName
    passed: bool
    evidence: dict[str, Fact]


class Payability(msgspec.Struct, frozen=True, kw_only=True):
    """Whether one trainee is payable, how much (fen), and each check behind it."""

    enrolment_id: EnrolmentId
    voucher_id: VoucherId
    payable: bool
    held: bool
    amount_fen: int
    checks: list[PayabilityCheck]


def evaluate(
    evidence: PayabilityEvidence,
    voucher: Voucher | None,
    *,
    enrolment_id: EnrolmentId,
    voucher_id: VoucherId,
    holds: Sequence[str],
    paid_fen: int | None = None,
) -> Payability:
    """Decide whether and how much is payable for one trainee, with every check and its evidence.

    The amount is min(face value, project fee) × pay rate, rounded down to whole fen. Who passed is decided
    here, not by the state that scoring gave the enrolment: scoring fails whoever was absent and knows of no
    override. The marks give the rate, and nobody is paid whose attendance neither suffices nor is overridden.
    `paid_fen` is what this enrolment was paid, if it was: its voucher is settled then and that is the amount,
    and a list that came later takes nothing away.
    """
    paid = paid_fen is not None
    checks = [
        _voucher_redeemed(voucher, enrolment_id, paid=paid),
        _class_approved(evidence),
        _on_roster(evidence),
        _attendance(evidence),
        _scores(evidence),
        _yearly_cap(evidence),
        _occupation_and_level_once(evidence),
        _eligible_at_date(evidence, voucher.bar if voucher is not None and not paid else None),
        _not_rejected(evidence),
        *_completed_in_time(evidence, voucher),
    ]
    checks = [_overridden(check, evidence.overrides) for check in checks]
    payable = all(check.passed for check in checks)
    amount_fen = (_due_fen(evidence, voucher) if paid_fen is None else paid_fen) if payable else 0
    return Payability(
        enrolment_id=enrolment_id,
        voucher_id=voucher_id,
        payable=amount_fen > 0,
        held=bool(holds),
        amount_fen=amount_fen,
        checks=[*checks, _no_hold(holds)],
    )


def totals_of(payabilities: Sequence[Payability]) -> tuple[int, int]:
    """Count the payable trainees and add up their amounts (fen)."""
    amounts_fen = [payability.amount_fen for payability in payabilities if payability.payable]
    return len(amounts_fen), sum(amounts_fen)


# --------------------------------------------------------------------------- the amount


def covered_fen(voucher: Voucher, fee_fen: int) -> int:
    """Give what a voucher covers of a fee: all if its kind says so (抵用券), else at most its face value."""
    return fee_fen if voucher.kind.covers_the_fee else min(voucher.face_value_fen, fee_fen)


def _due_fen(evidence: PayabilityEvidence, voucher: Voucher | None) -> int:
    if voucher is None:
        return 0
    return at_rate(covered_fen(voucher, evidence.fee_fen), _rate_of(evidence))


def _rate_of(evidence: PayabilityEvidence) -> Decimal:
    marks = (evidence.theory, evidence.practice)
    passed = all(mark is not None and mark >= evidence.pass_mark for mark in marks)
    return evidence.rate_passed if passed else evidence.rate_failed


# --------------------------------------------------------------------------- the checks

_AFTER_SCORING = (ClassStatus.SCORED, ClassStatus.CLAIMED, ClassStatus.CLOSED)
_SCORED = (EnrolmentStatus.PASSED, EnrolmentStatus.FAILED)


def _voucher_redeemed(voucher: Voucher | None, enrolment_id: str, *, paid: bool) -> PayabilityCheck:
    expected = VoucherStatus.SETTLED if paid else VoucherStatus.REDEEMED
    passed = voucher is not None and voucher.status is expected and voucher.enrolment_id == enrolment_id
    return PayabilityCheck(
        CheckName.VOUCHER_REDEEMED, passed, {"status": str(voucher.status) if voucher is not None else None}
    )


def _class_approved(evidence: PayabilityEvidence) -> PayabilityCheck:
    approved_on = evidence.completion_approved_on
    return PayabilityCheck(
        CheckName.CLASS_APPROVED,
        evidence.class_status in _AFTER_SCORING and approved_on is not None,
        {"status": str(evidence.class_status), "completion_approved_on": _day(approved_on)},
    )


def _on_roster(evidence: PayabilityEvidence) -> PayabilityCheck:
    return PayabilityCheck(
        CheckName.ON_ROSTER,
        evidence.on_roster and evidence.enrolment_status in _SCORED,
        {"on_roster": evidence.on_roster, "enrolment_status": str(evidence.enrolment_status)},
    )


def _attendance(evidence: PayabilityEvidence) -> PayabilityCheck:
    return PayabilityCheck(
        CheckName.ATTENDANCE,
        evidence.share >= evidence.attendance_min,
        {
            "hours": float(evidence.hours),
            "required_hours": float(evidence.required_hours),
            "share": float(evidence.share),
            "minimum": float(evidence.attendance_min),
        },
    )


def _scores(evidence: PayabilityEvidence) -> PayabilityCheck:
    rate = _rate_of(evidence)
    return PayabilityCheck(
        CheckName.SCORES,
        rate > 0,
        {
            "theory": evidence.theory,
            "practice": evidence.practice,
            "pass_mark": evidence.pass_mark,
            "pay_rate": float(rate),
        },
    )


def _yearly_cap(evidence: PayabilityEvidence) -> PayabilityCheck:
    return PayabilityCheck(
        CheckName.YEARLY_CAP,
        evidence.subsidies_this_year < evidence.subsidies_per_year,
        {"this_year": evidence.subsidies_this_year, "maximum": evidence.subsidies_per_year},
    )


def _occupation_and_level_once(evidence: PayabilityEvidence) -> PayabilityCheck:
    return PayabilityCheck(
        CheckName.OCCUPATION_AND_LEVEL_ONCE,
        not evidence.same_level_before,
        {"subsidised_before": evidence.same_level_before},
    )


def _eligible_at_date(evidence: PayabilityEvidence, bar: Bar | None) -> PayabilityCheck:
    """Ask that no list counts on the day the class opens (`claims.evidence.standing_at_opening`)."""
    standing = standing_at_opening(evidence, bar)
    return PayabilityCheck(
        CheckName.ELIGIBLE_AT_DATE,
        standing is None,
        {
            "opens_on": _day(evidence.opens_on),
            "listed": standing.situation.value if standing else None,
            "since": _day(standing.since) if standing else None,
        },
    )


def _not_rejected(evidence: PayabilityEvidence) -> PayabilityCheck:
    return PayabilityCheck(
        CheckName.NOT_REJECTED, evidence.reject_reason is None, {"reason": evidence.reject_reason}
    )


def _completed_in_time(evidence: PayabilityEvidence, voucher: Voucher | None) -> list[PayabilityCheck]:
    """Ask that training ends within the voucher's validity where the program does (`expiry_scope: complete`).

    The last lesson's day counts: when the completion is approved is not in the trainee's hands.
    """
    if not evidence.completed_by_expiry:
        return []
    ended_on, last_day = evidence.last_lesson_on, voucher.valid_through if voucher else None
    in_time = ended_on is not None and last_day is not None and ended_on <= last_day
    facts: dict[str, Fact] = {"last_lesson_on": _day(ended_on), "valid_through": _day(last_day)}
    return [PayabilityCheck(CheckName.COMPLETED_IN_TIME, in_time, facts)]


def _no_hold(holds: Sequence[str]) -> PayabilityCheck:
    return PayabilityCheck(CheckName.NO_HOLD, not holds, {"holds": ", ".join(holds) or None})


def _day(day: date | None) -> str | None:
    return day.isoformat() if day is not None else None


# --------------------------------------------------------------------------- overrides


def _overridden(check: PayabilityCheck, overrides: Sequence[OverrideInForce]) -> PayabilityCheck:
    """Let a failed check pass that two people have decided to let pass; it shows by whose decision."""
    for override in overrides:
        if override.check == check.name and not check.passed:
            shown: dict[str, Fact] = {
                "override": override.override_id,
                "override_expires_on": override.expires_on.isoformat(),
            }
            return PayabilityCheck(check.name, passed=True, evidence={**check.evidence, **shown})
    return check


def waived_by(evidence: PayabilityEvidence) -> set[str]:
    """Name the checks that fail and that two people let pass: what passes by itself needs nobody's word."""
    checks = {
        OverridableCheck.ATTENDANCE: _attendance(evidence),
        OverridableCheck.YEARLY_CAP: _yearly_cap(evidence),
        OverridableCheck.OCCUPATION_AND_LEVEL_ONCE: _occupation_and_level_once(evidence),
    }
    return {
        override.check
        for override in evidence.overrides
        if not checks[OverridableCheck(override.check)].passed
    }


# --------------------------------------------------------------------------- what has changed since


class CheckDifference(msgspec.Struct, frozen=True):
    """What became of one check since the claim was submitted."""

    name: CheckName
    before: PayabilityCheck
    now: PayabilityCheck


def differences(before: Payability, now: Payability) -> list[CheckDifference]:
    """List the checks whose outcome or figures changed; holds are shown by themselves.

    That a class or a voucher went on to its next state is no difference while the check still passes.
    """
    known = {check.name: check for check in before.checks}
    return [
        CheckDifference(check.name, known[check.name], check)
        for check in now.checks
        if check.name in known
        and check.name is not CheckName.NO_HOLD
        and _telling(check) != _telling(known[check.name])
    ]


def as_listed_now(payability: Payability, evidence: PayabilityEvidence, bar: Bar | None) -> Payability:
    """Give what was paid with what lists say by now: it takes nothing away, and is shown as a difference."""
    now = _eligible_at_date(evidence, bar)
    checks = [now if check.name == now.name else check for check in payability.checks]
    return msgspec.structs.replace(payability, checks=checks)


def _telling(check: PayabilityCheck) -> tuple[bool, dict[str, Fact]]:
    return check.passed, {name: fact for name, fact in check.evidence.items() if name != "status"}


def occupation_of(project: Project) -> str:
    """Name an occupation and level, of which one person is subsidised once."""
    return f"{project.occupation_code}/{project.level}"
