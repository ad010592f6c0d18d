"""The accounts an institution is paid to: proposed by one, confirmed by another, counting after a wait.

    1 Sept   the clerk proposes account B; the account confirmed before, A, is paid on
    2 Sept   a finance officer, another person, confirms B: `payee_wait_days` are 3, it counts from 5 Sept
    3 Sept   the school sees B on its desk, with its masked number; were B not its own, it would object
    4 Sept   a batch is sealed: paid to A
    5 Sept   from now on B is in force; claims that were reviewed while A was are held (`subsidies.holds`)

Whoever confirms types the whole number from the evidence on paper: four digits could be anybody's. An account
that nobody decides on for thirty days lapses. An institution that was listed before accounts were
confirmed (decision 033) has one on its own row; it is in force until another one is.
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

from chalicelib.kernel.clocks import PROPOSED_DAYS
from chalicelib.kernel.errors import DomainError
from chalicelib.kernel.ids import Uscc, derived_id
from chalicelib.kernel.principal import Change, Hands
from chalicelib.kernel.reasons import error
from chalicelib.kernel.transitions import Step, Transitions

LAPSES_AFTER = timedelta(days=PROPOSED_DAYS)
"""So long a proposed account waits for a decision."""


MISTYPED_MAX = 5
"""So often the number may be typed wrongly: whoever has the evidence needs no more, and nobody guesses it."""


class PayeeStatus(StrEnum):
    """Where an account is in its life; which of the confirmed ones is in force is `Payees.in_force`."""

    PROPOSED = "proposed"
    CONFIRMED = "confirmed"
    REFUSED = "refused"
    LAPSED = "lapsed"


_P = PayeeStatus
PAYEE_TRANSITIONS: Transitions[PayeeStatus] = Transitions(
    "payee_account",
    {
        "confirm": Step((_P.PROPOSED,), _P.CONFIRMED),
        "refuse": Step((_P.PROPOSED,), _P.REFUSED),
        "lapse": Step((_P.PROPOSED,), _P.LAPSED),
        "object": Step((_P.PROPOSED, _P.CONFIRMED), _P.REFUSED),
    },
)


class PayeeAccount(msgspec.Struct, frozen=True, kw_only=True):
    """One account of one institution; the number is sealed, its digest finds the same number elsewhere.

    `wait_days` are those of the policy when it was proposed. `counts_from` is the moment from which it may be
    paid to; until it is confirmed, the earliest that can be. `shared_with` are the other institutions that
    had the same number when it was proposed or confirmed. `mistyped` counts how often whoever wanted to
    confirm it typed another number.
    """

    institution: Uscc
    id: str
    division: str
    status: PayeeStatus
    holder: str
    bank: str
    sealed_number: str
    masked_number: str
    number_digest: str
    holder_differs: bool
    lately_renamed: bool = False
    shared_with: list[Uscc]
    wait_days: int
    reason: str
    proposed_by: str
    proposed_at: datetime
    counts_from: datetime
    decided_by: str | None = None
    decided_at: datetime | None = None
    decision_reason: str | None = None
    mistyped: int = 0
    version: int = 1
    last_change: Change | None = None


class ConfirmedPayee(msgspec.Struct, frozen=True, array_like=True):
    """An account that two people have agreed on, and the moment from which it counts."""

    id: str
    counts_from: datetime


class Payees(msgspec.Struct, frozen=True, kw_only=True):
    """An institution's accounts at a glance: those confirmed, in that order, and the one that waits."""

    institution: Uscc
    division: str
    confirmed: list[ConfirmedPayee] = []
    waiting: str | None = None
    proposals: int = 0
    version: int = 1
    last_change: Change | None = None

    def in_force(self, now: datetime) -> str | None:
        """Give the account that is paid to now: of those that count, the one confirmed last."""
        counting = [confirmed.id for confirmed in self.confirmed if confirmed.counts_from <= now]
        return counting[-1] if counting else None

    def with_confirmed(self, newest: ConfirmedPayee, now: datetime) -> list[ConfirmedPayee]:
        """Give the confirmed accounts with one more, which takes the place of whatever does not count yet.

        Example: B was confirmed on Monday and counts from Thursday; it was a mistake, and C is confirmed on
        Tuesday to count from Friday. Nothing is paid to B on Thursday: A is paid on until Friday.
        """
        return [*(known for known in self.confirmed if known.counts_from <= now), newest]

    def without(self, payee_id: str) -> list[ConfirmedPayee]:
        """Give the confirmed accounts without one to which its institution objects."""
        return [known for known in self.confirmed if known.id != payee_id]

    def to_come(self, now: datetime) -> str | None:
        """Give the account that was confirmed last, if it does not count yet."""
        newest = self.confirmed[-1] if self.confirmed else None
        return newest.id if newest is not None and newest.counts_from > now else None


