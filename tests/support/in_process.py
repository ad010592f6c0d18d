"""Tables and queues in this process: the local cloud's own, called as functions instead of over HTTP.

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
from urllib.parse import urlsplit

import msgspec

RECORDS_KEPT = 10_000
TARGETS = {
    "dynamodb": "DynamoDB_20120810",
    "dynamodbstreams": "DynamoDBStreams_20120810",
    "sqs": "AmazonSQS",
}
"""The services, and what the `X-Amz-Target` of a request to each begins with."""
_SERVICE_OF = {target: service for service, target in TARGETS.items()}
_ON_THE_WAY = ("request-created", "before-send", "response-received", "needs-retry")
_NOT_OURS = ("botocore.", "boto3.", "moto.", "pynamodb.", "aws_lambda_powertools.", "chalicelib.", __name__)
"""Who listens without being a test's. The program counts throttled and failed tries; here are none of either."""
_ITEM_OPERATIONS = (
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
)
_KEPT_BETWEEN_CALLS = (
    "_tables",
    "_tags",
    "_ttl_settings",
    "_stream_records",
    "_stream_trimmed",
    "_closed_streams",
    "_txn_idempotency",
)
"""What ministack's DynamoDB knows: each `Emulator` has its own."""


class Interrupted(BaseException):
    """The machine died, just before a call or just after it."""


class Emulator:
    """Tables and queues in memory, and a hand on each call to them."""

    def __init__(self) -> None:
        from ministack.services import dynamodb, dynamodb_streams, sqs

        self._dynamodb = dynamodb
        self.queues: dict[str, Any] = sqs._queues
        self._modules = {"dynamodb": dynamodb, "dynamodbstreams": dynamodb_streams, "sqs": sqs}
        self._own: dict[str, Any] = {name: type(vars(dynamodb)[name])() for name in _KEPT_BETWEEN_CALLS}
        self._lock = threading.RLock()
        self._records: dict[tuple[Any, bytes], Any] = {}
        self._prepared: dict[str, bytes] = {}
        self.act: Callable[[int], None] | None = None
        self.calls = 0
        self._asked: set[str] | None = None

    # ------------------------------------------------------------------------- answering

    def answer(self, model: Any, params: dict[str, Any], **call: Any) -> tuple[Any, dict[str, Any]] | None:
        """Answer a call before it is sent, unless somebody wants to see it sent (`before-call`)."""
        service = model.service_model.service_name
        if (
            service not in TARGETS
            or _is_local(params["url"])
            or _is_listened_to(model, call["request_signer"])
        ):
            return None
        status, headers, body = self._done(service, model.name, params["body"])
        return _Answer(status, headers), _parsed(model, status, headers, body)

    def answer_sent(self, request: Any, **_: Any) -> Any:
        """Answer a request that is on its way, as the network would (`before-send`)."""
        from botocore.awsrequest import AWSResponse

        named = request.headers.get("X-Amz-Target", b"")
        target, _, operation = (named.decode() if isinstance(named, bytes) else named).partition(".")
        if target not in _SERVICE_OF or _is_local(request.url):
            return None
        status, headers, body = self._done(_SERVICE_OF[target], operation, request.body)
        return AWSResponse(request.url, status, headers, _Raw(body))

    def _done(self, service: str, operation: str, sent: bytes) -> tuple[int, dict[str, str], bytes]:
        """Do an operation; `act` may interrupt it before (+) or after it (-)."""
        self.calls += 1
        number, act = self.calls, self.act
        if act is not None:
            act(number)
        if self._asked is not None:
            self._asked |= _tables_of(sent) if service == "dynamodb" else {service}
        headers = {"x-amz-target": f"{TARGETS[service]}.{operation}"}
        with self._lock:
            status, told, body = _run(self._modules[service].handle_request("POST", "/", headers, sent, {}))
        if act is not None:
            act(-number)
        return status, told, body if isinstance(body, bytes) else body.encode()

    # ------------------------------------------------------------------------- what is in it

    def rows(self, table: Any) -> list[Any]:
        """Give every record of a table, without a call; what is read after each step is read anew if it changed."""
        parts = self._dynamodb._tables[table.Meta.table_name]["items"]
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
        return pickle.dumps({name: dict(table["items"]) for name, table in self._tables()})

    def restore(self, kept: bytes) -> None:
        """Put every table back to a copy."""
        items = pickle.loads(kept)
        for name, table in self._tables():
            self._fill(table, items[name])

    def prepare(self, name: str, build: Callable[[], None]) -> None:
        """Build a state into empty tables the first time; afterwards put them as they were then."""
        if any(table["items"] for _, table in self._tables()):
            build()
        elif name in self._prepared:
            self.restore(self._prepared[name])
        else:
            build()
            self._prepared[name] = self.keep()

    def empty(self) -> None:
        """Forget every item, what the streams tell of them, and every message."""
        for _, table in self._tables():
            self._fill(table, {})
        self._dynamodb._stream_records._data.clear()
        self._dynamodb._stream_trimmed._data.clear()
        for queue in self.queues.values():
            queue["messages"].clear()

    def _fill(self, table: dict[str, Any], items: dict[str, Any]) -> None:
        if items or table["items"]:
            table["items"] = defaultdict(dict, items)
            self._dynamodb._items_replaced(table)

    def _tables(self) -> list[tuple[str, dict[str, Any]]]:
        return list(self._dynamodb._tables.items())

    @contextmanager
    def interrupted(self, act: Callable[[int], None]) -> Iterator[None]:
        """Do something before and after each call, with its number from 1 (negative: after it)."""
        self.calls, self.act = 0, act
        try:
            yield
        finally:
            self.act = None

    @contextmanager
    def asked(self) -> Iterator[set[str]]:
        """Note which tables are asked, and which other services."""
        self._asked = set()
        try:
            yield self._asked
        finally:
            self._asked = None

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Work on the tables of this one; another's come back afterwards."""
        module = vars(self._dynamodb)
        others = {name: module[name] for name in _KEPT_BETWEEN_CALLS}
        module.update(self._own)
        try:
            yield
        finally:
            module.update(others)


