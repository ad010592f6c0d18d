"""Refusals on pages: the label and the unit a person sees, never a field's code, fen or a pattern."""

import re
from typing import Any

import pytest

from tests.classes.builders import Classroom
from tests.subsidies.scored import Money, scored_class
from tests.support.pages import PageView, Visitor

CODES = re.compile(r"\b[a-z]+_[a-z_]+\b|\[\d+\]|\^|\\|\{|fen\b")
"""What no clerk should have to read: names of fields, places in lists, patterns."""


def told(page: PageView) -> str:
    """Give what the page says was wrong, as people read it."""
    found = re.search(r'id="problem"[^>]*>(.*?)</div>', page.html, re.DOTALL)
    assert found, page.text[:500]
    text = re.sub(r"<code>.*?</code>|<q>.*?</q>|<[^>]+>", " ", found[1])
    assert not CODES.search(text), text
    return text


def visit(money: Money, who: str) -> Visitor:
    return Visitor(money.api, who, at=money.now)


@pytest.fixture
def money(world: Any) -> Money:
    return Money(world)


@pytest.mark.parametrize("typed", ["1e999999", "1,2,3", "1800,00", "nan", "9" * 60])
def test_an_amount_that_is_none_is_refused_by_its_label_with_what_it_should_look_like(
    money: Money, typed: str
) -> None:
    finance = visit(money, "finance")
    page = finance.press(finance.get("/console/money"), "new.budget", appropriated_fen=typed)
    assert page.status == 400
    assert "下达金额（元） 应为数字，例如 1,800.00" in told(page)
    assert f'value="{typed}"' in page.html, "what was typed stays"


@pytest.mark.parametrize(
    ("typed", "limit"),
    [
        ("99999999999999", "不能大于 10,000,000,000.00"),
        ("9" * 30, "不能大于 10,000,000,000.00"),
        ("-1", "不能小于 0.00"),
    ],
)
def test_an_amount_out_of_bounds_is_told_its_limit_in_yuan(money: Money, typed: str, limit: str) -> None:
    finance = visit(money, "finance")
    page = finance.press(finance.get("/console/money"), "new.budget", appropriated_fen=typed)
    assert page.status == 400
    assert f"下达金额（元） {limit}" in told(page)


@pytest.mark.parametrize(
    ("typed", "why"), [("200", "不能大于 100"), ("-5", "应大于 0"), ("0", "应大于 0"), ("一半", "应为数字")]
)
def test_a_share_is_refused_in_percent(money: Money, typed: str, why: str) -> None:
    supervisor = visit(money, "supervisor")
    page = supervisor.get("/console/inspections")
    refused = supervisor.press(page, "new.inspection", scope="trainees", division="3401", share=typed)
    assert refused.status == 400
    assert f"比例（%） {why}" in told(refused)


@pytest.mark.parametrize("key", ["[" * 3000, '{"a":' * 3000, "[]", "no", '{"x": NaN}', "1" * 5000])
def test_a_key_that_is_none_is_refused(money: Money, key: str) -> None:
    school = visit(money, "institution")
    page = school.get("/console/clients")
    refused = school.press(
        page, "new.client", name="教务", purpose="同步", scopes="class.read", public_key=key
    )
    assert refused.status == 400
    found = re.sub(r"例如 .*?。", "。", re.search(r'id="problem".*?</div>', refused.html, re.DOTALL)[0])  # type: ignore[index]
    assert "公钥（JWK） 应为一个 JSON 对象" in found


def test_an_account_is_told_what_its_name_is_made_of(money: Money) -> None:
    province = visit(money, "province")
    page = province.get("/console/accounts")
    refused = province.press(
        page, "new.account", account="张 三", name="张三", id_number="x", division="合肥"
    )
    assert refused.status == 400
    assert "账号 的格式不对，应为3 至 64 位字母、数字或 . _ @ -。" in told(refused)


def test_nothing_ticked_and_a_missing_reason_are_told_by_what_was_ticked(world: Any, money: Money) -> None:
    claim = money.claim(scored_class(world, 1))
    clerk = visit(money, "clerk")
    page = clerk.get("/console", kind="subsidy_claim")
    assert "请先勾选要办理的事项。" in told(clerk.press(page, "bulk.review", reason=""))
    pick = re.search(rf'value="({claim["id"]}[^"]+)"', page.html)
    assert pick
    refused = clerk.press(page, "bulk.return", pick=[pick[1]], reason="")
    assert f"{pick[1].split('|')[2]} 原因" in told(refused)


