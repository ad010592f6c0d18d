"""Spreadsheets: xlsx and csv (UTF-8 with or without BOM, GB18030), read into text cells and written.

The libraries are loaded where they are used: a request without a sheet does not pay for them.
"""

import csv
import datetime as dt
import io
import re
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chalicelib.kernel.errors import Impossible

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
CSV = "text/csv"
UNPACKED_BYTES_MAX = 400_000_000
ROWS_MAX = 300_000
COLUMNS_MAX = 100
CELL_CHARS_MAX = 500
CELLS_MAX = 6_000_000
ENTRIES_MAX = 1000
_PIECE_BYTES = 1 << 20
_NAME_BYTES_MAX = 64
_CELL_NAME = re.compile(rb"""\br\s*=\s*["']\s*([A-Za-z]{1,8})([0-9]{1,18})""")
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_FIXED_TIME = dt.datetime(2026, 1, 1)  # noqa: DTZ001 - openpyxl wants naive; fixed so that bytes repeat

Cell = str | int | float | None


@dataclass(frozen=True)
class SheetRow:
    """One row: its line number, its cells by canonical column, and the headers as uploaded."""

    row: int
    cells: dict[str, str]
    headers: dict[str, str]


def content_type_of(filename: str) -> str:
    """Tell the content type of a sheet by its file name.

    Raises:
        Impossible: `unreadable_sheet` for any other ending.

    """
    lowered = filename.lower()
    if lowered.endswith(".xlsx"):
        return XLSX
    if lowered.endswith(".csv"):
        return CSV
    raise Impossible("unreadable_sheet")


def read_table(
    raw: bytes, content_type: str, columns: Mapping[str, tuple[str, ...]], required: frozenset[str]
) -> list[SheetRow]:
    """Read the first sheet: the first non-empty row is the header, blank rows are skipped.

    `columns` gives each canonical column its accepted headers. Every cell becomes text: dates as
    `YYYY-MM-DD`, whole numbers without a point.

    Raises:
        Impossible: `unreadable_sheet`, `missing_column`, `duplicate_column`, `unknown_column`,
            `no_rows` or `too_many_rows`.

    """
    lines = _csv_lines(raw) if content_type == CSV else _xlsx_lines(raw)
    numbered = [(place, cells) for place, cells in enumerate(lines, start=1) if any(cells)]
    if not numbered:
        raise Impossible("no_rows")
    if len(numbered) > ROWS_MAX + 1:
        raise Impossible("too_many_rows", limit=ROWS_MAX)
    places = _places_of(numbered[0][1], columns, required)
    headers = {name: header for name, (_, header) in places.items()}
    rows = [
        SheetRow(
            row=place,
            cells={name: (cells[at] if at < len(cells) else "") for name, (at, _) in places.items()},
            headers=headers,
        )
        for place, cells in numbered[1:]
    ]
    if not rows:
        raise Impossible("no_rows")
    return rows


def _places_of(
    header: Sequence[str], columns: Mapping[str, tuple[str, ...]], required: frozenset[str]
) -> dict[str, tuple[int, str]]:
    if len(header) > COLUMNS_MAX:
        raise Impossible("unknown_column", column=header[COLUMNS_MAX][:CELL_CHARS_MAX])
    canonical = {alias: name for name, aliases in columns.items() for alias in (*aliases, name)}
    places: dict[str, tuple[int, str]] = {}
    for at, text in enumerate(header):
        if not text:
            continue
        name = canonical.get(text.replace(" ", ""))
        if name is None:
            raise Impossible("unknown_column", column=text[:CELL_CHARS_MAX])
        if name in places:
            raise Impossible("duplicate_column", column=text)
        places[name] = (at, text)
    for name in columns:
        if name in required and name not in places:
            raise Impossible("missing_column", column=columns[name][0])
    return places


def _csv_lines(raw: bytes) -> list[list[str]]:
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            text = raw.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\x00" in text:
            break
        try:
            return [
                [_text(cell) for cell in line]
                for line in csv.reader(io.StringIO(text, newline=""), strict=True)
            ]
        except csv.Error:
            break
    raise Impossible("unreadable_sheet")


