"""Subsidy claims (补贴申领): claims, lines and objections, and what becomes of a claim with its lines."""

from datetime import date, datetime
from enum import StrEnum

import msgspec

from chalicelib.kernel.divisions import DIRECTLY_ADMINISTERED, PROVINCE
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
from chalicelib.kernel.principal import Change
from chalicelib.kernel.transitions import Step, Transitions
from chalicelib.subsidies.payability.model import Evidence

_CITY_DIGITS = 4
OBJECTIONS_MAX = 200
"""Undecided objections to one claim; publicity is open to everybody, so the list must have an end."""


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
        "uphold_objection": Step((_C.SUBMITTED, _C.REVIEWED, _C.PUBLICISED), _C.RETURNED),
        "give_up": Step(
            (_C.SUBMITTED, _C.REVIEWED, _C.RETURNED, _C.PUBLICISED, _C.PAYABLE, _C.BATCHED), _C.REJECTED
        ),
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


class Leftover(msgspec.Struct, frozen=True, array_like=True):
    """A rostered trainee without a line: the voucher closes with the class."""

    enrolment_id: str
    voucher_id: str


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """A claim for one class. `line_count` and `amount_fen` are of the lines that are not rejected.

    `also_prepared_by` are those who besides the applicant had a hand in it or its class on the institution's
    side, fixed at submission: none of them decides on it or pays it.
    `city` is the division whose budget pays. `due_city` and `due_on` stand only on claims that
    settlement has to look at: from publicity until every line is batched, and from the end of a claim until
    its class is closed. `objections` are those not yet decided, to the claim and to its lines;
    `open_objections` those of them that stop the whole claim.
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
    also_prepared_by: list[str] = []
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
    `repay_by` is fixed with the reversal: after that day the institution is in arrears. `dropped` stands on a
    line that was taken out after second review: it stays out when its claim is returned and sent again.
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
    repay_by: date | None = None
    unsettled: str | None = None
    repayments: list[Repayment] = []
    dropped: bool = False
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


# --------------------------------------------------------------------------- whose work it is


def is_prepared_by(claim: Claim, actor: str) -> bool:
    """Tell whether somebody had a hand in a claim on the institution's side, whatever their role is now."""
    return actor == claim.submitted_by or actor in claim.also_prepared_by


def has_hand_in(claim: Claim, actor: str) -> bool:
    """Tell whether somebody prepared or reviewed a claim: neither moves the money for it (invariant 4)."""
    return is_prepared_by(claim, actor) or actor in (claim.reviewed_by, claim.approved_by)


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
    """Give a claim as it is once one of its lines is taken out.

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
        return _ended(rest, "give_up")
    if rest.paid_count == rest.line_count:
        return _ended(rest, "pay")
    if batched == rest.line_count:
        status = CLAIM_TRANSITIONS.target("batch")
        return msgspec.structs.replace(rest, status=status, due_city=None, due_on=None)
    return rest


def claim_without_objection(claim: Claim, *, about_line: bool) -> Claim:
    """Give a claim as it is once an objection to it, or to one of its lines, is decided."""
    return msgspec.structs.replace(
        claim,
        objections=claim.objections - 1,
        open_objections=claim.open_objections - (not about_line),
        version=claim.version + 1,
    )


def claim_sent_back(claim: Claim, reason: str) -> Claim:
    """Give a claim as it is once an objection to it is upheld: with the institution, and out of publicity.

    One that lies with the institution already stays there, and one that is over stays over.
    """
    if not CLAIM_TRANSITIONS.allows("uphold_objection", claim.status):
        return claim
    return msgspec.structs.replace(
        claim,
        status=CLAIM_TRANSITIONS.target("uphold_objection"),
        decision_reason=reason,
        reviewed_by=None,
        approved_by=None,
        budget_year=None,
        publicity_ends_on=None,
        due_city=None,
        due_on=None,
    )


def waits_for_closing(claim: Claim) -> bool:
    """Tell whether a claim is over, paid or rejected, and its class still has to be closed."""
    return claim.status in (_C.PAID, _C.REJECTED) and claim.due_city is not None


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

    With the last line it is paid.
    """
    paid = claim.paid_count + lines
    moved = msgspec.structs.replace(claim, paid_count=paid, version=claim.version + 1)
    if paid < claim.line_count:
        return moved
    return _ended(moved, "pay")


def _ended(claim: Claim, action: str) -> Claim:
    """End a claim: it stands first among what settlement looks at until its class is closed."""
    status = CLAIM_TRANSITIONS.target(action)
    return msgspec.structs.replace(claim, status=status, due_city=claim.city, due_on=f"0000-00-00#{claim.id}")
