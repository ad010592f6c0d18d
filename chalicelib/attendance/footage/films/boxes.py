"""The tree of boxes of an mp4 (ISO/IEC 14496-12), and what its head says of its pictures' track.

No package does that for us by ranges: hachoir and mutagen are under the GPL; pymediainfo carries 15 MB for a
newer C library than the oldest runtime's; tinytag knows no pictures; pymp4 and construct read a whole file.
"""

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from chalicelib.attendance.footage.films.pages import Box, Pages, Unplayable
from chalicelib.attendance.footage.films.pictures import Coding

OTHER_CODEC: Final = "other"
_UNKNOWN_32, _UNKNOWN_64 = 0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF
_CODECS: Final[Mapping[bytes, str]] = {
    **dict.fromkeys((b"avc1", b"avc2", b"avc3", b"avc4"), "h264"),
    **dict.fromkeys((b"hvc1", b"hev1", b"dvh1", b"dvhe"), "h265"),
    b"mp4v": "mpeg4",
    b"av01": "av1",
    b"vp09": "vp9",
    b"jpeg": "mjpeg",
    b"mjpg": "mjpeg",
}
_SETTINGS: Final = {"h264": (b"avcC", 4), "h265": (b"hvcC", 21)}
"""Where a coding's settings stand, and at which byte of them how long the lengths of pieces are."""
_BEFORE_SETTINGS: Final = 86
"""Of an entry: its head, and what every picture's entry tells."""


@dataclass(frozen=True)
class Track:
    """What the head says of a track of pictures: ticks a second, how many ticks it lasts (0: not told)."""

    number: int
    scale: int
    length: int
    coding: Coding
    table: Box


def boxes(pages: Pages, box: Box) -> Iterator[tuple[bytes, Box]]:
    """Give the boxes within one, by kind, with where their content is.

    Raises:
        Unplayable: one ends where none can.

    """
    at, end = box
    while at + 8 <= end:
        kind, content, stop = box_at(pages, at, end)
        yield kind, (content, stop)
        at = stop


def box_at(pages: Pages, at: int, end: int) -> tuple[bytes, int, int]:
    """Read the head of a box: its kind, where its content begins, where it ends; raises like `boxes`."""
    head = pages.read(at, 16)
    size, kind = struct.unpack(">I4s", head[:8])
    content = at + 8
    if size == 1:
        (size,) = struct.unpack(">Q", head[8:16])
        content = at + 16
    elif size == 0:
        size = end - at
    if size < content - at or at + size > end:
        raise Unplayable  # cut off, or no box at all
    return kind, content, at + size


def within(pages: Pages, box: Box, *path: bytes) -> Box | None:
    """Find a box by the kinds of those around it, and its own."""
    for wanted in path:
        inner = next((found for kind, found in boxes(pages, box) if kind == wanted), None)
        if inner is None:
            return None
        box = inner
    return box


def required(pages: Pages, box: Box, *path: bytes) -> Box:
    """Find a box like `within`.

    Raises:
        Unplayable: there is none.

    """
    found = within(pages, box, *path)
    if found is None:
        raise Unplayable
    return found


def track_of_pictures(pages: Pages, movie: Box) -> Track:
    """Read what the head says of the pictures; of several tracks the one with the most of them counts.

    Raises:
        Unplayable: it has none, or they are enciphered.

    """
    tracks = [box for kind, box in boxes(pages, movie) if kind == b"trak" and _is_of_pictures(pages, box)]
    if not tracks:
        raise Unplayable
    counts = [_count_of(pages, track) for track in tracks]
    track = tracks[counts.index(max(counts))]
    scale, length = scale_and_length(pages, required(pages, track, b"mdia", b"mdhd"))
    table = required(pages, track, b"mdia", b"minf", b"stbl")
    header = required(pages, track, b"tkhd")
    raw = pages.read(header[0], 24)
    (number,) = struct.unpack(">I", raw[20:24] if raw[0] == 1 else raw[12:16])
    return Track(number, scale, length, _coding(pages, table), table)


def _is_of_pictures(pages: Pages, track: Box) -> bool:
    handler = within(pages, track, b"mdia", b"hdlr")
    return handler is not None and pages.read(handler[0] + 8, 4) == b"vide"


def _count_of(pages: Pages, track: Box) -> int:
    sizes = within(pages, track, b"mdia", b"minf", b"stbl", b"stsz")
    return int.from_bytes(pages.read(sizes[0] + 8, 4), "big") if sizes is not None else 0


def scale_and_length(pages: Pages, header: Box) -> tuple[int, int]:
    """Read ticks a second, and the ticks that it all lasts, of the head of a movie or a track's media."""
    raw = pages.read(header[0], 32)
    scale, length = struct.unpack(">IQ", raw[20:32]) if raw[0] == 1 else struct.unpack(">II", raw[12:20])
    if scale == 0:
        raise Unplayable
    return scale, 0 if length in (_UNKNOWN_32, _UNKNOWN_64) else length


def _coding(pages: Pages, table: Box) -> Coding:
    entries = required(pages, table, b"stsd")
    kind, content, stop = box_at(pages, entries[0] + 8, entries[1])
    if kind == b"encv":
        raise Unplayable  # enciphered: nobody can look at it
    codec = _CODECS.get(kind, OTHER_CODEC)
    if codec not in _SETTINGS:
        return Coding(codec)
    name, place = _SETTINGS[codec]
    settings = required(pages, (content - 8 + _BEFORE_SETTINGS, stop), name)
    return Coding(codec, (pages.read(settings[0], settings[1] - settings[0])[place] & 3) + 1)
