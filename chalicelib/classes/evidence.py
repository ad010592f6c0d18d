"""What the records of a class's lessons say, as completion and marks need it.

The records are of the next step, attendance, which gives its answer through here: `app.py` connects the two.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal

import msgspec

from chalicelib.classes.model import TrainingClass


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """The attendance and footage of a class. Shares and coverage are from 0 to 1, by enrolment and lesson."""

    shares: Mapping[str, Decimal]
    coverage: Mapping[str, Decimal]


_NONE = Decimal(0)
Source = Callable[[TrainingClass, datetime], Evidence]
_source: list[Source] = []


def use_evidence(source: Source) -> None:
    """Install what computes the evidence of a class as of a moment."""
    _source[:] = [source]


def evidence_of(training_class: TrainingClass, now: datetime) -> Evidence:
    """Give the evidence of a class as of a moment."""
    return _source[0](training_class, now)


def share_of(evidence: Evidence, enrolment_id: str) -> Decimal:
    """Give the share of the hours that a trainee attended."""
    return evidence.shares.get(enrolment_id, _NONE)
