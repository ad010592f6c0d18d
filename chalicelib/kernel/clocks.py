"""Every state has an owner and a clock: who has to act in it, and what happens when nobody does.

Nothing rests for ever. For each state that some action leaves, of every transition table of the program, the
table below tells who acts and after how long what happens. Lists of what waits, their flags and the night's
work follow from it; a test holds it against the transition tables, state by state.

An example: a voucher is redeemed on 1 September, and its enrolment is on no roster. On 1 October it is
flagged `late` in the institution's list; on 31 October it is flagged `overdue`, and the supervisors see it
too; in the night of 30 November it is given back.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from chalicelib.kernel.calendar import add_working_days, shanghai_date, start_of_day
from chalicelib.kernel.principal import Role


class Effect(StrEnum):
    """What a clock does when its time has come."""

    REMIND = "remind"
    """It is flagged `late` in the list of who has to act; nothing is written."""
    LIST = "list"
    """It is flagged `overdue`, and supervisors and the province have it in their lists too.

    Lists are those of `GET /v1/waiting`; what stands in none of them has its reason in `NOT_WAITING`.
    """
    RELEASE = "release"
    LAPSE = "lapse"
    WITHDRAW = "withdraw"
    EXPIRE = "expire"
    REOPEN = "reopen"
    CARRY_ON = "carry_on"
    """A job goes on with what a machine has to do; its alarms tell where it cannot."""


WRITING = frozenset(
    {Effect.RELEASE, Effect.LAPSE, Effect.WITHDRAW, Effect.EXPIRE, Effect.REOPEN, Effect.CARRY_ON}
)
"""Effects that change something: each names the function, or the job, that does it."""


@dataclass(frozen=True, kw_only=True)
class Tick:
    """One thing that happens: so many days, or Chinese working days, after the state began.

    `until` names a day that stands elsewhere instead. `by` is the deployed function that does it, or "its
    condition": nothing is written, the next write is refused. `port` is what that function asks, page by
    page, where it is the common job of clocks (`settlement.clocks`).
    """

    effect: Effect
    days: int = 0
    working_days: int = 0
    until: str = ""
    by: str = ""
    port: str = ""

    def due(self, since: datetime) -> datetime | None:
        """Tell when it happens to what is in its state since then; None if that stands elsewhere.

        Days are counted as spans of 24 hours, working days to the end of the last one in Shanghai.
        """
        if self.until:
            return None
        if self.working_days:
            last_day = add_working_days(shanghai_date(since), self.working_days)
            return start_of_day(last_day) + timedelta(days=1)
        return since + timedelta(days=self.days)


@dataclass(frozen=True, kw_only=True)
class Clock:
    """Who has to act in a state, and what happens when nobody does; `rests` tells why nobody has to."""

    acts: tuple[Role, ...] = ()
    ticks: tuple[Tick, ...] = ()
    rests: str = ""


# --------------------------------------------------------------------------- how long: the one place

IDLE_DAYS = 30
IDLE_LISTED_DAYS = 60
IDLE_RELEASED_DAYS = 90
"""A voucher that was redeemed and then nothing happens (空转): the design's domain page, from the notice."""
COMPLETION_DUE_DAYS = 14
"""A class past its last lesson whose completion nobody applies for: the design's domain page."""
RETURNED_DAYS = 30
"""What was returned to an institution, at the least: the deadline goes on meanwhile. No source fixes it."""
PROPOSED_DAYS = 30
"""What one person proposed and no second one decided: the design's domain page."""
OBJECTION_WORKING_DAYS = 10
BATCH_WORKING_DAYS = 5
FOOTAGE_DAYS = 7
"""Objections undecided, batches not exported or without results, footage announced and not stored: the
design's domain page."""
DECISION_WORKING_DAYS = 5
DECISION_LISTED_WORKING_DAYS = 10
"""A bureau's ordinary decision. No source fixes it; five working days are what bureaus commonly promise."""
STUCK_WORKING_DAYS = 1
"""A message that the platform refused holds up all that follows of its voucher. No source fixes it."""
MARKS_DUE_DAYS = 30
"""Marks after an approved completion. No source fixes it."""


_BY_CONDITION = "its condition"


