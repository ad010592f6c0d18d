"""`early_scores` and `uniform_scores`."""

import random
from datetime import timedelta

import pytest

from tests.supervision.rules.exports import MONDAY, Course, Export

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


def test_seven_people_with_equal_marks_are_held_and_three_may_have_them() -> None:
    course = Export().course(people=7)
    mark(course, [86] * 7, [88] * 7)
    assert course.severity(UNIFORM) == "hold"
    course = Export().course(people=3)
    mark(course, [86] * 3, [88] * 3)
    assert course.found(UNIFORM) == []


# ---------------------------------------------------------------------------------- elsewhere


def examine(course: Course, *, average: float, spread: float, related: bool = True, fail: int = 0) -> None:
    """Give marks as an examination does: who is good in theory is mostly good in practice."""
    chance = random.Random(course.number)
    theory, practice = [], []
    for place, _ in enumerate(course.enrolments):
        ability = chance.gauss(0, 0.7) if related else 0.0
        one, other = (
            average + spread * (ability + chance.gauss(0, 0.7 if related else 1.0)) for _ in range(2)
        )
        lower = 22.0 if place < fail else 0.0
        theory.append(float(round(min(99.0, one - lower))))
        practice.append(float(round(min(99.0, other - lower))))
    mark(course, theory, practice)
    for row in course.scores():
        row["passed"] = min(row["theory"], row["practice"]) >= 60


def project(schools: int, *, fail: int = 0, classes: int = 12) -> Export:
    """Give a project that was examined elsewhere: twelve classes, a month before."""
    export = Export()
    for number in range(classes):
        school = f"913401000000000{number % schools:03}"
        begins = MONDAY - timedelta(days=40 - number)
        other = export.course(people=20, attended=False, institution=school, begins=begins)
        examine(other, average=78 + number % 3, spread=8, fail=fail)
    return export


def drawn(export: Export, people: int = 24, **told: float) -> Course:
    """Add a class whose marks were drawn around a figure."""
    course = export.course(people=people)
    chance = random.Random(5)
    figure, spread = told.get("average", 79), told.get("spread", 3.0)
    halves = [[float(round(chance.gauss(figure, spread))) for _ in course.enrolments] for _ in range(2)]
    mark(course, halves[0], halves[1])
    return course


def test_marks_drawn_around_a_figure_are_told_with_what_is_usual_elsewhere() -> None:
    [finding] = drawn(project(schools=4)).found(UNIFORM)
    assert finding.severity == "warn"
    assert finding.evidence["signs"] == ["narrow", "halves_unrelated"]
    assert (finding.evidence["classes_elsewhere"], finding.evidence["institutions_elsewhere"]) == (12, 4)
    assert finding.evidence["spread"] < 0.6 * finding.evidence["spread_elsewhere"]


def test_drawn_marks_where_others_fail_are_grave() -> None:
    [finding] = drawn(project(schools=4, fail=4)).found(UNIFORM)
    assert (finding.severity, len(finding.lines)) == ("hold", 24)
    assert finding.evidence["signs"] == ["narrow", "halves_unrelated", "nobody_failed"]


def test_a_good_class_is_narrow_and_fails_nobody_for_one_reason_and_is_spared() -> None:
    export = project(schools=4, fail=4)
    course = export.course(people=24)
    examine(course, average=93, spread=3.5)

    assert course.found(UNIFORM) == []


def test_who_hardly_came_and_is_marked_well_is_a_sign() -> None:
    export = project(schools=4)
    course = export.course(people=24)
    examine(course, average=79, spread=8, related=False)
    best = sorted(course.scores(), key=lambda row: -min(row["theory"], row["practice"]))[:4]
    gone = {row["enrolment"] for row in best}
    rows = export.rows["check_ins"]
    rows[:] = [row for row in rows if row["enrolment"] not in gone or row["lesson"] == course.lesson(0)]

    [finding] = course.found(UNIFORM)
    assert "absent_as_good" in finding.evidence["signs"]
    assert finding.evidence["absent_marked_well"] == 4


@pytest.mark.parametrize(("schools", "classes"), [(2, 12), (4, 7)])
def test_too_few_classes_or_schools_elsewhere_set_no_measure(schools: int, classes: int) -> None:
    """With two other schools one of them could set the measure; the first classes of a kind have none."""
    [finding] = drawn(project(schools=schools, classes=classes)).found(UNIFORM)
    assert (finding.severity, finding.evidence["signs"]) == ("warn", ["drawn"]), "told by the class alone"
    assert "classes_elsewhere" not in finding.evidence


# ------------------------------------------------------------------------------------ from a hat


def test_marks_from_a_hat_are_told_though_no_other_class_of_the_project_was_marked() -> None:
    course = drawn(Export())

    [finding] = course.found(UNIFORM)
    assert (finding.severity, finding.lines) == ("warn", sorted(course.enrolments))
    assert finding.evidence["signs"] == ["drawn"]
    assert finding.evidence["agreement"] <= finding.evidence["marks_drawn_agreement"]


def test_theory_and_practice_that_agree_are_no_marks_from_a_hat() -> None:
    course = Export().course(people=24)
    examine(course, average=80, spread=4)

    assert course.found(UNIFORM) == []


def test_a_middling_class_closer_than_any_examination_is_told_though_its_halves_agree() -> None:
    course = Export().course(people=24)
    examine(course, average=80, spread=2.2)

    [finding] = course.found(UNIFORM)
    assert (finding.severity, finding.evidence["signs"]) == ("warn", ["drawn"])
    assert finding.evidence["agreement"] > finding.evidence["marks_drawn_agreement"]


def test_who_failed_was_examined() -> None:
    course = drawn(Export())
    course.scores()[0] |= {"theory": 55, "passed": False}

    assert course.found(UNIFORM) == []


def test_people_who_differ_were_examined() -> None:
    assert drawn(Export(), spread=6.0).found(UNIFORM) == []


def test_a_middling_class_of_eleven_tells_too_little() -> None:
    assert drawn(Export(), people=11).found(UNIFORM) == []


def test_a_school_cannot_set_the_measure_by_many_classes_of_its_own_kind() -> None:
    """Fifty made-up classes of a friend's school count as five; the school's own do not count."""
    export = project(schools=4)
    for institution in ("91340100000000FRND", "91340100MA2ABCDE0X"):
        for _ in range(25):
            friend = export.course(
                people=20, attended=False, institution=institution, begins=MONDAY - timedelta(days=9)
            )
            examine(friend, average=79, spread=3, related=False)

    [finding] = drawn(export).found(UNIFORM)
    assert finding.evidence["classes_elsewhere"] == 17


def test_marks_given_later_elsewhere_change_nothing() -> None:
    """What is found stays found: only classes that were marked before are compared with."""
    export = project(schools=4)
    course = drawn(export)
    before = course.found(UNIFORM)
    for number in range(12):
        later = export.course(
            people=20, attended=False, institution=f"91340100000000L{number:03}", begins=MONDAY + timedelta(9)
        )
        examine(later, average=79, spread=3, related=False)

    assert course.found(UNIFORM) == before
