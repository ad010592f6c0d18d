"""Marks (成绩) as they are kept: one recording of a class's marks is one part of it, a correction another."""

from datetime import date, datetime
from decimal import Decimal

import msgspec

from chalicelib.kernel.calendar import add_months, shanghai_date
from chalicelib.kernel.ids import ClassId
from chalicelib.kernel.principal import Change
from chalicelib.programs.model import Policy


class Marks(msgspec.Struct, frozen=True, kw_only=True):
    """One trainee's marks, the share of the hours they attended, and whether they pass."""

    enrolment_id: str
    theory: int
    practice: int
    share: Decimal
    passed: bool


class ScoreSheet(msgspec.Struct, frozen=True, kw_only=True):
    """One recording of a class's marks; a correction is another one, with its reason."""

    id: ClassId
    part: str
    division: str
    scored_by: str
    scored_at: datetime
    marks: list[Marks]
    reason: str | None = None
    version: int = 1
    last_change: Change | None = None


def claim_deadline(completion_approved_at: datetime, policy: Policy) -> date:
    """Give the last day, inclusive, on which the subsidy of a class can be claimed for the first time."""
    return add_months(shanghai_date(completion_approved_at), policy.subsidy_claim_deadline_months)