def _xlsx_lines(raw: bytes) -> list[list[str]]:
    from python_calamine import CalamineError, CalamineWorkbook  # noqa: PLC0415 - heavy

    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as packed:
            _refuse_bombs(packed)
        book = CalamineWorkbook.from_filelike(io.BytesIO(raw))
        sheet = book.get_sheet_by_index(0)
        return [[_text(cell) for cell in line] for line in sheet.to_python(skip_empty_area=False)]
    except (CalamineError, zipfile.BadZipFile, OSError, ValueError, IndexError, EOFError):
        raise Impossible("unreadable_sheet") from None


def _refuse_bombs(packed: zipfile.ZipFile) -> None:
    """Refuse what grows beyond bounds when it is opened, before the library opens it.

    The library keeps every cell up to the last one named, and an allocation it cannot make ends the process:
    one cell at XFD1048576 is a file of 5 KB. It also reads other formats, which we do not examine.
    """
    entries = packed.infolist()
    names = {entry.filename for entry in entries}
    if "xl/workbook.xml" not in names or names & {"content.xml", "xl/workbook.bin"}:
        raise Impossible("unreadable_sheet")
    if len(entries) > ENTRIES_MAX or sum(entry.file_size for entry in entries) > UNPACKED_BYTES_MAX:
        raise Impossible("unreadable_sheet")
    for entry in entries:
        if entry.filename.endswith(".xml") and _cells_in(packed, entry) > CELLS_MAX:
            raise Impossible("too_many_rows", limit=ROWS_MAX)


def _cells_in(packed: zipfile.ZipFile, entry: zipfile.ZipInfo) -> int:
    """Bound the cells of a part by the farthest column and row that it names."""
    column = row = 0
    rest = b""
    with packed.open(entry) as part:
        while piece := part.read(_PIECE_BYTES):
            text = rest + piece
            for letters, digits in _CELL_NAME.findall(text):
                column = max(column, _column_of(letters))
                row = max(row, int(digits))
            rest = text[-_NAME_BYTES_MAX:]
    return column * row


def _column_of(letters: bytes) -> int:
    place = 0
    for letter in letters.upper():
        place = place * 26 + letter - ord("A") + 1
    return place


def _text(cell: Any) -> str:
    if cell is None:
        return ""
    if isinstance(cell, dt.datetime):
        return cell.date().isoformat()
    if isinstance(cell, dt.date):
        return cell.isoformat()
    if isinstance(cell, float):
        if cell.is_integer() and abs(cell) < 1e15:  # noqa: PLR2004 - beyond, digits are lost
            return str(int(cell))
        return repr(cell)
    return str(cell).strip()[: CELL_CHARS_MAX * 2]


def _safe(cell: Cell) -> Cell:
    """Keep a text from running as a formula where the sheet is opened."""
    if isinstance(cell, str) and cell.startswith(_FORMULA_STARTS):
        return "'" + cell
    return cell


def write_xlsx(title: str, headers: Sequence[str], rows: Iterable[Sequence[Cell]]) -> bytes:
    """Write one sheet with a header row; the same content gives the same bytes."""
    from openpyxl import Workbook  # noqa: PLC0415 - heavy

    book = Workbook(write_only=True)
    book.properties.created = book.properties.modified = _FIXED_TIME
    sheet = book.create_sheet(title[:31])
    sheet.freeze_panes = "A2"
    for place, header in enumerate(headers):
        sheet.column_dimensions[_letters(place)].width = max(12, len(header) * 2 + 4)
    sheet.append([_safe(header) for header in headers])
    for row in rows:
        sheet.append([_safe(cell) for cell in row])
    target = io.BytesIO()
    book.save(target)
    return _repack(target.getvalue())


def _letters(place: int) -> str:
    letters = ""
    place += 1
    while place:
        place, rest = divmod(place - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters


def _repack(raw: bytes) -> bytes:
    target = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(raw)) as source,
        zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as packed,
    ):
        for name in sorted(source.namelist()):
            packed.writestr(
                zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0)), source.read(name), zipfile.ZIP_DEFLATED
            )
    return target.getvalue()


def write_csv(headers: Sequence[str], rows: Iterable[Sequence[Cell]]) -> bytes:
    """Write a csv that spreadsheet programs open as UTF-8; the same content gives the same bytes."""
    target = io.StringIO(newline="")
    writer = csv.writer(target, lineterminator="\r\n")
    writer.writerow([_safe(header) for header in headers])
    for row in rows:
        writer.writerow([_safe(cell) for cell in row])
    return "\ufeff".encode() + target.getvalue().encode()
