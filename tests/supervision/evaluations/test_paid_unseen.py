"""Nothing is paid unseen: what the night did not evaluate whole is not sealed, and is neither lost nor silent."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest

import app
from chalicelib.attendance.check_ins.store import CheckInRow
from chalicelib.kernel.calendar import SHANGHAI
from chalicelib.settlement.batches import evaluated as looks
from chalicelib.settlement.batches.sealing import seal_division
from chalicelib.subsidies.claims import store as claims
from chalicelib.supervision.cases.store import RiskCaseRow
from chalicelib.supervision.evaluations import asking, service
from chalicelib.supervision.rules import evaluation
from chalicelib.supervision.rules.register import CLASS_RULES, NOT_EVALUATED
from chalicelib.supervision.touches import store
from chalicelib.supervision.touches.model import touch
from tests.settlement.test_faults import before_each_call
from tests.subsidies.scored import Money, scored_class
from tests.supervision.cases.test_holds import aside
from tests.supervision.evaluations.test_paths import context_at
from tests.supervision.evaluations.test_races import one_phone


class Nights(Money):
    """A story of money in which messages that are held back come at once."""

    def __init__(self, world: Any, emulator: Any) -> None:
        super().__init__(world)
        self._emulator = emulator

    def hurry(self) -> None:
        for queue in self._emulator.queues.values():
            for message in queue["messages"]:
                message["visible_at"] = 0


@pytest.fixture
def money(world: Any, emulator: Any) -> Nights:
    money = Nights(world, emulator)
    money.budget()
    return money


def due(money: Nights, *class_ids: str) -> None:
    for class_id in class_ids:
        money.publicised(class_id)
    money.wait()
    on = money.now.astimezone(SHANGHAI).date()
    money.now = datetime(on.year, on.month, on.day, 0, 35, tzinfo=SHANGHAI)


def eve(money: Nights) -> datetime:
    return money.now - timedelta(minutes=55)


def evaluate_night(money: Nights, *, lose: Callable[[dict[str, Any]], bool] = lambda _: False) -> None:
    """Ask for what is due, as at 23:40, and work through it; messages may be lost on the way."""
    app.evaluate_day({"now": eve(money).isoformat()}, None)
    work_evaluations(money, lose=lose)


def work_evaluations(money: Nights, *, lose: Callable[[dict[str, Any]], bool] = lambda _: False) -> None:
    import json

    while bodies := money.world.cloud.messages("supervision"):
        kept = [body for body in bodies if not lose(body)]
        records = [{"messageId": str(n), "body": json.dumps(body)} for n, body in enumerate(kept)]
        app.evaluate_classes({"Records": records}, None)  # what fails is not tried again: it is dead


def settle(money: Nights, *, lose: Callable[[dict[str, Any]], bool] = lambda _: False) -> list[Any]:
    """Seal as the night does, coming again for what was missing; gives the batches there are."""
    app.settle_subsidies({"now": money.now.isoformat()}, None)
    while money.world.cloud.work_once("settlement", app.seal_settlement):
        work_evaluations(money, lose=lose)
        money.hurry()
    return list(money.ok(money.api("finance").get("/v1/settlement-batches", at=money.now))["items"])


def cases(rule: str = NOT_EVALUATED) -> list[Any]:
    return [row.record for row in RiskCaseRow.scan() if row.rule == rule]


def evaluates(body: dict[str, Any]) -> bool:
    return "class_id" in body


def failing(monkeypatch: pytest.MonkeyPatch, *places: int) -> list[str]:
    """Have rules fail by exception; gives their names."""

    def broken(*_: Any) -> Any:
        raise KeyError("prs_secret")

    rules = [
        replace(rule, evaluate=broken) if place in places else rule for place, rule in enumerate(CLASS_RULES)
    ]
    monkeypatch.setattr(evaluation.findings_about_class, "__kwdefaults__", {"rules": rules})
    return sorted(CLASS_RULES[place].name for place in places)


# --------------------------------------------------------------------------- what is sealed


def test_what_the_night_evaluated_whole_is_sealed_at_its_first_coming(world: Any, money: Nights) -> None:
    due(money, scored_class(world, 2), scored_class(world, 1))
    evaluate_night(money)
    app.settle_subsidies({"now": money.now.isoformat()}, None)
    assert world.cloud.work("settlement", app.seal_settlement) == 17 + 19, "nobody comes again"
    (batch,) = money.ok(money.api("finance").get("/v1/settlement-batches", at=money.now))["items"]
    assert batch["count"] == 3


def test_sealing_asks_itself_for_what_nobody_asked_for(world: Any, money: Nights) -> None:
    """The night's job was missed: sealing has the class evaluated, and comes again."""
    due(money, scored_class(world, 2))
    (batch,) = settle(money)
    assert batch["count"] == 2


