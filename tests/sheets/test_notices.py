"""How cells were read that are not written as they are kept is told of every sheet, before anything counts."""

from typing import Any

import pytest

from chalicelib.edge.endpoints import ENDPOINTS
from chalicelib.sheets.content_types import CSV, XLSX
from chalicelib.sheets.layouts import described
from infra.local.catalogue import INSTITUTIONS
from infra.local.people import GRADUATE_HEADERS, graduate_row, make_person
from tests.catalogue.imports.test_sheets import HEADERS, INSTITUTION_COLUMNS, PROJECT_HEADERS, rows, send
from tests.classes.builders import Classroom, csv, xlsx
from tests.settlement.results.test_bank_sheet import post
from tests.sheets.test_given_back import _imported
from tests.sheets.test_what_programs_write import bare, cell, line, workbook
from tests.subsidies.scored import Money, scored_class
from tests.vouchers.batches.test_issuance_from_a_list import NOW


def told(answer: Any) -> list[tuple[str, str, int]]:
    return sorted((notice["column"], notice["code"], notice["first_row"]) for notice in answer["notices"])


def wide(text: str) -> str:
    return "".join(chr(ord(sign) + 0xFEE0) for sign in text)


def test_a_roster_tells_how_names_and_numbers_were_read_and_what_is_not(world: Any, api: Any) -> None:
    room = Classroom(world).approved()
    room.enrol(2)
    first, second = room.people
    spaced = f"{first.name[0]} {first.name[1:]}"
    sheet = xlsx(
        ["序号", "姓名", "身份证号"],
        [1, spaced, wide(first.id_number)],
        [2, second.name, second.id_number],
    )
    path = f"/v1/classes/{room.id}/roster?version={room.version}"
    dry = api("institution").put(f"{path}&dry_run=true", raw=sheet, content_type=XLSX, at=world.now)
    assert (dry.status, dry.json["accepted"]) == (200, 2), dry.text
    wanted = [("姓名", "tidied", 2), ("序号", "column_ignored", 2), ("身份证号", "tidied", 2)]
    assert told(dry.json) == sorted(wanted)
    assert told(api("institution").put(path, raw=sheet, content_type=XLSX, at=world.now).json) == sorted(
        wanted
    )
    assert first.name not in dry.text
    assert first.id_number not in dry.text


def test_marks_tell_how_they_were_read(world: Any, api: Any) -> None:
    room = Classroom(world).completed(2)
    header = ["姓名", "身份证号", "理论成绩", "实操成绩"]
    lines = [[person.name, person.id_number, "085", 90] for person in room.people]
    path = f"/v1/classes/{room.id}/scores?version={room.version}&dry_run=true"
    answer = api("institution").put(path, raw=csv(header, *lines), content_type=CSV, at=room.ended())
    assert (answer.status, answer.json["passed"]) == (200, 2), answer.text
    (notice,) = answer.json["notices"]
    assert (notice["code"], notice["rows"]) == ("read_as", 2)
    assert notice["detail"] == "“理论成绩”中的“085”按“85”读取。"


def test_the_catalogue_tells_what_it_narrowed_and_words_it_knows(world: Any, api: Any) -> None:
    (row,) = rows(world, INSTITUTIONS[4:5])
    written = list(row)
    written[1], written[7] = wide(written[1]), "GCJ-02"
    answer = send(api, "province", xlsx(HEADERS, written), "institutions", "&dry_run=true").json
    assert (answer["errors"], answer["created"]) == ([], 1)
    assert told(answer) == [("坐标系", "read_as", 2), ("统一社会信用代码", "read_as", 2)]
    project = [
        "prj_testproject-5",
        "互联网营销师",
        "4-01-06-02",
        "2022",
        "初级工",
        "40",
        "1,800元",
        world.program_id,
    ]
    answer = send(api, "province", xlsx(PROJECT_HEADERS, project), "projects", "&dry_run=true").json
    assert told(answer) == [("技能等级", "read_as", 2), ("收费标准（元）", "read_as", 2)], answer


