"""HTTP of roll-calls."""

from datetime import datetime

from chalicelib.attendance.roll_calls import service as roll_calls_service
from chalicelib.edge.endpoints import Call, NoQuery
from chalicelib.edge.forms import Answer
from chalicelib.edge.http import Api

api = Api(__name__)


class RollCallAnswer(Answer):
    """A roll-call that has begun."""

    number: int
    opens_at: datetime
    closes_at: datetime
    answered: bool


class RollCallsAnswer(Answer):
    """The roll-calls of a lesson so far."""

    items: list[RollCallAnswer]


@api.endpoint(
    "GET",
    "/v1/lessons/{lesson_id}/roll-calls",
    action="attendance.read_own",
    answer=RollCallsAnswer,
    summary="The roll-calls of a lesson that have begun",
)
def roll_calls(call: Call[None, NoQuery], lesson_id: str) -> RollCallsAnswer:
    return RollCallsAnswer(
        items=[
            RollCallAnswer(
                number=one.call.number,
                opens_at=one.call.opens_at,
                closes_at=one.call.closes_at,
                answered=one.answered,
            )
            for one in roll_calls_service.show_roll_calls(call.context, lesson_id)
        ]
    )
