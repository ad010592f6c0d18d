"""How answers are sent: their bytes and their headers."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from email.utils import format_datetime
from typing import Any

import msgspec
from chalice import Response

from chalicelib.aws.settings import settings
from chalicelib.edge.endpoints import Endpoint, Reply
from chalicelib.edge.headers import tag_of
from chalicelib.edge.problems import PROBLEM_JSON, headers_of, problem_of
from chalicelib.kernel.calendar import SHANGHAI
from chalicelib.kernel.errors import DomainError

_ENCODER = msgspec.json.Encoder(decimal_format="number")
_OK = 200


def refusal(failure: DomainError, *, request_id: str, english: bool, oauth: bool = False) -> Reply:
    """Give the answer that tells an error; `oauth` where clients of OAuth 2.0 ask for a token."""
    problem = problem_of(failure, request_id=request_id, english=english, oauth=oauth)
    return Reply(problem, problem.status, PROBLEM_JSON, headers_of(failure))


class TextResponse(Response):  # type: ignore[misc] # Chalice has no types
    """An answer of text, also where its content type is one that the gateway takes as bytes in requests."""

    def to_dict(self, binary_types: list[str] | None = None) -> dict[str, Any]:
        """Give what Lambda returns; text is never put into base64."""
        del binary_types
        return dict(super().to_dict(None))


def shared_with_origins(headers: Mapping[str, str]) -> dict[str, str]:
    """Let pages of the listed origins read an answer; there are no cookies here to guard, only tokens."""
    origins = settings().cors_origins
    if not origins:
        return {}
    origin = headers.get("origin", "")
    if origin not in origins:
        return {"Vary": "Origin"}
    return {
        "Vary": "Origin",
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Expose-Headers": (
            "Allow, Deprecation, ETag, Link, Retry-After, Sunset, WWW-Authenticate, X-Request-Id"
        ),
    }


def known_by_tag(
    endpoint: Endpoint, headers: Mapping[str, str], reply: Reply, body: str | bytes
) -> dict[str, str]:
    """Let who has a public answer ask whether it has changed; what depends on the caller is kept nowhere.

    A token changes nothing where the endpoint never reads it, so who sends one everywhere is answered alike.
    """
    told = reply.headers or {}
    shows_more = endpoint.knows_caller and "authorization" in headers
    if not endpoint.is_kept or shows_more or reply.status_code != _OK:
        return {}
    kept = {} if "Cache-Control" in told else {"Cache-Control": "public, no-cache"}
    vary = {"Vary": "Accept-Language, Origin" if settings().cors_origins else "Accept-Language"}
    return {"ETag": tag_of(body), **vary, **kept}


def leaving(endpoint: Endpoint) -> dict[str, str]:
    """Tell who calls an endpoint that it is on its way out: since when, until when, where that is told.

    `Deprecation` is a date of structured fields (RFC 9745, 2.1), `Sunset` one of HTTP (RFC 8594, 3).
    """
    leaves = endpoint.leaves
    if leaves is None:
        return {}
    told = f"{'../' * (endpoint.path.count('/') - 1)}docs#{endpoint.name}"
    until = (
        {} if leaves.until is None else {"Sunset": format_datetime(leaves.until.astimezone(UTC), usegmt=True)}
    )
    return {
        "Deprecation": f"@{int(leaves.since.timestamp())}",
        "Link": f'<{told}>; rel="deprecation"; type="text/html"',
        **until,
    }


def encoded(body: Any) -> str | bytes:
    """Give the bytes of an answer: texts as they are, all else as JSON with moments of Shanghai."""
    if isinstance(body, str | bytes):
        return body.decode() if isinstance(body, bytes) else body
    plain = msgspec.to_builtins(body, builtin_types=(datetime, date, Decimal))
    return _ENCODER.encode(_local_times(plain)).decode()


def _local_times(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(SHANGHAI).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, dict):
        return {name: _local_times(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_local_times(item) for item in value]
    return value
