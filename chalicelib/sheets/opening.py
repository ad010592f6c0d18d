"""Opening xlsx files that anyone may have made: bounded before the library sees them, nothing lost unseen.

The library gives the value of each cell. What it does not tell, and what would look like an empty cell, is
read from the parts themselves (`examining`).
"""

import io
import posixpath
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from chalicelib.kernel.reasons import error
from chalicelib.sheets.examining import Cells, TooLarge, Unreadable, elements, examine

UNPACKED_BYTES_MAX = 400_000_000
ROWS_MAX = 300_000
CELLS_MAX = 6_000_000
ENTRIES_MAX = 1000
_HOLES_MAX = 100_000
_MERGED_ROWS_MAX = 1_000_000
_PIECE_BYTES = 1 << 20
_BOOK, _RELATIONS = "xl/workbook.xml", "xl/_rels/workbook.xml.rels"
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
_ZIP = b"PK\x03\x04"


@dataclass(frozen=True)
class Worksheet:
    """One sheet of cells, and what is known of those that seem empty and are not."""

    name: str
    lines: Iterator[tuple[int, list[Any]]]
    examined: Cells = field(default_factory=Cells)
    merged: Mapping[int, list[tuple[int, int]]] = field(default_factory=dict)
    """By line, the first and last column of what belongs to a cell above or to the left."""
    mac_dates: bool = False
    """Numbers of days count from 1904."""

    def lost(self, line: int, column: int, value: Any) -> str | None:
        """Tell why a cell has something, though the library gives nothing for it, or blanks."""
        if value in ("", None) and self.examined.filled.get(line, 0) >> column & 1:
            return "unreadable_cell"
        nothing = value is None or (isinstance(value, str) and not value.strip())
        return self.examined.holes.get((line, column)) if nothing else None

    def is_merged(self, line: int, column: int) -> bool:
        """Tell whether a cell belongs to one above or to the left."""
        return any(first <= column <= last for first, last in self.merged.get(line, ()))


def is_workbook(raw: bytes) -> bool:
    """Tell whether this is a zip archive, whatever the file is called."""
    return raw.startswith(_ZIP)


def is_lines(raw: bytes) -> bool:
    """Tell whether this may be lines of text, whatever the file is called."""
    return not (is_workbook(raw) or raw.startswith(_OLE) or _is_web_page(raw))


def _is_web_page(raw: bytes) -> bool:
    start = raw[:1024].removeprefix("\ufeff".encode()).lstrip().lower()
    return start.startswith((b"<html", b"<!doctype html", b"<table", b"<?xml", b"<meta", b"<head", b"<div"))


def refuse_other_formats(raw: bytes) -> None:
    """Say what a file is that is called xlsx and is none.

    Raises:
        Impossible: `encrypted_sheet`, `old_sheet_format`, `web_page_sheet` or `unreadable_sheet`.

    """
    if raw.startswith(_OLE):
        raise error("encrypted_sheet" if _ENCRYPTED in raw else "old_sheet_format")
    if _is_web_page(raw):
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
            examined = _examine(packed)
            book_part = packed.read(_BOOK)
            parts = _parts_of(book_part, packed.read(_RELATIONS))
            mac_dates = any(
                properties.get("date1904") in ("1", "true")
                for properties in elements(book_part, "workbookPr")
            )
        book = CalamineWorkbook.from_filelike(io.BytesIO(raw))
        listed = list(enumerate(book.sheets_metadata))
        with_cells = [(at, entry) for at, entry in listed if entry.typ is SheetTypeEnum.WorkSheet]
        visible = [(at, entry) for at, entry in with_cells if entry.visible is SheetVisibleEnum.Visible]
        for at, entry in visible or with_cells:
            sheet = book.get_sheet_by_index(at)
            part = parts[at] if at < len(parts) else ""
            cells = examined.get(part)
            if cells is None:
                raise error("unreadable_sheet")  # the library reads a part that we have not looked through
            yield Worksheet(entry.name, _lines_of(sheet, cells), cells, _merged(sheet), mac_dates)
    except TooLarge:
        raise error("too_many_rows", limit=ROWS_MAX) from None
    except (
        CalamineError,
        zipfile.BadZipFile,
        NotImplementedError,  # an unknown compression
        Unreadable,
        RuntimeError,  # entries with a password
        OSError,
        ValueError,
        LookupError,  # a part that is missing, or in an encoding that nobody knows
        EOFError,
    ):
        raise error("unreadable_sheet") from None


def _lines_of(sheet: Any, examined: Cells) -> Iterator[tuple[int, list[Any]]]:
    """Give the lines with their numbers.

    The library leaves out blank columns on the left, and ends with the last line that it has a value in:
    lines below with nothing but formulas that were never computed come blank.
    """
    blank = [""] * (sheet.start[1] if sheet.start else 0)
    line = 0
    for line, cells in enumerate(sheet.iter_rows(), start=1):
        yield line, blank + cells
    below = {at for at, _ in examined.holes} | examined.filled.keys()
    for at in sorted(below):
        if at > line:
            yield at, []


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


def _parts_of(book: bytes, relations: bytes) -> list[str]:
    """Name the part of each sheet, in the workbook's order."""
    targets = {one.get("Id", ""): one.get("Target", "") for one in elements(relations, "Relationship")}
    parts = []
    for sheet in elements(book, "sheet"):
        target = targets.get(sheet.get("id", ""), "")
        if not target.startswith(("/", "xl/")):  # some write it from the top without saying so
            target = posixpath.join("xl", target)
        parts.append(posixpath.normpath(target.lstrip("/")))
    return parts


def _examine(packed: zipfile.ZipFile) -> dict[str, Cells]:
    """Refuse what grows beyond bounds when it is opened, before the library opens it; find the holes.

    The library keeps every cell up to the last one with content, and an allocation it cannot make ends the
    process: one cell at XFD1048576 is a file of 5 KB. It also reads other formats, which we do not examine.
    """
    entries = packed.infolist()
    names = {entry.filename for entry in entries}
    if _BOOK not in names or names & {"content.xml", "xl/workbook.bin"}:
        raise error("unreadable_sheet")
    if len(entries) > ENTRIES_MAX or sum(entry.file_size for entry in entries) > UNPACKED_BYTES_MAX:
        raise error("unreadable_sheet")
    examined = {}
    for entry in entries:
        if entry.filename.endswith(".xml"):
            cells = examine(_pieces(packed, entry), cells_max=CELLS_MAX, holes_max=_HOLES_MAX)
            if cells is not None:
                examined[entry.filename] = cells
    return examined


def _pieces(packed: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Iterator[bytes]:
    with packed.open(entry) as part:
        while piece := part.read(_PIECE_BYTES):
            yield piece


def letters_of(place: int) -> str:
    """Give a column's letters: 0 is A, 26 is AA."""
    name = ""
    place += 1
    while place:
        place, letter = divmod(place - 1, 26)
        name = chr(ord("A") + letter) + name
    return name
