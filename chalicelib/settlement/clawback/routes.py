"""HTTP of lines that were settled: taken out, taken back, repaid."""

from datetime import date, datetime
from typing import Annotated

from msgspec import Meta

from chalicelib.edge.endpoints import Call, Empty, Listing, NoQuery, PageQuery, ReasonBody, VersionReason
from chalicelib.edge.forms import Answer, Form, reference
from chalicelib.edge.http import Api
from chalicelib.kernel.principal import Context
from chalicelib.kernel.reasons import sentence
from chalicelib.settlement.batches.withdrawal import withdraw_line
from chalicelib.settlement.clawback import service as clawback
from chalicelib.settlement.clawback.model import ProposedClawback, outstanding_fen, proposed_clawback
from chalicelib.subsidies.budgets.routes import AMOUNT_MAX
from chalicelib.subsidies.claims.model import Line, LineFlag, LineStatus, Repayment, claim_of_line
from chalicelib.subsidies.showing.routes import LineAnswer, shown_line

api = Api(__name__)


class RepaymentRequest(Form):
    """What came back for a reversed line; the bank's reference tells parts apart."""

    amount_fen: Annotated[int, Meta(ge=1, le=AMOUNT_MAX)]
    received_on: date
    bank_reference: Annotated[str, reference(64)]


class RepaymentAnswer(Answer):
    """One repayment."""

    bank_reference: str
    amount_fen: int
    received_on: date


class AttemptAnswer(Answer):
    """What the bank said of a line in one batch; the reason is the bank's, with numbers masked."""

    batch_id: str
    status: LineStatus
    amount_fen: int
    paid_on: date | None
    bank_reference: str | None
    reason: str | None


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
    unsettled: str | None
    attempts: list[AttemptAnswer]
    repayments: list[RepaymentAnswer]
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
def reject_line(call: Call[VersionReason, NoQuery], line_id: str) -> LineAnswer:
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
def list_flagged(call: Call[None, FlaggedLinesQuery]) -> Listing[SettledLine]:
    query = call.query
    page = clawback.list_flagged(call.context, call.page_request(), query.flag, division=query.division)
    return call.listing(page, lambda line: _line(call.context, line))


@api.endpoint(
    "GET",
    "/v1/claim-lines/{line_id}",
    action="claim_line.read",
    answer=SettledLine,
    summary="A claim line with its payments, its reversal, and what is to be repaid by when",
)
def read_line(call: Call[None, NoQuery], line_id: str) -> SettledLine:
    return _line(call.context, clawback.read_line(call.context, line_id))


@api.endpoint(
    "POST",
    "/v1/claim-lines/{line_id}/reverse",
    action="claim_line.reverse",
    body=ReasonBody,
    answer=SettledLine,
    summary="Ask for a payment to be taken back",
)
def ask_reversal(call: Call[ReasonBody, NoQuery], line_id: str) -> SettledLine:
    return _line(call.context, clawback.ask_reversal(call.context, line_id, reason=call.body.reason))


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
    summary="Book what an institution gave back for a reversed line",
)
def record_repayment(call: Call[RepaymentRequest, NoQuery], line_id: str) -> SettledLine:
    body = call.body
    repayment = Repayment(body.bank_reference, body.amount_fen, body.received_on)
    return _line(call.context, clawback.record_repayment(call.context, line_id, repayment))


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
        unsettled=line.unsettled,
        attempts=[
            AttemptAnswer(**{name: getattr(attempt, name) for name in AttemptAnswer.__struct_fields__})
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
        outstanding_fen=outstanding_fen(line),
        repay_by=line.repay_by,
        late_ineligibility=_late(line),
        version=line.version,
        allowed_actions=clawback.allowed_on_line(context.principal, line),
    )
