"""The work on a list of three chunks: it dies and goes on, comes twice, is only tried, is told in pages."""

import csv
import hashlib
import io
import json
from datetime import timedelta

import boto3
import pytest

import app
from chalicelib.people.lists import store
from chalicelib.people.lists.chunks import store as chunk_store
from chalicelib.people.vault import store as vault_store
from chalicelib.sheets import writing as sheets_writing
from infra.local.people import GRADUATE_HEADERS, graduate_row, make_person
from tests.vouchers.batches.test_issuance_from_a_list import NOW

ROWS = 1_100
FEW = 12
SHORT, SHORT_WRONG = 30, (3, 8, 30)
WRONG_LINES = (3, 600, 1_100)


@pytest.fixture(scope="module")
def listed():
    """Give a csv of three chunks with three wrong phones."""
    return csv_of(ROWS, WRONG_LINES)


@pytest.fixture(scope="module")
def short():
    """Give a csv of one chunk with three wrong phones."""
    return csv_of(SHORT, SHORT_WRONG)


def csv_of(rows, wrong_lines):
    lines = [list(graduate_row(make_person(n, today=NOW.date()))) for n in range(rows)]
    for line in wrong_lines:
        lines[line - 2][7] = "123"
    return sheets_writing.write_csv(GRADUATE_HEADERS, lines)


def arrived(api, raw, *, query="?partial=true", at=NOW):
    """Announce and upload a list; its first message waits."""
    body = {
        "kind": "graduates",
        "filename": "a.csv",
        "size_bytes": len(raw),
        "sha256": hashlib.sha256(raw).hexdigest(),
    }
    import_id = api("province").post(f"/v1/imports{query}", body, at=at).json["id"]
    key = f"imports/{import_id}/upload"
    boto3.client("s3", region_name="cn-north-1").put_object(Bucket="voucher-test-intake", Key=key, Body=raw)
    app.receive_upload({"detail": {"object": {"key": key}}, "now": at.isoformat()}, None)
    return import_id


def read(api, import_id):
    return api("province").get(f"/v1/imports/{import_id}").json


def deliver(body):
    """Give one message to the worker, as the queue would; tell whether it was done."""
    record = {"messageId": "1", "body": json.dumps(body)}
    return app.process_import({"Records": [record]}, None) == {"batchItemFailures": []}


def end_state(api, import_id):
    """Give all that a list leaves."""
    seen = read(api, import_id)
    counts = tuple(seen[name] for name in ("status", "total", "valid", "invalid", "error_count"))
    chunks = range(store.read_import(import_id).chunks)
    kept = [chunk_store.read_chunk(import_id, chunk).item for chunk in chunks]
    return counts, [(error["row"], error["code"]) for error in seen["errors"]], len(kept), _people()


def _people():
    return vault_store.PersonRow.count()


EXPECTED = (
    ("ready", ROWS, ROWS - 3, 3, 3),
    [(line, "invalid_phone") for line in WRONG_LINES],
    3,
    ROWS - 3,
)


def test_every_message_may_come_twice(cloud, api, listed):
    import_id = arrived(api, listed)
    while messages := cloud.messages("imports"):
        once = {json.dumps(body): body for body in messages}
        for body in [*once.values(), *once.values()]:
            assert deliver(body)
    assert end_state(api, import_id) == EXPECTED


class Died(BaseException):
    """The worker is gone; nothing catches this."""


def test_a_worker_may_die_before_any_of_its_calls_to_the_store(cloud, api):
    """Each message dies at its 1st call, then its 2nd …, until it is done; then the next one's turn."""
    from chalicelib.aws.clients import client
    from chalicelib.aws.table import connection

    import_id = arrived(api, csv_of(FEW, [5]))
    left = [0]
    deaths = 0

    def die(**_):
        left[0] -= 1
        if left[0] == 0:
            raise Died

    events = [client("sqs").meta.events, connection().client.meta.events]
    for registered in events:
        registered.register("before-call", die)
    try:
        waiting = [*_taken(cloud, left)]
        while waiting:
            body = waiting.pop(0)
            for step in range(1, 1_000):
                left[0] = step
                try:
                    assert deliver(body)
                except Died:
                    deaths += 1
                else:
                    break
            waiting += [body for body in _taken(cloud, left) if body not in waiting]
    finally:
        for registered in events:
            registered.unregister("before-call", die)
    assert deaths > FEW, "the worker was not interrupted"
    counts, errors, kept, people = end_state(api, import_id)
    assert counts == ("ready", FEW, FEW - 1, 1, 1)
    assert (errors, kept, people) == ([(5, "invalid_phone")], 1, FEW - 1)


def _taken(cloud, left):
    left[0] = 0
    return cloud.messages("imports")


