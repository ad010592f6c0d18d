"""DynamoDB in this process: the local cloud's own, called as a function instead of over HTTP.

Each request goes through PynamoDB and botocore as always, up to the point where it would be signed and sent; there
the emulator's handler takes it, and its answer goes back the same way. Conditions, transactions, pages, indexes,
consumed units and streams are those of the local cloud, which are nearer to AWS than moto's, for a tenth of the work.

A test that listens to what is sent (`before-send`, `needs-retry`) is heard: where somebody listens, the request is
built, signed and "sent" in full, and the same handler answers it there.
"""

import base64
import json
import pickle
import threading
from collections import defaultdict
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Any

import msgspec

RECORDS_KEPT = 10_000
SERVICES = ("dynamodb", "dynamodbstreams")
_ON_THE_WAY = ("request-created", "before-send", "response-received", "needs-retry")
_THEIRS = ("botocore.", "boto3.", "moto.", "pynamodb.", __name__)
_ITEM_OPERATIONS = frozenset(
    {
        "BatchGetItem",
        "BatchWriteItem",
        "DeleteItem",
        "GetItem",
        "PutItem",
        "Query",
        "Scan",
        "TransactGetItems",
        "TransactWriteItems",
        "UpdateItem",
    }
)
_HANDED_OVER = (
    "_tables",
    "_tags",
    "_ttl_settings",
    "_stream_records",
    "_stream_trimmed",
    "_closed_streams",
    "_txn_idempotency",
)
"""What ministack's module keeps between calls: each `Dynamo` has its own."""


class Interrupted(BaseException):
    """The machine died, just before a call or just after it."""


class Dynamo:
    """The tables in memory, and a hand on each call to them."""

    def __init__(self) -> None:
        from ministack.services import dynamodb, dynamodb_streams

        self._service = dynamodb
        self._modules = {"dynamodb": dynamodb, "dynamodbstreams": dynamodb_streams}
        self._kept: dict[str, Any] = {name: type(vars(dynamodb)[name])() for name in _HANDED_OVER}
        self._lock = threading.RLock()
        self.act: Callable[[int], None] | None = None
        self.calls = 0
        self._records: dict[tuple[Any, bytes], Any] = {}

    # ------------------------------------------------------------------------- answering

    def answer(self, model: Any, params: dict[str, Any], **call: Any) -> tuple[Any, dict[str, Any]] | None:
        """Answer a call before it is sent, unless somebody wants to see it sent (`before-call`)."""
        service = model.service_model.service_name
        if service not in SERVICES or _is_listened_to(model, call["request_signer"]):
            return None
        status, headers, body = self._done(service, model.name, params["body"])
        return _Answer(status, headers), _parsed(model, status, headers, body)

    def answer_sent(self, request: Any, **_: Any) -> Any:
        """Answer a request that is on its way, as the network would (`before-send`)."""
        from botocore.awsrequest import AWSResponse

        target = request.headers.get("X-Amz-Target", b"")
        protocol, _, operation = (target.decode() if isinstance(target, bytes) else target).partition(".")
        service = {"DynamoDB_20120810": "dynamodb", "DynamoDBStreams_20120810": "dynamodbstreams"}.get(
            protocol
        )
        if service is None:
            return None
        status, headers, body = self._done(service, operation, request.body)
        return AWSResponse(request.url, status, headers, _Raw(body))

    def _done(self, service: str, operation: str, sent: Any) -> tuple[int, dict[str, str], bytes]:
        """Do an operation; `act` may interrupt it before (+) or after it (-)."""
        self.calls += 1
        number, act = self.calls, self.act
        if act is not None:
            act(number)
        headers = {"x-amz-target": f"{service}.{operation}"}
        with self._lock:
            answered = _run(self._modules[service].handle_request("POST", "/", headers, sent, {}))
        if act is not None:
            act(-number)
        return answered

    # ------------------------------------------------------------------------- what is in it

    def rows(self, table: Any) -> list[Any]:
        """Give every record of a table, without a call; what is read after each step is read anew if it changed."""
        name = table.Meta.table_name
        parts = self._service._tables[name]["items"]
        return [self._record_of(table, item) for part in parts.values() for item in part.values()]

    def _record_of(self, table: Any, item: dict[str, Any]) -> Any:
        key = (table, msgspec.json.encode(item))
        if key not in self._records:
            if len(self._records) >= RECORDS_KEPT:
                self._records.clear()
            self._records[key] = table.record_of(item)
        return self._records[key]

    def keep(self) -> bytes:
        """Give a copy of every item of every table."""
        return pickle.dumps({name: dict(self._service._tables[name]["items"]) for name in self._names()})

    def restore(self, kept: bytes) -> None:
        """Put every table back to a copy."""
        for name, items in pickle.loads(kept).items():
            self._fill(name, items)

    def empty(self) -> None:
        """Forget every item and what the streams tell of them."""
        for name in self._names():
            self._fill(name, {})
        self._service._stream_records._data.clear()
        self._service._stream_trimmed._data.clear()

    def _fill(self, name: str, items: dict[str, Any]) -> None:
        table = self._service._tables[name]
        table["items"] = defaultdict(dict, items)
        self._service._items_replaced(table)

    def _names(self) -> list[str]:
        return list(self._service._tables)

    @contextmanager
    def interrupted(self, act: Callable[[int], None]) -> Iterator[None]:
        """Do something before and after each call, with its number from 1 (negative: after it)."""
        self.calls, self.act = 0, act
        try:
            yield
        finally:
            self.act = None

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Work on the tables of this one; another's come back afterwards."""
        module = vars(self._service)
        others = {name: module[name] for name in _HANDED_OVER}
        module.update(self._kept)
        try:
            yield
        finally:
            module.update(others)


