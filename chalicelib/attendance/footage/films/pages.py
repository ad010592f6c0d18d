"""The bytes of an object, by ranges; and what comes of reading them: a film, or none.

Of a recording of 5 GB some hundred kilobytes are read, and its tables: those of eight hours of 25 pictures a
second have 3 MB.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

PAGE_BYTES: Final = 1 << 16
_FETCHES_MAX: Final = 256
"""Whoever scatters a head over more ranges wants to be read for ever."""
_BYTES_MAX: Final = 256 << 20
_WINDOW_BYTES, _WINDOW_BYTES_MAX = 1 << 20, 8 << 20
SCANNED_BYTES_MAX: Final = 24 << 20
"""So far is looked for where a piece of a film begins: ten seconds of a very good camera have less."""

Box = tuple[int, int]
"""Where something begins and ends."""


class Unplayable(ValueError):
    """These bytes are no recording of the kind: no container, cut off, or without a picture."""


class Hollow(Unplayable):
    """A head that tells of pictures which are not behind it."""


@dataclass(frozen=True)
class Film:
    """What a recording says of itself; `seconds` is None where neither its head nor its pictures tell.

    `pictures_sha256` is a digest of two of its pictures, the first and the last that stand by themselves: it
    stays the same when a film is put into another container, or bytes are added that nobody sees. None where
    they were not found.
    """

    container: str
    codec: str
    seconds: float | None
    pictures_sha256: str | None = field(default=None, compare=False)


class Pages:
    """The bytes of an object, fetched in pages as they are asked for; `fetch` takes a start and a length."""

    def __init__(self, size: int, fetch: Callable[[int, int], bytes]) -> None:
        self.size = size
        self._fetch = fetch
        self._pages: dict[int, bytes] = {}
        self._fetches = 0

    def read(self, at: int, length: int) -> bytes:
        """Give so many bytes from there; fewer at the end. Pages that lie together come by one range.

        Raises:
            Unplayable: too much of the object would have to be fetched.

        """
        end = min(at + length, self.size)
        if at < 0 or end <= at:
            return b""
        first, last = at // PAGE_BYTES, (end - 1) // PAGE_BYTES
        self._have(first, last)
        whole = b"".join(self._pages[number] for number in range(first, last + 1))
        return whole[at - first * PAGE_BYTES : end - first * PAGE_BYTES]

    def _have(self, first: int, last: int) -> None:
        missing = [number for number in range(first, last + 1) if number not in self._pages]
        if not missing:
            return
        start, stop = missing[0] * PAGE_BYTES, min((missing[-1] + 1) * PAGE_BYTES, self.size)
        self._fetches += 1
        if self._fetches > _FETCHES_MAX or len(self._pages) * PAGE_BYTES + stop - start > _BYTES_MAX:
            raise Unplayable
        raw = self._fetch(start, stop - start)
        if len(raw) != stop - start:
            raise Unplayable
        for number in range(missing[0], missing[-1] + 1):
            self._pages[number] = raw[number * PAGE_BYTES - start :][:PAGE_BYTES]

    def found_before(self, end: int, pattern: bytes) -> Iterator[int]:
        """Give where a pattern stands before a place, the last first, as far as is looked."""
        least, length = max(end - SCANNED_BYTES_MAX, 0), _WINDOW_BYTES
        while end > least:
            at = max(end - length, least)
            window = self.read(at, end - at + len(pattern) - 1)
            yield from (at + place for place in reversed(list(_places(window, pattern))))
            end, length = at, min(2 * length, _WINDOW_BYTES_MAX)


def _places(window: bytes, pattern: bytes) -> Iterator[int]:
    place = window.find(pattern)
    while place >= 0:
        yield place
        place = window.find(pattern, place + 1)
