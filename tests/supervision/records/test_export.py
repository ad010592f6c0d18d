"""An export: every kind of record, each once, nothing that names anybody, and what it reads."""

import json
import re
from collections import Counter
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from chalicelib.aws.table import connection
from chalicelib.kernel.errors import Malformed
from chalicelib.supervision.records.model import FILES, ExportNote, Record
from tests.classes.builders import Classroom, trainer

FIRST, LAST = date(2026, 8, 1), date(2026, 12, 31)


def export(folder: Path, world: Any, *divisions: str, first: date = FIRST, last: date = LAST) -> Counter[str]:
    from infra.export_records import export as write

    counts = write(folder, divisions or ("34",), first=first, last=last, now=world.now)
    return Counter(counts)


def records(folder: Path, name: str) -> list[Any]:
    kind: type[Record] = FILES[name]
    lines = (folder / f"{name}.jsonl").read_bytes().splitlines()
    return [msgspec.json.decode(line, type=kind) for line in lines]


def lived(world: Any) -> Classroom:
    """A class with everything in it: check-ins taken and refused, one rejected, one made up, footage, marks."""
    room = Classroom(world).rostered(3)
    king, late, far = room.people
    assert room.check_in(king, device_id="phone-king").status == 201
    assert room.check_in(king, kind="out", at=room.starts() + timedelta(hours=7)).status == 201
    assert room.check_in(late, location={"accuracy_m": 500}).status == 201
    assert room.check_in(far, location={"lng": 118.9}).status == 409
    footage = {
        "camera_id": "cam-1",
        "started_at": room.starts().isoformat(),
        "ended_at": (room.starts() + timedelta(hours=1)).isoformat(),
        "size_bytes": 1000,
        "sha256": "ab" * 32,
        "content_type": "video/mp4",
    }
    path = f"/v1/lessons/{room.lesson()['id']}/footage"
    assert world.api("institution").post(path, footage, at=room.starts() + timedelta(hours=2)).status == 201
    make_up = {
        "enrolment_id": room.enrolments[2]["id"],
        "kind": "make_up",
        "reason": "补课",
        "evidence": "签到簿",
    }
    path = f"/v1/lessons/{room.lesson()['id']}/make-ups"
    assert world.api("institution").post(path, make_up, at=room.starts() + timedelta(days=1)).status == 201
    return room


def test_a_class_is_told_with_everything_that_happened_in_it(world: Any, tmp_path: Path) -> None:
    room = lived(world)
    counts = export(tmp_path, world)
    told = records(tmp_path, "classes")
    assert [record.id for record in told] == [room.id]
    assert told[0].status == "approved"
    assert (told[0].site.coord_system, len(told[0].lessons)) == ("gcj02", 5)
    assert counts["rosters"] == counts["enrolments"] == counts["people"] == counts["vouchers"] == 3
    attempts = records(tmp_path, "check_ins")
    assert Counter((record.kind, record.outcome) for record in attempts) == {
        ("in", "accepted"): 1,
        ("out", "accepted"): 1,
        ("in", "needs_review"): 2,  # one too rough, one made up and not yet decided
        ("in", "refused"): 1,
    }
    refused = next(record for record in attempts if record.outcome == "refused")
    assert (refused.reason, refused.enrolment) == ("outside_site", room.enrolments[2]["id"])
    made_up = next(record for record in attempts if record.made_up)
    assert made_up.location is None
    assert {record.enrolment for record in attempts} == {one["id"] for one in room.enrolments}
    assert all(record.network for record in attempts if not record.made_up and record.kind == "in")
    assert [record.status for record in records(tmp_path, "footage")] == ["announced"]
    assert {record.device for record in records(tmp_path, "redemptions")} != {"counter-1"}
    assert all(record.birth_year for record in records(tmp_path, "people"))


def test_marks_and_claim_are_told_in_every_version(world: Any, tmp_path: Path) -> None:
    room = Classroom(world).completed(3)
    marks = [{"enrolment_id": one["id"], "theory": 80, "practice": 70} for one in room.enrolments]
    assert room.put_scores(marks).status == 200
    room.json = room.read(at=room.ended())
    marks[0]["theory"] = 90
    assert room.put_scores(marks, reason="登分有误").status == 200
    room.json = room.read(at=room.ended())
    payability = world.api("institution").get(f"/v1/classes/{room.id}/payability", at=room.ended()).json
    body = {"declared_count": payability["count"], "declared_amount_fen": payability["amount_fen"]}
    path = f"/v1/classes/{room.id}/subsidy-claims"
    assert world.api("institution").post(path, body, at=room.ended()).status == 201
    export(tmp_path, world)
    scores = [
        record for record in records(tmp_path, "scores") if record.enrolment == room.enrolments[0]["id"]
    ]
    assert sorted(record.theory for record in scores) == [80, 90]
    assert len({record.entered_by for record in scores}) == 1
    (claim,) = records(tmp_path, "claims")
    assert [line.status for line in claim.lines] == ["pending"] * 3
    people = {record.person for record in records(tmp_path, "people")}
    assert {line.person for line in claim.lines} == people
    (told,) = records(tmp_path, "classes")
    assert told.completion_submitted_at == told.scored_at == room.ended()


