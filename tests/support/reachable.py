"""What of AWS the code of each function can need, read from its source (`infra.deployment.reach`).

What it cannot tell (a row that was made elsewhere, an index or a worker chosen by a value) is left to the tests
that make the call.
"""

import ast
import functools
import importlib
import inspect
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from infra.deployment.functions import API
from infra.deployment.reach import is_ours, is_table, reached, source_of, value_of

Need = tuple[str, str]
"""A resource and an action on it, as `infra.deployment.grants` names them."""

_METHODS = {
    "find": "GetItem",
    "read": "GetItem",
    "get": "GetItem",
    "find_many": "BatchGetItem",
    "batch_get": "BatchGetItem",
    "query": "Query",
    "scan": "Scan",
    "batch_write": "BatchWriteItem",
    "delete": "DeleteItem",
    "save": "PutItem",
    "update": "UpdateItem",
}
"""Methods of a table's class, or of a row."""
_WRITES = {
    "Put": "PutItem",
    "insert": "PutItem",
    "keep": "PutItem",
    "Update": "UpdateItem",
    "update": "UpdateItem",
    "transition": "UpdateItem",
    "Check": "ConditionCheckItem",
}
"""What `chalicelib.aws.writes` offers; the table, or its row, is the first argument."""
_KEYS = {
    "chalicelib.aws.crypto._sealing_key": ("key", "GenerateDataKey"),
    "chalicelib.aws.crypto._opening_cipher": ("key", "Decrypt"),
    "chalicelib.aws.keys._signing_keys": ("secret/signing", "GetSecretValue"),
    "chalicelib.aws.keys._partner_keys": ("secret/partners", "GetSecretValue"),
    "chalicelib.aws.keys._index_seeds_in": ("secret/index", "GetSecretValue"),
}
"""The functions that ask for a key or a secret."""


@functools.cache
def reachable(function: str) -> dict[Need, str]:
    """Give what a function of `infra.deployment.functions` can need, each with a place in the program that needs it."""
    needs: dict[Need, str] = {}
    for piece, _ in reached(_beginnings(function)):
        for need in _needed_by(piece):
            needs.setdefault(need, f"{piece.__module__}.{piece.__qualname__}")
    return needs


def _beginnings(function: str) -> Iterator[Any]:
    import app

    if function != API:
        step = next(step for name, step, _ in app.FUNCTIONS if name == function)
        yield getattr(importlib.import_module(f"chalicelib.{step}.jobs"), function)
        return
    for name, module in list(sys.modules.items()):
        if name.startswith("chalicelib.") and (name.endswith(".routes") or name == "chalicelib.edge.http"):
            yield from (value for value in vars(module).values() if is_ours(value))
    yield importlib.import_module("chalicelib.accounts.guard").RequestGuard


@functools.cache
def _needed_by(piece: Any) -> frozenset[Need]:
    """Give what a function or a class needs itself."""
    source = source_of(piece)
    assert source is not None
    plain = inspect.unwrap(piece)
    known = dict(source.known)
    known |= dict(_rows_of(source.tree, known))
    needs = set(_needs_of(source.tree, known))
    if (key := _KEYS.get(f"{plain.__module__}.{plain.__qualname__}")) is not None:
        needs.add(key)
    return frozenset(needs)


def _rows_of(tree: ast.AST, known: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Give the variables that hold a table, or a row of one."""
    for node in ast.walk(tree):
        match node:
            case (
                ast.Assign(targets=[ast.Name(id=name)], value=value)
                | ast.AnnAssign(target=ast.Name(id=name), value=value)
            ) if value is not None and (table := _table(value, known)) is not None:
                yield name, table


def _table(node: ast.AST, known: Mapping[str, Any]) -> Any:
    """Give the table that an expression is: its class, a row of it, or what makes one."""
    match node:
        case ast.Call(func=ast.Attribute(value=value, attr="from_record")):
            return _table(value, known)
        case ast.Call(func=value):
            return _table(value, known)
    value = value_of(node, known)
    return value if is_table(value) else None


def _needs_of(tree: ast.AST, known: Mapping[str, Any]) -> Iterator[Need]:
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(attr=name) if name.endswith("_queue_url"):
                yield f"queue/{name.removesuffix('_queue_url')}", "SendMessage"
            case ast.Call(func=ast.Attribute(value=ast.Attribute(value=owner, attr=index), attr="query")) if (
                table := _table(owner, known)
            ) is not None:
                yield f"{_name(table)}/index/{getattr(table, index).Meta.index_name}", "Query"
            case ast.Call(func=ast.Attribute(value=owner, attr=method)) if (
                method in _METHODS and (table := _table(owner, known)) is not None
            ):
                yield _name(table), _METHODS[method]
            case ast.Call(func=ast.Name(id=write) | ast.Attribute(attr=write), args=[row, *_]) if (
                write in _WRITES and (table := _table(row, known)) is not None
            ):
                yield _name(table), _WRITES[write]


def _name(table: Any) -> str:
    return f"table/{table.Meta.table_name.removeprefix('voucher-test-')}"
