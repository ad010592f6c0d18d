"""HTTP of the reviews of subsidy claims."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from msgspec import Meta

from chalicelib.edge.endpoints import Call, NoQuery, VersionReason
from chalicelib.edge.forms import Comment, Form, Reason, Version
from chalicelib.edge.http import Api
from chalicelib.kernel.calendar import shanghai_date
from chalicelib.kernel.errors import Fault
from chalicelib.kernel.principal import Context
from chalicelib.kernel.reasons import error
from chalicelib.subsidies.bulk.routes import DecisionAnswer, DecisionsAnswer, decisions_answer
from chalicelib.subsidies.bulk.service import decide_each
from chalicelib.subsidies.claims.model import Claim, status_shown
from chalicelib.subsidies.claims.routes import ClaimHead, claim_head
from chalicelib.subsidies.claims.states import ClaimStatus
from chalicelib.subsidies.reviews import service

api = Api(__name__)

LINES_MAX = 100
DECISIONS_MAX = 20
"""Claims a call of decisions, as the gateway waits 29 seconds.

A second review takes a call a trainee and some 16 more: 66 for a class of 50, 106 for the largest, of 90. Of
those 20 take 2,100 calls, 21 seconds at 10 ms each.
"""


class RejectedLine(Form):
    """A line that a reviewer takes out of a claim."""

    id: Annotated[str, Meta(min_length=1, max_length=80)]
    reason: Reason


class ReviewRequest(Form):
    """A review's decision: the claim goes on, without the lines listed."""

    version: Version
    rejected_lines: Annotated[list[RejectedLine], Meta(max_length=LINES_MAX)] | None = None
    comment: Comment | None = None


class ClaimDecision(Form):
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


class ClaimDecisions(Form):
    """Decisions on several claims, each of which stands by itself."""

    decisions: Annotated[list[ClaimDecision], Meta(min_length=1, max_length=DECISIONS_MAX)]


class ClaimDecisionAnswer(DecisionAnswer[ClaimStatus]):
    """What became of the decision on one of several claims."""

    claim_id: str
    action: str


@api.endpoint(
    "POST",
    "/v1/subsidy-claims/{claim_id}/review",
    action="subsidy_claim.review",
    body=ReviewRequest,
    answer=ClaimHead,
    summary="First review",
)
def review_subsidy_claim(call: Call[ReviewRequest, NoQuery], claim_id: str) -> ClaimHead:
    body = call.body
    claim = service.review(
        call.context, claim_id, version=body.version, rejected_lines=_rejected(body), comment=body.comment
    )
    return claim_head(call.context, claim)


@api.endpoint(
    "POST",
    "/v1/subsidy-claims/{claim_id}/approve",
    action="subsidy_claim.approve",
    body=ReviewRequest,
    answer=ClaimHead,
    summary="Second review: reserves the budget and begins publicity",
)
def approve_subsidy_claim(call: Call[ReviewRequest, NoQuery], claim_id: str) -> ClaimHead:
    body = call.body
    claim = service.approve(
        call.context, claim_id, version=body.version, rejected_lines=_rejected(body), comment=body.comment
    )
    return claim_head(call.context, claim)


@api.endpoint(
    "POST",
    "/v1/subsidy-claims/{claim_id}/approve/withdraw",
    action="subsidy_claim.withdraw_approval",
    body=VersionReason,
    answer=ClaimHead,
    summary="Withdraw one's own second review until publicity has run a day",
)
def withdraw_claim_approval(call: Call[VersionReason, NoQuery], claim_id: str) -> ClaimHead:
    body = call.body
    claim = service.withdraw_approval(call.context, claim_id, version=body.version, reason=body.reason)
    return claim_head(call.context, claim)


@api.endpoint(
    "POST",
    "/v1/subsidy-claims/{claim_id}/return",
    action="subsidy_claim.return",
    body=VersionReason,
    answer=ClaimHead,
    summary="Return a claim to the institution",
)
def return_subsidy_claim(call: Call[VersionReason, NoQuery], claim_id: str) -> ClaimHead:
    body = call.body
    claim = service.send_back(call.context, claim_id, version=body.version, reason=body.reason)
    return claim_head(call.context, claim)


@api.endpoint(
    "POST",
    "/v1/subsidy-claims/{claim_id}/reject",
    action="subsidy_claim.reject",
    body=VersionReason,
    answer=ClaimHead,
    summary="Reject a claim for good and close its class",
)
def reject_subsidy_claim(call: Call[VersionReason, NoQuery], claim_id: str) -> ClaimHead:
    body = call.body
    claim = service.reject(call.context, claim_id, version=body.version, reason=body.reason)
    return claim_head(call.context, claim)


@api.endpoint(
    "POST",
    "/v1/claim-decisions",
    action="subsidy_claim.decide",
    body=ClaimDecisions,
    answer=DecisionsAnswer[ClaimDecisionAnswer],
    summary="Decide on several subsidy claims at once; each stands by itself, a wrong form refuses them all",
)
def decide_subsidy_claims(call: Call[ClaimDecisions, NoQuery]) -> DecisionsAnswer[ClaimDecisionAnswer]:
    """Decide on each by itself: what its state refuses is told in its result, and the others are applied.

    The form is read whole before: a field that is missing or of another action (a reason, rejected lines) is
    400 for all, with the place of each fault. It is the client's mistake, not an answer about one claim.
    """
    decisions = call.body.decisions
    faults = [
        Fault("unknown_field", field=f"decisions[{place}].rejected_lines")
        for place, decision in enumerate(decisions)
        if decision.action in ("return", "reject") and decision.rejected_lines is not None
    ]
    if faults:
        raise error("malformed", faults=tuple(faults))
    today = shanghai_date(call.context.now)
    return decisions_answer(
        ClaimDecisionAnswer,
        decide_each(
            call.context,
            "subsidy_claim.decide",
            decisions,
            lambda decision: _decide(call.context, decision),
            subject=lambda decision: decision.claim_id,
        ),
        known_by=("claim_id", "action"),
        status=lambda claim: status_shown(claim, today),
        english=call.english,
    )


def _decide(context: Context, decision: ClaimDecision) -> Claim:
    claim_id, version = decision.claim_id, decision.version
    if decision.action in ("review", "approve"):
        decide = service.review if decision.action == "review" else service.approve
        lines, comment = _rejected(decision), decision.reason
        return decide(context, claim_id, version=version, rejected_lines=lines, comment=comment)
    decide_against = service.send_back if decision.action == "return" else service.reject
    return decide_against(context, claim_id, version=version, reason=str(decision.reason))


def _rejected(body: ReviewRequest | ClaimDecision) -> dict[str, str]:
    return {line.id: line.reason for line in body.rejected_lines or []}
