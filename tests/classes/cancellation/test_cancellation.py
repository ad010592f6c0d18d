"""Cancelling a class: its trainees get their vouchers back."""

from datetime import timedelta

import msgspec

from chalicelib.kernel.calendar import start_of_day
from chalicelib.kernel.principal import Role
from chalicelib.vouchers.store import VoucherRow, read_voucher
from tests.accounts.test_separation import moved
from tests.classes.builders import Classroom


def test_a_cancelled_class_gives_the_vouchers_back(world, api):
    room = Classroom(world).rostered(2)
    roster = [enrolment["voucher_id"] for enrolment in room.enrolments]
    room.do("institution", "cancel", {"comment": "人数不足"})
    assert (room.json["status"], room.json["allowed_actions"]) == ("cancelled", [])
    for person, voucher_id in zip(room.people, roster, strict=True):
        assert api(person).get(f"/v1/vouchers/{voucher_id}", at=world.now).json["status"] == "claimed"
    again = room.try_("institution", "cancel", {"version": room.version - 1})
    assert (again.status, again.json["version"]) == (200, room.version)
    states = {enrolment["status"] for enrolment in api("institution").get("/v1/enrolments").json["items"]}
    assert states == {"released"}


def test_a_cancellation_that_stopped_halfway_goes_on_when_repeated(world, api):
    from chalicelib.classes.cancellation import store as cancellation_store
    from chalicelib.classes.cancellation.service import still_enrolled
    from chalicelib.classes.service import read_class

    room = Classroom(world).rostered(3)
    first = still_enrolled(read_class(room.id))[:1]
    cancellation_store.cancel(room.id, first, version=room.version, change=world.change)
    listed = [enrolment["status"] for enrolment in api("institution").get("/v1/enrolments").json["items"]]
    assert sorted(listed) == ["released", "rostered", "rostered"]
    room.do("institution", "cancel")
    assert {enrolment["status"] for enrolment in api("institution").get("/v1/enrolments").json["items"]} == {
        "released"
    }


# ------------------------------------------------------------------------------------------ after a lesson


def begun(room, minutes=-60):
    """Tell the moment at which the check-in of the first lesson opens, or one near it."""
    return room.starts() + timedelta(minutes=minutes)


def applied(room, at):
    answer = room.try_("institution", "cancel", {"reason": "教师离职"}, at=at)
    assert answer.status == 202, answer.text
    room.json = answer.json
    return room


def vouchers(room):
    return [read_voucher(enrolment["voucher_id"]) for enrolment in room.enrolments]


def test_once_a_lesson_has_begun_a_class_is_cancelled_on_application_only(world):
    room = Classroom(world).rostered(2)
    assert room.try_("institution", "cancel", {"reason": "x"}, at=begun(room, -61)).status == 200
    other = Classroom(world).approved()
    enrolments = other.enrol(2, first=10)
    assert other.put_roster([{"enrolment_id": one["id"]} for one in enrolments]).status == 200
    other.refresh()
    unexplained = other.try_("institution", "cancel", at=begun(other))
    assert (unexplained.status, unexplained.json["code"]) == (400, "malformed"), unexplained.text
    applied(other, begun(other))
    assert (other.json["status"], other.json["cancel_reason"]) == ("cancel_requested", "教师离职")
    assert other.json["allowed_actions"] == []
    assert {voucher.status for voucher in vouchers(other)} == {"redeemed"}
    assert other.read("clerk")["allowed_actions"] == ["cancel_approve", "cancel_refuse"]
    assert other.try_("institution", "cancel/approve", at=begun(other)).status == 403
    assert other.try_("clerk_wuhu", "cancel/approve", at=begun(other)).status == 404


