"""Pages for people at the edge: visits with cookies and forms, and asking the API in this process.

A page has no rules of its own. It asks the very endpoints that clients ask, as the person who looks at it, so
that rights, forms, evidence and repeats are the same for both; what it offers is what these answer.
"""

import importlib
import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from datetime import datetime
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qs

import msgspec
from chalice import Blueprint, Response

from chalicelib.aws.clients import ASKING_SECONDS, asking_within
from chalicelib.aws.index import index
from chalicelib.aws.logs import log, log_failure
from chalicelib.aws.reading import each_once
from chalicelib.aws.table import StoreFailure, told_of_store
from chalicelib.edge.endpoints import HEADERS, JSON, SHEET_BYTES_MAX, Endpoint, Reply, SheetBody
from chalicelib.edge.http import VIEWS, Asked, admit, serve, source_of
from chalicelib.edge.moments import believed_now
from chalicelib.kernel.errors import DomainError
from chalicelib.kernel.ids import new_id
from chalicelib.kernel.principal import Principal, Role
from chalicelib.kernel.reasons import error
from chalicelib.sheets.content_types import CSV, XLSX

FORM = "application/x-www-form-urlencoded"
HTML = "text/html; charset=utf-8"
FORM_BYTES_MAX = 1_000_000
_LOCAL_NOW = "x-local-now"
_METHODS = ("GET", "POST")
PAGES: set[tuple[str, str]] = set()
"""Method and path of every page: they are no endpoints, and stand in no document of the API."""


@dataclass(frozen=True)
class Visit:
    """One request for a page: where it is, what was typed, and the cookies that came along."""

    method: str
    path: str
    """Its pattern, e.g. `/console/{area}`."""
    values: Mapping[str, str]
    parameters: Mapping[str, str]
    fields: Mapping[str, Sequence[str]]
    cookies: Mapping[str, str]
    headers: Mapping[str, str]
    english: bool
    now: datetime
    request_id: str
    source: str
    sheet: SheetBody | None = None

    @property
    def root(self) -> str:
        """Give the way up to where the service begins: addresses in pages are relative."""
        return "../" * (self.path.count("/") - 1) or "./"

    def typed(self, name: str) -> str:
        """Give what was typed into a field; empty if nothing was."""
        return self.fields.get(name, ("",))[-1]


@dataclass(frozen=True)
class Asker:
    """Asks endpoints in this process, as somebody; counts nothing, decides nothing."""

    visit: Visit
    english: bool
    principal: Principal = field(default_factory=lambda: Principal(actor="public", role=Role.PUBLIC))
    _answers: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)
    """What was read for this visit: the same question is asked once, until something is sent."""

    def ask(
        self,
        method: str,
        path: str,
        *,
        values: Mapping[str, str] | None = None,
        parameters: Mapping[str, Any] | None = None,
        body: Any = None,
        key: str | None = None,
    ) -> Any:
        """Ask an endpoint, by its pattern, and give its answer as its type has it.

        Raises:
            DomainError: it refuses.

        """
        question = f"{path} {sorted((values or {}).items())} {sorted((parameters or {}).items(), key=str)}"
        if method != "GET":
            self._answers.clear()
        elif question in self._answers:
            return self._answers[question]
        endpoint, view = _view_of(method, path)
        sheet = body if isinstance(body, SheetBody) else None
        headers = {"content-type": sheet.content_type if sheet else JSON}
        if _LOCAL_NOW in self.visit.headers:
            headers[_LOCAL_NOW] = self.visit.headers[_LOCAL_NOW]
        if key:
            headers["idempotency-key"] = key
        given = {name: str(value) for name, value in (parameters or {}).items() if value not in (None, "")}
        asked = Asked(
            headers=headers,
            path=values or {},
            parameters=given,
            raw=sheet.raw if sheet else _written(body),
            full_path=path.format_map(values or {}),
            source=self.visit.source,
            brief=True,
        )
        reply = serve(
            self.principal,
            endpoint,
            view,
            asked,
            request_id=self.visit.request_id,
            english=self.english,
        )
        answer = reply.body
        told = msgspec.json.decode(answer) if isinstance(answer, str | bytes) else answer
        if method == "GET":
            self._answers[question] = told
        return told

    def admits(self, method: str, path: str) -> bool:
        """Tell whether the role may ask an endpoint at all."""
        endpoint, _ = _view_of(method, path)
        try:
            admit(endpoint, self.principal)
        except DomainError:
            return False
        return True


