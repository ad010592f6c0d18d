"""Files as clerks really send them: each is read rightly, or refused with a sentence that says what to do."""

import datetime as dt
import io
import struct
import zipfile

import openpyxl
import pytest
from openpyxl.utils.datetime import CALENDAR_MAC_1904

from chalicelib.kernel.errors import Impossible
from chalicelib.kernel.reasons import sentence
from chalicelib.people.lists.graduates.model import Graduate
from chalicelib.people.lists.graduates.service import GRADUATES
from chalicelib.sheets.content_types import CSV, XLSX
from chalicelib.sheets.reading import read_lines
from infra.local.people import GRADUATE_HEADERS, graduate_row, make_person

ZERO_WIDTH, NBSP = "\u200b", "\u00a0"


def person(index=0, **cells):
    row = dict(zip(GRADUATE_HEADERS, graduate_row(make_person(index)), strict=True))
    return list({**row, **cells}.values())


def book(*lines, change=None, epoch=None):
    workbook = openpyxl.Workbook()
    if epoch is not None:
        workbook.epoch = epoch
    for line in lines:
        workbook.active.append(list(line))
    if change is not None:
        change(workbook)
    target = io.BytesIO()
    workbook.save(target)
    return target.getvalue()


def csv_text(*lines, delimiter=","):
    return "".join(delimiter.join(map(str, line)) + "\r\n" for line in lines)


def judged(raw, content_type=XLSX):
    """Read a file as a graduate list: the good rows, and (line, column, code) of every fault."""
    good, faults = [], []
    rows = read_lines(raw, content_type, GRADUATES.layout)
    for row in rows:
        read = GRADUATES.read_row(row.row, row.cells, row.headers)
        unread = {row.headers[name]: code for name, code in row.faults.items()}
        faults += [(row.row, column, code) for column, code in unread.items()]
        if isinstance(read, Graduate):
            good.append(read)
        else:
            faults += [(f.row, f.column, f.code) for f in read if f.column not in unread]
    return good, faults


def refusal(raw, content_type=XLSX):
    with pytest.raises(Impossible) as refused:
        judged(raw, content_type)
    said = sentence(refused.value.code, refused.value.facts)
    assert "{" not in said
    return refused.value.code, said


def test_the_list_is_found_on_the_second_sheet():
    def change(workbook):
        workbook.active.title = "说明"
        sheet = workbook.create_sheet("名单")
        sheet.append(GRADUATE_HEADERS)
        sheet.append(person())

    good, faults = judged(book(["请按格式填写"], change=change))
    assert (len(good), faults, good[0].row) == (1, [], 2)


def test_two_sheets_with_lists_are_refused_so_that_none_is_lost():
    def change(workbook):
        workbook.copy_worksheet(workbook.active).title = "第二批"

    code, said = refusal(book(GRADUATE_HEADERS, person(), change=change))
    assert code == "several_lists"
    assert "第二批" in said


def test_a_hidden_sheet_is_not_looked_at():
    def change(workbook):
        workbook.copy_worksheet(workbook.active).sheet_state = "hidden"

    assert len(judged(book(GRADUATE_HEADERS, person(), change=change))[0]) == 1


def test_a_header_below_titles_keeps_the_sheets_line_numbers():
    def change(workbook):
        workbook.active.merge_cells("A1:I1")

    good, _ = judged(book(["毕业生名单"], [], GRADUATE_HEADERS, person(), person(1), change=change))
    assert [row.row for row in good] == [4, 5]


def test_a_header_merged_over_two_columns_loses_nothing():
    headers = list(GRADUATE_HEADERS)

    def change(workbook):
        workbook.active.merge_cells("I1:J1")

    code, said = refusal(book(headers, [*person(), "340102"], change=change))
    assert (code, "J" in said) == ("column_without_header", True)


def test_merged_cells_in_the_body_are_told_as_such():
    def change(workbook):
        workbook.active.merge_cells("C2:C3")

    good, faults = judged(book(GRADUATE_HEADERS, person(0), person(1), change=change))
    assert (len(good), faults) == (1, [(3, "毕业院校", "merged_cell")])


def test_a_formula_without_a_result_is_not_called_empty():
    raw = book(GRADUATE_HEADERS, person(0, 毕业院校='=CONCATENATE("安徽","大学")'), person(1))
    good, faults = judged(raw)
    assert ([row.row for row in good], faults) == ([3], [(2, "毕业院校", "formula_without_value")])


def test_a_formula_with_its_result_is_read():
    raw = book(GRADUATE_HEADERS, person(0, 毕业院校='=CONCATENATE("安徽","大学")'))
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(raw)) as source, zipfile.ZipFile(target, "w") as packed:
        for name in source.namelist():
            part = source.read(name)
            if name.endswith("sheet1.xml"):
                part = part.replace(b'<c r="C2">', b'<c r="C2" t="str">')
                part = part.replace(b"</f><v />", "</f><v>安徽大学</v>".encode())
                assert "安徽大学".encode() in part
            packed.writestr(name, part)
    assert judged(target.getvalue())[0][0].school == "安徽大学"


def test_an_error_value_is_told_as_such():
    def change(workbook):
        workbook.active["C2"].value = "#N/A"
        workbook.active["C2"].data_type = "e"

    assert judged(book(GRADUATE_HEADERS, person(), change=change))[1] == [(2, "毕业院校", "formula_error")]


