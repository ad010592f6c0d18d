"""HTTP of lines as finance sees them: taken out, released, corrected, taken back, repaid."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Any, Literal

from msgspec import Meta

from chalicelib.edge.endpoints import Call, Empty, Listing, NoQuery, PageQuery, ReasonBody, VersionReason
from chalicelib.edge.forms import Answer, Form, reference, words
from chalicelib.edge.http import Api
from chalicelib.kernel.principal import Context
from chalicelib.kernel.reasons import sentence
from chalicelib.settlement.batches.withdrawal import withdraw_line
from chalicelib.settlement.clawback import service as clawback
from chalicelib.settlement.clawback.model import (
    ProposedClawback,
    outstanding_fen,
    proposed_clawback,
    taken_back_fen,
)
from chalicelib.settlement.corrections import service as corrections
from chalicelib.settlement.lines.service import allowed_on_line
from chalicelib.settlement.lines.service import list_flagged as list_flagged_of_area
from chalicelib.settlement.lines.service import read_line as read_line_of_area
from chalicelib.settlement.results.model import outcome_of, word_of
from chalicelib.subsidies.budgets.routes import AMOUNT_MAX
from chalicelib.subsidies.claims.model import (
    BankOutcome,
    Correction,
    Line,
    LineFlag,
    Repayment,
    claim_of_line,
)
from chalicelib.subsidies.claims.states import LineStatus
from chalicelib.subsidies.showing.routes import LineAnswer, shown_line

api = Api(__name__)


class RepaymentRequest(Form):
    """What came back for a reversed line; the bank's reference tells parts apart."""

    amount_fen: Annotated[int, Meta(ge=1, le=AMOUNT_MAX)]
    received_on: date
    bank_reference: Annotated[str, reference(64)]


class ReversalRequest(Form):
    """Why a payment is to be taken back, and how much of it; without an amount all that is left."""

    reason: Annotated[str, words(500)]
    amount_fen: Annotated[int, Meta(ge=1, le=AMOUNT_MAX)] | None = None


class CorrectionRequest(Form):
    """What a result really is; what was paid has the bank's date and reference."""

    to: Literal["paid", "failed"]
    amount_fen: Annotated[int, Meta(ge=0, le=AMOUNT_MAX)]
    reason: Annotated[str, words(500)]
    paid_on: date | None = None
    bank_reference: Annotated[str, reference(64)] | None = None

    @classmethod
    def needed(cls, given: Mapping[str, Any]) -> list[str]:
        """Ask for the date and reference of what was paid."""
        paid = given.get("to") == "paid"
        return [name for name in ("paid_on", "bank_reference") if paid and given.get(name) is None]


class CorrectionAnswer(Answer):
    """A correction that waits for another officer; who asked is told to bureaus only."""

    to: Literal["paid", "failed"]
    amount_fen: int
    paid_on: date | None
    bank_reference: str | None
    reason: str
    asked_by: str | None


class SetOffAnswer(Answer):
    """What covers a debt: a part of the payment of another line; `booked` once that is paid."""

    line_id: str
    batch_id: str
    amount_fen: int
    booked: bool


class RepaymentAnswer(Answer):
    """One repayment."""

    bank_reference: str
    amount_fen: int
    received_on: date


class AskedRepaymentAnswer(RepaymentAnswer):
    """A repayment that waits for another officer; who entered it is told to bureaus only."""

    asked_by: str | None


class AttemptAnswer(Answer):
    """What the bank said of a line in one batch; the reason is the bank's, with numbers masked.

    `set_off_fen` was kept of it for what the institution owes. `corrected` tells that two officers said so
    later.
    """

    batch_id: str
    status: BankOutcome
    amount_fen: int
    set_off_fen: int
    paid_on: date | None
    bank_reference: str | None
    reason: str | None
    corrected: bool


class LateIneligibilityAnswer(Answer):
    """A list that came once the line was in a batch or paid, and how far taking the payment back is."""

    code: str
    detail: str
    since: date
    as_of: date
    import_id: str
    found_at: datetime
    clawback: ProposedClawback | None


class SettledLine(Answer):
    """A claim line as finance sees it; `reversal_asked_by` is told to bureaus only."""

    id: str
    claim_id: str
    enrolment_id: str
    voucher_id: str
    institution: str
    batch_id: str | None
    amount_fen: int
    status: LineStatus
    reversal_reason: str | None
    reversal_asked: bool
    reversal_asked_by: str | None
    reversal_asked_fen: int | None
    reversed_fen: int
    correction: CorrectionAnswer | None
    released: bool
    unsettled: str | None
    attempts: list[AttemptAnswer]
    repayments: list[RepaymentAnswer]
    repayment_asked: AskedRepaymentAnswer | None
    set_offs: list[SetOffAnswer]
    outstanding_fen: int
    repay_by: date | None
    late_ineligibility: LateIneligibilityAnswer | None
    version: int
    allowed_actions: list[str]


# --------------------------------------------------------------------------- lines: withdrawal and reversal


