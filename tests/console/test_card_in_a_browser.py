"""The trainee's page in Chromium: the code outlives a lost network, greyed meanwhile, and never stops."""

import threading
import time
from datetime import datetime, timedelta

import pytest

from chalicelib.accounts.persons.service import person_key_of
from chalicelib.kernel.geo import CoordSystem, Point, to_wgs84
from tests.attendance.builders import room_under
from tests.classes.builders import Classroom
from tests.subsidies.scored import scored_class
from tests.support import browser
from tests.support.axe import violations
from tests.support.browser import PHONE, Browser, served
from tests.support.keys import card_assertion

pytestmark = pytest.mark.skipif(not browser.is_there(), reason="Chromium and its driver are not installed")
BACK_SECONDS = 5
GONE_SECONDS = 25
"""How long the network is away: as long as a lift takes, or a cellar."""


def test_a_code_outlives_a_lost_network(api, world):
    person = world.person(3)
    world.voucher(person)
    cut, back = threading.Event(), threading.Event()

    def clock():  # codes change by the minute: afterwards there is another one to be had
        return world.now + timedelta(minutes=back.is_set())

    with served(api, at=clock, cut=cut) as home, Browser.open(size=PHONE) as window:
        window.go(f"{home}/card?lang=zh#assertion={card_assertion(person.id_number, person.name)}")
        window.until("[...document.querySelectorAll('button')].some(b => b.textContent === '出示券码')")
        window.run("[...document.querySelectorAll('button')].find(b => b.textContent === '出示券码').click()")
        window.until("document.querySelector('.qr img') || document.querySelector('.qr button')")
        if window.run("return Boolean(document.querySelector('.qr button'))"):
            window.press(".qr button")
            window.until("document.querySelector('.qr img')")
        first = window.run("return document.querySelector('.qr img').src")
        cut.set()
        press_button(window, "出示券码")  # it would ask by itself in ten seconds
        window.until("document.querySelector('.qr.stale img')", seconds=40)
        assert "网络中断" in window.text
        time.sleep(GONE_SECONDS)
        back.set()
        cut.clear()  # nothing tells the page so: the network's end was not in this phone
        window.until(
            "!document.querySelector('.qr.stale') && document.querySelector('.qr img')", seconds=BACK_SECONDS
        )
        fresh = window.run("return document.querySelector('.qr img').src")
        assert len(fresh) > 100
        assert fresh != first, "it is another code, not the one of before without its grey"


def signed_in(window, home, person):
    window.go(f"{home}/card?lang=zh#assertion={card_assertion(person.id_number, person.name)}")
    window.until("document.querySelector('#work h2')")


def stand_at(window, lng, lat, moment):
    window.run(
        "const [lng, lat, at] = arguments;"
        "navigator.geolocation.getCurrentPosition = (found) => found("
        "{ coords: { longitude: lng, latitude: lat, accuracy: 10 }, timestamp: Date.parse(at) })",
        lng,
        lat,
        moment.isoformat(),
    )


def press_button(window, text):
    window.run(
        "[...document.querySelectorAll('button')].find(b => b.textContent === arguments[0]).click()", text
    )


def test_a_check_in_without_a_network_is_kept_and_sent_once_there_is_one(api, world):
    room = Classroom(world).approved()
    room.enrol(1)
    room.refresh()
    assert room.put_roster([{"enrolment_id": room.enrolments[0]["id"]}]).status == 200
    lesson = room.lesson()
    at = datetime.fromisoformat(lesson["starts_at"]) - timedelta(minutes=10)
    site = room.read(who="clerk")["site"]["location"]
    where = to_wgs84(Point(site["lng"], site["lat"], CoordSystem(site["coord_system"])))
    cut = threading.Event()
    person = room.people[0]
    with served(api, at=at, cut=cut) as home, Browser.open(size=PHONE) as window:
        signed_in(window, home, person)
        stand_at(window, where.lng, where.lat, at)
        cut.set()
        press_button(window, "签到")
        window.until("document.getElementById('said').textContent.includes('没有网络')", seconds=40)
        assert "1 次签到已存在本机" in window.text
        assert violations(window) == []
        kept = window.run_until_told(
            "const done = arguments[0];"
            "kept('readonly', (store) => store.getAll()).then((all) => done(JSON.stringify(all)))"
        )
        assert lesson["id"] in kept
        assert person.name not in kept
        assert person.id_number not in kept
        cut.clear()
        window.run("window.dispatchEvent(new Event('online'))")
        window.until("document.getElementById('waiting').hidden", seconds=BACK_SECONDS)
        assert "签到成功" in window.text or "已记录" in window.text, window.text
    recorded = api("clerk").get(f"/v1/lessons/{lesson['id']}/check-ins", at=at).json["items"]
    assert len(recorded) == 1


