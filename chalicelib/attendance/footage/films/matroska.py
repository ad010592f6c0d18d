"""The tree of elements of a Matroska film (RFC 9559): its head, its first and last cluster, and some by lot.

Its head tells no table, and often not even how long it is, so the clusters that hold places which are drawn
are looked for. enzyme and ebmlite go through a recording of no told size from end to end.
"""

import itertools
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from chalicelib.attendance.footage.films.boxes import OTHER_CODEC
from chalicelib.attendance.footage.films.lots import Lot
from chalicelib.attendance.footage.films.pages import Box, Film, Hollow, Pages, Unplayable
from chalicelib.attendance.footage.films.pictures import (
    DRAWN,
    PICTURE_SECONDS_MAX,
    Coding,
    are_apart,
    digest_of,
    is_picture,
    require_pictures,
)
from chalicelib.attendance.footage.films.times import is_shown_throughout

_CODECS: Final[Mapping[bytes, str]] = {
    b"V_MPEG4/ISO/AVC": "h264",
    b"V_MPEGH/ISO/HEVC": "h265",
    b"V_MPEG4/ISO/SP": "mpeg4",
    b"V_MPEG4/ISO/ASP": "mpeg4",
    b"V_AV1": "av1",
    b"V_VP8": "vp8",
    b"V_VP9": "vp9",
    b"V_MJPEG": "mjpeg",
}
_SETTINGS: Final = {"h264": 4, "h265": 21}
"""At which byte of a coding's settings stands how long the lengths of pieces are."""
_EBML, _DOCTYPE, _SEGMENT, _SEEK_HEAD = 0x1A45DFA3, 0x4282, 0x18538067, 0x114D9B74
_SEEK, _SEEK_ID, _SEEK_POSITION = 0x4DBB, 0x53AB, 0x53AC
_INFO, _SCALE, _DURATION, _CLUSTER = 0x1549A966, 0x2AD7B1, 0x4489, 0x1F43B675
_TRACKS, _TRACK, _TRACK_TYPE, _CODEC = 0x1654AE6B, 0xAE, 0x83, 0x86
_TRACK_NUMBER, _SETTINGS_ID, _EACH_LASTS, _ENCODINGS = 0xD7, 0x63A2, 0x23E383, 0x6D80
_TIME, _SIMPLE, _GROUP, _BLOCK, _REFERENCE = 0xE7, 0xA3, 0xA0, 0xA1, 0xFB
_OF_A_SEGMENT: Final = frozenset(
    {_SEEK_HEAD, _INFO, _CLUSTER, _TRACKS, 0x1C53BB6B, 0x1941A469, 0x1043A770, 0x1254C367, 0xEC, 0xBF}
)
_OF_A_CLUSTER: Final = frozenset({_TIME, _SIMPLE, _GROUP, 0xA7, 0xAB, 0xEC, 0xBF, 0x5854, 0xAF})
_PICTURE, _SCALE_USUAL, _NANOSECONDS = 1, 1_000_000, 1_000_000_000
_VALUE_BYTES_MAX = 64
_SETTINGS_BYTES_MAX: Final = 1 << 12
_PATTERN: Final = _CLUSTER.to_bytes(4, "big")
_HEAD_BYTES: Final = 256
_AHEAD_BYTES, _AHEAD_BYTES_MAX = 1 << 18, 24 << 20
_TRIED_MAX: Final = 400
_BEFORE_TIME: Final = 4
_BETWEEN_MAX: Final = 4
_BETWEEN_BYTES_MAX: Final = 1 << 20


@dataclass(frozen=True)
class Track:
    """What the head says of the track of pictures; `lasts` in nanoseconds, if each picture stands as long."""

    number: int
    coding: Coding
    scale: int
    lasts: int


@dataclass(frozen=True)
class Picture:
    """A picture of a cluster: where it is, when it shows in ticks, whether it stands by itself."""

    box: Box
    at: int
    alone: bool


@dataclass(frozen=True)
class Cluster:
    """A cluster as far as it was read: from its head to its end, or to where reading stopped."""

    box: Box
    begins: int
    pictures: Sequence[Picture]
    whole: bool


