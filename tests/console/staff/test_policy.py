"""The province's policy by form: all fields in groups, what would change shown first, one version more."""

import re

import pytest

from chalicelib.console.staff.settings import GROUPS, settings_of
from chalicelib.programs.model import Policy
from tests.support.pages import Visitor


def test_every_field_of_a_policy_stands_in_one_group():
    grouped = [name for _, names in GROUPS for name in names]
    assert sorted(grouped) == sorted(Policy.__struct_fields__)
    for setting in settings_of(grouped):
        assert any("\u4e00" <= letter <= "\u9fff" for letter in setting.label[0]), setting


@pytest.fixture
def province(api, world):
    return Visitor(api, "province", at=world.now)


@pytest.fixture
def page(province, world):
    return province.get(f"/console/programs/{world.program_id}")


def policy_of(api, world):
    return api("province").get(f"/v1/programs/{world.program_id}", at=world.now).json


def test_a_new_version_shows_its_differences_before_it_is_made(api, world, province, page):
    before = policy_of(api, world)
    assert "policy.save" not in page.decisions, "nobody publishes what was not shown"
    changed = {"attendance_min": "85%", "face_value_fen": "5,500.00", "geofence_radius_m": "300"}
    shown = province.press(page, "policy.check", **changed)
    assert shown.status == 200, shown.text
    assert "与现行政策的差异 （3）" in shown.text.replace("（", " （").replace("  ", " ")
    assert "5500.00 元" in shown.text
    assert policy_of(api, world) == before, "looking changes nothing"
    done = province.press(shown, "policy.save", reason="皖人社〔2026〕8号")
    assert "发布新一版政策" in done.text
    after = policy_of(api, world)
    assert after["policy_version"] == before["policy_version"] + 1
    assert after["policy"] == before["policy"] | {
        "attendance_min": 0.85,
        "face_value_fen": 550_000,
        "geofence_radius_m": 300,
    }
    assert after["supervision"] == before["supervision"], (
        "what nobody touched is as it was, to the last digit"
    )
    assert "皖人社〔2026〕8号" in done.text


def test_what_cannot_be_read_or_is_unlawful_is_told_and_nothing_typed_is_lost(province, page):
    odd = province.press(page, "policy.check", attendance_min="八成", reason="依据文件")
    assert odd.status == 400
    assert "应达到的出勤学时比例" in odd.text
    typed = dict(odd.form_of("policy.check").fields)
    assert (typed["attendance_min"], typed["reason"]) == ("八成", "依据文件")
    shown = province.press(page, "policy.check", class_size_min="60")
    refused = province.press(shown, "policy.save", reason="依据文件")
    assert refused.status == 400
    assert dict(refused.form_of("policy.check").fields)["class_size_min"] == "60"


def test_a_version_made_meanwhile_is_not_overwritten(api, world, province, page):
    shown = province.press(page, "policy.check", pass_mark="70")
    other = api("province_two").get(f"/v1/programs/{world.program_id}", at=world.now).json
    body = {"version": other["version"], "policy": other["policy"] | {"pass_mark": 65}}
    made = api("province_two").post(f"/v1/programs/{world.program_id}/policy", body, at=world.now)
    assert made.status == 201, made.text
    refused = province.press(shown, "policy.save", reason="依据文件")
    assert refused.status == 409
    assert dict(refused.form_of("policy.check").fields)["pass_mark"] == "70"
    assert policy_of(api, world)["policy"]["pass_mark"] == 65


def publish_meanwhile(api, world, **rules):
    other = api("province_two").get(f"/v1/programs/{world.program_id}", at=world.now).json
    body = {"version": other["version"], "policy": other["policy"] | rules}
    made = api("province_two").post(f"/v1/programs/{world.program_id}/policy", body, at=world.now)
    assert made.status == 201, made.text


def differences(page):
    found = re.search(r'<section id="differences".*?</section>', page.html, re.DOTALL)
    return re.findall(r"<td>(.*?)</td><td><b>(.*?)</b></td>", found[0]) if found else None


def test_after_a_version_made_meanwhile_the_differences_are_shown_anew_and_can_be_published(
    api, world, province, page
):
    """Each save was refused for ever: the form went on with the version that was there when it was opened."""
    shown = province.press(page, "policy.check", pass_mark="70", reason="依据文件")
    assert differences(shown) == [("60", "70")]
    publish_meanwhile(api, world, pass_mark=65)
    refused = province.press(shown, "policy.save")
    assert refused.status == 409
    assert "version_conflict" in refused.html
    assert differences(refused) == [("65", "70")], "against the newest"
    assert dict(refused.form_of("policy.save").fields)["reason"] == "依据文件"
    assert policy_of(api, world)["policy"]["pass_mark"] == 65
    done = province.press(refused, "policy.save")
    assert "发布新一版政策" in done.text
    assert policy_of(api, world)["policy"]["pass_mark"] == 70


def test_differences_that_are_looked_at_again_are_of_the_version_that_is_saved(api, world, province, page):
    shown = province.press(page, "policy.check", pass_mark="70", reason="依据文件")
    publish_meanwhile(api, world, pass_mark=65)
    again = province.press(shown, "policy.check")
    assert differences(again) == [("65", "70")]
    done = province.press(again, "policy.save")
    assert done.status == 200, done.text[:500]
    assert policy_of(api, world)["policy"]["pass_mark"] == 70


def test_another_refusal_of_a_save_keeps_the_version_that_was_seen(api, world, province, page):
    shown = province.press(page, "policy.check", class_size_min="60")
    seen = dict(shown.form_of("policy.save").fields)["version"]
    publish_meanwhile(api, world, pass_mark=65)
    refused = province.press(shown, "policy.save", reason="", pass_mark="很多")
    assert refused.status == 400
    assert dict(refused.form_of("policy.check").fields)["version"] == seen
    assert "policy.save" not in refused.decisions, "nobody publishes what was not shown"


def test_who_may_not_change_it_sees_it_and_no_thresholds(api, world):
    seen = Visitor(api, "clerk", at=world.now).get(f"/console/programs/{world.program_id}")
    assert seen.status == 200
    assert not {"policy.check", "policy.save"} & seen.decisions
    assert "一机多少人" not in seen.text
