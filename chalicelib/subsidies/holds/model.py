"""Holds: why a line is not paid yet, and what lets it go.

A hold on a line is a text: its kind, a colon, and the thing it is about. A line with any hold is not put
into a batch. Who reads "why is this line held?" looks it up here:

| hold | placed by | goes |
|---|---|---|
| `objection:<id>` | an objection to the line (`publicity`) | when a supervisor dismisses it |
| `stop:<id>` | a person or a rule, on the line or its claim | when one of those it names lifts it |
| `attendance:mock_location` | filing and sealing, a false position | when a supervisor or its case lifts it |
| `check:<check>` | a list that came later (`listed`), or sealing, as it fails now | once it passes again |

A false position opens a risk case besides (`mock_location`), also where it is one alone: that stands in the
lists of cases and of what waits, and deciding that it was none lifts the hold of attendance too.

A stop that supervision places is on a class: it holds lines that are there and those that are filed later
(`classes`), and goes with the decision on its risk case.

The first two are decisions that somebody owes, and stay until they are taken. The others are derived: they
follow from facts that are looked at again when the claim is filed anew and whenever its division is sealed;
one that was lifted does not come back (`Line.lifted`). They have no record, so the line
itself stands in the list of what waits (`claim_line`, `held`): for a reviewer, who takes it out, and a
supervisor. So does one whose payment failed and that would be paid again (`barred_line`). A line that stays
held for good is taken out of its claim by a reviewer (`claims.dropping`), so that the others can be paid.

What stops all payments of an institution stands on no line: its own row, which sealing holds in the
condition of its write, says that it is suspended or stopped, and its accounts to whom it is paid
(`institutions`). Where no record says so (suspended, or no account in force), each claim that sealing passes
over for it stands in the list of what waits (`stopped_claim`, `stopping`).

An objection to a whole claim is no hold: while one is open, all its lines are shown as held
(`claims.model.line_status_shown`) and settlement leaves the claim alone.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from enum import StrEnum

import msgspec

from chalicelib.kernel.errors import DomainError
from chalicelib.kernel.ids import Uscc, derived_id, part_id, whole_of
from chalicelib.kernel.principal import Change, Principal, Role
from chalicelib.kernel.reasons import error
from chalicelib.kernel.transitions import Step, Transitions
from chalicelib.subsidies.claims.facts import DERIVED_HOLDS
from chalicelib.subsidies.claims.model import (
    Claim,
    Line,
    claim_of_line,
    has_hand_in,
    is_prepared_by,
)
from chalicelib.subsidies.claims.states import LineStatus


class HoldKind(StrEnum):
    """What a hold follows from."""

    OBJECTION = "objection"
    STOP = "stop"
    ATTENDANCE = "attendance"
    CHECK = "check"


class HoldCode(StrEnum):
    """Why a payment is stopped.

    `stop_payment`: a person stopped it. `risk_case`: a case of supervision. `payee_changed`: the account is
    another than at the first review. `payee_missing`: no account is in force. `institution_suspended`.
    `objection`: somebody objected during publicity. `mock_location`: a check-in from a simulated position.
    `amount`: what is due is not what was approved. The others are conditions of payment (CheckName) that
    are no longer met.
    """

    STOP_PAYMENT = "stop_payment"
    RISK_CASE = "risk_case"
    PAYEE_CHANGED = "payee_changed"
    PAYEE_MISSING = "payee_missing"
    INSTITUTION_SUSPENDED = "institution_suspended"
    OBJECTION = "objection"
    MOCK_LOCATION = "mock_location"
    AMOUNT = "amount"
    VOUCHER_REDEEMED = "voucher_redeemed"
    CLASS_APPROVED = "class_approved"
    ON_ROSTER = "on_roster"
    ATTENDANCE = "attendance"
    SCORES = "scores"
    YEARLY_CAP = "yearly_cap"
    OCCUPATION_AND_LEVEL_ONCE = "occupation_and_level_once"
    ELIGIBLE_AT_DATE = "eligible_at_date"
    NOT_REJECTED = "not_rejected"
    COMPLETED_IN_TIME = "completed_in_time"


_DERIVED = tuple(HoldKind(kind) for kind in sorted(DERIVED_HOLDS))

STOPPABLE = (LineStatus.PENDING, LineStatus.HELD, LineStatus.PAYMENT_FAILED)
"""States of a line that can be stopped: it is neither in a batch nor paid nor out."""
UNPAID = (*STOPPABLE, LineStatus.BATCHED)
"""States of a line that can be held: one in a batch is taken out, or held for when the bank fails it."""


def objection_hold(objection_id: str) -> str:
    """Name the hold that an objection puts on its line."""
    return f"{HoldKind.OBJECTION}:{objection_id}"


def attendance_hold(reason: str) -> str:
    """Name the hold of a trainee about whose attendance somebody has to be asked."""
    return f"{HoldKind.ATTENDANCE}:{reason}"


def check_hold(check: str) -> str:
    """Name the hold of a trainee who no longer passes a check of payability."""
    return f"{HoldKind.CHECK}:{check}"


def lifters_of_stop(placer: Role) -> tuple[Role, ...]:
    """Tell who lifts what somebody of this role stops: else one officer pays what a supervisor looks into."""
    return SUPERVISORS if placer in SUPERVISORS else STOPPERS


def stop_hold(hold_id: str) -> str:
    """Name the hold that somebody has placed on a line, or on its claim."""
    return f"{HoldKind.STOP}:{hold_id}"


def is_of_kind(hold: str, *kinds: HoldKind) -> bool:
    """Tell whether a hold is of one of these kinds."""
    return hold.partition(":")[0] in kinds


def is_derived_hold(hold: str) -> bool:
    """Tell whether a hold follows from other facts (and goes with them) rather than from a decision."""
    return is_of_kind(hold, *_DERIVED)


def not_lifted(line: Line | None, holds: Sequence[str]) -> list[str]:
    """Leave out the derived holds that somebody has decided to lift."""
    return [hold for hold in holds if line is None or hold not in line.lifted]


def decided_holds(line: Line) -> list[str]:
    """Give the holds of a line that stay until somebody decides."""
    return [hold for hold in line.holds if not is_derived_hold(hold)]


def since_with(line: Line, holds: Sequence[str], at: datetime) -> dict[str, datetime]:
    """Tell since when each of these holds stands: those that are new, from now on."""
    return {hold: line.held_since.get(hold, at) for hold in holds}


def status_with(line: Line, holds: Sequence[str]) -> LineStatus:
    """Tell a line's state with these holds; one whose payment failed or that is in a batch keeps it."""
    if line.status in (LineStatus.PAYMENT_FAILED, LineStatus.BATCHED):
        return line.status
    return LineStatus.HELD if holds else LineStatus.PENDING


