"""Applying for a class and deciding on it (step 6)."""

from datetime import datetime, timedelta

import pytest

from chalicelib.catalogue.institutions.store import InstitutionRow
from tests.classes.builders import DAY, SITE, Classroom, application, trainer
from tests.support.people import HEFEI_SCHOOL


def codes(answer):
    return {warning["code"] for warning in answer["warnings"]}


def test_an_application_is_a_draft_with_lessons_and_masked_trainers(world, api):
    draft = Classroom(world).json
    assert (draft["status"], draft["version"], draft["policy_version"]) == ("draft", 1, 1)
    assert draft["allowed_actions"] == ["edit", "submit", "cancel"]
    assert [lesson["id"].startswith("les_") for lesson in draft["lessons"]] == [True] * 5
    assert draft["warnings"] == []
    shown = draft["trainers"][0]
    assert shown["name"].endswith("*")
    assert trainer()["id_number"] not in str(draft)


@pytest.mark.parametrize(
    ("code", "changes"),
    [
        ("class_size", {"planned_size": 9}),
        ("class_size", {"planned_size": 51}),
        ("hours_too_few", {"lessons": slice(0, 4)}),
        ("hours_per_day", {"hours": 9}),
        ("filed_too_late", {"shift": -4 * DAY}),
        ("lessons_overlap", {"same_day": True}),
    ],
)
def test_a_breach_is_a_warning_on_the_draft_and_refused_at_submission(world, api, code, changes):
    body = application(world)
    if "planned_size" in changes:
        body["planned_size"] = changes["planned_size"]
    if "lessons" in changes:
        body["lessons"] = body["lessons"][changes["lessons"]]
    if "hours" in changes:
        body["lessons"][0]["hours"] = changes["hours"]
    if "shift" in changes:
        from datetime import datetime

        for lesson in body["lessons"]:
            for name in ("starts_at", "ends_at"):
                lesson[name] = (datetime.fromisoformat(lesson[name]) + changes["shift"]).isoformat()
    if "same_day" in changes:
        body["lessons"].append({**body["lessons"][0], "hours": 1})
    room = Classroom(world, **body)
    assert code in codes(room.json)
    refused = room.try_("institution", "submit")
    assert refused.status == 409
    assert code in {error["code"] for error in refused.json["errors"]}


def at_place(body, *, lesson=None, **site):
    """Give an application whose class, or one lesson of it, is held elsewhere."""
    place = {**SITE, "name": "别处", **site}
    if lesson is None:
        return body | {"site": place}
    lessons = [one | {"site": place} if at == lesson else one for at, one in enumerate(body["lessons"])]
    return body | {"lessons": lessons}


HEFEI, WUHU = (
    {"lng": lng, "lat": lat, "coord_system": "gcj02"} for lng, lat in ((117.23, 31.86), (118.4, 31.3))
)


@pytest.mark.parametrize("lesson", [None, 2], ids=["of the class", "of a lesson"])
def test_a_place_may_narrow_the_fence_of_the_policy_and_not_widen_it(world, lesson):
    """Was up to 1,000 m, whatever the policy said: a check-in from the next town's edge counted."""
    wide = Classroom(world, **at_place(application(world), lesson=lesson, radius_m=201))
    (told,) = wide.json["warnings"]
    assert (told["code"], "201" in told["detail"], "200" in told["detail"]) == ("site_too_wide", True, True)
    refused = wide.try_("institution", "submit")
    assert (refused.status, refused.json["code"]) == (409, "site_too_wide")
    for radius in (200, 50):
        narrow = Classroom(world, **at_place(application(world), lesson=lesson, radius_m=radius))
        assert codes(narrow.json) <= {"trainer_or_room_overlap", "rooms_not_recorded"}
    assert narrow.do("institution", "submit").json["status"] == "submitted"


@pytest.mark.parametrize("lesson", [None, 2], ids=["of the class", "of a lesson"])
@pytest.mark.parametrize("where", [HEFEI, WUHU], ids=["kilometres away", "another city"])
def test_a_place_far_from_the_institution_is_told_to_who_approves(world, where, lesson):
    room = Classroom(world, **at_place(application(world), lesson=lesson, location=where))
    room.do("institution", "submit")
    (told,) = room.read("clerk")["warnings"]
    assert (told["code"], "别处" in told["detail"]) == ("site_far", True)


