"""Forms beside decisions: asking for make-ups and exceptions, announcing footage and documents."""

import hashlib
import re
from datetime import datetime
from typing import Any

import pytest

from tests.classes.builders import Classroom
from tests.subsidies.overrides.test_overrides import letting
from tests.subsidies.scored import Money, scored_class
from tests.support import browser
from tests.support.browser import Browser, served
from tests.support.pages import COOKIE, Visitor
from tests.support.people import HEFEI_SCHOOL

DIGEST = "ab" * 32


def test_a_school_asks_for_a_make_up_on_the_page_of_the_lesson(world: Any) -> None:
    room = Classroom(world).approved()
    room.enrol(1)
    room.refresh()
    assert room.put_roster([{"enrolment_id": room.enrolments[0]["id"]}]).status == 200
    lesson = room.lesson()
    school = Visitor(world.api, "institution", at=world.now)
    page = school.get(f"/console/classes/{room.id}/{lesson['id']}")
    assert "new.make_up" in page.decisions
    typed = {"enrolment_id": room.enrolments[0]["id"], "kind": "excuse", "reason": "住院三天"}
    answer = school.press(page, "new.make_up", **typed)
    assert answer.status == 200, answer.text
    assert "住院三天" in school.get(f"/console/classes/{room.id}/attendance").text
    clerk = Visitor(world.api, "clerk", at=world.now).get(f"/console/classes/{room.id}/{lesson['id']}")
    assert "new.make_up" not in clerk.decisions


def test_a_clerk_asks_for_an_exception_where_a_check_fails(world: Any) -> None:
    money = Money(world)
    letting(money, "attendance")
    money.budget()
    class_id = scored_class(world, 2, absent={0}, policy_version=2)
    clerk = Visitor(world.api, "clerk", at=money.now)
    page = clerk.get(f"/console/classes/{class_id}/claim")
    assert "new.override" in page.decisions
    asked = clerk.press(
        page, "new.override", check="attendance", reason="设备故障，纸质签到为证", expires_on="2027-06-30"
    )
    assert asked.status == 200, asked.text[:900]
    assert "设备故障，纸质签到为证" in asked.text
    assert "待复核" in asked.text


def test_a_recording_is_announced_and_the_page_told_where_to_send_it(world: Any) -> None:
    room = Classroom(world).approved()
    lesson = room.lesson()
    at = datetime.fromisoformat(lesson["ends_at"])
    before = Visitor(world.api, "institution", at=world.now)
    assert 'id="filming"' not in before.get(f"/console/classes/{room.id}/{lesson['id']}").html
    school = Visitor(world.api, "institution", at=at)
    page = school.get(f"/console/classes/{room.id}/{lesson['id']}")
    assert 'id="filming"' in page.html
    csrf = re.search(r'data-csrf="(\w+)"', page.html)
    assert csrf is not None
    fields = [
        ("csrf", csrf[1]),
        ("do", "footage.announce"),
        ("camera_id", "cam-1"),
        ("started_at", lesson["starts_at"][:19]),
        ("ended_at", lesson["ends_at"][:19]),
        ("filename", "周一.mp4"),
        ("size_bytes", "1048576"),
        ("sha256", DIGEST),
    ]
    told = school.post(page.path, fields)
    assert told.status == 200, told.text
    footage_id = re.search(r'id="footage-parts" data-id="(\w+-\w+)" data-count="1"', told.html)
    assert footage_id is not None, told.text
    part = [
        ("csrf", csrf[1]),
        ("do", "footage.parts"),
        ("footage_id", footage_id[1]),
        ("part", f"1:{DIGEST}"),
    ]
    assert "partNumber=1" in school.post(page.path, part).html, "where to send the part"
    early = school.post(page.path, [*part[:1], ("do", "footage.complete"), *part[2:3]])
    assert (early.status, "1 个分片" in early.text) == (409, True)
    wrong = school.post(page.path, [(n, "昨天" if n == "started_at" else v) for n, v in fields])
    assert wrong.status == 400


def test_a_document_is_announced_beside_its_claim(world: Any) -> None:
    money = Money(world)
    claim = money.claim(scored_class(world, 1))
    school = Visitor(world.api, "institution", at=money.now)
    page = school.get(f"/console/claims/{claim['id']}/documents")
    csrf = re.search(r'data-csrf="(\w+)"', page.html)
    assert csrf is not None
    fields = [("csrf", csrf[1]), ("do", "document.announce"), ("kind", "invoice")]
    fields += [("filename", "发票.PDF"), ("size_bytes", "2048"), ("sha256", DIGEST)]
    told = school.post(page.path, fields)
    assert told.status == 200, told.text
    assert 'id="upload-form"' in told.html
    listed = school.get(f"/console/claims/{claim['id']}/documents")
    assert "发票" in listed.text
    assert "未上传" in listed.text
    exe = school.post(page.path, [(n, "a.exe" if n == "filename" else v) for n, v in fields])
    assert exe.status == 400