# --------------------------------------------------------------------------- what people and rules place


class SubjectKind(StrEnum):
    """What a hold is on."""

    LINE = "line"
    CLAIM = "claim"
    INSTITUTION = "institution"
    CLASS = "class"
    """The lines of some or all trainees of a class, claimed for already or not; only rules place it."""


class HoldStatus(StrEnum):
    """Where a hold is in its life."""

    OPEN = "open"
    RELEASED = "released"


HOLD_TRANSITIONS: Transitions[HoldStatus] = Transitions(
    "hold", {"release": Step((HoldStatus.OPEN,), HoldStatus.RELEASED)}
)

STOP_PAYMENT = "stop_payment"
"""The code of a hold that a person places."""
PAYEE_CHANGED, PAYEE_MISSING, SUSPENDED = "payee_changed", "payee_missing", "institution_suspended"
RISK_CASE = "risk_case"
"""The code of a hold that supervision places; `Hold.evidence` is its case. Schools are not told the rule."""
STOPPERS = (Role.FINANCE, Role.SUPERVISOR, Role.PROVINCE)
"""Who may stop a payment, and lift what finance has stopped."""
SUPERVISORS = (Role.SUPERVISOR, Role.PROVINCE)
"""Who oversees finance: what one of these has stopped, no finance officer lifts."""
LIFTED_BY: dict[str, tuple[Role, ...]] = {
    STOP_PAYMENT: STOPPERS,
    PAYEE_CHANGED: (Role.FINANCE,),
    PAYEE_MISSING: (Role.CLERK, Role.FINANCE),
    SUSPENDED: (Role.CLERK, *SUPERVISORS),
    RISK_CASE: SUPERVISORS,
    HoldKind.STOP: STOPPERS,
    HoldKind.OBJECTION: SUPERVISORS,
    HoldKind.ATTENDANCE: SUPERVISORS,
    HoldKind.CHECK: (),
}
"""Who lets a held line go, by code or kind; nobody where it goes by itself once its check passes."""


