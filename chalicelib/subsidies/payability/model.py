"""Payability: one pure function, `evaluate`, with every check by name and the evidence behind it.

It decides at submission, at second review and, for lines about which anything is in doubt, at sealing. What
cannot change after scoring is frozen on the line as `Evidence`, so that sealing reads only a voucher besides.

An open hold does not make a trainee unpayable: it stops the line (`held`) until the hold is lifted. So
`payable` means that every check but `no_hold` passed, and `held` that this one did not.
"""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

import msgspec

from chalicelib.classes.model import ClassStatus
from chalicelib.enrolments.model import EnrolmentStatus
from chalicelib.kernel.errors import Fact
from chalicelib.kernel.ids import EnrolmentId, VoucherId
from chalicelib.kernel.money import at_rate
from chalicelib.people.eligibility import Bar
from chalicelib.programs.model import OverridableCheck
from chalicelib.vouchers.model import Voucher, VoucherStatus


class Overriding(msgspec.Struct, frozen=True, array_like=True):
    """An override in force when the evidence was taken: the check it lets pass, and until when."""

    check: str
    override_id: str
    expires_on: date


class Evidence(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """What is known of one trainee of one class; nothing of it changes once the class is scored.

    Hours are lesson hours (课时), shares 0 to 1, rates the part of the payable amount that is paid.
    `reject_reason` is why an earlier line was taken out for good, after second review.
    """

    class_status: ClassStatus
    completion_approved_on: date | None
    on_roster: bool
    enrolment_status: EnrolmentStatus
    theory: int | None
    practice: int | None
    pass_mark: int
    hours: Decimal
    required_hours: Decimal
    share: Decimal
    attendance_min: Decimal
    fee_fen: int
    rate_passed: Decimal
    rate_failed: Decimal
    subsidies_this_year: int
    subsidies_per_year: int
    same_level_before: bool
    overrides: list[Overriding] = []
    completed_by_expiry: bool = False
    last_lesson_on: date | None = None
    opens_on: date | None = None
    reject_reason: str | None = None


class Check(msgspec.Struct, frozen=True):
    """One condition of payment with what it was judged by."""

    name: str
    passed: bool
    evidence: dict[str, Fact]


class Payability(msgspec.Struct, frozen=True, kw_only=True):
    """Whether one trainee is payable, how much (fen), and each check behind it."""

    enrolment_id: EnrolmentId
    voucher_id: VoucherId
    payable: bool
    held: bool
    amount_fen: int
    checks: list[Check]


def covered_fen(voucher: Voucher, fee_fen: int) -> int:
    """Give what a voucher covers of a fee: all if its kind says so (抵用券), else at most its face value."""
    return fee_fen if voucher.kind.covers_the_fee else min(voucher.face_value_fen, fee_fen)


def evaluate(
    evidence: Evidence,
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
    expected = VoucherStatus.REDEEMED if paid_fen is None else VoucherStatus.SETTLED
    redeemed = voucher is not None and voucher.status is expected and voucher.enrolment_id == enrolment_id
    rate = evidence.rate_passed if _has_the_marks(evidence) else evidence.rate_failed
    checks = [
        Check("voucher_redeemed", redeemed, {"status": str(voucher.status) if voucher else None}),
        _class_approved(evidence),
        Check(
            "on_roster",
            evidence.on_roster and evidence.enrolment_status in _SCORED,
            {"on_roster": evidence.on_roster, "enrolment_status": str(evidence.enrolment_status)},
        ),
        Check(
            "attendance",
            evidence.share >= evidence.attendance_min,
            {
                "hours": float(evidence.hours),
                "required_hours": float(evidence.required_hours),
                "share": float(evidence.share),
                "minimum": float(evidence.attendance_min),
            },
        ),
        Check(
            "scores",
            rate > 0,
            {
                "theory": evidence.theory,
                "practice": evidence.practice,
                "pass_mark": evidence.pass_mark,
                "pay_rate": float(rate),
            },
        ),
        Check(
            "yearly_cap",
            evidence.subsidies_this_year < evidence.subsidies_per_year,
            {"this_year": evidence.subsidies_this_year, "maximum": evidence.subsidies_per_year},
        ),
        Check(
            "occupation_and_level_once",
            not evidence.same_level_before,
            {"subsidised_before": evidence.same_level_before},
        ),
        eligible_at_date(evidence, voucher.bar if voucher and paid_fen is None else None),
        Check("not_rejected", evidence.reject_reason is None, {"reason": evidence.reject_reason}),
        *_completed_in_time(evidence, voucher),
    ]
    checks = [_overridden(check, evidence.overrides) for check in checks]
    payable = all(check.passed for check in checks)
    checks.append(Check("no_hold", not holds, {"holds": ", ".join(holds) or None}))
    due_fen = at_rate(covered_fen(voucher, evidence.fee_fen), rate) if payable and voucher else 0
    amount_fen = paid_fen if payable and paid_fen is not None else due_fen
    return Payability(
        enrolment_id=enrolment_id,
        voucher_id=voucher_id,
        payable=payable and amount_fen > 0,
        held=bool(holds),
        amount_fen=amount_fen,
        checks=checks,
    )


def eligible_at_date(evidence: Evidence, bar: Bar | None) -> Check:
    """Ask that what cross-match lists say does not count on the day the class opens (`ineligible_at_date`).

    On that day training begins; a situation that arises later, work above all, is what it is for. Where the
    day is not known, whatever stands against the voucher counts.
    """
    day = evidence.opens_on
    counting = None
    if bar is not None:
        counting = bar.standing if day is None else bar.standing_on(day)
    facts: dict[str, Fact] = {
        "opens_on": day.isoformat() if day else None,
        "listed": counting.situation.value if counting else None,
        "since": counting.since.isoformat() if counting else None,
    }
    return Check("eligible_at_date", counting is None, facts)


def waived_by(evidence: Evidence) -> set[str]:
    """Name the checks that fail and that two people let pass: what passes by itself needs nobody's word."""
    failing = {
        OverridableCheck.ATTENDANCE: evidence.share < evidence.attendance_min,
        OverridableCheck.YEARLY_CAP: evidence.subsidies_this_year >= evidence.subsidies_per_year,
        OverridableCheck.OCCUPATION_AND_LEVEL_ONCE: evidence.same_level_before,
    }
    return {one.check for one in evidence.overrides if failing[OverridableCheck(one.check)]}


def _overridden(check: Check, overrides: Sequence[Overriding]) -> Check:
    """Let a failed check pass that two people have decided to let pass; it shows by whose decision."""
    for one in overrides:
        if one.check == check.name and not check.passed:
            shown: dict[str, Fact] = {
                "override": one.override_id,
                "override_expires_on": one.expires_on.isoformat(),
            }
            return Check(check.name, passed=True, evidence={**check.evidence, **shown})
    return check


class Difference(msgspec.Struct, frozen=True):
    """What became of one check since the claim was submitted."""

    name: str
    before: Check
    now: Check


def differences(before: Payability, now: Payability) -> list[Difference]:
    """List the checks whose outcome or figures changed; holds are shown by themselves.

    That a class or a voucher went on to its next state is no difference while the check still passes.
    """
    known = {check.name: check for check in before.checks}
    return [
        Difference(check.name, known[check.name], check)
        for check in now.checks
        if check.name in known and check.name != "no_hold" and _telling(check) != _telling(known[check.name])
    ]


def _telling(check: Check) -> tuple[bool, dict[str, Fact]]:
    return check.passed, {name: fact for name, fact in check.evidence.items() if name != "status"}


_SCORED = (EnrolmentStatus.PASSED, EnrolmentStatus.FAILED)
_AFTER_SCORING = (ClassStatus.SCORED, ClassStatus.CLAIMED, ClassStatus.CLOSED)


def _class_approved(evidence: Evidence) -> Check:
    approved_on = evidence.completion_approved_on
    return Check(
        "class_approved",
        evidence.class_status in _AFTER_SCORING and approved_on is not None,
        {
            "status": str(evidence.class_status),
            "completion_approved_on": approved_on.isoformat() if approved_on else None,
        },
    )


def _completed_in_time(evidence: Evidence, voucher: Voucher | None) -> list[Check]:
    """Ask that training ends within the voucher's validity where the program does (`expiry_scope: complete`).

    The last lesson's day counts: when the completion is approved is not in the trainee's hands.
    """
    if not evidence.completed_by_expiry:
        return []
    ended_on, last_day = evidence.last_lesson_on, voucher.valid_through if voucher else None
    in_time = ended_on is not None and last_day is not None and ended_on <= last_day
    facts: dict[str, Fact] = {
        "last_lesson_on": ended_on.isoformat() if ended_on else None,
        "valid_through": last_day.isoformat() if last_day else None,
    }
    return [Check("completed_in_time", in_time, facts)]


def _has_the_marks(evidence: Evidence) -> bool:
    marks = (evidence.theory, evidence.practice)
    return all(mark is not None and mark >= evidence.pass_mark for mark in marks)


def totals_of(found: Sequence[Payability]) -> tuple[int, int]:
    """Count the payable trainees and add up their amounts (fen)."""
    payable = [one.amount_fen for one in found if one.payable]
    return len(payable), sum(payable)
