"""Which classes the small province has: whose, how far they have come by today, and who cheats in them.

The days are counted from today to the first lesson. Together they stand in every state a clerk meets.
"""

from dataclasses import dataclass
from enum import IntEnum


class Stage(IntEnum):
    """How far a class is brought, in the order of a class's life."""

    DRAFT = 0
    SUBMITTED = 1
    RETURNED = 2
    APPROVED = 3  # and, from its first day on, attended
    COMPLETION_SUBMITTED = 4
    SCORED = 5
    CLAIMED = 6
    REVIEWED = 7
    PUBLICISED = 8
    PAYABLE = 9
    PAID = 10


@dataclass(frozen=True)
class ClassPlan:
    """One class: at which school, from which day, as far as which stage."""

    title: str
    school: str
    first_day: int
    stage: Stage
    cheat: str | None = None
    is_small_too: bool = False
    is_cancelled: bool = False


_HEFEI, _HEFEI_TOO, _WUHU = "institution-3401-1", "institution-3401-2", "institution-3402-1"
SHARED_PHONE, BURST = "shared_phone", "burst"

PLANS = (
    ClassPlan("paid", _HEFEI, -45, Stage.PAID, is_small_too=True),
    ClassPlan("payable", _HEFEI_TOO, -30, Stage.PAYABLE),
    ClassPlan("in publicity", _HEFEI, -9, Stage.PUBLICISED, is_small_too=True),
    ClassPlan("first review done", _HEFEI_TOO, -20, Stage.REVIEWED, SHARED_PHONE),
    ClassPlan("claimed", _HEFEI, -17, Stage.CLAIMED, BURST, is_small_too=True),
    ClassPlan("scored", _WUHU, -15, Stage.SCORED),
    ClassPlan("completion waits", _HEFEI_TOO, -10, Stage.COMPLETION_SUBMITTED, SHARED_PHONE),
    ClassPlan("running", _HEFEI, -2, Stage.APPROVED, is_small_too=True),
    ClassPlan("running", _WUHU, -3, Stage.APPROVED),
    ClassPlan("begins next week", _HEFEI_TOO, 8, Stage.APPROVED),
    ClassPlan("waits for approval", _HEFEI, 12, Stage.SUBMITTED, is_small_too=True),
    ClassPlan("waits for approval", _WUHU, 14, Stage.SUBMITTED),
    ClassPlan("returned", _HEFEI_TOO, 15, Stage.RETURNED, is_small_too=True),
    ClassPlan("draft", _HEFEI, 20, Stage.DRAFT, is_small_too=True),
    ClassPlan("cancelled", _WUHU, 16, Stage.SUBMITTED, is_cancelled=True),
)
