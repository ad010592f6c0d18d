"""Subsidy claims (补贴申领) and their lines: states, whose work they are, and what stands against a step.

What becomes of a claim with each step is in `moves`, what a trainee is judged by in `evidence`.
"""

from datetime import date, datetime, timedelta
from enum import StrEnum

import msgspec

from chalicelib.kernel.calendar import add_working_days, shanghai_date
from chalicelib.kernel.clocks import RETURNED_DAYS
from chalicelib.kernel.errors import DomainError
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
from chalicelib.kernel.principal import Change, Hands
from chalicelib.kernel.reasons import error
from chalicelib.kernel.transitions import Step, Transitions
from chalicelib.subsidies.claims.evidence import PayabilityEvidence
from chalicelib.subsidies.claims.states import ClaimStatus, LineStatus

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
        "take_out": Step((_C.PAYABLE, _C.BATCHED), _C.PAYABLE),
        "pay": Step((_C.BATCHED,), _C.PAID),
        "unpay": Step((_C.PAID,), _C.BATCHED),
        "withdraw_approval": Step((_C.PUBLICISED,), _C.REVIEWED),
        "return": Step((_C.SUBMITTED, _C.REVIEWED), _C.RETURNED),
        "uphold_objection": Step((_C.SUBMITTED, _C.REVIEWED, _C.PUBLICISED), _C.RETURNED),
        "give_up": Step(
            (_C.SUBMITTED, _C.REVIEWED, _C.RETURNED, _C.PUBLICISED, _C.PAYABLE, _C.BATCHED), _C.REJECTED
        ),
        "reject": Step((_C.SUBMITTED, _C.REVIEWED, _C.RETURNED), _C.REJECTED),
    },
)


_L = LineStatus
LINE_TRANSITIONS: Transitions[LineStatus] = Transitions(
    "claim_line",
    {
        "hold": Step((_L.PENDING,), _L.HELD),
        "lift": Step((_L.HELD,), _L.PENDING),
        "reject": Step((_L.PENDING, _L.HELD), _L.REJECTED),
        "restore": Step((_L.REJECTED,), _L.PENDING),
        "drop": Step((_L.PENDING, _L.HELD, _L.PAYMENT_FAILED), _L.REJECTED),
        "batch": Step((_L.PENDING, _L.PAYMENT_FAILED), _L.BATCHED),
        "take_out": Step((_L.BATCHED,), _L.HELD),
        "pay": Step((_L.BATCHED,), _L.PAID),
        "fail": Step((_L.BATCHED,), _L.PAYMENT_FAILED),
        "correct_to_paid": Step((_L.PAYMENT_FAILED,), _L.PAID),
        "pay_back": Step((_L.PAID,), _L.PAYMENT_FAILED),
        "reverse": Step((_L.PAID,), _L.REVERSED),
    },
)


class Leftover(msgspec.Struct, frozen=True, array_like=True):
    """A rostered trainee without a line: the voucher closes with the class."""

    enrolment_id: str
    voucher_id: str


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """A claim for one class. `line_count` and `amount_fen` are of the lines that are not rejected.

    `also_prepared_by` are those who besides the applicant had a hand in it or its class on the institution's
    side, and its trainees (`classes.model.prepared_by`), fixed at submission: none decides on it or pays it.
    `city` is the division whose budget pays. `due_city` and `due_on` stand only on claims that
    settlement has to look at: from publicity until every line is batched, and from the end of a claim until
    its class is closed. `objections` are those not yet decided, to the claim and to its lines;
    `open_objections` those of them that stop the whole claim. `class_closed` stands on a claim that was paid,
    and has had a line to pay again since: its class is closed already. `queue` is the list in which it waits,
    and `queued_at` since when somebody has to act: until second review, while returned, and `holds.stopping`.
    `claim_by` is the last day on which its class could be claimed for.
    `payee_id` is the institution's account that was approved: the one in force at the first review
    (`reviewed_at`), or one that a finance officer let it be paid to since. `holds` are those on the claim as
    a whole; each of its lines names them as well.
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
    reviewed_at: datetime | None = None
    approved_by: str | None = None
    payee_id: str | None = None
    holds: list[str] = []
    approved_on: date | None = None
    budget_year: int | None = None
    publicity_ends_on: date | None = None
    due_city: str | None = None
    due_on: str | None = None
    objections: int = 0
    open_objections: int = 0
    batched_count: int = 0
    paid_count: int = 0
    class_closed: bool = False
    decision_reason: str | None = None
    claim_by: date | None = None
    queue: str | None = None
    queued_at: datetime | None = None
    version: int = 1
    last_change: Change | None = None


class BankOutcome(StrEnum):
    """What became of a payment at the bank; `returned` (退票) is money that came back after it was paid."""

    PAID = "paid"
    FAILED = "payment_failed"
    RETURNED = "returned"


class PaymentAttempt(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the bank said of a line in one batch; `paid_on` is the bank's date.

    `amount_fen` is what the bank was to pay, `set_off_fen` what was set off besides against what the
    institution owes. A batch has several of a line where the bank corrected itself or money came back: the
    last one counts. `entered_by` reported it; a correction has `confirmed_by` besides.
    """

    batch_id: str
    status: BankOutcome
    amount_fen: int
    paid_on: date | None = None
    bank_reference: str | None = None
    reason: str | None = None
    set_off_fen: int = 0
    entered_by: str | None = None
    entered_at: datetime | None = None
    confirmed_by: str | None = None


