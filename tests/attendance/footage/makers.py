"""The pictures of a film, wrapped anew as recorders and phones do it: as an index before or behind, in fragments,
in clusters. No tool is needed for that.
"""

import struct
from dataclasses import dataclass
from itertools import accumulate

from infra.local.films import AVCC, box, film_of, full_box, table_box

SCALE = 1000
TICKS = 5000
"""How long a picture of `film_of` stands."""


@dataclass(frozen=True)
class Picture:
    content: bytes
    ticks: int = TICKS

    @property
    def alone(self):
        return self.content[4] & 0x1F == 5


def pictures_of(seconds, seed, size_bytes=None):
    """Give the pictures of a film, each with how long it stands."""
    film = film_of(seconds, seed, size_bytes=size_bytes)
    at, found = film.index(b"mdat") + 4, []
    while at < len(film):
        (length,) = struct.unpack_from(">I", film, at)
        found.append(film[at : at + 4 + length])
        at += 4 + length
    last = seconds * SCALE - TICKS * (len(found) - 1)
    return [Picture(one) for one in found[:-1]] + [Picture(found[-1], last)]


def _entry(kind=b"avc1", settings=b"avcC", content=AVCC):
    return full_box(
        b"stsd",
        struct.pack(">I", 1),
        box(kind, b"\0" * 6, struct.pack(">H", 1), b"\0" * 70, box(settings, content)),
    )


def _head(kind, length):
    return full_box(kind, struct.pack(">IIII", 0, 0, SCALE, length), b"\0" * 80)


def _track(number, handler, length, *tables, entry=None, before=b""):
    media = box(
        b"mdia",
        full_box(b"mdhd", struct.pack(">IIII", 0, 0, SCALE, length), b"\0" * 4),
        full_box(b"hdlr", b"\0\0\0\0", handler, b"\0" * 13),
        box(b"minf", box(b"stbl", entry or _entry(), *tables)),
    )
    head = full_box(b"tkhd", struct.pack(">IIIII", 0, 0, number, 0, length), b"\0" * 60)
    return box(b"trak", head, before, media)


def _runs(times):
    """Give times as phones write them: so many pictures that stand as long."""
    rows = []
    for ticks in times:
        if rows and rows[-1][1] == ticks:
            rows[-1] = (rows[-1][0] + 1, ticks)
        else:
            rows.append((1, ticks))
    return rows


def mp4_of(pictures, *, behind=False, long_places=False, sound=False, edited=False, told=None, **faults):
    """Wrap pictures as an mp4 with a table; `faults` are tables that say something else."""
    sizes = faults.get("sizes", [len(one.content) for one in pictures])
    length = sum(one.ticks for one in pictures) if told is None else told
    beep = b"beep" * 4
    content = b"".join(one.content + (beep if sound else b"") for one in pictures)
    head = box(b"ftyp", b"qt  ", struct.pack(">I", 0x200), b"qt  ") + box(b"wide")

    def movie(first):
        step = len(beep) if sound else 0
        places = [
            first + before + number * step for number, before in enumerate([0, *accumulate(sizes)][:-1])
        ]
        places = faults.get("places", lambda known: known)(places)
        code = ">Q" if long_places else ">I"
        table = b"".join(struct.pack(code, place) for place in places)
        alone = [(number + 1,) for number, one in enumerate(pictures) if one.alone]
        edit = full_box(b"elst", struct.pack(">IIiI", 1, length - 500, 500, 1 << 16)) if edited else b""
        tracks = [
            _track(
                1,
                b"vide",
                length,
                table_box(b"stts", *faults.get("times", _runs(one.ticks for one in pictures))),
                table_box(b"stss", *alone),
                table_box(b"stsc", (1, 1, 1)),
                full_box(b"stsz", struct.pack(f">II{len(sizes)}I", 0, len(sizes), *sizes)),
                full_box(b"co64" if long_places else b"stco", struct.pack(">I", len(places)), table),
                before=box(b"edts", edit) if edit else b"",
            )
        ]
        if sound:
            tracks.insert(0, _track(2, b"soun", length, entry=full_box(b"stsd", struct.pack(">I", 0))))
        return box(b"moov", _head(b"mvhd", length), *tracks)

    if behind:
        return head + box(b"mdat", content) + movie(len(head) + 8)
    return head + movie(len(head) + len(movie(0)) + 8) + box(b"mdat", content)


