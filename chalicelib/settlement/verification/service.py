"""Verification of the ledger: every figure anew from what it stands for, page by page.

The pages of a division follow one another: its batches, the newest first (lines against postings, vouchers
and members, postings against summaries, the batch's own counts); postings under no batch of the division;
summaries of no posting; and its claims (their totals, what is reserved, lines that never were in a batch).
What budgets must say is added up on the way and held against them on the last page.

A page reads only what belongs to it: a posting group's id names its batch, so a batch's postings are found
without the others; a batch has at most `BATCH_LINES_MAX` lines. Nothing is scanned. Rows cannot be read all
at one moment, so payments that come in between look like differences: a page that shows any is looked at a
second time, and only what stands then is reported. A budget that changes during the run is left to another
night.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

import msgspec

from chalicelib.accounts import rights
from chalicelib.aws.logs import log
from chalicelib.edge.cursors import read_cursor, write_cursor
from chalicelib.kernel.calendar import shanghai_date
from chalicelib.kernel.divisions import is_known
from chalicelib.kernel.paging import PageRequest
from chalicelib.kernel.principal import Context
from chalicelib.kernel.reasons import error
from chalicelib.settlement.batches import store as batch_store
from chalicelib.settlement.batches.model import Batch, batch_id_of
from chalicelib.settlement.ledger import store as ledger_store
from chalicelib.settlement.ledger.model import PostingGroup, batch_of_group, summaries_of_group
from chalicelib.settlement.ledger.service import cities_within
from chalicelib.settlement.verification.model import (
    Difference,
    Progress,
    Stage,
    VerifiedPage,
    against_lines,
    against_members,
    against_postings,
    against_summary,
    against_sums,
    against_vouchers,
    budget_name,
    misplaced,
    more_posted,
    more_reserved,
    open_set_offs,
    posted_by_line,
    without_batch,
)
from chalicelib.subsidies.budgets import store as budget_store
from chalicelib.subsidies.budgets.model import Budget
from chalicelib.subsidies.claims import store as claim_store
from chalicelib.subsidies.claims.model import Claim, Line
from chalicelib.vouchers.model import Voucher
from chalicelib.vouchers.store import find_vouchers

_BATCHES_A_PAGE = 50
_SUMMARIES_A_PAGE = 200
_CLAIMS_A_PAGE = 20
_FIRST_BUDGET_YEAR = 2021
"""The year of the notice: nothing was appropriated before."""


def verify(context: Context, *, division: str | None, after: str | None) -> tuple[VerifiedPage, str | None]:
    """Verify one page of a division's ledger, and give the cursor that asks for the next one.

    Raises:
        Malformed: the area has no ledger of its own, or `after` is no cursor of its verification.

    """
    area = division or context.principal.division
    rights.require(context.principal, "ledger.verify", division=area)
    if not is_known(area) or area not in cities_within(area):
        raise error("unknown_division")
    place = f"ledger.verify:{area}"
    cursor = read_cursor(after, place=place)
    progress = msgspec.convert(cursor, Progress) if cursor is not None else None
    page = verify_page(area, progress, now=context.now)
    onwards = msgspec.to_builtins(page.after) if page.after is not None else None
    return page, write_cursor(onwards, place=place)


def verify_page(division: str, after: Progress | None, *, now: datetime) -> VerifiedPage:
    """Verify the page of a division at which `after` stands (None: the first), and keep what stands."""
    progress = after if after is not None else _begin(division, now)
    page = _look(division, progress, now)
    if not page.differences:
        return page
    again = _look(division, progress, now)
    standing = set(again.differences)
    differences = [difference for difference in page.differences if difference in standing]
    if again.after is None:
        return again._replace(differences=differences)
    after = msgspec.structs.replace(again.after, differing=progress.differing + len(differences))
    return again._replace(differences=differences, after=after)


def report(page: VerifiedPage, *, differing: int) -> None:
    """Log each difference, of which there were `differing` on the pages before.

    Raises:
        RuntimeError: this was the last page, and there are some: the message ends in the dead-letter queue,
            and its alarm rings. Any page before would be tried again, and each try ask for all that follow.

    """
    for difference in page.differences:
        log("ledger_differs", division=page.division, **difference._asdict())
    if page.after is None and differing + len(page.differences):
        raise RuntimeError("the ledger differs")


def _begin(division: str, now: datetime) -> Progress:
    newest = batch_store.newest_batch(division)
    number = newest.number if newest is not None else 0
    stage = Stage.BATCHES if number else Stage.STRAYS
    budgets = {name: budget.version for name, budget in _budgets(division, _years(now)).items()}
    return Progress(stage=stage, number=number, budgets=budgets)


def _look(division: str, progress: Progress, now: datetime) -> VerifiedPage:
    match progress.stage:
        case Stage.BATCHES:
            return _verify_batch(division, progress)
        case Stage.STRAYS:
            return _verify_strays(division, progress)
        case Stage.SUMMARIES:
            return _verify_summaries(division, progress)
        case Stage.CLAIMS:
            return _verify_claims(division, progress, now)


# --------------------------------------------------------------------------- batches


def _verify_batch(division: str, progress: Progress) -> VerifiedPage:
    """Hold a batch's lines against its members, their postings and vouchers, and postings against sums."""
    batch_id = batch_id_of(division, progress.number)
    batch = batch_store.find_batch(batch_id)
    members = batch_store.members_of(batch_id)
    lines = claim_store.find_lines([member.line_id for member in members])
    groups = ledger_store.groups_of_batch(division, batch_id)
    paid_here = [line for line in lines if line.batch_id == batch_id]
    posted = posted_by_line(groups)
    differences = [
        *against_members(batch_id, batch, members, lines),
        *(
            difference
            for line in lines
            for difference in against_postings(line, batch_id, posted.get(line.id, {}))
        ),
        *_voucher_differences(paid_here),
        *_summary_differences(division, groups),
        *misplaced(groups, batch_id, {str(line.id) for line in lines}),
    ]
    summed = more_posted(progress, groups)
    if progress.number > 1:
        after = summed.at(Stage.BATCHES, number=progress.number - 1)
    else:
        after = summed.at(Stage.STRAYS)
    postings = sum(len(group.postings) for group in groups)
    return VerifiedPage(division, postings, len(lines), differences, after, batch=batch)


