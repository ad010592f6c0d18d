"""Subsidy claims (补贴申领): what is payable and why, the states of claims, lines and objections.

Payability is one pure function, `evaluate`. It decides at submission, at second review and at sealing;
what cannot change after scoring is frozen on the line as `Evidence`, so that sealing needs to read only
the vouchers and the holds again.

An open hold does not make a trainee unpayable: it stops the line (`held`) until a supervisor resolves
it. So `payable` means that every check but `no_hold` passed, and `held` that this one did not.
"""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

import msgspec

from chalicelib.classes.model import ClassStatus
from chalicelib.enrolments.model import EnrolmentStatus
from chalicelib.kernel.calendar import add_months, shanghai_date
from chalicelib.kernel.divisions import DIRECTLY_ADMINISTERED, PROVINCE
from chalicelib.kernel.errors import Fact
from chalicelib.kernel.ids import (
    ClaimId,
    ClassId,
    EnrolmentId,
    LineId,
    PersonKey,
    ProgramId,
    ProjectId,
    Uscc,
    VoucherId,
    part_id,
    sibling_id,
    whole_of,
)
from chalicelib.kernel.money import share_of
from chalicelib.kernel.principal import Change
from chalicelib.kernel.transitions import Step, Transitions
from chalicelib.programs.model import Policy
from chalicelib.vouchers.model import Voucher, VoucherStatus

_CITY_DIGITS = 4
OBJECTIONS_MAX = 200
"""Objections to one claim; publicity is open to everybody, so the list must have an end."""


class ClaimStatus(StrEnum):
    """Where a claim is in its life; second review and publicity begin in one write."""

    SUBMITTED = "submitted"
    REVIEWED = "reviewed"
    APPROVED = "approved"
    PUBLICISED = "publicised"
    PAYABLE = "payable"
    BATCHED = "batched"
    PAID = "paid"
    RETURNED = "returned"
    REJECTED = "rejected"


_C = ClaimStatus
CLAIM_TRANSITIONS: Transitions[ClaimStatus] = Transitions(
    "subsidy_claim",
    {
        "submit": Step((_C.RETURNED,), _C.SUBMITTED),
        "review": Step((_C.SUBMITTED,), _C.REVIEWED),
        "approve": Step((_C.REVIEWED,), _C.APPROVED),
        "publicise": Step((_C.APPROVED,), _C.PUBLICISED),
        "open_payment": Step((_C.PUBLICISED, _C.PAYABLE), _C.PAYABLE),
        "batch": Step((_C.PUBLICISED, _C.PAYABLE), _C.BATCHED),
        "pay": Step((_C.BATCHED,), _C.PAID),
        "return": Step((_C.SUBMITTED, _C.REVIEWED), _C.RETURNED),
        "uphold_objection": Step((_C.PUBLICISED,), _C.RETURNED),
        "give_up": Step((_C.PUBLICISED, _C.PAYABLE, _C.BATCHED), _C.REJECTED),
        "reject": Step((_C.SUBMITTED, _C.REVIEWED, _C.RETURNED), _C.REJECTED),
    },
)


class LineStatus(StrEnum):
    """Where one trainee's line is in its life."""

    PENDING = "pending"
    HELD = "held"
    REJECTED = "rejected"
    BATCHED = "batched"
    PAID = "paid"
    PAYMENT_FAILED = "payment_failed"
    REVERSED = "reversed"


_L = LineStatus
LINE_TRANSITIONS: Transitions[LineStatus] = Transitions(
    "claim_line",
    {
        "hold": Step((_L.PENDING,), _L.HELD),
        "lift": Step((_L.HELD,), _L.PENDING),
        "reject": Step((_L.PENDING, _L.HELD), _L.REJECTED),
        "drop": Step((_L.PENDING, _L.HELD, _L.PAYMENT_FAILED), _L.REJECTED),
        "batch": Step((_L.PENDING, _L.PAYMENT_FAILED), _L.BATCHED),
        "pay": Step((_L.BATCHED,), _L.PAID),
        "fail": Step((_L.BATCHED,), _L.PAYMENT_FAILED),
        "reverse": Step((_L.PAID,), _L.REVERSED),
    },
)


class ObjectionStatus(StrEnum):
    """An objection is open until a supervisor decides on it."""

    OPEN = "open"
    UPHELD = "upheld"
    DISMISSED = "dismissed"


class Overriding(msgspec.Struct, frozen=True, array_like=True):
    """An override in force when the evidence was taken: the check it lets pass, and until when."""

    check: str
    override_id: str
    expires_on: date


