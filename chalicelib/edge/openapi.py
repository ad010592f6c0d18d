"""The OpenAPI 3.1 document, made from the same declarations and types that parse the requests."""

import re
import types
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec

from chalicelib.edge.endpoints import ENDPOINTS, JSON, PUBLIC, Endpoint, NoQuery
from chalicelib.edge.problems import INTERNAL_ERROR, PROBLEM_JSON, STATUS_OF, TITLES, Problem, status_of
from chalicelib.kernel.reasons import REASONS
from chalicelib.sheets.layouts import described

Json = dict[str, Any]
RolesOf = Callable[[str], Mapping[str, str]]
"""Given an action, tells each role that may and how far: the table of rights, without importing it."""

VERSION: Final = "1.0.0"
TITLE: Final = "职业培训券服务 Training-voucher service"
PLATFORM_ROLE: Final = "platform"
_COMPONENTS: Final = "#/components/"
_ALWAYS: Final = (400, 429, 500, 503)
_WITH_CALLER: Final = (401, 403, 404)
_WITH_BODY: Final = (409, 413, 415, 422)
_INTRODUCTION: Final = (
    "省级职业培训券服务接口：发放、领用、核销报名、开班、考勤、结业、补贴结算、数据回流、监督。\n\n"
    "Money is integer fen (`*_fen`), times are RFC 3339 with offset, dates are days of Asia/Shanghai. "
    "Unknown fields are refused. Lists are pages of `items` with an opaque `next`. A change sends the "
    "`version` it decided on. Errors are RFC 9457 problems with a stable `code`; sentences are Chinese, "
    "English with `Accept-Language: en`."
)


def document(roles_of: RolesOf) -> Json:
    """Describe every endpoint that is declared at this moment."""
    schemas, components = _schemas(ENDPOINTS)
    paths: Json = {}
    for endpoint in sorted(ENDPOINTS, key=lambda endpoint: (endpoint.path, endpoint.method)):
        operation = _operation(endpoint, schemas, roles_of)
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = operation
    used = {name: schema for name, schema in components.items() if name not in schemas.queries}
    return {
        "openapi": "3.1.0",
        "jsonSchemaDialect": "https://json-schema.org/draft/2020-12/schema",
        "info": {"title": TITLE, "version": VERSION, "description": _INTRODUCTION},
        "servers": [{"url": ".", "description": "where this document lies"}],
        "tags": [{"name": name} for name in sorted({_tag(endpoint.path) for endpoint in ENDPOINTS})],
        "paths": paths,
        "components": {
            "schemas": {**used, "Problem": _problem_schema()},
            "responses": {_response_name(status): _problem_response(status) for status in _statuses()},
            "parameters": _PARAMETERS,
            "securitySchemes": _SECURITY,
        },
    }


# --------------------------------------------------------------------------- operations


def _operation(endpoint: Endpoint, schemas: "_Schemas", roles_of: RolesOf) -> Json:
    public = endpoint.action == PUBLIC
    roles = {} if public else dict(roles_of(endpoint.action))
    operation: Json = {
        "operationId": _operation_id(endpoint),
        "summary": endpoint.summary,
        "tags": [_tag(endpoint.path)],
        "parameters": [
            *_path_parameters(endpoint.path),
            *schemas.parameters(endpoint.query),
            *[{"$ref": f"{_COMPONENTS}parameters/{name}"} for name in _headers_of(endpoint)],
        ],
        "responses": {
            **_successes(endpoint, schemas),
            **{
                str(status): {"$ref": f"{_COMPONENTS}responses/{_response_name(status)}"}
                for status in _refusals(endpoint)
            },
        },
        "security": _security_of(endpoint, roles),
    }
    if endpoint.layouts:
        operation["description"] = described(endpoint.layouts)
    if not public:
        operation["x-action"] = endpoint.action
        operation["x-roles"] = roles
    if endpoint.reads:
        operation["requestBody"] = _request_body(endpoint, schemas)
    return operation


def _operation_id(endpoint: Endpoint) -> str:
    return re.sub(r"[^a-z0-9]+", "_", f"{endpoint.method} {endpoint.path}".lower()).strip("_")


def _tag(path: str) -> str:
    parts = [part for part in path.split("/") if part and not part.startswith("{")]
    return parts[1] if len(parts) > 1 and parts[0] == "v1" else "service"


def _path_parameters(path: str) -> list[Json]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"{(\w+)}", path)
    ]


def _headers_of(endpoint: Endpoint) -> tuple[str, ...]:
    keyed = endpoint.method == "POST" and endpoint.action != PUBLIC
    repeatable = ("IdempotencyKey",) if keyed else ()
    return (*repeatable, "AcceptLanguage", "LocalNow")


