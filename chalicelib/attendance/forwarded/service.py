"""Check-ins that the national platform forwards: decided by the same rules, one by one.

The platform names a trainee by their enrolment, which it knows from what we return to it: no personal data
travels. Each item has a nonce, so a repeated message finds its own answers.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from chalicelib.attendance.check_ins.model import Attempt
from chalicelib.attendance.check_ins.service import Answered, check_in
from chalicelib.enrolments.store import find_enrolments
from chalicelib.kernel.errors import DomainError, NotFound, Refused, Unavailable
from chalicelib.kernel.principal import Context
from chalicelib.kernel.reasons import error


@dataclass(frozen=True)
class Forwarded:
    """One attempt, at which lesson, by whom."""

    lesson_id: str
    enrolment_id: str
    attempt: Attempt


@dataclass(frozen=True)
class Outcome:
    """What became of one: recorded, or why not."""

    item: Forwarded
    answered: Answered | None
    failure: DomainError | None = None


def forward(context: Context, items: Sequence[Forwarded]) -> list[Outcome]:
    """Decide each forwarded attempt; one that is refused is kept as evidence like any other.

    Only what could not be decided at all (DynamoDB did not answer) is to be sent again: `try_again`.
    """
    wanted = sorted({one.enrolment_id for one in items})
    people = {one.id: one.person_key for one in find_enrolments(wanted)}
    return [_decide(context, one, people.get(one.enrolment_id)) for one in items]  # type: ignore[call-overload]


def _decide(context: Context, item: Forwarded, person_key: str | None) -> Outcome:
    try:
        if person_key is None:
            raise error("not_found")
        return Outcome(item, check_in(context, item.lesson_id, item.attempt, person_key=person_key))
    except (NotFound, Refused, Unavailable) as failure:
        return Outcome(item, None, failure)
