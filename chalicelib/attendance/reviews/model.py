"""The bureau's decision on a check-in that needed review: which of it, what, by whom, why."""

from collections.abc import Mapping
from datetime import datetime

import msgspec

from chalicelib.attendance.check_ins.model import CheckIn, CheckInKind, ReviewVerdict
from chalicelib.attendance.model import why_closed
from chalicelib.classes.model import ClassFacts, own_work
from chalicelib.kernel.errors import DomainError
from chalicelib.kernel.ids import ClassId
from chalicelib.kernel.principal import Change, Hands
from chalicelib.kernel.reasons import error

ACTION_RIGHTS: Mapping[str, str] = {"accept": "check_in.review", "reject": "check_in.review"}
"""What a bureau may do with a check-in, in the order in which it is offered, and the right each needs."""


class Review(msgspec.Struct, frozen=True, kw_only=True):
    """One decision: `entry` is the check-in's place and the version of it that was decided on."""

    class_id: ClassId
    entry: str
    check_in_id: str
    enrolment_id: str
    division: str
    kinds: list[CheckInKind]
    verdict: ReviewVerdict
    reason: str
    decided_by: str
    decided_at: datetime
    version: int = 1
    last_change: Change | None = None


def entry_of(slot: str, version: int) -> str:
    """Give the place of a decision among those of the class."""
    return f"{slot}#v{version}"


def why_not(
    check_in: CheckIn, training_class: ClassFacts, *, hands: Hands, version: int | None = None
) -> DomainError | None:
    """Tell what stands against deciding on a check-in now, one's own as a trainee too; None if nothing does.

    It is the same for either verdict. The truth at the moment of writing is the condition of `store.decide`.
    """
    if version is not None and check_in.version != version:
        return error("version_conflict", version=check_in.version)
    own = error("self_approval") if check_in.person_key in hands else None
    nothing = error("nothing_to_review") if not check_in.undecided else None
    return why_closed(training_class) or nothing or own or own_work(training_class, hands)
