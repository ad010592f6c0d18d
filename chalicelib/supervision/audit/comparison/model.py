"""A daily walk of the streamed tables: whether the chain has the version in which each row stands.

The chain alone shows only what was done to it. A change that never reached it (a record of a stream that was
lost, or that nobody could write) is missing without a trace; the row itself tells of it, by its version.

    voucher vch_a stands at version 5; the chain has 1 to 5           nothing to say
    voucher vch_b stands at version 5; the chain has 1 to 4           a gap: vch_b, 5; in a day it is rebuilt
    voucher vch_d stands at version 5; the chain has 1, 2 and 5       3 and 4 are named as missing
    class cls_a's roster, told by its head (`told_by`)                looked for under the head instead
    voucher vch_c was changed a minute ago                            left to the next walk: streams lag
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

from chalicelib.exchange.model import area_of
from chalicelib.kernel.calendar import shanghai_date
from chalicelib.kernel.principal import Change
from chalicelib.kernel.walking import StandingRow
from chalicelib.supervision.audit.model import entry_of

LAG = timedelta(hours=1)
"""Younger changes may be on their way to the chain."""
STREAM_MEMORY = timedelta(hours=26)
"""Older changes come no more: a stream forgets after a day. What is missing of them is rebuilt."""
GAPS_KEPT = 200
"""Gaps listed of one walk; their number is counted to the end."""


def place_of(row: StandingRow) -> str | None:
    """Give the place of a row's last change among those of its subject; None of a row without a version."""
    return entry_of(row.part, row.version, "") if row.version is not None else None


class Gap(msgspec.Struct, frozen=True, kw_only=True):
    """A version in which a row stands and of which the chain knows nothing."""

    chain: str
    table: str
    subject: str
    part: str
    version: int | None
    division: str


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """The last walk: when it began and ended, in which table and segment it is, and what it found.

    Of a row that changed after `since` every version is looked for; the walk before has seen to the others.
    What is missing for longer than `stale_hours` is rebuilt, `rebuilt` counts those records.
    """

    id: str = "last"
    begun_at: datetime
    finished_at: datetime | None = None
    table: str = ""
    segment: int = 0
    after: dict[str, Any] | None = None
    rows: int = 0
    gap_count: int = 0
    gaps: list[Gap] = []
    rebuilt: int = 0
    since: datetime | None = None
    stale_hours: float = STREAM_MEMORY.total_seconds() / 3600
    version: int = 0
    last_change: Change | None = None


def is_due(last: Comparison | None, now: datetime) -> bool:
    """Tell whether another walk is to begin: the last one is over, and a day of Asia/Shanghai with it."""
    return last is None or (
        last.finished_at is not None and shanghai_date(last.begun_at) < shanghai_date(now)
    )


def begun(last: Comparison | None, now: datetime, *, stale: timedelta, first_table: str) -> Comparison:
    """Begin a walk; its rows changed since the one before could have rebuilt them are looked at in full."""
    return Comparison(
        begun_at=now,
        table=first_table,
        since=last.begun_at - STREAM_MEMORY - LAG if last is not None else None,
        stale_hours=stale.total_seconds() / 3600,
        version=last.version if last is not None else 0,
    )


def entries_of(row: StandingRow, since: datetime | None) -> list[str]:
    """Name the entries that the chain should have of a row: of one that changed since, all up to its own.

    A part of a thing shares its versions with what tells of it, so only its last is asked for.
    """
    if row.version is None:
        return []
    settled = since is not None and row.changed_at is not None and row.changed_at < since
    first = row.version if row.part or settled or row.version > VERSIONS_MAX else 1
    return [entry_of(row.part, version, "") for version in range(first, row.version + 1)]


VERSIONS_MAX = 50
"""A row that changed oftener, such as an account, is asked for its last version only."""


def expected(rows: Sequence[StandingRow], now: datetime) -> list[StandingRow]:
    """Leave out the rows of which the chain need not know yet, or under another part of their thing."""
    return [
        row
        for row in rows
        if not (row.part and row.told_by is not None and row.told_by != row.part)
        and not (row.changed_at is not None and now - row.changed_at < LAG)
    ]


def is_stale(row: StandingRow, at: Comparison, now: datetime) -> bool:
    """Tell whether what is missing of a row will not come by itself any more."""
    return row.changed_at is None or now - row.changed_at >= timedelta(hours=at.stale_hours)


def incomplete(
    rows: Sequence[StandingRow], recorded: Mapping[tuple[str, str], object], since: datetime | None
) -> list[StandingRow]:
    """List the rows of which the chain lacks a version that it should have."""
    return [
        row
        for row in rows
        if place_of(row) is None
        or any((row.subject, entry) not in recorded for entry in entries_of(row, since))
    ]


def gaps_among(rows: Sequence[StandingRow], recorded: Mapping[tuple[str, str], object]) -> list[Gap]:
    """List the rows whose version is not among what is recorded; one without a version is never recorded."""
    return [
        Gap(
            chain=area_of(row.division),
            table=row.table,
            subject=row.subject,
            part=row.part,
            version=row.version,
            division=row.division,
        )
        for row in rows
        if place_of(row) is None or (row.subject, place_of(row)) not in recorded
    ]


def key_of(gap: Gap) -> tuple[str, str] | None:
    """Give the key of the record that a gap lacks; None where the row has no version."""
    return (gap.subject, entry_of(gap.part, gap.version, "")) if gap.version is not None else None
