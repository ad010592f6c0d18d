"""`identical_coordinates` and `check_in_burst`: stored places, the same people, orders and clocks, to the last case."""

from collections.abc import Collection
from datetime import timedelta
from random import Random

import pytest

from tests.supervision.rules.exports import HEFEI, METRE, Course, Export, text
from tests.supervision.rules.test_edges import MINUTE, scattered, shown
from tests.supervision.rules.test_edges import placed_at as put

SECOND = timedelta(seconds=1)
STORED_M = 25.0
"""So coarse an accuracy, and one for all, is a provider's."""


def stand(
    course: Course, day: int, places: Collection[int], *, spot: int = 0, accuracy_m: float = STORED_M
) -> None:
    """Put these people of a lesson at one point, known to a decimetre."""
    for place, row in enumerate(course.check_ins(day)):
        if place in places:
            row["location"] |= {
                "lng": round(HEFEI[0] + (40 + 30 * spot) * METRE + 1e-7, 7),
                "lat": round(HEFEI[1] + 60 * METRE + 1e-7, 7),
                "accuracy_m": accuracy_m,
            }


def coarse(course: Course) -> Course:
    """Tell every place to ten metres only."""
    for row in course.check_ins():
        row["location"] |= {name: round(row["location"][name], 4) for name in ("lng", "lat")}
    return course


# --------------------------------------------------------------------------------- stored for weeks


def weeks(people: int, group: int, *days: int, shift: timedelta = timedelta()) -> Course:
    """Give a class of nine lessons in which some stand at one stored point on these days."""
    course = Export().course(people=people, days=9)
    for day in days:
        stand(course, day, range(group))
        for place, row in enumerate(course.check_ins(day)):
            row["received_at"] = text(
                course.starts(day) - (40 - place) * MINUTE + (shift if day == 8 else 0 * SECOND)
            )
    return course


@pytest.mark.parametrize(
    ("course", "severity"),
    [
        (weeks(10, 5, 0, 4, 8), "hold"),
        (weeks(10, 5, 0, 4, 8, shift=-SECOND), None),
        (weeks(10, 5, 0, 8), None),
        (weeks(10, 5, 1, 4, 8), None),
        (weeks(8, 4, 0, 4, 8), None),
        (weeks(11, 5, 0, 4, 8), "warn"),
        (weeks(14, 5, 0, 4, 8), "warn"),
        (weeks(15, 5, 0, 4, 8), None),
        (weeks(14, 5, 0, 8), None),
        (coarse(weeks(10, 5, 0, 4, 8)), None),
    ],
)
def test_a_provider_renews_what_it_stores_within_eight_days(course: Course, severity: str | None) -> None:
    signs = ["one_point_for_weeks"] if severity else []
    assert shown(course, "identical_coordinates") == (severity, signs)


@pytest.mark.parametrize(
    ("people", "group", "lessons", "severity"),
    [(11, 10, 2, "hold"), (11, 10, 1, None), (12, 10, 2, None), (9, 9, 2, None), (20, 18, 2, "hold")],
)
def test_nearly_everybody_at_a_stored_point_twice_is_grave(
    people: int, group: int, lessons: int, severity: str | None
) -> None:
    course = Export().course(people=people, days=4)
    for day in range(lessons):
        stand(course, day, range(group), spot=day)
    assert shown(course, "identical_coordinates") == (severity, ["one_point"] if severity else [])
    assert coarse(course).severity("identical_coordinates") != "hold", "told to ten metres only"


# ---------------------------------------------------------------------- seldom a place of their own


