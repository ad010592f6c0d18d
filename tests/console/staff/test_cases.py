"""Risk cases on pages: found by filters in the address, read aloud, taken up, decided, and followed up."""

import ast
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from chalicelib.console import findings
from chalicelib.console.staff.naming import names_of
from chalicelib.programs.thresholds import Thresholds
from chalicelib.supervision.inspections.model import DEVIATION_RULE
from chalicelib.supervision.records.model import FindingKind, Severity
from chalicelib.supervision.rules.register import CLASS_RULES, NOT_EVALUATED, VOUCHER_RULES
from tests.console.staff.test_every_page import UNIFORM
from tests.console.test_page_costs import CALLS_MAX
from tests.subsidies.scored import Money, scored_class
from tests.supervision.cases.found import finding, read, record
from tests.supervision.cases.test_holds import stop_at_once
from tests.support.calls import called
from tests.support.pages import Visitor
from tests.support.people import HEFEI_SCHOOL, staff_principal

RULES = Path(findings.__file__).parents[1] / "supervision/rules"
DEVICE = {"devices": 1, "people": 4, "people_on_one_day": 4, "device_people": 3, "uses_by_others": 9}


@pytest.fixture
def money(world: Any) -> Money:
    return Money(world)


@pytest.fixture
def found(world: Any, money: Money) -> Any:
    """Give a finding about a class whose claim is under review."""
    money.budget()
    class_id = scored_class(world, 2)
    money.claim(class_id)
    one = finding(class_id, **DEVICE)
    record(money, one)
    return one


def test_cases_are_found_by_filters_in_the_address(world: Any, money: Money, found: Any) -> None:
    warned = finding(found.class_id, rule="uniform_scores", severity=Severity.WARN)
    record(money, warned)
    supervisor = Visitor(world.api, "supervisor", at=money.now)
    assert supervisor.get("/console/cases").text.count("待核查") >= 2
    only = supervisor.get("/console/cases?rule=shared_device&severity=hold&status=open")
    assert "1 部手机为 4 人签到；同一部手机一天最多 4 人（3 人起计）。" in only.text
    assert "严重" in only.text
    assert only.html.count("console/cases/rsk_") == 1
    none = supervisor.get(f"/console/cases?institution={HEFEI_SCHOOL}&status=resolved")
    assert "没有这样的案件" in none.text
    assert Visitor(world.api, "finance", at=money.now).get("/console/cases").status == 403


def test_a_case_is_taken_up_and_decided_on_its_page(world: Any, money: Money, found: Any) -> None:
    case = read(money, found)
    supervisor = Visitor(world.api, "supervisor", at=money.now)
    tray = supervisor.get("/console?kind=risk_case")
    assert "多人共用一部手机签到" in tray.text
    page = supervisor.get(f"/console/cases/{case['id']}")
    assert page.decisions >= {"risk_case.take"}
    taken = supervisor.press(page, "risk_case.take")
    assert "已办理：受理核查" in taken.text
    refused = supervisor.press(taken, "risk_case.resolve", outcome="tolerated", reason="机构已整改")
    assert refused.status in (400, 409), "what is tolerated needs its last day"
    assert "机构已整改" in refused.html
    done = supervisor.press(
        refused, "risk_case.resolve", outcome="confirmed", reason="四人均非本人", until=""
    )
    assert done.status == 200, done.text
    assert "属实" in done.text
    assert read(money, found)["reason"] == "四人均非本人"


def test_the_page_of_a_case_keeps_what_was_decided_before_and_says_what_stays_done(
    world: Any, money: Money, found: Any
) -> None:
    path = f"/console/cases/{read(money, found)['id']}"
    supervisor = Visitor(world.api, "supervisor", at=money.now)
    taken = supervisor.press(supervisor.get(path), "risk_case.take")
    done = supervisor.press(taken, "risk_case.resolve", outcome="confirmed", reason="四人均非本人", until="")
    assert "risk_case.take" not in done.decisions, "another person takes it up again"
    province = Visitor(world.api, "province", at=money.now)
    again = province.press(province.get(path), "risk_case.take")
    assert "原结论" in again.text
    assert "四人均非本人" in again.text
    changed = province.press(again, "risk_case.resolve", outcome="false_alarm", reason="四人已到场", until="")
    assert changed.status == 200, changed.text
    assert "四人均非本人" in changed.text
    assert "四人已到场" in changed.text
    assert "不因改变结论而撤销" in changed.text


def test_the_case_of_a_class_that_was_not_evaluated_says_that_it_is_not_paid(
    world: Any, money: Money
) -> None:
    """It is a warning by its severity, and yet the class waits: the page said that nothing was stopped."""
    class_id = scored_class(world, 2)
    found = finding(class_id, rule=NOT_EVALUATED, severity=Severity.WARN, lines=[])
    record(money, found)
    page = Visitor(world.api, "supervisor", at=money.now).get(f"/console/cases/{read(money, found)['id']}")
    assert "未完成核查的班级不予支付" in page.text
    assert "仅提示" not in page.text


