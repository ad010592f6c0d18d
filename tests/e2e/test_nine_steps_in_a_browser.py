"""The nine steps of the notice through pages alone, wide and on a phone, each page looked at in the light and the dark."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
from stdnum.cn import uscc

from chalicelib.kernel.calendar import SHANGHAI, add_working_days
from chalicelib.kernel.geo import CoordSystem, Point, to_wgs84
from infra.demo.client import Service
from infra.local.films import film_of
from infra.local.people import (
    PEOPLE_MAX,
    Person,
    graduate_row,
    graduate_workbook,
    make_person,
    roster_workbook,
    score_workbook,
)
from tests.e2e.walking import People
from tests.support import browser
from tests.support.browser import PHONE, WIDE, Browser

pytestmark = [
    pytest.mark.cloud,
    pytest.mark.skipif(not browser.is_there(), reason="Chromium and its driver are not installed"),
]
PICTURES = Path(__file__).parents[2] / ".build/steps"
SITE = (117.2864, 31.8107)
"""In the phone's system moved to the map's: where the school says that it is."""
PASSWORD = "Tongxing-2026-jiaowu"
_POINT = to_wgs84(Point(*SITE, CoordSystem.GCJ02))
HERE = (_POINT.lng, _POINT.lat)
_REFUSED = re.compile(r"Failed to load resource: the server responded with a status of 4\d\d")
"""A refusal is an answer; the browser complains of it all the same."""
FIRST_DAYS, LESSONS, HOURS = 10, 2, 4


@dataclass
class Walk:
    """What those who walk hand on to each other."""

    people: People
    nth: int
    day: date
    school: str = ""
    project: str = ""
    program: str = ""
    class_id: str = ""
    claim: str = ""
    graduates: list[Person] = field(default_factory=list)
    before: dict[str, Any] = field(default_factory=dict)
    """The policy as it was."""

    @property
    def uscc(self) -> str:
        body = f"52340111MW{self.nth:07d}"
        return body + uscc.calc_check_digit(body)

    @property
    def name(self) -> str:
        return f"合肥市包河区同行职业培训学校{self.nth}"

    @property
    def first_person(self) -> int:
        """Far above the people of the stories on this stack; the trainer is counted from it as theirs are.

        A trainer whom a story counted too taught in two places on one day, and both classes were rightly held.
        """
        return 40_000 + 200 * self.nth

    @property
    def staff_of_school(self) -> Person:
        return make_person(PEOPLE_MAX - 2 - self.first_person)

    def moment(self, days: int, hour: int, minute: int = 0) -> datetime:
        return datetime.combine(self.day + timedelta(days=days), time(hour, minute), tzinfo=SHANGHAI)


SIZES = {"wide": WIDE, "phone": PHONE}


@pytest.fixture(params=SIZES)
def walk(request: Any, service: Service, facts: dict[str, Any]) -> Iterator[Walk]:
    nth = list(SIZES).index(request.param) + 1
    with Browser.open(size=SIZES[request.param]) as window:
        people = People(window, service, PICTURES / request.param)
        yield Walk(people, nth, datetime.now(SHANGHAI).date())
        complaints = [line for line in window.complaints() if "AudioContext" not in line]
        assert [line for line in complaints if not _REFUSED.search(line)] == []


def test_the_nine_steps_go_through_pages_alone(walk: Walk, tmp_path: Path) -> None:
    walked(walk, tmp_path)


def walked(walk: Walk, tmp_path: Path) -> None:
    configure(walk)
    catalogue(walk)
    issue(walk, tmp_path)
    claim(walk)
    redeem(walk)
    open_class(walk)
    roster(walk, tmp_path)
    attend(walk, tmp_path)
    complete(walk, tmp_path)
    claim_subsidy(walk)
    settle(walk, tmp_path)
    set_back(walk)


def configure(walk: Walk) -> None:
    """Step 1: the province sets the policy, and sees what it would change before it counts."""
    people = walk.people
    people.at(walk.moment(0, 9))
    people.become("province-1")
    people.open("programs")
    people.follow("高校毕业生强技计划")
    people.shot("program")
    walk.program = people.window.address.rpartition("/")[2]
    policy = people.service.anyone().get(f"/v1/programs/{walk.program}").wanted["policy"]
    walk.before = {
        name: policy[name] for name in ("class_size_min", "class_hours_min", "publicity_working_days")
    }
    people.fill(class_size_min=2, class_hours_min=8, face_value_fen="6000.00", overridable_checks=[])
    people.fill(publicity_working_days=2 + walk.nth, reason="试点班规模小，公示期按市里规定")
    people.press("核对差异")
    people.window.until("document.getElementById('differences')")
    people.sees("公示工作日数")
    people.shot("policy-differences")
    people.press("发布新一版政策", asks="发布")
    people.done("发布新一版政策")
    people.open("deliveries")
    people.shot("deliveries")


def account_at_the_bank(walk: Walk) -> None:
    """Have the clerk put the school's account, and finance type it from the paper, once wrongly."""
    people = walk.people
    number = f"34010021{walk.nth:08d}"
    people.fill(holder=walk.name, bank="中国银行合肥分行", number=number, reason="首次登记")
    people.press("提请变更收款账户")
    people.done("提请变更收款账户")
    people.become("finance-3401")
    people.open("")
    people.shot("finance-in-tray")
    people.open(f"institutions/{walk.uscc}")
    people.fill(number=number[:-1])
    people.press("确认收款账户", asks="不能撤销")
    people.refused("录入的账号与提交的账号不一致")
    people.shot("payee-refused")
    people.fill(number=number)
    people.press("确认收款账户", asks="不能撤销")
    people.done("确认收款账户")


