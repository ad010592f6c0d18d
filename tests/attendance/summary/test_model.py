"""What records make of lessons, without any table: marks, hours, shares, what the bureau granted."""

from decimal import Decimal

import msgspec
import pytest

from chalicelib.attendance.check_ins.model import CheckInOutcome, Punctuality
from chalicelib.attendance.footage.model import FootageStatus, Segment
from chalicelib.attendance.make_ups.model import MakeUpKind, MakeUpStatus
from chalicelib.attendance.model import AttendanceMark
from chalicelib.attendance.summary.model import by_slot, is_lesson_missed, mark_of, records_of, summarise
from tests.attendance.plain import CLASS, HERE, LI, MINUTES, WANG, asked, came, class_of, lesson, proof

FIRST, SECOND = lesson(1, hours=4), lesson(2, hours=6)
ROOM = class_of(FIRST, SECOND)
MOCKED = msgspec.structs.replace(HERE, mocked=True)
EVERYBODY = [came(one, person) for one in (FIRST, SECOND) for person in (WANG, LI)]


def of(check_ins, make_ups=(), *, room=ROOM, segments=(), calls=None, now=None):
    return summarise(room, records_of(check_ins, make_ups, segments, calls or {}), now=now)


def filmed(start, end, at=FIRST):
    return Segment(
        class_id=CLASS,
        id=f"ftg_{start}",
        lesson_id=at.id,
        division="340111",
        institution="x",
        camera_id="cam",
        started_at=at.starts_at + start * MINUTES,
        ended_at=at.starts_at + end * MINUTES,
        sha256="0" * 64,
        status=FootageStatus.STORED,
        announced_at=at.starts_at,
    )


def test_hours_share_and_marks_of_who_came_and_who_did_not():
    late = came(SECOND, WANG, status=Punctuality.LATE)
    wang, li = of([came(FIRST, WANG), late]).trainees
    assert (wang.enrolment_id, li.enrolment_id) == ("enr_wang", "enr_li")
    assert (wang.hours, wang.required_hours, wang.share, wang.made_up_hours) == (10, 10, Decimal(1), 0)
    assert wang.marks == {FIRST.id: AttendanceMark.PRESENT, SECOND.id: AttendanceMark.LATE}
    assert (li.hours, li.required_hours, li.share, li.made_up_hours) == (0, 10, Decimal(0), 0)
    assert li.marks == {FIRST.id: AttendanceMark.ABSENT, SECOND.id: AttendanceMark.ABSENT}
    assert (wang.holds, li.holds) == ([], [])


def test_what_needs_review_does_not_count_yet():
    rough = came(FIRST, WANG, outcome=CheckInOutcome.NEEDS_REVIEW)
    wang, _ = of([rough, came(SECOND, WANG)]).trainees
    assert (wang.hours, wang.share) == (6, Decimal("0.6"))
    assert wang.marks[FIRST.id] is AttendanceMark.NEEDS_REVIEW


def test_a_lesson_counts_its_marks_and_shows_its_film():
    first, second = of([came(FIRST, WANG)], segments=[filmed(0, 90), filmed(0, 60, at=SECOND)]).lessons
    assert (first.lesson_id, first.starts_at, first.ends_at, first.hours) == (
        FIRST.id,
        FIRST.starts_at,
        FIRST.ends_at,
        4,
    )
    none = dict.fromkeys(AttendanceMark, 0)
    assert first.counts == none | {AttendanceMark.PRESENT: 1, AttendanceMark.ABSENT: 1}
    assert second.counts == none | {AttendanceMark.ABSENT: 2}
    assert (first.coverage, first.footage_seconds) == (Decimal("0.5"), 90 * 60)
    assert first.gaps == [(FIRST.starts_at + 90 * MINUTES, FIRST.ends_at)]
    assert (second.hours, second.footage_seconds) == (6, 60 * 60)


def test_a_lesson_that_is_still_open_has_a_mark_only_of_who_is_there():
    now = SECOND.starts_at + 10 * MINUTES
    summary = of([*EVERYBODY[:3]], now=now)
    wang, li = summary.trainees
    assert wang.marks == {FIRST.id: AttendanceMark.PRESENT, SECOND.id: AttendanceMark.PRESENT}
    assert li.marks == {FIRST.id: AttendanceMark.PRESENT}
    assert (li.hours, li.share) == (4, Decimal("0.4"))
    assert sum(summary.lessons[1].counts.values()) == 1