def film_of(pages: Pages, lot: Lot) -> Film:
    """Read a Matroska film: its head, and some of its clusters.

    Raises:
        Unplayable: it is none, or `Hollow`: its pictures are not there.

    """
    segment = _segment(pages)
    parts = _parts(pages, segment)
    if _INFO not in parts or _TRACKS not in parts:
        raise Unplayable
    info = _values(pages, parts[_INFO])
    scale = _number(info.get(_SCALE, b"")) or _SCALE_USUAL
    told = _float(info[_DURATION]) * scale / _NANOSECONDS if _DURATION in info else 0.0
    track = _track(pages, parts[_TRACKS], scale)
    if _CLUSTER not in parts:
        raise Hollow
    reader = _Reader(pages, track, segment[1])
    first, last = reader.ends(parts[_CLUSTER])
    reader.look(first, last, lot)
    seconds = reader.seconds(first, last)
    if told > 0 and are_apart(seconds, told):
        raise Hollow
    digest = digest_of(pages, track.coding, reader.first_alone(first), reader.last_alone(last))
    return Film("mkv", track.coding.codec, told if told > 0 else seconds, digest)


def _segment(pages: Pages) -> Box:
    top = elements(pages, (0, pages.size))
    kind, head = next(top, (0, (0, 0)))
    doctype = _values(pages, head).get(_DOCTYPE, b"") if kind == _EBML else b""
    segment = next((box for kind, box in top if kind == _SEGMENT), None)
    if doctype.rstrip(b"\0") not in (b"matroska", b"webm") or segment is None:
        raise Unplayable
    return segment


def elements(pages: Pages, box: Box) -> Iterator[tuple[int, Box]]:
    """Give the elements within one, by kind, with where their content is.

    Raises:
        Unplayable: one ends where none can.

    """
    at, end = box
    while at < end:
        kind, content, stop = _element_at(pages, at, end)
        if stop > end:
            raise Unplayable
        yield kind, (content, stop)
        at = stop


def _element_at(pages: Pages, at: int, end: int) -> tuple[int, int, int]:
    head = pages.read(at, 12)
    id_bytes = 9 - head[0].bit_length()
    size_bytes = 9 - head[id_bytes].bit_length()
    if id_bytes > 4 or size_bytes > 8:  # noqa: PLR2004 - the format's own limits
        raise Unplayable
    mask = (1 << 7 * size_bytes) - 1
    size = int.from_bytes(head[id_bytes : id_bytes + size_bytes], "big") & mask
    content = at + id_bytes + size_bytes
    stop = end if size == mask else content + size  # all ones: written live, to the end of what is around
    return int.from_bytes(head[:id_bytes], "big"), content, stop


def _track(pages: Pages, tracks: Box, scale: int) -> Track:
    for kind, box in elements(pages, tracks):
        values = _values(pages, box) if kind == _TRACK else {}
        if _number(values.get(_TRACK_TYPE, b"")) == _PICTURE:
            lasts = _number(values.get(_EACH_LASTS, b""))
            coding = _coding(values)
            return Track(_number(values.get(_TRACK_NUMBER, b"")), coding, scale, lasts)
    raise Unplayable


def _coding(values: Mapping[int, bytes]) -> Coding:
    codec = _CODECS.get(values.get(_CODEC, b"").rstrip(b"\0"), OTHER_CODEC)
    if _ENCODINGS in values:  # packed, or with a beginning left out that all pictures have
        return Coding(OTHER_CODEC if codec in _SETTINGS else codec)
    place, settings = _SETTINGS.get(codec), values.get(_SETTINGS_ID, b"")
    if place is None or len(settings) <= place or settings[0] != 1:
        return Coding(codec)
    return Coding(codec, (settings[place] & 3) + 1)


def _parts(pages: Pages, segment: Box) -> dict[int, Box]:
    """Find the parts of a segment up to its first cluster, and those behind by the index at its head."""
    parts: dict[int, Box] = {}
    at = segment[0]
    while at < segment[1]:
        kind, content, stop = _element_at(pages, at, segment[1])
        if kind == _CLUSTER:
            parts[kind] = (at, stop)
            break
        if stop > segment[1]:
            raise Unplayable
        parts.setdefault(kind, (content, stop))
        at = stop
    for kind, place in _told_places(pages, parts.get(_SEEK_HEAD), segment).items():
        if kind not in parts and place < segment[1]:
            found, box = next(elements(pages, (place, segment[1])))
            if found == kind:
                parts[kind] = box
    return parts


def _told_places(pages: Pages, seek_head: Box | None, segment: Box) -> dict[int, int]:
    if seek_head is None:
        return {}
    entries = [_values(pages, box) for kind, box in elements(pages, seek_head) if kind == _SEEK]
    return {
        _number(entry.get(_SEEK_ID, b"")): segment[0] + _number(entry.get(_SEEK_POSITION, b""))
        for entry in entries
    }


