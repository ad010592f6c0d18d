"""Nothing is closed above an open decision: the one rule of what has to be decided before a stage ends.

Whoever came to a lesson and waits for a review would fail without it, and nothing could be done afterwards.
So each stage names what must not be open below it. Who asks for the next stage, and who grants it, is refused
with the list of what is open, so that it can be decided first.

An example: completion is applied for while two check-ins and a make-up wait for the bureau. It is refused,
`decisions_open`, with three entries; once the bureau has decided the three, it is accepted.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from chalicelib.kernel.errors import DomainError, Fault
from chalicelib.kernel.reasons import error

LISTED_MAX = 100


class Stage(StrEnum):
    """What ends a part of the work, and cannot be taken back simply."""

    COMPLETION = "completion"
    MARKS = "marks"
    SUBSIDY_CLAIM = "subsidy_claim"
    SECOND_REVIEW = "second_review"


class Undecided(StrEnum):
    """What may wait for a decision below a stage; each is the code that tells it."""

    CHECK_IN = "check_in_undecided"
    MAKE_UP = "make_up_undecided"
    CHANGE = "change_undecided"
    COMPLETION = "completion_undecided"
    OVERRIDE = "override_undecided"


MUST_BE_DECIDED: Mapping[Stage, tuple[Undecided, ...]] = {
    Stage.COMPLETION: (Undecided.CHANGE, Undecided.CHECK_IN, Undecided.MAKE_UP),
    Stage.MARKS: (Undecided.COMPLETION,),
    Stage.SUBSIDY_CLAIM: (Undecided.COMPLETION, Undecided.OVERRIDE),
    Stage.SECOND_REVIEW: (Undecided.OVERRIDE,),
}
"""What is decided before each stage. Sealing besides takes no claim with an open objection: it waits."""


@dataclass(frozen=True)
class OpenDecision:
    """One thing that waits: its kind, and the id by which it is found."""

    kind: Undecided
    subject: str


def open_below(stage: Stage, waiting: Iterable[OpenDecision]) -> DomainError | None:
    """Tell what is open below a stage, all of it (up to `LISTED_MAX` by name); None if nothing is."""
    kinds = MUST_BE_DECIDED[stage]
    found = sorted(
        (decision for decision in waiting if decision.kind in kinds),
        key=lambda decision: (kinds.index(decision.kind), decision.subject),
    )
    if not found:
        return None
    faults = tuple(Fault(decision.kind.value, field=decision.subject) for decision in found[:LISTED_MAX])
    return error("decisions_open", faults=faults, count=len(found))
