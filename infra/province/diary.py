"""Who and what is taken when: rooms, trainers and trainees, so that honest classes never collide."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime

Span = tuple[datetime, datetime]


def collide(one: Span, other: Span) -> bool:
    """Tell whether two spans share time; ending when the other begins is no collision."""
    return one[0] < other[1] and other[0] < one[1]


class Diary:
    """Spans by what they take."""

    def __init__(self) -> None:
        self._taken: defaultdict[str, list[Span]] = defaultdict(list)

    def is_free(self, who: str, spans: Iterable[Span]) -> bool:
        """Tell whether nothing of what `who` has collides with any of these."""
        taken = self._taken.get(who, ())
        return not any(collide(span, other) for span in spans for other in taken)

    def take(self, who: str, spans: Iterable[Span]) -> None:
        """Write the spans down."""
        self._taken[who].extend(spans)
