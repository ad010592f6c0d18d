"""One case a rule and subject: opened, continued, taken up, resolved, back on new evidence only."""

from datetime import timedelta
from typing import Any

import pytest

from chalicelib.kernel.calendar import shanghai_date
from chalicelib.kernel.principal import Role
from chalicelib.supervision.cases.store import RiskCaseRow
from chalicelib.supervision.records.model import FindingKind, Severity
from tests.accounts.test_separation import moved
from tests.settlement.clocks.test_night import night
from tests.settlement.test_faults import before_each_call
from tests.subsidies.scored import Money, scored_class, wuhu_class
from tests.supervision.cases.found import AT, finding, read, record, resolve, take
from tests.support.people import HEFEI_OTHER, HEFEI_SCHOOL, WUHU_SCHOOL


@pytest.fixture
def money(world: Any) -> Money:
    money = Money(world)
    money.budget()
    return money


def test_a_finding_opens_one_case_of_its_rule_and_subject_and_a_second_run_adds_nothing(
    world: Any, money: Money
) -> None:
    found = finding(scored_class(world), lines=["enr_b", "enr_a"], severity=Severity.WARN)
    first = record(money, found)
    case = read(money, found)
    assert first.opened == [case["id"]]
    assert (case["rule"], case["severity"], case["status"]) == ("shared_device", "warn", "open")
    assert (case["subject"], case["class"]) == ({"kind": "class", "id": found.class_id}, found.class_id)
    assert (case["institution"], case["division"], case["lines"]) == (
        HEFEI_SCHOOL,
        "340111",
        ["enr_a", "enr_b"],
    )
    (told,) = case["findings"]
    assert told["evidence"] == {"devices": 1, "people": 4, "threshold": 3}
    assert case["allowed_actions"] == ["take"]
    money.wait(1)
    again = record(money, found)
    assert (again.opened, again.changed, again.unchanged) == ([], [], [case["id"]])
    assert read(money, found) == case


def test_a_second_run_over_the_same_records_writes_nothing(world: Any, money: Money) -> None:
    found = [finding(scored_class(world, 2)), finding(scored_class(world, 2), severity=Severity.WARN)]
    record(money, *found)
    writes: list[str] = []

    def note(request: Any, **_: Any) -> None:
        target = request.headers["X-Amz-Target"]
        name = (target.decode() if isinstance(target, bytes) else target).partition(".")[2]
        writes.extend([name] if name not in ("GetItem", "BatchGetItem", "Query") else [])

    from chalicelib.aws.table import connection

    events = connection().client.meta.events
    events.register_first("before-send.dynamodb", note)
    try:
        record(money, *found)
    finally:
        events.unregister("before-send.dynamodb", note)
    assert writes == []


def test_a_changed_finding_takes_the_place_of_its_earlier_version_and_another_class_is_added(
    world: Any, money: Money
) -> None:
    classes = [scored_class(world), scored_class(world)]

    def of(class_id: str, people: int) -> Any:
        return finding(
            class_id,
            kind=FindingKind.TRAINER,
            subject="trn_key",
            severity=Severity.WARN,
            people=people,
        )

    record(money, of(classes[0], 4))
    changed = record(money, of(classes[0], 5), of(classes[1], 3))
    case = read(money, of(classes[0], 4))
    assert changed.changed == [case["id"]]
    assert sorted(told["evidence"]["people"] for told in case["findings"]) == [3, 5]
    assert sorted(told["class"] for told in case["findings"]) == sorted(classes)
    assert case["version"] == 2


def test_several_findings_about_one_class_stand_side_by_side(world: Any, money: Money) -> None:
    class_id = scored_class(world)
    both = [finding(class_id, device=name, severity=Severity.WARN) for name in ("dev_a", "dev_b")]
    record(money, *both)
    again = record(money, *reversed(both))
    case = read(money, both[0])
    assert [told["evidence"]["device"] for told in case["findings"]] == ["dev_a", "dev_b"]
    assert again.unchanged == [case["id"]]


