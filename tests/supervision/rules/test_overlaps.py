"""`lesson_overlap`, `trainer_or_room_overlap` and `claim_burst`: who and what is in two lessons at once."""

from datetime import timedelta

import pytest

from tests.supervision.rules.exports import HEFEI, MONDAY, WUHU, Course, Export, text

TRAINEES, PLACES, CAPACITY = "lesson_overlap", "trainer_or_room_overlap", "claim_burst"
OTHER_SCHOOL = "91340200MA2ABCDE1X"


@pytest.fixture
def export() -> Export:
    return Export()


def both(
    export: Export, *, from_hour: float, days: int = 5, attend: bool = True
) -> tuple[Course, Course, str]:
    """Enrol the first of a class from 9 to 12 in another one too; give both and the second enrolment."""
    first = export.course()
    second = export.course(attended=False, from_hour=from_hour, institution=OTHER_SCHOOL, place=HEFEI)
    [again] = second.enrol([first.person_of(first.enrolments[0])])
    second.attend()
    second.film()
    if not attend:
        rows = export.rows["check_ins"]
        rows[:] = [row for row in rows if row["enrolment"] != again]
    return first, second, again


def test_one_trainee_at_two_lessons_at_once_is_held_in_both(export: Export) -> None:
    first, second, again = both(export, from_hour=9)

    [finding] = first.found(TRAINEES)
    assert (finding.severity, finding.subject.kind, finding.lines) == (
        "hold",
        "enrolment",
        first.enrolments[:1],
    )
    assert (finding.evidence["times"], finding.evidence["classes"]) == (5, [second.id])
    assert [one.lines for one in second.found(TRAINEES)] == [[again]]


def test_twenty_minutes_at_once_are_held(export: Export) -> None:
    first, _, _ = both(export, from_hour=11 + 40 / 60)

    assert first.severity(TRAINEES) == "hold"


def test_offline_check_ins_count(export: Export) -> None:
    first, _, again = both(export, from_hour=9)
    for row in export.rows["check_ins"]:
        if row["enrolment"] == again:
            row["offline"] = True

    assert first.severity(TRAINEES) == "hold"


def test_people_in_two_programs_one_lesson_at_a_time_are_spared(export: Export) -> None:
    first, second, _ = both(export, from_hour=14)

    assert (first.found(TRAINEES), second.found(TRAINEES)) == ([], [])


def test_two_rosters_but_one_lesson_attended_are_spared(export: Export) -> None:
    first, second, _ = both(export, from_hour=9, attend=False)

    assert (first.found(TRAINEES), second.found(TRAINEES)) == ([], [])


def test_lessons_that_touch_are_spared(export: Export) -> None:
    first, _, _ = both(export, from_hour=12 - 5 / 60)

    assert first.found(TRAINEES) == []


def test_who_checked_out_before_the_other_lesson_is_spared(export: Export) -> None:
    first, _, _ = both(export, from_hour=11.5)
    for day in range(first.days):
        left = first.starts(day) + timedelta(hours=2, minutes=20)
        first.check_in(day, first.enrolments[0], left, kind="out")

    assert first.found(TRAINEES) == []


def test_a_made_up_check_in_meanwhile_is_told_and_not_held(export: Export) -> None:
    first, second, again = both(export, from_hour=9)
    for row in export.rows["check_ins"]:
        if row["enrolment"] == again:
            row |= {"made_up": True, "location": None, "device": None}

    assert (first.severity(TRAINEES), second.severity(TRAINEES)) == ("warn", "warn")


@pytest.mark.parametrize("status", ["draft", "returned", "cancelled"])
def test_classes_that_stand_for_nothing_collide_with_nothing(export: Export, status: str) -> None:
    first, second, _ = both(export, from_hour=9)
    second.head |= {"status": status}
    for lesson in second.head["lessons"]:
        lesson["trainer"] = "trainer 1"

    for rule in (TRAINEES, PLACES, CAPACITY):
        assert (first.found(rule), second.found(rule)) == ([], [])


# ----------------------------------------------------------------------------- trainers and rooms


def test_a_trainer_in_two_cities_at_once_is_held_in_both(export: Export) -> None:
    first = export.course(trainer="trainer x")
    second = export.course(trainer="trainer x", institution=OTHER_SCHOOL, place=WUHU)

    [finding] = first.found(PLACES)
    assert (finding.severity, finding.subject.kind, finding.subject.id) == ("hold", "trainer", "trainer x")
    assert (finding.lines, finding.evidence["classes"]) == ([], [second.id])
    assert second.severity(PLACES) == "hold"


def test_a_trainer_twenty_minutes_at_once_on_one_day_is_held(export: Export) -> None:
    first = export.course(trainer="trainer x")
    second = export.course(from_hour=11 + 40 / 60)
    second.head["lessons"][2]["trainer"] = "trainer x"

    [finding] = first.found(PLACES)
    assert (finding.severity, finding.evidence["minutes_at_most"]) == ("hold", 20.0)


