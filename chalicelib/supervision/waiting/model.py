"""What waits for whom, oldest first: which states are listed as what, and who sees them.

Whoever has to act in a state sees what is in it (`kernel.clocks`). What is overdue is seen by the supervisors
of its area and by the province as well: they look after it, though they cannot do it.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from enum import StrEnum

import msgspec

from chalicelib.kernel.clocks import Effect, Flag, clock_of, flags_of, next_due
from chalicelib.kernel.principal import OVERSEERS, Role


class Kind(StrEnum):
    """What it is that waits."""

    CLASS = "class"
    CHANGE = "change"
    CHECK_IN = "check_in"
    MAKE_UP = "make_up"
    COMPLETION = "completion"
    MARKS = "marks"
    CLAIM_DUE = "claim_due"
    IDLE_VOUCHER = "idle_voucher"
    SUBSIDY_CLAIM = "subsidy_claim"
    OVERRIDE = "override"
    ISSUANCE_BATCH = "issuance_batch"
    RISK_CASE = "risk_case"
    ACCOUNT = "account"
    PAYEE = "payee"
    HOLD = "hold"
    OBJECTION = "objection"
    SETTLEMENT_BATCH = "settlement_batch"
    CLAIM_LINE = "claim_line"
    RENAME = "rename"
    RESTORATION = "restoration"
    FOOTAGE = "footage"


KINDS: Mapping[str, Mapping[str, Kind]] = {
    "class": {
        "submitted": Kind.CLASS,
        "returned": Kind.CLASS,
        "cancel_requested": Kind.CLASS,
        "approved": Kind.COMPLETION,
        "completion_submitted": Kind.COMPLETION,
        "completion_returned": Kind.COMPLETION,
        "completion_approved": Kind.MARKS,
        "scored": Kind.CLAIM_DUE,
    },
    "class change": {"submitted": Kind.CHANGE},
    "check_in": {"needs_review": Kind.CHECK_IN},
    "make_up": {"requested": Kind.MAKE_UP},
    "enrolment": {"confirmed": Kind.IDLE_VOUCHER},
    "subsidy_claim": {
        "submitted": Kind.SUBSIDY_CLAIM,
        "reviewed": Kind.SUBSIDY_CLAIM,
        "returned": Kind.SUBSIDY_CLAIM,
    },
    "override": {"asked": Kind.OVERRIDE},
    "issuance batch": {"proposed": Kind.ISSUANCE_BATCH},
    "risk_case": {"open": Kind.RISK_CASE, "under_review": Kind.RISK_CASE},
    "account": {"proposed": Kind.ACCOUNT},
    "payee_account": {"proposed": Kind.PAYEE},
    "hold": {"open": Kind.HOLD},
    "objection": {"open": Kind.OBJECTION},
    "settlement_batch": {"sealed": Kind.SETTLEMENT_BATCH, "exported": Kind.SETTLEMENT_BATCH},
    "claim_line": {"payment_failed": Kind.CLAIM_LINE},
    "line_request": {"asked": Kind.CLAIM_LINE},
    "rename": {"proposed": Kind.RENAME},
    "restoration": {"proposed": Kind.RESTORATION},
    "footage": {
        "awaiting_upload": Kind.FOOTAGE,
        "missing": Kind.FOOTAGE,
        "mismatch": Kind.FOOTAGE,
    },
}
"""As what each state is listed, by machine."""
_LISTED_ONCE_LATE = (Kind.IDLE_VOUCHER,)
"""Who was enrolled waits for a class in any case: this is listed from its reminder on."""


_IN_LISTS_OF = {"class change": "class", "line_request": "claim_line"}
"""Machines that stand in the lists of another one."""


def machines_of(kind: Kind | None, role: Role, lists: Sequence[str]) -> list[str]:
    """Name those of some lists in which somebody of a role may have something, of one kind if it is given."""
    wanted = {
        _IN_LISTS_OF.get(machine, machine)
        for machine, states in KINDS.items()
        for state, of_kind in states.items()
        if kind in (None, of_kind) and _may_see(machine, state, role)
    }
    return [name for name in lists if name in wanted]


def _may_see(machine: str, state: str, role: Role) -> bool:
    clock = clock_of(machine, state)
    told = any(tick.effect is Effect.LIST for tick in clock.ticks)
    return role in clock.acts or (told and role in OVERSEERS)


class WaitingThing(msgspec.Struct, frozen=True, kw_only=True):
    """A thing that waits, by the key of its row; `due` is when the next thing happens to it by itself."""

    machine: str
    state: str
    kind: Kind
    key: tuple[str, ...]
    since: datetime
    due: datetime | None
    flags: Sequence[Flag]
    institution: str | None

    @property
    def place(self) -> str:
        """Give its place in the order of lists: the oldest first, then by key."""
        return f"{self.since.isoformat(timespec='microseconds')} {self.machine} {' '.join(self.key)}"


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """How much of a kind waits, and since when the oldest; `more` where not all of it was counted."""

    count: int
    oldest: datetime
    more: bool


def waiting_of(
    machine: str,
    state: str,
    key: tuple[str, ...],
    *,
    since: datetime,
    institution: str | None,
    now: datetime,
) -> WaitingThing | None:
    """Give a row as a thing that waits; None where its state is listed nowhere, or not yet."""
    kind = KINDS[machine].get(state)
    if kind is None:
        return None
    clock = clock_of(machine, state)
    flags = flags_of(clock, since, now)
    if kind in _LISTED_ONCE_LATE and not flags:
        return None
    due = next_due(clock, since, now)
    return WaitingThing(
        machine=machine,
        state=state,
        kind=kind,
        key=key,
        since=since,
        due=due,
        flags=flags,
        institution=institution,
    )


def is_seen_by(waiting: WaitingThing, role: Role) -> bool:
    """Tell whether somebody of a role has this in their list."""
    if role in clock_of(waiting.machine, waiting.state).acts:
        return True
    return role in OVERSEERS and Flag.OVERDUE in waiting.flags


def figures_of(everything: Collection[WaitingThing], *, cut_off: Collection[str]) -> dict[Kind, Figures]:
    """Count what waits by kind; `cut_off` are the machines of whose lists there is more than was read."""
    by_kind: dict[Kind, list[datetime]] = {}
    for waiting in everything:
        by_kind.setdefault(waiting.kind, []).append(waiting.since)
    more = {kind for machine in cut_off for kind in KINDS[machine].values()}
    return {
        kind: Figures(count=len(moments), oldest=min(moments), more=kind in more)
        for kind, moments in by_kind.items()
    }