class Evidence(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """What is known of one trainee of one class; nothing of it changes once the class is scored.

    Hours are lesson hours (课时), shares 0 to 1, rates the part of the payable amount that is paid.
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


class Leftover(msgspec.Struct, frozen=True, array_like=True):
    """A rostered trainee without a line: the voucher closes with the class."""

    enrolment_id: str
    voucher_id: str


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """A claim for one class. `line_count` and `amount_fen` are of the lines that are not rejected.

    `city` is the division whose budget pays. `due_city` and `due_on` stand only on claims that
    settlement has to look at: from publicity until every line is batched.
    """

    id: ClaimId
    class_id: ClassId
    class_name: str
    institution: Uscc
    division: str
    city: str
    program_id: ProgramId
    project_id: ProjectId
    status: ClaimStatus
    line_ids: list[LineId]
    line_count: int
    amount_fen: int
    declared_count: int
    declared_amount_fen: int
    submitted_by: str
    submitted_at: datetime
    leftovers: list[Leftover] = []
    reviewed_by: str | None = None
    approved_by: str | None = None
    budget_year: int | None = None
    publicity_ends_on: date | None = None
    due_city: str | None = None
    due_on: str | None = None
    objections: int = 0
    open_objections: int = 0
    batched_count: int = 0
    paid_count: int = 0
    decision_reason: str | None = None
    version: int = 1
    last_change: Change | None = None


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """What the bank said of a line in one batch; `paid_on` is the bank's date."""

    batch_id: str
    status: LineStatus
    amount_fen: int
    paid_on: date | None = None
    bank_reference: str | None = None
    reason: str | None = None


class Repayment(msgspec.Struct, frozen=True, array_like=True):
    """Money an institution gave back for a reversed line; `received_on` is the bank's date."""

    bank_reference: str
    amount_fen: int
    received_on: date


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One trainee's part of a claim; names and numbers are masks.

    `unsettled` stands on a line that was paid though its voucher was gone: in which state that was.
    """

    id: LineId
    division: str
    city: str
    institution: Uscc
    program_id: ProgramId
    enrolment_id: EnrolmentId
    voucher_id: VoucherId
    person_key: PersonKey
    trainee_name: str
    trainee_id_number: str
    occupation: str
    status: LineStatus
    amount_fen: int
    evidence: Evidence
    submitted_at: datetime
    holds: list[str] = []
    reject_reason: str | None = None
    batch_id: str | None = None
    retry_city: str | None = None
    budget_year: int | None = None
    attempts: list[Attempt] = []
    reversal_asked_by: str | None = None
    reversal_reason: str | None = None
    reversed_by: str | None = None
    unsettled: str | None = None
    repayments: list[Repayment] = []
    version: int = 1
    last_change: Change | None = None


class Objection(msgspec.Struct, frozen=True, kw_only=True):
    """An objection from the public; what they wrote and how to reach them is sealed.

    It is about one line, or about the whole claim.
    """

    id: str
    claim_id: ClaimId
    line_id: LineId | None = None
    division: str
    status: ObjectionStatus
    sealed_reason: str
    created_at: datetime
    publicity_ends_on: date
    sealed_contact: str | None = None
    resolution: str | None = None
    resolved_by: str | None = None
    version: int = 1
    last_change: Change | None = None


# --------------------------------------------------------------------------- names


def claim_id_of(class_id: str) -> ClaimId:
    """Give the id of the one claim a class can have."""
    return ClaimId(sibling_id("clm", class_id))


def line_id_of(claim_id: str, place: int) -> LineId:
    """Give the id of the line of the trainee at a place (from 1) of the sorted roster."""
    return LineId(part_id("lin", claim_id, f"{place:02d}"))


def claim_of_line(line_id: str) -> ClaimId:
    """Give the id of a line's claim, or an id that no claim has."""
    return ClaimId(whole_of("clm", line_id)[0])


def class_of_line(line_id: str) -> ClassId:
    """Give the id of a line's class, or an id that no class has."""
    return ClassId(whole_of("cls", line_id)[0])


def budget_division(division: str) -> str:
    """Give the division whose budget pays for a division's classes.

    Its city; the directly administered counties are paid by the province.
    """
    if division in DIRECTLY_ADMINISTERED:
        return PROVINCE
    return division[:_CITY_DIGITS]


# --------------------------------------------------------------------------- payability


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
) -> Payability:
    """Decide whether and how much is payable for one trainee, with every check and its evidence.

    The amount is min(face value, project fee) × pay rate, rounded down to whole fen.
    """
    redeemed = (
        voucher is not None
        and voucher.status is VoucherStatus.REDEEMED
        and voucher.enrolment_id == enrolment_id
    )
    rate = evidence.rate_passed if _has_passed(evidence) else evidence.rate_failed
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
        *_completed_in_time(evidence, voucher),
    ]
    checks = [_overridden(check, evidence.overrides) for check in checks]
    payable = all(check.passed for check in checks)
    checks.append(Check("no_hold", not holds, {"holds": ", ".join(holds) or None}))
    amount_fen = share_of(covered_fen(voucher, evidence.fee_fen), rate) if payable and voucher else 0
    return Payability(
        enrolment_id=enrolment_id,
        voucher_id=voucher_id,
        payable=payable and amount_fen > 0,
        held=bool(holds),
        amount_fen=amount_fen,
        checks=checks,
    )


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


