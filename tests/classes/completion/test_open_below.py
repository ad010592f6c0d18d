"""No stage is closed above an open decision: who came and waits for a review would fail, and stay failed."""

from datetime import timedelta
from typing import Any

import pytest

from chalicelib.kernel.closing import LISTED_MAX, MUST_BE_DECIDED, OpenDecision, Stage, Undecided, open_below
from chalicelib.kernel.reasons import REASONS
from tests.attendance.builders import recorded
from tests.classes.builders import Classroom
from tests.classes.changes.test_changes import apply, wanted


@pytest.fixture
def room(world: Any) -> Classroom:
    return Classroom(world).rostered(2)


def doubtful(room: Classroom) -> Any:
    """Let a trainee check in with a device that is not accurate enough; gives what waits."""
    assert room.check_in(room.people[0], location={"accuracy_m": 500}).status == 201
    return recorded(room)[0]


def make_up(room: Classroom, place: int = 1) -> Any:
    body = {"enrolment_id": room.enrolments[place]["id"], "kind": "make_up", "reason": "手机没电"} | {
        "evidence": "签到簿"
    }
    answer = room.api("institution").post(
        f"/v1/lessons/{room.lesson(1)['id']}/make-ups", body, at=room.ended()
    )
    assert answer.status == 201, answer.text
    return answer.json


def open_of(answer: Any) -> list[tuple[str, str]]:
    assert (answer.status, answer.json["code"]) == (409, "decisions_open"), answer.text
    return [(fault["code"], fault["field"]) for fault in answer.json["errors"]]


def accept(room: Classroom, check_in: Any) -> None:
    path = f"/v1/lessons/{check_in['lesson_id']}/check-ins/{check_in['id']}/accept"
    body = {"version": check_in["version"], "reason": "已核实"}
    assert room.api("clerk").post(path, body, at=room.ended()).status == 200


def test_completion_is_not_applied_for_above_check_ins_and_make_ups(room: Classroom) -> None:
    check_in, asked = doubtful(room), make_up(room)
    refused = room.try_("institution", "completion/submit", at=room.ended())
    assert open_of(refused) == [
        ("check_in_undecided", check_in["id"]),
        ("make_up_undecided", asked["id"]),
    ]
    assert "2 项" in refused.json["detail"]
    seen = room.read(at=room.ended())
    assert "completion_submit" not in seen["allowed_actions"]
    assert [one["subject"] for one in seen["evidence"]["undecided"]] == [check_in["id"], asked["id"]]
    accept(room, check_in)
    body = {"version": asked["version"], "reason": "已核实"}
    assert room.api("clerk").post(f"/v1/make-ups/{asked['id']}/reject", body, at=room.ended()).status == 200
    assert "completion_submit" in room.read(at=room.ended())["allowed_actions"]
    room.do("institution", "completion/submit", at=room.ended())


def test_completion_is_not_applied_for_above_an_open_change(room: Classroom) -> None:
    change = apply(room, lessons=wanted(room, _4=timedelta(days=1)))
    assert change.status == 201, change.text
    room.refresh()
    refused = room.try_("institution", "completion/submit", at=room.ended())
    assert open_of(refused) == [("change_undecided", change.json["id"])]


def test_completion_is_not_approved_above_what_came_to_be_open(room: Classroom) -> None:
    """Nothing opens below an application now; what an earlier version of the program let through is named."""
    from chalicelib.attendance.check_ins.store import CheckInRow
    from chalicelib.classes.store import ClassRow

    check_in = doubtful(room)
    ClassRow(room.id, "head").update(actions=[ClassRow.status.set("completion_submitted")])
    assert "completion_approve" not in room.read("clerk", at=room.ended())["allowed_actions"]
    refused = room.try_("clerk", "completion/approve", at=room.ended())
    assert open_of(refused) == [("check_in_undecided", check_in["id"])]
    assert next(iter(CheckInRow.query(room.id))).queue is not None
    accept(room, check_in)
    room.do("clerk", "completion/approve", at=room.ended())


def test_marks_are_not_recorded_above_an_open_completion(room: Classroom) -> None:
    room.do("institution", "completion/submit", at=room.ended())
    marks = [{"enrolment_id": one["id"], "theory": 80, "practice": 80} for one in room.enrolments]
    assert open_of(room.put_scores(marks)) == [("completion_undecided", room.id)]


def test_each_kind_that_may_be_open_is_told_in_words_and_belongs_to_a_stage() -> None:
    assert {kind.value for kind in Undecided} <= REASONS.keys()
    assert set(MUST_BE_DECIDED) == set(Stage)
    assert {kind for kinds in MUST_BE_DECIDED.values() for kind in kinds} == set(Undecided)


def test_many_open_decisions_are_counted_in_full_and_named_up_to_a_limit() -> None:
    many = [OpenDecision(Undecided.CHECK_IN, f"chk_{number:04d}") for number in range(LISTED_MAX + 7)]
    refusal = open_below(Stage.COMPLETION, [*many, OpenDecision(Undecided.OVERRIDE, "ovr_a")])
    assert refusal is not None
    assert (refusal.facts["count"], len(refusal.faults)) == (LISTED_MAX + 7, LISTED_MAX)
    assert open_below(Stage.MARKS, many) is None
