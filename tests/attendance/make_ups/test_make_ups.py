"""Make-ups and excuses: asked for by the institution, decided by the bureau (step 8)."""

from datetime import timedelta

import pytest

from tests.attendance.builders import attended, mark_of, room_under
from tests.classes.builders import Classroom


@pytest.fixture
def room(world):
    return Classroom(world).rostered(2)


def ask(room, *, person=0, number=0, who="institution", at=None, **changes):
    body = {"enrolment_id": room.enrolments[person]["id"], "kind": "make_up", "reason": "手机没电"}
    body |= {"evidence": "教室签到簿"} | changes
    path = f"/v1/lessons/{room.lesson(number)['id']}/make-ups"
    return room.api(who).post(path, body, at=at or room.ended())


def decide(room, what, asked, who="clerk", at=None, **changes):
    body = {"version": asked["version"], "reason": "已核实"} | changes
    return room.api(who).post(f"/v1/make-ups/{asked['id']}/{what}", body, at=at or room.ended())


def test_a_make_up_counts_once_the_bureau_grants_it(room):
    answer = ask(room, evidence="教室签到簿第3页")
    assert answer.status == 201, answer.text
    assert (answer.json["status"], answer.json["hours"], answer.json["allowed_actions"]) == (
        "requested",
        8,
        [],
    )
    assert mark_of(room, 0) == ("absent", 0)
    waiting = room.api("clerk").get("/v1/make-ups").json["items"]
    assert [(make_up["id"], make_up["allowed_actions"]) for make_up in waiting] == [
        (answer.json["id"], ["approve", "reject"])
    ]
    granted = decide(room, "approve", answer.json)
    assert (granted.status, granted.json["status"]) == (200, "approved")
    assert mark_of(room, 0) == ("made_up", 8)
    trainee = attended(room)["trainees"][0]
    assert trainee["made_up_hours"] == 8
    assert room.api("clerk").get("/v1/make-ups").json["items"] == []


def test_an_excuse_shows_but_gives_no_hours_and_may_be_asked_for_ahead(room):
    answer = ask(room, kind="excuse", reason="病假", at=room.starts() - timedelta(days=1))
    assert answer.status == 201, answer.text
    decide(room, "approve", answer.json)
    assert mark_of(room, 0) == ("excused", 0)


def test_a_rejected_request_changes_nothing_and_may_be_made_anew(room):
    first = ask(room).json
    assert decide(room, "reject", first).json["decision_reason"] == "已核实"
    assert mark_of(room, 0) == ("absent", 0)
    second = ask(room, reason="附证明").json
    assert (second["id"], second["version"], second["status"]) == (first["id"], 3, "requested")
    assert second["decided_at"] is None
    decide(room, "approve", second)
    assert mark_of(room, 0) == ("made_up", 8)


def test_the_same_request_again_is_answered_like_the_first_and_another_is_refused(room):
    first = ask(room)
    assert ask(room).json == first.json
    other = ask(room, reason="别的理由")
    assert (other.status, other.json["code"]) == (409, "make_up_exists")
    decide(room, "approve", first.json)
    assert ask(room, kind="excuse").json["code"] == "make_up_exists"


def test_at_most_the_policys_share_may_be_made_up(room, world):
    assert ask(room, number=0).status == 201  # 8 of 40 hours are 20 per cent
    answer = ask(room, number=1)
    assert (answer.status, answer.json["code"]) == (409, "make_up_limit")
    assert "16" in answer.json["detail"]
    assert ask(room, number=1, kind="excuse").status == 201
    assert ask(room, number=1, person=1).status == 201


def test_two_requests_granted_at_one_moment_do_not_exceed_the_share(room):
    """Both may pass the check before either is stored: what is granted beyond the share gives no hours."""
    from chalicelib.attendance.make_ups.store import MakeUpRow

    first = ask(room, number=0).json
    row = next(MakeUpRow.query(room.id))
    row.slot = row.slot.replace("01#", "02#")
    row.save()
    second = next(
        item
        for item in room.api("institution").get(f"/v1/classes/{room.id}/make-ups").json["items"]
        if item["id"] != first["id"]
    )
    for request in (first, second):
        assert decide(room, "approve", request).status == 200
    assert (mark_of(room, 0, 0), mark_of(room, 0, 1)) == (("made_up", 8), ("made_up", 8))


def test_what_counts_already_needs_no_make_up(room):
    room.check_in(room.people[0])
    assert ask(room).json["code"] == "lesson_attended"


def test_a_lesson_that_was_left_early_may_be_made_up_where_that_costs_it(world):
    room = room_under(world, check_out_required=True)
    room.check_in(room.people[0])
    assert mark_of(room, 0) == ("left_early", 0)
    decide(room, "approve", ask(room).json)
    assert mark_of(room, 0) == ("made_up", 8)


def test_a_make_up_comes_after_the_lesson(room):
    answer = ask(room, at=room.starts() + timedelta(hours=1))
    assert (answer.status, answer.json["code"]) == (409, "lesson_not_over")


