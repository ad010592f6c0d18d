"""What the records of a class's lessons say, as completion and marks need it.

The records are of the next step, attendance, which gives its answer through here: `app.py` installs it.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal

import msgspec

from chalicelib.classes.model import ClassHead, TrainingClass
from chalicelib.kernel.closing import OpenDecision
from chalicelib.kernel.ports import Port


class ClassEvidence(msgspec.Struct, frozen=True, kw_only=True):
    """The attendance and footage of a class. Shares and coverage are from 0 to 1, by enrolment and lesson.

    `undecided` are the check-ins, make-ups and excuses that wait for the bureau.
    """

    shares: Mapping[str, Decimal]
    coverage: Mapping[str, Decimal]
    undecided: Sequence[OpenDecision] = ()


_NONE = Decimal(0)
evidence_of: Port[[TrainingClass, datetime], ClassEvidence] = Port("evidence_of_class")
"""Gives the evidence of a class as of a moment."""
undecided_in: Port[[TrainingClass], Sequence[OpenDecision]] = Port("undecided_in_class")
"""Names what of a class's evidence waits for the bureau, for a decision that needs nothing else of it."""
undecided_by_class: Port[[Sequence[ClassHead]], Mapping[str, Sequence[OpenDecision]]] = Port(
    "undecided_by_class"
)
"""Names the same of many classes at once, as the lists of what waits tell: for what is offered in a list."""


def share_of(evidence: ClassEvidence, enrolment_id: str) -> Decimal:
    """Give the share of the hours that a trainee attended."""
    return evidence.shares.get(enrolment_id, _NONE)
