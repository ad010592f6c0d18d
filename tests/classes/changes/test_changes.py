"""A resubmission shows what changed; changes of a running class are applied for and approved."""

from datetime import datetime, timedelta

import msgspec
import pytest

from tests.classes.builders import DAY, SITE, Classroom, application, trainer
from tests.support.streams import stream_event, stream_record

UNNAMED = {"trainer_or_room_overlap", "rooms_not_recorded"}
"""What a class at the same time as another is warned of where nobody says in which room."""


def codes(answer):
    return {warning["code"] for warning in answer["warnings"]}


def moved(lesson, span):
    """Give a lesson as a form, moved in time."""
    times = {
        name: (datetime.fromisoformat(lesson[name]) + span).isoformat() for name in ("starts_at", "ends_at")
    }
    return {name: lesson[name] for name in ("id", "hours", "topic", "trainer")} | times


def wanted(room, **by_number):
    """Give all lessons of a class as forms, some of them moved: `_2=span`."""
    return [
        moved(lesson, by_number.get(f"_{number}", timedelta()))
        for number, lesson in enumerate(room.json["lessons"])
    ]


def apply(room, at=None, who="institution", **body):
    sent = {"version": room.version, "reason": "教师生病"} | body
    return room.api(who).post(f"/v1/classes/{room.id}/changes", sent, at=at or room.world.now)


def decide(room, change, verb, at=None, who="clerk", **body):
    path = f"/v1/classes/{room.id}/changes/{change['id']}/{verb}"
    return room.api(who).post(path, {"version": change["version"]} | body, at=at or room.world.now)


# ------------------------------------------------------------------------------------------ resubmission


def test_a_resubmission_shows_field_by_field_what_changed_since_the_return(world, api):
    room = Classroom(world).do("institution", "submit")
    assert room.read("clerk")["changes"] == []
    room.do("clerk", "return", {"reason": "第二讲时间不对"})
    body = application(world, name="互联网营销二班")
    body["lessons"][1]["topic"] = "改"
    body["lessons"].pop()
    body["trainers"] = [trainer(901)]
    body["site"] = {**SITE, "room": "302"}
    put = api("institution").put(f"/v1/classes/{room.id}", body | {"version": room.version}, at=world.now)
    assert put.status == 200, put.text
    body["lessons"][1]["topic"] = "再改"  # a second revision is still compared with what was returned
    body["lessons"].append(application(world)["lessons"][4])
    again = api("institution").put(
        f"/v1/classes/{room.id}", body | {"version": put.json["version"]}, at=world.now
    )
    assert again.status == 200, again.text
    room.refresh().do("institution", "submit")
    changes = {
        change["field"]: (change["before"], change["after"]) for change in room.read("clerk")["changes"]
    }
    shown = room.read("clerk")["trainers"][0]
    assert changes["name"] == ("互联网营销一班", "互联网营销二班")
    assert changes["lessons[1].topic"] == ("第2讲", "再改")
    assert changes["site.room"] == (None, "302")
    assert changes["trainers[0].name"][1] == shown["name"]
    assert set(changes) <= {
        "name",
        "lessons[1].topic",
        "site.room",
        "trainers[0].name",
        "trainers[0].id_number",
    }
    assert trainer(901)["id_number"] not in str(changes)
    room.do("clerk", "approve")
    assert room.read("clerk")["changes"] == []


def test_a_second_return_compares_with_what_was_returned_then(world, api):
    room = Classroom(world).do("institution", "submit")
    for name in ("二班", "三班"):
        room.do("clerk", "return", {"reason": "改名"})
        body = application(world, name=name) | {"version": room.version}
        assert api("institution").put(f"/v1/classes/{room.id}", body, at=world.now).status == 200
        room.refresh().do("institution", "submit")
    assert room.read("clerk")["changes"] == [{"field": "name", "before": "二班", "after": "三班"}]


def test_a_site_may_be_the_institutions_listed_place_and_name_a_room(world, api):
    uscc = Classroom(world).json["institution"]
    listed = api("clerk").get(f"/v1/institutions/{uscc}").json
    room = Classroom(world, site={"source": "catalogue", "room": "5 号机房"})
    site = room.json["site"]
    assert (site["name"], site["location"], site["room"]) == (listed["name"], listed["location"], "5 号机房")
    both = application(world, site={**SITE, "source": "catalogue"})
    wrong = api("institution").post("/v1/classes", both, at=world.now)
    assert wrong.status == 400
    assert {fault["field"] for fault in wrong.json["errors"]} == {
        "site.name",
        "site.address",
        "site.location",
    }


