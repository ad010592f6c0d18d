"""What a recording's own head says: its container, its picture's codec, its length.

Two trees of boxes are walked here, mp4 (ISO/IEC 14496-12) and Matroska (RFC 9559), heads only, by ranges: of
a recording of 5 GB some hundred kilobytes are read, wherever its index stands. No package does that for us:
hachoir and mutagen are under the GPL; pymediainfo carries 15 MB for a newer C library than the oldest
runtime's; tinytag knows no pictures, enzyme and ebmlite no mp4, and those two go through a recording of no
told size from end to end.
"""

import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

_PAGE_BYTES = 1 << 16
_PAGES_MAX = 256
"""Whoever scatters a head over more than 16 MB wants to be read for ever."""
_FIRST: Final = frozenset({b"ftyp", b"styp", b"moov", b"mdat", b"free", b"skip", b"wide"})
_UNKNOWN_32, _UNKNOWN_64 = 0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF
_MP4_CODECS: Final[Mapping[bytes, str]] = {
    **dict.fromkeys((b"avc1", b"avc2", b"avc3", b"avc4"), "h264"),
    **dict.fromkeys((b"hvc1", b"hev1"), "h265"),
    b"mp4v": "mpeg4",
    b"av01": "av1",
    b"vp09": "vp9",
    b"jpeg": "mjpeg",
    b"mjpg": "mjpeg",
}
_MKV_CODECS: Final[Mapping[bytes, str]] = {
    b"V_MPEG4/ISO/AVC": "h264",
    b"V_MPEGH/ISO/HEVC": "h265",
    b"V_MPEG4/ISO/SP": "mpeg4",
    b"V_MPEG4/ISO/ASP": "mpeg4",
    b"V_AV1": "av1",
    b"V_VP8": "vp8",
    b"V_VP9": "vp9",
    b"V_MJPEG": "mjpeg",
}
OTHER_CODEC: Final = "other"
_EBML, _DOCTYPE, _SEGMENT, _SEEK_HEAD = 0x1A45DFA3, 0x4282, 0x18538067, 0x114D9B74
_SEEK, _SEEK_ID, _SEEK_POSITION = 0x4DBB, 0x53AB, 0x53AC
_INFO, _SCALE, _DURATION, _CLUSTER = 0x1549A966, 0x2AD7B1, 0x4489, 0x1F43B675
_TRACKS, _TRACK, _TRACK_TYPE, _CODEC = 0x1654AE6B, 0xAE, 0x83, 0x86
_PICTURE, _SCALE_USUAL, _NANOSECONDS = 1, 1_000_000, 1_000_000_000
_VALUE_BYTES_MAX = 64


class Unplayable(ValueError):
    """These bytes are no recording of the kind: no container, cut off, or without a picture."""


@dataclass(frozen=True)
class Film:
    """What a recording says of itself; `seconds` is None where it was written live and does not tell."""

    container: str
    codec: str
    seconds: float | None


class Pages:
    """The bytes of an object, fetched in pages as they are asked for; `fetch` takes a start and a length."""

    def __init__(self, size: int, fetch: Callable[[int, int], bytes]) -> None:
        self.size = size
        self._fetch = fetch
        self._pages: dict[int, bytes] = {}

    def read(self, at: int, length: int) -> bytes:
        """Give so many bytes from there; fewer at the end.

        Raises:
            Unplayable: too much of the object would have to be fetched.

        """
        end = min(at + length, self.size)
        pieces = []
        while at < end:
            number = at // _PAGE_BYTES
            piece = self._page(number)[at - number * _PAGE_BYTES : end - number * _PAGE_BYTES]
            if not piece:
                raise Unplayable
            pieces.append(piece)
            at += len(piece)
        return b"".join(pieces)

    def _page(self, number: int) -> bytes:
        if number not in self._pages:
            if len(self._pages) >= _PAGES_MAX:
                raise Unplayable
            start = number * _PAGE_BYTES
            self._pages[number] = self._fetch(start, min(_PAGE_BYTES, self.size - start))
        return self._pages[number]


