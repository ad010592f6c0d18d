"""Four to seven people are judged over all their lessons together: as strongly as a crowd in one lesson."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from chalicelib.programs.thresholds import Thresholds
from chalicelib.supervision.rules.small import is_enough
from tests.supervision.rules.exports import Course, Export
from tests.supervision.rules.test_bursts import arrive, chance, shuffled
from tests.supervision.rules.test_offline import send_later
from tests.supervision.rules.test_positions import put

BURST, POINTS, OFFLINE = "check_in_burst", "identical_coordinates", "offline_check_ins"
PEOPLE = (5, 6, 7)


def small(people: int, days: int = 10) -> Course:
    return Export().course(people=people, days=days)


# --------------------------------------------------------------------------- bursts


@pytest.mark.parametrize("people", PEOPLE)
def test_a_small_class_within_seconds_in_most_lessons_is_held(people: int) -> None:
    course = small(people)
    for day in range(7):
        arrive(course, day, chance(course, 6), order=shuffled(course))
    [finding] = course.found(BURST)
    assert (finding.severity, finding.evidence["signs"]) == ("hold", ["faster_than_people"])


@pytest.mark.parametrize("people", PEOPLE)
def test_a_small_class_at_even_gaps_is_held(people: int) -> None:
    course = small(people)
    for day in range(course.days):
        gap = 90 / people
        seconds = [gap * (place + course.random.uniform(-0.2, 0.2)) for place in range(people)]
        arrive(course, day, seconds, order=shuffled(course))
    [finding] = course.found(BURST)
    assert (finding.severity, finding.evidence["signs"]) == ("hold", ["even_gaps"])


@pytest.mark.parametrize("people", PEOPLE)
def test_a_small_class_in_the_same_order_each_day_is_held(people: int) -> None:
    course = small(people)
    for day in range(course.days):
        arrive(course, day, sorted(chance(course, 110)))
    [finding] = course.found(BURST)
    assert finding.severity == "hold"
    assert "same_order" in finding.evidence["signs"]


@pytest.mark.parametrize("people", PEOPLE)
def test_a_small_class_that_comes_in_one_car_is_told_at_most(people: int) -> None:
    """Honest: within two minutes, in any order, with gaps of chance."""
    held = 0
    for seed in range(40):
        course = small(people)
        course.random.seed(seed)
        for day in range(course.days):
            arrive(course, day, chance(course, 100), order=shuffled(course))
        held += course.severity(BURST) == "hold"
    assert held <= 1


def test_a_teacher_who_calls_four_people_in_now_and_then_is_spared() -> None:
    course = small(4, days=12)
    for day in range(3):
        arrive(course, day, chance(course, 8))
    assert course.found(BURST) == []


def test_three_people_are_not_judged() -> None:
    course = small(3, days=12)
    for day in range(course.days):
        arrive(course, day, chance(course, 3))
    assert course.found(BURST) == []


# --------------------------------------------------------------------------- places


@pytest.mark.parametrize("people", PEOPLE)
def test_a_small_class_around_one_point_is_held(people: int) -> None:
    """A script adds some decimetres to one place: closer than receivers, lesson after lesson."""
    course = small(people)
    for row in course.check_ins():
        east, north = course.random.uniform(-9, 9), course.random.uniform(-9, 9)
        put(row, round(117.2272131 + east * 1e-6, 6), round(31.8206442 + north * 1e-6, 6), accuracy_m=12.0)
    [finding] = course.found(POINTS)
    assert finding.severity == "hold"
    assert "closer_than_receivers" in finding.evidence["signs"]


@pytest.mark.parametrize("people", PEOPLE)
def test_receivers_of_a_small_class_are_spared(people: int) -> None:
    assert small(people).found(POINTS) == []


@pytest.mark.parametrize("people", PEOPLE)
def test_a_small_class_that_is_close_together_in_a_third_of_its_lessons_is_not_held(people: int) -> None:
    course = small(people, days=9)
    for day in range(3):
        for row in course.check_ins(day):
            put(row, round(117.2272131 + course.random.uniform(-9, 9) * 1e-6, 6), 31.8206442, accuracy_m=12.0)
    assert course.severity(POINTS) != "hold"


# --------------------------------------------------------------------------- offline


def of_some(count: int) -> Callable[[int, int], bool]:
    return lambda place, _: place < count


def test_most_of_a_small_class_offline_day_after_day_is_held() -> None:
    course = small(7)
    send_later(course, of_some(4))
    assert course.severity(OFFLINE) == "hold"


@pytest.mark.parametrize("people", [4, 5, 6, 7])
def test_two_phones_without_data_are_two_peoples_in_a_small_class_too(people: int) -> None:
    course = small(people)
    send_later(course, of_some(2))
    assert course.severity(OFFLINE) != "hold"


# --------------------------------------------------------------------------- how much is enough


@pytest.mark.parametrize(
    ("shown", "lessons", "enough"),
    [
        ([6, 6, 6], 6, True),
        ([6, 6, 6], 7, False),
        ([8, 8], 2, False),
        ([5, 5, 5], 5, False),
        ([4, 4, 4, 4], 8, True),
    ],
)
def test_half_of_the_lessons_and_as_many_check_ins_as_two_of_a_crowd_are_enough(
    shown: list[int], lessons: int, *, enough: bool
) -> None:
    assert is_enough(shown, lessons, Thresholds()) is enough


def test_lessons_a_minute_apart_are_told_by_their_own_time() -> None:
    """Pooling looks at each lesson by itself: a class that comes early one day and late the next is no burst."""
    course = small(6)
    for day in range(course.days):
        late = timedelta(minutes=3 * day)
        arrive(
            course, day, [late.total_seconds() + 200 * place for place in range(6)], order=shuffled(course)
        )
    assert course.found(BURST) == []
