"""The HTTP edge: every endpoint declares who may call it, what it reads and what it answers.

An endpoint parses, makes one service call and renders; everything else is here: tokens, roles, forms,
idempotency, errors, headers. Order of refusal: 401 token, 403 role, 400 form, 404 existence and area,
409/422 state.
"""

import contextlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NoReturn
from urllib.parse import unquote

import msgspec
from chalice import Blueprint, Response

from chalicelib.aws.clients import ASKING_SECONDS, asking_within
from chalicelib.aws.logs import log, log_failure, measure
from chalicelib.aws.metrics import REQUESTS_PACED
from chalicelib.aws.table import StoreFailure, told_of_store
from chalicelib.edge import pace
from chalicelib.edge.answers import TextResponse, encoded, known_by_tag, leaving, refusal, shared_with_origins
from chalicelib.edge.bodies import parse_body
from chalicelib.edge.endpoints import (
    ENDPOINTS,
    HEADERS,
    JSON,
    ON_BEHALF_OF,
    PUBLIC,
    AnswerKind,
    Call,
    Endpoint,
    Guard,
    Leaving,
    NoQuery,
    Reply,
    UndeclaredAction,
)
from chalicelib.edge.forms import malformed, parse_query
from chalicelib.edge.gateway import allowed
from chalicelib.edge.headers import has_already, wants_english
from chalicelib.edge.idempotency import service as idempotency
from chalicelib.edge.moments import believed_now
from chalicelib.edge.problems import PROBLEM_JSON, Problem, internal_problem
from chalicelib.kernel.divisions import is_known
from chalicelib.kernel.errors import DomainError, Fault, Forbidden, TooMany, Unauthenticated
from chalicelib.kernel.free_text import mask_numbers
from chalicelib.kernel.ids import new_id
from chalicelib.kernel.ports import Port
from chalicelib.kernel.principal import Context, Principal, Role
from chalicelib.kernel.reasons import error
from chalicelib.kernel.repeats import running
from chalicelib.kernel.targets import Target
from chalicelib.sheets.layouts import Layout

_NOT_MODIFIED, _TOO_MANY = 304, 429
_IDEMPOTENCY_KEY = re.compile(r"[\x20-\x7e]{1,64}")
_preflights: set[str] = set()
_ALLOWED_HEADERS = (
    "Authorization, Content-Type, Accept-Language, Idempotency-Key, If-None-Match, X-Device-Id, X-Local-Now, "
    "X-On-Behalf-Of"
)
_PATH_ID = re.compile(r"[A-Za-z0-9._:~-]{1,128}")
"""Identifiers, division codes, years, account names of the ledger and file names; none is longer."""
_ANY = re.compile(r".{1,128}")
_TOLD_WHAT_IS_WRONG = frozenset({"division", "uscc", "year"})
"""Typed by people, who are told by the endpoint itself what is wrong with it."""
VIEWS: dict[tuple[str, str], tuple[Endpoint, Callable[..., Any]]] = {}
"""What answers, by method and path: pages ask in this process what clients ask over the gateway."""
_guard: Port[[], Guard] = Port("guard_of_requests")
"""Gives what proves callers and knows who may do what: accounts are a later step."""


def refuse_unknown_actions(guard: Guard) -> None:
    """Refuse to start if the action of any endpoint is unknown to the guard: it would let nobody through.

    Raises:
        UndeclaredAction: these are unknown.

    """
    unknown = sorted({e.action for e in ENDPOINTS if e.action != PUBLIC and not guard.knows(e.action)})
    if unknown:
        raise UndeclaredAction(", ".join(unknown))


