"""An mp4 written in fragments, each with a table of its own: looked at where it begins, ends, and by lot.

There are many thousands of them, and often nothing says where. So a place is drawn, and the fragment that
holds it is looked for: it has to hold pictures, to stand later than those before it, and the one that follows
has to go on where it ends.
"""

import itertools
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from chalicelib.attendance.footage.films.boxes import (
    Track,
    box_at,
    boxes,
    required,
    scale_and_length,
    within,
)
from chalicelib.attendance.footage.films.lots import Lot
from chalicelib.attendance.footage.films.pages import Box, Film, Hollow, Pages, Unplayable
from chalicelib.attendance.footage.films.pictures import (
    DRAWN,
    PICTURE_SECONDS_MAX,
    are_apart,
    digest_of,
    is_picture,
    require_pictures,
)
from chalicelib.attendance.footage.films.times import is_shown_throughout

_STEPS_MAX: Final = 16
"""So many boxes are passed over to find pictures: sound may have fragments of its own."""
_TRIED_MAX: Final = 24
_FEW: Final = 60
"""Of a film of no more boxes each is looked at."""
_BESIDE: Final = frozenset(
    b"moof mdat mfra styp sidx ssix emsg prft uuid free skip wide meta moov udta".split()
)
_DEPENDS: Final = 0x10000
_COUNT_MAX: Final = 100_000


@dataclass(frozen=True)
class Picture:
    """A picture of a fragment: where it is, how many ticks it stands, whether it stands by itself."""

    box: Box
    ticks: int
    alone: bool


@dataclass(frozen=True)
class Fragment:
    """A fragment with pictures, from its head to the end of its bytes; `begins` in ticks, if it tells."""

    box: Box
    pictures: Sequence[Picture]
    begins: int | None

    @property
    def ends(self) -> int | None:
        """Tell when its last picture ends, in ticks."""
        return None if self.begins is None else self.begins + sum(each.ticks for each in self.pictures)


@dataclass(frozen=True)
class _Usual:
    """What holds of a picture where its fragment says nothing else."""

    ticks: int = 0
    size: int = 0
    flags: int = 0


def film_of(pages: Pages, movie: Box, track: Track, lot: Lot) -> Film:
    """Read the fragments of an mp4 with a head without a table.

    Raises:
        Unplayable: there are none, or `Hollow`: they are not what a film has.

    """
    reader = _Reader(pages, track, _usual(pages, movie, track.number))
    every = reader.every()
    first, last = (every[0], every[-1]) if every else reader.ends()
    verdicts = [reader.is_right(one) for one in every or (first, last)]
    before = first
    length = last.box[0] - first.box[0] + 1
    for at in sorted(first.box[0] + lot.below(length) for _ in range(0 if every else DRAWN)):
        found = reader.holding(at)
        verdicts.append(found is not None and not _is_sooner(found, before) and reader.is_right(found, at))
        before = found or before
    require_pictures(verdicts)
    if not is_shown_throughout(reader, first, last, PICTURE_SECONDS_MAX * track.scale, lot):
        raise Hollow
    digest = digest_of(pages, track.coding, _alone(first.pictures), reader.last_alone(last))
    return Film("mp4", track.coding.codec, _seconds(pages, movie, track, first, last), digest)


def _usual(pages: Pages, movie: Box, number: int) -> _Usual:
    for kind, box in boxes(pages, required(pages, movie, b"mvex")):
        if kind == b"trex":
            track, _, ticks, size, flags = struct.unpack(">5I", pages.read(box[0] + 4, 20))
            if track == number:
                return _Usual(ticks, size, flags)
    raise Unplayable


def _is_sooner(found: Fragment, before: Fragment) -> bool:
    return found.begins is not None and before.begins is not None and found.begins < before.begins


def _alone(pictures: Sequence[Picture]) -> Box | None:
    return next((each.box for each in pictures if each.alone), None)


def _seconds(pages: Pages, movie: Box, track: Track, first: Fragment, last: Fragment) -> float | None:
    """Tell the length of it all: from when the first fragment begins to when the last one ends."""
    if first.begins is not None and last.ends is not None:
        seconds = (last.ends - first.begins) / track.scale
        if track.length and are_apart(seconds, track.length / track.scale):
            raise Hollow
        return seconds
    extends = within(pages, movie, b"mvex", b"mehd")
    if extends is None:
        return None
    raw = pages.read(extends[0], 12)
    (length,) = struct.unpack(">Q", raw[4:12]) if raw[0] == 1 else struct.unpack(">I", raw[4:8])
    header = required(pages, movie, b"mvhd")
    return float(length / scale_and_length(pages, header)[0]) if length else None


