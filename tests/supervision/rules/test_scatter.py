"""How the places of one lesson lie to each other: each figure by itself, to the last case."""

from collections.abc import Sequence
from datetime import UTC, datetime
from random import Random

import pytest

from chalicelib.programs.thresholds import Thresholds
from chalicelib.supervision.records.model import CheckInRecord, Position
from chalicelib.supervision.rules.attempts import Placed, placed
from chalicelib.supervision.rules.scatter import Scene, is_tight, on_a_grid, repeats

LIMITS = Thresholds()
LNG, LAT = 117.2272, 31.8206
Point = tuple[int, int]
"""East and north of the site, in millionths of a degree: a decimetre, about."""


def scene(points: Sequence[Point], accuracies: Sequence[float | None] = (), lesson: str = "les_1") -> Scene:
    places = []
    for place, (east, north) in enumerate(points):
        accuracy = accuracies[place] if accuracies else 12.0
        spot = Position(
            lng=round(LNG + east * 1e-6, 6),
            lat=round(LAT + north * 1e-6, 6),
            coord_system="wgs84",
            accuracy_m=accuracy,
        )
        record = CheckInRecord(
            id=f"chk_{place:02}",
            lesson=lesson,
            enrolment=f"enr_{place:02}",
            kind="in",
            outcome="accepted",
            received_at=datetime(2026, 9, 7, tzinfo=UTC),
            location=spot,
        )
        found = placed(record)
        assert found is not None
        places.append(found)
    return Scene(lesson=lesson, places=places)


def ids(places: Sequence[Placed]) -> list[str]:
    return [place.check_in.id[-2:] for place in places]


def chance(count: int, seed: int = 1, wide: int = 400) -> list[Point]:
    random = Random(seed)
    return [(random.randrange(1, wide, 2), random.randrange(1, wide, 2)) for _ in range(count)]


# ------------------------------------------------------------------------------------------- groups


def test_the_largest_group_is_where_most_are_and_the_first_of_equals() -> None:
    told = scene([(11, 11), (31, 31), (11, 11), (31, 31), (7, 7)])
    assert ids(told.largest_group) == ["00", "02"]
    assert (ids(told.groups_of(2)), ids(told.groups_of(3)), told.distinct) == (
        ["00", "01", "02", "03"],
        [],
        3,
    )
    assert scene([]).largest_group == []


@pytest.mark.parametrize(
    ("accuracies", "is_stored"),
    [
        ([20.0] * 6, True),
        ([20.0] * 5 + [19.9], False),
        ([20.0, 21.0, 22.0] * 2, True),
        ([20.0, 21.0, 22.0, 23.0, 20.0, 20.0], False),
        ([20.0, 21.0], True),
        ([20.0, 21.0, 22.0], False),
        ([20.0], False),
        ([None] * 6, False),
    ],
)
def test_a_stored_place_is_told_to_several_with_few_accuracies_all_coarse(
    accuracies: Sequence[float | None], *, is_stored: bool
) -> None:
    told = scene([(11, 11)] * len(accuracies) + [(77, 77)], [*accuracies, 30.0])
    assert len(told.without_stored(LIMITS).places) == (1 if is_stored else len(accuracies) + 1)
    assert told.without_stored(LIMITS).lesson == "les_1"


# --------------------------------------------------------------------------------------- spread, accuracy


def test_the_spread_is_the_middle_of_the_distances_from_the_middle() -> None:
    told = scene([(-31, 1), (-11, 1), (1, 1), (11, 1), (991, 1)])
    assert told.spread_m == pytest.approx(1.134, abs=0.001)  # 12 millionths of a degree at this latitude
    assert told.accuracy_m == 12.0
    assert scene([(1, 1)] * 3, [10.0, None, 30.0]).accuracy_m == 20.0
    assert scene([(1, 1)], [None]).accuracy_m is None


def at_distance(millionths: int) -> list[Point]:
    """Give eight places of which half lie so far to either side."""
    return [(side * millionths, 1 + place) for place in range(4) for side in (-1, 1)]


