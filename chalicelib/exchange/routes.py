"""HTTP of the exchange with the national platform."""

from datetime import date, datetime
from typing import Annotated, Any

from msgspec import Meta

from chalicelib.edge.endpoints import PUBLIC, Call, Empty, Listing, NoQuery, PageQuery
from chalicelib.edge.forms import Answer, Comment, Form, Reason, line
from chalicelib.edge.http import Api
from chalicelib.exchange import service
from chalicelib.exchange.messages.reported import SubjectKind
from chalicelib.exchange.model import Delivery, DeliveryState, PlatformVerdict
from chalicelib.kernel.principal import Context

api = Api(__name__)


class KeysAnswer(Answer):
    """A JWK set: the public keys that verify our messages."""

    keys: list[dict[str, str]]


class DeliveryQuery(PageQuery):
    """Which deliveries to list."""

    state: DeliveryState = DeliveryState.PENDING


class DeliveryAnswer(Answer):
    """A delivery."""

    message_id: str
    subject: str
    sequence: int
    event: str
    division: str
    state: DeliveryState
    occurred_at: datetime
    attempts: int
    failure: str | None
    sent_at: datetime | None
    answered_at: datetime | None
    due_at: datetime | None
    rebuilt: bool
    pass_over_asked_by: str | None
    pass_over_reason: str | None
    version: int
    allowed_actions: list[str]


class AcknowledgementItem(Form):
    """The platform's word on one message."""

    message_id: Annotated[str, Meta(min_length=1, max_length=80)]
    outcome: PlatformVerdict
    reason: Comment | None = None


class AcknowledgementsRequest(Form):
    """The platform's word on messages."""

    items: Annotated[list[AcknowledgementItem], Meta(min_length=1, max_length=200)]


class AcknowledgementsAnswer(Answer):
    """What became of them: `applied` counts repeats too; `contradicting` are those accepted before.

    `never_sent` are messages that were not handed over yet: a word on them settles nothing.
    """

    applied: int
    unknown: list[str]
    contradicting: list[str]
    never_sent: list[str]


class RedriveRequest(Form):
    """Which deliveries to send again, and why: all in a state that have what is given besides."""

    state: DeliveryState
    reason: Reason
    kind: SubjectKind | None = None
    division: Annotated[str, Meta(pattern=r"^[0-9]{2,6}$(?!\n)")] | None = None
    failure: Annotated[str, line(100)] | None = None


class RedriveAnswer(Answer):
    """How many are sent again; `more` tells that there are others, for another call."""

    redriven: int
    more: bool


class ReasonRequest(Form):
    """Why."""

    reason: Reason


class DayQuery(Form):
    """A day of Asia/Shanghai."""

    day: date


class DayAnswer(Answer):
    """The changes of a day and what became of them."""

    day: date
    division: str
    changes: int
    waiting: int
    pending: int
    sent: int
    acknowledged: int
    refused: int
    dead: int
    passed: int
    missing: int


@api.endpoint(
    "GET",
    "/v1/exchange/keys",
    action=PUBLIC,
    answer=KeysAnswer,
    summary="The public keys that verify our messages to the platform",
)
def list_exchange_keys(call: Call[None, NoQuery]) -> KeysAnswer:
    from chalicelib.edge import tokens  # noqa: PLC0415 - most routes of this step sign nothing

    del call
    return KeysAnswer(**tokens.public_keys("exchange"))


@api.endpoint(
    "GET",
    "/v1/exchange/deliveries",
    action="exchange.read",
    query=DeliveryQuery,
    answer=Listing[DeliveryAnswer],
    summary="List the deliveries of a state",
)
def list_deliveries(call: Call[None, DeliveryQuery]) -> Listing[DeliveryAnswer]:
    page = service.list_deliveries(call.context, call.query.state, call.page_request())
    return call.listing(page, lambda delivery: _render(call.context, delivery))


@api.endpoint(
    "POST",
    "/v1/exchange/deliveries/{message_id}/redrive",
    action="exchange.redrive",
    body=Empty,
    answer=DeliveryAnswer,
    summary="Send a message again",
)
def redrive_delivery(call: Call[Empty, NoQuery], message_id: str) -> DeliveryAnswer:
    return _render(call.context, service.redrive(call.context, message_id))


