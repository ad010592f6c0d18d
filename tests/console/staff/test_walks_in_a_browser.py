"""Walks in Chromium: with the keyboard alone, by a double click, at the counter, and what the policy refuses."""

import pytest

from tests.accounts.builders import GOOD, HOME, ask_for, numbered
from tests.classes.builders import application
from tests.support import browser
from tests.support.browser import Browser, served
from tests.support.keys import card_assertion
from tests.support.pages import COOKIE, Visitor

pytestmark = pytest.mark.skipif(not browser.is_there(), reason="Chromium and its driver are not installed")


@pytest.fixture
def room(api, world):
    applied = api("institution").post("/v1/classes", application(world), at=world.now).json
    api("institution").post(f"/v1/classes/{applied['id']}/submit", {"version": 1}, at=world.now)
    return applied


def test_a_clerk_signs_in_and_decides_with_the_keyboard_alone(api, world, room):
    name = "jianpan-jingban"
    invited = ask_for(api, name)
    body = {
        "account": name,
        "activation_code": invited.json["activation_code"],
        "password": GOOD,
        "assertion": card_assertion(numbered(name).id_number, numbered(name).name),
    }
    assert api().post("/v1/auth/activate", body, source=HOME).status == 200
    with served(api, at=world.now) as home, Browser.open() as window:
        window.go(f"{home}/console?lang=zh")
        window.run("document.getElementById('account').focus()")
        window.keys(*name, "tab", *GOOD, "enter")
        window.until("document.querySelector('h1').textContent === '待办'")
        window.until("document.querySelector('tbody a')")
        tabs_to(window, "document.activeElement.textContent === '互联网营销一班'")
        window.keys("enter")
        window.until("document.getElementById('decide')")
        tabs_to(window, "document.activeElement.tagName === 'TEXTAREA'")
        window.keys(*"ok")
        tabs_to(window, "document.activeElement.value === 'class.approve'")
        window.keys("enter")
        window.until("document.getElementById('done')")
        assert "已办理：批准开班" in window.text
        assert window.run("return document.activeElement.id") == "done", "what was done is read first"
        assert window.complaints() == []
    assert api("clerk").get(f"/v1/classes/{room['id']}", at=world.now).json["status"] == "approved"


def tabs_to(window, condition):
    for _ in range(60):
        window.keys("tab")
        if window.run(f"return Boolean({condition})"):
            return
    raise AssertionError(f"no way by Tab to: {condition}")


def test_a_double_click_and_the_back_button_decide_nothing_twice(api, world, room):
    with served(api, at=world.now) as home, Browser.open() as window:
        window.go(f"{home}/console")
        window.cookie(COOKIE, Visitor(api, "clerk").cookie)
        window.go(f"{home}/console/classes/{room['id']}")
        window.run("const b = document.querySelector('[value=\"class.approve\"]'); b.click(); b.click()")
        window.until("document.getElementById('done')")
        window.run("history.back()")
        window.until("!document.getElementById('done')")
        window.go(f"{home}/console/classes/{room['id']}")
        assert "第3版" in window.text


def test_what_is_typed_outlives_a_reload_and_a_decision_in_another_tab(api, world, room):
    with served(api, at=world.now) as home, Browser.open() as window:
        window.go(f"{home}/console")
        window.cookie(COOKIE, Visitor(api, "clerk").cookie)
        window.go(f"{home}/console/classes/{room['id']}")
        window.type("textarea", "场地与申报不一致，请核实")
        window.run("location.reload()")
        window.until("document.readyState === 'complete' && document.querySelector('textarea').value")
        other = Visitor(api, "clerk", at=world.now)
        page = other.get(f"/console/classes/{room['id']}")
        other.press(page, "class.return", words="另一位经办已退回")
        window.press("[value='class.return']")
        window.until("document.getElementById('problem')")
        kept = window.run("return document.body.innerHTML.includes('场地与申报不一致，请核实')")
        assert kept, "refused, and what was typed is still on the page"


def test_a_decision_that_cannot_be_undone_asks_first(api, world, room):
    with served(api, at=world.now) as home, Browser.open() as window:
        window.go(f"{home}/console")
        window.cookie(COOKIE, Visitor(api, "institution").cookie)
        window.go(f"{home}/console/classes/{room['id']}")
        window.type("textarea", "生源不足")
        window.press("[value='class.cancel']")
        assert "不能撤销" in window.accept()
        window.until("document.body.innerText.includes('已取消')")