class Hold(msgspec.Struct, frozen=True, kw_only=True):
    """A hold that somebody has to decide on, and what became of it.

    `by_rule` is of one that a rule placed: its placer, if it has one, does not lift it. `evidence` names
    what a rule went by. `enrolments` are those whom a hold on a class stops: everybody in it if none.
    """

    id: str
    subject_kind: SubjectKind
    subject_id: str
    institution: Uscc
    division: str
    city: str
    code: str
    reason: str
    status: HoldStatus
    placed_by: str
    placed_at: datetime
    lifted_by: list[Role]
    by_rule: bool = False
    evidence: str | None = None
    enrolments: list[str] = []
    released_by: str | None = None
    released_at: datetime | None = None
    release_reason: str | None = None
    version: int = 1
    last_change: Change | None = None


class ClassHolds(msgspec.Struct, frozen=True, kw_only=True):
    """The open holds on a class: by hold, whose lines it stops, everybody's if the list is empty.

    Filing holds in its condition that they are as it read them.
    """

    class_id: str
    division: str
    holds: dict[str, list[str]] = {}
    version: int = 1
    last_change: Change | None = None


def concerns(enrolments: Collection[str], enrolment_id: str) -> bool:
    """Tell whether a hold on a class stops the line of a trainee."""
    return not enrolments or enrolment_id in enrolments


def holds_from_class(standing: ClassHolds | None, enrolment_id: str) -> list[str]:
    """Name the holds that the line of a trainee has because of its class."""
    by_hold = standing.holds if standing is not None else {}
    return [stop_hold(hold_id) for hold_id, whom in sorted(by_hold.items()) if concerns(whom, enrolment_id)]


def hold_id_of_rule(code: str, subject_id: str, evidence: str) -> str:
    """Give the id of the one hold that a rule places on a thing for one piece of evidence."""
    return derived_id("hld", code, subject_id, evidence)


_MARK_CHARS = 12


def _mark(*natural_key: str) -> str:
    return derived_id("hld", *natural_key).partition("_")[2][:_MARK_CHARS]


def derived_hold_id(line_id: str, hold: str) -> str:
    """Give the id by which a derived hold of a line is lifted: it names the line."""
    claim_id = claim_of_line(line_id)
    _, place = whole_of("clm", line_id)
    return part_id("hld", claim_id, f"l{place}{_mark(line_id, hold)}")


def line_of_hold(hold_id: str) -> str | None:
    """Give the line that a derived hold is on; None if the id is of another kind."""
    claim_id, name = whole_of("clm", hold_id)
    place = name[1:-_MARK_CHARS]
    return part_id("lin", claim_id, place) if name.startswith("l") and place.isdigit() else None


def payee_hold_id(claim: Claim, payee_id: str) -> str:
    """Give the id of the hold on a claim whose institution is paid to another account than was approved."""
    return part_id("hld", claim.id, f"p{_mark(claim.id, str(claim.payee_id), payee_id)}")


def claim_of_hold(hold_id: str) -> str | None:
    """Give the claim that a changed account holds; None if the id is of another kind."""
    claim_id, name = whole_of("clm", hold_id)
    return claim_id if name.startswith("p") else None


