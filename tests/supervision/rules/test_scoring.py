"""`early_scores` and `uniform_scores`."""

import random
from datetime import timedelta

import pytest

from tests.supervision.rules.exports import Course, Export

EARLY, UNIFORM = "early_scores", "uniform_scores"


@pytest.fixture
def course() -> Course:
    return Export().course(people=20)


# ----------------------------------------------------------------------------------------- early


def test_completion_before_the_last_lesson_is_held_in_all_lines(course: Course) -> None:
    course.head["completion_submitted_at"] = (course.starts(4) - timedelta(hours=2)).isoformat()

    [finding] = course.found(EARLY)
    assert (finding.severity, finding.subject.id, finding.lines) == ("hold", course.id, [])
    assert finding.evidence["steps"] == ["completion"]


def test_marks_before_the_last_lesson_are_held_in_their_lines(course: Course) -> None:
    for row in course.scores()[:3]:
        row["entered_at"] = (course.starts(4) - timedelta(hours=1)).isoformat()

    [finding] = course.found(EARLY)
    assert (finding.severity, finding.lines) == ("hold", course.enrolments[:3])


def test_scoring_before_the_last_lesson_is_held(course: Course) -> None:
    course.head["scored_at"] = course.starts(3).isoformat()

    assert course.severity(EARLY) == "hold"


def test_marks_during_the_last_lesson_are_told(course: Course) -> None:
    for row in course.scores():
        row["entered_at"] = (course.ends(4) - timedelta(hours=1)).isoformat()

    assert course.severity(EARLY) == "warn"


def test_minutes_before_the_last_bell_are_spared(course: Course) -> None:
    course.head["completion_submitted_at"] = (course.ends(4) - timedelta(minutes=5)).isoformat()

    assert course.found(EARLY) == []


def test_interim_marks_are_spared(course: Course) -> None:
    """Theory after the second day, practice null; both at the end."""
    for row in course.scores():
        interim = row | {"practice": None, "entered_at": course.ends(1).isoformat()}
        course.export.rows["scores"].append(interim)

    assert course.found(EARLY) == course.found(UNIFORM) == []


def test_only_interim_marks_so_far_are_spared(course: Course) -> None:
    course.head |= {"status": "approved", "completion_submitted_at": None, "scored_at": None}
    for row in course.scores():
        row |= {"practice": None, "theory": 80, "entered_at": course.ends(1).isoformat()}

    assert course.found(EARLY) == course.found(UNIFORM) == []


# --------------------------------------------------------------------------------------- uniform


def mark(course: Course, theory: list[float], practice: list[float]) -> None:
    for row, one, other in zip(course.scores(), theory, practice, strict=True):
        row |= {"theory": one, "practice": other}


def test_the_same_marks_for_everyone_are_held(course: Course) -> None:
    mark(course, [86] * 20, [88] * 20)

    [finding] = course.found(UNIFORM)
    assert (finding.severity, finding.lines) == ("hold", course.enrolments)
    assert (finding.evidence["theory_spread"], finding.evidence["alike_in_both"]) == (0.0, 20)


def test_marks_varied_by_one_are_held(course: Course) -> None:
    chance = random.Random(1)
    mark(
        course,
        [85 + chance.randint(-1, 1) for _ in range(20)],
        [90 + chance.randint(-1, 1) for _ in range(20)],
    )

    assert course.severity(UNIFORM) == "hold"


def test_the_same_marks_for_nearly_everyone_are_held_in_their_lines(course: Course) -> None:
    mark(course, [60, 99] + [86] * 18, [70, 65] + [88] * 18)

    [finding] = course.found(UNIFORM)
    assert (finding.severity, finding.lines) == ("hold", course.enrolments[2:])


def test_the_very_same_two_marks_for_two_in_three_are_held(course: Course) -> None:
    mark(course, [86] * 13 + [70, 72, 95, 61, 66, 78, 99], [88] * 13 + [80, 62, 75, 90, 64, 71, 93])

    [finding] = course.found(UNIFORM)
    assert (finding.severity, finding.lines) == ("hold", course.enrolments[:13])


def test_marks_varied_by_two_are_told(course: Course) -> None:
    mark(course, [83, 84, 85, 86, 87] * 4, [92, 91, 90, 89, 88] * 4)

    assert course.severity(UNIFORM) == "warn"


def test_practice_copied_from_theory_is_told(course: Course) -> None:
    theory = [float(row["theory"]) for row in course.scores()]
    mark(course, theory, [mark + 3 for mark in theory])

    assert course.severity(UNIFORM) == "warn"


def test_a_good_class_with_high_marks_is_spared(course: Course) -> None:
    chance = random.Random(1)
    mark(course, [chance.randint(90, 98) for _ in range(20)], [chance.randint(90, 98) for _ in range(20)])

    assert course.found(UNIFORM) == []


def test_practice_marked_pass_or_fail_is_told_and_not_held(course: Course) -> None:
    mark(course, [float(row["theory"]) for row in course.scores()], [80] * 20)

    assert course.severity(UNIFORM) == "warn"


def test_the_newest_marks_count(course: Course) -> None:
    for row in list(course.scores()):
        first = row | {"theory": 80, "practice": 80}
        first["entered_at"] = (course.ends(4) + timedelta(hours=1)).isoformat()
        course.export.rows["scores"].append(first)

    assert course.found(UNIFORM) == []


def test_seven_people_may_have_equal_marks() -> None:
    course = Export().course(people=7)
    mark(course, [86] * 7, [88] * 7)

    assert course.found(UNIFORM) == []
