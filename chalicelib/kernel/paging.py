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
