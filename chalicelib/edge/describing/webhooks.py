"""What programs are told of by webhooks, as the document has it: one entry an event, all of one message.

Which events there are, a later step knows (`Told`); what each means stands with the other words.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from chalicelib.edge.describing import words
from chalicelib.edge.describing.schemas import SCHEMAS, Schemas

Json = dict[str, Any]
TAG: Final = "webhooks"
EVENT: Final = "WebhookEvent"
_NAMED_BY: Final = (("WebhookForm", "events"), ("WebhookMessage", "type"))
"""The fields that name events: of a type, and a list of them or one."""
_AT: Final = "2026-09-01T09:00:00+08:00"
_PROGRAM: Final = "cli_n5xr4tq2kcfa"


_TEXT: Final[Json] = {"type": "string"}
_HEADERS: Final[list[Json]] = [
    {
        "name": "webhook-id",
        "in": "header",
        "required": True,
        "description": "消息标识；重发不变，据此去重。The message's id, the same at each try.",
        "schema": _TEXT,
        "example": "msg_fkq3fd5nh7la-whk1",
    },
    {
        "name": "webhook-timestamp",
        "in": "header",
        "required": True,
        "description": "发送时刻，Unix 秒。When this try was sent, in seconds of Unix.",
        "schema": _TEXT,
        "example": "1788224400",
    },
    {
        "name": "webhook-signature",
        "in": "header",
        "required": True,
        "description": "一个或多个签名，以空格分隔，各为“v1a,”加标准 base64 的 Ed25519 签名。"
        "One or more signatures parted by spaces, each `v1a,` and an Ed25519 signature in standard base64.",
        "schema": _TEXT,
    },
]


@dataclass(frozen=True)
class Told:
    """The events by name, the right to read without which nobody is told, and an id; and their message."""

    message: type
    events: Mapping[str, tuple[str | None, str]]


def paths(told: Told) -> Json:
    """Refer to the POST of each event, by its name.

    Not written out here: of that OpenAPI Generator makes a Python client that cannot be imported.
    """
    return {name: {"$ref": f"#/components/pathItems/{name}"} for name in told.events}


def path_items(told: Told, schemas: Schemas) -> Json:
    """Describe the POST of each event, by its name."""
    schema = schemas.of(told.message)
    return {name: {"post": _post(name, right, thing, schema)} for name, (right, thing) in told.events.items()}


def _post(name: str, right: str | None, thing: str, schema: Json) -> Json:
    chinese, english = words.of_event(name)
    return {
        "operationId": f"told_{name.replace('.', '_')}",
        "summary": english,
        "description": chinese,
        "tags": [TAG],
        "parameters": _HEADERS,
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": schema, "example": message_of(name, thing)}},
        },
        "responses": {
            "2XX": {"description": "已收到。It has been received."},
            "default": {
                "description": "未收到，将重试；3xx 不跟随。Not received: tried again. 3xx is not followed."
            },
        },
        "security": [],
        **({"x-action": right} if right is not None else {}),
    }


def message_of(name: str, thing: str) -> Json:
    """Give a message as a program gets it."""
    place = {"institution": "91340100MA2MQ0A019", "division": "340104"}
    data = {"id": thing, "version": 4, **place}
    return {"type": name, "timestamp": _AT, "client_id": _PROGRAM, "data": data}


def components(told: Told) -> Json:
    """Give the schema of an event's name."""
    return {
        EVENT: {
            "title": EVENT,
            "type": "string",
            "enum": list(told.events),
            "description": "事件名称。The name of an event.",
        }
    }


def named(name: str, schema: Json) -> Json:
    """Tell in a schema that names events which there are."""
    for owner, field in _NAMED_BY:
        if name == owner:
            part = schema["properties"][field]
            event = {"$ref": SCHEMAS + EVENT}
            meant = (
                {**part, "items": event} if "items" in part else {"description": part["description"], **event}
            )
            schema = {**schema, "properties": {**schema["properties"], field: meant}}
    return schema
