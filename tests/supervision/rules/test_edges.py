"""Rules about lessons, rooms, films and marks: told to the figure, spared to the last case."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from random import Random

import msgspec
import pytest

from chalicelib.supervision.records.model import StandingRecord
from chalicelib.supervision.rules.ineligibility import bounds_of
from tests.supervision.rules.exports import HEFEI, METRE, MONDAY, SCHOOL, WUHU, Course, Export, text

MINUTE, SECOND, MOMENT = timedelta(minutes=1), timedelta(seconds=1), timedelta(microseconds=1)


def shown(course: Course, rule: str) -> tuple[str | None, list[str]]:
    """Give the severity of a rule's one finding, and its signs."""
    found = course.found(rule)
    assert len(found) <= 1
    return (found[0].severity.value, list(found[0].evidence["signs"])) if found else (None, [])


# ------------------------------------------------------------------------------- offline_check_ins


def offline(course: Course, day: int, places: Collection[int]) -> None:
    for place, row in enumerate(course.check_ins(day)):
        if place in places:
            row["offline"] = True


def late(people: int, days: int, *lessons: Collection[int]) -> Course:
    """Give a class, and in so many of its lessons who was offline."""
    course = Export().course(people=people, days=days)
    for day, places in enumerate(lessons):
        offline(course, day, places)
    return course


def test_who_was_offline_is_told_to_the_figure() -> None:
    course = late(12, 10, *[range(5)] * 3)
    [finding] = course.found("offline_check_ins")
    records = [row for row in course.check_ins() if row["offline"]]
    assert (finding.severity.value, finding.subject.kind.value, finding.subject.id) == (
        "hold",
        "class",
        course.id,
    )
    assert finding.lines == course.enrolments[:5]
    assert dict(finding.evidence) == {
        "signs": ["people"],
        "offline": 15,
        "offline_accepted": 15,
        "arrivals": 120,
        "people_offline_alone": 5,
        "trainees": 12,
        "days_without_network": 0,
        "days": 10,
        "lessons_with_made_up_places": 0,
        "offline_people": 5,
        "offline_days": 4,
        "offline_outage_share": 0.5,
        "offline_share": 0.35,
        "offline_share_held": 0.5,
        "check_ins": [row["id"] for row in records],
    }
    assert text(finding.at) == max(row["received_at"] for row in records)


@pytest.mark.parametrize(
    ("course", "severity", "signs"),
    [
        (late(10, 10, *[range(3)] * 3), "warn", ["people"]),
        (late(10, 10, *[range(2)] * 3), None, []),
        (late(10, 10, *[range(3)] * 2), None, []),
        (late(10, 11, *[range(3)] * 3), None, []),
        (late(10, 10, *[range(4)] * 3), "warn", ["people"]),
        (late(10, 16, *[range(5)] * 4), "warn", ["days"]),
        (late(10, 17, *[range(5)] * 4), None, []),
        (late(10, 10, *[range(5)] * 3), None, []),
        (late(10, 18, *[range(5)] * 5), "warn", ["days"]),
        (late(10, 12, *[range(5)] * 6), "hold", ["days"]),
        (late(10, 13, *[range(5)] * 6), "warn", ["days"]),
        (late(10, 10, *[range(5)] * 5), "warn", ["days"]),
        (late(20, 2, range(10), range(10)), "hold", ["share"]),
        (late(20, 2, range(10), range(9)), "warn", ["share"]),
        (late(20, 2, range(7), range(7)), "warn", ["share"]),
        (late(20, 2, range(7), range(6)), None, []),
        (late(39, 1, range(39)), None, []),
        (late(40, 1, range(20)), "hold", ["share"]),
    ],
)
def test_what_a_network_explains_ends_at_its_figures(
    course: Course, severity: str | None, signs: list[str]
) -> None:
    assert shown(course, "offline_check_ins") == (severity, signs)


def placed_at(
    course: Course, day: int, spots: Sequence[tuple[float, float]], accuracy_m: float = 12.0
) -> None:
    """Put the first people of a lesson at points so many metres east and north of the site."""
    for row, (east, north) in zip(course.check_ins(day), spots, strict=False):
        row["location"] |= {
            "lng": round(HEFEI[0] + east * METRE * 1.17 + 1e-7, 7),
            "lat": round(HEFEI[1] + north * METRE + 1e-7, 7),
            "accuracy_m": accuracy_m,
        }


def scattered(count: int, metres: float, seed: int = 1) -> list[tuple[float, float]]:
    chance = Random(seed)
    return [(chance.gauss(0, metres), chance.gauss(0, metres)) for _ in range(count)]


GRID = [(15.0 * column, 15.0 * row) for column in range(4) for row in range(2)]


