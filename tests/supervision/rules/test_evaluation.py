"""The same records give the same findings, whatever their order and writing; a rule that fails stops no other."""

import dataclasses
import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import msgspec
import pytest

from chalicelib.programs.model import Policy
from chalicelib.programs.thresholds import Thresholds
from chalicelib.supervision.records.model import FILES
from chalicelib.supervision.rules import bursts
from chalicelib.supervision.rules.evaluation import findings_about_class
from chalicelib.supervision.rules.register import CLASS_RULES
from chalicelib.supervision.rules.rule import Rule
from infra.replay import Replay
from infra.supervise import NOTHING_DONE, SOME_LEFT_OUT, main
from tests.supervision.rules.exports import WUHU, Export

ROOT = Path(__file__).parents[3]
MOMENTS = ("_at", "from", "until")


@pytest.fixture
def spoiled() -> Export:
    """An export in which every rule finds something."""
    export = Export()
    export.institution("school of one room", 1)
    first = export.course(people=25, trainer="trainer x", institution="school of one room", room="1")
    second = export.course(trainer="trainer x", institution="school of one room", room="1")
    third = export.course(institution="school of one room", place=WUHU)
    late = {third.lesson(3), third.lesson(4)}
    for row in third.check_ins():
        row["offline"] = row["enrolment"] in third.enrolments[:5]
        row["made_up"] = row["enrolment"] in third.enrolments[5:] and row["lesson"] in late
    for place, row in enumerate(first.check_ins()):
        row["device"] = f"drawer {place % 3}"
        row["location"] |= {"lng": 117.2272131, "lat": 31.8206442, "mocked": place % 25 == 3}
        row["received_at"] = (
            datetime.fromisoformat(row["received_at"]).replace(minute=50, second=place % 7)
        ).isoformat()
    second.enrol([first.person_of(first.enrolments[0])])
    for day in range(5):
        second.check_in(day, second.enrolments[-1], second.starts(day), kind="in")
    far = second.check_in(0, second.enrolments[-1], first.starts(0) - timedelta(minutes=9, seconds=50))
    far["location"] |= {"lng": WUHU[0], "lat": WUHU[1]}
    export.rows["claims"].pop(1)
    second.claim(submitted_at=(second.ends(4) + timedelta(days=20)).isoformat())
    export.rows["footage"] = [
        row for row in export.rows["footage"] if row["lesson"] not in {first.lesson(2), first.lesson(3)}
    ]
    first.head["completion_submitted_at"] = first.starts(2).isoformat()
    for row in first.scores():
        row |= {"theory": 85, "practice": 86}
    for row in export.rows["people"][:5]:
        row["phone_key"] = "agent"
    export.rows["standings"].append(
        {
            "person": first.person_of(first.enrolments[1]),
            "list": "retired",
            "from": "2026-01-01T00:00:00+08:00",
        }
    )
    export.rows["vouchers"].append(
        {"id": "vch_x", "person": "prs_x", "status": "redeemed", "redeemed_at": "2026-08-01T09:00:00+08:00"}
    )
    return export


