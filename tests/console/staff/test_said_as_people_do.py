"""What pages say of people, changes and money: names and words, never ids, paths or fen."""

from datetime import timedelta
from types import SimpleNamespace

from chalicelib.console.staff.areas.waiting import _title
from chalicelib.console.staff.rendering import _AREAS
from chalicelib.sheets.content_types import XLSX
from tests.classes.builders import Classroom, application, xlsx
from tests.support.pages import Visitor


def test_a_sheet_that_leaves_somebody_out_names_them(api, world):
    room = Classroom(world).completed(2)
    school = Visitor(api, "institution", at=world.now + timedelta(days=90))
    page = school.get(f"/console/classes/{room.id}/marks")
    first, missing = room.people[:2]
    raw = xlsx(("姓名", "身份证号", "理论成绩", "实操成绩"), (first.name, first.id_number, 80, 81))
    told = school.upload(
        page, "sheet.scores", raw, XLSX, dry_run="false", version=str(room.read()["version"])
    )
    assert told.status == 422, told.text
    assert missing.id_number[-4:] in told.text
    assert "没有成绩" in told.text
    assert "enr_" not in told.text


def test_what_changed_of_a_plan_is_said_in_words(api, world):
    body = application(world)
    room = api("institution").post("/v1/classes", body, at=world.now).json
    path = f"/v1/classes/{room['id']}"
    filed = api("institution").post(f"{path}/submit", {"version": 1}, at=world.now).json
    returned = (
        api("clerk")
        .post(f"{path}/return", {"version": filed["version"], "reason": "请补充"}, at=world.now)
        .json
    )
    body["trainers"][0]["qualification"] = "高级技师，从教十年"
    body["lessons"][0]["topic"] = "另一讲"
    better = api("institution").put(path, {**body, "version": returned["version"]}, at=world.now).json
    api("institution").post(f"{path}/submit", {"version": better["version"]}, at=world.now)
    zh, en = (Visitor(api, "clerk", lang=lang, at=world.now) for lang in ("zh", "en"))
    told = zh.get(f"/console/classes/{room['id']}").text
    assert "教师 1 资格" in told
    assert "第1次课 内容" in told
    assert "trainers[" not in told
    assert "trainer 1 qualification" in en.get(f"/console/classes/{room['id']}").text


def test_a_refusal_tells_money_in_yuan(api, world):
    from chalicelib.kernel.reasons import sentence

    assert (
        sentence("budget_exhausted", {"missing_fen": 123_456}) == "预算不足，还差 1,234.56 元，请先追加预算。"
    )
    assert "1,234.56 yuan" in sentence("budget_exhausted", {"missing_fen": 123_456}, english=True)


def test_a_message_that_the_platform_refused_is_told_in_words(api, world):
    from chalicelib.exchange import store
    from chalicelib.exchange.model import PlatformVerdict
    from chalicelib.exchange.service import Acknowledgement, acknowledge
    from chalicelib.kernel.principal import system_context
    from tests.exchange.test_returning import returned
    from tests.support.streams import handed_over, voucher_changes

    returned(*voucher_changes("vch_refused"))
    handed_over("vch_refused", 1)
    (delivery,) = store.deliveries_of("vch_refused")
    said = Acknowledgement(delivery.message_id, PlatformVerdict.REFUSED, "面额不符")
    acknowledge(system_context("test", now=world.now, request_id="req_test"), [said])
    for lang, event in (("zh", "培训券发放"), ("en", "Voucher issued")):
        province = Visitor(api, "province", lang=lang, at=world.now)
        for path in ("/console", "/console/deliveries"):
            told = province.get(path)
            assert event in told.text, path
            assert "voucher.issued" not in told.text, path
        assert "面额不符" in told.text


