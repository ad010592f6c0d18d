"""Every answer of the in-process tests, held against the published document: nothing undocumented gets by."""

import functools
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

Json = dict[str, Any]
_PARAMETER = re.compile(r"{\w+}")
_ROOT = "urn:published"
_SAID: set[tuple[Any, ...]] = set()


class Undocumented(AssertionError):
    """The service sent what its document does not say."""


@functools.cache
def _published() -> Json:
    import app  # noqa: F401 - declares every endpoint
    from chalicelib.console.pages import made_document

    return made_document()


@functools.cache
def _templates() -> list[tuple[re.Pattern[str], str]]:
    """Give the paths as patterns, the most literal first."""
    paths = sorted(_published()["paths"], key=lambda path: (path.count("{"), path))
    return [
        (
            re.compile(re.sub(_PARAMETER, "[^/]+", re.escape(path).replace(r"\{", "{").replace(r"\}", "}"))),
            path,
        )
        for path in paths
    ]


def _exactly(schema: Any) -> Any:
    """Close every object whose fields are named: a field that is not told is undocumented."""
    if isinstance(schema, list):
        return [_exactly(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {name: _exactly(part) for name, part in schema.items()}
    if "properties" in schema and "properties" not in schema["properties"]:
        closed.setdefault("additionalProperties", False)
    return closed


@functools.cache
def _registry() -> Registry[Any]:
    """Keep the document once, with its objects closed, for every validator to refer to."""
    document = _published()
    components = document["components"]
    closed = {name: _exactly(schema) for name, schema in components["schemas"].items()}
    contents = {**document, "components": {**components, "schemas": closed}}
    return Registry().with_resource(_ROOT, Resource(contents=contents, specification=DRAFT202012)).crawl()


@functools.cache
def _validator(path: str, method: str, status: str, kind: str) -> Draft202012Validator | None:
    where, response = _response(path, method, status)
    if "content" not in response:
        return None
    if kind not in response["content"]:
        raise Undocumented(f"{method} {path} {status} as {kind}, told are {sorted(response['content'])}")
    steps = [*where, "content", kind, "schema"]
    pointer = "".join("/" + step.replace("~", "~0").replace("/", "~1") for step in steps)
    return Draft202012Validator({"$ref": f"{_ROOT}#{quote(pointer)}"}, registry=_registry())


def _response(path: str, method: str, status: str) -> tuple[list[str], Json]:
    responses = _published()["paths"][path][method.lower()]["responses"]
    if status not in responses:
        raise Undocumented(f"{method} {path} {status}, told are {sorted(responses)}")
    return ["paths", path, method.lower(), "responses", status], responses[status]


def template_of(method: str, url: str) -> Json | None:
    """Give the published operation that a request asks for; None if there is none."""
    full_path = url.partition("?")[0]
    path = next((path for pattern, path in _templates() if pattern.fullmatch(full_path)), None)
    return None if path is None else _published()["paths"][path].get(method.lower())


def require_published(method: str, url: str, status: int, headers: Mapping[str, str], parsed: Any) -> None:
    """Hold one answer against the document.

    Raises:
        Undocumented: its status, its content type or its body is not what the document says.

    """
    full_path = url.partition("?")[0]
    path = next((path for pattern, path in _templates() if pattern.fullmatch(full_path)), None)
    if path is None or method.lower() not in _published()["paths"][path]:
        return
    kind = {name.lower(): value for name, value in headers.items()}.get("content-type", "").partition(";")[0]
    validator = _validator(path, method, str(status), kind)
    if validator is None or not kind.endswith("json") or path == "/openapi.json":
        return
    if status >= 400 and "errors" not in (parsed or {}):  # ten thousand of them are alike
        said = (method, path, status, tuple(sorted(parsed)), parsed["code"])
        if said in _SAID:
            return
        _SAID.add(said)
    fault = next(iter(validator.iter_errors(parsed)), None)
    if fault is not None:
        raise Undocumented(f"{method} {path} {status}: {fault.json_path}: {fault.message[:300]}")


def fault_of_example(name: str, part: str, kind: str, value: Any) -> str | None:
    """Tell what is wrong with an example of an operation (`part` is `request` or a status); None if nothing."""
    for path, item in _published()["paths"].items():
        for method, operation in item.items():
            if operation["operationId"] != name:
                continue
            within = ["requestBody"] if part == "request" else ["responses", part]
            steps = ["paths", path, method, *within, "content", kind, "schema"]
            pointer = "".join("/" + step.replace("~", "~0").replace("/", "~1") for step in steps)
            validator = Draft202012Validator(
                {"$ref": f"{_ROOT}#{quote(pointer)}"},
                registry=_registry(),
                format_checker=Draft202012Validator.FORMAT_CHECKER,
            )
            fault = next(iter(validator.iter_errors(value)), None)
            return None if fault is None else f"{fault.json_path}: {fault.message[:200]}"
    return "there is no such operation"
