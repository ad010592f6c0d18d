"""The local cloud's own DynamoDB, called in this process instead of over HTTP: conditions hold, and it is fast.

moto copies its tables for every transaction; a thousand sequences of money operations take it hours. Here each
request goes through PynamoDB and botocore as always, up to the point where it would be sent.
"""

import json
import pickle
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import msgspec

RECORDS_KEPT = 10_000


class Interrupted(BaseException):
    """The machine died, just before a call or just after it."""


class Dynamo:
    """The tables in memory, and a hand on each call to them."""

    def __init__(self) -> None:
        from ministack.services import dynamodb

        self._service = dynamodb
        self._handlers = {
            name: getattr(dynamodb, handler)
            for name, handler in {
                "CreateTable": "_create_table",
                "DescribeTable": "_describe_table",
                "PutItem": "_put_item",
                "GetItem": "_get_item",
                "UpdateItem": "_update_item",
                "DeleteItem": "_delete_item",
                "Query": "_query",
                "BatchGetItem": "_batch_get_item",
                "BatchWriteItem": "_batch_write_item",
                "TransactWriteItems": "_transact_write_items",
            }.items()
        }
        self.act: Callable[[int], None] | None = None
        self.calls = 0
        self._records: dict[tuple[Any, bytes], Any] = {}

    def answer(self, model: Any, params: dict[str, Any], **_: Any) -> tuple[Any, dict[str, Any]]:
        """Answer a request in place of the network; `act` may interrupt it before (+) or after it (-)."""
        self.calls += 1
        number, act = self.calls, self.act
        if act is not None:
            act(number)
        status, _headers, body = self._handlers[model.name](json.loads(params["body"]))
        if act is not None:
            act(-number)
        parsed = json.loads(body)
        if status >= 300:
            kind = parsed.pop("__type", "").rpartition("#")[2]
            parsed["Error"] = {"Code": kind, "Message": parsed.get("message", parsed.get("Message", ""))}
        parsed["ResponseMetadata"] = {"HTTPStatusCode": status, "HTTPHeaders": {}}
        return _Answer(status), parsed

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
            table = self._service._tables[name]
            table["items"] = defaultdict(dict, items)
            table.pop(self._service._INDEX_MEMBERS, None)

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


class _Answer:
    def __init__(self, status: int) -> None:
        self.status_code = status
        self.headers: dict[str, str] = {}


@contextmanager
def dynamo_in_process(tables: list[Any]) -> Iterator[Dynamo]:
    """Answer this process's DynamoDB calls from memory, with these tables and no others."""
    from chalicelib.aws.table import connection, forget_connection

    forget_connection()
    dynamo = Dynamo()
    events = connection().client.meta.events
    events.register_first("before-call.dynamodb", dynamo.answer)
    try:
        for name in dynamo._names():
            del dynamo._service._tables[name]
        for table in tables:
            table.create_table(billing_mode="PAY_PER_REQUEST")
        yield dynamo
    finally:
        forget_connection()
