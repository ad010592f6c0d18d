"""Verification of the ledger: every balance anew from the postings, and every posting from the lines.

One page is the books of a division (postings against summaries and budgets), or one of its batches (lines
against postings): at most `BATCH_LINES_MAX` lines, so that 100,000 lines are verified page by page, by who
asks for the next one. Nothing is scanned.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from chalicelib.accounts import rights
from chalicelib.aws.logs import log
from chalicelib.kernel.errors import Malformed
from chalicelib.kernel.principal import Context
from chalicelib.settlement import store
from chalicelib.settlement.ledger import cities_within
from chalicelib.settlement.model import Event, PostingGroup, batch_id_of, summaries_of_group
from chalicelib.subsidies import budget_store
from chalicelib.subsidies import store as claims
from chalicelib.subsidies.model import Line, LineStatus

_GROUPS_A_READ = 200


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
    if area not in cities_within(area):
        raise Malformed("unknown_division")
    return verify_page(area, after)


def verify_page(division: str, after: str | None) -> Verified:
    """Verify the books of a division (`after` None), or the batch of that number."""
    if after is None:
        groups = list(_groups(division))
        found = [*_against_summaries(division, groups), *_against_budgets(division, groups)]
        newest = store.newest_batch(division)
        following = str(newest.number) if newest is not None else None
        return Verified(division, sum(len(one.postings) for one in groups), 0, found, following)
    number = int(after)
    members = store.members_of(batch_id_of(division, number))
    lines = claims.find_lines([member.line_id for member in members])
    posted = _events(_groups(division))
    differences = [one for line in lines for one in _against_postings(line, posted.get(line.id, {}))]
    following = str(number - 1) if number > 1 else None
    return Verified(division, 0, len(lines), differences, following)


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
        name = f"budget.{division}.{year}.{program_id}"
        stored_fen = budget.spent_fen if budget is not None else 0
        if stored_fen != expected_fen:
            yield Difference("budget_spent", name, None, stored_fen, expected_fen)
        if budget is not None:
            parts_fen = budget.available_fen + budget.reserved_fen + budget.spent_fen
            if parts_fen != budget.appropriated_fen:
                yield Difference("budget_parts", name, None, parts_fen, budget.appropriated_fen)


def _events(groups: Iterator[PostingGroup]) -> dict[str, dict[Event, int]]:
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
