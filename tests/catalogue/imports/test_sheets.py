"""The catalogue from a sheet."""

import io

import openpyxl

from chalicelib.catalogue.imports.model import INSTITUTION_COLUMNS, PROJECT_COLUMNS, PUBLISHED_ONLY
from chalicelib.sheets.content_types import CSV, XLSX
from chalicelib.sheets.writing import write_csv, write_xlsx
from infra.local.catalogue import INSTITUTIONS

HEADERS = [aliases[0] for name, aliases in INSTITUTION_COLUMNS.items() if name not in PUBLISHED_ONLY]
PROJECT_HEADERS = [aliases[0] for aliases in PROJECT_COLUMNS.values()]


def rows(world, entries):
    for entry in entries:
        place, bank = entry["location"], entry["bank_account"]
        yield [
            entry["name"],
            entry["uscc"],
            entry["division"],
            entry["address"],
            entry["phone"],
            place["lng"],
            place["lat"],
            place["coord_system"],
            world.program_id,
            "、".join(entry["projects"]),
            bank["holder"],
            bank["bank"],
            bank["number"],
        ]


def send(api, who, raw, kind, options="", content_type=XLSX):
    path = f"/v1/catalogue/imports?kind={kind}{options}"
    return api(who).send("POST", path, None, raw=raw, content_type=content_type)


def test_a_sheet_lists_institutions_and_again_changes_nothing(world, api):
    raw = write_xlsx("机构", HEADERS, rows(world, INSTITUTIONS))
    dry = send(api, "province", raw, "institutions", "&dry_run=true")
    assert (dry.status, dry.json["total"], dry.json["created"]) == (
        200,
        len(INSTITUTIONS),
        len(INSTITUTIONS) - 3,
    )
    assert api().get(f"/v1/institutions/{INSTITUTIONS[5]['uscc']}").status == 404
    done = send(api, "province", raw, "institutions")
    assert done.json["created"] == dry.json["created"]
    assert api().get(f"/v1/institutions/{INSTITUTIONS[5]['uscc']}").status == 200
    again = send(api, "province", raw, "institutions")
    assert (again.json["created"], again.json["changed"], again.json["unchanged"]) == (
        0,
        0,
        len(INSTITUTIONS),
    )


def test_a_store_that_does_not_answer_is_no_mistake_of_a_row(world, api, monkeypatch):
    """It was told as a row to be corrected, and with `partial` the row was left out."""
    from chalicelib.catalogue.imports import service
    from chalicelib.kernel.reasons import error

    judge, judged = service.save_institution, []

    def fails_once(*told, **facts):
        judged.append(told)
        if len(judged) == 2:
            raise error("try_again")
        return judge(*told, **facts)

    monkeypatch.setattr(service, "save_institution", fails_once)
    raw = write_xlsx("机构", HEADERS, rows(world, INSTITUTIONS))
    answer = send(api, "province", raw, "institutions", "&partial=true")
    assert (answer.status, answer.json["code"]) == (503, "try_again")
    assert api().get(f"/v1/institutions/{INSTITUTIONS[5]['uscc']}").status == 404
    assert (
        send(api, "province", raw, "institutions", "&partial=true").json["created"] == len(INSTITUTIONS) - 3
    )


def test_the_catalogue_is_read_from_sheets_only_and_the_answer_says_which(world, api):
    """Seen: the document told of a body of JSON, `{}`, the refusal recommended it, and it was refused."""
    for content_type in ("application/json", "application/pdf"):
        refused = send(api, "province", b"{}", "institutions", content_type=content_type)
        assert (refused.status, refused.json["code"]) == (415, "unsupported_type")
        assert "json" not in refused.json["detail"]
        assert CSV in refused.json["detail"]


