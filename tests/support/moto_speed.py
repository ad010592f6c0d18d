"""moto, made to do the same with less work; half of what the tests on it cost was its own detours.

The replacements are for the pinned version; `tests/support/test_moto_speed.py` holds them to what they replace.
"""

import copy
import functools
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

VERSION = "5.2.5"


def make_moto_fast() -> None:
    """Replace some functions of moto for the rest of the process; nothing happens the second time."""
    import moto
    from moto.core.serialize import BaseJSONSerializer
    from moto.dynamodb import models as dynamodb
    from moto.dynamodb.parsing.ast_nodes import DepthFirstTraverser
    from moto.dynamodb.parsing.expressions import UpdateExpressionParser
    from moto.sqs import models as sqs

    assert moto.__version__ == VERSION, (
        "read what has changed in moto.dynamodb and moto.sqs, then raise VERSION"
    )
    if isinstance(dynamodb.copy, SimpleNamespace):
        return
    # Its only other use there copies a row that is about to be updated.
    dynamodb.copy = SimpleNamespace(deepcopy=_copy_of_all_but_tables)
    _undo_by_row(dynamodb.DynamoDBBackend)
    _answer_values_as_they_are(BaseJSONSerializer)
    # Who evaluates a parsed expression copies it first, and ours are few.
    UpdateExpressionParser.make = functools.lru_cache(maxsize=1024)(UpdateExpressionParser.make)
    _walk_expressions_quickly(DepthFirstTraverser)
    _keep_messages_by_their_own_age(sqs.SQSBackend)


def name_clients_once() -> None:
    """Let a client of botocore keep how it introduces itself: it words that anew for every request."""
    from botocore.useragent import UserAgentString

    if not hasattr(UserAgentString.to_string, "cache_clear"):
        UserAgentString.to_string = functools.cache(UserAgentString.to_string)


def _copy_of_all_but_tables(value: Any) -> Any:
    from moto.dynamodb.models.table import Table

    return value if isinstance(value, Table) else copy.deepcopy(value)


def _undo_by_row(backend: Any) -> None:
    """Take a failed transaction back row by row: moto copies every table of each one, with all its stream."""
    write = backend.transact_write_items

    @functools.wraps(write)
    def transact_write_items(self: Any, transact_items: list[dict[str, Any]]) -> None:
        with _undone_if_it_fails(self, transact_items):
            write(self, transact_items)

    backend.transact_write_items = transact_write_items


@contextmanager
def _undone_if_it_fails(backend: Any, items: list[dict[str, Any]]) -> Iterator[None]:
    tables = {name: backend.tables[name] for name in _names(items) if name in backend.tables}
    told = {name: len(table.stream_shard.items) for name, table in tables.items() if table.stream_shard}
    rows = []
    for item in items:
        for op in item.values():
            if (table := tables.get(op.get("TableName"))) is not None:
                row = op.get("Key") or op["Item"]
                at = backend.get_keys_value(table, row)
                rows.append((table, at, copy.deepcopy(table.get_item(*at))))
    try:
        yield
    except BaseException:
        for table, (partition, sort), before in rows:
            place = (table.items, partition) if sort is None else (table.items[partition], sort)
            if before is None:
                place[0].pop(place[1], None)
            else:
                place[0][place[1]] = before
        for name, count in told.items():
            del tables[name].stream_shard.items[count:]
        raise


def _names(items: list[dict[str, Any]]) -> set[str]:
    return {op["TableName"] for item in items for op in item.values() if "TableName" in op}


def _keep_messages_by_their_own_age(backend: Any) -> None:
    """Ask a queue how long it keeps messages: moto counts every message of it to tell, for each one taken."""

    def is_message_valid(self: Any, queue_name: str, message: Any) -> bool:
        kept_seconds: int = self.get_queue(queue_name).message_retention_period
        return bool(kept_seconds + message.sent_timestamp / 1000 > unix_time())

    from moto.core.utils import unix_time

    backend.is_message_valid_based_on_retention_period = is_message_valid


def _answer_values_as_they_are(serializer: Any) -> None:
    """Answer an attribute's value as it is stored: moto asks it for each of its ten types, by up to six names."""
    serialize = serializer._serialize_type_structure

    @functools.wraps(serialize)
    def serialize_structure(self: Any, serialized: Any, value: Any, shape: Any, key: str) -> None:
        if key and shape.name == "AttributeValue" and _is_plain(value):
            serialized[key] = value
        else:
            serialize(self, serialized, value, shape, key)

    serializer._serialize_type_structure = serialize_structure


def _is_plain(value: Any) -> bool:
    """Tell whether a value is JSON already, all through; binary ones are not."""
    if type(value) is not dict or len(value) != 1:
        return False
    kind, inner = next(iter(value.items()))
    match kind:
        case "S" | "N":
            return type(inner) is str
        case "BOOL" | "NULL":
            return type(inner) is bool
        case "SS" | "NS":
            return type(inner) is list and all(type(one) is str for one in inner)
        case "L":
            return type(inner) is list and all(map(_is_plain, inner))
        case "M":
            return type(inner) is dict and all(map(_is_plain, inner.values()))
    return False


def _walk_expressions_quickly(traverser: Any) -> None:
    """Ask once a walk which nodes it is about, and once a kind of node whether it is: moto asks for each node."""
    from moto.dynamodb.parsing.ast_nodes import Node

    @functools.cache
    def is_one(kind: type, kinds: Any) -> bool:
        return issubclass(kind, kinds)

    def walk(self: Any, node: Any, kinds: tuple[type, ...], child_id: int) -> Any:
        if is_one(type(node), Node):
            parent = node.parent
            if node.children is not None:
                for place, child in enumerate(node.children):
                    self.pre_processing_of_child(node, place)
                    walk(self, child, kinds, place)
            if is_one(type(node), kinds):
                node = self.process(node)
                node.parent = parent
                if parent:
                    parent.children[child_id] = node
        return node

    def traverse(self: Any, node: Any) -> Any:
        return walk(self, node, tuple(self.nodes_to_be_processed()), -1)

    traverser.traverse = traverse
