"""Examples of requests and answers, recorded from what the in-process tests send and get."""

import json
import re
from typing import Any

from chalicelib.programs.thresholds import Thresholds
from tests.support.http import Answer
from tests.support.published import template_of

Json = dict[str, Any]
NOT_RECORDED = {
    "read_openapi": "it is the document itself",
    "read_docs": "a page",
    "open_card": "a page",
    "read_static": "scripts and pictures of the pages",
}
"""Operations without an example, and why."""
_KINDS = ("grant_type", "kind", "format")
"""What tells one kind of body from another, by the field that does."""
_ITEMS_KEPT = 1
"""Of a page: what a list answers is as long as there are things."""
_PARTS_KEPT = 12
"""Of every other list: with so many its count, sum or total beside it is true of what is shown."""
REFUSALS_SHOWN = {("create_class", 400), ("replace_roster", 422)}
"""Refusals that stand in the document whole: a form with mistakes, and a sheet with wrong rows."""
_LINES_KEPT = 3
_TEXT_KEPT = 400
_SIGNED = re.compile(r"\?[^ ]*(?:Signature|X-Amz-)[^ ]*", re.IGNORECASE)
_SECRETS = {
    "access_token": "<access token>",
    "refresh_token": "<refresh token>",
    "activation_code": "<activation code>",
    "assertion": "<assertion of the card platform>",
    "client_assertion": "<assertion signed by the program>",
    "password": "<password>",
    "token": "<what the scanned code says>",
    "svg": "<svg>…</svg>",
    "secret": "<secret>",
    "otpauth_uri": "otpauth://totp/<account>",
    "uri": "otpauth://totp/<account>",
    "next": None,
    "policy": "<policy>",
    "x-amz-signature": "<signature>",
    "x-amz-credential": "<credential>",
    "x-amz-security-token": "<token>",
    "signature": "<signature>",
    "AWSAccessKeyId": "<access key>",
}
"""What nobody copies: it is of one moment and one caller."""


_SHOWING = ("items", "links", "parts")
"""Without any of these an exchange shows nothing: one that comes later takes its place."""
LIMITS = frozenset(Thresholds.__struct_fields__)
_NOT_FOR_ALL = frozenset({"supervision", "patterns_stop_payment"})
"""What only supervisors and the province see of a program."""


class Recorder:
    """Keeps the first good request and answer of each kind of each operation."""

    def __init__(self) -> None:
        self.examples: Json = {}

    def has_enough_of(self, name: str) -> bool:
        """Tell whether an operation has an answer that shows something."""
        return any(
            not _is_empty(value)
            for of_type in self.examples.get(name, {}).get("answers", {}).values()
            for of_kind in of_type.values()
            for value in of_kind.values()
        )

    def hear(self, method: str, path: str, payload: bytes, content_type: str, answer: Answer) -> None:
        """Keep an exchange if it is the first of its kind that went well."""
        operation = template_of(method, path)
        if operation is None or operation["operationId"] in NOT_RECORDED:
            return
        if answer.status >= 300:
            self._keep_refusal(operation["operationId"], answer)
            return
        name, request_types = operation["operationId"], operation.get("requestBody", {}).get("content", {})
        sent = _read(payload, content_type) if request_types else None
        kind = _kind_of(sent, path)
        told = self.examples.setdefault(name, {})
        sent_as = content_type.partition(";")[0]
        if request_types and sent_as in request_types and sent is not None:
            of_kind = told.setdefault("requests", {}).setdefault(sent_as, {})
            if kind not in of_kind or _is_empty(of_kind[kind]):
                of_kind[kind] = cleaned(sent)
        answered_as = _type_of(answer)
        value = answer.json if answered_as.endswith("json") else _few_lines(answer.text)
        of_status = told.setdefault("answers", {}).setdefault(str(answer.status), {})
        of_type = of_status.setdefault(answered_as, {})
        if kind not in of_type or _is_empty(of_type[kind]):
            of_type[kind] = cleaned(value)

    def _keep_refusal(self, name: str, answer: Answer) -> None:
        """Keep a refusal that is shown, the first with more than one mistake."""
        if (name, answer.status) in REFUSALS_SHOWN and len(answer.json.get("errors", ())) > 1:
            of_status = self.examples.setdefault(name, {}).setdefault("answers", {})
            of_status.setdefault(str(answer.status), {_type_of(answer): {"usual": cleaned(answer.json)}})


def _is_empty(value: Any) -> bool:
    return isinstance(value, dict) and any(value.get(name) == [] for name in _SHOWING)


def _type_of(answer: Answer) -> str:
    headers = {name.lower(): value for name, value in answer.headers.items()}
    return headers.get("content-type", "").partition(";")[0]


def _read(payload: bytes, content_type: str) -> Any:
    if content_type.startswith("application/json"):
        return json.loads(payload)
    try:
        return _few_lines(payload.decode("utf-8-sig"))
    except UnicodeDecodeError:
        return None


def _few_lines(text: str) -> str:
    return "\n".join(line[:_TEXT_KEPT] for line in text.splitlines()[:_LINES_KEPT])


def _kind_of(sent: Any, path: str) -> str:
    if isinstance(sent, dict):
        for field in _KINDS:
            if isinstance(sent.get(field), str):
                return str(sent[field])
    asked = re.search(r"[?&](?:kind|format)=(\w+)", path)
    return asked[1] if asked else "usual"


def cleaned(value: Any, name: str = "") -> Any:
    """Shorten lists, and put a word in the place of what is secret or of one moment.

    From where on supervision looks is shown to nobody: these stand in a public document.
    """
    if name in _NOT_FOR_ALL:
        return None
    if name in _SECRETS and isinstance(value, str):
        return _SECRETS[name]
    if isinstance(value, dict):
        if "next" in value and isinstance(value.get("items"), list):
            value = {**value, "items": value["items"][:_ITEMS_KEPT]}
        return {key: cleaned(part, key) for key, part in value.items() if key not in LIMITS}
    if isinstance(value, list):
        return [cleaned(part) for part in value[:_PARTS_KEPT]]
    if isinstance(value, str):
        return _SIGNED.sub("?signed-for-ten-minutes", value)
    return value


def leaves(examples: Json) -> dict[tuple[str, ...], Any]:
    """Lay the examples out by where they stand: operation, request or status, content type, kind."""
    found: dict[tuple[str, ...], Any] = {}
    for name, told in examples.items():
        parts = {"request": told.get("requests", {}), **told["answers"]}
        for part, by_type in parts.items():
            for kind_of_content, kinds in by_type.items():
                for kind, value in kinds.items():
                    found[name, part, kind_of_content, kind] = value
    return found


def shape(value: Any) -> Any:
    """Give the names of the fields of an example, without what may be of another length or null next time."""
    return sorted(value) if isinstance(value, dict) else type(value).__name__


def kept_where_alike(before: Json, fresh: Json) -> Json:
    """Give the fresh examples, those of before where only ids and times differ: a diff shows what is new."""
    known = leaves(before)
    told = json.loads(json.dumps(fresh))
    for (name, part, content, kind), value in leaves(fresh).items():
        earlier = known.get((name, part, content, kind))
        if earlier is not None and _alike(earlier, value):
            parts = told[name]["requests"] if part == "request" else told[name]["answers"][part]
            parts[content][kind] = earlier
    return told


def _alike(one: Any, other: Any) -> bool:
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_alike(one[name], other[name]) for name in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_alike, one, other))
    return type(one) is type(other)
