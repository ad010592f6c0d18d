"""Cancelling a class: its trainees get their vouchers back."""

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
