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
from enum import StrEnum
from functools import cache
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from chalicelib.accounts.clients import store as clients
from chalicelib.accounts.clients.model import status_shown
from chalicelib.accounts.model import Account, AccountStatus
from chalicelib.aws.settings import settings
from chalicelib.exchange.model import Answer, Delivery, Reception
from chalicelib.kernel.ports import Port

KEYS: Final = "webhooks"
"""What our keys for this are derived for; `GET /v1/webhook-keys` publishes them."""
_may_be_told: Port[[Account, str], bool] = Port("may_be_told")
"""Tells whether a program may be told of an event now: which there are, webhooks know."""


class Failure(StrEnum):
    """Why a program was not told; what it answered, if no success, is told as `status_` and the number."""

    ADDRESS_NOT_PUBLIC = "address_not_public"
    NAME_UNKNOWN = "name_unknown"
    TIMEOUT = "timeout"
    TLS_FAILED = "tls_failed"
    BROKEN_ANSWER = "broken_answer"
    NOT_REACHED = "not_reached"
    NOT_GIVEN = "not_given"
    """It has no right to read it, or has not asked for it, any more."""


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
    """A program at its address; `client` where it is asked of each message whether it may have it now."""

    url: str
    wire: Wire
    client: Account | None = None

    def send(self, delivery: Delivery) -> Answer:
        """Send one message once: any success is its word, all else is tried again.

        What waited while the program was confirmed anew, with fewer rights or other events, is not sent.
        """
        if self.client is not None and not _may_be_told(self.client, delivery.event):
            return Answer(Reception.NEVER, Failure.NOT_GIVEN.value)
        raw = msgspec.json.encode(delivery.body)
        try:
            status = self._post(raw, signed(delivery.message_id, raw, datetime.now(UTC)))
        except (OSError, http.client.HTTPException, ValueError) as error:  # what comes cut is none of HTTP
            return Answer(Reception.NOT_NOW, _failure_of(error))
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


_FAILURES: Final = (
    (NotPublic, Failure.ADDRESS_NOT_PUBLIC),
    (TimeoutError, Failure.TIMEOUT),
    (socket.gaierror, Failure.NAME_UNKNOWN),
    (ssl.SSLError, Failure.TLS_FAILED),
    (http.client.HTTPException, Failure.BROKEN_ANSWER),
    (OSError, Failure.NOT_REACHED),
    (ValueError, Failure.BROKEN_ANSWER),
)
"""The first kind that an error is of tells."""


def _failure_of(error: Exception) -> str:
    return next(failure.value for kind, failure in _FAILURES if isinstance(error, kind))


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
    return Receiver(client.software.webhook.url, _NoOutside(receiver=local) if local else Wire(), client)
