"""Reading each row once: within one request that only looks, what was read is not asked for again.

A page for people asks several endpoints, and each reads the class, the institution or the account anew. While
`each_once` lasts, an item that was read by key, and a query that was asked with the very same words, is
answered from what came before. It is one request's own: nothing outlives it, other threads have none. What
such a request writes itself (who looked at whom) makes it forget the table that was written.

Rows whose keys are known before they are needed come along with the next read by key (`aws.ahead`): one call
brings the account, the claim and its lines, where each would be a call of its own. Nothing is decided by it:
requests that change something read without this memory.
"""

import copy
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final

from pynamodb.connection import Connection

Call = Callable[[str, dict[str, Any]], Any]
_Known = dict[str, dict[str, Any]]
"""Table → what was asked → its answer."""
_known: ContextVar[_Known | None] = ContextVar("rows_known", default=None)
_AS_A_WHOLE: Final = frozenset({"GetItem", "Query"})
_KEYS_A_CALL: Final = 100
_Wanted = dict[str, dict[str, Mapping[str, Any]]]
"""Table → name of an item → its key: what is to come along with the next read."""
_wanted: ContextVar[_Wanted | None] = ContextVar("rows_wanted", default=None)
_PLAIN: Final = frozenset({"Keys", "ConsistentRead"})


@contextmanager
def each_once() -> Iterator[None]:
    """Read each row at most once until this ends."""
    token, wanted = _known.set({}), _wanted.set({})
    try:
        yield
    finally:
        _known.reset(token)
        _wanted.reset(wanted)


def want(table: str, keys: Iterable[Mapping[str, Any]]) -> None:
    """Have rows come along with the next read by key; outside of `each_once` nothing happens."""
    known, wanted = _known.get(), _wanted.get()
    if known is None or wanted is None:
        return
    for key in keys:
        name = _item(key, consistent=True)
        if name not in known.get(table, ()):
            wanted.setdefault(table, {})[name] = key


def known_item(table: str, key: Mapping[str, Any]) -> dict[str, Any] | None:
    """Give an item that was read by key before; None if it was not, or was not there."""
    found: dict[str, Any] | None = (_known.get() or {}).get(table, {}).get(_item(key, consistent=True))
    return copy.deepcopy(found)


def _take_wanted(most: int) -> dict[str, list[Mapping[str, Any]]]:
    """Give what is wanted and not known yet, at most so many keys, and want it no more."""
    wanted, known = _wanted.get() or {}, _known.get() or {}
    taken: dict[str, list[Mapping[str, Any]]] = {}
    for table, of_table in wanted.items():
        for name in list(of_table):
            if most == 0:
                return taken
            key = of_table.pop(name)
            if name not in known.get(table, ()):
                taken.setdefault(table, []).append(key)
                most -= 1
    return taken


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
    if plain:
        return _one(call, asked, known)
    name = _text([operation, asked])
    if name not in of_table:
        of_table[name] = call(operation, asked)
    return copy.deepcopy(of_table[name])


def _one(call: Call, asked: dict[str, Any], known: _Known) -> Any:
    """Give one item: with what is wanted besides, if anything is."""
    table, key, consistent = asked["TableName"], asked["Key"], bool(asked.get("ConsistentRead"))
    of_table = known[table]
    name = _name_known(of_table, key, consistent=consistent)
    if name not in of_table and any((_wanted.get() or {}).values()):
        request = {"Keys": [key], "ConsistentRead": True}
        _batch(call, {"RequestItems": {table: request}}, known)
        name = _name_known(of_table, key, consistent=consistent)  # absent still if it was not answered
    if name not in of_table:
        of_table[name] = call("GetItem", asked).get("Item")
    found = copy.deepcopy(of_table[name])
    return {"Item": found} if found is not None else {}