def test_a_case_stays_small_whatever_is_found(world: Any, money: Money) -> None:
    found = finding(
        scored_class(world),
        severity=Severity.WARN,
        lines=[f"enr_{n:04d}" for n in range(300)],
        records=[f"chk_{n:04d}" for n in range(500)],
    )
    record(money, found)
    (told,) = read(money, found)["findings"]
    assert len(told["evidence"]["records"]) == 20
    assert len(told["lines"]) == 100
    huge = finding(found.class_id, severity=Severity.WARN, note="x" * 50_000)
    record(money, huge)
    (told,) = read(money, found)["findings"]
    assert set(told["evidence"]) == {"bytes", "sha256"}
    many = [
        finding(
            None, kind=FindingKind.PERSON, subject="prs_x", severity=Severity.WARN, institution=f"{n:018d}"
        )
        for n in range(40)
    ]
    record(money, *many)
    assert len(read(money, many[0], who="province")["findings"]) == 20
    assert record(money, *many).changed == []


def test_a_false_alarm_stays_so_on_the_same_evidence_and_is_opened_again_on_new(
    world: Any, money: Money
) -> None:
    class_id = scored_class(world)
    found = finding(class_id, severity=Severity.WARN)
    record(money, found)
    case = money.ok(resolve(money, found, "false_alarm"))
    assert (case["status"], case["outcome"], case["reason"]) == ("resolved", "false_alarm", "已现场核实")
    assert case["allowed_actions"] == []
    later = finding(class_id, severity=Severity.WARN, at=AT + timedelta(days=3))
    assert record(money, later).changed == [], "when it was found is no evidence"
    more = finding(class_id, severity=Severity.WARN, devices=1, people=7, threshold=3)
    assert record(money, more).changed == [case["id"]]
    back = read(money, found)
    assert (back["status"], back["outcome"], back["taken_by"]) == ("open", None, None)
    money.ok(resolve(money, found, "false_alarm"))
    assert record(money, found).changed == [case["id"]], "the record tells what was found last"
    assert read(money, found)["status"] == "resolved", "but it was judged before"


def test_what_is_tolerated_until_a_day_comes_back_after_it_by_itself(world: Any, money: Money) -> None:
    class_id = scored_class(world, 1)
    claim = money.claim(class_id)
    found = finding(class_id)
    record(money, found)
    today = shanghai_date(money.now)
    until = today + timedelta(days=30)
    money.ok(resolve(money, found, "tolerated", until=until.isoformat()))
    assert record(money, finding(class_id, people=9)).changed, "noted, and tolerated still"
    assert read(money, found)["status"] == "resolved"
    assert money.read(claim)["lines"][0]["status"] == "pending"
    money.wait(30)
    night(world, money.now)
    assert read(money, found)["status"] == "resolved", "the last day is inclusive"
    money.wait(1)
    night(world, money.now)
    case = read(money, found)
    assert (case["status"], case["outcome"], case["until"]) == ("open", None, None)
    assert money.read(claim)["lines"][0]["status"] == "held"


def of_trainer(class_id: str | None, severity: Severity, **more: Any) -> Any:
    return finding(class_id, kind=FindingKind.TRAINER, subject="trn_key", severity=severity, **more)


def tolerate(money: Money, found: Any) -> None:
    until = shanghai_date(money.now) + timedelta(days=366)
    money.ok(resolve(money, found, "tolerated", until=until.isoformat()))
    assert read(money, found)["status"] == "resolved"


def test_a_toleration_covers_no_other_class(world: Any, money: Money) -> None:
    """Tolerated for one class of a trainer, the next class's stop was lifted by the run that found it."""
    first, second = scored_class(world, 1), scored_class(world, 1)
    claims = [money.claim(class_id) for class_id in (first, second)]
    record(money, of_trainer(first, Severity.HOLD))
    tolerate(money, of_trainer(first, Severity.HOLD))
    record(money, of_trainer(second, Severity.WARN))
    assert read(money, of_trainer(first, Severity.HOLD))["status"] == "resolved", "a warning stops nothing"
    assert record(money, of_trainer(second, Severity.HOLD)).changed
    case = read(money, of_trainer(first, Severity.HOLD))
    assert (case["status"], case["outcome"], case["until"]) == ("open", None, None)
    assert [money.read(claim)["lines"][0]["status"] for claim in claims] == ["pending", "held"]


def test_a_tolerated_warning_that_becomes_grave_comes_back(world: Any, money: Money) -> None:
    class_id = scored_class(world, 1)
    claim = money.claim(class_id)
    record(money, finding(class_id, severity=Severity.WARN))
    tolerate(money, finding(class_id))
    assert record(money, finding(class_id, severity=Severity.WARN, people=5)).changed
    assert read(money, finding(class_id))["status"] == "resolved"
    assert record(money, finding(class_id, severity=Severity.HOLD, people=40)).changed
    assert read(money, finding(class_id))["status"] == "open"
    assert money.read(claim)["lines"][0]["status"] == "held"


