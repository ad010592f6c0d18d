"""Each rule of footage at its edge: what names are made of, what lengths and sizes are taken, which days are looked at."""

from datetime import UTC, datetime, timedelta

import pytest

from chalicelib.attendance.footage import model
from chalicelib.attendance.footage.films.pages import Film
from chalicelib.attendance.footage.model import (
    FootageStatus,
    LegalHold,
    coverage_of,
    covered,
    due_day_of,
    due_days,
    film_mismatch_of,
    gaps,
    host_of,
    is_plain_url,
    lesson_prefix_of,
    mismatch_of,
    near_lesson,
    object_key_of,
    retained_until,
    seconds_of,
    segment_id_of,
    segment_key_of,
)
from chalicelib.kernel.principal import Change, Role
from chalicelib.programs.model import Policy
from tests.attendance.footage.test_model import LESSON, SECONDS, START, segment

CLASS, NUMBER, DIGEST = "a" * 24, "03", "0123456789abcdef" * 4
LESSON_ID = f"les_{CLASS}-{NUMBER}"


def test_the_bounds_are_those_of_the_design():
    assert model.FOOTAGE_BYTES_MAX == 5 * 1024 * 1024 * 1024
    assert (model.SEGMENTS_MAX, model.VERSIONS_MAX, model.RECONCILED_DAYS) == (500, 20, 31)
    assert timedelta(hours=1) == model.UPLOAD_GRACE
    assert timedelta(hours=2) == model.FOOTAGE_MARGIN
    assert (model.BYTES_A_SECOND_MIN, model.LENGTH_OFF_SHARE) == (250, 0.05)
    assert timedelta(minutes=1) == model.LENGTH_OFF_MIN
    assert model.FOOTAGE_SUFFIXES == {
        "video/mp4": "mp4",
        "video/x-matroska": "mkv",
        "video/matroska": "mkv",
    }
    assert model.LENGTH_OFF_SHARE_MAX == 0.2
    assert model.Mismatch.DUPLICATE == "duplicate"
    assert set(model.UNSENT) == {FootageStatus.AWAITING_UPLOAD, FootageStatus.MISSING}
    assert set(model.SHOWN) == {FootageStatus.STORED, FootageStatus.EXTERNAL}


def test_a_recording_begins_in_its_first_version():
    assert segment(0, 1).version == 1
    assert LegalHold(lesson_id=LESSON.id, division="3401", held=True, since=START).version == 1


def test_a_hold_gives_the_reason_of_its_last_change_and_none_without():
    hold = {"lesson_id": LESSON.id, "division": "3401", "held": True, "since": START}
    change = Change(
        actor="acc_x", role=Role.SUPERVISOR, action="x", request_id="req", at=START, reason="取证"
    )
    assert LegalHold(**hold, last_change=change).reason == "取证"
    assert LegalHold(**hold).reason is None


def test_a_recordings_names_are_made_of_its_class_its_lesson_and_its_digest():
    segment_id = segment_id_of(LESSON_ID, digest=DIGEST)
    assert segment_id == f"ftg_{CLASS}-{NUMBER}{DIGEST[:20]}"
    assert lesson_prefix_of(LESSON_ID) == f"footage/cls_{CLASS}/{LESSON_ID}/"
    for content_type, suffix in (("video/mp4", "mp4"), ("video/matroska", "mkv")):
        key = object_key_of(LESSON_ID, segment_id, content_type)
        assert key == f"footage/cls_{CLASS}/{LESSON_ID}/{segment_id}.{suffix}"
        assert segment_key_of(key) == (f"cls_{CLASS}", segment_id)


@pytest.mark.parametrize(
    "key",
    [
        "exports/cls_a/les_a-01/ftg_a.mp4",
        "footage/cls_a/ftg_a.mp4",
        "footage/cls_a/les_a-01/x/ftg_a.mp4",
        "footage",
        "exports/ftg_a.mp4",
    ],
)
def test_what_is_named_otherwise_is_no_footage(key):
    assert segment_key_of(key) is None


def test_a_recordings_id_ends_at_its_last_dot():
    assert segment_key_of("footage/cls_a/les_a-01/ftg.a.mp4") == ("cls_a", "ftg.a")


@pytest.mark.parametrize(
    ("announced", "told", "wrong"),
    [  # a minute, of a short one a fifth, or a twentieth of what is long
        (100, 120, False),
        (100, 121, True),
        (100, 80, False),
        (100, 79, True),
        (299, 359, True),
        (300, 360, False),
        (300, 361, True),
        (600, 660, False),
        (600, 661, True),
        (600, 540, False),
        (600, 539, True),
        (1200, 1260, False),
        (1200, 1261, True),
        (4000, 4200, False),
        (4000, 4201, True),
        (4000, 3800, False),
        (4000, 3799, True),
    ],
)
def test_a_film_may_be_a_minute_a_fifth_or_a_twentieth_off_what_was_announced(announced, told, wrong):
    film = Film("mp4", "h264", told)
    got = film_mismatch_of(segment(0, announced), film, size_bytes=250 * told)
    assert got == ("length" if wrong else None)


@pytest.mark.parametrize(("seconds", "judged_by"), [(100, 100), (None, 120)])
def test_a_film_has_at_least_so_many_bytes_a_second_of_what_it_tells_or_was_announced(seconds, judged_by):
    film = Film("mp4", "h264", seconds)
    least = 250 * judged_by
    assert film_mismatch_of(segment(0, 120), film, size_bytes=least) is None
    assert film_mismatch_of(segment(0, 120), film, size_bytes=least - 1) == "too_small"


