"""Lists come in pages of at most 100 with an opaque cursor."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

Item = TypeVar("Item")
Other = TypeVar("Other")

LIMIT_DEFAULT = 50
LIMIT_MAX = 100
LISTS_A_PAGE = 4
"""A list kept by city, division or shard costs a query each: a page for people reads so many, and is short.

Who looks after the province picks a city, or goes on page by page; nobody waits for eighteen queries.
"""
LISTS_OF_A_WIDE_PAGE = 3
"""As many where a page asks for more besides."""


@dataclass(frozen=True)
class PageRequest:
    """How many items, and after which one (a store's own key, already verified).

    A `brief` one is for a page that people wait for: it may be short, and say that there is more.
    """

    limit: int = LIMIT_DEFAULT
    after: dict[str, Any] | None = None
    brief: bool = False


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
    lists_a_page: int = LISTS_A_PAGE,
) -> Page[Item]:
    """Take one page of several lists, one after the other: those of a division and everything below it.

    `read` takes a page of the list of one name. A brief page may be short after `lists_a_page` of them: its
    `after` goes on with the next. Any other reads as many as it takes.
    """
    place = request.after or {"list": names[0], "after": None}
    start, after = list(names).index(place["list"]), place["after"]
    items: list[Item] = []
    for number in range(start, len(names)):
        enough = request.brief and number - start == lists_a_page
        if enough or len(items) == request.limit:
            return Page(items=items, after={"list": names[number], "after": None})
        page = read(names[number], replace(request, limit=request.limit - len(items), after=after))
        items += page.items
        if page.after is not None:
            return Page(items=items, after={"list": names[number], "after": page.after})
        after = None
    return Page(items=items)


def cut(items: Sequence[Item], request: PageRequest, *, key: Callable[[Item], str]) -> Page[Item]:
    """Cut one page out of a list that is short enough to be read whole, in the order of `key`."""
    behind = (request.after or {}).get("key", "")  # of another form: a release before wrote it
    left = sorted((item for item in items if key(item) > behind), key=key)
    shown = left[: request.limit]
    return Page(items=shown, after={"key": key(shown[-1])} if len(left) > len(shown) else None)
