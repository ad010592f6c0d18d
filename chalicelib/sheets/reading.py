"""Spreadsheets: xlsx and csv (UTF-8, UTF-16 with BOM, GB18030), read into text cells.

The libraries are loaded where they are used: a request without a sheet does not pay for them.
"""

import csv
import datetime as dt
import io
import itertools
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from chalicelib.kernel.reasons import error
from chalicelib.sheets.content_types import CSV
from chalicelib.sheets.opening import ROWS_MAX, Worksheet, is_workbook, letters_of, worksheets

COLUMNS_MAX = 100
CELL_CHARS_MAX = 500
HEADER_LINES_MAX = 20
LINE_COLUMN, REASON_COLUMN = "行号", "错误原因"
"""What an error sheet adds; ignored where it is sent again, corrected."""
_HEADERS_MIN = 2
_FIRST_SERIAL, _LAST_SERIAL = 18264, 73415
"""1950 to 2100 as a spreadsheet counts days."""
_MAC_SERIAL = 1462
_SERIAL_ZERO = dt.date(1899, 12, 30)
_DELIMITERS = (",", "\t", ";", "，")
_AS_TEXT = re.compile(r'="([^"]*)"')


@dataclass(frozen=True)
class SheetRow:
    """One row: its line number, its cells by canonical column, and the headers as uploaded.

    `faults` names, by canonical column, why a cell could not be read at all (`formula_without_value`,
    `formula_error`, `merged_cell`); such a cell is empty.
    """

    row: int
    cells: dict[str, str]
    headers: dict[str, str]
    faults: dict[str, str] = field(default_factory=dict)


def read_table(
    raw: bytes,
    content_type: str,
    columns: Mapping[str, tuple[str, ...]],
    required: frozenset[str],
    *,
    dates: frozenset[str] = frozenset(),
) -> list[SheetRow]:
    """Read a sheet whole; see `read_rows`."""
    return list(read_rows(raw, content_type, columns, required, dates=dates))


def read_rows(
    raw: bytes,
    content_type: str,
    columns: Mapping[str, tuple[str, ...]],
    required: frozenset[str],
    *,
    dates: frozenset[str] = frozenset(),
) -> Iterator[SheetRow]:
    """Read the sheet that has the headers, row by row; titles above them and blank rows are skipped.

    `columns` gives each canonical column its accepted headers. Every cell becomes text: dates as
    `YYYY-MM-DD`, also where a workbook shows one of the columns `dates` as a bare number; whole numbers
    without a point; marks without width and blanks around it taken away. Hidden rows count like any other;
    hidden sheets are not looked at.

    Raises:
        Impossible: `unreadable_sheet` or what else is wrong with the file as a whole, `several_lists`,
            `missing_column`, `duplicate_column`, `unknown_column`, `column_without_header`, `no_rows` or
            `too_many_rows`. Some of these only show while the rows are read.

    """
    known = {alias: name for name, aliases in columns.items() for alias in (*aliases, name)}
    enough = min(_HEADERS_MIN, max(1, len(required)))  # with fewer, a required one is missing
    sheet, top = _sheet_with(known, _sheets(raw, content_type), enough=enough)
    places = _places_of(top, columns, known, required)
    headers = {name: header for name, (_, header) in places.items()}
    headed = {at for at, header in enumerate(top) if header}
    count = 0
    for line, values in sheet.lines:
        cells = [_text(value) for value in values]
        if not any(cells) and not any(sheet.holes.get((line, at)) for at in headed):
            continue
        count += 1
        if count > ROWS_MAX:
            raise error("too_many_rows", limit=ROWS_MAX)
        for at, cell in enumerate(cells):
            if cell and at not in headed:
                raise error("column_without_header", column=letters_of(at))
        row = SheetRow(
            line, {name: cells[at] if at < len(cells) else "" for name, (at, _) in places.items()}, headers
        )
        for name, (at, _) in places.items():
            if not row.cells[name] and (hole := sheet.hole(line, at)):
                row.faults[name] = hole
            elif name in dates and isinstance(values[at] if at < len(values) else None, float):
                row.cells[name] = _day_of(values[at], mac_dates=sheet.mac_dates) or row.cells[name]
        yield row
    if not count:
        raise error("no_rows")


def _sheets(raw: bytes, content_type: str) -> Iterator[Worksheet]:
    if content_type == CSV and not is_workbook(raw):
        yield _csv_sheet(raw)
    else:
        yield from worksheets(raw)


