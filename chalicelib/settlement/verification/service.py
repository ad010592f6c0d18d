"""Verification of the ledger: every figure anew from what it stands for, page by page.

The pages of a division follow one another: its batches, the newest first (lines against postings, vouchers
and members, postings against summaries, the batch's own counts); postings under no batch of the division;
summaries of no posting; and its claims (their totals, what is reserved, lines that never were in a batch).
What budgets must say is added up on the way and held against them on the last page.

A page reads only what belongs to it: a posting group's id names its batch, so a batch's postings are found
without the others; a batch has at most `BATCH_LINES_MAX` lines. Nothing is scanned. Rows cannot be read all
at one moment, so payments that come in between look like differences: a page that finds any is looked at a
second time, and only what stands then is reported. A budget that changes during the run is left to another
night.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

import msgspec

from chalicelib.accounts import rights
from chalicelib.aws.logs import log
from chalicelib.edge.cursors import read_cursor, write_cursor
from chalicelib.kernel.calendar import shanghai_date
from chalicelib.kernel.divisions import is_known
from chalicelib.kernel.paging import PageRequest
from chalicelib.kernel.principal import Context
from chalicelib.kernel.reasons import error
from chalicelib.settlement.batches import store as batches_store
from chalicelib.settlement.batches.model import Batch, BatchStatus, Member, batch_id_of
from chalicelib.settlement.ledger import store
from chalicelib.settlement.ledger.model import (
    Event,
    PostingGroup,
    Summary,
    batch_of_group,
    summaries_of_group,
)
from chalicelib.settlement.ledger.service import cities_within
from chalicelib.settlement.results.model import attempt_in
from chalicelib.subsidies.budgets import store as budget_store
from chalicelib.subsidies.budgets.model import Budget
from chalicelib.subsidies.claims import store as claims
from chalicelib.subsidies.claims.model import Claim, ClaimStatus, Line, LineStatus
from chalicelib.vouchers.model import Voucher, VoucherStatus
from chalicelib.vouchers.store import find_vouchers

_BATCHES_A_PAGE = 50
_SUMMARIES_A_PAGE = 200
_CLAIMS_A_PAGE = 20
_FIRST_BUDGET_YEAR = 2021
"""The year of the notice: nothing was appropriated before."""
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


class Verified(NamedTuple):
    """What one page found; `after` asks for the next one, None at the end."""

    division: str
    postings: int
    lines: int
    differences: list[Difference]
    after: Progress | None


def verify(context: Context, *, division: str | None, after: str | None) -> tuple[Verified, str | None]:
    """Verify one page of a division's ledger, and give the cursor that asks for the next one.

    Raises:
        Malformed: the area has no ledger of its own, or `after` is no cursor of its verification.

    """
    area = division or context.principal.division
    rights.require(context.principal, "ledger.verify", division=area)
    if not is_known(area) or area not in cities_within(area):
        raise error("unknown_division")
    place = f"ledger.verify:{area}"
    known = read_cursor(after, place=place)
    progress = msgspec.convert(known, Progress) if known is not None else None
    found = verify_page(area, progress, now=context.now)
    goes_on = msgspec.to_builtins(found.after) if found.after is not None else None
    return found, write_cursor(goes_on, place=place)


def verify_page(division: str, after: Progress | None, *, now: datetime) -> Verified:
    """Verify the page of a division at which `after` stands (None: the first), and keep what stands."""
    progress = after if after is not None else _begin(division, now)
    found = _look(division, progress, now)
    if not found.differences:
        return found
    again = _look(division, progress, now)
    standing = set(again.differences)
    differences = [one for one in found.differences if one in standing]
    if again.after is None:
        return again._replace(differences=differences)
    after = msgspec.structs.replace(again.after, differing=progress.differing + len(differences))
    return again._replace(differences=differences, after=after)


def report(verified: Verified, *, differing: int) -> None:
    """Log each difference, of which there were `differing` on the pages before.

    Raises:
        RuntimeError: this was the last page, and there are some: the message ends in the dead-letter queue,
            and its alarm rings. Any page before would be tried again, and each try ask for all that follow.

    """
    for one in verified.differences:
        log("ledger_differs", division=verified.division, **one._asdict())
    if verified.after is None and differing + len(verified.differences):
        raise RuntimeError("the ledger differs")


def _begin(division: str, now: datetime) -> Progress:
    newest = batches_store.newest_batch(division)
    number = newest.number if newest is not None else 0
    stage = Stage.BATCHES if number else Stage.STRAYS
    budgets = {name: one.version for name, one in _budgets(division, _years(now)).items()}
    return Progress(stage=stage, number=number, budgets=budgets)


def _look(division: str, progress: Progress, now: datetime) -> Verified:
    match progress.stage:
        case Stage.BATCHES:
            return _verify_batch(division, progress)
        case Stage.STRAYS:
            return _verify_strays(division, progress)
        case Stage.SUMMARIES:
            return _verify_summaries(division, progress)
        case Stage.CLAIMS:
            return _verify_claims(division, progress, now)


def _go_on(progress: Progress, stage: Stage, **changes: Any) -> Progress:
    return msgspec.structs.replace(progress, stage=stage, place=None, **changes)


# --------------------------------------------------------------------------- batches


def _verify_batch(division: str, progress: Progress) -> Verified:
    """Hold a batch's lines against its members, their postings and vouchers, and postings against sums."""
    batch_id = batch_id_of(division, progress.number)
    batch = batches_store.find_batch(batch_id)
    members = batches_store.members_of(batch_id)
    lines = claims.find_lines([member.line_id for member in members])
    groups = store.groups_of_batch(division, batch_id)
    mine = [line for line in lines if line.batch_id == batch_id]
    posted = _events(groups)
    found = [
        *_against_counts(batch_id, batch, members, lines),
        *(one for line in mine for one in _against_postings(line, posted.get(line.id, {}))),
        *_against_vouchers(mine),
        *_against_summaries(division, groups),
        *_strange(groups, batch_id, {str(line.id) for line in mine}),
    ]
    spent = _more_spent(progress.spent, groups)
    if progress.number > 1:
        after = _go_on(progress, Stage.BATCHES, number=progress.number - 1, spent=spent)
    else:
        after = _go_on(progress, Stage.STRAYS, spent=spent)
    postings = sum(len(one.postings) for one in groups)
    return Verified(division, postings, len(lines), found, after)