def by_one_trainer(export: Export, from_hour: float, *, place: tuple[float, float] = WUHU) -> Course:
    """Give a class from 9 to 12 in Hefei whose trainer teaches another one from an hour on."""
    course = export.course(trainer="王")
    export.course(trainer="王", institution=OTHER_SCHOOL, place=place, from_hour=from_hour)
    return course


def test_a_trainer_in_two_cities_in_a_row_is_held(export: Export) -> None:
    """Until noon in Hefei, from five past twelve in Wuhu: no train makes 126 km in that."""
    course = by_one_trainer(export, 12 + 5 / 60)

    [finding] = course.found(PLACES)
    assert (finding.severity, finding.subject.kind, finding.subject.id) == ("hold", "trainer", "王")
    assert (finding.evidence["times"], finding.evidence["minutes_between"]) == (5, 5.0)
    assert 120 < finding.evidence["km"] < 130


def test_a_trainer_whose_lessons_touch_in_two_cities_is_held(export: Export) -> None:
    """They overlap by no more than a bell rung late, which nobody travels in."""
    assert by_one_trainer(export, 11 + 56 / 60).severity(PLACES) == "hold"


def test_a_trainer_with_no_time_to_board_a_train_is_told(export: Export) -> None:
    assert by_one_trainer(export, 12.5).severity(PLACES) == "warn"


def test_a_trainer_who_drives_over_for_the_afternoon_is_spared(export: Export) -> None:
    assert by_one_trainer(export, 14).found(PLACES) == []


def test_a_trainer_at_two_sites_of_one_town_in_a_row_is_spared(export: Export) -> None:
    near = (HEFEI[0] + 0.08, HEFEI[1])

    assert by_one_trainer(export, 12, place=near).found(PLACES) == []


def test_a_room_taken_twice_is_held(export: Export) -> None:
    first, second = export.course(room="教室 1"), export.course(room=" 教室  1 ")

    [finding] = first.found(PLACES)
    assert (finding.severity, finding.subject.id, finding.evidence["what"]) == ("hold", first.id, "room")
    assert second.severity(PLACES) == "hold"


def test_rooms_of_one_name_at_two_sites_or_institutions_are_spared(export: Export) -> None:
    first = export.course(room="1")
    export.course(room="1", place=WUHU)
    export.course(room="1", institution=OTHER_SCHOOL)

    assert first.found(PLACES) == []


def test_a_room_swapped_by_an_approved_change_is_spared(export: Export) -> None:
    """Both classes name room 1 as theirs; the lessons of one were moved to room 2."""
    first, second = export.course(room="1"), export.course(room="1")
    for lesson in second.head["lessons"]:
        lesson["room"] = "2"

    assert (first.found(PLACES), second.found(PLACES)) == ([], [])


def test_one_room_whose_site_is_told_in_two_systems_is_one_room(export: Export) -> None:
    from chalicelib.kernel.geo import CoordSystem, Point, convert

    first, second = export.course(room="1"), export.course(room="1")
    there = convert(Point(*HEFEI, CoordSystem.WGS84), CoordSystem.BD09)
    second.head["site"] |= {"lng": there.lng, "lat": there.lat, "coord_system": "bd09"}

    assert first.severity(PLACES) == "hold"


def test_a_class_only_applied_for_is_told_and_not_held(export: Export) -> None:
    first, second = export.course(trainer="trainer x"), export.course(trainer="trainer x", attended=False)
    second.head["status"] = "submitted"

    assert first.severity(PLACES) == "warn"


def test_night_classes_over_midnight_collide_as_others_do(export: Export) -> None:
    first = export.course(trainer="trainer x", from_hour=22)
    second = export.course(trainer="trainer x", from_hour=24.5, hours=2)
    after = export.course(trainer="trainer y", from_hour=25)

    assert (first.severity(PLACES), second.severity(PLACES), after.found(PLACES)) == ("hold", "hold", [])


# ------------------------------------------------------------------------------------- claim_burst


def school(export: Export, rooms: int | None, classes: int, **told: object) -> list[Course]:
    export.institution(OTHER_SCHOOL, rooms)
    return [export.course(people=10, institution=OTHER_SCHOOL, **told) for _ in range(classes)]


def test_ten_paper_trainers_do_not_hide_ten_classes_in_two_rooms(export: Export) -> None:
    courses = school(export, 2, 10)

    [finding] = courses[0].found(CAPACITY)
    assert (finding.severity, finding.subject.kind, finding.subject.id) == (
        "hold",
        "institution",
        OTHER_SCHOOL,
    )
    assert (finding.evidence["lessons_at_once"], finding.evidence["trainers_at_once"]) == (10, 10)
    assert [course.severity(CAPACITY) for course in courses] == ["hold"] * 10


