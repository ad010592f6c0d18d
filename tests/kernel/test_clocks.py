"""Every state of every machine has an owner and a clock, or says why nobody has to act in it."""

from datetime import UTC, datetime, timedelta

import pytest

import app  # the whole program, with every transition table
from chalicelib.kernel.clocks import (
    CLOCKS,
    NOT_WAITING,
    WRITING,
    Effect,
    Flag,
    clock_of,
    flags_of,
    next_due,
    ticks_by_port,
)
from chalicelib.kernel.ports import INSTALLED
from chalicelib.kernel.principal import Role
from chalicelib.kernel.transitions import DECLARED

SINCE = datetime(2026, 9, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
WITHOUT_TABLE = {
    "check_in": {"needs_review"},
    "footage": {"awaiting_upload", "missing", "mismatch"},
    "restoration": {"proposed"},
    "barred_line": {"stands"},
    "line_request": {"asked"},
    "stopped_claim": {"stands"},
    "webhook": {"stopped", "stopped_at_bureau"},
}
"""Machines whose states are no transition table."""
STATES = {
    table.name: {state.value for state in table.states if not table.is_final(state)}
    for table in DECLARED
    if table.name.islower()
}


@pytest.mark.parametrize("machine", sorted(STATES))
def test_every_state_that_is_not_final_has_a_clock_and_no_other_has(machine: str) -> None:
    assert set(CLOCKS[machine]) == STATES[machine]


def test_no_clock_is_of_a_machine_that_is_not_there() -> None:
    assert CLOCKS.keys() == STATES.keys() | WITHOUT_TABLE.keys()
    assert {name: set(CLOCKS[name]) for name in WITHOUT_TABLE} == WITHOUT_TABLE
    assert len(STATES) >= 14


@pytest.mark.parametrize(
    ("machine", "state"), [(machine, state) for machine, states in CLOCKS.items() for state in states]
)
def test_a_clock_names_who_acts_and_what_happens_or_why_nobody_has_to(machine: str, state: str) -> None:
    clock = clock_of(machine, state)
    assert bool(clock.acts) != bool(clock.rests)
    assert bool(clock.ticks) == bool(clock.acts)
    functions = {name for name, _, _ in app.FUNCTIONS}
    for tick in clock.ticks:
        assert (tick.by in {*functions, "its condition"}) == (tick.effect in WRITING), tick
        assert not tick.port or tick.port in INSTALLED


def test_where_somebody_has_to_act_it_stands_in_the_list_of_what_waits_or_a_reason_says_why_not() -> None:
    from chalicelib.supervision.waiting.model import KINDS

    acting = {
        (machine, state)
        for machine, states in CLOCKS.items()
        for state, clock in states.items()
        if set(clock.acts) - {Role.SYSTEM} and machine not in NOT_WAITING
    }
    listed = {(machine, state) for machine, states in KINDS.items() for state in states}
    assert listed == acting
    assert not KINDS.keys() & NOT_WAITING.keys()
    assert NOT_WAITING.keys() <= CLOCKS.keys()


def test_a_proposal_that_lapses_lapses_when_its_own_step_says_so() -> None:
    from chalicelib.accounts.model import PROPOSAL_VALIDITY
    from chalicelib.catalogue.payees.model import LAPSES_AFTER
    from chalicelib.people.lists.renames.model import UNDECIDED_FOR
    from chalicelib.vouchers.model import Restoration, VoucherStatus
    from chalicelib.vouchers.restoring.model import lapses_at

    proposed = Restoration(asked_by="a", asked_at=SINCE, reason="x", target=VoucherStatus.CLAIMED)

    for machine, after in (
        ("account", PROPOSAL_VALIDITY),
        ("payee_account", LAPSES_AFTER),
        ("rename", UNDECIDED_FOR),
        ("restoration", lapses_at(proposed) - SINCE),
    ):
        (lapse,) = [t for t in clock_of(machine, "proposed").ticks if t.effect is Effect.LAPSE]
        assert lapse.due(SINCE) == SINCE + after


def test_an_idle_voucher_is_late_after_30_days_overdue_after_60_and_released_after_90() -> None:
    idle = clock_of("enrolment", "confirmed")
    told = {days: list(flags_of(idle, SINCE, SINCE + days * DAY)) for days in (29, 30, 59, 60, 120)}
    late, both = [Flag.LATE], [Flag.LATE, Flag.OVERDUE]
    assert told == {29: [], 30: late, 59: late, 60: both, 120: both}
    assert [next_due(idle, SINCE, SINCE + days * DAY) for days in (0, 30, 89, 100)] == [
        SINCE + days * DAY for days in (30, 60, 90, 90)
    ]
    assert (ticks_by_port()["release_idle"].effect, ticks_by_port()["release_idle"].days) == (
        Effect.RELEASE,
        90,
    )


def test_working_days_end_with_their_last_day_in_shanghai() -> None:
    submitted = clock_of("class", "submitted")
    (remind, listed) = (tick.due(SINCE) for tick in submitted.ticks)
    # Tuesday, 1 September 2026: the 5th working day is the 8th, the 10th the 15th
    assert remind == datetime(2026, 9, 8, 16, tzinfo=UTC)
    assert listed == datetime(2026, 9, 15, 16, tzinfo=UTC)


def test_a_state_whose_end_stands_elsewhere_has_no_moment_here() -> None:
    issued = clock_of("voucher", "issued")
    assert [tick.due(SINCE) for tick in issued.ticks] == [None]
    assert (next_due(issued, SINCE, SINCE), list(flags_of(issued, SINCE, SINCE))) == (None, [])
