"""A model of the whole life (`model`), written from the design alone, and the service beside it, step by step.

Every role acts over HTTP, rightly and wrongly; calls are repeated, interrupted and raced, answers are lost, nights
pass. After each step what stands in the tables is what the model says, and the invariants of the design hold.
`LIVES` asks for more than a run of everything takes; `planted_bugs.py` shows that this can fail.
"""

import os
import pickle
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    initialize,
    rule,
    run_state_machine_as_test,
)

from tests.stateful.life import invariants
from tests.stateful.life.driver import DAY, MINUTE, PLAIN, Service
from tests.stateful.life.lives import (
    CHAOS,
    PEOPLE,
    SERVICE,
    SIDES,
    STAGES,
    WAITED_DAYS_MAX,
)
from tests.stateful.life.model import day_of
from tests.stateful.life.money import Money
from tests.support.depth import size_of

SEQUENCES = size_of("LIVES", usual=60, full=60)
STEPS = int(os.environ.get("LIFE_STEPS") or 14)
_SHRINKING = () if os.environ.get("LIFE_SHRINK") == "0" else (Phase.shrink,)


@pytest.fixture(scope="module")
def service(emulator: Any) -> Iterator[Any]:
    from tests.support.http import Gateway
    from tests.support.plugin import Cloud, _empty, forget_what_is_known
    from tests.support.world import World

    _empty(emulator)
    forget_what_is_known()
    world = World(Cloud(), Gateway())
    world.seed()
    begun = Service(emulator, world)
    SERVICE[:] = [begun, begun.keep(), {}]
    yield begun
    SERVICE.clear()
    _empty(emulator)
    forget_what_is_known()