def test_two_rooms_of_one_site_do_not_collide_and_one_room_does(world):
    Classroom(world, site={**SITE, "room": "301"}).do("institution", "submit")
    assert codes(Classroom(world, site={**SITE, "room": "302"}, trainers=[trainer(901)]).json) == set()
    near = {**SITE["location"], "lat": SITE["location"]["lat"] + 0.0001}  # 11 m off
    same = Classroom(world, site={**SITE, "room": "301", "location": near}, trainers=[trainer(902)])
    assert codes(same.json) == {"trainer_or_room_overlap"}


def test_a_returned_or_cancelled_class_takes_up_nothing(world):
    first = Classroom(world).do("institution", "submit")
    second = Classroom(world)
    assert codes(second.json) == UNNAMED
    first.do("clerk", "return", {"reason": "x"})
    assert codes(second.read()) == set()
    first.do("institution", "submit")
    assert codes(second.read()) == UNNAMED
    first.do("institution", "cancel")
    assert codes(second.read()) == set()


# ------------------------------------------------------------------------------------------ changes


def test_a_lesson_is_moved_and_a_trainer_replaced_only_once_the_clerk_approves(world, api):
    room = Classroom(world).approved()
    lessons = wanted(room, _2=20 * DAY)
    lessons[3]["trainer"] = 1
    applied = apply(room, lessons=lessons, new_trainers=[trainer(901)])
    assert applied.status == 201, applied.text
    change = applied.json
    assert (change["status"], change["reason"], change["warnings"]) == ("submitted", "教师生病", [])
    fields = {field["field"]: (field["before"], field["after"]) for field in change["changes"]}
    assert set(fields) == {"lessons[2].starts_at", "lessons[2].ends_at", "lessons[3].trainer", "trainers[1]"}
    assert fields["lessons[3].trainer"] == (0, 1)
    before = room.json["lessons"]
    seen = room.read("clerk")
    assert seen["lessons"] == before
    assert seen["open_change"]["id"] == change["id"]
    assert seen["open_change"]["allowed_actions"] == ["approve", "reject"]
    assert seen["allowed_actions"] == ["change_approve", "change_reject"]
    assert "change" not in room.read()["allowed_actions"]
    decided = decide(room, change, "approve", comment="同意")
    assert (decided.status, decided.json["status"]) == (200, "approved"), decided.text
    after = room.refresh().json
    assert [lesson["id"] for lesson in after["lessons"]] == [before[n]["id"] for n in (0, 1, 3, 4, 2)]
    assert after["lessons"][2]["trainer"] == 1
    assert (len(after["trainers"]), after["open_change"]) == (2, None)
    assert datetime.fromisoformat(after["ends_at"]) == datetime.fromisoformat(before[2]["ends_at"]) + 20 * DAY
    listed = api("clerk").get(f"/v1/classes/{room.id}/changes").json["items"]
    assert [(item["id"], item["status"], item["decision_reason"]) for item in listed] == [
        (change["id"], "approved", "同意")
    ]


def test_a_class_is_not_moved_to_tomorrow_that_was_filed_for_later(world):
    """Was not asked of a change: filed for February, approved without a warning, and held from the next day on."""
    room = Classroom(world).approved()  # opens ten days from now
    sooner = apply(room, lessons=wanted(room, _0=-4 * DAY))
    assert (sooner.status, sooner.json["code"]) == (409, "filed_too_late"), sooner.text
    in_time = apply(room, lessons=wanted(room, _0=-3 * DAY))
    assert in_time.status == 201, in_time.text


def test_a_change_of_later_lessons_may_come_late(world):
    room = Classroom(world).approved()
    applied = apply(room, at=world.later(days=9), lessons=wanted(room, _2=-1 * DAY + timedelta(hours=7)))
    assert applied.json.get("code") != "filed_too_late", applied.text


def test_a_rejected_change_leaves_the_timetable_and_another_may_be_applied_for(world):
    room = Classroom(world).approved()
    before = room.json["lessons"]
    change = apply(room, lessons=wanted(room, _2=20 * DAY)).json
    room.refresh()
    second = apply(room, lessons=wanted(room, _2=21 * DAY))
    assert (second.status, second.json["code"]) == (409, "change_open")
    refused = decide(room, change, "reject", reason="理由不足")
    assert (refused.status, refused.json["status"]) == (200, "rejected"), refused.text
    assert decide(room, refused.json, "approve").json["code"] == "wrong_state"
    assert room.refresh().json["lessons"] == before
    assert apply(room, lessons=wanted(room, _2=21 * DAY)).status == 201


