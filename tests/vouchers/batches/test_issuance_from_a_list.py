"""From an uploaded list to issued vouchers (step 3)."""

import hashlib
from datetime import UTC, datetime

import boto3
import pytest

import app
from chalicelib.kernel.calendar import format_moment
from infra.local.people import demo_list, graduate_workbook

NOW = datetime(2026, 9, 1, 1, 0, tzinfo=UTC)


def upload(api, raw, *, partial=False, filename="graduates.xlsx", at=NOW):
    body = {
        "kind": "graduates",
        "filename": filename,
        "size_bytes": len(raw),
        "sha256": hashlib.sha256(raw).hexdigest(),
    }
    path = "/v1/imports" + ("?partial=true" if partial else "")
    announced = api("province").post(path, body, at=at)
    assert announced.status == 201, announced.text
    return announced.json["id"]


def arrive(cloud, import_id, raw):
    key = f"imports/{import_id}/upload"
    boto3.client("s3", region_name="cn-north-1").put_object(Bucket="voucher-test-intake", Key=key, Body=raw)
    app.receive_upload({"detail": {"object": {"key": key}}, "now": NOW.isoformat()}, None)
    cloud.work("imports", app.process_import)


def imported(api, cloud, raw, **options):
    import_id = upload(api, raw, **options)
    arrive(cloud, import_id, raw)
    return api("province").get(f"/v1/imports/{import_id}").json


@pytest.fixture(scope="module")
def graduates():
    return demo_list(60, today=NOW.date())


def test_a_list_with_wrong_rows_fails_and_names_every_one(world, api, cloud, graduates):
    raw, expected = graduates
    record = imported(api, cloud, raw)
    assert record["status"] == "failed"
    assert (record["total"], record["valid"]) == (expected.total, expected.valid)
    assert sorted({error["row"] for error in record["errors"]}) == sorted(expected.wrong_rows)
    assert all(error["detail"] and error["column"] for error in record["errors"])
    assert record["error_sheet"]


def test_vouchers_are_issued_once_whatever_is_repeated(world, api, cloud, graduates):
    raw, expected = graduates
    record = imported(api, cloud, raw, partial=True)
    assert (record["status"], record["valid"]) == ("ready", expected.valid)
    batches = f"/v1/programs/{world.program_id}/issuance-batches"
    body = {"import_id": record["id"], "declared_count": expected.valid}
    proposed = api("province").post(batches, body, at=NOW)
    assert proposed.status == 201, proposed.text
    assert (proposed.json["eligible"], proposed.json["already_held"]) == (expected.eligible, 0)
    path = f"{batches}/{proposed.json['id']}"
    own = api("province").post(f"{path}/approve", {"version": 1}, at=NOW)
    assert (own.status, own.json["code"]) == (403, "self_approval")
    approved = api("province_two").post(f"{path}/approve", {"version": 1}, at=NOW)
    assert (approved.status, approved.json["status"]) == (200, "issuing")
    messages = cloud.messages("issuance")
    for _ in range(2):  # delivered twice
        records = [{"messageId": str(n), "body": _json(m)} for n, m in enumerate(messages)]
        app.issue_vouchers({"Records": records}, None)
    read = api("province").get(path).json
    assert (read["status"], read["issued"]) == ("issued", expected.eligible)
    assert api("province").get(f"/v1/imports/{record['id']}").json["status"] == "applied"
    refused = api("province").get(f"{path}/refusals").json["items"]
    assert len({item["row"] for item in refused}) == expected.valid - expected.eligible
    again = api("province").post(batches, body, at=NOW)
    assert (again.status, again.json["code"]) == (409, "nothing_to_issue")
    assert f"{expected.eligible} 人已持有" in again.json["detail"]


def test_declared_count_must_match(world, api, cloud, graduates):
    raw, expected = graduates
    record = imported(api, cloud, raw, partial=True)
    body = {"import_id": record["id"], "declared_count": expected.valid + 1}
    answer = api("province").post(f"/v1/programs/{world.program_id}/issuance-batches", body, at=NOW)
    assert (answer.status, answer.json["code"]) == (422, "declared_totals_differ")


@pytest.mark.parametrize(
    ("filename", "raw", "code"),
    [
        ("a.xlsx", b"not a workbook", "unreadable_sheet"),
        ("a.csv", "姓名,身份证号\n张三,1\n".encode(), "missing_column"),
        ("a.csv", "姓名,姓名\n".encode(), "duplicate_column"),
        ("a.csv", "姓名,星座\n张三,天秤\n".encode(), "unknown_column"),
        ("a.csv", b"\n\n", "no_rows"),
        ("a.csv", b"\x00\x01\x02\x03", "unreadable_sheet"),
    ],
)
def test_unreadable_files_are_refused_with_a_sentence(world, api, cloud, filename, raw, code):
    record = imported(api, cloud, raw, filename=filename)
    assert (record["status"], record["failure"]) == ("failed", code)
    assert record["detail"]


def test_a_file_other_than_announced_is_refused(world, api, cloud):
    raw = graduate_workbook([])
    import_id = upload(api, raw)
    arrive(cloud, import_id, raw + b"x")
    assert api("province").get(f"/v1/imports/{import_id}").json["failure"] == "digest_mismatch"


def test_a_csv_in_gb18030_is_read(world, api, cloud):
    person = world.person(3)
    header = "姓名,身份证号,毕业院校,学历,毕业日期,离校日期,就业状态,手机号,行政区划"
    row = f"{person.name},{person.id_number},安徽大学,本科,2026-06-30,2026/7/1,未就业,{person.phone},340111"
    record = imported(api, cloud, f"{header}\n{row}\n".encode("gb18030"), filename="a.csv")
    assert (record["status"], record["valid"]) == ("ready", 1), record


def _json(message):
    import json

    return json.dumps(message)


def test_the_work_on_a_list_believes_in_the_time_of_its_announcement(world, api, cloud, graduates):
    raw, _ = graduates
    import_id = upload(api, raw)
    key = f"imports/{import_id}/upload"
    boto3.client("s3", region_name="cn-north-1").put_object(Bucket="voucher-test-intake", Key=key, Body=raw)
    app.receive_upload({"detail": {"object": {"key": key}}}, None)  # S3 knows only the real clock
    assert [message["now"] for message in cloud.messages("imports")] == [format_moment(NOW)]
