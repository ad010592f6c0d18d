"""`make_up_share`: attendance that leans on what was made up on application."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from tests.supervision.rules.exports import Course, Export, text

RULE = "make_up_share"


@pytest.fixture
def course() -> Course:
    return Export().course(people=20, days=10)


def make_up(course: Course, chosen: Callable[[int, int], bool]) -> int:
    """Have lessons of some (by place and day) made up two days later."""
    count = 0
    for row in course.check_ins():
        place, day = course.enrolments.index(row["enrolment"]), int(row["lesson"][-2:])
        if chosen(place, day):
            at = text(course.ends(day) + timedelta(days=2))
            row.update(
                {"made_up": True, "location": None, "device": None, "happened_at": at, "received_at": at}
            )
            count += 1
    return count


def test_a_fifth_of_all_attendance_made_up_is_held(course: Course) -> None:
    assert make_up(course, lambda place, day: (place + day) % 5 == 0) == 40

    [finding] = course.found(RULE)
    assert (finding.severity, finding.subject.id) == ("hold", course.id)
    told = (
        "made_up",
        "arrivals",
        "arrivals_made_up_share",
        "people_making_up",
        "trainees",
        "days_left_aside",
    )
    assert [finding.evidence[name] for name in told] == [40, 200, 0.2, 20, 20, 0]
    assert finding.lines == sorted(course.enrolments)
    assert finding.at == course.ends(9) + timedelta(days=2)


def test_nine_of_twenty_with_as_much_as_the_policy_lets_them_are_held(course: Course) -> None:
    make_up(course, lambda place, day: place < 9 and day in {place, (place + 4) % 10})

    [finding] = course.found(RULE)
    assert (finding.severity, finding.evidence["people_making_up"]) == ("hold", 9)
    assert finding.evidence["arrivals_made_up_share"] == 0.09


@pytest.mark.parametrize(("people", "severity"), [(2, None), (3, "warn"), (4, "warn"), (5, "hold")])
def test_so_many_people_again_and_again_are_told_and_grave(
    course: Course, people: int, severity: str | None
) -> None:
    make_up(course, lambda place, day: place < people and day in {place, place + 4})

    assert course.severity(RULE) == severity


@pytest.mark.parametrize(("lessons", "severity"), [(9, None), (10, "warn"), (19, "warn"), (20, "hold")])
def test_so_much_of_all_attendance_is_told_and_grave(
    course: Course, lessons: int, severity: str | None
) -> None:
    """Each one lesson: nobody leans on it, the class does."""
    make_up(course, lambda place, day: place < lessons and day == place % 10)

    assert course.severity(RULE) == severity


def test_a_day_without_a_network_is_spared_and_two_are_not(course: Course) -> None:
    make_up(course, lambda place, day: day == 3 and place < 18)
    assert course.found(RULE) == []

    make_up(course, lambda place, day: day == 6 and place < 18)
    assert course.severity(RULE) == "hold"


def test_beside_a_day_without_a_network_the_rest_is_counted_as_ever(course: Course) -> None:
    make_up(course, lambda place, day: day == 3 or (place < 6 and day in {place, 7}))

    [finding] = course.found(RULE)
    assert (finding.severity, finding.evidence["days_left_aside"]) == ("hold", 1)
    assert finding.evidence["arrivals"] == 180


def test_who_was_ill_for_weeks_and_a_dead_phone_here_and_there_are_spared(course: Course) -> None:
    make_up(course, lambda place, day: (place < 2 and day < 2) or (place, day) in {(7, 5), (9, 6), (12, 8)})

    assert course.found(RULE) == []


def test_a_small_class_is_not_judged_by_its_share() -> None:
    course = Export().course(people=3, days=5)
    make_up(course, lambda place, day: place == day)

    assert course.found(RULE) == []


def test_what_was_refused_made_nothing_up(course: Course) -> None:
    make_up(course, lambda place, day: (place + day) % 5 == 0)
    for row in course.check_ins():
        if row.get("made_up"):
            row["outcome"] = "refused"

    assert course.found(RULE) == []
