"""The bureau's decision on a check-in that needed review: which of it, what, by whom, why."""

from datetime import datetime

import msgspec

from chalicelib.attendance.check_ins.model import Kind, Verdict
from chalicelib.kernel.ids import ClassId
from chalicelib.kernel.principal import Change


class Review(msgspec.Struct, frozen=True, kw_only=True):
    """One decision: `entry` is the check-in's place and the version of it that was decided on."""

    class_id: ClassId
    entry: str
    check_in_id: str
    enrolment_id: str
    division: str
    kinds: list[Kind]
    verdict: Verdict
    reason: str
    decided_by: str
    decided_at: datetime
    version: int = 1
    last_change: Change | None = None


def entry_of(slot: str, version: int) -> str:
    """Give the place of a decision among those of the class."""
    return f"{slot}#v{version}"