# ----------------------------------------------------------------------------- who listens


def _is_listened_to(model: Any, signer: Any) -> bool:
    """Tell whether a test has hung itself on the way of this client's requests."""
    called = f"{model.service_model.service_id.hyphenize()}.{model.name}"
    return next(_listeners(signer._event_emitter, called), None) is not None


def _listeners(events: Any, called: str) -> Iterator[Any]:
    """Find the tests' own listeners to a call, as `service.Operation`."""
    handlers = events._emitter._handlers
    for stage in _ON_THE_WAY:
        for handler in handlers.prefix_search(f"{stage}.{called}"):
            if not str(getattr(handler, "__module__", "")).startswith(_NOT_OURS):
                yield handler


def forgotten_listeners(events: Any) -> list[Any]:
    """Give who still listens to a client of tables; they would hear, and slow down, every test that follows."""
    return [
        listener for operation in _ITEM_OPERATIONS for listener in _listeners(events, f"dynamodb.{operation}")
    ]


# ----------------------------------------------------------------------------- a call


def _tables_of(sent: Any) -> set[str]:
    """Name the tables that a request asks."""
    asked = json.loads(sent)
    items = asked.get("TransactItems") or asked.get("RequestItems") or [asked]
    if isinstance(items, dict):
        return set(items)
    return {
        item["TableName"] for entry in items for item in ([entry] if "TableName" in entry else entry.values())
    }


def _run(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Run what waits for nothing."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        return done.value
    raise RuntimeError("the emulator waits")


def _parsed(model: Any, status: int, headers: dict[str, str], body: bytes) -> dict[str, Any]:
    """Read an answer as botocore does; items, and their errors, are JSON all through but for bytes."""
    service = model.service_model
    if service.service_name != "dynamodb" or (status < 300 and model.name not in _ITEM_OPERATIONS):
        from botocore.parsers import create_parser

        answer = {"status_code": status, "headers": headers, "body": body}
        read: dict[str, Any] = create_parser("json").parse(answer, model.output_shape)
        return read
    has_bytes = b'"B"' in body or b'"BS"' in body
    parsed: dict[str, Any] = json.loads(body, object_hook=_with_bytes if has_bytes else None)
    if status >= 300:
        code = str(parsed.get("__type", "")).rpartition("#")[2]
        shape = service.shape_for_error_code(code)
        error = {"Code": code, "Message": parsed.get("message", parsed.get("Message", ""))}
        facts = {} if shape is None else {name: parsed[name] for name in shape.members if name in parsed}
        parsed = {"Error": error, **facts}
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


def _is_local(url: str) -> bool:
    """Tell whether a call is meant for a local stack that runs beside the tests, not for AWS."""
    return urlsplit(url).hostname in {"127.0.0.1", "localhost"}


# ----------------------------------------------------------------------------- in place of AWS


@contextmanager
def emulator_everywhere() -> Iterator[Emulator]:
    """Answer the calls of every client that is made from now on, after whoever else listens."""
    import boto3
    from botocore import handlers

    from chalicelib.aws.table import forget_connection

    emulator = Emulator()
    ours = [
        ("before-call", emulator.answer, handlers.REGISTER_LAST),
        ("before-send", emulator.answer_sent, handlers.REGISTER_LAST),
    ]
    handlers.BUILTIN_HANDLERS.extend(ours)
    boto3.DEFAULT_SESSION = None
    forget_connection()
    try:
        with emulator.in_place():
            yield emulator
    finally:
        for handler in ours:
            handlers.BUILTIN_HANDLERS.remove(handler)
        boto3.DEFAULT_SESSION = None
        forget_connection()


@contextmanager
def dynamo_in_process(tables: list[Any]) -> Iterator[Emulator]:
    """Answer this process's DynamoDB calls from memory, with these tables and no others."""
    from chalicelib.aws.table import connection, forget_connection

    forget_connection()
    emulator = Emulator()
    connection().client.meta.events.register_first("before-call.dynamodb", emulator.answer)
    try:
        with emulator.in_place():
            for table in tables:
                table.create_table(billing_mode="PAY_PER_REQUEST")
            yield emulator
    finally:
        forget_connection()
