"""What the gateway hands over, before an endpoint sees it: methods and the type that is asked for.

The gateway sends every method of a known path here (`infra/deployment/template.py`), and Chalice knows only
those that are declared.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from chalicelib.aws.logs import log
from chalicelib.edge.answers import TextResponse, encoded, refusal, shared_with_origins
from chalicelib.edge.endpoints import HEADERS
from chalicelib.edge.headers import wants_english
from chalicelib.kernel.ids import new_id
from chalicelib.kernel.reasons import error

Event = dict[str, Any]
Handle = Callable[[Event], Any]


def answer(event: Event, *, methods: Collection[str], handle: Handle) -> Any:
    """Answer one request: HEAD as GET without its body, a method that the address has not by 405.

    `methods` are those declared for its path; `handle` answers what is declared, or not known at all.
    """
    asked = event.get("requestContext", {})
    method = asked.get("httpMethod")
    event = {**event, "headers": _answered_as_it_is(event.get("headers") or {})}
    if method == "HEAD" and "GET" in methods:
        got = handle({**event, "requestContext": {**asked, "httpMethod": "GET"}})
        return _without_body(got)
    if methods and method not in methods:
        return _refuse_method(event, method, methods)
    return handle(event)


def allowed(methods: Iterable[str]) -> str:
    """List the methods of an address for `Allow` (RFC 9110, 10.2.1): what can be got has a head."""
    told = {*methods}
    return ", ".join(sorted(told | ({"HEAD"} if "GET" in told else set())))


def _answered_as_it_is(headers: Mapping[str, str]) -> dict[str, str]:
    """Leave the type of the answer to the endpoint: Chalice would refuse csv, which comes as bytes."""
    return {name: value for name, value in headers.items() if name.lower() != "accept"} | {"accept": "*/*"}


def _without_body(got: Mapping[str, Any]) -> dict[str, Any]:
    """Leave the body out and tell its length, which is GET's or nothing's (RFC 9110, 8.6)."""
    body = got["body"]
    raw = body.encode() if isinstance(body, str) else body
    return {**got, "body": "", "headers": {**got["headers"], "Content-Length": str(len(raw))}}


def _refuse_method(event: Event, method: str, methods: Collection[str]) -> dict[str, Any]:
    """Answer a call whose address is known, but not with this method (RFC 9110, 15.5.6)."""
    headers = {str(name).lower(): str(value) for name, value in event["headers"].items()}
    english = wants_english(headers.get("accept-language", ""))
    request_id = new_id("req")
    reply = refusal(
        error("method_not_allowed", allowed=allowed(methods)), request_id=request_id, english=english
    )
    log("request", method=str(method), status=reply.status_code, request_id=request_id)
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
