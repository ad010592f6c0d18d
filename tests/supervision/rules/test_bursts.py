"""`check_in_burst`: scripts are held, a bus is told."""

from collections.abc import Sequence
from datetime import timedelta

from tests.supervision.rules.exports import Course, Export

RULE = "check_in_burst"


def arrive(course: Course, day: int, seconds: Sequence[float], *, order: Sequence[str] | None = None) -> None:
    rows = {row["enrolment"]: row for row in course.check_ins(day)}
    begins = course.starts(day) - timedelta(minutes=10)
    for enrolment, second in zip(order or course.enrolments, seconds, strict=True):
        rows[enrolment]["received_at"] = (begins + timedelta(seconds=second)).isoformat()


def chance(course: Course, within: float) -> list[float]:
    return [course.random.uniform(0, within) for _ in course.enrolments]


def shuffled(course: Course) -> list[str]:
    return course.random.sample(course.enrolments, len(course.enrolments))


def test_a_class_within_seconds_again_and_again_is_held() -> None:
    course = Export().course(people=25)
    for day in range(course.days):
        arrive(course, day, chance(course, 8), order=shuffled(course))

    [finding] = course.found(RULE)
    assert (finding.severity, finding.lines) == ("hold", course.enrolments)
    assert finding.evidence["signs"] == ["faster_than_people"]


def test_the_same_order_each_day_is_held() -> None:
    course = Export().course(people=25)
    for day in range(course.days):
        arrive(course, day, sorted(chance(course, 100)))

    [finding] = course.found(RULE)
    assert (finding.severity, finding.evidence["signs"]) == ("hold", ["same_order"])


def test_even_gaps_over_two_minutes_are_held() -> None:
    course = Export().course(people=25)
    for day in range(course.days):
        arrive(course, day, [place * 4.5 for place in range(25)], order=shuffled(course))

    [finding] = course.found(RULE)
    assert (finding.severity, finding.evidence["signs"]) == ("hold", ["even_gaps"])


def test_a_burst_from_few_devices_is_held() -> None:
    course = Export().course(people=24)
    for day in range(course.days):
        arrive(course, day, chance(course, 100), order=shuffled(course))
        for row in course.check_ins(day):
            row["device"] = f"drawer {course.enrolments.index(row['enrolment']) % 8}"

    assert course.severity(RULE) == "hold"


def test_a_minute_with_a_little_jitter_is_held() -> None:
    course = Export().course(people=25)
    for day in range(course.days):
        arrive(
            course,
            day,
            [place * 1.6 + course.random.uniform(-0.8, 0.8) for place in range(25)],
            order=shuffled(course),
        )

    [finding] = course.found(RULE)
    assert (finding.severity, finding.evidence["signs"]) == ("hold", ["even_gaps"])


def test_a_script_is_held_among_the_bursts_of_a_class_that_its_teacher_calls() -> None:
    """Eleven lessons of sixteen by a script, the others as people come who are called."""
    course = Export().course(people=16, days=16)
    for day in range(course.days):
        scripted = [place * 2.5 + course.random.uniform(-1.2, 1.2) for place in range(16)]
        called = [course.random.lognormvariate(3.5, 0.7) for _ in range(16)]
        arrive(course, day, scripted if day % 3 else called, order=shuffled(course))

    [finding] = course.found(RULE)
    assert (finding.severity, finding.evidence["signs"]) == ("hold", ["even_gaps"])


def test_whom_their_teacher_calls_every_day_are_not_held_for_their_evenest_half() -> None:
    course = Export().course(people=12, days=16)
    for seed in range(40):
        course.random.seed(seed)
        for day in range(course.days):
            called = [course.random.lognormvariate(3.4, 0.7) for _ in range(12)]
            arrive(course, day, called, order=shuffled(course))
        assert course.severity(RULE) in (None, "warn"), seed


def test_ten_people_every_twenty_seconds_by_the_clock_are_held() -> None:
    """Over three minutes, each with a phone of their own and in any order: only the gaps tell."""
    course = Export().course(people=10)
    for day in range(course.days):
        arrive(
            course,
            day,
            [place * 20 + course.random.uniform(-1.5, 1.5) for place in range(10)],
            order=shuffled(course),
        )

    [finding] = course.found(RULE)
    assert (finding.severity, finding.evidence["signs"]) == ("hold", ["steady_gaps"])
    assert set(finding.lines) <= set(course.enrolments)


def test_gaps_that_are_even_twice_are_chance() -> None:
    course = Export().course(people=10)
    for day in (0, 1):
        arrive(course, day, [place * 20.0 for place in range(10)], order=shuffled(course))

    assert course.found(RULE) == []


def test_whom_their_teacher_calls_are_spared() -> None:
    """Within a minute or two, most at once, some later; in any order, not on the second."""
    course = Export().course(people=25, days=10)
    for day in range(course.days):
        arrive(
            course, day, [course.random.lognormvariate(3.5, 0.7) for _ in range(25)], order=shuffled(course)
        )

    assert course.found(RULE) == []


def test_a_few_who_arrive_together_once_are_spared() -> None:
    course = Export().course(people=10)
    arrive(course, 2, chance(course, 20), order=shuffled(course))

    assert course.found(RULE) == []


def test_a_bus_is_told_at_most() -> None:
    """Forty people within half a minute, with phones of their own, in any order."""
    course = Export().course(people=40)
    arrive(course, 2, chance(course, 30), order=shuffled(course))

    assert course.severity(RULE) == "warn"
    assert course.severity("shared_device") is course.severity("identical_coordinates") is None


def test_a_bus_each_day_is_not_held() -> None:
    course = Export().course(people=40)
    for day in range(course.days):
        arrive(course, day, chance(course, 30), order=shuffled(course))

    assert course.severity(RULE) == "warn"


def test_a_bus_that_empties_through_one_door_each_day_is_not_held() -> None:
    """A second at least for each, and as long as people take: gaps that chance makes, however often."""
    for seed in range(30):
        export = Export()
        course = export.course(people=16, days=10)
        course.random.seed(seed)
        for day in range(course.days):
            left, seconds = 0.0, []
            for _ in course.enrolments:
                left += 1 + course.random.expovariate(1 / 6)
                seconds.append(left)
            arrive(course, day, seconds, order=shuffled(course))

        assert course.severity(RULE) != "hold"


def test_people_who_come_one_by_one_are_spared() -> None:
    assert Export().course(people=40).found(RULE) == []


def test_late_uploads_after_a_network_failure_are_spared() -> None:
    course = Export().course(people=25)
    for day in range(course.days):
        arrive(course, day, chance(course, 5))
        for row in course.check_ins(day):
            row["offline"] = True

    assert course.found(RULE) == []


def test_made_up_check_ins_entered_at_one_go_are_spared() -> None:
    course = Export().course(people=25)
    arrive(course, 2, [0.0] * 25)
    for row in course.check_ins(2):
        row |= {"made_up": True, "location": None, "device": None}

    assert course.found(RULE) == []


def test_everybody_leaving_at_once_is_spared() -> None:
    course = Export().course(people=25)
    for day in range(course.days):
        for enrolment in course.enrolments:
            at = course.ends(day) + timedelta(seconds=course.random.uniform(0, 8))
            course.check_in(day, enrolment, at, kind="out")

    assert course.found(RULE) == []


def test_seven_people_arrive_together_by_chance_now_and_then() -> None:
    course = Export().course(people=7)
    arrive(course, 0, chance(course, 8))

    assert course.found(RULE) == []
