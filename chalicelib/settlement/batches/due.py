"""What is due in a division, always in the same order: what the bank did not pay, then the oldest claims.

Vouchers are read only for lines about which something is in doubt: as long as a claim is open its class is
`claimed`, its enrolments are scored, and every write that takes a voucher out of `redeemed` other than a
payment has the enrolment's or the class's state in its condition. So a scored trainee's voucher can be
neither revoked, released nor withdrawn.
"""

import dataclasses
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import msgspec

from chalicelib.attendance.summary.service import trainees_of
from chalicelib.aws.writes import Check
from chalicelib.catalogue.institutions.model import Institution
from chalicelib.catalogue.institutions.paying import Recipient, to_be_paid
from chalicelib.classes.service import read_class
from chalicelib.kernel.calendar import shanghai_date
from chalicelib.kernel.principal import Change, Context
from chalicelib.settlement.batches.evaluated import Look, looked_at
from chalicelib.settlement.batches.model import BATCH_LINES_MAX
from chalicelib.subsidies.claims import store as claim_store
from chalicelib.subsidies.claims.closing import finish_claims
from chalicelib.subsidies.claims.model import (
    Claim,
    Line,
    claim_of_line,
    class_of_line,
    status_shown,
    waits_for_closing,
)
from chalicelib.subsidies.claims.moves import batched_after
from chalicelib.subsidies.claims.states import ClaimStatus, LineStatus
from chalicelib.subsidies.holds import store as hold_store
from chalicelib.subsidies.holds.institutions import changed_payee, stands_off
from chalicelib.subsidies.holds.model import (
    HoldKind,
    attendance_hold,
    check_hold,
    decided_holds,
    is_derived_hold,
    is_of_kind,
    not_lifted,
)
from chalicelib.subsidies.holds.payees import note_changed_payee
from chalicelib.subsidies.holds.stopping import note_barred_line, note_stopped, note_stopped_line
from chalicelib.subsidies.payability.model import evaluate
from chalicelib.vouchers.model import Voucher, VoucherStatus
from chalicelib.vouchers.store import find_vouchers

_CLAIMS_A_READ = 100


@dataclass(frozen=True)
class Portion:
    """Lines that go into a batch together: all payable ones of a claim, or one to be paid again.

    `institution` is theirs as it was read, not stopped; `payee_id` its account, in force and approved.
    `evaluated` has to hold of their class: that it was evaluated for this.
    """

    claim: Claim | None
    lines: list[Line]
    institution: Institution
    payee_id: str
    evaluated: Sequence[Check] = ()

    @property
    def class_id(self) -> str:
        """Name the class of the lines."""
        return str(class_of_line(self.lines[0].id))

    @property
    def writes(self) -> int:
        """Count the writes of a transaction that this takes."""
        return len(self.lines) + (self.claim is not None)

    def split(self, room: int) -> tuple["Portion", "Portion"]:
        """Cut this in two: what fits into so many writes, and the rest as it stands after that."""
        assert self.claim is not None
        count = room - 1
        rest = batched_after(self.claim, lines=count)
        first = dataclasses.replace(self, lines=self.lines[:count])
        return first, dataclasses.replace(self, claim=rest, lines=self.lines[count:])


def classes_due(division: str, context: Context, *, change: Change) -> Iterator[str]:
    """Name, as they are asked for, the classes of which something may be paid now, each once.

    What cannot be paid, since somebody objects or stops it, is not named: it keeps nobody else waiting.
    """
    named: set[str] = set()
    for portion in portions_due(division, context, limit=BATCH_LINES_MAX, change=change):
        if portion.class_id not in named:
            named.add(portion.class_id)
            yield portion.class_id


def portions_due(
    division: str,
    context: Context,
    *,
    limit: int,
    change: Change,
    only: Collection[str] | None = None,
    look: Look | None = None,
) -> Iterator[Portion]:
    """Give what is due in a division, up to so many lines, always in the same order.

    With `only`, of these classes: others stay due, also those that an index names just now. With `look`, of
    classes that were evaluated for it.
    """
    left, seen = limit, dict[str, Recipient]()
    for portion in _unpaid_by_the_bank(
        division, context.now, seen, limit=left, change=change, only=only, look=look
    ):
        left -= len(portion.lines)
        yield portion
    today = shanghai_date(context.now)
    due = (
        claim
        for claim in claim_store.due_claims(division, on=today)
        if only is None or claim.class_id in only
    )
    while left > 0 and (claim_ids := _next_claims(due, lines=left)):
        for portion in _payable(claim_ids, context.now, change, seen, look):
            if len(portion.lines) > left:
                return
            left -= len(portion.lines)
            yield portion