def _sheet_with(
    known: Mapping[str, str], sheets: Iterator[Worksheet], *, enough: int
) -> tuple[Worksheet, list[str]]:
    """Find the sheet with the headers; its lines go on below. If none has any, the first one's first."""
    chosen: tuple[Worksheet, list[str]] | None = None
    fallback: tuple[Worksheet, list[str]] | None = None
    for sheet in sheets:
        top = _header_of(sheet, known, enough)
        if top is None:
            continue
        headers, recognised = top
        if not recognised:
            fallback = fallback or (sheet, headers)
        elif chosen is None:
            chosen = sheet, headers
        elif any(_text(cell) for _, cells in sheet.lines for cell in cells):
            raise error("several_lists", sheets=f"{chosen[0].name}、{sheet.name}"[:CELL_CHARS_MAX])
    sheet_and_top = chosen or fallback
    if sheet_and_top is None:
        raise error("no_rows")
    return sheet_and_top


def _header_of(sheet: Worksheet, known: Mapping[str, str], enough: int) -> tuple[list[str], bool] | None:
    """Take lines off a sheet up to its headers, and tell whether they were recognised; None if blank."""
    first: list[str] | None = None
    for _, cells in itertools.islice(sheet.lines, HEADER_LINES_MAX):
        texts = [_text(cell) for cell in cells]
        if sum(_plain(text) in known for text in texts) >= enough:
            return texts, True
        first = first or (texts if any(texts) else None)
    return (first, False) if first is not None else None


def _plain(header: str) -> str:
    """Take from a header what templates add: blanks and the star of what must be filled in."""
    return "".join(unicodedata.normalize("NFKC", header).split()).strip("*")


def _places_of(
    header: Sequence[str],
    columns: Mapping[str, tuple[str, ...]],
    known: Mapping[str, str],
    required: frozenset[str],
) -> dict[str, tuple[int, str]]:
    if len(header) > COLUMNS_MAX and any(header[COLUMNS_MAX:]):
        raise error("unknown_column", column=next(filter(None, header[COLUMNS_MAX:]))[:CELL_CHARS_MAX])
    places: dict[str, tuple[int, str]] = {}
    for at, text in enumerate(header):
        if not text or text in (LINE_COLUMN, REASON_COLUMN):
            continue
        name = known.get(_plain(text))
        if name is None:
            raise error("unknown_column", column=text[:CELL_CHARS_MAX])
        if name in places:
            raise error("duplicate_column", column=text)
        places[name] = (at, text)
    for name in columns:
        if name in required and name not in places:
            raise error("missing_column", column=columns[name][0])
    return places


def _csv_sheet(raw: bytes) -> Worksheet:
    text = _decoded(raw)
    if "\x00" in text:
        raise error("unreadable_sheet")
    head = text[:10_000].split("\n")[:HEADER_LINES_MAX]
    delimiter = max(_DELIMITERS, key=lambda sign: max(line.count(sign) for line in head))
    return Worksheet("", _csv_lines(text, delimiter))


def _decoded(raw: bytes) -> str:
    wide = raw.startswith((b"\xff\xfe", b"\xfe\xff"))  # what Excel calls Unicode text
    for encoding in ("utf-16",) if wide else ("utf-8-sig", "gb18030"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise error("unreadable_sheet")


def _csv_lines(text: str, delimiter: str) -> Iterator[tuple[int, list[Any]]]:
    lines = csv.reader(io.StringIO(text, newline=""), strict=True, delimiter=delimiter)
    try:
        for line, cells in enumerate(lines, start=1):
            yield line, [match[1] if (match := _AS_TEXT.fullmatch(cell)) else cell for cell in cells]
    except csv.Error:
        raise error("unreadable_sheet") from None


def _day_of(serial: float, *, mac_dates: bool) -> str | None:
    """Read the number of a day, as a spreadsheet shows a date in a column without a date format."""
    day = int(serial) + (_MAC_SERIAL if mac_dates else 0)
    if not _FIRST_SERIAL <= day <= _LAST_SERIAL:
        return None
    return (_SERIAL_ZERO + dt.timedelta(days=day)).isoformat()


def _text(cell: Any) -> str:
    if isinstance(cell, str):
        return _tidy(cell[: CELL_CHARS_MAX * 2]) if cell else ""
    if isinstance(cell, dt.datetime):
        return cell.date().isoformat()
    if isinstance(cell, float):
        whole = cell.is_integer() and abs(cell) < 1e15  # noqa: PLR2004 - beyond, digits are lost
        return str(int(cell)) if whole else repr(cell)
    return str(cell)


def _tidy(text: str) -> str:
    """Take away what nobody sees in a cell: blanks around it, marks without width, the leading apostrophe."""
    if not text.isprintable():
        text = "".join(
            " " if sign.isspace() or unicodedata.category(sign) == "Cc" else sign
            for sign in text
            if unicodedata.category(sign) != "Cf"
        )
    return text.replace("\u3000", " ").strip().removeprefix("'").removeprefix("\u2019").strip()
