"""What strangers may put into a sheet: bombs that grow when they are opened, formulas that run elsewhere."""

import csv
import io
import zipfile
from typing import Any

import pytest
from openpyxl import Workbook, load_workbook

from chalicelib.edge.endpoints import SHEET_BYTES_MAX
from chalicelib.kernel.errors import Impossible
from chalicelib.sheets.content_types import XLSX
from chalicelib.sheets.reading import read_table
from chalicelib.sheets.writing import write_csv, write_xlsx

FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "=cmd|' /C calc'!A0", "＝1+1", "\n=1"]
COLUMNS = {"name": ("姓名", "name")}


@pytest.mark.parametrize("text", FORMULAS)
def test_no_exported_text_runs_as_a_formula(text: str) -> None:
    sheet = load_workbook(io.BytesIO(write_xlsx("t", [text], [[text, 5]]))).active
    for row in sheet.iter_rows():
        for cell in row:
            assert cell.data_type != "f"
    assert str(sheet["A2"].value).startswith("'")
    assert str(sheet["A1"].value).startswith("'")
    assert sheet["B2"].value == 5
    rows = list(csv.reader(io.StringIO(write_csv([text], [[text, -5]]).decode("utf-8-sig"), newline="")))
    assert rows[0][0] == rows[1][0] == "'" + text
    assert rows[1][1] == "-5"


def workbook(*cells: tuple[str, str]) -> bytes:
    book = Workbook()
    for place, value in cells:
        book.active[place] = value
    target = io.BytesIO()
    book.save(target)
    return target.getvalue()


def repacked(raw: bytes, change: Any) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(raw)) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new:
        parts = {name: old.read(name) for name in old.namelist()}
        change(parts)
        for name, part in parts.items():
            new.writestr(name, part)
    return target.getvalue()


def read(raw: bytes) -> list[Any]:
    return list(read_table(raw, XLSX, COLUMNS, frozenset({"name"})))


def test_a_plain_sheet_is_read() -> None:
    assert [row.cells["name"] for row in read(workbook(("A1", "姓名"), ("A2", "张三")))] == ["张三"]


def far_cell() -> bytes:
    return workbook(("A1", "姓名"), ("A2", "张三"), ("XFD1048576", "x"))


def far_cell_in_lower_case() -> bytes:
    def change(parts: dict[str, bytes]) -> None:
        name = "xl/worksheets/sheet1.xml"
        parts[name] = parts[name].replace(b'r="XFD1048576"', b"r = 'xfd1048576'")

    return repacked(far_cell(), change)


def zeros() -> bytes:
    """Half a gigabyte in half a megabyte."""
    return repacked(workbook(("A1", "姓名")), lambda parts: parts.update({"xl/x.xml": bytes(450_000_000)}))


def many_entries() -> bytes:
    return repacked(
        workbook(("A1", "姓名")), lambda parts: parts.update({f"xl/{n}.xml": b"" for n in range(2000)})
    )


def open_document() -> bytes:
    return repacked(workbook(("A1", "姓名")), lambda parts: parts.update({"content.xml": b"<x/>"}))


def lying_size() -> bytes:
    """Declare fewer bytes than there are."""
    raw = bytearray(repacked(workbook(("A1", "姓名")), lambda p: p.update({"xl/x.xml": bytes(3_000_000)})))
    size = (3_000_000).to_bytes(4, "little")
    place = raw.find(size)
    while place >= 0:
        raw[place : place + 4] = (10).to_bytes(4, "little")
        place = raw.find(size, place)
    return bytes(raw)


@pytest.mark.parametrize(
    "bomb", [far_cell, far_cell_in_lower_case, many_entries, open_document, lying_size, zeros]
)
def test_bombs_are_refused_before_they_open(bomb: Any) -> None:
    raw = bomb()
    assert len(raw) < SHEET_BYTES_MAX
    with pytest.raises(Impossible) as refused:
        read(raw)
    assert refused.value.code in ("unreadable_sheet", "too_many_rows")
