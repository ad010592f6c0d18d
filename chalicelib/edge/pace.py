"""How fast one person or institution may call what costs nothing to repeat: QR codes, scans, lookups.

A token bucket for each caller in the memory of each running function: no call, no write. Behind several
instances the true limit is a multiple of the rate here, and the gateway's stage limit
(`infra/deployment/template.py`) bounds the sum. That is enough for what it is against: a client gone wild
and a thief who reads a screen or floods the table of refused scans. Guessing is no danger here, codes are
signed; for sign-in, where it is, the count is exact and kept in a table (`accounts/sign_in/attempts`).
"""

import math
import time
from datetime import datetime
from typing import Final

import msgspec

from chalicelib.kernel.principal import Principal
from chalicelib.kernel.reasons import error


class Pace(msgspec.Struct, frozen=True):
    """So many calls at once, and so many a second in the long run."""

    burst: int
    a_second: float


PACES: Final = {
    "voucher.show_qr": Pace(120, 1),
    "scan.verify": Pace(1200, 20),
    "scan.redeem": Pace(1200, 20),
    "person.find": Pace(60, 0.05),
    "refused_attempt": Pace(60, 0.1),
}
"""By action; a caller is a person, or an institution with all its counters.

`person.find` is for a desk, not for trying numbers: 60 at once, then one in 20 seconds.
`refused_attempt` is no action of a client's: records of what somebody may not do are enough at this pace.
Those above it are counted (`count_left_out`).
"""
_CALLERS_MAX: Final = 4096
_HOUR_SECONDS: Final = 3600
_left_out: dict[tuple[str, int], int] = {}
_buckets: dict[tuple[str, str], tuple[float, float]] = {}


def spend(action: str, principal: Principal, *, clock: float | None = None) -> None:
    """Take one call from the caller's bucket; `clock` in seconds, by default this machine's.

    Raises:
        TooMany: the bucket is empty.

    """
    pace = PACES.get(action)
    if pace is None:
        return
    now = time.monotonic() if clock is None else clock
    key = (action, principal.institution or principal.actor)
    left, at = _buckets.get(key, (float(pace.burst), now))
    left = min(float(pace.burst), left + (now - at) * pace.a_second)
    if left < 1:
        raise error("too_many_requests", retry_after_seconds=math.ceil((1 - left) / pace.a_second))
    if len(_buckets) >= _CALLERS_MAX:
        _buckets.clear()
    _buckets[key] = (left - 1, now)


def count_left_out(principal: Principal, now: datetime) -> int | None:
    """Count an attempt that is not kept by itself; gives the count of this hour where it is to be told.

    That is at the first, the second, the fourth, the eighth …: a flood of a million leaves twenty records.
    """
    key = (principal.actor, int(now.timestamp() // _HOUR_SECONDS))
    if len(_left_out) >= _CALLERS_MAX:
        _left_out.clear()
    count = _left_out[key] = _left_out.get(key, 0) + 1
    return count if count.bit_count() == 1 else None


def forget_paces() -> None:
    """Fill every bucket, and forget what was counted."""
    _buckets.clear()
    _left_out.clear()
