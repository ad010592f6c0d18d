"""Reading films in tests as a registration does, and making of a film what a cheat would."""

import random

from chalicelib.attendance.footage.films.lots import Lot
from chalicelib.attendance.footage.films.pages import Pages
from chalicelib.attendance.footage.films.reading import film_in


def type_of(name):
    """Give the content type of a file by its name."""
    return "video/mp4" if name.endswith("mp4") else "video/x-matroska"


def pages(raw, fetched=None):
    """Give the bytes of a film by ranges; what is fetched is noted."""

    def fetch(start, length):
        if fetched is not None:
            fetched.append(length)
        return raw[start : start + length]

    return Pages(len(raw), fetch)


def read(film, content_type="video/mp4", lot="lot"):
    """Read a film, of bytes or by ranges."""
    source = film if isinstance(film, Pages) else pages(film)
    return film_in(source, content_type, Lot(lot))


def hollowed(film, keep=0):
    """Put random bytes in place of a film's pictures, but the first so many bytes of them: its head stays."""
    pictures = film.index(b"mdat") + 4 + keep
    return film[:pictures] + random.Random(1).randbytes(len(film) - pictures)
