"""HTTP of the check-ins that the national platform forwards."""

from typing import Annotated

from msgspec import Meta

from chalicelib.attendance.check_ins.routes import CheckInAnswer, CheckInRequest, render
from chalicelib.attendance.forwarded import service
from chalicelib.edge.endpoints import Call, NoQuery
from chalicelib.edge.forms import Answer, Form
from chalicelib.edge.http import Api
from chalicelib.kernel.reasons import sentence

api = Api(__name__)

FORWARDED_MAX = 100


class ForwardedItem(CheckInRequest, kw_only=True):
    """One forwarded check-in: at which lesson, and whose by their enrolment."""

    lesson_id: Annotated[str, Meta(min_length=1, max_length=80)]
    enrolment_id: Annotated[str, Meta(min_length=1, max_length=80)]


class ForwardRequest(Form):
    """Forwarded check-ins."""

    items: Annotated[list[ForwardedItem], Meta(min_length=1, max_length=FORWARDED_MAX)]


class ForwardedAnswer(Answer):
    """What became of one: `check_in` if it is recorded, else `code` and `detail`."""

    lesson_id: str
    enrolment_id: str
    nonce: str
    recorded: bool
    check_in: CheckInAnswer | None
    code: str | None
    detail: str | None


class ForwardAnswer(Answer):
    """What became of each, in the order they were sent."""

    recorded: int
    items: list[ForwardedAnswer]


@api.endpoint(
    "POST",
    "/v1/exchange/check-ins",
    action="exchange.forward_check_ins",
    body=ForwardRequest,
    answer=ForwardAnswer,
    summary="The platform forwards check-ins made through it",
)
def forward_check_ins(call: Call[ForwardRequest, NoQuery]) -> ForwardAnswer:
    items = [
        service.ForwardedCheckIn(item.lesson_id, item.enrolment_id, item.attempt())
        for item in call.body.items
    ]
    outcomes = service.forward(call.context, items)
    return ForwardAnswer(
        recorded=sum(outcome.recorded is not None for outcome in outcomes),
        items=[_render(outcome, english=call.english) for outcome in outcomes],
    )


def _render(outcome: service.ForwardedOutcome, *, english: bool) -> ForwardedAnswer:
    item, failure = outcome.item, outcome.failure
    return ForwardedAnswer(
        lesson_id=item.lesson_id,
        enrolment_id=item.enrolment_id,
        nonce=item.attempt.nonce,
        recorded=outcome.recorded is not None,
        check_in=render(outcome.recorded) if outcome.recorded is not None else None,
        code=failure.code if failure is not None else None,
        detail=sentence(failure.code, failure.facts, english=english) if failure is not None else None,
    )
