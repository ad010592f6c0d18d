"""Money on pages, from a claim to what came back: each step by the person whose step it is."""

import re

import pytest

from chalicelib.sheets.content_types import CSV
from chalicelib.sheets.writing import write_csv
from tests.subsidies.scored import Money, scored_class
from tests.support.pages import Visitor

HEADERS = ("明细编号", "状态", "金额", "支付日期", "流水号", "原因")


@pytest.fixture
def money(world):
    return Money(world)


def visit(money, who):
    return Visitor(money.api, who, at=money.now)


def test_a_school_claims_and_two_people_review_it_with_one_line_taken_out(world, money):
    class_id = scored_class(world, 3)
    finance = visit(money, "finance")
    page = finance.get("/console/money")
    saved = finance.press(page, "new.budget", appropriated_fen="1,000,000.00")
    assert "1,000,000.00" in saved.text
    school = visit(money, "institution")
    page = school.get(f"/console/classes/{class_id}/claim")
    wrong = school.press(page, "new.claim_subsidy", declared_count="3", declared_amount_fen="1")
    assert wrong.status == 422
    assert 'value="3"' in wrong.html
    claimed = school.press(wrong, "new.claim_subsidy", declared_amount_fen="5400")
    assert claimed.status == 200, claimed.text
    claim_id = class_id.replace("cls_", "clm_")
    clerk = visit(money, "clerk")
    page = clerk.get(f"/console/claims/{claim_id}")
    out = re.findall(r'name="drop" value="([^"]+)"', page.html)
    assert len(out) == 3
    bare = clerk.press(page, "claim.review", drop=out[:1])
    assert bare.status == 400, "a line goes out with a reason"
    assert f'value="{out[0]}"' in bare.html
    assert "checked" in bare.html, "what was ticked stays ticked"
    done = clerk.press(bare, "claim.review", drop=out[:1], drop_reason="课时不实")
    assert done.status == 200, done.text
    assert "待复审" in done.text
    assert "课时不实" in done.text
    assert "claim.approve" not in done.decisions
    reviewer = visit(money, "reviewer")
    page = reviewer.get(f"/console/claims/{claim_id}")
    assert "预算可用" in page.text
    assert "996,400.00" in page.text, "what is left after approval: 1,000,000 less two of 1,800"
    approved = reviewer.press(page, "claim.approve")
    assert "公示中" in approved.text


def test_several_claims_are_decided_together_with_a_result_each(world, money):
    claims = [money.claim(scored_class(world, 1)) for _ in range(3)]
    clerk = visit(money, "clerk")
    page = clerk.get("/console", kind="subsidy_claim")
    assert page.decisions >= {"bulk.review", "bulk.return", "bulk.reject"}
    one, two, three = (f"{claim['id']}|{claim['version']}" for claim in claims)
    money.ok(money.decide("clerk_two", claims[2], "return", reason="缺发票"))
    done = clerk.press(page, "bulk.review", pick=[one, two, three], reason="")
    assert done.status == 200
    assert "已办理 2 件" in done.text
    assert "未办理 1" in done.text
    assert [money.read(claim)["status"] for claim in claims] == ["reviewed", "reviewed", "returned"]