def test_a_toleration_of_people_covers_no_class_that_they_were_not_in(world: Any, money: Money) -> None:
    """Findings of a person or a phone name no class: whom they name is in classes."""
    first, second = scored_class(world, 1), scored_class(world, 1)
    claims = [money.claim(class_id) for class_id in (first, second)]
    (one, other) = (money.read(claim)["lines"][0]["enrolment_id"] for claim in claims)
    record(money, of_trainer(None, Severity.HOLD, lines=[one]))
    tolerate(money, of_trainer(None, Severity.HOLD))
    assert record(money, of_trainer(None, Severity.HOLD, lines=[one], people=9)).changed
    assert read(money, of_trainer(None, Severity.HOLD))["status"] == "resolved", "more of the same"
    record(money, of_trainer(None, Severity.HOLD, lines=[one, other]))
    assert read(money, of_trainer(None, Severity.HOLD))["status"] == "open"
    assert money.read(claims[1])["lines"][0]["status"] == "held"


def test_a_toleration_that_is_over_ends_with_the_next_run_too(world: Any, money: Money) -> None:
    found = finding(scored_class(world), severity=Severity.WARN)
    record(money, found)
    until = shanghai_date(money.now) + timedelta(days=2)
    money.ok(resolve(money, found, "tolerated", until=until.isoformat()))
    money.wait(2)
    assert record(money, found).changed == []
    money.wait(1)
    assert record(money, found).changed
    assert read(money, found)["status"] == "open"


@pytest.mark.parametrize(
    ("outcome", "days", "code"),
    [
        ("tolerated", None, "until_needed"),
        ("tolerated", 0, "until_needed"),
        ("tolerated", 400, "until_needed"),
        ("confirmed", 3, "until_not_asked"),
    ],
)
def test_a_last_day_is_given_where_and_only_where_something_is_tolerated(
    world: Any, money: Money, outcome: str, days: int | None, code: str
) -> None:
    found = finding(scored_class(world), severity=Severity.WARN)
    record(money, found)
    more = {} if days is None else {"until": (shanghai_date(money.now) + timedelta(days=days)).isoformat()}
    answer = resolve(money, found, outcome, **more)
    assert answer.status == 400
    assert [fault["code"] for fault in answer.json["errors"]] == [code]


def test_a_case_is_taken_up_before_it_is_decided_and_each_sends_the_version_it_saw(
    world: Any, money: Money
) -> None:
    found = finding(scored_class(world), severity=Severity.WARN)
    record(money, found)
    case = read(money, found)
    path, api = f"/v1/risk-cases/{case['id']}", money.api("supervisor")
    body = {"version": 1, "outcome": "confirmed", "reason": "查实"}
    early = api.post(f"{path}/resolve", body, at=money.now)
    assert (early.status, early.json["code"]) == (409, "wrong_state")
    stale = api.post(f"{path}/take", {"version": 7}, at=money.now)
    assert (stale.status, stale.json["code"]) == (409, "version_conflict")
    taken = take(money, found)
    assert (taken["status"], taken["allowed_actions"]) == ("under_review", ["resolve"]), (
        "it is theirs already"
    )
    again = api.post(f"{path}/take", {"version": taken["version"]}, at=money.now)
    assert (again.status, again.json["code"]) == (409, "wrong_state")
    assert read(money, found, who="province")["allowed_actions"] == ["take", "resolve"], (
        "another takes it over"
    )
    record(money, finding(found.class_id, severity=Severity.WARN, people=8))
    unseen = api.post(f"{path}/resolve", {**body, "version": taken["version"]}, at=money.now)
    assert (unseen.status, unseen.json["code"]) == (409, "version_conflict"), "new evidence came in between"


def test_a_decision_sent_twice_answers_like_the_first(world: Any, money: Money) -> None:
    found = finding(scored_class(world), severity=Severity.WARN)
    record(money, found)
    case = take(money, found)
    path = f"/v1/risk-cases/{case['id']}/resolve"
    body = {"version": case["version"], "outcome": "confirmed", "reason": "查实"}
    first, second = (money.api("supervisor").post(path, body, at=money.now) for _ in range(2))
    assert (first.status, first.json) == (second.status, second.json)


