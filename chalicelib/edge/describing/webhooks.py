"""What programs are posted by webhooks, as the document has it: an entry an event, and one of the ping.

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
MESSAGE: Final = "WebhookMessageType"
_NAMED_BY: Final = (("WebhookForm", "events", EVENT), ("WebhookMessage", "type", MESSAGE))
"""The fields that name events, or messages: of a type, a list of them or one, and which they name."""
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
    """The events by name, the right to read without which nobody is told, and an id; and their message.

    `ping` names the message that tells of none: nobody asks for it with the events, it comes when it is sent.
    """

    message: type
    events: Mapping[str, tuple[str | None, str]]
    ping: str

    @property
    def messages(self) -> Mapping[str, tuple[str | None, str]]:
        """Give all that a program is posted: the events, and the ping, which is about the program itself."""
        return {**self.events, self.ping: (None, _PROGRAM)}


def paths(told: Told) -> Json:
    """Refer to the POST of each message, by its name.

    Not written out here: of that OpenAPI Generator makes a Python client that cannot be imported.
    """
    return {name: {"$ref": f"#/components/pathItems/{name}"} for name in told.messages}


def path_items(told: Told, schemas: Schemas) -> Json:
    """Describe the POST of each message, by its name."""
    schema = schemas.of(told.message)
    return {
        name: {"post": _post(name, right, thing, schema)} for name, (right, thing) in told.messages.items()
    }


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
    """Give the schemas of an event's name, which can be asked for, and of a message's, which can come."""
    return {
        EVENT: {
            "title": EVENT,
            "type": "string",
            "enum": list(told.events),
            "description": "事件名称。The name of an event.",
        },
        MESSAGE: {
            "title": MESSAGE,
            "type": "string",
            "enum": list(told.messages),
            "description": f"消息类型：事件名称，或测试消息 {told.ping}。"
            f"What a message is: of which event, or {told.ping}, which tries the server.",
        },
    }


def named(name: str, schema: Json) -> Json:
    """Tell in a schema that names events, or messages, which there are."""
    for owner, field, named_ in _NAMED_BY:
        if name == owner:
            part = schema["properties"][field]
            one = {"$ref": SCHEMAS + named_}
            meant = {**part, "items": one} if "items" in part else {"description": part["description"], **one}
            schema = {**schema, "properties": {**schema["properties"], field: meant}}
    return schema
