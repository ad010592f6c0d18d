"""Attendance on pages: the grid, one lesson with who came from where, deciding doubtful check-ins, marks."""

from datetime import timedelta

import pytest

from chalicelib.accounts.disclosures.store import AccessRow
from chalicelib.attendance.reviews.service import PLACES
from chalicelib.sheets.content_types import XLSX
from tests.attendance.reviews.test_offline_and_review import upload
from tests.classes.builders import Classroom, xlsx
from tests.support.pages import Visitor


@pytest.fixture
def room(world):
    return Classroom(world).rostered(2)


def test_a_doubtful_check_in_is_decided_from_the_in_tray(api, world, room):
    upload(room)
    clerk = Visitor(api, "clerk", at=room.starts() + timedelta(hours=3))
    tray = clerk.get("/console", kind="check_in")
    link = next(link for link in tray.links if "les_" in link)
    page = clerk.get("/console/" + link.partition("console/")[2])
    assert page.status == 200, page.text
    assert "签到待核实" in page.text
    assert "<svg" in page.html
    bare = clerk.press(page, "check_in.accept", words="")
    assert bare.status == 400
    done = clerk.press(bare, "check_in.accept", words="教师证明在场")
    assert done.status == 200, done.text
    grid = clerk.get(f"/console/classes/{room.id}/attendance")
    assert 'class="mark present"' in grid.html
    assert "0 件" not in grid.text


def test_the_map_puts_people_round_the_site_in_metres(api, world, room):
    near, far = room.people
    room.check_in(near, location={"accuracy_m": 20})
    room.check_in(far, location={"accuracy_m": 50, "lng": 117.2835}, device_id="phone-2")
    clerk = Visitor(api, "clerk", at=room.starts() + timedelta(hours=3))
    path = f"/console/classes/{room.id}/{room.lesson()['id']}"
    masked = clerk.get(path)
    assert masked.html.count('<circle class="ring"') == 0
    assert "查看确切位置（将留痕）" in masked.text
    page = clerk.get(f"{path}?opened=true")
    assert page.html.count('<circle class="ring"') == 2
    assert "±50 m" in page.text
    assert "允许范围" in page.html


def looks(lesson):
    return [row.purpose for row in AccessRow.query(lesson["id"]) if row.purpose == PLACES]


def test_no_link_and_no_form_of_the_page_opens_exact_places_again(api, world, room):
    """Each look leaves a record: who changed the language or decided a check-in had never asked for another."""
    upload(room)
    lesson = room.lesson()
    clerk = Visitor(api, "clerk", at=room.starts() + timedelta(hours=3))
    path = f"/console/classes/{room.id}/{lesson['id']}"
    page = clerk.get(f"{path}?opened=true")
    assert looks(lesson) == [PLACES]
    assert "lang=en" in page.html
    assert not [link for link in page.links if "opened" in link]
    assert "opened=true" in clerk.get(path).html, "who asks for it is led there"
    refused = clerk.press(page, "check_in.accept", words="")
    assert refused.status == 400
    assert "查看确切位置（将留痕）" in refused.text
    done = clerk.press(page, "check_in.accept", words="教师证明在场")
    assert "已办理" in done.text
    assert looks(lesson) == [PLACES], "one look, one record"


def test_the_desk_shows_who_is_in_today(api, world, room):
    room.check_in(room.people[0])
    desk = Visitor(api, "institution", at=room.starts()).get("/console/desk")
    assert desk.status == 200, desk.text
    assert "今日课次" in desk.text
    assert "已签到 1" in desk.text


def test_marks_are_checked_and_applied_by_sheet_and_shown(api, world):
    room = Classroom(world).completed(2)
    school = Visitor(api, "institution", at=room.ended())
    page = school.get(f"/console/classes/{room.id}/marks")
    head = ("姓名", "身份证号", "理论成绩", "实操成绩")
    wrong = xlsx(head, *[(one.name, one.id_number, 180, 70) for one in room.people])
    told = school.upload(page, "sheet.scores", wrong, XLSX, dry_run="true", version=room.version)
    assert "理论成绩" in told.text
    right = xlsx(head, *[(one.name, one.id_number, 80, 70) for one in room.people])
    tried = school.upload(page, "sheet.scores", right, XLSX, dry_run="true", version=room.version)
    assert "尚未提交" in tried.text
    assert "合格 2" in tried.text
    done = school.upload(page, "sheet.scores", right, XLSX, dry_run="false", version=room.version)
    assert "已提交" in done.text
    assert "考核合格" in school.get(f"/console/classes/{room.id}/marks").text
    claim = school.get(f"/console/classes/{room.id}/claim")
    assert "new.claim_subsidy" in claim.decisions
