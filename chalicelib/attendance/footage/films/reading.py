"""Reading a recording, whatever its container: from its bytes to a film, or why it is none."""

import struct
from random import Random

from chalicelib.attendance.footage.films import matroska, mp4
from chalicelib.attendance.footage.films.pages import Film, Pages, Unplayable


def film_in(pages: Pages, content_type: str, chance: Random) -> Film:
    """Read a recording of a content type; `chance` draws what of it is looked at.

    Raises:
        Unplayable: it is none; `Hollow`: its head is one of a film, and what it tells of is not there.

    """
    try:
        return mp4.film_of(pages, chance) if content_type == "video/mp4" else matroska.film_of(pages, chance)
    except (struct.error, IndexError, ValueError, ZeroDivisionError, OverflowError) as failure:
        if isinstance(failure, Unplayable):
            raise
        raise Unplayable from None