def _refusals(endpoint: Endpoint) -> list[int]:
    statuses = {*_ALWAYS, *endpoint.refuses}
    if endpoint.action != PUBLIC:
        statuses |= set(_WITH_CALLER)
    if "{" in endpoint.path:
        statuses.add(404)
    if endpoint.reads:
        statuses |= set(_WITH_BODY)
    return sorted(statuses)


def _security_of(endpoint: Endpoint, roles: Mapping[str, str]) -> list[Json]:
    """Name the proofs an endpoint takes: none of a public one, unless it shows more to who brings a token."""
    if endpoint.action != PUBLIC:
        return _security(roles)
    return [{}, {"bearer": []}] if endpoint.knows_caller else []


def _security(roles: Mapping[str, str]) -> list[Json]:
    schemes: list[Json] = []
    if any(role != PLATFORM_ROLE for role in roles):
        schemes.append({"bearer": []})
    if PLATFORM_ROLE in roles:
        schemes.append({"messageSignature": []})
    return schemes


def _successes(endpoint: Endpoint, schemas: "_Schemas") -> Json:
    """Describe every kind of answer, by status and content type; of several JSON ones it is any of them."""
    by_status: dict[int, dict[str, list[Any]]] = {}
    for answer in endpoint.answers:
        by_type = by_status.setdefault(answer.status_code, {})
        kinds = by_type.setdefault(answer.content_type.partition(";")[0], [])
        kinds += [kind for kind in _members(answer.answer) if kind not in kinds]
    return {
        str(status): {
            "description": endpoint.summary,
            "headers": {"X-Request-Id": {"schema": {"type": "string"}}},
            "content": {name: {"schema": schemas.of_any(kinds)} for name, kinds in by_type.items()},
        }
        for status, by_type in by_status.items()
    }


def _request_body(endpoint: Endpoint, schemas: "_Schemas") -> Json:
    content = {kind: {"schema": schemas.of(endpoint.body)} if kind == JSON else {} for kind in endpoint.reads}
    return {"required": True, "content": content}


# --------------------------------------------------------------------------- schemas


class _Schemas:
    """The schema of every type the endpoints name; query types become parameters."""

    def __init__(self, types_: Sequence[Any], schemas: Sequence[Json], components: Json) -> None:
        self._by_type: dict[Any, Json] = dict(zip(map(_key, types_), schemas, strict=True))
        self.components = components
        self.queries: set[str] = set()

    def of(self, kind: Any) -> Json:
        """Give the schema of a type; a union is any of its members."""
        return self.of_any(_members(kind))

    def of_any(self, kinds: Sequence[Any]) -> Json:
        """Give the schema of what is of any of these types."""
        schemas = [self._by_type[_key(kind)] for kind in kinds]
        return schemas[0] if len(schemas) == 1 else {"anyOf": schemas}

    def parameters(self, kind: Any) -> list[Json]:
        """Give a query type's fields as parameters."""
        if kind is NoQuery:
            return []
        schema = self._by_type[_key(kind)]
        component = self.components[schema["$ref"].rpartition("/")[2]]
        required = component.get("required", [])
        return [
            {"name": name, "in": "query", "required": name in required, "schema": _without_null(field)}
            for name, field in component["properties"].items()
        ]


def _schemas(endpoints: Iterable[Endpoint]) -> tuple[_Schemas, Json]:
    endpoints = list(endpoints)
    queries = [endpoint.query for endpoint in endpoints if endpoint.query is not NoQuery]
    answers = [answer.answer for endpoint in endpoints for answer in endpoint.answers]
    bodies = [endpoint.body for endpoint in endpoints if endpoint.body is not None]
    named = [member for kind in (*answers, *bodies) for member in _members(kind)]
    kinds = list({_key(kind): kind for kind in (*named, *queries) if kind is not None}.values())
    schemas, components = msgspec.json.schema_components(kinds, ref_template=f"{_COMPONENTS}schemas/{{name}}")
    names = _good_names(components)
    by_kind = _Schemas(
        kinds,
        [_renamed(schema, names) for schema in schemas],
        {names[name]: _renamed(schema, names) for name, schema in components.items()},
    )
    for query in queries:
        by_kind.queries.add(by_kind.of(query)["$ref"].rpartition("/")[2])
    return by_kind, by_kind.components


def _key(kind: Any) -> Any:
    return kind if isinstance(kind, type) else repr(kind)


