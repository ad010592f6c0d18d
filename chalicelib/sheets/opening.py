"""Opening xlsx files that anyone may have made: bounded before the library sees them, nothing lost unseen.

The library gives the value of each cell. What it does not tell, and what would look like an empty cell, is
read from the parts themselves: formulas that were never computed, and formulas that ended in an error.
"""

import io
import re
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from chalicelib.kernel.reasons import error

UNPACKED_BYTES_MAX = 400_000_000
ROWS_MAX = 300_000
CELLS_MAX = 6_000_000
ENTRIES_MAX = 1000
_HOLES_MAX = 100_000
_MERGED_ROWS_MAX = 1_000_000
_PIECE_BYTES = 1 << 20
_TAG_BYTES_MAX = 1 << 16
_CELL_NAME = re.compile(rb"""\br\s*=\s*["']\s*([A-Za-z]{1,8})([0-9]{1,18})""")
_EMPTY_CELL = re.compile(rb"<c\b[^<>]*/>")
_BARE_FORMULA = re.compile(
    rb"<c\b([^<>]*)>\s*<f\b[^<>]*(?:/>|>[^<]*</f\s*>)\s*(?:<v\s*/>|<v>\s*</v>)?\s*</c\s*>"
)
_ERROR_CELL = re.compile(rb"""<c\b([^<>]*\bt\s*=\s*["']e["'][^<>]*)>""")
_SHEET_ID = re.compile(rb"""<(?:\w+:)?sheet\b[^<>]*?\b\w+:id\s*=\s*["']([^"']+)["']""")
_RELATION = re.compile(rb"<(?:\w+:)?Relationship\b[^<>]*>")
_ID = re.compile(rb"""\bId\s*=\s*["']([^"']+)["']""")
_TARGET = re.compile(rb"""\bTarget\s*=\s*["']([^"']+)["']""")
_MAC_DATES = re.compile(rb"""\bdate1904\s*=\s*["'](?:1|true)["']""")
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
_ZIP = b"PK\x03\x04"

CellPlace = tuple[int, int]
"""The sheet's line number, counted from 1, and the cell's place in the line, counted from 0."""


@dataclass(frozen=True)
class Worksheet:
    """One sheet of cells; `holes` says why a cell that seems empty is not."""

    name: str
    lines: Iterator[tuple[int, list[Any]]]
    holes: Mapping[CellPlace, str] = field(default_factory=dict)
    merged: Mapping[int, list[tuple[int, int]]] = field(default_factory=dict)
    """By line, the first and last column of what belongs to a cell above or to the left."""
    mac_dates: bool = False
    """Numbers of days count from 1904."""

    def hole(self, line: int, column: int) -> str | None:
        """Tell the code of what is wrong with a cell that seems empty."""
        code = self.holes.get((line, column))
        if code is None and any(first <= column <= last for first, last in self.merged.get(line, ())):
            return "merged_cell"
        return code


def is_workbook(raw: bytes) -> bool:
    """Tell whether this is a zip archive, whatever the file is called."""
    return raw.startswith(_ZIP)


def refuse_other_formats(raw: bytes) -> None:
    """Say what a file is that is called xlsx and is none.

    Raises:
        Impossible: `encrypted_sheet`, `old_sheet_format`, `web_page_sheet` or `unreadable_sheet`.

    """
    if raw.startswith(_OLE):
        raise error("encrypted_sheet" if _ENCRYPTED in raw else "old_sheet_format")
    start = raw[:1024].removeprefix("\ufeff".encode()).lstrip().lower()
    if start.startswith((b"<html", b"<!doctype html", b"<table", b"<?xml", b"<meta", b"<head", b"<div")):
        raise error("web_page_sheet")
    if not is_workbook(raw):
        raise error("unreadable_sheet")


def worksheets(raw: bytes) -> Iterator[Worksheet]:
    """Open the sheets that people see, one at a time, in their order.

    Raises:
        Impossible: `unreadable_sheet`, `too_many_rows`, `merged_cell` or what `refuse_other_formats` says.

    """
    from python_calamine import (  # noqa: PLC0415 - heavy
        CalamineError,
        CalamineWorkbook,
        SheetTypeEnum,
        SheetVisibleEnum,
    )

    refuse_other_formats(raw)
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as packed:
            holes = _examine(packed)
            parts = _parts_of(packed)
            mac_dates = _MAC_DATES.search(packed.read("xl/workbook.xml")) is not None
        book = CalamineWorkbook.from_filelike(io.BytesIO(raw))
        listed = list(enumerate(book.sheets_metadata))
        with_cells = [(at, entry) for at, entry in listed if entry.typ is SheetTypeEnum.WorkSheet]
        visible = [(at, entry) for at, entry in with_cells if entry.visible is SheetVisibleEnum.Visible]
        for at, entry in visible or with_cells:
            sheet = book.get_sheet_by_index(at)
            part = parts[at] if at < len(parts) else ""
            yield Worksheet(entry.name, _lines_of(sheet), holes.get(part, {}), _merged(sheet), mac_dates)
    except (
        CalamineError,
        zipfile.BadZipFile,
        NotImplementedError,  # an unknown compression
        RuntimeError,  # entries with a password
        OSError,
        ValueError,
        KeyError,
        EOFError,
    ):
        raise error("unreadable_sheet") from None


