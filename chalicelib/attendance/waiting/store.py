"""Lists of what waits for the bureau's decision: sparse indexes by city, each city in a few parts."""

from typing import Any

from pynamodb.attributes import UnicodeAttribute

from chalicelib.classes.store import city_of, groups_of
from chalicelib.kernel.paging import Page, PageRequest

PARTS = 4
"""At the start of lessons a whole city's rough positions come at once; one key would be a hot one."""


def queue_of(division: str, class_id: str) -> str:
    """Give the list in which what waits of a class stands."""
    return f"{city_of(division)}#{sum(class_id.encode()) % PARTS}"


def page_of_waiting(index: Any, division: UnicodeAttribute, area: str, request: PageRequest) -> Page[Any]:
    """List what waits in a division and below it, list by list, the oldest of each first.

    The cost is bounded by what waits in the city: an empty list costs one query a part.
    """
    queues = [f"{group}#{part}" for group in groups_of(area) for part in range(PARTS)]
    after = dict(request.after or {})
    start = queues.index(after["queue"]) if after.get("queue") in queues else 0
    key = after.get("key")
    found: list[Any] = []
    narrow = division.startswith(area) if len(area) > len(city_of(area)) else None
    for place in range(start, len(queues)):
        rows = index.query(
            queues[place],
            limit=request.limit - len(found),
            last_evaluated_key=key,
            filter_condition=narrow,
        )
        found += [row.record for row in rows]
        key = rows.last_evaluated_key
        if len(found) == request.limit:
            more = {"queue": queues[place], "key": key} if key is not None else None
            following = {"queue": queues[place + 1]} if place + 1 < len(queues) else None
            return Page(items=found, after=more or following)
    return Page(items=found)