def _unpaid_by_the_bank(
    division: str,
    now: datetime,
    seen: dict[str, Recipient],
    *,
    limit: int,
    change: Change,
    only: Collection[str] | None,
    look: Look | None,
) -> Iterator[Portion]:
    """Give the lines that the bank did not pay and somebody released, decided again.

    In a batch nothing stops a line.
    """
    if limit <= 0:
        return
    waiting = claim_store.find_lines(claim_store.lines_to_retry(division, limit=limit))
    failed = [line for line in waiting if line.status is LineStatus.PAYMENT_FAILED and _is_released(line)]
    vouchers = _vouchers_of(failed)
    claims = [
        claim
        for claim in claim_store.find_claims(sorted({claim_of_line(line.id) for line in failed}))
        if only is None or claim.class_id in only
    ]
    paying = _paying(claims, now, change, seen)
    checks = looked_at(look, {str(paid.claim.class_id) for paid in paying.values()})
    by_id = {claim.id: claim for claim in claims}
    for old in failed:
        claim = by_id.get(claim_of_line(old.id))
        line = _decide_again(old, vouchers.get(old.voucher_id), [], change)
        if claim is None or line is None:
            continue
        paid = paying.get(claim.id)
        if line.status is LineStatus.PAYMENT_FAILED and not line.holds:
            if paid is None:
                note_stopped_line(line, claim, seen[claim.institution], change)
            elif claim.class_id in checks:
                yield Portion(None, [line], paid.institution, paid.payee_id, checks[claim.class_id])
        elif line.holds == old.holds:
            note_barred_line(line, change)


def _is_released(line: Line) -> bool:
    """Tell whether another officer let a line go on, and nobody says since that it was paid after all."""
    return line.released_by is not None and line.correction is None


def _next_claims(due: Iterator[Claim], *, lines: int) -> list[str]:
    """Take the next due claims: a call reads a hundred, and so many as have these lines are enough."""
    claim_ids: list[str] = []
    expected = 0
    for claim in due:
        claim_ids.append(claim.id)
        expected += claim.line_count - claim.batched_count
        if len(claim_ids) == _CLAIMS_A_READ or expected >= lines:
            break
    return claim_ids


@dataclass(frozen=True)
class _Paying:
    """A claim that may be paid, its institution as it was read, and its account."""

    claim: Claim
    institution: Institution
    payee_id: str


def _paying(
    claims: Iterable[Claim], now: datetime, change: Change, seen: dict[str, Recipient]
) -> dict[str, _Paying]:
    """Give the claims that may be paid, each with its institution and account; leave out those it stands off.

    Who is paid to another account than was approved waits for a finance officer, who finds it among the
    holds; whose institution is suspended or has no account stands in the list of what waits. `seen` are the
    institutions that were read in this pass: each is read once, and whoever writes requires that it is still
    so.
    """
    known = list(claims)
    seen |= to_be_paid({claim.institution for claim in known} - seen.keys())
    paying: dict[str, _Paying] = {}
    for read in known:
        recipient = seen[read.institution]
        claim = note_stopped(read, recipient, change)
        payee_id = recipient.in_force(now)
        if payee_id is not None and not stands_off(claim, recipient, now):
            paying[claim.id] = _Paying(claim, recipient.institution, payee_id)
        elif changed_payee(claim, recipient, now) is not None:
            note_changed_payee(claim, recipient, change)
    return paying


