"""HTTP of the exchange with the national platform."""

from datetime import date, datetime
from typing import Annotated, Any

from msgspec import Meta

from chalicelib.edge.endpoints import PUBLIC, Call, Empty, Listing, NoQuery, PageQuery
from chalicelib.edge.forms import Answer, Comment, Form
from chalicelib.edge.http import Api
from chalicelib.exchange import service
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
    """What became of them: `applied` counts repeats too; `contradicting` are those accepted before."""

    applied: int
    unknown: list[str]
    contradicting: list[str]


class DayQuery(Form):
    """A day of Asia/Shanghai."""

    day: date


class DayAnswer(Answer):
    """The changes of a day and what became of them."""

    day: date
    division: str
    changes: int
    pending: int
    sent: int
    acknowledged: int
    refused: int
    dead: int


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
        applied=result.applied, unknown=result.unknown, contradicting=result.contradicting
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
        allowed_actions=service.allowed_on_delivery(context.principal, delivery),
    )