def test_a_batch_goes_out_comes_back_by_sheet_and_its_failed_line_is_released(world, money):
    money.budget()
    money.publicised(scored_class(world, 2))
    money.wait()
    finance = visit(money, "finance")
    sealed = finance.press(finance.get("/console/money"), "new.seal")
    link = next(link for link in sealed.links if "console/money/" in link)
    page = finance.get("/console/money/" + link.rpartition("/")[2])
    assert "已封存" in page.text
    second = visit(money, "finance_two")
    exported = second.press(second.get(page.path), "settlement_batch.export", format="csv")
    assert exported.status == 200
    assert "付款文件已生成" in exported.text
    assert "银行回盘" not in second.get(page.path).text, "who had the file enters no result"
    page = finance.get(page.path)
    assert "待回盘" in page.text
    lines = money.batch({"id": page.path.rpartition("/")[2]})["lines"]
    rows = [
        [lines[0]["line_id"], "已支付", lines[0]["amount_fen"], "2026-09-21", "TK1", ""],
        [lines[1]["line_id"], "失败", lines[1]["amount_fen"], "", "", "账号不符"],
        ["lin_nobody-01", "已支付", 1, "2026-09-21", "TK2", ""],
    ]
    sheet = write_csv(HEADERS, rows)
    tried = finance.upload(page, "sheet.results", sheet, CSV, dry_run="true")
    assert "尚未提交" in tried.text
    assert "已入账 2" in tried.text
    assert "有误 1" in tried.text
    assert money.batch({"id": page.path.rpartition("/")[2]})["result_count"] == 0
    applied = finance.upload(page, "sheet.results", sheet, CSV, dry_run="false")
    assert "已入账 2" in applied.text
    failed = f"/console/lines/{lines[1]['line_id']}"
    assert "line.release" not in finance.get(failed).decisions, "who entered the failure does not release it"
    released = second.press(second.get(failed), "line.release", words="账户已核实")
    assert released.status == 200, released.text
    assert money.seal()["count"] == 1


def test_a_reversal_is_asked_by_one_and_confirmed_by_another(world, money):
    batch = money.sealed(scored_class(world, 1))
    money.pay(batch)
    line = f"/console/lines/{money.batch(batch)['lines'][0]['line_id']}"
    finance, second = visit(money, "finance"), visit(money, "finance_two")
    asked = finance.press(finance.get(line), "line.reverse", reason="冒名顶替", amount_fen="100.50")
    assert asked.status == 200, asked.text
    assert "100.50" in asked.text
    assert "line.confirm_reversal" not in asked.decisions
    done = second.press(second.get(line), "line.confirm_reversal")
    assert done.status == 200, done.text
    assert "待收回" in done.text


def test_an_amount_with_parts_of_a_fen_is_refused_and_kept(world, money):
    finance = visit(money, "finance")
    refused = finance.press(finance.get("/console/money"), "new.budget", appropriated_fen="12.345")
    assert refused.status == 400
    assert 'value="12.345"' in refused.html


def test_a_statement_is_shown_and_made_as_a_sheet(world, money):
    batch = money.sealed(scored_class(world, 1))
    money.pay(batch)
    page = visit(money, "finance").get("/console/statements", period="2026-09", sheet=1)
    assert page.status == 200
    assert "下载对账单" in page.text
    assert "1,800.00" in page.text


def test_a_payment_is_stopped_and_let_go_by_another(world, money):
    money.budget()
    claim = money.publicised(scored_class(world, 1))
    finance, supervisor = visit(money, "finance"), visit(money, "supervisor")
    leads = next(link for link in finance.get(f"/console/claims/{claim['id']}").links if "/holds?" in link)
    page = finance.get("/console/holds?" + leads.partition("?")[2])
    held = finance.press(page, "new.hold", reason="举报待查")  # whose payment, the link has told
    assert held.status == 200, held.text
    assert "举报待查" in held.text
    assert "电商一班" in held.text
    assert claim["id"] not in held.text, "a hold is on something that has a name"
    let_go = supervisor.press(supervisor.get("/console/holds"), "hold.release", words="查无实据")
    assert let_go.status == 200, let_go.text
    assert "举报待查" not in visit(money, "finance").get("/console/holds").text


def test_a_repayment_is_entered_by_one_and_confirmed_by_another(world, money):
    batch = money.sealed(scored_class(world, 1))
    money.pay(batch)
    line_id = money.batch(batch)["lines"][0]["line_id"]
    money.ok(money.act(line_id, "reverse", reason="冒名顶替"))
    money.ok(money.act(line_id, "reverse/confirm", who="finance_two"))
    finance, second = visit(money, "finance"), visit(money, "finance_two")
    page = finance.get(f"/console/lines/{line_id}")
    day = money.now.date().isoformat()
    asked = finance.press(page, "line.repay", amount_fen="800", received_on=day, bank_reference="TK-77")
    assert asked.status == 200, asked.text
    assert "已登记退款待确认" in asked.text
    done = second.press(second.get(f"/console/lines/{line_id}"), "line.confirm_repayment")
    assert done.status == 200, done.text
    assert "1,000.00" in done.text, "what is still to come back"
