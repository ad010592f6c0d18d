"""Pages for everybody: publicity with objections, the institution finder, every reason explained."""

import re

from chalicelib.kernel.reasons import REASONS
from tests.subsidies.scored import Money, scored_class
from tests.support.pages import Visitor


def test_anybody_objects_to_what_is_publicised(api, world):
    money = Money(world)
    money.budget()
    claim = money.publicised(scored_class(world, 2))
    anybody = Visitor(api, at=world.now)
    page = anybody.get("/public")
    assert "电商一班" in page.text
    assert "3,600.00" in page.text
    empty = anybody.press(page, "new.objection", reason="")
    assert empty.status == 400
    filed = anybody.press(page, "new.objection", reason="张某未参加培训")
    assert filed.status == 200, filed.text
    assert "异议已提交" in filed.text
    assert money.read(claim)["open_objections"] == 1
    supervisor = Visitor(api, "supervisor", at=world.now)
    listed = supervisor.get("/console/objections")
    assert "张某未参加培训" in listed.text
    done = supervisor.press(listed, "objection.resolve", outcome="dismissed", reason="签到与录像齐全")
    assert done.status == 200, done.text
    assert money.read(claim)["open_objections"] == 0


NUMBER = re.compile(r"<code>(obj_[a-z0-9]+)</code>")


def test_the_number_of_an_objection_leads_to_its_outcome_and_to_nobody(api, world):
    money = Money(world)
    money.budget()
    claim = money.publicised(scored_class(world, 2))
    anybody = Visitor(api, at=world.now)
    page = anybody.get("/public")
    line = money.read(claim)["lines"][0]
    filed = anybody.press(page, "new.objection", reason="张某未参加培训", line_id=line["id"])
    number = NUMBER.search(filed.html)[1]
    assert f"public?objection={number}" in filed.html
    read = money.read(claim)
    assert read["open_objections"] == 0, "about one line: the claim goes on"
    assert read["lines"][0]["status"] == "held"
    told = anybody.get("/public", objection=number)
    assert "正在核查" in told.text
    supervisor = Visitor(api, "supervisor", at=world.now)
    found = supervisor.get("/console/search", q=number)
    assert number in found.text, "the list shows the number"
    assert "张某未参加培训" in found.text
    supervisor.press(found, "objection.resolve", outcome="upheld", reason="王五核实：张某确未到课")
    told = anybody.get("/public", objection=number)
    assert "异议成立" in told.text
    assert "王五" not in told.text, "what the supervisor wrote is for bureaus"
    assert "张某" not in told.text
    assert "没有这个编号" in anybody.get("/public", objection="obj_aaaaaaaaaaaaaaaaaaaaaaaa").text
    for who in ("institution", "clerk_wuhu"):
        assert "没有找到" in Visitor(api, who, at=world.now).get("/console/search", q=number).text


def test_an_empty_page_of_publicity_says_that_there_is_more_and_never_that_there_is_nothing(api, world):
    page = Visitor(api, at=world.now).get("/public")
    assert "后面还有区划" in page.text
    assert "目前没有公示" not in page.text
    city = Visitor(api, at=world.now).get("/public", division="3401")
    assert "目前没有公示" in city.text


def test_everybody_picks_a_division_by_its_name(api, world):
    money = Money(world)
    money.budget()
    money.publicised(scored_class(world, 2))
    page = Visitor(api, at=world.now).get("/public", division="3402")
    assert '<option value="3402" selected>芜湖市</option>' in page.html
    assert "电商一班" not in page.text
    assert "电商一班" in Visitor(api, at=world.now).get("/public", division="3401").text
    wrong = Visitor(api, at=world.now).get("/public", division="合肥")
    assert wrong.status == 400
    assert any(link.endswith("public") for link in wrong.links)
    assert "返回待办" not in wrong.text


def test_institutions_are_found_by_project_and_division(api, world):
    page = Visitor(api).get("/public", place="3401", project=world.project_id)
    assert "合肥滨湖云创技能培训有限公司" in page.text
    assert Visitor(api).get("/public", place="9999").status == 400


def test_every_reason_is_explained_in_both_languages(api, world):
    for lang in ("zh", "en"):
        page = Visitor(api).get("/help", lang=lang)
        for code in REASONS:
            assert f"<code>{code}</code>" in page.html
    found = Visitor(api).get("/help", code="voucher_expired")
    assert "<code>voucher_expired</code>" in found.html
    assert "<code>self_approval</code>" not in found.html