def test_what_the_bureau_granted_counts_up_to_the_policys_share():
    """Two of ten hours may be made up, whatever was granted at the same moment: the rest is void."""
    wang, li = of([came(SECOND, WANG)], [asked(FIRST, WANG), asked(FIRST, LI), asked(SECOND, LI)]).trainees
    assert wang.marks == {FIRST.id: AttendanceMark.MADE_UP, SECOND.id: AttendanceMark.PRESENT}
    assert (wang.hours, wang.made_up_hours, wang.share) == (8, 2, Decimal("0.8"))
    assert (li.hours, li.made_up_hours, li.share) == (2, 2, Decimal("0.2"))
    generous = class_of(FIRST, SECOND, make_up_share_max=Decimal(1))
    wang, li = of([came(SECOND, WANG)], [asked(FIRST, WANG), asked(FIRST, LI)], room=generous).trainees
    assert (wang.hours, wang.made_up_hours, wang.share) == (10, 4, Decimal(1))
    assert (li.hours, li.made_up_hours) == (4, 4)


def test_an_excuse_tells_an_approved_absence_from_another_and_counts_nothing():
    wang, li = of([], [asked(FIRST, WANG, MakeUpKind.EXCUSE)]).trainees
    assert (wang.marks[FIRST.id], wang.hours) == (AttendanceMark.EXCUSED, 0)
    assert li.marks[FIRST.id] is AttendanceMark.ABSENT


@pytest.mark.parametrize("status", [MakeUpStatus.REQUESTED, MakeUpStatus.REJECTED])
def test_what_was_only_asked_for_changes_nothing(status):
    wang, _ = of([], [asked(FIRST, WANG, status=status)]).trainees
    assert (wang.marks[FIRST.id], wang.hours) == (AttendanceMark.ABSENT, 0)


def test_who_was_there_needs_nothing_granted():
    records = records_of([came(FIRST, WANG)], [asked(FIRST, WANG)], [], {})
    assert mark_of(ROOM, FIRST, WANG, records, now=None) is AttendanceMark.PRESENT
    late = records_of(
        [came(FIRST, WANG, status=Punctuality.LATE)], [asked(FIRST, WANG, MakeUpKind.EXCUSE)], [], {}
    )
    assert mark_of(ROOM, FIRST, WANG, late, now=None) is AttendanceMark.LATE


def test_a_false_position_anywhere_holds_the_trainee_and_nobody_else():
    for place, check_ins in enumerate(
        (
            [came(FIRST, WANG, place=MOCKED), *EVERYBODY[1:]],
            [*EVERYBODY[:2], came(SECOND, WANG, place=MOCKED), EVERYBODY[3]],
            [came(FIRST, WANG, went=proof(FIRST.ends_at, place=MOCKED)), *EVERYBODY[1:]],
        )
    ):
        wang, li = of(check_ins).trainees
        assert (wang.holds, wang.hours, li.holds) == (["mock_location"], 10, []), place


def test_a_lesson_is_missed_as_soon_as_one_persons_does_not_count():
    records = records_of(EVERYBODY, [], [], {})
    assert is_lesson_missed(ROOM, records) is False
    assert is_lesson_missed(ROOM, records_of(EVERYBODY[:3], [], [], {})) is True
    assert is_lesson_missed(ROOM, records_of([], [], [], {})) is True
    granted = records_of(EVERYBODY[:3], [asked(SECOND, LI)], [], {})
    assert is_lesson_missed(ROOM, granted) is True  # only there a make-up applies


def test_records_are_ordered_by_the_place_of_a_person_at_a_lesson():
    granted = asked(SECOND, LI)
    assert by_slot([granted]) == {"02#prs_li": granted}
    records = records_of(EVERYBODY, [granted], [], {})
    assert set(records.check_ins) == {"01#prs_wang", "01#prs_li", "02#prs_wang", "02#prs_li"}
    assert records.make_ups == {"02#prs_li": granted}