@pytest.mark.parametrize(("lesson", "field"), [(None, "site.location"), (2, "lessons[2].site.location")])
def test_a_place_outside_the_province_is_refused_as_the_catalogue_does(world, api, lesson, field):
    beijing = {"lng": 116.4, "lat": 39.9, "coord_system": "gcj02"}
    body = at_place(application(world), lesson=lesson, location=beijing)
    answer = api("institution").post("/v1/classes", body, at=world.now)
    assert (answer.status, answer.json["code"]) == (400, "malformed")
    (fault,) = answer.json["errors"]
    assert (fault["code"], fault["field"]) == ("outside_province", field)


def test_seven_calendar_days_before_opening_is_in_time_and_six_are_not(world):
    room = Classroom(world)  # opens ten days from now
    late = room.try_("institution", "submit", at=world.later(days=4))
    assert (late.status, late.json["code"]) == (409, "filed_too_late")
    room.do("institution", "submit", at=world.later(days=3, hours=14, minutes=59))


def test_a_minute_that_counts_as_eight_hours_is_refused(world):
    """Was a warning: lessons of one minute were paid, and rules that compare lessons by length saw nothing."""
    body = application(world)
    starts_at = datetime.fromisoformat(body["lessons"][0]["starts_at"])
    body["lessons"][0]["ends_at"] = (starts_at + timedelta(hours=6, minutes=-1)).isoformat()
    room = Classroom(world, **body)
    assert codes(room.json) == {"hours_too_long"}
    assert room.try_("institution", "submit").json["code"] == "hours_too_long"


def test_fewer_hours_than_the_project_has_are_refused(world, api):
    body = application(world)
    path = f"/v1/projects/{body['project_id']}"
    entry = api("province").get(path).json
    entry.pop("id")
    changed = api("province").put(path, entry | {"hours": 120})
    assert changed.status == 200, changed.text
    assert Classroom(world, **body).try_("institution", "submit").json["code"] == "project_hours_unmet"


def test_an_application_is_filed_returned_with_a_reason_changed_filed_again_and_approved(world, api):
    room = Classroom(world).do("institution", "submit")
    assert room.read("clerk")["allowed_actions"] == ["approve", "return"]
    assert room.read("institution")["allowed_actions"] == ["cancel"]
    room.do("clerk", "return", {"reason": "课程表不清楚"})
    assert (room.json["status"], room.json["return_reason"]) == ("returned", "课程表不清楚")
    body = application(world, name="互联网营销二班") | {"version": room.version}
    changed = api("institution").put(f"/v1/classes/{room.id}", body, at=world.now)
    assert (changed.status, changed.json["status"], changed.json["name"]) == (
        200,
        "returned",
        "互联网营销二班",
    )
    room.refresh().do("institution", "submit").do("clerk", "approve", {"comment": "同意"})
    assert (room.json["status"], room.json["return_reason"]) == ("approved", None)
    assert room.read("institution")["allowed_actions"] == ["cancel", "roster", "change"]


def test_a_stale_version_is_a_conflict_and_a_filed_application_cannot_be_edited(world, api):
    room = Classroom(world).do("institution", "submit")
    stale = room.try_("clerk", "approve", {"version": 1})
    assert (stale.status, stale.json["code"]) == (409, "version_conflict")
    body = application(world) | {"version": room.version}
    edited = api("institution").put(f"/v1/classes/{room.id}", body, at=world.now)
    assert (edited.status, edited.json["code"]) == (409, "wrong_state")


def test_only_the_own_institution_and_its_bureaus_know_of_a_class(world, api):
    room = Classroom(world).do("institution", "submit")
    for outsider in ("institution_two", "clerk_wuhu"):
        assert api(outsider).get(f"/v1/classes/{room.id}").status == 404
    assert room.try_("clerk_wuhu", "approve").status == 404
    assert room.try_("institution", "approve").status == 403
    assert room.try_("reviewer", "approve").status == 403
    assert room.read("province")["allowed_actions"] == []


def test_a_suspended_institution_cannot_file_or_be_approved(world, api):
    room = Classroom(world)
    other = Classroom(world, name="另一班", trainers=[trainer(901)]).do("institution", "submit")
    uscc = room.json["institution"]
    suspended = api("clerk").post(f"/v1/institutions/{uscc}/suspend", {"version": 1, "reason": "核查"})
    assert suspended.status == 200, suspended.text
    assert "institution_suspended" in codes(room.read())
    for answer in (room.try_("institution", "submit"), other.try_("clerk", "approve")):
        assert (answer.status, answer.json["code"]) == (409, "institution_suspended")