@api.endpoint(
    "POST",
    "/v1/claim-lines/{line_id}/reject",
    action="claim_line.reject",
    body=VersionReason,
    answer=LineAnswer,
    summary="Take a line that cannot be paid out of an approved claim",
)
def reject_claim_line(call: Call[VersionReason, NoQuery], line_id: str) -> LineAnswer:
    body = call.body
    line, claim = withdraw_line(call.context, line_id, version=body.version, reason=body.reason)
    return shown_line(call.context, line, claim, english=call.english)


class FlaggedLinesQuery(PageQuery, kw_only=True):
    """Which lines to list: those of an area that somebody has to look at, and why."""

    flag: LineFlag
    division: Annotated[str, Meta(max_length=6)] | None = None


@api.endpoint(
    "GET",
    "/v1/claim-lines",
    action="claim_line.read_flagged",
    query=FlaggedLinesQuery,
    answer=Listing[SettledLine],
    summary="List lines whose trainee a list showed as ineligible too late, until the payment is taken back",
)
def list_claim_lines(call: Call[None, FlaggedLinesQuery]) -> Listing[SettledLine]:
    query = call.query
    page = list_flagged_of_area(call.context, call.page_request(), query.flag, division=query.division)
    return call.listing(page, lambda line: _line(call.context, line))


@api.endpoint(
    "GET",
    "/v1/claim-lines/{line_id}",
    action="claim_line.read",
    answer=SettledLine,
    summary="A claim line with its payments, its reversal, and what is to be repaid by when",
)
def read_claim_line(call: Call[None, NoQuery], line_id: str) -> SettledLine:
    return _line(call.context, read_line_of_area(call.context, line_id))


@api.endpoint(
    "POST",
    "/v1/claim-lines/{line_id}/release",
    action="claim_line.release",
    body=ReasonBody,
    answer=SettledLine,
    summary="Let a line whose payment failed or came back into the next batch, as another officer",
)
def release_claim_line(call: Call[ReasonBody, NoQuery], line_id: str) -> SettledLine:
    return _line(call.context, corrections.release(call.context, line_id, reason=call.body.reason))


@api.endpoint(
    "POST",
    "/v1/claim-lines/{line_id}/correct",
    action="claim_line.correct",
    body=CorrectionRequest,
    answer=SettledLine,
    summary="Ask for a bank's result to be corrected",
)
def ask_correction(call: Call[CorrectionRequest, NoQuery], line_id: str) -> SettledLine:
    body = call.body
    correction = Correction(
        to=outcome_of(body.to),
        amount_fen=body.amount_fen,
        paid_on=body.paid_on,
        bank_reference=body.bank_reference,
        reason=body.reason,
        asked_by=call.context.principal.actor,
    )
    return _line(call.context, corrections.ask_correction(call.context, line_id, correction))


@api.endpoint(
    "POST",
    "/v1/claim-lines/{line_id}/correct/confirm",
    action="claim_line.correct",
    body=Empty,
    answer=SettledLine,
    summary="Confirm, as another officer, that a bank's result is corrected",
)
def confirm_correction(call: Call[Empty, NoQuery], line_id: str) -> SettledLine:
    return _line(call.context, corrections.confirm_correction(call.context, line_id))


@api.endpoint(
    "POST",
    "/v1/claim-lines/{line_id}/correct/cancel",
    action="claim_line.correct",
    body=VersionReason,
    answer=SettledLine,
    summary="Withdraw one's own request to correct a result, or refuse another officer's",
)
def cancel_correction(call: Call[VersionReason, NoQuery], line_id: str) -> SettledLine:
    body = call.body
    line = corrections.cancel_correction(call.context, line_id, version=body.version, reason=body.reason)
    return _line(call.context, line)


@api.endpoint(
    "POST",
    "/v1/claim-lines/{line_id}/reverse",
    action="claim_line.reverse",
    body=ReversalRequest,
    answer=SettledLine,
    summary="Ask for a payment, or a part of it, to be taken back",
)
def ask_reversal(call: Call[ReversalRequest, NoQuery], line_id: str) -> SettledLine:
    body = call.body
    line = clawback.ask_reversal(call.context, line_id, reason=body.reason, amount_fen=body.amount_fen)
    return _line(call.context, line)


@api.endpoint(
    "POST",
    "/v1/claim-lines/{line_id}/reverse/confirm",
    action="claim_line.reverse",
    body=Empty,
    answer=SettledLine,
    summary="Confirm, as another officer, that a payment is taken back",
)
def confirm_reversal(call: Call[Empty, NoQuery], line_id: str) -> SettledLine:
    return _line(call.context, clawback.confirm_reversal(call.context, line_id))


@api.endpoint(
    "POST",
    "/v1/claim-lines/{line_id}/reverse/cancel",
    action="claim_line.cancel_reversal",
    body=VersionReason,
    answer=SettledLine,
    summary="Withdraw one's own request to take a payment back, or refuse another officer's",
)
def cancel_reversal(call: Call[VersionReason, NoQuery], line_id: str) -> SettledLine:
    body = call.body
    line = clawback.cancel_reversal(call.context, line_id, version=body.version, reason=body.reason)
    return _line(call.context, line)


