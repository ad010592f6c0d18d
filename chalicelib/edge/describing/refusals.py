"""With which codes each operation can refuse, and how the document says so.

What a view can raise is read from its source (`infra.contract.refusals` writes `refusals.json` by it, a
test holds the two together); what the edge itself refuses follows from the declaration. So a client knows
every code of the operation it calls, and none that only others send.
"""

import functools
import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

from chalicelib.edge.describing import examples
from chalicelib.edge.describing.schemas import has_field, has_text
from chalicelib.edge.endpoints import PUBLIC, Endpoint
from chalicelib.edge.problems import (
    INTERNAL_ERROR,
    OAUTH_ERRORS,
    PROBLEM_JSON,
    TITLES,
    Problem,
    status_of,
)
from chalicelib.kernel.ports import Port
from chalicelib.kernel.reasons import REASONS, Place, codes_in

Json = dict[str, Any]
FILE: Final = Path(__file__).parent / "refusals.json"

_needs_scope: Port[[str], bool] = Port("needs_scope")
"""Tells whether a program can be refused an action for want of its scope: the table of rights is later."""

_WITH_PLACE: Final = ("coord_system_missing",)
_OF_PAGES: Final = ("invalid_cursor",)
_OF_CHANGING: Final = ("version_conflict",)
"""Of what sends the version that it decided on."""
_OF_SOFTWARE: Final = ("insufficient_scope",)
_OF_READING: Final = (400, 404)
_PROVING: Final = (401, 403)
"""Statuses that may name how to prove oneself; of the second only `insufficient_scope` does."""
_RETRIED: Final = (409, 429, 503)
"""Statuses that may say when to come back; of the first only `in_progress` does."""


def is_of_platform(endpoint: Endpoint) -> bool:
    """Tell whether the national platform calls it, with a signature in place of a token."""
    return (
        endpoint.path.startswith("/v1/exchange/") and endpoint.method == "POST" and "{" not in endpoint.path
    )


def is_keyed(endpoint: Endpoint) -> bool:
    """Tell whether an endpoint takes an `Idempotency-Key`."""
    return endpoint.method == "POST" and endpoint.action != PUBLIC


@functools.cache
def of_views() -> Mapping[str, Sequence[str]]:
    """Give the codes that each view can raise, by operation."""
    codes: Mapping[str, Sequence[str]] = json.loads(FILE.read_text(encoding="utf-8"))
    return codes


@dataclass(frozen=True)
class Shared:
    """Codes that whole kinds of operations have, without having them in their source."""

    zh: str
    en: str
    codes: tuple[str, ...]
    applies: Callable[[Endpoint], bool]
    is_said_once: bool = True
    """Whether /docs tells them once for all of the kind; else with each operation."""


def _has_token(endpoint: Endpoint) -> bool:
    return endpoint.action != PUBLIC


def _takes_scope(endpoint: Endpoint) -> bool:
    return _has_token(endpoint) and _needs_scope(endpoint.action)


def _sends_version(endpoint: Endpoint) -> bool:
    return has_field(endpoint.body, "version") or has_field(endpoint.query, "version")


def _takes_place(endpoint: Endpoint) -> bool:
    return has_field(endpoint.body, "coord_system") or has_field(endpoint.query, "near")


SHARED: Final = (
    Shared(
        "所有接口",
        "Every operation",
        ("malformed", "too_many_requests", "try_again", "time_travel_off", INTERNAL_ERROR),
        lambda _: True,
    ),
    Shared(
        "须登录的",
        "with a token",
        ("unauthenticated", "token_stale", "forbidden"),
        _has_token,
    ),
    Shared("软件凭据可用的", "open to programs", _OF_SOFTWARE, _takes_scope),
    Shared(
        "带正文的",
        "with a body",
        ("too_large", "unsupported_type", "unsupported_encoding"),
        lambda endpoint: bool(endpoint.reads),
    ),
    Shared(
        "正文为 JSON 或表单的",
        "with a body of JSON or fields",
        ("invalid_json", "not_utf8"),
        lambda endpoint: endpoint.body is not None,
    ),
    Shared("地址中有标识的", "with an id in the path", ("not_found",), lambda endpoint: "{" in endpoint.path),
    Shared(
        "可带 Idempotency-Key 的",
        "with an Idempotency-Key",
        ("in_progress", "idempotency_mismatch"),
        is_keyed,
    ),
    Shared(
        "带 version 的",
        "with a version",
        ("version_conflict", "wrong_state"),
        _sends_version,
        is_said_once=False,
    ),
    Shared("带位置的", "with a location", _WITH_PLACE, _takes_place, is_said_once=False),
    Shared(
        "全国平台的",
        "of the national platform",
        ("message_replayed", "signature_invalid"),
        lambda endpoint: _has_token(endpoint) and is_of_platform(endpoint),
        is_said_once=False,
    ),
)
"""What the edge refuses, by the declaration: a change meets another version, or another state."""


def said_once(endpoint: Endpoint) -> set[str]:
    """Give the codes of an operation that are told with others of its kind."""
    kinds = (shared for shared in SHARED if shared.is_said_once and shared.applies(endpoint))
    return {code for shared in kinds for code in shared.codes}


def codes_of(endpoint: Endpoint) -> dict[int, list[str]]:
    """Give the codes an operation can answer with, by status."""
    shared = {code for kind in SHARED if kind.applies(endpoint) for code in kind.codes}
    by_status: dict[int, list[str]] = defaultdict(list)
    for code in sorted(shared | _of_view(endpoint)):
        by_status[500 if code == INTERNAL_ERROR else status_of(REASONS[code].kind)].append(code)
    return dict(sorted(by_status.items()))


