"""Roll-calls (点名): moments within a lesson at which those present answer, if the policy asks for them.

Each moment comes from a keyed digest of the lesson, so that nobody knows it before and everybody finds the
same one afterwards. A trainee's card learns of a roll-call once it has begun.
"""

from datetime import datetime, timedelta

import msgspec

from chalicelib.classes.model import Lesson
from chalicelib.programs.model import Policy

_DIGEST_BYTES = 4


class RollCall(msgspec.Struct, frozen=True):
    """One roll-call: numbered from 1, answered from `opens_at` to `closes_at`."""

    number: int
    opens_at: datetime
    closes_at: datetime


def roll_calls_of(lesson: Lesson, policy: Policy, digest: bytes) -> list[RollCall]:
    """Give a lesson's roll-calls: one at a random second of each equal part of it.

    The time in which one may still check in is left out; a lesson too short for them has none. `digest` has
    four bytes or more for each roll-call.
    """
    count, lasts = policy.roll_calls_per_lesson, timedelta(minutes=policy.roll_call_minutes)
    begins = lesson.starts_at + timedelta(minutes=policy.check_in_closes_minutes_after_start)
    part = (lesson.ends_at - begins) / count if count else timedelta(0)
    room_seconds = int((part - lasts).total_seconds())
    if room_seconds <= 0:
        return []
    calls = []
    for place in range(count):
        chance = int.from_bytes(digest[place * _DIGEST_BYTES : (place + 1) * _DIGEST_BYTES])
        opens_at = begins + place * part + timedelta(seconds=chance % room_seconds)
        calls.append(RollCall(place + 1, opens_at, opens_at + lasts))
    return calls