@api.endpoint(
    "POST",
    "/v1/claim-lines/{line_id}/repayments",
    action="claim_line.repay",
    body=RepaymentRequest,
    answer=SettledLine,
    summary="Enter what an institution gave back for a reversed line; another officer confirms it",
)
def ask_repayment(call: Call[RepaymentRequest, NoQuery], line_id: str) -> SettledLine:
    body = call.body
    repayment = Repayment(body.bank_reference, body.amount_fen, body.received_on)
    return _line(call.context, clawback.ask_repayment(call.context, line_id, repayment))


@api.endpoint(
    "POST",
    "/v1/claim-lines/{line_id}/repayments/confirm",
    action="claim_line.repay",
    body=Empty,
    answer=SettledLine,
    summary="Confirm, as another officer, that a repayment came in",
)
def confirm_repayment(call: Call[Empty, NoQuery], line_id: str) -> SettledLine:
    return _line(call.context, clawback.confirm_repayment(call.context, line_id))


@api.endpoint(
    "POST",
    "/v1/claim-lines/{line_id}/repayments/cancel",
    action="claim_line.repay",
    body=VersionReason,
    answer=SettledLine,
    summary="Withdraw one's own entry of a repayment, or refuse another officer's",
)
def cancel_repayment(call: Call[VersionReason, NoQuery], line_id: str) -> SettledLine:
    body = call.body
    line = clawback.cancel_repayment(call.context, line_id, version=body.version, reason=body.reason)
    return _line(call.context, line)


def _late(line: Line) -> LateIneligibilityAnswer | None:
    late = line.late_ineligibility
    if late is None:
        return None
    facts = {"since": late.since.isoformat(), "as_of": late.as_of.isoformat()}
    return LateIneligibilityAnswer(
        code=late.code,
        detail=sentence(late.code, facts),
        since=late.since,
        as_of=late.as_of,
        import_id=late.import_id,
        found_at=late.found_at,
        clawback=proposed_clawback(line),
    )


def _line(context: Context, line: Line) -> SettledLine:
    return SettledLine(
        id=line.id,
        claim_id=claim_of_line(line.id),
        enrolment_id=line.enrolment_id,
        voucher_id=line.voucher_id,
        institution=line.institution,
        batch_id=line.batch_id,
        amount_fen=line.amount_fen,
        status=line.status,
        reversal_reason=line.reversal_reason,
        reversal_asked=line.reversal_asked_by is not None,
        reversal_asked_by=line.reversal_asked_by if context.principal.is_bureau else None,
        reversal_asked_fen=line.reversal_asked_fen,
        reversed_fen=taken_back_fen(line),
        correction=_correction(line.correction, told=context.principal.is_bureau),
        released=line.released_by is not None,
        unsettled=line.unsettled,
        attempts=[
            AttemptAnswer(
                batch_id=attempt.batch_id,
                status=attempt.status,
                amount_fen=attempt.amount_fen,
                set_off_fen=attempt.set_off_fen,
                paid_on=attempt.paid_on,
                bank_reference=attempt.bank_reference,
                reason=attempt.reason,
                corrected=attempt.confirmed_by is not None,
            )
            for attempt in line.attempts
        ],
        repayments=[
            RepaymentAnswer(
                bank_reference=repayment.bank_reference,
                amount_fen=repayment.amount_fen,
                received_on=repayment.received_on,
            )
            for repayment in line.repayments
        ],
        repayment_asked=_asked_repayment(line, told=context.principal.is_bureau),
        set_offs=[
            SetOffAnswer(
                line_id=set_off.line_id,
                batch_id=set_off.batch_id,
                amount_fen=set_off.amount_fen,
                booked=set_off.booked,
            )
            for set_off in line.set_offs
        ],
        outstanding_fen=outstanding_fen(line),
        repay_by=line.repay_by,
        late_ineligibility=_late(line),
        version=line.version,
        allowed_actions=allowed_on_line(context.principal, line),
    )


def _asked_repayment(line: Line, *, told: bool) -> AskedRepaymentAnswer | None:
    if line.repayment_asked is None:
        return None
    repayment = line.repayment_asked.repayment
    return AskedRepaymentAnswer(
        bank_reference=repayment.bank_reference,
        amount_fen=repayment.amount_fen,
        received_on=repayment.received_on,
        asked_by=line.repayment_asked.asked_by if told else None,
    )


def _correction(correction: Correction | None, *, told: bool) -> CorrectionAnswer | None:
    if correction is None:
        return None
    return CorrectionAnswer(
        to="paid" if word_of(correction.to) == "paid" else "failed",
        amount_fen=correction.amount_fen,
        paid_on=correction.paid_on,
        bank_reference=correction.bank_reference,
        reason=correction.reason,
        asked_by=correction.asked_by if told else None,
    )
