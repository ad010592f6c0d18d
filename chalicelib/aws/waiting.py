"""Lists of what waits: sparse indexes by city, each city in a few parts.

A row that waits carries `queue`, the list in which it stands, and `queued_at`, since when. It stands in the
index `waiting` only with both. `queued_at` is written with the state and goes with it, so a list can hold
nothing that does not wait. Lists are read for people, oldest first, and by the night's clocks, which look at
what has waited for longer than a span.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pynamodb.attributes import UnicodeAttribute

from chalicelib.aws.table import page_of
from chalicelib.kernel.divisions import covers, group_of, groups_below, is_part_of_group
from chalicelib.kernel.paging import Page, PageRequest, page_over

A_PAGE = 100
"""Rows that a clock's message looks at: each costs a transaction at most, and a message has two minutes."""
PARTS = 4
"""At the start of lessons a whole city's rough positions come at once; one key would be a hot one."""


def queue_of(division: str, class_id: str) -> str:
    """Give the list in which what waits of a class, or any other thing, stands."""
    return f"{group_of(division)}#{sum(class_id.encode()) % PARTS}"


def lists_of(group: str) -> list[str]:
    """Name the lists of one group: a city, a directly administered county, the province itself."""
    return [f"{group}#{part}" for part in range(PARTS)]


def queues_of(area: str) -> list[str]:
    """Name the lists of a division and those below it."""
    return [queue for group in groups_below(area) for queue in lists_of(group)]


def page_of_waiting(index: Any, division: UnicodeAttribute, area: str, request: PageRequest) -> Page[Any]:
    """List what waits in a division and below it, list by list, the oldest of each first.

    The cost is bounded by what waits in the city: an empty list costs one query a part.
    """
    here = division == area if is_part_of_group(area) else None

    def read(queue: str, part: PageRequest) -> Page[Any]:
        rows = index.query(queue, limit=part.limit, last_evaluated_key=part.after, filter_condition=here)
        return page_of(rows, part)

    return page_over(queues_of(area), request, read)


# --------------------------------------------------------------------------- by age


@dataclass(frozen=True)
class WaitingKey:
    """A row that waits, by its key, since when, and what its index tells of it."""

    key: tuple[str, ...]
    since: datetime
    status: str | None = None
    institution: str | None = None
    division: str | None = None


@dataclass(frozen=True)
class WaitingKeys:
    """Some rows of one list, the oldest first, and where the next ones begin; None at the end."""

    keys: Sequence[WaitingKey]
    after: Mapping[str, Any] | None


def waiting_since(
    table: Any,
    queue: str,
    *,
    until: datetime,
    limit: int,
    after: Mapping[str, Any] | None = None,
    by: str = "queued_at",
    status: str | None = None,
) -> WaitingKeys:
    """Give what has waited in a list since before a moment, the oldest first, by the index `waiting`.

    `by` names the attribute that orders it, where that is an older one; `status` picks those in one state, of
    whom there may be fewer than `limit` while more are to come.
    """
    rows = table.waiting.query(
        queue,
        getattr(table, by) <= until,
        page_size=limit,
        limit=limit if status is None else None,
        last_evaluated_key=after,
        filter_condition=(table.status == status) if status is not None else None,
    )
    return WaitingKeys([_key_of(table, row, by) for row in rows], rows.last_evaluated_key)


def all_waiting(
    table: Any, area: str, *, until: datetime, most: int, by: str = "queued_at"
) -> list[WaitingKey]:
    """Give everything that waits in a division and below it since before a moment, at most so many a list."""
    return [
        key
        for queue in queues_of(area)
        for key in waiting_since(table, queue, until=until, limit=most, by=by).keys
        if key.division is None or covers(area, key.division)
    ]


def _key_of(table: Any, row: Any, by: str) -> WaitingKey:
    told = {name: getattr(row, name, None) for name in ("status", "institution", "division")}
    return WaitingKey(tuple(getattr(row, name) for name in table.key_names()), getattr(row, by), **told)
