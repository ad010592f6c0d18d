"""Pages of classes from their indexes, and what is picked out of them."""

import functools
import operator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from pynamodb.expressions.condition import Condition

from chalicelib.aws.lists import page_of_list
from chalicelib.classes.model import ClassHead, ClassStatus
from chalicelib.classes.store import ClassRow
from chalicelib.kernel.divisions import groups_below, is_part_of_group
from chalicelib.kernel.paging import Page, PageRequest, page_over


@dataclass(frozen=True)
class Picked:
    """Which classes of a list are wanted: in a state, opened in a time, with a text in their name."""

    status: ClassStatus | None = None
    opens_from: datetime | None = None
    opens_before: datetime | None = None
    text: str | None = None

    def holds_for(self, head: ClassHead) -> bool:
        """Tell whether a class is wanted."""
        return (
            self.status in (None, head.status)
            and (self.opens_from is None or self.opens_from <= head.opens_at)
            and (self.opens_before is None or head.opens_at < self.opens_before)
            and (self.text is None or self.text in head.name)
        )

    def condition(self, *also: Condition) -> Condition | None:
        """Give the filter by which the store picks them, with other conditions beside."""
        parts = [
            *also,
            *([ClassRow.status == str(self.status)] if self.status is not None else []),
            *([ClassRow.opens_at >= self.opens_from] if self.opens_from is not None else []),
            *([ClassRow.opens_at < self.opens_before] if self.opens_before is not None else []),
            *([ClassRow.name.contains(self.text)] if self.text is not None else []),
        ]
        return functools.reduce(operator.and_, parts) if parts else None


EVERY: Final = Picked()


def heads_at(institution: str, request: PageRequest, *, picked: Picked = EVERY) -> Page[ClassHead]:
    """List an institution's classes, newest first."""
    index: Any = ClassRow.by_institution
    return page_of_list(
        ClassRow, index, institution, request=request, picked=picked.condition(), newest_first=True
    )


def heads_in(area: str, request: PageRequest, *, picked: Picked = EVERY) -> Page[ClassHead]:
    """List the classes of a division and those below it, city by city, the last to end first.

    None ends before it opens, so the index leaves out what ended before the time that is wanted.
    """
    index: Any = ClassRow.by_city
    here = [ClassRow.division == area] if is_part_of_group(area) else []
    since = (ClassRow.ends_at >= picked.opens_from) if picked.opens_from is not None else None

    def read(group: str, part: PageRequest) -> Page[ClassHead]:
        return page_of_list(
            ClassRow,
            index,
            group,
            request=part,
            between=since,
            picked=picked.condition(*here),
            newest_first=True,
        )

    return page_over(groups_below(area), request, read)