def test_an_institution_takes_its_own_change_back_and_applies_anew(world, api):
    room = Classroom(world).approved()
    before = room.json["lessons"]
    change = apply(room, lessons=wanted(room, _2=20 * DAY)).json
    assert change["allowed_actions"] == ["withdraw"]
    assert "change_withdraw" in room.refresh().json["allowed_actions"]
    assert "change_withdraw" not in room.read("clerk")["allowed_actions"]
    assert decide(room, change, "withdraw", who="institution_two").status == 404
    assert decide(room, change, "withdraw").status == 403
    back = decide(room, change, "withdraw", who="institution", comment="教师已康复")
    assert (back.status, back.json["status"], back.json["decision_reason"]) == (
        200,
        "withdrawn",
        "教师已康复",
    )
    assert back.json["allowed_actions"] == []
    repeat = decide(room, back.json, "withdraw", who="institution")
    assert (repeat.status, repeat.json["code"]) == (409, "wrong_state")
    assert decide(room, back.json, "approve").json["code"] == "wrong_state"
    assert room.refresh().json["lessons"] == before
    assert apply(room, lessons=wanted(room, _2=21 * DAY)).status == 201


def test_a_suspended_institution_applies_for_no_change_but_takes_one_back(world, api):
    room = Classroom(world).approved()
    change = apply(room, lessons=wanted(room, _2=20 * DAY)).json
    institution = f"/v1/institutions/{room.json['institution']}"
    version = api("clerk").get(institution).json["version"]
    suspended = api("clerk").post(f"{institution}/suspend", {"version": version, "reason": "x"}, at=world.now)
    assert suspended.status == 200, suspended.text
    assert decide(room, change, "withdraw", who="institution").status == 200
    again = apply(room.refresh(), lessons=wanted(room, _2=20 * DAY))
    assert (again.status, again.json["code"]) == (409, "institution_suspended")


def test_lessons_are_added_and_dropped_and_a_dropped_number_is_not_given_again(world):
    room = Classroom(world).approved()
    lessons = wanted(room)
    fresh = {**moved(lessons[4], 5 * DAY)}
    del fresh["id"]
    change = apply(room, lessons=[*lessons[:4], fresh]).json
    assert decide(room, change, "approve").status == 200
    ids = [lesson["id"] for lesson in room.refresh().json["lessons"]]
    assert [lesson_id.rpartition("-")[2] for lesson_id in ids] == ["01", "02", "03", "04", "06"]


def test_what_has_begun_is_never_changed(world):
    room = Classroom(world).approved()
    opened = room.starts(1) - timedelta(minutes=60)
    touched = apply(room, at=opened, lessons=wanted(room, _1=timedelta(hours=1)))
    assert (touched.status, touched.json["code"]) == (409, "lesson_begun")
    into_the_past = apply(room, at=opened, lessons=wanted(room, _3=-9 * DAY))
    assert (into_the_past.status, into_the_past.json["code"]) == (409, "lesson_begun")
    left_out = apply(room, at=opened, lessons=wanted(room)[2:3] + wanted(room, _4=2 * DAY)[3:])
    assert left_out.status == 201, left_out.text
    assert [change["field"] for change in left_out.json["changes"]] == [
        "lessons[4].starts_at",
        "lessons[4].ends_at",
    ]
    late = decide(room, left_out.json, "approve", at=room.starts(4) - timedelta(minutes=60))
    assert (late.status, late.json["code"]) == (409, "lesson_begun")
    assert decide(room, left_out.json, "approve", at=room.starts(4) - timedelta(minutes=61)).status == 200
    assert [lesson["id"] for lesson in room.refresh().json["lessons"]] == [
        f"les_{room.id[4:]}-0{number}" for number in range(1, 6)
    ]


def test_a_class_whose_last_lesson_is_over_is_changed_no_more(world):
    room = Classroom(world).approved()
    fresh = {name: value for name, value in moved(room.lesson(4), 10 * DAY).items() if name != "id"}
    body = {"lessons": [*wanted(room), fresh]}
    in_time, over = room.ended() - timedelta(minutes=2), room.ended()
    assert "change" in room.read(at=in_time)["allowed_actions"]
    assert "change" not in room.read(at=over)["allowed_actions"]
    late = apply(room, at=over, **body)
    assert (late.status, late.json["code"]) == (409, "lesson_begun")
    assert room.lesson(4)["id"] in late.json["detail"]
    assert apply(room, at=in_time, **body).status == 201


