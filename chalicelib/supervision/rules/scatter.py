"""How the positions of one lesson lie to each other, against what independent receivers would show.

Phones in one room do not agree: each reports a place some metres off, anew each time, and an accuracy beside
it. Made-up places betray themselves by being the same, by lying closer together than any receivers do, by
standing on a grid, or by standing to each other in the next lesson as they did in the last.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from statistics import median

from chalicelib.programs.thresholds import Thresholds
from chalicelib.supervision.rules.attempts import Placed, metres_from

_DECIMALS = 6
_COARSE_DECIMALS = 4
_TRACED_PEOPLE_MAX = 40
_GRID_SHARE = 0.5
_STEPS_SHARE = 0.6
_REPEATED_SHARE = 0.5
_REPEATED_VECTORS_MIN = 15
_NEXT_PLACES = 3
_ACCURACIES, _ACCURACIES_SHARE = 2, 1 / 2
_ROUNDING = [(x, y) for x in (-1, 0, 1) for y in (-1, 0, 1)]
_Vector = tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class Scene:
    """Where the people of one lesson checked in, one place each."""

    lesson: str
    places: Sequence[Placed]

    @property
    def largest_group(self) -> list[Placed]:
        """Give those at the point where most are."""
        counted = Counter(place.spot for place in self.places)
        if not counted:
            return []
        most = max(sorted(counted), key=counted.__getitem__)
        return [place for place in self.places if place.spot == most]

    def groups_of(self, people: int) -> list[Placed]:
        """Give those at points where so many are, or more."""
        counted = Counter(place.spot for place in self.places)
        return [place for place in self.places if counted[place.spot] >= people]

    def without_stored(self, limits: Thresholds) -> "Scene":
        """Leave out those at points that a provider may have stored.

        One such point is told to many phones with one accuracy, or a few, all coarse: a receiver's own is
        finer, and differs from phone to phone.
        """
        told: dict[tuple[float, float], list[float]] = defaultdict(list)
        for place in self.places:
            told[place.spot].append(place.accuracy_m or 0.0)
        stored = {
            spot
            for spot, accuracies in told.items()
            if len(accuracies) > 1
            and min(accuracies) >= limits.stored_accuracy_m
            and len(set(accuracies)) <= max(_ACCURACIES, _ACCURACIES_SHARE * len(accuracies))
        }
        return Scene(lesson=self.lesson, places=[place for place in self.places if place.spot not in stored])

    @property
    def distinct(self) -> int:
        """Count the points."""
        return len({place.spot for place in self.places})

    @property
    def spread_m(self) -> float:
        """Give how far from their middle the places lie: the median, so that one outlier says nothing."""
        middle = median(place.lng for place in self.places), median(place.lat for place in self.places)
        return median(math.hypot(*metres_from(middle, place.lng, place.lat)) for place in self.places)

    @property
    def accuracy_m(self) -> float | None:
        """Give the accuracy that the devices report: the median; None if none does."""
        known = [place.accuracy_m for place in self.places if place.accuracy_m is not None]
        return median(known) if known else None

    @property
    def is_coarse(self) -> bool:
        """Tell whether places are told to ten metres only: then equal ones say little."""
        return median(_decimals(place) for place in self.places) <= _COARSE_DECIMALS

    @property
    def is_fine(self) -> bool:
        """Tell whether places are told to a decimetre: then receivers never repeat one."""
        return median(_decimals(place) for place in self.places) >= _DECIMALS


def is_tight(scene: Scene, limits: Thresholds) -> bool:
    """Tell whether places lie closer together than receivers of this accuracy put them."""
    if scene.is_coarse or scene.spread_m >= limits.scatter_m:
        return False
    accuracy = scene.accuracy_m
    return accuracy is None or scene.spread_m < limits.scatter_of_accuracy * accuracy


def on_a_grid(scene: Scene) -> bool:
    """Tell whether places stand in rows and columns, or in equal steps: offsets that a program added."""
    if not scene.is_fine:
        return False
    places = scene.places
    told = [place.check_in.location for place in places]
    axes = [
        [round(axis * 10**_DECIMALS) for axis in values]
        for values in ([one.lng for one in told if one], [one.lat for one in told if one])
    ]
    rows_and_columns = all(len(set(axis)) <= _GRID_SHARE * len(places) for axis in axes)
    return rows_and_columns or any(_in_steps(axis) for axis in axes)


def _in_steps(axis: Sequence[int]) -> bool:
    distinct = sorted(set(axis))
    if len(distinct) <= _GRID_SHARE * len(axis):
        return False
    steps = Counter(after - before for before, after in pairwise(distinct))
    return max(steps.values()) >= _STEPS_SHARE * (len(distinct) - 1)


def repeats(scene: Scene, former: Scene) -> bool:
    """Tell whether the places stand to each other as they did in a former lesson, whoever has which."""
    if not (scene.is_fine and former.is_fine):
        return False
    here, there = _whole(scene.places), _whole(former.places)
    known = {_vector(one, other) for one, other in combinations(there, 2)}
    near = [
        _vector(one, other)
        for place, one in enumerate(here)
        for other in here[place + 1 : place + 1 + _NEXT_PLACES]
    ]
    again = sum(any((east + x, north + y) in known for x, y in _ROUNDING) for east, north in near)
    return len(near) >= _REPEATED_VECTORS_MIN and again >= _REPEATED_SHARE * len(near)


def _whole(places: Iterable[Placed]) -> list[_Vector]:
    """Give the points from west to east, in decimetres."""
    unit = 10**_DECIMALS
    spots = sorted({place.spot for place in places})[:_TRACED_PEOPLE_MAX]
    return [(round(lng * unit), round(lat * unit)) for lng, lat in spots]


def _vector(one: _Vector, other: _Vector) -> _Vector:
    return other[0] - one[0], other[1] - one[1]


def _decimals(place: Placed) -> int:
    told = place.check_in.location
    return max(len(repr(axis).partition(".")[2]) for axis in (told.lng, told.lat)) if told else 0