class Correction(msgspec.Struct, frozen=True, kw_only=True):
    """What one officer says a bank's result really is; another one has to confirm it."""

    to: BankOutcome
    amount_fen: int
    paid_on: date | None
    bank_reference: str | None
    reason: str
    asked_by: str


class SetOff(msgspec.Struct, frozen=True, array_like=True):
    """What is kept of the payment of `line_id` in a batch for what this line's institution owes.

    It is `booked` once the rest of that line is paid; until then nobody else takes that part of the debt.
    """

    line_id: LineId
    batch_id: str
    amount_fen: int
    booked: bool = False


class Repayment(msgspec.Struct, frozen=True, array_like=True):
    """Money an institution gave back for a reversed line; `received_on` is the bank's date."""

    bank_reference: str
    amount_fen: int
    received_on: date


class LineFlag(StrEnum):
    """Why somebody has to look at a line; lists go by it."""

    LATE_INELIGIBILITY = "late_ineligibility"


class LateIneligibility(msgspec.Struct, frozen=True, kw_only=True):
    """What a list said of a trainee once the line was in a batch or paid: ineligible on the opening day."""

    code: str
    since: date
    as_of: date
    import_id: str
    found_at: datetime


class AskedRepayment(msgspec.Struct, frozen=True, kw_only=True):
    """A repayment that one officer has entered: it counts once another one has confirmed it."""

    repayment: Repayment
    asked_by: str


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One trainee's part of a claim; names and numbers are masks.

    `unsettled` stands on a line that was paid though its voucher was gone: in which state that was.
    `repay_by` is fixed with the reversal: after that day the institution is in arrears. `dropped` stands on a
    line that was taken out after second review: it stays out when its claim is returned and sent again.
    `held_since` tells since when each hold stands, `lifted` which derived ones somebody has decided to lift.
    `reversed_fen` has been taken back so far; a line is `reversed` once all of it is. Lines that were
    reversed before parts could be have 0 there. `set_offs` are parts of the debt that payments of other lines
    cover.
    `paid_once` stands on a line whose payment came back or was none: its voucher is settled all the same.
    `released_by` let a line whose payment failed go into a batch again.
    `late_ineligibility` stands on one that a list came too late for: its payment is to be taken back.
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
    evidence: PayabilityEvidence
    submitted_at: datetime
    holds: list[str] = []
    held_since: dict[str, datetime] = {}
    lifted: list[str] = []
    reject_reason: str | None = None
    batch_id: str | None = None
    retry_city: str | None = None
    budget_year: int | None = None
    attempts: list[PaymentAttempt] = []
    reversal_asked_by: str | None = None
    reversal_reason: str | None = None
    reversal_asked_fen: int | None = None
    reversed_by: str | None = None
    reversed_fen: int = 0
    repay_by: date | None = None
    unsettled: str | None = None
    repayments: list[Repayment] = []
    repayment_asked: AskedRepayment | None = None
    repayment_confirmed_by: str | None = None
    set_offs: list[SetOff] = []
    correction: Correction | None = None
    paid_once: bool = False
    released_by: str | None = None
    dropped: bool = False
    late_ineligibility: LateIneligibility | None = None
    version: int = 1
    last_change: Change | None = None


def waits_for_finance(line: Line) -> bool:
    """Tell whether a second finance officer has to decide on something of a line: it stands in their list."""
    asked = (line.repayment_asked, line.correction)
    reversal = line.status is LineStatus.PAID and line.reversal_asked_by is not None
    failed = line.status is LineStatus.PAYMENT_FAILED and line.released_by is None
    return failed or reversal or any(request is not None for request in asked)


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


# --------------------------------------------------------------------------- whose work it is


def is_prepared_by(claim: Claim, hands: Hands) -> bool:
    """Tell whether somebody had a hand in a claim on the institution's side, whatever their role is now."""
    return not hands.isdisjoint((claim.submitted_by, *claim.also_prepared_by))


def hands_in(claim: Claim) -> set[str]:
    """Give everybody who prepared or reviewed a claim."""
    named = (claim.submitted_by, *claim.also_prepared_by, claim.reviewed_by, claim.approved_by)
    return {actor for actor in named if actor is not None}


def has_hand_in(claim: Claim, hands: Hands) -> bool:
    """Tell whether somebody prepared or reviewed a claim: neither moves the money for it (invariant 4)."""
    return not hands.isdisjoint(hands_in(claim))


# --------------------------------------------------------------------------- what stands against a step


