"""What a piece of the program can reach, read from its source: a path that no test takes is found too.

Everything a piece of code names counts as reached, so this tells more than happens. What it cannot tell (the
methods of a value that was made elsewhere, a worker chosen by a value) is left to the tests that run it.
"""

from __future__ import annotations

import ast
import functools
import importlib
import inspect
import sys
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import FunctionType, ModuleType
from typing import Any, NamedTuple


class Source(NamedTuple):
    """The code of a function or a class, and what the names in it mean."""

    tree: ast.AST
    known: Mapping[str, Any]

    def value_of(self, node: ast.AST) -> Any:
        """Give what a name, or a name in a module or of a table, means; None if only a run shows it."""
        return value_of(node, self.known)

    def values(self) -> list[Any]:
        """Give what each name in it means."""
        nodes = (node for node in ast.walk(self.tree) if isinstance(node, ast.Name | ast.Attribute))
        return [self.value_of(node) for node in nodes]


def reached(
    beginnings: Iterable[Any], *, but: Callable[[Any], bool] = lambda _: False
) -> Iterator[tuple[Any, Source]]:
    """Walk over every function and class that some can reach, themselves first, each once.

    `but` names those that are passed by, with what only they lead to.
    """
    waiting: list[Any] = list(beginnings)
    seen: set[Any] = set()
    while waiting:
        piece = waiting.pop()
        if piece in seen or but(piece):
            continue
        seen.add(piece)
        source = source_of(piece)
        if source is not None:
            yield piece, source
            waiting += _leads_to(piece)


@functools.cache
def _leads_to(piece: Any) -> list[Any]:
    """Give what a function or a class names; read once, for hundreds of views lead to the same ones."""
    source = source_of(piece)
    values = source.values() if source is not None else []
    return list(dict.fromkeys(named for value in values for named in _behind(value)))


def is_ours(value: Any) -> bool:
    """Tell whether something is a function or a class of the program, other than a table."""
    plain = inspect.unwrap(value) if callable(value) else value
    mine = str(getattr(plain, "__module__", "")).startswith("chalicelib.")
    return mine and isinstance(plain, FunctionType | type) and not is_table(plain)


def is_table(value: Any) -> bool:
    """Tell whether something is the class of a table."""
    table = importlib.import_module("chalicelib.aws.table").Table
    return isinstance(value, type) and issubclass(value, table) and hasattr(value, "Meta")


@functools.cache
def source_of(piece: Any) -> Source | None:
    """Read a function or a class; None if a library made it at run time."""
    plain = inspect.unwrap(piece)
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(plain)))
    except (OSError, TypeError):
        return None
    return Source(tree, {**vars(sys.modules[plain.__module__]), **_imported_inside(tree)})


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


def value_of(node: ast.AST, known: Mapping[str, Any]) -> Any:
    """Give what a name means among those that are known."""
    match node:
        case ast.Name(id=name):
            return known.get(name)
        case ast.Attribute(value=value, attr=name):
            owner = value_of(value, known)
            if isinstance(owner, ModuleType) or is_table(owner):
                return getattr(owner, name, None)
            return _method(owner, name)
    return None


def _method(owner: Any, name: str) -> Any:
    """Give the method of a table of transitions, the one kind of value whose methods refuse."""
    kind = importlib.import_module("chalicelib.kernel.transitions").Transitions
    return getattr(kind, name, None) if isinstance(owner, kind) else None


def _behind(value: Any) -> Iterator[Any]:
    """Give what a value leads to: itself, the answer of a port, or what a table of functions holds."""
    ports = importlib.import_module("chalicelib.kernel.ports")
    if isinstance(value, ports.Port):
        value = ports.answer_to(value.name)
    pieces = (
        value.values() if isinstance(value, dict) else value if isinstance(value, tuple | list) else [value]
    )
    yield from (piece for piece in pieces if is_ours(piece))
