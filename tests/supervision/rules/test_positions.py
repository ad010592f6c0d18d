"""`identical_coordinates`: copied and made-up places; what receivers really do is spared."""

import random
from datetime import timedelta

import pytest

from chalicelib.kernel.geo import CoordSystem, Point, convert
from tests.supervision.rules.exports import METRE, Course, Export, Row

RULE = "identical_coordinates"


@pytest.fixture
def course() -> Course:
    return Export().course(people=20)


def put(row: Row, lng: float, lat: float, **told: object) -> None:
    row["location"] |= {"lng": lng, "lat": lat} | told


def place_of(course: Course, row: Row) -> int:
    return course.enrolments.index(row["enrolment"])


def test_a_whole_class_at_one_point_is_held(course: Course) -> None:
    for row in course.check_ins():
        put(row, 117.2272131, 31.8206442)

    [finding] = course.found(RULE)
    assert (finding.severity, finding.subject.id, finding.lines) == ("hold", course.id, course.enrolments)
    assert (finding.evidence["at_one_point"], finding.evidence["points"]) == (20, 1)


def test_most_of_a_class_at_one_point_is_held_and_names_them(course: Course) -> None:
    for row in course.check_ins():
        if place_of(course, row) < 12:
            put(row, 117.2272131, 31.8206442)

    [finding] = course.found(RULE)
    assert (finding.severity, finding.lines) == ("hold", course.enrolments[:12])


def test_one_point_told_in_three_systems_is_one_point(course: Course) -> None:
    point = Point(117.2272131, 31.8206442, CoordSystem.WGS84)
    for number, row in enumerate(course.check_ins()):
        told = convert(point, list(CoordSystem)[number % 3])
        put(row, told.lng, told.lat, coord_system=told.coord_system.value)

    assert course.severity(RULE) == "hold"


def test_equal_figures_in_different_systems_are_not_one_point(course: Course) -> None:
    """An honest class whose phones are told in GCJ-02 half of the time: compared after conversion only."""
    for number, row in enumerate(course.check_ins()):
        if number % 2:
            told = convert(
                Point(row["location"]["lng"], row["location"]["lat"], CoordSystem.WGS84), CoordSystem.BD09
            )
            put(row, told.lng, told.lat, coord_system="bd09")

    assert course.found(RULE) == []


@pytest.mark.parametrize("step", [1e-6, 1e-5])
def test_offsets_in_steps_are_held(course: Course, step: float) -> None:
    for row in course.check_ins():
        put(
            row,
            round(117.227213 + place_of(course, row) * step, 7),
            round(31.820644 + place_of(course, row) * step, 7),
        )

    assert course.severity(RULE) == "hold"


def test_a_grid_of_ten_metres_is_held(course: Course) -> None:
    for row in course.check_ins():
        east, north = divmod(place_of(course, row), 5)
        put(row, round(117.227213 + east * 1e-4, 7), round(31.820644 + north * 1e-4, 7))

    [finding] = course.found(RULE)
    assert (finding.severity, finding.evidence["signs"]) == ("hold", ["on_a_grid"])


def test_noise_far_below_the_accuracy_is_held(course: Course) -> None:
    noise = random.Random(1)
    for row in course.check_ins():
        put(row, 117.2272131 + noise.gauss(0, METRE), 31.8206442 + noise.gauss(0, METRE), accuracy_m=20.0)

    [finding] = course.found(RULE)
    assert (finding.severity, finding.evidence["signs"]) == ("hold", ["closer_than_receivers"])


def test_the_same_pattern_moved_each_day_is_held(course: Course) -> None:
    noise = random.Random(1)
    pattern = [(noise.gauss(0, 12 * METRE), noise.gauss(0, 12 * METRE)) for _ in course.enrolments]
    moved = [(noise.gauss(0, 5 * METRE), noise.gauss(0, 5 * METRE)) for _ in range(course.days)]
    for row in course.check_ins():
        (east, north), (right, up) = pattern[place_of(course, row)], moved[int(row["lesson"][-2:])]
        put(row, round(117.2272 + east + right, 7), round(31.8206 + north + up, 7))

    [finding] = course.found(RULE)
    assert (finding.severity, finding.evidence["signs"]) == ("hold", ["as_in_the_last_lesson"])


def test_a_few_offsets_dealt_out_at_random_are_held(course: Course) -> None:
    noise = random.Random(1)
    spots = [(117.2272 + noise.gauss(0, 9e-5), 31.8206 + noise.gauss(0, 9e-5)) for _ in range(6)]
    for row in course.check_ins():
        put(row, *noise.choice(spots))

    assert course.severity(RULE) == "hold"


def test_independent_receivers_are_spared(course: Course) -> None:
    assert course.found(RULE) == []


def test_receivers_that_round_to_a_metre_are_spared(course: Course) -> None:
    for row in course.check_ins():
        put(row, round(row["location"]["lng"], 5), round(row["location"]["lat"], 5))

    assert course.found(RULE) == []


def test_places_told_to_ten_metres_are_told_at_most(course: Course) -> None:
    for row in course.check_ins():
        put(row, round(row["location"]["lng"], 4), round(row["location"]["lat"], 4))

    assert course.severity(RULE) != "hold"


def test_a_stored_place_of_some_is_spared(course: Course) -> None:
    """A provider hands out the same place to those whose phones have no fix of their own."""
    chance = random.Random(1)
    for row in course.check_ins():
        if chance.random() < 0.25:
            put(row, 117.22721, 31.82064, accuracy_m=50.0)

    assert course.found(RULE) == []