def _has_passed(evidence: Evidence) -> bool:
    marks = (evidence.theory, evidence.practice)
    return evidence.enrolment_status is EnrolmentStatus.PASSED and all(
        mark is not None and mark >= evidence.pass_mark for mark in marks
    )


def totals_of(found: Sequence[Payability]) -> tuple[int, int]:
    """Count the payable trainees and add up their amounts (fen)."""
    payable = [one.amount_fen for one in found if one.payable]
    return len(payable), sum(payable)


def claim_deadline(completion_approved_at: datetime, policy: Policy) -> date:
    """Give the last day, inclusive, on which a class can be claimed for."""
    return add_months(shanghai_date(completion_approved_at), policy.subsidy_claim_deadline_months)


# --------------------------------------------------------------------------- what is shown


def is_running(claim: Claim, today: date) -> bool:
    """Tell whether the claim's publicity runs today, its last day included."""
    return (
        claim.status is _C.PUBLICISED
        and claim.publicity_ends_on is not None
        and today <= claim.publicity_ends_on
    )


def status_shown(claim: Claim, today: date) -> ClaimStatus:
    """Tell the state as it is today, though settlement may not have recorded that publicity is over."""
    over = claim.publicity_ends_on is not None and claim.publicity_ends_on < today
    if claim.status is _C.PUBLICISED and over and not claim.open_objections:
        return _C.PAYABLE
    return claim.status


def line_status_shown(line: Line, claim: Claim) -> LineStatus:
    """Tell a line's state with what its claim adds: an open objection holds, a rejection rejects."""
    if line.status in (_L.PENDING, _L.HELD):
        if claim.status is _C.REJECTED:
            return _L.REJECTED
        if claim.open_objections:
            return _L.HELD
    return line.status


def claim_without(claim: Claim, line: Line) -> Claim:
    """Give a claim as it is once one of its lines is dropped after second review.

    What was waiting for this line alone goes on: the claim may now be wholly batched, or wholly paid. A claim
    that loses its last line is rejected.
    """
    batched = claim.batched_count - (line.status is _L.PAYMENT_FAILED)
    rest = msgspec.structs.replace(
        claim,
        line_count=claim.line_count - 1,
        amount_fen=claim.amount_fen - line.amount_fen,
        batched_count=batched,
        version=claim.version + 1,
    )
    if rest.line_count == 0:
        status = CLAIM_TRANSITIONS.target("give_up")
        return msgspec.structs.replace(rest, status=status, due_city=None, due_on=None)
    if rest.paid_count == rest.line_count:
        return _paid(rest)
    if batched == rest.line_count:
        status = CLAIM_TRANSITIONS.target("batch")
        return msgspec.structs.replace(rest, status=status, due_city=None, due_on=None)
    return rest


def hold_of(objection_id: str) -> str:
    """Name the hold that an objection puts on its line."""
    return f"objection:{objection_id}"


def batched_after(claim: Claim, *, lines: int) -> Claim:
    """Give a claim as it is once so many more of its lines are in a batch; the last one ends its wait."""
    batched = claim.batched_count + lines
    done = batched == claim.line_count
    return msgspec.structs.replace(
        claim,
        batched_count=batched,
        status=CLAIM_TRANSITIONS.target("batch" if done else "open_payment"),
        due_city=None if done else claim.due_city,
        due_on=None if done else claim.due_on,
        version=claim.version + 1,
    )


def claim_after(claim: Claim, *, lines: int) -> Claim:
    """Give a claim as it is once so many more of its lines are paid.

    With the last line it is paid, and stands first among what settlement looks at until its class closes.
    """
    paid = claim.paid_count + lines
    moved = msgspec.structs.replace(claim, paid_count=paid, version=claim.version + 1)
    if paid < claim.line_count:
        return moved
    return _paid(moved)


def _paid(claim: Claim) -> Claim:
    status = CLAIM_TRANSITIONS.target("pay")
    return msgspec.structs.replace(claim, status=status, due_city=claim.city, due_on=f"0000-00-00#{claim.id}")
