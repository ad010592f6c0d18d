"""Lists come in pages of at most 100 with an opaque cursor."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

Item = TypeVar("Item")
Other = TypeVar("Other")

LIMIT_DEFAULT = 50
LIMIT_MAX = 100
DIVISIONS_A_PAGE = 30
"""A list kept by division costs a query each: a city and its counties fit one page, the province some."""


@dataclass(frozen=True)
class PageRequest:
    """How many items, and after which one (a store's own key, already verified)."""

    limit: int = LIMIT_DEFAULT
    after: dict[str, Any] | None = None


@dataclass(frozen=True)
class Page(Generic[Item]):
    """Some items and the key to go on from, if there may be more."""

    items: Sequence[Item]
    after: dict[str, Any] | None = None

    def map(self, change: Callable[[Item], Other]) -> "Page[Other]":
        """Change each item, keep the place."""
        return Page(items=[change(item) for item in self.items], after=self.after)


def page_over(
    names: Sequence[str],
    request: PageRequest,
    read: Callable[[str, PageRequest], Page[Item]],
    *,
    lists_a_page: int | None = None,
) -> Page[Item]:
    """Take one page of several lists, one after the other: those of a division and everything below it.

    `read` takes a page of the list of one name. A page may be short after `lists_a_page` of them: its `after`
    goes on with the next.
    """
    place = request.after or {"list": names[0], "after": None}
    start, after = list(names).index(place["list"]), place["after"]
    items: list[Item] = []
    for number in range(start, len(names)):
        if number - start == lists_a_page or len(items) == request.limit:
            return Page(items=items, after={"list": names[number], "after": None})
        page = read(names[number], PageRequest(limit=request.limit - len(items), after=after))
        items += page.items
        if page.after is not None:
            return Page(items=items, after={"list": names[number], "after": page.after})
        after = None
    return Page(items=items)


def cut(items: Sequence[Item], request: PageRequest, *, key: Callable[[Item], str]) -> Page[Item]:
    """Cut one page out of a list that is short enough to be read whole, in the order of `key`."""
    behind = request.after["key"] if request.after else ""
    left = sorted((item for item in items if key(item) > behind), key=key)
    shown = left[: request.limit]
    return Page(items=shown, after={"key": key(shown[-1])} if len(left) > len(shown) else None)
