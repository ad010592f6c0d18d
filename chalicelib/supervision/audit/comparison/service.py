"""Use cases of the comparison: go on with the weekly walk, and tell what it found."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec

from chalicelib.aws.logs import log, measure
from chalicelib.aws.metrics import AUDIT_GAPS
from chalicelib.kernel.principal import Context, change_of
from chalicelib.supervision.audit import store as chain_store
from chalicelib.supervision.audit.comparison import store
from chalicelib.supervision.audit.comparison.model import (
    GAPS_KEPT,
    Comparison,
    Gap,
    expected,
    gaps_among,
    is_due,
    key_of,
    onwards,
)

RUN_SECONDS = 200
_RECORDED_TOGETHER = 100


@dataclass(frozen=True)
class ComparisonFound:
    """What the last walk found and is still missing; `finished_at` is None while it is under way."""

    begun_at: datetime
    finished_at: datetime | None
    rows: int
    gap_count: int
    gaps: Sequence[Gap]


def compare(context: Context, *, pages: int | None = None) -> Comparison:
    """Go on with the walk, or begin one if it is time, for so many pages or until the time is up.

    Whoever kills it loses one page. What is found missing is measured once the walk is over, so that the
    alarm rings until a walk finds nothing.
    """
    at = store.find_comparison()
    if at is None or is_due(at, context.now):
        at = _begun(context, at)
    until = time.monotonic() + RUN_SECONDS
    done = 0
    while at.finished_at is None and time.monotonic() < until and (pages is None or done < pages):
        moved = _page(context, at)
        if moved is None:  # another run is ahead
            return store.find_comparison() or at
        at, done = moved, done + 1
    if at.finished_at is not None:
        measure(AUDIT_GAPS, at.gap_count)
    return at


def _begun(context: Context, last: Comparison | None) -> Comparison:
    tables = store.streamed_tables()
    fresh = Comparison(begun_at=context.now, table=tables[0], version=last.version if last is not None else 0)
    return _saved(context, fresh) or fresh


def _page(context: Context, at: Comparison) -> Comparison | None:
    """Compare the page that comes next and note how far that is; None if somebody else has."""
    rows, after = store.page_of_rows(at.table, at.segment, at.after)
    due = expected(rows, context.now)
    keys = [(row.subject, row.entry) for row in due if row.entry is not None]
    missing = gaps_among(due, chain_store.recorded(keys))
    for gap in missing:
        log("audit_gap", table=gap.table, chain=gap.chain, version=gap.version)
    place = onwards(at, store.streamed_tables(), after)
    over = place.get("table") == ""
    moved = msgspec.structs.replace(
        at,
        **place,
        rows=at.rows + len(rows),
        gap_count=at.gap_count + len(missing),
        gaps=[*at.gaps, *missing][:GAPS_KEPT],
        finished_at=context.now if over else None,
    )
    return _saved(context, moved)


def _saved(context: Context, fresh: Comparison) -> Comparison | None:
    return store.save_comparison(fresh, change=change_of(context, "audit.compare"))


def found_in(chains: Sequence[str]) -> ComparisonFound | None:
    """Tell what the last walk found in some chains and was not recorded since; None before the first walk."""
    last = store.find_comparison()
    if last is None:
        return None
    ours = [gap for gap in last.gaps if gap.chain in chains]
    keys = [key for gap in ours if (key := key_of(gap)) is not None]
    recorded = chain_store.recorded(keys) if keys else {}
    left = [gap for gap in ours if key_of(gap) not in recorded]
    return ComparisonFound(
        begun_at=last.begun_at,
        finished_at=last.finished_at,
        rows=last.rows,
        gap_count=len(left),
        gaps=left,
    )
