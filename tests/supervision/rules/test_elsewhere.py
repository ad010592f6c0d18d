"""Marks against the same project elsewhere: each sign and how they are weighed, to the last case."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from math import log
from typing import Any

import msgspec
import pytest

from chalicelib.programs.model import Policy
from chalicelib.programs.thresholds import Thresholds
from chalicelib.supervision.records.model import (
    CheckInRecord,
    ClassRecord,
    LessonRecord,
    RosterRecord,
    ScoresRecord,
)
from chalicelib.supervision.rules.dossier import ClassMarks, Dossier, Neighbours
from chalicelib.supervision.rules.elsewhere import compared_with, unlike_elsewhere, usual_of
from chalicelib.supervision.rules.marks import halves_of, summary_of
from tests.supervision.rules.exports import MONDAY

DAY, MOMENT = timedelta(days=1), timedelta(microseconds=1)
MARKED_AT = MONDAY + 5 * DAY
LIMITS = Thresholds()
Pair = tuple[float, float]


def other(number: int, **facts: Any) -> ClassMarks:
    known: dict[str, Any] = {
        "class_id": f"cls_{number:03}",
        "project": "prj_1",
        "institution": f"school {number % 4}",
        "marked_at": MARKED_AT - (number + 1) * DAY,
        "people": 20,
        "average": 80.0,
        "spread": 10.0,
        "agreement": 0.6,
        "failed": 2,
    }
    return ClassMarks(**{**known, **facts})


def elsewhere(count: int = 8, **facts: Any) -> list[ClassMarks]:
    return [other(number, **facts) for number in range(count)]


def a_class(
    pairs: Sequence[Pair], marks: Sequence[ClassMarks], *, failed: int = 1, came: Sequence[int] | None = None
) -> Dossier:
    """Give a class with these marks; `came` are the lessons, of two, that each trainee came to."""
    enrolments = [f"enr_{place:02}" for place in range(len(pairs))]
    lessons = [
        LessonRecord(
            id=f"les_{day}", starts_at=MONDAY + day * DAY, ends_at=MONDAY + day * DAY + DAY / 8, hours=4
        )
        for day in range(2)
    ]
    return Dossier(
        head=ClassRecord(
            id="cls_own", institution="own school", project="prj_1", status="claimed", lessons=lessons
        ),
        roster=[RosterRecord(class_id="cls_own", enrolment=one, person=f"prs {one}") for one in enrolments],
        scores=[
            ScoresRecord(
                class_id="cls_own",
                enrolment=one,
                theory=theory,
                practice=practice,
                passed=place >= failed,
                entered_at=MARKED_AT,
            )
            for place, (one, (theory, practice)) in enumerate(zip(enrolments, pairs, strict=True))
        ],
        check_ins=[
            CheckInRecord(
                id=f"chk_{one}_{day}",
                lesson=f"les_{day}",
                enrolment=one,
                kind="in",
                outcome="accepted",
                received_at=lessons[day].starts_at,
            )
            for place, one in enumerate(enrolments)
            for day in range(came[place] if came is not None else 2)
        ],
        neighbours=Neighbours(marks=marks),
    )


def found(dossier: Dossier) -> tuple[str | None, list[str]]:
    findings = list(unlike_elsewhere(dossier, Policy(), "uniform_scores"))
    assert len(findings) <= 1
    return (findings[0].severity.value, findings[0].evidence["signs"]) if findings else (None, [])


def agreeing(spread: float, people: int = 20, average: float = 80.0) -> list[Pair]:
    """Give marks whose halves agree wholly and whose means spread by so much."""
    half = people // 2
    return [(average - spread,) * 2] * half + [(average + spread,) * 2] * half


def unrelated(spread: float, people: int = 20, average: float = 80.0) -> list[Pair]:
    """Give marks of which one half says nothing of the other; their means spread by so much."""
    far = spread * 2**0.5
    combinations = [(average + one * far, average + two * far) for one in (-1, 1) for two in (-1, 1)]
    return combinations * (people // 4)


# ------------------------------------------------------------------------------------------ each sign


@pytest.mark.parametrize(
    ("people", "spread", "narrow"),
    [(20, 6.0, True), (20, 6.01, False), (10, 5.47, True), (10, 5.49, False), (8, 4.0, True)],
)
def test_narrow_is_six_tenths_of_the_usual_and_more_than_few_people_show(
    people: int, spread: float, *, narrow: bool
) -> None:
    assert found(a_class(agreeing(spread, people), elsewhere())) == (
        ("warn", ["narrow"]) if narrow else (None, [])
    )


def test_where_classes_differ_much_a_narrow_one_is_not_odd() -> None:
    spreads = [5.0, 5.0, 5.0, 10.0, 10.0, 20.0, 20.0, 20.0]
    marks = [other(number, spread=spread) for number, spread in enumerate(spreads)]
    usual = usual_of(marks, LIMITS)
    assert usual is not None
    assert usual.spread == 10.0
    assert usual.spread_deviation == pytest.approx(1.4826 * log(2))
    assert found(a_class(agreeing(1.0), marks)) == (None, [])
    assert found(a_class(agreeing(0.7), marks)) == ("warn", ["narrow"])


@pytest.mark.parametrize(("people", "told"), [(28, False), (30, True)])
def test_nobody_failed_where_chance_does_not_explain_it(people: int, *, told: bool) -> None:
    """Elsewhere one in ten fails: of 28 nobody does one time in 19, of 30 one time in 24."""
    signs = ["halves_unrelated", "nobody_failed"] if told else []
    dossier = a_class(unrelated(10.0, people - people % 4), elsewhere(), failed=0)
    if people == 30:
        dossier = a_class(unrelated(10.0, 32), elsewhere(), failed=0)
    assert found(dossier) == ("warn" if told else None, signs)
    assert found(replace(dossier, scores=[*dossier.scores[:-1], one_failed(dossier)])) == (None, [])


def one_failed(dossier: Dossier) -> ScoresRecord:
    return msgspec.structs.replace(dossier.scores[-1], passed=False)


@pytest.mark.parametrize(
    ("agreement_elsewhere", "people", "told"),
    [
        (0.6, 20, True),
        (0.25, 20, False),
        (0.24, 96, False),
        (0.25, 96, True),
        (None, 20, False),
        (0.4, 20, False),
        (0.46, 20, True),
    ],
)
def test_halves_are_unrelated_by_more_than_chance(
    agreement_elsewhere: float | None, people: int, *, told: bool
) -> None:
    """Of twenty people chance moves an agreement by a quarter: 0 is unlike 0.46 (2.05 errors), not unlike 0.4."""
    marks = elsewhere(agreement=agreement_elsewhere, failed=4)
    signs = ["halves_unrelated", "nobody_failed"] if told else []
    assert found(a_class(unrelated(10.0, people), marks, failed=0)) == ("warn" if told else None, signs)


def test_what_is_above_zero_by_more_than_chance_is_an_agreement() -> None:
    mixed = unrelated(10.0, 12) + agreeing(10.0, 8)
    dossier = a_class(mixed, elsewhere(agreement=0.94, failed=4), failed=0)
    own = summary_of(dossier)
    assert own is not None
    assert own.agreement == pytest.approx(0.25, abs=0.001)
    assert found(dossier) == ("warn", ["halves_unrelated", "nobody_failed"])
    more = a_class(unrelated(10.0, 8) + agreeing(10.0, 12), elsewhere(agreement=0.94, failed=4), failed=0)
    agreement = summary_of(more)
    assert agreement is not None
    assert agreement.agreement == pytest.approx(0.429, abs=0.001)
    assert found(more) == (None, [])


@pytest.mark.parametrize(
    ("came", "mark", "told"),
    [
        ([0, 0, 0], 90.0, True),
        ([0, 0, 1], 90.0, False),
        ([0, 0], 90.0, False),
        ([0, 0, 0], 80.0, True),
        ([0, 0, 0], 79.0, False),
    ],
)
def test_absent_as_good_are_three_who_came_to_less_than_half_with_marks_in_the_better_half(
    came: Sequence[int], mark: float, *, told: bool
) -> None:
    rest = unrelated(10.0, 20)[: 20 - len(came)]
    pairs = [(mark, mark)] * len(came) + [(80.0, 80.0)] * 4 + rest
    dossier = a_class(
        pairs, elsewhere(agreement=None), failed=0, came=[*came, *[2] * (len(pairs) - len(came))]
    )
    many_fail = elsewhere(agreement=None, failed=4)
    assert found(replace(dossier, neighbours=Neighbours(marks=many_fail))) == (
        ("warn", ["nobody_failed", "absent_as_good"]) if told else (None, [])
    )
    assert found(replace(dossier, check_ins=())) == (None, [])


# ------------------------------------------------------------------------------------ how they are weighed


def drawn(
    average: float, *, failed: int = 0, came: Sequence[int] | None = None, spread: float = 3.0
) -> Dossier:
    return a_class(unrelated(spread, 40, average), elsewhere(), failed=failed, came=came)


THREE_AWAY = [2] * 37 + [0] * 3


@pytest.mark.parametrize(
    ("dossier", "severity", "signs"),
    [
        (drawn(80.0), "hold", ["narrow", "halves_unrelated", "nobody_failed"]),
        (drawn(80.0, failed=1), "warn", ["narrow", "halves_unrelated"]),
        (drawn(86.0), "hold", ["narrow", "halves_unrelated", "nobody_failed"]),
        (drawn(86.1), "warn", ["narrow", "halves_unrelated", "nobody_failed"]),
        (drawn(86.1, failed=1), "warn", ["narrow", "halves_unrelated"]),
        (drawn(86.1, came=THREE_AWAY, spread=1.0), "warn", ["narrow", "halves_unrelated", "nobody_failed"]),
        (a_class(agreeing(3.0, 40, 90.0), elsewhere(), failed=0), None, []),
        (a_class(agreeing(3.0, 40, 90.0), elsewhere(), failed=1), None, []),
        (a_class(agreeing(3.0, 40, 80.0), elsewhere(), failed=0), "warn", ["narrow", "nobody_failed"]),
        (
            a_class(agreeing(3.0, 40, 90.0), elsewhere(), failed=0, came=THREE_AWAY),
            "warn",
            ["narrow", "nobody_failed", "absent_as_good"],
        ),
        (
            a_class(unrelated(3.0, 40, 90.0), elsewhere(), failed=0, came=THREE_AWAY[::-1]),
            "warn",
            ["narrow", "halves_unrelated", "nobody_failed"],
        ),
        (a_class(unrelated(10.0, 40), elsewhere(agreement=None), failed=0), None, []),
    ],
)
def test_two_signs_are_told_three_are_grave_and_a_good_class_has_a_reason_for_two(
    dossier: Dossier, severity: str | None, signs: list[str]
) -> None:
    assert found(dossier) == (severity, signs)


def test_a_good_class_is_one_and_a_half_deviations_above_and_six_marks() -> None:
    averages = [70.0, 70.0, 75.0, 80.0, 80.0, 85.0, 90.0, 90.0]
    marks = [other(number, average=average) for number, average in enumerate(averages)]
    usual = usual_of(marks, LIMITS)
    assert usual is not None
    assert (usual.average, usual.average_deviation) == (80.0, pytest.approx(1.4826 * 7.5))
    assert found(a_class(agreeing(3.0, 40, 96.6), marks)) == ("warn", ["narrow"])
    assert found(a_class(agreeing(3.0, 40, 96.7), marks)) == (None, [])


def test_marks_unlike_those_elsewhere_are_told_to_the_figure() -> None:
    marks = [*elsewhere(7, average=80.04, spread=10.04, agreement=0.604), other(7, failed=3)]
    dossier = a_class(unrelated(3.04, 40, 80.04), marks, failed=0)
    [finding] = unlike_elsewhere(dossier, Policy(), "uniform_scores")
    assert (finding.rule, finding.subject.kind.value, finding.subject.id) == (
        "uniform_scores",
        "class",
        "cls_own",
    )
    assert finding.lines == [f"enr_{place:02}" for place in range(40)]
    assert dict(finding.evidence) == {
        "signs": ["narrow", "halves_unrelated", "nobody_failed"],
        "examined": 40,
        "average": 80.0,
        "spread": 3.0,
        "agreement": 0.0,
        "failed": 0,
        "absent_marked_well": 0,
        "average_elsewhere": 80.0,
        "spread_elsewhere": 10.0,
        "agreement_elsewhere": 0.6,
        "failed_share_elsewhere": 0.106,
        "classes_elsewhere": 8,
        "institutions_elsewhere": 4,
        "marks_narrow_share": 0.6,
        "marks_unrelated_deviations": 2.0,
        "marks_nobody_failed_chance": 0.05,
        "marks_absent_people": 3,
    }
    assert finding.at == MARKED_AT


# -------------------------------------------------------------------------------- what is compared with


def test_others_of_the_project_that_were_marked_in_the_year_before_are_compared_with_newest_first() -> None:
    own = other(999, institution="own school", marked_at=MARKED_AT)
    year = timedelta(days=365)
    marks = [
        other(1, marked_at=MARKED_AT - year),
        other(2, marked_at=MARKED_AT - year - MOMENT),
        other(3, marked_at=MARKED_AT),
        other(4, marked_at=MARKED_AT - MOMENT),
        other(5, project="prj_2"),
        other(6, institution="own school"),
        other(7),
        other(7),
    ]
    assert [one.class_id for one in compared_with(own, marks)] == ["cls_004", "cls_007", "cls_001"]


def test_no_institution_is_more_than_five_and_no_more_than_sixty_are_picked_of_two_hundred() -> None:
    own = other(999, institution="own school", marked_at=MARKED_AT)
    of_one = [other(number, institution="big") for number in range(7)]
    assert [one.class_id for one in compared_with(own, of_one)] == [f"cls_{number:03}" for number in range(5)]
    many = [other(number, institution=f"school {number}") for number in range(70)]
    assert len(compared_with(own, many)) == 60
    behind = [*(other(number, institution="big") for number in range(199)), other(199), other(200)]
    assert [one.class_id for one in compared_with(own, behind)][5:] == ["cls_199"]


@pytest.mark.parametrize(
    ("marks", "enough"),
    [
        (elsewhere(8), True),
        (elsewhere(7), False),
        ([*elsewhere(7), other(7, people=7)], False),
        ([*elsewhere(7), other(7, people=8)], True),
        ([other(number, institution=f"school {number % 3}") for number in range(8)], True),
        ([other(number, institution=f"school {number % 2}") for number in range(8)], False),
    ],
)
def test_eight_classes_of_three_institutions_are_enough(marks: Sequence[ClassMarks], *, enough: bool) -> None:
    assert (usual_of(marks, LIMITS) is not None) is enough
    assert found(a_class(agreeing(3.0), marks)) == (("warn", ["narrow"]) if enough else (None, []))


def test_what_is_usual_is_the_middle_and_of_all_who_failed() -> None:
    marks = [other(number, average=70.0 + number, spread=8.0 + number, failed=number) for number in range(9)]
    usual = usual_of([*marks[:8], msgspec.structs.replace(marks[8], people=40, agreement=None)], LIMITS)
    assert usual is not None
    assert (usual.classes, usual.institutions, usual.average, usual.spread) == (9, 4, 74.0, 12.0)
    assert usual.failed_share == 36 / 200
    assert usual.agreement == 0.6
    assert usual.average_deviation == pytest.approx(1.4826 * 2)
    fewer = usual_of(
        [*marks[:7], *(msgspec.structs.replace(one, agreement=None) for one in marks[7:])], LIMITS
    )
    assert fewer is not None
    assert fewer.agreement is None
    alike = usual_of(elsewhere(spread=0.1), LIMITS)
    assert alike is not None
    assert (alike.average_deviation, alike.spread_deviation) == (0.05, 0.05)


@pytest.mark.parametrize("people", [7, 8])
def test_fewer_than_eight_are_not_compared(people: int) -> None:
    pairs = [(80.0 + place / 10, 80.0 + place / 10) for place in range(people)]
    severity, _ = found(a_class(pairs, elsewhere()))
    assert severity == (None if people == 7 else "warn")


# ----------------------------------------------------------------------------------------- a summary


def test_marks_are_summed_up_of_those_who_came_to_the_examination() -> None:
    dossier = a_class(
        [(70.0, 80.0), (80.0, 90.0), (90.0, 70.0), (60.0, 100.0), (100.0, 60.0), (0.0, 0.0)], [], failed=2
    )
    own = summary_of(dossier)
    assert own is not None
    assert (own.class_id, own.project, own.institution, own.marked_at) == (
        "cls_own",
        "prj_1",
        "own school",
        MARKED_AT,
    )
    assert (own.people, own.average, own.spread, own.agreement, own.failed) == (5, 80.0, 3.162, -0.9, 2)
    theory, practice = halves_of(dossier)
    assert (theory.half, practice.half) == ("theory", "practice")
    assert theory.by_enrolment["enr_03"] == 60.0
    assert practice.by_enrolment["enr_03"] == 100.0


def test_too_few_or_no_marks_or_no_project_sum_up_to_nothing() -> None:
    five = a_class([(70.0, 80.0)] * 5, [])
    assert summary_of(five) is not None
    assert summary_of(five).agreement is None  # type: ignore[union-attr]
    assert summary_of(a_class([(70.0, 80.0)] * 4, [])) is None
    assert summary_of(replace(five, scores=())) is None
    assert summary_of(replace(five, head=msgspec.structs.replace(five.head, project=None))) is None
    assert summary_of(replace(five, head=msgspec.structs.replace(five.head, status="cancelled"))) is None
    never = [msgspec.structs.replace(one, entered_at=None) for one in five.scores]
    assert summary_of(replace(five, scores=never)) is None


def test_a_class_is_marked_when_the_last_had_both_marks_for_the_first_time() -> None:
    dossier = a_class([(70.0, 80.0), (80.0, 90.0), (90.0, 70.0), (60.0, 100.0), (100.0, 60.0)], [])

    def entered(place: int, at: datetime, **facts: Any) -> ScoresRecord:
        return msgspec.structs.replace(dossier.scores[place], entered_at=at, **facts)

    later = [
        entered(0, MARKED_AT + 2 * DAY),
        entered(1, MARKED_AT - DAY),
        entered(2, MARKED_AT - DAY, practice=None),
    ]
    own = summary_of(replace(dossier, scores=[*dossier.scores, *later]))
    assert own is not None
    assert own.marked_at == MARKED_AT
    last = [*dossier.scores[:4], entered(4, MARKED_AT + DAY)]
    own = summary_of(replace(dossier, scores=last))
    assert own is not None
    assert own.marked_at == MARKED_AT + DAY


def test_one_half_of_nothing_is_a_mark_and_two_are_an_examination_missed() -> None:
    dossier = a_class([(0.0, 80.0), (70.0, 0.0), (0.0, 0.0)], [])
    theory, practice = halves_of(dossier)
    assert theory.by_enrolment == {"enr_00": 0.0, "enr_01": 70.0}
    assert practice.by_enrolment == {"enr_00": 80.0, "enr_01": 0.0}


def test_the_most_marks_within_a_width() -> None:
    [half, _] = halves_of(a_class([(mark, 80.0) for mark in (70.0, 71.0, 72.0, 80.0, 81.0, 82.0, 82.5)], []))
    assert half.alike(2.0) == {"enr_00", "enr_01", "enr_02"}
    assert half.alike(2.5) == {"enr_03", "enr_04", "enr_05", "enr_06"}
    assert len(half.alike(0.0)) == 1
    assert half.alike(99.0) == set(half.by_enrolment)
    assert half.spread == pytest.approx(5.213, abs=0.001)
