"""The OpenAPI 3.1 document, made from the same declarations and types that parse the requests.

It is written for the tools of those who integrate: generators of clients, linters, testers. What some of them
need beyond the standard stands in `describing`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from chalicelib.edge.answers import leaving
from chalicelib.edge.describing import codes, examples, offers, webhooks, words
from chalicelib.edge.describing.links import Links
from chalicelib.edge.describing.refusals import Problems, is_keyed
from chalicelib.edge.describing.schemas import Schemas, members_of
from chalicelib.edge.endpoints import ENDPOINTS, FIELDS, JSON, PUBLIC, Endpoint
from chalicelib.sheets.layouts import described

Json = dict[str, Any]
RolesOf = Callable[[str], Mapping[str, str]]
"""Given an action, tells each role that may and how far: the table of rights, without importing it."""


@dataclass(frozen=True)
class Known:
    """What later steps know: who may do what, what programs can be given, and what they are told of."""

    roles_of: RolesOf
    is_softwares: Callable[[str], bool]
    """Whether some program can be given an action, or has it as a program."""
    names_person: Callable[[str], bool]
    """Whether a program that does it names the person it does it for."""
    told: webhooks.Told


_OK: Final = 200
VERSION: Final = "1.1.0"
TITLE: Final = "职业培训券服务 Training-voucher service"
PLATFORM_ROLE: Final = "platform"
_COMPONENTS: Final = "#/components/"
_INTRODUCTION: Final = (
    "省级职业培训券服务接口：发放、领用、核销报名、开班、考勤、结业、补贴结算、数据回流、监督。\n\n"
    "Money is integer fen (`*_fen`), times are RFC 3339 with offset, dates are days of Asia/Shanghai. "
    "Unknown fields are refused. Lists are pages of `items` with an opaque `next`. A change sends the "
    "`version` it decided on. Errors are RFC 9457 problems with a stable `code`; sentences are Chinese, "
    "English with `Accept-Language: en`. Later versions add codes, members of enumerations, fields of "
    "answers and events: treat an unknown code by its status, ignore unknown fields."
)
_SERVERS: Final[list[Json]] = [
    {
        "url": "https://{host}",
        "description": "本省部署的服务地址。Where a province runs the service.",
        "variables": {
            "host": {
                "default": "vouchers.invalid",
                "description": "域名，须换成实际的，如 vouchers.example.gov.cn。"
                "Its domain, to be replaced by the real one, such as vouchers.example.gov.cn.",
            }
        },
    }
]
"""Of the document as a file; the running service puts its own address in its place."""


@dataclass(frozen=True)
class _Parts:
    """What the operations of a document share."""

    known: Known
    schemas: Schemas
    problems: Problems
    links: Links
    headers: Json


class NameTwice(RuntimeError):
    """Two views have one name: clients call an operation by it."""


def document(known: Known, *, time_travel: bool = False) -> Json:
    """Describe every endpoint that is declared at this moment.

    `time_travel` tells of the header that only the local stage believes.

    Raises:
        NameTwice: the name of an operation is not unique.

    """
    endpoints = sorted(ENDPOINTS, key=lambda endpoint: (endpoint.path, endpoint.method))
    _refuse_names_twice(endpoints)
    roles = {one.name: known.roles_of(one.action) for one in endpoints if one.action != PUBLIC}
    parts = _Parts(
        known=known,
        schemas=Schemas(endpoints, [known.told.message]),
        problems=Problems(endpoints),
        links=Links(endpoints, roles),
        headers={name: told for name, told in _HEADERS.items() if time_travel or name != "LocalNow"},
    )
    paths: Json = {}
    for endpoint in endpoints:
        operation = _operation(endpoint, parts)
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = operation
    components = {
        name: codes.named(name, webhooks.named(name, offers.told(name, words.described(name, schema))))
        for name, schema in {
            **parts.schemas.components,
            **webhooks.components(known.told),
            **codes.components(),
            **parts.problems.components,
        }.items()
    }
    return {
        "openapi": "3.1.0",
        "jsonSchemaDialect": "https://json-schema.org/draft/2020-12/schema",
        "info": {
            "title": TITLE,
            "version": VERSION,
            "description": _INTRODUCTION,
            "contact": {"name": "省级人力资源和社会保障部门 The province's human-resources bureau"},
        },
        "servers": _SERVERS,
        "tags": [
            {"name": name, "description": words.of_tag(name)}
            for name in sorted({webhooks.TAG, *(tag_of(endpoint.path) for endpoint in endpoints)})
        ],
        "paths": paths,
        "webhooks": webhooks.paths(known.told),
        "components": {
            "schemas": components,
            "parameters": parts.headers,
            "headers": _ANSWER_HEADERS | (_LEAVING if any(one.leaves for one in endpoints) else {}),
            "links": dict(sorted(parts.links.components.items())),
            "securitySchemes": _SECURITY,
            "pathItems": webhooks.path_items(known.told, parts.schemas),
        },
    }


def at(document_: Json, address: str) -> Json:
    """Give the document with the address of the service that serves it, e.g. `https://host/stage`."""
    return {**document_, "servers": [{"url": address, "description": "本服务。This service."}]}


def _refuse_names_twice(endpoints: list[Endpoint]) -> None:
    names = [endpoint.name for endpoint in endpoints]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise NameTwice(", ".join(twice))


# --------------------------------------------------------------------------- operations


def _operation(endpoint: Endpoint, parts: _Parts) -> Json:
    public = endpoint.action == PUBLIC
    roles = {} if public else dict(parts.known.roles_of(endpoint.action))
    operation: Json = {
        "operationId": endpoint.name,
        "summary": endpoint.summary,
        "description": _description(endpoint, roles),
        "tags": [tag_of(endpoint.path)],
        "parameters": [
            *words.path_parameters(endpoint.path, endpoint.name),
            *[
                words.parameter(parameter, endpoint.name)
                for parameter in parts.schemas.parameters(endpoint.query)
            ],
            *[
                {"$ref": f"{_COMPONENTS}parameters/{name}"}
                for name in _headers_of(endpoint, parts.known)
                if name in parts.headers
            ],
        ],
        "responses": {
            **_successes(endpoint, parts),
            **(_UNCHANGED if endpoint.is_kept else {}),
            **parts.problems.responses_of(endpoint),
        },
        "security": _security_of(endpoint, roles),
    }
    if endpoint.leaves is not None:
        operation["deprecated"] = True
    if not public:
        operation["x-action"] = endpoint.action
        operation["x-roles"] = roles
        operation["x-software"] = parts.known.is_softwares(endpoint.action)
    if endpoint.reads:
        operation["requestBody"] = _request_body(endpoint, parts.schemas)
    return operation


def _description(endpoint: Endpoint, roles: Mapping[str, str]) -> str:
    sheets = described(endpoint.layouts) if endpoint.layouts else ""
    return words.of_operation(endpoint.name, roles, sheets, leaves=endpoint.leaves)


def tag_of(path: str) -> str:
    """Group a path with those that begin alike."""
    parts = [part for part in path.split("/") if part and not part.startswith("{")]
    return parts[1] if len(parts) > 1 and parts[0] == "v1" else "service"


def _headers_of(endpoint: Endpoint, known: Known) -> tuple[str, ...]:
    repeatable = ("IdempotencyKey",) if is_keyed(endpoint) else ()
    changes = endpoint.method != "GET" and endpoint.action != PUBLIC
    named = ("OnBehalfOf",) if changes and known.names_person(endpoint.action) else ()
    phone = ("DeviceId",) if endpoint.names_device else ()
    kept = ("IfNoneMatch",) if endpoint.is_kept else ()
    return (*repeatable, *named, *phone, *kept, "AcceptLanguage", "LocalNow")


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


def _successes(endpoint: Endpoint, parts: _Parts) -> Json:
    """Describe every kind of answer, by status and content type; of several JSON ones it is any of them."""
    by_status: dict[int, dict[str, list[Any]]] = {}
    for answer in endpoint.answers:
        by_type = by_status.setdefault(answer.status_code, {})
        kinds = by_type.setdefault(answer.content_type.partition(";")[0], [])
        kinds += [kind for kind in members_of(answer.answer) if kind not in kinds]
    tagged = _OK if endpoint.is_kept else None
    leads = {answer.status_code: parts.links.of(endpoint, answer.answer) for answer in endpoint.answers[::-1]}
    return {
        str(status): {
            "description": endpoint.summary,
            "headers": {
                name: {"$ref": f"{_COMPONENTS}headers/{name.replace('-', '')}"}
                for name in ("X-Request-Id", *(("ETag",) if tagged == status else ()), *leaving(endpoint))
            },
            **({"links": leads[status]} if leads[status] else {}),
            "content": {
                name: {
                    "schema": parts.schemas.of_any(kinds),
                    **examples.of_answer(endpoint.name, status, name),
                }
                for name, kinds in by_type.items()
            },
        }
        for status, by_type in by_status.items()
    }


def _request_body(endpoint: Endpoint, schemas: Schemas) -> Json:
    content = {
        kind: {
            "schema": schemas.of(endpoint.body) if kind in (JSON, FIELDS) else dict(_SHEET),
            **examples.of_request(endpoint.name, kind),
        }
        for kind in endpoint.reads
    }
    return {"required": True, "content": content}


_UNCHANGED: Final[Json] = {
    "304": {
        "description": "未变化。It has not changed.",
        "headers": {
            "ETag": {"$ref": f"{_COMPONENTS}headers/ETag"},
            "X-Request-Id": {"$ref": f"{_COMPONENTS}headers/XRequestId"},
        },
    }
}

_SHEET: Final[Json] = {
    "type": "string",
    "format": "binary",
    "description": "表格文件的字节，不超过 4.5 MB。The sheet's bytes, 4.5 MB at most.",
}

# --------------------------------------------------------------------------- headers and proofs

_HEADERS: Final[Json] = {
    "IdempotencyKey": {
        "name": "Idempotency-Key",
        "in": "header",
        "required": False,
        "description": "同一调用者、路径、查询参数、键和正文：只办一次，一日内回答照旧（回答丢失时亦同）；"
        "不写的参数与写出默认值不同。正文不同得 422；前一次正在办理时得 409 in_progress 和 Retry-After。"
        "被拒绝的不保存：再次发送重新判断。 "
        "Same caller, path, query, key and body: one effect and for a day the first answer, also where "
        "that was lost. A parameter left out is another query than its default written out. "
        "Other body: 422. While the first call runs: 409 `in_progress` with `Retry-After`. A refusal is not "
        "kept: what is sent again is judged anew.",
        "schema": {"type": "string", "minLength": 1, "maxLength": 64, "pattern": "^[ -~]+$"},
        "example": "order-20261208-0001",
    },
    "OnBehalfOf": {
        "name": "X-On-Behalf-Of",
        "in": "header",
        "required": False,
        "description": "仅用于软件凭据，且必填：经办人（本机构工作人员）登录用的账号名，不是 acc_ 编号；"
        "与软件一并记入审计。Of programs only, which have to: for whom it is done, one of the "
        "institution's staff, by the name they sign in with, not an id (acc_…); both are told to the audit.",
        "schema": {"type": "string", "minLength": 3, "maxLength": 64, "pattern": "^[A-Za-z0-9._@-]+$"},
        "example": "school-office",
    },
    "DeviceId": {
        "name": "X-Device-Id",
        "in": "header",
        "required": False,
        "description": "领用时绑定的手机标识。The phone that the voucher was bound to when it was claimed.",
        "schema": {"type": "string", "minLength": 1, "maxLength": 64, "pattern": r"^[\x21-\x7e]+$"},
        "example": "phone-7f3a",
    },
    "IfNoneMatch": {
        "name": "If-None-Match",
        "in": "header",
        "required": False,
        "description": "上次回答的 ETag，未变化得 304。The `ETag` of an earlier answer; 304 if unchanged.",
        "schema": {"type": "string"},
        "example": '"2c26b46b68ffc68ff99b453c1d304134"',
    },
    "AcceptLanguage": {
        "name": "Accept-Language",
        "in": "header",
        "required": False,
        "description": "en 给出英文说明，否则为中文。`en` gives English sentences; Chinese otherwise.",
        "schema": {"type": "string"},
        "example": "zh-CN",
    },
    "LocalNow": {
        "name": "X-Local-Now",
        "in": "header",
        "required": False,
        "description": "Local stage only: the time that this request believes in, RFC 3339 with offset.",
        "schema": {
            "type": "string",
            "pattern": r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d+)?)?([+-]\d{2}:\d{2}|Z)$",
        },
        "example": "2026-09-01T09:00:00+08:00",
    },
}
"""Of requests. Not `date-time`: generators write no moment into a header."""

_ANSWER_HEADERS: Final[Json] = {
    "ETag": {
        "description": "回答的标签，供 If-None-Match 使用。The answer's tag, for If-None-Match.",
        "schema": {"type": "string"},
    },
    "XRequestId": {
        "description": "报障时请提供。Quote it when you report a failure.",
        "schema": {"type": "string"},
    },
    "RetryAfter": {
        "description": "多少秒后再试。After how many seconds to try again.",
        "schema": {"type": "integer", "minimum": 0},
    },
    "WWWAuthenticate": {
        "description": "如何证明身份（RFC 6750）。How to prove oneself.",
        "schema": {"type": "string"},
    },
}

_LEAVING: Final[Json] = {
    "Deprecation": {
        "description": "自何时起不宜再用（RFC 9745）。Since when nobody should begin to use it.",
        "schema": {"type": "string", "pattern": "^@[0-9]+$"},
    },
    "Sunset": {
        "description": "到何时停止服务（RFC 8594）。When it will answer no more.",
        "schema": {"type": "string"},
    },
    "Link": {
        "description": "说明停用的文档（RFC 8288）。Where the documentation tells what to call instead.",
        "schema": {"type": "string"},
    },
}
"""Of what is on its way out."""

_SECURITY: Final[Json] = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "An access token: a person's of `POST /v1/auth/tokens`, a program's of "
        "`POST /v1/auth/client-tokens` (operations with `x-software: true`).",
    },
    "messageSignature": {
        "type": "apiKey",
        "in": "header",
        "name": "X-Message-Signature",
        "description": (
            "A JWT (ES256) of the national platform: iss national-platform, aud voucher-service, jti, exp "
            "at most 300 s after iat, method and path of the call (POST, /v1/exchange/… below "
            "servers[0].url), query (an object of the parameters, decoded; {} without any), body_sha256 = "
            "hex SHA-256 of the exact body: it is good for that call alone, once. Our own messages carry "
            "the same header (Ed25519, iss voucher-service, aud national-platform); their public keys are "
            "at GET /v1/exchange/keys."
        ),
    },
}
