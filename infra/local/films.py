"""Films for tests and demonstrations: real mp4 of any length, whose pictures are where the head says.

A player finds the head whole, and pictures that nothing can be seen in.
"""

import struct
from itertools import accumulate

from chalicelib.attendance.footage.model import BYTES_A_SECOND_MIN

_MATRIX = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
_SCALE = 1000
_PICTURE_SECONDS = 5
_STANDING = 12
"""Every so many pictures one stands by itself."""
_RUN = 60
AVCC = bytes.fromhex("0142c00affe100046742c00a01000468ce3c80")
"""Settings of H.264: lengths of four bytes, one set for a sequence and one for pictures."""


def box(kind: bytes, *content: bytes) -> bytes:
    """Make a box of an mp4."""
    body = b"".join(content)
    return struct.pack(">I4s", 8 + len(body), kind) + body


def full_box(kind: bytes, *content: bytes) -> bytes:
    """Make a box of version 0 without flags."""
    return box(kind, b"\0\0\0\0", *content)


def table_box(kind: bytes, *rows: tuple[int, ...]) -> bytes:
    """Make a box of rows, which says first how many there are."""
    return full_box(kind, struct.pack(">I", len(rows)), *(struct.pack(f">{len(row)}I", *row) for row in rows))


def _picture(number: int, size: int, filling: bytes) -> bytes:
    """Make a picture of so many bytes: one piece, which tells its length."""
    kind = b"\x65" if number % _STANDING == 0 else b"\x41"
    body = kind + f"{number} ".encode() + filling
    return struct.pack(">I", size - 4) + body[: size - 4].ljust(size - 4, b"\x80")


def _movie(seconds: int, sizes: list[int], first_place: int) -> bytes:
    count, length = len(sizes), seconds * _SCALE
    each = _PICTURE_SECONDS * _SCALE
    told = struct.pack(">IIII", 0, 0, _SCALE, length)
    entry = box(
        b"avc1", b"\0" * 6, struct.pack(">H", 1), b"\0" * 16, b"\1\x40\0\xf0", b"\0" * 50, box(b"avcC", AVCC)
    )
    before = [0, *accumulate(sizes)]
    runs = [(first_place + before[number],) for number in range(0, count, _RUN)]
    whole, left = divmod(count, _RUN)
    stretches = [(1, _RUN, 1)] * bool(whole) + [(whole + 1, left, 1)] * bool(left)
    table = box(
        b"stbl",
        full_box(b"stsd", struct.pack(">I", 1), entry),
        table_box(b"stts", (count - 1, each), (1, length - (count - 1) * each)),
        table_box(b"stss", *((number + 1,) for number in range(0, count, _STANDING))),
        table_box(b"stsc", *stretches),
        full_box(b"stsz", struct.pack(f">II{count}I", 0, count, *sizes)),
        table_box(b"stco", *runs),
    )
    place = box(b"dinf", full_box(b"dref", struct.pack(">I", 1), box(b"url ", b"\0\0\0\1")))
    media = box(
        b"mdia",
        full_box(b"mdhd", told, struct.pack(">HH", 0x55C4, 0)),
        full_box(b"hdlr", b"\0\0\0\0", b"vide", b"\0" * 13),
        box(b"minf", full_box(b"vmhd", b"\0" * 8), place, table),
    )
    track = full_box(
        b"tkhd",
        struct.pack(">IIIII", 0, 0, 1, 0, length),
        b"\0" * 16,
        _MATRIX,
        struct.pack(">II", 320 << 16, 240 << 16),
    )
    return box(
        b"moov",
        full_box(
            b"mvhd", told, struct.pack(">IH", 0x10000, 0x100), b"\0" * 10, _MATRIX, b"\0" * 24, b"\0\0\0\2"
        ),
        box(b"trak", track, media),
    )


def film_of(seconds: int, seed: str, *, size_bytes: int | None = None) -> bytes:
    """Make a film of one track of pictures: another for each seed, and as large as one of its length is."""
    count = max(1, -(-seconds // _PICTURE_SECONDS))
    head = box(b"ftyp", b"isom", struct.pack(">I", 0x200), b"isommp41")
    before = len(head) + len(_movie(seconds, [0] * count, 0)) + 8
    wanted = (BYTES_A_SECOND_MIN * seconds if size_bytes is None else size_bytes) - before
    each, left = divmod(max(wanted, 16 * count), count)
    sizes = [each + (number < left) for number in range(count)]
    filling = f"{seed} ".encode() * (each // (len(seed.encode()) + 1) + 2)
    pictures = [_picture(number, size, filling) for number, size in enumerate(sizes)]
    return head + _movie(seconds, sizes, before) + box(b"mdat", *pictures)
