"""A list of 300 rows with 40 kinds of mistakes: its error sheet is right in every row, as xlsx and as csv."""

import csv
import hashlib
import io
import shutil
import subprocess
from collections.abc import Mapping
from typing import Any

import boto3
import openpyxl
import pytest

import app
from chalicelib.sheets.content_types import CSV, XLSX
from chalicelib.sheets.writing import write_csv, write_xlsx
from infra.local.people import GRADUATE_HEADERS, graduate_row, make_person
from tests.vouchers.batches.test_issuance_from_a_list import NOW

ROWS = 300
NAME, NUMBER, SCHOOL, DEGREE, DONE, LEFT, WORK, PHONE, PLACE = range(9)
EMPTY = "“{0}”不能为空，请补充。"
CHECK = "身份证号的校验码不符，可能有数字写错，请与证件核对。"
FORM = "身份证号应为 18 位：前 17 位是数字，末位是数字或 X；请与证件核对。"
OLD = "这是 15 位的旧身份证号，已不再使用；请填写现在的 18 位号码。"
MANGLED = "身份证号已被表格软件转成数字，末位已丢失；请把该列设为文本后重新填写。"
BORN = "身份证号第 7 至 14 位不是正确的出生日期，请与证件核对。"
YOUNG = "按身份证号中的出生日期，毕业时不满 12 岁；请核对身份证号和毕业日期。"
DATE = "日期有误，请写成 2026-07-01 的形式。"
MOBILE = "手机号应为 11 位数字，以 1 开头，请核对。"
LENGTH = "姓名应为 1 至 50 个字，请与证件核对。"


def sign(text: str) -> str:
    return f"姓名中的“{text}”不是文字，请与证件核对。"


def numbered(body: str) -> str:
    from stdnum.cn import ric

    return body + str(ric.calc_check_digit(body + "0"))


MISTAKES: list[tuple[int, Any, str]] = [
    (NAME, "", EMPTY),
    (NAME, "王小明2", sign("2")),
    (NAME, "王?明", sign("?")),
    (NAME, "王" * 51, LENGTH),
    (NAME, "王小明（退伍）", sign("(")),
    (NAME, "···", LENGTH),
    (NUMBER, "", EMPTY),
    (NUMBER, "340102200301010004", CHECK),
    (NUMBER, "34010220030101000", FORM),
    (NUMBER, "3401022003010100035", FORM),
    (NUMBER, "340102030101003", OLD),
    (NUMBER, "3.40102E+17", MANGLED),
    (NUMBER, "340102200301010000", MANGLED),
    (NUMBER, numbered("34010220030230100"), BORN),
    (NUMBER, numbered("34010218990101100"), BORN),
    (NUMBER, numbered("34010220200101100"), YOUNG),
    (NUMBER, "身份证遗失", FORM),
    (NUMBER, "34010220030101000Y", FORM),
    (SCHOOL, "", EMPTY),
    (SCHOOL, "学" * 101, "“毕业院校”不能超过 100 个字，请缩写。"),
    (DEGREE, "", EMPTY),
    (DEGREE, "高中", "“高中”不在可选范围内：专科、本科、硕士、博士。"),
    (DEGREE, "结业", "“结业”不在可选范围内：专科、本科、硕士、博士。"),
    (DEGREE, "肄业", "“肄业”不在可选范围内：专科、本科、硕士、博士。"),
    (DONE, "", EMPTY),
    (DONE, "2024-02-30", DATE),
    (DONE, "2024年6月", DATE),
    (DONE, "6/30/24", DATE),
    (DONE, "去年夏天", DATE),
    (LEFT, "", EMPTY),
    (LEFT, "2024-13-01", DATE),
    (LEFT, "至今", DATE),
    (WORK, "", EMPTY),
    (WORK, "不详", "“不详”不在可选范围内：未就业、已就业、升学、参军、创业。"),
    (PHONE, "", EMPTY),
    (PHONE, "0551-62345678", MOBILE),
    (PHONE, "1540000000", MOBILE),
    (PHONE, "1.54E+10", MOBILE),
    (PLACE, "", EMPTY),
    (PLACE, "火星", "行政区划代码有误，请核对。"),
]
"""Column, what is written, and the sentence that a clerk is to read."""


