"""What a recording's head says: files of ffmpeg, cut and broken ones, and what comes of them at registration."""

import itertools
import random
import struct
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from chalicelib.attendance.footage.films.pages import Film, Pages, Unplayable
from infra.local.films import film_of
from tests.attendance.builders import room_under
from tests.attendance.footage.readers import hollowed, read, type_of
from tests.attendance.summary.test_attendance_and_footage import announce, attendance, film, footage, upload
from tests.classes.builders import Classroom

FILES = Path(__file__).parent / "films"
MP4, MKV = "video/mp4", "video/x-matroska"
FILMS = {
    "index_behind.mp4": Film("mp4", "h264", 10),
    "index_before.mp4": Film("mp4", "h264", 10),
    "fragments.mp4": Film("mp4", "h264", 10),
    "h265.mp4": Film("mp4", "h265", 10),
    "mpeg4.mp4": Film("mp4", "mpeg4", 10),
    "plain.mkv": Film("mkv", "h264", 10),
    "h265.mkv": Film("mkv", "h265", 10),
    "live.mkv": Film("mkv", "h264", 10),
}
"""What was written live tells no length: its first and its last picture do."""
BROKEN_SEED = 18
BROKEN_TRIES = 2_000


@pytest.fixture
def room(world):
    return Classroom(world).rostered(2)


# ------------------------------------------------------------------------------------------ heads


@pytest.mark.parametrize("name", FILMS)
def test_the_head_of_a_file_of_ffmpeg_says_what_ffprobe_says(name):
    assert read((FILES / name).read_bytes(), type_of(name)) == FILMS[name]


@pytest.mark.parametrize(
    ("name", "content_type"),
    [("plain.mkv", MP4), ("h265.mp4", MKV), ("other.avi", MP4), ("other.avi", MKV), ("sound_only.mp4", MP4)],
)
def test_what_is_another_container_or_has_no_picture_is_unplayable(name, content_type):
    with pytest.raises(Unplayable):
        read((FILES / name).read_bytes(), content_type)


def test_an_index_behind_five_gigabytes_is_found_with_few_bytes():
    small = film_of(3600, "x")
    movie_at, pictures_at = 24, small.index(b"mdat") + 4
    movie = small[movie_at : pictures_at - 8]
    spare = struct.pack(">I4s", len(movie) - 8, b"free").ljust(len(movie) - 8, b"\0")
    size = 5 * 1024**3
    told = struct.pack(">I4sQ", 1, b"mdat", size - len(movie) - movie_at - len(spare))
    front = small[:movie_at] + spare + told + small[pictures_at:]
    fetched = []

    def fetch(start, length):
        fetched.append(length)
        raw = bytearray(length)
        for at, piece in ((0, front), (size - len(movie), movie)):
            part = piece[max(start - at, 0) : max(start + length - at, 0)]
            raw[max(at - start, 0) : max(at - start, 0) + len(part)] = part
        return bytes(raw)

    assert read(Pages(size, fetch), MP4) == Film("mp4", "h264", 3600)
    assert sum(fetched) < 1_200_000
    assert len(fetched) < 20


def test_a_file_that_is_cut_off_anywhere_is_unplayable_or_reads_the_same():
    for name, film_of_file in FILMS.items():
        raw = (FILES / name).read_bytes()
        for end in range(0, len(raw), 61):
            try:
                found = read(raw[:end], type_of(name))
            except Unplayable:
                continue
            assert found.codec == film_of_file.codec
            assert "live" in name or "fragments" in name, (name, end)


def test_no_broken_head_fails_otherwise_than_as_unplayable():
    chance = random.Random(BROKEN_SEED)
    for name, _ in zip(itertools.cycle(FILMS), range(BROKEN_TRIES), strict=False):
        raw = bytearray((FILES / name).read_bytes())
        for _ in range(chance.randint(1, 8)):
            raw[chance.randrange(min(len(raw), 2000)) * chance.choice((1, -1))] = chance.randrange(256)
        try:
            found = read(bytes(raw), type_of(name))
        except Unplayable:
            continue
        assert found.container in ("mp4", "mkv")


def test_a_head_scattered_over_the_whole_object_is_not_read_for_ever():
    boxes = struct.pack(">I4s", 70_000, b"free") + b"\0" * 69_992
    with pytest.raises(Unplayable):
        read(boxes * 300, MP4)


# ------------------------------------------------------------------------------------------ registration


def only(room, number=0):
    path = f"/v1/lessons/{room.lesson(number)['id']}/footage"
    (segment,) = room.api("clerk").get(path, at=room.ended()).json["segments"]
    return segment


def test_a_real_recording_is_stored_with_what_its_head_says(room):
    content = (FILES / "h265.mp4").read_bytes()
    first = room.starts()
    announced = announce(room, content=content, ended_at=(first + timedelta(seconds=10)).isoformat())
    assert upload(room, announced) == "stored"
    seen = only(room)
    told = (seen["container"], seen["codec"], seen["length_seconds"], seen["mismatch"])
    assert told == ("mp4", "h265", 10, None)