def test_the_document_tells_how_far_a_films_length_may_be_off():
    from chalicelib.attendance.footage.routes import SegmentAnswer
    from chalicelib.edge.describing import words

    assert timedelta(minutes=5) * model.LENGTH_OFF_SHARE_MAX == model.LENGTH_OFF_MIN
    assert "a minute (of one shorter than five, a fifth of it) or a twentieth" in str(SegmentAnswer.__doc__)
    assert "不足五分钟的以五分之一代替" in words.told().types["SegmentAnswer"]


def test_a_film_of_the_wrong_length_is_named_so_before_its_size():
    assert film_mismatch_of(segment(0, 600), Film("mp4", "h264", 10), size_bytes=0) == "length"


def test_differences_are_named_in_the_order_of_the_announcement():
    every = {"size_bytes": 11, "content_type": "video/avi", "sha256": "1" * 64}
    same = {"size_bytes": 10, "content_type": "video/mp4", "sha256": "0" * 64}
    assert mismatch_of(segment(0, 1), **every) == "size_bytes"
    assert mismatch_of(segment(0, 1), **(every | {"size_bytes": 10})) == "content_type"
    assert mismatch_of(segment(0, 1), **same) is None


def test_the_days_looked_at_are_those_of_utc_from_a_month_back_to_today():
    late = datetime(2026, 7, 2, 7, 30, tzinfo=UTC).astimezone(model.start_of_day(START.date()).tzinfo)
    days = due_days(late)
    assert days[-1] == due_day_of(late) == "2026-07-02"
    early = datetime.fromisoformat("2026-07-02T07:59:59+08:00")
    assert due_day_of(early) == due_days(early)[-1] == "2026-07-01"
    assert days == sorted(set(days))
    assert (len(days), days[0]) == (32, "2026-06-01")


@pytest.mark.parametrize(
    ("years", "until"), [(1, "2027-07-02T00:00:00+08:00"), (10, "2036-07-02T00:00:00+08:00")]
)
def test_evidence_is_kept_to_the_end_of_its_day_so_many_years_later(years, until):
    policy = Policy(footage_retention_years=years)
    assert retained_until(START, policy).isoformat() == until


def test_a_recording_is_near_its_lesson_to_the_second():
    second, hours = timedelta(seconds=1), timedelta(hours=2)
    begins, ends = LESSON.starts_at - hours, LESSON.ends_at + hours
    assert near_lesson(LESSON, begins, ends)
    assert not near_lesson(LESSON, begins - second, ends)
    assert not near_lesson(LESSON, begins, ends + second)
    assert near_lesson(LESSON, LESSON.starts_at + second, LESSON.ends_at - second)


def seconds(*pairs):
    return [(START + timedelta(seconds=one), START + timedelta(seconds=other)) for one, other in pairs]


@pytest.mark.parametrize(
    ("recordings", "shown", "missing"),
    [
        ([], [], [(0, 120)]),
        ([(0, 120)], [(0, 120)], []),
        ([(-50, 200)], [(0, 120)], []),
        ([(10, 20), (20, 30)], [(10, 30)], [(0, 10), (30, 120)]),
        ([(10, 20), (21, 30)], [(10, 20), (21, 30)], [(0, 10), (20, 21), (30, 120)]),
        ([(10, 90), (20, 30)], [(10, 90)], [(0, 10), (90, 120)]),
        ([(20, 30), (10, 90)], [(10, 90)], [(0, 10), (90, 120)]),
        ([(0, 60), (30, 119)], [(0, 119)], [(119, 120)]),
        ([(1, 120)], [(1, 120)], [(0, 1)]),
        ([(30, 30), (40, 35)], [], [(0, 120)]),
        ([(-20, 0), (120, 140)], [], [(0, 120)]),
    ],
)
def test_what_footage_shows_and_what_it_does_not(recordings, shown, missing):
    got = covered(LESSON, [segment(start, end) for start, end in recordings])
    assert got == seconds(*shown)
    assert gaps(LESSON, got) == seconds(*missing)
    total = sum(end - start for start, end in shown)
    assert seconds_of(got) == total
    assert float(coverage_of(LESSON, got)) == pytest.approx(total / SECONDS, abs=5e-5)


def test_only_footage_of_this_lesson_that_is_there_shows_it():
    assert covered(LESSON, [segment(0, 60, lesson_id="les_aaaa-02")]) == []
    assert covered(LESSON, [segment(0, 60, status=FootageStatus.MISMATCH)]) == []
    assert covered(LESSON, [segment(0, 60, status=FootageStatus.EXTERNAL)]) == seconds((0, 60))


@pytest.mark.parametrize(
    ("path", "plain"),
    [
        ("1234567890123456", True),  # one digit short of an ID number
        ("12345678901234567", True),
        ("123456789012345678", False),
        ("1234567890123456789", True),  # a digit too many
        ("12345678901234567x", False),
        ("12345678901234567X1", True),
        ("12812345678", True),  # no mobile number begins so
        ("13012345678", False),
        ("19912345678", False),
        ("1301234567", True),
        ("130123456789", True),
        ("0013012345678", True),
    ],
)
def test_a_path_may_hold_any_number_but_one_of_a_person(path, plain):
    assert is_plain_url(f"https://monitor.example/{path}") is plain


def test_an_address_without_a_host_has_none():
    assert host_of("file:///x") == ""
    assert host_of("https://monitor.example/x") == "monitor.example"
