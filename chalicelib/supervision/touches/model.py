"""Which classes are to be evaluated, and when: a change touches a class, a night ends its day.

An example: 30 people check in to a class from 8:40 on. The first of their check-ins touches the class: it is
evaluated at 8:55. What follows until then changes nothing; what comes after 8:55 touches it again. At 23:40
every class that was touched since 23:30 of the day before is evaluated once more.

Nothing is paid unseen. So a class whose claim is due is *asked for*, with a moment, and an evaluation that
was begun for that and came to its end with every rule *answers* with the same moment:

    23:40   class A is asked for: asked_at = due_at = 23:40
    23:41   something happens in A: due_at = 23:56          an answer to 23:40 is of an older state
    23:43   the evaluation ends: answered_at = 23:40, if all three still say so
    0:35    A is sealed if asked_at = due_at = answered_at, and that is of this night
"""

import hashlib
from datetime import date, datetime, timedelta
from typing import Final

import msgspec

from chalicelib.kernel.calendar import DAY_ENDS_BEFORE_MIDNIGHT, shanghai_date

PATIENCE: Final = timedelta(minutes=15)
"""So long a touched class waits for what else happens in it."""
SHARDS: Final = 8
"""A morning touches thousands of classes within minutes: one key would be a hot one."""
MISSED_BEFORE: Final = timedelta(hours=12)
"""What was missed longer ago than this was missed in an earlier night: somebody has to look at it."""


class Touched(msgspec.Struct, frozen=True, kw_only=True):
    """That something happened in a class: on which day, and when it is to be evaluated for that.

    `attempts` to check in and out, and how many of these were `refused`, are as the last evaluation counted
    them: reports ask for them by class.
    `asked_at` is the moment for which an evaluation is asked before payment, `answered_at` the one that was
    answered with every rule, `failed_at` one at which `failed_rules` failed. `missed_since` is since when
    the class is not paid because none was answered.
    """

    class_id: str
    day_shard: str
    due_at: datetime
    attempts: int = 0
    refused: int = 0
    asked_at: datetime | None = None
    answered_at: datetime | None = None
    failed_at: datetime | None = None
    failed_rules: list[str] = []
    missed_since: datetime | None = None


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


def is_asked(touched: Touched | None, since: datetime) -> bool:
    """Tell whether a class is asked for, since a moment, and nothing has happened in it after that."""
    if touched is None or touched.asked_at is None:
        return False
    return touched.asked_at >= since and touched.due_at == touched.asked_at


def is_answered(touched: Touched | None, since: datetime) -> bool:
    """Tell whether every rule was carried out for that; `store.answered_check` holds the same under races."""
    return touched is not None and is_asked(touched, since) and touched.answered_at == touched.asked_at


def has_failed(touched: Touched | None, since: datetime) -> bool:
    """Tell whether an evaluation came to its end for that, and not every rule could be carried out."""
    return touched is not None and is_asked(touched, since) and touched.failed_at == touched.asked_at


def is_to_be_told(touched: Touched, now: datetime) -> bool:
    """Tell whether a supervisor has to look at a class that is not paid: a rule fails, or it is so again.

    A message that was lost is asked for again the next night; a rule that fails does so every night.
    """
    again = touched.missed_since is not None and touched.missed_since <= now - MISSED_BEFORE
    return again or bool(touched.failed_rules)
