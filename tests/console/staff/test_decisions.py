"""Deciding on pages: what is offered, what is refused, and that nothing typed is ever lost."""

from types import SimpleNamespace
from typing import get_args, get_type_hints

import pytest

from chalicelib.console import words
from chalicelib.console.staff.actions import ACTS, MAKES
from tests.classes.builders import application
from tests.support.pages import Visitor


@pytest.fixture
def room(api, world):
    """Give a class that was applied for."""
    applied = api("institution").post("/v1/classes", application(world), at=world.now).json
    sent = api("institution").post(f"/v1/classes/{applied['id']}/submit", {"version": 1}, at=world.now)
    assert sent.status == 200, sent.text
    return sent.json


def shown(api, world, room):
    return api("clerk").get(f"/v1/classes/{room['id']}", at=world.now).json


def test_a_clerk_goes_from_the_in_tray_to_the_class_and_approves_it(api, world, room):
    clerk = Visitor(api, "clerk", at=world.now)
    tray = clerk.get("/console")
    assert "开班申请" in tray.text
    assert "互联网营销一班" in tray.text
    link = next(link for link in tray.links if room["id"] in link)
    page = clerk.get(f"/console/{link.removeprefix('./console/')}")
    assert page.decisions >= {"class.approve", "class.return"}
    assert page.form_of("class.approve").buttons["class.approve"] == "批准开班：互联网营销一班"
    done = clerk.press(page, "class.approve", words="同意")
    assert done.status == 200
    assert "已办理：批准开班" in done.text
    assert shown(api, world, room)["status"] == "approved"
    assert "没有待办事项" in clerk.get("/console").text


def test_a_page_offers_what_the_api_offers(api, world, room):
    for who in ("clerk", "reviewer", "supervisor", "institution"):
        offered = api(who).get(f"/v1/classes/{room['id']}", at=world.now).json["allowed_actions"]
        page = Visitor(api, who, at=world.now).get(f"/console/classes/{room['id']}")
        known = {f"class.{action}" for action in offered if action in ACTS["class"]}
        assert page.decisions - {"sign_out"} == known, who


def test_a_refused_decision_keeps_what_was_typed(api, world, room):
    clerk = Visitor(api, "clerk", at=world.now)
    page = clerk.get(f"/console/classes/{room['id']}")
    refused = clerk.press(page, "class.return", words="")
    assert refused.status == 400
    long = "缺" * 501
    refused = clerk.press(page, "class.return", words=long)
    assert refused.status == 400
    assert long in refused.html
    assert shown(api, world, room)["status"] == "submitted"


def test_anothers_decision_is_told_with_what_changed_and_the_words_stay(api, world, room):
    first, second = Visitor(api, "clerk", at=world.now), Visitor(api, "clerk_two", at=world.now)
    seen = second.get(f"/console/classes/{room['id']}")
    first.press(first.get(f"/console/classes/{room['id']}"), "class.return", words="课程表缺实操")
    api("institution").post(f"/v1/classes/{room['id']}/submit", {"version": 3}, at=world.now)
    late = second.press(seen, "class.return", words="教师资格证过期")
    assert late.status == 409
    assert "教师资格证过期" in late.html
    assert "您打开时" in late.text
    assert "现在" in late.text
    assert "已被他人更改" in late.text
    again = second.press(late, "class.return")
    assert again.status == 200
    assert shown(api, world, room)["return_reason"] == "教师资格证过期"


def test_two_tabs_decide_once(api, world, room):
    clerk = Visitor(api, "clerk", at=world.now)
    one, two = (clerk.get(f"/console/classes/{room['id']}") for _ in range(2))
    assert clerk.press(one, "class.approve").status == 200
    refused = clerk.press(two, "class.approve")
    assert refused.status == 409
    assert shown(api, world, room)["version"] == 3


def test_a_double_click_is_one_decision(api, world, room):
    clerk = Visitor(api, "clerk", at=world.now)
    page = clerk.get(f"/console/classes/{room['id']}")
    assert clerk.press(page, "class.approve", words="同意").status == 200
    assert clerk.press(page, "class.approve", words="同意").status == 200, "the first answer again"
    assert shown(api, world, room)["version"] == 3


def test_who_may_not_decide_is_refused_and_it_is_kept(api, world, room):
    clerk, reviewer = Visitor(api, "clerk", at=world.now), Visitor(api, "reviewer", at=world.now)
    page = clerk.get(f"/console/classes/{room['id']}")
    fields = [(name, value) for name, value in page.form_of("class.approve").fields if name != "csrf"]
    own = reviewer.get(f"/console/classes/{room['id']}")
    csrf = next(value for form in own.forms for name, value in form.fields if name == "csrf")
    refused = reviewer.post(page.path, [*fields, ("csrf", csrf), ("do", "class.approve")])
    assert refused.status == 403
    assert "无权" in refused.text
    assert shown(api, world, room)["status"] == "submitted"