def catalogue(walk: Walk) -> None:
    """Step 2: a project, a school, its account at the bank by two, its staff's account by two."""
    people = walk.people
    walk.project = f"prj_steps-{walk.nth}"
    people.open("projects/new")
    people.fill(
        project_id=walk.project,
        name=f"互联网营销短训{walk.nth}",
        occupation_code="4-01-06-02",
        edition="2022",
        level="5",
        hours="8",
        fee="1800.00",
        programs=[walk.program],
    )
    people.press("保存")
    people.done("保存")
    people.become("clerk-3401")
    people.open("institutions/new")
    people.fill(
        uscc=walk.uscc[:-1] + ("A" if walk.uscc[-1] != "A" else "B"), name=walk.name, division="340111"
    )
    people.fill(
        address="合肥市包河区徽州大道2290号", phone="0551-63470099", rooms="3", lng=SITE[0], lat=SITE[1]
    )
    people.fill(programs=[walk.program], projects=[walk.project])
    people.press("保存")
    people.refused("统一社会信用代码")
    people.shot("institution-refused")
    people.fill(uscc=walk.uscc)
    people.press("保存")
    people.done("保存")
    people.open(f"institutions/{walk.uscc}")
    people.shot("institution")
    account_at_the_bank(walk)
    people.become("clerk-3401")
    people.open("accounts")
    who = walk.staff_of_school
    walk.school = f"school-steps-{walk.nth}"
    people.fill(account=walk.school, name=who.name, id_number=who.id_number, role="institution")
    people.fill(division="340111", institution=walk.uscc)
    people.press("新增账号")
    people.sees("激活码")
    people.shot("account-asked")
    code = people.window.run("return document.querySelector('.notice.good b code').textContent")
    people.nobody()
    people.open("")
    people.fill(account=["", walk.school], activation_code=code, password=["", PASSWORD])
    people.fill(assertion=people.service.assertion(sub=who.id_number, name=who.name))
    people.shot("activation")
    people.press("激活")
    people.window.until("document.querySelector('nav.areas') || document.getElementById('done')")
    people.passwords[walk.school] = PASSWORD


def issue(walk: Walk, folder: Path) -> None:
    """Step 3: a list is refused row by row, sent again without the wrong row, and issued by a second person."""
    people = walk.people
    people_of_hefei = (make_person(walk.first_person + nth, today=walk.day) for nth in range(200))
    walk.graduates = [one for one in people_of_hefei if one.division.startswith("3401")][:3]
    rows = [list(graduate_row(one)) for one in walk.graduates]
    spoilt = list(graduate_row(make_person(walk.first_person + 199, today=walk.day)))
    spoilt[1] = str(spoilt[1])[:-1] + ("1" if str(spoilt[1])[-1] != "1" else "2")
    sheet = folder / "毕业生名单.xlsx"
    sheet.write_bytes(graduate_workbook([*map(tuple, rows), tuple(spoilt)]))
    people.become("province-1")
    people.open("lists")
    people.fill(kind="graduates")
    people.window.attach("[data-file]", sheet)
    people.press("上传并核对")
    people.sees("有误的行", "校验码")
    people.look()
    people.shot("list-refused")
    people.open("lists")
    people.fill(kind="graduates", partial=["yes"])
    people.window.attach("[data-file]", sheet)
    people.press("上传并核对")
    people.sees("提请发放")
    people.fill(declared_count=4)
    people.press("提请发放")
    people.refused("申报")
    people.fill(declared_count=3)
    people.press("提请发放")
    people.done("提请发放")
    people.follow("月", within="待批准")
    people.sees("将批准的内容")
    batch = people.window.address.partition("/console/")[2]
    people.shot("issuance-proposed")
    people.become("province-2")
    people.open("")
    people.shot("province-in-tray")
    people.open(batch)
    people.press("批准发放", asks="不能撤销")
    people.done("批准发放")
    people.sees("已发放 3")
    people.shot("issued")