def test_a_new_site_is_that_of_the_lessons_to_come(world):
    room = Classroom(world).approved()
    at = room.starts(1)
    change = apply(room, at=at, site={**SITE, "name": "新校区", "room": "1"}).json
    assert decide(room, change, "approve", at=at).status == 200
    after = room.refresh().json
    assert after["site"]["name"] == "新校区"
    assert [(lesson["site"] or {}).get("name") for lesson in after["lessons"]] == [
        "一号教室",
        "一号教室",
        None,
        None,
        None,
    ]


def test_the_timetables_rules_hold_for_a_change_and_overlaps_are_shown(world):
    busy = Classroom(world, trainers=[trainer(901)], site={**SITE, "room": "9"}).do("institution", "submit")
    room = Classroom(world).approved()
    long = wanted(room)
    long[2]["hours"] = 9
    assert apply(room, lessons=long).json["code"] == "hours_per_day"
    assert apply(room, lessons=wanted(room)[:4]).json["code"] == "hours_too_few"
    assert apply(room, lessons=wanted(room, _2=DAY)).json["code"] in ("lessons_overlap", "hours_per_day")
    lessons = wanted(room)
    lessons[0]["trainer"] = 1
    change = apply(room, lessons=lessons, new_trainers=[trainer(901)])
    assert (change.status, codes(change.json)) == (201, UNNAMED)
    assert codes(room.read("clerk")["open_change"]) == UNNAMED
    assert busy.json["status"] == "submitted"


def approved_with_a_minute(room, *numbers):
    """Store lessons of one minute in an approved class, as it was approved before that was refused."""
    from chalicelib.classes.store import find_parts

    lessons = list(find_parts(room.id).plan.lessons)
    for number in numbers:
        ends_at = lessons[number].starts_at + timedelta(minutes=1)
        lessons[number] = msgspec.structs.replace(lessons[number], ends_at=ends_at)
    return store_plan(room, lessons=lessons)


def store_plan(room, **changes):
    """Store an approved class with another plan, as earlier rules let it be."""
    from chalicelib.classes.store import ClassRow, find_parts, plan_digest_of

    parts = find_parts(room.id)
    plan = msgspec.structs.replace(parts.plan, **changes)
    head = msgspec.structs.replace(parts.head, plan_digest=plan_digest_of(plan))
    for record in (plan, head):
        ClassRow.from_record(record).save()
    return room.refresh()


def test_a_class_approved_with_a_lesson_too_short_that_has_begun_is_still_changed(world):
    room = approved_with_a_minute(Classroom(world).approved(), 0)
    begun = room.starts(0) + timedelta(hours=1)
    applied = apply(room, begun, lessons=wanted(room, _3=20 * DAY))
    assert (applied.status, codes(applied.json)) == (201, {"hours_too_long"}), applied.text
    decided = decide(room, applied.json, "approve", at=begun)
    assert (decided.status, decided.json["status"]) == (200, "approved"), decided.text
    assert room.refresh().starts(4) == begun - timedelta(hours=1) + 23 * DAY


def test_a_change_makes_no_other_lesson_too_short_nor_one_shorter(world):
    room = approved_with_a_minute(Classroom(world).approved(), 3)
    other, shorter = wanted(room), wanted(room)
    other[2]["ends_at"] = (room.starts(2) + timedelta(minutes=1)).isoformat()
    assert apply(room, lessons=other).json["code"] == "hours_too_long"
    shorter[3]["ends_at"] = (room.starts(3) + timedelta(seconds=1)).isoformat()
    assert apply(room, lessons=shorter).json["code"] == "hours_too_long"
    assert apply(room, lessons=wanted(room, _4=20 * DAY)).status == 201


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "nothing_changed"),
        ({"lessons": []}, "no_lessons"),
        ({"lessons": [{"id": "les_other-01"}]}, "malformed"),
        ({"new_trainers": "same"}, "malformed"),
        ({"reason": ""}, "malformed"),
        ({"site": {"name": "x"}}, "malformed"),
    ],
)
def test_what_cannot_be_a_change_is_malformed(world, body, code):
    room = Classroom(world).approved()
    if "lessons" in body:
        body = {"lessons": [wanted(room)[0] | lesson for lesson in body["lessons"]]}
    if body.get("new_trainers") == "same":
        body = {"new_trainers": [trainer()]}
    answer = apply(room, **body)
    assert (answer.status, answer.json["code"]) == (400, code), answer.text


