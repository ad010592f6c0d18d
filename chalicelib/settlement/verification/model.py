"""What verification compares: each stored figure with the one that what it stands for adds up to."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any, NamedTuple

import msgspec

from chalicelib.settlement.batches.model import Batch, BatchStatus, Member
from chalicelib.settlement.clawback.model import taken_back_fen
from chalicelib.settlement.ledger.model import Event, Posting, PostingGroup, Summary, set_off_account
from chalicelib.settlement.results.model import attempts_in
from chalicelib.subsidies.budgets.model import Budget
from chalicelib.subsidies.claims.model import BankOutcome, Claim, Line
from chalicelib.subsidies.claims.states import ClaimStatus, LineStatus
from chalicelib.vouchers.model import Voucher, VoucherStatus

_RESERVING = (ClaimStatus.PUBLICISED, ClaimStatus.PAYABLE, ClaimStatus.BATCHED)
_RESERVED = (LineStatus.PENDING, LineStatus.HELD, LineStatus.BATCHED, LineStatus.PAYMENT_FAILED)
"""Lines of approved claims for which money is set aside."""
_PAID = (LineStatus.PAID, LineStatus.REVERSED)
_BATCHED = (LineStatus.BATCHED, LineStatus.PAYMENT_FAILED, *_PAID)


class Difference(NamedTuple):
    """Two figures that should be one: what is stored, and what it should be.

    Fen, or a number of lines or vouchers where the kind says so. `account` names an account, budget, claim or
    batch.
    """

    kind: str
    account: str | None
    line_id: str | None
    stored_fen: int
    expected_fen: int


class Stage(StrEnum):
    """What a page is about."""

    BATCHES = "batches"
    STRAYS = "strays"
    SUMMARIES = "summaries"
    CLAIMS = "claims"


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """Where a verification goes on, and what it has added up of each budget (fen) so far.

    `budgets` are the versions of the budgets as it began. `out` is what left the treasury less what came
    back, `set_off` by institution what was set off less what that repaid: nothing. `place` is a key of the
    stage's own. `differing` counts the differences found until now.
    """

    stage: Stage
    number: int = 0
    place: dict[str, Any] | None = None
    budgets: dict[str, int] = {}
    spent: dict[str, int] = {}
    receivable: dict[str, int] = {}
    out: dict[str, int] = {}
    set_off: dict[str, int] = {}
    reserved: dict[str, int] = {}
    differing: int = 0

    def at(self, stage: Stage, **changes: Any) -> "Progress":
        """Give the progress that goes on at the beginning of a stage."""
        return msgspec.structs.replace(self, stage=stage, place=None, **changes)


class VerifiedPage(NamedTuple):
    """What one page showed; `after` asks for the next one, None at the end.

    `batch` and `claimed` are what it read: the batch it was about, or the lines of the claims.
    """

    division: str
    postings: int
    lines: int
    differences: list[Difference]
    after: Progress | None
    batch: Batch | None = None
    claimed: Sequence[Line] = ()


# --------------------------------------------------------------------------- batches and their lines


def against_members(
    batch_id: str, batch: Batch | None, members: Sequence[Member], lines: Sequence[Line]
) -> Iterator[Difference]:
    """Compare what a sealed batch says of itself with what it froze and with what became of its lines."""
    if batch is not None and batch.status is BatchStatus.SEALING:
        return
    expected = {
        "line_count": len(members),
        "amount_fen": sum(member.amount_fen for member in members),
        "result_count": sum(bool(attempts_in(line, batch_id)) for line in lines),
        "paid_count": sum(line.status in _PAID for line in lines),
        "withdrawn_count": sum(line.status is LineStatus.REJECTED for line in lines),
    }
    yield from _unlike("batch", batch_id, batch, expected)


def _unlike(
    kind: str, name: str, stored: Batch | Claim | None, expected: Mapping[str, int]
) -> Iterator[Difference]:
    for figure, should in expected.items():
        has = getattr(stored, figure) if stored is not None else 0
        if has != should:
            yield Difference(f"{kind}_{figure.removesuffix('_fen')}", name, None, has, should)


def against_postings(line: Line, batch_id: str | None, posted: Mapping[Event, int]) -> Iterator[Difference]:
    """Compare a line with what was posted of it under a batch (fen by event): a second posting doubles it.

    A line of 180,000 fen that was taken back, of which 80,000 have been repaid, has 180,000 paid, 180,000
    reversed and 80,000 repaid. One that came back (退票) and is paid by the next batch has 180,000 paid and
    returned under the first, and 180,000 paid under the second.
    """
    expected = Counter(_attempted(line, batch_id))
    if line.batch_id == batch_id:
        expected[Event.REVERSED] = taken_back_fen(line)
        expected[Event.REPAID] = sum(repayment.amount_fen for repayment in line.repayments)
        booked_fen = sum(set_off.amount_fen for set_off in line.set_offs if set_off.booked)
        expected[Event.OFFSET] = booked_fen + posted.get(Event.OWED_AGAIN, 0)
    for event in Event:
        if event is not Event.OWED_AGAIN and posted.get(event, 0) != expected[event]:
            yield Difference(f"posting_{event.value}", None, line.id, posted.get(event, 0), expected[event])


def _attempted(line: Line, batch_id: str | None) -> dict[Event, int]:
    """Add up what the results of a line in a batch come to; whether the last one stands its state tells."""
    sums: Counter[Event] = Counter()
    attempts = [attempt for attempt in line.attempts if attempt.batch_id == batch_id]
    last_paid = attempts.pop() if attempts and attempts[-1].status is BankOutcome.PAID else None
    for attempt in attempts:
        if attempt.status is BankOutcome.PAID:
            sums[Event.PAID] += attempt.amount_fen
            sums[Event.SET_OFF] += attempt.set_off_fen
        elif attempt.status is BankOutcome.RETURNED or attempt.confirmed_by is not None:
            event = Event.RETURNED if attempt.status is BankOutcome.RETURNED else Event.UNPAID
            sums[event] += attempt.amount_fen
            sums[Event.SET_OFF_UNDONE] += attempt.set_off_fen
    if line.batch_id == batch_id and line.status in _PAID:
        set_off_fen = last_paid.set_off_fen if last_paid is not None else 0
        sums[Event.PAID] += line.amount_fen - set_off_fen
        sums[Event.SET_OFF] += set_off_fen
    return sums


def against_vouchers(lines: Iterable[Line], vouchers: Mapping[str, Voucher]) -> Iterator[Difference]:
    """Compare lines with their vouchers: Σ paid = Σ settled voucher amounts − reversals, line by line.

    A line that was paid although its voucher was gone says so itself.
    """
    for line in lines:
        if line.unsettled is None:
            yield from _against_voucher(line, vouchers.get(line.voucher_id))


def _against_voucher(line: Line, voucher: Voucher | None) -> Iterator[Difference]:
    own = voucher if voucher is not None and voucher.enrolment_id == line.enrolment_id else None
    settled = own is not None and own.status is VoucherStatus.SETTLED
    is_paid = line.status in _PAID
    figures = (
        ("voucher_settled", settled, is_paid or line.paid_once),
        ("voucher_paid", own.paid_fen if own is not None else 0, is_paid * line.amount_fen),
        ("voucher_reversed", own.reversed_fen if own is not None else 0, taken_back_fen(line)),
    )
    for kind, has, should in figures:
        if has != should:
            yield Difference(kind, None, line.id, int(has), int(should))


# --------------------------------------------------------------------------- postings and their sums


def against_summary(stored: Summary | None, expected: Summary | None) -> Iterator[Difference]:
    """Compare a group's summary of an account with what its postings add up to, debit and credit."""
    summary = stored or expected
    assert summary is not None
    for side in ("debit_fen", "credit_fen"):
        has = getattr(stored, side) if stored is not None else 0
        should = getattr(expected, side) if expected is not None else 0
        if has != should:
            yield Difference(f"summary_{side.removesuffix('_fen')}", summary.account, None, has, should)