def test_nothing_is_told_twice_and_every_person_is_one_key(world: Any, tmp_path: Path) -> None:
    lived(world)
    export(tmp_path, world)
    for name in FILES:
        lines = (tmp_path / f"{name}.jsonl").read_bytes().splitlines()
        assert len(lines) == len(set(lines)), name
    keys = {record.person for record in records(tmp_path, "people")}
    for name in ("vouchers", "enrolments", "rosters"):
        assert {record.person for record in records(tmp_path, name)} == keys


def test_an_export_opened_in_a_text_editor_names_nobody(world: Any, tmp_path: Path) -> None:
    room = lived(world)
    export(tmp_path, world)
    from chalicelib.accounts.persons.service import person_key_of

    named = [trainer()["name"], trainer()["id_number"]]
    for person in room.people:
        named += [person.name, person.id_number, person.phone, person_key_of(person.id_number)]
        named.append(person_key_of(person.id_number).partition("_")[2])
    whole = b"\n".join(path.read_bytes() for path in sorted(tmp_path.iterdir())).decode()
    for text in (*named, "phone-king", "counter-1", "127.0.0.1", "6222"):
        assert text not in whole, text
    assert not re.search(r"(?<![0-9a-z])1[3-9]\d{9}(?![0-9a-z])", whole)


def test_what_lies_outside_of_area_or_time_is_left_out(world: Any, tmp_path: Path) -> None:
    lived(world)
    elsewhere = export(tmp_path / "wuhu", world, "3402")
    assert not elsewhere["classes"] + elsewhere["enrolments"] + elsewhere["vouchers"]
    before = export(tmp_path / "before", world, first=date(2025, 1, 1), last=date(2025, 12, 31))
    assert not before["classes"] + before["enrolments"] + before["vouchers"] + before["people"]
    assert export(tmp_path / "county", world, "3401")["classes"] == 1


def test_the_note_says_of_what_and_as_of_when(world: Any, tmp_path: Path) -> None:
    export(tmp_path, world, "34", "3401")
    note = msgspec.json.decode((tmp_path / "export.json").read_bytes(), type=ExportNote)
    assert (note.as_of, note.since, note.until) == (world.now, "2026-08-01", "2026-12-31")
    assert note.divisions == ["34"]  # 3401 lies within
    assert json.loads((tmp_path / "export.json").read_bytes())["as_of"].endswith("+08:00")
    with pytest.raises(FileExistsError):
        export(tmp_path, world)


@pytest.mark.parametrize(
    ("divisions", "first", "last"),
    [((), FIRST, LAST), (("99",), FIRST, LAST), (("34",), LAST, FIRST), (("34",), FIRST, date(2030, 1, 1))],
)
def test_no_area_and_no_time_is_refused(
    world: Any, tmp_path: Path, divisions: tuple[str, ...], first: date, last: date
) -> None:
    from infra.export_records import export as write

    with pytest.raises(Malformed):
        write(tmp_path, divisions, first=first, last=last, now=world.now)


def test_it_reads_by_key_and_index_only(world: Any, tmp_path: Path) -> None:
    lived(world)
    seen: Counter[str] = Counter()

    def count(model: Any, **_: Any) -> None:
        seen[model.name] += 1

    events = connection().client.meta.events
    events.register_first("before-call.dynamodb", count)
    try:
        export(tmp_path, world, "3401")
    finally:
        events.unregister("before-call.dynamodb", count)
    assert set(seen) == {"Query", "BatchGetItem"}


def test_a_network_is_kept_as_a_key_and_the_platforms_is_not(world: Any) -> None:
    from chalicelib.attendance.check_ins.store import CheckInRow
    from chalicelib.edge.networks import network_of
    from chalicelib.kernel.principal import Context, Principal, Role

    room = Classroom(world).rostered(1)
    assert room.check_in(room.people[0]).status == 201
    (row,) = list(CheckInRow.query(room.id))
    assert row.network
    assert row.network not in ("127.0.0.1", None)

    def network(source: str, of: str = "prs_a") -> str | None:
        principal = Principal(actor="prs_a", role=Role.TRAINEE)
        at = datetime.fromisoformat("2026-09-01T00:00:00+08:00")
        return network_of(Context(principal=principal, now=at, request_id="req", source=source), of=of)

    assert network("2001:db8:1:2::1") == network("2001:db8:1:2:ff::9") != network("2001:db8:1:3::1")
    assert network("203.0.113.7") != network("203.0.113.8")
    assert network("203.0.113.7", of="prs_b") is None
    assert network("") is None
    assert network("unknown") is None
