"""Which classes are to be evaluated, and when: a change touches a class, a night ends its day.

An example: 30 people check in to a class from 8:40 on. The first of their check-ins touches the class: it is
evaluated at 8:55. What follows until then changes nothing; what comes after 8:55 touches it again. At 23:40
every class that was touched since 23:30 of the day before is evaluated once more.
"""

import hashlib
from datetime import date, datetime, timedelta
from typing import Final

import msgspec

from chalicelib.kernel.calendar import shanghai_date

PATIENCE: Final = timedelta(minutes=15)
"""So long a touched class waits for what else happens in it."""
DAY_ENDS_BEFORE_MIDNIGHT: Final = timedelta(minutes=30)
"""So the night's evaluation is over before what is due is sealed, at 0:35."""
SHARDS: Final = 8
"""A morning touches thousands of classes within minutes: one key would be a hot one."""


class Touched(msgspec.Struct, frozen=True, kw_only=True):
    """That something happened in a class: on which day, and when it is to be evaluated for that.

    `attempts` to check in and out, and how many of these were `refused`, are as the last evaluation counted
    them: reports ask for them by class.
    """

    class_id: str
    day_shard: str
    due_at: datetime
    attempts: int = 0
    refused: int = 0


def day_of(moment: datetime) -> date:
    """Give the day to which a touch belongs: it ends half an hour before midnight in Shanghai."""
    return shanghai_date(moment + DAY_ENDS_BEFORE_MIDNIGHT)


def day_shards(day: date) -> list[str]:
    """Name the lists of the classes that were touched on a day."""
    return [f"{day.isoformat()}#{shard}" for shard in range(SHARDS)]


def touch(class_id: str, now: datetime) -> Touched:
    """Say that something happened in a class."""
    shard = hashlib.sha256(class_id.encode()).digest()[0] % SHARDS
    return Touched(class_id=class_id, day_shard=day_shards(day_of(now))[shard], due_at=now + PATIENCE)
