"""HTTP of verification."""

from typing import Annotated

from msgspec import Meta

from chalicelib.edge.endpoints import Call, NoQuery
from chalicelib.edge.forms import Answer, Form
from chalicelib.edge.http import Api
from chalicelib.settlement.verification import service as verification

api = Api(__name__)


class VerifyRequest(Form):
    """Whose ledger to verify, and where the last page ended; without it, from the beginning."""

    division: Annotated[str, Meta(max_length=6)] | None = None
    after: Annotated[str, Meta(min_length=1, max_length=200_000)] | None = None


class DifferenceAnswer(Answer):
    """Two figures that should be one: fen, or a number of lines or vouchers where the kind says so."""

    kind: str
    account: str | None
    line_id: str | None
    stored_fen: int
    expected_fen: int


class VerifiedAnswer(Answer):
    """What a page found; send `after` again for the next one until it is null."""

    division: str
    intact: bool
    postings: int
    lines: int
    differences: list[DifferenceAnswer]
    after: str | None


@api.endpoint(
    "POST",
    "/v1/ledger/verify",
    action="ledger.verify",
    body=VerifyRequest,
    answer=VerifiedAnswer,
    summary="Recompute a page of the ledger from postings and lines, and name every difference",
)
def verify_ledger(call: Call[VerifyRequest, NoQuery]) -> VerifiedAnswer:
    page, after = verification.verify(call.context, division=call.body.division, after=call.body.after)
    return VerifiedAnswer(
        division=page.division,
        intact=not page.differences,
        postings=page.postings,
        lines=page.lines,
        differences=[DifferenceAnswer(**difference._asdict()) for difference in page.differences],
        after=after,
    )
