"""Search on pages: a thing by its id, as far as who asks may see it."""

from typing import Any

from tests.subsidies.scored import Money, scored_class
from tests.support.pages import Visitor
from tests.support.people import HEFEI_SCHOOL


def test_what_has_an_id_is_gone_to(world: Any) -> None:
    money = Money(world)
    money.budget()
    claim = money.publicised(scored_class(world, 2))
    line = money.read(claim)["lines"][0]
    clerk = Visitor(world.api, "clerk", at=money.now)
    lesson = claim["class_id"].replace("cls_", "les_") + "-01"
    for asked, heading in (
        (claim["id"], "补贴申领"),
        (claim["class_id"], "电商一班"),
        (line["id"], "补贴明细"),
        (line["enrolment_id"], "报名"),
        (f" {HEFEI_SCHOOL.lower()} ", "合肥滨湖云创技能培训有限公司"),
        (lesson, "签到记录"),
    ):
        page = clerk.get(f"/console/search?q={asked.replace(' ', '%20')}")
        assert page.status == 200, (asked, page.text)
        assert heading in page.text, asked
        assert "没有找到" not in page.text, asked


def test_what_is_not_there_or_not_theirs_is_told_alike(world: Any) -> None:
    money = Money(world)
    claim = money.claim(scored_class(world, 1))
    wuhu = Visitor(world.api, "clerk_wuhu", at=money.now)
    for asked in (claim["id"], "clm_aaaaaaaaaaaaaaaaaaaaaaaa", "340104200001010007", "%E5%BC%A0%E4%B8%89"):
        page = wuhu.get(f"/console/search?q={asked}")
        assert page.status == 200, page.text
        assert "没有找到，或不在您的管辖范围" in page.text
    assert "查询" in wuhu.get("/console/search").text
    school = Visitor(world.api, "institution", at=money.now)
    assert "console/search" not in school.get("/console").html
