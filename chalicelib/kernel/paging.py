"""Lists come in pages of at most 100 with an opaque cursor."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

Item = TypeVar("Item")
Other = TypeVar("Other")

LIMIT_DEFAULT = 50
LIMIT_MAX = 100


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


def cut(items: Sequence[Item], request: PageRequest, *, key: Callable[[Item], str]) -> Page[Item]:
    """Cut one page out of a list that is short enough to be read whole, in the order of `key`."""
    behind = request.after["key"] if request.after else ""
    left = sorted((one for one in items if key(one) > behind), key=key)
    shown = left[: request.limit]
    return Page(items=shown, after={"key": key(shown[-1])} if len(left) > len(shown) else None)
