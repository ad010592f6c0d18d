"""Evidence: what a trainee is judged by when a claim is filed, frozen on the line.

`subsidies.payability` gathers it and decides by it. Nothing of it changes once the class is scored, so
sealing decides a last time by the frozen evidence and reads only the voucher and the holds again.
"""

from datetime import date
from decimal import Decimal

import msgspec

from chalicelib.classes.model import ClassStatus
from chalicelib.enrolments.model import EnrolmentStatus
from chalicelib.people.eligibility import Bar
from chalicelib.people.standings.model import Standing


class OverrideInForce(msgspec.Struct, frozen=True, array_like=True):
    """An override in force when the evidence was taken: the check it lets pass, and until when."""

    check: str
    override_id: str
    expires_on: date


class PayabilityEvidence(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """What is known of one trainee of one class.

    Hours are lesson hours (课时), shares 0 to 1, rates the part of the payable amount that is paid.
    `reject_reason` is why an earlier line was taken out for good, after second review.
    """

    class_status: ClassStatus
    completion_approved_on: date | None
    on_roster: bool
    enrolment_status: EnrolmentStatus
    theory: int | None
    practice: int | None
    pass_mark: int
    hours: Decimal
    required_hours: Decimal
    share: Decimal
    attendance_min: Decimal
    fee_fen: int
    rate_passed: Decimal
    rate_failed: Decimal
    subsidies_this_year: int
    subsidies_per_year: int
    same_level_before: bool
    overrides: list[OverrideInForce] = []
    completed_by_expiry: bool = False
    last_lesson_on: date | None = None
    opens_on: date | None = None
    reject_reason: str | None = None


def standing_at_opening(evidence: PayabilityEvidence, bar: Bar | None) -> Standing | None:
    """Give what a cross-match list says against a trainee on the day the class opens, if it says anything.

    On that day training begins; a situation that arises later, work above all, is what it is for. Where the
    day is not known, whatever stands against the voucher counts.

    Example: a class opens on 10 August. A list says "employed since 1 August": it counts. Another says
    "employed since 20 August": it does not, the training has found its trainee a job.
    """
    if bar is None:
        return None
    return bar.standing if evidence.opens_on is None else bar.standing_on(evidence.opens_on)
