"""What a picture looks like in its coding: whether bytes that a film points to can be one.

Nothing is decoded. The pieces of a picture tell their own lengths in most codings: bytes that are none
hardly ever add up.
"""

import hashlib
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from chalicelib.attendance.footage.films.pages import Box, Hollow, Pages

PICTURE_SECONDS_MAX: Final = 10.0
"""A picture that stands longer shows no more than this: whoever films does not show one picture for hours."""
DRAWN: Final = 12
"""So many pictures, or pieces of a film, are drawn by lot and looked at besides the first and the last."""
BAD_SHARE_MAX: Final = 0.15
"""A recorder may have spoilt a piece here and there: a broken line, a card taken out."""
_TIME_OFF_MIN, _TIME_OFF_SHARE = 2.0, 0.05
"""So far the times of pictures may be from the length that the head tells, in seconds and as a share."""
_PIECES_MAX: Final = 512
_DIGESTED_BYTES_MAX: Final = 1 << 16
_SMALL: Final = 8
_H264_PIECES: Final = frozenset({*range(1, 16), 19, 20, 21})
_H264_SLICES: Final = frozenset(range(1, 6))
_H265_PIECES: Final = frozenset({*range(10), *range(16, 22), *range(32, 41), 62, 63})
"""62 and 63 carry the brightness that phones film with."""
_H265_SLICES: Final = frozenset({*range(10), *range(16, 22)})
_AV1_PIECES: Final = frozenset({*range(1, 9), 15})
_START: Final = b"\0\0\1"
_STILLS: Final = (b"\xff\xd8", b"\x89PNG")


@dataclass(frozen=True)
class Coding:
    """How the pictures of a track are coded; `length_bytes` is how long the length of a piece is, if told."""

    codec: str
    length_bytes: int | None = None


def are_apart(seconds: float, told: float) -> bool:
    """Tell whether the time that pictures take is not the length that a head tells."""
    return abs(seconds - told) > max(_TIME_OFF_MIN, _TIME_OFF_SHARE * max(seconds, told))


def require_pictures(verdicts: Sequence[bool]) -> None:
    """Take what was looked at for a film unless too much of it was none.

    Raises:
        Hollow: too much of it was none, or nothing was there.

    """
    if not verdicts or verdicts.count(False) > BAD_SHARE_MAX * len(verdicts):
        raise Hollow


def is_picture(pages: Pages, box: Box, coding: Coding) -> bool:
    """Tell whether a picture can stand there; of codings that nobody here knows anything can."""
    at, end = box
    if end <= at or end > pages.size:
        return False
    try:
        return _is_picture(pages, box, coding)
    except (struct.error, IndexError):
        return False


def _is_picture(pages: Pages, box: Box, coding: Coding) -> bool:
    at, end = box
    if coding.length_bytes is not None:
        pieces = list(_pieces(pages, box, coding.length_bytes))
        return pieces[-1][1] == end and _are_of_a_picture([pages.read(one[0], 2) for one in pieces], coding)
    if coding.codec == "av1":
        return _are_units(pages, box)
    head = pages.read(at, min(end - at, 10))
    match coding.codec:
        case "h264" | "h265":
            right = head.startswith((_START, b"\0" + _START))
        case "mpeg4":
            right = len(head) < _SMALL or head.startswith(
                (_START, *_STILLS)
            )  # its name tells several codings
        case "mjpeg":
            right = head.startswith(_STILLS)
        case "vp9":
            right = head[0] >> 6 == 2  # noqa: PLR2004 - the mark of a frame
        case "vp8":
            right = bool(head[0] & 1) or head[3:6] == b"\x9d\x01\x2a"
        case _:
            right = True
    return right


def _pieces(pages: Pages, box: Box, length_bytes: int) -> Iterator[Box]:
    """Give the pieces of a picture, each of which tells its length before it."""
    at, end = box
    for _ in range(_PIECES_MAX):
        begins = at + length_bytes
        at = begins + int.from_bytes(pages.read(at, length_bytes), "big")
        if at == begins or at > end:
            return
        yield begins, at
        if at == end:
            return


def _are_of_a_picture(heads: Sequence[bytes], coding: Coding) -> bool:
    if any(head[0] & 0x80 for head in heads):
        return False
    kinds = {_kind_of(head, coding) for head in heads}
    if coding.codec == "h264":
        return kinds <= _H264_PIECES and bool(kinds & _H264_SLICES)
    return kinds <= _H265_PIECES and bool(kinds & _H265_SLICES) and all(head[1] & 7 for head in heads)


def _kind_of(head: bytes, coding: Coding) -> int:
    return head[0] & 0x1F if coding.codec == "h264" else head[0] >> 1 & 0x3F


def _are_units(pages: Pages, box: Box) -> bool:
    at, end = box
    for _ in range(_PIECES_MAX):
        head = pages.read(at, 10)
        if head[0] & 0x81 or head[0] >> 3 & 15 not in _AV1_PIECES:
            return False
        at += 2 if head[0] & 4 else 1
        if not head[0] & 2:
            return at <= end
        length, shift = 0, 0
        for byte in head[2 if head[0] & 4 else 1 :]:
            length |= (byte & 0x7F) << shift
            at, shift = at + 1, shift + 7
            if not byte & 0x80:
                break
        at += length
        if at >= end:
            return at == end
    return False


def digest_of(pages: Pages, coding: Coding, *pictures: Box | None) -> str | None:
    """Give a digest of some pictures themselves; what containers put beside them is left out."""
    digest = hashlib.sha256()
    for box in pictures:
        if box is None or not is_picture(pages, box, coding):
            return None
        digest.update(b"".join(_essence(pages, box, coding))[:_DIGESTED_BYTES_MAX])
    return digest.hexdigest()


def _essence(pages: Pages, box: Box, coding: Coding) -> Iterator[bytes]:
    if coding.length_bytes is None:
        yield pages.read(box[0], min(box[1] - box[0], _DIGESTED_BYTES_MAX))
        return
    for begins, ends in _pieces(pages, box, coding.length_bytes):
        raw = pages.read(begins, min(ends - begins, _DIGESTED_BYTES_MAX))
        if _kind_of(raw, coding) in (_H264_SLICES if coding.codec == "h264" else _H265_SLICES):
            yield struct.pack(">I", ends - begins) + raw
