"""The published contract as data: every operation of `GET /openapi.json`, with bodies made from its schemas."""

import re
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_SAMPLES = {
    r"^[0-9a-fA-F]{64}$": "0" * 64,
    r"^[0-9a-f]{64}$": "0" * 64,
    r"^\d-\d{2}-\d{2}-\d{2}$": "4-01-06-02",
    r"^\d{4}$": "2022",
    r"^#[0-9A-Fa-f]{6}$": "#C8102E",
}
_FORMATS = {"date-time": "2026-07-01T09:00:00+08:00", "date": "2026-07-01"}
_UNKNOWN = {
    "division": "3401",
    "year": "2026",
    "uscc": "91350100M000100Y43",
    "message_id": "msg_aaaaaaaaaaaaaaaaaaaaaaaa-vch1",
    "line_id": "lin_aaaaaaaaaaaaaaaaaaaaaaaa-01",
    "lesson_id": "les_aaaaaaaaaaaaaaaaaaaaaaaa-01",
}
_PREFIXES = {
    "account_id": "acc",
    "batch_id": "bat",
    "claim_id": "clm",
    "class_id": "cls",
    "enrolment_id": "enr",
    "import_id": "imp",
    "objection_id": "obj",
    "program_id": "prg",
    "project_id": "prj",
    "voucher_id": "vch",
}


@dataclass(frozen=True)
class Operation:
    """One operation of the service."""

    method: str
    path: str
    roles: frozenset[str]
    public: bool
    body: Json | None
    query: dict[str, Json]
    required_query: frozenset[str]
    sheet: bool
    schemas: Json

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def parameters(self) -> list[str]:
        return re.findall(r"{(\w+)}", self.path)

    def at(self, **values: str) -> str:
        """Fill the path: an id that nobody has, unless another is given."""
        path = self.path
        for name in self.parameters:
            path = path.replace("{" + name + "}", values.get(name, unknown_id(name)))
        return path

    def resolved(self, schema: Json) -> Json:
        """Follow references, and take the part of a union that is not null."""
        while True:
            if "$ref" in schema:
                schema = self.schemas[schema["$ref"].rpartition("/")[2]]
            elif "anyOf" in schema or "oneOf" in schema:
                kinds = schema.get("anyOf") or schema["oneOf"]
                schema = next(one for one in kinds if one != {"type": "null"})
            else:
                return schema

    @property
    def properties(self) -> dict[str, Json]:
        return {} if self.body is None else dict(self.resolved(self.body).get("properties", {}))

    @property
    def required(self) -> list[str]:
        return [] if self.body is None else list(self.resolved(self.body).get("required", []))

    def sound_query(self) -> dict[str, str]:
        """Give the parameters that have to be there."""
        return {name: str(self.sample(self.query[name])) for name in self.required_query}

    def sound_body(self) -> Json:
        """Make a body that the schema allows: every property, with a small value."""
        return {} if self.body is None else self.sample(self.body)

    def sample(self, schema: Json) -> Any:
        schema = self.resolved(schema)
        if "const" in schema or "enum" in schema:
            return schema.get("const", schema.get("enum", [None])[0])
        kind = schema.get("type")
        if kind == "object":
            return {name: self.sample(one) for name, one in schema.get("properties", {}).items()}
        if kind == "array":
            return [self.sample(schema["items"])] if schema.get("minItems") else []
        if kind == "string":
            return self._text(schema)
        return False if kind == "boolean" else max(schema.get("minimum", 1), 1)

    @staticmethod
    def _text(schema: Json) -> str:
        if schema.get("format") in _FORMATS:
            return _FORMATS[schema["format"]]
        pattern = str(schema.get("pattern", "")).removesuffix(r"(?!\n)")
        if pattern in _SAMPLES:
            return _SAMPLES[pattern]
        return ("sample-text-" * 10)[: max(schema.get("minLength", 1), min(10, schema.get("maxLength", 10)))]

    def kinds(self, schema: Json) -> set[str]:
        """Give the JSON types that a property may have."""
        if "$ref" in schema:
            return self.kinds(self.resolved(schema))
        if "anyOf" in schema or "oneOf" in schema:
            return set().union(*(self.kinds(one) for one in schema.get("anyOf") or schema["oneOf"]))
        if "type" not in schema and "enum" in schema:
            return {"string"}
        return {schema["type"]} if "type" in schema else {"object"}


def unknown_id(name: str) -> str:
    """Give a well-formed id that nobody has."""
    return _UNKNOWN.get(name) or f"{_PREFIXES.get(name, 'xxx')}_aaaaaaaaaaaaaaaaaaaaaaaa"


def operations_of(document: Json) -> list[Operation]:
    found = []
    for path, methods in document["paths"].items():
        for method, one in methods.items():
            content = one.get("requestBody", {}).get("content", {})
            query = {p["name"]: p for p in one["parameters"] if p.get("in") == "query"}
            found.append(
                Operation(
                    method=method.upper(),
                    path=path,
                    roles=frozenset(
                        role for role, reach in one.get("x-roles", {}).items() if reach != "software"
                    ),
                    public={} in (one.get("security") or [{}]),
                    body=content.get("application/json", {}).get("schema"),
                    query={name: p["schema"] for name, p in query.items()},
                    required_query=frozenset(name for name, p in query.items() if p.get("required")),
                    sheet=XLSX in content,
                    schemas=document["components"]["schemas"],
                )
            )
    return found