@api.endpoint(
    "GET",
    "/v1/exchange/deliveries/{message_id}",
    action="exchange.read",
    answer=DeliveryAnswer,
    summary="Read one delivery",
)
def read_delivery(call: Call[None, NoQuery], message_id: str) -> DeliveryAnswer:
    return _render(call.context, service.read_delivery(call.context, message_id))


@api.endpoint(
    "POST",
    "/v1/exchange/redrives",
    action="exchange.redrive",
    body=RedriveRequest,
    answer=RedriveAnswer,
    summary="Send everything of a filter again",
)
def redrive_deliveries(call: Call[RedriveRequest, NoQuery]) -> RedriveAnswer:
    body = call.body
    wanted = service.RedriveFilter(
        state=body.state, kind=body.kind, division=body.division, reason=body.failure
    )
    result = service.redrive_all(call.context, wanted, body.reason)
    return RedriveAnswer(redriven=result.count, more=result.more)


@api.endpoint(
    "POST",
    "/v1/exchange/deliveries/{message_id}/pass-over",
    action="exchange.pass_over",
    body=ReasonRequest,
    answer=DeliveryAnswer,
    summary="Ask that a message which can never be accepted is left out",
)
def ask_pass_over(call: Call[ReasonRequest, NoQuery], message_id: str) -> DeliveryAnswer:
    return _render(call.context, service.ask_pass_over(call.context, message_id, call.body.reason))


@api.endpoint(
    "POST",
    "/v1/exchange/deliveries/{message_id}/pass-over/confirm",
    action="exchange.pass_over",
    body=ReasonRequest,
    answer=DeliveryAnswer,
    summary="Leave a message out, as another person asked for: its subject goes on",
)
def confirm_pass_over(call: Call[ReasonRequest, NoQuery], message_id: str) -> DeliveryAnswer:
    return _render(call.context, service.confirm_pass_over(call.context, message_id, call.body.reason))


@api.endpoint(
    "POST",
    "/v1/exchange/acknowledgements",
    action="exchange.acknowledge",
    body=AcknowledgementsRequest,
    answer=AcknowledgementsAnswer,
    summary="The platform tells which messages it accepted or refused",
)
def acknowledge_messages(call: Call[AcknowledgementsRequest, NoQuery]) -> AcknowledgementsAnswer:
    result = service.acknowledge(
        call.context,
        [service.Acknowledgement(item.message_id, item.outcome, item.reason) for item in call.body.items],
    )
    return AcknowledgementsAnswer(
        applied=result.applied,
        unknown=result.unknown,
        contradicting=result.contradicting,
        never_sent=result.never_sent,
    )


@api.endpoint(
    "GET",
    "/v1/exchange/reconciliation",
    action="exchange.read",
    query=DayQuery,
    answer=DayAnswer,
    summary="Compare the changes of a day with what the platform acknowledged",
)
def reconcile_exchange(call: Call[None, DayQuery]) -> DayAnswer:
    count = service.reconcile_day(call.context, call.query.day)
    states: dict[str, Any] = {state.value: number for state, number in count.states.items()}
    return DayAnswer(day=count.day, division=count.division, changes=sum(count.states.values()), **states)


def _render(context: Context, delivery: Delivery) -> DeliveryAnswer:
    return DeliveryAnswer(
        message_id=delivery.message_id,
        subject=delivery.subject,
        sequence=delivery.sequence,
        event=delivery.event,
        division=delivery.division,
        state=delivery.state,
        occurred_at=delivery.occurred_at,
        attempts=delivery.attempts,
        failure=delivery.failure,
        sent_at=delivery.sent_at,
        answered_at=delivery.answered_at,
        due_at=delivery.due_at,
        rebuilt=delivery.rebuilt,
        pass_over_asked_by=delivery.passing.asked_by if delivery.passing is not None else None,
        pass_over_reason=delivery.passing.reason if delivery.passing is not None else None,
        version=delivery.version,
        allowed_actions=service.allowed_on_delivery(context.principal, delivery),
    )