def claim(walk: Walk) -> None:
    """Step 4: the holder opens the card, accepts the voucher, and looks where it may be spent."""
    people = walk.people
    people.at(walk.moment(0, 10))
    for place, one in enumerate(walk.graduates):
        people.hold_card(one)
        people.sees("待领用")
        people.press("领用")
        people.sees("已领用")
        if place == 0:
            people.stand_at(*HERE)
            people.press("可用机构")
            people.sees(walk.name)
            people.shot("card-claimed")


def redeem(walk: Walk) -> None:
    """Step 5: the school scans what the holder shows, looks at the person, and enrols them; a second scan is refused."""
    people = walk.people
    people.at(walk.moment(1, 9))
    for place, one in enumerate(walk.graduates[:2]):
        people.hold_card(one)
        people.press("出示券码")
        token = people.code_shown()
        if place == 0:
            people.shot("card-code")
        people.become(walk.school)
        people.window.go(f"{people.root}/scan")
        people.fill(project_id=walk.project)
        people.window.type("#token", token)
        people.window.keys("enter")
        people.sees("请核对本人", one.name[0] + "*", one.id_number[-4:])
        if place == 0:
            people.shot("scan-preview")
        people.window.keys("enter")
        people.window.until("document.querySelector('[data-verdict=good]')")
        if place == 0:
            people.shot("scan-good")
            people.fill(project_id=walk.project)
            people.window.type("#token", token)
            people.window.keys("enter")
            people.window.until("document.querySelector('[data-verdict=bad]')")
            people.shot("scan-refused")
    people.open("enrolments")
    people.sees("已报名", walk.graduates[0].id_number[-4:])
    people.shot("enrolments")


def open_class(walk: Walk) -> None:
    """Step 6: the school applies, the bureau returns it with a reason, and approves what was mended."""
    people = walk.people
    people.at(walk.moment(1, 15))
    people.become(walk.school)
    people.open("desk/class")
    trainer = make_person(PEOPLE_MAX - 1 - walk.first_person)
    days = [walk.moment(FIRST_DAYS + nth, 8, 30) for nth in range(LESSONS)]
    people.fill(
        class_name=f"同行短训{walk.nth}班",
        project_id=walk.project,
        planned_size=2,
        source="catalogue",
        trainer_name=[trainer.name],
        trainer_id_number=[trainer.id_number],
        trainer_qualification=[""],
        lesson_day=[one.date().isoformat() for one in days],
        lesson_from=["08:30"] * LESSONS,
        lesson_to=["11:30"] * LESSONS,
        lesson_hours=[str(HOURS)] * LESSONS,
        lesson_topic=[f"第{nth + 1}讲" for nth in range(LESSONS)],
        lesson_trainer=["1"] * LESSONS,
    )
    people.shot("class-applied-for")
    people.press("保存申请")
    people.sees(f"同行短训{walk.nth}班", "提交审批")
    walk.class_id = people.window.address.partition("/classes/")[2].partition("?")[0]
    people.open(f"classes/{walk.class_id}")
    people.press("提交审批")
    people.done("提交审批")
    people.become("clerk-3401")
    people.open("")
    people.shot("clerk-in-tray")
    people.follow(f"同行短训{walk.nth}班")
    people.shot("class-to-decide")
    people.fill(words="授课教师资格未填写，请补充")
    people.press("退回开班申请")
    people.done("退回开班申请")
    people.become(walk.school)
    people.open(f"desk/{walk.class_id}")
    people.fill(
        trainer_name=[trainer.name],
        trainer_id_number=[trainer.id_number],
        trainer_qualification=["互联网营销师二级"],
    )
    people.press("保存申请")
    people.sees("提交审批")
    people.open(f"classes/{walk.class_id}")
    people.sees("退回原因")
    people.press("提交审批")
    people.done("提交审批")
    people.become("clerk-3401")
    people.open(f"classes/{walk.class_id}")
    people.sees("与上次提交的不同", "教师 1 资格")
    people.shot("class-differences")
    people.press("批准开班")
    people.done("批准开班")


