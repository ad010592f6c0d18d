"""What a dossier makes of its records, and what a finding keeps of it: each figure by itself."""

from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest

from chalicelib.kernel.calendar import SHANGHAI
from chalicelib.programs.model import Policy
from chalicelib.supervision.records.model import (
    CheckInRecord,
    ClaimLineRecord,
    ClaimRecord,
    ClassRecord,
    EnrolmentRecord,
    FindingKind,
    FootageRecord,
    LessonRecord,
    Position,
    ProjectRecord,
    RosterRecord,
    ScoresRecord,
    Severity,
)
from chalicelib.supervision.rules.dossier import (
    ClassMarks,
    Dossier,
    Neighbours,
    grouped,
    grouped_by,
    in_order,
    occupation_of,
    span_of,
)
from chalicelib.supervision.rules.evaluation import findings_about_class
from chalicelib.supervision.rules.rule import finding, ids
from tests.supervision.rules.exports import MONDAY

DAY, HOUR, MOMENT = timedelta(days=1), timedelta(hours=1), timedelta(microseconds=1)
HERE = Position(lng=117.2, lat=31.8, coord_system="wgs84")


def lesson(name: str, starts_at: datetime, hours: float = 3) -> LessonRecord:
    return LessonRecord(id=name, starts_at=starts_at, ends_at=starts_at + hours * HOUR)


LATER, FIRST, BESIDE = (
    lesson("les_b", MONDAY + DAY),
    lesson("les_c", MONDAY, 30),
    lesson("les_a", MONDAY + DAY, 1),
)
HEAD = ClassRecord(id="cls_1", institution="school", status="approved", lessons=[LATER, FIRST, BESIDE])
EMPTY = msgspec.structs.replace(HEAD, lessons=[])


def row(place: int, **told: Any) -> RosterRecord:
    return RosterRecord(class_id="cls_1", enrolment=f"enr_{place}", person=f"prs_{place}", **told)


def attempt(name: str, at: datetime, **told: Any) -> CheckInRecord:
    known = {"lesson": "les_c", "enrolment": "enr_1", "kind": "in", "outcome": "accepted", "location": HERE}
    return CheckInRecord(id=name, received_at=at, **{**known, **told})


# ------------------------------------------------------------------------------------------ the class


def test_a_timetable_is_in_order_and_spans_a_day_more_on_either_side() -> None:
    dossier = Dossier(head=HEAD)
    assert [one.id for one in dossier.lessons] == ["les_c", "les_a", "les_b"]
    assert (dossier.begins_at, dossier.ends_at) == (MONDAY, MONDAY + 30 * HOUR)
    assert dossier.span == span_of(HEAD) == (MONDAY - DAY, MONDAY + 30 * HOUR + DAY)
    assert [one.lesson.id for one in dossier.meetings] == ["les_c", "les_a", "les_b"]
    nothing = Dossier(head=EMPTY)
    assert (nothing.begins_at, nothing.ends_at, nothing.span, nothing.lessons) == (None, None, None, [])


def test_lessons_elsewhere_are_those_of_others_that_stand() -> None:
    others = [
        msgspec.structs.replace(HEAD, lessons=[lesson("les_own", MONDAY)]),
        msgspec.structs.replace(HEAD, id="cls_2", lessons=[lesson("les_2", MONDAY)]),
        msgspec.structs.replace(HEAD, id="cls_3", status="draft", lessons=[lesson("les_3", MONDAY)]),
    ]
    dossier = Dossier(head=HEAD, neighbours=Neighbours(classes=others))
    assert [one.lesson.id for one in dossier.meetings_elsewhere] == ["les_2"]


def test_an_enrolment_is_whose_its_own_roster_says() -> None:
    def enrolled(name: str, person: str) -> EnrolmentRecord:
        return EnrolmentRecord(id=name, voucher="vch", person=person, institution="x", status="rostered")

    dossier = Dossier(
        head=HEAD,
        roster=[row(1)],
        enrolments=[enrolled("enr_1", "wrong"), enrolled("enr_2", "prs_2")],
        neighbours=Neighbours(
            enrolments=[enrolled(f"enr_{place}", "wrong") for place in (1, 2, 3)]
            + [enrolled("enr_4", "prs_4")],
            rosters=[RosterRecord(class_id="cls_2", enrolment="enr_3", person="prs_3")],
        ),
    )
    assert dossier.persons == {f"enr_{place}": f"prs_{place}" for place in (1, 2, 3, 4)}