def test_the_in_tray_leads_to_the_list_that_holds_a_message_whatever_its_state(api, world):
    from chalicelib.exchange import store
    from chalicelib.kernel.principal import change_of, system_context
    from tests.exchange.test_returning import returned
    from tests.support.streams import handed_over, voucher_changes

    context = system_context("test", now=world.now, request_id="req_test")
    names = {"vch_dead": store.give_up, "vch_refused": store.mark_refused}
    for name in names:
        returned(*voucher_changes(name))
        handed_over(name, 1)
    [dead], [refused] = (store.deliveries_of(name) for name in names)
    change = change_of(context, "test")
    store.give_up(dead, failure="unanswered", now=world.now, change=change)
    assert store.mark_refused(refused, reason="面额不符", now=world.now, change=change)
    province = Visitor(api, "province", at=world.now)
    tray = province.get("/console")
    led = {link for link in tray.links if "console/deliveries?message=" in link}
    assert len(led) == 2
    for link in led:
        page = province.get(f"/console/{link.partition('console/')[2]}")
        named, other = ("vch_dead", "vch_refused") if dead.message_id in link else ("vch_refused", "vch_dead")
        assert named in page.text, link
        assert other not in page.text, link
        assert {"delivery.redrive", "delivery.pass_over"} <= page.decisions
    assert province.get("/console/deliveries", message="msg_none-vch1").status == 404


def test_a_message_beyond_the_first_page_of_its_list_stands_first_where_it_is_asked_for(api, world):
    from chalicelib.exchange import store
    from tests.exchange.test_returning import returned
    from tests.support.streams import voucher_changes

    names = [f"vch_many{number:03d}" for number in range(120)]
    returned(*[record for name in names for record in voucher_changes(name)])
    province = Visitor(api, "province", at=world.now)
    for name in (names[0], names[60], names[-1]):
        (delivery,) = store.deliveries_of(name)
        page = province.get("/console/deliveries", message=delivery.message_id)
        assert page.text.count(name) == 1
        assert page.text.index(name) == min(page.text.index(n) for n in names if n in page.text)
        on_pages = list(named_on(page, names))
        while onwards := onwards_on(page):
            page = province.get("/console/deliveries" + onwards)
            assert page.status == 200, page.text
            on_pages += named_on(page, names)
        assert sorted(on_pages) == names, "each once, on whichever page"


def onwards_on(page):
    return next((link for link in page.links if "cursor=" in link and "lang=" not in link), "")


def named_on(page, names):
    return [name for name in names if name in page.text]


def test_a_message_that_moves_while_people_turn_pages_leads_into_no_other_list(api, world):
    from chalicelib.exchange import store
    from chalicelib.kernel.principal import change_of, system_context
    from tests.exchange.test_returning import returned
    from tests.support.streams import handed_over, voucher_changes

    names = [f"vch_moves{number:03d}" for number in range(120)]
    returned(*[record for name in names for record in voucher_changes(name)])
    (delivery,) = store.deliveries_of(names[60])
    province = Visitor(api, "province", at=world.now)
    page = province.get("/console/deliveries", message=delivery.message_id)
    shown = named_on(page, names)
    handed_over(names[60], 1)
    change = change_of(system_context("test", now=world.now, request_id="req_test"), "test")
    assert store.mark_refused(
        store.deliveries_of(names[60])[0], reason="面额不符", now=world.now, change=change
    )
    while onwards := onwards_on(page):
        page = province.get("/console/deliveries" + onwards)
        assert page.status == 200, page.text
        shown += named_on(page, names)
    assert sorted(shown) == names
    chip = next(link for link in page.links if "state=refused" in link)
    refused = province.get("/console/deliveries" + chip)
    assert named_on(refused, names) == [names[60]]


def test_no_two_areas_of_the_navigation_share_a_name_in_either_language():
    for language in (0, 1):
        names = [names[language] for _, names, _ in _AREAS]
        assert len(names) == len(set(names)), names


def test_a_row_that_is_overdue_is_not_also_said_to_be_due_soon(api, world):
    room = api("institution").post("/v1/classes", application(world), at=world.now).json
    api("institution").post(f"/v1/classes/{room['id']}/submit", {"version": 1}, at=world.now)
    later = world.now + timedelta(days=30)
    item = api("clerk").get("/v1/waiting?kind=class", at=later).json["items"][0]
    assert item["flags"] == ["late", "overdue"]
    page = Visitor(api, "clerk", at=later).get("/console", kind="class")
    assert page.text.count("临近到期") == 1, "the filter alone"
    assert page.text.count("已超期") == 2, "the filter, and the row"
    assert "Due soon" in Visitor(api, "clerk", lang="en", at=later).get("/console").text


def test_footage_that_waits_is_told_by_its_lesson():
    item = SimpleNamespace(kind="footage", name="电商一班", within="les_abcdefgh-03", subject="seg_1")
    page = SimpleNamespace(english=False, say=lambda chinese, _: chinese)
    assert _title(page, item) == "电商一班 第 3 课"