def _of_view(endpoint: Endpoint) -> set[str]:
    """Give the codes that its view can refuse with.

    What is read meets the words of refusals only to tell what may be done: it refuses a form, or finds
    nothing, and whatever else its declaration says. A place without its system is the form's to refuse. Every
    view that asks for a right reaches the words for programs: whether one can get so far tells the action.
    Every view reaches the reading of a page; the words of single mistakes and of notices are no refusals.
    """
    codes = set(of_views().get(endpoint.name, ())) & codes_in(Place.PROBLEM) - {*_WITH_PLACE, *_OF_SOFTWARE}
    goes_on = has_field(endpoint.query, "cursor") or has_text(endpoint.body, "after")
    if not goes_on:
        codes -= {*_OF_PAGES}
    if endpoint.method != "GET":
        return codes
    codes -= {*_OF_CHANGING}
    statuses = {*_OF_READING, *endpoint.refuses}
    return {code for code in codes if status_of(REASONS[code].kind) in statuses}


_Same = tuple[bool, tuple[str, ...]]
"""What makes the problems of a status one schema: whether clients of OAuth 2.0 get them, and the codes."""


class Problems:
    """The schemas of problem answers: those that many operations share have one name, others their own."""

    def __init__(self, endpoints: Iterable[Endpoint]) -> None:
        """Find what is shared: the codes of a status that more than one operation has."""
        operations = defaultdict(list)
        for endpoint in endpoints:
            for status, codes in codes_of(endpoint).items():
                operations[status, (endpoint.takes_fields, tuple(codes))].append(endpoint.name)
        self._names: dict[tuple[int, _Same], str] = {}
        for status in {status for status, _ in operations}:
            alike = {same: names for (of, same), names in operations.items() if of == status}
            usual = max(alike, key=lambda same: (len(alike[same]), same))
            for same, names in alike.items():
                whose = "" if same == usual else _camel(min(names))
                self._names[status, same] = f"{whose}Problem{status}"

    @property
    def components(self) -> Json:
        """Give the schemas by name."""
        shapes = _problem_schema()
        told = {
            name: _problem(name, status, codes, oauth=oauth)
            for (status, (oauth, codes)), name in self._names.items()
        }
        return {"Fault": shapes["Fault"], **dict(sorted(told.items()))}

    def responses_of(self, endpoint: Endpoint) -> Json:
        """Give the problem answers of an operation by status."""
        return {
            str(status): self._response(endpoint.name, status, (endpoint.takes_fields, tuple(codes)))
            for status, codes in codes_of(endpoint).items()
        }

    def _response(self, name: str, status: int, same: _Same) -> Json:
        zh, en = TITLES[status]
        schema = {"$ref": f"#/components/schemas/{self._names[status, same]}"}
        headers: Json = {"X-Request-Id": {"$ref": "#/components/headers/XRequestId"}}
        if status in _RETRIED:
            headers["Retry-After"] = {"$ref": "#/components/headers/RetryAfter"}
        if status in _PROVING:
            headers["WWW-Authenticate"] = {"$ref": "#/components/headers/WWWAuthenticate"}
        return {
            "description": f"{zh} {en}",
            "headers": headers,
            "content": {PROBLEM_JSON: {"schema": schema, **examples.of_answer(name, status, PROBLEM_JSON)}},
        }


def _camel(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))


def _problem(name: str, status: int, codes: Sequence[str], *, oauth: bool) -> Json:
    shape: Json = _problem_schema()["Problem"]
    properties = {
        **shape["properties"],
        "status": {"type": "integer", "enum": [status]},
        "code": {"type": "string", "enum": list(codes)},
    }
    if not oauth:
        return {**shape, "title": name, "properties": properties}
    properties["error"] = {
        "type": "string",
        "enum": list(OAUTH_ERRORS[status]),
        "description": "供 OAuth 2.0 客户端库识别的错误（RFC 6749 5.2）。What clients of OAuth 2.0 look for.",
    }
    required = [*shape["required"], "error"]
    return {**shape, "title": name, "properties": properties, "required": required}


@functools.cache
def _problem_schema() -> Json:
    shape = dict(msgspec.json.schema(Problem)["$defs"]["Problem"])
    absent = ("errors", "error_sheet", "error")
    fault = {
        "title": "Fault",
        "type": "object",
        "description": "一处错误。One thing wrong with the input.",
        "required": ["code", "detail"],
        "properties": {
            "field": {"type": "string", "description": "正文或参数中的字段。The field of the body or query."},
            "row": {"type": "integer", "description": "表格中的行号。The sheet's line number."},
            "column": {"type": "string", "description": "上传表格中的表头。The header as uploaded."},
            "code": {"type": "string", "description": "稳定的错误代码。A stable code."},
            "detail": {"type": "string", "description": "给人看的说明。A sentence for people."},
        },
    }
    shape["properties"] = {
        **{name: part for name, part in shape["properties"].items() if name not in absent},
        "errors": {
            "type": "array",
            "items": {"$ref": "#/components/schemas/Fault"},
            "description": "全部错误，不只第一处。Every mistake, not only the first.",
        },
        "error_sheet": {
            "type": "string",
            "format": "uri",
            "description": "附原因列的表格，十分钟内有效。The sheet with its reasons, for ten minutes.",
        },
    }
    return {"Problem": shape, "Fault": fault}