class Api(Blueprint):  # type: ignore[misc] # Chalice has no types
    """A blueprint whose routes are endpoints."""

    def route(self, *_: Any, **__: Any) -> NoReturn:
        """Refuse undeclared routes: use `endpoint`."""
        raise UndeclaredAction("use endpoint(…, action=…)")

    def endpoint(
        self,
        method: str,
        path: str,
        *,
        action: str,
        summary: str,
        answer: Any,
        body: Any = None,
        query: Any = NoQuery,
        status_code: int = 200,
        sheet: bool = False,
        also: Sequence[AnswerKind] = (),
        content_type: str = JSON,
        layouts: Sequence[Layout] = (),
        knows_caller: bool = False,
        names_device: bool = False,
        refuses: Sequence[int] = (),
        leaves: Leaving | None = None,
        takes_fields: bool = False,
    ) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Declare an endpoint: `action` is a row of the table of rights, or `PUBLIC`.

        `answer` comes with `status_code` and `content_type`; what else a view may `Reply` stands in `also`.
        `layouts` are the sheets it reads. `knows_caller` is of a public endpoint that shows more to who
        proves themselves, `names_device` of one that reads `X-Device-Id`. With which codes it can refuse is
        read from its source (`infra.contract.refusals`); one that reads refuses by 400 and 404 alone, unless
        `refuses` tells other statuses. `leaves` is of one that nobody should begin to use any more,
        `takes_fields` of one that clients of OAuth 2.0 ask for a token: its body may come as they send it,
        and its problems bear the `error` that they look for.
        """

        def register(view: Callable[..., Any]) -> Callable[..., Any]:
            declared = Endpoint(
                method,
                path,
                action,
                summary,
                body,
                query,
                answer,
                status_code,
                sheet,
                tuple(also),
                content_type,
                tuple(layouts),
                knows_caller,
                view.__name__,
                view.__module__,
                names_device,
                tuple(refuses),
                leaves,
                takes_fields,
            )
            ENDPOINTS.append(declared)
            VIEWS[method, path] = (declared, view)

            def handle(**path_values: str) -> Response:
                return _handle(self.current_request, declared, view, path_values)

            handle.__name__ = view.__name__
            handle.__module__ = view.__module__  # the packager's index tells which module a path needs
            super(Api, self).route(path, methods=[method], content_types=["*/*"])(handle)
            if path not in _preflights:
                _preflights.add(path)
                super(Api, self).route(path, methods=["OPTIONS"], content_types=["*/*"])(
                    self._preflight(path)
                )
            return view

        return register

    def _preflight(self, path: str) -> Callable[..., Response]:
        def preflight(**_: str) -> Response:
            headers = {str(name).lower(): str(value) for name, value in self.current_request.headers.items()}
            shared = shared_with_origins(headers)
            methods = {endpoint.method for endpoint in ENDPOINTS if endpoint.path == path}
            if "Access-Control-Allow-Origin" in shared:
                shared |= {
                    "Access-Control-Allow-Methods": ", ".join(sorted(methods)),
                    "Access-Control-Allow-Headers": _ALLOWED_HEADERS,
                    "Access-Control-Max-Age": "600",
                }
            told = {"Allow": allowed({*methods, "OPTIONS"}), "X-Request-Id": new_id("req")}
            return Response(body="", status_code=204, headers=HEADERS | told | shared)

        return preflight


def _handle(request: Any, endpoint: Endpoint, view: Callable[..., Any], path: dict[str, str]) -> Response:
    headers = {str(name).lower(): str(value) for name, value in request.headers.items()}
    english = wants_english(headers.get("accept-language", ""))
    request_id = new_id("req")
    told: dict[str, Any] = {"request_id": request_id, "english": english, "oauth": endpoint.takes_fields}
    reply: Reply
    try:
        with asking_within(ASKING_SECONDS):
            reply = _answer(request, headers, endpoint, view, path, request_id=request_id, english=english)
    except DomainError as failure:
        reply = refusal(failure, **told)
    except StoreFailure as failure:
        log_failure("store_failed", failure, request_id=request_id, path=endpoint.path)
        reply = refusal(told_of_store(failure), **told)
    except Exception as failure:  # noqa: BLE001 - the edge: nothing of a failure may leak
        log_failure("request_failed", failure, request_id=request_id, path=endpoint.path)
        reply = Reply(internal_problem(**told), 500, PROBLEM_JSON)
    if reply.status_code == _TOO_MANY:
        measure(REQUESTS_PACED, path=endpoint.path)
    log(
        "request",
        method=endpoint.method,
        path=endpoint.path,
        status=reply.status_code,
        code=reply.body.code if isinstance(reply.body, Problem) else None,
        request_id=request_id,
    )
    body = encoded(reply.body)
    known = known_by_tag(endpoint, headers, reply, body)
    fresh = known.get("ETag") is None or not has_already(headers.get("if-none-match", ""), known["ETag"])
    return TextResponse(
        body=body if fresh else "",
        status_code=reply.status_code if fresh else _NOT_MODIFIED,
        headers={
            **HEADERS,
            "Content-Type": reply.content_type,
            "Content-Language": "en" if english else "zh-CN",
            "X-Request-Id": request_id,
            **shared_with_origins(headers),
            **(reply.headers or {}),
            **known,
            **leaving(endpoint),
        },
    )


@dataclass(frozen=True)
class Asked:
    """What is asked of an endpoint, by the gateway or by a page in this process."""

    headers: Mapping[str, str]
    path: Mapping[str, str]
    """Values of the placeholders of its path, as they stand in the address."""
    parameters: Mapping[str, str]
    raw: bytes = b""
    full_path: str = ""
    source: str = ""
    address: str = ""
    brief: bool = False
    """Whether a page asks, for people who wait."""


def _answer(
    request: Any,
    headers: Mapping[str, str],
    endpoint: Endpoint,
    view: Callable[..., Any],
    path: dict[str, str],
    *,
    request_id: str,
    english: bool,
) -> Reply:
    raw = bytes(request.raw_body or b"")
    asked = Asked(
        headers=headers,
        path=path,
        parameters=request.query_params or {},
        raw=raw,
        full_path=str(request.context.get("path") or endpoint.path),
        source=source_of(request),
        address=_address_of(request, headers, endpoint),
    )
    principal = _prove(endpoint, asked)
    return serve(principal, endpoint, view, asked, request_id=request_id, english=english)


def serve(
    principal: Principal,
    endpoint: Endpoint,
    view: Callable[..., Any],
    asked: Asked,
    *,
    request_id: str,
    english: bool,
) -> Reply:
    """Answer a proven caller: role, form, idempotency and evidence are the same whoever carries the question.

    Raises:
        DomainError: what the endpoint refuses.

    """
    headers, path = asked.headers, asked.path
    with _evidence(endpoint, headers, principal, path, request_id):
        admit(endpoint, principal)
        if principal.is_software and endpoint.method != "GET":
            named = headers.get(ON_BEHALF_OF)
            principal = _guard().on_behalf_of(principal, endpoint.action, named, request_id=request_id)
    pace.spend(endpoint.action, principal)
    now = believed_now(headers)
    parameters = _parameters_of(asked)
    query = parse_query(parameters, endpoint.query)
    division = getattr(query, "division", None)
    if division is not None and not is_known(division):
        raise malformed([Fault("unknown_division", field="division")])
    body = parse_body(endpoint, headers, asked.raw)
    values = _path_values(path)
    call: Call[Any, Any] = Call(
        context=Context(principal=principal, now=now, request_id=request_id, source=asked.source),
        body=body,
        query=query,
        english=english,
        place=_place_of(endpoint, principal, values, query),
        source=asked.source,
        device_id=headers.get("x-device-id"),
        address=asked.address,
        brief=asked.brief,
    )

    def run() -> Reply:
        with _evidence(endpoint, headers, principal, path, request_id):
            answer = view(call, **values)
        if isinstance(answer, Reply):
            return answer
        return Reply(answer, endpoint.status_code, endpoint.content_type)

    key = headers.get("idempotency-key")
    if key is None or endpoint.method != "POST" or endpoint.action == PUBLIC:
        return run()
    what: list[Any] = [endpoint.method, asked.full_path, dict(asked.parameters)]
    if principal.on_behalf_of is not None:  # a program's own numbers say nothing of for whom it calls
        what.append(principal.on_behalf_of)
    request = msgspec.json.encode(what, order="deterministic")
    return _run_once(run, key, caller=principal.actor, request=request.decode(), raw=asked.raw)


def _path_values(path: Mapping[str, str]) -> dict[str, str]:
    """Read the identifiers of a path: whatever cannot be one names nothing, whichever table would be asked.

    Raises:
        NotFound: too long, or of other characters.

    """
    values = {name: unquote(value) for name, value in path.items()}
    for name, value in values.items():
        alphabet = _ANY if name in _TOLD_WHAT_IS_WRONG else _PATH_ID
        if not alphabet.fullmatch(value):
            raise error("not_found")
    return values


def _parameters_of(asked: Asked) -> dict[str, str]:
    """Read the query: a parameter that stands twice asks for two things.

    Raises:
        Malformed: with a fault for each of these.

    """
    given: Any = asked.parameters
    parameters = {str(name): str(given[name]) for name in given}
    repeated = [name for name in parameters if hasattr(given, "getlist") and len(given.getlist(name)) > 1]
    if repeated:
        raise malformed([Fault("repeated_field", field=name[:64]) for name in repeated])
    return parameters


def _address_of(request: Any, headers: Mapping[str, str], endpoint: Endpoint) -> str:
    """Give the address that the service was called at, with its stage, if the path was a plain one.

    The gateway names its host; only a local one names none, and the caller's own word has to do.
    """
    path = str(request.context.get("path") or "")
    host = str(request.context.get("domainName") or headers.get("host", ""))
    if "{" in endpoint.path or not path.endswith(endpoint.path) or not _HOST.fullmatch(host):
        return ""
    plain = "http" if host.partition(":")[0] in _LOOPBACK else "https"  # the local cloud, which names none
    scheme = headers.get("x-forwarded-proto", plain).partition(",")[0].strip()
    return f"{'http' if scheme == 'http' else 'https'}://{host}{path.removesuffix(endpoint.path)}"


_LOOPBACK = ("127.0.0.1", "localhost")
_HOST = re.compile(r"[A-Za-z0-9.-]{1,253}(:[0-9]{1,5})?")


def _place_of(endpoint: Endpoint, principal: Principal, values: Mapping[str, str], query: object) -> str:
    """Name the list that a cursor is good for: the very things it is a list of, for this caller."""
    filters = msgspec.to_builtins(query)
    filters.pop("cursor", None)
    filters.pop("limit", None)
    what = msgspec.json.encode([dict(values), filters], order="deterministic").decode()
    return f"{endpoint.method} {endpoint.path} {principal.actor} {what}"


def source_of(request: Any) -> str:
    """Tell the address as the gateway saw it: headers are the caller's own word."""
    return str(request.context.get("identity", {}).get("sourceIp") or "")


