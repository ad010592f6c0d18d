"""The way to a program: one signed POST a message, to a public address and nowhere else.

Signed as Standard Webhooks 1.0 has it for public keys (`v1a`, Ed25519 over `id.timestamp.body`), by every
live key of the service: no secret is shared, and a rotation stops no reader. Whatever a program answers is
read as far as its status; it is told nothing of who we are beyond that, and leads us nowhere else.
"""

import base64
import http.client
import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from chalicelib.accounts.clients import store as clients
from chalicelib.accounts.clients.model import status_shown
from chalicelib.accounts.model import AccountStatus
from chalicelib.aws.settings import settings
from chalicelib.exchange.model import Answer, Delivery, Reception

KEYS: Final = "webhooks"
"""What our keys for this are derived for; `GET /v1/webhook-keys` publishes them."""
TIMEOUT_SECONDS: Final = 5.0
"""For each step of a call; all of it has `CALL_SECONDS`."""
CALL_SECONDS: Final = 8.0
_ANSWER_BYTES_MAX = 4_096
_HTTPS_PORT = 443


class NotPublic(OSError):
    """A name leads to an address that is not public: there is nobody to be told."""


def is_public(place: str) -> bool:
    """Tell whether an address is one of the open Internet: not ours, not a neighbour's, nobody's service."""
    try:
        address = ipaddress.IPv4Address(place)
    except ValueError:
        return False
    return address.is_global and not address.is_multicast


def _places_of(host: str) -> list[str]:
    """Ask to where a name leads, by IPv4: what else there is hides private addresses in public ones."""
    found = socket.getaddrinfo(host, _HTTPS_PORT, family=socket.AF_INET, type=socket.SOCK_STREAM)
    return [str(place[4][0]) for place in found]


@cache
def _trusted() -> ssl.SSLContext:
    return ssl.create_default_context()


@dataclass(frozen=True)
class Wire:
    """How the outside is reached; another one only where there is no outside (tests, the local stage)."""

    places_of: Callable[[str], Sequence[str]] = _places_of
    is_public: Callable[[str], bool] = is_public
    trusted: Callable[[], ssl.SSLContext] = _trusted
    port: int = _HTTPS_PORT
    seconds: float = CALL_SECONDS

    def open(self, host: str) -> http.client.HTTPConnection:
        """Connect to where a name leads; it is asked once, so that it leads nowhere else meanwhile.

        Raises:
            OSError: `NotPublic`, or nobody is there.

        """
        places = self.places_of(host)
        if not places or not all(self.is_public(place) for place in places):
            raise NotPublic(host)
        opened = http.client.HTTPSConnection(host, self.port, timeout=TIMEOUT_SECONDS)
        plain = socket.create_connection((places[0], self.port), TIMEOUT_SECONDS)
        try:
            opened.sock = self.trusted().wrap_socket(plain, server_hostname=host)
        except BaseException:
            plain.close()
            raise
        return opened


@dataclass(frozen=True)
class _NoOutside(Wire):
    """The local stage: whatever name, a receiver of one's own machine is told, without TLS."""

    receiver: str = ""

    def open(self, host: str) -> http.client.HTTPConnection:
        del host
        opened = http.client.HTTPConnection(self.receiver, timeout=TIMEOUT_SECONDS)
        opened.connect()
        return opened


@dataclass(frozen=True)
class Receiver:
    """A program at its address."""

    url: str
    wire: Wire

    def send(self, delivery: Delivery) -> Answer:
        """Send one message once: any success is its word, all else is tried again."""
        raw = msgspec.json.encode(delivery.body)
        try:
            status = self._post(raw, signed(delivery.message_id, raw, datetime.now(UTC)))
        except NotPublic:
            return Answer(Reception.NOT_NOW, "address_not_public")
        except TimeoutError:
            return Answer(Reception.NOT_NOW, "timeout")
        except (OSError, http.client.HTTPException, ValueError) as error:  # what comes cut is none of HTTP
            return Answer(Reception.NOT_NOW, type(error).__name__)
        if 200 <= status < 300:  # noqa: PLR2004 - the success class of HTTP
            return Answer(Reception.ACCEPTED)
        return Answer(Reception.NOT_NOW, f"status_{status}")

    def _post(self, raw: bytes, headers: dict[str, str]) -> int:
        parts = urlsplit(self.url)
        opened = self.wire.open(str(parts.hostname))
        late = threading.Event()
        over = threading.Timer(self.wire.seconds, _cut, [opened.sock, late])
        over.daemon = True
        over.start()  # who sends a byte now and then keeps within each step's time, and holds us for hours
        try:
            opened.request("POST", parts.path or "/", body=raw, headers=headers)
            answer = opened.getresponse()
            answer.read(_ANSWER_BYTES_MAX)
            if late.is_set():
                raise TimeoutError
            return answer.status
        finally:
            over.cancel()
            opened.close()


def _cut(opened: Any, late: threading.Event) -> None:
    late.set()
    try:
        opened.shutdown(socket.SHUT_RDWR)
    except OSError:  # over already
        return


def signed(message_id: str, raw: bytes, at: datetime) -> dict[str, str]:
    """Give the headers of a message: who reads it checks the signature, and that `at` is about now."""
    from chalicelib.edge import tokens  # noqa: PLC0415 - the audit imports this step and signs nothing

    moment = str(int(at.timestamp()))
    signatures = tokens.sign_bytes(KEYS, b".".join([message_id.encode(), moment.encode(), raw]))
    return {
        "Content-Type": "application/json",
        "User-Agent": "training-voucher-webhooks",
        "webhook-id": message_id,
        "webhook-timestamp": moment,
        "webhook-signature": " ".join(f"v1a,{base64.b64encode(one).decode()}" for one in signatures),
    }


def way_of(delivery: Delivery) -> Receiver | None:
    """Give the way of a delivery: None while its program is not confirmed, is over, or has no webhook."""
    client = clients.find(delivery.area)
    if client is None or client.software is None or client.software.webhook is None:
        return None
    if status_shown(client, delivery.sent_at or datetime.now(UTC)) is not AccountStatus.ACTIVE:
        return None
    local = settings().webhook_receiver
    return Receiver(client.software.webhook.url, _NoOutside(receiver=local) if local else Wire())
