"""Every path to an evaluation: which classes it takes, and that all of them find the same."""

import json
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

import app
from chalicelib.attendance.check_ins.store import CheckInRow
from chalicelib.aws.streams import row_changes
from chalicelib.aws.waiting import queues_of
from chalicelib.classes.store import ClassRow
from chalicelib.enrolments.store import EnrolmentRow
from chalicelib.kernel.principal import Context, Principal, Role
from chalicelib.programs.service import current_program
from chalicelib.subsidies.claims.store import ClaimRow
from chalicelib.supervision.evaluations.service import (
    ask_for,
    ask_for_due,
    ask_for_touched,
    begin_night,
    evaluate_class,
    evaluate_waiting,
    touch_classes,
)
from chalicelib.supervision.touches.model import PATIENCE, day_of, touch
from chalicelib.supervision.touches.store import TouchedRow, note_touched
from infra.export_records import export
from infra.exported import read_folder
from infra.supervise import evaluations
from tests.classes.builders import Classroom, trainer
from tests.support.streams import Taps

WATCHED = (CheckInRow, ClassRow, EnrolmentRow, ClaimRow)


@pytest.fixture
def taps(emulator: Any) -> Any:
    opened = Taps(list(WATCHED))
    yield opened
    opened.close()


def context_at(now: Any) -> Context:
    principal = Principal(actor="system:test", role=Role.SYSTEM, division="34")
    return Context(principal=principal, now=now, request_id="req_test")


def asked(emulator: Any) -> list[str]:
    """Name the classes that are asked for, also those whose message is held back for a quarter of an hour."""
    queue = next(queue for url, queue in emulator.queues.items() if url.endswith("supervision"))
    bodies = [json.loads(message["body"]) for message in queue["messages"]]
    queue["messages"].clear()
    return [body["class_id"] for body in bodies if "class_id" in body]


def test_a_class_is_asked_for_once_however_much_happens_in_it(world: Any, emulator: Any, taps: Any) -> None:
    room = Classroom(world).rostered(3)
    app.watch_changes({"Records": taps.records()}, None)
    assert asked(emulator) == [room.id]
    for person in room.people:
        assert room.check_in(person).status == 201
    records = taps.records()
    assert {record["eventSourceARN"].split("/")[1] for record in records} >= {CheckInRow.Meta.table_name}
    told = app.watch_changes({"Records": records}, None)
    assert (told["changes"], told["asked"]) == (3, 1), "days later, by the time of the check-ins"
    assert asked(emulator) == [room.id]
    told = app.watch_changes({"Records": records}, None)
    assert (told["changes"], told["asked"]) == (3, 0), "it is asked for already"
    assert asked(emulator) == []


def test_what_is_told_of_a_class_is_evaluated_at_the_time_that_its_change_believed_in(
    world: Any, emulator: Any, taps: Any
) -> None:
    """A stream's record carries no time travel: the change that it tells of says when it was made."""
    room = Classroom(world).rostered(3)
    records = taps.records()
    newest = max(row.change.at for row in row_changes({"Records": records}) if row.change is not None)
    app.watch_changes({"Records": records}, None)
    (row,) = [row.record for row in TouchedRow.scan()]
    assert (row.class_id, row.due_at) == (room.id, newest + PATIENCE)
    assert abs(newest - datetime.now(UTC)) > timedelta(days=1), "the story is told in another month"
    queue = next(queue for url, queue in emulator.queues.items() if url.endswith("supervision"))
    (body,) = [json.loads(message["body"]) for message in queue["messages"]]
    assert datetime.fromisoformat(body["now"]) == newest


def test_touches_are_news_once_until_they_were_acted_on(world: Any) -> None:
    now = world.now
    assert note_touched(touch("cls_aaaa", now), now)
    later = now + timedelta(minutes=14)
    assert not note_touched(touch("cls_aaaa", later), later)
    much_later = now + timedelta(minutes=16)
    assert note_touched(touch("cls_aaaa", much_later), much_later)
    next_day = now + timedelta(days=1)
    assert note_touched(touch("cls_aaaa", next_day), next_day)
    assert day_of(next_day) - day_of(now) == timedelta(days=1)


# --------------------------------------------------------------------------- the same, whatever the path