def test_a_scanner_that_ends_with_tab_or_enter_sends_the_code(api, world):
    person = world.person(7)
    voucher = world.voucher(person)
    token = api(person).get(f"/v1/vouchers/{voucher}/qr", at=world.now).json["token"]
    with served(api, at=world.now) as home, Browser.open() as window:
        window.go(f"{home}/console")
        window.cookie(COOKIE, Visitor(api, "institution").cookie)
        window.go(f"{home}/scan")
        window.until("document.activeElement.id === 'token'")
        window.run(
            "document.getElementById('project_id').value = arguments[0];"
            "document.getElementById('token').value = arguments[1]",
            world.project_id,
            token,
        )
        window.keys("tab")
        window.until("document.body.innerText.includes('请核对本人')")
        assert window.run("return document.activeElement.value") == "scan.redeem"
        window.keys("enter")
        window.until("document.querySelector('[data-verdict=good]')")
        assert window.run("return document.querySelectorAll('#recent li').length") == 1
        window.until("document.activeElement.id === 'token'")
        assert [line for line in window.complaints() if "AudioContext" not in line] == []


def test_a_camera_reads_the_code_where_the_browser_has_no_decoder(api, world, tmp_path):
    person = world.person(7)
    voucher = world.voucher(person)
    code = api(person).get(f"/v1/vouchers/{voucher}/qr", at=world.now).json
    film = tmp_path / "code.y4m"
    film.write_bytes(film_of(code["svg"]))
    with served(api, at=world.now) as home, Browser.open(film=film) as window:
        window.go(f"{home}/console")
        window.cookie(COOKIE, Visitor(api, "institution").cookie)
        window.go(f"{home}/scan")
        window.run("document.getElementById('project_id').value = arguments[0]", world.project_id)
        assert not window.run("return 'BarcodeDetector' in window"), "what is tried is the decoder of ours"
        assert not [one for one in window.requested() if "jsqr" in one], "fetched only when it is wanted"
        window.press("#camera")
        window.until("document.body.innerText.includes('请核对本人')", seconds=20)
        assert window.run("return document.querySelector('[name=token]').value") == code["token"]
        assert window.complaints() == []


def film_of(svg, *, width=640, height=480, frames=4):
    """Film a code on white, as a camera of that size sees it: uncompressed, in 4:2:0."""
    import io

    import resvg_py
    from PIL import Image

    code = Image.open(
        io.BytesIO(bytes(resvg_py.svg_to_bytes(svg, width=400, height=400, background="white")))
    )
    scene = Image.new("L", (width, height), 235)
    scene.paste(code.convert("L").resize((400, 400)), ((width - 400) // 2, (height - 400) // 2))
    picture = scene.tobytes() + bytes([128]) * (width * height // 2)
    return f"YUV4MPEG2 W{width} H{height} F10:1 Ip A1:1 C420jpeg\n".encode() + (b"FRAME\n" + picture) * frames


def test_a_sheet_is_checked_and_sent_from_the_page(api, world, tmp_path):
    from tests.classes.builders import Classroom, xlsx

    classroom = Classroom(world).approved()
    classroom.enrol(1)
    sheet = tmp_path / "花名册.xlsx"
    person = classroom.people[0]
    sheet.write_bytes(
        xlsx(("姓名", "身份证号"), ("无此人", "340104200001010007"), (person.name, person.id_number))
    )
    with served(api, at=world.now) as home, Browser.open() as window:
        window.go(f"{home}/console")
        window.cookie(COOKIE, Visitor(api, "institution").cookie)
        window.go(f"{home}/console/classes/{classroom.id}/roster")
        window.attach("[data-file]", sheet)
        window.press("[data-send='dry']")
        window.until("document.querySelector('.answer table')")
        assert "2" in window.run("return document.querySelector('.answer tbody td').textContent")
        sheet.write_bytes(xlsx(("姓名", "身份证号"), (person.name, person.id_number)))
        window.go(f"{home}/console/classes/{classroom.id}/roster")
        window.attach("[data-file]", sheet)
        window.press("[data-send='apply']")
        window.until("document.querySelector('.answer .good')")
    roster = api("institution").get(f"/v1/classes/{classroom.id}/roster", at=world.now).json
    assert len(roster["items"]) == 1
