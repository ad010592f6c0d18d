"""What all lives share: who takes part, what may go wrong with a call, and how an answer is held against the model."""

from datetime import datetime, timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
)

from tests.stateful.life import invariants
from tests.stateful.life.driver import MINUTE, PLAIN
from tests.stateful.life.model import Life
from tests.support.people import HEFEI_OTHER, HEFEI_SCHOOL

PEOPLE = 5
OLD = 4
"""This person's voucher is old: it expires while the others' are in use."""
SCHOOLS = {"institution": HEFEI_SCHOOL, "institution_two": HEFEI_OTHER}
STAGES = (
    "claimed",
    "redeemed",
    "rostered",
    "attended",
    "scored",
    "publicised",
    "due",
    "sealed",
    "exported",
    "paid",
)
SIDES = {
    "asked to restore": "claimed",
    "absent": "rostered",
    "objected": "publicised",
    "held": "due",
    "suspended": "due",
    "failed": "exported",
    "asked to take back": "paid",
}
"""Where something stands against what comes next, by the stage from which it is come to."""
WAITED_DAYS_MAX = 55
"""Longer than this the clocks of idle vouchers and forgotten decisions begin: they have tests of their own."""
PERSON = st.integers(0, PEOPLE - 1)
CHAOS = st.one_of(
    st.just(PLAIN),
    st.just(("twice", 0)),
    st.tuples(st.sampled_from(("killed", "lost", "raced")), st.integers(1, 20)),
)
SERVICE: list[Any] = []


class Steps(RuleBasedStateMachine):
    """Each rule says what the model expects of a call, makes it, and holds the tables against the model."""

    def __init__(self) -> None:
        super().__init__()
        self.service, begun, self.stages = SERVICE
        self.life = Life()
        self.ids: dict[Any, str] = {}
        self.service.restore(begun)
        self.began = self.service.now
        self.is_coming = False

    # ------------------------------------------------------------------------- helpers

    @property
    def now(self) -> datetime:
        return self.service.now

    def expect(self, allowed: bool | None, answer: Any) -> bool:
        """Hold an answer against what the model allows; gives whether it was done."""
        done = answer.status < 300
        if allowed is not None:
            assert done == allowed, f"the model says {allowed}: {answer.status} {answer.text[:300]}"
        return bool(done)

    def version(self, who: Any, path: str) -> int:
        return int(self.service.read(who, path)["version"])

    def someone(self, person: int, *states: str) -> int:
        """Give somebody whose voucher or enrolment is in such a state, where there is one; now and then anybody."""
        fitting = [
            one
            for one, voucher in sorted(self.life.vouchers.items())
            if voucher.status in states or voucher.enrolment in states
        ]
        if self.is_coming or not fitting or person == PEOPLE - 1:
            return person
        return fitting[person % len(fitting)]

    def check(self) -> None:
        invariants.check(self.service, self.life, self.ids)

    def later(self, span: timedelta = MINUTE) -> None:
        self.service.now += span
