"""Enrolment (报名): born at redemption, binds person, project, institution and voucher."""

from datetime import datetime
from enum import StrEnum

import msgspec

from chalicelib.kernel.calendar import shanghai_date
from chalicelib.kernel.errors import DomainError
from chalicelib.kernel.ids import ClassId, EnrolmentId, PersonKey, ProgramId, ProjectId, Uscc, VoucherId
from chalicelib.kernel.principal import Change
from chalicelib.kernel.reasons import error
from chalicelib.kernel.transitions import Step, Transitions


class EnrolmentStatus(StrEnum):
    """Where an enrolment is in its life.

    `confirmed`: the voucher is redeemed, in no class yet; `rostered`: on the roster of a class; `passed` and
    `failed`: by the marks that were recorded; `released`: given back, as is the voucher; `withdrawn`: left
    the class, and the voucher is closed.
    """

    CONFIRMED = "confirmed"
    ROSTERED = "rostered"
    PASSED = "passed"
    FAILED = "failed"
    RELEASED = "released"
    WITHDRAWN = "withdrawn"


_S = EnrolmentStatus
ENROLMENT_TRANSITIONS: Transitions[EnrolmentStatus] = Transitions(
    "enrolment",
    {
        "roster": Step((_S.CONFIRMED,), _S.ROSTERED),
        "unroster": Step((_S.ROSTERED,), _S.CONFIRMED),
        "release": Step((_S.CONFIRMED,), _S.RELEASED),
        "restore": Step((_S.RELEASED,), _S.CONFIRMED),
        "withdraw": Step((_S.ROSTERED,), _S.WITHDRAWN),
        "pass": Step((_S.ROSTERED, _S.PASSED, _S.FAILED), _S.PASSED),
        "fail": Step((_S.ROSTERED, _S.PASSED, _S.FAILED), _S.FAILED),
    },
)


def too_late_to_release(confirmed_at: datetime, *, within_days: int, now: datetime) -> bool:
    """Tell whether the time is over in which an institution may give a voucher back by itself.

    Counted in calendar days of Shanghai after the day of redemption, the last one inclusive.

    Example, within 90 days: redeemed on 1 September at 09:00, it may be given back through 30 November,
    23:59:59, and not on 1 December.
    """
    return (shanghai_date(now) - shanghai_date(confirmed_at)).days > within_days


class Enrolment(msgspec.Struct, frozen=True, kw_only=True):
    """One enrolment. Names and numbers are masks.

    `queue` is the list in which it waits for a class, `queued_at` since when it does; on a roster it waits
    for nothing. `rostered_at` is when it was put on the roster it is on. `network` is the key of where the
    scan came from (`edge.networks`).
    """

    id: EnrolmentId
    voucher_id: VoucherId
    program_id: ProgramId
    project_id: ProjectId
    institution: Uscc
    division: str
    person_key: PersonKey
    trainee_name: str
    trainee_id_number: str
    status: EnrolmentStatus
    confirmed_at: datetime
    happened_at: datetime
    device_id: str
    class_id: ClassId | None = None
    theory: int | None = None
    practice: int | None = None
    queue: str | None = None
    queued_at: datetime | None = None
    rostered_at: datetime | None = None
    network: str | None = None
    version: int = 1
    last_change: Change | None = None


def why_not(
    action: str, enrolment: Enrolment, *, by_bureau: bool, within_days: int, now: datetime
) -> DomainError | None:
    """Tell what stands against releasing an enrolment or a trainee's withdrawal now; None if nothing does.

    `within_days` is the policy's time in which an institution may release without its bureau. The truth of
    the state is the condition of `store.release_write` and `store.withdraw_write`; time needs none, as it
    never comes back.
    """
    if not ENROLMENT_TRANSITIONS.allows(action, enrolment.status):
        return error("wrong_state", status=enrolment.status.value)
    own_time_is_over = too_late_to_release(enrolment.confirmed_at, within_days=within_days, now=now)
    if action == "release" and own_time_is_over and not by_bureau:
        return error("release_too_late", days=within_days)
    return None
