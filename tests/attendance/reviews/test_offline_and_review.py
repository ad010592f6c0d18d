"""Check-ins made without a network and uploaded later, and what the bureau decides of doubtful ones."""

from datetime import timedelta

import pytest

from chalicelib.accounts.model import account_id_of
from tests.attendance.builders import HOURS, attended, mark_of, recorded, room_under
from tests.classes.builders import Classroom


@pytest.fixture
def room(world):
    return Classroom(world).rostered(2)


def upload(room, *, hours_later=2.0, minutes=-5, offline=True, person=0, **changes):
    """Upload a check-in made some minutes from the start, some hours after it."""
    happened_at = room.starts() + timedelta(minutes=minutes)
    at = room.starts() + timedelta(hours=hours_later)
    return room.check_in(
        room.people[person], at=at, happened_at=happened_at.isoformat(), offline=offline, **changes
    )


def decide(room, what, check_in, who="clerk", **changes):
    path = f"/v1/lessons/{check_in['lesson_id']}/check-ins/{check_in['id']}/{what}"
    return room.api(who).post(
        path, {"version": check_in["version"], "reason": "已核实"} | changes, at=room.ended()
    )


# ------------------------------------------------------------------------------------------ offline


def test_a_check_in_uploaded_later_keeps_both_clocks_and_needs_review(room):
    answer = upload(room, nonce="n1")
    assert answer.status == 201, answer.text
    facts = {name: answer.json[name] for name in ("outcome", "status", "late_uploaded")}
    assert facts == {"outcome": "needs_review", "status": "present", "late_uploaded": True}
    proof = recorded(room)[0]["proofs"][0]
    assert proof["late_uploaded"]
    assert proof["happened_at"] < proof["received_at"]
    assert upload(room, nonce="n1", hours_later=30).json == answer.json
    assert mark_of(room, 0) == ("needs_review", 0)


@pytest.mark.parametrize(
    ("hours_later", "minutes", "offline", "expected"),
    [
        (2, -5, False, "lesson_closed"),  # nothing said of having been offline: the server's clock decides
        (24.4, -5, True, "needs_review"),
        (24.6, -5, True, "lesson_closed"),  # 24 hours after the window
        (2, -61, True, "lesson_not_open"),
        (2, 31, True, "lesson_closed"),
        (2, 10, True, "needs_review"),
        (0, -5, True, "accepted"),  # in time after all: nothing late about it
        (-1.1, -5, True, "lesson_not_open"),
    ],
)
def test_an_upload_is_bounded_by_the_window_of_the_device_and_the_policys_hours(
    room, hours_later, minutes, offline, expected
):
    answer = upload(room, hours_later=hours_later, minutes=minutes, offline=offline)
    assert expected in (answer.json.get("outcome"), answer.json.get("code")), answer.text


def test_a_late_one_is_late_by_the_devices_clock(room):
    assert upload(room, minutes=10).json["status"] == "late"


def test_a_policy_may_forbid_uploads(world):
    room = room_under(world, offline_upload_hours=0)
    assert upload(room).json["code"] == "lesson_closed"


def test_an_upload_from_elsewhere_is_refused_and_kept(room):
    answer = upload(room, location={"lat": 31.9})
    assert (answer.status, answer.json["code"]) == (409, "outside_site")
    kept = recorded(room, outcome="refused")
    assert [(check_in["code"], check_in["offline"], check_in["enrolment_id"]) for check_in in kept] == [
        ("outside_site", True, room.enrolments[0]["id"])
    ]


# ------------------------------------------------------------------------------------------ review


def test_a_rough_check_in_counts_once_a_clerk_accepts_it(room):
    room.check_in(room.people[0], location={"accuracy_m": 500})
    check_in = recorded(room, outcome="needs_review")[0]
    assert (check_in["needs_review"], check_in["allowed_actions"]) == (["in"], ["accept", "reject"])
    assert mark_of(room, 0) == ("needs_review", 0)
    answer = decide(room, "accept", check_in)
    assert answer.status == 200, answer.text
    assert (answer.json["needs_review"], answer.json["allowed_actions"]) == ([], [])
    assert answer.json["proofs"][0]["verdict"] == "accepted"
    assert mark_of(room, 0) == ("present", 8)
    assert recorded(room, outcome="needs_review") == []


def test_a_rejected_one_is_an_absence(room):
    upload(room)
    check_in = recorded(room)[0]
    assert decide(room, "reject", check_in).status == 200
    assert mark_of(room, 0) == ("absent", 0)


def test_a_decision_is_made_once_on_the_version_that_was_seen(room):
    upload(room)
    check_in = recorded(room)[0]
    assert decide(room, "accept", check_in, version=99).json["code"] == "version_conflict"
    assert decide(room, "accept", check_in).status == 200
    assert decide(room, "reject", check_in).json["code"] == "version_conflict"
    again = decide(room, "reject", check_in, version=check_in["version"] + 1)
    assert (again.status, again.json["code"]) == (409, "nothing_to_review")