def roster(walk: Walk, folder: Path) -> None:
    """Step 7: a roster with a stranger is refused by its row, the right one is checked first and applied."""
    people = walk.people
    people.at(walk.moment(2, 9))
    people.become(walk.school)
    people.open(f"classes/{walk.class_id}/roster")
    sheet = folder / "花名册.xlsx"
    sheet.write_bytes(roster_workbook(walk.graduates))
    people.window.attach("[data-file]", sheet)
    people.press("先试核对")
    people.sees("4", "报名")
    people.shot("roster-refused")
    sheet = folder / "花名册2.xlsx"
    sheet.write_bytes(roster_workbook(walk.graduates[:2]))
    people.open(f"classes/{walk.class_id}/roster")
    people.window.attach("[data-file]", sheet)
    people.press("核对并提交")
    people.window.until("document.querySelector('.answer .good')")
    people.follow("查看最新内容")
    people.sees("已编班", walk.graduates[1].id_number[-4:])
    people.shot("roster")


def attend(walk: Walk, folder: Path) -> None:
    """Step 8: trainees sign in at the site with their phones, from elsewhere they do not; lessons are filmed."""
    people = walk.people
    for nth in range(LESSONS):
        starts = walk.moment(FIRST_DAYS + nth, 8, 30)
        for place, one in enumerate(walk.graduates[:2]):
            people.at(starts - timedelta(minutes=20) + timedelta(seconds=41 * place))
            people.hold_card(one)
            if nth == place == 0:
                people.sees("下一节课")
                people.stand_at(HERE[0] + 0.03, HERE[1])
                people.press("签到")
                people.sees("超出允许范围")
                people.shot("card-outside")
            people.stand_at(HERE[0] + 0.00004 * (place + 1), HERE[1] + 0.00003 * nth)
            people.press("签到")
            people.sees("签到成功")
            if nth == place == 0:
                people.shot("card-signed-in")
        ends = starts + timedelta(hours=3)
        people.at(ends + timedelta(minutes=10))
        people.become(walk.school)
        people.open(f"classes/{walk.class_id}")
        people.follow(f"{starts:%-d}日")
        film = folder / f"camera-{nth + 1}.mp4"
        film.write_bytes(film_of(3 * 3600, f"steps {walk.nth} {nth}"))
        people.fill(camera_id="camera-1")
        people.window.attach("#film", film)
        people.press("上传录像")
        people.done("上传录像")
        people.until_shown(people.window.address.partition("/console/")[2].partition("?")[0], "录像覆盖 100%")
        people.shot(f"lesson-{nth + 1}")
    people.become("clerk-3401")
    people.open(f"classes/{walk.class_id}/attendance")
    people.shot("attendance")


def complete(walk: Walk, folder: Path) -> None:
    """Step 9, first half: completion, marks of all, one of whom fails."""
    people = walk.people
    people.at(walk.moment(FIRST_DAYS + LESSONS, 9))
    people.become(walk.school)
    people.open(f"classes/{walk.class_id}")
    people.press("申请结业")
    people.done("申请结业")
    people.become("clerk-3401")
    people.open(f"classes/{walk.class_id}")
    people.shot("completion-to-decide")
    people.press("批准结业", asks="不能撤销")
    people.done("批准结业")
    people.become(walk.school)
    people.open(f"classes/{walk.class_id}/marks")
    sheet = folder / "成绩.xlsx"
    sheet.write_bytes(score_workbook([(walk.graduates[0], 81, 77)]))
    people.window.attach("[data-file]", sheet)
    people.press("核对并提交")
    people.sees("没有成绩，请补全", walk.graduates[1].id_number[-4:])
    people.shot("marks-refused")
    sheet = folder / "成绩2.xlsx"
    sheet.write_bytes(score_workbook([(walk.graduates[0], 81, 77), (walk.graduates[1], 75, 41)]))
    people.open(f"classes/{walk.class_id}/marks")
    people.window.attach("[data-file]", sheet)
    people.press("核对并提交")
    people.window.until("document.querySelector('.answer .good')")
    people.open(f"classes/{walk.class_id}/marks")
    people.sees("不合格 1")
    people.shot("marks")