def test_an_evaluation_that_raises_leaves_its_class_unpaid_and_the_others_paid(
    world: Any, money: Nights, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad, good = scored_class(world, 2), scored_class(world, 1)
    due(money, bad, good)
    evaluate = service.evaluate_class

    def raises(context: Any, class_id: str) -> Any:
        if class_id == bad:
            raise RuntimeError("timed out")
        return evaluate(context, class_id)

    monkeypatch.setattr(service, "evaluate_class", raises)
    evaluate_night(money)
    (batch,) = settle(money)
    assert [line["line_id"][4:20] for line in money.batch(batch)["lines"]] == [good[4:20]]
    assert {line["status"] for line in money.read({"id": f"clm_{bad[4:]}"})["lines"]} == {"pending"}


@pytest.mark.parametrize("lost", ["class_id", "due"])
def test_a_message_that_is_lost_is_asked_for_again_the_same_night(
    world: Any, money: Nights, lost: str
) -> None:
    due(money, scored_class(world, 2))
    evaluate_night(money, lose=lambda body: lost in body)
    assert seal_division(context_at(money.now), "3401") is None, "it was not evaluated"
    (batch,) = settle(money)
    assert batch["count"] == 2


def test_a_message_that_is_lost_all_night_waits_for_the_next_and_is_counted(
    world: Any, money: Nights, capsys: pytest.CaptureFixture[str]
) -> None:
    class_id = scored_class(world, 2)
    due(money, class_id)
    evaluate_night(money, lose=evaluates)
    assert settle(money, lose=evaluates) == []
    (touched,) = store.find_touched([class_id])
    assert touched.missed_since == money.now
    assert "RulesFailed" in capsys.readouterr().out
    assert cases() == [], "a message may be lost once without anybody looking into it"
    money.wait(1)
    evaluate_night(money)
    (batch,) = settle(money)
    assert batch["count"] == 2
    (touched,) = store.find_touched([class_id])
    assert touched.missed_since is None


def test_a_class_of_which_nothing_is_heard_for_two_nights_is_before_the_supervisor(
    world: Any, money: Nights
) -> None:
    class_id = scored_class(world, 2)
    due(money, class_id)
    for _ in range(2):
        assert settle(money, lose=evaluates) == []
        money.wait(1)
    (case,) = cases()
    assert (case.class_id, str(case.severity), str(case.status)) == (class_id, "warn", "open")
    waiting = money.ok(money.api("supervisor").get("/v1/waiting", {"kind": "risk_case"}, at=money.now))
    assert [item["subject"] for item in waiting["items"]] == [case.id]
    (batch,) = settle(money)
    assert batch["count"] == 2, "once it is evaluated it is paid, whatever becomes of the case"


# --------------------------------------------------------------------------- a rule that fails


def test_where_a_rule_fails_the_findings_of_the_others_stand_and_the_class_waits(
    world: Any, money: Nights, monkeypatch: pytest.MonkeyPatch
) -> None:
    class_id, honest = one_phone(world), scored_class(world, 2)
    due(money, class_id, honest)
    rules = failing(monkeypatch, 0)
    evaluate_night(money)
    assert settle(money) == []
    assert [case.class_id for case in cases("shared_device")] == [class_id]
    held = money.read({"id": f"clm_{class_id[4:]}"})["lines"]
    assert {hold["code"] for line in held for hold in line["holds"]} == {"risk_case"}
    (case,) = cases()
    assert case.class_id == honest, "of what is held already nobody is told besides"
    assert case.findings[0].evidence["rules_failed"] == rules


@pytest.mark.parametrize("outcome", ["false_alarm", "tolerated"])
def test_a_supervisor_lets_a_class_be_paid_on_which_a_rule_fails(
    world: Any, money: Nights, monkeypatch: pytest.MonkeyPatch, outcome: str
) -> None:
    class_id = scored_class(world, 2)
    due(money, class_id)
    failing(monkeypatch, 0)
    for _ in range(2):
        assert settle(money) == []
        money.wait(1)
    decide(money, outcome)
    (batch,) = settle(money)
    assert batch["count"] == 2


def test_by_hand_as_well_a_class_is_paid_that_a_supervisor_let_go(
    world: Any, money: Nights, monkeypatch: pytest.MonkeyPatch
) -> None:
    due(money, scored_class(world, 2))
    failing(monkeypatch, 0)
    settle(money)
    assert money.seal() is None
    decide(money, "false_alarm")
    assert money.seal()["count"] == 2


def test_what_a_supervisor_let_go_waits_again_when_another_rule_fails(
    world: Any, money: Nights, monkeypatch: pytest.MonkeyPatch
) -> None:
    due(money, scored_class(world, 2))
    failing(monkeypatch, 0)
    settle(money)
    decide(money, "tolerated")
    failing(monkeypatch, 0, 1)
    money.wait(1)
    assert settle(money) == []


def test_what_a_supervisor_confirms_is_held(
    world: Any, money: Nights, monkeypatch: pytest.MonkeyPatch
) -> None:
    class_id = scored_class(world, 2)
    due(money, class_id)
    failing(monkeypatch, 0)
    settle(money)
    decide(money, "confirmed")
    monkeypatch.undo()
    money.wait(1)
    assert settle(money) == []
    assert {line["status"] for line in money.read({"id": f"clm_{class_id[4:]}"})["lines"]} == {"held"}


def decide(money: Nights, outcome: str) -> None:
    (case,) = cases()
    api, path = money.api("supervisor"), f"/v1/risk-cases/{case.id}"
    taken = money.ok(api.post(f"{path}/take", {"version": case.version}, at=money.now))
    until: date = money.now.date() + timedelta(days=30)
    body = {"version": taken["version"], "outcome": outcome, "reason": "已逐项人工核查"}
    if outcome == "tolerated":
        body["until"] = until.isoformat()
    money.ok(api.post(f"{path}/resolve", body, at=money.now))


# --------------------------------------------------------------------------- an older state


def test_an_evaluation_of_an_older_state_does_not_count(world: Any, money: Nights) -> None:
    """It was begun before the class was asked for, and ends after that."""
    class_id = scored_class(world, 2)
    due(money, class_id)
    asked = store.ask(class_id, eve(money))
    newer = store.ask(class_id, eve(money) + timedelta(minutes=1))
    assert not store.answer(class_id, asked)
    assert seal_division(context_at(money.now), "3401") is None
    assert store.answer(class_id, newer)
    assert seal_division(context_at(money.now), "3401") is not None


def test_what_happens_after_the_evaluation_makes_it_too_old(world: Any, money: Nights) -> None:
    class_id = scored_class(world, 2)
    due(money, class_id)
    evaluate_night(money)
    store.note_touched(touch(class_id, eve(money) + timedelta(minutes=5)), eve(money) + timedelta(minutes=5))
    assert seal_division(context_at(money.now), "3401") is None
    (batch,) = settle(money)
    assert batch["count"] == 2, "it is asked for again, and evaluated as it is now"


def test_what_happens_during_the_evaluation_makes_it_too_old(world: Any, money: Nights) -> None:
    class_id = scored_class(world, 2)
    due(money, class_id)
    asked = store.ask(class_id, eve(money))
    store.note_touched(touch(class_id, eve(money) + timedelta(seconds=1)), eve(money) + timedelta(seconds=1))
    assert not asking.evaluate_asked(context_at(eve(money)), class_id, asked)
    assert seal_division(context_at(money.now), "3401") is None


def test_a_message_of_what_is_answered_already_evaluates_nothing_again(
    world: Any, money: Money, monkeypatch: pytest.MonkeyPatch
) -> None:
    class_id = scored_class(world, 2)
    due(money, class_id)
    asked = store.ask(class_id, eve(money))
    assert asking.evaluate_asked(context_at(eve(money)), class_id, asked)

    def evaluated_again(*_: Any) -> None:
        raise AssertionError("a queue that lags would only grow")

    monkeypatch.setattr(asking.service, "evaluate_class", evaluated_again)
    assert asking.evaluate_asked(context_at(eve(money)), class_id, asked)


def test_a_class_that_is_answered_before_it_is_told_as_missed_is_none(world: Any, money: Money) -> None:
    """Both go by one queue: the evaluation of a queue that lagged came first, and the alarm rang all the same."""
    class_id = scored_class(world, 2)
    due(money, class_id)
    asked = store.ask(class_id, eve(money))
    assert asking.evaluate_asked(context_at(eve(money)), class_id, asked)
    assert store.note_missed(class_id, eve(money)) is None
    assert store.note_missed("cls_neverasked", eve(money)) is None
    (touched,) = store.find_touched([class_id])
    assert touched.missed_since is None
    happened = eve(money) + timedelta(minutes=5)
    store.note_touched(touch(class_id, happened), happened)
    missed = store.note_missed(class_id, happened)
    assert missed is not None, "what was answered is of an older state"
    assert missed.missed_since == happened


def test_asking_again_after_something_has_happened_is_another_question(world: Any) -> None:
    """A message that comes twice must not take an older answer for a newer one, even if the clock stands."""
    at = world.now
    asked = store.ask("cls_aaaa", at)
    assert store.ask("cls_aaaa", at) == asked == at
    store.note_touched(touch("cls_aaaa", at), at)
    again = store.ask("cls_aaaa", at)
    assert again > asked
    assert not store.answer("cls_aaaa", asked)
    assert store.answer("cls_aaaa", again)


def test_an_evaluation_of_yesterday_does_not_count_tonight(world: Any, money: Nights) -> None:
    class_id = scored_class(world, 2)
    due(money, class_id)
    evaluate_night(money)
    assert seal_division(context_at(money.now + timedelta(days=1)), "3401") is None


def test_a_claim_that_is_sealed_in_two_writes_is_not_too_old_for_the_second(world: Any) -> None:
    from chalicelib.aws.streams import RowChange
    from chalicelib.supervision.evaluations.changes import class_changed

    def change(before: dict[str, Any], after: dict[str, Any]) -> str | None:
        row = {"id": "clm_a", "class_id": "cls_aaaaaaaaaaaaaaaaaaaaaaaaaa", "version": 1}
        images = {"before": row | before, "after": row | after, "change": None}
        return class_changed(
            RowChange(sequence="1", table="subsidy-claims", subject="clm_a", part="", **images)
        )

    sealed = ({"status": "publicised", "batched_count": 0}, {"status": "publicised", "batched_count": 40})
    assert change(*sealed) is None
    assert change({"status": "publicised"}, {"status": "payable"}) is None
    assert change({"status": "reviewed"}, {"status": "publicised"}) is not None
    assert change({"status": "publicised", "line_count": 3}, {"status": "publicised", "line_count": 2})


# --------------------------------------------------------------------------- races


@pytest.mark.parametrize("number", [1, 4, 7, 10, 13])
def test_a_finding_at_any_call_of_the_nights_sealing_leaves_nothing_to_pay(
    world: Any, money: Nights, number: int
) -> None:
    """The class was answered as honest; what happens then is found while it is sealed."""
    class_id = scored_class(world, 6)
    due(money, class_id)
    evaluate_night(money)
    begun: list[None] = []

    def cheat() -> None:
        for row in CheckInRow.query(class_id):
            row.update(actions=[CheckInRow.came.set({**row.came, "device_id": "one-phone"})])
        service.touch_classes(context_at(money.now), [class_id])
        service.evaluate_class(context_at(money.now), class_id)

    def act(call: int) -> None:
        if call == number and not begun:
            begun.append(None)
            aside(cheat)

    with before_each_call(act):
        batch = seal_division(context_at(money.now), "3401")
    if batch is None:
        assert all(line.batch_id is None for line in claims.find_lines(lines_of(money, class_id)))
    else:  # what was sealed before that leaves it before there is a file to pay by
        money.api("finance").post(f"/v1/settlement-batches/{batch.id}/export", {}, at=money.now)
        assert {line["status"] for line in money.batch({"id": batch.id})["lines"]} <= {"withdrawn"}


def lines_of(money: Nights, class_id: str) -> list[str]:
    return [line["id"] for line in money.read({"id": f"clm_{class_id[4:]}"})["lines"]]


def test_a_touch_between_the_look_and_the_write_keeps_the_class_out(
    world: Any, money: Nights, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The condition of the write is the truth: the look alone would have let it pass."""
    class_id = scored_class(world, 2)
    due(money, class_id)
    evaluate_night(money)
    look = looks.Look.at

    def late(self: Any, class_ids: Any) -> Any:
        seen = look(self, class_ids)
        store.note_touched(touch(class_id, money.now), money.now)
        return seen

    monkeypatch.setattr(looks.Look, "at", late)
    assert seal_division(context_at(money.now), "3401") is None