def test_a_banks_sheet_tells_its_words_and_days(world: Any) -> None:
    money = Money(world)
    batch = money.sealed(scored_class(world, 1))
    money.export(batch)
    (entry,) = money.batch(batch)["lines"]
    paid = [entry["line_id"], "支付成功", entry["amount_fen"], "2026年9月21日", wide("TK1"), ""]
    answer = money.ok(post(money, batch, [paid], query="?dry_run=true"))
    assert answer["applied"] == 1
    assert told(answer) == [("支付日期", "read_as", 2), ("流水号", "read_as", 2), ("状态", "read_as", 2)]


def test_a_list_tells_of_days_that_a_program_missed_and_of_the_number_of_the_row(
    cloud: Any, api: Any
) -> None:
    row = [str(each) for each in graduate_row(make_person(0, today=NOW.date()))]
    cells = [cell(text) for text in row]
    cells[4] = "<c><v>45472.9995</v></c>"
    seen = _imported(
        api, cloud, workbook(bare(["序号", *GRADUATE_HEADERS]) + line(cell("1"), *cells)), "a.xlsx"
    )
    assert (seen["status"], seen["valid"]) == ("ready", 1), seen
    assert ("序号", "column_ignored", 2) in told(seen)
    assert "“毕业日期”中的“45472.9995”按“2024-06-30”读取。" in [
        notice["detail"] for notice in seen["notices"]
    ]


# ------------------------------------------------------------------------------------------ holes


def test_a_hole_in_an_institutions_account_is_an_error_and_never_no_account(world: Any, api: Any) -> None:
    (row,) = rows(world, INSTITUTIONS[4:5])
    cells = [cell(text) for text in row]
    columns = ("bank_holder", "bank", "bank_account")
    account = [HEADERS.index(INSTITUTION_COLUMNS[name][0]) for name in columns]
    for place in account:
        cells[place] = "<c><f>A1</f></c>"
    answer = send(
        api, "province", workbook(bare(HEADERS) + line(*cells)), "institutions", "&dry_run=true"
    ).json
    assert [(fault["column"], fault["code"]) for fault in answer["errors"]] == [
        (HEADERS[place], "formula_without_value") for place in account
    ]


def test_a_hole_in_a_banks_row_is_a_refusal_of_that_row(world: Any) -> None:
    from chalicelib.settlement.results.bank_sheet import read_results

    headers = ["明细编号", "状态", "金额", "支付日期", "流水号", "原因"]
    failed = line(*map(cell, ["lin_a", "失败", "180000", "", ""]), "<c><f>A1</f></c>")
    results, refused, _ = read_results(workbook(bare(headers) + failed), XLSX)
    assert (results, [(row.row, row.code) for row in refused]) == ([], [(2, "formula_without_value")])


# ------------------------------------------------------------------------------------------ documents


def test_every_column_of_every_sheet_stands_in_the_document_and_on_the_page(api: Any) -> None:
    document = api().get("/openapi.json").json
    page = api().get("/docs").text
    described_here = [endpoint for endpoint in ENDPOINTS if endpoint.layouts]
    assert len(described_here) == 5
    for endpoint in described_here:
        operation = document["paths"][endpoint.path][endpoint.method.lower()]
        assert operation["description"].endswith(described(endpoint.layouts))
        for layout in endpoint.layouts:
            for headers in layout.columns.values():
                assert headers[0] in operation["description"]
                assert headers[0] in page
    assert "23:54" in page


@pytest.mark.parametrize("kind", ["text/comma-separated-values", "application/vnd.ms-excel"])
def test_a_csv_is_known_by_all_its_names_and_an_old_workbook_is_told(world: Any, api: Any, kind: str) -> None:
    sheet = csv(HEADERS, *rows(world, INSTITUTIONS[4:5]))
    answer = send(api, "province", sheet, "institutions", "&dry_run=true", kind)
    assert (answer.status, answer.json["created"]) == (200, 1)
    old = send(api, "province", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "institutions", "", kind)
    assert (old.status, old.json["code"]) == (422, "old_sheet_format")