# ----------------------------------------------------------------------------- a call


def _is_listened_to(model: Any, signer: Any) -> bool:
    """Tell whether a test has hung itself on the way of this client's requests."""
    service, handlers = model.service_model.service_id.hyphenize(), signer._event_emitter._emitter._handlers
    return any(
        not str(getattr(handler, "__module__", "")).startswith(_THEIRS)
        for stage in _ON_THE_WAY
        for handler in handlers.prefix_search(f"{stage}.{service}.{model.name}")
    )


def _run(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Run what waits for nothing."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        return done.value
    raise RuntimeError("the emulator waits")


def _parsed(model: Any, status: int, headers: dict[str, str], body: bytes) -> dict[str, Any]:
    """Read an answer as botocore does; items and errors are JSON all through but for their bytes."""
    if status < 300 and model.name not in _ITEM_OPERATIONS:
        from botocore.parsers import create_parser

        answer = {"status_code": status, "headers": headers, "body": body}
        read: dict[str, Any] = create_parser("json").parse(answer, model.output_shape)
        return read
    has_bytes = b'"B"' in body or b'"BS"' in body
    parsed: dict[str, Any] = json.loads(body, object_hook=_with_bytes if has_bytes else None)
    if status >= 300:
        code = str(parsed.get("__type", "")).rpartition("#")[2]
        shape = model.service_model.shape_for_error_code(code)
        error = {"Code": code, "Message": parsed.get("message", parsed.get("Message", ""))}
        told = {} if shape is None else {name: parsed[name] for name in shape.members if name in parsed}
        parsed = {"Error": error, **told}
    parsed["ResponseMetadata"] = {"HTTPStatusCode": status, "HTTPHeaders": headers}
    return parsed


def _with_bytes(value: dict[str, Any]) -> dict[str, Any]:
    """Read bytes: the only objects whose one member is a text named B, or a list named BS."""
    if len(value) == 1:
        ((name, inner),) = value.items()
        if name == "B" and type(inner) is str:
            return {"B": base64.b64decode(inner)}
        if name == "BS" and type(inner) is list:
            return {"BS": [base64.b64decode(text) for text in inner]}
    return value


class _Answer:
    """What botocore asks of an HTTP answer."""

    def __init__(self, status: int, headers: dict[str, str]) -> None:
        self.status_code = status
        self.headers = headers


class _Raw(BytesIO):
    """A body as urllib3 gives it."""

    def stream(self, **_: Any) -> Iterator[bytes]:
        yield self.read()


# ----------------------------------------------------------------------------- in place of AWS


@contextmanager
def dynamo_everywhere() -> Iterator[Dynamo]:
    """Answer the DynamoDB calls of every client that is made from now on, after whoever else listens."""
    import boto3
    from botocore import handlers

    from chalicelib.aws.table import forget_connection

    dynamo = Dynamo()
    ours = [
        ("before-call", dynamo.answer, handlers.REGISTER_LAST),
        ("before-send", dynamo.answer_sent, handlers.REGISTER_LAST),
    ]
    handlers.BUILTIN_HANDLERS.extend(ours)
    boto3.DEFAULT_SESSION = None
    forget_connection()
    try:
        with dynamo.in_place():
            yield dynamo
    finally:
        for handler in ours:
            handlers.BUILTIN_HANDLERS.remove(handler)
        boto3.DEFAULT_SESSION = None
        forget_connection()


@contextmanager
def dynamo_in_process(tables: list[Any]) -> Iterator[Dynamo]:
    """Answer this process's DynamoDB calls from memory, with these tables and no others."""
    from chalicelib.aws.table import connection, forget_connection

    forget_connection()
    dynamo = Dynamo()
    connection().client.meta.events.register_first("before-call.dynamodb", dynamo.answer)
    try:
        with dynamo.in_place():
            for table in tables:
                table.create_table(billing_mode="PAY_PER_REQUEST")
            yield dynamo
    finally:
        forget_connection()
