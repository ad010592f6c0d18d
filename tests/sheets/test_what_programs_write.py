"""Lists as programs write them: workbooks of SheetJS, exceljs and LibreOffice as they came, others made by hand."""

import datetime as dt
import io
import zipfile
from pathlib import Path
from typing import Any

import pytest

from chalicelib.kernel.errors import Impossible
from chalicelib.people.lists.graduates.model import Graduate
from chalicelib.people.lists.graduates.service import GRADUATES
from chalicelib.sheets.content_types import CSV, XLSX
from chalicelib.sheets.reading import read_lines

FILES = Path(__file__).parent / "files"
FIRST, SECOND, THIRD = "340102200301010003", "340103200306010009", "340104200310300005"
HEADERS = ["姓名", "身份证号", "毕业院校", "学历", "毕业日期", "离校日期", "就业状态", "手机号", "行政区划"]
ROW = ["刘佳怡", FIRST, "安徽大学", "本科", "2024-06-30", "2024-07-01", "未就业", "15400000000", "340102"]


def judged(raw: bytes, content_type: str = XLSX) -> tuple[list[Graduate], list[tuple[int, str, str]]]:
    """Read a graduate list: the good rows, and (line, column, code) of every fault."""
    good, faults = [], []
    for row in read_lines(raw, content_type, GRADUATES.layout):
        read = GRADUATES.read_row(row.row, row.cells, row.headers)
        unread = {row.headers[name]: code for name, code in row.faults.items()}
        faults += [(row.row, column, code) for column, code in unread.items()]
        if isinstance(read, list):
            faults += [(fault.row, fault.column, fault.code) for fault in read if fault.column not in unread]
        elif not unread:
            good.append(read)
    return good, faults


def refusal(raw: bytes, content_type: str = XLSX) -> str:
    with pytest.raises(Impossible) as refused:
        judged(raw, content_type)
    return refused.value.code


# --------------------------------------------------------------------------- files as they came


@pytest.mark.parametrize(
    "name", ["sheetjs_serials.xlsx", "sheetjs_moments.xlsx", "sheetjs_texts.csv", "sheetjs_utf16.txt"]
)
def test_sheetjs_writes_days_in_four_ways_and_each_is_read_as_meant(name: str) -> None:
    good, faults = judged((FILES / name).read_bytes(), XLSX if name.endswith("xlsx") else CSV)
    assert faults == []
    assert [(row.id_number, row.degree, row.employment_status, row.division) for row in good] == [
        (FIRST, "本科", "未就业", "340102"),
        (SECOND, "专科", "未就业", "340103"),
    ]
    assert [(row.graduated_on, row.left_school_on) for row in good] == [
        (dt.date(2024, 6, 30), dt.date(2024, 7, 1)),
        (dt.date(2024, 7, 1), dt.date(2024, 7, 1)),
    ]


def test_exceljs_counts_days_in_utc_and_leaves_formulas_uncomputed() -> None:
    good, faults = judged((FILES / "exceljs.xlsx").read_bytes())
    assert [(row.graduated_on, row.left_school_on) for row in good] == [
        (dt.date(2024, 6, 30), dt.date(2024, 7, 1)),
        (dt.date(2024, 7, 1), dt.date(2024, 7, 1)),
    ]
    assert faults == [(5, "姓名", "formula_without_value")]


def test_libreoffice_takes_an_id_number_of_a_csv_for_a_number_and_that_is_told() -> None:
    good, faults = judged((FILES / "libreoffice.xlsx").read_bytes())
    assert good == []
    assert faults == [(row, "身份证号码", "id_number_mangled") for row in (2, 3)]


# --------------------------------------------------------------------------- made by hand

