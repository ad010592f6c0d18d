"""Check-ins that the national platform forwards: decided by the same rules, one by one.

The platform names a trainee by their enrolment, which it knows from what we return to it: no personal data
travels. Each item has a nonce, so a repeated message finds its own answers.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from chalicelib.attendance.check_ins.model import CheckInAttempt
from chalicelib.attendance.check_ins.service import RecordedCheckIn, check_in
from chalicelib.enrolments.model import Enrolment
from chalicelib.enrolments.store import find_enrolments
from chalicelib.kernel.errors import DomainError, NotFound, Refused, Unavailable
from chalicelib.kernel.ids import PersonKey
from chalicelib.kernel.principal import Context
from chalicelib.kernel.reasons import error
from chalicelib.kernel.repeats import each_apart, leave_unfinished


@dataclass(frozen=True)
class ForwardedCheckIn:
    """One attempt, at which lesson, by whom."""

    lesson_id: str
    enrolment_id: str
    attempt: CheckInAttempt


@dataclass(frozen=True)
class ForwardedOutcome:
    """What became of one: recorded, or why not."""

    item: ForwardedCheckIn
    recorded: RecordedCheckIn | None
    failure: DomainError | None = None


def forward(context: Context, items: Sequence[ForwardedCheckIn]) -> list[ForwardedOutcome]:
    """Decide each forwarded attempt; one that is refused is kept as evidence like any other.

    Only what could not be decided at all (DynamoDB did not answer) is to be sent again: `try_again`.
    """
    enrolments: list[Enrolment] = find_enrolments(sorted({item.enrolment_id for item in items}))
    people: dict[str, PersonKey] = {enrolment.id: enrolment.person_key for enrolment in enrolments}
    return [_decide(context, item, people.get(item.enrolment_id)) for item in items]


def _decide(context: Context, item: ForwardedCheckIn, person_key: str | None) -> ForwardedOutcome:
    try:
        if person_key is None:
            raise error("not_found")
        with each_apart():
            answered = check_in(context, item.lesson_id, item.attempt, person_key=person_key)
    except (NotFound, Refused, Unavailable) as failure:
        if isinstance(failure, Unavailable):
            leave_unfinished()
        return ForwardedOutcome(item, None, failure)
    return ForwardedOutcome(item, answered)
