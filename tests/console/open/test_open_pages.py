"""Pages for everybody: publicity with objections, the institution finder, every reason explained."""

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