def why_not_release(
    hold: Hold, principal: Principal, *, claim: Claim | None, version: int | None = None
) -> DomainError | None:
    """Tell what stands against lifting a hold.

    What a person has stopped, they and those it names (`lifters_of_stop`) may let go again, unless they
    prepared the claim or it is for themselves.
    What a rule has stopped is let go by somebody else, who had no hand in the claim either.
    `store.release_write` holds state and version under races.
    """
    if principal.role not in hold.lifted_by:
        return error("forbidden")
    if hold.subject_kind is SubjectKind.CLASS:
        return error("hold_of_case", case=str(hold.evidence))
    hands = principal.hands
    own = claim is not None and is_prepared_by(claim, hands)
    if hold.by_rule:
        own |= hold.placed_by in hands or (claim is not None and has_hand_in(claim, hands))
    if own:
        return error("self_approval")
    return HOLD_TRANSITIONS.why_not("release", hold, version=version)


# --------------------------------------------------------------------------- what is shown of them

SENTENCES: dict[str, tuple[str, str]] = {
    HoldKind.OBJECTION: (
        "公示期内收到异议，须由监督人员处理。",
        "Somebody objected during publicity. A supervisor decides on it.",
    ),
    HoldKind.STOP: ("已暂停支付。", "The payment is stopped."),
    HoldKind.ATTENDANCE: (
        "该学员有签到使用了模拟定位，须由监督人员核实后解除。",
        "A check-in came from a simulated position. A supervisor looks into it and lifts this.",
    ),
    HoldKind.CHECK: (
        "该学员现不符合支付条件，恢复符合后自动解除；不能恢复的，由复核人员剔除该明细。",
        "A condition of payment is no longer met. This goes once it is met again, or the line is taken out.",
    ),
    PAYEE_CHANGED: (
        "初审后机构收款账户已变更，须由未经手的拨付人员确认。",
        "The account changed after the first review. A finance officer who had no hand in it confirms.",
    ),
    PAYEE_MISSING: (
        "机构没有已生效的收款账户，请经办人员提交、拨付人员确认。",
        "The institution has no account in force. A clerk proposes one, a finance officer confirms it.",
    ),
    SUSPENDED: ("机构已暂停。", "The institution is suspended."),
    RISK_CASE: (
        "监管核查中，由监督人员处理后解除或维持。",
        "Under supervision: a supervisor looks into it, then lifts this or upholds it.",
    ),
}
"""Why a line is held where nobody wrote a reason: Chinese and English."""


class ShownHold(msgspec.Struct, frozen=True, kw_only=True):
    """A hold as a held line tells it; without a `reason` the sentence of its code or kind is told."""

    id: str
    code: str
    kind: str
    reason: str | None
    since: datetime | None
    lifted_by: tuple[Role, ...]
    version: int


def derived_or_objection(line: Line, hold: str) -> ShownHold:
    """Show a hold of a line that has no record of its own, or whose record is not there yet to be read."""
    kind, _, thing = hold.partition(":")
    decided = not is_derived_hold(hold)
    code = {HoldKind.STOP: STOP_PAYMENT}.get(HoldKind(kind), kind) if decided else thing
    return ShownHold(
        id=thing if decided else derived_hold_id(line.id, hold),
        code=code,
        kind=kind,
        reason=None,
        since=line.held_since.get(hold),
        lifted_by=LIFTED_BY.get(kind, ()),
        version=line.version,
    )


def shown(hold: Hold) -> ShownHold:
    """Show a hold that has a record."""
    return ShownHold(
        id=hold.id,
        code=hold.code,
        kind=hold.code,
        reason=None if hold.code == RISK_CASE else hold.reason,
        since=hold.placed_at,
        lifted_by=tuple(hold.lifted_by),
        version=hold.version,
    )


def stops_of(holds: Collection[str]) -> list[str]:
    """Give the ids of the records among a line's holds."""
    return [hold.partition(":")[2] for hold in holds if is_of_kind(hold, HoldKind.STOP)]
