"""`impossible_travel` and `mock_location`."""

from datetime import datetime, timedelta

import pytest

from chalicelib.kernel.geo import CoordSystem, Point, convert
from tests.supervision.rules.exports import HEFEI, HUANGSHAN, WUHU, Course, Export

RULE = "impossible_travel"


class Journey:
    """One person in two classes: at the first until some moment, then at the second."""

    def __init__(self, *, start: tuple[float, float] = HEFEI, end: tuple[float, float] = WUHU) -> None:
        self.export = Export()
        self.first = self.export.course(place=start)
        self.second = self.export.course(place=end, from_hour=14)
        self.person = self.first.person_of(self.first.enrolments[0])
        [self.again] = self.second.enrol([self.person])

    def leave_and_arrive(self, left: datetime, after: timedelta, **told: object) -> None:
        for row in self.first.check_ins(1):
            if row["enrolment"] == self.first.enrolments[0]:
                row["received_at"] = left.isoformat()
        self.second.check_in(1, self.again, left + after, **told)

    @property
    def severities(self) -> tuple[str | None, str | None]:
        return self.first.severity(RULE), self.second.severity(RULE)


def test_two_cities_within_a_minute_are_held_in_both_classes() -> None:
    journey = Journey()
    journey.leave_and_arrive(journey.first.starts(1), timedelta(seconds=20))

    [finding] = journey.first.found(RULE)
    assert (finding.severity, finding.subject.kind, finding.lines) == (
        "hold",
        "enrolment",
        journey.first.enrolments[:1],
    )
    assert 120 < finding.evidence["km"] < 130
    assert journey.second.found(RULE)[0].lines == [journey.again]


def test_the_same_moment_is_held() -> None:
    journey = Journey()
    journey.leave_and_arrive(journey.first.starts(1), timedelta())

    assert journey.severities == ("hold", "hold")


def test_faster_than_a_train_is_held() -> None:
    journey = Journey()
    journey.leave_and_arrive(journey.first.starts(1), timedelta(minutes=20))

    assert journey.severities == ("hold", "hold")


def test_too_fast_for_a_road_where_no_train_helps_is_held() -> None:
    journey = Journey(end=(HEFEI[0] + 0.3, HEFEI[1]))  # 28 km
    journey.leave_and_arrive(journey.first.starts(1), timedelta(minutes=9))

    assert journey.severities == ("hold", "hold")


def test_a_high_speed_train_without_time_to_board_is_told_and_not_held() -> None:
    journey = Journey()
    journey.leave_and_arrive(journey.first.ends(1), timedelta(minutes=30))

    assert journey.severities == ("warn", "warn")


def test_a_high_speed_train_with_time_to_board_is_spared() -> None:
    journey = Journey()
    journey.leave_and_arrive(journey.first.ends(1), timedelta(minutes=42))

    assert journey.severities == (None, None)


def test_a_journey_at_the_speed_of_a_road_is_spared() -> None:
    journey = Journey(end=HUANGSHAN)  # 258 km
    journey.leave_and_arrive(journey.first.ends(1), timedelta(hours=2))

    assert journey.severities == (None, None)


def test_a_night_train_from_day_to_day_is_spared() -> None:
    journey = Journey()
    midnight = journey.first.begins + timedelta(days=2)
    journey.leave_and_arrive(midnight - timedelta(minutes=20), timedelta(minutes=40))

    assert journey.severities == (None, None)


@pytest.mark.parametrize("how", ["offline", "made_up"])
def test_late_uploads_and_made_up_ones_are_not_read(how: str) -> None:
    journey = Journey()
    journey.leave_and_arrive(journey.first.starts(1), timedelta(seconds=20), **{how: True})

    assert journey.severities == (None, None)


def test_one_place_in_two_systems_is_no_journey() -> None:
    export = Export()
    course = export.course()
    for number, row in enumerate(course.check_ins()):
        told = row["location"]
        system = list(CoordSystem)[number % 3]
        point = convert(Point(told["lng"], told["lat"], CoordSystem.WGS84), system)
        told |= {"lng": point.lng, "lat": point.lat, "coord_system": system.value}

    assert course.found(RULE) == []


def test_a_bad_fix_is_no_journey() -> None:
    course = Export().course()
    for row in course.check_ins()[::7]:
        row["location"] |= {"lng": HEFEI[0] + 0.08, "accuracy_m": 9_000.0}
        row["outcome"] = "needs_review"

    assert course.found(RULE) == []


# ------------------------------------------------------------------------------------ mock_location


def mock(course: Course, times: int, *, place: int = 0, outcome: str = "needs_review") -> None:
    rows = [row for row in course.check_ins() if row["enrolment"] == course.enrolments[place]]
    for row in rows[:times]:
        row["outcome"] = outcome
        row["location"]["mocked"] = True


def test_a_device_that_simulates_its_place_again_and_again_is_held() -> None:
    course = Export().course()
    mock(course, 3)

    [finding] = course.found("mock_location")
    assert (finding.severity, finding.subject.id, finding.lines) == (
        "hold",
        course.enrolments[0],
        course.enrolments[:1],
    )


def test_once_is_told_and_not_held() -> None:
    course = Export().course()
    mock(course, 1, outcome="accepted")

    assert course.severity("mock_location") == "warn"


def test_once_each_of_several_trainees_is_held() -> None:
    course = Export().course()
    for place in range(4):
        mock(course, 1, place=place)

    assert [finding.severity for finding in course.found("mock_location")] == ["hold"] * 4


def test_refused_attempts_are_told_when_there_are_many() -> None:
    course = Export().course()
    mock(course, 2, outcome="refused")
    assert course.found("mock_location") == []

    mock(course, 4, outcome="refused")
    assert course.severity("mock_location") == "warn"


def test_devices_that_do_not_say_are_spared() -> None:
    course = Export().course()
    for row in course.check_ins():
        row["location"]["mocked"] = None

    assert course.found("mock_location") == []


def test_a_stored_place_before_the_accepted_attempt_is_no_journey() -> None:
    """The phone tells where it was at home; a minute later, at the same lesson, where it is."""
    course = Export().course()
    [right] = [row for row in course.check_ins(1) if row["enrolment"] == course.enrolments[0]]
    stored = course.check_in(
        1, course.enrolments[0], datetime.fromisoformat(right["received_at"]) - timedelta(minutes=1)
    )
    stored["outcome"], stored["reason"] = "needs_review", "accuracy_too_low"
    stored["location"] |= {"lng": stored["location"]["lng"] + 0.1}

    assert course.found(RULE) == []
