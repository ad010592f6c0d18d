"""Institutions as other steps read them: as stored, or as a process keeps them for some seconds."""

import functools
import time
from collections.abc import Iterable
from datetime import datetime

from cachetools import TTLCache

from chalicelib.catalogue.institutions import store
from chalicelib.catalogue.institutions.model import Institution, names_to_fit
from chalicelib.catalogue.institutions.snapshot import forget_snapshot
from chalicelib.kernel.divisions import covers
from chalicelib.kernel.reasons import error

CACHE_SECONDS = 30
_NAMES_MAX = 4_096
_names: TTLCache[str, str] = TTLCache(_NAMES_MAX, ttl=CACHE_SECONDS)
"""Names by number, as this process read them at most half a minute ago: for showing alone."""


def find_institution(uscc: str) -> Institution | None:
    """Read an institution."""
    return store.find_institution(uscc)


def read_institution(uscc: str) -> Institution:
    """Read an institution or raise `NotFound`."""
    institution = store.find_institution(uscc)
    if institution is None:
        raise error("not_found")
    return institution


def find_institutions(usccs: Iterable[str]) -> dict[str, Institution]:
    """Read many institutions by their numbers, a hundred a call; unknown ones are left out."""
    return {institution.uscc: institution for institution in store.find_institutions(sorted(set(usccs)))}


def name_known(uscc: str) -> str | None:
    """Give an institution's name as this process knows it; None if it does not."""
    return _names.get(uscc)


def learn_names(usccs: Iterable[str]) -> None:
    """Read the names of institutions, a hundred a call; one that is not listed has its number for a name."""
    wanted = set(usccs)
    found = find_institutions(wanted)
    _names.update({uscc: found[uscc].name if uscc in found else uscc for uscc in wanted})


def current_institution(uscc: str) -> Institution:
    """Read an institution as it was at most half a minute ago: for scans, which are many a second."""
    return _institution_at(uscc, int(time.monotonic() // CACHE_SECONDS))


@functools.lru_cache(maxsize=1024)
def _institution_at(uscc: str, _: int) -> Institution:
    return read_institution(uscc)


def institutions_in(area: str) -> Iterable[Institution]:
    """Go through the institutions of a division and below."""
    return (
        institution for institution in store.all_institutions_in(area) if covers(area, institution.division)
    )


def forget_institutions() -> None:
    """Drop what this process keeps of institutions."""
    forget_snapshot()
    _institution_at.cache_clear()
    _names.clear()


def registered_names(uscc: str, now: datetime) -> tuple[str, ...]:
    """Give the names that the holder of an institution's account has to bear, as they stand now.

    Read anew: this process may remember another.

    Raises:
        NotFound: it is not listed.

    """
    return names_to_fit(read_institution(uscc), now)