def test_what_comes_after_a_decision_needs_one_of_its_own(world):
    room = room_under(world, check_out_required=True)
    person = room.people[0]
    room.check_in(person, location={"accuracy_m": 500})
    decide(room, "accept", recorded(room)[0])
    out = room.check_in(person, kind="out", at=room.starts() + 8 * HOURS, location={"accuracy_m": 500})
    assert (out.status, out.json["outcome"]) == (201, "needs_review")
    check_in = recorded(room, outcome="needs_review")[0]
    assert check_in["needs_review"] == ["out"]
    assert mark_of(room, 0) == ("needs_review", 0)
    decide(room, "accept", check_in)
    assert mark_of(room, 0) == ("present", 8)


def test_nothing_is_decided_once_the_completion_is_approved(room):
    from chalicelib.classes.store import ClassRow

    upload(room)
    check_in = recorded(room)[0]
    ClassRow(room.id, "head").update(actions=[ClassRow.status.set("completion_approved")])
    answer = decide(room, "accept", check_in)
    assert (answer.status, answer.json["code"]) == (409, "wrong_state")
    assert recorded(room)[0]["allowed_actions"] == []
    waiting = room.api("clerk").get("/v1/check-ins", at=room.ended()).json["items"]
    assert [item["allowed_actions"] for item in waiting] == [[]]


def test_who_prepared_the_class_is_offered_no_decision_on_its_check_ins(room):
    """They are told `self_approval` when they try, so it is not offered to them in any list."""
    from chalicelib.classes.store import ClassRow
    from tests.support.people import staff_principal

    room.check_in(room.people[0], location={"accuracy_m": 500})
    ClassRow(room.id, "head").update(actions=[ClassRow.scored_by.set(staff_principal("clerk").actor)])
    for who, actions in (("clerk", []), ("clerk_two", ["accept", "reject"])):
        waiting = room.api(who).get("/v1/check-ins", at=room.ended()).json["items"]
        assert [item["allowed_actions"] for item in [*waiting, *recorded(room, who=who)]] == [actions] * 2
    rough = recorded(room)[0]
    assert decide(room, "accept", rough).json["code"] == "self_approval"
    assert decide(room, "accept", rough, who="clerk_two").status == 200


def listed_to(caller, query):
    """Give all that a caller's list holds: a page may be short, and the province's goes on with the next city."""
    items, cursor = [], None
    while True:
        page = caller.get("/v1/check-ins", query | ({"cursor": cursor} if cursor else {})).json
        items += page["items"]
        cursor = page["next"]
        if cursor is None:
            return items


def test_the_lists_are_the_areas_own(room, api):
    room.check_in(room.people[0], location={"accuracy_m": 500})
    room.check_in(room.people[1])
    for who, query in (
        ("clerk", {}),
        ("clerk", {"division": "340111"}),
        ("province", {"status": "needs_review"}),
    ):
        listed = listed_to(api(who), query)
        assert [check_in["enrolment_id"] for check_in in listed] == [room.enrolments[0]["id"]], who
    assert api("clerk").get("/v1/check-ins", {"division": "340102"}).json["items"] == []
    assert api("clerk_wuhu").get("/v1/check-ins").json["items"] == []
    assert api("clerk_wuhu").get("/v1/check-ins", {"division": "3401"}).status == 404
    assert api("institution").get("/v1/check-ins").status == 403
    assert api("clerk").get("/v1/check-ins", {"status": "accepted"}).status == 400


def test_the_list_of_what_needs_review_comes_in_pages(world, api):
    room = Classroom(world).rostered(5)
    for person in room.people:
        room.check_in(person, location={"accuracy_m": 500})
    ids = [item["id"] for item in listed_to(api("clerk"), {"limit": 2})]
    assert len(ids) == len(set(ids)) == 5


def looks(room):
    """Give the records of who looked at the places of the first lesson."""
    from chalicelib.accounts.disclosures.store import AccessRow

    return [row.record for row in AccessRow.query(room.lesson()["id"]) if row.purpose == "check_in.places"]


@pytest.mark.parametrize("who", ["institution", "clerk", "supervisor", "province"])
def test_who_looks_at_check_ins_sees_rounded_distances_and_no_places(room, who):
    room.check_in(room.people[0], location={"accuracy_m": 500, "lng": 117.2838})
    room.check_in(room.people[1], location={"lat": 31.8178})
    came, stayed_away = recorded(room, who=who)[0]["proofs"][0], recorded(room, who=who, outcome="refused")[0]
    assert (came["location"], came["distance_m"]) == (None, 120.0)
    assert (stayed_away["location"], stayed_away["distance_m"]) == (None, 9000.0)
    if who != "institution":
        waiting = room.api(who).get("/v1/check-ins", at=room.ended()).json["items"]
        assert waiting[0]["proofs"][0]["location"] is None
    assert looks(room) == []


