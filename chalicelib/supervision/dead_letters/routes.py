"""HTTP of dead letters."""

from chalicelib.accounts import rights
from chalicelib.edge.endpoints import Call, Empty, NoQuery
from chalicelib.edge.forms import Answer
from chalicelib.edge.http import Api
from chalicelib.supervision.dead_letters import service

api = Api(__name__)


class DeadLettersAnswer(Answer):
    """Letters that wait for a person, about how many (SQS counts so); of a worker, job or consumer."""

    queue: str
    waiting: int
    allowed_actions: list[str]


class ParkedAnswer(Answer):
    """A record that a consumer put aside, by its number in the stream: whole, in the evidence, for good."""

    queue: str
    record: str


class AllDeadLettersAnswer(Answer):
    """The dead letters of every function, and what consumers parked; `parked_more` than is listed."""

    items: list[DeadLettersAnswer]
    parked: list[ParkedAnswer]
    parked_more: bool


class RedrivenAnswer(Answer):
    """How many letters went back to their queue, and about how many still wait: repeat until none does."""

    queue: str
    moved: int
    waiting: int


@api.endpoint(
    "GET",
    "/v1/dead-letters",
    action="dead_letter.read",
    answer=AllDeadLettersAnswer,
    summary="Count what was tried as often as it may be, by function, and list what was put aside",
)
def list_dead_letters(call: Call[None, NoQuery]) -> AllDeadLettersAnswer:
    may_redrive = rights.may(call.context.principal, "dead_letter.redrive")
    parked = service.list_parked(call.context)
    return AllDeadLettersAnswer(
        items=[
            DeadLettersAnswer(
                queue=letters.function,
                waiting=letters.waiting,
                allowed_actions=["redrive"] if may_redrive and letters.redrivable else [],
            )
            for letters in service.list_dead_letters(call.context)
        ],
        parked=[ParkedAnswer(queue=consumer, record=record) for consumer, record in parked.records],
        parked_more=parked.more,
    )


@api.endpoint(
    "POST",
    "/v1/dead-letters/{queue}/redrive",
    action="dead_letter.redrive",
    body=Empty,
    answer=RedrivenAnswer,
    summary="Send a worker's dead letters back to its queue, a hundred a call",
)
def redrive_dead_letters(call: Call[Empty, NoQuery], queue: str) -> RedrivenAnswer:
    redriven = service.redrive(call.context, queue)
    return RedrivenAnswer(queue=redriven.function, moved=redriven.moved, waiting=redriven.waiting)
