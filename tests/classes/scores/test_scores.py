"""Marks (step 9): recorded for all at once, corrected with a reason, closed by the claim."""

import pytest

from chalicelib.sheets.content_types import CSV, XLSX
from tests.classes.builders import Classroom, csv, statuses, xlsx

SCORE_HEADER = ["姓名", "身份证号", "理论成绩", "实操成绩"]


def marks(room, *pairs):
    marked = zip(room.enrolments, pairs, strict=True)
    return [{"enrolment_id": enrolment["id"], "theory": t, "practice": p} for enrolment, (t, p) in marked]


def test_scores_pass_and_fail_and_can_be_corrected(world, api):
    room = Classroom(world).completed(3)
    first = room.put_scores(marks(room, (60, 60), (100, 59), (0, 100)))
    assert first.status == 200, first.text
    assert first.json == {"version": room.version + 1, "passed": 1, "failed": 2, "errors": [], "notices": []}
    assert sorted(statuses(api).values()) == ["failed", "failed", "passed"]
    room.refresh()
    assert (room.json["status"], room.json["passed"], room.json["failed"]) == ("scored", 1, 2)
    rows = marks(room, (60, 60), (100, 60), (0, 100))
    unexplained = room.put_scores(rows)
    assert (unexplained.status, unexplained.json["code"]) == (422, "correction_needs_reason")
    again = room.put_scores(rows, reason="登记有误")
    assert (again.status, again.json["passed"]) == (200, 2)
    stale = room.put_scores(rows, reason="登记有误")
    assert stale.json["code"] == "version_conflict"


def test_scores_by_sheet(world, api):
    room = Classroom(world).completed(2)
    rows = [[p.name, p.id_number, 80, 90] for p in room.people]
    path = f"/v1/classes/{room.id}/scores?version={room.version}"
    answer = api("institution").put(path, raw=xlsx(SCORE_HEADER, *rows), content_type=XLSX, at=room.ended())
    assert (answer.status, answer.json["passed"]) == (200, 2)


def test_incomplete_or_wrong_scores_are_all_named_and_not_applied(world, api):
    room = Classroom(world).completed(3)
    first, second, _ = room.people
    stranger = world.person(77)
    sheet = csv(
        SCORE_HEADER,
        [first.name, first.id_number, 101, "优"],
        ["李冒名", second.id_number, 60, 60],
        [stranger.name, stranger.id_number, 60, 60],
    )
    path = f"/v1/classes/{room.id}/scores?version={room.version}"
    answer = api("institution").put(path, raw=sheet, content_type=CSV, at=room.ended())
    assert (answer.status, answer.json["code"]) == (422, "scores_incomplete")
    rows = [(e["row"], e["column"], e["code"]) for e in answer.json["errors"] if "row" in e]
    assert rows == [
        (2, "理论成绩", "invalid_mark"),
        (2, "实操成绩", "invalid_mark"),
        (3, "姓名", "score_row_unmatched"),
        (4, "身份证号", "score_row_unmatched"),
    ]
    missing = {e["field"] for e in answer.json["errors"] if e["code"] == "mark_missing"}
    assert missing == {room.enrolments[2]["id"]}  # the others have a row, whose fault is told once
    assert set(statuses(api).values()) == {"rostered"}


@pytest.mark.parametrize("value", [-1, 101, 10**30])
def test_a_mark_is_from_0_to_100(world, value):
    room = Classroom(world).completed(1)
    answer = room.put_scores(marks(room, (value, 60)))
    assert (answer.status, answer.json["code"]) == (422, "rows_invalid")
    (fault,) = answer.json["errors"]
    assert (fault["code"], fault["field"]) == ("invalid_mark", "rows[0].theory")
    assert (fault["row"], fault["column"]) == (1, "theory"), "as before"


