"""The browser pages: server-rendered shells, and the documentation read off the OpenAPI document."""

import functools
import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from chalicelib.accounts.access_tokens import ACCESS_SECONDS
from chalicelib.accounts.clients.model import GOOD_FOR, UNDECIDED_FOR, UNUSED_FOR
from chalicelib.accounts.clients.service import TOKEN_SECONDS
from chalicelib.accounts.rights import OF_SOFTWARE_ALONE, RIGHTS, may_be_some_softwares, names_person
from chalicelib.accounts.sign_in.attempts.model import SOURCE
from chalicelib.accounts.sign_in.model import UNHEARD_FOR
from chalicelib.accounts.sign_in.service import REFRESH_VALIDITY
from chalicelib.attendance.footage.model import FOOTAGE_BYTES_MAX
from chalicelib.aws.objects import LINK_SECONDS, UPLOAD_SECONDS
from chalicelib.aws.parted import PART_BYTES
from chalicelib.aws.settings import settings
from chalicelib.console.orders import ORDERS
from chalicelib.console.words import MARKS, STATUSES
from chalicelib.console.words import said as said_as
from chalicelib.edge import openapi
from chalicelib.edge.describing import webhooks, words
from chalicelib.edge.describing.codes import NAMES
from chalicelib.edge.describing.offers import OFFERED
from chalicelib.edge.describing.refusals import SHARED, said_once
from chalicelib.edge.endpoints import ENDPOINTS, FIELDS, JSON_BYTES_MAX, SHEET_BYTES_MAX
from chalicelib.edge.idempotency.service import KEPT_FOR
from chalicelib.edge.pace import PACES
from chalicelib.edge.problems import STATUS_OF
from chalicelib.exchange.model import GIVE_UP_AFTER, PAUSE_FIRST, PAUSE_MAX
from chalicelib.exchange.receivers import CALL_SECONDS, TIMEOUT_SECONDS
from chalicelib.exchange.webhooks.boxes import PAUSE_MAX as AWAY_PAUSE_MAX
from chalicelib.exchange.webhooks.boxes import STOP_AFTER
from chalicelib.exchange.webhooks.message import WebhookMessage
from chalicelib.exchange.webhooks.model import EVENTS, PING
from chalicelib.kernel.clocks import WRITING, Effect, clock_of
from chalicelib.kernel.reasons import IN_NO_ANSWER, REASONS, Place, places_of
from chalicelib.sheets.content_types import CSV, XLSX
from chalicelib.sheets.layouts import described
from chalicelib.subsidies.documents.model import DOCUMENT_BYTES_MAX, DOCUMENTS_MAX
from chalicelib.supervision.waiting.model import KINDS

_FOLDER = Path(__file__).parent
_CONTENT_TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8"}
STATIC = {path.name: path for path in sorted((_FOLDER / "static").iterdir()) if path.suffix in _CONTENT_TYPES}
SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Permissions-Policy": "geolocation=(self), camera=(), microphone=()",
    "X-Frame-Options": "DENY",
}

_TITLES = {
    "card": ("我的职业培训券", "My training vouchers"),
    "docs": ("职业培训券服务 · 接口说明", "Training-voucher service · API"),
}

_ROLES = (
    ("trainee", "持券人", "holder of a voucher"),
    ("institution", "承训机构人员", "staff of one training institution"),
    ("clerk", "经办", "first decision in a division"),
    ("reviewer", "复核", "second review in a division"),
    ("finance", "拨付", "budgets and payments of a division"),
    ("supervisor", "监督", "reads everything in a division"),
    ("province", "省厅", "programs, issuance, top accounts"),
    ("platform", "全国平台", "national platform"),
)

