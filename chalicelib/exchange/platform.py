"""The way to the national platform: one signed POST a message, over a connection that is kept."""

import functools
import http.client
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import urlsplit

import msgspec

from chalicelib.exchange.model import Delivery, envelope_of

TIMEOUT_SECONDS = 3
SIGNATURE_HEADER = "X-Message-Signature"
SIGNATURE_SECONDS = 300
_KEYS = "exchange"
_PATH = "/messages"
_ANSWER_BYTES_MAX = 65_536
_ABOUT_US = frozenset({401, 403, 408, 425, 429})
"""Refusals of the sender or of the moment, not of the message: trying again later is right."""


class Reception(StrEnum):
    """How a message fared."""

    TAKEN = "taken"
    REFUSED = "refused"
    NOT_NOW = "not_now"


@dataclass(frozen=True)
class PlatformAnswer:
    """How a message fared, and what for."""

    reception: Reception
    failure: str = ""


@dataclass
class Platform:
    """The platform at one address."""

    url: str
    _connection: http.client.HTTPConnection | None = field(default=None, repr=False)

    def send(self, delivery: Delivery) -> PlatformAnswer:
        """Send one message once; a kept connection that has gone stale is opened anew."""
        raw = msgspec.json.encode(envelope_of(delivery))
        headers = {"Content-Type": "application/json", SIGNATURE_HEADER: sign(delivery.message_id, raw)}
        kept = self._connection is not None
        try:
            return _judge(self._post(raw, headers))
        except TimeoutError:
            self.close()
            return PlatformAnswer(Reception.NOT_NOW, "timeout")
        except (OSError, http.client.HTTPException) as error:
            self.close()
            if kept:
                return self.send(delivery)
            return PlatformAnswer(Reception.NOT_NOW, type(error).__name__)

    def _post(self, raw: bytes, headers: dict[str, str]) -> int:
        parts = urlsplit(self.url)
        if self._connection is None:
            kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
            self._connection = kind(parts.netloc, timeout=TIMEOUT_SECONDS)
        self._connection.request("POST", parts.path.rstrip("/") + _PATH, body=raw, headers=headers)
        answer = self._connection.getresponse()
        rest = answer.read(_ANSWER_BYTES_MAX)
        if len(rest) == _ANSWER_BYTES_MAX:
            self.close()
        return answer.status

    def close(self) -> None:
        """Let the kept connection go."""
        if self._connection is not None:
            self._connection.close()
        self._connection = None


@functools.cache
def platform_at(url: str) -> Platform:
    """Give this process's one way to an address."""
    return Platform(url)


def sign(message_id: str, raw: bytes) -> str:
    """Sign a message: who it is from, for whom, which one, and exactly which body."""
    from chalicelib.edge import tokens  # noqa: PLC0415 - the audit imports this step and signs nothing

    return tokens.sign(
        _KEYS,
        {
            "iss": tokens.SERVICE_ISSUER,
            "aud": tokens.PLATFORM_ISSUER,
            "jti": message_id,
            "body_sha256": tokens.body_digest(raw),
        },
        lifetime_seconds=SIGNATURE_SECONDS,
    )


def _judge(status: int) -> PlatformAnswer:
    if 200 <= status < 300:  # noqa: PLR2004 - the success class of HTTP
        return PlatformAnswer(Reception.TAKEN)
    refused = 400 <= status < 500 and status not in _ABOUT_US  # noqa: PLR2004 - the client error class
    return PlatformAnswer(Reception.REFUSED if refused else Reception.NOT_NOW, f"status_{status}")