def written() -> tuple[list[list[Any]], Mapping[int, str]]:
    """Give the rows, and by line what has to stand behind each; every seventh row is wrong, in turn of mistakes."""
    rows = [list(graduate_row(make_person(n, today=NOW.date()))) for n in range(ROWS)]
    expected: dict[int, str] = {}
    for place, row in enumerate(rows):
        if place % 7 == 3 or place >= ROWS - len(MISTAKES) + 1:
            column, text, sentence = MISTAKES[len(expected) % len(MISTAKES)]
            row[column] = text
            header = GRADUATE_HEADERS[column]
            expected[place + 2] = f"{header}：{sentence.format(header)}"
    rows[ROWS - 1] = [*rows[0]]
    expected[ROWS + 1] = "身份证号：该人员在名单第 2 行已出现，请删除重复行。"
    return rows, expected


def imported(api: Any, cloud: Any, raw: bytes, filename: str) -> tuple[str, bytes]:
    """Import a list as the province does; give its id and the error sheet."""
    digest = hashlib.sha256(raw).hexdigest()
    body = {"kind": "graduates", "filename": filename, "size_bytes": len(raw), "sha256": digest}
    import_id = api("province").post("/v1/imports", body, at=NOW).json["id"]
    s3 = boto3.client("s3", region_name="cn-north-1")
    key = f"imports/{import_id}/upload"
    s3.put_object(Bucket="voucher-test-intake", Key=key, Body=raw)
    app.receive_upload({"detail": {"object": {"key": key}}, "now": NOW.isoformat()}, None)
    cloud.work("imports", app.process_import)
    sheet = s3.get_object(Bucket="voucher-test-intake", Key=f"imports/{import_id}/errors")
    return import_id, sheet["Body"].read()


def as_written(cell: Any) -> str:
    return str(cell if cell is not None else "")


def require_right(lines: list[list[str]], rows: list[list[Any]], expected: Mapping[int, str]) -> None:
    assert lines[0] == ["行号", *GRADUATE_HEADERS, "错误原因"]
    assert len(lines) == ROWS + 1
    for place, (line, row) in enumerate(zip(lines[1:], rows, strict=True), start=2):
        assert line[0] == str(place)
        assert [cell.removeprefix("'") for cell in line[1:-1]] == [as_written(cell) for cell in row], place
        assert line[-1] == expected.get(place, ""), place


def test_there_are_forty_kinds_each_met_and_three_hundred_rows() -> None:
    rows, expected = written()
    assert (len(MISTAKES), len(set(MISTAKES)), len(rows)) == (40, 40, 300)
    met = {(column, str(text)) for column, text, _ in MISTAKES if any(row[column] == text for row in rows)}
    assert len(met) == 40
    assert len(expected) > 70


@pytest.mark.parametrize("kind", [CSV, XLSX])
def test_the_error_sheet_is_right_in_every_row(cloud: Any, api: Any, kind: str, tmp_path: Any) -> None:
    rows, expected = written()
    if kind == CSV:
        import_id, sheet = imported(api, cloud, write_csv(GRADUATE_HEADERS, rows), "list.csv")
        lines = list(csv.reader(io.StringIO(sheet.decode("utf-8-sig"), newline="")))
    else:
        import_id, sheet = imported(api, cloud, write_xlsx("名单", GRADUATE_HEADERS, rows), "list.xlsx")
        book = openpyxl.load_workbook(io.BytesIO(sheet))
        lines = [[as_written(cell) for cell in line] for line in book.active.iter_rows(values_only=True)]
        if shutil.which("soffice"):
            require_right(_by_libreoffice(sheet, tmp_path), rows, expected)
    require_right(lines, rows, expected)
    seen = api("province").get(f"/v1/imports/{import_id}").json
    assert (seen["status"], seen["total"], seen["invalid"]) == ("failed", ROWS, len(expected))
    assert {fault["row"] for fault in seen["errors"]} == set(expected)


def _by_libreoffice(sheet: bytes, folder: Any) -> list[list[str]]:
    """Read a workbook as LibreOffice shows it."""
    (folder / "errors.xlsx").write_bytes(sheet)
    profile = f"-env:UserInstallation=file://{folder}/profile"
    command = [
        "soffice",
        profile,
        "--headless",
        "--convert-to",
        "csv:Text - txt - csv (StarCalc):44,34,76",
        "errors.xlsx",
    ]
    subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=180)
    with (folder / "errors.csv").open(encoding="utf-8", newline="") as shown:
        return list(csv.reader(shown))
