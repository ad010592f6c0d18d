"""Inspections and the reports of supervision on pages: drawing, entering, whom to call, charts with tables."""

import re
from typing import Any

import pytest

from tests.subsidies.scored import Money, scored_class
from tests.supervision.cases.found import finding, record, resolve
from tests.support.pages import Visitor


@pytest.fixture
def money(world: Any) -> Money:
    return Money(world)


def drawn(world: Any, money: Money, **typed: Any) -> Any:
    supervisor = Visitor(world.api, "supervisor", at=money.now)
    page = supervisor.get("/console/inspections")
    fields = {"scope": "classes", "division": "3401", "share": "50", **typed}
    return supervisor, supervisor.press(page, "new.inspection", **fields)


def test_a_sample_is_drawn_and_what_was_found_entered_and_replaced_by_another(
    world: Any, money: Money
) -> None:
    class_id = scored_class(world, 2)
    supervisor, sample = drawn(world, money)
    assert sample.status == 200, sample.text
    assert "已办理：抽取样本" in sample.text
    assert "1 / 1" in " ".join(sample.text.split())
    assert class_id in sample.html
    done = supervisor.press(sample, "inspection.enter", outcome="deviation", note="到课五人，登记二十人")
    assert done.status == 200, done.text
    assert "不符" in done.text
    assert "到课五人，登记二十人" in done.text
    assert "inspection.enter" not in done.decisions, "who entered it replaces nothing of it"
    (case,) = {link for link in done.links if "console/cases/rsk_" in link}
    told = supervisor.get(f"/console/cases/{case.rpartition('/')[2]}")
    assert "抽查不符" in told.text
    assert "risk_case.take" not in told.decisions, "nor judges what they found"
    province = Visitor(world.api, "province", at=money.now)
    seen = province.get(done.path)
    other = Visitor(world.api, "province_two", at=money.now)
    seen_before = other.get(done.path)
    again = province.press(seen, "inspection.enter", outcome="in_order", note="复核相符")
    assert "复核相符" in again.text
    assert "到课五人，登记二十人" in again.text, "what was entered before stays to be seen"
    late = other.press(seen_before, "inspection.enter", outcome="deviation", note="另一人所填")
    assert late.status == 409
    assert "另一人所填" in late.html
    listed = supervisor.get("/console/inspections")
    assert "下一次抽查种子的哈希值" in listed.text
    assert sample.path.rpartition("/")[2].partition("?")[0] in listed.html


@pytest.mark.parametrize(("scope", "name"), [("trainees", "张* 1234"), ("lessons", "电商一班 第 1 课")])
def test_a_sample_names_its_subjects_on_links_and_buttons(
    world: Any, money: Money, scope: str, name: str
) -> None:
    scored_class(world, 2)
    _, sample = drawn(world, money, scope=scope, share="100")
    assert name in sample.text
    assert not re.search(r"\b(enr|les|acc)_[a-z0-9]{4}", sample.text)
    assert any(name in label for form in sample.forms for label in form.buttons.values())


def test_a_share_that_is_none_is_refused_and_what_was_typed_stays(world: Any, money: Money) -> None:
    scored_class(world, 1)
    for typed in ("很多", "0", "150"):
        _, refused = drawn(world, money, share=typed)
        assert refused.status == 400, typed
        assert f'value="{typed}"' in refused.html


def test_the_sheet_of_phones_is_made_masked_or_in_full(world: Any, money: Money) -> None:
    scored_class(world, 2)
    supervisor, sample = drawn(world, money, scope="trainees", share="100")
    for do in ("phones.masked", "phones.opened"):
        made = supervisor.press(sample, do)
        assert made.status == 200, made.text
        assert "下载电话抽查表" in made.text
        assert any("amazonaws" in link or "reports/" in link for link in made.links)


def test_inspections_are_the_supervisors_and_the_provinces(world: Any, money: Money) -> None:
    for who, status in (("supervisor", 200), ("province", 200), ("clerk", 403), ("institution", 403)):
        assert Visitor(world.api, who, at=money.now).get("/console/inspections").status == status, who


def test_reports_of_supervision_show_a_chart_and_the_table_beside(world: Any, money: Money) -> None:
    money.budget()
    claim = money.publicised(scored_class(world, 2))
    found = finding(claim["class_id"])
    record(money, found)
    assert resolve(money, found, "confirmed").status == 200
    world.enrolment(world.person(40))
    supervisor = Visitor(world.api, "supervisor", at=money.now)
    for name, wanted in (
        ("idle", ("30 天内", "空转率", "各机构")),
        ("holds", ("多人共用一部手机签到", "仍暂缓", "属实")),
        ("ratings", ("合格率", "属实案件最多的机构", "无牌")),
    ):
        page = supervisor.get(f"/console/reports/{name}")
        assert page.status == 200, page.text
        assert page.html.count("<svg") >= 1
        assert "<table>" in page.html
        for words in wanted:
            assert words in page.text, (name, words)
        sheet = supervisor.get(f"/console/reports/{name}?sheet=1")
        assert "下载统计表" in sheet.text, name
    assert supervisor.get("/console/reports/holds?year=2025").status == 200
    assert supervisor.get("/console/reports/nothing").status == 404