def test_a_building_whose_place_most_phones_have_stored_is_spared() -> None:
    """Seven of ten have it, with a coarse accuracy, four times of five; in between they find their own."""
    course, chance = Export().course(people=20, days=14), random.Random(1)
    for row in course.check_ins():
        if place_of(course, row) < 14 and chance.random() < 0.8:
            week = int(row["lesson"][-2:]) // 7
            put(row, 117.22721 + week * 1e-5, 31.82064, accuracy_m=40.0)

    assert course.found(RULE) == []


def test_people_who_never_have_another_place_than_the_stored_one_are_held() -> None:
    course = Export().course(people=20, days=6)
    for row in course.check_ins():
        if place_of(course, row) < 10:
            put(row, 117.22721, 31.82064, accuracy_m=40.0)

    [finding] = course.found(RULE)
    assert (finding.severity, finding.lines) == ("hold", course.enrolments[:10])
    assert finding.evidence["signs"] == ["seldom_a_place_of_their_own"]


def test_people_who_seldom_have_another_place_are_told() -> None:
    course, chance = Export().course(people=20, days=6), random.Random(1)
    for row in course.check_ins():
        if place_of(course, row) < 9 and chance.random() < 0.92:
            put(row, 117.22721, 31.82064, accuracy_m=40.0)

    [finding] = course.found(RULE)
    assert (finding.severity, finding.lines) == ("warn", course.enrolments[:9])


def test_a_stored_place_that_nobody_renews_for_weeks_is_held() -> None:
    course, chance = Export().course(people=20, days=14), random.Random(1)
    for row in course.check_ins():
        if place_of(course, row) < 14 and chance.random() < 0.8:
            put(row, 117.22721, 31.82064, accuracy_m=40.0)

    [finding] = course.found(RULE)
    assert (finding.severity, finding.evidence["signs"]) == ("hold", ["one_point_for_weeks"])


def test_a_script_for_those_who_stay_away_is_told_though_others_come_and_it_pauses_at_times() -> None:
    """Half a class comes; the point of the others is the same for two weeks. Was told to nobody (seed 515097520)."""
    course, chance = Export().course(people=28, days=14), random.Random(2)
    for row in course.check_ins():
        if place_of(course, row) < 13 and chance.random() < 0.84:
            put(row, 117.22721, 31.82064, accuracy_m=20.0)

    [finding] = course.found(RULE)
    assert (finding.severity, finding.evidence["signs"]) == ("warn", ["one_point_for_weeks"])
    assert set(finding.lines) == set(course.enrolments[:13])


def few(people: int = 4, days: int = 5, *, accuracy_m: float = 8.0, own: int = 0) -> Course:
    """Give a small class whose people check in at one point, `own` times at one of their own."""
    course = Export().course(people=people, days=days)
    for number, row in enumerate(course.check_ins()):
        if number >= own:
            put(row, 117.2272131, 31.8206442, accuracy_m=accuracy_m)
    return course


@pytest.mark.parametrize(
    ("course", "severity"),
    [
        (few(), "hold"),
        (few(people=2), "hold"),
        (few(days=4), "hold"),
        (few(days=3), None),
        (few(people=2, days=4), None),
        (few(own=1), "hold"),
        (few(own=2), "hold"),
        (few(people=3, own=2), None),
        (few(accuracy_m=40.0), None),
        (few(days=10, accuracy_m=40.0), "hold"),
    ],
)
def test_a_class_of_four_that_is_always_at_one_point_is_held(course: Course, severity: str | None) -> None:
    """Was no case: every rule of places needs five people in a lesson. A stored place is spared for a week."""
    assert course.severity(RULE) == severity


def test_a_whole_class_at_one_coarse_point_twice_is_held(course: Course) -> None:
    for day in (1, 3):
        for row in course.check_ins(day):
            put(row, 117.22721, 31.82064, accuracy_m=40.0)

    assert course.severity(RULE) == "hold"


def test_a_stored_place_of_most_in_one_lesson_is_told(course: Course) -> None:
    for row in course.check_ins(2)[:12]:
        put(row, 117.2272131, 31.8206442)

    assert course.severity(RULE) == "warn"


def test_five_who_stand_at_one_point_day_after_day_are_told(course: Course) -> None:
    for row in course.check_ins():
        if place_of(course, row) < 5:
            day = int(row["lesson"][-2:])
            put(row, 117.2272131 + day * 1e-6, 31.8206442)

    [finding] = course.found(RULE)
    assert (finding.severity, finding.lines) == ("warn", course.enrolments[:5])


@pytest.mark.parametrize("how", ["offline", "made_up"])
def test_offline_and_made_up_check_ins_are_not_read(course: Course, how: str) -> None:
    for row in course.check_ins():
        put(row, 117.2272131, 31.8206442)
        row[how] = True

    assert course.found(RULE) == []


def test_check_ins_without_a_place_or_with_an_impossible_one_are_not_read(course: Course) -> None:
    for number, row in enumerate(course.check_ins()):
        if number % 3 == 0:
            row["location"] = None
        elif number % 3 == 1:
            row["location"]["coord_system"] = "unknown"
        else:
            row["location"]["lat"] = 131.8

    assert course.found(RULE) == []


def test_who_is_checked_in_a_second_time_counts_once(course: Course) -> None:
    for row in course.check_ins(1):
        again = course.check_in(1, course.enrolments[0], course.starts(1) + timedelta(minutes=1))
        again["location"] = dict(row["location"])
        again["location"] |= {"lng": 117.2272131, "lat": 31.8206442}

    assert course.found(RULE) == []
