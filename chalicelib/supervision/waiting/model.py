"""What waits for whom, oldest first: which states are listed as what, and who sees them.

Whoever has to act in a state sees what is in it (`kernel.clocks`). What is overdue is seen by the supervisors
of its area and by the province as well: they look after it, though they cannot do it.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

from chalicelib.kernel.clocks import Effect, Flag, clock_of, flags_of, next_due
from chalicelib.kernel.divisions import PROVINCE
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
    STOPPED_CLAIM = "stopped_claim"
    OVERRIDE = "override"
    ISSUANCE_BATCH = "issuance_batch"
    RISK_CASE = "risk_case"
    ACCOUNT = "account"
    CLIENT = "client"
    PAYEE = "payee"
    HOLD = "hold"
    OBJECTION = "objection"
    SETTLEMENT_BATCH = "settlement_batch"
    CLAIM_LINE = "claim_line"
    RENAME = "rename"
    RESTORATION = "restoration"
    FOOTAGE = "footage"
    DELIVERY = "delivery"
    WEBHOOK = "webhook"


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
    "stopped_claim": {"stands": Kind.STOPPED_CLAIM},
    "override": {"asked": Kind.OVERRIDE},
    "issuance batch": {"proposed": Kind.ISSUANCE_BATCH},
    "risk_case": {"open": Kind.RISK_CASE, "under_review": Kind.RISK_CASE},
    "account": {"proposed": Kind.ACCOUNT},
    "client": {"proposed": Kind.CLIENT},
    "payee_account": {"proposed": Kind.PAYEE},
    "hold": {"open": Kind.HOLD},
    "objection": {"open": Kind.OBJECTION},
    "settlement_batch": {"sealed": Kind.SETTLEMENT_BATCH, "exported": Kind.SETTLEMENT_BATCH},
    "claim_line": {"payment_failed": Kind.CLAIM_LINE, "held": Kind.CLAIM_LINE},
    "barred_line": {"stands": Kind.CLAIM_LINE},
    "line_request": {"asked": Kind.CLAIM_LINE},
    "rename": {"proposed": Kind.RENAME},
    "restoration": {"proposed": Kind.RESTORATION},
    "footage": {
        "awaiting_upload": Kind.FOOTAGE,
        "missing": Kind.FOOTAGE,
        "mismatch": Kind.FOOTAGE,
    },
    "delivery": {"refused": Kind.DELIVERY, "dead": Kind.DELIVERY},
    "webhook": {"stopped": Kind.WEBHOOK, "stopped_at_bureau": Kind.WEBHOOK},
}
"""As what each state is listed, by machine."""
_LISTED_ONCE_LATE = (Kind.IDLE_VOUCHER,)
"""Who was enrolled waits for a class in any case: this is listed from its reminder on."""


_IN_LISTS_OF = {
    "class change": "class",
    "barred_line": "claim_line",
    "line_request": "claim_line",
    "client": "account",
    "stopped_claim": "subsidy_claim",
}
"""Machines that stand in the lists of another one."""


def list_of(machine: str) -> str:
    """Name the machine in whose lists a machine's things stand."""
    return _IN_LISTS_OF.get(machine, machine)


