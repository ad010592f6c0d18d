"""What may be done with an institution is what is offered, in each of its states."""

import pytest

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


@pytest.mark.parametrize("field", ["programs", "projects"])
def test_an_empty_id_in_a_list_of_ids_is_refused_at_its_field(world, api, field):
    path = f"/v1/institutions/{HEFEI_SCHOOL}"
    shown = api("clerk").get(path).json
    names = ("name", "division", "address", "phone", "location", "programs", "projects", "version")
    body = {name: shown[name] for name in names} | {field: [""]}
    refused = api("clerk").put(path, body)
    assert (refused.status, refused.json["code"]) == (400, "malformed"), "a store is never asked for no name"
    assert [fault["field"] for fault in refused.json["errors"]] == [f"{field}[0]"]
