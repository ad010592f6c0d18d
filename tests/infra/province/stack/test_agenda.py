"""The small province of a stack: things happen in their order, and classes end in every state."""

from datetime import UTC, datetime, timedelta

from infra.province.stack.agenda import Agenda
from infra.province.stack.life import LESSONS
from infra.province.stack.plans import BURST, PLANS, SHARED_PHONE, Stage

NOON = datetime(2026, 9, 1, 12, tzinfo=UTC)


def test_events_happen_at_their_moment_in_their_order_and_none_after_the_end():
    told: list[tuple[datetime, str]] = []
    clock: list[datetime] = []
    agenda = Agenda(NOON, clock.append)

    def event(name: str, then: datetime | None = None):
        def happen() -> None:
            told.append((clock[-1], name))
            if then:
                agenda.at(then, event("what followed"))

        return happen

    agenda.at(NOON, event("last"))
    agenda.at(NOON - timedelta(hours=2), event("first", then=NOON - timedelta(hours=1)))
    agenda.at(NOON - timedelta(hours=2), event("second"))
    agenda.at(NOON + timedelta(seconds=1), event("never"))
    assert agenda.run() == 4
    assert [name for _, name in told] == ["first", "second", "what followed", "last"]
    assert [moment for moment, _ in told] == clock
    assert clock == sorted(clock)


def test_classes_stand_at_every_stage_and_some_meet_today():
    assert {plan.stage for plan in PLANS} == set(Stage)
    assert any(plan.is_cancelled for plan in PLANS)
    running = [plan for plan in PLANS if plan.stage is Stage.APPROVED]
    assert any(plan.first_day <= 0 < plan.first_day + LESSONS for plan in running)
    assert {plan.cheat for plan in PLANS} == {None, SHARED_PHONE, BURST}
    assert len({plan.school for plan in PLANS}) == 3


def test_what_is_beyond_the_lessons_has_its_lessons_behind_it():
    for plan in PLANS:
        if plan.stage >= Stage.COMPLETION_SUBMITTED:
            assert plan.first_day + LESSONS <= 0
        if plan.stage < Stage.APPROVED:
            assert plan.first_day > 0


def test_the_small_one_has_money_paid_a_class_running_and_somebody_who_cheats():
    small = [plan for plan in PLANS if plan.is_small_too]
    assert {Stage.PAID, Stage.APPROVED, Stage.PUBLICISED, Stage.DRAFT} <= {plan.stage for plan in small}
    assert any(plan.cheat for plan in small)
    assert len(small) < len(PLANS)
