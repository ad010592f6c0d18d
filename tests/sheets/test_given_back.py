"""Every sheet that the service gives is taken by the endpoint for it as it is: csv by its own type, and xlsx."""

import io
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from openpyxl import load_workbook

import app
from chalicelib.edge.endpoints import AS_SHEETS, ENDPOINTS, LinkAnswer
from chalicelib.sheets.content_types import CSV, XLSX
from chalicelib.sheets.writing import write_csv, write_xlsx
from infra.local.people import GRADUATE_HEADERS, graduate_row, make_person
from tests.classes.builders import Classroom
from tests.sheets.test_forty_mistakes import imported
from tests.vouchers.batches.test_issuance_from_a_list import NOW

NOBODYS = {
    "/v1/classes/{class_id}/attendance": "attendance is made of check-ins",
    "/v1/statements": "a statement is for the institution's books",
    "/v1/reports/funnel": "a report is for reading",
    "/v1/reports/spending": "a report is for reading",
    "/v1/reports/institutions": "a report is for reading",
    "/v1/reports/idle": "a report is for reading",
    "/v1/reports/holds": "a report is for reading",
    "/v1/reports/ratings": "a report is for reading",
    "/v1/inspections/{inspection_id}/phones": "whom to call; what was found is entered one by one",
    "/v1/records/exports/{export_id}/open": "records are for an auditor, who replays them",
}
"""Sheets for which there is no endpoint that reads them."""
TAKEN = {
    "/v1/classes/{class_id}/roster/template": "/v1/classes/{class_id}/roster",
    "/v1/classes/{class_id}/scores/template": "/v1/classes/{class_id}/scores",
    "/v1/catalogue/publication": "/v1/catalogue/imports",
    "/v1/catalogue/templates": "/v1/catalogue/imports",
    "/v1/import-templates": "/v1/imports",
}
COMMA_SEPARATED = "text/comma-separated-values; charset=utf-8"


def fetched(url: str) -> bytes:
    """Read a signed link: from the emulated bucket, by its key."""
    key = urlsplit(url).path.removeprefix("/voucher-test-intake/").lstrip("/")
    bucket = boto3.client("s3", region_name="cn-north-1")
    return bytes(bucket.get_object(Bucket="voucher-test-intake", Key=key)["Body"].read())


def as_csv(raw: bytes) -> bytes:
    """Save a workbook as csv, as a spreadsheet program does."""
    lines = [list(line) for line in load_workbook(io.BytesIO(raw)).active.iter_rows(values_only=True)]
    return write_csv(
        [str(cell) for cell in lines[0]],
        [[str(c) if c is not None else "" for c in line] for line in lines[1:]],
    )


def both(raw: bytes) -> Iterator[tuple[bytes, str]]:
    yield raw, XLSX
    for kind in (CSV, COMMA_SEPARATED, "application/vnd.ms-excel"):
        yield as_csv(raw), kind


def test_every_endpoint_that_gives_a_sheet_is_in_one_of_the_tables() -> None:
    giving = {e.path for e in ENDPOINTS if e.answer is LinkAnswer or set(AS_SHEETS) <= set(e.also)}
    assert giving == NOBODYS.keys() | TAKEN.keys()
    assert set(TAKEN.values()) == {e.path for e in ENDPOINTS if e.layouts} - {
        "/v1/settlement-batches/{batch_id}/results"  # its sheets are a bank's
    }
    assert all(endpoint.layouts for endpoint in ENDPOINTS if endpoint.sheet)


@pytest.mark.parametrize("kind", ["institutions", "projects"])
@pytest.mark.parametrize("english", [False, True])
def test_the_published_lists_are_taken_and_change_nothing(
    world: Any, api: Any, kind: str, english: bool
) -> None:
    headers = {"Accept-Language": "en"} if english else {}
    path = f"/v1/catalogue/publication?kind={kind}"
    sheet = api().send("GET", f"{path}&format=csv", None, headers=headers)
    link = api().send("GET", f"{path}&format=xlsx", None, headers=headers).json["url"]
    given = [(sheet.text.encode(), sheet.headers["Content-Type"]), *both(fetched(link))]
    for raw, content_type in given:
        target = f"/v1/catalogue/imports?kind={kind}"
        answer = api("province").send("POST", target, None, raw=raw, content_type=content_type)
        assert answer.status == 200, answer.text
        assert (answer.json["created"], answer.json["changed"]) == (0, 0)
        assert answer.json["unchanged"] == answer.json["total"] > 0


