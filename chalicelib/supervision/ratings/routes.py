"""HTTP of ratings: the report of institutions with their cards."""

from datetime import datetime
from typing import Any

from chalicelib.edge.endpoints import AS_SHEETS, Call, LinkAnswer, Reply
from chalicelib.edge.forms import Answer
from chalicelib.edge.http import Api
from chalicelib.programs.model import Card
from chalicelib.supervision.kept.model import name_of_report
from chalicelib.supervision.ratings import service
from chalicelib.supervision.ratings.layout import ratings_sheet
from chalicelib.supervision.ratings.model import Rating
from chalicelib.supervision.reports.routes import KeptReportQuery, as_sheet, kept_or_now
from chalicelib.supervision.reports.service import scope_of

api = Api(__name__)


class RatingAnswer(Answer):
    """The figures of one institution; cases, inspections and classes of the last year, vouchers of ever.

    `card` follows from confirmed cases that hold payments and from deviations, by the policy's thresholds.
    """

    institution: str
    name: str
    division: str
    card: Card | None
    confirmed_cases: int
    open_cases: int
    open_holds: int
    inspected: int
    deviations: int
    redeemed: int
    idle: int
    idle_share: float | None
    passed: int
    failed: int
    pass_share: float | None
    attempts: int
    refused: int
    refused_share: float | None
    paid_fen: int
    taken_back_fen: int


class RatingsAnswer(Answer):
    """The institutions of a division, the worst first; without a program by the strictest of all policies."""

    program_id: str | None
    division: str
    computed_at: datetime
    items: list[RatingAnswer]


@api.endpoint(
    "GET",
    "/v1/reports/ratings",
    action="report.read",
    query=KeptReportQuery,
    answer=RatingsAnswer,
    also=AS_SHEETS,
    summary="Institutions with their figures and cards, the worst first",
)
def report_ratings(call: Call[None, KeptReportQuery]) -> RatingsAnswer | LinkAnswer | Reply:
    scope = scope_of(call.context, call.query.program, call.query.division)
    rated, computed_at = kept_or_now(
        call,
        name_of_report("ratings", scope.division, scope.program_id),
        list[Rating],
        lambda: service.ratings(call.context, scope),
    )
    if call.query.format != "json":
        return as_sheet(call, "ratings", ratings_sheet(rated, english=call.english))
    return RatingsAnswer(
        program_id=scope.program_id,
        division=scope.division,
        computed_at=computed_at,
        items=[_answer(rating) for rating in rated],
    )


def _answer(rating: Rating) -> RatingAnswer:
    facts: dict[str, Any] = {name: getattr(rating, name) for name in RatingAnswer.__struct_fields__}
    return RatingAnswer(**facts)
