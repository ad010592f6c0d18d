"""The collection for Postman and Bruno (Postman's format 2.1): `make openapi` makes it of the API's document.

One request an operation, by tag, with the document's own example as its body. Variables lead it: `base_url`,
where the service is (of a local stack `api_url` of `stack.json`); `access_token`, which a script takes from
the answer of a sign-in; and of a program `client_assertion`, which it signs, and `on_behalf_of`, the account
of whom it changes something for (switch the header on).
`tests/infra/contract/test_collection.py` holds the file against the document.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from infra.deployment.package import ROOT

Json = dict[str, Any]
FILE: Final = ROOT / "infra/contract/collection.json"
SCHEMA: Final = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"
_BASE: Final = "{{base_url}}"
_PLACE: Final = re.compile(r"\{(\w+)\}")
_LANGUAGE: Final = {"key": "Accept-Language", "value": "{{language}}"}
_TOKEN: Final = "{{access_token}}"  # noqa: S105 - the name of a variable
_SHEET: Final = "text/csv"
_FIELDS: Final = "application/x-www-form-urlencoded"
_JSON: Final = "application/json"
_FILLED: Final = {"X-On-Behalf-Of": "{{on_behalf_of}}", "Idempotency-Key": "{{$guid}}"}
"""Headers with a value: a key of its own each time, and whom a program acts for."""
_SIGNED: Final = "client_assertion"
_TAKES_TOKEN: Final = [
    "if (pm.response.code === 200) {",
    '    pm.collectionVariables.set("access_token", pm.response.json().access_token);',
    "}",
]


def collection(document: Json) -> Json:
    """Give the collection of a document."""
    folders: dict[str, list[Json]] = {tag["name"]: [] for tag in document["tags"]}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            folders[operation["tags"][0]].append(_item(document, method.upper(), path, operation))
    return {
        "info": {
            "name": document["info"]["title"],
            "description": document["info"]["description"],
            "version": document["info"]["version"],
            "schema": SCHEMA,
        },
        "auth": {
            "type": "bearer",
            "bearer": [{"key": "token", "value": "{{access_token}}", "type": "string"}],
        },
        "variable": [
            {"key": "base_url", "value": "https://vouchers.invalid"},
            {"key": "access_token", "value": ""},
            {"key": _SIGNED, "value": ""},
            {"key": "on_behalf_of", "value": ""},
            {"key": "message_signature", "value": ""},
            {"key": "language", "value": "zh"},
        ],
        "item": [
            {"name": tag, "item": sorted(items, key=lambda item: str(item["name"]))}
            for tag, items in folders.items()
            if items
        ],
    }


def _item(document: Json, method: str, path: str, operation: Json) -> Json:
    parameters = [_resolved(document, parameter) for parameter in operation["parameters"]]
    request: Json = {
        "method": method,
        "description": operation["summary"],
        "header": [_LANGUAGE, *(_header(one) for one in parameters if _is_asked_header(one))],
        "url": _url(path, parameters),
    }
    content: Mapping[str, Any] = operation.get("requestBody", {}).get("content", {})
    if content:
        request |= {"body": _body(content)}
        kind = _kind_of(content)
        request["header"].append({"key": "Content-Type", "value": kind})
    proofs = {name for proof in operation["security"] for name in proof}
    if "bearer" not in proofs:
        request["auth"] = {"type": "noauth"}
    if proofs == {"messageSignature"}:
        request["header"].append({"key": "X-Message-Signature", "value": "{{message_signature}}"})
    return {"name": operation["operationId"], **_afterwards(document, operation), "request": request}


def _afterwards(document: Json, operation: Json) -> Json:
    """Take the token of a sign-in for all that follows (Postman's tests, which Bruno imports as well)."""
    content = operation["responses"].get("200", {}).get("content", {})
    named = content.get(_JSON, {}).get("schema", {}).get("$ref", "").rpartition("/")[2]
    if "access_token" not in document["components"]["schemas"].get(named, {}).get("properties", {}):
        return {}
    return {"event": [{"listen": "test", "script": {"type": "text/javascript", "exec": _TAKES_TOKEN}}]}


def _resolved(document: Json, parameter: Json) -> Json:
    if "$ref" in parameter:
        named: Json = document["components"]["parameters"][parameter["$ref"].rpartition("/")[2]]
        return named
    return parameter


def _is_asked_header(parameter: Json) -> bool:
    return bool(parameter["in"] == "header" and parameter["name"] != _LANGUAGE["key"])


def _header(parameter: Json) -> Json:
    """Give a header: a key of its own each time where one is taken, all others to be filled in."""
    is_key = parameter["name"] == "Idempotency-Key"
    value = _FILLED.get(parameter["name"], "")
    off = {} if is_key or parameter.get("required") else {"disabled": True}
    return {"key": parameter["name"], "value": value, "description": parameter["description"], **off}


def _url(path: str, parameters: list[Json]) -> Json:
    plain = _PLACE.sub(r":\1", path)
    query = [
        {
            "key": one["name"],
            "value": _text(one["schema"].get("default", "")),
            "description": one["description"],
            **({} if one.get("required") else {"disabled": True}),
        }
        for one in parameters
        if one["in"] == "query"
    ]
    asked = "&".join(f"{one['key']}={one['value']}" for one in query if "disabled" not in one)
    url: Json = {
        "raw": f"{_BASE}{plain}" + (f"?{asked}" if asked else ""),
        "host": [_BASE],
        "path": plain.strip("/").split("/"),
    }
    if query:
        url["query"] = query
    places = {one["name"]: one["description"] for one in parameters if one["in"] == "path"}
    if places:
        url["variable"] = [{"key": name, "value": "", "description": told} for name, told in places.items()]
    return url


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _kind_of(content: Mapping[str, Any]) -> str:
    return next((kind for kind in (_JSON, _SHEET, _FIELDS) if kind in content), next(iter(content)))


def _body(content: Mapping[str, Any]) -> Json:
    """Give the document's example as it would be sent; a sheet or a file is chosen by who sends it."""
    kind = _kind_of(content)
    if kind != _JSON:
        return {"mode": "file", "file": {}}
    media = content[_JSON]
    examples = media.get("examples") or {"": {"value": media.get("example", {})}}
    example = next(iter(examples.values()))["value"]
    if isinstance(example, dict) and _SIGNED in example:
        example = {**example, _SIGNED: f"{{{{{_SIGNED}}}}}"}
    raw = json.dumps(example, ensure_ascii=False, indent=1)
    return {"mode": "raw", "raw": raw, "options": {"raw": {"language": "json"}}}


def collection_text(document: Json) -> str:
    """Give the file: one property a line, what belongs together in the document's order."""
    return json.dumps(collection(document), ensure_ascii=False, indent=1) + "\n"
