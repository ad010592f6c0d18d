"""HTTP of a claim with its lines, and how these are shown."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime

from chalicelib.catalogue.institutions.paying import to_be_paid
from chalicelib.edge.endpoints import Call, NoQuery
from chalicelib.edge.forms import Answer
from chalicelib.edge.http import Api
from chalicelib.kernel.principal import Context, Role
from chalicelib.subsidies.claims import service
from chalicelib.subsidies.claims.model import (
    Claim,
    Line,
    claim_of_line,
    line_status_shown,
)
from chalicelib.subsidies.claims.routes import ClaimHead, head_facts
from chalicelib.subsidies.claims.states import ClaimStatus, LineStatus
from chalicelib.subsidies.holds.model import SENTENCES, HoldCode, ShownHold
from chalicelib.subsidies.showing.service import approved_payee_of, holds_of_claim

api = Api(__name__)


class LineHoldAnswer(Answer):
    """Why a line is not paid, since when, and which roles let it go (none where that follows by itself)."""

    id: str
    code: HoldCode
    reason: str
    since: datetime | None
    released_by: list[Role]
    version: int


class LineAnswer(Answer):
    """One trainee's line; names and numbers are masked."""

    id: str
    enrolment_id: str
    voucher_id: str
    trainee: dict[str, str]
    amount_fen: int
    status: LineStatus
    holds: list[LineHoldAnswer]
    reject_reason: str | None
    batch_id: str | None
    version: int


class ApprovedPayeeAnswer(Answer):
    """The account that the claim is paid to as it was approved; its number is masked."""

    id: str
    holder: str
    bank: str
    number: str


class ClaimAnswer(ClaimHead):
    """A claim with its lines; `payee` once it has passed second review."""

    payee: ApprovedPayeeAnswer | None
    lines: list[LineAnswer]


@api.endpoint(
    "GET",
    "/v1/subsidy-claims/{claim_id}",
    action="subsidy_claim.read",
    answer=ClaimAnswer,
    summary="Read a subsidy claim with its lines",
)
def read_subsidy_claim(call: Call[None, NoQuery], claim_id: str) -> ClaimAnswer:
    claim = service.read_claim(call.context, claim_id)
    return claim_answer(call, claim, service.lines_of(claim))


def claim_answer(call: Call[object, object], claim: Claim, lines: list[Line]) -> ClaimAnswer:
    """Show a claim with its lines."""
    context = call.context
    facts = head_facts(context, claim)
    holds = holds_of_claim(context, claim, lines)
    shown = [line_answer(line, claim, holds.of(line), english=call.english) for line in lines]
    recipient = to_be_paid([claim.institution]).get(claim.institution) if claim.payee_id is not None else None
    payee = approved_payee_of(claim, recipient)
    return ClaimAnswer(
        **facts,  # type: ignore[arg-type]
        payee=ApprovedPayeeAnswer(**asdict(payee)) if payee is not None else None,
        lines=shown,
    )


def shown_line(context: Context, line: Line, claim: Claim, *, english: bool) -> LineAnswer:
    """Show one line by itself, with what holds it."""
    return line_answer(line, claim, holds_of_claim(context, claim, [line]).of(line), english=english)


def line_answer(line: Line, claim: Claim, holds: Sequence[ShownHold], *, english: bool) -> LineAnswer:
    """Show one line of a claim."""
    assert claim_of_line(line.id) == claim.id
    status = line_status_shown(line, claim)
    # Reviewers of a claim that was sent again see why one of its lines was rejected before.
    under_review = claim.status in (ClaimStatus.SUBMITTED, ClaimStatus.REVIEWED)
    return LineAnswer(
        id=line.id,
        enrolment_id=line.enrolment_id,
        voucher_id=line.voucher_id,
        trainee={"name": line.trainee_name, "id_number": line.trainee_id_number},
        amount_fen=line.amount_fen,
        status=LineStatus.HELD if holds and status is LineStatus.PENDING else status,
        holds=[_hold_answer(hold, english=english) for hold in holds],
        reject_reason=line.reject_reason if status is LineStatus.REJECTED or under_review else None,
        batch_id=line.batch_id,
        version=line.version,
    )


def _hold_answer(hold: ShownHold, *, english: bool) -> LineHoldAnswer:
    return LineHoldAnswer(
        id=hold.id,
        code=HoldCode(hold.code),
        reason=hold.reason or SENTENCES[hold.kind][1 if english else 0],
        since=hold.since,
        released_by=list(hold.lifted_by),
        version=hold.version,
    )