def machines_of(kind: Kind | None, role: Role, lists: Sequence[str]) -> list[str]:
    """Name those of some lists in which somebody of a role may have something, of one kind if it is given."""
    wanted = {
        list_of(machine)
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


class ShownWaiting(msgspec.Struct, frozen=True, kw_only=True):
    """A thing that waits, by its id and a name without personal data, and what the caller may do with it."""

    waiting: WaitingThing
    subject: str
    within: str | None = None
    name: str
    institution: str | None
    division: str
    version: int
    allowed_actions: Sequence[str]


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """How much of a kind waits, and since when the oldest; `more` where not all of it was counted.

    Where none of it could be counted, the count is 0 and nothing of it is older than `oldest`.
    """

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


def figures_of(
    everything: Collection[WaitingThing], *, unread: Collection[WaitingThing]
) -> dict[Kind, Figures]:
    """Count what waits by kind; `unread` is the oldest that there may be of each state beyond what was read.

    A kind of which nothing was read, but something may wait, is told of as well: nobody would miss it else.
    """
    by_kind: dict[Kind, list[datetime]] = {}
    for waiting in everything:
        by_kind.setdefault(waiting.kind, []).append(waiting.since)
    more: dict[Kind, list[datetime]] = {}
    for waiting in unread:
        more.setdefault(waiting.kind, []).append(waiting.since)
    return {
        kind: Figures(
            count=len(by_kind.get(kind, ())), oldest=min(by_kind.get(kind) or more[kind]), more=kind in more
        )
        for kind in by_kind | more
    }


# --------------------------------------------------------------------------- what a night keeps


class KeptWaiting(msgspec.Struct, frozen=True):
    """A row that waits, as a night keeps it for those who look after its area."""

    machine: str
    state: str
    key: tuple[str, ...]
    since: datetime
    institution: str | None = None
    division: str | None = None
    about: str | None = None


class Unread(msgspec.Struct, frozen=True):
    """A state of which there may be more than was read, nothing of it older than `since`."""

    machine: str
    state: str
    since: datetime


class Overseen(msgspec.Struct, frozen=True, kw_only=True):
    """What a night found waiting in a group for those who look after it, the oldest first.

    `unread` is what it left out, `spread` are machines of whose lists rows of before still stand in other
    parts than the first.
    """

    waiting: list[KeptWaiting]
    unread: list[Unread]
    spread: list[str]


AHEAD_OF_THE_NIGHT = timedelta(hours=36)
"""A night keeps what becomes overdue before the next one has come, even if that is late.

What it kept counts for as long: after that something is overdue that it did not look for.
"""
KEPT_MAX = 1_000
"""So many of a group are kept: a row of the store holds no more than 400 KB."""
KEPT_OF_EACH = KEPT_MAX // len(Kind)
"""So many of each kind are kept before any more of another, so that none crowds another out."""
_MOST_OF_ALL = frozenset({"enrolment"})
"""There are thousands of these, and time settles them: what somebody has to decide comes before them."""
_KEPT_FOR_THE_PROVINCE = frozenset({"hold", "risk_case"})
"""Cities decide on these first; the province, which may as well, has them a night later."""


def is_kept(machine: str, state: str, since: datetime, now: datetime) -> bool:
    """Tell whether a night keeps a thing: who looks after its area may see it before the next."""
    if KINDS[machine].get(state) is None:
        return False
    if machine in _KEPT_FOR_THE_PROVINCE:
        return True
    clock = clock_of(machine, state)
    return any(
        tick.effect is Effect.LIST
        and (due := tick.due(since)) is not None
        and due <= now + AHEAD_OF_THE_NIGHT
        for tick in clock.ticks
    )


def is_fresh(computed_at: datetime, now: datetime) -> bool:
    """Tell whether what a night kept still tells of all that is overdue."""
    return now - computed_at <= AHEAD_OF_THE_NIGHT


def picked(waiting: Iterable[KeptWaiting]) -> tuple[list[KeptWaiting], list[Unread]]:
    """Pick what is kept, the oldest first, and tell what is left out.

    Each kind has its share of the oldest; what room is left goes by age, to what is rare before enrolments.
    """
    taken: Counter[Kind] = Counter()
    ranked: list[tuple[bool, bool, KeptWaiting]] = []
    for one in sorted(waiting, key=lambda kept: kept.since):
        kind = KINDS[one.machine][one.state]
        beyond = taken[kind] >= KEPT_OF_EACH
        taken[kind] += 1
        ranked.append((beyond, beyond and one.machine in _MOST_OF_ALL, one))
    ranked.sort(key=lambda rank: rank[:2])
    left_out: dict[tuple[str, str], Unread] = {}
    for *_, one in ranked[KEPT_MAX:]:
        left_out.setdefault((one.machine, one.state), Unread(one.machine, one.state, one.since))
    kept = sorted((one for *_, one in ranked[:KEPT_MAX]), key=lambda kept: kept.since)
    return kept, list(left_out.values())


def unread_of(list_name: str, since: datetime) -> list[Unread]:
    """Tell of every state of a machine's lists that more may wait, where they were read up to a moment."""
    return [
        Unread(machine, state, since)
        for machine, states in KINDS.items()
        if list_of(machine) == list_name
        for state in states
    ]


def reads_kept(machine: str, role: Role, area: str) -> bool:
    """Tell whether somebody has a machine's things from the night alone: they do not act on them."""
    if role not in OVERSEERS:
        return False
    if area == PROVINCE and machine in _KEPT_FOR_THE_PROVINCE:
        return True
    listed = [m for m in KINDS if list_of(m) == machine]
    return not any(role in clock_of(m, state).acts for m in listed for state in KINDS[m])
