"""Whether the pictures are there that a head tells of: films as recorders write them, and as a cheat would."""

import random
import struct

import pytest

from chalicelib.attendance.footage.films.pages import Hollow, Unplayable
from chalicelib.attendance.footage.films.pictures import BAD_SHARE_MAX, DRAWN
from infra.local.films import film_of
from tests.attendance.footage.makers import (
    SCALE,
    TICKS,
    Picture,
    element,
    fragments_of,
    matroska_of,
    mp4_of,
    pictures_of,
)
from tests.attendance.footage.readers import hollowed, pages, read
from tests.attendance.footage.test_films import FILES, MKV, MP4

HOUR = 3600
PICTURES = pictures_of(HOUR, "one")
LOTS = [f"lot {number}" for number in range(40)]


def spoilt(film, share, piece=20_000):
    """Put random bytes over a share of a film's pictures, in pieces, its first and last left as they are."""
    chance, raw = random.Random(3), bytearray(film)
    for at in range(60_000, len(raw) - 100_000, piece):
        if chance.random() < share:
            raw[at : at + piece] = chance.randbytes(piece)
    return bytes(raw)


# ------------------------------------------------------------------------------------------ honest films


HONEST = {
    "index before": (MP4, mp4_of(PICTURES)),
    "index behind": (MP4, mp4_of(PICTURES, behind=True)),
    "long places": (MP4, mp4_of(PICTURES, behind=True, long_places=True)),
    "sound between, its track first": (MP4, mp4_of(PICTURES, sound=True)),
    "edited": (MP4, mp4_of(PICTURES, edited=True)),
    "no length told by the track": (MP4, mp4_of(PICTURES, told=0xFFFFFFFF)),
    "fragments": (MP4, fragments_of(PICTURES)),
    "fragments counted from their head": (MP4, fragments_of(PICTURES, based=False)),
    "few fragments": (MP4, fragments_of(PICTURES, each=60)),
    "fragments with marks between": (MP4, fragments_of(PICTURES, between=struct.pack(">I4s", 8, b"free"))),
    "clusters": (MKV, matroska_of(PICTURES)),
    "written live": (MKV, matroska_of(PICTURES, live=True)),
    "blocks in groups": (MKV, matroska_of(PICTURES, grouped=True)),
    "one cluster a picture": (MKV, matroska_of(PICTURES, each=1)),
    "spare bytes between clusters": (MKV, matroska_of(PICTURES, between=element(0xEC, b"\0" * 100))),
}


@pytest.mark.parametrize("name", HONEST)
def test_an_honest_film_is_read_in_whatever_way_it_was_written_and_whatever_is_drawn(name):
    content_type, film = HONEST[name]
    for lot in LOTS:
        found = read(film, content_type, lot)
        assert (found.codec, found.seconds) == ("h264", HOUR)


def test_a_live_film_whose_clusters_do_not_tell_their_size_and_are_read_in_part_is_whole():
    """One of more than a page's bytes a cluster was hollow, whatever was drawn: its end was taken for the film's."""
    film = matroska_of(pictures_of(600, "large", size_bytes=12_000_000), live=True)
    assert len(film) > 10_000_000
    for lot in LOTS[:8]:
        assert read(film, MKV, lot).seconds == pytest.approx(600, abs=5)


def test_pictures_that_stand_for_different_times_are_a_film():
    chance = random.Random(5)
    times = [chance.choice((40, 33, 120, 3000)) for _ in range(720)]
    varied = [Picture(one.content, ticks) for one, ticks in zip(PICTURES, times, strict=True)]
    for film, content_type in ((mp4_of(varied), MP4), (fragments_of(varied), MP4)):
        assert read(film, content_type).seconds == pytest.approx(sum(times) / SCALE)
    assert read(matroska_of(varied), MKV).seconds == pytest.approx(sum(times) / SCALE, abs=5)


def test_a_film_that_was_being_written_when_the_current_failed_is_as_long_as_what_is_there():
    for film, content_type in ((fragments_of(PICTURES), MP4), (matroska_of(PICTURES, live=True), MKV)):
        for share in (0.5, 0.7):
            found = read(film[: int(len(film) * share)], content_type)
            assert found.seconds == pytest.approx(share * HOUR, abs=90)