_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def workbook(sheet: str, *, target: str = "worksheets/sheet1.xml", prefix: str = "") -> bytes:
    """Pack a worksheet's XML as a program would."""
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{_PACKAGE}/content-types"/>',
        "_rels/.rels": (
            f'<Relationships xmlns="{_PACKAGE}/relationships">'
            f'<Relationship Id="r1" Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>'
        ),
        "xl/_rels/workbook.xml.rels": (
            f'<Relationships xmlns="{_PACKAGE}/relationships">'
            f'<Relationship Id="r1" Type="{_OFFICE}/worksheet" Target="{target}"/>'
            f'<Relationship Id="r2" Type="{_OFFICE}/styles" Target="styles.xml"/></Relationships>'
        ),
        "xl/workbook.xml": (
            f'<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}">'
            '<sheets><sheet name="名单" sheetId="1" r:id="r1"/></sheets></workbook>'
        ),
        "xl/styles.xml": (
            f'<styleSheet xmlns="{_MAIN}"><cellXfs><xf numFmtId="0"/><xf numFmtId="14"/></cellXfs></styleSheet>'
        ),
        "xl/worksheets/sheet1.xml": (
            f'<{prefix}worksheet xmlns{":" + prefix[:-1] if prefix else ""}="{_MAIN}">'
            f"<{prefix}sheetData>{sheet}</{prefix}sheetData></{prefix}worksheet>"
        ),
    }
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, part in parts.items():
            archive.writestr(name, part)
    return packed.getvalue()


def cell(text: Any, *, name: str = "", prefix: str = "") -> str:
    place = f' r="{name}"' if name else ""
    return (
        f'<{prefix}c{place} t="inlineStr"><{prefix}is><{prefix}t>{text}</{prefix}t></{prefix}is></{prefix}c>'
    )


def line(*cells: str, prefix: str = "") -> str:
    return f"<{prefix}row>{''.join(cells)}</{prefix}row>"


def bare(values: list[Any], prefix: str = "") -> str:
    """Give a line whose cells have no names."""
    return line(*(cell(value, prefix=prefix) for value in values), prefix=prefix)


def with_cell(header: str, xml: str) -> str:
    """Give a whole list in which one cell of the only row is written so."""
    cells = [xml if name == header else cell(value) for name, value in zip(HEADERS, ROW, strict=True)]
    return bare(HEADERS) + line(*cells)


def test_cells_without_names_follow_each_other() -> None:
    good, faults = judged(workbook(bare(HEADERS) + bare(ROW)))
    assert ([row.id_number for row in good], faults) == ([FIRST], [])


def test_a_hole_in_a_row_without_names_is_seen() -> None:
    sheet = with_cell("毕业院校", "<c><f>A1&amp;B1</f></c>")
    assert judged(workbook(sheet)) == ([], [(2, "毕业院校", "formula_without_value")])


@pytest.mark.parametrize(
    "formula",
    [
        "<c><f>A1</f></c>",
        "<c><f>A1</f><v/></c>",
        "<c><f>A1</f><v></v></c>",
        '<c t="str"><f>A1</f><v>\n</v></c>',
        '<c ><f t="shared" ref="B2:B9" si="0">A1</f><!-- later --><v></v></c >',
        '<c><f t="shared" si="0"/></c>',
        "<c><f><![CDATA[A1]]></f></c>",
    ],
)
def test_a_formula_without_a_result_is_seen_however_it_is_written(formula: str) -> None:
    good, faults = judged(workbook(with_cell("学历", formula)))
    assert (good, faults) == ([], [(2, "学历", "formula_without_value")])


def test_a_prefix_before_every_name_changes_nothing() -> None:
    sheet = bare(HEADERS, "x:") + bare(ROW, "x:")
    assert [row.id_number for row in judged(workbook(sheet, prefix="x:"))[0]] == [FIRST]
    holed = sheet.replace(cell("本科", prefix="x:"), "<x:c><x:f>A1</x:f></x:c>")
    assert judged(workbook(holed, prefix="x:"))[1] == [(2, "学历", "formula_without_value")]


def test_holes_in_the_last_rows_are_not_the_end_of_the_list() -> None:
    """The library ends a sheet with the last value that it has."""
    sheet = bare(HEADERS) + bare(ROW) + line(*["<c><f>A1</f></c>"] * len(HEADERS))
    good, faults = judged(workbook(sheet))
    assert [row.row for row in good] == [2]
    assert {fault[0] for fault in faults} == {3}
    assert {fault[2] for fault in faults} == {"formula_without_value"}


