"""Who and what is taken when: rooms, trainers and trainees, so that honest classes never collide."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
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

    def first_free(self, candidates: Sequence[str], spans: Sequence[Span]) -> str | None:
        """Give the first that is free all the time, in the order given."""
        return next((who for who in candidates if self.is_free(who, spans)), None)

    def take(self, who: str, spans: Iterable[Span]) -> None:
        """Write the spans down."""
        self._taken[who].extend(spans)

    def last_end(self, who: str) -> datetime | None:
        """Tell when the last span written down for `who` ends."""
        taken = self._taken.get(who)
        return max(end for _, end in taken) if taken else None