def test_a_piece_that_a_recorder_spoilt_does_no_harm():
    film = bytearray(mp4_of(PICTURES))
    middle = len(film) // 2
    film[middle : middle + 5000] = bytes(5000)
    assert all(read(bytes(film), MP4, lot).seconds == HOUR for lot in LOTS)


# ------------------------------------------------------------------------------------------ what is none


HOLLOW = {
    "a head and random bytes": (MP4, hollowed(film_of(HOUR, "one"))),
    "one picture and random bytes": (MP4, hollowed(film_of(HOUR, "one"), keep=1300)),
    "times that are not what the head tells": (MP4, mp4_of(PICTURES, told=HOUR * SCALE * 2)),
    "times of fewer pictures": (MP4, mp4_of(PICTURES, times=[(600, 6000)])),
    "more pictures than places": (MP4, mp4_of(PICTURES, places=lambda known: known[:-1])),
    "places behind the film": (MP4, mp4_of(PICTURES, places=lambda known: [*known[:-1], 1 << 30])),
    "a place in the head": (MP4, mp4_of(PICTURES, places=lambda known: [30, *known[1:]])),
    "one picture shown again and again": (MP4, mp4_of(PICTURES, places=lambda known: known[:1] * len(known))),
    "a minute shown for an hour": (MP4, mp4_of(PICTURES, places=lambda known: known[:12] * 60)),
    "pictures longer than they are": (
        MP4,
        mp4_of(PICTURES, sizes=[len(one.content) + 1 for one in PICTURES]),
    ),
    "no times": (MP4, mp4_of(PICTURES, times=[])),
    "fragments with an hour left out": (MP4, fragments_of(PICTURES, each=36, gap=HOUR * SCALE)),
    "many fragments with an hour left out": (MP4, fragments_of(PICTURES, each=2, gap=HOUR * SCALE)),
    "clusters with an hour left out": (MKV, matroska_of(PICTURES, late=HOUR * SCALE)),
    "clusters that tell no length, with an hour left out": (
        MKV,
        matroska_of(PICTURES, live=True, late=HOUR * SCALE),
    ),
    "clusters of half what the head tells": (MKV, matroska_of(PICTURES, told=2 * HOUR * SCALE)),
    "random bytes between fragments": (
        MP4,
        fragments_of(PICTURES, between=random.Random(4).randbytes(15_000)),
    ),
    "random bytes between clusters": (
        MKV,
        matroska_of(PICTURES, between=random.Random(4).randbytes(15_000)),
    ),
    "most of the pictures overwritten": (MP4, spoilt(mp4_of(PICTURES), 0.6)),
    "most of the fragments overwritten": (MP4, spoilt(fragments_of(PICTURES), 0.6)),
    "most of the clusters overwritten": (MKV, spoilt(matroska_of(PICTURES), 0.6)),
}


@pytest.mark.parametrize("name", HOLLOW)
def test_what_has_a_film_s_head_and_not_its_pictures_is_hollow_whatever_is_drawn(name):
    content_type, film = HOLLOW[name]
    for lot in LOTS:
        with pytest.raises(Hollow):
            read(film, content_type, lot)


def test_a_picture_shows_no_more_than_ten_seconds_however_long_it_is_said_to_stand():
    slides = [Picture(one.content, 60 * SCALE) for one in PICTURES[:60]]
    assert read(mp4_of(slides)).seconds == 600
    minute = [*PICTURES[:12], Picture(PICTURES[12].content, HOUR * SCALE)]
    assert read(mp4_of(minute)).seconds == 70
    for film, content_type in ((fragments_of(slides), MP4), (matroska_of(slides, each=1), MKV)):
        with pytest.raises(Hollow):
            read(film, content_type)


def test_of_several_tracks_of_pictures_the_one_with_most_counts():
    film = mp4_of(PICTURES, behind=True)
    still = film_of(3, "thumbnail")
    track = still[still.index(b"trak") - 4 : still.index(b"mdat") - 4]
    movie = film.index(b"moov") - 4
    (length,) = struct.unpack_from(">I", film, movie)
    both = film[:movie] + struct.pack(">I4s", length + len(track), b"moov") + track + film[movie + 8 :]
    assert both.count(b"trak") == 2
    assert read(both).seconds == HOUR


