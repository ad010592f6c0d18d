"""Roster and withdrawal (step 7)."""

from datetime import timedelta

import pytest

from chalicelib.sheets.content_types import CSV, XLSX
from tests.classes.builders import Classroom, csv, identity, statuses, xlsx

ROSTER_HEADER = ["姓名", "身份证号"]


# ------------------------------------------------------------------------------------------ roster


def test_a_roster_is_refused_before_approval_and_after_completion(world):
    room = Classroom(world)
    assert room.put_roster([]).json["code"] == "class_not_approved"
    room.do("institution", "submit")
    assert room.put_roster([]).json["code"] == "class_not_approved"
    room.do("clerk", "approve")
    room.enrol(1)
    room.put_roster([{"enrolment_id": room.enrolments[0]["id"]}])
    room.refresh().do("institution", "completion/submit", at=room.ended())
    assert room.put_roster([]).json["code"] == "roster_closed"


@pytest.mark.parametrize("kind", ["json", "xlsx", "csv"])
def test_a_roster_by_names_rosters_the_enrolments(world, api, kind):
    room = Classroom(world).approved()
    enrolments = room.enrol(2)
    if kind == "json":
        answer = room.put_roster([identity(person) for person in room.people])
    else:
        write, content_type = (xlsx, XLSX) if kind == "xlsx" else (csv, CSV)
        sheet = write(ROSTER_HEADER, *[[p.name, p.id_number] for p in room.people])
        path = f"/v1/classes/{room.id}/roster?version={room.version}"
        answer = api("institution").put(path, raw=sheet, content_type=content_type, at=world.now)
    assert answer.status == 200, answer.text
    assert answer.json == {"version": room.version + 1, "accepted": 2, "errors": [], "notices": []}
    assert statuses(api) == {enrolment["id"]: "rostered" for enrolment in enrolments}
    listed = api("clerk").get(f"/v1/classes/{room.id}/roster").json["items"]
    assert {row["enrolment_id"] for row in listed} == {enrolment["id"] for enrolment in enrolments}
    assert all("*" in row["trainee"]["name"] and "*" in row["trainee"]["id_number"] for row in listed)


def test_every_wrong_row_comes_back_with_row_and_column_and_nothing_is_applied(world, api):
    room = Classroom(world).approved()
    room.enrol(2)
    good, second = room.people
    stranger, other = world.person(70), world.person(71)
    world.enrolment(other, institution="institution_two")
    sheet = xlsx(
        ROSTER_HEADER,
        [good.name, good.id_number],
        [],
        ["张冒名", second.id_number],
        [stranger.name, stranger.id_number],
        [other.name, other.id_number],
        ["", good.id_number],
        [good.name, ""],
        [good.name, good.id_number[:-1] + ("1" if good.id_number[-1] != "1" else "2")],
        [good.name, good.id_number],
    )
    path = f"/v1/classes/{room.id}/roster?version={room.version}"
    answer = api("institution").put(path, raw=sheet, content_type=XLSX, at=world.now)
    assert (answer.status, answer.json["code"]) == (422, "roster_row_unmatched")
    faults = [(fault["row"], fault["column"], fault["code"]) for fault in answer.json["errors"]]
    assert faults == [
        (4, "姓名", "roster_row_unmatched"),
        (5, "身份证号", "roster_row_unmatched"),
        (6, "身份证号", "roster_row_unmatched"),
        (7, "姓名", "empty_cell"),
        (8, "身份证号", "empty_cell"),
        (9, "身份证号", "invalid_id_number"),
        (10, "身份证号", "repeated_trainee"),
    ]
    assert all(fault["detail"] for fault in answer.json["errors"])
    assert good.id_number not in answer.text
    assert room.read()["version"] == room.version
    assert set(statuses(api).values()) == {"confirmed"}


def test_a_dry_run_tells_the_errors_and_a_partial_upload_applies_the_right_rows(world, api):
    room = Classroom(world).approved()
    enrolments = room.enrol(1)
    rows = [{"enrolment_id": enrolments[0]["id"]}, {"enrolment_id": "enr_nobodyatall"}]
    dry = room.put_roster(rows, "?dry_run=true")
    assert (dry.status, dry.json["accepted"], dry.json["version"]) == (200, 1, room.version)
    assert [(fault["row"], fault["code"]) for fault in dry.json["errors"]] == [(2, "roster_row_unmatched")]
    assert set(statuses(api).values()) == {"confirmed"}
    partial = room.put_roster(rows, "?partial=true")
    assert (partial.status, partial.json["accepted"], len(partial.json["errors"])) == (200, 1, 1)
    assert statuses(api) == {enrolments[0]["id"]: "rostered"}


def test_a_new_roster_replaces_the_old_one(world, api):
    room = Classroom(world).rostered(2)
    leaving, staying = (enrolment["id"] for enrolment in room.enrolments)
    joining = room.enrol(1, first=30)[0]["id"]
    answer = room.put_roster([{"enrolment_id": staying}, {"enrolment_id": joining}])
    assert answer.status == 200, answer.text
    assert statuses(api) == {leaving: "confirmed", staying: "rostered", joining: "rostered"}
    repeat = room.put_roster([{"enrolment_id": staying}, {"enrolment_id": joining}])
    assert repeat.json["code"] == "version_conflict"
    same = room.refresh().put_roster([{"enrolment_id": staying}, {"enrolment_id": joining}])
    assert (same.status, same.json["version"]) == (200, room.version)


