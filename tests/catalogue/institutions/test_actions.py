"""What may be done with an institution is what is offered, in each of its states."""

from datetime import timedelta

import pytest

from chalicelib.aws.writes import ConditionFailed
from chalicelib.catalogue.institutions import store
from chalicelib.catalogue.institutions.model import Suspender
from chalicelib.catalogue.institutions.service import suspend_by_rule
from chalicelib.kernel.principal import Change, system_context
from chalicelib.supervision.records.translation import institution_record
from infra.local.catalogue import INSTITUTIONS
from tests.support.people import HEFEI_SCHOOL

ENTRY = {name: value for name, value in INSTITUTIONS[2].items() if name != "uscc"}
PATH = f"/v1/institutions/{INSTITUTIONS[2]['uscc']}"


@pytest.mark.parametrize(("state", "offered"), [("listed", "suspend"), ("suspended", "reinstate")])
def test_the_offered_action_is_accepted_and_the_other_refused(world, api, state, offered):
    clerk = api("clerk")
    shown = clerk.put(PATH, {**ENTRY, "programs": [world.program_id]}).json
    if state == "suspended":
        shown = clerk.post(f"{PATH}/suspend", {"version": 1, "reason": "核查中"}).json
    assert (shown["status"], shown["allowed_actions"]) == (state, [offered])
    body = {"version": shown["version"], "reason": "核查"}
    (other,) = {"suspend", "reinstate"} - {offered}
    refused = clerk.post(f"{PATH}/{other}", body)
    assert (refused.status, refused.json["code"]) == (409, "wrong_state")
    stale = clerk.post(f"{PATH}/{other}", {**body, "version": shown["version"] + 1})
    assert (stale.status, stale.json["code"]) == (409, "version_conflict")
    assert clerk.post(f"{PATH}/{offered}", body).status == 200


def test_who_may_suspend_an_institution_reads_what_they_may_do(world, api):
    def offered(who):
        return api(who).get(PATH).json.get("allowed_actions")

    assert api("clerk").put(PATH, {**ENTRY, "programs": [world.program_id]}).status == 201
    assert offered("supervisor") == offered("clerk") == offered("province") == ["suspend"]
    assert offered("reviewer") == offered("finance") == []
    assert offered("supervisor_wuhu") is offered(None) is None
    unproven = api(None).get(PATH, headers={"Authorization": "Bearer nonsense"})
    assert (unproven.status, "bank_account" in unproven.json) == (200, False)


def listed(world, api):
    shown = api("clerk").put(PATH, {**ENTRY, "programs": [world.program_id]}).json
    return shown["version"]


def act(api, who, action, version):
    return api(who).post(f"{PATH}/{action}", {"version": version, "reason": "核查"})


@pytest.mark.parametrize("who", ["supervisor", "province"])
def test_a_clerk_reinstates_nothing_that_supervision_suspended(world, api, who):
    version = listed(world, api)
    suspended = act(api, who, "suspend", version).json
    assert suspended["suspended_as"] == "overseer"
    clerk = api("clerk")
    assert clerk.get(PATH).json["allowed_actions"] == []
    refused = act(api, "clerk", "reinstate", suspended["version"])
    assert (refused.status, refused.json["code"]) == (409, "suspended_above")
    entry = {**ENTRY, "programs": [world.program_id], "phone": "0551-62345678"}
    changed = clerk.put(PATH, {**entry, "version": suspended["version"]}).json
    again = act(api, "clerk", "reinstate", changed["version"])
    assert (again.status, again.json["code"]) == (409, "suspended_above"), "a new entry changes nothing of it"
    assert act(api, "supervisor", "reinstate", changed["version"]).status == 200
    shown = clerk.get(PATH).json
    assert (shown["status"], shown["suspended_as"]) == ("listed", None)


def test_a_supervisors_suspension_takes_the_place_of_a_clerks(world, api):
    version = listed(world, api)
    own = act(api, "clerk", "suspend", version).json
    assert (own["suspended_as"], own["allowed_actions"]) == ("clerk", ["reinstate"])
    assert api("supervisor").get(PATH).json["allowed_actions"] == ["suspend", "reinstate"]
    over = act(api, "supervisor", "suspend", own["version"])
    assert (over.status, over.json["suspended_as"]) == (200, "overseer")
    refused = act(api, "clerk", "reinstate", over.json["version"])
    assert (refused.status, refused.json["code"]) == (409, "suspended_above")
    assert act(api, "province", "suspend", over.json["version"]).json["code"] == "wrong_state"