def test_every_wrong_cell_is_named_and_nothing_applied(world, api):
    table = [list(row) for row in rows(world, INSTITUTIONS[2:6])]
    table[0][1] = "123"
    table[1][7] = ""
    table[2][5] = "很远"
    table[3][4] = "12"
    answer = send(api, "province", write_csv(HEADERS, table), "institutions", content_type=CSV)
    assert (answer.status, answer.json["code"]) == (422, "rows_invalid")
    faults = {(e["row"], e["column"], e["code"]) for e in answer.json["errors"]}
    assert faults >= {
        (2, "统一社会信用代码", "invalid_uscc"),
        (3, "坐标系", "empty_cell"),
        (4, "经度", "invalid_coordinate"),
        (5, "联系电话", "invalid_contact_phone"),
    }
    assert api().get(f"/v1/institutions/{INSTITUTIONS[5]['uscc']}").status == 404
    partly = send(api, "province", write_csv(HEADERS, table), "institutions", "&partial=true", CSV)
    assert (partly.status, partly.json["created"], len(partly.json["errors"]) >= 4) == (200, 0, True)


def test_a_clerk_lists_only_the_own_area(world, api):
    raw = write_xlsx("机构", HEADERS, rows(world, INSTITUTIONS))
    answer = send(api, "clerk_wuhu", raw, "institutions")
    assert answer.status == 422
    assert {e["code"] for e in answer.json["errors"]} == {"not_found"}


def test_a_sheet_lists_projects(world, api):
    table = [
        ["prj_baking-5", "西式面点师", "4-03-02-04", "2022", "五级初级工", 120, "1800.50", world.program_id]
    ]
    done = send(api, "province", write_xlsx("项目", PROJECT_HEADERS, table), "projects")
    assert (done.status, done.json["created"]) == (200, 1), done.text
    made = api().get("/v1/projects/prj_baking-5").json
    assert (made["level"], made["hours"], made["fee_fen"]) == (5, 120, 180050)
    table[0][2] = "x"
    wrong = send(api, "province", write_xlsx("项目", PROJECT_HEADERS, table), "projects")
    assert wrong.status == 422
    assert [e["detail"] for e in wrong.json["errors"]] == [f"{PROJECT_HEADERS[2]} 的类型或格式不对，请更正。"]
    assert send(api, "clerk", write_xlsx("项目", PROJECT_HEADERS, table), "projects").status == 403


MISTAKES = {
    "name": ("", "empty_cell"),
    "uscc": ("91340111MX0000027E", "invalid_uscc"),
    "division": ("349999", "unknown_division"),
    "address": ("", "empty_cell"),
    "phone": ("1380551", "invalid_contact_phone"),
    "lng": ("东经117度", "invalid_coordinate"),
    "lat": ("95", "invalid_coordinate"),
    "coord_system": ("北京54", "coord_system_missing"),
    "programs": ("prg_nothing", "unknown_program"),
    "projects": ("prj_nothing、prj_none", "unknown_project"),
    "bank": ("", "empty_cell"),
    "bank_account": ("6222020000000000001", "invalid_account_number"),
}


def test_twelve_mistakes_are_told_in_their_rows_and_in_the_sheet_that_comes_back(world, api):
    from tests.catalogue.publication.test_publication import downloaded

    columns = list(INSTITUTION_COLUMNS)
    table = [list(row) for row in rows(world, INSTITUTIONS[: len(MISTAKES) + 1])]
    for row, (column, (wrong, _)) in zip(table, MISTAKES.items(), strict=False):
        row[columns.index(column)] = wrong
    raw = write_xlsx("机构", HEADERS, table)
    refused = send(api, "province", raw, "institutions")
    wanted = {
        (place, INSTITUTION_COLUMNS[column][0], code)
        for place, (column, (_, code)) in enumerate(MISTAKES.items(), start=2)
    }
    assert {(e["row"], e["column"], e["code"]) for e in refused.json["errors"]} == wanted
    assert refused.json["detail"].startswith("有 12 行有误")
    dry = send(api, "province", raw, "institutions", "&dry_run=true").json
    assert (dry["total"], dry["created"] + dry["changed"] + dry["unchanged"]) == (13, 1)
    back = downloaded(dry["error_sheet"])
    header, *lines = openpyxl.load_workbook(io.BytesIO(back)).active.iter_rows(values_only=True)
    assert header == ("行号", *HEADERS, "错误原因")
    assert [line[0] for line in lines] == list(range(2, 15)), "the same sheet, the right row too"
    assert [bool(line[-1]) for line in lines] == [True] * 12 + [False]
    assert "统一社会信用代码校验不通过" in lines[1][-1]
    again = send(api, "province", back, "institutions", "&dry_run=true").json
    assert {(e["row"], e["column"], e["code"]) for e in again["errors"]} == wanted