def test_a_class_of_another_city_is_not_there(api, world, room):
    assert Visitor(api, "clerk_wuhu", at=world.now).get(f"/console/classes/{room['id']}").status == 404


def test_a_school_applies_repeats_its_timetable_and_submits(api, world):
    school = Visitor(api, "institution", at=world.now)
    page = school.get("/console/desk/class")
    filled = {
        "class_name": "直播销售一班",
        "project_id": world.project_id,
        "planned_size": "20",
        "source": "catalogue",
        "trainer_name": ["王老师"],
        "trainer_id_number": [world.person(900).id_number],
        "trainer_qualification": ["高级讲师"],
        "lesson_day": ["2026-09-21"],
        "lesson_from": ["09:00"],
        "lesson_to": ["17:00"],
        "lesson_hours": ["8"],
        "lesson_topic": ["平台规则"],
        "lesson_trainer": ["1"],
    }
    repeated = school.press(page, "desk.repeat", **filled, weeks="3", skip_holidays="yes")
    assert repeated.status == 200
    days = [value for name, value in repeated.form_of("desk.save").fields if name == "lesson_day" and value]
    assert days == ["2026-09-21", "2026-09-28"], "5 October is a holiday"
    assert "直播销售一班" in repeated.html
    saved = school.press(repeated, "desk.save")
    assert saved.status == 200, saved.text
    assert "直播销售一班" in saved.text
    assert "class.submit" in saved.decisions
    refused = school.press(saved, "class.submit")
    assert refused.status == 409, "two lessons are too few hours"
    assert "课时" in refused.text


def test_what_the_school_typed_stays_when_the_application_is_refused(api, world):
    school = Visitor(api, "institution", at=world.now)
    page = school.get("/console/desk/class")
    refused = school.press(
        page, "desk.save", class_name="夜校一班", planned_size="二十", lesson_topic=["绪论"]
    )
    assert refused.status == 400
    assert "夜校一班" in refused.html
    assert "绪论" in refused.html


def test_every_status_of_every_machine_has_its_words():
    import app  # noqa: F401 - loads every table
    from chalicelib.kernel.transitions import DECLARED

    for machine in DECLARED:
        for state in machine.states:
            assert str(state) in words.STATUSES.get(machine.name, {}), (machine.name, str(state))


def test_every_action_that_is_offered_has_its_words_and_its_endpoint():
    import app  # noqa: F401 - declares every endpoint
    from chalicelib.edge.http import VIEWS
    from tests.architecture.offered_table import KINDS
    from tests.console.staff.test_whatever_waits import ELSEWHERE, NAMES

    not_of_staff = {"voucher": {"claim", "show_qr"}}
    for kind in KINDS:
        name = NAMES.get(kind.name, kind.name)
        acts = ACTS.get(name, {})
        left_out = ELSEWHERE.get(name, set()) | not_of_staff.get(name, set())
        assert set(kind.tries) - left_out <= set(acts), kind.name
        for action, act in acts.items():
            assert (act.method, act.path) in VIEWS, (kind.name, action)
    for name, act in MAKES.items():
        assert (act.method, act.path) in VIEWS, name


def test_every_kind_of_work_has_its_words():
    from chalicelib.supervision.waiting.model import Kind

    assert {str(kind) for kind in Kind} == words.KINDS.keys()


def test_every_event_told_to_the_platform_has_words():
    from chalicelib.console.events import BECAME, SUBJECTS, event_name
    from chalicelib.exchange.messages.reported import REPORTED
    from chalicelib.exchange.reminders import EVENT

    for reported in REPORTED.values():
        states = get_args(get_type_hints(reported.body).get("status")) or ("added",)
        assert str(reported.kind) in SUBJECTS
        assert {*states, *reported.steps.values(), "changed", "missing"} <= BECAME.keys(), reported.kind
    notes = {"reversed", "returned", "paid_again", "came", "went", "answered", "reviewed"}
    assert notes | {EVENT.partition(".")[2]} <= BECAME.keys()
    assert event_name("voucher.redeemed", english=False) == "培训券核销报名"
    assert event_name("voucher.redeemed", english=True) == "Voucher redeemed"


def test_every_kind_of_work_has_its_page():
    from chalicelib.console.staff.areas.waiting import place_of
    from chalicelib.supervision.waiting.model import Kind

    for kind in Kind:
        item = SimpleNamespace(kind=kind, subject="chg_abc-01", within="les_abc-01", division="340104")
        assert "None" not in place_of(item)


def test_every_hold_has_a_word():
    from chalicelib.console import words
    from chalicelib.subsidies.holds import model

    codes = {
        *map(str, model.HoldKind),
        model.PAYEE_CHANGED,
        model.PAYEE_MISSING,
        model.SUSPENDED,
        model.RISK_CASE,
    }
    assert codes <= words.HOLDS.keys()
