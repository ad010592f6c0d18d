"""Verification of the ledger: every balance anew from the postings, and every posting from the lines.

One page is the books of a division (postings against summaries and budgets), one of its batches (lines
against postings, at most `BATCH_LINES_MAX`), or at last what is approved and not yet paid (reserved budgets,
and lines that never were in a batch). So 100,000 lines are verified page by page, by who asks for the next
one. Nothing is scanned.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from chalicelib.accounts import rights
from chalicelib.aws.logs import log
from chalicelib.kernel.divisions import is_known
from chalicelib.kernel.errors import Malformed
from chalicelib.kernel.principal import Context
from chalicelib.settlement import store
from chalicelib.settlement.ledger import cities_within
from chalicelib.settlement.model import Event, PostingGroup, batch_id_of, summaries_of_group
from chalicelib.subsidies import budget_store
from chalicelib.subsidies import store as claims
from chalicelib.subsidies.budget_model import Budget
from chalicelib.subsidies.model import ClaimStatus, Line, LineStatus

_GROUPS_A_READ = 200
_RESERVING = (ClaimStatus.PUBLICISED, ClaimStatus.PAYABLE, ClaimStatus.BATCHED)
_RESERVED = (LineStatus.PENDING, LineStatus.HELD, LineStatus.BATCHED, LineStatus.PAYMENT_FAILED)
"""Lines of approved claims for which money is set aside."""


class Difference(NamedTuple):
    """Two figures (fen) that should be one: what is stored, and what it should be."""

    kind: str
    account: str | None
    line_id: str | None
    stored_fen: int
    expected_fen: int


class Verified(NamedTuple):
    """What one page found; `after` asks for the next one, None at the end."""

    division: str
    postings: int
    lines: int
    differences: list[Difference]
    after: str | None


def verify(context: Context, *, division: str | None, after: str | None) -> Verified:
    """Verify one page of a division's ledger: its books first, then batch by batch, the newest first.

    Raises:
        Malformed: the area has no ledger of its own.

    """
    area = division or context.principal.division
    rights.require(context.principal, "ledger.verify", division=area)
    if not is_known(area) or area not in cities_within(area):
        raise Malformed("unknown_division")
    return verify_page(area, after)


def verify_page(division: str, after: str | None) -> Verified:
    """Verify the books of a division (`after` None), the batch of that number, or what is unpaid (0)."""
    if after is None:
        newest = store.newest_batch(division)
        batches = newest.number if newest is not None else 0
        groups = list(_groups(division))
        found = [
            *_against_summaries(division, groups),
            *_against_budgets(division, groups),
            *_of_no_batch(division, groups, batches),
        ]
        return Verified(division, sum(len(one.postings) for one in groups), 0, found, str(batches))
    number = int(after)
    return _verify_unpaid(division) if number == 0 else _verify_batch(division, number)


def _verify_batch(division: str, number: int) -> Verified:
    batch_id = batch_id_of(division, number)
    members = store.members_of(batch_id)
    lines = claims.find_lines([member.line_id for member in members])
    groups = list(_groups(division))
    posted = _events(groups)
    differences = [one for line in lines for one in _against_postings(line, posted.get(line.id, {}))]
    inside = {str(member.line_id) for member in members}
    differences += [
        Difference("posting_without_line", None, one.line_id, one.amount_fen, 0)
        for group in groups
        if group.batch_id == batch_id
        for one in group.postings
        if one.line_id not in inside
    ]
    return Verified(division, 0, len(lines), differences, str(number - 1))


def _verify_unpaid(division: str) -> Verified:
    """Compare reserved budgets with the lines they are for, and what never was in a batch with postings.

    A budget that changes meanwhile is left to another night: it and the lines cannot be read at once.
    """
    known = list(claims.every_claim_in(division))
    years = {year for claim in known for year in (claim.submitted_at.year, claim.submitted_at.year + 1)}
    years |= {claim.budget_year for claim in known if claim.budget_year is not None}
    before = _budgets(division, years)
    going = [claim.id for claim in known if claim.status not in (ClaimStatus.PAID, ClaimStatus.REJECTED)]
    approved = [claim for claim in claims.find_claims(going) if claim.status in _RESERVING]
    year_of = {line_id: claim.budget_year for claim in approved for line_id in claim.line_ids}
    lines = claims.find_lines(sorted(year_of))
    posted = _events(_groups(division))
    reserved: dict[tuple[int, str], int] = {}
    found: list[Difference] = []
    for line in lines:
        if line.status in _RESERVED:
            key = (line.budget_year or year_of[line.id] or 0, str(line.program_id))
            reserved[key] = reserved.get(key, 0) + line.amount_fen
        if line.batch_id is None:
            found += _against_postings(line, posted.get(line.id, {}))
    after = _budgets(division, years)
    for key in sorted(reserved.keys() | after.keys()):
        budget, expected_fen = after.get(key), reserved.get(key, 0)
        if budget is not None and before.get(key) != budget:
            continue
        stored_fen = budget.reserved_fen if budget is not None else 0
        if stored_fen != expected_fen:
            name = _budget_name(division, *key)
            found.append(Difference("budget_reserved", name, None, stored_fen, expected_fen))
    return Verified(division, 0, len(lines), found, None)


def _budgets(division: str, years: Iterable[int]) -> dict[tuple[int, str], Budget]:
    found = (one for year in sorted(years) for one in budget_store.budgets_of(division, year))
    return {(one.year, str(one.program_id)): one for one in found}


def _budget_name(division: str, year: int, program_id: str) -> str:
    return f"budget.{division}.{year}.{program_id}"


def _of_no_batch(division: str, groups: Sequence[PostingGroup], batches: int) -> Iterator[Difference]:
    """Find postings that name a batch which the division never had: no page would compare them."""
    known = {batch_id_of(division, number) for number in range(1, batches + 1)}
    for group in groups:
        if group.batch_id not in known:
            for one in group.postings:
                yield Difference("posting_without_batch", None, one.line_id, one.amount_fen, 0)


def report(verified: Verified) -> None:
    """Log each difference.

    Raises:
        RuntimeError: there are some: the message ends in the dead-letter queue, and its alarm rings.

    """
    for one in verified.differences:
        log("ledger_differs", division=verified.division, **one._asdict())
    if verified.differences:
        raise RuntimeError("the ledger differs")


def _groups(division: str) -> Iterator[PostingGroup]:
    after = None
    while part := store.groups_of(division, after=after, limit=_GROUPS_A_READ):
        yield from part
        after = part[-1].id


def _against_summaries(division: str, groups: Sequence[PostingGroup]) -> Iterator[Difference]:
    """Compare each group's summaries with its postings, debit and credit, and find those of no group."""
    expected = {one.id: one for group in groups for one in summaries_of_group(group)}
    stored = {one.id: one for one in store.summaries_of(division)}
    for name in sorted(expected.keys() | stored.keys()):
        wanted, found = expected.get(name), stored.get(name)
        one = wanted or found
        assert one is not None
        for side in ("debit_fen", "credit_fen"):
            has = getattr(found, side) if found is not None else 0
            should = getattr(wanted, side) if wanted is not None else 0
            if has != should:
                yield Difference(f"summary_{side.removesuffix('_fen')}", one.account, None, has, should)


