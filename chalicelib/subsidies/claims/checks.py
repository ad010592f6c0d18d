"""The conditions of payment by name: what `subsidies.payability` judges, and holds and answers tell."""

from enum import StrEnum


class CheckName(StrEnum):
    """A condition of payment.

    `voucher_redeemed`: the voucher is redeemed for this enrolment (settled, once it is paid).
    `class_approved`: the completion is approved and marks are entered. `on_roster`: on the roster, with
    marks. `attendance`: the share of hours suffices. `scores`: the rate that the marks give is above 0.
    `yearly_cap`: fewer subsidies this year than the policy allows. `occupation_and_level_once`: none
    before for this occupation and level. `eligible_at_date`: no list counts on the day the class opens.
    `not_rejected`: no reviewer took the line out. `completed_in_time`: training ended while the voucher
    was valid, where the program asks for that. `no_hold`: nothing stops the payment.
    """

    VOUCHER_REDEEMED = "voucher_redeemed"
    CLASS_APPROVED = "class_approved"
    ON_ROSTER = "on_roster"
    ATTENDANCE = "attendance"
    SCORES = "scores"
    YEARLY_CAP = "yearly_cap"
    OCCUPATION_AND_LEVEL_ONCE = "occupation_and_level_once"
    ELIGIBLE_AT_DATE = "eligible_at_date"
    NOT_REJECTED = "not_rejected"
    COMPLETED_IN_TIME = "completed_in_time"
    NO_HOLD = "no_hold"
