"""Sheets to be filled in: locked headers, choices and limits on the cells, text that stays text.

What is written here is read back by `chalicelib.sheets.reading` as it is: the first row is the header, and
rows left blank are skipped.
"""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chalicelib.sheets.content_types import CSV
from chalicelib.sheets.layouts import Layout
from chalicelib.sheets.packing import Cell
from chalicelib.sheets.reading import SheetRow
from chalicelib.sheets.writing import write_csv

_WIDTH_MIN = 12
_TEXT = "@"
_LAST_ROW = 1_048_576


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column of a form: locked unless it is to be filled in; `choices` or a whole-number range limit it."""

    header: str
    open: bool = False
    choices: tuple[str, ...] = ()
    whole_from: int | None = None
    whole_to: int | None = None
    hint: str = ""


def write_form(
    title: str, columns: Sequence[Column], rows: Sequence[Sequence[Cell]], *, blank_rows: int = 0
) -> bytes:
    """Write an xlsx form: a locked header, prefilled rows, and blank ones of which every cell is open."""
    from openpyxl import Workbook  # noqa: PLC0415 - heavy
    from openpyxl.styles import Font, PatternFill, Protection  # noqa: PLC0415

    book = Workbook()
    sheet: Any = book.active
    sheet.title = title[:31]
    sheet.freeze_panes = "A2"
    sheet.protection.sheet = True
    shade = PatternFill("solid", fgColor="FFEDEDED")
    last = 1 + len(rows) + blank_rows
    for place, column in enumerate(columns, start=1):
        top = sheet.cell(1, place, column.header)
        top.font, top.fill = Font(bold=True), shade
        sheet.column_dimensions[top.column_letter].width = max(_WIDTH_MIN, len(column.header) * 2 + 8)
        for row in range(2, last + 1):
            blank = row > 1 + len(rows)
            cell = sheet.cell(row, place)
            value = None if blank else rows[row - 2][place - 1]
            if value is not None:
                cell.value = value
            if isinstance(value, str):
                cell.data_type = "s"  # never a formula, whatever it starts with
            if column.whole_from is None:
                cell.number_format = _TEXT  # or a number of 18 digits loses its last ones
            if column.open or blank:
                cell.protection = Protection(locked=False)
            else:
                cell.fill = shade
        limit = _limit_of(column)
        if limit is not None and last > 1:
            limit.add(f"{top.column_letter}2:{top.column_letter}{last}")
            sheet.add_data_validation(limit)
    target = io.BytesIO()
    book.save(target)
    return target.getvalue()


def write_template(layout: Layout) -> bytes:
    """Write an empty sheet whose columns keep what is typed as text: a long number loses no digits."""
    from openpyxl import Workbook  # noqa: PLC0415 - heavy
    from openpyxl.styles import Font  # noqa: PLC0415

    book = Workbook()
    sheet: Any = book.active
    sheet.title = layout.title[:31]
    sheet.freeze_panes = "A2"
    choices_of = {headers[0]: layout.choices.get(name, ()) for name, headers in layout.columns.items()}
    for place, header in enumerate(layout.template, start=1):
        top = sheet.cell(1, place, header)
        top.font = Font(bold=True)
        column = sheet.column_dimensions[top.column_letter]
        column.width = max(_WIDTH_MIN, len(header) * 2 + 8)
        column.number_format = _TEXT
        limit = _limit_of(Column(header=header, choices=choices_of[header]))
        if limit is not None:
            limit.showErrorMessage = False  # other words are read too
            limit.add(f"{top.column_letter}2:{top.column_letter}{_LAST_ROW}")
            sheet.add_data_validation(limit)
    target = io.BytesIO()
    book.save(target)
    return target.getvalue()


def _limit_of(column: Column) -> Any:
    from openpyxl.worksheet.datavalidation import DataValidation  # noqa: PLC0415 - heavy

    if column.choices:
        limit = DataValidation(type="list", formula1=f'"{",".join(column.choices)}"', allow_blank=True)
    elif column.whole_from is not None:
        low, high = str(column.whole_from), str(column.whole_to)
        limit = DataValidation(
            type="whole", operator="between", formula1=low, formula2=high, allow_blank=True
        )
    else:
        return None
    limit.error = limit.prompt = column.hint
    limit.showErrorMessage = limit.showInputMessage = True
    return limit


def with_reasons(
    rows: Sequence[SheetRow],
    reasons: Mapping[int, str],
    *,
    header: str,
    rest: Sequence[str],
    content_type: str,
) -> bytes:
    """Write an uploaded sheet again, each row on its line, with a column that says what is wrong with it.

    `reasons` are by line; `rest` belongs to no line and stands below.
    """
    names = list(rows[0].headers)
    headers = [*(rows[0].headers[name] for name in names), header]
    lines: list[Sequence[Cell]] = []
    for row in rows:
        lines += [[None] * len(headers)] * (row.row - len(lines) - 2)
        lines.append([*(row.cells[name] for name in names), reasons.get(row.row, "")])
    lines += [[*([None] * len(names)), text] for text in rest]
    if content_type == CSV:
        return write_csv(headers, lines)
    return write_form("Sheet1", [Column(header=text, open=True) for text in headers], lines)