def _values(pages: Pages, box: Box) -> dict[int, bytes]:
    """Give the short values of an element by their kind; the first of a kind counts."""
    values: dict[int, bytes] = {}
    for kind, (start, stop) in elements(pages, box):
        if stop - start <= (_SETTINGS_BYTES_MAX if kind == _SETTINGS_ID else _VALUE_BYTES_MAX):
            values.setdefault(kind, pages.read(start, stop - start))
    return values


def _number(raw: bytes) -> int:
    return int.from_bytes(raw, "big")


def _float(raw: bytes) -> float:
    (number,) = struct.unpack(">d" if len(raw) == 8 else ">f", raw)  # noqa: PLR2004 - bytes of a double
    return float(number) if number == number else 0.0  # noqa: PLR0124 - no number at all


# --------------------------------------------------------------------------- clusters


@dataclass(frozen=True)
class _Reader:
    """Finds clusters and looks at them."""

    pages: Pages
    track: Track
    end: int

    def ends(self, place: Box) -> tuple[Cluster, Cluster]:
        """Give the first cluster, whose place is known, and the last with a picture."""
        first = self.read(place[0], until=place[0] + _AHEAD_BYTES)
        if first is None:
            raise Hollow
        for tried, at in enumerate(self.pages.found_before(self.pages.size, _PATTERN)):
            found = self.read(at, until=None) if at > place[0] else None
            if found is not None and found.pictures:
                return first, found
            if tried >= _TRIED_MAX or at <= place[0]:
                break
        return first, self.read(place[0], until=None) or first

    def look(self, first: Cluster, last: Cluster, lot: Lot) -> None:
        """Look at the first and the last cluster, and at some that are drawn.

        Raises:
            Hollow: too many of them are none.

        """
        if not first.pictures:
            raise Hollow
        verdicts, before = [self._is_right(first), self._is_right(last)], first
        for at in sorted(first.box[0] + lot.below(last.box[0] - first.box[0] + 1) for _ in range(DRAWN)):
            found = self.holding(at)
            is_later = found is not None and found.begins >= before.begins
            verdicts.append(found is not None and is_later and self._is_right(found))
            before = found or before
        require_pictures(verdicts)
        most = PICTURE_SECONDS_MAX * _NANOSECONDS / self.track.scale
        if not is_shown_throughout(self, first, last, most, lot):
            raise Hollow

    def shown_until(self, cluster: Cluster) -> int:
        """Tell when the last picture of a cluster begins."""
        whole = cluster if cluster.whole else self.read(cluster.box[0], until=None) or cluster
        return max((picture.at for picture in whole.pictures), default=whole.begins)

    def seconds(self, first: Cluster, last: Cluster) -> float:
        """Tell the length of it all: from when the first picture shows to when the last one ends."""
        times = sorted({picture.at for picture in last.pictures})
        each = self.track.lasts or (times[-1] - times[-2] if len(times) > 1 else 0) * self.track.scale
        begins = min(picture.at for picture in first.pictures)
        return ((times[-1] - begins) * self.track.scale + each) / _NANOSECONDS

    def first_alone(self, first: Cluster) -> Box | None:
        """Give the first picture that stands by itself."""
        return next((picture.box for picture in first.pictures if picture.alone), None)

    def last_alone(self, last: Cluster) -> Box | None:
        """Give the last picture that stands by itself; not every cluster has one."""
        found = self.first_alone(replace(last, pictures=list(reversed(last.pictures))))
        for tried, at in enumerate(self.pages.found_before(self.pages.size, _PATTERN)):
            if found is not None or tried >= _TRIED_MAX:
                break
            cluster = self.read(at, until=None) if at < last.box[0] else None
            if cluster is not None:
                found = self.first_alone(replace(cluster, pictures=list(reversed(cluster.pictures))))
        return found

    def holding(self, at: int) -> Cluster | None:
        """Read the cluster that holds a place, to that place; it may stand a little behind."""
        for place in self.pages.found_before(at + len(_PATTERN), _PATTERN):
            found = self.read(place, until=max(at, place + _AHEAD_BYTES))
            if found is not None:
                return found if at < found.box[1] or self._reaches(found.box[1], at) else None
        return None

    def _reaches(self, start: int, at: int) -> bool:
        """Tell whether a place is reached from another by small elements beside clusters."""
        for _ in range(_BETWEEN_MAX):
            if start > at:
                return True
            kind, stop = self._beside(start)
            if kind is None or stop - start > _BETWEEN_BYTES_MAX:
                return False
            start = stop
        return False

    def _is_right(self, cluster: Cluster) -> bool:
        pictures = cluster.pictures
        if not pictures:
            return False
        some = {0, len(pictures) // 2, len(pictures) - 1}
        if not all(is_picture(self.pages, pictures[number].box, self.track.coding) for number in some):
            return False
        times = sorted(picture.at for picture in pictures)
        most = PICTURE_SECONDS_MAX * _NANOSECONDS / self.track.scale
        if any(later - sooner > most for sooner, later in itertools.pairwise(times)):
            return False
        following = self.following(cluster) if cluster.whole else None
        if following is not None and following.begins - times[-1] > most:
            return False
        return following is not None or not cluster.whole or self._is_at_end(cluster.box[1])

    def following(self, cluster: Cluster) -> Cluster | None:
        """Give the beginning of the cluster that follows one; its index may stand between."""
        if not cluster.whole and cluster.box[1] >= self.end:
            # Written live, its size is not told: where it ends is known once it is read.
            cluster = self.read(cluster.box[0], until=None) or cluster
        at = cluster.box[1]
        for _ in range(_BETWEEN_MAX):
            kind, stop = self._beside(at)
            if kind == _CLUSTER:
                return self.read(at, until=at + _HEAD_BYTES)
            if kind is None or stop - at > _BETWEEN_BYTES_MAX:
                return None
            at = stop
        return None

    def _beside(self, at: int) -> tuple[int | None, int]:
        """Read the head of an element of the segment: its kind, None if it is none of those, and its end."""
        try:
            kind, _, stop = _element_at(self.pages, at, self.end)
        except (Unplayable, IndexError):
            return None, at
        return (kind, stop) if kind in _OF_A_SEGMENT else (None, at)

    def _is_at_end(self, at: int) -> bool:
        """Tell whether nothing but what stands behind all clusters, or a broken one, follows there."""
        if at >= self.end:
            return True
        kind, stop = self._beside(at)
        return kind is not None and (kind != _CLUSTER or stop >= self.end)

    def read(self, at: int, *, until: int | None) -> Cluster | None:
        """Read the cluster that begins there, to a place or whole; None if there is none."""
        try:
            kind, content, stop = _element_at(self.pages, at, self.end)
            if kind != _CLUSTER:
                return None
            far = min(stop, at + _AHEAD_BYTES_MAX, until or stop)
            self.pages.read(at, far - at)  # one range instead of many
            return self._cluster(at, (content, stop), until)
        except (Unplayable, struct.error, IndexError):
            return None

    def _cluster(self, start: int, box: Box, until: int | None) -> Cluster | None:
        at, begins, pictures, place = box[0], None, list[Picture](), 0
        while at < min(box[1], self.end) and (until is None or at <= until):
            kind, content, stop = _element_at(self.pages, at, box[1])
            if kind not in _OF_A_CLUSTER:
                box = (box[0], at)  # the next one, where this one told no size
                break
            if stop > self.end:
                break  # what was written when the current failed
            if kind == _TIME:
                begins = _number(self.pages.read(content, min(stop - content, 8)))
            elif begins is None and place > _BEFORE_TIME:
                return None
            elif begins is not None:
                picture = self._picture(kind, (content, stop), begins)
                pictures += [picture] if picture is not None else []
            at, place = stop, place + 1
        if begins is None:
            return None
        return Cluster((start, min(box[1], self.end)), begins, pictures, whole=at >= box[1])

    def _picture(self, kind: int, box: Box, begins: int) -> Picture | None:
        """Read a block if it is of the pictures' track."""
        alone: bool | None = None
        if kind == _GROUP:
            inner = dict(elements(self.pages, box))
            if _BLOCK not in inner:
                return None
            box, alone = inner[_BLOCK], _REFERENCE not in inner
        elif kind != _SIMPLE:
            return None
        head = self.pages.read(box[0], 12)
        length = 9 - head[0].bit_length()
        number = int.from_bytes(head[:length], "big") & ((1 << 7 * length) - 1)
        later, flags = struct.unpack_from(">hB", head, length)
        if number != self.track.number or box[0] + length + 3 >= box[1]:
            return None
        alone = bool(flags & 0x80) if alone is None else alone
        return Picture((box[0] + length + 3, box[1]), begins + later, alone)