def test_trainees_are_rostered_and_not_withdrawn_or_claimed_for() -> None:
    roster = [row(3), row(1), row(2, withdrawn_at=MONDAY)]
    assert Dossier(head=HEAD, roster=roster).trainees == ["enr_1", "enr_3"]
    claim = ClaimRecord(
        id="clm_1",
        class_id="cls_1",
        institution="x",
        status="submitted",
        lines=[ClaimLineRecord(id=f"lin_{one}", enrolment=one) for one in ("enr_2", "enr_4")],
    )
    assert Dossier(head=HEAD, roster=roster, claim=claim).trainees == ["enr_1", "enr_2", "enr_3", "enr_4"]


# --------------------------------------------------------------------------------------------- attempts


def test_attempts_elsewhere_are_others_within_the_span_each_once() -> None:
    begins, ends = MONDAY - DAY, MONDAY + 30 * HOUR + DAY
    told = [
        attempt("chk_4", ends, lesson="x"),
        attempt("chk_5", ends + MOMENT, lesson="x"),
        attempt("chk_1", begins - MOMENT, lesson="x"),
        attempt("chk_3", begins, lesson="x"),
        attempt("chk_2", begins, lesson="x"),
        attempt("chk_2", begins, lesson="x"),
        attempt("chk_own", MONDAY, lesson="les_c"),
    ]
    neighbours = Neighbours(check_ins=told)
    assert [one.id for one in Dossier(head=HEAD, neighbours=neighbours).check_ins_elsewhere] == [
        "chk_2",
        "chk_3",
        "chk_4",
    ]
    assert list(Dossier(head=EMPTY, neighbours=neighbours).check_ins_elsewhere) == []


def test_who_came_to_a_lesson_is_told_once_by_the_first_attempt_that_counts() -> None:
    told = [
        attempt("chk_3", MONDAY + HOUR),
        attempt("chk_2", MONDAY + MOMENT, outcome="refused"),
        attempt("chk_1", MONDAY + 2 * HOUR, enrolment="enr_2"),
        attempt("chk_4", MONDAY + 2 * HOUR),
        attempt("chk_5", MONDAY, kind="out"),
        attempt("chk_6", MONDAY, enrolment=None),
        attempt("chk_7", MONDAY, lesson="les_a", enrolment="enr_2"),
    ]
    arrivals = Dossier(head=HEAD, check_ins=told).arrivals
    assert {name: [one.id for one in records] for name, records in arrivals.items()} == {
        "les_c": ["chk_3", "chk_1"],
        "les_a": ["chk_7"],
    }


def test_places_are_known_here_and_elsewhere_of_what_was_live() -> None:
    here = [
        attempt("chk_1", MONDAY),
        attempt("chk_2", MONDAY, offline=True),
        attempt("chk_3", MONDAY, location=None),
    ]
    neighbours = Neighbours(check_ins=[attempt("chk_4", MONDAY, lesson="x")])
    assert set(Dossier(head=HEAD, check_ins=here, neighbours=neighbours).places) == {"chk_1", "chk_4"}


def test_attempts_of_one_moment_are_in_the_order_of_their_ids() -> None:
    told = [attempt("chk_2", MONDAY), attempt("chk_1", MONDAY), attempt("chk_0", MONDAY + MOMENT)]
    assert [one.id for one in in_order([*told, *told])] == ["chk_1", "chk_2", "chk_0"]


# ------------------------------------------------------------------------------------ films, marks, projects


def test_recordings_are_by_lesson_and_in_order() -> None:
    def film(name: str, at: datetime, of: str = "les_c") -> FootageRecord:
        return FootageRecord(id=name, lesson=of, started_at=at, ended_at=at + HOUR, status="stored")

    films = [
        film("ftg_3", MONDAY + HOUR),
        film("ftg_2", MONDAY),
        film("ftg_1", MONDAY),
        film("ftg_0", MONDAY, "les_a"),
    ]
    by_lesson = Dossier(head=HEAD, footage=[*films, films[0]]).footage_by_lesson
    assert {name: [one.id for one in records] for name, records in by_lesson.items()} == {
        "les_a": ["ftg_0"],
        "les_c": ["ftg_1", "ftg_2", "ftg_3"],
    }


