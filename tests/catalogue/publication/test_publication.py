"""The published list: open to everybody, without accounts, with personal numbers masked."""

import pytest

from infra.local.catalogue import INSTITUTIONS
from tests.support.people import HEFEI_SCHOOL


def published(api, **query):
    answer = api().get("/v1/catalogue/publication", query)
    assert answer.status == 200, answer.text
    return answer


def test_institutions_are_published_with_their_state_and_without_accounts(world, api):
    api("clerk").post(f"/v1/institutions/{HEFEI_SCHOOL}/suspend", {"version": 1, "reason": "核查中"})
    answer = published(api)
    by_code = {row["统一社会信用代码"]: row for row in answer.json["items"]}
    assert by_code[HEFEI_SCHOOL]["状态"] == "暂停"
    assert sorted(row["状态"] for row in by_code.values()) == ["暂停", "正常", "正常"]
    assert list(by_code[HEFEI_SCHOOL]) == answer.json["columns"]
    for entry in INSTITUTIONS[:3]:
        assert entry["bank_account"]["number"] not in answer.text


def test_a_mobile_number_is_somebodys_own_and_masked(world, api):
    entry = {name: value for name, value in INSTITUTIONS[3].items() if name != "uscc"}
    uscc = INSTITUTIONS[3]["uscc"]
    body = {**entry, "programs": [world.program_id], "phone": "13805510001"}
    assert api("province").put(f"/v1/institutions/{uscc}", body).status == 201
    answer = published(api)
    assert "13805510001" not in answer.text
    assert {row["联系电话"] for row in answer.json["items"]} >= {"138****0001", INSTITUTIONS[0]["phone"]}


def test_a_division_and_a_program_narrow_the_list(world, api):
    assert {row["行政区划"][:4] for row in published(api, division="3402").json["items"]} == {"3402"}
    assert len(published(api, program=world.program_id).json["items"]) == 3
    assert api().get("/v1/catalogue/publication", {"program": "prg_nothing"}).status == 400


def test_projects_are_published_in_yuan(world, api):
    rows = published(api, kind="projects", program=world.program_id).json["items"]
    row = next(row for row in rows if row["项目编号"] == world.project_id)
    assert row["收费标准（元）"] == "1800.00"


def test_the_list_comes_as_csv_and_as_a_workbook(world, api):
    from chalicelib.sheets.content_types import CSV, XLSX
    from chalicelib.sheets.reading import read_table

    sheet = published(api, format="csv")
    assert sheet.headers["Content-Disposition"] == 'attachment; filename="institutions.csv"'
    columns = {name: (name,) for name in published(api).json["columns"]}
    rows = read_table(sheet.text.encode(), CSV, columns, frozenset(columns))
    assert len(rows) == 3
    raw = downloaded(published(api, format="xlsx").json["url"])
    assert [row.cells for row in read_table(raw, XLSX, columns, frozenset(columns))] == [
        row.cells for row in rows
    ]


@pytest.mark.parametrize("kind", ["institutions", "projects"])
def test_the_template_is_a_sheet_that_only_lacks_rows(world, api, kind):
    from chalicelib.catalogue.imports.model import INSTITUTION_COLUMNS, PROJECT_COLUMNS

    raw = downloaded(api().get("/v1/catalogue/templates", {"kind": kind}).json["url"])
    path = f"/v1/catalogue/imports?kind={kind}&dry_run=true"
    from chalicelib.sheets.content_types import XLSX

    answer = api("province").send("POST", path, None, raw=raw, content_type=XLSX)
    assert (answer.status, answer.json["code"]) == (422, "no_rows")
    assert INSTITUTION_COLUMNS
    assert PROJECT_COLUMNS


def downloaded(url):
    from urllib.parse import unquote, urlsplit

    from chalicelib.aws import objects
    from chalicelib.aws.settings import settings

    path = unquote(urlsplit(url).path)
    key = path.removeprefix(f"/{settings().intake_bucket}").lstrip("/")
    raw = objects.read_object(settings().intake_bucket, key)
    assert raw is not None, url
    return raw
