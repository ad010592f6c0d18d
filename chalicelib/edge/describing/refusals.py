"""With which codes each operation can refuse, and how the document says so.

What a view can raise is read from its source (`infra.contract.refusals` writes `refusals.json` by it, a
test holds the two together); what the edge itself refuses follows from the declaration. So a client knows
every code of the operation it calls, and none that only others send.
"""

import functools
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from chalicelib.edge.describing.schemas import has_field
from chalicelib.edge.endpoints import PUBLIC, Endpoint
from chalicelib.edge.problems import INTERNAL_ERROR, PROBLEM_JSON, TITLES, Problem, status_of
from chalicelib.kernel.reasons import REASONS

Json = dict[str, Any]
FILE: Final = Path(__file__).parent / "refusals.json"

_ALWAYS: Final = ("malformed", "too_many_requests", "try_again", "time_travel_off")
_WITH_CALLER: Final = ("unauthenticated", "token_stale", "forbidden")
_WITH_BODY: Final = ("too_large", "unsupported_type", "unsupported_encoding")
_WITH_FORM: Final = ("invalid_json", "not_utf8")
_WITH_VERSION: Final = ("version_conflict", "wrong_state")
"""A change that was decided on a version meets another one, or another state."""
_WITH_SIGNATURE: Final = ("message_replayed", "signature_invalid")
_WITH_PLACE: Final = ("coord_system_missing",)
_WITH_PATH: Final = ("not_found",)
_WITH_KEY: Final = ("in_progress", "idempotency_mismatch")
_OF_READING: Final = (400, 404)
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


def codes_of(endpoint: Endpoint) -> dict[int, list[str]]:
    """Give the codes an operation can answer with, by status."""
    codes = {*_ALWAYS, *_of_view(endpoint)}
    if endpoint.action != PUBLIC:
        codes |= set(_WITH_CALLER)
        codes |= set(_WITH_SIGNATURE) if is_of_platform(endpoint) else set()
    if has_field(endpoint.body, "version") or has_field(endpoint.query, "version"):
        codes |= set(_WITH_VERSION)
    if "{" in endpoint.path:
        codes |= set(_WITH_PATH)
    if endpoint.reads:
        codes |= set(_WITH_BODY)
    if endpoint.body is not None:
        codes |= set(_WITH_FORM)
    if _takes_place(endpoint):
        codes |= set(_WITH_PLACE)
    if is_keyed(endpoint):
        codes |= set(_WITH_KEY)
    by_status: dict[int, list[str]] = defaultdict(list)
    for code in sorted(codes):
        by_status[status_of(REASONS[code].kind)].append(code)
    return dict(sorted({**by_status, 500: [INTERNAL_ERROR]}.items()))


def _of_view(endpoint: Endpoint) -> set[str]:
    """Give the codes that its view can refuse with.

    What is read meets the words of refusals only to tell what may be done: it refuses a form, or finds
    nothing, and whatever else its declaration says. A place without its system is the form's to refuse.
    """
    codes = set(of_views().get(endpoint.name, ())) - set(_WITH_PLACE)
    if endpoint.method != "GET":
        return codes
    statuses = {*_OF_READING, *endpoint.refuses}
    return {code for code in codes if status_of(REASONS[code].kind) in statuses}


def _takes_place(endpoint: Endpoint) -> bool:
    return has_field(endpoint.body, "coord_system") or has_field(endpoint.query, "near")


class Problems:
    """The schemas of problem answers: those that many operations share have one name, others their own."""

    def __init__(self, endpoints: Iterable[Endpoint]) -> None:
        """Find what is shared: the codes of a status that more than one operation has."""
        operations = defaultdict(list)
        for endpoint in endpoints:
            for status, codes in codes_of(endpoint).items():
                operations[status, tuple(codes)].append(endpoint.name)
        self._names: dict[tuple[int, tuple[str, ...]], str] = {}
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
        told = {name: _problem(name, status, codes) for (status, codes), name in self._names.items()}
        return {"Fault": shapes["Fault"], **dict(sorted(told.items()))}

    def responses_of(self, endpoint: Endpoint) -> Json:
        """Give the problem answers of an operation by status."""
        return {
            str(status): self._response(status, tuple(codes)) for status, codes in codes_of(endpoint).items()
        }

    def _response(self, status: int, codes: tuple[str, ...]) -> Json:
        zh, en = TITLES[status]
        schema = {"$ref": f"#/components/schemas/{self._names[status, codes]}"}
        headers: Json = {"X-Request-Id": {"$ref": "#/components/headers/XRequestId"}}
        if status in _RETRIED:
            headers["Retry-After"] = {"$ref": "#/components/headers/RetryAfter"}
        if status == 401:  # noqa: PLR2004 - the one status that names how to prove oneself
            headers["WWW-Authenticate"] = {"$ref": "#/components/headers/WWWAuthenticate"}
        return {
            "description": f"{zh} {en}",
            "headers": headers,
            "content": {PROBLEM_JSON: {"schema": schema}},
        }


def _camel(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))


def _problem(name: str, status: int, codes: Sequence[str]) -> Json:
    shape: Json = _problem_schema()["Problem"]
    properties = {
        **shape["properties"],
        "status": {"type": "integer", "enum": [status]},
        "code": {"type": "string", "enum": list(codes)},
    }
    return {**shape, "title": name, "properties": properties}


@functools.cache
def _problem_schema() -> Json:
    shape = dict(msgspec.json.schema(Problem)["$defs"]["Problem"])
    absent = ("errors", "error_sheet")
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
