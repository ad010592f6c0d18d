"""Coverage against a second-by-second count, and which addresses an external reference may have."""

import itertools
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.attendance.footage.model import (
    FootageStatus,
    Segment,
    coverage_of,
    covered,
    due_day_of,
    due_days,
    gaps,
    host_of,
    is_plain_url,
    mismatch_of,
    near_lesson,
    retained_until,
    seconds_of,
)
from chalicelib.classes.model import Lesson
from chalicelib.programs.model import Policy

START = datetime(2026, 7, 1, 1, 0, tzinfo=UTC)
SECONDS = 120
LESSON = Lesson(
    id="les_aaaa-01",  # type: ignore[arg-type]
    starts_at=START,
    ends_at=START + timedelta(seconds=SECONDS),
    hours=1,
    topic="",
    trainer=0,
)
COUNTING = (FootageStatus.STORED, FootageStatus.EXTERNAL)


def segment(start: int, end: int, **changes: object) -> Segment:
    facts = {
        "class_id": "cls_aaaa",
        "id": "ftg_aaaa-01x",
        "lesson_id": LESSON.id,
        "division": "340111",
        "institution": "x",
        "camera_id": "cam",
        "started_at": START + timedelta(seconds=start),
        "ended_at": START + timedelta(seconds=end),
        "size_bytes": 10,
        "sha256": "0" * 64,
        "content_type": "video/mp4",
        "status": FootageStatus.STORED,
        "announced_at": START,
    }
    return Segment(**(facts | changes))  # type: ignore[arg-type]


# Before, in and after the lesson, empty and reversed ones too: rows of old were not checked on the way in.
RECORDINGS = st.lists(
    st.tuples(
        st.integers(-50, SECONDS + 50),
        st.integers(-50, SECONDS + 50),
        st.sampled_from(FootageStatus),
        st.sampled_from([LESSON.id, "les_aaaa-02"]),
        st.sampled_from(["cam-1", "cam-2", "cam-3"]),
    ),
    max_size=12,
)


@given(RECORDINGS)
def test_coverage_is_what_counting_seconds_gives(recordings):
    segments = [
        segment(start, end, status=status, lesson_id=lesson, camera_id=camera)
        for start, end, status, lesson, camera in recordings
    ]
    seen = {
        second
        for start, end, status, lesson, _ in recordings
        if status in COUNTING and lesson == LESSON.id
        for second in range(max(start, 0), min(end, SECONDS))
    }
    shown = covered(LESSON, segments)
    missing = gaps(LESSON, shown)
    assert seconds_of(shown) == len(seen)
    assert seconds_of(missing) == SECONDS - len(seen)
    assert float(coverage_of(LESSON, shown)) == pytest.approx(len(seen) / SECONDS, abs=1e-4)
    seconds_missing = {
        second
        for start, end in missing
        for second in range(int((start - START).total_seconds()), int((end - START).total_seconds()))
    }
    assert seconds_missing == set(range(SECONDS)) - seen
    together = sorted([*shown, *missing])
    assert together[0][0] == LESSON.starts_at
    assert together[-1][1] == LESSON.ends_at
    assert all(before[1] == after[0] for before, after in itertools.pairwise(together))
    assert covered(LESSON, [*segments, *segments]) == shown
    assert covered(LESSON, segments[::-1]) == shown


def test_what_is_not_there_covers_nothing():
    for status in set(FootageStatus) - set(COUNTING):
        assert covered(LESSON, [segment(0, SECONDS, status=status)]) == []


def test_a_recording_belongs_to_a_lesson_up_to_two_hours_around_it():
    hours = timedelta(hours=2)
    assert near_lesson(LESSON, LESSON.starts_at - hours, LESSON.ends_at + hours)
    second = timedelta(seconds=1)
    assert not near_lesson(LESSON, LESSON.starts_at - hours - second, LESSON.ends_at)
    assert not near_lesson(LESSON, LESSON.starts_at, LESSON.ends_at + hours + second)


@pytest.mark.parametrize(
    ("changes", "differs"),
    [
        ({}, None),
        ({"size_bytes": 11}, "size_bytes"),
        ({"content_type": "video/avi"}, "content_type"),
        ({"sha256": "1" * 64}, "sha256"),
        ({"sha256": None}, "sha256"),
        ({"size_bytes": 11, "sha256": None}, "size_bytes"),
    ],
)
def test_the_first_difference_is_named(changes, differs):
    same = {"size_bytes": 10, "content_type": "video/mp4", "sha256": "0" * 64}
    assert mismatch_of(segment(0, 1), **(same | changes)) == differs


@pytest.mark.parametrize(
    ("url", "plain"),
    [
        ("https://monitor.example/2026/07/01/cam-1.mp4", True),
        ("https://monitor.example/20260701090000123", True),
        ("http://monitor.example/1.mp4", False),
        ("ftp://monitor.example/1.mp4", False),
        ("https://user:secret@monitor.example/1.mp4", False),
        ("https://user@monitor.example/1.mp4", False),
        ("https://monitor.example:8443/1.mp4", False),
        ("https://monitor.example:x/1.mp4", False),
        ("https://monitor.example/1.mp4?token=abc", False),
        ("https://monitor.example/1.mp4?", False),
        ("https://monitor.example/1.mp4#t=1", False),
        ("https://Monitor.example/1.mp4", False),
        ("https://monitor.example\\@evil.example/1.mp4", False),
        ("https://[::1/1.mp4", False),
        ("https:///1.mp4", False),
        ("https://monitor.example/340111199001010007/1.mp4", False),
        ("https://monitor.example/34011119900101000X.mp4", False),
        ("https://monitor.example/%33%34011119900101000x.mp4", False),
        ("https://monitor.example/13800138000/1.mp4", False),
    ],
)
def test_an_address_is_plain_https_without_secrets_or_numbers_of_people(url, plain):
    assert is_plain_url(url) is plain
    if plain:
        assert host_of(url) == "monitor.example"


def test_evidence_is_kept_through_the_same_day_after_the_policys_years():
    ended_at = datetime(2024, 2, 29, 9, 0, tzinfo=UTC)
    until = retained_until(ended_at, Policy(footage_retention_years=5))
    assert until.isoformat() == "2029-03-01T00:00:00+08:00"


def test_the_reconciliation_looks_at_the_days_of_the_last_month():
    days = due_days(START)
    assert (days[0], days[-1], len(days)) == ("2026-05-31", due_day_of(START), 32)
