"""The schemas of the document: msgspec's, in the form that generators of clients understand.

Found by trying the public ones: a `default` of null, an enumeration without a type, a title that occurs twice
and a decimal called a text each make some generator leave the endpoint out.
"""

import re
import types
import typing
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import inspect

from chalicelib.edge.endpoints import Endpoint, NoQuery

Json = dict[str, Any]
SCHEMAS = "#/components/schemas/"


class Schemas:
    """The schema of every type the endpoints name; query types become parameters."""

    def __init__(self, endpoints: Iterable[Endpoint], others: Iterable[Any] = ()) -> None:
        """Collect the types of these endpoints, and others, and describe each once, under a good name."""
        endpoints = list(endpoints)
        queries = [endpoint.query for endpoint in endpoints if endpoint.query is not NoQuery]
        answers = [answer.answer for endpoint in endpoints for answer in endpoint.answers]
        bodies = [endpoint.body for endpoint in endpoints if endpoint.body is not None]
        named = [member for kind in (*answers, *bodies) for member in members_of(kind)]
        kinds = list({_key(kind): kind for kind in (*named, *queries, *others) if kind is not None}.values())
        schemas, components = msgspec.json.schema_components(kinds, ref_template=SCHEMAS + "{name}")
        names = _good_names(components)
        for name, fields in _moments_of(kinds).items():
            _mark_moments(components.get(name, {}), fields)
        for name in _names_without_defaults(kinds):
            _leave_defaults_out(components.get(name, {}))
        told = [_told(schema, names) for schema in schemas]
        self._by_type: dict[Any, Json] = dict(zip(map(_key, kinds), told, strict=True))
        self._components = {names[name]: _told(schema, names) for name, schema in components.items()}
        self._queries = {self.of(query)["$ref"].rpartition("/")[2] for query in queries}

    @property
    def components(self) -> Json:
        """Give what stands under a name; a query is told as parameters instead."""
        return {
            name: {"title": name, **schema}
            for name, schema in self._components.items()
            if name not in self._queries
        }

    def of(self, kind: Any) -> Json:
        """Give the schema of a type; a union is any of its members."""
        return self.of_any(members_of(kind))

    def of_any(self, kinds: Sequence[Any]) -> Json:
        """Give the schema of what is of any of these types."""
        schemas = [self._by_type[_key(kind)] for kind in kinds]
        return schemas[0] if len(schemas) == 1 else {"anyOf": schemas}

    def parameters(self, kind: Any) -> list[Json]:
        """Give a query type's fields as parameters."""
        if kind is NoQuery:
            return []
        component = self._components[self.of(kind)["$ref"].rpartition("/")[2]]
        required = component.get("required", [])
        return [
            {"name": name, "in": "query", "required": name in required, "schema": _of_query(field)}
            for name, field in component["properties"].items()
        ]


def _key(kind: Any) -> Any:
    return kind if isinstance(kind, type) else repr(kind)


def members_of(kind: Any) -> tuple[Any, ...]:
    """Give the types that a union is of; one that is no union, alone."""
    if typing.get_origin(kind) in (types.UnionType, typing.Union):
        return typing.get_args(kind)
    return (kind,)


# --------------------------------------------------------------------------- names


def _good_names(components: Iterable[str]) -> dict[str, str]:
    """Name `Listing_VoucherAnswer_` `VoucherAnswerListing`, and `chalicelib.<x>.routes.Y` `XY`."""
    names: dict[str, str] = {}
    used: set[str] = set()
    for name in sorted(components):
        short = _short(name)
        number = 2
        good = short
        while good in used:
            good, number = f"{short}{number}", number + 1
        used.add(good)
        names[name] = good
    return names


def _short(name: str) -> str:
    generic = re.fullmatch(r"(?:[\w.]*\.)?(\w+?)[_\[](.+)[_\]]", name)
    if generic is not None:
        return _short(generic[2]) + _short(generic[1])
    parts = name.split(".")
    step = parts[1] if parts[0] == "chalicelib" and len(parts) > 2 else ""  # noqa: PLR2004 - a step's module
    return step.capitalize() + re.sub(r"\W", "", parts[-1])


# --------------------------------------------------------------------------- the form that tools understand


def _moments_of(kinds: Sequence[Any]) -> dict[str, set[str]]:
    """Name the fields of structs that are moments; msgspec calls them a text, as one may have no offset."""
    moments: dict[str, set[str]] = defaultdict(set)
    for struct in _structs_in(kinds):
        fields = {field.encode_name for field in struct.fields if _is_moment(field.type)}
        plain = _plain_name(struct.cls)
        moments[plain] |= fields
        moments[f"{struct.cls.__module__}.{plain}"] |= fields
    return moments


