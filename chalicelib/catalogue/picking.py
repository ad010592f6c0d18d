"""Pages of what fits, picked out of a longer list."""

from collections.abc import Callable
from typing import Any, TypeVar

from chalicelib.kernel.paging import LIMIT_MAX, Page, PageRequest

Item = TypeVar("Item")


def picked(
    read: Callable[[PageRequest], Page[Item]],
    fits: Callable[[Item], bool],
    place_of: Callable[[Item], dict[str, Any]],
    request: PageRequest,
) -> Page[Item]:
    """Fill a page with what fits; it tells of a next one only if something is on it."""
    items: list[Item] = []
    after = request.after
    while True:
        page = read(PageRequest(limit=LIMIT_MAX, after=after))
        for item in filter(fits, page.items):
            if len(items) == request.limit:
                return Page(items=items, after=place_of(items[-1]))
            items.append(item)
        if page.after is None:
            return Page(items=items)
        after = page.after