def test_a_change_of_another_class_is_not_found_and_a_draft_has_none(world):
    room, other = Classroom(world).approved(), Classroom(world, trainers=[trainer(905)]).approved()
    change = apply(room, lessons=wanted(room, _2=20 * DAY)).json
    stray = room.api("clerk").post(
        f"/v1/classes/{other.id}/changes/{change['id']}/approve", {"version": other.version}, at=world.now
    )
    assert stray.status == 404
    draft = Classroom(world)
    assert apply(draft, lessons=wanted(draft, _2=20 * DAY)).json["code"] == "wrong_state"


# ------------------------------------------------------------------------------------------ audit


def test_one_change_of_a_class_leaves_one_audit_record_with_before_and_after(world, api):
    from chalicelib.classes.store import ClassRow
    from chalicelib.kernel.principal import system_context
    from chalicelib.supervision.audit import jobs

    def parts(class_id):
        return {row.part: row.record for row in ClassRow.query(class_id)}

    def record(before, after):
        changed = [
            stream_record(ClassRow, before.get(part), after[part])
            for part in after
            if before.get(part) != after[part]
        ]
        context = system_context("test", now=world.now, request_id="req_test")
        return jobs.record_audit(stream_event(*changed), context)["recorded"]

    room = Classroom(world)
    drafted = parts(room.id)
    assert record({}, drafted) == 1
    body = application(world, name="二班", planned_size=20) | {"version": room.version}
    api("institution").put(f"/v1/classes/{room.id}", body, at=world.now)
    edited = parts(room.id)
    assert record(drafted, edited) == 1
    room.refresh().do("institution", "submit").do("clerk", "return", {"reason": "x"})
    returned = parts(room.id)
    assert record(edited, returned) == 1
    again = body | {"version": room.version, "name": "三班"}
    api("institution").put(f"/v1/classes/{room.id}", again, at=world.now)
    revised = parts(room.id)
    assert len(revised) == 3
    assert record(returned, revised) == 1
    room.refresh().approved()
    approved = parts(room.id)
    change = apply(room, lessons=wanted(room, _2=20 * DAY)).json
    waiting = parts(room.id)
    assert record(approved, waiting) == 1
    assert decide(room, change, "approve").status == 200
    assert record(waiting, parts(room.id)) == 1
    history = api("supervisor").get("/v1/audit", {"subject": room.id}).json["items"]
    assert [record["action"] for record in history] == [
        "class.write", "class.write", "class.return", "class.write", "class.change", "class.approve_change",
    ]  # fmt: skip
    assert (history[1]["before"]["name"], history[1]["after"]["name"]) == ("互联网营销一班", "二班")
    assert len(history[5]["after"]["lessons"]) == 5


# ------------------------------------------------------------------------------------------ places


def test_a_change_widens_no_fence_and_goes_to_no_place_outside_the_province(world):
    room = Classroom(world).approved()
    wide = apply(room, site={**SITE, "radius_m": 300})
    assert (wide.status, wide.json["code"]) == (409, "site_too_wide")
    beijing = {"lng": 116.4, "lat": 39.9, "coord_system": "gcj02"}
    lessons = wanted(room)
    lessons[1]["site"] = {**SITE, "location": beijing}
    for body in ({"site": {**SITE, "location": beijing}}, {"lessons": lessons}):
        answer = apply(room, **body)
        assert (answer.status, answer.json["errors"][0]["code"]) == (400, "outside_province")
    far = apply(room, site={**SITE, "location": SITE["location"] | {"lat": 31.86}})
    assert (far.status, codes(far.json)) == (201, {"site_far"})
    path = f"/v1/classes/{room.id}/changes"
    (shown,) = room.api("clerk").get(path, at=world.now).json["items"]
    assert codes(shown) == {"site_far"}, "who approves it sees it too"


def test_a_place_approved_so_wide_before_bars_no_later_change(world):
    """Else a class that was approved under earlier rules could move no lesson."""
    from chalicelib.classes.store import find_parts

    room = Classroom(world).approved()
    site = msgspec.structs.replace(find_parts(room.id).plan.site, radius_m=500)
    store_plan(room, site=site)
    wider = apply(room, site={**SITE, "radius_m": 600})
    assert (wider.status, wider.json["code"]) == (409, "site_too_wide")
    moved_on = apply(room, lessons=wanted(room, _4=DAY))
    assert (moved_on.status, codes(moved_on.json)) == (201, {"site_too_wide"}), "told, and no bar"