def test_institutions_stand_nearest_first_with_their_phone(api, world):
    person = world.person(3)
    world.voucher(person)
    with served(api, at=world.now) as home, Browser.open(size=PHONE) as window:
        signed_in(window, home, person)
        stand_at(window, 117.28, 31.86, world.now)
        press_button(window, "可用机构")
        window.until("document.querySelector('.places li')")
        told = window.run("return [...document.querySelectorAll('.places li')].map(one => one.innerText)")
        away = [float(line.partition("约 ")[2].partition(" 公里")[0]) for line in told]
        assert away == sorted(away)
        assert len(away) >= 2
        assert window.run("return document.querySelector('.places a').href").startswith("tel:")
        assert window.run("return document.querySelector('.places .taught').innerText"), (
            "and what is taught there"
        )
        assert violations(window) == []
        assert "待领用" in window.text or "已领用" in window.text, (
            "states are said in the words of the glossary"
        )


def test_who_is_refused_for_the_place_is_told_what_to_do_on_this_phone(api, world):
    room = Classroom(world).approved()
    room.enrol(1)
    room.refresh()
    assert room.put_roster([{"enrolment_id": room.enrolments[0]["id"]}]).status == 200
    at = datetime.fromisoformat(room.lesson()["starts_at"]) - timedelta(minutes=10)
    with served(api, at=at) as home, Browser.open(size=PHONE) as window:
        iphone = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 Safari/604.1"
        window.devtools("Network.setUserAgentOverride", userAgent=iphone)
        signed_in(window, home, room.people[0])
        assert "下一节课" in window.text
        stand_at(window, 117.0, 31.5, at)
        press_button(window, "签到")
        window.until("document.querySelector('.advice').open")
        assert "精确位置" in window.text
        assert "超出允许范围" in window.text


def test_a_reload_keeps_the_sign_in_and_signing_out_or_another_tab_ends_it(api, world):
    person = world.person(3)
    world.voucher(person)
    with served(api, at=world.now) as home, Browser.open(size=PHONE) as window:
        signed_in(window, home, person)
        assert person.name[0] in window.text
        window.go(f"{home}/card?lang=zh")  # as F5 does: the same tab, the fragment gone
        window.until("document.querySelector('#work h2')")
        assert window.run("return document.getElementById('sign-in').hidden")
        kept = window.run("return JSON.stringify({ ...sessionStorage, ...localStorage })")
        assert person.name not in kept
        assert person.id_number not in kept
        press_button(window, "退出")
        window.until("!document.getElementById('sign-in').hidden")
        assert not window.run("return document.querySelector('#work h2')")
        window.go(f"{home}/card?lang=zh")
        window.until("document.readyState === 'complete'")
        assert not window.run("return document.getElementById('sign-in').hidden"), "who signed out is out"
        window.run("sessionStorage.setItem('card session', JSON.stringify({token: 'x', refresh: 'y'}))")
        window.go(f"{home}/card?lang=zh")
        window.until("document.getElementById('said').textContent.includes('过期')")
        assert not window.run("return document.getElementById('sign-in').hidden")
        assert window.run("return sessionStorage.getItem('card session')") is None
        assert violations(window) == []


def test_a_roll_call_is_answered_by_its_button_and_asked_for_once(api, world):
    from chalicelib.attendance.roll_calls.service import roll_calls_at
    from chalicelib.classes.service import read_class

    room = room_under(world, roll_calls_per_lesson=2)
    training_class = read_class(room.id)
    first = roll_calls_at(training_class, training_class.lessons[0])[0]
    at = first.opens_at + timedelta(minutes=1)
    person = room.people[0]
    room.check_in(person, kind="in", at=datetime.fromisoformat(room.lesson()["starts_at"]))
    site = room.read(who="clerk")["site"]["location"]
    where = to_wgs84(Point(site["lng"], site["lat"], CoordSystem(site["coord_system"])))
    with served(api, at=at) as home, Browser.open(size=PHONE) as window:
        signed_in(window, home, person)
        assert "正在点名" in window.text
        stand_at(window, where.lng, where.lat, at)
        press_button(window, "点名应答")
        window.until("document.getElementById('said').textContent !== ''")
        assert "成功" in window.text or "已记录" in window.text, window.text
        window.go(f"{home}/card?lang=zh")
        window.until("document.querySelector('#work h2')")
        assert "正在点名" not in window.text, "what was answered is asked for no more"
        assert violations(window) == []
    answered = room.api(person).get(f"/v1/lessons/{room.lesson()['id']}/roll-calls", at=at).json["items"]
    assert [one["answered"] for one in answered if one["number"] == 1] == [True]


def test_results_tell_the_class_the_marks_the_attendance_and_what_to_do_next(api, world):
    people = [world.person(index) for index in (31, 32, 33)]
    keys = [person_key_of(person.id_number) for person in people]
    scored_class(world, 3, people=keys, absent={0}, failed={1})
    said = (
        (
            people[0],
            ("考核不合格", "电商一班", "80（要求 60）", "0%（要求 80%）", "未达要求：出勤", "核对签到"),
        ),
        (people[1], ("考核不合格", "50（要求 60）", "100%（要求 80%）", "未达要求：理论")),
        (people[2], ("考核合格", "100%（要求 80%）", "无需再办")),
    )
    for person, words in said:
        with served(api, at=world.now) as home, Browser.open(size=PHONE) as window:
            signed_in(window, home, person)
            window.until("document.querySelector('.result')")
            told = window.run("return document.querySelector('.result').innerText")
            assert all(word in told for word in words), told
            assert violations(window) == []
