"""Every state × action × role of classes and enrolments over HTTP: what is shown as allowed, and only that."""

from datetime import timedelta
from typing import Any

import pytest

from tests.classes.builders import DAY, Classroom, application
from tests.classes.changes.test_changes import apply, wanted
from tests.support.people import HEFEI_SCHOOL

ACTIONS = (
    "edit", "submit", "approve", "return", "cancel", "cancel_approve", "cancel_refuse", "roster", "change", "change_approve", "change_reject",
    "change_withdraw",
    "completion_submit", "completion_approve", "completion_return", "scores",
)  # fmt: skip
ROLES = (
    "institution", "institution_two", "clerk", "clerk_wuhu", "reviewer", "finance", "supervisor", "province",
    "trainee",
)  # fmt: skip
LAWFUL: dict[str, dict[str, set[str]]] = {
    "draft": {"institution": {"edit", "submit", "cancel"}},
    "submitted": {"institution": {"cancel"}, "clerk": {"approve", "return"}},
    "returned": {"institution": {"edit", "submit", "cancel"}},
    "approved": {"institution": {"cancel", "roster", "change"}},
    "change_open": {
        "institution": {"cancel", "roster", "change_withdraw"},
        "clerk": {"change_approve", "change_reject"},
    },
    "over": {"institution": {"cancel", "roster", "completion_submit"}},
    "cancel_requested": {"clerk": {"cancel_approve", "cancel_refuse"}},
    "completion_submitted": {"clerk": {"completion_approve", "completion_return"}},
    "completion_returned": {"institution": {"completion_submit"}},
    "completion_approved": {"institution": {"scores"}},
    "scored": {"institution": {"scores", "claim"}},
    "claimed": {},
    "closed": {},
    "cancelled": {},
}
"""What each role may do in each state; two of them are the state approved at another time."""


def rows_of(room: Any) -> list[Any]:
    """Give every row that an action on a class may touch."""
    from chalicelib.classes.store import ClassRow
    from chalicelib.enrolments.store import EnrolmentRow
    from chalicelib.vouchers.store import VoucherRow

    rows = list(ClassRow.query(room.id))
    rows += EnrolmentRow.batch_get([enrolment["id"] for enrolment in room.enrolments])
    return rows + list(VoucherRow.batch_get([enrolment["voucher_id"] for enrolment in room.enrolments]))


def restore(room: Any, before: list[Any]) -> None:
    """Put a class and its people back as they were."""
    from chalicelib.classes.service import forget_classes
    from chalicelib.classes.store import ClassRow

    kept = {row.part for row in before if isinstance(row, ClassRow)}
    for row in ClassRow.query(room.id):
        if row.part not in kept:
            row.delete()
    for row in before:
        row.save()
    forget_classes()


def in_state(world: Any, state: str) -> tuple[Any, Any]:
    """Bring a class with one trainee to a state; gives it and the time at which it is looked at."""
    from chalicelib.classes.store import ClassRow

    room = Classroom(world)
    early = ("draft", "submitted", "returned")
    if state in early:
        room.people.append(world.person(1))
        if state != "draft":
            room.do("institution", "submit")
        if state == "returned":
            room.do("clerk", "return", {"reason": "x"})
        return room, world.now
    room.rostered(1)
    if state in ("approved", "cancelled", "change_open"):
        if state == "cancelled":
            room.do("institution", "cancel")
        if state == "change_open":
            assert apply(room, lessons=wanted(room, _2=20 * DAY)).status == 201
        return room.refresh(), world.now
    room.attend(0)
    at = room.ended()
    if state == "cancel_requested":
        assert room.try_("institution", "cancel", {"reason": "教师离职"}, at=at).status == 202
        return room.refresh(), at
    if state != "over":
        room.do("institution", "completion/submit", at=at)
        if state != "completion_submitted":
            back = state == "completion_returned"
            room.do(
                "clerk",
                "completion/return" if back else "completion/approve",
                {"reason": "x"} if back else {},
                at=at,
            )
    if state in ("scored", "claimed", "closed"):
        answer = room.put_scores([{"enrolment_id": room.enrolments[0]["id"], "theory": 70, "practice": 70}])
        assert answer.status == 200, answer.text
    if state in ("claimed", "closed"):
        head = ClassRow.get(room.id, "head")
        head.status = state
        head.save()
    return room.refresh(), at


