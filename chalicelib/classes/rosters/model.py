"""The rules of a roster (花名册): who may still join, and whose voucher is spent on a place in it.

An example: a class of 40 lesson hours under the default `late_addition_until_share`, 0.20. After the first
lesson of eight hours 8 / 40 = 0.20 are over: a trainee may still join. After the second it is 0.40: nobody
joins, and those who are on the roster already stay.
"""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from chalicelib.classes.model import Lesson, TrainingClass, has_begun
from chalicelib.enrolments.model import Enrolment
from chalicelib.vouchers.model import Voucher, VoucherStatus


def hours_share_over(lessons: Sequence[Lesson], now: datetime) -> Decimal:
    """Give the share of the lesson hours that are over: 0 before the first lesson ends, 1 after the last."""
    total = sum(lesson.hours for lesson in lessons)
    over = sum(lesson.hours for lesson in lessons if lesson.ends_at <= now)
    return Decimal(over) / Decimal(total) if total else Decimal(0)


def has_opened(training_class: TrainingClass, now: datetime) -> bool:
    """Tell whether any lesson of a class has begun: nobody is dropped then, and the bureau cancels it."""
    return any(has_begun(lesson, training_class.policy, now) for lesson in training_class.lessons)


def may_join(training_class: TrainingClass, now: datetime) -> bool:
    """Tell whether somebody new may be put on the roster (policy `late_addition_until_share`)."""
    over = hours_share_over(training_class.lessons, now)
    return over <= training_class.policy.late_addition_until_share


def is_spent_on(voucher: Voucher, enrolment: Enrolment) -> bool:
    """Tell whether a voucher is redeemed for this very enrolment: it may have been revoked meanwhile."""
    return voucher.status is VoucherStatus.REDEEMED and voucher.enrolment_id == enrolment.id