def _against_counts(
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
    what: str, name: str, stored: Batch | Claim | None, expected: Mapping[str, int]
) -> Iterator[Difference]:
    for figure, should in expected.items():
        has = getattr(stored, figure) if stored is not None else 0
        if has != should:
            yield Difference(f"{what}_{figure.removesuffix('_fen')}", name, None, has, should)


def _against_postings(line: Line, posted: Mapping[Event, int]) -> Iterator[Difference]:
    """Compare a line with what was posted of it: a second posting of one event doubles its figure."""
    expected = {
        Event.PAID: line.amount_fen if line.status in _PAID else 0,
        Event.REVERSED: line.amount_fen if line.status is LineStatus.REVERSED else 0,
        Event.REPAID: sum(one.amount_fen for one in line.repayments),
    }
    for event, expected_fen in expected.items():
        if posted.get(event, 0) != expected_fen:
            yield Difference(f"posting_{event.value}", None, line.id, posted.get(event, 0), expected_fen)


def _against_vouchers(lines: Sequence[Line]) -> Iterator[Difference]:
    """Compare lines with their vouchers: Σ paid = Σ settled voucher amounts − reversals, line by line.

    A line that was paid although its voucher was gone says so itself.
    """
    vouchers = {voucher.id: voucher for voucher in find_vouchers([line.voucher_id for line in lines])}
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


