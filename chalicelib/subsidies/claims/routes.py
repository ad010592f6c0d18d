"""HTTP of subsidy claims."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Any, Literal

from msgspec import Meta

from chalicelib.classes.model import ClassStatus
from chalicelib.edge.endpoints import AnswerKind, Call, Listing, NoQuery, PageQuery, Reply, VersionReason
from chalicelib.edge.forms import Answer, Comment, Form, Reason, Version
from chalicelib.edge.http import Api
from chalicelib.kernel.calendar import shanghai_date
from chalicelib.kernel.errors import Fault
from chalicelib.kernel.principal import Context
from chalicelib.kernel.reasons import error, sentence
from chalicelib.subsidies.claims import filing, service
from chalicelib.subsidies.claims.lapsing import close_unpayable
from chalicelib.subsidies.claims.model import (
    Claim,
    ClaimStatus,
    Line,
    LineStatus,
    claim_of_line,
    line_status_shown,
    status_shown,
)

api = Api(__name__)

LINES_MAX = 100
DECISIONS_MAX = 20
"""Claims a call of decisions, as the gateway waits 29 seconds.

A second review takes a call a trainee and some 16 more: 66 for a class of 50, 106 for the largest, of 90. Of
those 20 take 2,100 calls, 21 seconds at 10 ms each.
"""
AMOUNT_MAX = 10_000_000_000


class ClosedClass(Answer):
    """A class for which nothing will be paid."""

    id: str
    status: ClassStatus
    version: int


class ClaimRequest(Form):
    """The totals that the institution declares."""

    declared_count: Annotated[int, Meta(ge=0, le=LINES_MAX)]
    declared_amount_fen: Annotated[int, Meta(ge=0, le=AMOUNT_MAX)]


class LineAnswer(Answer):
    """One trainee's line; names and numbers are masked."""

    id: str
    enrolment_id: str
    voucher_id: str
    trainee: dict[str, str]
    amount_fen: int
    status: LineStatus
    holds: list[str]
    reject_reason: str | None
    batch_id: str | None
    version: int


class ClaimHead(Answer):
    """A claim without its lines."""

    id: str
    class_id: str
    class_name: str
    institution: str
    division: str
    program_id: str
    project_id: str
    status: ClaimStatus
    count: int
    amount_fen: int
    declared_count: int
    declared_amount_fen: int
    submitted_at: datetime
    publicity_ends_on: date | None
    open_objections: int
    decision_reason: str | None
    version: int
    allowed_actions: list[str]


class ClaimAnswer(ClaimHead):
    """A claim with its lines."""

    lines: list[LineAnswer]


class ClaimQuery(PageQuery):
    """Which claims to list."""

    division: Annotated[str, Meta(max_length=6)] | None = None
    status: ClaimStatus | None = None


class RejectedLine(Form):
    """A line that a reviewer takes out of a claim."""

    id: Annotated[str, Meta(min_length=1, max_length=80)]
    reason: Reason


class ReviewRequest(Form):
    """A review's decision: the claim goes on, without the lines listed."""

    version: Version
    rejected_lines: Annotated[list[RejectedLine], Meta(max_length=LINES_MAX)] | None = None
    comment: Comment | None = None


class DecisionRequest(Form):
    """A decision on one of several claims; returning and rejecting need a reason."""

    claim_id: Annotated[str, Meta(min_length=1, max_length=80)]
    action: Literal["review", "approve", "return", "reject"]
    version: Version
    reason: Reason | None = None
    rejected_lines: Annotated[list[RejectedLine], Meta(max_length=LINES_MAX)] | None = None

    @classmethod
    def needed(cls, given: Mapping[str, Any]) -> list[str]:
        """Ask why a claim goes back or is rejected."""
        why = given.get("action") in ("return", "reject")
        return ["reason"] if why and given.get("reason") is None else []


class DecisionsRequest(Form):
    """Decisions on several claims, each of which stands by itself."""

    decisions: Annotated[list[DecisionRequest], Meta(min_length=1, max_length=DECISIONS_MAX)]