def test_a_hole_in_an_optional_column_is_an_error_and_never_no_end() -> None:
    from chalicelib.people.lists.cross_match.service import INELIGIBLE_PEOPLE as KIND

    headers = ["姓名", "身份证号", "情形", "起始日期", "截止日期"]
    values = ["刘佳怡", FIRST, "就业", "2024-07-01"]
    sheet = bare(headers) + line(*map(cell, values), "<c><f>TODAY()</f></c>")
    (row,) = read_lines(workbook(sheet), XLSX, KIND.layout)
    assert row.faults == {"until": "formula_without_value"}


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2024-06-30T00:00:00.000Z", dt.date(2024, 6, 30)),
        ("2024-06-29T16:00:00.000Z", dt.date(2024, 6, 30)),
        ("2024-06-29T16:00:00Z", dt.date(2024, 6, 30)),
        ("2024-06-30", dt.date(2024, 6, 30)),
        ("2024-06-30T00:00:00+08:00", dt.date(2024, 6, 30)),
        ("2024-06-29T23:59:17", dt.date(2024, 6, 30)),
        ("2024-06-29T15:54:17.000Z", dt.date(2024, 6, 30)),
    ],
)
def test_a_cell_of_the_type_date_is_the_day_in_shanghai(written: str, meant: dt.date) -> None:
    for style in ("", ' s="1"'):
        good, faults = judged(workbook(with_cell("毕业日期", f'<c t="d"{style}><v>{written}</v></c>')))
        assert (faults, [row.graduated_on for row in good]) == ([], [meant])


@pytest.mark.parametrize("missed", [0, 43, -43, -343, -8 * 3600])
def test_a_serial_of_a_program_that_misses_midnight_is_the_day_it_meant(missed: int) -> None:
    serial = 45473 + missed / 86_400  # 30 June 2024
    for style in ("", ' s="1"'):
        good, faults = judged(workbook(with_cell("毕业日期", f"<c{style}><v>{serial!r}</v></c>")))
        assert (faults, [row.graduated_on for row in good]) == ([], [dt.date(2024, 6, 30)])


def test_a_sheet_is_found_from_the_top_of_the_archive_too() -> None:
    sheet = with_cell("学历", "<c><f>A1</f></c>")
    raw = workbook(sheet, target="/xl/worksheets/sheet1.xml")
    assert judged(raw)[1] == [(2, "学历", "formula_without_value")]


@pytest.mark.parametrize(
    "sheet",
    [
        "<row><c r='A0B'><v>1</v></c></row>",
        "<row r='x'><c><v>1</v></c></row>",
        "<row><c><v>1</c></v></row>",
    ],
)
def test_xml_that_is_none_is_refused_as_a_whole(sheet: str) -> None:
    assert refusal(workbook(sheet)) == "unreadable_sheet"


def test_a_document_type_is_refused_before_its_entities_grow() -> None:
    raw = workbook(bare(HEADERS) + bare(ROW))
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(raw)) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            part = old.read(name)
            if name.endswith("sheet1.xml"):
                part = b'<!DOCTYPE w [<!ENTITY a "x">]>' + part
            new.writestr(name, part)
    assert refusal(target.getvalue()) == "unreadable_sheet"


# --------------------------------------------------------------------------- columns


def test_numbers_of_rows_and_empty_columns_are_passed_over_and_nothing_else() -> None:
    sheet = bare(["序号", *HEADERS, "备注"]) + bare([1, *ROW]) + bare([2])
    assert [row.row for row in judged(workbook(sheet))[0]] == [2]
    assert refusal(workbook(bare([*HEADERS, "备注"]) + bare([*ROW, "转学"]))) == "unknown_column"
    assert refusal(workbook(bare(HEADERS) + bare([*ROW, "转学"]))) == "column_without_header"


def test_two_contents_for_one_cell_are_refused_and_neither_is_lost() -> None:
    sheet = bare(HEADERS) + line(*map(cell, ROW), cell("别的学院", name="C2"))
    assert refusal(workbook(sheet)) == "unreadable_sheet"


def test_a_header_keeps_its_unit_and_loses_its_hint() -> None:
    from chalicelib.sheets.headers import plain_header

    headers = [
        "身份证号（18位）",
        "手机号码\n（必填）",
        "*毕业日期(YYYY-MM-DD)",
        "金额（元）",
        "收费标准（元）",
    ]
    assert [plain_header(header) for header in headers] == [
        "身份证号",
        "手机号码",
        "毕业日期",
        "金额(元)",
        "收费标准(元)",
    ]