_CONVENTIONS = (
    (
        "金额是整数分（*_fen）；时间是带时区的 RFC 3339；日期为北京时间的日期。",
        "Money is integer fen (*_fen); times are RFC 3339 with offset; dates are days of Asia/Shanghai.",
    ),
    ("未知字段和未知查询参数一律拒绝（400）。", "Unknown fields and query parameters are refused (400)."),
    (
        "列表：{items, next}，用 limit（1–100，默认 50）和 cursor 翻页。",
        "Lists: {items, next}, with limit (1-100, default 50) and cursor.",
    ),
    (
        "cursor 只供取得它的登录身份使用（人员与其软件不通用），筛选条件须相同。",
        "A cursor is good for the caller who got it (a person is not its software), with the same filters.",
    ),
    (
        "状态变更用 POST …/动词，并带上所依据的 version；过期的 version 得到 409 version_conflict。",
        "Changes are POST …/verb with the version they decided on; a stale one gets 409 version_conflict.",
    ),
    ("allowed_actions 是当前调用者此刻可办理的事项。", "allowed_actions is what this caller may do now."),
    (
        "登录后的 POST 可带 Idempotency-Key：同地址、同键、同文只办一次，回答照旧；同键异文得到 422。",
        "A POST with a token may carry Idempotency-Key: same URL, key and body, one effect; other body, 422.",
    ),
    (
        "同键请求正在办理时得到 409 in_progress，请按 Retry-After 稍后再发。",
        "While it runs the same key gets 409 in_progress: send it again after Retry-After.",
    ),
    (
        "拒绝的先后：401 令牌、403 角色、400 格式、404 不存在或不在辖区、409/422 状态。",
        "Order of refusal: 401 token, 403 role, 400 form, 404 existence and area, 409/422 state.",
    ),
    (
        "错误按 RFC 9457，code 稳定；Accept-Language: en 给出英文说明。",
        "Errors are RFC 9457 with a stable code; Accept-Language: en gives English.",
    ),
    (
        (
            "格式错误的 400，code 为 malformed（缺坐标系的为 coord_system_missing）；errors[] 逐项列出 "
            "{code, field 或 row 和 column, detail}；其他涉及多处的拒绝也是。"
        ),
        (
            "A 400 for a form has code malformed (coord_system_missing if a place lacks it); errors[] names "
            "each mistake: {code, field or row and column, detail}. So does another refusal of many causes."
        ),
    ),
    (
        "以后的版本会增加 code、枚举值、回答字段和事件，均记入变更记录；不认识的字段和值请忽略。",
        "Later versions add codes, members of enumerations, fields and events: ignore those you do not know.",
    ),
    (
        "不认识的 code 请按 HTTP 状态处理；生成的客户端若拒绝枚举之外的 code，请放宽或重新生成。",
        "Treat an unknown code by its HTTP status; a generated client that refuses it has to be relaxed.",
    ),
    (
        "位置必须注明坐标系 coord_system：wgs84、gcj02 或 bd09。",
        "A location names its coord_system: wgs84, gcj02 or bd09.",
    ),
    (
        "登录：POST /v1/auth/tokens，之后带 Authorization: Bearer。",
        "Sign in with POST /v1/auth/tokens, then send Authorization: Bearer.",
    ),
)


def roles_of(action: str) -> dict[str, str]:
    """Tell each role that may do this and how far, as the table of rights has it."""
    return {role.value: scope.value for role, scope in RIGHTS[action].items()}


@functools.cache
def api_document() -> dict[str, Any]:
    """Give the OpenAPI document of the running program."""
    return made_document(time_travel=settings().allow_time_travel)


def made_document(*, time_travel: bool = False) -> dict[str, Any]:
    """Make the OpenAPI document of what is declared at this moment."""
    told = {name: (event.read, event.example) for name, event in EVENTS.items()}
    messages = webhooks.Told(WebhookMessage, told, PING)
    known = openapi.Known(roles_of, may_be_some_softwares, names_person, messages)
    return openapi.document(known, time_travel=time_travel)


def static_types() -> list[str]:
    """List the content types that static files have."""
    return sorted({_CONTENT_TYPES[path.suffix] for path in STATIC.values()})


@functools.cache
def static_file(name: str) -> tuple[str, str] | None:
    """Give a static file's text and content type; None if there is none of this name."""
    path = STATIC.get(name)
    return (path.read_text(encoding="utf-8"), _CONTENT_TYPES[path.suffix]) if path is not None else None