@pytest.mark.parametrize(
    ("points", "accuracies", "tight"),
    [
        (at_distance(17), (), True),
        (at_distance(23), (), False),
        (at_distance(17), [10.0] * 8, False),
        (at_distance(17), [None] * 8, True),
        (at_distance(23), [99.0] * 8, False),
        ([(100 * place, 100) for place in range(8)], (), False),
    ],
)
def test_places_are_tight_within_two_metres_and_a_share_of_their_accuracy(
    points: Sequence[Point], accuracies: Sequence[float | None], *, tight: bool
) -> None:
    assert is_tight(scene(points, accuracies), LIMITS) is tight


def test_places_told_to_ten_metres_are_never_tight_nor_on_a_grid() -> None:
    coarse = scene([(0, 0)] * 4 + [(100, 100)] * 4)
    assert (coarse.is_coarse, coarse.is_fine) == (True, False)
    assert not is_tight(scene([(0, 0)] * 8), LIMITS)
    assert not on_a_grid(coarse)
    metre = scene([(10 * place, 10 * place) for place in range(1, 9)])
    assert (metre.is_coarse, metre.is_fine) == (False, False)
    fine = scene(chance(8))
    assert (fine.is_coarse, fine.is_fine) == (False, True)


# ------------------------------------------------------------------------------------------------ grids


@pytest.mark.parametrize(
    ("points", "grid"),
    [
        # four columns and two rows of eight; five columns are more than half
        ([(east, north) for east in (1, 137, 255, 391) for north in (11, 203)], True),
        ([(1, 11), (1, 203), (137, 11), (137, 203), (255, 11), (255, 203), (391, 11), (483, 203)], False),
        # equal steps from west to east: four of six are 0.6 and more, three are not
        ([(1, 7), (51, 93), (101, 11), (151, 57), (201, 3), (273, 71), (391, 29)], True),
        ([(1, 7), (51, 93), (101, 11), (151, 57), (213, 3), (273, 71), (391, 29)], False),
        # the same from south to north
        ([(7, 1), (93, 51), (11, 101), (57, 151), (3, 201), (71, 273), (29, 391)], True),
        # in equal steps, but of few distinct places: half of them are no more than rows
        ([(1, 7), (51, 93), (101, 11), (1, 57), (51, 3), (101, 71)], False),
        (chance(9, seed=3), False),
    ],
)
def test_rows_and_columns_and_equal_steps_are_a_grid(points: Sequence[Point], *, grid: bool) -> None:
    assert on_a_grid(scene(points)) is grid


# ---------------------------------------------------------------------------------------------- repeats


def moved(points: Sequence[Point], east: int, north: int) -> list[Point]:
    return [(x + east, y + north) for x, y in points]


def test_places_that_stand_to_each_other_as_before_are_repeated_whoever_has_which() -> None:
    before = chance(8)
    assert repeats(scene(moved(before, 32, -44)[::-1]), scene(before))
    assert repeats(scene(before), scene(before))
    assert not repeats(scene(chance(8, seed=2)), scene(before))
    assert not repeats(scene([(10 * x, 10 * y) for x, y in before]), scene(before)), "told to the metre"
    assert not repeats(scene(before), scene([(10 * x, 10 * y) for x, y in before]))


def test_six_places_give_too_few_ways_and_seven_enough() -> None:
    """Each is measured to the three next to its east: 6 give 12 ways, 7 give 15."""
    assert not repeats(scene(chance(6)), scene(chance(6)))
    assert repeats(scene(chance(7)), scene(chance(7)))


def test_a_place_may_be_rounded_by_one_in_each_direction() -> None:
    before = [(place * 41 + place**2 * 2 + 1, (place * 97) % 211 * 2 + 1) for place in range(12)]
    for x, y in ((1, 1), (-1, 1), (1, -1), (-1, -1), (0, 1), (1, 0)):
        # two of three ways are longer by one, each third place moves all behind it
        steps = [
            (east + x * (place // 3), north + y * (place // 3)) for place, (east, north) in enumerate(before)
        ]
        assert repeats(scene(steps), scene(before)), (x, y)
    far = [(east + 2 * (place % 2), north + 2 * (place % 3)) for place, (east, north) in enumerate(before)]
    assert not repeats(scene(far), scene(before))