def test_one_class_more_than_rooms_is_told(export: Export) -> None:
    assert [course.severity(CAPACITY) for course in school(export, 4, 5)] == ["warn"] * 5


def test_as_many_classes_as_rooms_are_spared(export: Export) -> None:
    assert [course.severity(CAPACITY) for course in school(export, 4, 4)] == [None] * 4


def test_classes_one_after_the_other_are_spared(export: Export) -> None:
    export.institution(OTHER_SCHOOL, 1)
    courses = [
        export.course(people=10, institution=OTHER_SCHOOL, from_hour=hour, room="1", trainer="x")
        for hour in (9, 12, 15)
    ]

    assert [course.severity(CAPACITY) for course in courses] == [None] * 3


def test_more_hours_than_a_day_has_are_told(export: Export) -> None:
    export.institution(OTHER_SCHOOL, 1)
    course, *_ = [
        export.course(people=10, institution=OTHER_SCHOOL, from_hour=hour) for hour in (6, 9, 12, 15, 18, 21)
    ]

    assert course.severity(CAPACITY) == "warn"


def test_unknown_rooms_are_those_that_timetables_name(export: Export) -> None:
    assert [course.severity(CAPACITY) for course in school(export, None, 6)] == [None] * 6


@pytest.mark.parametrize(("classes", "severity"), [(1, None), (2, "warn"), (3, "hold"), (6, "hold")])
def test_lessons_that_name_no_room_are_in_one(export: Export, classes: int, severity: str | None) -> None:
    """Was no case at all: three classes at once of paper trainers, by leaving the room out."""
    told = [course.severity(CAPACITY) for course in school(export, None, classes, room=None)]
    assert told == [severity] * classes


def test_rooms_of_one_name_at_two_sites_are_two(export: Export) -> None:
    """Were one: a school with a room 301 at each of its sites was held."""
    there = (HEFEI[0] + 0.2, HEFEI[1])
    export.institution(OTHER_SCHOOL, None)
    courses = [
        export.course(people=10, institution=OTHER_SCHOOL, room=room, place=place)
        for place in (HEFEI, there)
        for room in ("301", "302")
    ]
    assert [course.severity(CAPACITY) for course in courses] == [None] * 4


def raised(export: Export, classes: int, *, before: int, rooms: int, days: float = 30) -> list[Course]:
    """Have a school that had fewer rooms until so many days before its classes begin."""
    until = MONDAY - timedelta(days=days)
    export.institution(OTHER_SCHOOL, rooms, rooms_before=[{"rooms": before, "until": text(until)}])
    return [export.course(people=10, institution=OTHER_SCHOOL) for _ in range(classes)]


def test_forty_rooms_entered_for_two_hide_no_ten_classes(export: Export) -> None:
    course, *_ = raised(export, 10, before=2, rooms=40)

    [finding] = course.found(CAPACITY)
    assert finding.severity == "hold"
    assert (finding.evidence["rooms"], finding.evidence["rooms_a_year_before"]) == (40, 2)
    assert finding.evidence["rooms_then"] == 40


def test_rooms_entered_little_by_little_hide_nothing_either(export: Export) -> None:
    steps = [(2, 200), (4, 120), (6, 60), (8, 20)]
    before = [{"rooms": rooms, "until": text(MONDAY - timedelta(days=days))} for rooms, days in steps]
    export.institution(OTHER_SCHOOL, 10, rooms_before=before)
    course, *_ = [export.course(people=10, institution=OTHER_SCHOOL) for _ in range(10)]

    assert course.severity(CAPACITY) == "hold"


def test_rooms_entered_after_the_lessons_do_not_count(export: Export) -> None:
    course, *_ = raised(export, 4, before=2, rooms=6, days=-60)

    [finding] = course.found(CAPACITY)
    assert (finding.severity, finding.evidence["rooms_then"]) == ("hold", 2)


def test_a_school_that_doubled_and_uses_it_is_told_and_not_held(export: Export) -> None:
    first, *others = raised(export, 4, before=2, rooms=4)
    assert first.severity(CAPACITY) == "warn"
    assert [course.severity(CAPACITY) for course in others] == [None] * 3, "one class is enough to tell of it"


def test_rooms_that_were_raised_and_are_not_used_are_nothing(export: Export) -> None:
    assert [course.severity(CAPACITY) for course in raised(export, 2, before=2, rooms=40)] == [None] * 2


def test_rooms_raised_more_than_a_year_before_are_the_schools(export: Export) -> None:
    courses = raised(export, 10, before=2, rooms=10, days=380)
    assert [course.severity(CAPACITY) for course in courses] == [None] * 10
