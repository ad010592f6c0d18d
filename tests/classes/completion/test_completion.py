"""Completion (step 9): applied for once every lesson is over, decided by the bureau."""

from tests.classes.builders import Classroom


def test_completion_waits_for_the_last_lesson_and_needs_a_roster(world):
    empty = Classroom(world).approved()
    assert empty.try_("institution", "completion/submit").json["code"] == "lessons_open"
    assert empty.try_("institution", "completion/submit", at=empty.ended()).json["code"] == "roster_empty"
    room = Classroom(world).rostered(1)
    early = room.try_("institution", "completion/submit")
    assert (early.status, early.json["code"]) == (409, "lessons_open")
    assert "completion_submit" not in room.read()["allowed_actions"]
    assert "completion_submit" in room.read(at=room.ended())["allowed_actions"]


def test_completion_is_returned_with_a_reason_and_sent_again(world):
    back = Classroom(world).rostered(1)
    back.do("institution", "completion/submit", at=back.ended())
    back.do("clerk", "completion/return", {"reason": "缺录像"}, at=back.ended())
    assert (back.json["status"], back.json["return_reason"]) == ("completion_returned", "缺录像")
    back.do("institution", "completion/submit", at=back.ended())
    back.do("clerk", "completion/approve", at=back.ended())
    assert back.json["status"] == "completion_approved"
    assert back.read()["allowed_actions"] == ["scores"]
    assert back.read("clerk")["allowed_actions"] == []