def film_in(pages: Pages, content_type: str) -> Film:
    """Read the head of a recording of a content type.

    Raises:
        Unplayable: it is none.

    """
    try:
        return _mp4_film(pages) if content_type == "video/mp4" else _mkv_film(pages)
    except (struct.error, IndexError, ZeroDivisionError, OverflowError):
        raise Unplayable from None


# --------------------------------------------------------------------------- mp4


Box = tuple[int, int]
"""Where a box's content begins and ends."""


def _boxes(pages: Pages, box: Box) -> Iterator[tuple[bytes, Box]]:
    at, end = box
    while at + 8 <= end:
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
        yield kind, (content, at + size)
        at += size


def _within(pages: Pages, box: Box, *path: bytes) -> Box | None:
    for wanted in path:
        inner = next((found for kind, found in _boxes(pages, box) if kind == wanted), None)
        if inner is None:
            return None
        box = inner
    return box


def _mp4_film(pages: Pages) -> Film:
    movie = _movie(pages)
    header = _within(pages, movie, b"mvhd")
    track = next(filter(lambda track: _is_picture(pages, track), _tracks(pages, movie)), None)
    if header is None or track is None:
        raise Unplayable
    media = _within(pages, track, b"mdia", b"mdhd")
    entries = _within(pages, track, b"mdia", b"minf", b"stbl", b"stsd")
    if media is None or entries is None:
        raise Unplayable
    codec = pages.read(entries[0] + 12, 4)
    if codec == b"encv":
        raise Unplayable  # enciphered: nobody can look at it
    scale, length = _scale_and_length(pages, media)
    seconds = length / scale if length else _fragmented_seconds(pages, movie, header, scale)
    return Film("mp4", _MP4_CODECS.get(codec, OTHER_CODEC), seconds)


def _movie(pages: Pages) -> Box:
    """Find what describes the whole; what is behind has to be there, but for fragments, which are many."""
    movie, pictures = None, False
    for place, (kind, box) in enumerate(_boxes(pages, (0, pages.size))):
        if place == 0 and kind not in _FIRST:
            raise Unplayable
        if kind == b"moov":
            movie = movie or box
        pictures = pictures or kind in (b"mdat", b"moof")
        if kind == b"moof":
            break
    if movie is None or not pictures:
        raise Unplayable
    return movie


def _tracks(pages: Pages, movie: Box) -> Iterator[Box]:
    return (box for kind, box in _boxes(pages, movie) if kind == b"trak")


def _is_picture(pages: Pages, track: Box) -> bool:
    handler = _within(pages, track, b"mdia", b"hdlr")
    return handler is not None and pages.read(handler[0] + 8, 4) == b"vide"


def _scale_and_length(pages: Pages, header: Box) -> tuple[int, int]:
    """Read ticks a second, and the ticks that it all lasts, of the head of a movie or a track's media."""
    raw = pages.read(header[0], 32)
    scale, length = struct.unpack(">IQ", raw[20:32]) if raw[0] == 1 else struct.unpack(">II", raw[12:20])
    if scale == 0:
        raise Unplayable
    return scale, 0 if length in (_UNKNOWN_32, _UNKNOWN_64) else length


def _fragmented_seconds(pages: Pages, movie: Box, header: Box, scale: int) -> float | None:
    """Tell the length of what was written in fragments: from beside them, or from the index behind them."""
    extends = _within(pages, movie, b"mvex", b"mehd")
    if extends is not None:
        raw = pages.read(extends[0], 12)
        (length,) = struct.unpack(">Q", raw[4:12]) if raw[0] == 1 else struct.unpack(">I", raw[4:8])
        return float(length / _scale_and_length(pages, header)[0]) if length else None
    last = pages.read(max(pages.size - 16, 0), 16)
    if last[4:8] != b"mfro":
        return None
    (size,) = struct.unpack(">I", last[12:16])
    index = _within(pages, (max(pages.size - size, 0), pages.size), b"mfra", b"tfra")
    return _last_fragment(pages, index) / scale if index is not None else None