def misplaced(groups: Iterable[PostingGroup], batch_id: str, line_ids: set[str]) -> Iterator[Difference]:
    """Find postings that name another batch than their group's id does, or a line not paid in it."""
    for group in groups:
        if group.batch_id != batch_id:
            yield from without_batch(group)
            continue
        for posting in group.postings:
            if posting.line_id not in line_ids:
                yield Difference("posting_without_line", None, posting.line_id, posting.amount_fen, 0)


def without_batch(group: PostingGroup) -> Iterator[Difference]:
    """Name every posting of a group that stands under no batch of its division."""
    for posting in group.postings:
        yield Difference("posting_without_batch", None, posting.line_id, posting.amount_fen, 0)


def posted_by_line(groups: Iterable[PostingGroup]) -> dict[str, dict[Event, int]]:
    """Add up what was posted of each line, by event."""
    posted: dict[str, dict[Event, int]] = {}
    for group in groups:
        for posting in group.postings:
            events = posted.setdefault(posting.line_id, {})
            events[group.event] = events.get(group.event, 0) + posting.amount_fen
    return posted


# --------------------------------------------------------------------------- claims and budgets


def against_lines(claim: Claim, lines: Sequence[Line]) -> Iterator[Difference]:
    """Compare what a claim says of its lines with those that are not rejected: of a rejected claim, none."""
    over = claim.status is ClaimStatus.REJECTED
    live = [line for line in lines if line.status is not LineStatus.REJECTED and not over]
    expected = {
        "line_count": len(live),
        "amount_fen": sum(line.amount_fen for line in live),
        "batched_count": sum(line.status in _BATCHED for line in live),
        "paid_count": sum(line.status in _PAID for line in live),
    }
    yield from _unlike("claim", claim.id, claim, expected)


