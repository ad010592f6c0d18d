"""Lists of what waits: sparse indexes by city.

A row that waits carries `queue`, the list in which it stands, and `queued_at`, since when. It stands in the
index `waiting` only with both. `queued_at` is written with the state and goes with it, so a list can hold
nothing that does not wait. Lists are read for people, oldest first, and by the night's clocks, which look at
what has waited for longer than a span.

Who looks after the whole province reads `waiting_all` instead, where the same rows stand by part alone: a few
queries a table, however many cities there are.

What begins to wait stands in the first part of its city's list, so an in-tray is one query a table. Rows of
before were spread over `PARTS` of them; whoever has to meet every row reads all parts (`queues_of`).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Self

from pynamodb.attributes import UnicodeAttribute
from pynamodb.expressions.update import Action

from chalicelib.aws.table import Record, VersionedTable, page_of
from chalicelib.kernel.divisions import PROVINCE, covers, group_of, groups_below, is_part_of_group
from chalicelib.kernel.paging import Page, PageRequest, page_over

A_PAGE = 100
"""Rows that a clock's message looks at: each costs a transaction at most, and a message has two minutes."""
PARTS = 4
"""A list of before had so many parts, for the rough positions of a city at the start of its lessons. Were all
of a morning rough, the largest city's key would take about a sixth of what one key may."""


def queue_of(division: str) -> str:
    """Give the list in which what waits in a division stands."""
    return f"{group_of(division)}#0"


def lists_of(group: str, *, parts: int = PARTS) -> list[str]:
    """Name the lists of one group: a city, a directly administered county, the province itself."""
    return [f"{group}#{part}" for part in range(parts)]


def queues_of(area: str) -> list[str]:
    """Name the lists of a division and those below it."""
    return [queue for group in groups_below(area) for queue in lists_of(group)]


def queue_of_all(queue: str, *, many: bool = False) -> str:
    """Give the list of the whole province in which what stands in a list stands too; of `many`, a part of it.

    Cities share the parts: one key would have to take what a morning brings in all of them.
    """
    group, _, part = queue.partition("#")
    return f"{PROVINCE}#{sum(group.encode()) % PARTS if many else part}"


class WaitingTable(VersionedTable[Record]):
    """A table whose rows that wait stand in the list of their city and in that of the province."""

    many_at_once: ClassVar[bool] = False
    """Whether a morning may bring thousands, so that the province's list has parts."""
    queue = UnicodeAttribute(null=True)
    queue_all = UnicodeAttribute(null=True)

    @classmethod
    def from_record(cls, record: Record) -> Self:
        """Make the row that stores a record, in both lists if the record names one."""
        row = super().from_record(record)
        if row.queue is not None:
            row.queue_all = queue_of_all(row.queue, many=cls.many_at_once)
        return row

    @classmethod
    def listed_in(cls, queue: str) -> list[Action]:
        """Have a row stand in a list, and in that of the province."""
        return [cls.queue.set(queue), cls.queue_all.set(queue_of_all(queue, many=cls.many_at_once))]

    @classmethod
    def listed_nowhere(cls) -> list[Action]:
        """Take a row out of both lists."""
        return [cls.queue.remove(), cls.queue_all.remove()]


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
    about: str | None = None


@dataclass(frozen=True)
class WaitingKeys:
    """Some rows of one list, the oldest first, and where the next ones begin; None at the end."""

    keys: Sequence[WaitingKey]
    after: Mapping[str, Any] | None


@dataclass(frozen=True)
class AllWaiting:
    """The rows of some lists; none that was not read is older than `unread_since`, None if all were read."""

    keys: Sequence[WaitingKey]
    unread_since: datetime | None


def waiting_since(
    table: Any,
    queue: str,
    *,
    until: datetime,
    limit: int,
    after: Mapping[str, Any] | None = None,
    by: str = "queued_at",
    status: str | None = None,
    index: str = "waiting",
) -> WaitingKeys:
    """Give what has waited in a list since before a moment, the oldest first.

    `by` names the attribute that orders it, where that is an older one; `status` picks those in one state, of
    whom there may be fewer than `limit` while more are to come.
    """
    rows = getattr(table, index).query(
        queue,
        getattr(table, by) <= until,
        page_size=limit,
        limit=limit if status is None else None,
        last_evaluated_key=after,
        filter_condition=(table.status == status) if status is not None else None,
    )
    return WaitingKeys([_key_of(table, row, by) for row in rows], rows.last_evaluated_key)


def all_waiting(
    table: Any,
    lists: Iterable[str],
    area: str,
    *,
    until: datetime,
    most: int,
    by: str,
    index: str,
    institution: str | None = None,
) -> AllWaiting:
    """Give what of some lists waits in an area since before a moment: one query each, so many at the most.

    Of one `institution` its own are picked out by the store.
    """
    pages = [
        _first_page(table, queue, until=until, most=most, by=by, index=index, institution=institution)
        for queue in lists
    ]
    here = [key for page in pages for key in page.keys if key.division is None or covers(area, key.division)]
    unread = [page.unread_since for page in pages if page.unread_since is not None]
    return AllWaiting(here, min(unread, default=None))


def _first_page(
    table: Any, queue: str, *, until: datetime, most: int, by: str, index: str, institution: str | None
) -> AllWaiting:
    moment = getattr(table, by)
    rows = getattr(table, index).query(
        queue,
        moment <= until,
        page_size=most if institution is None else None,  # else as much as one answer holds
        filter_condition=(table.institution == institution) if institution is not None else None,
    )
    answer = next(rows.page_iter)
    found = [table.from_raw_data(raw) for raw in answer["Items"][:most]]
    keys = [_key_of(table, row, by) for row in found]
    if answer["Items"][most:]:
        return AllWaiting(keys, keys[-1].since)
    looked_until = rows.page_iter.last_evaluated_key  # of all institutions, so it may be none of `keys`
    if not looked_until:
        return AllWaiting(keys, None)
    return AllWaiting(keys, moment.deserialize(moment.get_value(looked_until[moment.attr_name])))


def _key_of(table: Any, row: Any, by: str) -> WaitingKey:
    told = {name: getattr(row, name, None) for name in ("status", "institution", "division")}
    about = next((getattr(row, name, None) for name in _ABOUT if hasattr(row, name)), None)
    key = tuple(getattr(row, name) for name in table.key_names())
    return WaitingKey(key, getattr(row, by), **told, about=about)


_ABOUT = ("claim_id", "subject_id")
"""Where a row tells what it is about: a page that shows it reads that as well."""
