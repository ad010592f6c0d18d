"""`offline_check_ins`: attendance that leans on what was sent later, beyond what a network's failing explains."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from tests.supervision.rules.exports import Course, Export, Row, text

RULE = "offline_check_ins"


@pytest.fixture
def course() -> Course:
    return Export().course(people=20, days=12)


def send_later(course: Course, chosen: Callable[[int, int], bool], **told: object) -> list[Row]:
    """Have the check-ins of some (by place and day) recorded without a network, and accepted in the evening."""
    changed = []
    for row in course.check_ins():
        place, day = course.enrolments.index(row["enrolment"]), int(row["lesson"][-2:])
        if chosen(place, day):
            late = datetime.fromisoformat(row["received_at"]) + timedelta(hours=9, minutes=place)
            row.update({"offline": True, "received_at": text(late), "network": None, **told})
            changed.append(row)
    return changed


def test_people_who_are_offline_day_after_day_where_others_get_through_are_held(course: Course) -> None:
    send_later(course, lambda place, day: place < 8 and day % 2 == 0)

    [finding] = course.found(RULE)
    assert (finding.severity, finding.evidence["signs"]) == ("hold", ["people"])
    assert finding.lines == sorted(course.enrolments[:8])
    assert (finding.evidence["people_offline_alone"], finding.evidence["offline"]) == (8, 48)
    assert finding.evidence["offline_accepted"] == 48


def test_what_waits_to_be_accepted_is_told_the_same(course: Course) -> None:
    send_later(course, lambda place, day: place < 8 and day % 2 == 0, outcome="needs_review")

    [finding] = course.found(RULE)
    assert (finding.severity, finding.evidence["offline_accepted"]) == ("hold", 0)


def test_three_of_them_are_told(course: Course) -> None:
    send_later(course, lambda place, day: place < 3 and day % 2 == 0)

    assert course.severity(RULE) == "warn"


def test_five_who_never_have_a_network_in_a_class_of_fifty_are_grave_and_four_are_told() -> None:
    """A large class hides nobody: whoever never comes is sent in day after day all the same."""
    course = Export().course(people=50, days=6)
    send_later(course, lambda place, _: place < 4)
    assert course.severity(RULE) == "warn"

    send_later(course, lambda place, _: place < 5)
    assert course.severity(RULE) == "hold"


def test_two_phones_without_data_for_weeks_are_spared(course: Course) -> None:
    send_later(course, lambda place, _: place < 2)

    assert course.found(RULE) == []


def test_a_network_that_failed_for_three_days_is_spared(course: Course) -> None:
    send_later(course, lambda place, day: day in (2, 3, 4) and place < 18)

    assert course.found(RULE) == []


def test_a_network_that_fails_for_half_of_a_class_is_held_and_for_a_third_told(course: Course) -> None:
    send_later(course, lambda place, day: day < 4 and place < 18)
    assert course.severity(RULE) == "warn"

    send_later(course, lambda place, day: day < 7 and place < 18)
    [finding] = course.found(RULE)
    assert (finding.severity, finding.evidence["signs"]) == ("hold", ["days", "share"])


def test_outages_and_phones_taken_in_turns_do_not_add_up_unseen(course: Course) -> None:
    """Three days without network for all, and two days alone for each by turns: no sign of its own."""
    send_later(course, lambda place, day: day < 3 or (day - 3) % 9 in (place % 9, (place + 4) % 9))

    [finding] = course.found(RULE)
    assert (finding.severity, finding.evidence["signs"]) == ("warn", ["share"])
    assert finding.evidence["offline"] >= 0.35 * finding.evidence["arrivals"]


def test_each_once_with_a_phone_that_found_no_network_is_spared(course: Course) -> None:
    send_later(course, lambda place, day: place % 12 == day)

    assert course.found(RULE) == []


def test_places_copied_into_offline_check_ins_are_held_though_no_rule_of_position_reads_them(
    course: Course,
) -> None:
    for row in send_later(course, lambda place, day: day in (2, 3) and place < 18):
        row["location"] |= {"lng": 117.227213, "lat": 31.820617, "accuracy_m": 12.0}

    [finding] = course.found(RULE)
    assert (finding.severity, finding.evidence["signs"]) == ("hold", ["places"])
    assert course.found("identical_coordinates") == []


def test_a_stored_place_in_offline_check_ins_is_spared(course: Course) -> None:
    for row in send_later(course, lambda place, day: day in (2, 3) and place < 18):
        row["location"] |= {"lng": 117.227213, "lat": 31.820617, "accuracy_m": 40.0}

    assert course.found(RULE) == []


def test_what_was_made_up_is_no_offline_check_in(course: Course) -> None:
    send_later(course, lambda place, day: place < 8 and day % 2 == 0, made_up=True, location=None)

    assert course.found(RULE) == []


def test_refused_ones_count_for_nothing(course: Course) -> None:
    send_later(course, lambda place, day: place < 8 and day % 2 == 0, outcome="refused")

    assert course.found(RULE) == []
