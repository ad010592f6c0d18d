"""Programs and their policy versions (step 1)."""

from infra.local.catalogue import PROGRAM


def test_the_province_sets_up_a_program_and_versions_its_policy(world, api):
    made = api("province").post("/v1/programs", PROGRAM)
    assert made.status == 201, made.text
    assert made.json["policy"]["attendance_min"] == 0.8
    policy = {**made.json["policy"], "geofence_radius_m": 300}
    path = f"/v1/programs/{made.json['id']}"
    changed = api("province").post(f"{path}/policy", {"version": 1, "policy": policy})
    assert (changed.status, changed.json["policy_version"]) == (201, 2)
    assert api().get(path).json["policy"]["geofence_radius_m"] == 300
    stale = api("province").post(f"{path}/policy", {"version": 1, "policy": policy})
    assert (stale.status, stale.json["code"]) == (409, "version_conflict")


def test_a_clerk_sets_up_no_program(world, api):
    assert api("clerk").post("/v1/programs", PROGRAM).json["code"] == "forbidden"


def test_impossible_policies_are_refused(world, api):
    wrong = {**PROGRAM, "policy": {"attendance_min": 1.5, "class_size_min": 60, "class_size_max": 50}}
    answer = api("province").post("/v1/programs", wrong)
    fields = {error["field"] for error in answer.json["errors"]}
    assert fields == {"policy.attendance_min", "policy.class_size_max"}