@pytest.mark.parametrize(
    ("spots", "lessons", "severity"),
    [
        ([(0, 0)] * 5, 1, "warn"),
        ([(0, 0)] * 4, 1, None),
        ([(0, 0)] * 5, 2, "hold"),
        (scattered(8, 0.5), 1, "warn"),
        (scattered(7, 0.5), 1, None),
        (scattered(8, 9.0), 1, None),
        (GRID, 1, "warn"),
    ],
)
def test_late_places_that_were_copied_are_told_once_and_grave_twice(
    spots: Sequence[tuple[float, float]], lessons: int, severity: str | None
) -> None:
    course = late(30, 5, *[range(len(spots))] * lessons)
    for day in range(lessons):
        placed_at(course, day, spots)
    assert shown(course, "offline_check_ins") == (severity, ["places"] if severity else [])
    for finding in course.found("offline_check_ins"):
        assert finding.evidence["lessons_with_made_up_places"] == lessons


# --------------------------------------------------------------------------- identical_coordinates


@pytest.mark.parametrize(
    ("people", "spots", "lessons", "severity", "signs"),
    [
        (10, [(0, 0)] * 5, 1, "warn", ["one_point"]),
        (11, [(40, 60)] * 5, 1, None, []),
        (8, [(40, 60)] * 4, 1, None, []),
        (10, [(0, 0)] * 5, 2, "hold", ["one_point"]),
        (8, [(0, 0)] * 2 + [(9, 9)] * 2 + [(30, 5)] * 2 + [(4, 44)] * 2, 1, "warn", ["few_points"]),
        (7, [(0, 0)] * 2 + [(9, 9)] * 2 + [(30, 5)] * 3, 1, None, []),
        (8, scattered(8, 0.5), 1, "warn", ["closer_than_receivers"]),
        (7, scattered(7, 0.5), 1, None, []),
        (8, scattered(8, 0.5), 2, "hold", ["closer_than_receivers"]),
        (8, GRID, 1, "warn", ["on_a_grid"]),
        (10, [(0, 0)] * 9, 1, "warn", ["one_point"]),
        (11, [(0, 0)] * 10, 1, "hold", ["one_point"]),
        (20, [(0, 0)] * 18, 1, "hold", ["one_point"]),
        (20, [(0, 0)] * 17, 1, "warn", ["one_point"]),
    ],
)
def test_places_are_copied_from_so_many_people_and_lessons_on(
    people: int, spots: Sequence[tuple[float, float]], lessons: int, severity: str | None, signs: list[str]
) -> None:
    course = Export().course(people=people, days=5)
    for day in range(lessons):
        placed_at(course, day, spots)
    assert shown(course, "identical_coordinates") == (severity, signs)


def test_a_copied_place_is_told_to_the_figure() -> None:
    course = Export().course(people=10, days=3)
    for day in (0, 1):
        placed_at(course, day, [(0, 0)] * 6, accuracy_m=10.0)
    [finding] = course.found("identical_coordinates")
    clearest = [row["id"] for row in course.check_ins(1)[:6]]
    assert (finding.severity.value, finding.subject.id, finding.lines) == (
        "hold",
        course.id,
        course.enrolments[:6],
    )
    figures = dict(finding.evidence)
    assert figures.pop("accuracy_m") == 10.0
    assert figures == {
        "signs": ["one_point"],
        "lessons_found": 2,
        "lessons_judged": 3,
        "people": 10,
        "points": 5,
        "at_one_point": 6,
        "spread_m": 0.0,
        "identical_share": 0.5,
        "scatter_m": 2.0,
        "scatter_of_accuracy": 0.15,
        "check_ins": clearest,
    }
    assert text(finding.at) == max(row["received_at"] for row in course.check_ins(1)[:6])


# ---------------------------------------------------------------------------------- check_in_burst


def rush(course: Course, day: int, seconds: float, *, ordered: bool = False, even: bool = False) -> None:
    """Let a class come within so many seconds, in an order of its own, most of them early."""
    rows = course.check_ins(day)
    shares = [(place / (len(rows) - 1)) ** (1 if even else 3) for place in range(len(rows))]
    if not ordered:
        Random(day).shuffle(rows)
    for row, share in zip(rows, shares, strict=True):
        row["received_at"] = text(course.starts(day) - 10 * MINUTE + share * seconds * SECOND)