class DecisionAnswer(Answer):
    """What became of one decision; `code` and `detail` say why it was refused."""

    claim_id: str
    action: str
    applied: bool
    status: ClaimStatus | None
    version: int | None
    code: str | None
    detail: str | None


class DecisionsAnswer(Answer):
    """What became of each decision, in the order they were sent."""

    applied: int
    refused: int
    results: list[DecisionAnswer]


@api.endpoint(
    "POST",
    "/v1/classes/{class_id}/close",
    action="class.close",
    body=VersionReason,
    answer=ClosedClass,
    summary="Close a scored class in which nobody is payable, with its vouchers",
)
def close_class(call: Call[VersionReason, NoQuery], class_id: str) -> ClosedClass:
    body = call.body
    closed = close_unpayable(call.context, class_id, version=body.version, reason=body.reason)
    return ClosedClass(id=closed.id, status=closed.status, version=closed.version)


@api.endpoint(
    "POST",
    "/v1/classes/{class_id}/subsidy-claims",
    action="subsidy_claim.submit",
    body=ClaimRequest,
    answer=ClaimAnswer,
    status_code=201,
    also=(AnswerKind(ClaimAnswer),),
    summary="Claim the subsidy for a scored class, or again after a return",
)
def submit(call: Call[ClaimRequest, NoQuery], class_id: str) -> Reply:
    submitted = filing.submit_claim(
        call.context,
        class_id,
        declared_count=call.body.declared_count,
        declared_amount_fen=call.body.declared_amount_fen,
    )
    answer = _claim(call.context, submitted.claim, submitted.lines)
    return Reply(answer, 201 if submitted.created else 200)


@api.endpoint(
    "GET",
    "/v1/subsidy-claims",
    action="subsidy_claim.read",
    query=ClaimQuery,
    answer=Listing[ClaimHead],
    summary="List subsidy claims",
)
def list_claims(call: Call[None, ClaimQuery]) -> Listing[ClaimHead]:
    page = service.list_claims(
        call.context, call.page_request(), division=call.query.division, status=call.query.status
    )
    return call.listing(page, lambda claim: _head(call.context, claim))


@api.endpoint(
    "GET",
    "/v1/subsidy-claims/{claim_id}",
    action="subsidy_claim.read",
    answer=ClaimAnswer,
    summary="Read a subsidy claim with its lines",
)
def read(call: Call[None, NoQuery], claim_id: str) -> ClaimAnswer:
    claim = service.read_claim(call.context, claim_id)
    return _claim(call.context, claim, service.lines_of(claim))


@api.endpoint(
    "POST",
    "/v1/subsidy-claims/{claim_id}/review",
    action="subsidy_claim.review",
    body=ReviewRequest,
    answer=ClaimHead,
    summary="First review",
)
def review(call: Call[ReviewRequest, NoQuery], claim_id: str) -> ClaimHead:
    body = call.body
    claim = service.review(
        call.context, claim_id, version=body.version, rejected_lines=_rejected(body), comment=body.comment
    )
    return _head(call.context, claim)


@api.endpoint(
    "POST",
    "/v1/subsidy-claims/{claim_id}/approve",
    action="subsidy_claim.approve",
    body=ReviewRequest,
    answer=ClaimHead,
    summary="Second review: reserves the budget and begins publicity",
)
def approve(call: Call[ReviewRequest, NoQuery], claim_id: str) -> ClaimHead:
    body = call.body
    claim = service.approve(
        call.context, claim_id, version=body.version, rejected_lines=_rejected(body), comment=body.comment
    )
    return _head(call.context, claim)


@api.endpoint(
    "POST",
    "/v1/subsidy-claims/{claim_id}/return",
    action="subsidy_claim.return",
    body=VersionReason,
    answer=ClaimHead,
    summary="Return a claim to the institution",
)
def send_back(call: Call[VersionReason, NoQuery], claim_id: str) -> ClaimHead:
    body = call.body
    claim = service.send_back(call.context, claim_id, version=body.version, reason=body.reason)
    return _head(call.context, claim)