def _decided_by(*roles: Role) -> Clock:
    return Clock(
        acts=roles,
        ticks=(
            Tick(effect=Effect.REMIND, working_days=DECISION_WORKING_DAYS),
            Tick(effect=Effect.LIST, working_days=DECISION_LISTED_WORKING_DAYS),
        ),
    )


def _proposed_to(*roles: Role, by: str = "") -> Clock:
    """Give the clock of a proposal that cannot be confirmed any more once its days are over.

    `by` is the function that then notes it; without one the condition of the confirming write is all.
    """
    lapses = Tick(effect=Effect.LAPSE, days=PROPOSED_DAYS, by=by or _BY_CONDITION)
    return Clock(acts=roles, ticks=(*_decided_by(*roles).ticks, lapses))


_HELD_BY_FACTS = Clock(
    acts=(Role.REVIEWER, Role.SUPERVISOR),
    ticks=(Tick(effect=Effect.LIST, working_days=DECISION_LISTED_WORKING_DAYS),),
)


def _carried_on(by: str) -> Clock:
    return Clock(acts=(Role.SYSTEM,), ticks=(Tick(effect=Effect.CARRY_ON, by=by),))


def _rests(why: str) -> Clock:
    return Clock(rests=why)


_EXPIRES = Tick(effect=Effect.EXPIRE, until="voucher.expires_at", by="expire_shard")
_CLOCKS_JOB = "seal_settlement"
_AWAITED = Clock(
    acts=(Role.INSTITUTION,),
    ticks=(Tick(effect=Effect.LAPSE, days=FOOTAGE_DAYS, by=_CLOCKS_JOB, port="lapse_footage"),),
)
_FINANCE_TOLD = Clock(
    acts=(Role.FINANCE,), ticks=(Tick(effect=Effect.LIST, working_days=BATCH_WORKING_DAYS),)
)

_STUCK_MESSAGE = Clock(
    acts=(Role.PROVINCE,),
    ticks=(
        Tick(effect=Effect.REMIND, working_days=STUCK_WORKING_DAYS),
        Tick(effect=Effect.LIST, working_days=DECISION_WORKING_DAYS),
    ),
)