@pytest.mark.parametrize("epoch", [None, CALENDAR_MAC_1904])
def test_dates_are_read_in_both_date_systems(epoch):
    days = {"毕业日期": dt.date(2021, 6, 30), "离校日期": dt.datetime(2021, 7, 1, 8, 30)}  # noqa: DTZ001
    good, faults = judged(book(GRADUATE_HEADERS, person(**days), epoch=epoch))
    assert faults == []
    assert (good[0].graduated_on, good[0].left_school_on) == (dt.date(2021, 6, 30), dt.date(2021, 7, 1))


@pytest.mark.parametrize(("epoch", "serial"), [(None, 44377), (CALENDAR_MAC_1904, 42915)])
def test_a_date_that_shows_as_a_number_is_read_in_its_date_system(epoch, serial):
    good, _ = judged(book(GRADUATE_HEADERS, person(毕业日期=serial), epoch=epoch))
    assert good[0].graduated_on == dt.date(2021, 6, 30)


@pytest.mark.parametrize(
    "text",
    ["2021/6/30", "2021.6.30", "2021年6月30日", "２０２１－０６－３０", "20210630", "2021-06-30 00:00:00"],
)
def test_dates_as_people_write_them(text):
    assert judged(book(GRADUATE_HEADERS, person(毕业日期=text)))[0][0].graduated_on == dt.date(2021, 6, 30)


@pytest.mark.parametrize("text", ["2021-02-30", "2021-111", "2021年6月", "6/30/21", "44377"])
def test_dates_that_could_mean_anything_are_refused(text):
    assert judged(book(GRADUATE_HEADERS, person(毕业日期=text)))[1] == [(2, "毕业日期", "invalid_date")]


def test_an_id_number_that_became_a_number_is_told_as_such():
    number = float(make_person(0).id_number[:17] + "0")
    for raw, kind in (
        (book(GRADUATE_HEADERS, person(身份证号=number)), XLSX),
        (csv_text(GRADUATE_HEADERS, person(身份证号="3.40104E+17")).encode(), CSV),
    ):
        assert judged(raw, kind)[1] == [(2, "身份证号", "id_number_mangled")]


def test_what_nobody_sees_in_a_cell_does_no_harm():
    graduate = make_person(0)
    wide = graduate.id_number.translate({ord(str(d)): ord("０") + d for d in range(10)})
    cells = {
        "姓名": f"{NBSP}{graduate.name}{ZERO_WIDTH} ",
        "身份证号": f"'{wide}",
        "学历": f"{ZERO_WIDTH}{graduate.degree}\u3000",
        "手机号": float(graduate.phone),
        "行政区划": float(graduate.division),
    }
    good, faults = judged(book(GRADUATE_HEADERS, person(**cells)))
    assert faults == []
    assert (good[0].name, good[0].id_number, good[0].phone) == (
        graduate.name,
        graduate.id_number,
        graduate.phone,
    )


def test_hidden_and_blank_rows_keep_their_numbers():
    def change(workbook):
        workbook.active.row_dimensions[2].hidden = True
        for line in range(6, 200):
            workbook.active.cell(line, 1).value = "  "

    good, faults = judged(book(GRADUATE_HEADERS, person(0), [], person(1), change=change))
    assert ([row.row for row in good], faults) == ([2, 4], [])


@pytest.mark.parametrize("headers", [[*GRADUATE_HEADERS, "姓名"]])
def test_a_header_twice_is_refused(headers):
    assert refusal(book(headers, [*person(), "x"]))[0] == "duplicate_column"


def test_200_columns_are_refused():
    headers = [*GRADUATE_HEADERS, *(f"列{n}" for n in range(191))]
    assert refusal(book(headers, [*person(), *["x"] * 191]))[0] == "unknown_column"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_csv_in_every_encoding_and_delimiter(encoding, delimiter):
    raw = csv_text(GRADUATE_HEADERS, person(), delimiter=delimiter).encode(encoding)
    good, faults = judged(raw, CSV)
    assert (len(good), faults) == (1, [])


def _ole(names):
    return (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
        + bytes(504)
        + b"".join(name.encode("utf-16-le") for name in names)
    )


def _bomb():
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("xl/workbook.xml", "<workbook/>")
        for number in range(5):
            packed.writestr(f"xl/worksheets/sheet{number}.xml", bytes(100_000_000))
    return target.getvalue()


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (_ole(["Workbook"]), "old_sheet_format"),
        (_ole(["EncryptionInfo", "EncryptedPackage"]), "encrypted_sheet"),
        (b"<html><table><tr><td>x</td></tr></table></html>", "web_page_sheet"),
        (b"\xef\xbb\xbf<?xml version='1.0'?><Workbook/>", "web_page_sheet"),
        (struct.pack("<I", 0x04034B50) + b" this is no workbook", "unreadable_sheet"),
        (book(), "no_rows"),
        (book(GRADUATE_HEADERS), "no_rows"),
        (book(["星座", "血型"], ["天秤", "A"]), "unknown_column"),
    ],
)
def test_files_that_are_no_list_say_what_they_are(raw, code):
    assert refusal(raw)[0] == code


def test_a_zip_bomb_is_refused_before_it_is_opened():
    assert refusal(_bomb())[0] == "unreadable_sheet"