def test_the_newest_marks_count_and_those_without_a_moment_are_the_oldest() -> None:
    def marks(place: int, theory: float, at: datetime | None) -> ScoresRecord:
        return ScoresRecord(class_id="cls_1", enrolment=f"enr_{place}", theory=theory, entered_at=at)

    told = [
        marks(2, 70, MONDAY + HOUR),
        marks(2, 60, MONDAY),
        marks(1, 90, None),
        marks(1, 50, datetime(1960, 1, 1, tzinfo=SHANGHAI)),
        marks(3, 40, None),
    ]
    newest = Dossier(head=HEAD, scores=told).newest_scores
    assert [(enrolment, record.theory) for enrolment, record in newest.items()] == [
        ("enr_1", 50),
        ("enr_2", 70),
        ("enr_3", 40),
    ]


@pytest.mark.parametrize(
    ("occupation", "level", "told"),
    [
        ("4-07", 3, "4-07/3"),
        (" 4-07 ", " 03 ", "4-07/3"),
        ("4-07", "三级", "4-07/3"),
        ("4-07", "三级/高级工", "4-07/3"),
        ("4-07", "高级技师", "4-07/1"),
        ("4-07", "技师", "4-07/2"),
        ("4-07", "高级工", "4-07/3"),
        ("4-07", "中级工", "4-07/4"),
        ("4-07", "初级工", "4-07/5"),
        ("4-07", "一级", "4-07/1"),
        ("4-07", "二级", "4-07/2"),
        ("4-07", "五级", "4-07/5"),
        ("4-07", "level 4", "4-07/4"),
        ("4-07", "none", "4-07/none"),
        ("4-07", None, None),
        ("", 3, None),
        (None, 3, None),
    ],
)
def test_one_level_has_one_word_however_it_is_told(
    occupation: str | None, level: Any, told: str | None
) -> None:
    assert occupation_of(ProjectRecord(id="prj_1", occupation=occupation, level=level)) == told


def test_without_a_project_there_is_no_occupation() -> None:
    assert occupation_of(None) is None


def test_things_are_put_together_by_what_they_share() -> None:
    rows = [row(1), row(2), row(1)]
    assert {key: len(found) for key, found in grouped(rows, "person").items()} == {"prs_1": 2, "prs_2": 1}
    assert grouped_by(["aa", "b", "c"], lambda text: str(len(text))) == {"2": ["aa"], "1": ["b", "c"]}


# ------------------------------------------------------------------------------------------- a finding


def test_a_finding_names_its_class_and_keeps_twenty_ids_in_all() -> None:
    told = finding(
        Dossier(head=HEAD),
        "a_rule",
        Severity.WARN,
        (FindingKind.CLASS, "cls_1"),
        evidence={"few": ["a", "b", "c"], "many": [str(number) for number in range(30)], "figure": 7},
        at=MONDAY,
        lines=["enr_2", "enr_1", "enr_2"],
    )
    assert (told.rule, told.class_id, told.institution, told.at) == ("a_rule", "cls_1", "school", MONDAY)
    assert (told.subject.kind, told.subject.id, told.lines) == (
        FindingKind.CLASS,
        "cls_1",
        ["enr_1", "enr_2"],
    )
    assert dict(told.evidence) == {
        "few": ["a", "b", "c"],
        "many": [str(number) for number in range(17)],
        "figure": 7,
    }
    assert ids([*(f"{number:02}" for number in range(25)), "00"]) == [f"{number:02}" for number in range(20)]


def test_twenty_ids_are_kept_and_of_one_more_the_last_goes() -> None:
    for count, kept in ((20, 20), (21, 20)):
        told = finding(
            Dossier(head=HEAD),
            "a_rule",
            Severity.WARN,
            (FindingKind.CLASS, "cls_1"),
            evidence={"ids": [str(number) for number in range(count)]},
            at=MONDAY,
        )
        assert told.evidence["ids"] == [str(number) for number in range(kept)]
        assert told.lines == []


def test_a_class_that_stands_for_nothing_is_not_evaluated() -> None:
    gone = Dossier(head=msgspec.structs.replace(HEAD, status="cancelled"))
    evaluation = findings_about_class(gone, Policy(), MONDAY)
    assert (evaluation.findings, evaluation.failures) == ([], [])


def test_a_summary_of_marks_that_tells_of_nobody_who_failed_tells_of_none() -> None:
    told = ClassMarks(
        class_id="c", project="p", institution="i", marked_at=MONDAY, people=5, average=80.0, spread=3.0
    )
    assert (told.failed, told.agreement) == (0, None)