def _batch(call: Call, asked: dict[str, Any], known: _Known) -> Any:
    """Ask for those items that are not known; an item that was not there is known to be absent."""
    found: dict[str, list[Any]] = {}
    wanted: dict[str, Any] = {}
    for table, request in asked["RequestItems"].items():
        of_table = known.setdefault(table, {})
        if not request.keys() <= _PLAIN:
            wanted[table] = request
            continue
        consistent = bool(request.get("ConsistentRead"))
        names = [(_name_known(of_table, key, consistent=consistent), key) for key in request["Keys"]]
        found[table] = [of_table[name] for name, _ in names if of_table.get(name) is not None]
        left = [key for name, key in names if name not in of_table]
        if left:
            wanted[table] = {**request, "Keys": left}
    if not wanted:
        return {"Responses": copy.deepcopy(found), "UnprocessedKeys": {}}
    own = dict(wanted)
    beside = _beside(wanted)
    answer = call("BatchGetItem", {**asked, "RequestItems": beside})
    unprocessed = dict(answer.get("UnprocessedKeys") or {})
    for table, items in answer.get("Responses", {}).items():
        _keep(known, beside[table], table, items, unprocessed)
    for table, request in own.items():
        items = answer.get("Responses", {}).get(table, [])
        found[table] = [*found.get(table, ()), *_of_request(request, items)]
        if table in unprocessed:
            unprocessed[table] = _of_unprocessed(request, unprocessed[table])
    left_over = {table: part for table, part in unprocessed.items() if table in own and part is not None}
    return {**answer, "Responses": copy.deepcopy(found), "UnprocessedKeys": left_over}


def _beside(own: Mapping[str, Any]) -> dict[str, Any]:
    """Give what is asked for together with what is wanted besides; tables read in another way stay alone."""
    together = dict(own)
    room = _KEYS_A_CALL - sum(len(request["Keys"]) for request in own.values())
    for table, keys in _take_wanted(room).items():
        request = together.get(table, {"Keys": [], "ConsistentRead": True})
        if request.keys() <= _PLAIN and request.get("ConsistentRead"):
            names = {_text(key) for key in request["Keys"]}
            more = [key for key in keys if _text(key) not in names]
            together[table] = {**request, "Keys": [*request["Keys"], *more]}
    return together


def _of_request(request: Mapping[str, Any], items: list[Any]) -> list[Any]:
    """Give those items that were asked for, and not those that came along."""
    names = list(request["Keys"][0])
    asked = {_text(key) for key in request["Keys"]}
    return [item for item in items if _text({name: item[name] for name in names if name in item}) in asked]


def _of_unprocessed(request: Mapping[str, Any], part: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Give what of an unanswered part was asked for; None if only what came along was left."""
    asked = {_text(key) for key in request["Keys"]}
    keys = [key for key in part["Keys"] if _text(key) in asked]
    return {**part, "Keys": keys} if keys else None


def _keep(
    known: _Known, request: Mapping[str, Any], table: str, items: list[Any], unprocessed: Mapping[str, Any]
) -> None:
    if not request.keys() <= _PLAIN:
        return
    consistent = bool(request.get("ConsistentRead"))
    names = list(request["Keys"][0])
    of_table = known.setdefault(table, {})
    of_table.update(
        {_item({name: item[name] for name in names}, consistent=consistent): item for item in items}
    )
    if table not in unprocessed:
        for key in request["Keys"]:
            of_table.setdefault(_item(key, consistent=consistent), None)


def _name_known(of_table: Mapping[str, Any], key: Mapping[str, Any], *, consistent: bool) -> str:
    """Name an item as it is known: what was read as it is now answers also who would take an older state."""
    as_it_is = _item(key, consistent=True)
    return as_it_is if consistent or as_it_is in of_table else _item(key, consistent=False)


def _item(key: Mapping[str, Any], *, consistent: bool) -> str:
    return _text([key, consistent])


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=str)


def _tables_of(asked: Mapping[str, Any]) -> Iterator[str]:
    """Name the tables that a write touches."""
    if "TableName" in asked:
        yield asked["TableName"]
    yield from asked.get("RequestItems", ())
    for item in asked.get("TransactItems", ()):
        yield from (part["TableName"] for part in item.values())