def fragments_of(pictures, *, each=12, based=True, timed=True, gap=0, between=b""):
    """Wrap pictures as an mp4 in fragments of so many pictures; `gap` ticks are left out in the middle."""
    defaults = full_box(b"trex", struct.pack(">5I", 1, 1, 0, 0, 0x10000))
    movie = box(b"moov", _head(b"mvhd", 0), _track(1, b"vide", 0), box(b"mvex", defaults))
    whole, begins = box(b"ftyp", b"iso5", struct.pack(">I", 0x200), b"iso5") + movie, 7_000
    for number, first in enumerate(range(0, len(pictures), each)):
        some = pictures[first : first + each]
        rows = [(one.ticks, len(one.content), 0 if one.alone else 0x10000) for one in some]

        def head(offset, rows=rows, begins=begins, number=number):
            run = struct.pack(">IIi", 0x701, len(rows), offset) + b"".join(
                struct.pack(">III", *row) for row in rows
            )
            time = box(b"tfdt", struct.pack(">IQ", 1 << 24, begins)) if timed else b""
            told = box(b"tfhd", struct.pack(">II", 0x20000 if based else 0, 1))
            return box(
                b"moof",
                full_box(b"mfhd", struct.pack(">I", number + 1)),
                box(b"traf", told, time, box(b"trun", run)),
            )

        content = b"".join(one.content for one in some)
        whole += head(len(head(0)) + 8) + box(b"mdat", content) + between
        begins += sum(row[0] for row in rows) + (gap if first < len(pictures) // 2 <= first + each else 0)
    return whole


def element(kind, *content, length_told=True):
    """Make an element of Matroska, its length in eight bytes."""
    body = b"".join(content)
    length = len(body) if length_told else (1 << 56) - 1
    name = kind.to_bytes((kind.bit_length() + 7) // 8, "big")
    return name + ((1 << 56) | length).to_bytes(8, "big") + body


def _whole(number):
    return number.to_bytes(8, "big")


def matroska_of(pictures, *, each=6, live=False, told=None, late=0, between=b"", grouped=False, codec=None):
    """Wrap pictures as Matroska in clusters of so many pictures; `late` ticks are left out in the middle."""
    length = sum(one.ticks for one in pictures) if told is None else told
    info = [element(0x2AD7B1, _whole(1_000_000))]
    info += [] if live else [element(0x4489, struct.pack(">d", length))]
    track = element(
        0xAE,
        element(0xD7, b"\1"),
        element(0x83, b"\1"),
        element(0x86, codec or b"V_MPEG4/ISO/AVC"),
        element(0x23E383, _whole(TICKS * 1_000_000)),
        *([] if codec else [element(0x63A2, AVCC)]),
    )
    clusters, at = b"", 250
    for first in range(0, len(pictures), each):
        some, blocks, later = pictures[first : first + each], [], 0
        for one in some:
            block = b"\x81" + struct.pack(">hB", later, 0 if grouped or not one.alone else 0x80) + one.content
            reference = b"" if one.alone else element(0xFB, b"\xff")
            blocks.append(element(0xA0, element(0xA1, block), reference) if grouped else element(0xA3, block))
            later += one.ticks
        clusters += element(0x1F43B675, element(0xE7, _whole(at)), *blocks, length_told=not live) + between
        at += later + (late if first < len(pictures) // 2 <= first + each else 0)
    head = element(0x1A45DFA3, element(0x4282, b"matroska"))
    return head + element(
        0x18538067, element(0x1549A966, *info), element(0x1654AE6B, track), clusters, length_told=not live
    )