def test_nothing_is_asked_for_below_a_class_whose_completion_is_applied_for(room):
    room.do("institution", "completion/submit", at=room.ended())
    refused = ask(room)
    assert (refused.status, refused.json["code"]) == (409, "wrong_state")
    room.do("clerk", "completion/return", {"reason": "补课未申请"}, at=room.ended())
    assert ask(room).status == 201


def test_a_request_that_passes_the_application_for_completion_is_refused_in_its_write(room, monkeypatch):
    """The class is read before the write: the write's own condition knows what happened in between."""
    from chalicelib.attendance.make_ups import service

    asked_below = service.roll_calls_at

    def completion_meanwhile(*args):
        room.do("institution", "completion/submit", at=room.ended())
        return asked_below(*args)

    monkeypatch.setattr(service, "roll_calls_at", completion_meanwhile)
    refused = ask(room)
    assert (refused.status, refused.json["code"]) == (409, "wrong_state")
    assert room.api("clerk").get("/v1/make-ups", at=room.ended()).json["items"] == []


def test_neither_asked_nor_decided_once_the_completion_is_approved(room):
    from chalicelib.classes.store import ClassRow

    asked = ask(room).json
    ClassRow(room.id, "head").update(actions=[ClassRow.status.set("completion_approved")])
    for answer in (ask(room, number=2, kind="excuse"), decide(room, "approve", asked)):
        assert (answer.status, answer.json["code"]) == (409, "wrong_state")
    for path in ("/v1/make-ups", f"/v1/classes/{room.id}/make-ups"):
        listed = room.api("clerk").get(path, at=room.ended()).json["items"]
        assert [item["allowed_actions"] for item in listed] == [[]], path


def test_who_prepared_the_class_is_offered_no_decision_on_its_requests(room):
    """They are told `self_approval` when they try, so it is not offered to them in any list."""
    from chalicelib.classes.store import ClassRow
    from tests.support.people import staff_principal

    asked = ask(room).json
    ClassRow(room.id, "head").update(actions=[ClassRow.scored_by.set(staff_principal("clerk").actor)])
    for who, actions in (("clerk", []), ("clerk_two", ["approve", "reject"])):
        for path in ("/v1/make-ups", f"/v1/classes/{room.id}/make-ups"):
            listed = room.api(who).get(path, at=room.ended()).json["items"]
            assert [item["allowed_actions"] for item in listed] == [actions], (who, path)
    assert decide(room, "approve", asked).json["code"] == "self_approval"
    assert decide(room, "approve", asked, who="clerk_two").status == 200


def test_decisions_are_the_clerks_of_the_area_and_made_once(room):
    asked = ask(room).json
    assert decide(room, "approve", asked, who="institution").status == 403
    assert decide(room, "approve", asked, who="reviewer").status == 403
    assert decide(room, "approve", asked, who="clerk_wuhu").status == 404
    assert decide(room, "approve", asked, version=7).json["code"] == "version_conflict"
    assert decide(room, "approve", asked).status == 200
    again = decide(room, "reject", asked, version=2)
    assert (again.status, again.json["code"]) == (409, "wrong_state")


def test_others_may_not_ask_nor_for_others(room):
    assert ask(room, who="institution_two").status == 404
    assert ask(room, who="clerk").status == 403
    answer = ask(room, enrolment_id="enr_unknown00")
    assert (answer.status, answer.json["code"]) == (409, "enrolment_not_on_roster")
    for changes in ({"reason": ""}, {"kind": "gift"}, {"status": "approved"}, {"hours": 80}):
        assert ask(room, **changes).status == 400
    for unknown in ("mkp_x", "mkp_x-001abcd", "les_x-01", "mkp_%2F"):
        assert decide(room, "approve", {"id": unknown, "version": 1}).status == 404


def test_every_decision_leaves_an_audit_record():
    from chalicelib.attendance.make_ups.store import MakeUpRow
    from chalicelib.attendance.reviews.store import ReviewRow

    assert MakeUpRow.streamed
    assert ReviewRow.streamed


def test_a_make_up_without_a_proof_is_refused_and_one_from_before_is_not_granted(room):
    from chalicelib.attendance.make_ups.store import MakeUpRow

    refused = ask(room, evidence=None)
    assert (refused.status, refused.json["code"]) == (409, "make_up_unproved")
    assert ask(room, kind="excuse", evidence=None, number=1).status == 201
    asked = ask(room).json
    (row,) = (row for row in MakeUpRow.query(room.id) if row.record.id == asked["id"])
    row.update(actions=[MakeUpRow.evidence.remove()])
    old = next(one for one in room.api("clerk").get("/v1/make-ups").json["items"] if one["id"] == asked["id"])
    assert (old["evidence"], old["allowed_actions"]) == (None, ["reject"])
    assert decide(room, "approve", old).json["code"] == "make_up_unproved"
    assert mark_of(room, 0) == ("absent", 0)
    assert decide(room, "reject", old).status == 200
    again = ask(room)
    assert decide(room, "approve", again.json).status == 200
    assert mark_of(room, 0) == ("made_up", 8)