def test_wrong_marks_are_not_told_as_missing_ones(world):
    room = Classroom(world).completed(3)
    rows = marks(room, (101, 60), (60, -1), (60, 60))
    wrong = room.put_scores(rows)
    assert (wrong.status, wrong.json["code"]) == (422, "rows_invalid"), wrong.text
    assert "2" in wrong.json["detail"]
    assert [fault["field"] for fault in wrong.json["errors"]] == ["rows[0].theory", "rows[1].practice"]
    dry = room.put_scores(rows, query="?dry_run=true")
    assert (dry.status, dry.json["passed"] + dry.json["failed"]) == (200, 1), "what would not be applied"
    assert [fault["field"] for fault in dry.json["errors"]] == ["rows[0].theory", "rows[1].practice"]
    lacking = room.put_scores(rows[:2])
    assert (lacking.status, lacking.json["code"]) == (422, "scores_incomplete")
    assert "有 1 名学员没有成绩" in lacking.json["detail"], "the one of whom nothing was sent"


@pytest.mark.parametrize("value", ["60", 59.5, None, True])
def test_a_mark_is_a_whole_number(world, value):
    room = Classroom(world)
    row = {"enrolment_id": "enr_aaaa", "theory": value, "practice": 60}
    assert room.put_scores([row]).status == 400


def test_scores_wait_for_the_approved_completion(world):
    room = Classroom(world).rostered(1)
    assert room.put_scores(marks(room, (60, 60))).json["code"] == "wrong_state"


def test_a_dry_run_of_scores_changes_nothing(world, api):
    room = Classroom(world).completed(2)
    dry = room.put_scores(marks(room, (60, 60), (50, 60))[:1], "?dry_run=true")
    assert (dry.status, dry.json["passed"], dry.json["failed"]) == (200, 1, 0)
    assert [fault["code"] for fault in dry.json["errors"]] == ["mark_missing"]
    assert set(statuses(api).values()) == {"rostered"}


def test_marks_do_not_pass_without_the_attendance_that_the_policy_wants(world, api):
    room = Classroom(world).rostered(3)
    room.attend(0).attend(1, lessons=4).attend(2, lessons=3)  # 100 %, exactly 80 %, 60 %
    room.do("institution", "completion/submit", at=room.ended())
    seen = room.read("clerk", at=room.ended())["evidence"]
    assert (seen["trainees"], seen["trainees_below"]) == (3, [room.enrolments[2]["id"]])
    assert (seen["mean_share"], seen["lessons"], len(seen["lessons_without_footage"])) == (0.8, 5, 5)
    room.do("clerk", "completion/approve", at=room.ended())
    rows = [{"enrolment_id": enrolment["id"], "theory": 90, "practice": 90} for enrolment in room.enrolments]
    answer = room.put_scores(rows)
    assert (answer.json["passed"], answer.json["failed"]) == (2, 1)
    assert statuses(api)[room.enrolments[2]["id"]] == "failed"


def test_every_recording_of_the_marks_is_kept_with_its_reason(world, api):
    room = Classroom(world).completed(1)
    row = {"enrolment_id": room.enrolments[0]["id"], "theory": 55, "practice": 90}
    assert room.put_scores([row]).status == 200
    room.refresh()
    assert room.put_scores([row | {"theory": 65}], reason="漏登 10 分").status == 200
    for who in ("institution", "clerk"):
        newest, first = api(who).get(f"/v1/classes/{room.id}/scores").json["items"]
        assert (newest["reason"], newest["passed"], first["passed"]) == ("漏登 10 分", 1, 0)
        after = newest["rows"][0]
        assert (after["theory"], after["before"]["theory"], after["before"]["passed"]) == (65, 55, False)
        assert first["rows"][0]["before"] is None


def test_marks_are_closed_once_the_subsidy_is_claimed(world, api):
    from chalicelib.classes.store import ClassRow

    room = Classroom(world).completed(1)
    row = {"enrolment_id": room.enrolments[0]["id"], "theory": 65, "practice": 90}
    room.put_scores([row])
    room.refresh()
    stored = ClassRow.get(room.id, "head")
    for status in ("claimed", "closed"):
        stored.status = status
        stored.save()
        answer = room.put_scores([row], reason="x")
        assert (answer.status, answer.json["code"]) == (409, "scores_closed")