def test_a_rules_suspension_takes_the_place_of_a_clerks_and_of_nobody_elses(world, api):
    version = listed(world, api)
    uscc = PATH.rpartition("/")[2]
    own = act(api, "clerk", "suspend", version).json
    assert suspend_by_rule(
        system_context("settlement", now=world.now, request_id="req_rule"), uscc, reason="追回款逾期"
    )
    refused = act(api, "clerk", "reinstate", own["version"] + 1)
    assert (refused.status, refused.json["code"]) == (409, "suspended_above")
    assert not suspend_by_rule(
        system_context("settlement", now=world.now, request_id="req_rule"), uscc, reason="追回款逾期"
    )
    assert act(api, "supervisor", "reinstate", own["version"] + 1).status == 200


def test_a_clerk_who_was_overtaken_by_a_supervisor_reinstates_nothing(world, api):
    """The clerk read their own suspension; the supervisor's came before the clerk's write."""
    own = act(api, "clerk", "suspend", listed(world, api)).json
    uscc = PATH.rpartition("/")[2]
    change = Change(
        actor="acc_s",
        role="supervisor",
        action="institution.suspend",
        request_id="r",
        at=world.now,
        reason="核查",
    )
    store.move_institution(uscc, "take_over", acts_as=Suspender.OVERSEER, version=None, change=change)
    with pytest.raises(ConditionFailed):
        store.move_institution(uscc, "reinstate", acts_as=Suspender.CLERK, version=None, change=change)
    assert act(api, "clerk", "reinstate", own["version"] + 1).json["code"] == "suspended_above"


def test_so_many_rooms_are_told_to_who_enters_them(world, api):
    listed(world, api)
    entry = {**ENTRY, "programs": [world.program_id], "version": 1}
    many = api("clerk").put(PATH, {**entry, "rooms": 900}).json
    assert "rooms_many" in [warning["code"] for warning in many["warnings"]]
    few = api("clerk").put(PATH, {**entry, "version": 2, "rooms": 12}).json
    assert "rooms_many" not in [warning["code"] for warning in few["warnings"]]


@pytest.mark.parametrize("field", ["programs", "projects"])
def test_an_empty_id_in_a_list_of_ids_is_refused_at_its_field(world, api, field):
    path = f"/v1/institutions/{HEFEI_SCHOOL}"
    shown = api("clerk").get(path).json
    names = ("name", "division", "address", "phone", "location", "programs", "projects", "version")
    body = {name: shown[name] for name in names} | {field: [""]}
    refused = api("clerk").put(path, body)
    assert (refused.status, refused.json["code"]) == (400, "malformed"), "a store is never asked for no name"
    assert [fault["field"] for fault in refused.json["errors"]] == [f"{field}[0]"]


def with_rooms(world, rooms, *, at):
    """Enter how many rooms a school has; gives the answer."""
    path = f"/v1/institutions/{HEFEI_SCHOOL}"
    known = world.api("clerk").get(path, at=at).json
    names = ("name", "division", "address", "phone", "location", "programs", "projects", "version")
    body = {name: known[name] for name in names} | {"rooms": rooms}
    answer = world.api("clerk").put(path, body, at=at)
    assert answer.status == 200, answer.text
    return answer.json


def test_rooms_of_before_are_kept_where_they_were_fewer_and_a_sudden_raise_is_told(world):
    def kept():
        institution = store.find_institution(HEFEI_SCHOOL)
        return [(one.rooms, one.until) for one in institution.rooms_before]

    march, may, june = (world.now + timedelta(days=days) for days in (0, 60, 90))
    codes = [warning["code"] for warning in with_rooms(world, 2, at=march)["warnings"]]
    assert "rooms_raised" not in codes
    told = with_rooms(world, 6, at=march)
    assert "rooms_raised" in [warning["code"] for warning in told["warnings"]]
    with_rooms(world, 40, at=may)
    with_rooms(world, 40, at=may + timedelta(days=1))
    assert kept() == [(2, march), (6, may)], "the same again changes nothing"
    with_rooms(world, 5, at=june)
    assert kept() == [(2, march)], "what stood in six stands in five no more"
    record = institution_record(store.find_institution(HEFEI_SCHOOL))
    assert [(one.rooms, one.until) for one in record.rooms_before] == [(2, march)]