def claim_subsidy(walk: Walk) -> None:
    """Step 9: the school declares what it counted, two people review it, the public looks at it."""
    people = walk.people
    people.open(f"classes/{walk.class_id}/claim")
    people.fill(declared_count=2, declared_amount_fen="3600.00")
    people.press("申领补贴")
    people.refused("3,600.00 元")
    people.fill(declared_count=1, declared_amount_fen="1800.00")
    people.press("申领补贴")
    people.done("申领补贴")
    people.shot("claimed")
    people.become("clerk-3401")
    people.open("claims")
    people.follow(f"同行短训{walk.nth}班")
    walk.claim = people.window.address.rpartition("/")[2]
    people.shot("claim-first-review")
    people.press("初审通过")
    people.done("初审通过")
    people.become("finance-3401")
    people.open("money")
    before = people.figure("下达")
    people.fill(appropriated_fen=f"{before + 1800:.2f}")
    people.press("保存预算")
    people.done("保存预算")
    assert people.figure("下达") == before + 1800
    people.shot("money")
    people.become("reviewer-3401")
    people.open("")
    people.follow(f"同行短训{walk.nth}班")
    people.shot("claim-second-review")
    people.press("复审通过", asks="不能撤销")
    people.done("复审通过")
    people.nobody()
    people.window.go(f"{people.root}/public")
    people.sees(f"同行短训{walk.nth}班")
    people.shot("public")
    assert walk.graduates[0].name not in people.window.text


def settle(walk: Walk, folder: Path) -> None:
    """Step 9: sealed in the night, paid by the bank's sheet, the voucher settled and the change told."""
    people = walk.people
    reviewed = walk.moment(FIRST_DAYS + LESSONS, 9).date()
    last_day = add_working_days(reviewed, 2 + walk.nth)
    night = datetime.combine(last_day + timedelta(days=1), time(0, 35), tzinfo=SHANGHAI)
    people.service.invoke("settle_subsidies", {"now": night.isoformat()})
    people.at(night.replace(hour=9))
    people.become("finance-3401")
    people.until_shown("money", "已封存", else_look_at=[f"claims/{walk.claim}", "holds"])
    people.follow("批", within="已封存")
    people.shot("batch-sealed")
    line = people.link("lin_")
    people.press("导出付款文件")
    people.sees("下载")
    people.shot("batch-exported")
    sheet = folder / "回盘.csv"
    line_id = line.rpartition("/")[2]
    row = f"{line_id},已支付,180000,{night.date()},TK{walk.nth:08d},"
    sheet.write_text(f"明细编号,状态,金额（分）,支付日期,流水号,原因\n{row}\n")
    batch = people.window.address.partition("/console/")[2].partition("?")[0]
    people.become("finance-3401-2")  # who had the file of a batch enters no result of it
    people.open(batch)
    people.window.attach("[data-file]", sheet)
    people.press("先试核对")
    people.window.until("document.querySelector('.answer').innerText.length > 5")
    people.shot("results-checked")
    people.press("核对并提交")
    people.sees("查看最新内容")
    people.follow("查看最新内容")
    people.sees("已办结")
    people.shot("batch-paid")
    people.hold_card(walk.graduates[0])
    people.sees("已结算")
    people.shot("card-settled")
    people.become(walk.school)
    people.open("desk")
    people.sees("已支付")
    people.shot("desk-paid")
    people.open("statements")
    people.shot("statement")
    people.become("supervisor-3401")
    people.until_shown("reports", "净支付\t")
    assert float(people.window.text.partition("净支付\t")[2].split()[0].replace(",", "")) >= 1800
    people.shot("reports")
    people.become("province-1")
    people.open("deliveries")
    people.shot("told")


def set_back(walk: Walk) -> None:
    """Leave the policy as it was found: others use the stack too."""
    people = walk.people
    people.open(f"programs/{walk.program}")
    people.fill(**walk.before, reason="试点结束，恢复原规定")
    people.press("核对差异")
    people.window.until("document.getElementById('differences')")
    people.press("发布新一版政策", asks="发布")
    people.done("发布新一版政策")