def attempt(room: Any, who: Any, action: str, at: Any) -> Any:
    """Try an action with a body that is right in every other respect."""
    path, version = f"/v1/classes/{room.id}", {"version": room.version}
    client = room.api(who)
    reason = version | {"reason": "x"}
    people = [{"enrolment_id": enrolment["id"]} for enrolment in room.enrolments]
    match action:
        case "edit":
            return client.put(path, application(room.world) | version, at=at)
        case "roster":
            return client.put(f"{path}/roster", version | {"rows": people}, at=at)
        case "scores":
            marks = [person | {"theory": 80, "practice": 80} for person in people]
            return client.put(f"{path}/scores", reason | {"rows": marks}, at=at)
        case "change":
            return client.post(f"{path}/changes", reason | {"lessons": wanted(room, _3=15 * DAY)}, at=at)
        case "change_approve":
            return client.post(f"{path}/changes/chg_{room.id[4:]}-0001/approve", version, at=at)
        case "change_withdraw":
            return client.post(f"{path}/changes/chg_{room.id[4:]}-0001/withdraw", version, at=at)
        case "change_reject":
            return client.post(f"{path}/changes/chg_{room.id[4:]}-0001/reject", reason, at=at)
        case "cancel":
            return client.post(f"{path}/cancel", reason, at=at)
        case "return" | "completion_return" | "cancel_refuse":
            return client.post(f"{path}/{action.replace('_', '/')}", reason, at=at)
        case _:
            return client.post(f"{path}/{action.replace('_', '/')}", version, at=at)


@pytest.mark.parametrize("state", LAWFUL)
def test_each_role_sees_and_can_do_exactly_what_the_state_allows(world, api, state):
    room, at = in_state(world, state)
    before = rows_of(room)
    for role in ROLES:
        who: Any = room.people[0] if role == "trainee" else role
        seen = api(who).get(f"/v1/classes/{room.id}", at=at)
        lawful = LAWFUL[state].get(role, set())
        outside = role in ("institution_two", "clerk_wuhu") or (role == "trainee" and not room.enrolments)
        assert seen.status == (404 if outside else 200), (role, seen.text)
        if not outside:
            assert set(seen.json["allowed_actions"]) == lawful, role
        for action in ACTIONS:
            answer = attempt(room, who, action, at)
            repeat = (state, role, action) == ("cancelled", "institution", "cancel")
            if action in lawful or repeat:
                assert answer.status in (200, 201, 202), (role, action, answer.text)
                restore(room, before)
            else:
                assert answer.status in (403, 404, 409), (role, action, answer.status, answer.text)
                if role in ("institution", "clerk") and answer.status == 409:
                    assert answer.json["code"] in (
                        "wrong_state", "class_not_approved", "roster_closed", "scores_closed", "change_open",
                        "lessons_open", "lesson_begun", "decisions_open",
                    ), (action, answer.text)  # fmt: skip
    assert [row.attribute_values for row in rows_of(room)] == [row.attribute_values for row in before]


# ------------------------------------------------------------------------------------------ enrolments

ENROLMENT_LAWFUL = {
    "confirmed": {"release"},
    "rostered": {"withdraw"},
    "passed": set(),
    "failed": set(),
    "released": set(),
    "withdrawn": set(),
}
MAY = {"institution": {"release", "withdraw"}, "clerk": {"release", "withdraw"}}


