"""Listing institutions and projects, suspending, searching (step 2)."""

import pytest

from infra.local.catalogue import INSTITUTIONS
from tests.support.people import HEFEI_SCHOOL

ENTRY = {name: value for name, value in INSTITUTIONS[2].items() if name not in ("uscc", "rooms")}
USCC = INSTITUTIONS[2]["uscc"]


def entry(world, **changes):
    return {**ENTRY, "programs": [world.program_id], **changes}


def test_a_clerk_lists_an_institution_and_a_repeat_is_harmless(world, api):
    first = api("clerk").put(f"/v1/institutions/{USCC}", entry(world))
    again = api("clerk").put(f"/v1/institutions/{USCC}", entry(world))
    assert (first.status, again.status) == (201, 200)
    assert first.json == again.json
    (waiting,) = first.json["payees"]
    assert (waiting["status"], waiting["number"].count("*") >= 4) == ("proposed", True)
    assert first.json["bank_account"] is None, "nobody has confirmed it"
    public = api().get(f"/v1/institutions/{USCC}")
    assert "bank_account" not in public.json


def test_a_change_needs_the_version(world, api):
    api("clerk").put(f"/v1/institutions/{USCC}", entry(world))
    blind = api("clerk").put(f"/v1/institutions/{USCC}", entry(world, name="新名"))
    assert (blind.status, blind.json["code"]) == (409, "version_conflict")
    seen = api("clerk").put(f"/v1/institutions/{USCC}", entry(world, name="新名", version=1))
    assert (seen.status, seen.json["name"], seen.json["version"]) == (200, "新名", 2)


@pytest.mark.parametrize(
    ("change", "field", "code"),
    [
        ({"division": "999999"}, "division", "unknown_division"),
        (
            {"location": {"lng": 121.47, "lat": 31.23, "coord_system": "wgs84"}},
            "location",
            "outside_province",
        ),
        ({"phone": "12"}, "phone", "invalid_contact_phone"),
        ({"projects": ["prj_nothing"]}, "projects[0]", "unknown_project"),
    ],
)
def test_wrong_entries_name_the_field(world, api, change, field, code):
    answer = api("clerk").put(f"/v1/institutions/{USCC}", entry(world, **change))
    assert answer.status == 400
    assert (field, code) in {(e["field"], e["code"]) for e in answer.json["errors"]}


def test_a_wrong_check_digit_is_refused(world, api):
    answer = api("clerk").put("/v1/institutions/91340111MX0000027E", entry(world))
    assert answer.json["errors"][0]["code"] == "invalid_uscc"


def test_the_neighbouring_clerk_cannot_list_here(world, api):
    assert api("clerk_wuhu").put(f"/v1/institutions/{USCC}", entry(world)).status == 404


def test_the_nearest_institution_comes_first_whatever_the_system(world, api):
    for near in ("117.27,31.86,wgs84", "117.2755,31.858,gcj02"):
        hits = api().get("/v1/institutions", {"near": near, "program": world.program_id}).json["items"]
        distances = [item["distance_m"] for item in hits]
        assert distances == sorted(distances)
        assert len(hits) == 3
    bare = api().get("/v1/institutions", {"near": "117.27,31.86"})
    assert (bare.status, bare.json["code"]) == (400, "coord_system_missing")


def test_a_suspended_institution_cannot_scan_and_is_not_found(world, api):
    body = {"version": 1, "reason": "核查中"}
    done = api("clerk").post(f"/v1/institutions/{HEFEI_SCHOOL}/suspend", body)
    assert (done.status, done.json["status"]) == (200, "suspended")
    listed = api().get("/v1/institutions", {"division": "3401"}).json["items"]
    assert HEFEI_SCHOOL not in {item["uscc"] for item in listed}
    person = world.person(1)
    voucher_id = world.voucher(person)
    token = api(person).get(f"/v1/vouchers/{voucher_id}/qr", at=world.now).json["token"]
    refused = world.scan(token, at=world.now)
    assert (refused.status, refused.json["code"]) == (409, "institution_suspended")
    back = api("clerk").post(f"/v1/institutions/{HEFEI_SCHOOL}/reinstate", {"version": 2, "reason": "已整改"})
    assert back.json["status"] == "listed"


@pytest.mark.parametrize(
    ("lng", "lat", "system"),
    [
        (118.78, 32.06, "wgs84"),
        (118.785, 32.058, "gcj02"),
        (118.79, 32.064, "bd09"),
        (117.19, 34.26, "wgs84"),
    ],
)
def test_nanjing_and_xuzhou_are_not_in_anhui(world, api, lng, lat, system):
    place = {"lng": lng, "lat": lat, "coord_system": system}
    answer = api("clerk").put(f"/v1/institutions/{USCC}", entry(world, location=place))
    assert (answer.status, answer.json["errors"][0]["code"]) == (400, "outside_province")


def test_a_point_of_another_city_is_listed_with_a_warning(world, api):
    wuhu = {"lng": 118.38, "lat": 31.33, "coord_system": "wgs84"}
    answer = api("clerk").put(f"/v1/institutions/{USCC}", entry(world, location=wuhu))
    assert answer.status == 201
    assert [warning["code"] for warning in answer.json["warnings"]] == ["far_from_division", "payee_proposed"]
    home = api("clerk").put(f"/v1/institutions/{USCC}", entry(world, version=1))
    assert (home.status, [warning["code"] for warning in home.json["warnings"]]) == (200, ["payee_proposed"])


def test_a_repeated_entry_makes_no_new_version_and_a_change_keeps_a_suspension(world, api):
    clerk, path = api("clerk"), f"/v1/institutions/{USCC}"
    clerk.put(path, entry(world))
    assert clerk.put(path, entry(world, version=1)).json["version"] == 1
    clerk.post(f"{path}/suspend", {"version": 1, "reason": "核查中"})
    again = clerk.post(f"{path}/suspend", {"version": 2, "reason": "核查中"})
    assert (again.status, again.json["code"]) == (409, "wrong_state")
    changed = clerk.put(path, entry(world, name="新名", version=2))
    assert (changed.status, changed.json["status"], changed.json["version"]) == (200, "suspended", 3)
    assert clerk.put(path, entry(world, name="新名", version=2)).json["version"] == 3
    assert clerk.post(f"{path}/reinstate", {"version": 3}).status == 400, "without a reason"


def test_the_rooms_of_an_institution_are_kept_and_shown_to_itself_and_its_bureau(world, api):
    path = f"/v1/institutions/{USCC}"
    assert api("clerk").put(path, entry(world, rooms=3)).json["rooms"] == 3
    kept = api("clerk").put(path, entry(world, name="新名", version=1)).json
    assert (kept["rooms"], kept["version"]) == (3, 2)
    assert api("clerk").put(path, entry(world, name="新名", rooms=4, version=2)).json["rooms"] == 4
    assert api("clerk").put(path, entry(world, name="新名", rooms=0, version=3)).status == 400
    assert "rooms" not in api().get(path).json
