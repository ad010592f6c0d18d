"""An mp4 whose head has a table of all pictures: whether the table is right in itself, and they are there.

A table says how long each picture stands, how many bytes it has, and where each run of them begins. All of it
has to agree: with the length that is told, with what holds the bytes, and with itself. A film of a minute
whose table shows its pictures again and again has runs that lie over each other.
"""

import struct
import sys
from array import array
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

from chalicelib.attendance.footage.films import fragments
from chalicelib.attendance.footage.films.boxes import (
    Track,
    boxes,
    required,
    track_of_pictures,
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

_FIRST: Final = frozenset({b"ftyp", b"styp", b"moov", b"mdat", b"free", b"skip", b"wide"})
_ENTRIES_MAX: Final = 4_000_000
"""A day of 30 pictures a second has 2.6 million."""
_BACKWARDS: Final = 1 << 31
"""Some old recorders tell a time below nothing."""


@dataclass(frozen=True)
class Runs:
    """Where pictures are: by run, its place and the number of its first; by picture, the bytes before it."""

    places: Sequence[int]
    firsts: Sequence[int]
    before: Sequence[int]

    def picture(self, number: int) -> Box:
        """Give where a picture is; they count from 0."""
        run = bisect_right(self.firsts, number) - 1
        at = self.places[run] + self.before[number] - self.before[self.firsts[run]]
        return at, at + self.before[number + 1] - self.before[number]

    def boxes(self) -> list[Box]:
        """Give where each run begins and ends."""
        ends = [*self.firsts[1:], len(self.before) - 1]
        return [
            (place, place + self.before[end] - self.before[first])
            for place, first, end in zip(self.places, self.firsts, ends, strict=True)
        ]


def film_of(pages: Pages, lot: Lot) -> Film:
    """Read an mp4: its head, its tables, and some of its pictures as they are drawn.

    Raises:
        Unplayable: it is none, or `Hollow`: its pictures are not there.

    """
    movie, holders = _parts(pages)
    track = track_of_pictures(pages, movie)
    sizes = _sizes(pages, track.table)
    if not sizes:
        return fragments.film_of(pages, movie, track, lot)
    seconds = _seconds(pages, track, len(sizes))
    runs = _runs(pages, track.table, sizes)
    _require_held(runs.boxes(), holders)
    _look(pages, track, runs, sizes, lot)
    digest = digest_of(pages, track.coding, *_standing(pages, track.table, runs, len(sizes)))
    return Film("mp4", track.coding.codec, seconds, digest)


def _parts(pages: Pages) -> tuple[Box, list[Box]]:
    """Find what describes the whole, and what holds it; fragments are many, and nothing is asked behind."""
    movie, holders, is_fragmented = None, list[Box](), False
    for place, (kind, box) in enumerate(boxes(pages, (0, pages.size))):
        if place == 0 and kind not in _FIRST:
            raise Unplayable
        if kind == b"moov":
            movie = movie or box
        elif kind == b"mdat":
            holders.append(box)
        elif kind == b"moof":
            is_fragmented = True
            break
    if movie is None or not (holders or is_fragmented):
        raise Unplayable
    return movie, holders


# --------------------------------------------------------------------------- tables


def _numbers(pages: Pages, box: Box, *, head: int, code: str, of: int = 1) -> "array[int]":
    """Read the numbers of a table, `of` an entry: how many entries there are stands before the first."""
    (count,) = struct.unpack(">I", pages.read(box[0] + head - 4, 4))
    numbers = array(code)
    length = count * of * numbers.itemsize
    if count > _ENTRIES_MAX or box[0] + head + length > box[1]:
        raise Hollow
    numbers.frombytes(pages.read(box[0] + head, length))
    if sys.byteorder == "little":
        numbers.byteswap()
    return numbers


def _sizes(pages: Pages, table: Box) -> Sequence[int]:
    """Give how many bytes each picture has; none where the table is empty: fragments tell their own."""
    box = within(pages, table, b"stsz")
    if box is None:
        box = within(pages, table, b"stz2")
        if box is None:
            return ()
        bits = pages.read(box[0] + 7, 1)[0]
        if bits not in (8, 16):
            raise Unplayable
        return _numbers(pages, box, head=12, code="B" if bits == 8 else "H")  # noqa: PLR2004
    each, count = struct.unpack(">II", pages.read(box[0] + 4, 8))
    if count > _ENTRIES_MAX:
        raise Hollow
    return [each] * count if each else _numbers(pages, box, head=12, code="I")


def _seconds(pages: Pages, track: Track, count: int) -> float:
    """Add up how long the pictures stand; it has to be what the head tells.

    What counts is the sum in which none stands longer than ten seconds.
    """
    entries = _numbers(pages, required(pages, track.table, b"stts"), head=8, code="I", of=2)
    counts, ticks = entries[0::2], [0 if one >= _BACKWARDS else one for one in entries[1::2]]
    if abs(sum(counts) - count) > 1:
        raise Hollow
    whole = sum(number * each for number, each in zip(counts, ticks, strict=True)) / track.scale
    if track.length and are_apart(whole, track.length / track.scale):
        raise Hollow
    most = PICTURE_SECONDS_MAX * track.scale
    return sum(number * min(each, most) for number, each in zip(counts, ticks, strict=True)) / track.scale


def _runs(pages: Pages, table: Box, sizes: Sequence[int]) -> Runs:
    places = _places(pages, table)
    entries = _numbers(pages, required(pages, table, b"stsc"), head=8, code="I", of=3)
    begins, per_run = entries[0::3], entries[1::3]
    firsts, number = list[int](), 0
    for begin, end, each in zip(begins, [*begins[1:], len(places) + 1], per_run, strict=True):
        if not (0 < begin <= end <= len(places) + 1) or each == 0 or len(firsts) != begin - 1:
            raise Hollow
        firsts += range(number, number + (end - begin) * each, each)
        number += (end - begin) * each
    if number < len(sizes) or len(firsts) != len(places):
        raise Hollow
    used = bisect_right(firsts, len(sizes) - 1)
    return Runs(places[:used], firsts[:used], array("Q", accumulate(sizes, initial=0)))


def _places(pages: Pages, table: Box) -> Sequence[int]:
    short = within(pages, table, b"stco")
    if short is not None:
        return _numbers(pages, short, head=8, code="I")
    return _numbers(pages, required(pages, table, b"co64"), head=8, code="Q")


def _require_held(runs: Sequence[Box], holders: Sequence[Box]) -> None:
    """Require that each run lies in what holds the film, and none over another.

    Raises:
        Hollow: one does not.

    """
    held, last = sorted(holders), 0
    begins = [holder[0] for holder in held]
    for at, end in sorted(runs):
        place = bisect_right(begins, at) - 1
        if at < last or place < 0 or end > held[place][1]:
            raise Hollow
        last = end


# --------------------------------------------------------------------------- pictures


def _look(pages: Pages, track: Track, runs: Runs, sizes: Sequence[int], lot: Lot) -> None:
    """Look at the first picture, the middle and the last, and at some that are drawn."""
    count = len(sizes)
    numbers = {0, count // 2, count - 1, *(lot.below(count) for _ in range(DRAWN))}
    seen = [
        is_picture(pages, runs.picture(number), track.coding) for number in sorted(numbers) if sizes[number]
    ]
    require_pictures(seen)


def _standing(pages: Pages, table: Box, runs: Runs, count: int) -> tuple[Box | None, Box | None]:
    """Give the first and the last picture that stand by themselves; all do where none is named."""
    named = within(pages, table, b"stss")
    numbers = _numbers(pages, named, head=8, code="I") if named is not None else (1, count)
    if not len(numbers) or not 0 < numbers[0] <= numbers[-1] <= count:
        return None, None
    picture: Callable[[int], Box] = runs.picture
    return picture(numbers[0] - 1), picture(numbers[-1] - 1)