def _against_summaries(division: str, groups: Sequence[PostingGroup]) -> Iterator[Difference]:
    """Compare each group's summaries with its postings, debit and credit."""
    expected = {one.id: one for group in groups for one in summaries_of_group(group)}
    stored = store.find_summaries(division, sorted(expected))
    for name, wanted in sorted(expected.items()):
        yield from _sides(stored.get(name), wanted)


def _sides(stored: Summary | None, expected: Summary | None) -> Iterator[Difference]:
    one = stored or expected
    assert one is not None
    for side in ("debit_fen", "credit_fen"):
        has = getattr(stored, side) if stored is not None else 0
        should = getattr(expected, side) if expected is not None else 0
        if has != should:
            yield Difference(f"summary_{side.removesuffix('_fen')}", one.account, None, has, should)


def _strange(groups: Sequence[PostingGroup], batch_id: str, inside: set[str]) -> Iterator[Difference]:
    """Find postings that name another batch than their group's id does, or a line not paid in it."""
    for group in groups:
        for one in group.postings:
            if group.batch_id != batch_id:
                yield Difference("posting_without_batch", None, one.line_id, one.amount_fen, 0)
            elif one.line_id not in inside:
                yield Difference("posting_without_line", None, one.line_id, one.amount_fen, 0)


def _events(groups: Iterable[PostingGroup]) -> dict[str, dict[Event, int]]:
    """Add up what was posted of each line, by event."""
    posted: dict[str, dict[Event, int]] = {}
    for group in groups:
        for one in group.postings:
            events = posted.setdefault(one.line_id, {})
            events[group.event] = events.get(group.event, 0) + one.amount_fen
    return posted


def _more_spent(spent: Mapping[str, int], groups: Iterable[PostingGroup]) -> dict[str, int]:
    """Add what groups spent of each budget: paid, less what was taken back."""
    sums = dict(spent)
    for group in groups:
        if group.event is not Event.REPAID:
            name = _budget_name(group.division, group.budget_year, group.program_id)
            sign = 1 if group.event is Event.PAID else -1
            sums[name] = sums.get(name, 0) + sign * sum(one.amount_fen for one in group.postings)
    return sums


# --------------------------------------------------------------------------- postings and sums of nothing


def _is_visited(batch: Batch, division: str) -> bool:
    """Tell whether a batch is one of those that the division has made, one number after the other."""
    newest = batches_store.newest_batch(division)
    numbers = newest.number if newest is not None else 0
    return batch.id == batch_id_of(division, batch.number) and 1 <= batch.number <= numbers


def _verify_strays(division: str, progress: Progress) -> Verified:
    """Find postings under a batch that the division never had: no other page would compare them.

    From one batch's postings it goes to the next one's: two calls a batch.
    """
    after: str | None = progress.place["id"] if progress.place is not None else None
    strays: list[PostingGroup] = []
    going_on = Stage.STRAYS
    for _ in range(_BATCHES_A_PAGE):
        next_one = store.groups_of(division, after=after, limit=1)
        if not next_one:
            going_on = Stage.SUMMARIES
            break
        (group,) = next_one
        batch = batches_store.find_batch(batch_of_group(group.id))
        if batch is not None and _is_visited(batch, division):
            after = store.behind_groups_of(batch.id)
        else:
            strays.append(group)
            after = group.id
    found = [
        Difference("posting_without_batch", None, one.line_id, one.amount_fen, 0)
        for group in strays
        for one in group.postings
    ]
    progress = _go_on(progress, going_on, spent=_more_spent(progress.spent, strays))
    if going_on is Stage.STRAYS:
        progress = msgspec.structs.replace(progress, place={"id": after})
    return Verified(division, sum(len(one.postings) for one in strays), 0, found, progress)