def _written(body: Any) -> bytes:
    """Write a body as clients do: a number beyond 64 bits too, so that the endpoint tells its limit."""
    if body is None:
        return b""
    try:
        return msgspec.json.encode(body)
    except OverflowError:
        return json.dumps(body, ensure_ascii=False).encode()


class Pages(Blueprint):  # type: ignore[misc] # Chalice has no types
    """A blueprint whose routes are pages; `refused` draws the page that tells a refusal."""

    def __init__(self, name: str, refused: Callable[[Visit, DomainError | None], Reply]) -> None:
        """Name the module, and what draws a refusal; None stands for a failure of ours."""
        super().__init__(name)
        self._refused = refused

    def page(self, path: str) -> Callable[[Callable[[Visit], Reply]], Callable[[Visit], Reply]]:
        """Declare a page, for reading and for its forms."""

        def register(view: Callable[[Visit], Reply]) -> Callable[[Visit], Reply]:
            def handle(**values: str) -> Response:
                return self._handle(path, view, values)

            handle.__name__ = view.__name__
            handle.__module__ = view.__module__  # the packager's index tells which module a path needs
            for method in _METHODS:
                PAGES.add((method, path))
            super(Pages, self).route(path, methods=list(_METHODS), content_types=["*/*"])(handle)
            return view

        return register

    def _handle(self, path: str, view: Callable[[Visit], Reply], values: Mapping[str, str]) -> Response:
        request = self.current_request
        request_id = new_id("req")
        headers = {str(name).lower(): str(value) for name, value in request.headers.items()}
        bare = _bare_visit(request, path, values, headers, request_id)
        visit = bare
        try:
            visit = _with_body(bare, request)
            with asking_within(ASKING_SECONDS), each_once() if visit.method == "GET" else nullcontext():
                reply = view(visit)
        except DomainError as failure:
            reply = self._refused(visit, failure)
        except StoreFailure as failure:
            log_failure("store_failed", failure, request_id=request_id, path=path)
            reply = self._refused(visit, told_of_store(failure))
        except Exception as failure:  # noqa: BLE001 - the edge: nothing of a failure may leak
            log_failure("request_failed", failure, request_id=request_id, path=path)
            reply = self._refused(visit, None)
        log("request", method=visit.method, path=path, status=reply.status_code, request_id=request_id)
        return Response(
            body=reply.body,
            status_code=reply.status_code,
            headers={
                **HEADERS,
                "Content-Type": reply.content_type,
                "X-Request-Id": request_id,
                **(reply.headers or {}),
            },
        )


def _bare_visit(
    request: Any, path: str, values: Mapping[str, str], headers: Mapping[str, str], request_id: str
) -> Visit:
    parameters = request.query_params or {}
    try:
        now = believed_now(headers)
    except DomainError:
        now = believed_now({})
    return Visit(
        method=str(request.method),
        path=path,
        values=values,
        parameters={name: parameters[name] for name in parameters},
        fields={},
        cookies=_cookies(headers.get("cookie", "")),
        headers=headers,
        english=headers.get("accept-language", "").strip().lower().startswith("en"),
        now=now,
        request_id=request_id,
        source=source_of(request),
    )


def _with_body(visit: Visit, request: Any) -> Visit:
    """Read what was sent: a form, or a sheet as it is.

    Raises:
        TooLarge: it is.
        UnsupportedType: it is neither.

    """
    if visit.method != "POST":
        return visit
    raw = bytes(request.raw_body or b"")
    kind = visit.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind in (XLSX, CSV):
        if len(raw) > SHEET_BYTES_MAX:
            raise error("too_large", limit_bytes=SHEET_BYTES_MAX)
        return replace(visit, sheet=SheetBody(kind, raw))
    if kind != FORM:
        raise error("unsupported_type", accepted=f"{FORM}, {XLSX}, {CSV}")
    if len(raw) > FORM_BYTES_MAX:
        raise error("too_large", limit_bytes=FORM_BYTES_MAX)
    typed = parse_qs(raw.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=5000)
    return replace(visit, fields=typed)


def _cookies(header: str) -> dict[str, str]:
    cookie: SimpleCookie = SimpleCookie()
    try:
        cookie.load(header)
    except CookieError:
        return {}
    return {name: part.value for name, part in cookie.items()}


def _view_of(method: str, path: str) -> tuple[Endpoint, Callable[..., Any]]:
    """Give an endpoint by its pattern, importing its module where only a part of the program is loaded."""
    if (method, path) not in VIEWS:
        for module in index().routes.get(path, ()):
            importlib.import_module(module)
    return VIEWS[method, path]