def test_nobody_is_dropped_without_a_reason_once_a_class_has_begun(world, api):
    room = Classroom(world).rostered(2)
    leaving, staying = (enrolment["id"] for enrolment in room.enrolments)
    path, begun = f"/v1/classes/{room.id}/roster", room.starts() - timedelta(minutes=60)
    body = {"version": room.version, "rows": [{"enrolment_id": staying}]}
    assert api("institution").put(f"{path}?dry_run=true", body, at=room.starts(-1)).json["errors"] != []
    just_before = begun - timedelta(seconds=1)
    assert api("institution").put(f"{path}?dry_run=true", body, at=just_before).json["errors"] == []
    for query in ("", "?partial=true"):
        refused = api("institution").put(f"{path}{query}", body, at=begun)
        assert (refused.status, refused.json["code"]) == (409, "trainee_dropped"), refused.text
        assert [(fault["field"], fault["code"]) for fault in refused.json["errors"]] == [
            (leaving, "trainee_dropped")
        ]
    assert statuses(api) == {leaving: "rostered", staying: "rostered"}
    joining = room.enrol(1, first=30)[0]["id"]
    more = {
        "version": room.version,
        "rows": [{"enrolment_id": enrolment_id} for enrolment_id in (leaving, staying, joining)],
    }
    assert api("institution").put(path, more, at=begun).status == 200
    left = api("institution").post(f"/v1/enrolments/{leaving}/withdraw", {"reason": "就业"}, at=begun)
    assert (left.status, left.json["status"]) == (200, "withdrawn")


def test_a_trainee_of_another_class_cannot_be_rostered(world):
    room = Classroom(world).rostered(1)
    other = Classroom(world).approved()
    answer = other.put_roster([{"enrolment_id": room.enrolments[0]["id"]}])
    assert (answer.status, answer.json["errors"][0]["code"]) == (422, "already_rostered")


def test_more_rows_than_the_class_may_have_are_refused(world):
    room = Classroom(world).approved()
    answer = room.put_roster([{"enrolment_id": f"enr_someone{n}"} for n in range(51)])
    assert (answer.status, answer.json["code"]) == (422, "class_full")


@pytest.mark.parametrize(
    "rows", [[{}], [{"name": "王"}], [{"enrolment_id": "enr_aaaa", "name": "王"}], [{"enrolment_id": 1}], "x"]
)
def test_a_row_is_an_enrolment_or_a_name_with_number(world, rows):
    answer = Classroom(world).put_roster(rows)
    assert (answer.status, answer.json["code"]) == (400, "malformed")
    assert answer.json["errors"]


def test_a_sheet_needs_the_version_and_its_columns(world, api):
    room = Classroom(world).approved()
    path = f"/v1/classes/{room.id}/roster"
    sheet = xlsx(ROSTER_HEADER, ["王", "1"])
    assert api("institution").put(path, raw=sheet, content_type=XLSX).status == 400
    for wrong, code in (
        (xlsx(["姓名"], ["王"]), "missing_column"),
        (b"PK\x03\x04rubbish", "unreadable_sheet"),
    ):
        answer = api("institution").put(f"{path}?version=3", raw=wrong, content_type=XLSX)
        assert (answer.status, answer.json["code"]) == (422, code)


# ------------------------------------------------------------------------------------------ leaving


def test_a_withdrawal_takes_the_trainee_off_the_roster_and_closes_the_voucher(world, api):
    room = Classroom(world).rostered(2)
    gone = room.enrolments[0]
    path = f"/v1/enrolments/{gone['id']}/withdraw"
    assert api("institution_two").post(path, {"reason": "x"}, at=world.now).status == 404
    answer = api("institution").post(path, {"reason": "个人原因"}, at=world.now)
    assert (answer.status, answer.json["status"]) == (200, "withdrawn")
    assert api("institution").post(path, {"reason": "个人原因"}, at=world.now).json == answer.json
    voucher = api(room.people[0]).get(f"/v1/vouchers/{gone['voucher_id']}", at=world.now).json
    assert voucher["status"] == "closed"
    assert room.read()["enrolled"] == 1


def test_an_enrolment_on_no_roster_cannot_withdraw(world, api):
    enrolment = world.enrolment(world.person(1))
    answer = api("institution").post(
        f"/v1/enrolments/{enrolment['id']}/withdraw", {"reason": "x"}, at=world.now
    )
    assert (answer.status, answer.json["code"]) == (409, "wrong_state")


def test_nobody_joins_once_the_policys_share_of_the_hours_is_over(world, api):
    room = Classroom(world).rostered(1)
    late = room.enrol(1, first=40)[0]
    rows = [{"enrolment_id": enrolment["id"]} for enrolment in room.enrolments]
    path = f"/v1/classes/{room.id}/roster"
    body = {"version": room.version, "rows": rows}
    over = room.starts(1) + (room.ended() - room.starts(4))  # two of five lessons are over
    refused = api("institution").put(path, body, at=over)
    assert (refused.status, refused.json["errors"][0]["code"]) == (422, "late_addition")
    assert refused.json["errors"][0]["row"] == 2
    stays = api("institution").put(path, body | {"rows": rows[:1]}, at=over)
    assert stays.status == 200, stays.text
    in_time = api("institution").put(path, body, at=room.starts(1))  # one of five: exactly the share
    assert in_time.status == 200, in_time.text
    assert statuses(api)[late["id"]] == "rostered"
