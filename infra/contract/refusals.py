"""Which codes each view can raise, read from the source of what it reaches.

The document tells them (`chalicelib/edge/describing`). They are written anew with it (`make openapi`). A code
counts where it stands as a word in a function that is reached, or in a table of the program that such a
function names. Not in a `Fault`: that is one mistake among the `errors` of a refusal, which has its own code.
"""

from __future__ import annotations

import ast
import functools
import importlib
import json
import re
import sys
from collections.abc import Iterator, Mapping
from typing import Any, Final

from infra.deployment.reach import Source, is_ours, reached, source_of

_TABLE_ROWS_MAX: Final = 200
_DEPTH_MAX: Final = 3
_IS_PREFIX: Final = re.compile(r"[a-z]+(_[a-z]+)*_").fullmatch
"""A code may be made of a word and what comes after it: `f"listed_{name}"`."""
_OFFERING: Final = re.compile(r"_?allowed_(actions|on|on_[a-z]+)").fullmatch
"""The functions behind `allowed_actions`, by name."""
_TELLS_ONLY: Final = ("chalicelib.edge.describing", "chalicelib.console.pages")
"""What describes refusals raises none."""


def codes_of_views() -> dict[str, list[str]]:
    """Give the codes that each view can raise, by operation."""
    endpoints = importlib.import_module("chalicelib.edge.endpoints").ENDPOINTS
    return {endpoint.name: sorted(_codes(_view_of(endpoint))) for endpoint in endpoints}


def refusals_text() -> str:
    """Give the file, one operation a line."""
    rows = [f" {json.dumps(name)}: {json.dumps(codes)}" for name, codes in sorted(codes_of_views().items())]
    return "{\n" + ",\n".join(rows) + "\n}\n"


def _view_of(endpoint: Any) -> Any:
    return getattr(sys.modules[endpoint.module], endpoint.name)


def _codes(view: Any) -> set[str]:
    return {
        code
        for piece, _ in reached([view], but=_offers)
        if not piece.__module__.startswith(_TELLS_ONLY)
        for code in _codes_of(piece)
    }


def _offers(piece: Any) -> bool:
    """Tell whether a function says what may be done next: what stands against that is no refusal of this."""
    return _OFFERING(getattr(piece, "__name__", "")) is not None


@functools.cache
def _codes_of(piece: Any) -> frozenset[str]:
    """Give the codes in one function or class; read once, for hundreds of views lead to the same ones."""
    source = source_of(piece)
    return frozenset(_codes_in(source)) if source else frozenset()


def _codes_in(source: Source) -> Iterator[str]:
    reasons = importlib.import_module("chalicelib.kernel.reasons").REASONS
    of_faults = {id(word) for node in ast.walk(source.tree) for word in _words_of_fault(node)}
    for node in ast.walk(source.tree):
        if id(node) in of_faults:
            continue
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in reasons:
            yield node.value
        if isinstance(node, ast.JoinedStr) and isinstance(node.values[0], ast.Constant):
            begins = str(node.values[0].value)
            yield from (code for code in reasons if _IS_PREFIX(begins) and code.startswith(begins))
    for value in source.values():
        if not is_ours(value):
            yield from _codes_among(value, reasons, 0)


def _words_of_fault(node: ast.AST) -> Iterator[ast.AST]:
    """Give the words that make a `Fault` what it is."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Fault":
        yield from ast.walk(node)


def _codes_among(value: Any, reasons: Mapping[str, Any], depth: int) -> Iterator[str]:
    if isinstance(value, str):
        if value in reasons:
            yield str(value)
        return
    parts = [*value, *value.values()] if isinstance(value, Mapping) else value
    if (
        isinstance(parts, list | tuple | set | frozenset)
        and value is not reasons
        and len(parts) <= _TABLE_ROWS_MAX
        and depth < _DEPTH_MAX
    ):
        for part in parts:
            yield from _codes_among(part, reasons, depth + 1)
