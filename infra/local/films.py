"""Films for tests and demonstrations: the head of a real mp4 of any length, and as many bytes as it needs."""

import struct

from chalicelib.attendance.footage.model import BYTES_A_SECOND_MIN

_MATRIX = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)


def _box(kind: bytes, *content: bytes) -> bytes:
    body = b"".join(content)
    return struct.pack(">I4s", 8 + len(body), kind) + body


def _full(kind: bytes, *content: bytes) -> bytes:
    return _box(kind, b"\0\0\0\0", *content)


def film_of(seconds: int, seed: str, *, size_bytes: int | None = None) -> bytes:
    """Make a film of one track of pictures: another for each seed, no smaller than a film of its length is.

    A player finds its head whole and no pictures in it.
    """
    scale = 1000
    length = struct.pack(">IIII", 0, 0, scale, seconds * scale)
    entry = _box(b"avc1", b"\0" * 6, struct.pack(">H", 1), b"\0" * 70)
    samples = [_full(kind, b"\0\0\0\0") for kind in (b"stts", b"stsc", b"stco")]
    table = _box(b"stbl", _full(b"stsd", struct.pack(">I", 1), entry), *samples, _full(b"stsz", b"\0" * 8))
    media = _box(
        b"mdia",
        _full(b"mdhd", length, struct.pack(">HH", 0x55C4, 0)),
        _full(b"hdlr", b"\0\0\0\0", b"vide", b"\0" * 13),
        _box(b"minf", _full(b"vmhd", b"\0" * 8), table),
    )
    picture = _full(
        b"tkhd", struct.pack(">IIIII", 0, 0, 1, 0, seconds * scale), b"\0" * 16, _MATRIX, b"\0" * 8
    )
    movie = _box(
        b"moov",
        _full(
            b"mvhd", length, struct.pack(">IH", 0x10000, 0x100), b"\0" * 10, _MATRIX, b"\0" * 24, b"\0\0\0\2"
        ),
        _box(b"trak", picture, media),
    )
    head = _box(b"ftyp", b"isom", struct.pack(">I", 0x200), b"isommp41")
    needed = (BYTES_A_SECOND_MIN * seconds if size_bytes is None else size_bytes) - len(head) - len(movie) - 8
    pictures = (seed.encode() + b"\0") * (max(needed, 0) // (len(seed.encode()) + 1) + 1)
    return head + movie + _box(b"mdat", pictures)