@dataclass(frozen=True)
class _Reader:
    """Finds fragments and looks at them."""

    pages: Pages
    track: Track
    usual: _Usual

    def every(self) -> list[Fragment]:
        """Give all fragments with pictures where they are few; none where they are many, or broken off."""
        found: list[Fragment] = []
        try:
            for place, (kind, box) in enumerate(boxes(self.pages, (0, self.pages.size))):
                if place >= _FEW:
                    return []
                fragment = self.read(self._head_of(box[0])) if kind == b"moof" else None
                found += [fragment] if fragment is not None else []
        except Unplayable:
            return []
        return found

    def ends(self) -> tuple[Fragment, Fragment]:
        """Give the first fragment with pictures and the last."""
        first = self._first()
        return first, self._last(first)

    def _first(self) -> Fragment:
        for kind, box in boxes(self.pages, (0, self.pages.size)):
            if kind == b"moof":
                found = self._at_or_after(self._head_of(box[0]))
                if found is not None:
                    return found
                break
        raise Hollow

    def _last(self, first: Fragment) -> Fragment:
        """Give the last whole fragment: where the current failed, what was being written is broken off."""
        for tried, place in enumerate(self.pages.found_before(self.pages.size, b"moof")):
            found = self.read(place - 4)
            if found is not None or tried >= _TRIED_MAX:
                return found or first
        return first

    def last_alone(self, last: Fragment) -> Box | None:
        """Give the last picture that stands by itself; not every fragment has one."""
        found = _alone(list(reversed(last.pictures)))
        for tried, place in enumerate(self.pages.found_before(self.pages.size, b"moof")):
            if found is not None or tried >= _TRIED_MAX:
                break
            fragment = self.read(place - 4) if place - 4 < last.box[0] else None
            found = _alone(list(reversed(fragment.pictures))) if fragment is not None else None
        return found

    def holding(self, at: int) -> Fragment | None:
        """Give the fragment that holds a place, or after which nothing but what belongs beside it does."""
        for place in self.pages.found_before(at + 8, b"moof"):
            found = self.read(place - 4)
            if found is not None:
                return found if at < found.box[1] or self._reaches(found.box[1], at) else None
        return None

    def _reaches(self, start: int, at: int) -> bool:
        """Tell whether a place is reached from another by boxes that stand beside fragments."""
        for _ in range(_STEPS_MAX):
            if start > at:
                return True
            try:
                kind, _, start = box_at(self.pages, start, self.pages.size)
            except Unplayable:
                return False
            if kind not in _BESIDE:
                return False
        return False

    def is_right(self, fragment: Fragment, at: int = 0) -> bool:
        """Tell whether a fragment holds pictures, there too, and the next one goes on where it ends."""
        count = len(fragment.pictures)
        looked_at = {0, count // 2, count - 1}
        boxes_there = [fragment.pictures[number].box for number in looked_at]
        boxes_there += [one.box for one in fragment.pictures if one.box[0] <= at < one.box[1]]
        if not all(is_picture(self.pages, box, self.track.coding) for box in boxes_there if box[0] < box[1]):
            return False
        ticks = PICTURE_SECONDS_MAX * self.track.scale
        if sum(each.ticks for each in fragment.pictures) > ticks * count:
            return False
        following = self.following(fragment)
        if following is None:
            return self._is_at_end(fragment.box[1])
        if following.begins is None or fragment.ends is None:
            return True
        return abs(following.begins - fragment.ends) <= ticks

    def following(self, fragment: Fragment) -> Fragment | None:
        """Give the fragment with pictures that follows one."""
        return self._at_or_after(fragment.box[1])

    def shown_until(self, fragment: Fragment) -> int:
        """Tell when the last picture of a fragment ends."""
        return fragment.ends or 0

    def _is_at_end(self, at: int) -> bool:
        """Tell whether no picture follows, but what stands behind all fragments, or a broken one."""
        for _ in range(_STEPS_MAX):
            if at >= self.pages.size:
                return True
            kind = self.pages.read(at + 4, 4)
            if kind not in _BESIDE:
                return False
            try:
                _, _, at = box_at(self.pages, at, self.pages.size)
            except Unplayable:
                return True
        return False

    def _head_of(self, content: int) -> int:
        """Tell where a box begins whose content is told: a long size stands between."""
        return content - (8 if self.pages.read(content - 4, 4) == b"moof" else 16)

    def _at_or_after(self, at: int) -> Fragment | None:
        """Give the fragment there, or one that follows within some boxes."""
        for _ in range(_STEPS_MAX):
            if at + 8 > self.pages.size:
                return None
            try:
                kind, _, stop = box_at(self.pages, at, self.pages.size)
            except Unplayable:
                return None
            if kind == b"moof":
                found = self.read(at)
                if found is not None:
                    return found
            at = stop
        return None

    def read(self, at: int) -> Fragment | None:
        """Read the fragment that begins there; None if there is none with pictures, or not whole."""
        try:
            kind, content, stop = box_at(self.pages, at, self.pages.size)
            if kind != b"moof" or within(self.pages, (content, stop), b"mfhd") is None:
                return None
            holder = self._holder(stop)
            return self._fragment(at, (content, stop), holder)
        except (Unplayable, struct.error, IndexError):
            return None

    def _holder(self, at: int) -> Box:
        for kind, box in boxes(self.pages, (at, self.pages.size)):
            if kind == b"mdat":
                return box
            if kind == b"moof":
                break
        raise Hollow

    def _fragment(self, at: int, head: Box, holder: Box) -> Fragment | None:
        base = at
        for kind, box in boxes(self.pages, head):
            if kind != b"traf":
                continue
            number, flags, told = self._track_head(required(self.pages, box, b"tfhd"))
            if flags & 1:
                base = told
            elif flags & 0x20000:
                base = at
            pictures, begins, base = self._run(box, base, number)
            if number == self.track.number and pictures:
                inside = all(holder[0] <= one.box[0] <= one.box[1] <= holder[1] for one in pictures)
                apart = all(one.box[1] <= next_one.box[0] for one, next_one in _pairs(pictures))
                return Fragment((at, holder[1]), pictures, begins) if inside and apart else None
        return None

    def _track_head(self, box: Box) -> tuple[int, int, int]:
        """Tell a fragment's track, what is told of it, and where its bytes are counted from."""
        flags, number, base = struct.unpack(">IIQ", self.pages.read(box[0], 16).ljust(16, b"\0"))
        return number, flags & 0xFFFFFF, base

    def _run(self, fragment: Box, base: int, number: int) -> tuple[list[Picture], int | None, int]:
        """Read the runs of a track's fragment: its pictures, when it begins, where its bytes end."""
        usual = self._usual_here(required(self.pages, fragment, b"tfhd"), number)
        at, begins, pictures = base, None, list[Picture]()
        for kind, box in boxes(self.pages, fragment):
            if kind == b"tfdt":
                raw = self.pages.read(box[0], 12)
                begins = int.from_bytes(raw[4:12] if raw[0] == 1 else raw[4:8], "big")
            elif kind == b"trun":
                for picture in self._pictures(box, base, at, usual):
                    pictures.append(picture)
                    at = picture.box[1]
        return pictures, begins, at

    def _usual_here(self, box: Box, number: int) -> _Usual:
        usual = self.usual if number == self.track.number else _Usual()
        (flags,) = struct.unpack(">I", self.pages.read(box[0], 4))
        told, at = [usual.ticks, usual.size, usual.flags], box[0] + 8 + 8 * (flags & 1) + 2 * (flags & 2)
        for place, bit in enumerate((8, 0x10, 0x20)):
            if flags & bit:
                told[place] = int.from_bytes(self.pages.read(at, 4), "big")
                at += 4
        return _Usual(*told)

    def _pictures(self, box: Box, base: int, at: int, usual: _Usual) -> Iterator[Picture]:
        flags, count = struct.unpack(">II", self.pages.read(box[0], 8))
        place = box[0] + 8
        if flags & 1:
            (offset,) = struct.unpack(">i", self.pages.read(place, 4))
            at, place = base + offset, place + 4
        first = None
        if flags & 4:
            (first,) = struct.unpack(">I", self.pages.read(place, 4))
            place += 4
        told = [bit for bit in (0x100, 0x200, 0x400, 0x800) if flags & bit]
        if count > _COUNT_MAX or place + 4 * len(told) * count > box[1]:
            raise Hollow
        raw = self.pages.read(place, 4 * len(told) * count)
        for number in range(count):
            row = struct.unpack_from(f">{len(told)}I", raw, 4 * len(told) * number)
            values = dict(zip(told, row, strict=True))
            size = values.get(0x200, usual.size)
            kinds = first if number == 0 and first is not None else values.get(0x400, usual.flags)
            yield Picture((at, at + size), values.get(0x100, usual.ticks), not kinds & _DEPENDS)
            at += size


def _pairs(pictures: Sequence[Picture]) -> Iterator[tuple[Picture, Picture]]:
    return itertools.pairwise(pictures)