def test_a_case_that_is_theirs_is_not_offered_to_them_again_and_tells_who_has_it(
    world: Any, money: Money, found: Any
) -> None:
    case = read(money, found)
    supervisor = Visitor(world.api, "supervisor", at=money.now)
    page = supervisor.press(supervisor.get(f"/console/cases/{case['id']}"), "risk_case.take")
    assert "risk_case.take" not in page.decisions
    assert "risk_case.resolve" in page.decisions
    taker = read(money, found)["taken_by"]
    assert taker.startswith("acc_")
    assert taker not in page.text, "people read a name"
    assert "supervisor-3401" in page.text or "监督" in page.text
    other = Visitor(world.api, "province", at=money.now).get(f"/console/cases/{case['id']}")
    assert "risk_case.take" in other.decisions, "another may take it over"


def test_a_case_names_its_people_classes_and_lessons_and_shows_no_ids(world: Any, money: Money) -> None:
    money.budget()
    class_id = scored_class(world, 2)
    lines = [line["enrolment_id"] for line in money.claim(class_id)["lines"]]
    lesson = class_id.replace("cls_", "les_") + "-01"
    one = finding(class_id, lines=lines, enrolments=lines, lessons=[lesson], train_km_per_hour=150, **DEVICE)
    record(money, one)
    page = Visitor(world.api, "supervisor", at=money.now).get(f"/console/cases/{read(money, one)['id']}")
    text = " ".join(page.text.split())
    assert not re.search(r"\b(enr|les|acc|cls)_[a-z0-9]{4}", text), text
    assert "张* 1234" in text
    assert "电商一班 第 1 课" in text
    assert "铁路上限（公里/小时） 150" in text, "a limit has its unit"
    assert "另一界限" not in text


def test_who_has_another_area_or_is_another_school_is_told_no_name(world: Any, money: Money) -> None:
    class_id = scored_class(world, 1)
    whom = f"enr_{class_id[4:20]}00"

    def named(who: str) -> str:
        page: Any = SimpleNamespace(
            session=SimpleNamespace(principal=staff_principal(who)),
            english=False,
            say=lambda chinese, _: chinese,
        )
        return names_of(page, [whom])[whom]

    for who in ("supervisor", "province", "institution"):
        assert named(who) == "张* 1234", who
    for who in ("supervisor_wuhu", "institution_two"):
        assert named(who) == f"学员 …{whom[-4:]}", who


def test_what_follows_has_a_form_for_who_may_and_a_link_for_all(world: Any, money: Money, found: Any) -> None:
    case = read(money, found)
    province = Visitor(world.api, "province", at=money.now)
    page = province.press(province.get(f"/console/cases/{case['id']}"), "risk_case.take")
    page = province.press(page, "risk_case.resolve", outcome="confirmed", reason="属实")
    following = read(money, found)["consequences"]
    assert {one["action"] for one in following} == {"subsidy_claim.reject", "institution.suspend"}
    assert "后续处理" in page.text
    assert HEFEI_SCHOOL in page.html
    for who in ("clerk", "reviewer", "supervisor", "province"):
        shown = world.api(who).get(f"/v1/risk-cases/{case['id']}", at=money.now).json["consequences"]
        mine = {one["action"] for one in shown if one["mine"]}
        seen = Visitor(world.api, who, at=money.now).get(f"/console/cases/{case['id']}")
        assert ("claim.reject" in seen.decisions) == ("subsidy_claim.reject" in mine), who
        assert ("institution.suspend" in seen.decisions) == ("institution.suspend" in mine), who
        assert any(f"console/institutions/{HEFEI_SCHOOL}" in link for link in seen.links), who
    reviewer = Visitor(world.api, "reviewer", at=money.now)
    page = reviewer.get(f"/console/cases/{case['id']}")
    if "claim.reject" in page.decisions:
        assert reviewer.press(page, "claim.reject", words="案件属实").status in (200, 409)


def test_evidence_stands_beside_its_thresholds_and_names_records_by_links(world: Any, money: Money) -> None:
    money.budget()
    class_id = scored_class(world, 2)
    whom = money.claim(class_id)["lines"][0]["enrolment_id"]
    one = finding(
        class_id,
        rule="uniform_scores",
        kind=FindingKind.ENROLMENT,
        subject=whom,
        lines=[whom],
        examined=20,
        alike_in_both=19,
        theory_spread=0.5,
        marks_spread=1.5,
        enrolments=[whom],
    )
    record(money, one)
    page = Visitor(world.api, "supervisor", at=money.now).get(f"/console/cases/{read(money, one)['id']}")
    assert "理论离散度 0.5 1.5" in " ".join(page.text.split())
    assert any(f"console/enrolments/{whom}" in link for link in page.links)
    assert "undefined" not in page.text.lower()