def _last_fragment(pages: Pages, index: Box) -> int:
    """Give when the last fragment of an index begins, in ticks of its track."""
    raw = pages.read(index[0], 16)
    (lengths, count) = struct.unpack(">II", raw[8:16])
    spare = sum((lengths >> shift & 3) + 1 for shift in (0, 2, 4))
    number = 8 if raw[0] == 1 else 4
    if count == 0:
        raise Unplayable
    return int.from_bytes(pages.read(index[0] + 16 + (count - 1) * (2 * number + spare), number), "big")


# --------------------------------------------------------------------------- Matroska


def _elements(pages: Pages, box: Box) -> Iterator[tuple[int, Box]]:
    at, end = box
    while at < end:
        head = pages.read(at, 12)
        id_bytes = 9 - head[0].bit_length()
        size_bytes = 9 - head[id_bytes].bit_length()
        if id_bytes > 4 or size_bytes > 8:  # noqa: PLR2004 - the format's own limits
            raise Unplayable
        mask = (1 << 7 * size_bytes) - 1
        size = int.from_bytes(head[id_bytes : id_bytes + size_bytes], "big") & mask
        content = at + id_bytes + size_bytes
        stop = end if size == mask else content + size  # all ones: written live, to the end of what is around
        if stop > end:
            raise Unplayable
        yield int.from_bytes(head[:id_bytes], "big"), (content, stop)
        at = stop


def _mkv_film(pages: Pages) -> Film:
    top = _elements(pages, (0, pages.size))
    kind, head = next(top, (0, (0, 0)))
    doctype = _values(pages, head).get(_DOCTYPE, b"") if kind == _EBML else b""
    segment = next((box for kind, box in top if kind == _SEGMENT), None)
    if doctype.rstrip(b"\0") not in (b"matroska", b"webm") or segment is None:
        raise Unplayable
    parts = _parts(pages, segment)
    if _INFO not in parts or _TRACKS not in parts:
        raise Unplayable
    info = _values(pages, parts[_INFO])
    scale = int.from_bytes(info.get(_SCALE, b""), "big") or _SCALE_USUAL
    tracks = (_values(pages, box) for kind, box in _elements(pages, parts[_TRACKS]) if kind == _TRACK)
    picture = next((track for track in tracks if _number(track.get(_TRACK_TYPE, b"")) == _PICTURE), None)
    if picture is None:
        raise Unplayable
    codec = _MKV_CODECS.get(picture.get(_CODEC, b"").rstrip(b"\0"), OTHER_CODEC)
    length = _float(info[_DURATION]) if _DURATION in info else 0.0
    return Film("mkv", codec, length * scale / _NANOSECONDS if length > 0 else None)


def _parts(pages: Pages, segment: Box) -> dict[int, Box]:
    """Find the parts of a segment before its first cluster, and those behind by the index at its head."""
    parts: dict[int, Box] = {}
    for kind, box in _elements(pages, segment):
        if kind == _CLUSTER:
            break
        parts.setdefault(kind, box)
    for kind, place in _told_places(pages, parts.get(_SEEK_HEAD), segment).items():
        if kind not in parts and place < segment[1]:
            found, box = next(_elements(pages, (place, segment[1])))
            if found == kind:
                parts[kind] = box
    return parts


def _told_places(pages: Pages, seek_head: Box | None, segment: Box) -> dict[int, int]:
    if seek_head is None:
        return {}
    entries = [_values(pages, box) for kind, box in _elements(pages, seek_head) if kind == _SEEK]
    return {
        _number(entry.get(_SEEK_ID, b"")): segment[0] + _number(entry.get(_SEEK_POSITION, b""))
        for entry in entries
    }


def _values(pages: Pages, box: Box) -> dict[int, bytes]:
    """Give the short values of an element by their kind; the first of a kind counts."""
    values: dict[int, bytes] = {}
    for kind, (start, stop) in _elements(pages, box):
        if stop - start <= _VALUE_BYTES_MAX:
            values.setdefault(kind, pages.read(start, stop - start))
    return values


def _number(raw: bytes) -> int:
    return int.from_bytes(raw, "big")


def _float(raw: bytes) -> float:
    (number,) = struct.unpack(">d" if len(raw) == 8 else ">f", raw)  # noqa: PLR2004 - bytes of a double
    return float(number) if number == number else 0.0  # noqa: PLR0124 - no number at all