@pytest.mark.parametrize("state", ENROLMENT_LAWFUL)
def test_each_role_sees_and_can_do_exactly_what_the_enrolments_state_allows(world, api, state):
    room = Classroom(world).approved()
    enrolment = room.enrol(1)[0]
    path = f"/v1/enrolments/{enrolment['id']}"
    if state == "released":
        assert api("institution").post(f"{path}/release", {"reason": "x"}, at=world.now).status == 200
    if state in ("rostered", "passed", "failed", "withdrawn"):
        assert room.put_roster([{"enrolment_id": enrolment["id"]}]).status == 200
        room.refresh()
    if state == "withdrawn":
        assert api("institution").post(f"{path}/withdraw", {"reason": "x"}, at=world.now).status == 200
    at = world.now + timedelta(minutes=1)
    if state in ("passed", "failed"):
        room.attend(0)
        room.do("institution", "completion/submit", at=room.ended())
        room.do("clerk", "completion/approve", at=room.ended())
        mark = 80 if state == "passed" else 10
        assert (
            room.put_scores([{"enrolment_id": enrolment["id"], "theory": mark, "practice": mark}]).status
            == 200
        )
    before = rows_of(room)
    for role in ROLES:
        who: Any = room.people[0] if role == "trainee" else role
        lawful = ENROLMENT_LAWFUL[state] & MAY.get(role, set())
        seen = api(who).get(path, at=at)
        assert seen.status == (404 if role in ("institution_two", "clerk_wuhu") else 200), role
        if seen.status == 200:
            assert seen.json["status"] == state
            assert set(seen.json["allowed_actions"]) == lawful, role
        for action in ("release", "withdraw"):
            answer = api(who).post(f"{path}/{action}", {"reason": "x"}, at=at)
            repeat = role in MAY and (state, action) in (("released", "release"), ("withdrawn", "withdraw"))
            if action in lawful or repeat:
                assert answer.status == 200, (role, action, answer.text)
                restore(room, before)
            else:
                assert answer.status in (403, 404, 409), (role, action, answer.text)
    assert [row.attribute_values for row in rows_of(room)] == [row.attribute_values for row in before]


def test_a_withdrawal_is_offered_while_the_class_lets_its_trainees_leave(world, api):
    room, at = in_state(world, "completion_approved")
    path = f"/v1/enrolments/{room.enrolments[0]['id']}"
    assert api("clerk").get(path, at=at).json["allowed_actions"] == ["withdraw"]
    marks = [{"enrolment_id": room.enrolments[0]["id"], "theory": 70, "practice": 70}]
    assert room.put_scores(marks).status == 200
    again = api("institution").put(
        f"/v1/classes/{room.id}/roster", {"version": room.refresh().version, "rows": []}, at=at
    )
    assert again.json["code"] == "roster_closed"
    _still_rostered(room.enrolments[0]["id"])
    assert api("clerk").get(path, at=at).json["allowed_actions"] == []
    assert api("clerk").whole("/v1/enrolments", at=at)[0]["allowed_actions"] == []
    refused = api("clerk").post(f"{path}/withdraw", {"reason": "x"}, at=at)
    assert (refused.status, refused.json["code"]) == (409, "wrong_state")


def _still_rostered(enrolment_id):
    """Leave an enrolment behind its class, as a crash between two transactions of a sheet does."""
    from chalicelib.enrolments.store import EnrolmentRow

    row = EnrolmentRow.get(enrolment_id)
    row.status = "rostered"
    row.save()


def test_a_suspended_institution_is_offered_nothing_that_has_to_wait(world, api):
    def moved(action):
        shown = api("clerk").get(f"/v1/institutions/{HEFEI_SCHOOL}").json
        body = {"version": shown["version"], "reason": "核查"}
        assert api("clerk").post(f"/v1/institutions/{HEFEI_SCHOOL}/{action}", body).status == 200

    draft = Classroom(world)
    running, at = in_state(world, "approved")
    moved("suspend")
    assert draft.read()["allowed_actions"] == ["edit", "cancel"]
    assert draft.try_("institution", "submit").json["code"] == "institution_suspended"
    assert running.read()["allowed_actions"] == ["cancel", "roster"]
    assert attempt(running, "institution", "change", at).json["code"] == "institution_suspended"
    moved("reinstate")
    assert running.read()["allowed_actions"] == ["cancel", "roster", "change"]