@pytest.mark.parametrize("content_type", [XLSX, CSV])
def test_rows_above_their_headers_are_not_taken_for_titles(content_type: str) -> None:
    """A sheet that was sorted with its headers has them in the middle."""
    other = ["陈婷敏", THIRD, *ROW[2:]]
    if content_type == CSV:
        raw = csv_text(["2024届毕业生名单"], other, HEADERS, ROW).encode()
    else:
        raw = workbook(bare(["2024届毕业生名单"]) + bare(other) + bare(HEADERS) + bare(ROW))
    assert refusal(raw, content_type) == "rows_above_header"
    title = csv_text(["填报单位：安徽大学", "电话：055162345678"], HEADERS, ROW)
    assert [row.id_number for row in judged(title.encode(), CSV)[0]] == [FIRST]


def test_a_part_in_an_encoding_that_nobody_knows_is_refused() -> None:
    raw = workbook(bare(HEADERS) + bare(ROW))
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(raw)) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            head = b'<?xml version="1.0" encoding="UQF-8"?>' if name.endswith("sheet1.xml") else b""
            new.writestr(name, head + old.read(name))
    assert refusal(target.getvalue()) == "unreadable_sheet"


@pytest.mark.parametrize(
    "header", ["身份证号码", "公民身份号码", "公民身份证号码", "* 身份证号", "身份证 号码", "证件号码"]
)
def test_a_header_is_known_by_what_people_call_it(header: str) -> None:
    good, _ = judged(workbook(bare([HEADERS[0], header, *HEADERS[2:]]) + bare(ROW)))
    assert [row.id_number for row in good] == [FIRST]


def test_two_words_for_one_column_are_not_chosen_between() -> None:
    sheet = bare([*HEADERS, "联系电话"]) + bare([*ROW, "15400000037"])
    assert refusal(workbook(sheet)) == "unknown_column"
    empty = bare(["联系电话", *HEADERS]) + line("<c/>", *map(cell, ROW))
    assert [row.phone for row in judged(workbook(empty))[0]] == ["15400000000"], "its own word comes first"


def test_the_time_of_a_payment_at_four_is_a_time_of_that_day() -> None:
    from chalicelib.settlement.results.bank_sheet import read_results

    headers = ["明细编号", "状态", "金额", "支付日期", "流水号"]
    paid = line(
        *map(cell, ["lin_a", "已支付", "180000"]), '<c s="1"><v>45565.666666666664</v></c>', cell("8801")
    )
    ((result,), refused, _) = read_results(workbook(bare(headers) + paid), XLSX)
    assert (result.paid_on, refused) == (dt.date(2024, 9, 30), [])


# --------------------------------------------------------------------------- csv


def csv_text(*lines: list[str], delimiter: str = ",") -> str:
    return "".join(delimiter.join(cells) + "\r\n" for cells in lines)


@pytest.mark.parametrize(
    "above",
    [
        "sep=;\r\n",
        '"sep=;"\r\n',
        "2024年毕业生名单,,,,,,,,\r\n",
        '填表说明：姓名,身份证号,必填；"学历"见下,\t\t\t\t\t\t\t\r\n\r\n',
        '说明："姓名"与身份证一致\r\n',
    ],
)
def test_what_stands_above_the_headers_of_a_csv_does_not_choose_its_separator(above: str) -> None:
    text = above + csv_text(HEADERS, ROW, delimiter=";")
    good, faults = judged(text.encode("gb18030"), CSV)
    assert ([row.id_number for row in good], faults) == ([FIRST], [])
    assert good[0].row == above.count("\r\n") + 2


def test_tabs_behind_cells_keep_numbers_texts_and_are_no_separators() -> None:
    text = csv_text(HEADERS, [f"{value}\t" for value in ROW])
    assert [row.id_number for row in judged(text.encode(), CSV)[0]] == [FIRST]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_utf_16_is_read_with_its_mark_and_without(encoding: str) -> None:
    text = csv_text(HEADERS, ROW, delimiter="\t")
    assert [row.id_number for row in judged(text.encode(encoding), CSV)[0]] == [FIRST]


def test_a_header_with_a_break_in_it_is_one_header() -> None:
    text = csv_text([HEADERS[0], '"身份\n证号"', *HEADERS[2:]], ROW)
    assert [row.id_number for row in judged(text.encode(), CSV)[0]] == [FIRST]


def test_a_quote_that_is_never_closed_loses_no_rows_unseen() -> None:
    text = csv_text(HEADERS, ['"刘佳怡', *ROW[1:]], ROW)
    assert refusal(text.encode(), CSV) == "unreadable_sheet"
