"""What the code of each function can reach, read from its source: a path that no test takes is found all the same.

Everything a piece of code names counts as reached, so this tells more than happens. What it cannot tell (a row that
was made elsewhere, an index or a worker chosen by a value) is left to the tests that make the call.
"""

import ast
import functools
import importlib
import inspect
import sys
import textwrap
from collections.abc import Iterator, Mapping
from types import FunctionType, ModuleType
from typing import Any

from infra.functions import API

Need = tuple[str, str]
"""A resource and an action on it, as `infra.grants` names them."""

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


def reachable(function: str) -> dict[Need, str]:
    """Give what a function of `infra.functions` can need, each with a place in the program that needs it."""
    waiting: list[Any] = list(_beginnings(function))
    seen: set[Any] = set()
    needs: dict[Need, str] = {}
    while waiting:
        piece = waiting.pop()
        if piece not in seen:
            seen.add(piece)
            named, needed = _read(piece)
            waiting += named
            for need in needed:
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
            yield from (value for value in vars(module).values() if _is_ours(value))
    yield importlib.import_module("chalicelib.accounts.guard").RequestGuard


def _is_ours(value: Any) -> bool:
    """Tell whether something is a function or a class of the program, other than a table."""
    plain = inspect.unwrap(value) if callable(value) else value
    mine = str(getattr(plain, "__module__", "")).startswith("chalicelib.")
    return mine and isinstance(plain, FunctionType | type) and not _is_table(plain)


def _is_table(value: Any) -> bool:
    from chalicelib.aws.table import Table

    return isinstance(value, type) and issubclass(value, Table) and hasattr(value, "Meta")


@functools.cache
def _read(piece: Any) -> tuple[tuple[Any, ...], frozenset[Need]]:
    """Read a function or a class: what else of the program it names, and what it needs itself."""
    plain = inspect.unwrap(piece)
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(plain)))
    except (OSError, TypeError):  # made by a library at run time
        return (), frozenset()
    known = {**vars(sys.modules[plain.__module__]), **_imported_inside(tree)}
    known |= dict(_rows_of(tree, known))
    needs = set(_needs_of(tree, known))
    if (key := _KEYS.get(f"{plain.__module__}.{plain.__qualname__}")) is not None:
        needs.add(key)
    values = [_value(node, known) for node in ast.walk(tree) if isinstance(node, ast.Name | ast.Attribute)]
    return tuple(dict.fromkeys(named for value in values for named in _behind(value))), frozenset(needs)


def _imported_inside(tree: ast.AST) -> Mapping[str, Any]:
    names: dict[str, Any] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("chalicelib"):
            module = importlib.import_module(str(node.module))
            for alias in node.names:
                value = getattr(module, alias.name, None)
                if value is None:
                    value = importlib.import_module(f"{node.module}.{alias.name}")
                names[alias.asname or alias.name] = value
    return names


def _rows_of(tree: ast.AST, known: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Give the variables that hold a table, or a row of one."""
    for node in ast.walk(tree):
        match node:
            case (
                ast.Assign(targets=[ast.Name(id=name)], value=value)
                | ast.AnnAssign(target=ast.Name(id=name), value=value)
            ) if value is not None and (table := _table(value, known)) is not None:
                yield name, table


def _value(node: ast.AST, known: Mapping[str, Any]) -> Any:
    match node:
        case ast.Name(id=name):
            return known.get(name)
        case ast.Attribute(value=value, attr=name):
            owner = _value(value, known)
            return getattr(owner, name, None) if isinstance(owner, ModuleType) or _is_table(owner) else None
    return None


def _behind(value: Any) -> Iterator[Any]:
    """Give what a value leads to: itself, the answer of a port, or what a table of functions holds."""
    from chalicelib.kernel.ports import Port, answer_to

    if isinstance(value, Port):
        value = answer_to(value.name)
    pieces = (
        value.values() if isinstance(value, dict) else value if isinstance(value, tuple | list) else [value]
    )
    yield from (piece for piece in pieces if _is_ours(piece))


def _table(node: ast.AST, known: Mapping[str, Any]) -> Any:
    """Give the table that an expression is: its class, a row of it, or what makes one."""
    match node:
        case ast.Call(func=ast.Attribute(value=value, attr="from_record")):
            return _table(value, known)
        case ast.Call(func=value):
            return _table(value, known)
    value = _value(node, known)
    return value if _is_table(value) else None


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