@api.endpoint(
    "POST",
    "/v1/subsidy-claims/{claim_id}/reject",
    action="subsidy_claim.reject",
    body=VersionReason,
    answer=ClaimHead,
    summary="Reject a claim for good and close its class",
)
def reject(call: Call[VersionReason, NoQuery], claim_id: str) -> ClaimHead:
    body = call.body
    claim = service.reject(call.context, claim_id, version=body.version, reason=body.reason)
    return _head(call.context, claim)


@api.endpoint(
    "POST",
    "/v1/claim-decisions",
    action="subsidy_claim.decide",
    body=DecisionsRequest,
    answer=DecisionsAnswer,
    summary="Decide on several subsidy claims at once; each stands by itself",
)
def decide_many(call: Call[DecisionsRequest, NoQuery]) -> DecisionsAnswer:
    wanted = call.body.decisions
    faults = [
        Fault("unknown_field", field=f"decisions[{place}].rejected_lines")
        for place, one in enumerate(wanted)
        if one.action in ("return", "reject") and one.rejected_lines is not None
    ]
    if faults:
        raise error("malformed", faults=tuple(faults))
    decided = service.decide_many(
        call.context,
        [
            service.Decision(one.claim_id, one.action, one.version, one.reason, _rejected(one))
            for one in wanted
        ],
    )
    results = [_decided(call, one) for one in decided]
    applied = sum(one.applied for one in results)
    return DecisionsAnswer(applied=applied, refused=len(results) - applied, results=results)


def _decided(call: Call[DecisionsRequest, NoQuery], one: service.Decided) -> DecisionAnswer:
    claim, refusal = one.claim, one.refusal
    return DecisionAnswer(
        claim_id=one.decision.claim_id,
        action=one.decision.action,
        applied=claim is not None,
        status=status_shown(claim, shanghai_date(call.context.now)) if claim is not None else None,
        version=claim.version if claim is not None else None,
        code=refusal.code if refusal is not None else None,
        detail=sentence(refusal.code, refusal.facts, english=call.english) if refusal is not None else None,
    )


def _rejected(body: ReviewRequest | DecisionRequest) -> dict[str, str]:
    return {line.id: line.reason for line in body.rejected_lines or []}


def _head_facts(context: Context, claim: Claim) -> dict[str, object]:
    same = {name: getattr(claim, name) for name in ClaimHead.__struct_fields__ if hasattr(claim, name)}
    return {
        **same,
        "count": claim.line_count,
        "status": status_shown(claim, shanghai_date(context.now)),
        "allowed_actions": service.allowed_actions(context.principal, claim),
    }


def _head(context: Context, claim: Claim) -> ClaimHead:
    return ClaimHead(**_head_facts(context, claim))  # type: ignore[arg-type]


def _claim(context: Context, claim: Claim, lines: list[Line]) -> ClaimAnswer:
    facts = _head_facts(context, claim)
    return ClaimAnswer(**facts, lines=[line_answer(line, claim) for line in lines])  # type: ignore[arg-type]


def line_answer(line: Line, claim: Claim) -> LineAnswer:
    """Show one line of a claim."""
    assert claim_of_line(line.id) == claim.id
    shown = line_status_shown(line, claim)
    # Reviewers of a claim that was sent again see why one of its lines was rejected before.
    under_review = claim.status in (ClaimStatus.SUBMITTED, ClaimStatus.REVIEWED)
    return LineAnswer(
        id=line.id,
        enrolment_id=line.enrolment_id,
        voucher_id=line.voucher_id,
        trainee={"name": line.trainee_name, "id_number": line.trainee_id_number},
        amount_fen=line.amount_fen,
        status=shown,
        holds=line.holds,
        reject_reason=line.reject_reason if shown is LineStatus.REJECTED or under_review else None,
        batch_id=line.batch_id,
        version=line.version,
    )