def test_a_school_applies_for_a_change_of_its_timetable(world: Any) -> None:
    room = Classroom(world).approved()
    school = Visitor(world.api, "institution", at=world.now)
    plan = school.get(f"/console/classes/{room.id}")
    assert any("/change" in link for link in plan.links)
    page = school.get(f"/console/desk/{room.id}/change")
    rows = [value for name, value in page.form_of("desk.change").fields if name == "lesson_topic"]
    topics = [f"{topic}（改）" if place == 1 else topic for place, topic in enumerate(rows)]
    refused = school.press(page, "desk.change", lesson_topic=topics, reason="")
    assert refused.status == 400
    done = school.press(refused, "desk.change", reason="讲师调整授课次序")
    assert done.status == 200, done.text
    assert "已办理：申请变更" in done.text
    clerk = Visitor(world.api, "clerk", at=world.now).get(f"/console/classes/{room.id}")
    assert "class.change_approve" in clerk.decisions
    assert "讲师调整授课次序" in clerk.text
    again = school.get(f"/console/desk/{room.id}/change")
    assert "desk.change" not in again.decisions, "one change at a time"


def test_a_clerk_lists_an_institution_and_corrects_it(world: Any) -> None:
    clerk = Visitor(world.api, "clerk", at=world.now)
    page = clerk.get("/console/institutions/new")
    typed = {
        "uscc": "91340100MA2MRJ4T5E",
        "name": "合肥新星职业培训学校",
        "division": "340104",
        "address": "蜀山区望江西路 5 号",
        "phone": "0551-65550000",
        "rooms": "很多",
        "lng": "117.2",
        "lat": "31.8",
    }
    refused = clerk.press(page, "entry.save", **typed)
    assert refused.status == 400
    assert "合肥新星职业培训学校" in refused.html
    saved = clerk.press(refused, "entry.save", rooms="6", uscc=HEFEI_SCHOOL)
    assert saved.status == 409, "it is listed, and this form knew no version"
    mended = clerk.get(f"/console/institutions/{HEFEI_SCHOOL}/edit")
    done = clerk.press(mended, "entry.save", phone="0551-65550000")
    assert done.status == 200, done.text
    shown = world.api("clerk").get(f"/v1/institutions/{HEFEI_SCHOOL}", at=world.now).json
    assert shown["phone"] == "0551-65550000"
    assert world.project_id in shown["projects"], "what was ticked stays"
    school = Visitor(world.api, "institution", at=world.now)
    assert school.get("/console/institutions/new").status == 403


def test_the_province_lists_a_project_and_corrects_it(world: Any) -> None:
    province = Visitor(world.api, "province", at=world.now)
    page = province.get(f"/console/projects/{world.project_id}")
    done = province.press(page, "entry.save", fee="1,980.50", hours="96")
    assert done.status == 200, done.text
    shown = world.api(None).get(f"/v1/projects/{world.project_id}", at=world.now).json
    assert (shown["fee_fen"], shown["hours"]) == (198_050, 96)
    late = province.press(page, "entry.save", fee="1", hours="1")
    assert late.status == 409
    assert Visitor(world.api, "clerk", at=world.now).get("/console/projects/new").status == 403


@pytest.mark.skipif(not browser.is_there(), reason="Chromium and its driver are not installed")
def test_a_browser_digests_a_file_in_pieces_as_everybody_does(world: Any, api: Any) -> None:
    with served(api, at=world.now) as home, Browser.open() as window:
        window.go(f"{home}/console")
        window.cookie(COOKIE, Visitor(api, "institution").cookie)
        window.go(f"{home}/console/lists")
        for size in (0, 1, 55, 56, 64, 119, 1000):
            window.run(
                "window.told = null; const raw = new Uint8Array(arguments[0]).map((_, i) => (i * 7) % 251);"
                "digestOf(new Blob([raw]), () => {}, 128).then((told) => { window.told = told; })",
                size,
            )
            window.until("window.told")
            raw = bytes((i * 7) % 251 for i in range(size))
            assert window.run("return window.told") == hashlib.sha256(raw).hexdigest(), size