def cheated(world: Any) -> tuple[Classroom, Classroom, str]:
    """One phone for people of two classes at once, mocked places, no footage; and a voucher that idles."""
    here = Classroom(world).rostered(4)
    there = Classroom(world, trainers=[trainer(970)], name="二班").approved()
    enrolments = there.enrol(4, first=40)
    rows = [{"enrolment_id": enrolment["id"]} for enrolment in enrolments]
    assert there.put_roster(rows).status == 200
    there.refresh()
    for number in range(5):
        at = here.starts(number) - timedelta(minutes=10)
        for place, person in enumerate(here.people):
            mocked = {"location": {"mocked": place == 1}}
            answer = here.check_in(person, number, device_id="one-phone", at=at, **mocked)
            assert answer.status == 201, answer.text
        for person in there.people:
            soon = at + timedelta(seconds=20)
            assert there.check_in(person, number, device_id="one-phone", at=soon).status == 201
    idle = world.enrolment(world.person(77))
    return here, there, idle["id"]


def plain(findings: Any) -> list[str]:
    return sorted(msgspec.json.encode(finding).decode() for finding in findings)


def cases() -> dict[str, Any]:
    from chalicelib.supervision.cases.store import RiskCaseRow

    return {row.id: row.record for row in RiskCaseRow.scan()}


def told_by(found: dict[str, Any]) -> dict[str, tuple[str, str]]:
    return {case.id: (case.rule, case.subject.id) for case in found.values()}


def test_a_replay_of_the_export_finds_what_the_service_finds(world: Any, tmp_path: Path) -> None:
    here, there, _ = cheated(world)
    now = here.ended() + timedelta(days=100)
    context = context_at(now)
    for room in (here, there):  # the first of two neighbours learns of the other when that one is looked at
        evaluate_class(context, room.id)
    found = [finding for room in (here, there) for finding in evaluate_class(context, room.id).findings]
    for queue in queues_of("34"):
        evaluated, after = evaluate_waiting(context, queue, None)
        assert after is None
        found += evaluated.findings
    export(tmp_path, ["34"], first=date(2026, 8, 1), last=date(2026, 12, 31), now=now)
    replayed = []
    for evaluation in evaluations(read_folder(tmp_path), current_program(world.program_id).policy):
        assert not evaluation.failures
        replayed += evaluation.findings
    assert {finding.rule for finding in found} >= {
        "shared_device",
        "mock_location",
        "footage_gap",
        "idle_voucher",
    }
    assert plain(found) == plain(replayed)


def test_every_path_leaves_the_same_cases_and_running_again_adds_nothing(
    world: Any, emulator: Any, cloud: Any, taps: Any
) -> None:
    here, there, _ = cheated(world)
    app.watch_changes({"Records": taps.records()}, None)
    incrementally = asked(emulator)
    assert sorted(incrementally) == sorted([here.id, there.id])
    context = context_at(datetime.now(UTC))
    ask_for(context, incrementally)
    cloud.work("supervision", app.evaluate_classes)  # and whom they newly met
    first = cases()
    assert {case.rule for case in first.values()} >= {"shared_device", "footage_gap"}
    for day in (0, 1):  # touched by this clock, whatever the world's
        begin_night(context_at(datetime.now(UTC) + timedelta(days=day)))
        cloud.work("supervision", app.evaluate_classes)
    again = {name: case for name, case in cases().items() if name in first}
    assert again == first, "no version, no finding, no moment of a case has changed"
    news = {case.rule for name, case in cases().items() if name not in first}
    assert news <= {"idle_voucher"}, "only what no class shows comes in the night"
    for room in (here, there):
        evaluate_class(context, room.id)
    assert {name: case for name, case in cases().items() if name in first} == first


def test_a_claim_is_evaluated_at_once_when_it_moves(world: Any, emulator: Any) -> None:
    from tests.subsidies.scored import Money, scored_class

    opened = Taps([ClaimRow])
    try:
        money = Money(world)
        money.budget()
        class_id = scored_class(world, 2)
        claim = money.claim(class_id)
        app.watch_changes({"Records": opened.records()}, None)
        queue = next(queue for url, queue in emulator.queues.items() if url.endswith("supervision"))
        assert [json.loads(message["body"])["class_id"] for message in queue["messages"]] == [class_id]
        assert asked(emulator) == [class_id]
        reviewed = money.ok(money.decide("clerk", claim, "review"))
        money.ok(money.decide("reviewer", reviewed, "approve"))
        app.watch_changes({"Records": opened.records()}, None)
        assert asked(emulator) == [class_id]
    finally:
        opened.close()


