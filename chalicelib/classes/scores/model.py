"""The rule of marks (成绩): who passes."""

from decimal import Decimal

from chalicelib.programs.model import Policy

MARK_MAX = 100


def has_passed(*, theory: int, practice: int, policy: Policy, share: Decimal = Decimal(1)) -> bool:
    """Tell whether a trainee passes: theory and practice each reach `pass_mark`, and they were there.

    `share` is the share of the lesson hours attended, held against the policy's `attendance_min`.

    An example, under the default policy (60 and 0.80): 60 and 75 pass with 32 of 40 hours (0.80), and fail
    with 31 of 40 (0.775). 100 and 59 fail whatever was attended.
    """
    return min(theory, practice) >= policy.pass_mark and share >= policy.attendance_min
