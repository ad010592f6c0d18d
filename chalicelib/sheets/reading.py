"""Spreadsheets: xlsx and csv (UTF-8, UTF-16, GB18030), read into text cells.

The libraries are loaded where they are used: a request without a sheet does not pay for them.
"""

import datetime as dt
import itertools
import unicodedata
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from chalicelib.kernel.calendar import midnight_meant
from chalicelib.kernel.reasons import error
from chalicelib.sheets.content_types import CSV
from chalicelib.sheets.headers import ADDED_BY_US, IGNORED, is_header, known_headers, plain_header
from chalicelib.sheets.layouts import Layout
from chalicelib.sheets.lines import HEADER_LINES_MAX, csv_lines, refuse_rows_above
from chalicelib.sheets.opening import ROWS_MAX, Worksheet, is_lines, letters_of, worksheets

COLUMNS_MAX = 100
CELL_CHARS_MAX = 500
_HEADERS_MIN = 2
_FIRST_SERIAL, _LAST_SERIAL = 18264, 73415
"""1950 to 2100 as a spreadsheet counts days."""
_MAC_SERIAL = 1462
_SERIAL_ZERO = dt.datetime(1899, 12, 30)  # noqa: DTZ001 - a day of a calendar
_DAY_SECONDS = 86_400
_UTC_OF_MIDNIGHT = dt.time(16)


@dataclass(frozen=True)
class SheetRow:
    """One row: its line number, its cells by canonical column, and the headers as uploaded.

    `faults` names, by canonical column, why a cell could not be read at all (`formula_without_value`,
    `formula_error`, `merged_cell`, `unreadable_cell`); such a cell is empty. `written` holds, by canonical
    column, what stood in a cell where reading it changed that; `ignored` the headers of columns with content
    that nobody reads.
    """

    row: int
    cells: dict[str, str]
    headers: dict[str, str]
    faults: dict[str, str] = field(default_factory=dict)
    written: dict[str, str] = field(default_factory=dict)
    ignored: tuple[str, ...] = ()

    def as_written(self, column: str) -> str:
        """Give what stood in a cell."""
        return self.written.get(column) or self.cells.get(column, "")


def read_lines(raw: bytes, content_type: str, layout: Layout) -> Iterator[SheetRow]:
    """Read a sheet of a layout, row by row; see `read_rows`."""
    return read_rows(
        raw, content_type, layout.columns, layout.required, dates=layout.dates, timed=layout.timed
    )


def read_table(
    raw: bytes,
    content_type: str,
    columns: Mapping[str, tuple[str, ...]],
    required: frozenset[str],
    *,
    dates: frozenset[str] = frozenset(),
    timed: frozenset[str] = frozenset(),
) -> list[SheetRow]:
    """Read a sheet whole; see `read_rows`."""
    return list(read_rows(raw, content_type, columns, required, dates=dates, timed=timed))


def read_rows(
    raw: bytes,
    content_type: str,
    columns: Mapping[str, tuple[str, ...]],
    required: frozenset[str],
    *,
    dates: frozenset[str] = frozenset(),
    timed: frozenset[str] = frozenset(),
) -> Iterator[SheetRow]:
    """Read the sheet that has the headers, row by row; titles above them and blank rows are skipped.

    `columns` gives each canonical column its accepted headers. Every cell becomes text: dates as
    `YYYY-MM-DD`; in the columns `dates`, which hold days, bare numbers too (of these `timed` may have a time
    of day besides); whole numbers without a point; marks without width and blanks around it taken away.
    Hidden rows count like any other; hidden sheets are not looked at. Of columns that are not known, only
    empty ones are passed over.

    Raises:
        Impossible: `unreadable_sheet` or what else is wrong with the file as a whole, `several_lists`,
            `missing_column`, `duplicate_column`, `unknown_column`, `column_without_header`, `no_rows` or
            `too_many_rows`. Some of these only show while the rows are read.

    """
    known = known_headers(columns)
    enough = min(_HEADERS_MIN, max(1, len(required)))  # with fewer, a required one is missing
    sheet, top = _sheet_with(known, _sheets(raw, content_type, known, enough), enough=enough)
    places, strange = _places_of(top, columns, known, required)
    passed_over = _passed_over(top)
    headers = {name: header for name, (_, header) in places.items()}
    read = frozenset(at for at, _ in places.values())
    count = 0
    for line, values in sheet.lines:
        cells = [_text(value) for value in values]
        _refuse_strange(cells, top, strange)
        lost = _lost(sheet, line, values, read)
        if not lost and not any(cell for at, cell in enumerate(cells) if at in read):
            continue
        count += 1
        if count > ROWS_MAX:
            raise error("too_many_rows", limit=ROWS_MAX)
        row = SheetRow(
            line,
            {name: cells[at] if at < len(cells) else "" for name, (at, _) in places.items()},
            headers,
            ignored=tuple(top[at] for at in passed_over if at < len(cells) and cells[at]),
        )
        for name, (at, _) in places.items():
            value = values[at] if at < len(values) else ""
            code = lost.get(at) or (
                "merged_cell" if not row.cells[name] and sheet.is_merged(line, at) else None
            )
            if code is not None:
                row.faults[name] = code
                continue
            if name in dates:
                day = _day_of(value, mac_dates=sheet.mac_dates, timed=name in timed)
                row.cells[name] = day or row.cells[name]
            shown = _shown(value)
            if shown != row.cells[name]:
                row.written[name] = shown
        yield row
    if not count:
        raise error("no_rows")