@pytest.mark.parametrize(
    ("codec", "right", "wrong"),
    [
        (b"V_VP9", b"\x82" + b"x" * 99, b"\x02" + b"x" * 99),
        (b"V_VP8", b"\x10\0\0\x9d\x01\x2a" + b"x" * 99, b"\x10\0\0\x9d\x01\x2b" + b"x" * 99),
        (b"V_AV1", b"\x12\0\x32\x03abc", b"\x12\0\x32\x04abc"),
        (b"V_AV1", b"\x30" + b"x" * 50, b"\xb0" + b"x" * 50),
        (b"V_MJPEG", b"\xff\xd8\xff" + b"x" * 50, b"\xff\xd9\xff" + b"x" * 50),
        (b"V_MPEG4/ISO/ASP", b"\0\0\1\xb6" + b"x" * 50, b"\0\0\2\xb6" + b"x" * 50),
        (b"V_MPEG4/ISO/AVC", b"\0\0\0\1\x65" + b"x" * 50, b"\0\0\0\2\x65" + b"x" * 50),
    ],
)
def test_a_picture_looks_like_its_coding(codec, right, wrong):
    film = matroska_of([Picture(right + bytes([number])) for number in range(60)], codec=codec)
    if codec == b"V_AV1" and right[0] == 0x12:
        film = matroska_of([Picture(right)] * 60, codec=codec)
    assert read(film, MKV).seconds == 300
    with pytest.raises(Hollow):
        read(film.replace(right[:7], wrong[:7]), MKV)


def test_a_coding_that_nobody_knows_is_judged_by_its_frame_alone():
    film = matroska_of([Picture(b"whatever it is")] * 60, codec=b"V_UNCOMPRESSED")
    found = read(film, MKV)
    assert (found.codec, found.seconds) == ("other", 300)
    with pytest.raises(Unplayable):
        read(spoilt(matroska_of([Picture(b"x" * 3000)] * 700, codec=b"V_UNCOMPRESSED"), 0.7), MKV)


def test_one_spoilt_picture_of_those_drawn_is_let_pass_and_three_are_not():
    assert BAD_SHARE_MAX * (DRAWN + 3) >= 2
    assert BAD_SHARE_MAX * (DRAWN + 3) < 3


# ------------------------------------------------------------------------------------------ the same pictures


def test_a_film_wrapped_anew_has_the_digest_of_its_pictures_and_another_film_has_not():
    wrapped = [read(film, content_type).pictures_sha256 for content_type, film in HONEST.values()]
    assert len(set(wrapped)) == 1
    assert wrapped[0] is not None
    film = film_of(HOUR, "one")
    assert read(film).pictures_sha256 == wrapped[0]
    assert read(film + struct.pack(">I4s", 9, b"free") + b"!").pictures_sha256 == wrapped[0]
    assert read(film_of(HOUR, "other")).pictures_sha256 not in (None, wrapped[0])


@pytest.mark.parametrize(
    "names", [("index_before.mp4", "index_behind.mp4", "plain.mkv", "live.mkv"), ("h265.mp4", "h265.mkv")]
)
def test_the_digest_of_a_file_of_ffmpeg_stays_when_it_is_wrapped_anew(names):
    digests = {
        read((FILES / name).read_bytes(), MP4 if "mp4" in name else MKV).pictures_sha256 for name in names
    }
    assert len(digests) == 1
    assert None not in digests


# ------------------------------------------------------------------------------------------ what it costs


@pytest.mark.parametrize(("name", "most"), [("index before", 20), ("fragments", 60), ("clusters", 60)])
def test_a_film_takes_few_ranges(name, most):
    content_type, film = HONEST[name]
    fetched = []
    read(pages(film, fetched), content_type)
    assert len(fetched) <= most


def test_a_film_of_many_pictures_is_read_by_few_ranges_and_its_tables():
    many = [Picture(b"\0\0\0\x04\x65abc", 40)] * 100_000
    fetched = []
    assert read(pages(mp4_of(many), fetched)).seconds == 4000
    assert len(fetched) <= 24


def test_times_below_nothing_of_old_recorders_count_as_none():
    times = [(len(PICTURES) - 1, TICKS), (1, 0xFFFFFFF6)]
    assert read(mp4_of(PICTURES, times=times)).seconds == HOUR - 5