CLOCKS: Mapping[str, Mapping[str, Clock]] = {
    "account": {
        "pending": _rests("the code that lets it be entered lapses by itself"),
        "active": _rests("in use"),
        "disabled": _rests("out of use until somebody resets it"),
        "proposed": _proposed_to(Role.SUPERVISOR, Role.PROVINCE, by="lapse_accounts"),
        "lapsed": _rests("out of use until somebody resets it"),
    },
    "client": {
        "proposed": _proposed_to(Role.CLERK, Role.SUPERVISOR, Role.PROVINCE, by="lapse_accounts"),
        "active": Clock(
            acts=(Role.SYSTEM,),
            ticks=(Tick(effect=Effect.LAPSE, until="account.good_until", by=_BY_CONDITION),),
        ),
        "disabled": _rests("out of use until somebody asks for it anew"),
        "lapsed": _rests("out of use until somebody asks for it anew"),
    },
    "payee_account": {
        "proposed": _proposed_to(Role.FINANCE),
        "confirmed": _rests("counts once its wait is over; its school may object until then"),
    },
    "hold": {
        "open": Clock(
            acts=(Role.FINANCE, Role.SUPERVISOR, Role.PROVINCE),
            ticks=(Tick(effect=Effect.LIST, working_days=DECISION_LISTED_WORKING_DAYS),),
        )
    },
    "institution": {
        "listed": _rests("in use"),
        "suspended": _rests("until the bureau reinstates it; each claim that it stops waits meanwhile"),
    },
    "import": {
        "awaiting_upload": _rests("the form for the upload lapses; nothing rests on it"),
        "uploaded": _carried_on("resume_imports"),
        "validating": _carried_on("resume_imports"),
        "ready": _rests("a list is used when a batch is proposed for it"),
        "applying": _carried_on("resume_imports"),
        "applied": _rests("applied anew if a key is rotated"),
    },
    "rename": {"proposed": _proposed_to(Role.PROVINCE)},
    "issuance batch": {
        "counting": _carried_on("resume_issuance"),
        "proposed": Clock(
            acts=(Role.PROVINCE,),
            ticks=(
                Tick(effect=Effect.REMIND, working_days=DECISION_WORKING_DAYS),
                Tick(effect=Effect.WITHDRAW, days=PROPOSED_DAYS, by=_CLOCKS_JOB, port="withdraw_batches"),
            ),
        ),
        "issuing": _carried_on("resume_issuance"),
    },
    "voucher": {
        "issued": Clock(acts=(Role.TRAINEE,), ticks=(_EXPIRES,)),
        "claimed": Clock(acts=(Role.TRAINEE,), ticks=(_EXPIRES,)),
        "redeemed": _rests("its enrolment has the clock"),
        "expired": _rests("over, unless two of the province restore it"),
        "revoked": _rests("over, unless two of the province restore it"),
    },
    "restoration": {"proposed": _proposed_to(Role.PROVINCE)},
    "enrolment": {
        "confirmed": Clock(
            acts=(Role.INSTITUTION,),
            ticks=(
                Tick(effect=Effect.REMIND, days=IDLE_DAYS),
                Tick(effect=Effect.LIST, days=IDLE_LISTED_DAYS),
                Tick(effect=Effect.RELEASE, days=IDLE_RELEASED_DAYS, by=_CLOCKS_JOB, port="release_idle"),
            ),
        ),
        "rostered": _rests("its class has the clock"),
        "released": _rests("over, unless its voucher was taken back by mistake and is restored"),
        "passed": _rests("its class has the clock"),
        "failed": _rests("its class has the clock"),
    },
    "class": {
        "draft": _rests("nothing is applied for, and no voucher is bound to it"),
        "submitted": _decided_by(Role.CLERK),
        "returned": Clock(
            acts=(Role.INSTITUTION,),
            ticks=(
                Tick(effect=Effect.REMIND, days=RETURNED_DAYS // 2),
                Tick(effect=Effect.LAPSE, days=RETURNED_DAYS, by=_CLOCKS_JOB, port="lapse_classes"),
            ),
        ),
        "approved": Clock(  # counted from the last lesson
            acts=(Role.INSTITUTION,),
            ticks=(
                Tick(effect=Effect.REMIND, days=COMPLETION_DUE_DAYS // 2),
                Tick(effect=Effect.LIST, days=COMPLETION_DUE_DAYS),
            ),
        ),
        "cancel_requested": _decided_by(Role.CLERK),
        "completion_submitted": _decided_by(Role.CLERK),
        "completion_returned": Clock(
            acts=(Role.INSTITUTION,),
            ticks=(
                Tick(effect=Effect.REMIND, days=COMPLETION_DUE_DAYS // 2),
                Tick(effect=Effect.LIST, days=COMPLETION_DUE_DAYS),
            ),
        ),
        "completion_approved": Clock(
            acts=(Role.INSTITUTION,),
            ticks=(
                Tick(effect=Effect.REMIND, days=MARKS_DUE_DAYS // 2),
                Tick(effect=Effect.LIST, days=MARKS_DUE_DAYS),
            ),
        ),
        "scored": Clock(
            acts=(Role.INSTITUTION,),
            ticks=(
                Tick(effect=Effect.REMIND, days=MARKS_DUE_DAYS),
                # by no port: settling a city looks through its classes itself (`close_unclaimed`)
                Tick(effect=Effect.LAPSE, until="policy.subsidy_claim_deadline_months", by=_CLOCKS_JOB),
            ),
        ),
        "claimed": _rests("its claim has the clock"),
    },
    "class change": {"submitted": _decided_by(Role.CLERK)},
    "make_up": {
        "requested": _decided_by(Role.CLERK),
        "rejected": _rests("may be asked for anew"),
    },
    "subsidy_claim": {
        "submitted": _decided_by(Role.CLERK),
        "reviewed": _decided_by(Role.REVIEWER),
        "approved": _rests("no claim stays in it: publicity begins in the same write"),
        "publicised": _carried_on("seal_settlement"),
        "payable": _carried_on("seal_settlement"),
        "batched": _rests("its batch has the clock"),
        "paid": _rests("done, unless a payment of it came back or is corrected"),
        "returned": Clock(
            acts=(Role.INSTITUTION,),
            ticks=(
                Tick(effect=Effect.REMIND, days=RETURNED_DAYS // 2),
                Tick(effect=Effect.LAPSE, days=RETURNED_DAYS, by=_CLOCKS_JOB, port="lapse_claims"),
            ),
        ),
    },
    # A claim that could be paid but for its institution: suspended, or without an account in force.
    "stopped_claim": {"stands": _decided_by(Role.CLERK)},
    "claim_line": {
        "pending": _rests("its claim has the clock"),
        # A hold with a record is listed itself; of one that follows from facts the line is.
        "held": _HELD_BY_FACTS,
        "rejected": _rests("over, unless the second review that rejected it is withdrawn"),
        "batched": _rests("its batch has the clock"),
        "paid": _rests("done; taken back only where something was wrong"),
        # released, it goes into the next batch by itself, and waits again where its institution stops it
        "payment_failed": _decided_by(Role.FINANCE),
    },
    # A failed line that was released, and is held by facts all the same: no finance officer can do anything.
    "barred_line": {"stands": _HELD_BY_FACTS},
    "line_request": {"asked": _decided_by(Role.FINANCE)},
    "override": {
        "asked": _decided_by(Role.REVIEWER),
        "confirmed": _rests("until its last day; may be asked for anew"),
        "refused": _rests("may be asked for anew"),
    },
    "objection": {
        "open": Clock(
            acts=(Role.SUPERVISOR,), ticks=(Tick(effect=Effect.LIST, working_days=OBJECTION_WORKING_DAYS),)
        )
    },
    "settlement_batch": {
        "sealing": _carried_on("seal_settlement"),
        "sealed": _FINANCE_TOLD,
        "exported": _FINANCE_TOLD,
        "reconciled": _rests("its lines that failed, or came back, wait to be released"),
        "closed": _rests("done, unless a payment of it came back or is corrected"),
    },
    "webhook": {
        "stopped": _decided_by(Role.INSTITUTION),
        "stopped_at_bureau": _decided_by(Role.CLERK),
    },
    "delivery": {
        "waiting": _rests("the message before it has the clock"),
        "pending": _carried_on("reconcile_exchange"),
        "sent": _carried_on("reconcile_exchange"),
        "acknowledged": _rests("done, unless the platform turns out to have lost it"),
        "refused": _STUCK_MESSAGE,
        "dead": _STUCK_MESSAGE,
    },
    "risk_case": {
        "open": _decided_by(Role.SUPERVISOR, Role.PROVINCE),
        "under_review": _decided_by(Role.SUPERVISOR, Role.PROVINCE),
        # counted from the day after its toleration; of others nothing is left to be done
        "resolved": Clock(
            acts=(Role.SYSTEM,),
            ticks=(Tick(effect=Effect.REOPEN, by=_CLOCKS_JOB, port="reopen_tolerated"),),
        ),
    },
    "check_in": {"needs_review": _decided_by(Role.CLERK)},
    "footage": {"awaiting_upload": _AWAITED, "missing": _AWAITED, "mismatch": _AWAITED},
}
"""By the name of the transition table, then by state. Final states have none: nobody has to act in them."""


NOT_WAITING: Mapping[str, str] = {
    "voucher": "its holder, who is no caller of that list, has it in the card (`GET /v1/vouchers`)",
}
"""Machines in whose states somebody acts, but which stand in no list of what waits, and why."""


class Flag(StrEnum):
    """What is said of a thing that waits."""

    LATE = "late"
    OVERDUE = "overdue"


_FLAG_OF = {Effect.REMIND: Flag.LATE, Effect.LIST: Flag.OVERDUE}


def clock_of(machine: str, state: str) -> Clock:
    """Give the clock of a state that is not final."""
    return CLOCKS[machine][state]


def flags_of(clock: Clock, since: datetime, now: datetime) -> Sequence[Flag]:
    """Tell what is said of a thing that has been in a state for so long."""
    return [
        _FLAG_OF[tick.effect]
        for tick in clock.ticks
        if tick.effect in _FLAG_OF and (due := tick.due(since)) is not None and due <= now
    ]


def next_due(clock: Clock, since: datetime, now: datetime) -> datetime | None:
    """Tell when the next thing happens to it; the last one's moment once all have; None without any."""
    dues = [due for tick in clock.ticks if (due := tick.due(since)) is not None]
    return next((due for due in sorted(dues) if due > now), max(dues, default=None))


def ticks_by_port() -> Mapping[str, Tick]:
    """Give what the common job of clocks does, by the port that it asks."""
    return {
        tick.port: tick
        for states in CLOCKS.values()
        for clock in states.values()
        for tick in clock.ticks
        if tick.port
    }
