"""What a worksheet's XML says of its cells, which the library that gives their values leaves out.

One pass of a real XML parser, so that prefixes, missing cell names, blanks and comments mean what the format
says (ECMA-376 part 1, 18.3.1). It finds the cells that look empty and are not, and how far a sheet reaches,
before the library makes room for it.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final
from xml.parsers import expat

CellPlace = tuple[int, int]
"""The sheet's line number, counted from 1, and the cell's place in the line, counted from 0."""

_CELL_NAME: Final = re.compile(r"\s*([A-Za-z]{1,3})([0-9]{1,7})\s*")
_TEXT: Final = frozenset({"v", "t"})
_LAST: Final = True
_POINTER: Final = "s"
"""The type of a cell whose `v` is a place in the table of texts, some of which are empty."""


class Unreadable(ValueError):
    """A part is no well-formed XML, or names its cells as nobody does."""


class TooLarge(ValueError):
    """A sheet reaches farther than it may."""


@dataclass(frozen=True)
class Cells:
    """What was found in one sheet.

    `holes` says what is wrong with cells whose value was never computed, or is an error. `filled` has a bit
    for each column with content, by line: where the library gives nothing for one, something was lost.
    """

    holes: dict[CellPlace, str] = field(default_factory=dict)
    filled: dict[int, int] = field(default_factory=dict)


class _NotASheet(Exception):
    """The part is something else."""


def examine(pieces: Iterable[bytes], *, cells_max: int, holes_max: int) -> Cells | None:
    """Look through one part; None if it is no worksheet.

    Raises:
        Unreadable: the part is no well-formed XML, has a document type, or two cells of one name.
        TooLarge: it reaches over more than `cells_max` cells, or has more than `holes_max` holes.

    """
    scan = _Scan(cells_max, holes_max)
    parser = _parser(scan.start, scan.end, scan.text)
    try:
        for piece in pieces:
            parser.Parse(piece)
        parser.Parse(b"", _LAST)
    except _NotASheet:
        return None
    except expat.ExpatError:
        raise Unreadable from None
    return scan.cells


def elements(raw: bytes, wanted: str) -> list[dict[str, str]]:
    """Give the attributes of each element of a name, whatever their prefixes; of two alike, the last.

    Raises:
        Unreadable: the part is no well-formed XML, or has a document type.

    """
    found: list[dict[str, str]] = []

    def start(name: str, attributes: dict[str, str]) -> None:
        if _local(name) == wanted:
            found.append({_local(key): value for key, value in attributes.items()})

    try:
        _parser(start, None, None).Parse(raw, _LAST)
    except expat.ExpatError:
        raise Unreadable from None
    return found


def column_of(letters: str) -> int:
    """Give a column's number, counted from 1, by its letters."""
    column = 0
    for letter in letters.upper():
        column = column * 26 + ord(letter) - ord("A") + 1
    return column


def _local(name: str) -> str:
    return name.rpartition(":")[2]


def _parser(
    start: Callable[..., None], end: Callable[..., None] | None, text: Callable[..., None] | None
) -> Any:
    def refuse_doctype(*_: Any) -> None:
        raise Unreadable  # the format knows none, and its entities grow

    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = text
    parser.StartDoctypeDeclHandler = refuse_doctype
    return parser


class _Scan:
    """Where the parser is: the line, the cell, and what the cell has had so far."""

    def __init__(self, cells_max: int, holes_max: int) -> None:
        self.cells = Cells()
        self._cells_max, self._holes_max = cells_max, holes_max
        self._begun = False
        self._line = self._column = 0  # of the last cell, both counted from 1
        self._farthest_line = self._farthest_column = 0
        self._met: dict[int, int] = {}
        self._kind = ""
        self._row_line = 0
        self._formula = self._filled = self._in_text = False

    def start(self, name: str, attributes: dict[str, str]) -> None:
        local = name if ":" not in name else _local(name)
        if local == "c":
            self._begin_cell(attributes)
        elif local in _TEXT:
            self._in_text = True
        elif local == "f":
            self._formula = True
        elif local == "row":
            named = attributes.get("r", "").strip()
            if named and not (named.isascii() and named.isdigit()):
                raise Unreadable
            self._row_line = int(named) if named else self._row_line + 1
            self._line, self._column = self._row_line, 0
        elif not self._begun and local != "worksheet":
            raise _NotASheet
        self._begun = True

    def _begin_cell(self, attributes: dict[str, str]) -> None:
        named = attributes.get("r")
        if named is None:
            self._column += 1  # a cell without a name follows the one before it
        elif found := _CELL_NAME.fullmatch(named):
            self._column, self._line = column_of(found[1]), int(found[2])
        else:
            raise Unreadable
        self._kind = attributes.get("t", "").strip()
        self._formula = self._filled = False

    def text(self, data: str) -> None:
        if self._in_text and not self._filled and not data.isspace():
            self._filled = True

    def end(self, name: str) -> None:
        local = name if ":" not in name else _local(name)
        if local in _TEXT:
            self._in_text = False
        elif local == "c" and (self._filled or self._formula):
            self._end_cell()

    def _end_cell(self) -> None:
        place = self._line, self._column - 1
        self._farthest_line = max(self._farthest_line, self._line)
        self._farthest_column = max(self._farthest_column, self._column)
        if self._farthest_line * self._farthest_column > self._cells_max:
            raise TooLarge
        met = self._met.get(self._line, 0)
        if met >> self._column & 1:
            raise Unreadable  # two contents for one cell, of which the library would keep the last
        self._met[self._line] = met | 1 << self._column
        if self._kind == "e":
            self.cells.holes[place] = "formula_error"
        elif not self._filled:
            self.cells.holes[place] = "formula_without_value"
        elif self._kind != _POINTER:
            self.cells.filled[place[0]] = self.cells.filled.get(place[0], 0) | 1 << place[1]
        if len(self.cells.holes) > self._holes_max:
            raise TooLarge