@pytest.mark.parametrize(
    ("content", "mismatch"),
    [
        (b"moving pictures" * 200_000, "unplayable"),
        (hollowed(film_of(8 * 3600, "a head, and random bytes")), "hollow"),
        (film(start=0, end=60), "length"),
        (film_of(8 * 3600 + 1500, "longer"), "length"),
        (film_of(8 * 3600, "tiny", size_bytes=100_000), "too_small"),
    ],
)
def test_what_is_no_film_of_that_length_is_a_mismatch_and_does_not_count(room, content, mismatch):
    assert upload(room, announce(room, content=content)) == "mismatch"
    seen = footage(room)
    assert (seen["segments"][0]["mismatch"], seen["coverage"]) == (mismatch, 0)


def test_a_camera_that_drops_frames_or_a_clock_read_by_hand_does_no_harm(room):
    assert upload(room, announce(room, content=film_of(8 * 3600 - 1200, "dropped"))) == "stored"
    assert footage(room)["coverage"] == 1


@pytest.mark.parametrize(("seconds", "outcome"), [(1, "mismatch"), (47, "mismatch"), (48, "stored")])
def test_a_second_of_film_is_no_minute(room, seconds, outcome):
    """A minute off by a clock read by hand is much of a short clip: 33 s of film showed 33 minutes."""
    content = film_of(seconds, f"clip {seconds}", size_bytes=100_000)
    ends = (room.starts() + timedelta(seconds=60)).isoformat()
    assert upload(room, announce(room, content=content, ended_at=ends)) == outcome


def refer_to(room, *, end, at, url):
    """Name a film of a platform, from the lesson's beginning to a minute of it."""
    first = room.starts()
    times = (first, first + timedelta(minutes=end))
    started_at, ended_at = (time.isoformat() for time in times)
    body = {"camera_id": "cam-1", "started_at": started_at, "ended_at": ended_at, "url": url}
    path = f"/v1/lessons/{room.lesson()['id']}/footage/external"
    return room.api("institution").post(path, body | {"sha256": "a" * 64}, at=at)


def test_a_lesson_that_has_not_begun_has_no_footage(room):
    before = announce(room, at=room.starts() - timedelta(minutes=1))
    assert (before.status, before.json["code"]) == (409, "lesson_not_begun")
    assert announce(room).status == 201


@pytest.mark.parametrize("name", ["upload", "reference"])
def test_a_film_that_still_goes_on_is_not_announced(world, name):
    """Its bytes are named when it is announced: named before its end they are another film's."""
    room = room_under(world, 2, external_footage_hosts=["monitor.example"])
    changes = {"url": "https://monitor.example/1.mp4"} if name == "reference" else {}
    send = refer_to if name == "reference" else announce
    ends = room.starts() + timedelta(hours=4)
    for early in (timedelta(hours=4), timedelta(minutes=2, seconds=1)):
        answer = send(room, end=240, at=ends - early, **changes)
        assert (answer.status, answer.json["code"]) == (409, "recording_not_over"), answer.text
    assert footage(room)["segments"] == []
    assert send(room, end=240, at=ends - timedelta(minutes=2), **changes).status == 201, "a clock's skew"


# ------------------------------------------------------------------------------------------ the same bytes


def test_bytes_that_count_elsewhere_are_flagged_at_announcement_and_get_no_form(room):
    first = announce(room)
    assert upload(room, first) == "stored"
    for again in (
        announce(room, number=1, content=film()),
        announce(room, camera_id="cam-2", content=film()),
    ):
        assert again.status == 201, again.text
        assert (again.json["status"], again.json["mismatch"], again.json["upload"]) == (
            "mismatch",
            "duplicate",
            None,
        )
    other = only(room, 1)
    assert (other["mismatch"], other["duplicate_of"]) == ("duplicate", first.json["id"])
    assert [lesson["coverage"] for lesson in attendance(room)["lessons"]] == [1, 0, 0, 0, 0]
    path = f"/v1/lessons/{room.lesson(1)['id']}/footage"
    (own,) = room.api("institution").get(path, at=room.ended()).json["segments"]
    assert (own["mismatch"], own["duplicate_of"]) == ("duplicate", None)
    assert announce(room).json["status"] == "stored", "the first stays what it is"


def test_of_two_announced_at_once_the_first_that_is_registered_counts(room):
    one, two = announce(room), announce(room, number=1, content=film())
    assert upload(room, two) == "stored"
    assert upload(room, one) == "mismatch"
    assert (only(room)["mismatch"], only(room)["duplicate_of"]) == ("duplicate", two.json["id"])
    assert [lesson["coverage"] for lesson in attendance(room)["lessons"]][:2] == [0, 1]
    assert upload(room, two) == "stored"


def test_a_recording_that_does_not_count_takes_nobodys_film(room):
    wrong = announce(room, end=60, content=film())
    assert upload(room, wrong) == "mismatch"
    assert upload(room, announce(room)) == "stored"


def test_however_registrations_of_the_same_bytes_meet_one_of_them_counts(room):
    announced = [announce(room, number=number, content=film()) for number in range(5)]
    with ThreadPoolExecutor(5) as pool:
        statuses = list(pool.map(lambda each: upload(room, each), announced))
    assert sorted(statuses) == ["mismatch"] * 4 + ["stored"]
    assert sum(lesson["coverage"] for lesson in attendance(room)["lessons"]) == 1