def why_not(action: str, claim: Claim, hands: Hands, *, version: int | None = None) -> DomainError | None:
    """Tell what stands against submitting a claim again, reviewing, approving, returning or rejecting it.

    Nobody decides on a claim that they prepared, and two people give the two reviews. Example: clerk 甲
    gave the first review and is a reviewer by now. 甲 may still return or reject the claim, but not approve
    it.

    `store.decide` and `store.move_write` hold the same under races.
    """
    decides = action != "submit"
    own_work = is_prepared_by(claim, hands) or (action == "approve" and claim.reviewed_by in hands)
    if decides and own_work:
        return error("self_approval")
    return CLAIM_TRANSITIONS.why_not(action, claim, version=version)


def why_not_withdraw_approval(
    claim: Claim, own: Hands, *, today: date, version: int | None = None
) -> DomainError | None:
    """Tell what stands against a reviewer withdrawing their own second review; `own` are their own ids.

    It may be until publicity has run a working day, and as long as nobody has objected.
    `store.move_write` holds the same under races.
    """
    refusal = CLAIM_TRANSITIONS.why_not("withdraw_approval", claim, version=version)
    if refusal is not None:
        return refusal
    if claim.approved_by not in own:
        return error("approval_not_yours")
    if claim.objections:
        return error("objection_open")
    stands = claim.approved_on is None or today > add_working_days(claim.approved_on, 1)
    return error("approval_stands") if stands else None


APPROVED = (_C.PUBLICISED, _C.PAYABLE, _C.BATCHED)
"""States of a claim that has passed second review and is not over."""


def why_not_drop(line: Line, claim: Claim, hands: Hands, *, version: int | None = None) -> DomainError | None:
    """Tell what stands against taking a line out of its claim for good, after second review.

    `store.drop_line_write` and `store.move_write` hold the same under races.
    """
    if is_prepared_by(claim, hands):
        return error("self_approval")
    refusal = LINE_TRANSITIONS.why_not("drop", line, version=version)
    if refusal is None and line.correction is not None:
        return error("correction_already_asked")
    if refusal is None and line.paid_once and not line.holds:
        return error("line_paid_once")  # what came back is owed, unless something stands against it
    if refusal is None and not (claim.status in APPROVED and line.id in claim.line_ids):
        return error("wrong_state", status=claim.status.value)
    return refusal


# --------------------------------------------------------------------------- when and what a claim counts


def sent_again_by(claim: Claim) -> date | None:
    """Give the last day, inclusive, on which a returned claim may be sent again; None of older ones.

    The deadline of the first filing goes on, but whoever was returned something has `RETURNED_DAYS` in any
    case. Example: a class may be claimed for until 1 September. Returned on 1 June, its claim may be sent
    again until 1 September; returned on 20 August, until 19 September.
    """
    if claim.claim_by is None or claim.queued_at is None:
        return None
    return max(claim.claim_by, shanghai_date(claim.queued_at) + timedelta(days=RETURNED_DAYS))


def why_not_again(claim: Claim, today: date) -> DomainError | None:
    """Tell what stands against sending a returned claim again today: its last day for that is over."""
    deadline = sent_again_by(claim)
    if deadline is None or today <= deadline:
        return None
    return error("claim_deadline_passed", deadline=deadline.isoformat())


def filing_day(claim: Claim | None) -> date | None:
    """Give the day a claim was filed, by whose year it counts; None of one that has to be filed (again)."""
    if claim is None or claim.status is _C.RETURNED:
        return None
    return shanghai_date(claim.submitted_at)


def was_paid(line: Line) -> bool:
    """Tell whether the bank has paid a line, though the money may have been taken back, or come back, since.

    One that came back and was taken out of its claim then is paid no more.
    """
    return line.status in (_L.PAID, _L.REVERSED) or (line.paid_once and line.status is not _L.REJECTED)


_COUNTED = (_L.PENDING, _L.HELD, _L.BATCHED, _L.PAYMENT_FAILED, _L.PAID)


def may_count(line: Line) -> bool:
    """Tell whether a line counts as a subsidy of its person, if its claim stands."""
    return line.status in _COUNTED


def counts(line: Line, claim: Claim) -> bool:
    """Tell whether a line counts as a subsidy of its person.

    It does from its claim's submission until it or its claim is rejected, or its payment reversed.
    """
    return may_count(line) and claim.status is not _C.REJECTED and line.id in claim.line_ids


# --------------------------------------------------------------------------- what is shown


def status_shown(claim: Claim, today: date) -> ClaimStatus:
    """Tell the state as it is today, though settlement may not have recorded that publicity is over.

    Example: publicity runs until 8 September and nobody objects. On the 8th the claim is shown as
    publicised, on the 9th as payable, whenever the next batch is sealed. Lists are filtered by the same
    rule as the store writes it: `store.shown_as`.
    """
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


def waits_for_closing(claim: Claim) -> bool:
    """Tell whether a claim is over, paid or rejected, and its class still has to be closed."""
    return claim.status in (_C.PAID, _C.REJECTED) and claim.due_city is not None
