"""HTTP of the reconciliation: what the last daily walk found."""

from datetime import datetime

from chalicelib.edge.endpoints import Call, NoQuery
from chalicelib.edge.forms import Answer
from chalicelib.edge.http import Api
from chalicelib.exchange.reconciling import service
from chalicelib.exchange.reconciling.model import LISTED_MAX, Standing, Sums, Why

api = Api(__name__)


class SumsAnswer(Answer):
    """How many vouchers, and what they are worth."""

    count: int
    face_value_fen: int
    paid_fen: int
    reversed_fen: int


class FigureDifferenceAnswer(Answer):
    """A count or sum that the platform has otherwise."""

    division: str
    status: str
    here: SumsAnswer
    there: SumsAnswer


class StandingAnswer(Answer):
    """A voucher as one side has it."""

    sequence: int
    status: str
    paid_fen: int
    reversed_fen: int


class VoucherDifferenceAnswer(Answer):
    """A voucher that the platform has otherwise, and why."""

    voucher_id: str
    division: str
    why: Why
    here: StandingAnswer | None
    there: StandingAnswer | None


class UnreadableRowAnswer(Answer):
    """A row that cannot be read, or told, and the name under which it lies among the parked records."""

    table: str
    record: str
    division: str


class ComparisonAnswer(Answer):
    """The last walk. `platform` is `answered`, or why its figures could not be had.

    `rebuilt` messages were told from rows as they stood, because the stream never told them; `missing` ones
    are versions of which nothing is left; `held_up` rows wait for an open message before them; `unreadable`
    ones are parked, and are told once they can be read.
    """

    begun_at: datetime | None
    finished_at: datetime | None
    rows: int
    gaps: int
    held_up: int
    unreadable_count: int
    unreadable: list[UnreadableRowAnswer]
    rebuilt: int
    missing: int
    rebuilt_messages: list[str]
    platform: str
    platform_as_of: datetime | None
    figures: list[FigureDifferenceAnswer]
    difference_count: int
    told_again: int
    differences: list[VoucherDifferenceAnswer]


@api.endpoint(
    "GET",
    "/v1/exchange/comparison",
    action="exchange.read",
    answer=ComparisonAnswer,
    summary="What the last daily comparison with the platform found, voucher by voucher",
)
def read_exchange_comparison(call: Call[None, NoQuery]) -> ComparisonAnswer:
    at = service.found_for(call.context)
    if at is None:
        return ComparisonAnswer(
            begun_at=None,
            finished_at=None,
            rows=0,
            gaps=0,
            held_up=0,
            unreadable_count=0,
            unreadable=[],
            rebuilt=0,
            missing=0,
            rebuilt_messages=[],
            platform="not_yet",
            platform_as_of=None,
            figures=[],
            difference_count=0,
            told_again=0,
            differences=[],
        )
    return ComparisonAnswer(
        begun_at=at.begun_at,
        finished_at=at.finished_at,
        rows=at.rows,
        gaps=at.gaps,
        held_up=at.held_up,
        unreadable_count=at.unreadable_count,
        unreadable=[
            UnreadableRowAnswer(table=row.table, record=row.record, division=row.division)
            for row in list(at.unreadable.values())[:LISTED_MAX]
        ],
        rebuilt=at.rebuilt,
        missing=at.missing,
        rebuilt_messages=at.rebuilt_listed,
        platform=at.platform_asked,
        platform_as_of=at.platform_as_of,
        figures=[
            FigureDifferenceAnswer(
                division=figure.division,
                status=figure.status,
                here=_sums(figure.here),
                there=_sums(figure.there),
            )
            for figure in at.figures
        ],
        difference_count=at.difference_count,
        told_again=at.told_again,
        differences=[
            VoucherDifferenceAnswer(
                voucher_id=difference.voucher_id,
                division=difference.division,
                why=difference.why,
                here=_standing(difference.here),
                there=_standing(difference.there),
            )
            for difference in at.differences
        ],
    )


def _sums(sums: Sums) -> SumsAnswer:
    return SumsAnswer(
        count=sums.count,
        face_value_fen=sums.face_value_fen,
        paid_fen=sums.paid_fen,
        reversed_fen=sums.reversed_fen,
    )


def _standing(standing: Standing | None) -> StandingAnswer | None:
    if standing is None:
        return None
    return StandingAnswer(
        sequence=standing.sequence,
        status=standing.status,
        paid_fen=standing.paid_fen,
        reversed_fen=standing.reversed_fen,
    )