def _members(kind: Any) -> tuple[Any, ...]:
    if typing.get_origin(kind) in (types.UnionType, typing.Union):
        return typing.get_args(kind)
    return (kind,)


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


def _renamed(schema: Any, names: Mapping[str, str]) -> Any:
    if isinstance(schema, dict) and schema.get("format") == "decimal":
        return _number(schema)
    if isinstance(schema, dict):
        return {
            key: _COMPONENTS + "schemas/" + names[str(value).rpartition("schemas/")[2]]
            if key == "$ref"
            else _renamed(value, names)
            for key, value in schema.items()
        }
    return [_renamed(part, names) for part in schema] if isinstance(schema, list) else schema


def _number(schema: Json) -> Json:
    """Describe a decimal as the number that is sent, and read; msgspec calls it a text."""
    facts = {name: value for name, value in schema.items() if name != "format"}
    default = {"default": float(schema["default"])} if "default" in schema else {}
    return {**facts, "type": "number", **default}


def _without_null(field: Json) -> Json:
    """Leave null out: a parameter that is not given is absent."""
    kinds = [kind for kind in field.get("anyOf", []) if kind != {"type": "null"}]
    if len(kinds) != 1:
        return {key: value for key, value in field.items() if key != "default" or value is not None}
    rest = {key: value for key, value in field.items() if key not in ("anyOf", "default")}
    return {**kinds[0], **rest}


# --------------------------------------------------------------------------- problems


def _statuses() -> list[int]:
    return sorted({*STATUS_OF.values(), 500})


def _response_name(status: int) -> str:
    return f"Problem{status}"


def _codes(status: int) -> list[str]:
    if status == 500:  # noqa: PLR2004 - the one status no rule raises
        return [INTERNAL_ERROR]
    return sorted(code for code, reason in REASONS.items() if status_of(reason.kind) == status)


def _problem_schema() -> Json:
    schema = dict(msgspec.json.schema(Problem)["$defs"]["Problem"])
    fault = {
        "type": "object",
        "required": ["code", "detail"],
        "properties": {
            "field": {"type": "string"},
            "row": {"type": "integer", "description": "the sheet's line number"},
            "column": {"type": "string", "description": "the header as uploaded"},
            "code": {"type": "string"},
            "detail": {"type": "string"},
        },
    }
    schema["properties"] = {
        **schema["properties"],
        "code": {"type": "string", "enum": sorted([*REASONS, INTERNAL_ERROR])},
        "errors": {"type": "array", "items": fault, "description": "every mistake, not the first"},
    }
    return schema


def _problem_response(status: int) -> Json:
    zh, en = TITLES[status]
    narrowed = {
        "type": "object",
        "properties": {"code": {"enum": _codes(status)}, "status": {"const": status}},
    }
    schema = {"allOf": [{"$ref": f"{_COMPONENTS}schemas/Problem"}, narrowed]}
    response: Json = {"description": f"{zh} {en}", "content": {PROBLEM_JSON: {"schema": schema}}}
    if status in (409, 429, 503):  # of the first only `in_progress` says so
        response["headers"] = {"Retry-After": {"schema": {"type": "integer", "minimum": 0}}}
    return response


_PARAMETERS: Final[Json] = {
    "IdempotencyKey": {
        "name": "Idempotency-Key",
        "in": "header",
        "required": False,
        "description": "Same caller, path, query, key and body: one effect and the first answer, also where "
        "that was lost. A parameter left out is another query than its default written out. "
        "Other body: 422. While the first call runs: 409 `in_progress` with `Retry-After`.",
        "schema": {"type": "string", "minLength": 1, "maxLength": 64, "pattern": "^[ -~]+$"},
    },
    "AcceptLanguage": {
        "name": "Accept-Language",
        "in": "header",
        "required": False,
        "description": "`en` gives English sentences; Chinese otherwise.",
        "schema": {"type": "string"},
    },
    "LocalNow": {
        "name": "X-Local-Now",
        "in": "header",
        "required": False,
        "description": "Local stage only: the time that this request believes in.",
        "schema": {"type": "string", "format": "date-time"},
    },
}

_SECURITY: Final[Json] = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "An access token of `POST /v1/auth/tokens`.",
    },
    "messageSignature": {
        "type": "apiKey",
        "in": "header",
        "name": "X-Message-Signature",
        "description": (
            "A JWT (ES256) of the national platform: iss national-platform, aud voucher-service, jti, exp "
            "at most 300 s after iat, body_sha256 = hex SHA-256 of the exact body. Our own messages carry "
            "the same header (Ed25519, iss voucher-service, aud national-platform); their public keys are "
            "at GET /v1/exchange/keys."
        ),
    },
}
