"""Reading a recording, whatever its container: from its bytes to a film, or why it is none."""

import struct

from chalicelib.attendance.footage.films import matroska, mp4
from chalicelib.attendance.footage.films.lots import Lot
from chalicelib.attendance.footage.films.pages import Film, Pages, Unplayable


def film_in(pages: Pages, content_type: str, lot: Lot) -> Film:
    """Read a recording of a content type; `lot` draws what of it is looked at.

    Raises:
        Unplayable: it is none; `Hollow`: its head is one of a film, and what it tells of is not there.

    """
    try:
        return mp4.film_of(pages, lot) if content_type == "video/mp4" else matroska.film_of(pages, lot)
    except (struct.error, IndexError, ValueError, ZeroDivisionError, OverflowError) as failure:
        if isinstance(failure, Unplayable):
            raise
        raise Unplayable from None