def _against_budgets(division: str, groups: Sequence[PostingGroup]) -> Iterator[Difference]:
    """Compare what budgets say was spent with what was posted under them."""
    spent: dict[tuple[int, str], int] = {}
    for group in groups:
        if group.event is Event.REPAID:
            continue
        sign = 1 if group.event is Event.PAID else -1
        key = (group.budget_year, str(group.program_id))
        spent[key] = spent.get(key, 0) + sign * sum(one.amount_fen for one in group.postings)
    for (year, program_id), expected_fen in sorted(spent.items()):
        budget = budget_store.find_budget(division, year, program_id)
        name = _budget_name(division, year, program_id)
        stored_fen = budget.spent_fen if budget is not None else 0
        if stored_fen != expected_fen:
            yield Difference("budget_spent", name, None, stored_fen, expected_fen)
        if budget is not None:
            parts_fen = budget.available_fen + budget.reserved_fen + budget.spent_fen
            if parts_fen != budget.appropriated_fen:
                yield Difference("budget_parts", name, None, parts_fen, budget.appropriated_fen)


def _events(groups: Iterable[PostingGroup]) -> dict[str, dict[Event, int]]:
    """Add up what was posted of each line, by event."""
    posted: dict[str, dict[Event, int]] = {}
    for group in groups:
        for one in group.postings:
            events = posted.setdefault(one.line_id, {})
            events[group.event] = events.get(group.event, 0) + one.amount_fen
    return posted


def _against_postings(line: Line, posted: Mapping[Event, int]) -> Iterator[Difference]:
    """Compare a line with what was posted of it: a second posting of one event doubles its figure."""
    was_paid = line.status in (LineStatus.PAID, LineStatus.REVERSED)
    expected = {
        Event.PAID: line.amount_fen if was_paid else 0,
        Event.REVERSED: line.amount_fen if line.status is LineStatus.REVERSED else 0,
        Event.REPAID: sum(one.amount_fen for one in line.repayments),
    }
    for event, expected_fen in expected.items():
        if posted.get(event, 0) != expected_fen:
            yield Difference(f"posting_{event.value}", None, line.id, posted.get(event, 0), expected_fen)
