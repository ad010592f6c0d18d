"""Programs and their policy versions (step 1)."""

import pytest

from infra.local.catalogue import PROGRAM


def test_the_province_sets_up_a_program_and_versions_its_policy(world, api):
    created = api("province").post("/v1/programs", PROGRAM)
    assert created.status == 201, created.text
    assert created.json["policy"]["attendance_min"] == 0.8
    policy = {**created.json["policy"], "geofence_radius_m": 300}
    path = f"/v1/programs/{created.json['id']}"
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


def test_thresholds_of_supervision_are_part_of_the_policy(world, api):
    province = api("province")
    program = province.post("/v1/programs", PROGRAM).json
    assert program["supervision"]["idle_days"] == 60
    path = f"/v1/programs/{program['id']}"
    policy = {**program["policy"], "supervision": {"idle_days": 45}}
    changed = province.post(f"{path}/policy", {"version": 1, "policy": policy})
    assert (changed.status, changed.json["supervision"]["idle_days"]) == (201, 45)
    assert changed.json["supervision"]["idle_days_held"] == 90
    kept = province.post(f"{path}/policy", {"version": 2, "policy": changed.json["policy"]})
    assert kept.json["supervision"]["idle_days"] == 45, "what is left out stays"


def test_who_may_have_to_be_looked_after_does_not_see_the_thresholds(world, api):
    program = api("province").post("/v1/programs", PROGRAM).json
    path = f"/v1/programs/{program['id']}"
    for who in (None, "clerk", "institution", "finance"):
        shown = api(who).get(path).json
        assert shown["supervision"] is None
        assert "supervision" not in shown["policy"]
    assert api("supervisor").get(path).json["supervision"]["idle_days"] == 60
    versions = f"{path}/policies"
    assert [item["supervision"] for item in api("clerk").get(versions).json["items"]] == [None]
    assert api("province").get(f"{versions}/1").json["supervision"]["idle_days"] == 60


@pytest.mark.parametrize(
    ("thresholds", "field"),
    [
        ({"idle_days": 100}, "policy.supervision.idle_days_held"),
        ({"phone_people": 5}, "policy.supervision.phone_people_held"),
        ({"burst_share": 1.5}, "policy.supervision.burst_share"),
        ({"marks_peeple": 3}, "policy.supervision.marks_peeple"),
    ],
)
def test_thresholds_that_contradict_or_do_not_exist_are_refused(world, api, thresholds, field):
    wrong = {**PROGRAM, "policy": {**PROGRAM["policy"], "supervision": thresholds}}
    answer = api("province").post("/v1/programs", wrong)
    assert [error["field"] for error in answer.json["errors"]] == [field], answer.text


def test_every_version_of_a_policy_stays_with_who_made_it_and_why(world, api):
    province = api("province")
    program = province.post("/v1/programs", PROGRAM).json
    path = f"/v1/programs/{program['id']}"
    policy = {**program["policy"], "pass_mark": 70}
    face = {**program["face"], "title": "新券面"}
    body = {"version": 1, "policy": policy, "face": face, "reason": "提高考核要求"}
    changed = province.post(f"{path}/policy", body)
    assert (changed.status, changed.json["face"]["title"]) == (201, "新券面"), changed.text
    newest, first = api("clerk").get(f"{path}/policies").json["items"]
    assert (newest["policy_version"], newest["policy"]["pass_mark"], newest["reason"]) == (
        2,
        70,
        "提高考核要求",
    )
    assert (first["policy_version"], first["policy"]["pass_mark"], first["reason"]) == (1, 60, None)
    assert first["face"] == program["face"]
    assert newest["made_by"]
    assert newest["made_at"]
    assert api("clerk").get(f"{path}/policies/1").json == first
    for wrong in ("3", "x", "0", "9" * 30):
        assert api("clerk").get(f"{path}/policies/{wrong}").status == 404, wrong
    page = api("clerk").get(f"{path}/policies", {"limit": 1}).json
    next_page = api("clerk").get(f"{path}/policies", {"limit": 1, "cursor": page["next"]}).json
    assert [page["items"][0], next_page["items"][0]] == [newest, first]
    assert api(world.person(1)).get(f"{path}/policies").status == 403


@pytest.mark.parametrize(
    ("name", "value"),
    [("employment", "sometimes"), ("payable", "all"), ("expiry_scope", "never"), ("face_value_fen", 0)],
)
def test_policy_values_without_a_meaning_are_refused(world, api, name, value):
    answer = api("province").post("/v1/programs", {**PROGRAM, "policy": {name: value}})
    assert (answer.status, answer.json["errors"][0]["field"]) == (400, f"policy.{name}")


def program_of(world, api, kind):
    created = api("province").post("/v1/programs", {**PROGRAM, "kind": kind})
    assert created.status == 201, created.text
    world.program_id = created.json["id"]
    return created.json["id"]


@pytest.mark.parametrize(("kind", "good"), [("targeted_face_value", False), ("open_face_value", True)])
def test_an_open_voucher_is_good_for_any_project_that_is_taught_and_a_targeted_one_for_its_own(
    world, api, kind, good
):
    program_of(world, api, kind)  # no institution and no project is listed for it
    person = world.person(1)
    voucher_id = world.voucher(person)
    shown = api(person).get(f"/v1/vouchers/{voucher_id}", at=world.now).json
    assert (world.project_id in shown["projects"]) is good
    institutions = api().get(shown["institutions_url"]).json["items"]
    assert bool(institutions) is good
    token = api(person).get(f"/v1/vouchers/{voucher_id}/qr", at=world.now).json["token"]
    scanned = world.scan(token, at=world.now)
    if good:
        assert scanned.status == 201
    else:
        assert (scanned.status, scanned.json["code"]) == (409, "project_not_covered")


@pytest.mark.parametrize(
    ("kind", "fee", "covered"),
    [
        ("targeted_face_value", 800_000, 600_000),
        ("targeted_face_value", 180_000, 180_000),
        ("targeted_entitlement", 800_000, 800_000),
        ("open_entitlement", 180_000, 180_000),
    ],
)
def test_an_entitlement_covers_the_fee_and_a_face_value_at_most_itself(world, api, kind, fee, covered):
    from chalicelib.aws.writes import ConditionFailed, transact
    from chalicelib.subsidies.payability.model import covered_fen
    from chalicelib.vouchers import store

    program_of(world, api, kind)
    enrolled = world.person(1)
    voucher_id = world.voucher(enrolled)
    voucher = store.read_voucher(voucher_id)
    assert voucher.kind == kind
    assert covered_fen(voucher, fee) == covered
    redeem = store.redeem_write(
        voucher, enrolment_id="enr_x", institution="i", served_in="340111", nonce="n", step=1, now=world.now
    )
    transact([redeem], change=world.change)
    settle = store.settle_write(
        voucher_id, enrolment_id="enr_x", served_in="340111", amount_fen=fee, now=world.now
    )
    if fee > covered:
        with pytest.raises(ConditionFailed):
            transact([settle], change=world.change)
    else:
        transact([settle], change=world.change)
        assert store.read_voucher(voucher_id).paid_fen == fee


def test_the_province_reads_that_it_may_change_a_policy_and_nobody_else_does(world, api):
    path = f"/v1/programs/{world.program_id}"
    assert api("province").get(path).json["allowed_actions"] == ["change_policy"]
    assert api("province").get("/v1/programs").json["items"][0]["allowed_actions"] == ["change_policy"]
    for who in ("clerk", "institution", None):
        assert api(who).get(path).json["allowed_actions"] == []