@contextlib.contextmanager
def _evidence(
    endpoint: Endpoint,
    headers: Mapping[str, str],
    principal: Principal,
    path: Mapping[str, str],
    request_id: str,
) -> Iterator[None]:
    """Keep it where somebody tries what is not theirs to change or to read, or to decide on their own work.

    Of reading, what names people or tells of others' doing is kept, and the audit itself.
    """
    try:
        yield
    except Forbidden as failure:
        if endpoint.method != "GET" or _guard().is_watched(endpoint.action):
            try:
                now = believed_now(headers)
            except DomainError:
                now = datetime.now(UTC)
            context = Context(principal=principal, now=now, request_id=request_id)
            _keep_refused(context, endpoint, _named_by(path) or principal.actor, failure)
        raise


def _keep_refused(context: Context, endpoint: Endpoint, subject: str, failure: Forbidden) -> None:
    """Keep an attempt; those above the pace are counted, by caller and hour."""
    principal = context.principal
    try:
        pace.spend("refused_attempt", principal)
    except TooMany:
        log("refusal_not_kept", request_id=context.request_id, path=endpoint.path, actor=principal.actor)
        count = pace.count_left_out(principal, context.now)
        if count is not None:
            _guard().note_left_out(context, count)
    else:
        _guard().note_refused(context, endpoint.action, subject=subject, failure=failure)


