"""Spreadsheets and csv, written."""

import csv
import io
import itertools
from collections.abc import Iterable, Sequence

from chalicelib.sheets.packing import Cell, pack_workbook

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def _safe(cell: Cell) -> Cell:
    """Keep a text from running as a formula where the sheet is opened."""
    if isinstance(cell, str) and cell.startswith(_FORMULA_STARTS):
        return "'" + cell
    return cell


def write_xlsx(title: str, headers: Sequence[str], rows: Iterable[Sequence[Cell]]) -> bytes:
    """Write one sheet with a header row; the same content gives the same bytes."""
    widths = [max(12, len(header) * 2 + 4) for header in headers]
    lines = itertools.chain([headers], rows)
    return pack_workbook(title, widths, ([_safe(cell) for cell in line] for line in lines))


def write_csv(headers: Sequence[str], rows: Iterable[Sequence[Cell]]) -> bytes:
    """Write a csv that spreadsheet programs open as UTF-8; the same content gives the same bytes."""
    target = io.StringIO(newline="")
    writer = csv.writer(target, lineterminator="\r\n")
    writer.writerow([_safe(header) for header in headers])
    for row in rows:
        writer.writerow([_safe(cell) for cell in row])
    return "\ufeff".encode() + target.getvalue().encode()
