"""The counter: a code is previewed, then spent; a repeat gives the first answer; what is wrong is one sentence."""

import pytest

from tests.support.pages import Visitor


@pytest.fixture
def token(api, world):
    person = world.person(5)
    voucher = world.voucher(person)
    return api(person).get(f"/v1/vouchers/{voucher}/qr", at=world.now).json["token"]


def test_a_code_is_previewed_and_then_spent(api, world, token):
    desk = Visitor(api, "institution", at=world.now)
    page = desk.get("/scan")
    assert "autofocus" in page.html
    seen = desk.press(page, "scan.look", token=f"  {token}\r", project_id=world.project_id)
    assert seen.status == 200
    assert "请核对本人" in seen.text
    assert "6,000.00" in seen.text
    assert api("institution").get("/v1/enrolments", at=world.now).json["items"] == [], "nothing has changed"
    done = desk.press(seen, "scan.redeem")
    assert "报名成功" in done.text
    assert 'data-verdict="good"' in done.html
    assert len(api("institution").get("/v1/enrolments", at=world.now).json["items"]) == 1
    again = desk.press(seen, "scan.redeem")
    assert "报名成功" in again.text, "the same scan again: the first answer"
    assert len(api("institution").get("/v1/enrolments", at=world.now).json["items"]) == 1


def test_a_spent_voucher_is_red_with_one_sentence(api, world, token):
    desk = Visitor(api, "institution", at=world.now)
    seen = desk.press(desk.get("/scan"), "scan.look", token=token, project_id=world.project_id)
    desk.press(seen, "scan.redeem")
    other = Visitor(api, "institution_two", at=world.now)
    refused = other.press(other.get("/scan"), "scan.look", token=token, project_id=world.project_id)
    assert 'data-verdict="bad"' in refused.html
    assert "不能报名" in refused.text


def test_what_is_no_code_is_red(api, world):
    desk = Visitor(api, "institution", at=world.now)
    refused = desk.press(desk.get("/scan"), "scan.look", token="abc", project_id=world.project_id)
    assert 'data-verdict="bad"' in refused.html


def test_the_counter_is_for_schools(api, world):
    clerk = Visitor(api, "clerk", at=world.now)
    refused = clerk.press(clerk.get("/scan"), "scan.look", token="abc")
    assert 'data-verdict="bad"' in refused.html
    assert "工作人员登录" in Visitor(api).get("/scan").text


def test_no_page_but_the_one_for_scanning_may_use_the_camera(api, world):
    school = Visitor(api, "institution", at=world.now)
    policy = {path: school.get(path).answer.headers["Permissions-Policy"] for path in ("/scan", "/console")}
    assert "camera=(self)" in policy["/scan"]
    assert "camera=()" in policy["/console"]
    assert "wasm" not in school.get("/scan").answer.headers["Content-Security-Policy"]


def kept_of(api, world):
    return api("institution_two").get("/v1/scans", at=world.now).json["items"]


def test_what_a_preview_refuses_at_the_counter_is_kept_as_evidence_once_in_five_minutes(api, world, token):
    desk = Visitor(api, "institution", at=world.now)
    desk.press(
        desk.press(desk.get("/scan"), "scan.look", token=token, project_id=world.project_id), "scan.redeem"
    )
    other = Visitor(api, "institution_two", at=world.now)
    for _ in range(3):
        other.press(other.get("/scan"), "scan.look", token=token, project_id=world.project_id)
    kept = kept_of(api, world)
    assert [(scan["code"], scan["device_id"]) for scan in kept] == [("token_replayed", "preview")]
    assert kept[0]["voucher_id"], "whose code it was"
    other.press(other.get("/scan"), "scan.look", token="abc", project_id=world.project_id)
    assert len(kept_of(api, world)) == 2, "another code is another refusal"
    later = Visitor(api, "institution_two", at=world.later(minutes=6))
    later.press(later.get("/scan"), "scan.look", token="abc", project_id=world.project_id)
    assert len(kept_of(api, world)) == 3
    assert "预扫" in Visitor(api, "clerk", at=world.later(minutes=6)).get("/console/scans").text


def test_a_preview_that_finds_nothing_against_a_scan_leaves_nothing(api, world, token):
    desk = Visitor(api, "institution", at=world.now)
    desk.press(desk.get("/scan"), "scan.look", token=token, project_id=world.project_id)
    assert api("institution").get("/v1/scans", at=world.now).json["items"] == []
