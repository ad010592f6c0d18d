"""Overrides (例外核准): a failed check of one trainee that two people decide to let pass.

Only checks that the program's policy names can be overridden. One person asks with a reason and the last
day it is good for, another decides; it counts from then to that day, inclusive, in Asia/Shanghai. What was
paid for under an override stays paid: it is judged when a claim is submitted and at second review.
"""

from collections.abc import Collection
from datetime import date, datetime
from enum import StrEnum

import msgspec

from chalicelib.kernel.errors import DomainError
from chalicelib.kernel.ids import ClassId, EnrolmentId, derived_id, part_id, whole_of
from chalicelib.kernel.principal import Change, Hands
from chalicelib.kernel.reasons import error
from chalicelib.kernel.transitions import Step, Transitions
from chalicelib.programs.model import OverridableCheck

_NAME_CHARS = 12


class OverrideStatus(StrEnum):
    """Where an override is in its life."""

    ASKED = "asked"
    CONFIRMED = "confirmed"
    REFUSED = "refused"


_O = OverrideStatus
OVERRIDE_TRANSITIONS: Transitions[OverrideStatus] = Transitions(
    "override",
    {
        "ask": Step((_O.REFUSED, _O.CONFIRMED), _O.ASKED),
        "confirm": Step((_O.ASKED,), _O.CONFIRMED),
        "refuse": Step((_O.ASKED,), _O.REFUSED),
    },
)


class Override(msgspec.Struct, frozen=True, kw_only=True):
    """One override; its id names its class. `expires_on` is the last day it counts, inclusive.

    `queued_at` is since when it waits for its decision, in the list `queue`.
    """

    id: str
    class_id: ClassId
    division: str
    enrolment_id: EnrolmentId
    check: OverridableCheck
    status: OverrideStatus
    reason: str
    expires_on: date
    asked_by: str
    asked_at: datetime
    decided_by: str | None = None
    decided_at: datetime | None = None
    decision_reason: str | None = None
    queue: str | None = None
    queued_at: datetime | None = None
    version: int = 1
    last_change: Change | None = None


def override_id_of(class_id: str, enrolment_id: str, check: str) -> str:
    """Give the id of the one override a trainee's check can have in a class."""
    name = derived_id("ovr", enrolment_id, check).partition("_")[2][:_NAME_CHARS]
    return part_id("ovr", class_id, name)


def class_of_override(override_id: str) -> ClassId:
    """Give the id of an override's class, or an id that no class has."""
    return ClassId(whole_of("cls", override_id)[0])


def counts_on(override: Override, day: date) -> bool:
    """Tell whether an override lets its check pass on a day."""
    return override.status is _O.CONFIRMED and day <= override.expires_on


def why_not(
    action: str,
    override: Override,
    hands: Hands,
    *,
    prepared_by: Collection[str],
    today: date,
    version: int | None = None,
) -> DomainError | None:
    """Tell what stands against confirming or refusing an override.

    A second person decides, who had no hand in the class or in its claim (`prepared_by`). Example: the
    clerk asks on 1 September until the 10th. A reviewer confirms on the 10th, and the check passes on that
    day; on the 11th it can only be refused. `store.decide` holds state, version and the second person under
    races.
    """
    if override.asked_by in hands or not hands.isdisjoint(prepared_by):
        return error("self_approval")
    if action == "confirm" and override.expires_on < today:
        return error("override_expired", expires_on=override.expires_on.isoformat())
    return OVERRIDE_TRANSITIONS.why_not(action, override, version=version)