class Lives(Money):
    """A life from one of its beginnings, with its nights and days."""

    # ------------------------------------------------------------------------- beginnings

    @initialize(stage=st.sampled_from((*STAGES, *SIDES)))
    def begin(self, stage: str) -> None:
        """Come to a stage plainly the first time; afterwards put everything as it was then."""
        if stage not in self.stages:
            self._come_to(stage)
            self.is_coming = False
            assert self._has_come(stage), stage
            self.stages[stage] = pickle.dumps((self.service.keep(), self.life, self.ids))
        kept, self.life, self.ids = pickle.loads(self.stages[stage])
        self.service.restore(kept)

    def _has_come(self, stage: str) -> bool:
        """Tell whether a beginning is what it is called: else every sequence from there would try nothing."""
        vouchers, lines = self.life.vouchers, self.life.lines().values()
        klass = self.life.classes[0] if self.life.classes else None
        come: dict[str, bool] = {
            "claimed": [vouchers[one].status for one in sorted(vouchers)[:4]] == ["claimed"] * 4,
            "redeemed": [vouchers[one].enrolment for one in sorted(vouchers)[:3]] == ["confirmed"] * 3,
            "rostered": klass is not None and klass.roster == {0, 1, 2},
            "attended": klass is not None and len(klass.came) == 15,
            "scored": klass is not None and klass.passed == {0, 1},
            "publicised": [line.status for line in lines] == ["pending"] * 2 and self.life.reserved_fen > 0,
            "due": len(self.life.due(day_of(self.now))) == 2,
            "sealed": [batch.status for batch in self.life.batches] == ["sealed"],
            "exported": [batch.status for batch in self.life.batches] == ["exported"],
            "paid": sorted(line.status for line in lines) == ["paid", "payment_failed"],
            "asked to restore": vouchers[3].restore_asked_by == "province",
            "absent": klass is not None and klass.status == "completion_approved" and not klass.served(1),
            "objected": bool(lines)
            and klass is not None
            and klass.claim is not None
            and klass.claim.objections > 0,
            "held": sum(line.held for line in lines) == 1 and len(self.life.due(day_of(self.now))) == 1,
            "suspended": bool(self.life.suspended) and not self.life.due(day_of(self.now)),
            "failed": [line.status for line in lines] == ["payment_failed"] * 2,
            "asked to take back": sum(bool(line.reversal_by) for line in lines) == 1,
        }
        return come[stage]

    def _come_to(self, stage: str) -> None:
        before = SIDES.get(stage) or (STAGES[STAGES.index(stage) - 1] if stage != STAGES[0] else "")
        if before:
            self.begin(before)
        self.is_coming = True
        (self._step_aside if stage in SIDES else self._step)(stage)

    def _step_aside(self, stage: str) -> None:
        """Have something stand against what comes next."""
        match stage:
            case "asked to restore":
                self.revoke(PLAIN, 3, "clerk")
                self.ask_restore(PLAIN, 3, "province", 0)
            case "absent":
                for number in range(5):
                    self.attend(0, number, {0, 2} if number in (1, 3) else {0, 1, 2}, PLAIN)
                self.later(DAY)
                self.move(PLAIN, 0, "completion/submit", "institution")
                self.move(PLAIN, 0, "completion/approve", "clerk")
            case "objected":
                self.object(0)
                self.later(12 * DAY)
            case "held":
                self.hold(PLAIN, 0, "supervisor")
            case "suspended":
                self.suspend_or_reinstate(PLAIN, "institution", "clerk")
            case "failed":
                self.report(PLAIN, 0, ["failed", "failed"], "finance")
            case "asked to take back":
                self.take_back(PLAIN, 0, "finance")

    def _step(self, stage: str) -> None:
        """Do plainly what leads from the stage before."""
        match stage:
            case "claimed":
                self.appropriate(4)
                self.issue_old()
                self.issue({0, 1, 2, 3}, "province_two")
                for person in range(PEOPLE - 1):
                    self.claim(PLAIN, person)
            case "redeemed":
                self.draft(PLAIN, "institution")
                self.move(PLAIN, 0, "submit", "institution")
                self.move(PLAIN, 0, "approve", "clerk")
                for person in range(3):
                    self.redeem(PLAIN, person, "institution")
            case "rostered":
                self.roster(PLAIN, 0, {0, 1, 2})
            case "attended":
                for number in range(5):
                    self.attend(0, number, {0, 1, 2}, PLAIN)
                self.later(DAY)
            case "scored":
                self.move(PLAIN, 0, "completion/submit", "institution")
                self.move(PLAIN, 0, "completion/approve", "clerk")
                self.score(PLAIN, 0, {2})
            case "publicised":
                self.claim_subsidy(PLAIN, 0, "institution")
                self.decide(PLAIN, 0, "review", "clerk")
                self.decide(PLAIN, 0, "approve", "reviewer")
            case "due":
                self.later(12 * DAY)
            case "sealed":
                self.seal(PLAIN, "finance")
            case "exported":
                self.export(PLAIN, 0, "finance_two")
            case "paid":
                self.report(PLAIN, 0, ["paid", "failed"], "finance")

    # ------------------------------------------------------------------------- time

    @rule(days=st.sampled_from((0, 1, 3, 8)))
    def wait(self, days: int) -> None:
        if (self.now + days * DAY - self.began).days <= WAITED_DAYS_MAX:
            self.later(days * DAY + 60 * MINUTE)

    @rule(chaos=CHAOS)
    def night(self, chaos: Any) -> None:
        """The nightly jobs: what has expired is recorded, what is due is sealed, the books are looked through."""
        self.later()
        due = self.life.due(day_of(self.now))
        self.service.run("expire_vouchers", chaos)
        self.service.run("settle_subsidies", chaos)
        self.service.run("verify_ledger")
        self.service.work()
        self.life.night(self.now)
        self._sealed(due)
        self.check()

    def teardown(self) -> None:
        if self.life.vouchers:
            invariants.nobody_is_stuck(self.service, self.life, self.ids)


def test_a_life_is_what_the_design_says_whatever_happens_in_whatever_order(service: Any) -> None:
    run_state_machine_as_test(
        Lives,
        settings=settings(
            max_examples=SEQUENCES,
            stateful_step_count=STEPS,
            deadline=None,
            database=None,
            phases=(Phase.explicit, Phase.generate, *_SHRINKING),
            suppress_health_check=list(HealthCheck),
        ),
    )
