"""How answers are sent: their bytes, their headers, and what no endpoint answers."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import msgspec
from chalice import Response

from chalicelib.aws.logs import log
from chalicelib.aws.settings import settings
from chalicelib.edge.endpoints import HEADERS, Endpoint, Reply
from chalicelib.edge.headers import tag_of, wants_english
from chalicelib.edge.problems import PROBLEM_JSON, headers_of, problem_of
from chalicelib.kernel.calendar import SHANGHAI
from chalicelib.kernel.errors import DomainError
from chalicelib.kernel.ids import new_id
from chalicelib.kernel.reasons import error

_ENCODER = msgspec.json.Encoder(decimal_format="number")
_OK = 200


def refusal(failure: DomainError, *, request_id: str, english: bool) -> Reply:
    """Give the answer that tells an error."""
    problem = problem_of(failure, request_id=request_id, english=english)
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
        "Access-Control-Expose-Headers": "Allow, ETag, Retry-After, WWW-Authenticate, X-Request-Id",
    }


def known_by_tag(
    endpoint: Endpoint, headers: Mapping[str, str], reply: Reply, body: str | bytes
) -> dict[str, str]:
    """Let who has a public answer ask whether it has changed; what depends on the caller is kept nowhere."""
    told = reply.headers or {}
    public = endpoint.is_kept and "authorization" not in headers and reply.status_code == _OK
    if not public:
        return {}
    kept = {} if "Cache-Control" in told else {"Cache-Control": "public, no-cache"}
    vary = {"Vary": "Accept-Language, Origin" if settings().cors_origins else "Accept-Language"}
    return {"ETag": tag_of(body), **vary, **kept}


def refuse_method(event: Mapping[str, Any], methods: Iterable[str]) -> dict[str, Any]:
    """Answer a call whose address is known, but not with this method (RFC 9110, 15.5.6)."""
    headers = {str(name).lower(): str(value) for name, value in (event.get("headers") or {}).items()}
    english = wants_english(headers.get("accept-language", ""))
    request_id = new_id("req")
    allowed = {*methods, *(("HEAD",) if "GET" in methods else ())}
    failure = error("method_not_allowed", allowed=", ".join(sorted(allowed)))
    reply = refusal(failure, request_id=request_id, english=english)
    log(
        "request",
        method=str(event["requestContext"]["httpMethod"]),
        status=reply.status_code,
        request_id=request_id,
    )
    return TextResponse(
        body=encoded(reply.body),
        status_code=reply.status_code,
        headers={
            **HEADERS,
            "Content-Language": "en" if english else "zh-CN",
            "X-Request-Id": request_id,
            **shared_with_origins(headers),
            **(reply.headers or {}),
        },
    ).to_dict()


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