def payee_id_of(institution: str, proposal: int) -> str:
    """Give the id of an institution's n-th proposed account."""
    return derived_id("pay", institution, str(proposal))


def counts_from(proposed: PayeeAccount, now: datetime) -> datetime:
    """Tell from when an account counts that is confirmed now: so many days later, to the hour."""
    return now + timedelta(days=proposed.wait_days)


def status_shown(payee: PayeeAccount, now: datetime) -> PayeeStatus:
    """Tell an account's state as it is now: one that waited too long has lapsed, recorded or not."""
    if payee.status is _P.PROPOSED and payee.proposed_at + LAPSES_AFTER <= now:
        return _P.LAPSED
    return payee.status


def why_not(
    action: str, payee: PayeeAccount, hands: Hands, *, now: datetime, version: int | None = None
) -> DomainError | None:
    """Tell what stands against confirming or refusing an account, or against its institution's objection.

    An institution objects until the account counts. Whoever proposed it confirms nothing, whatever their
    role is by now. `store.decide_writes` holds state, version, age and the second person under races.
    """
    if payee.proposed_by in hands:
        return error("self_approval")
    if version is not None and payee.version != version:
        return error("version_conflict", version=payee.version)
    if status_shown(payee, now) is _P.LAPSED:
        return error("payee_lapsed", days=LAPSES_AFTER.days)
    if action == "object" and payee.status is _P.CONFIRMED and payee.counts_from <= now:
        return error("payee_in_force")
    if action == "confirm" and payee.mistyped >= MISTYPED_MAX:
        return error("payee_mistyped")
    return PAYEE_TRANSITIONS.why_not(action, payee)


def needs_reason(action: str, payee: PayeeAccount, reason: str | None) -> DomainError | None:
    """Tell that a decision has to say why: a refusal, or a consent where the holder is another."""
    if reason is not None:
        return None
    if action == "confirm" and not payee.holder_differs:
        return None
    return error("payee_reason_missing")


def differs_from(holder: str, names: Collection[str]) -> bool:
    """Tell whether a holder does not bear every name of the institution: its own, and one it lately had."""
    return any(holder != name for name in names)


def warnings_of(*, holder_differs: bool, renamed: bool, shared: bool) -> tuple[str, ...]:
    """Name what whoever proposes or confirms an account should look at again."""
    told = {"holder_differs": holder_differs, "lately_renamed": renamed, "account_shared": shared}
    return tuple(code for code, told_of in told.items() if told_of)


def warnings_about(payee: PayeeAccount) -> tuple[str, ...]:
    """Name what is to be looked at again of an account."""
    return warnings_of(
        holder_differs=payee.holder_differs, renamed=payee.lately_renamed, shared=bool(payee.shared_with)
    )


def had_hand_in_payee(payee: PayeeAccount, hands: Hands) -> bool:
    """Tell whether somebody proposed an account or decided on it."""
    return not hands.isdisjoint((payee.proposed_by, payee.decided_by))


def others_with(found: Collection[PayeeAccount], institution: str) -> list[Uscc]:
    """Give the other institutions of accounts with the same number that were not refused."""
    return sorted(
        {
            payee.institution
            for payee in found
            if payee.institution != institution and payee.status is not _P.REFUSED
        }
    )