def eighty_percent(course: Course, day: int, seconds: float, rest: float = 300.0) -> None:
    """Let four of five come within so many seconds, to the second; the others minutes later."""
    rows = course.check_ins(day)
    Random(day).shuffle(rows)
    most = -(-len(rows) * 4 // 5)
    for place, row in enumerate(rows):
        after = seconds * (place / (most - 1)) ** 3 if place < most else rest + 40 * (place - most) ** 2
        row["received_at"] = text(course.starts(day) - 10 * MINUTE + timedelta(seconds=round(after, 6)))


@pytest.mark.parametrize(
    ("people", "days", "lessons", "seconds", "severity", "signs"),
    [
        (18, 5, 1, 30, "warn", []),
        (17, 5, 1, 30, None, []),
        (18, 5, 1, 30.1, None, []),
        (8, 6, 3, 30, "warn", []),
        (8, 7, 3, 30, None, []),
        (8, 4, 2, 30, None, []),
        (7, 6, 3, 30, "warn", []),
        (7, 7, 3, 30, None, []),
        (4, 6, 3, 30, None, []),
        (10, 6, 2, 10, "hold", ["faster_than_people"]),
        (10, 6, 2, 10.1, None, []),
        (10, 6, 1, 10, None, []),
        (25, 6, 1, 10, "hold", ["faster_than_people"]),
        (23, 6, 1, 10, "warn", []),
    ],
)
def test_a_burst_is_of_so_many_people_seconds_and_lessons(
    people: int, days: int, lessons: int, seconds: float, severity: str | None, signs: list[str]
) -> None:
    course = Export().course(people=people, days=days)
    for day in range(lessons):
        eighty_percent(course, day, seconds)
    assert shown(course, "check_in_burst") == (severity, signs)


def test_a_burst_is_told_to_the_figure() -> None:
    course = Export().course(people=20, days=4)
    eighty_percent(course, 0, 25)
    eighty_percent(course, 2, 20.04)
    [finding] = course.found("check_in_burst")
    rows = sorted(course.check_ins(2), key=lambda row: row["received_at"])[:16]
    assert (finding.severity.value, finding.subject.kind.value, finding.subject.id) == (
        "warn",
        "class",
        course.id,
    )
    assert dict(finding.evidence) == {
        "signs": [],
        "lessons_found": 2,
        "lessons_judged": 4,
        "people": 16,
        "seconds_at_least": 20.0,
        "burst_share": 0.8,
        "burst_seconds": 30,
        "burst_seconds_scripted": 150,
        "lessons": ["les_1-00", "les_1-02"],
    }
    assert text(finding.at) == rows[-1]["received_at"]
    assert {row["enrolment"] for row in rows} <= set(finding.lines)


def test_half_as_many_devices_as_people_are_few() -> None:
    for devices, signs in ((8, ["few_devices"]), (9, [])):
        course = Export().course(people=20, days=1)
        eighty_percent(course, 0, 100)
        first = sorted(course.check_ins(0), key=lambda row: row["received_at"])[:16]
        for place, row in enumerate(first):
            row["device"] = f"drawer {place % devices}"
        assert shown(course, "check_in_burst")[1] == signs, devices


# ------------------------------------------------------------------------------------- claim_burst


def crowd(rooms: int | None, classes: int, **told: object) -> Course:
    """Give one of so many classes that an institution holds at once."""
    export = Export()
    export.rows["institutions"][0]["rooms"] = rooms
    first, *_ = [export.course(people=1, **{"days": 2, **told}) for _ in range(classes)]
    return first


@pytest.mark.parametrize(
    ("rooms", "classes", "severity"),
    [
        (2, 2, None),
        (2, 3, "warn"),
        (2, 4, "hold"),
        (6, 8, "warn"),
        (6, 9, "hold"),
        (10, 10, None),
        (10, 14, "warn"),
        (10, 15, "hold"),
        (60, 40, None),
        (60, 41, "warn"),
    ],
)
def test_more_lessons_than_rooms_are_told_and_half_as_many_again_are_grave(
    rooms: int, classes: int, severity: str | None
) -> None:
    assert crowd(rooms, classes).severity("claim_burst") == severity


def test_a_crowd_is_told_to_the_figure_and_once_is_none() -> None:
    course = crowd(2, 4)
    [finding] = course.found("claim_burst")
    assert (finding.subject.kind.value, finding.subject.id, finding.lines) == ("institution", SCHOOL, [])
    assert dict(finding.evidence) == {
        "rooms": 2,
        "rooms_known": True,
        "lessons_at_once": 4,
        "trainers_at_once": 4,
        "lessons_crowded": 2,
        "lessons": 2,
        "days_too_short": 0,
        "burst_capacity": 1.5,
        "rooms_believed": 40,
        "room_hours_per_day": 16.0,
        "classes": ["cls_1", "cls_2", "cls_3", "cls_4"],
    }
    assert finding.at == course.starts(1)
    assert crowd(2, 4, days=1).found("claim_burst") == []


@pytest.mark.parametrize(("hours", "told"), [(16, False), (17, True)])
def test_a_room_has_sixteen_hours_a_day(hours: int, *, told: bool) -> None:
    course = crowd(1, 1, from_hour=1, hours=hours)
    found = course.found("claim_burst")
    assert [finding.severity.value for finding in found] == (["warn"] if told else [])
    for finding in found:
        assert (finding.evidence["days_too_short"], finding.evidence["lessons_at_once"]) == (2, 0)
        assert finding.at == course.starts(1)
    assert crowd(1, 1, from_hour=1, hours=hours, days=1).found("claim_burst") == []


def test_unknown_rooms_are_counted_in_timetables_an_unnamed_one_for_each_site() -> None:
    course = crowd(None, 4, room="the only room")
    [finding] = course.found("claim_burst")
    assert (finding.severity.value, finding.evidence["rooms"], finding.evidence["rooms_known"]) == (
        "hold",
        1,
        False,
    )
    course.export.rows["classes"][1]["room"] = None
    assert [one.evidence["rooms"] for one in course.found("claim_burst")] == [2]


def grown(before: int, classes: int, *, days: float = 30.0, rooms: int = 40) -> list[Course]:
    """Have a school that had fewer rooms until so long before its classes begin at nine."""
    export = Export()
    until = MONDAY + timedelta(hours=9) - timedelta(days=days)
    export.rows["institutions"][0] |= {
        "rooms": rooms,
        "rooms_before": [{"rooms": before, "until": text(until)}],
    }
    return [export.course(people=1, days=2) for _ in range(classes)]


@pytest.mark.parametrize(
    ("before", "classes", "severity"),
    [
        (2, 3, None),
        (2, 4, "warn"),
        (2, 5, "warn"),
        (2, 6, "hold"),
        (6, 8, None),
        (6, 9, "warn"),
        (6, 17, "warn"),
        (6, 18, "hold"),
    ],
)
def test_a_school_that_grew_is_told_at_half_as_many_again_and_grave_at_three_times(
    before: int, classes: int, severity: str | None
) -> None:
    first, *others = grown(before, classes)
    assert first.severity("claim_burst") == severity
    assert others[0].severity("claim_burst") == (severity if severity == "hold" else None)
    for finding in first.found("claim_burst"):
        assert {
            name: finding.evidence[name] for name in ("rooms_a_year_before", "rooms_then", "rooms_grown")
        } == {
            "rooms_a_year_before": before,
            "rooms_then": 40,
            "rooms_grown": 3.0,
        }
        assert finding.evidence["rooms_raised_at"] == text(MONDAY + timedelta(hours=9) - timedelta(days=30))


@pytest.mark.parametrize(("days", "severity"), [(365, None), (365 - 1e-6, "hold")])
def test_rooms_of_more_than_a_year_ago_are_forgotten(days: float, severity: str | None) -> None:
    assert grown(2, 6, days=days)[0].severity("claim_burst") == severity


@pytest.mark.parametrize(("days", "then"), [(0, 40), (-1e-6, 2)])
def test_rooms_count_that_were_on_record_when_the_lesson_was_held(days: float, then: int) -> None:
    [finding] = grown(2, 6, days=days)[0].found("claim_burst")
    assert finding.evidence["rooms_then"] == then


@pytest.mark.parametrize(("ends", "severity"), [(5, None), (6, "warn")])
def test_a_lesson_that_ends_as_another_begins_is_not_beside_it(ends: float, severity: str | None) -> None:
    """Mine from 9 to 12; one begins at 11, and one that began before mine ends minutes after that."""
    export = Export()
    export.rows["institutions"][0]["rooms"] = 2
    mine = export.course(people=1, days=2)
    export.course(people=1, days=2, from_hour=11)
    export.course(people=1, days=2, from_hour=8, hours=3 + ends / 60)
    assert mine.severity("claim_burst") == severity


def test_lessons_over_midnight_are_beside_those_of_the_next_day() -> None:
    export = Export()
    export.rows["institutions"][0]["rooms"] = 1
    export.course(people=1, days=2, from_hour=23)
    after = export.course(people=1, days=2, from_hour=24.5)
    assert after.severity("claim_burst") == "warn"


# ----------------------------------------------------------------- lesson_overlap, trainers and rooms


def pair(minutes: float, **told: object) -> tuple[Course, Course]:
    """Give two classes of which the second begins so long before the first ends, with one person in both."""
    export = Export()
    first = export.course(people=1, days=2, trainer="T", room="R")
    second = export.course(people=0, days=2, **{"trainer": "T", "room": " r", **told})
    for day, row in enumerate(second.head["lessons"]):
        begins = first.ends(day) - timedelta(minutes=minutes)
        row |= {"starts_at": text(begins), "ends_at": text(begins + timedelta(hours=2))}
    [again] = second.enrol([first.person_of(first.enrolments[0])])
    for day in range(2):
        second.check_in(day, again, first.ends(day) - timedelta(minutes=minutes) - MINUTE)
    return first, second


def test_one_person_trainer_and_room_at_once_are_told_to_the_figure() -> None:
    first, _ = pair(60)
    lessons = ["les_1-00", "les_1-01", "les_2-00", "les_2-01"]
    [finding] = first.found("lesson_overlap")
    assert (finding.severity.value, finding.subject.id, finding.lines) == ("hold", "enr_1-00", ["enr_1-00"])
    assert dict(finding.evidence) == {
        "times": 2,
        "times_made_up": 0,
        "minutes_at_most": 60.0,
        "overlap_minutes": 5,
        "classes": ["cls_2"],
        "lessons": lessons,
    }
    assert finding.at == first.ends(1) - 61 * MINUTE
    places = first.found("trainer_or_room_overlap")
    assert {(one.subject.kind.value, one.subject.id, one.evidence["what"]) for one in places} == {
        ("class", "cls_1", "room"),
        ("trainer", "T", "trainer"),
    }
    for one in places:
        assert (one.severity.value, one.lines, one.at) == ("hold", [], first.ends(1) - 60 * MINUTE)
        assert {name: figure for name, figure in one.evidence.items() if name != "what"} == {
            "times": 2,
            "minutes_at_most": 60.0,
            "overlap_minutes": 5,
            "classes": ["cls_2"],
            "rooms": ["r"],
            "lessons": lessons,
        }


@pytest.mark.parametrize(("minutes", "told"), [(4, False), (5, False), (5.1, True)])
def test_lessons_touch_up_to_five_minutes(minutes: float, *, told: bool) -> None:
    for course in pair(minutes):
        assert course.severity("lesson_overlap") == ("hold" if told else None)
        assert course.severity("trainer_or_room_overlap") == ("hold" if told else None)


def test_a_class_that_was_only_applied_for_is_told_and_a_made_up_check_in_too() -> None:
    first, second = pair(60)
    second.head["status"] = "submitted"
    found = first.found("trainer_or_room_overlap")
    assert [one.severity.value for one in found] == ["warn", "warn"]
    for row in second.check_ins():
        row["made_up"] = True
    [finding] = first.found("lesson_overlap")
    assert (finding.severity.value, finding.evidence["times_made_up"]) == ("warn", 2)


@pytest.mark.parametrize(("minutes", "told"), [(0, False), (-1, True)])
def test_who_checked_out_before_the_other_lesson_began_was_not_in_both(minutes: float, *, told: bool) -> None:
    first, _ = pair(60)
    for day in range(2):
        began = first.ends(day) - 60 * MINUTE
        first.check_in(day, first.enrolments[0], began - timedelta(minutes=minutes), kind="out")
    assert first.severity("lesson_overlap") == ("hold" if told else None)


@pytest.mark.parametrize(("metres", "told"), [(140, True), (160, False)])
def test_two_sites_within_a_hundred_and_fifty_metres_are_one(metres: float, *, told: bool) -> None:
    first, _ = pair(60, trainer="other", place=(HEFEI[0], HEFEI[1] + metres / 111_195))
    assert first.severity("trainer_or_room_overlap") == ("hold" if told else None)


def test_a_trainer_cannot_teach_in_two_cities_in_a_row() -> None:
    first, _ = pair(0, place=WUHU)
    [finding] = first.found("trainer_or_room_overlap")
    assert (finding.severity.value, finding.subject.kind.value, finding.subject.id) == (
        "hold",
        "trainer",
        "T",
    )
    assert dict(finding.evidence) == {
        "what": "trainer on the way",
        "times": 2,
        "km": 125.5,
        "minutes_between": 0.0,
        "overlap_minutes": 5,
        "train_km_per_hour": 350.0,
        "classes": ["cls_2"],
        "lessons": ["les_1-00", "les_1-01", "les_2-00", "les_2-01"],
    }
    assert finding.at == first.ends(1)


def test_a_way_to_an_unknown_place_is_none() -> None:
    first, second = pair(0, place=WUHU)
    for course in (first, second):
        course.head["site"] = None
        assert first.found("trainer_or_room_overlap") == second.found("trainer_or_room_overlap") == []


@pytest.mark.parametrize(
    ("minutes", "severity"),
    [(-16, "hold"), (-17, "warn"), (-35, "warn"), (-36, None), (5, "hold")],
)
def test_a_way_between_two_lessons_has_the_time_of_a_bell_more(minutes: float, severity: str | None) -> None:
    for course in pair(minutes, place=WUHU):
        assert course.severity("trainer_or_room_overlap") == severity


# ------------------------------------------------------------------------------------- footage_gap


def test_what_is_not_shown_is_told_to_the_figure() -> None:
    course = Export().course(people=2, days=4)
    films = course.footage()
    films[0]["started_at"] = text(course.starts(0) + 60 * MINUTE)
    films[1]["status"] = "announced"
    [finding] = course.found("footage_gap")
    assert (finding.severity.value, finding.subject.id, finding.at) == ("hold", course.id, course.ends(1))
    assert dict(finding.evidence) == {
        "lessons_due": 4,
        "lessons_with_gaps": 2,
        "missing_share": 0.333,
        "missing_minutes": 240.0,
        "recordings_used_again": 0,
        "recordings_wrapped_anew": 0,
        "footage_coverage": 0.9,
        "footage_missing_share": 0.15,
        "lessons": ["les_1-00", "les_1-01"],
        "footage": [],
    }
    films[3]["sha256"] = films[2]["sha256"]
    [again] = course.found("footage_gap")
    assert (again.evidence["recordings_used_again"], again.evidence["footage"]) == (1, ["ftg_1-03"])
    assert again.evidence["lessons"] == ["les_1-00", "les_1-01", "les_1-03"]
    assert again.at == course.ends(3) + 5 * MINUTE


@pytest.mark.parametrize(
    ("missing", "severity"),
    [
        # of four lessons of 180 minutes: 18 are a changeover's tenth and no more, 108 are 0.15, 72 are 0.1
        ([18, 18], None),
        ([19, 19], None),
        ([36, 36], "warn"),
        ([36, 35], None),
        ([54, 54], "hold"),
        ([54, 53], "warn"),
        ([180], None),
        ([18, 180], None),
        ([19, 180], "hold"),
    ],
)
def test_gaps_are_told_from_a_tenth_on_and_in_two_lessons(
    missing: Sequence[int], severity: str | None
) -> None:
    course = Export().course(people=2, days=4)
    for row, minutes in zip(course.footage(), missing, strict=False):
        starts = datetime.fromisoformat(row["started_at"]) + 5 * MINUTE
        row["started_at"] = text(starts + minutes * MINUTE)
    assert course.severity("footage_gap") == severity


@pytest.mark.parametrize(("missing", "severity"), [(18, None), (19, "warn")])
def test_a_lesson_of_which_nine_tenths_are_shown_is_covered(missing: int, severity: str | None) -> None:
    course = Export().course(people=2, days=2)
    for day, row in enumerate(course.footage()):
        row["started_at"] = text(course.starts(day) + missing * MINUTE)
    assert course.severity("footage_gap") == severity


def test_one_file_is_used_again_in_another_lesson_and_not_in_its_own() -> None:
    course = Export().course(people=2, days=3)
    films = course.footage()
    films[1]["sha256"] = films[0]["sha256"]
    films[1] |= {"started_at": films[0]["ended_at"], "ended_at": text(course.ends(0) + 60 * MINUTE)}
    [finding] = course.found("footage_gap")
    assert finding.evidence["recordings_used_again"] == 1, "it begins as the other ends"
    films[1]["started_at"] = text(course.ends(0))
    assert all(one.evidence["recordings_used_again"] == 0 for one in course.found("footage_gap"))
    course = Export().course(people=2, days=2)
    twice = course.footage()[0] | {"id": "ftg_again", "camera": "another"}
    course.export.rows["footage"].append(twice)
    assert course.found("footage_gap") == []


@pytest.mark.parametrize(("again", "severity"), [(1, "warn"), (2, "hold")])
def test_one_file_used_again_is_told_and_two_are_grave(again: int, severity: str) -> None:
    course = Export().course(people=2, days=30)
    films = course.footage()
    for number in range(again):
        films[2 * number + 1]["sha256"] = films[2 * number]["sha256"]
    [finding] = course.found("footage_gap")
    assert (finding.severity.value, finding.evidence["recordings_used_again"]) == (severity, again)


@pytest.mark.parametrize(
    ("hours", "gap", "told"),
    [(3, 10, False), (3, 11, True), (1, 6, False), (1, 7, True), (0.5, 5, False), (0.5, 6, True)],
)
def test_a_camera_changes_over_within_a_tenth_of_a_lesson_and_ten_minutes(
    hours: float, gap: float, *, told: bool
) -> None:
    """The same gap twice: at the middle of each lesson and at its end."""
    course = Export().course(people=2, days=2, hours=hours)
    films = course.export.rows["footage"]
    films.clear()
    for day in range(2):
        middle = course.starts(day) + timedelta(hours=hours) / 2
        for number, (begins, ends) in enumerate(
            [(course.starts(day), middle), (middle + gap * MINUTE, course.ends(day) - gap * MINUTE)]
        ):
            films.append(
                {
                    "id": f"ftg_{day}-{number}",
                    "lesson": course.lesson(day),
                    "started_at": text(begins),
                    "ended_at": text(ends),
                    "status": "stored",
                    "sha256": f"{day}{number}",
                }
            )
    assert (course.severity("footage_gap") is not None) is told


def test_footage_is_due_after_a_week() -> None:
    course = Export().course(people=2, days=2)
    for row in course.footage():
        row["status"] = "announced"
    course.export.as_of = course.ends(1) + timedelta(days=7)
    [finding] = course.found("footage_gap")
    assert finding.evidence["lessons_due"] == 2
    course.export.as_of -= MOMENT
    [finding] = course.found("footage_gap")
    assert finding.evidence["lessons_due"] == 1
    course.export.as_of = course.ends(0) + timedelta(days=7) - MOMENT
    assert course.found("footage_gap") == []


# ------------------------------------------------------------------------- early and uniform scores


def test_marks_before_the_last_lesson_are_told_to_the_figure() -> None:
    course = Export().course(people=10, days=2)
    course.head["scored_at"] = text(course.starts(1) - timedelta(hours=1))
    course.scores()[0]["entered_at"] = text(course.starts(1) + 30 * MINUTE)
    [finding] = course.found("early_scores")
    assert (finding.severity.value, finding.subject.id, finding.lines) == ("hold", course.id, [])
    assert dict(finding.evidence) == {
        "steps": ["marks", "scored"],
        "trainees_marked_early": 1,
        "hours_before_the_end": 4.0,
        "last_lesson": "les_1-01",
        "early_minutes": 10,
        "enrolments": ["enr_1-00"],
    }
    assert finding.at == course.starts(1) + 30 * MINUTE


@pytest.mark.parametrize(
    ("before_the_end", "severity"),
    [
        (10 * MINUTE, None),
        (10 * MINUTE + MOMENT, "warn"),
        (timedelta(hours=3), "warn"),
        (timedelta(hours=3) + MOMENT, "hold"),
    ],
)
def test_a_step_is_early_ten_minutes_before_the_end_and_grave_before_the_last_lesson(
    before_the_end: timedelta, severity: str | None
) -> None:
    for step in ("completion_submitted_at", "scored_at"):
        course = Export().course(people=1, days=2)
        course.head[step] = text(course.ends(1) - before_the_end)
        assert course.severity("early_scores") == severity
    course = Export().course(people=3, days=2)
    course.scores()[1]["entered_at"] = text(course.ends(1) - before_the_end)
    assert course.severity("early_scores") == severity
    for finding in course.found("early_scores"):
        assert finding.lines == ["enr_1-01"]


def marked(theory: Sequence[float], practice: Sequence[float]) -> Course:
    course = Export().course(people=len(theory), days=2)
    for row, one, other in zip(course.scores(), theory, practice, strict=True):
        row["theory"], row["practice"] = one, other
    return course


WIDE = [55, 92, 71, 64, 88, 79, 97, 60, 83, 68]


@pytest.mark.parametrize(
    ("theory", "practice", "severity"),
    [
        ([80, 82] * 5, [85, 83] * 5, "hold"),
        ([80, 82] * 4 + [95, 60], [85, 83] * 4 + [60, 95], "hold"),
        ([80, 82] * 4 + [95, 60], WIDE, "warn"),
        ([80, 82] * 3 + [80, 90, 95, 60], WIDE, None),
        ([80, 82.5] * 5, WIDE, None),
        (WIDE, [85, 83] * 5, "warn"),
        (WIDE, WIDE, "warn"),
        ([*WIDE[:8], 50, 61], WIDE, "warn"),
        ([*WIDE[:7], 90, 50, 61], WIDE, None),
        ([80] * 6 + WIDE[:4], [90] * 6 + WIDE[4:8], "hold"),
        ([80] * 5 + WIDE[:5], [90] * 5 + WIDE[4:9], None),
        ([80, 82] * 4, [85, 83] * 4, "hold"),
        ([80, 82, 80, 82, 80, 82, 81], [85] * 7, "hold"),
        ([80, 82, 80, 82, 80, 82, 83], [85] * 7, None),
        ([80] * 4, [85] * 4, "hold"),
        ([80, 80, 80, 81], [85] * 4, None),
        ([80] * 3, [85] * 3, None),
        ([80] * 4 + [91], [85] * 4 + [70], "hold"),
        ([80] * 3 + [91, 66], [85] * 3 + [70, 88], None),
    ],
)
def test_marks_are_alike_for_four_of_five_in_both_halves(
    theory: Sequence[float], practice: Sequence[float], severity: str | None
) -> None:
    assert marked(theory, practice).severity("uniform_scores") == severity


def test_so_many_with_the_very_same_two_marks_are_named_beside_a_larger_group() -> None:
    course = marked([80] * 3 + [60, 61, 62, 60, 61, 97, 40], [90] * 3 + WIDE[:7])
    limits = msgspec.structs.replace(course.export.policy.supervision, marks_equal_share=0.3)
    course.export.policy = msgspec.structs.replace(course.export.policy, supervision=limits)
    [finding] = course.found("uniform_scores")
    assert (finding.severity.value, finding.lines[:3]) == ("hold", course.enrolments[:3])


def test_marks_that_are_alike_are_told_to_the_figure() -> None:
    course = marked([80, 81] * 5, [85, 86, 87, 85, 86, 87, 85, 86, 87, 65])
    [finding] = course.found("uniform_scores")
    assert (finding.severity.value, finding.lines) == ("hold", course.enrolments[:9])
    assert dict(finding.evidence) == {
        "examined": 10,
        "alike_in_both": 9,
        "theory_spread": 0.5,
        "theory_alike": 10,
        "theory_lowest": 80.0,
        "theory_highest": 81.0,
        "practice_spread": 6.35,
        "practice_alike": 9,
        "practice_lowest": 65.0,
        "practice_highest": 87.0,
        "marks_range": 2.0,
        "marks_share": 0.8,
        "marks_equal_share": 0.6,
        "marks_spread": 1.5,
    }
    assert finding.at == course.ends(1) + timedelta(days=2)


def from_a_hat(
    spread: float, average: float = 81.0, *, people: int = 12, agreeing: int = 0, failed: int = 0
) -> Course:
    """Give marks so far above and below a figure; so many pairs more agree than do not."""
    signs = [(1, 1), (-1, -1)] * (people // 4 + agreeing // 2) + [(1, -1), (-1, 1)] * (
        people // 4 - agreeing // 2
    )
    signs += [(1, 1)] * (people - len(signs))
    course = marked(
        [average + one * spread for one, _ in signs], [average + two * spread for _, two in signs]
    )
    for row in course.scores()[:failed]:
        row["passed"] = False
    return course


@pytest.mark.parametrize(
    ("course", "told"),
    [
        (from_a_hat(4.0), True),
        (from_a_hat(4.01), False),
        (from_a_hat(4.0, people=11), False),
        (from_a_hat(4.0, 87.9), True),
        (from_a_hat(4.0, 88.0), False),
        (from_a_hat(4.0, failed=1), False),
        (from_a_hat(3.0, agreeing=2), True),
        (from_a_hat(3.01, agreeing=2), False),
        (from_a_hat(4.0, people=40, agreeing=6), True),
        (from_a_hat(4.0, people=40, agreeing=8), False),
    ],
)
def test_marks_are_from_a_hat_within_four_points_of_a_figure_and_without_agreement(
    course: Course, *, told: bool
) -> None:
    found = course.found("uniform_scores")
    assert [(one.severity.value, one.evidence.get("signs")) for one in found] == (
        [("warn", ["drawn"])] if told else []
    )


def test_marks_from_a_hat_are_told_to_the_figure() -> None:
    course = from_a_hat(3.255, 81.04)
    [finding] = course.found("uniform_scores")
    assert dict(finding.evidence) == {
        "signs": ["drawn"],
        "examined": 12,
        "average": 81.0,
        "theory_spread": 3.25,
        "practice_spread": 3.25,
        "agreement": 0.0,
        "failed": 0,
        "marks_drawn_spread": 4.0,
        "marks_drawn_spread_alone": 3.0,
        "marks_drawn_agreement": 0.3,
        "marks_drawn_high": 88.0,
    }
    assert (finding.lines, finding.at) == (course.enrolments, course.ends(1) + timedelta(days=2))


@pytest.mark.parametrize(("copied", "severity"), [(8, "warn"), (7, None)])
def test_practice_that_is_theory_and_one_figure_is_copied(copied: int, severity: str | None) -> None:
    practice = [mark - 7 for mark in WIDE[:copied]] + [
        mark + 3 * place for place, mark in enumerate(WIDE[copied:], 2)
    ]
    assert marked(WIDE, practice).severity("uniform_scores") == severity


# ------------------------------------------------------------------------------ ineligible_at_date


def test_who_is_on_two_lists_is_told_with_both() -> None:
    course = Export().course(people=1)
    person = course.person_of(course.enrolments[0])
    course.export.rows["standings"] += [
        {
            "person": person,
            "list": "employed",
            "from": "2026-03-01",
            "imported_at": "2026-09-20T00:00:00+08:00",
        },
        {"person": person, "list": "deceased"},
        {"person": person, "list": "in_school", "from": "2026-09-08"},
        {"person": "prs_other", "list": "retired"},
    ]
    [finding] = course.found("ineligible_at_date")
    assert (finding.severity.value, finding.subject.id, finding.lines) == ("hold", "enr_1-00", ["enr_1-00"])
    assert dict(finding.evidence) == {
        "lists": ["deceased", "employed"],
        "day": "2026-09-07",
        "since": ["2026-03-01", "always"],
    }
    assert finding.at == MONDAY + timedelta(days=13)
    course.head["lessons"] = []
    assert course.found("ineligible_at_date") == []


@pytest.mark.parametrize(
    ("since", "until", "begins", "ends"),
    [
        (None, None, None, None),
        ("", "", None, None),
        ("2026-09-07", "2026-09-07", MONDAY, MONDAY + timedelta(days=1)),
        ("2026-09-06T16:00:00Z", "2026-09-07T00:00:00", MONDAY, MONDAY),
        (" 2026-09-07t00:00:00+08:00 ", "2026-09-07T01:00:00+09:00", MONDAY, MONDAY),
    ],
)
def test_a_standings_ends_are_dates_or_times(
    since: str | None, until: str | None, begins: datetime | None, ends: datetime | None
) -> None:
    standing = StandingRecord(person="prs_a", list="employed", since=since, until=until)
    assert bounds_of(standing) == (begins, ends)