def _lines_of(sheet: Any) -> Iterator[tuple[int, list[Any]]]:
    """Give the lines with their numbers; the library leaves out blank columns on the left."""
    blank = [""] * (sheet.start[1] if sheet.start else 0)
    for line, cells in enumerate(sheet.iter_rows(), start=1):
        yield line, blank + cells


def _merged(sheet: Any) -> dict[int, list[tuple[int, int]]]:
    merged: dict[int, list[tuple[int, int]]] = {}
    rows = 0
    for (top, left), (bottom, right) in sheet.merged_cell_ranges or ():
        rows += bottom - top + 1
        if rows > _MERGED_ROWS_MAX:
            raise error("merged_cell", column="")
        for line in range(top + 1, bottom + 2):
            merged.setdefault(line, []).append((left, right))
    return merged


def _parts_of(packed: zipfile.ZipFile) -> list[str]:
    """Name the part of each sheet, in the workbook's order."""
    targets = {}
    for relation in _RELATION.findall(packed.read("xl/_rels/workbook.xml.rels")):
        name, target = _ID.search(relation), _TARGET.search(relation)
        if name and target:
            path = target[1].decode(errors="replace")
            targets[name[1]] = path.lstrip("/") if path.startswith("/") else f"xl/{path}"
    return [targets.get(name, "") for name in _SHEET_ID.findall(packed.read("xl/workbook.xml"))]


def _examine(packed: zipfile.ZipFile) -> dict[str, dict[CellPlace, str]]:
    """Refuse what grows beyond bounds when it is opened, before the library opens it; find the holes.

    The library keeps every cell up to the last one with content, and an allocation it cannot make ends the
    process: one cell at XFD1048576 is a file of 5 KB. It also reads other formats, which we do not examine.
    """
    entries = packed.infolist()
    names = {entry.filename for entry in entries}
    if "xl/workbook.xml" not in names or names & {"content.xml", "xl/workbook.bin"}:
        raise error("unreadable_sheet")
    if len(entries) > ENTRIES_MAX or sum(entry.file_size for entry in entries) > UNPACKED_BYTES_MAX:
        raise error("unreadable_sheet")
    return {entry.filename: _holes_in(packed, entry) for entry in entries if entry.filename.endswith(".xml")}


def _holes_in(packed: zipfile.ZipFile, entry: zipfile.ZipInfo) -> dict[CellPlace, str]:
    """Find the cells without a value, and bound a part by the farthest column and row with content."""
    column = row = 0
    holes: dict[CellPlace, str] = {}
    for text in _pieces(packed, entry):
        for letters, digits in _CELL_NAME.findall(_EMPTY_CELL.sub(b"", text)):
            column = max(column, _column_of(letters))
            row = max(row, int(digits))
        if b"<f" in text:
            holes |= _places(_BARE_FORMULA, text, "formula_without_value")
        if b'"e"' in text or b"'e'" in text:
            holes |= _places(_ERROR_CELL, text, "formula_error")
        if column * row > CELLS_MAX or len(holes) > _HOLES_MAX:
            raise error("too_many_rows", limit=ROWS_MAX)
    return holes


def _places(pattern: re.Pattern[bytes], text: bytes, code: str) -> dict[CellPlace, str]:
    named = [_CELL_NAME.search(b" " + attributes) for attributes in pattern.findall(text)]
    return {(int(name[2]), _column_of(name[1]) - 1): code for name in named if name}


def _pieces(packed: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Iterator[bytes]:
    """Read a part in pieces that end between cells."""
    rest = b""
    with packed.open(entry) as part:
        while piece := part.read(_PIECE_BYTES):
            text = rest + piece
            cut = text.rfind(b"<c ")
            if cut < 0 or len(text) - cut > _TAG_BYTES_MAX:
                cut = len(text)
            yield text[:cut]
            rest = text[cut:]
    yield rest


def letters_of(place: int) -> str:
    """Give a column's letters: 0 is A, 26 is AA."""
    name = ""
    place += 1
    while place:
        place, letter = divmod(place - 1, 26)
        name = chr(ord("A") + letter) + name
    return name


def _column_of(letters: bytes) -> int:
    """Give a column's number, counted from 1, by its letters."""
    column = 0
    for letter in letters.upper():
        column = column * 26 + letter - ord("A") + 1
    return column
