"""Use cases of the comparison: go on with the daily walk, and tell what it found."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from chalicelib.aws.logs import log, log_failure, measure
from chalicelib.aws.metrics import AUDIT_GAPS
from chalicelib.kernel.principal import Context, change_of
from chalicelib.kernel.walking import StandingRow, onwards
from chalicelib.supervision.audit import store as chain_store
from chalicelib.supervision.audit.comparison import store
from chalicelib.supervision.audit.comparison.model import (
    GAPS_KEPT,
    STREAM_MEMORY,
    Comparison,
    Gap,
    begun,
    entries_of,
    expected,
    gaps_among,
    incomplete,
    is_due,
    is_stale,
    key_of,
    place_of,
)
from chalicelib.supervision.audit.model import lacking
from chalicelib.supervision.audit.rebuilding import observe_standing
from chalicelib.supervision.audit.service import append, by_chain

RUN_SECONDS = 200


@dataclass(frozen=True)
class ComparisonFound:
    """What the last walk found and is still missing; `finished_at` is None while it is under way."""

    begun_at: datetime
    finished_at: datetime | None
    rows: int
    gap_count: int
    gaps: Sequence[Gap]
    rebuilt: int


def compare(
    context: Context, *, pages: int | None = None, stale: timedelta = STREAM_MEMORY, anew: bool = False
) -> Comparison:
    """Go on with the walk, or begin one, for so many pages or until the time is up.

    Whoever kills it loses one page. What is found missing or was rebuilt is measured once the walk is over,
    so that the alarm rings until a walk finds nothing.
    """
    at = store.find_comparison()
    if at is None or anew or is_due(at, context.now):
        fresh = begun(at, context.now, stale=stale, first_table=store.streamed_tables()[0])
        at = _saved(context, fresh) or fresh
    until = time.monotonic() + RUN_SECONDS
    done = 0
    while at.finished_at is None and time.monotonic() < until and (pages is None or done < pages):
        moved = _page(context, at)
        if moved is None:  # another run is ahead
            return store.find_comparison() or at
        at, done = moved, done + 1
    if at.finished_at is not None:
        measure(AUDIT_GAPS, at.gap_count + at.rebuilt)
    return at


def _page(context: Context, at: Comparison) -> Comparison | None:
    """Compare the page that comes next and note how far that is; None if somebody else has.

    What is rebuilt before the note is written is found there when the page is compared again.
    """
    rows, after = store.page_of_rows(at.table, at.segment, at.after)
    due = expected(rows, context.now)
    keys = [(row.subject, entry) for row in due for entry in entries_of(row, at.since)]
    lacked = incomplete(due, chain_store.recorded(keys), at.since)
    rebuilt = sum(_rebuild(context, row) for row in lacked if is_stale(row, at, context.now))
    left = chain_store.recorded(
        [(row.subject, entry) for row in lacked if (entry := place_of(row)) is not None]
    )
    missing = gaps_among(lacked, left)
    for gap in missing:
        log("audit_gap", table=gap.table, chain=gap.chain, version=gap.version)
    place = onwards(at.table, at.segment, store.streamed_tables(), after)
    over = place.get("table") == ""
    moved = msgspec.structs.replace(
        at,
        **place,
        rows=at.rows + len(rows),
        gap_count=at.gap_count + len(missing),
        gaps=[*at.gaps, *missing][:GAPS_KEPT],
        rebuilt=at.rebuilt + rebuilt,
        finished_at=context.now if over else None,
    )
    return _saved(context, moved)


def _rebuild(context: Context, row: StandingRow) -> int:
    """Record what the chain lacks of a row; gives how many records. One that fails stops no other."""
    try:
        change = store.standing(row)
        if row.version is None or change.version != row.version:
            return 0
        chained = [
            record
            for record in chain_store.all_records_of(row.subject)
            if record.table == row.table and record.entry.partition("#")[2] == row.part
        ]
        versions = [row.version] if row.part else lacking(row.version, chained)
        observed = observe_standing(context, change, versions, chained)
        added = sum(append(context, chain, changes) for chain, changes in by_chain(observed).items())
    except Exception as error:  # noqa: BLE001 - it stays a gap, which is listed and rings
        log_failure("audit_unrebuilt", error, table=row.table, version=row.version)
        return 0
    log("audit_rebuilt", table=row.table, version=row.version, records=added)
    return added


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
        rebuilt=last.rebuilt,
    )