def test_an_empty_file_is_told_by_its_size(world: Any, money: Money) -> None:
    claim = money.claim(scored_class(world, 1))
    for who, place, do in (
        ("province", "/console/lists", "list.upload"),
        ("institution", f"/console/claims/{claim['id']}/documents", "document.announce"),
    ):
        visitor = visit(money, who)
        page = visitor.get(place)
        csrf = dict(page.form_of("sign_out").fields)["csrf"]
        sent = {"do": do, "csrf": csrf, "filename": "a.pdf", "size_bytes": "0", "sha256": "0" * 64}
        sent["kind"] = "graduates" if do == "list.upload" else "invoice"
        refused = visitor.post(place, list(sent.items()))
        assert refused.status == 400, do
        assert "文件大小（字节） 不能小于 1" in told(refused)


def test_each_cell_of_a_timetable_is_named_as_its_page_names_it(api: Any, world: Any) -> None:
    school = Visitor(api, "institution", at=world.now)
    page = school.get("/console/desk/class")
    typed = {
        "class_name": "一班",
        "planned_size": "二十",
        "source": "new",
        "site_name": "东楼",
        "site_address": "黄山路",
        "lng": "117,2",
        "lat": "",
        "lesson_day": ["2026-10-08", "2026-10-09"],
        "lesson_from": ["09:00", "9点"],
        "lesson_to": ["12:00", "12:00"],
        "lesson_hours": ["4", "四"],
        "lesson_topic": ["一", "二"],
        "lesson_trainer": ["1", "0"],
    }
    refused = school.press(page, "desk.save", **typed)
    assert refused.status == 400
    said = told(refused)
    for one in (
        "计划人数 应为整数",
        "经度 应为数字",
        "缺少 纬度",
        "第2次课 开始",
        "第2次课 课时 应为整数",
        "第2次课 教师序号",
    ):
        assert one in said, one
    assert "第1次课" not in said
    right = {"planned_size": "20", "lng": "117.2", "lat": "31.8"}
    right |= {name: typed[name][0] for name in typed if name.startswith("lesson_")}
    refused = school.press(page, "desk.save", **{**typed, **right, "lng": "500"})
    assert "经度 不能大于 180" in told(refused)
    trainer = {"trainer_name": "李", "trainer_id_number": "12", "trainer_qualification": ""}
    refused = school.press(page, "desk.save", **{**typed, **right, **trainer})
    assert refused.status in (400, 422)
    assert "教师 1 " in told(refused)


def test_numbers_of_a_policy_and_of_an_entry_are_refused_by_their_labels(api: Any, world: Any) -> None:
    province = Visitor(api, "province", at=world.now)
    page = province.get(f"/console/programs/{world.program_id}")
    refused = province.press(
        page, "policy.check", face_value_fen="6,0,0", attendance_min="八成", pass_mark="1_0"
    )
    said = told(refused)
    for one in ("面值（元） 应为数字", "（%） 应为数字"):
        assert one in said, said
    page = province.get("/console/projects/new")
    refused = province.press(page, "entry.save", fee="1e9", hours="1.5", level="1e999999")
    said = told(refused)
    for one in ("收费标准（元） 应为数字", "课时 应为整数", "等级 应为整数"):
        assert one in said, said


def test_a_filter_that_cannot_be_read_is_refused_by_its_label(api: Any, world: Any) -> None:
    supervisor = Visitor(api, "supervisor", at=world.now)
    for path in (
        "/console/lookups?day=x",
        "/console/inspections?division=%E5%90%88%E8%82%A5",
        "/public?division=x",
    ):
        refused = supervisor.get(path)
        assert refused.status == 400, path
        assert any(label in told(refused) for label in ("日期", "行政区划代码")), path


def test_a_foreign_code_of_any_length_is_told_to_be_none(api: Any, world: Any) -> None:
    desk = Visitor(api, "institution", at=world.now)
    for token in ("https://example.com/?" + "x" * 380, "x" * 5000, "x\x00y"):
        refused = desk.press(desk.get("/scan"), "scan.look", token=token, project_id=world.project_id)
        assert 'data-verdict="bad"' in refused.html
        assert "二维码无法识别" in refused.text, token[:30]
    refused = desk.press(desk.get("/scan"), "scan.look", token="abc", project_id="p" * 300)
    assert "培训项目" in refused.text, "another fault is told by its label"


def test_english_refusals_have_english_labels_and_units(api: Any, world: Any) -> None:
    finance = Visitor(api, "finance", lang="en", at=world.now)
    page = finance.press(finance.get("/console/money"), "new.budget", appropriated_fen="99999999999999")
    assert "Appropriated (yuan) must be at most 10,000,000,000.00" in told(page)


def test_a_change_names_its_cells_too(world: Any) -> None:
    room = Classroom(world).approved()
    school = Visitor(world.api, "institution", at=world.now)
    place = f"/console/desk/{room.id}/change"
    page = school.get(place)
    if "desk.change" not in page.decisions:
        pytest.skip("no lesson is to come")
    refused = school.press(page, "desk.change", reason="", lesson_hours=["四"])
    assert "课时 应为整数" in told(refused)
