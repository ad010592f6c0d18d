"""An export of records that a supervisor asks for: who may, what it holds, and that its opening is told."""

import io
import zipfile
from datetime import timedelta
from typing import Any

import boto3
import pytest

import app
from chalicelib.aws.settings import settings
from chalicelib.supervision.exports.store import RecordExportRow
from tests.classes.builders import Classroom

PATH = "/v1/records/exports"
ASKED = {"division": "3401", "from": "2026-08-01", "to": "2026-12-31", "purpose": "审计厅年度审计"}


def ask(world: Any, who: str = "supervisor", **changes: Any) -> Any:
    return world.api(who).post(PATH, ASKED | changes, at=world.now)


def show(world: Any, export_id: str, who: str = "supervisor", at: Any = None) -> Any:
    return world.api(who).get(f"{PATH}/{export_id}", at=at or world.now)


def open_it(world: Any, export_id: str, who: str = "supervisor", at: Any = None) -> Any:
    return world.api(who).post(f"{PATH}/{export_id}/open", {"reason": "交审计组"}, at=at or world.now)


@pytest.fixture
def made(world: Any, cloud: Any) -> str:
    """An export that is ready, of a class with three people."""
    Classroom(world).rostered(3)
    asked = ask(world)
    assert (asked.status, asked.json["status"]) == (202, "waiting")
    assert open_it(world, asked.json["id"]).json["code"] == "wrong_state"
    assert cloud.work("exports", app.make_exports) == 1
    return str(asked.json["id"])


def packed(export_id: str) -> zipfile.ZipFile:
    key = f"records/{export_id}.zip"
    body = boto3.client("s3").get_object(Bucket=settings().intake_bucket, Key=key)["Body"]
    return zipfile.ZipFile(io.BytesIO(body.read()))


def test_an_export_holds_the_files_and_says_how_many_records(world: Any, made: str) -> None:
    shown = show(world, made, at=None).json
    assert shown["status"] in ("ready", "lapsed")  # its worker's clock is the real one
    assert (shown["records"]["classes"], shown["records"]["rosters"]) == (1, 3)
    archive = packed(made)
    assert {"export.json", "classes.jsonl", "check_ins.jsonl"} <= set(archive.namelist())
    assert len(archive.read("rosters.jsonl").splitlines()) == 3


def test_it_names_nobody(world: Any, made: str) -> None:
    archive = packed(made)
    whole = b"".join(archive.read(name) for name in archive.namelist()).decode()
    for index in range(1, 4):
        person = world.person(index)
        for text in (person.name, person.id_number, person.phone):
            assert text not in whole


def test_each_opening_is_a_change_that_tells_who_and_why(world: Any, made: str) -> None:
    before = RecordExportRow.get(made).record
    opened = open_it(world, made)
    assert opened.status == 200
    assert f"records/{made}.zip" in opened.json["url"]
    after = RecordExportRow.get(made).record
    assert after.version == before.version + 1
    assert (after.last_change.action, after.last_change.reason) == ("record_export.open", "交审计组")
    assert after.purpose == ASKED["purpose"]
    assert RecordExportRow.streamed, "so the audit has a record of it"


def test_making_it_again_changes_nothing(world: Any, made: str) -> None:
    before = RecordExportRow.get(made).record
    app.make_exports({"Records": [{"messageId": "m", "body": f'{{"export_id": "{made}"}}'}]}, None)
    assert RecordExportRow.get(made).record == before


def test_it_lapses_and_one_that_never_came_is_given_up(world: Any, made: str) -> None:
    finished = RecordExportRow.get(made).record.finished_at
    late = finished + timedelta(days=30)
    assert show(world, made, at=late).json["status"] == "lapsed"
    assert open_it(world, made, at=late).json["code"] == "wrong_state"
    never = ask(world).json["id"]
    assert show(world, never, at=world.later(hours=7)).json["status"] == "given_up"


def test_only_supervisors_and_the_province_in_their_area(world: Any, made: str) -> None:
    for who in ("clerk", "reviewer", "finance", "institution"):
        assert ask(world, who).status == 403
        assert show(world, made, who).status == 403
        assert open_it(world, made, who).status == 403
    assert ask(world, division="3402").status == 404
    assert ask(world, division="34").status == 404
    assert ask(world, "province", division="34").status == 202
    assert open_it(world, made, "province").status == 200


@pytest.mark.parametrize(
    "changes", [{"division": "99"}, {"to": "2020-01-01"}, {"purpose": ""}, {"to": "2031-01-01"}]
)
def test_what_cannot_be_exported_is_refused(world: Any, changes: dict[str, str]) -> None:
    assert ask(world, **changes).status == 400