def test_a_right_sheet_has_no_error_sheet_and_tells_points_far_from_their_division(world, api):
    table = [list(row) for row in rows(world, INSTITUTIONS[3:5])]
    columns = list(INSTITUTION_COLUMNS)
    table[0][columns.index("division")] = "340202"
    answer = send(api, "province", write_xlsx("机构", HEADERS, table), "institutions").json
    assert (answer["created"], answer["error_sheet"]) == (2, None)
    assert [(warning["row"], warning["code"]) for warning in answer["warnings"]] == [
        (2, "far_from_division"),
        (2, "payee_proposed"),
        (3, "payee_proposed"),
    ]
    assert answer["warnings"][0]["detail"]


def test_what_is_published_is_taken_back_as_it_is_and_changes_nothing(world, api):
    assert (
        send(api, "province", write_xlsx("机构", HEADERS, rows(world, INSTITUTIONS)), "institutions").status
        == 200
    )
    for kind in ("institutions", "projects"):
        for language in ("zh-CN", "en"):
            path = f"/v1/catalogue/publication?kind={kind}&format=csv"
            published = api().send("GET", path, None, headers={"Accept-Language": language})
            answer = send(api, "province", published.text.encode(), kind, content_type=CSV)
            assert answer.status == 200, answer.text
            assert (answer.json["created"], answer.json["changed"]) == (0, 0), (kind, language)
            assert answer.json["unchanged"] == answer.json["total"] > 1


def test_codes_and_phones_of_a_sheet_are_kept_in_their_one_form(world, api):
    table = [list(row) for row in rows(world, INSTITUTIONS[5:6])]
    uscc, division = table[0][1], table[0][2]
    plain = write_csv(HEADERS, table)
    table[0][1], table[0][2] = f" {uscc.lower()}", f"{division}00" if len(division) == 4 else division
    table[0][4] = "（0551）6234 5678 转 801"
    odd = write_csv(HEADERS, table)
    first = send(api, "province", odd, "institutions", content_type=CSV)
    assert (first.status, first.json["created"]) == (200, 1), first.text
    assert api().get(f"/v1/institutions/{uscc}").json["phone"] == "0551-62345678-801"
    again = send(api, "province", odd, "institutions", content_type=CSV)
    assert again.json["unchanged"] == 1
    assert send(api, "province", plain, "institutions", content_type=CSV).json["changed"] == 1


def test_a_sheet_tells_how_many_rooms_there_are_and_an_empty_cell_leaves_them(world, api):
    (row,) = rows(world, INSTITUTIONS[2:3])
    path = f"/v1/institutions/{INSTITUTIONS[2]['uscc']}"
    for cell, rooms in (("5", 5), ("", 5), ("7", 7)):
        answer = send(api, "province", write_csv(HEADERS, [[*row, cell]]), "institutions", content_type=CSV)
        assert answer.status == 200, answer.text
        assert api("clerk").get(path).json["rooms"] == rooms
    wrong = send(api, "province", write_csv(HEADERS, [[*row, "三间"]]), "institutions", content_type=CSV)
    assert (wrong.status, wrong.json["errors"][0]["column"]) == (422, "教室数")
