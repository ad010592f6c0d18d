"""Use cases of whose a program is: how its webhook fares, its messages, and sending them again."""

from dataclasses import dataclass
from datetime import datetime

from chalicelib.accounts import rights
from chalicelib.accounts.clients.model import status_shown
from chalicelib.accounts.clients.service import read as read_client
from chalicelib.accounts.model import Account, AccountStatus, Webhook
from chalicelib.exchange import store as deliveries
from chalicelib.exchange.model import WEBHOOK, Delivery, DeliveryState, delivery_key
from chalicelib.exchange.sending import drawn_share
from chalicelib.exchange.service import REDRIVE_SPREAD, REDRIVEN_MAX, note_decision
from chalicelib.exchange.webhooks import store
from chalicelib.kernel.errors import DomainError
from chalicelib.kernel.paging import Page, PageRequest
from chalicelib.kernel.principal import Context, change_of
from chalicelib.kernel.reasons import error, refuse

ACTION_RIGHTS = {"redrive": "client.redrive"}


@dataclass(frozen=True)
class ShownWebhook:
    """A program's webhook, and its box; None where it was told nothing yet."""

    client: Account
    webhook: Webhook
    box: Delivery | None


def read_webhook(context: Context, client_id: str) -> ShownWebhook:
    """Read how a program's webhook fares.

    Raises:
        NotFound: there is none, or it is another's.

    """
    client, webhook = _webhook_of(context, client_id, "client.read")
    return ShownWebhook(client, webhook, store.find_box(client.id))


def _webhook_of(context: Context, client_id: str, action: str) -> tuple[Account, Webhook]:
    client = read_client(context, client_id, action)
    if client.software is None or client.software.webhook is None:
        raise error("not_found")
    return client, client.software.webhook


def list_messages(
    context: Context, client_id: str, state: DeliveryState, request: PageRequest
) -> Page[Delivery]:
    """List a program's messages in a state, oldest first.

    Raises:
        NotFound: see `read_webhook`.

    """
    client, _ = _webhook_of(context, client_id, "client.read")
    page = store.list_messages(client.id, state, request)
    whole = {one.key: one for one in deliveries.find_many([listed.key for listed in page.items])}
    rows = [whole[listed.key] for listed in page.items if listed.key in whole]
    return Page(items=[row for row in rows if row.state is state], after=page.after)


@dataclass(frozen=True)
class Redriven:
    """How many messages are sent again, whether there are more, and whether the program was stopped."""

    count: int
    more: bool
    resumed: bool


def redrive(context: Context, client_id: str, message_id: str | None, reason: str) -> Redriven:
    """Send again what was given up, one message or all, some at a time; a stopped program is sent to again.

    Raises:
        NotFound: see `read_webhook`; or it has no such message.
        Refused: `wrong_state`: its credential is not in force, or the message is not given up.

    """
    client, _ = _webhook_of(context, client_id, "client.redrive")
    refuse(why_not_redrive(client, context.now))
    chosen = [_given_up(client, message_id)] if message_id is not None else None
    note_decision(context, client.id, client.division, "client.redrive", reason)
    change = change_of(context, "client.redrive", reason=reason)
    count, more = 0, False
    for delivery in chosen or store.messages_in(client.id, DeliveryState.DEAD):
        if count == REDRIVEN_MAX:
            more = True
            break
        spread = REDRIVE_SPREAD * drawn_share() if chosen is None else REDRIVE_SPREAD * 0
        count += deliveries.redrive(delivery, due_at=context.now + spread, change=change) is not None
    resumed = store.resume(client.id, context.now, change)
    if not resumed:
        store.hurry(client.id, context.now, change)
    return Redriven(count, more, resumed)


def ping(context: Context, client_id: str, reason: str) -> Redriven:
    """Send a message that tells of nothing, so that whose program it is can try its server.

    It goes the way of all others: signed, listed, tried again, and after a stopped program is resumed. One
    that is still on its way is not joined by another.

    Raises:
        NotFound: see `read_webhook`.
        Refused: `wrong_state`: its credential is not in force.

    """
    from chalicelib.exchange.webhooks import telling  # noqa: PLC0415 - whoever only reads sends nothing

    client, _ = _webhook_of(context, client_id, "client.redrive")
    refuse(why_not_redrive(client, context.now))
    note_decision(context, client.id, client.division, "client.ping", reason)
    change = change_of(context, "client.ping", reason=reason)
    resumed = store.resume(client.id, context.now, change)
    is_new = telling.ping(context, client)
    return Redriven(int(is_new), more=False, resumed=resumed)


def _given_up(client: Account, message_id: str) -> Delivery:
    key = delivery_key(message_id)
    delivery = deliveries.find(*key) if key is not None else None
    if delivery is None or (delivery.audience, delivery.area) != (WEBHOOK, client.id):
        raise error("not_found")
    if delivery.state is not DeliveryState.DEAD:
        raise error("wrong_state", status=delivery.state.value)
    return delivery


def why_not_redrive(client: Account, now: datetime) -> DomainError | None:
    """Tell what stands against sending again: a program that is not in force is told nothing."""
    shown = status_shown(client, now)
    return None if shown is AccountStatus.ACTIVE else error("wrong_state", status=shown.value)


def allowed_actions(context: Context, client: Account) -> list[str]:
    """List what this caller may do with a program's webhook now."""
    return rights.offered(
        context.principal,
        ACTION_RIGHTS,
        lambda _: why_not_redrive(client, context.now),
        division=client.division,
        institution=client.institution,
    )