def test_what_is_due_tonight_is_evaluated_before_it_is_sealed(world: Any, cloud: Any) -> None:
    from infra.deployment.functions import FUNCTIONS
    from tests.subsidies.scored import Money, scored_class

    money = Money(world)
    money.budget()
    class_id = scored_class(world, 2)
    money.publicised(class_id)
    (claim,) = [row.record for row in ClaimRow.scan()]
    due_on = date.fromisoformat(claim.due_on.partition("#")[0])
    eve = datetime.combine(due_on - timedelta(days=1), time(15, 40), tzinfo=UTC)  # sealed 55 minutes later
    ask_for_due(context_at(eve - timedelta(days=1)), "3401")
    assert cloud.messages("supervision") == []
    ask_for_due(context_at(eve), "3401")
    assert [message["class_id"] for message in cloud.messages("supervision")] == [class_id]
    schedules = {function.name: function.schedule for function in FUNCTIONS}
    assert schedules["evaluate_day"] == "cron(40 15 * * ? *)"
    assert schedules["settle_subsidies"] == "cron(35 16 * * ? *)"


def test_who_seals_by_hand_has_what_is_due_evaluated_first(world: Any) -> None:
    """Something happened after the last evaluation: the day has no night before its sealing."""
    from tests.subsidies.scored import Money
    from tests.supervision.evaluations.test_races import one_phone

    money = Money(world)
    money.budget()
    claim = money.publicised(one_phone(world))
    money.wait()
    assert money.seal() is None
    lines = money.read(claim)["lines"]
    assert {line["status"] for line in lines} == {"held"}
    assert {hold["code"] for line in lines for hold in line["holds"]} == {"risk_case"}


def test_what_is_too_much_for_one_call_stays_due_and_is_looked_at_and_sealed_by_the_next(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from chalicelib.supervision.evaluations import service
    from tests.subsidies.scored import Money, scored_class

    monkeypatch.setattr("chalicelib.supervision.evaluations.service.EVALUATED_IN_A_CALL_MAX", 2)
    money = Money(world)
    money.budget()
    classes = [scored_class(world, 2) for _ in range(3)]
    for class_id in classes:
        money.publicised(class_id)
    money.wait()
    seen: list[str] = []
    evaluate = service.evaluate_class

    def watched(context: Any, class_id: str) -> Any:
        seen.append(class_id)
        return evaluate(context, class_id)

    monkeypatch.setattr(service, "evaluate_class", watched)
    assert money.seal()["count"] == 4
    assert len(seen) == 2
    assert money.seal()["count"] == 2
    assert sorted(seen) == sorted(classes), "each was looked at before it was sealed, once"
    assert money.seal() is None


def test_the_night_takes_what_the_day_touched_page_by_page(
    world: Any, cloud: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chalicelib.supervision.touches.store.A_PAGE", 2)
    context = context_at(world.now)
    names = [f"cls_{number:04d}aaaa" for number in range(40)]
    touch_classes(context, names)
    cloud.messages("supervision")
    night = context_at(datetime(2026, 9, 1, 15, 40, tzinfo=UTC))  # 23:40 of that day in Shanghai
    begin_night(night)
    seen: list[str] = []
    while bodies := cloud.messages("supervision"):
        for body in bodies:
            if "touched" in body:
                ask_for_touched(night, body["touched"], body.get("after"))
            elif "class_id" in body:
                seen.append(body["class_id"])
    assert sorted(seen) == names


def test_a_rule_that_fails_stops_no_other_and_is_measured(
    world: Any,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    from dataclasses import replace

    from chalicelib.supervision.rules import evaluation
    from chalicelib.supervision.rules.register import CLASS_RULES

    def broken(*_: Any) -> Any:
        raise KeyError("prs_secret")

    here, _, _ = cheated(world)
    first, *others = CLASS_RULES
    rules = (replace(first, evaluate=broken), *others)
    monkeypatch.setattr(evaluation.findings_about_class, "__kwdefaults__", {"rules": rules})
    evaluated = evaluate_class(context_at(here.ended()), here.id)
    assert [failure.rule for failure in evaluated.failures] == [first.name]
    assert {finding.rule for finding in evaluated.findings} >= {"shared_device"}
    out = capsys.readouterr()
    told = out.out + out.err + caplog.text
    assert "rule_failed" in told
    assert "prs_secret" not in told
    assert "RulesFailed" in told