@functools.cache
def page(name: str, *, english: bool) -> str:
    """Render one of the pages."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: PLC0415 - only pages need it

    environment = Environment(
        loader=FileSystemLoader(_FOLDER / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
    )
    facts = _docs() if name == "docs" else {"glossary": glossary(english=english)}
    title = _TITLES[name][english]
    return environment.get_template(f"{name}.html").render(english=english, title=title, **facts)


_OF_THE_CARD = ("voucher", "class", "enrolment")


def glossary(*, english: bool) -> dict[str, dict[str, str]]:
    """Give the words that the card's script says states and marks in: those of the one glossary."""
    said = {
        machine: {name: said_as(pair, english=english) for name, pair in STATUSES[machine].items()}
        for machine in _OF_THE_CARD
    }
    return said | {"marks": {name: mark[2 if english else 1] for name, mark in MARKS.items()}}


# --------------------------------------------------------------------------- documentation


def _docs() -> dict[str, Any]:
    document = api_document()
    operations = list(_operations(document))
    tags = sorted({operation["tag"] for operation in operations})
    return {
        "conventions": _CONVENTIONS,
        "releases": words.releases(),
        "access_minutes": ACCESS_SECONDS // 60,
        "software_minutes": TOKEN_SECONDS // 60,
        "proposed_days": UNDECIDED_FOR.days,
        "unused_days": UNUSED_FOR.days,
        "good_days": GOOD_FOR.days,
        "refresh_hours": int(REFRESH_VALIDITY.total_seconds()) // 3600,
        "unheard_seconds": int(UNHEARD_FOR.total_seconds()),
        "link_minutes": LINK_SECONDS // 60,
        "upload_minutes": UPLOAD_SECONDS // 60,
        "footage_gib": FOOTAGE_BYTES_MAX // 1024**3,
        "part_mib": PART_BYTES // 1024**2,
        "document_mb": DOCUMENT_BYTES_MAX // 1_000_000,
        "documents_most": DOCUMENTS_MAX,
        "key_hours": int(KEPT_FOR.total_seconds()) // 3600,
        "source_failures": SOURCE.most,
        "orders": ORDERS,
        "shared": SHARED,
        "events": [
            {"name": name, "read": event.read, "means": words.of_event(name)}
            for name, event in EVENTS.items()
        ],
        "hooks": _HOOKS,
        "sheet_mb": SHEET_BYTES_MAX / 1_000_000,
        "json_mb": JSON_BYTES_MAX // 1_000_000,
        "paces": [(action, pace) for action, pace in PACES.items() if action in RIGHTS],
        "roles": [{"name": name, "zh": zh, "en": en, "actions": _actions(name)} for name, zh, en in _ROLES],
        "codes": [
            {
                "code": code,
                "status": STATUS_OF[reason.kind],
                "places": [(place.value, place.value) for place in places_of(code)] or [IN_NO_ANSWER[code]],
                "zh": reason.zh,
                "en": reason.en,
            }
            for code, reason in REASONS.items()
        ],
        "offered": list(_offered(operations)),
        "deadlines": list(_deadlines()),
        "types": _types(document),
        "groups": [
            {"tag": tag, "operations": [operation for operation in operations if operation["tag"] == tag]}
            for tag in tags
        ],
    }


_HOOKS = {
    "first": int(PAUSE_FIRST.total_seconds()),
    "most_hours": int(PAUSE_MAX.total_seconds()) // 3600,
    "away_hours": int(AWAY_PAUSE_MAX.total_seconds()) // 3600,
    "step_seconds": int(TIMEOUT_SECONDS),
    "call_seconds": int(CALL_SECONDS),
    "stop_days": STOP_AFTER.days,
    "give_up_days": GIVE_UP_AFTER.days,
}
"""What /docs tells of sending: the figures that it is done by."""


