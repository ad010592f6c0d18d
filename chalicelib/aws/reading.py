"""Reading each row once: within one request that only looks, what was read is not asked for again.

A page for people asks several endpoints, and each reads the class, the institution or the account anew. While
`each_once` lasts, an item that was read by key, and a query that was asked with the very same words, is
answered from what came before. It is one request's own: nothing outlives it, other threads have none. What
such a request writes itself (who looked at whom) makes it forget the table that was written.
"""

import copy
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final

from pynamodb.connection import Connection

Call = Callable[[str, dict[str, Any]], Any]
_Known = dict[str, dict[str, Any]]
"""Table → what was asked → its answer."""
_known: ContextVar[_Known | None] = ContextVar("rows_known", default=None)
_AS_A_WHOLE: Final = frozenset({"GetItem", "Query"})
_PLAIN: Final = frozenset({"Keys", "ConsistentRead"})


@contextmanager
def each_once() -> Iterator[None]:
    """Read each row at most once until this ends."""
    token = _known.set({})
    try:
        yield
    finally:
        _known.reset(token)


class ReadingConnection(Connection):
    """A connection that remembers what it read while `each_once` lasts."""

    def _make_api_call(self, operation_name: str, operation_kwargs: dict[str, Any]) -> Any:
        return answered(super()._make_api_call, operation_name, operation_kwargs)


def answered(call: Call, operation: str, asked: dict[str, Any]) -> Any:
    """Answer a call from what is known, else make it and keep its answer."""
    known = _known.get()
    if known is None:
        return call(operation, asked)
    if operation in _AS_A_WHOLE:
        return _whole(call, operation, asked, known)
    if operation == "BatchGetItem":
        return _batch(call, asked, known)
    for table in _tables_of(asked):
        known.pop(table, None)
    return call(operation, asked)


def _whole(call: Call, operation: str, asked: dict[str, Any], known: _Known) -> Any:
    of_table = known.setdefault(asked["TableName"], {})
    plain = operation == "GetItem" and asked.keys() <= {
        "TableName",
        "Key",
        "ConsistentRead",
        "ReturnConsumedCapacity",
    }
    name = _item(asked["Key"], asked.get("ConsistentRead")) if plain else _text([operation, asked])
    if name not in of_table:
        answer = call(operation, asked)
        of_table[name] = answer.get("Item") if plain else answer
        return copy.deepcopy(answer)
    found = copy.deepcopy(of_table[name])
    if plain:
        return {"Item": found} if found is not None else {}
    return found


def _batch(call: Call, asked: dict[str, Any], known: _Known) -> Any:
    """Ask for those items that are not known; an item that was not there is known to be absent."""
    found: dict[str, list[Any]] = {}
    wanted: dict[str, Any] = {}
    for table, request in asked["RequestItems"].items():
        of_table = known.setdefault(table, {})
        consistent = request.get("ConsistentRead")
        names = [(_item(key, consistent), key) for key in request["Keys"]]
        if not request.keys() <= _PLAIN:
            wanted[table] = request
            continue
        found[table] = [of_table[name] for name, _ in names if of_table.get(name) is not None]
        left = [key for name, key in names if name not in of_table]
        if left:
            wanted[table] = {**request, "Keys": left}
    answer = call("BatchGetItem", {**asked, "RequestItems": wanted}) if wanted else {}
    for table, items in answer.get("Responses", {}).items():
        _keep(known, wanted[table], table, items, answer)
        found[table] = [*found.get(table, ()), *items]
    return {**answer, "Responses": copy.deepcopy(found), "UnprocessedKeys": answer.get("UnprocessedKeys", {})}


def _keep(known: _Known, request: Mapping[str, Any], table: str, items: list[Any], answer: Any) -> None:
    if not request.keys() <= _PLAIN:
        return
    consistent = request.get("ConsistentRead")
    names = list(request["Keys"][0])
    came = {_item({name: item[name] for name in names}, consistent): item for item in items}
    known[table].update(came)
    if table not in answer.get("UnprocessedKeys", {}):
        for key in request["Keys"]:
            known[table].setdefault(_item(key, consistent), None)


def _item(key: Mapping[str, Any], consistent: Any) -> str:
    return _text([key, bool(consistent)])


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=str)


def _tables_of(asked: Mapping[str, Any]) -> Iterator[str]:
    """Name the tables that a write touches."""
    if "TableName" in asked:
        yield asked["TableName"]
    yield from asked.get("RequestItems", ())
    for item in asked.get("TransactItems", ()):
        yield from (part["TableName"] for part in item.values())