def replayed(export: Export, folder: Path, capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    export.write(folder)
    assert main([str(folder)]) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_every_rule_finds_something_in_what_is_spoiled(spoiled: Export) -> None:
    assert {finding.rule for finding in spoiled.findings()} == {rule.name for rule in CLASS_RULES}


def test_an_honest_export_has_no_findings() -> None:
    export = Export()
    for hour in (8, 13, 18):
        export.course(people=30, from_hour=hour, trainer="trainer x", room="1")
    for hour in (8, 13, 22):
        export.course(people=15, from_hour=hour, place=WUHU, days=10)

    assert export.findings() == []


def test_a_finding_is_written_as_the_page_of_records_says(
    spoiled: Export, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    findings = replayed(spoiled, tmp_path, capsys)

    for finding in findings:
        assert list(finding) == [
            "rule",
            "severity",
            "subject",
            "class",
            "institution",
            "lines",
            "evidence",
            "at",
        ]
        assert finding["lines"] == sorted(finding["lines"])
        assert datetime.fromisoformat(finding["at"]).utcoffset() == timedelta(hours=8)
        assert all(len(value) <= 20 for value in finding["evidence"].values() if isinstance(value, list))


def test_findings_hang_on_no_order_of_lines(
    spoiled: Export, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = replayed(spoiled, tmp_path, capsys)
    for rows in spoiled.rows.values():
        random.Random(1).shuffle(rows)

    assert replayed(spoiled, tmp_path, capsys) == before


def test_findings_hang_on_no_offset(
    spoiled: Export, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = replayed(spoiled, tmp_path, capsys)
    zones = random.Random(1)
    spoiled.rows = {name: [_elsewhere(row, zones) for row in rows] for name, rows in spoiled.rows.items()}

    assert replayed(spoiled, tmp_path, capsys) == before


def _elsewhere(row: Any, zones: random.Random) -> Any:
    """Write each time with another offset."""
    if isinstance(row, list):
        return [_elsewhere(part, zones) for part in row]
    if not isinstance(row, dict):
        return row
    return {
        name: _moved(value, zones)
        if name.endswith(MOMENTS) and isinstance(value, str)
        else _elsewhere(value, zones)
        for name, value in row.items()
    }


def _moved(value: str, zones: random.Random) -> str:
    zone = zones.choice([UTC, timezone(timedelta(hours=8)), timezone(timedelta(hours=-3, minutes=-30))])
    return datetime.fromisoformat(value).astimezone(zone).isoformat().replace("+00:00", "Z")


def test_null_is_as_good_as_absent(
    spoiled: Export, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = replayed(spoiled, tmp_path, capsys)
    spoiled.rows = {
        name: [{field: row[field] for field in row if row[field] is not None} for row in rows]
        for name, rows in spoiled.rows.items()
    }
    assert replayed(spoiled, tmp_path, capsys) == before

    for name, kind in FILES.items():
        fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}
        optional = [name for name, field in fields.items() if field.default is None]
        spoiled.rows[name] = [dict.fromkeys(optional) | row | {"unknown": 1} for row in spoiled.rows[name]]
    assert replayed(spoiled, tmp_path, capsys) == before


def test_a_line_told_twice_changes_nothing(
    spoiled: Export, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = replayed(spoiled, tmp_path, capsys)
    for name in ("check_ins", "footage", "classes", "people", "vouchers", "enrolments", "standings"):
        spoiled.rows[name] = spoiled.rows[name] * 2

    assert replayed(spoiled, tmp_path, capsys) == before


def test_more_neighbours_than_asked_for_change_nothing(spoiled: Export) -> None:
    """A source may deliver the whole province as neighbours: findings are the same."""
    records = spoiled.records()
    for dossier in Replay(records).class_dossiers():
        wide = _with_everything(dossier, records)
        narrow = findings_about_class(dossier, Policy(), spoiled.as_of)
        assert findings_about_class(wide, Policy(), spoiled.as_of) == narrow


def _with_everything(dossier: Any, records: Any) -> Any:
    of, near = records.by_file, dossier.neighbours
    own = dossier.head.id
    neighbours = dataclasses.replace(
        near,
        classes=of["classes"],
        rosters=[row for row in of["rosters"] if row.class_id != own],
        check_ins=of["check_ins"],
        enrolments=of["enrolments"],
        footage=of["footage"],
        people=near.people,
    )
    return dataclasses.replace(dossier, neighbours=neighbours)


def test_the_command_gives_the_same_bytes_each_time_and_loads_nothing_of_a_cloud(
    spoiled: Export, tmp_path: Path
) -> None:
    spoiled.write(tmp_path)
    script = (
        "import sys; from infra.supervise import main; ended = main(sys.argv[1:]);"
        "cloud = {'boto3', 'botocore', 'pynamodb', 'chalice', 'chalicelib.aws'} & set(sys.modules);"
        "sys.exit(ended or bool(cloud))"
    )
    runs = [
        subprocess.run(
            [sys.executable, "-c", script, str(tmp_path)],
            capture_output=True,
            check=True,
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": seed},
        )
        for seed in ("1", "2")
    ]

    assert runs[0].stdout == runs[1].stdout != b""


# ------------------------------------------------------------------------------------ what goes wrong


def _breaks(*_: object) -> Iterator[Any]:
    message = "planted"
    raise RuntimeError(message)
    yield


def test_a_rule_that_fails_stops_no_other_and_is_told(spoiled: Export) -> None:
    [dossier, *_] = Replay(spoiled.records()).class_dossiers()
    sound = findings_about_class(dossier, Policy(), spoiled.as_of)
    broken = [_broken(rule) if rule.name == bursts.NAME else rule for rule in CLASS_RULES]

    evaluation = findings_about_class(dossier, Policy(), spoiled.as_of, rules=broken)

    assert [(one.rule, one.about, one.error) for one in evaluation.failures] == [
        (bursts.NAME, dossier.head.id, "RuntimeError: planted")
    ]
    assert evaluation.findings == [one for one in sound.findings if one.rule != bursts.NAME]


def _broken(rule: Rule[Any]) -> Rule[Any]:
    return dataclasses.replace(rule, evaluate=_breaks)


def test_lines_that_cannot_be_read_are_told_and_the_rest_goes_on(
    spoiled: Export, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = replayed(spoiled, tmp_path, capsys)
    with (tmp_path / "check_ins.jsonl").open("ab") as lines:
        lines.write(b'{"id": "chk_x", "lesson": "les_1-00"}\n\xff\xfe\nnot json\n\n')
    with (tmp_path / "standings.jsonl").open("a") as lines:
        lines.write('{"person": "prs_0001", "list": "employed", "from": "last year"}\n')
    count = len(spoiled.rows["check_ins"])

    assert main([str(tmp_path)]) == SOME_LEFT_OUT
    told = capsys.readouterr()
    assert [json.loads(line) for line in told.out.splitlines()] == before
    assert [line.split(": ")[0] for line in told.err.splitlines()] == [
        f"check_ins.jsonl:{count + 1}",
        f"check_ins.jsonl:{count + 2}",
        f"check_ins.jsonl:{count + 3}",
        f"standings.jsonl:{len(spoiled.rows['standings']) + 1}",
    ]


def test_a_time_without_an_offset_cannot_be_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    export = Export()
    course = export.course()
    course.check_ins()[0]["received_at"] = "2026-09-07T08:50:00"
    export.write(tmp_path)

    assert main([str(tmp_path)]) == SOME_LEFT_OUT
    assert "check_ins.jsonl:1" in capsys.readouterr().err


def test_without_a_note_the_newest_receipt_is_now(
    spoiled: Export, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In September no footage is due and no voucher idle: the wall clock is not asked."""
    spoiled.write(tmp_path)
    (tmp_path / "export.json").unlink()

    assert main([str(tmp_path)]) == 0
    rules = {json.loads(line)["rule"] for line in capsys.readouterr().out.splitlines()}
    assert rules == {rule.name for rule in CLASS_RULES} - {"footage_gap", "idle_voucher"}


def test_an_empty_folder_and_none_at_all_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path)]) == NOTHING_DONE
    assert main([str(tmp_path / "nowhere")]) == NOTHING_DONE
    assert capsys.readouterr().err.count("\n") == 2


@pytest.mark.parametrize("form", ["policy", "answer"])
def test_thresholds_are_data_of_the_policy(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], form: str
) -> None:
    export = Export()
    course = export.course(people=20)
    for row in course.scores():
        row |= {"theory": 85, "practice": 86}
    export.write(tmp_path)
    policy = Policy(supervision=Thresholds(marks_people=21))
    written = policy if form == "policy" else {"id": "prg_1", "policy": policy}
    (tmp_path / "policy.json").write_bytes(msgspec.json.encode(written))

    assert main([str(tmp_path)]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 1
    assert main([str(tmp_path), "--policy", str(tmp_path / "policy.json")]) == 0
    assert capsys.readouterr().out == ""


def test_a_policy_with_an_unknown_threshold_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "policy.json").write_text('{"supervision": {"marks_peeple": 3}}')

    assert main([str(tmp_path), "--policy", str(tmp_path / "policy.json")]) == NOTHING_DONE
    assert "marks_peeple" in capsys.readouterr().err