def _offered(operations: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Lay out each action of `allowed_actions` with the operation that does it."""
    places = {one["id"]: f"{one['method']} {one['path']}" for one in operations}
    for offered in OFFERED:
        for action, operation in offered.actions.items():
            kind = (offered.zh, offered.en)
            yield {"kind": kind, "action": action, "operation": operation, "place": places[operation]}


def _deadlines() -> Iterator[dict[str, Any]]:
    """Lay out what waits in a list of `GET /v1/waiting`: who acts, when it is late, overdue, closed."""
    for machine, states in KINDS.items():
        for state, kind in states.items():
            clock = clock_of(machine, state)
            ticks = {tick.effect: (tick.days, tick.working_days) for tick in clock.ticks if not tick.until}
            ends = next((span for effect, span in ticks.items() if effect in WRITING), None)
            yield {
                "kind": kind.value,
                "state": state,
                "acts": [role.value for role in clock.acts],
                "spans": [ticks.get(Effect.REMIND), ticks.get(Effect.LIST), ends],
            }


def _actions(role: str) -> list[tuple[str, str]]:
    peoples = [action for action in RIGHTS if action not in OF_SOFTWARE_ALONE]
    return [(action, scopes[role]) for action in peoples if role in (scopes := roles_of(action))]


def _operations(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    schemas = document["components"]["schemas"]
    endpoints = {one.name: one for one in ENDPOINTS}
    leaves = {one.name: words.of_leaving(one.leaves) for one in ENDPOINTS if one.leaves is not None}
    for path, item in document["paths"].items():
        for method, operation in item.items():
            content = operation.get("requestBody", {}).get("content", {})
            responses = operation["responses"]
            good = [status for status in responses if status.startswith("2")]
            shared = said_once(endpoints[operation["operationId"]])
            layouts = endpoints[operation["operationId"]].layouts
            sent = [(status, *kind) for status in good for kind in responses[status]["content"].items()]
            yield {
                "id": operation["operationId"],
                "tag": operation["tags"][0],
                "method": method.upper(),
                "path": path,
                "summary": operation["summary"],
                "zh": words.chinese_of(operation["operationId"]),
                "sheets": [
                    described(layouts, english=english) if layouts else "" for english in (False, True)
                ],
                "written": words.told().sheets.get(operation["operationId"]),
                "leaves": leaves.get(operation["operationId"]),
                "roles": list(operation.get("x-roles", {})),
                "action": operation.get("x-action"),
                "is_softwares": operation.get("x-action") in OF_SOFTWARE_ALONE,
                "status": ", ".join(good),
                "software": operation.get("x-software", False),
                "names_person": {"$ref": "#/components/parameters/OnBehalfOf"} in operation["parameters"],
                "errors": [
                    (status, own)
                    for status in responses
                    if status >= "4"
                    if (own := [code for code in _codes(responses[status], schemas) if code not in shared])
                ],
                "sheet": not content.keys().isdisjoint((XLSX, CSV)),
                "form": FIELDS in content,
                "query": [
                    {
                        "name": field["name"],
                        "type": _type(field["schema"]) + _default(field["schema"]),
                        "required": field["required"],
                        "leads": _leads_to(field["schema"], schemas),
                        "means": words.meaning_of_parameter(operation["operationId"], field["name"]),
                    }
                    for field in operation["parameters"]
                    if field.get("in") == "query"
                ],
                "body": _leads_to(content.get("application/json", {}).get("schema", {}), schemas),
                "answers": list(_answers(sent, schemas)),
                "has_examples": any(
                    "example" in media or "examples" in media
                    for media in (*content.values(), *(media for _, _, media in sent))
                ),
            }


def _codes(response: dict[str, Any], schemas: dict[str, Any]) -> list[str]:
    """List the codes of a problem answer."""
    schema = _resolved(next(iter(response["content"].values()))["schema"], schemas)
    return list(schema["properties"]["code"]["enum"])


def _answers(
    sent: Iterable[tuple[str, str, dict[str, Any]]], schemas: dict[str, Any]
) -> Iterator[dict[str, Any]]:
    """Lay out each kind of answer once: its statuses, its content type, its fields."""
    answers: dict[tuple[str, str], dict[str, Any]] = {}
    for status, kind, content in sent:
        for schema in content["schema"].get("anyOf", [content["schema"]]):
            answer = answers.setdefault((kind, repr(schema)), {"type": kind, "statuses": []})
            answer["statuses"].append(status)
            answer["leads"] = _leads_to(schema, schemas)
    yield from answers.values()


def _types(document: dict[str, Any]) -> list[dict[str, Any]]:
    """Lay out each type that bodies and answers hold, once: its fields, and where nested ones stand."""
    schemas = document["components"]["schemas"]
    wanted = [
        name
        for item in document["paths"].values()
        for operation in item.values()
        for content in (
            operation.get("requestBody", {}).get("content", {}),
            *(told["content"] for status, told in operation["responses"].items() if status.startswith("2")),
        )
        for media in content.values()
        for schema in media["schema"].get("anyOf", [media["schema"]])
        if (name := _leads_to(schema, schemas)) is not None
    ]
    wanted += [
        lead
        for item in document["paths"].values()
        for operation in item.values()
        for field in operation["parameters"]
        if "schema" in field and (lead := _leads_to(field["schema"], schemas)) is not None
    ]
    wanted += [WebhookMessage.__name__, NAMES[Place.FAULT][0]]
    found: dict[str, list[dict[str, Any]]] = {}
    while wanted:
        name = wanted.pop()
        if name not in found:
            found[name] = _rows({"$ref": f"#/components/schemas/{name}"}, schemas)
            wanted += [row["leads"] for row in found[name] if row["leads"] is not None]
    return [
        {
            "name": name,
            "fields": fields,
            "members": schemas[name].get("enum", ()),
            "means": words.meaning_of_type(name, schemas[name]),
        }
        for name, fields in sorted(found.items())
    ]


def _leads_to(field: dict[str, Any], schemas: dict[str, Any]) -> str | None:
    """Name the type with fields, or with members, that a field is of, or a list or a map of."""
    told = {"properties", "enum"}
    return next((name for name in _named_in(field) if schemas[name].keys() & told), None)


def _named_in(field: dict[str, Any]) -> Iterator[str]:
    """Give the names of the types that a field is of, or holds."""
    if "$ref" in field:
        yield field["$ref"].rpartition("/")[2]
    held = (field.get("items"), field.get("additionalProperties"), *field.get("anyOf", ()))
    for part in held:
        if isinstance(part, dict):
            yield from _named_in(part)


def _rows(schema: dict[str, Any], schemas: dict[str, Any]) -> list[dict[str, Any]]:
    """Lay out the fields of a schema, each with the type that it leads to."""
    resolved = _resolved(schema, schemas)
    rows: list[dict[str, Any]] = []
    for name, field in resolved.get("properties", {}).items():
        required = name in resolved.get("required", [])
        means = words.meaning(str(resolved.get("title")), name)
        leads = _leads_to(field, schemas)
        row = {
            "name": name,
            "type": _type(field) + _default(field),
            "required": required,
            "means": means,
            "leads": leads,
        }
        rows.append(row)
    return rows


def _default(field: dict[str, Any]) -> str:
    """Say what counts where a field is left out."""
    return f" = {json.dumps(field['default'])}" if field.get("default") not in (None, []) else ""


def _resolved(schema: dict[str, Any], schemas: dict[str, Any]) -> dict[str, Any]:
    if "anyOf" in schema:
        return _resolved(schema["anyOf"][0], schemas)
    if "$ref" in schema:
        return dict(schemas[schema["$ref"].rpartition("/")[2]])
    return schema


def _type(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        return str(schema["$ref"].rpartition("/")[2])
    if "anyOf" in schema:
        return " | ".join(_type(alternative) for alternative in schema["anyOf"])
    if "enum" in schema:
        return " | ".join(str(member) for member in schema["enum"])
    if schema.get("type") == "array":
        return f"[{_type(schema.get('items', {}))}]"
    bounds = {"minimum": "≥", "maximum": "≤", "minLength": "min", "maxLength": "max"}
    limits = [f"{sign} {schema[name]}" for name, sign in bounds.items() if name in schema]
    kind = str(schema.get("format") or schema.get("type") or "any")
    return f"{kind} ({', '.join(limits)})" if limits else kind