def _voucher_differences(lines: Sequence[Line]) -> Iterator[Difference]:
    vouchers: dict[str, Voucher] = {
        voucher.id: voucher for voucher in find_vouchers([line.voucher_id for line in lines])
    }
    return against_vouchers(lines, vouchers)


def _summary_differences(division: str, groups: Sequence[PostingGroup]) -> Iterator[Difference]:
    """Compare each group's summaries with its postings."""
    expected = {summary.id: summary for group in groups for summary in summaries_of_group(group)}
    stored = ledger_store.find_summaries(division, sorted(expected))
    for summary_id, summary in sorted(expected.items()):
        yield from against_summary(stored.get(summary_id), summary)


# --------------------------------------------------------------------------- postings and sums of nothing


def _is_visited(batch: Batch, division: str) -> bool:
    """Tell whether a batch is one of those that the division has made, one number after the other."""
    newest = batch_store.newest_batch(division)
    numbers = newest.number if newest is not None else 0
    return batch.id == batch_id_of(division, batch.number) and 1 <= batch.number <= numbers


def _verify_strays(division: str, progress: Progress) -> VerifiedPage:
    """Find postings under a batch that the division never had: no other page would compare them.

    From one batch's postings it goes to the next one's: two calls a batch.
    """
    after: str | None = progress.place["id"] if progress.place is not None else None
    strays: list[PostingGroup] = []
    stage = Stage.STRAYS
    for _ in range(_BATCHES_A_PAGE):
        groups = ledger_store.groups_of(division, after=after, limit=1)
        if not groups:
            stage = Stage.SUMMARIES
            break
        (group,) = groups
        batch = batch_store.find_batch(batch_of_group(group.id))
        if batch is not None and _is_visited(batch, division):
            after = ledger_store.behind_groups_of(batch.id)
        else:
            strays.append(group)
            after = group.id
    differences = [difference for group in strays for difference in without_batch(group)]
    onwards = more_posted(progress, strays).at(stage)
    if stage is Stage.STRAYS:
        onwards = msgspec.structs.replace(onwards, place={"id": after})
    postings = sum(len(group.postings) for group in strays)
    return VerifiedPage(division, postings, 0, differences, onwards)


