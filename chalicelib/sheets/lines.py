"""Lines of a csv, whatever wrote it: the separator and the encoding are those that yield the headers."""

import codecs
import csv
import io
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from chalicelib.kernel.reasons import error
from chalicelib.sheets.headers import is_row

HEADER_LINES_MAX = 20
_DELIMITERS: Final = (",", "\t", ";", "，", "|")
_AS_TEXT: Final = re.compile(r'="([^"]*)"')
_SEPARATOR_TOLD: Final = re.compile(r"\ufeff?\"?sep=(.)\"?\s*", re.IGNORECASE)
_HEAD_CHARS = 20_000

IsHeader = Callable[[Sequence[str]], bool]


def csv_lines(raw: bytes, is_header: IsHeader) -> Iterator[tuple[int, list[Any]]]:
    """Give the lines with their numbers, from the line with the headers; from the first if there is none.

    What stands above the headers (a title, how to fill the sheet in, `sep=;`) need not be good csv.

    Raises:
        Impossible: `unreadable_sheet`.

    """
    texts = list(_decoded(raw))
    for text in texts:
        for delimiter in _delimiters(text):
            top = _header_line(text, delimiter, is_header)
            if top is not None:
                *above, header = (
                    [_plain(cell) for cell in _cells(line, delimiter)] for line in _head(text)[: top + 1]
                )
                refuse_rows_above(list(enumerate(above, start=1)), header)
                return _lines(text, delimiter, top)
    if not texts or "\x00" in texts[0] or _is_unmarked_wide(raw):
        raise error("unreadable_sheet")
    head = _head(texts[0])
    return _lines(texts[0], max(_DELIMITERS, key=lambda sign: max(line.count(sign) for line in head)), 0)


def refuse_rows_above(above: Sequence[tuple[int, Sequence[str]]], header: Sequence[str]) -> None:
    """Refuse a sheet whose headers stand below rows of it.

    Raises:
        Impossible: `rows_above_header`.

    """
    headers = sum(bool(text.strip()) for text in header)
    for line, cells in above:
        if is_row(cells, headers):
            raise error("rows_above_header", row=line)


def _cells(line: str, delimiter: str) -> list[str]:
    return next(csv.reader(io.StringIO(line, newline=""), delimiter=delimiter), [])


def _is_unmarked_wide(raw: bytes) -> bool:
    """Tell whether there are two bytes to a sign, and no mark of it: no other text has such bytes."""
    return b"\x00" in raw[:_HEAD_CHARS] and not raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))


def _decoded(raw: bytes) -> Iterator[str]:
    """Give the texts that the bytes may be, the likeliest first."""
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):  # what Excel calls Unicode text
        encodings = ["utf-16"]
    elif _is_unmarked_wide(raw):
        encodings = ["utf-16-le", "utf-16-be"]
    else:
        encodings = ["utf-8-sig", "gb18030"]
    for encoding in encodings:
        try:
            yield raw.decode(encoding)
        except UnicodeDecodeError:
            continue


def _head(text: str) -> list[str]:
    return text[:_HEAD_CHARS].split("\n")[:HEADER_LINES_MAX]


def _delimiters(text: str) -> Sequence[str]:
    told = _SEPARATOR_TOLD.fullmatch(_head(text)[0])
    return (told[1], *_DELIMITERS) if told else _DELIMITERS


def _header_line(text: str, delimiter: str, is_header: IsHeader) -> int | None:
    """Find the line of the headers, counted from 0, among the first ones."""
    head = _head(text)
    for place in range(len(head)):
        below = io.StringIO("\n".join(head[place:]), newline="")  # a header may have a break in it
        cells = next(csv.reader(below, delimiter=delimiter), [])
        if is_header([_plain(cell).strip() for cell in cells]):
            return place
    return None


def _lines(text: str, delimiter: str, top: int) -> Iterator[tuple[int, list[Any]]]:
    start = 0
    for _ in range(top):
        start = text.index("\n", start) + 1
    lines = csv.reader(io.StringIO(text[start:], newline=""), strict=True, delimiter=delimiter)
    try:
        for line, cells in enumerate(lines, start=top + 1):
            yield line, [_plain(cell) for cell in cells]
    except csv.Error:
        raise error("unreadable_sheet") from None


def _plain(cell: str) -> str:
    """Undo what keeps a number a text in Excel: `="340102…"`."""
    match = _AS_TEXT.fullmatch(cell)
    return match[1] if match else cell
