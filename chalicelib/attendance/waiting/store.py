"""Lists of what waits for the bureau's decision: sparse indexes by city, each city in a few parts."""

from typing import Any

from pynamodb.attributes import UnicodeAttribute

from chalicelib.aws.table import page_of
from chalicelib.kernel.divisions import group_of, groups_below, is_part_of_group
from chalicelib.kernel.paging import Page, PageRequest, page_over

PARTS = 4
"""At the start of lessons a whole city's rough positions come at once; one key would be a hot one."""


def queue_of(division: str, class_id: str) -> str:
    """Give the list in which what waits of a class stands."""
    return f"{group_of(division)}#{sum(class_id.encode()) % PARTS}"


def page_of_waiting(index: Any, division: UnicodeAttribute, area: str, request: PageRequest) -> Page[Any]:
    """List what waits in a division and below it, list by list, the oldest of each first.

    The cost is bounded by what waits in the city: an empty list costs one query a part.
    """
    queues = [f"{group}#{part}" for group in groups_below(area) for part in range(PARTS)]
    here = division == area if is_part_of_group(area) else None

    def read(queue: str, part: PageRequest) -> Page[Any]:
        rows = index.query(queue, limit=part.limit, last_evaluated_key=part.after, filter_condition=here)
        return page_of(rows, part)

    return page_over(queues, request, read)