def seldom(people: int = 10, days: int = 10, *, own: int = 0, halves: int = 0) -> Course:
    """Let five share a point that is another one each day; so often one has their own, some half the time."""
    course = Export().course(people=people, days=days)
    for day in range(days):
        group = [place for place in range(5) if not (day < own and place == day % 5)]
        stand(course, day, [*group, *(range(5, 5 + halves) if day < days // 2 else ())], spot=day)
    return course


@pytest.mark.parametrize(
    ("course", "severity"),
    [
        (seldom(), "hold"),
        (seldom(own=2), "hold"),
        (seldom(own=3), "warn"),
        (seldom(own=7), "warn"),
        (seldom(own=8), None),
        (seldom(days=5), "hold"),
        (seldom(days=4), None),
        (seldom(people=14), "hold"),
        (seldom(people=15), None),
        (seldom(halves=1), "warn"),
        (coarse(seldom()), None),
    ],
)
def test_phones_with_a_stored_place_find_their_own_at_times(course: Course, severity: str | None) -> None:
    signs = ["seldom_a_place_of_their_own"] if severity else []
    assert shown(course, "identical_coordinates") == (severity, signs)


def test_lessons_without_those_people_are_not_named() -> None:
    course = seldom()
    gone = {row["id"] for row in course.check_ins(9)[:5]}
    rows = course.export.rows["check_ins"]
    rows[:] = [row for row in rows if row["id"] not in gone]
    [finding] = course.found("identical_coordinates")
    assert (finding.evidence["lessons_found"], finding.evidence["lessons_judged"]) == (9, 10)
    assert finding.lines == course.enrolments[:5]


# --------------------------------------------------------------------------------- the same people


@pytest.mark.parametrize(
    ("days", "together", "group", "severity"),
    [
        (5, 3, 4, "warn"),
        (5, 2, 4, None),
        (6, 3, 4, "warn"),
        (7, 3, 4, None),
        (5, 3, 3, None),
        (3, 3, 4, "warn"),
    ],
)
def test_the_same_few_at_one_point_again_and_again_are_told(
    days: int, together: int, group: int, severity: str | None
) -> None:
    course = Export().course(people=12, days=days)
    for day in range(together):
        stand(course, day, range(group), spot=day, accuracy_m=9.0 + day)
    assert shown(course, "identical_coordinates") == (severity, ["the_same_people"] if severity else [])
    for finding in course.found("identical_coordinates"):
        assert (finding.lines, finding.evidence["lessons_found"]) == (course.enrolments[:group], together)


def test_who_stood_there_once_is_not_one_of_them() -> None:
    course = Export().course(people=14, days=5)
    for day in range(3):
        stand(course, day, [*range(4), *([4] if day == 0 else [])], spot=day, accuracy_m=9.0)
    assert shown(course, "identical_coordinates") == ("warn", ["the_same_people"])
    assert course.found("identical_coordinates")[0].lines == course.enrolments[:4]


@pytest.mark.parametrize(("days", "severity"), [(5, "hold"), (6, "warn")])
def test_made_up_scatter_is_grave_in_two_of_five_lessons(days: int, severity: str) -> None:
    course = Export().course(people=8, days=days)
    for day in range(2):
        put(course, day, scattered(8, 0.5, seed=day))
    assert shown(course, "identical_coordinates") == (severity, ["closer_than_receivers"])


# ------------------------------------------------------------------------------ clocks and orders


@pytest.mark.parametrize(("days", "severity"), [(6, "hold"), (7, None)])
def test_a_clock_lets_them_in_in_half_of_the_lessons(days: int, severity: str | None) -> None:
    course = Export().course(people=10, days=days)
    for day in range(3):
        rows = course.check_ins(day)
        for place, row in enumerate(rows[::-1] if day % 2 else rows):
            row["received_at"] = text(course.starts(day) - 10 * MINUTE + 30 * place * SECOND)
    assert shown(course, "check_in_burst") == (severity, ["steady_gaps"] if severity else [])


@pytest.mark.parametrize(("inversions", "signs"), [(12, ["same_order"]), (13, [])])
def test_nine_of_ten_pairs_in_one_order_are_the_same(inversions: int, signs: list[str]) -> None:
    """Sixteen come at once in three lessons; in the second of them so many pairs are the other way round."""
    course = Export().course(people=20, days=3)
    for day in range(3):
        order = list(range(16))
        if day == 1:  # the first goes back twelve places, and if need be the next two swap
            order.insert(12, order.pop(0))
            if inversions > 12:
                order[0], order[1] = order[1], order[0]
        for place, row in enumerate(course.check_ins(day)):
            after = 90 * (order.index(place) / 15) ** 3 if place < 16 else 400 + 60 * (place - 16) ** 2
            row["received_at"] = text(course.starts(day) - 20 * MINUTE + timedelta(seconds=round(after, 6)))
    assert shown(course, "check_in_burst")[1] == signs


def test_other_people_each_day_have_no_order() -> None:
    """Eight come to each of three lessons, others each time, within a minute and a half."""
    course = Export().course(people=24, days=3)
    rows = course.export.rows["check_ins"]
    kept = [row for day in range(3) for row in course.check_ins(day)[8 * day : 8 * day + 8]]
    rows[:] = kept
    for day in range(3):
        for place, row in enumerate(course.check_ins(day)):
            row["received_at"] = text(
                course.starts(day) - 20 * MINUTE + timedelta(seconds=90 * (place / 7) ** 3)
            )
    assert course.found("check_in_burst") == []


def test_the_more_even_half_of_the_bursts_shows_a_script() -> None:
    course = Export().course(people=18, days=6)
    for day in range(6):
        rows = course.check_ins(day)
        Random(day).shuffle(rows)
        for place, row in enumerate(rows):
            share = (place / 14) ** (1 if day % 2 else 4)
            after = 100 * share if place < 15 else 500 + 70 * (place - 15) ** 2
            row["received_at"] = text(course.starts(day) - 20 * MINUTE + timedelta(seconds=round(after, 6)))
    assert shown(course, "check_in_burst") == ("hold", ["even_gaps"])