def test_a_decision_on_a_check_in_is_answered_without_the_place(room):
    room.check_in(room.people[0], location={"accuracy_m": 500})
    answer = decide(room, "accept", recorded(room)[0])
    assert answer.json["proofs"][0]["location"] is None


@pytest.mark.parametrize("outcome", ["recorded", "needs_review", "refused"])
def test_exact_places_are_shown_to_a_bureau_that_opens_them_and_each_look_leaves_a_record(room, outcome):
    room.check_in(room.people[0], location={"accuracy_m": 500})
    room.check_in(room.people[1], location={"lat": 31.9})
    for count in (1, 2):
        (item,) = recorded(room, outcome=outcome, opened="true")
        proof = item if outcome == "refused" else item["proofs"][0]
        assert proof["location"]["coord_system"] == "gcj02"
        assert proof["distance_m"] % 10 or outcome != "refused", "to a tenth of a metre"
        found = looks(room)
        assert [(one.items, one.division, one.last_change.actor) for one in found] == [
            (1, "340111", account_id_of("clerk"))
        ] * count
    assert (
        room.api("reviewer_wuhu").get(f"/v1/lessons/{room.lesson()['id']}/check-ins?opened=true").status
        == 404
    )
    assert len(looks(room)) == 2


def test_nobody_at_the_institution_opens_places_and_what_shows_none_leaves_no_record(room):
    assert recorded(room, opened="true") == []
    room.check_in(room.people[0])
    ours = recorded(room, who="institution", opened="true")[0]
    assert ours["proofs"][0]["location"] is None
    assert "*" in ours["trainee"]["name"]
    assert ours["allowed_actions"] == []
    assert looks(room) == []


def test_a_look_that_cannot_be_recorded_shows_no_place(room):
    from chalicelib.aws.table import connection
    from chalicelib.kernel.errors import Unavailable

    room.check_in(room.people[0])

    def act(request, **_):
        if b"personal-data-accesses" in (request.body or b""):
            raise Unavailable

    events = connection().client.meta.events
    events.register_first("before-send.dynamodb", act)
    try:
        path = f"/v1/lessons/{room.lesson()['id']}/check-ins"
        answer = room.api("clerk").get(path, {"opened": "true"}, at=room.ended())
    finally:
        events.unregister("before-send.dynamodb", act)
    assert answer.status >= 500
    assert "lng" not in answer.text


@pytest.mark.parametrize("check_in_id", ["chk_x", "chk_nothing-01abc", "les_x-01", "x", "chk_%2F-01"])
def test_an_unknown_check_in_is_not_found(room, check_in_id):
    check_in = {"id": check_in_id, "lesson_id": room.lesson()["id"], "version": 1}
    assert decide(room, "accept", check_in).status == 404
    room.check_in(room.people[0], location={"accuracy_m": 500})
    check_in = recorded(room)[0]
    elsewhere = check_in | {"lesson_id": room.lesson(1)["id"]}
    assert decide(room, "accept", elsewhere).status == 404


# ------------------------------------------------------------------------------------------ as a whole


def test_attendance_counts_each_mark_of_a_lesson_and_comes_as_a_sheet(room, api):
    room.check_in(room.people[0])
    counts = attended(room)["lessons"][0]["counts"]
    assert {mark: count for mark, count in counts.items() if count} == {"present": 1, "absent": 1}
    path = f"/v1/classes/{room.id}/attendance"
    sheet = api("clerk").get(path, {"format": "csv"}, at=room.ended())
    assert sheet.headers["Content-Type"].startswith("text/csv")
    lines = sheet.text.lstrip("\ufeff").splitlines()
    assert lines[0].startswith("报名编号,姓名,身份证号,出勤课时")
    assert [line.count("出勤") for line in lines[1:]] == [1, 0]
    assert all("*" in line for line in lines[1:])
    link = api("institution").get(path, {"format": "xlsx"}, at=room.ended())
    assert link.json["url"].startswith("https://")


def test_a_trainee_sees_their_own_attendance_only(room, api, world):
    room.check_in(room.people[0])
    path = f"/v1/classes/{room.id}/attendance/own"
    own = api(room.people[0]).get(path, at=room.ended()).json
    assert [trainee["enrolment_id"] for trainee in own["trainees"]] == [room.enrolments[0]["id"]]
    assert own["trainees"][0] == next(
        trainee
        for trainee in attended(room)["trainees"]
        if trainee["enrolment_id"] == room.enrolments[0]["id"]
    )
    assert api(world.person(60)).get(path).status == 404
    assert api("clerk").get(path).status == 403


def test_a_missing_check_out_costs_the_lesson_where_the_policy_requires_one(world):
    room = room_under(world, check_out_required=True)
    room.check_in(room.people[0])
    room.check_in(room.people[1])
    room.check_in(room.people[1], kind="out", at=room.starts() + 8 * HOURS)
    assert mark_of(room, 0) == ("left_early", 0)
    assert mark_of(room, 1) == ("present", 8)