def test_a_confirmed_case_is_changed_by_another_person_and_the_first_decision_stays(
    world: Any, money: Money
) -> None:
    """One supervisor alone turned what they had confirmed into a false alarm, and nobody saw that it had been."""
    class_id = scored_class(world, 1)
    claim = money.publicised(class_id)
    found = finding(class_id)
    record(money, found)
    confirmed = money.ok(resolve(money, found, "confirmed"))
    assert confirmed["allowed_actions"] == []
    path = f"/v1/risk-cases/{confirmed['id']}/take"
    alone = money.api("supervisor").post(path, {"version": confirmed["version"]}, at=money.now)
    assert (alone.status, alone.json["code"]) == (403, "self_approval")
    assert read(money, found, who="province")["allowed_actions"] == ["take"]
    money.wait(1)
    taken = take(money, found, who="province")
    assert (taken["status"], taken["outcome"]) == ("under_review", None)
    assert [one["outcome"] for one in taken["decisions"]] == ["confirmed"]
    assert money.read(claim)["lines"][0]["status"] == "held", "what was confirmed counts until it is changed"
    changed = money.ok(resolve(money, found, "false_alarm", who="province"))
    first, second = changed["decisions"]
    assert (first["outcome"], first["reason"], first["decided_by"], first["decided_at"]) == (
        "confirmed",
        confirmed["reason"],
        confirmed["resolved_by"],
        confirmed["resolved_at"],
    )
    assert (second["outcome"], second["decided_by"]) == ("false_alarm", changed["resolved_by"])
    assert second["decided_by"] != first["decided_by"]
    assert money.read(claim)["lines"][0]["status"] == "pending"


def test_who_confirmed_a_case_takes_it_over_to_confirm_it_again_and_nothing_else(
    world: Any, money: Money
) -> None:
    found = finding(scored_class(world), severity=Severity.WARN)
    record(money, found)
    money.ok(resolve(money, found, "confirmed"))
    take(money, found, who="province")
    taken = take(money, found)
    path, until = f"/v1/risk-cases/{taken['id']}/resolve", shanghai_date(money.now) + timedelta(days=9)
    body = {"version": taken["version"], "reason": "再查"}
    for outcome in ({"outcome": "false_alarm"}, {"outcome": "tolerated", "until": until.isoformat()}):
        refused = money.api("supervisor").post(path, body | outcome, at=money.now)
        assert (refused.status, refused.json["code"]) == (403, "self_approval")
    again = money.ok(money.api("supervisor").post(path, body | {"outcome": "confirmed"}, at=money.now))
    assert [one["outcome"] for one in again["decisions"]] == ["confirmed", "confirmed"]


def test_new_findings_do_not_let_who_confirmed_a_case_change_it_alone(world: Any, money: Money) -> None:
    class_id = scored_class(world)
    found = finding(class_id)
    record(money, found)
    money.ok(resolve(money, found, "confirmed"))
    record(money, finding(class_id, people=9))
    assert read(money, found)["status"] == "open"
    refused = resolve(money, found, "false_alarm")
    assert (refused.status, refused.json["code"]) == (403, "self_approval")
    assert resolve(money, found, "false_alarm", who="province").status == 200
    record(money, finding(class_id, people=10))
    assert resolve(money, found, "false_alarm").status == 200, "what another decided since binds nobody"


def test_what_was_decided_before_decisions_were_kept_is_told_and_counts(world: Any, money: Money) -> None:
    found = finding(scored_class(world), severity=Severity.WARN)
    record(money, found)
    confirmed = money.ok(resolve(money, found, "confirmed"))
    RiskCaseRow.get(confirmed["id"]).update(actions=[RiskCaseRow.decisions.remove()])
    assert read(money, found)["decisions"] == confirmed["decisions"]
    assert read(money, found)["allowed_actions"] == []
    assert take(money, found, who="province")["decisions"] == confirmed["decisions"]


def test_what_was_done_about_a_confirmed_case_stays_done_when_it_is_changed(world: Any, money: Money) -> None:
    class_id = scored_class(world, 2)
    claim = money.publicised(class_id)
    found = finding(class_id)
    record(money, found)
    case = money.ok(resolve(money, found, "confirmed"))
    (line,) = [one for one in case["consequences"] if one["action"] == "claim_line.reject"][:1]
    body = {"version": line["version"], "reason": "经查不实"}
    money.ok(money.api("reviewer").post(line["path"], body, at=money.now))
    money.ok(resolve(money, found, "false_alarm", who="province"))
    assert sorted(one["status"] for one in money.read(claim)["lines"]) == ["pending", "rejected"]


