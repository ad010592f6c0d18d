"""What verification compares: each stored figure with the one that what it stands for adds up to."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any, NamedTuple

import msgspec

from chalicelib.settlement.batches.model import Batch, BatchStatus, Member
from chalicelib.settlement.ledger.model import Event, PostingGroup, Summary
from chalicelib.settlement.results.model import attempt_in
from chalicelib.subsidies.budgets.model import Budget
from chalicelib.subsidies.claims.model import Claim, ClaimStatus, Line, LineStatus
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

    `budgets` are the versions of the budgets as it began. `place` is a key of the stage's own. `differing`
    counts the differences found until now.
    """

    stage: Stage
    number: int = 0
    place: dict[str, Any] | None = None
    budgets: dict[str, int] = {}
    spent: dict[str, int] = {}
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
        "result_count": sum(attempt_in(line, batch_id) is not None for line in lines),
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


def against_postings(line: Line, posted: Mapping[Event, int]) -> Iterator[Difference]:
    """Compare a line with what was posted of it (fen by event): a second posting doubles its figure.

    A line of 180,000 fen that was taken back, of which 80,000 have been repaid, has 180,000 paid, 180,000
    reversed and 80,000 repaid.
    """
    expected = {
        Event.PAID: line.amount_fen if line.status in _PAID else 0,
        Event.REVERSED: line.amount_fen if line.status is LineStatus.REVERSED else 0,
        Event.REPAID: sum(repayment.amount_fen for repayment in line.repayments),
    }
    for event, expected_fen in expected.items():
        if posted.get(event, 0) != expected_fen:
            yield Difference(f"posting_{event.value}", None, line.id, posted.get(event, 0), expected_fen)


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
    was_paid, was_reversed = line.status in _PAID, line.status is LineStatus.REVERSED
    figures = (
        ("voucher_settled", settled, was_paid),
        ("voucher_paid", own.paid_fen if own is not None else 0, was_paid * line.amount_fen),
        ("voucher_reversed", own.reversed_fen if own is not None else 0, was_reversed * line.amount_fen),
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


def more_spent(spent: Mapping[str, int], groups: Iterable[PostingGroup]) -> dict[str, int]:
    """Add what groups spent of each budget: paid, less what was taken back."""
    sums = dict(spent)
    for group in groups:
        if group.event is not Event.REPAID:
            name = budget_name(group.division, group.budget_year, group.program_id)
            sign = 1 if group.event is Event.PAID else -1
            sums[name] = sums.get(name, 0) + sign * sum(posting.amount_fen for posting in group.postings)
    return sums


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


def against_sums(
    name: str, budget: Budget | None, *, spent_fen: int, reserved_fen: int
) -> Iterator[Difference]:
    """Compare a budget with what was posted and is reserved, and its parts with what was appropriated."""
    figures = {
        "budget_spent": (budget.spent_fen if budget is not None else 0, spent_fen),
        "budget_reserved": (budget.reserved_fen if budget is not None else 0, reserved_fen),
    }
    if budget is not None:
        parts_fen = budget.available_fen + budget.reserved_fen + budget.spent_fen
        figures["budget_parts"] = (parts_fen, budget.appropriated_fen)
    for kind, (has, should) in figures.items():
        if has != should:
            yield Difference(kind, name, None, has, should)


def budget_name(division: str, year: int, program_id: str) -> str:
    """Name a budget as a difference tells it."""
    return f"budget.{division}.{year}.{program_id}"