@pytest.mark.parametrize("kind", ["institutions", "projects"])
def test_the_catalogues_empty_sheets_have_nothing_wrong_but_that_they_are_empty(
    world: Any, api: Any, kind: str
) -> None:
    url = api().get("/v1/catalogue/templates", {"kind": kind}).json["url"]
    for raw, content_type in both(fetched(url)):
        path = f"/v1/catalogue/imports?kind={kind}"
        answer = api("province").send("POST", path, None, raw=raw, content_type=content_type)
        assert (answer.status, answer.json["code"]) == (422, "no_rows")


@pytest.mark.parametrize("kind", ["graduates", "ineligible_people"])
def test_the_empty_sheet_of_a_list_is_text_through_and_is_taken_filled_in(
    cloud: Any, api: Any, kind: str
) -> None:
    raw = fetched(api("province").get("/v1/import-templates", {"kind": kind}).json["url"])
    book = load_workbook(io.BytesIO(raw))
    sheet = book.active
    person = make_person(0, today=NOW.date())
    rows = {
        "graduates": [str(cell) for cell in graduate_row(person)],
        "ineligible_people": [person.name, person.id_number, "就业", "2024-06-30", "", ""],
    }
    sheet.append(rows[kind])
    assert {sheet.column_dimensions[letter].number_format for letter in "ABCDEF"} == {"@"}
    filled = io.BytesIO()
    book.save(filled)
    for sent, content_type in both(filled.getvalue()):
        seen = _imported(api, cloud, sent, "a.xlsx" if content_type == XLSX else "a.csv", kind)
        assert (seen["status"], seen["valid"], seen["errors"]) == ("ready", 1, []), seen


def _imported(api: Any, cloud: Any, raw: bytes, filename: str, kind: str = "graduates") -> Any:
    import hashlib

    digest = hashlib.sha256(raw).hexdigest()
    body = {"kind": kind, "filename": filename, "size_bytes": len(raw), "sha256": digest}
    import_id = api("province").post("/v1/imports?dry_run=true", body, at=NOW).json["id"]
    key = f"imports/{import_id}/upload"
    boto3.client("s3", region_name="cn-north-1").put_object(Bucket="voucher-test-intake", Key=key, Body=raw)
    app.receive_upload({"detail": {"object": {"key": key}}, "now": NOW.isoformat()}, None)
    cloud.work("imports", app.process_import)
    return api("province").get(f"/v1/imports/{import_id}").json


@pytest.mark.parametrize("kind", [CSV, XLSX])
def test_the_error_sheet_of_a_list_is_read_like_the_list(cloud: Any, api: Any, kind: str) -> None:
    rows = [list(graduate_row(make_person(n, today=NOW.date()))) for n in range(3)]
    rows[1][7] = "123"
    raw = write_csv(GRADUATE_HEADERS, rows) if kind == CSV else write_xlsx("x", GRADUATE_HEADERS, rows)
    name = "a.csv" if kind == CSV else "a.xlsx"
    _, sheet = imported(api, cloud, raw, name)
    seen = _imported(api, cloud, sheet, name)
    assert (seen["total"], seen["valid"]) == (3, 2)
    assert [(fault["row"], fault["code"]) for fault in seen["errors"]] == [(3, "invalid_phone")]


def test_the_forms_of_a_class_are_taken_as_they_are(world: Any, api: Any) -> None:
    room = Classroom(world).approved()
    room.enrol(2)
    raw = fetched(api("institution").get(f"/v1/classes/{room.id}/roster/template", at=world.now).json["url"])
    for sent, content_type in both(raw):
        path = f"/v1/classes/{room.id}/roster?version={room.version}&dry_run=true"
        answer = api("institution").put(path, raw=sent, content_type=content_type, at=world.now)
        assert (answer.status, answer.json["accepted"], answer.json["errors"]) == (200, 2, []), answer.text


def test_the_form_of_marks_is_taken_with_the_marks_that_it_gives(world: Any, api: Any) -> None:
    room = Classroom(world).completed(2)
    path = f"/v1/classes/{room.id}/scores"
    rows = [{"enrolment_id": e["id"], "theory": 80, "practice": 90} for e in room.enrolments]
    done = api("institution").put(path, {"version": room.version, "rows": rows}, at=room.ended())
    assert done.status == 200, json.dumps(done.json)
    room.refresh()
    raw = fetched(api("institution").get(f"{path}/template", at=room.ended()).json["url"])
    for sent, content_type in both(raw):
        again = f"{path}?version={room.version}&dry_run=true"
        answer = api("institution").put(again, raw=sent, content_type=content_type, at=room.ended())
        assert (answer.status, answer.json["passed"], answer.json["errors"]) == (200, 2, []), answer.text