def _named_by(path: Mapping[str, str]) -> str | None:
    """Give what a path is about, if it is an id of ours: what else stands there may be somebody's number."""
    ids = (value for value in map(unquote, path.values()) if _ID.fullmatch(value))
    return next((value for value in ids if mask_numbers(value) == value), None)


_ID = re.compile(r"[a-z]{2,4}_[a-z0-9-]{1,80}")


def _prove(endpoint: Endpoint, asked: Asked) -> Principal:
    headers, raw = asked.headers, asked.raw
    if endpoint.action == PUBLIC:
        if endpoint.knows_caller and "authorization" in headers:
            with contextlib.suppress(Unauthenticated):
                return _guard().authenticate(headers, raw, target=None)
        return Principal(actor="public", role=Role.PUBLIC)
    path = endpoint.path.format_map({name: unquote(value) for name, value in asked.path.items()})
    query: Any = asked.parameters
    target = Target(endpoint.method, path, {str(name): str(query[name]) for name in query})
    try:
        return _guard().authenticate(headers, raw, target=target, changes=endpoint.method != "GET")
    except Unauthenticated as failure:
        failure.is_of_token = headers.get("authorization", "").lower().startswith("bearer ")
        raise


def admit(endpoint: Endpoint, principal: Principal) -> None:
    """Let a role at an endpoint, or raise `Forbidden`."""
    if endpoint.action != PUBLIC:
        _guard().admit(principal, endpoint.action)


def _run_once(run: Callable[[], Reply], key: str, *, caller: str, request: str, raw: bytes) -> Reply:
    if _IDEMPOTENCY_KEY.fullmatch(key) is None:
        raise malformed([Fault("wrong_type", field="Idempotency-Key")])
    begun = idempotency.begin(caller=caller, request=request, key=key, body=raw, now=datetime.now(UTC))
    if isinstance(begun, idempotency.FirstAnswer):
        return Reply(begun.body, begun.status_code, begun.content_type)
    try:
        with running(begun.call):
            reply = run()
    except Exception as failure:
        idempotency.give_up(begun, failure)
        raise
    raw_answer = encoded(reply.body)
    idempotency.keep(
        begun,
        status_code=reply.status_code,
        body=raw_answer if isinstance(raw_answer, bytes) else raw_answer.encode(),
        content_type=reply.content_type,
    )
    return reply


def authenticate(headers: Mapping[str, str], *, changes: bool) -> Principal:
    """Prove who a page is for, by the token of its session; `changes` if it is sent to change something.

    Raises:
        Unauthenticated: no token, or none that is good.

    """
    return _guard().authenticate(headers, b"", target=None, changes=changes)
