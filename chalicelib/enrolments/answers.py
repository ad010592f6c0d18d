"""What the HTTP of enrolments and of scans shares: forms of a scan, and how an enrolment is shown."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

from msgspec import Meta

from chalicelib.edge.endpoints import Call
from chalicelib.edge.forms import Answer
from chalicelib.enrolments.model import Enrolment, EnrolmentStatus
from chalicelib.enrolments.service import allowed_actions

Token = Annotated[str, Meta(min_length=1, max_length=200)]
ProjectIdText = Annotated[str, Meta(min_length=1, max_length=80)]


class PersonAnswer(Answer):
    """A person, masked."""

    name: str
    id_number: str


class EnrolmentAnswer(Answer):
    """An enrolment."""

    id: str
    voucher_id: str
    program_id: str
    project_id: str
    institution: str
    status: EnrolmentStatus
    trainee: PersonAnswer
    confirmed_at: datetime
    class_id: str | None
    theory: int | None
    practice: int | None
    version: int
    allowed_actions: list[str]


def enrolment_answer(call: Call[object, object], enrolment: Enrolment) -> EnrolmentAnswer:
    """Show an enrolment to its caller."""
    return enrolment_answers(call, [enrolment])[0]


def enrolment_answers(call: Call[object, object], enrolments: Sequence[Enrolment]) -> list[EnrolmentAnswer]:
    """Show enrolments to their caller."""
    allowed = allowed_actions(call.context, enrolments)
    return [_answer(enrolment, actions) for enrolment, actions in zip(enrolments, allowed, strict=True)]


def _answer(enrolment: Enrolment, actions: list[str]) -> EnrolmentAnswer:
    return EnrolmentAnswer(
        id=enrolment.id,
        voucher_id=enrolment.voucher_id,
        program_id=enrolment.program_id,
        project_id=enrolment.project_id,
        institution=enrolment.institution,
        status=enrolment.status,
        trainee=PersonAnswer(name=enrolment.trainee_name, id_number=enrolment.trainee_id_number),
        confirmed_at=enrolment.confirmed_at,
        class_id=enrolment.class_id,
        theory=enrolment.theory,
        practice=enrolment.practice,
        version=enrolment.version,
        allowed_actions=actions,
    )
