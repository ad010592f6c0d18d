"""What operations, parameters and fields mean, in both languages: the one place is `words.json`.

A field means the same wherever it stands, so it is told once by its name; where a type means something else
by it, `Type.field` tells that (`Problem.field` of every problem), of a parameter `operation.parameter`. A
test holds the file against the document: nothing is left untold, nothing is spare, and no text serves a count
here and a list there.
"""

import functools
import re
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any, Final

import msgspec

from chalicelib.edge.endpoints import Leaving
from chalicelib.kernel.calendar import shanghai_date

Json = dict[str, Any]
Told = tuple[str, str]
"""Chinese, English."""
THEN_SHEETS: Final = "\n\n表格 Sheets\n\n"
FILE: Final = Path(__file__).parent / "words.json"
CHANGES: Final = Path(__file__).parent / "changes.json"
_PROBLEM: Final = re.compile(r"^\w*Problem[0-9]{3}$")
"""A problem has a schema for each status and operation, and one meaning."""
_FORMS: Final[Mapping[str, Json]] = {"year": {"pattern": "^2[01][0-9]{2}$"}}
"""Of what stands in a path, where more is known than that it is a text."""
_SCOPES: Final[Mapping[str, Told]] = {
    "own": ("本人", "own"),
    "institution": ("本机构", "own institution"),
    "division": ("本辖区", "own division and below"),
    "all": ("全部", "everywhere"),
    "software": ("仅软件本身", "only its program"),
}


class Words(msgspec.Struct, frozen=True):
    """The file, by what it tells of."""

    tags: Mapping[str, Told]
    operations: Mapping[str, str]
    """The Chinese sentence; the English one stands with the view."""
    parameters: Mapping[str, Told]
    fields: Mapping[str, Told]
    sheets: Mapping[str, Told]
    """What stands in the csv and xlsx that an operation answers with, and in which units."""
    types: Mapping[str, str]
    """What a type means as a whole, in Chinese; in English its docstring tells."""
    events: Mapping[str, Told]
    """What has happened when a program is told of an event."""


class Release(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a version of the API changed, for the changelog."""

    version: str
    released_on: date
    zh: str
    en: str


@functools.cache
def releases() -> list[Release]:
    """Read the changelog, the newest first."""
    return msgspec.json.decode(CHANGES.read_bytes(), type=list[Release])


@functools.cache
def told() -> Words:
    """Read the file."""
    return msgspec.json.decode(FILE.read_bytes(), type=Words)


def of_tag(name: str) -> str:
    """Tell what the operations of a tag are about."""
    return _both(told().tags.get(name, (name, name)))


def of_event(name: str) -> Told:
    """Tell what has happened when a program is told of an event; empty if the file does not tell."""
    return told().events.get(name, ("", ""))


def chinese_of(name: str) -> str:
    """Tell in Chinese what an operation does."""
    return told().operations.get(name, "")


def of_operation(
    name: str, roles: Mapping[str, str], sheets: str = "", *, leaves: Leaving | None = None
) -> str:
    """Tell what an operation does, who may ask for it how far, the sheets it reads, and whether it leaves."""
    who = ", ".join(f"{role} ({_scope(scope)})" for role, scope in roles.items())
    told_of = f"{chinese_of(name)}\n\nMay be called by: {who or 'everybody'}."
    if name in told().sheets:
        told_of = f"{told_of}\n\n{_both(told().sheets[name])}"
    if leaves is not None:
        told_of = f"{told_of}\n\n{_both(of_leaving(leaves))}"
    return f"{told_of}{THEN_SHEETS}{sheets}" if sheets else told_of


def of_leaving(leaves: Leaving) -> Told:
    """Tell since when an operation should not be begun with, until when it answers, what to call instead."""
    since, until = shanghai_date(leaves.since), leaves.until and shanghai_date(leaves.until)
    ends = (f"，{until} 停止服务", f", answers until {until}") if until else ("", "")
    instead = (
        (f"，请改用 {leaves.instead}", f"; call {leaves.instead} instead") if leaves.instead else ("", "")
    )
    return (
        f"自 {since} 起不宜再用{ends[0]}{instead[0]}。",
        f"Deprecated since {since}{ends[1]}{instead[1]}.",
    )


def _scope(scope: str) -> str:
    return _SCOPES.get(scope, (scope, scope))[1]


def path_parameters(path: str, operation: str) -> list[Json]:
    """Describe what stands in the path of an operation."""
    return [
        parameter({"name": name, "in": "path", "required": True, "schema": _form_of(name)}, operation)
        for name in re.findall(r"{(\w+)}", path)
    ]


def _form_of(name: str) -> Json:
    return {"type": "string", **_FORMS.get(name, {})}


def parameter(plain: Json, operation: str) -> Json:
    """Describe a parameter of an operation."""
    words = meaning_of_parameter(operation, plain["name"])
    return {**plain, "description": _both(words)} if any(words) else plain


def meaning_of_parameter(operation: str, name: str) -> Told:
    """Tell what an operation means by a parameter, in both languages; empty if the file does not tell."""
    parameters = told().parameters
    return parameters.get(f"{operation}.{name}") or parameters.get(name, ("", ""))


def described(name: str, schema: Json) -> Json:
    """Describe a named schema, and each of its fields."""
    if name in told().types:
        schema = {**schema, "description": _both((told().types[name], english_of(schema)))}
    if "properties" not in schema:
        return schema
    fields = {field: _field(name, field, part) for field, part in schema["properties"].items()}
    return {**schema, "properties": fields}


def english_of(schema: Json) -> str:
    """Give what a type's docstring says, in one line."""
    return " ".join(str(schema.get("description", "")).split())


def meaning_of_type(name: str, schema: Json) -> Told:
    """Tell what a described type means, in both languages; empty if the file does not tell."""
    chinese = told().types.get(name, "")
    return (chinese, english_of(schema).removeprefix(chinese).lstrip() if chinese else "")


def meaning(owner: str, name: str) -> Told:
    """Tell what a field of a type means, in both languages; empty if the file does not tell."""
    key = key_of(owner, name)
    return told().fields[key] if key is not None else ("", "")


def key_of(owner: str, name: str) -> str | None:
    """Name the text that tells a field of a type: its own, or that of all fields of this name, if any."""
    fields = told().fields
    own = f"{_PROBLEM.sub('Problem', owner)}.{name}"
    return own if own in fields else name if name in fields else None


def _field(owner: str, name: str, schema: Json) -> Json:
    if "description" in schema:
        return schema
    words = meaning(owner, name)
    return {**schema, "description": _both(words)} if any(words) else schema


def _both(words: Sequence[str]) -> str:
    chinese, english = words
    return f"{chinese} {english}"
