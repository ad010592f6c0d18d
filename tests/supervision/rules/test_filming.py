"""`footage_gap`: lessons that nothing shows, and recordings shown twice."""

from datetime import timedelta

import pytest

from tests.supervision.rules.exports import AS_OF, Course, Export

RULE = "footage_gap"


@pytest.fixture
def course() -> Course:
    return Export().course(days=10)


def drop(course: Course, *days: int) -> None:
    gone = {course.lesson(day) for day in days}
    rows = course.export.rows["footage"]
    rows[:] = [row for row in rows if row["lesson"] not in gone]


def test_a_class_without_footage_is_held_in_all_its_lines(course: Course) -> None:
    drop(course, *range(10))

    [finding] = course.found(RULE)
    assert (finding.severity, finding.subject.id, finding.lines) == ("hold", course.id, [])
    assert finding.evidence["missing_share"] == 1.0


def test_eighty_percent_of_the_lessons_shown_are_held(course: Course) -> None:
    drop(course, 3, 7)

    [finding] = course.found(RULE)
    assert (finding.severity, finding.evidence["lessons"]) == ("hold", [course.lesson(3), course.lesson(7)])


def test_eighty_percent_of_each_lesson_shown_are_held(course: Course) -> None:
    for day, row in enumerate(course.footage()):
        row["ended_at"] = (course.ends(day) - timedelta(minutes=36)).isoformat()

    assert course.severity(RULE) == "hold"


@pytest.mark.parametrize("status", ["announced", "awaiting_upload", "mismatch", "missing"])
def test_what_was_never_stored_as_announced_shows_nothing(course: Course, status: str) -> None:
    for row in course.footage():
        row["status"] = status

    assert course.severity(RULE) == "hold"


def test_one_recording_that_was_lost_is_spared(course: Course) -> None:
    drop(course, 4)

    assert course.found(RULE) == []


def test_a_tenth_of_all_time_not_shown_is_told(course: Course) -> None:
    rows = course.footage()
    for day in (2, 6):
        rows[day]["ended_at"] = (course.starts(day) + timedelta(minutes=75)).isoformat()

    assert course.severity(RULE) == "warn"


def test_a_class_of_one_lesson_that_nothing_shows_is_held() -> None:
    course = Export().course(days=1)
    drop(course, 0)

    assert course.severity(RULE) == "hold"


def test_footage_outside_covers(course: Course) -> None:
    for row in course.footage():
        row |= {"status": "external", "bytes": None, "sha256": None}

    assert course.found(RULE) == []


def test_short_gaps_while_cameras_change_over_are_spared(course: Course) -> None:
    rows = course.footage()
    for day, row in enumerate(rows):
        half = course.starts(day) + timedelta(minutes=90)
        course.export.rows["footage"].append(
            row
            | {
                "id": f"{row['id']} second",
                "started_at": (half + timedelta(minutes=4)).isoformat(),
                "sha256": row["sha256"][::-1],
            }
        )
        row["ended_at"] = half.isoformat()

    assert course.found(RULE) == []


def test_a_clip_every_few_minutes_shows_no_lesson(course: Course) -> None:
    """Was no case: 33 clips of a minute in six hours, each gap as short as a changeover."""
    for day, row in enumerate(course.footage()):
        clips = range(0, 180, 10)
        row["ended_at"] = (course.starts(day) + timedelta(minutes=1)).isoformat()
        course.export.rows["footage"] += [
            row
            | {
                "id": f"{row['id']} {minute}",
                "started_at": (course.starts(day) + timedelta(minutes=minute)).isoformat(),
                "ended_at": (course.starts(day) + timedelta(minutes=minute + 1)).isoformat(),
                "sha256": f"{minute:03d}{row['sha256'][3:]}",
            }
            for minute in clips[1:]
        ]

    [finding] = course.found(RULE)
    assert (finding.severity, finding.evidence["lessons_with_gaps"]) == ("hold", 10)
    assert finding.evidence["missing_share"] == 0.9


def test_cameras_switched_on_late_and_off_early_are_spared(course: Course) -> None:
    for day, row in enumerate(course.footage()):
        row["started_at"] = (course.starts(day) + timedelta(minutes=9)).isoformat()
        row["ended_at"] = (course.ends(day) - timedelta(minutes=9)).isoformat()

    assert course.found(RULE) == []


def test_footage_that_is_not_yet_due_is_spared() -> None:
    course = Export().course(begins=AS_OF - timedelta(days=6), days=3, attended=False)
    course.attend()

    assert course.found(RULE) == []


def test_lessons_to_which_nobody_came_are_spared(course: Course) -> None:
    drop(course, 3, 7)
    rows = course.export.rows["check_ins"]
    rows[:] = [row for row in rows if row["lesson"] not in {course.lesson(3), course.lesson(7)}]

    assert course.found(RULE) == []


def test_one_file_for_several_lessons_is_held(course: Course) -> None:
    rows = course.footage()
    for row in rows[1:5]:
        row["sha256"] = rows[0]["sha256"].upper()

    [finding] = course.found(RULE)
    assert (finding.severity, finding.evidence["recordings_used_again"]) == ("hold", 4)
    assert finding.evidence["footage"] == [row["id"] for row in rows[1:5]]


def test_one_film_wrapped_anew_for_each_lesson_is_held_and_its_evidence_says_so(course: Course) -> None:
    rows = course.footage()
    for row in rows[:5]:
        row["pictures_sha256"] = "ab" * 32
    rows[0]["pictures_sha256"] = "AB" * 32

    [finding] = course.found(RULE)
    assert finding.severity == "hold"
    told = ("recordings_used_again", "recordings_wrapped_anew")
    assert [finding.evidence[name] for name in told] == [4, 4]
    assert finding.evidence["footage"] == [row["id"] for row in rows[1:5]]


def test_films_with_pictures_of_their_own_are_spared(course: Course) -> None:
    for day, row in enumerate(course.footage()):
        row["pictures_sha256"] = f"{day:064x}"

    assert course.found(RULE) == []


def test_the_same_bytes_are_not_told_as_wrapped_anew(course: Course) -> None:
    rows = course.footage()
    for row in rows[:3]:
        row |= {"sha256": "cd" * 32, "pictures_sha256": "ab" * 32}

    [finding] = course.found(RULE)
    told = ("recordings_used_again", "recordings_wrapped_anew")
    assert [finding.evidence[name] for name in told] == [2, 0]


def test_footage_of_another_class_is_held_where_it_was_shown_again() -> None:
    export = Export()
    first = export.course(days=5)
    second = export.course(days=5, begins=first.begins + timedelta(days=14))
    for own, other in zip(second.footage(), first.footage(), strict=True):
        own["sha256"] = other["sha256"]

    assert (first.severity(RULE), second.severity(RULE)) == (None, "hold")


def test_one_file_over_two_lessons_that_follow_each_other_is_spared(course: Course) -> None:
    rows = course.footage()
    for row in rows[:2]:
        row |= {
            "started_at": course.starts(0).isoformat(),
            "ended_at": course.ends(1).isoformat(),
            "sha256": rows[0]["sha256"],
        }

    assert course.found(RULE) == []


def test_files_without_digests_alike_to_the_byte_are_held(course: Course) -> None:
    for day, row in enumerate(course.footage()):
        if day in {2, 5, 6, 8}:
            row |= {"sha256": None, "bytes": 734_003_217}

    assert course.severity(RULE) == "hold"


def test_a_camera_that_always_writes_as_many_bytes_is_spared(course: Course) -> None:
    for row in course.footage():
        row |= {"sha256": None, "bytes": 734_003_217}

    assert course.found(RULE) == []
