"""Lists, issuance, the catalogue and accounts on pages: each by the people whose work it is."""

import hashlib
import json
import re

import app
from chalicelib.sheets.content_types import CSV
from chalicelib.sheets.writing import write_csv
from infra.local.people import GRADUATE_HEADERS, demo_list, graduate_row, make_person
from tests.accounts.builders import numbered
from tests.support.pages import Visitor
from tests.support.people import HEFEI_SCHOOL
from tests.vouchers.batches.test_issuance_from_a_list import NOW, arrive


def announced(visitor, raw, *, partial, filename="毕业生.xlsx"):
    page = visitor.get("/console/lists")
    csrf = next(value for form in page.forms for name, value in form.fields if name == "csrf")
    pairs = [
        ("csrf", csrf),
        ("do", "list.upload"),
        ("kind", "graduates"),
        ("filename", filename),
        ("size_bytes", str(len(raw))),
        ("sha256", hashlib.sha256(raw).hexdigest()),
        *([("partial", "yes")] if partial else []),
    ]
    told = visitor.post("/console/lists", pairs)
    assert told.status == 200, told.text
    fields = json.loads(re.search(r'data-fields="([^"]+)"', told.html).group(1).replace("&#34;", '"'))
    assert "policy" in " ".join(fields).lower()
    return re.search(r'data-next="[^"]*lists/([^"]+)"', told.html).group(1)


def test_a_list_is_uploaded_its_errors_read_and_its_vouchers_issued_by_two(world, api, cloud):
    raw, expected = demo_list(60, today=NOW.date())
    one, two = Visitor(api, "province", at=NOW), Visitor(api, "province_two", at=NOW)
    import_id = announced(one, raw, partial=True)
    waiting = one.get(f"/console/lists/{import_id}")
    assert 'hx-trigger="every 3s"' in waiting.html, "progress is asked for by itself"
    arrive(cloud, import_id, raw)
    page = one.get(f"/console/lists/{import_id}")
    assert "核对通过" in page.text
    assert "hx-trigger" not in page.html
    assert "有误的行" in page.text
    wrong = one.press(page, "import.propose", declared_count="1")
    assert wrong.status == 422
    assert 'value="1"' in wrong.html
    proposed = one.press(wrong, "import.propose", declared_count=str(expected.valid))
    assert proposed.status == 200, proposed.text
    link = next(link for link in proposed.links if "console/issuance/" in link)
    path = "/console/issuance/" + link.partition("issuance/")[2]
    own = one.get(path)
    assert "将批准的内容" in own.text
    assert f"{expected.eligible * 6000:,}.00" in own.text, "the total that will be approved"
    assert "issuance_batch.approve" not in own.decisions, "not one's own proposal"
    tray = two.get("/console?kind=issuance_batch")
    assert world.program_id not in tray.text, "a batch is called by its program's name"
    approved = two.press(two.get(path), "issuance_batch.approve")
    assert approved.status == 200, approved.text
    assert "正在发放" in approved.text
    messages = [json.dumps(message) for message in cloud.messages("issuance")]
    app.issue_vouchers({"Records": [{"messageId": "m", "body": body} for body in messages]}, None)
    issued = one.get(f"/console/lists/{import_id}")
    assert "本名单已发放过" in issued.text
    again = one.press(issued, "import.propose", declared_count=str(expected.valid))
    assert again.status == 409
    assert "没有可发放的人" in again.text


def test_what_is_told_of_a_list_names_what_was_read_and_how(world, api, cloud):
    rows = [list(graduate_row(make_person(n, today=NOW.date()))) for n in range(3)]
    rows[0][GRADUATE_HEADERS.index("学历")] = "大专"
    raw = write_csv(GRADUATE_HEADERS, rows)
    one = Visitor(api, "province", at=NOW)
    import_id = announced(one, raw, partial=True, filename="毕业生.csv")
    arrive(cloud, import_id, raw)
    told = api("province").get(f"/v1/imports/{import_id}", at=NOW).json["notices"]
    page = one.get(f"/console/lists/{import_id}")
    assert "大专" in told[0]["detail"]
    assert all(notice["detail"] in page.text for notice in told)
    assert "“…”" not in page.text


def test_an_account_is_asked_for_confirmed_and_its_code_shown_once(world, api):
    holder = numbered("xin-fuhe")
    clerk, supervisor = Visitor(api, "clerk"), Visitor(api, "supervisor")
    page = clerk.get("/console/accounts")
    typed = {
        "account": "xin-fuhe",
        "name": holder.name,
        "id_number": holder.id_number,
        "role": "reviewer",
        "division": "3401",
    }
    made = clerk.press(page, "new.account", **typed)
    assert made.status == 200, made.text
    assert "激活码" in made.text
    code = re.search(r"<b><code>([^<]+)</code></b>", made.html).group(1)
    assert code not in clerk.get("/console/accounts").html
    listed = supervisor.get("/console/accounts")
    assert "待确认" in listed.text
    confirmed = supervisor.press(listed, "account.confirm")
    assert confirmed.status == 200, confirmed.text
    assert "待激活" in confirmed.text


def test_a_payee_is_proposed_by_a_clerk_and_confirmed_by_finance(world, api):
    clerk, finance = Visitor(api, "clerk", at=world.now), Visitor(api, "finance", at=world.now)
    page = clerk.get(f"/console/institutions/{HEFEI_SCHOOL}")
    typed = {
        "holder": "合肥滨湖云创技能培训有限公司",
        "bank": "徽商银行合肥分行",
        "number": "1302010109000012345",
    }
    bare = clerk.press(page, "new.payee", **typed, reason="")
    assert bare.status == 400
    assert "徽商银行合肥分行" in bare.html
    proposed = clerk.press(bare, "new.payee", reason="账户迁移")
    assert proposed.status == 200, proposed.text
    assert "1302010109000012345" not in proposed.html
    waiting = finance.get("/console/payees")
    assert "账户迁移" in waiting.text
    done = finance.press(waiting, "payee.confirm", words="已核对开户证明", number="1302010109000012345")
    assert done.status == 200, done.text
    assert "账户迁移" not in finance.get("/console/payees").text


def test_a_sheet_of_institutions_is_checked_row_by_row(world, api):
    clerk = Visitor(api, "clerk", at=world.now)
    page = clerk.get("/console/institutions")
    told = clerk.upload(page, "sheet.institutions", "机构名称,电话\n某校,1\n".encode(), CSV, dry_run="true")
    assert "列" in told.text
    assert told.status >= 400
    made = clerk.press(page, "template.institutions")
    assert "下载模板" in made.text
