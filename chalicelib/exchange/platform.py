"""The way to the national platform: one signed POST a message, over a connection that is kept."""

import functools
import hashlib
import http.client
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import msgspec

from chalicelib.exchange.messages.model import Message
from chalicelib.exchange.model import Answer, Delivery, Reception
from chalicelib.exchange.sealing import NoKeyToSealFor, sealed
from chalicelib.kernel.calendar import SHANGHAI
from chalicelib.kernel.targets import Target

TIMEOUT_SECONDS = 3
SIGNATURE_HEADER = "X-Message-Signature"
SIGNATURE_SECONDS = 300
_KEYS = "exchange"
_PATH = "/messages"
_ANSWER_BYTES_MAX = 65_536
_REASON_CHARS_MAX = 200
_ABOUT_US = frozenset({401, 403, 404, 405, 408, 425, 429})
"""Refusals of the sender, the address or the moment, not of the message: trying again later is right."""


@dataclass
class Platform:
    """The platform at one address; each of several workers speaks to it over a connection that is kept."""

    url: str
    _idle: list[http.client.HTTPConnection] = field(default_factory=list, repr=False)

    def send(self, delivery: Delivery) -> Answer:
        """Send one message once."""
        try:
            raw = msgspec.json.encode(message_of(delivery))
        except NoKeyToSealFor:
            return Answer(Reception.NOT_NOW, "no_key_to_seal_for")
        try:
            status, told = self.call("POST", _PATH, raw, message_id=delivery.message_id)
        except TimeoutError:
            return Answer(Reception.NOT_NOW, "timeout")
        except (OSError, http.client.HTTPException) as error:
            return Answer(Reception.NOT_NOW, type(error).__name__)
        return _judge(status, told)

    def call(
        self, method: str, path: str, raw: bytes = b"", *, message_id: str, most: int = _ANSWER_BYTES_MAX
    ) -> tuple[int, bytes]:
        """Make one signed call; a kept connection that has gone stale is opened anew.

        Raises:
            OSError, HTTPException: the platform did not answer.

        """
        asked = {
            "method": method,
            "url": urlsplit(self.url).path.rstrip("/") + path,
            "body": raw,
            "headers": {
                "Content-Type": "application/json",
                SIGNATURE_HEADER: sign(message_id, Target.of(method, path), raw),
            },
        }
        try:
            kept = self._idle.pop()
        except IndexError:
            return self._ask(self._opened(), asked, most)
        try:
            return self._ask(kept, asked, most)
        except TimeoutError:
            raise
        except (OSError, http.client.HTTPException):
            return self._ask(self._opened(), asked, most)

    def _opened(self) -> http.client.HTTPConnection:
        parts = urlsplit(self.url)
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        return kind(parts.netloc, timeout=TIMEOUT_SECONDS)

    def _ask(
        self, connection: http.client.HTTPConnection, asked: Mapping[str, Any], most: int
    ) -> tuple[int, bytes]:
        try:
            connection.request(**asked)
            answer = connection.getresponse()
            told = answer.read(most)
        except BaseException:
            connection.close()
            raise
        if len(told) == most:
            connection.close()  # what is left of the answer would be read as the next one
        else:
            self._idle.append(connection)
        return answer.status, told

    def close(self) -> None:
        """Let the kept connections go."""
        while self._idle:
            self._idle.pop().close()


@functools.cache
def platform_at(url: str) -> Platform:
    """Give this process's one way to an address."""
    return Platform(url)


def message_of(delivery: Delivery) -> Message:
    """Write a message as the platform reads it.

    Raises:
        NoKeyToSealFor: the platform has published none.

    """
    return Message(
        message_id=delivery.message_id,
        subject=delivery.subject,
        sequence=delivery.sequence,
        event=delivery.event,
        form=delivery.form or f"{delivery.event.partition('.')[0]}.1",
        occurred_at=delivery.occurred_at.astimezone(SHANGHAI),
        told_at=datetime.now(UTC).astimezone(SHANGHAI).replace(microsecond=0),
        sealed_body=sealed(delivery.body),
        attempt=max(1, delivery.attempts),
        rebuilt=delivery.rebuilt,
    )


def sign(message_id: str, target: Target, raw: bytes) -> str:
    """Sign a message: who it is from, for whom, which one, for which call, and exactly which body."""
    from chalicelib.edge import tokens  # noqa: PLC0415 - the audit imports this step and signs nothing

    return tokens.sign(
        _KEYS,
        {
            "iss": tokens.SERVICE_ISSUER,
            "aud": tokens.PLATFORM_ISSUER,
            "jti": message_id,
            **target.claims,
            "body_sha256": hashlib.sha256(raw).hexdigest(),
        },
        lifetime_seconds=SIGNATURE_SECONDS,
    )


def _judge(status: int, told: bytes) -> Answer:
    if 200 <= status < 300:  # noqa: PLR2004 - the success class of HTTP
        return Answer(Reception.TAKEN)
    if 400 <= status < 500 and status not in _ABOUT_US:  # noqa: PLR2004 - the client error class
        return Answer(Reception.REFUSED, _reason(told) or f"status_{status}")
    return Answer(Reception.NOT_NOW, f"status_{status}")


def _reason(told: bytes) -> str:
    """Read why a message was refused, if the answer says it."""
    try:
        said: Any = msgspec.json.decode(told)
        reason = said.get("reason") or said.get("code")
    except (msgspec.DecodeError, AttributeError):
        return ""
    return str(reason)[:_REASON_CHARS_MAX] if reason else ""
