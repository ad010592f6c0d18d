"""HTTP of filing a subsidy claim."""

from typing import Annotated

from msgspec import Meta

from chalicelib.edge.endpoints import AnswerKind, Call, NoQuery, Reply
from chalicelib.edge.forms import Form
from chalicelib.edge.http import Api
from chalicelib.subsidies.filing.service import submit_claim
from chalicelib.subsidies.showing.routes import ClaimAnswer, claim_answer

api = Api(__name__)

LINES_MAX = 100
AMOUNT_MAX = 10_000_000_000


class ClaimRequest(Form):
    """The totals that the institution declares."""

    declared_count: Annotated[int, Meta(ge=0, le=LINES_MAX)]
    declared_amount_fen: Annotated[int, Meta(ge=0, le=AMOUNT_MAX)]


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
def submit_subsidy_claim(call: Call[ClaimRequest, NoQuery], class_id: str) -> Reply:
    filed = submit_claim(
        call.context,
        class_id,
        declared_count=call.body.declared_count,
        declared_amount_fen=call.body.declared_amount_fen,
    )
    answer = claim_answer(call, filed.claim, filed.lines)
    return Reply(answer, 201 if filed.created else 200)