def has_field(kind: Any, name: str) -> bool:
    """Tell whether a type, or one within it, has a field of this name."""
    return any(field.encode_name == name for struct in _structs_in([kind]) for field in struct.fields)


def has_text(kind: Any, name: str) -> bool:
    """Tell whether a type, or one within it, has a text of this name, which may be left out."""
    return any(
        isinstance(part, inspect.StrType)
        for struct in _structs_in([kind])
        for field in struct.fields
        if field.encode_name == name
        for part in getattr(field.type, "types", (field.type,))
    )


def _structs_in(kinds: Sequence[Any]) -> Iterator[inspect.StructType]:
    waiting: list[Any] = list(inspect.multi_type_info(kinds))
    seen: set[int] = set()
    while waiting:
        kind = waiting.pop()
        if id(kind) in seen:
            continue
        seen.add(id(kind))
        if isinstance(kind, inspect.StructType):
            yield kind
            waiting += [field.type for field in kind.fields]
        waiting += [getattr(kind, part) for part in ("item_type", "value_type") if hasattr(kind, part)]
        waiting += getattr(kind, "types", ())


def _plain_name(kind: type) -> str:
    return re.sub(r"[^a-zA-Z0-9.\-_]", "_", getattr(kind, "__qualname__", kind.__name__))


def _is_moment(kind: inspect.Type) -> bool:
    members = kind.types if isinstance(kind, inspect.UnionType) else (kind,)
    return any(isinstance(member, inspect.DateTimeType) for member in members)


def _mark_moments(component: Json, fields: set[str]) -> None:
    for name, field in component.get("properties", {}).items():
        if name in fields:
            for part in field.get("anyOf", [field]):
                if part.get("type") == "string":
                    part.setdefault("format", "date-time")


def _names_without_defaults(kinds: Sequence[Any]) -> set[str]:
    """Name the structs whose usual numbers are nobody's business: the document is public."""
    secretive = [
        struct.cls for struct in _structs_in(kinds) if not getattr(struct.cls, "defaults_told", True)
    ]
    plain = {_plain_name(cls) for cls in secretive}
    return plain | {f"{cls.__module__}.{_plain_name(cls)}" for cls in secretive}


def _leave_defaults_out(component: Json) -> None:
    for field in component.get("properties", {}).values():
        field.pop("default", None)


_TYPES_OF_MEMBERS: Mapping[type, str] = {str: "string", int: "integer", bool: "boolean", float: "number"}


def _told(schema: Any, names: Mapping[str, str]) -> Any:
    if isinstance(schema, list):
        return [_told(part, names) for part in schema]
    if not isinstance(schema, dict):
        return schema
    if schema.get("format") == "decimal":
        return _number(schema)
    told = {key: _told(value, names) for key, value in schema.items() if not _says_nothing(key, value)}
    if isinstance(schema.get("$ref"), str):
        told["$ref"] = SCHEMAS + names[schema["$ref"].removeprefix(SCHEMAS)]
    if isinstance(schema.get("enum"), list) and "type" not in schema:
        kinds = {_TYPES_OF_MEMBERS[type(member)] for member in schema["enum"]}
        told = {"type": kinds.pop(), **told} if len(kinds) == 1 else told
    return told


def _says_nothing(key: str, value: Any) -> bool:
    """Tell whether a part of a schema only misleads: absent by default means no more than not required.

    What is an object by default has the defaults of its own fields.
    """
    if key == "default":
        return value is None or isinstance(value, dict)
    return key == "title" and isinstance(value, str)


def _number(schema: Json) -> Json:
    """Describe a decimal as the number that is sent, and read; msgspec calls it a text."""
    facts = {name: value for name, value in schema.items() if name != "format"}
    default = {"default": float(schema["default"])} if "default" in schema else {}
    return {**facts, "type": "number", **default}


def _of_query(field: Json) -> Json:
    """Describe a parameter: null is its absence, and one without a value is refused."""
    schema = _without_null(field)
    plain_text = schema.get("type") == "string" and not schema.keys() & {
        "enum",
        "format",
        "pattern",
        "minLength",
    }
    return {**schema, "minLength": 1} if plain_text else schema


def _without_null(field: Json) -> Json:
    """Leave null out: a parameter that is not given is absent."""
    kinds = [kind for kind in field.get("anyOf", []) if kind != {"type": "null"}]
    if len(kinds) != 1:
        return field
    rest = {key: value for key, value in field.items() if key not in ("anyOf", "default")}
    return {**kinds[0], **rest}
