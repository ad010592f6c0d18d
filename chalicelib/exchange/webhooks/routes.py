"""HTTP of webhooks: whose program it is sees how it fares and sends again; our keys are everybody's."""

import base64
from datetime import datetime
from enum import StrEnum
from typing import Annotated

from msgspec import Meta

from chalicelib.edge.endpoints import PUBLIC, Call, Listing, NoQuery, PageQuery
from chalicelib.edge.forms import Answer, Form, Reason
from chalicelib.edge.http import Api
from chalicelib.exchange.model import Delivery, DeliveryState
from chalicelib.exchange.receivers import KEYS, Failure
from chalicelib.exchange.webhooks import service
from chalicelib.kernel.errors import Fault
from chalicelib.kernel.reasons import error

api = Api(__name__)


class WebhookStatus(StrEnum):
    """Whether something waits to be sent; `stopped` is sent nothing until it is redriven."""

    IDLE = "idle"
    SENDING = "sending"
    STOPPED = "stopped"


_STATUS = {
    DeliveryState.PENDING: WebhookStatus.SENDING,
    DeliveryState.ACKNOWLEDGED: WebhookStatus.IDLE,
    DeliveryState.DEAD: WebhookStatus.STOPPED,
}


_FAILURES = "|".join((*(failure.value for failure in Failure), "no_way", "unknown", "status_[0-9]{3}"))
FailureTold = Annotated[str, Meta(pattern=f"^({_FAILURES})$")]


class MessageState(StrEnum):
    """Where a message is.

    `waiting` for the one before it about the same thing; `pending` to be sent, or to be tried again; `sent`
    while it is; `acknowledged` once it was answered 2xx; `dead` when it was given up and waits for a person.
    """

    WAITING = "waiting"
    PENDING = "pending"
    SENT = "sent"
    ACKNOWLEDGED = "acknowledged"
    DEAD = "dead"


class WebhookAnswer(Answer):
    """A program's webhook and how it fares; `failing_since` is the first of the tries in vain in a row."""

    client_id: str
    url: str
    events: list[str]
    status: WebhookStatus
    heard_at: datetime | None
    failing_since: datetime | None
    failure: FailureTold | None
    failures_in_a_row: int
    next_try_at: datetime | None
    allowed_actions: list[str]


class WebhookQuery(PageQuery):
    """Which messages to list."""

    state: MessageState = MessageState.PENDING


class WebhookDelivery(Answer):
    """A message to a program: what happened to which thing, and how it fares."""

    message_id: str
    event: str
    thing: str
    thing_version: int
    state: MessageState
    occurred_at: datetime
    attempts: int
    failure: FailureTold | None
    sent_at: datetime | None
    answered_at: datetime | None
    due_at: datetime | None


class WebhookRedriveRequest(Form):
    """Why to send, and which message: all that were given up without one, or with `ping` one to try it by."""

    reason: Reason
    message_id: Annotated[str, Meta(min_length=1, max_length=80)] | None = None
    ping: bool = False


class WebhookRedriveAnswer(Answer):
    """How many are sent again; `more` for another call, `resumed` if the webhook was stopped."""

    redriven: int
    more: bool
    resumed: bool


class WebhookKey(Answer):
    """A public key as a JWK (RFC 8037), and as Standard Webhooks writes it (`whpk`)."""

    kty: str
    crv: str
    x: str
    kid: str
    alg: str
    use: str
    whpk: str


class WebhookKeysAnswer(Answer):
    """The keys of now and of before: a message bears a signature by each."""

    keys: list[WebhookKey]


@api.endpoint(
    "GET",
    "/v1/webhook-keys",
    action=PUBLIC,
    answer=WebhookKeysAnswer,
    summary="The public keys that verify webhooks",
)
def list_webhook_keys(call: Call[None, NoQuery]) -> WebhookKeysAnswer:
    from chalicelib.edge import tokens  # noqa: PLC0415 - other routes of this step sign nothing

    del call
    known = tokens.public_keys(KEYS)["keys"]
    return WebhookKeysAnswer(keys=[WebhookKey(**key, whpk=_whpk(key["x"])) for key in known])


def _whpk(x: str) -> str:
    raw = base64.urlsafe_b64decode(x + "=" * (-len(x) % 4))
    return f"whpk_{base64.b64encode(raw).decode()}"


@api.endpoint(
    "GET",
    "/v1/clients/{client_id}/webhook",
    action="client.read",
    answer=WebhookAnswer,
    summary="How a program's webhook fares",
)
def read_webhook(call: Call[None, NoQuery], client_id: str) -> WebhookAnswer:
    shown = service.read_webhook(call.context, client_id)
    box = shown.box
    return WebhookAnswer(
        client_id=shown.client.id,
        url=shown.webhook.url,
        events=shown.webhook.events,
        status=_STATUS[box.state] if box is not None else WebhookStatus.IDLE,
        heard_at=box.answered_at if box is not None else None,
        failing_since=box.tried_since if box is not None else None,
        failure=box.failure if box is not None else None,
        failures_in_a_row=box.attempts if box is not None else 0,
        next_try_at=box.due_at if box is not None else None,
        allowed_actions=service.allowed_actions(call.context, shown.client),
    )


@api.endpoint(
    "GET",
    "/v1/clients/{client_id}/webhook/deliveries",
    action="client.read",
    query=WebhookQuery,
    answer=Listing[WebhookDelivery],
    summary="List a program's messages in a state, oldest first",
)
def list_webhook_deliveries(call: Call[None, WebhookQuery], client_id: str) -> Listing[WebhookDelivery]:
    state = DeliveryState(call.query.state)
    page = service.list_messages(call.context, client_id, state, call.page_request())
    return call.listing(page, _render)


@api.endpoint(
    "POST",
    "/v1/clients/{client_id}/webhook/redrive",
    action="client.redrive",
    body=WebhookRedriveRequest,
    answer=WebhookRedriveAnswer,
    summary="Send again what was given up, one message or all; a stopped webhook goes on",
)
def redrive_webhook(call: Call[WebhookRedriveRequest, NoQuery], client_id: str) -> WebhookRedriveAnswer:
    body = call.body
    if body.ping and body.message_id is not None:
        raise error("malformed", faults=(Fault("wrong_type", field="message_id"),))
    if body.ping:
        done = service.ping(call.context, client_id, body.reason)
    else:
        done = service.redrive(call.context, client_id, body.message_id, body.reason)
    return WebhookRedriveAnswer(redriven=done.count, more=done.more, resumed=done.resumed)


def _render(delivery: Delivery) -> WebhookDelivery:
    data = delivery.body["data"]
    return WebhookDelivery(
        message_id=delivery.message_id,
        event=delivery.event,
        thing=data["id"],
        thing_version=data["version"],
        state=MessageState(delivery.state),
        occurred_at=delivery.occurred_at,
        attempts=delivery.attempts,
        failure=delivery.failure,
        sent_at=delivery.sent_at,
        answered_at=delivery.answered_at,
        due_at=delivery.due_at,
    )
