"""`shared_device`: phones that go round, and siblings, lent and replaced ones that do not."""

from datetime import timedelta

import pytest

from tests.supervision.rules.exports import HEFEI, WUHU, Course, Export

RULE = "shared_device"


@pytest.fixture
def export() -> Export:
    return Export()


def give(course: Course, enrolments: list[str], device: str, *, days: range | None = None) -> None:
    for row in course.check_ins():
        if row["enrolment"] in enrolments and (days is None or int(row["lesson"][-2:]) in days):
            row["device"] = device


def test_a_phone_for_a_whole_class_is_held(export: Export) -> None:
    course = export.course()
    give(course, course.enrolments, "drawer")

    [finding] = course.found(RULE)
    assert (finding.severity, finding.subject.kind, finding.subject.id) == ("hold", "class", course.id)
    assert finding.lines == course.enrolments
    assert finding.evidence["people_on_one_day"] == 12


def test_one_phone_for_four_is_held_and_names_the_four(export: Export) -> None:
    course = export.course(people=20)
    give(course, course.enrolments[:4], "drawer")

    [finding] = course.found(RULE)
    assert (finding.severity, finding.lines) == ("hold", course.enrolments[:4])


def test_three_phones_rotated_among_twelve_are_held(export: Export) -> None:
    course = export.course(people=30)
    for number, row in enumerate(course.check_ins()):
        place = course.enrolments.index(row["enrolment"])
        if place < 12:
            row["device"] = f"drawer {(place + number) % 3}"

    [finding] = course.found(RULE)
    assert (finding.severity, finding.lines) == ("hold", course.enrolments[:12])


def test_a_phone_that_serves_another_person_each_day_is_held(export: Export) -> None:
    course = export.course(people=12, days=10)
    for row in course.check_ins():
        place, day = course.enrolments.index(row["enrolment"]), int(row["lesson"][-2:])
        if place < 6 and day % 6 == place:
            row["device"] = "drawer"

    assert course.severity(RULE) == "hold"


def test_six_phones_for_twelve_people_are_held(export: Export) -> None:
    course = export.course(people=12)
    for pair in range(6):
        give(course, course.enrolments[2 * pair : 2 * pair + 2], f"drawer {pair}")

    assert course.severity(RULE) == "hold"


def test_one_phone_in_two_schools_is_held_in_both(export: Export) -> None:
    first, second = export.course(people=8), export.course(people=8)
    give(first, first.enrolments[:2], "drawer")
    give(second, second.enrolments[:2], "drawer")

    assert (first.severity(RULE), second.severity(RULE)) == ("hold", "hold")
    assert first.found(RULE)[0].lines == first.enrolments[:2]


def test_siblings_with_one_phone_number_are_spared(export: Export) -> None:
    course = export.course()
    give(course, course.enrolments[:2], "family")
    for row in export.rows["people"][:2]:
        row["phone_key"] = "family"

    assert course.found(RULE) == []


def test_one_pair_with_two_phone_numbers_is_spared_and_two_are_told(export: Export) -> None:
    course = export.course()
    give(course, course.enrolments[:2], "family")
    assert course.found(RULE) == []

    give(course, course.enrolments[4:6], "another family")
    assert course.severity(RULE) == "warn"
    assert course.found(RULE)[0].lines == [*course.enrolments[:2], *course.enrolments[4:6]]


def test_siblings_who_lend_their_phone_to_a_classmate_once_are_spared(export: Export) -> None:
    course = export.course()
    give(course, course.enrolments[:2], "family")
    give(course, course.enrolments[2:3], "family", days=range(3, 4))

    assert course.found(RULE) == []


def test_a_phone_lent_for_a_day_is_spared(export: Export) -> None:
    course = export.course()
    lender = f"device {course.person_of(course.enrolments[0])}"
    give(course, course.enrolments[1:2], lender, days=range(2, 3))
    for row in course.check_ins(2):
        if row["enrolment"] in course.enrolments[:2]:
            course.check_in(2, row["enrolment"], course.ends(2), kind="out", device=lender)

    assert course.found(RULE) == []


def test_a_phone_replaced_and_the_old_one_handed_on_is_spared(export: Export) -> None:
    course = export.course(days=8)
    first, second = course.enrolments[:2]
    old = f"device {course.person_of(first)}"
    give(course, [first], "new", days=range(4, 8))
    give(course, [second], old, days=range(5, 8))

    assert course.found(RULE) == []


def test_a_campus_network_is_not_read(export: Export) -> None:
    course = export.course()

    assert {row["network"] for row in course.check_ins()} == {"campus"}
    assert course.found(RULE) == []


def test_refused_attempts_are_not_read(export: Export) -> None:
    course = export.course()
    for enrolment in course.enrolments:
        course.check_in(1, enrolment, course.starts(1), device="drawer", outcome="refused")

    assert course.found(RULE) == []


def test_hefei_and_twenty_seconds_later_wuhu_is_a_journey(export: Export) -> None:
    hefei, wuhu = export.course(place=HEFEI), export.course(place=WUHU)
    at = hefei.starts(1) - timedelta(minutes=5)
    for course, second in ((hefei, 0), (wuhu, 20)):
        row = next(one for one in course.check_ins(1) if one["enrolment"] == course.enrolments[0])
        row["device"] = "one phone"
        row["received_at"] = (at + timedelta(seconds=second)).isoformat()

    for course in (hefei, wuhu):
        [finding] = course.found("impossible_travel")
        assert (finding.severity, finding.lines) == ("hold", course.enrolments[:1])
        assert finding.evidence["of"] == ["device"]