@pytest.mark.parametrize(("who", "told"), [("clerk", False), ("reviewer", False), ("supervisor", True)])
def test_from_where_on_supervision_looks_is_told_to_who_oversees_others_alone(
    world: Any, money: Money, found: Any, who: str, told: bool
) -> None:
    """Who knows the limits stays just below them: a clerk sees the figures, and no limit beside them."""
    case = read(money, found, who=who)
    listed = money.ok(world.api(who).get("/v1/risk-cases", at=money.now))["items"]
    for shown in (case, *listed):
        (evidence,) = [one["evidence"] for one in shown["findings"]]
        assert evidence["people"] == 4
        assert ("device_people" in evidence) is told
    page = Visitor(world.api, who, at=money.now).get(f"/console/cases/{case['id']}")
    assert "1 部手机为 4 人签到；同一部手机一天最多 4 人" in page.text
    assert ("3 人起计" in page.text) is told
    assert ("界限" in page.text) is told


@pytest.mark.parametrize("rule", findings.SENTENCES)
@pytest.mark.parametrize("english", [False, True])
def test_each_sentence_is_said_without_limits_too(rule: str, english: bool) -> None:
    for pair in findings.SENTENCES[rule]:
        figures = set(re.findall(r"{(\w+)}", pair[english])) - set(Thresholds.__struct_fields__)
        said = findings.sentence_of(rule, dict.fromkeys(sorted(figures), 1), english=english)
        assert said != findings.rule_name(rule, english=english)
        assert not re.search(r"[{}]|（\s*）|\(\s*\)", said)


def test_every_rule_has_its_name_its_sentences_and_names_for_its_figures() -> None:
    rules = {rule.name for rule in (*CLASS_RULES, *VOUCHER_RULES)} | {NOT_EVALUATED, DEVIATION_RULE}
    assert rules == findings.RULES.keys() == findings.SENTENCES.keys()
    known = findings._FIGURES.keys() | findings._THRESHOLDS
    told = evidence_names()
    assert len(told) > 60
    assert told - known == set()


def evidence_names() -> set[str]:
    """Read the names of figures out of the rules themselves."""
    names: set[str] = set()
    for file in RULES.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            held = [node.value] if isinstance(node, ast.keyword) and node.arg == "evidence" else []
            if isinstance(node, ast.FunctionDef) and node.name in ("_evidence", "_against"):
                held = [part.value for part in ast.walk(node) if isinstance(part, ast.Return)]
            for value in held:
                if isinstance(value, ast.Dict):
                    names |= {str(key.value) for key in value.keys if isinstance(key, ast.Constant)}
    return names


def payment_said(page: Any) -> str:
    told = re.search(r"<dt>付款</dt><dd>(.*?)</dd>", page.html)
    assert told, page.text[:500]
    return told[1]


def page_of(money: Money, found: Any) -> Any:
    return Visitor(money.api, "supervisor", at=money.now).get(f"/console/cases/{read(money, found)['id']}")


def test_a_grave_case_of_likeness_is_told_to_stop_payment_where_the_policy_lets_it(
    world: Any, money: Money, api: Any
) -> None:
    """The page said that nothing stops before it is confirmed, of lines that were stopped at once."""
    money.budget()
    class_id = scored_class(world, 2)
    claim = money.publicised(class_id)
    stop_at_once(api, money)
    found = finding(class_id, rule="uniform_scores", **UNIFORM)
    record(money, found)
    assert {line["status"] for line in money.read(claim)["lines"]} == {"held"}
    assert payment_said(page_of(money, found)) == "所涉明细已停付，待监督人员处理"


def test_a_grave_case_of_likeness_is_told_to_wait_where_the_policy_wants_it_confirmed_first(
    world: Any, money: Money
) -> None:
    money.budget()
    class_id = scored_class(world, 2)
    claim = money.publicised(class_id)
    found = finding(class_id, rule="uniform_scores", **UNIFORM)
    record(money, found)
    assert "held" not in {line["status"] for line in money.read(claim)["lines"]}
    assert "须先认定属实才停付" in payment_said(page_of(money, found))
    proof = finding(class_id, **DEVICE)
    record(money, proof)
    assert payment_said(page_of(money, proof)) == "所涉明细已停付，待监督人员处理", (
        "what proves waits for none"
    )


def test_a_grave_case_of_likeness_that_is_of_no_one_class_tells_what_a_policy_may_say(
    world: Any, money: Money
) -> None:
    scored_class(world, 1)
    found = finding(
        None, rule="uniform_scores", kind=FindingKind.INSTITUTION, subject=HEFEI_SCHOOL, **UNIFORM
    )
    record(money, found)
    assert payment_said(page_of(money, found)) == (
        "所涉明细已停付，待监督人员处理（计划政策规定须先认定的除外）"
    )


def test_what_a_case_does_to_payment_is_told_without_a_further_call(world: Any, money: Money) -> None:
    class_id = scored_class(world, 2)
    found = finding(class_id, rule="uniform_scores", **UNIFORM)
    record(money, found)
    path = f"/console/cases/{read(money, found)['id']}"
    supervisor = Visitor(money.api, "supervisor", at=money.now)
    supervisor.get(path)
    with called() as calls:
        page = supervisor.get(path)
    assert "须先认定属实才停付" in page.text
    assert sum("classes" in call for call in calls) == 1, "the head of the class comes with its name"
    assert len(calls) <= CALLS_MAX, calls