def _verify_summaries(division: str, progress: Progress) -> Verified:
    """Find summaries of no posting; those of a posting are held against it with its batch."""
    after = progress.place["id"] if progress.place is not None else None
    part = store.some_summaries(division, after=after, limit=_SUMMARIES_A_PAGE)
    groups = store.find_groups(division, sorted({one.group_id for one in part}))
    meant = {summary.id for group in groups.values() for summary in summaries_of_group(group)}
    found = [one for summary in part if summary.id not in meant for one in _sides(summary, None)]
    if len(part) < _SUMMARIES_A_PAGE:
        return Verified(division, 0, 0, found, _go_on(progress, Stage.CLAIMS))
    return Verified(division, 0, 0, found, msgspec.structs.replace(progress, place={"id": part[-1].id}))


# --------------------------------------------------------------------------- claims and budgets


def _verify_claims(division: str, progress: Progress, now: datetime) -> Verified:
    """Hold claims against their lines, and lines that never were in a batch against having been paid."""
    page = claims.some_claims(division, PageRequest(limit=_CLAIMS_A_PAGE, after=progress.place))
    found_claims: list[Claim] = claims.find_claims([claim.id for claim in page.items])
    lines = claims.find_lines(sorted(line_id for claim in found_claims for line_id in claim.line_ids))
    by_id = {line.id: line for line in lines}
    found: list[Difference] = []
    reserved = dict(progress.reserved)
    for claim in sorted(found_claims, key=lambda one: one.id):
        mine = [by_id[line_id] for line_id in claim.line_ids if line_id in by_id]
        found += _against_totals(claim, mine)
        if claim.status in _RESERVING:
            for line in mine:
                if line.status in _RESERVED:
                    name = _budget_name(division, line.budget_year or claim.budget_year or 0, line.program_id)
                    reserved[name] = reserved.get(name, 0) + line.amount_fen
    unbatched = [line for line in lines if line.batch_id is None]
    found += [one for line in unbatched for one in _against_postings(line, {})]
    found += _against_vouchers(unbatched)
    progress = msgspec.structs.replace(progress, reserved=reserved, place=page.after)
    if page.after is not None:
        return Verified(division, 0, len(lines), found, progress)
    found += _against_budgets(division, progress, now)
    return Verified(division, 0, len(lines), found, None)


def _against_totals(claim: Claim, lines: Sequence[Line]) -> Iterator[Difference]:
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


def _against_budgets(division: str, progress: Progress, now: datetime) -> Iterator[Difference]:
    """Compare every budget with what was posted and is reserved, and its parts with what was appropriated."""
    years = _years(now)
    summed = progress.spent.keys() | progress.reserved.keys()
    stored = _budgets(division, {*years, *(int(name.split(".")[2]) for name in summed)})
    for name in sorted(summed | stored.keys() | progress.budgets.keys()):
        budget = stored.get(name)
        if budget is not None and budget.year in years and progress.budgets.get(name) != budget.version:
            continue
        expected = {
            "budget_spent": (budget.spent_fen if budget is not None else 0, progress.spent.get(name, 0)),
            "budget_reserved": (
                budget.reserved_fen if budget is not None else 0,
                progress.reserved.get(name, 0),
            ),
        }
        if budget is not None:
            parts_fen = budget.available_fen + budget.reserved_fen + budget.spent_fen
            expected["budget_parts"] = (parts_fen, budget.appropriated_fen)
        for kind, (has, should) in expected.items():
            if has != should:
                yield Difference(kind, name, None, has, should)


def _years(now: datetime) -> range:
    """Give the years in which a division may have budgets: the next one's are entered before it begins."""
    return range(_FIRST_BUDGET_YEAR, shanghai_date(now).year + 2)


def _budgets(division: str, years: Iterable[int]) -> dict[str, Budget]:
    found = (one for year in sorted(years) for one in budget_store.budgets_of(division, year))
    return {_budget_name(division, one.year, one.program_id): one for one in found}


def _budget_name(division: str, year: int, program_id: str) -> str:
    return f"budget.{division}.{year}.{program_id}"