def _verify_summaries(division: str, progress: Progress) -> VerifiedPage:
    """Find summaries of no posting; those of a posting are held against it with its batch."""
    after = progress.place["id"] if progress.place is not None else None
    summaries = ledger_store.some_summaries(division, after=after, limit=_SUMMARIES_A_PAGE)
    groups = ledger_store.find_groups(division, sorted({summary.group_id for summary in summaries}))
    meant = {summary.id for group in groups.values() for summary in summaries_of_group(group)}
    differences = [
        difference
        for summary in summaries
        if summary.id not in meant
        for difference in against_summary(summary, None)
    ]
    if len(summaries) < _SUMMARIES_A_PAGE:
        return VerifiedPage(division, 0, 0, differences, progress.at(Stage.CLAIMS))
    onwards = msgspec.structs.replace(progress, place={"id": summaries[-1].id})
    return VerifiedPage(division, 0, 0, differences, onwards)


# --------------------------------------------------------------------------- claims and budgets


def _verify_claims(division: str, progress: Progress, now: datetime) -> VerifiedPage:
    """Hold claims against their lines, and lines that never were in a batch against having been paid."""
    page = claim_store.some_claims(division, PageRequest(limit=_CLAIMS_A_PAGE, after=progress.place))
    claims: list[Claim] = claim_store.find_claims([claim.id for claim in page.items])
    lines = claim_store.find_lines(sorted(line_id for claim in claims for line_id in claim.line_ids))
    by_id = {line.id: line for line in lines}
    differences: list[Difference] = []
    reserved = progress.reserved
    for claim in sorted(claims, key=lambda claim: claim.id):
        own = [by_id[line_id] for line_id in claim.line_ids if line_id in by_id]
        differences += against_lines(claim, own)
        reserved = more_reserved(reserved, division, claim, own)
    unbatched = [line for line in lines if line.batch_id is None]
    for line in unbatched:
        differences += against_postings(line, None, {})
    differences += _voucher_differences(unbatched)
    onwards = msgspec.structs.replace(progress, reserved=reserved, place=page.after)
    if page.after is not None:
        return VerifiedPage(division, 0, len(lines), differences, onwards, claimed=lines)
    differences += _budget_differences(division, onwards, now)
    return VerifiedPage(division, 0, len(lines), differences, None, claimed=lines)


def _budget_differences(division: str, progress: Progress, now: datetime) -> Iterator[Difference]:
    """Compare every budget with what was added up, but those that changed during the run."""
    years = _years(now)
    summed = progress.spent.keys() | progress.receivable.keys() | progress.reserved.keys()
    stored = _budgets(division, {*years, *(int(name.split(".")[2]) for name in summed)})
    for name in sorted(summed | stored.keys() | progress.budgets.keys()):
        budget = stored.get(name)
        if budget is not None and budget.year in years and progress.budgets.get(name) != budget.version:
            continue
        yield from against_sums(name, budget, progress)
    yield from open_set_offs(division, progress)


def _years(now: datetime) -> range:
    """Give the years in which a division may have budgets: the next one's are entered before it begins."""
    return range(_FIRST_BUDGET_YEAR, shanghai_date(now).year + 2)


def _budgets(division: str, years: Iterable[int]) -> dict[str, Budget]:
    budgets = (budget for year in sorted(years) for budget in budget_store.budgets_of(division, year))
    return {budget_name(division, budget.year, budget.program_id): budget for budget in budgets}
