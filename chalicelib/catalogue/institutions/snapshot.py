"""All institutions of the province, as a process keeps them for some seconds.

Nearest first needs every institution's place. However many people ask, DynamoDB is read once in that time:
2,000 institutions are about 2 MB, three pages. A process that changes an institution sees it at once.
"""

import functools
import time

from chalicelib.catalogue.institutions import store
from chalicelib.catalogue.institutions.model import Institution
from chalicelib.kernel.divisions import PROVINCE
from chalicelib.kernel.geo import Point, to_wgs84

KEPT_SECONDS = 5


def snapshot() -> tuple[tuple[Institution, Point], ...]:
    """Give every institution with its place in WGS-84, by division, as it was at most some seconds ago."""
    return _snapshot(int(time.monotonic() // KEPT_SECONDS))


@functools.lru_cache(maxsize=1)
def _snapshot(_: int) -> tuple[tuple[Institution, Point], ...]:
    return tuple(
        (institution, to_wgs84(institution.location.point))
        for institution in store.all_institutions_in(PROVINCE)
    )


def forget_snapshot() -> None:
    """Drop what this process keeps."""
    _snapshot.cache_clear()
