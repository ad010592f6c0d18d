"""The synthetic province: the same from the same seed, honest where it says so, fraud where it says so."""

import json
import math
from collections import Counter, defaultdict
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from statistics import median, pstdev

import msgspec
import pytest

from chalicelib.supervision.records.model import FILES, CheckInRecord
from infra.province.builder import Builder, Wish
from infra.province.course import Course
from infra.province.diary import collide
from infra.province.fraud.patterns import PATTERNS
from infra.province.generate import generate, labels_beside, main
from infra.province.ground import kilometres
from infra.province.honest import LOOK_ALIKES, by_train, full_house, honest, live
from infra.province.labels import Case, Strength, read_labels

CLASSES = 90


@pytest.fixture(scope="module")
def province(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("province") / "export"
    generate(folder, labels_beside(folder), classes=CLASSES, seed=11, fraud=0.02)
    return folder


def records(folder: Path, name: str) -> list:
    decoder = msgspec.json.Decoder(FILES[name])
    return [decoder.decode(line) for line in (folder / f"{name}.jsonl").read_bytes().splitlines()]


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(tmp_path, province):
    again, other = tmp_path / "again", tmp_path / "other"
    generate(again, labels_beside(again), classes=CLASSES, seed=11, fraud=0.02)
    generate(other, labels_beside(other), classes=CLASSES, seed=12, fraud=0.02)
    for name in FILES:
        path = f"{name}.jsonl"
        assert (again / path).read_bytes() == (province / path).read_bytes()
        assert (other / path).read_bytes() != (province / path).read_bytes()
    assert labels_beside(again).read_bytes() == labels_beside(province).read_bytes()


def test_every_file_of_an_export_is_there_and_says_as_of_when(province):
    assert {path.name for path in province.iterdir()} == {f"{name}.jsonl" for name in FILES} | {"export.json"}
    assert json.loads((province / "export.json").read_bytes())["as_of"] == "2026-12-01T20:00:00+08:00"
    for name in FILES:
        assert records(province, name)


def test_what_is_referred_to_is_there(province):
    classes = {entry.id: entry for entry in records(province, "classes")}
    lessons = {lesson.id for entry in classes.values() for lesson in entry.lessons}
    enrolments = {entry.id: entry for entry in records(province, "enrolments")}
    people = {entry.person for entry in records(province, "people")}
    schools = {entry.uscc for entry in records(province, "institutions")}
    projects = {entry.id for entry in records(province, "projects")}
    vouchers = {entry.id for entry in records(province, "vouchers")}
    assert {entry.institution for entry in classes.values()} <= schools
    assert {entry.project for entry in classes.values()} <= projects
    assert {entry.person for entry in enrolments.values()} <= people
    assert {entry.voucher for entry in enrolments.values()} <= vouchers
    for name in ("check_ins", "footage"):
        assert {entry.lesson for entry in records(province, name)} <= lessons
    for name in ("rosters", "scores"):
        assert {entry.enrolment for entry in records(province, name)} <= enrolments.keys()
        assert {entry.class_id for entry in records(province, name)} <= classes.keys()
    lines = [line for entry in records(province, "claims") for line in entry.lines]
    assert {line.enrolment for line in lines} <= enrolments.keys()
    assert len(vouchers) == len(records(province, "vouchers"))


def test_nothing_is_told_of_after_the_moment_of_the_export(province):
    as_of = datetime.fromisoformat("2026-12-01T20:00:00+08:00")
    assert all(entry.received_at <= as_of for entry in records(province, "check_ins"))
    assert all(entry.announced_at <= as_of for entry in records(province, "footage"))
    assert all(entry.confirmed_at <= as_of for entry in records(province, "enrolments"))


def test_there_is_each_pattern_in_each_strength_and_most_classes_are_honest(province):
    cases, classes = read_labels(labels_beside(province))
    assert {(label.rule, label.strength) for label in cases} == {(r, s) for r in PATTERNS for s in Strength}
    touched = {class_id for label in cases for class_id in label.classes}
    assert touched <= {entry.id for entry in classes}
    assert len(classes) >= CLASSES


def test_no_id_tells_what_is_fraud(province):
    cases, classes = read_labels(labels_beside(province))
    touched = {class_id for label in cases for class_id in label.classes}
    shapes = {(len(entry.id), entry.id[0], entry.id in touched) for entry in classes}
    assert {shape[:2] for shape in shapes} == {(16, "c")}
    order = [entry.id in touched for entry in classes]
    assert any(order[: len(order) // 3])
    assert not all(order[len(order) // 2 :])


def test_labels_do_not_go_where_rules_read(tmp_path, capsys):
    with pytest.raises(SystemExit):
        main(
            [
                "--classes",
                "1",
                "--labels",
                str(tmp_path / "export" / "labels.jsonl"),
                str(tmp_path / "export"),
            ]
        )
    assert "labels do not belong" in capsys.readouterr().err


# --------------------------------------------------------------------------- honest traffic


@pytest.fixture(scope="module")
def honest_classes() -> tuple[Builder, list[Course]]:
    builder = Builder(5, 160)
    courses: list[Course] = []
    while len(courses) < 160:
        courses += honest(builder)
    for make, _ in LOOK_ALIKES:
        courses += make(builder)
    return builder, courses


def spans_by(courses: list[Course], what) -> dict[object, list]:
    taken = defaultdict(list)
    for course in courses:
        if course.status not in {"cancelled", "draft", "returned"}:
            for meeting in course.meetings:
                for name in what(course, meeting):
                    taken[name].append(meeting.span)
    return taken


def collisions(taken: dict[object, list]) -> int:
    return sum(
        collide(one, other)
        for spans in taken.values()
        for place, one in enumerate(spans)
        for other in spans[place + 1 :]
    )


def test_honest_trainers_and_rooms_are_in_one_lesson_at_a_time(honest_classes):
    _, courses = honest_classes
    trainers = spans_by(courses, lambda _, meeting: [meeting.trainer])
    rooms = spans_by(
        courses,
        lambda course, meeting: (
            [(course.school.uscc, course.site_of(meeting).name, meeting.room)] if meeting.room else []
        ),
    )
    assert collisions(trainers) == 0
    assert collisions(rooms) == 0


def test_honest_people_sign_in_to_one_lesson_at_a_time(honest_classes):
    _, courses = honest_classes
    signed = defaultdict(set)
    for course in courses:
        meetings = {meeting.id: meeting for meeting in course.meetings}
        people = {trainee.enrolment: trainee.person.key for trainee in course.trainees}
        for line in course.check_ins:
            if line.outcome != "refused":
                signed[people[line.enrolment]].add(meetings[line.lesson].span)
    assert collisions({person: sorted(spans) for person, spans in signed.items()}) == 0


def test_honest_phones_scatter_by_about_what_they_say():
    builder = Builder(9, 10)
    course = live(builder, builder.plan(Wish(ended=True, size=(30, 40))))
    good = [
        line.location
        for line in course.check_ins
        if line.outcome == "accepted" and line.location and line.location.coord_system == "wgs84"
    ]
    lng, lat = course.site.wgs84
    away = [
        math.hypot((place.lng - lng) * 111_320 * math.cos(math.radians(lat)), (place.lat - lat) * 111_320)
        for place in good
    ]
    assert 5 < median(away) < 90
    assert 8 < median(place.accuracy_m for place in good) < 70
    assert max(away) <= (course.site.radius_m or 200) + 100


def test_nobody_travels_faster_than_a_train_from_door_to_door():
    builder = Builder(8, 60)
    for _ in range(6):
        (course,) = by_train(builder)
        meetings = {meeting.id: meeting for meeting in course.meetings}
        away = next((meeting for meeting in course.meetings if meeting.away), None)
        times = defaultdict(list)
        for line in accepted(course):
            if away and meetings[line.lesson].starts_at.date() == away.starts_at.date():
                times[line.enrolment].append((line.received_at, line.lesson == away.id))
        for own in times.values():
            left = max((at for at, is_away in own if not is_away), default=None)
            came = min((at for at, is_away in own if is_away), default=None)
            if left and came:
                hours = (came - left).total_seconds() / 3600
                assert kilometres(course.site, away.away) / hours < 230


def test_each_look_alike_is_met(honest_classes):
    _, courses = honest_classes
    seen = Counter(name for course in courses for name in course.looks_like)
    assert {
        "bus_group", "siblings_share_phone", "replaced_phone", "cached_location", "campus_network", "train",
        "rooms_swapped", "good_class", "late_uploads", "night_class", "made_up", "interim_marks", "teacher_calls",
        "camera_changeover", "family_phone", "standing_before_or_after", "two_classes_at_once", "learnt_again",
        "full_house", "sent_twice",
    } <= seen.keys()  # fmt: skip


def test_honest_marks_and_completion_come_after_the_last_lesson(honest_classes):
    _, courses = honest_classes
    for course in courses:
        for moment in (course.scored_at, course.completion_submitted_at):
            assert moment is None or moment > course.last_at
        for line in course.scores:
            assert line.practice is None or line.entered_at > course.last_at


def test_nobody_honest_is_on_a_list_that_bars_them_on_the_day():
    builder, courses = Builder(6, 200), []
    while len(courses) < 200:
        courses += honest(builder)
    standings = defaultdict(list)
    for entry in builder.extras.standings:
        standings[entry.person].append(entry)
    met = 0
    for course in courses:
        first = course.first_at
        for trainee in course.trainees:
            for entry in standings[trainee.person.key]:
                met += 1
                began = entry.since <= first.date().isoformat()
                until = entry.until or "9999-12-31"
                goes_on = (
                    datetime.fromisoformat(until) > first
                    if "T" in until
                    else until >= first.date().isoformat()
                )
                assert not (began and goes_on)
    assert met > 300


def test_a_full_house_never_has_more_classes_at_once_than_rooms():
    builder = Builder(3, 20)
    courses = full_house(builder)
    school = courses[0].school
    assert len(courses) > school.room_count
    for course in courses:
        for span in course.spans:
            at_once = sum(any(collide(span, other) for other in beside.spans) for beside in courses)
            assert at_once <= school.room_count


# --------------------------------------------------------------------------- fraud is there


def made(rule: str, strength: Strength, seed: int = 4) -> tuple[Builder, Case]:
    builder = Builder(seed, 300)
    return builder, PATTERNS[rule].make(builder, strength)


def accepted(course: Course) -> list[CheckInRecord]:
    return [line for line in course.check_ins if line.outcome != "refused" and line.location]


@pytest.mark.parametrize("strength", Strength)
@pytest.mark.parametrize("rule", PATTERNS)
def test_a_case_names_its_rule_its_classes_and_is_told_in_words(rule, strength):
    _, case = made(rule, strength)
    assert case.label.rule == rule
    assert case.label.strength is strength
    assert case.label.how
    assert case.label.classes == [course.id for course in case.courses]


@pytest.mark.parametrize(("strength", "phones"), [("blatant", 1), ("moderate", 2), ("sly", 3)])
def test_one_phone_two_phones_or_three_by_turns(strength, phones):
    _, case = made("shared_device", Strength(strength))
    away = set(case.label.enrolments)
    used = defaultdict(set)
    for line in accepted(case.courses[0]):
        if line.enrolment in away:
            used[line.device].add(line.enrolment)
    assert len(used) == phones
    assert all(len(people) >= 4 for people in used.values())


@pytest.mark.parametrize("strength", Strength)
def test_made_up_places_lie_in_a_metre_or_two(strength):
    _, case = made("identical_coordinates", strength)
    told = set(case.label.enrolments)
    points = [
        (line.location.lng, line.location.lat) for line in accepted(case.courses[0]) if line.enrolment in told
    ]
    places = Counter(points)
    if strength is Strength.SLY:
        for axis in (0, 1):
            assert max(point[axis] for point in points) - min(point[axis] for point in points) < 6.5e-5
    else:
        assert places.most_common(1)[0][1] >= 0.8 * len(points)


@pytest.mark.parametrize(
    ("strength", "low_s", "high_s"), [("blatant", 1, 17), ("moderate", 20, 55), ("sly", 90, 135)]
)
def test_a_whole_class_in_seconds_in_a_minute_or_in_step(strength, low_s, high_s):
    _, case = made("check_in_burst", Strength(strength))
    by_lesson = defaultdict(list)
    for line in accepted(case.courses[0]):
        by_lesson[line.lesson].append(line.received_at)
    spans = [(max(times) - min(times)).total_seconds() for times in by_lesson.values()]
    assert low_s < median(spans) < high_s


@pytest.mark.parametrize("strength", Strength)
def test_a_journey_that_nobody_can_make(strength):
    _, case = made("impossible_travel", strength)
    here, there = case.courses
    person = case.label.subjects[2]
    lines = sorted(
        (line.received_at, course.site.wgs84)
        for course in (here, there)
        for line in accepted(course)
        if line.enrolment in {t.enrolment for t in course.trainees if t.person.key == person}
    )
    speeds = [
        math.hypot((a[1][0] - b[1][0]) * 95, (a[1][1] - b[1][1]) * 111)
        / max((b[0] - a[0]).total_seconds() / 3600, 1e-4)
        for a, b in pairwise(lines)
    ]
    assert max(speeds) > 150
    assert not collisions({person: [m.span for course in case.courses for m in course.meetings]})


@pytest.mark.parametrize("strength", Strength)
def test_people_are_claimed_for_twice_or_four_times(strength):
    for seed in (4, 8):
        _, case = made("repeat_subsidy", strength, seed)
        told = set(case.label.enrolments)
        claimed = [
            (line.person, course.project.occupation, course.project.level)
            for course in case.courses
            for claim in course.claims
            for line in claim.lines
            if line.enrolment in told
        ]
        people = {person for person, _, _ in claimed}
        assert people
        for person in people:
            own = [taught for who, *taught in claimed if who == person]
            assert len(own) == 4 or own == [own[0], own[0]]


@pytest.mark.parametrize(("strength", "least"), [("blatant", 10 * 170), ("moderate", 4 * 50), ("sly", 20)])
def test_a_trainer_or_a_room_is_in_two_lessons_at_once(strength, least):
    for seed in (1, 2, 3, 4):
        _, case = made("trainer_or_room_overlap", Strength(strength), seed)
        here, there = case.courses
        minutes = sum(
            (min(a.ends_at, b.ends_at) - max(a.starts_at, b.starts_at)).total_seconds() / 60
            for a in here.meetings
            for b in there.meetings
            if collide(a.span, b.span) and (a.trainer == b.trainer or a.room == b.room)
        )
        assert minutes >= least


@pytest.mark.parametrize("strength", Strength)
def test_people_are_signed_in_to_two_lessons_at_once(strength):
    _, case = made("lesson_overlap", strength)
    told = set(case.label.enrolments)
    lessons = {line.lesson for course in case.courses for line in accepted(course) if line.enrolment in told}
    spans = [m.span for course in case.courses for m in course.meetings if m.id in lessons]
    assert collisions({"": spans}) >= 1


@pytest.mark.parametrize("strength", Strength)
def test_marks_stand_before_the_last_lesson(strength):
    _, case = made("early_scores", strength)
    course = case.courses[0]
    last = max(meeting.starts_at for meeting in course.meetings)
    assert course.scores
    assert all(line.entered_at < last for line in course.scores)


def test_four_in_five_have_the_same_marks():
    for seed in (1, 2, 3):
        _, case = made("uniform_scores", Strength.MODERATE, seed)
        newest = {
            line.enrolment: (line.theory, line.practice) for line in case.courses[0].scores if line.practice
        }
        assert Counter(newest.values()).most_common(1)[0][1] >= 0.75 * len(newest)


@pytest.mark.parametrize(("strength", "spread"), [("blatant", 0), ("sly", 2)])
def test_marks_are_alike_or_drawn_from_a_hat(strength, spread):
    alike = drawn = 0
    for seed in range(1, 11):
        _, case = made("uniform_scores", Strength(strength), seed)
        is_drawn = "drawn around" in str(case.label)
        drawn += is_drawn
        alike += not is_drawn
        for name in ("theory", "practice"):
            marks = [getattr(line, name) for line in case.courses[0].scores if line.practice is not None]
            if is_drawn:
                assert min(marks) >= 61
                assert pstdev(marks) < 6, "narrower than people are"
            else:
                assert max(marks) - min(marks) <= spread
    assert alike
    assert bool(drawn) == (strength == "sly")


def test_films_are_missing_short_or_looped():
    _, missing = made("footage_gap", Strength.BLATANT)
    filmed = {file.lesson for file in missing.courses[0].footage}
    assert len(filmed) <= 0.3 * len(missing.courses[0].meetings)
    kinds = set()
    for seed in range(1, 9):
        _, case = made("footage_gap", Strength.SLY, seed)
        digests = Counter((file.sha256, file.lesson) for file in case.courses[0].footage if file.sha256)
        lessons_by_digest = Counter(digest for digest, _ in digests)
        kinds.add(max(lessons_by_digest.values(), default=0) > 1)
    assert kinds == {True, False}


def test_vouchers_idle_without_a_class_or_in_one_that_never_meets():
    builder, kept = made("idle_voucher", Strength.BLATANT)
    assert not kept.courses
    old = [entry for entry in builder.extras.enrolments if entry.id in kept.label.enrolments]
    assert old
    assert all(entry.confirmed_at < builder.as_of - timedelta(days=95) for entry in old)
    builder, parked = made("idle_voucher", Strength.SLY)
    course = parked.courses[0]
    assert course.status == "approved"
    assert not course.check_ins
    assert all(trainee.confirmed_at < builder.as_of - timedelta(days=75) for trainee in course.trainees)


@pytest.mark.parametrize("strength", Strength)
def test_more_classes_at_once_than_rooms(strength):
    _, case = made("claim_burst", strength)
    rooms = case.courses[0].school.room_count
    spans = [(course.id, span) for course in case.courses for span in course.spans]
    most = max(len({name for name, other in spans if collide(span, other)}) for _, span in spans)
    assert most > rooms
    assert all(course.claims for course in case.courses)