def test_a_trainer_or_room_taken_by_another_class_is_a_warning_only(world):
    Classroom(world).do("institution", "submit")
    same_room = Classroom(world, trainers=[trainer(901)])
    elsewhere = {**application(world)["site"], "name": "二号教室"}
    same_trainer = Classroom(world, site=elsewhere)
    neither = Classroom(world, site=elsewhere, trainers=[trainer(901)])
    unnamed = {"trainer_or_room_overlap", "rooms_not_recorded"}
    assert codes(same_room.json) == codes(same_trainer.json) == unnamed
    assert codes(neither.json) == set()
    assert same_room.do("institution", "submit").json["status"] == "submitted"
    assert codes(same_room.json) == unnamed, "told as it is filed: classes at once count as sharing one room"


@pytest.mark.parametrize("named", [True, False])
def test_a_class_is_not_told_of_unknown_rooms_where_they_are_named_or_recorded(world, *, named):
    site = application(world)["site"] | ({"room": "301"} if named else {})
    if not named:
        InstitutionRow(HEFEI_SCHOOL).update(actions=[InstitutionRow.rooms.set(2)])
    Classroom(world, site=site).do("institution", "submit")
    second = Classroom(world, site=site, trainers=[trainer(901)])
    assert codes(second.json) == {"trainer_or_room_overlap"}


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"lessons": []}, 400, "no_lessons"),
        ({"project_id": "prj_unknown"}, 400, "unknown_project"),
        ({"program_id": "prg_other"}, 409, "project_not_covered"),
        ({"status": "approved"}, 400, "malformed"),
        ({"trainers": []}, 400, "malformed"),
        ({"planned_size": "12"}, 400, "malformed"),
    ],
)
def test_what_cannot_be_an_application_is_refused(world, api, changes, status, code):
    answer = api("institution").post("/v1/classes", application(world) | changes, at=world.now)
    assert (answer.status, answer.json["code"]) == (status, code)


@pytest.mark.parametrize(
    "lesson",
    [
        {"trainer": 1},
        {"ends_at": "2026-09-11T00:00:00Z"},
        {"ends_at": "2026-09-30T00:00:00Z"},
        {"starts_at": "0001-01-01T00:00:00+08:00"},
        {"starts_at": "9999-12-31T23:59:59-08:00", "ends_at": "9999-12-31T23:59:59-09:00"},
        {"starts_at": "2026-09-11T09:00:00"},
        {"hours": 0},
        {"site": {"name": "x", "address": "y", "location": {"lng": 117, "lat": 31}}},
    ],
)
def test_a_lesson_that_cannot_be_is_malformed(world, api, lesson):
    body = application(world)
    body["lessons"][0] |= lesson
    answer = api("institution").post("/v1/classes", body, at=world.now)
    assert answer.status == 400, answer.text


def test_a_trainers_wrong_id_number_is_named(world, api):
    body = application(world, trainers=[trainer() | {"id_number": "340123199001010001"}])
    answer = api("institution").post("/v1/classes", body, at=world.now)
    assert (answer.status, answer.json["errors"][0]["field"]) == (422, "trainers[0].id_number")


def test_an_approved_class_keeps_the_policy_it_was_approved_under(world, api):
    room = Classroom(world).approved()
    program = api("province").get(f"/v1/programs/{world.program_id}").json
    policy = program["policy"] | {"pass_mark": 90}
    changed = api("province").post(
        f"/v1/programs/{world.program_id}/policy", {"version": program["version"], "policy": policy}
    )
    assert changed.status in (200, 201), changed.text
    assert room.read()["policy_version"] == 1
    assert Classroom(world).json["policy_version"] == 2


def test_a_policy_changed_while_an_application_waits_is_the_one_it_is_approved_under(world, api):
    room = Classroom(world).do("institution", "submit")
    room.read("clerk")
    program = api("province").get(f"/v1/programs/{world.program_id}").json
    policy = program["policy"] | {"pass_mark": 90}
    path = f"/v1/programs/{world.program_id}/policy"
    assert api("province").post(path, {"version": program["version"], "policy": policy}).status in (200, 201)
    assert room.do("clerk", "approve").json["policy_version"] == 2
    assert room.read()["policy_version"] == 2


def test_a_clerk_who_decides_on_an_old_version_is_told_so_even_if_it_is_remembered(world, api):
    room = Classroom(world).do("institution", "submit")
    room.read("clerk")
    read_by_clerk = room.version
    room.do("clerk_two", "return", {"reason": "x"}).do("institution", "submit")
    stale = room.try_("clerk", "approve", {"version": read_by_clerk})
    assert (stale.status, stale.json["code"]) == (409, "version_conflict")
    assert room.read("clerk")["status"] == "submitted"