def test_a_list_whose_message_was_lost_is_asked_for_again(cloud, api, listed):
    import_id = arrived(api, listed)
    resumed = []

    def resume(minutes):
        event = {"now": (NOW + timedelta(minutes=minutes)).isoformat()}
        resumed.append(app.resume_imports(event, None)["imports"])
        return cloud.messages("imports")

    assert [body["work"] for body in cloud.messages("imports")] == ["split"]  # lost
    assert resume(10) == []
    (split,) = resume(20)
    assert resume(21) == [], "it was asked for a minute ago"
    assert deliver(split)
    judge = cloud.messages("imports")
    assert deliver(judge[0])  # the other two are lost
    asked = resume(60)
    assert [(body["work"], body["chunk"]) for body in asked] == [("judge", 1), ("judge", 2)]
    assert all(deliver(body) for body in asked)
    cloud.work("imports", app.process_import)
    assert end_state(api, import_id) == EXPECTED
    assert resume(600) == []
    assert resumed == [0, 1, 0, 1, 0]


def test_progress_is_told_while_a_list_is_worked_through(cloud, api, listed):
    import_id = arrived(api, listed)
    steps = []
    while messages := cloud.messages("imports"):
        for body in messages:
            assert deliver(body)
            seen = read(api, import_id)["progress"]
            steps.append((seen["step"], seen["rows_done"]))
    assert steps == [
        ("judging", 0),
        ("judging", 500),
        ("judging", 1_000),
        ("judging", ROWS),
        ("taking_over", 0),
        ("taking_over", 500),
        ("taking_over", 1_000),
        ("finishing", ROWS),
        ("ready", ROWS),
    ]


def test_a_dry_run_tells_everything_and_takes_nothing_over(world, api, cloud, short):
    import_id = arrived(api, short, query="?partial=true&dry_run=true")
    cloud.work("imports", app.process_import)
    seen = read(api, import_id)
    assert (seen["status"], seen["valid"], seen["invalid"]) == ("ready", SHORT - 3, 3)
    assert (seen["dry_run"], seen["allowed_actions"], _people()) == (True, [], 0)
    body = {"import_id": import_id, "declared_count": SHORT - 3}
    answer = api("province").post(f"/v1/programs/{world.program_id}/issuance-batches", body, at=NOW)
    assert (answer.status, answer.json["code"]) == (409, "import_not_ready")


def test_errors_come_in_pages_in_the_order_of_the_rows(cloud, api, short):
    import_id = arrived(api, short)
    cloud.work("imports", app.process_import)
    path = f"/v1/imports/{import_id}/errors?limit=2"
    first = api("province").get(path).json
    second = api("province").get(f"{path}&cursor={first['next']}").json
    assert [len(page["items"]) for page in (first, second)] == [2, 1]
    assert [fault["row"] for fault in first["items"] + second["items"]] == list(SHORT_WRONG)
    assert second["next"] is None


def test_the_error_sheet_has_every_row_and_says_what_is_wrong(cloud, api, short):
    import_id = arrived(api, short)
    cloud.work("imports", app.process_import)
    name = f"imports/{import_id}/errors"
    sheet = boto3.client("s3", region_name="cn-north-1").get_object(Bucket="voucher-test-intake", Key=name)
    lines = list(csv.reader(io.StringIO(sheet["Body"].read().decode("utf-8-sig"))))
    assert lines[0] == ["行号", *GRADUATE_HEADERS, "错误原因"]
    assert len(lines) == SHORT + 1
    reasons = {int(line[0]): line[-1] for line in lines[1:] if line[-1]}
    assert reasons == dict.fromkeys(SHORT_WRONG, "手机号：手机号应为 11 位数字，以 1 开头，请核对。")


def test_imports_are_short_newest_first_in_pages(cloud, api, short):
    import_ids = [arrived(api, short, at=NOW + timedelta(minutes=n)) for n in range(3)]
    first = api("province").get("/v1/imports?limit=2").json
    second = api("province").get(f"/v1/imports?limit=2&cursor={first['next']}").json
    assert [shown["id"] for shown in first["items"] + second["items"]] == import_ids[::-1]


def test_a_message_that_comes_late_asks_for_no_more_than_the_next_step(cloud, api, listed):
    import_id = arrived(api, listed)
    (split,) = cloud.messages("imports")
    assert deliver(split)
    judges = cloud.messages("imports")
    assert all(deliver(body) for body in judges)
    (merge,) = cloud.messages("imports")
    assert merge["work"] == "merge"
    assert deliver(merge)
    keeps = cloud.messages("imports")
    assert {body["work"] for body in keeps} == {"keep"}
    assert all(deliver(body) for body in judges)
    assert cloud.messages("imports") == []
    assert all(deliver(body) for body in keeps)
    cloud.work("imports", app.process_import)
    assert end_state(api, import_id) == EXPECTED