def _passed_over(top: Sequence[str]) -> list[int]:
    """Tell where columns stand that nobody reads, though their sender may think so."""
    plain = [plain_header(text) for text in top]
    return [at for at, text in enumerate(plain) if text in IGNORED and text not in ADDED_BY_US]


def _shown(value: Any) -> str:
    """Give a cell as it stands in the sheet, but for a date without a time: that has no one look."""
    if isinstance(value, str):
        return value[: CELL_CHARS_MAX * 2]
    if isinstance(value, dt.datetime):
        midnight = value.time() == dt.time()
        return value.date().isoformat() if midnight else value.isoformat(" ", "seconds")
    return _text(value)


def _refuse_strange(cells: Sequence[str], top: Sequence[str], strange: Collection[int]) -> None:
    """Refuse content that nobody would read: below a header that is not known, or below none."""
    for at, cell in enumerate(cells):
        if cell and at >= len(top):
            raise error("column_without_header", column=letters_of(at))
        if cell and at in strange:
            if top[at]:
                raise error("unknown_column", column=top[at][:CELL_CHARS_MAX])
            raise error("column_without_header", column=letters_of(at))


def _lost(sheet: Worksheet, line: int, values: Sequence[Any], read: Collection[int]) -> dict[int, str]:
    """Give the cells of a line that have something, though the library gives nothing for them, and why."""
    given = ((at, values[at] if at < len(values) else "") for at in read)
    return {at: code for at, value in given if (code := sheet.lost(line, at, value)) is not None}


def _sheets(raw: bytes, content_type: str, known: Mapping[str, str], enough: int) -> Iterator[Worksheet]:
    if content_type == CSV and is_lines(raw):
        yield Worksheet("", csv_lines(raw, lambda cells: is_header(cells, known, enough)))
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
    above: list[tuple[int, list[str]]] = []
    for line, cells in itertools.islice(sheet.lines, HEADER_LINES_MAX):
        texts = [_text(cell) for cell in cells]
        if is_header(texts, known, enough):
            refuse_rows_above(above, texts)
            return texts, True
        above.append((line, texts))
        first = first or (texts if any(texts) else None)
    return (first, False) if first is not None else None


def _places_of(
    header: Sequence[str],
    columns: Mapping[str, tuple[str, ...]],
    known: Mapping[str, str],
    required: frozenset[str],
) -> tuple[dict[str, tuple[int, str]], frozenset[int]]:
    """Tell where each column stands, and which places nobody reads and so have to be empty."""
    if len(header) > COLUMNS_MAX and any(header[COLUMNS_MAX:]):
        raise error("unknown_column", column=next(filter(None, header[COLUMNS_MAX:]))[:CELL_CHARS_MAX])
    places: dict[str, tuple[int, str]] = {}
    strange: set[int] = set()
    own = {plain_header(alias) for name, aliases in columns.items() for alias in (*aliases, name)}
    for at, text in sorted(enumerate(header), key=lambda one: plain_header(one[1]) not in own):
        if plain_header(text) in IGNORED:
            continue
        name = known.get(plain_header(text))
        if name is None:
            strange.add(at)
        elif name not in places:
            places[name] = (at, text)
        elif plain_header(text) == plain_header(places[name][1]):
            raise error("duplicate_column", column=text)
        else:  # another word for a column that is there: nobody knows which of the two is meant
            strange.add(at)
    for name in columns:
        if name in required and name not in places:
            misspelt = next((header[at] for at in sorted(strange) if header[at]), None)
            if misspelt is not None:
                raise error("unknown_column", column=misspelt[:CELL_CHARS_MAX])
            raise error("missing_column", column=columns[name][0])
    return places, frozenset(strange)


def _day_of(value: Any, *, mac_dates: bool, timed: bool) -> str | None:
    """Read a day as a program counts it: a moment, or a number in a column without a date format.

    A program that takes Shanghai's midnight to UTC before it counts, as exceljs does, is eight hours short.
    In a column that may be `timed` 16:00 is a time of that day.
    """
    if isinstance(value, dt.datetime):
        moment = value
    elif isinstance(value, float):
        serial = value + (_MAC_SERIAL if mac_dates else 0)
        if not _FIRST_SERIAL <= serial <= _LAST_SERIAL:
            return None
        moment = _SERIAL_ZERO + dt.timedelta(seconds=round(serial * _DAY_SECONDS))
    else:
        return None
    if not timed and moment.time() == _UTC_OF_MIDNIGHT:
        moment += dt.timedelta(hours=24 - _UTC_OF_MIDNIGHT.hour)
    return midnight_meant(moment).date().isoformat()


def _text(cell: Any) -> str:
    if isinstance(cell, str):
        return _tidy(cell[: CELL_CHARS_MAX * 2]) if cell else ""
    if isinstance(cell, dt.datetime):
        return midnight_meant(cell).date().isoformat()
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
