"""Whether a film shows all the time that lies between its beginning and its end.

Its pieces tell when they begin. A minute's film whose last piece says that eight hours have passed would be
one of eight hours: so moments are drawn, and the piece that shows each is looked for, as one looks up a word.
"""

from typing import Final, Protocol, TypeVar

from chalicelib.attendance.footage.films.lots import Lot
from chalicelib.attendance.footage.films.pages import Box

_MOMENTS: Final = 6
_DARK_MAX: Final = 1
"""So many of them may be dark: a recorder was stopped over lunch."""
_STEPS_MAX: Final = 24


class Piece(Protocol):
    """A piece of a film: where it is, and when it begins, in ticks."""

    @property
    def box(self) -> Box:
        """Give where it begins and ends."""
        ...

    @property
    def begins(self) -> int | None:
        """Tell when it begins."""
        ...


P = TypeVar("P", bound=Piece)


class Finder(Protocol[P]):
    """Finds the pieces of a film."""

    def holding(self, at: int) -> P | None:
        """Give the piece that holds a place."""
        ...

    def following(self, piece: P) -> P | None:
        """Give the piece that follows one."""
        ...

    def shown_until(self, piece: P) -> int:
        """Tell when the last picture of a piece ends, or begins where that is not told."""
        ...


def is_shown_throughout(finder: Finder[P], first: P, last: P, most: float, lot: Lot) -> bool:
    """Tell whether moments between two pieces are shown; no picture stands longer than `most` ticks."""
    if first.begins is None or last.begins is None:
        return True
    part = (last.begins - first.begins) / _MOMENTS
    moments = [first.begins + part * (number + lot.share()) for number in range(_MOMENTS)]
    dark = sum(not _is_shown(finder, first, last, moment, most) for moment in moments)
    return dark <= _DARK_MAX


def _is_shown(finder: Finder[P], low: P, high: P, moment: float, most: float) -> bool:
    for step in range(_STEPS_MAX):
        following = finder.following(low)
        if following is None or following.begins is None or high.begins is None:
            return low.box == high.box
        if moment < following.begins:
            return following.begins - finder.shown_until(low) <= most
        if moment >= high.begins or following.box[0] >= high.box[0]:
            return True
        told = (moment - following.begins) / max(high.begins - following.begins, 1)
        share = told if step % 2 == 0 else 0.5
        found = finder.holding(following.box[0] + int(share * (high.box[0] - following.box[0])))
        if found is None or found.begins is None:
            return False
        if found.begins <= moment:
            low = found
        else:
            high = found
    return False