def test_the_people_of_a_class_that_is_cancelled_on_application_keep_the_days_they_lost(world):
    room = Classroom(world).rostered(2)  # redeemed on 1 September, good through 1 September of next year
    before = vouchers(room)[0]
    at = room.starts(2)  # the 13th: twelve days later
    applied(room, at)
    room.do("clerk", "cancel/approve", at=at)
    assert room.json["status"] == "cancelled"
    for voucher, person in zip(vouchers(room), room.people, strict=True):
        assert (voucher.status, voucher.valid_through) == (
            "claimed",
            before.valid_through + timedelta(days=12),
        )
        assert voucher.expires_at == before.expires_at + timedelta(days=12)
        shown = room.api(person).get(f"/v1/vouchers/{voucher.id}", at=at).json
        assert (shown["status"], shown["valid_through"]) == ("claimed", voucher.valid_through.isoformat())
    again = room.try_("clerk", "cancel/approve", {"version": room.version - 1}, at=at + timedelta(days=30))
    assert again.status == 200, again.text
    assert {voucher.valid_through for voucher in vouchers(room)} == {
        before.valid_through + timedelta(days=12)
    }


def test_a_voucher_whose_date_passed_during_a_cancelled_class_does_not_expire_at_once(world):
    room = Classroom(world).rostered(1)
    (voucher,) = vouchers(room)
    ended, gone = room.starts(2), room.starts(1)
    VoucherRow(voucher.id).update(
        actions=[
            VoucherRow.expires_at.set(start_of_day(gone.date())),
            VoucherRow.valid_through.set(gone.date() - timedelta(days=1)),
        ]
    )
    applied(room, ended).do("clerk", "cancel/approve", at=ended)
    (voucher,) = vouchers(room)
    assert (voucher.status, voucher.valid_through) == ("claimed", gone.date() + timedelta(days=11))
    assert voucher.due_shard is not None


def test_a_cancelled_class_before_its_first_lesson_moves_no_date(world):
    room = Classroom(world).rostered(1)
    (before,) = vouchers(room)
    room.do("institution", "cancel", at=world.now + timedelta(days=5))
    (after,) = vouchers(room)
    assert (after.status, after.expires_at) == ("claimed", before.expires_at)


def test_a_refused_cancellation_lets_the_class_go_on(world):
    room = Classroom(world).rostered(1)
    applied(room, begun(room))
    assert room.check_in(room.people[0]).status == 201  # lessons are held until it is decided
    assert room.try_("clerk", "cancel/refuse", at=begun(room)).status == 400
    room.do("clerk", "cancel/refuse", {"reason": "可更换教师"}, at=begun(room))
    assert (room.json["status"], room.json["cancel_reason"]) == ("approved", None)
    room.do("institution", "completion/submit", at=room.ended())


def test_who_applied_for_a_cancellation_does_not_decide_on_it(world):
    room = Classroom(world).rostered(1)
    applied(room, begun(room))
    for verb, body in (("approve", {}), ("refuse", {"reason": "x"})):
        own = room.try_(moved("institution", Role.CLERK), f"cancel/{verb}", body, at=begun(room))
        assert (own.status, own.json["code"]) == (403, "self_approval"), own.text


def test_an_approved_cancellation_that_stopped_halfway_goes_on_with_the_days(world, api):
    from chalicelib.classes.cancellation import store as cancellation_store
    from chalicelib.classes.cancellation.service import still_enrolled
    from chalicelib.classes.service import read_class

    room = Classroom(world).rostered(3)
    before = vouchers(room)[0].valid_through
    at = room.starts(2)
    applied(room, at)
    change = msgspec.structs.replace(world.change, at=at)
    first = still_enrolled(read_class(room.id))[:1]
    cancellation_store.approve(room.id, first, version=room.version, hands={"acc_x"}, change=change)
    room.refresh()
    wrong = room.try_("institution", "cancel", {"reason": "x"}, at=at)  # not by who gives no days back
    assert wrong.status == 409, wrong.text
    room.do("clerk", "cancel/approve", at=at)
    assert {(voucher.status, voucher.valid_through) for voucher in vouchers(room)} == {
        ("claimed", before + timedelta(days=12))
    }