def test_who_had_a_hand_in_the_class_or_the_claim_does_not_judge_it_under_another_account(
    world: Any, money: Money
) -> None:
    class_id = scored_class(world, 1)
    money.publicised(class_id)
    found = finding(class_id)
    record(money, found)
    reviewer = moved("reviewer", Role.SUPERVISOR)
    case = read(money, found, who=reviewer)
    assert case["allowed_actions"] == []
    answer = money.api(reviewer).post(
        f"/v1/risk-cases/{case['id']}/take", {"version": case["version"]}, at=money.now
    )
    assert (answer.status, answer.json["code"]) == (403, "self_approval")


def test_only_supervisors_and_the_province_decide_and_nobody_outside_their_area_sees_a_case(
    world: Any, money: Money
) -> None:
    found = finding(scored_class(world), severity=Severity.WARN)
    record(money, found)
    case = read(money, found, who="clerk")
    assert case["allowed_actions"] == []
    path = f"/v1/risk-cases/{case['id']}"
    for who in ("clerk", "reviewer", "finance", "institution"):
        assert money.api(who).post(f"{path}/take", {"version": 1}, at=money.now).status == 403
    assert money.api("institution").get("/v1/risk-cases", at=money.now).status == 403
    assert money.api("supervisor_wuhu").get(path, at=money.now).status == 404
    assert money.api("supervisor_wuhu").get("/v1/risk-cases", at=money.now).json["items"] == []
    assert read(money, found, who="province")["allowed_actions"] == ["take"]


def test_a_case_over_two_cities_is_the_provinces(world: Any, money: Money) -> None:
    both = [
        finding(class_id, kind=FindingKind.TRAINER, subject="trn_key", severity=Severity.WARN)
        for class_id in (scored_class(world), wuhu_class(world))
    ]
    record(money, both[0])
    assert read(money, both[0])["division"] == "340111"
    record(money, both[1])
    assert read(money, both[0], who="province")["division"] == "34"
    assert money.api("supervisor").get("/v1/risk-cases", at=money.now).json["items"] == []


def test_cases_are_listed_by_area_rule_severity_state_and_institution_page_by_page(
    world: Any, money: Money
) -> None:
    record(
        money,
        finding(scored_class(world), rule="shared_device"),
        finding(scored_class(world), rule="footage_gap", severity=Severity.WARN),
        finding(scored_class(world, institution=HEFEI_OTHER), rule="footage_gap", institution=HEFEI_OTHER),
        finding(wuhu_class(world), rule="footage_gap", institution=WUHU_SCHOOL),
    )

    def listed(who: str = "supervisor", **query: Any) -> int:
        seen: list[str] = []
        cursor: dict[str, str] = {}
        while True:
            asked = {**query, "limit": 1, **cursor}
            answer = money.ok(money.api(who).get("/v1/risk-cases", asked, at=money.now))
            seen += [case["id"] for case in answer["items"]]
            if answer["next"] is None:
                assert len(set(seen)) == len(seen)
                return len(seen)
            cursor = {"cursor": answer["next"]}

    assert (listed(), listed("province"), listed("supervisor_wuhu")) == (3, 4, 1)
    assert (listed(rule="footage_gap"), listed(severity="hold"), listed(status="resolved")) == (2, 2, 0)
    assert (listed(institution=HEFEI_SCHOOL), listed(institution=WUHU_SCHOOL)) == (2, 0)
    assert (listed(division="340111", status="open"), listed("province", division="3402")) == (3, 1)
    assert money.api("supervisor").get("/v1/risk-cases", {"division": "3402"}, at=money.now).status == 404


@pytest.mark.parametrize("number", range(1, 12))
def test_two_runs_at_once_leave_one_case_with_what_both_found(world: Any, money: Money, number: int) -> None:
    classes = [scored_class(world, 1), scored_class(world, 1)]
    found = [finding(name, kind=FindingKind.TRAINER, subject="trn_key") for name in classes]
    begun: list[None] = []

    def other(call: int) -> None:
        if call == number and not begun:
            begun.append(None)
            record(money, found[1])

    with before_each_call(other):
        record(money, found[0])
    if not begun:
        record(money, found[1])
    (row,) = list(RiskCaseRow.scan())
    assert sorted(row.record.class_ids) == sorted(classes)
    assert sorted(row.record.stops) == sorted(classes)
