"""What operations, parameters and fields mean, in both languages: the one place is `words.json`.

A field means the same wherever it stands, so it is told once by its name; where a type means something else
by it, `Type.field` tells that. A test holds the file against the document: nothing is left untold, nothing is
spare.
"""

import functools
import re
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any, Final

import msgspec

Json = dict[str, Any]
Told = tuple[str, str]
"""Chinese, English."""
THEN_SHEETS: Final = "\n\n表格 Sheets\n\n"
FILE: Final = Path(__file__).parent / "words.json"
CHANGES: Final = Path(__file__).parent / "changes.json"
_FORMS: Final[Mapping[str, Json]] = {"year": {"pattern": "^2[01][0-9]{2}$"}}
"""Of what stands in a path, where more is known than that it is a text."""
_SCOPES: Final[Mapping[str, Told]] = {
    "own": ("本人", "own"),
    "institution": ("本机构", "own institution"),
    "division": ("本辖区", "own division and below"),
    "all": ("全部", "everywhere"),
}


class Words(msgspec.Struct, frozen=True):
    """The file, by what it tells of."""

    tags: Mapping[str, Told]
    operations: Mapping[str, str]
    """The Chinese sentence; the English one stands with the view."""
    parameters: Mapping[str, Told]
    fields: Mapping[str, Told]


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


def chinese_of(name: str) -> str:
    """Tell in Chinese what an operation does."""
    return told().operations.get(name, "")


def of_operation(name: str, roles: Mapping[str, str], sheets: str = "") -> str:
    """Tell what an operation does, who may ask for it how far, and the sheets it reads."""
    who = ", ".join(f"{role} ({_scope(scope)})" for role, scope in roles.items())
    told_of = f"{chinese_of(name)}\n\nMay be called by: {who or 'everybody'}."
    return f"{told_of}{THEN_SHEETS}{sheets}" if sheets else told_of


def _scope(scope: str) -> str:
    return _SCOPES.get(scope, (scope, scope))[1]


def path_parameters(path: str) -> list[Json]:
    """Describe what stands in a path."""
    return [
        parameter({"name": name, "in": "path", "required": True, "schema": _form_of(name)})
        for name in re.findall(r"{(\w+)}", path)
    ]


def _form_of(name: str) -> Json:
    return {"type": "string", **_FORMS.get(name, {})}


def parameter(plain: Json) -> Json:
    """Describe a parameter."""
    words = told().parameters.get(plain["name"])
    return plain if words is None else {**plain, "description": _both(words)}


def described(name: str, schema: Json) -> Json:
    """Describe each field of a named schema."""
    if "properties" not in schema:
        return schema
    fields = {field: _field(name, field, part) for field, part in schema["properties"].items()}
    return {**schema, "properties": fields}


def meaning(owner: str, name: str) -> Told:
    """Tell what a field of a type means, in both languages; empty if the file does not tell."""
    fields = told().fields
    return fields.get(f"{owner}.{name}") or fields.get(name, ("", ""))


def _field(owner: str, name: str, schema: Json) -> Json:
    if "description" in schema:
        return schema
    words = told().fields.get(f"{owner}.{name}", told().fields.get(name))
    return schema if words is None else {**schema, "description": _both(words)}


def _both(words: Sequence[str]) -> str:
    chinese, english = words
    return f"{chinese} {english}"