def _payable(
    claim_ids: Sequence[str],
    now: datetime,
    change: Change,
    seen: dict[str, Recipient],
    look: Look | None,
) -> Iterator[Portion]:
    """Give the payable lines of due claims; where one is in doubt, payability is decided a last time.

    The index that named the claims lags: their state and the end of publicity are read from the table.
    """
    ready = _ready(claim_ids, shanghai_date(now), change)
    paying = _paying(ready, now, change, seen)
    ready = [paying[claim.id].claim for claim in ready if claim.id in paying]
    lines = claim_store.find_lines([line_id for claim in ready for line_id in claim.line_ids])
    unpaid = {line.id: line for line in lines if line.status in (LineStatus.PENDING, LineStatus.HELD)}
    vouchers = _vouchers_of(line for line in unpaid.values() if _is_doubtful(line))
    payable: dict[str, list[Line]] = {}
    for claim in ready:
        own = [unpaid[line_id] for line_id in claim.line_ids if line_id in unpaid]
        attendance_holds = _attendance_holds(claim, own)
        decided = (
            _decide_again(
                line, vouchers.get(line.voucher_id), attendance_holds.get(line.enrolment_id, []), change
            )
            if _is_doubtful(line)
            else line
            for line in own
        )
        payable[claim.class_id] = [
            line for line in decided if line is not None and line.status is LineStatus.PENDING
        ]
    checks = looked_at(look, {class_id for class_id, lines in payable.items() if lines})
    for claim in ready:
        if claim.class_id in checks:
            paid, lines = paying[claim.id], payable[claim.class_id]
            yield Portion(claim, lines, paid.institution, paid.payee_id, checks[claim.class_id])


def _ready(claim_ids: Sequence[str], today: date, change: Change) -> list[Claim]:
    """Pick the claims whose publicity is over and that no objection stops, in this order."""
    claims: dict[str, Claim] = {claim.id: claim for claim in claim_store.find_claims(claim_ids)}
    ready = []
    for claim_id in claim_ids:
        claim = claims.get(claim_id)
        if claim is None:
            continue
        if waits_for_closing(claim):
            finish_claims([claim], change)
        elif status_shown(claim, today) is ClaimStatus.PAYABLE and not claim.open_objections:
            ready.append(claim)
    return ready


def _vouchers_of(lines: Iterable[Line]) -> dict[str, Voucher]:
    return {voucher.id: voucher for voucher in find_vouchers([line.voucher_id for line in lines])}


def _is_doubtful(line: Line) -> bool:
    """Tell whether something speaks against a line that may have gone since."""
    return any(is_derived_hold(hold) for hold in line.holds)


def _decide_again(
    line: Line, voucher: Voucher | None, attendance_holds: Sequence[str], change: Change
) -> Line | None:
    """Decide on a line a last time; what now speaks against it holds it, what no longer does lets it go.

    Whoever lists a person marks the voucher first and then finds the line held already. So the voucher is
    read once more after the line was let go: one of the two sees the other.
    """
    after = _with_holds_of_now(line, voucher, attendance_holds, change)
    if after is None or after.holds or not line.holds:
        return after
    return _with_holds_of_now(after, _vouchers_of([line]).get(line.voucher_id), attendance_holds, change)


def _with_holds_of_now(
    line: Line, voucher: Voucher | None, attendance_holds: Sequence[str], change: Change
) -> Line | None:
    if voucher is not None and line.paid_once and voucher.status is VoucherStatus.SETTLED:
        voucher = msgspec.structs.replace(voucher, status=VoucherStatus.REDEEMED)  # as when it was paid first
    holds = [*decided_holds(line), *not_lifted(line, attendance_holds)]
    payability = evaluate(
        line.evidence, voucher, enrolment_id=line.enrolment_id, voucher_id=line.voucher_id, holds=holds
    )
    holds += [
        check_hold(check.name) for check in payability.checks if not check.passed and check.name != "no_hold"
    ]
    if payability.payable and payability.amount_fen != line.amount_fen:
        holds.append(check_hold("amount"))
    return line if holds == line.holds else hold_store.set_holds(line, holds, change)


def _attendance_holds(claim: Claim, lines: Iterable[Line]) -> dict[str, list[str]]:
    """Look again at the holds that follow from attendance, for claims that have any."""
    if not any(is_of_kind(hold, HoldKind.ATTENDANCE) for line in lines for hold in line.holds):
        return {}
    trainees = trainees_of(read_class(claim.class_id))
    return {trainee.enrolment_id: [attendance_hold(hold) for hold in trainee.holds] for trainee in trainees}