def more_posted(progress: Progress, groups: Iterable[PostingGroup]) -> Progress:
    """Add what groups did to each budget, to what left the treasury, and to what was set off."""
    sums = {
        Figure.SPENT: Counter(progress.spent),
        Figure.RECEIVABLE: Counter(progress.receivable),
        Figure.OUT: Counter(progress.out),
    }
    set_off = Counter(progress.set_off)
    for group in groups:
        name = budget_name(group.division, group.budget_year, group.program_id)
        for posting in group.postings:
            for figure, sign in _signs(group.event, posting).items():
                sums[figure][name] += sign * posting.amount_fen
            set_off[posting.institution] += _SET_OFF_SIGNS.get(group.event, 0) * posting.amount_fen
    return msgspec.structs.replace(
        progress,
        spent=dict(sums[Figure.SPENT]),
        receivable=dict(sums[Figure.RECEIVABLE]),
        out=dict(sums[Figure.OUT]),
        set_off=dict(set_off),
    )


class Figure(StrEnum):
    """What postings add up to for a budget."""

    SPENT = "spent"
    RECEIVABLE = "receivable"
    OUT = "out"


_PAYS = {Figure.SPENT: 1, Figure.OUT: 1}
_UNDOES = {Figure.SPENT: -1, Figure.OUT: -1}
_COMES_BACK = {Figure.RECEIVABLE: -1, Figure.OUT: -1}
_SIGNS: Mapping[Event, Mapping[Figure, int]] = {
    Event.PAID: _PAYS,
    Event.SET_OFF: _PAYS,
    Event.RETURNED: _UNDOES,
    Event.UNPAID: _UNDOES,
    Event.SET_OFF_UNDONE: _UNDOES,
    Event.REVERSED: {Figure.SPENT: -1, Figure.RECEIVABLE: 1},
    Event.REPAID: _COMES_BACK,
    Event.OFFSET: _COMES_BACK,
    Event.OWED_AGAIN: {Figure.RECEIVABLE: 1, Figure.OUT: 1},
}
"""A set-off is money that one budget pays to another: it counts as paid and as come back."""
_SET_OFF_SIGNS = {Event.SET_OFF: 1, Event.SET_OFF_UNDONE: -1, Event.OFFSET: -1, Event.OWED_AGAIN: 1}


def _signs(event: Event, posting: Posting) -> Mapping[Figure, int]:
    """Tell what an event adds to; reversals of before budgets had a receivable never were in it."""
    signs = _SIGNS[event]
    if event in (Event.REVERSED, Event.REPAID) and posting.at_version is None:
        return {figure: sign for figure, sign in signs.items() if figure is not Figure.RECEIVABLE}
    return signs


def more_reserved(
    reserved: Mapping[str, int], division: str, claim: Claim, lines: Iterable[Line]
) -> dict[str, int]:
    """Add what the lines of a claim have set aside of each budget."""
    sums = dict(reserved)
    if claim.status in _RESERVING:
        for line in lines:
            if line.status in _RESERVED:
                year = line.budget_year or claim.budget_year or 0
                name = budget_name(division, year, line.program_id)
                sums[name] = sums.get(name, 0) + line.amount_fen
    return sums


def against_sums(name: str, budget: Budget | None, progress: Progress) -> Iterator[Difference]:
    """Compare a budget with what was posted and is reserved, and its parts with what was appropriated.

    What left the treasury less what came back is never more than was appropriated, whatever the parts say.
    """
    figures = {
        "budget_spent": (budget.spent_fen if budget is not None else 0, progress.spent.get(name, 0)),
        "budget_receivable": (
            budget.receivable_fen if budget is not None else 0,
            progress.receivable.get(name, 0),
        ),
        "budget_reserved": (budget.reserved_fen if budget is not None else 0, progress.reserved.get(name, 0)),
    }
    if budget is not None:
        parts_fen = budget.available_fen + budget.reserved_fen + budget.spent_fen + budget.receivable_fen
        figures["budget_parts"] = (parts_fen, budget.appropriated_fen)
    for kind, (has, should) in figures.items():
        if has != should:
            yield Difference(kind, name, None, has, should)
    appropriated_fen = budget.appropriated_fen if budget is not None else 0
    out_fen = progress.out.get(name, 0)
    if out_fen > appropriated_fen:
        yield Difference("budget_overdrawn", name, None, out_fen, appropriated_fen)


def open_set_offs(division: str, progress: Progress) -> Iterator[Difference]:
    """Find institutions of which more or less was set off than that repaid."""
    for uscc, fen in sorted(progress.set_off.items()):
        if fen:
            yield Difference("set_off_open", set_off_account(division, uscc), None, fen, 0)


def budget_name(division: str, year: int, program_id: str) -> str:
    """Name a budget as a difference tells it."""
    return f"budget.{division}.{year}.{program_id}"
