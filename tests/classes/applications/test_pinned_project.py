"""An approval pins the project as it was shown: fee, occupation, level and hours of that version."""

from chalicelib.catalogue.projects import reading
from chalicelib.catalogue.projects import store as project_store
from tests.classes.builders import Classroom


def change_project(world, **facts):
    path = f"/v1/projects/{world.project_id}"
    entry = world.api("province").get(path).json
    entry.pop("id")
    answer = world.api("province").put(path, entry | facts, at=world.now)
    assert answer.status == 200, answer.text
    return answer.json


def test_an_approved_class_keeps_the_project_it_was_approved_under(world, api):
    before = api().get(f"/v1/projects/{world.project_id}").json
    room = Classroom(world).approved()
    after = change_project(world, fee_fen=before["fee_fen"] * 2, hours=before["hours"] + 10, level=1)
    assert after["version"] == before["version"] + 1
    shown = room.read()["project"]
    terms = ("version", "fee_fen", "hours", "level", "occupation_code", "edition")
    assert [shown[name] for name in terms] == [before[name] for name in terms]
    assert Classroom(world).json["project"]["fee_fen"] == after["fee_fen"]


def test_every_version_of_a_project_stays_readable(world):
    first = project_store.find_project(world.project_id)
    for fee_fen in (11, 22, 33):
        change_project(world, fee_fen=fee_fen)
    reading.forget_projects()
    fees = [reading.pinned_project(world.project_id, version).fee_fen for version in (1, 2, 3, 4)]
    assert fees == [first.fee_fen, 11, 22, 33]


def test_a_version_that_this_process_has_not_read_yet_is_found(world):
    reading.current_project(world.project_id)  # version 1 is in the cache
    before = project_store.find_project(world.project_id)
    for version, fee_fen in ((1, 11), (2, 22)):
        changed = type(before)(**{**_facts(before), "fee_fen": fee_fen})
        old = project_store.find_project(world.project_id)
        project_store.save_project(changed, version=version, change=world.change, before=old)
        assert reading.pinned_project(world.project_id, version + 1).fee_fen == fee_fen


def _facts(project):
    return {name: getattr(project, name) for name in project.__struct_fields__}


def test_who_says_which_terms_they_saw_approves_no_others(world, api):
    room = Classroom(world).do("institution", "submit")
    seen = room.read("clerk")
    versions = {"policy_version": seen["policy_version"], "project_version": seen["project"]["version"]}
    change_project(world, fee_fen=1)
    refused = room.try_("clerk", "approve", {"version": room.version, **versions})
    assert (refused.status, refused.json["code"]) == (409, "terms_changed")
    seen = room.read("clerk")
    approved = room.do("clerk", "approve", {"project_version": seen["project"]["version"]})
    assert approved.json["project"]["fee_fen"] == 1


def test_a_changed_timetable_is_judged_by_the_pinned_hours(world, api):
    room = Classroom(world).approved()
    change_project(world, hours=2000)
    assert room.read()["project"]["hours"] < 2000
    assert room.read()["warnings"] == []


def test_a_stale_change_of_a_project_keeps_nothing(world):
    before = project_store.find_project(world.project_id)
    change_project(world, fee_fen=5)
    entry = world.api("province").get(f"/v1/projects/{world.project_id}").json
    entry.pop("id")
    answer = world.api("province").put(
        f"/v1/projects/{world.project_id}", entry | {"version": 1, "fee_fen": 6}
    )
    assert (answer.status, answer.json["code"]) == (409, "version_conflict")
    kept = project_store.earlier_projects(world.project_id)
    assert [(project.version, project.fee_fen) for project in kept] == [(1, before.fee_fen)]
