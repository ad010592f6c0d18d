"""Small changes of a module, one at a time, as somebody might have mistyped it."""

import ast
import copy
from collections.abc import Iterator
from dataclasses import dataclass

_COMPARED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}
_RECKONED: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Add,
    ast.FloorDiv: ast.Mult,
    ast.Div: ast.Mult,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
    ast.Mod: ast.Mult,
}


@dataclass(frozen=True)
class Mutant:
    """One change: where it is, what it was, what it became, the module's text with it.

    `text` is the line as it stands there, behind the one above: two may be the same.
    """

    line: int
    text: str
    was: str
    became: str
    source: str

    def __str__(self) -> str:
        return f"{self.line}: {self.was}  →  {self.became}"


def mutants_of(source: str) -> Iterator[Mutant]:
    """Give every mutant of a module: each place is changed alone. Annotations and documentation stay."""
    tree, lines = ast.parse(source), source.splitlines()
    places = [node for node in _meant(tree) if _changes(node)]
    for place, node in enumerate(places):
        for number in range(len(_changes(node))):
            other = copy.deepcopy(tree)
            same = [one for one in _meant(other) if _changes(one)][place]
            was = ast.unparse(same)
            became = _changes(same)[number]
            changed = _Put(same, became).visit(other)
            text = ast.unparse(ast.fix_missing_locations(changed))
            line = getattr(node, "lineno", 0)
            above = " ".join(one.strip() for one in lines[max(line - 2, 0) : line])
            yield Mutant(line, above, was[:90], ast.unparse(became)[:90], text)


def _meant(tree: ast.AST) -> Iterator[ast.AST]:
    """Walk over what decides something; what types are annotated decides nothing at run time."""
    for name, value in ast.iter_fields(tree):
        if name in {"annotation", "returns", "decorator_list", "type_comment"}:
            continue
        if name == "keywords" and isinstance(tree, ast.ClassDef):
            continue  # how a record is made, not what it decides
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                yield child
                yield from _meant(child)


def _changes(node: ast.AST) -> list[ast.AST]:
    match node:
        case ast.Compare(ops=[op]) if type(op) in _COMPARED:
            return [ast.Compare(node.left, [_COMPARED[type(op)]()], node.comparators)]
        case ast.BinOp(op=op) if type(op) in _RECKONED and not _is_text(node):
            return [ast.BinOp(node.left, _RECKONED[type(op)](), node.right)]
        case ast.BoolOp(op=op, values=values):
            turned = ast.Or() if isinstance(op, ast.And) else ast.And()
            return [ast.BoolOp(turned, values)]
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return [operand]
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return [operand]
        case ast.Constant(value=bool() as value):
            return [ast.Constant(not value)]
        case ast.Constant(value=int() as value):
            return [ast.Constant(value + 1)]
        case ast.IfExp(test=test, body=body, orelse=orelse):
            return [ast.IfExp(test, orelse, body)]
        case ast.Raise():
            return [ast.Pass()]
        case ast.Return(value=value) if value is not None and not _is_nothing(value):
            return [ast.Return(ast.Constant(None))]
        case _:
            return []


def _is_nothing(value: ast.expr) -> bool:
    """Tell whether None in its place says the same."""
    return isinstance(value, ast.Constant) and value.value in (None, False)


def _is_text(node: ast.BinOp) -> bool:
    """Tell whether texts or types are put together: changing that fails at once, and shows nothing."""
    sides = (node.left, node.right)
    return any(
        isinstance(side, ast.Constant) and (isinstance(side.value, str) or side.value is None)
        for side in sides
    )


class _Put(ast.NodeTransformer):
    """Puts one node in the place of another."""

    def __init__(self, place: ast.AST, fresh: ast.AST) -> None:
        self._place, self._fresh = place, fresh

    def visit(self, node: ast.AST) -> ast.AST:
        if node is self._place:
            return ast.copy_location(self._fresh, node)
        return self.generic_visit(node)
