"""HTTP of rosters, withdrawal, and the roster's sheet."""

from typing import Annotated

from msgspec import Meta

from chalicelib.classes.rosters import service
from chalicelib.classes.rosters.template import roster_template as make_template
from chalicelib.classes.trainee_sheets.forms import (
    ROWS_MAX,
    RosterRowForm,
    error_sheet_of,
    give_back_sheet,
    person_answer,
    row_errors,
    row_notices,
    rows_of,
)
from chalicelib.classes.trainee_sheets.rows import ROSTER
from chalicelib.edge.endpoints import Call, LinkAnswer, NoQuery, ReasonBody, SheetBody, SheetQuery
from chalicelib.edge.forms import Answer, Form, Version
from chalicelib.edge.http import Api
from chalicelib.edge.notices import NoticeAnswer
from chalicelib.edge.problems import RowFault
from chalicelib.enrolments.answers import PersonAnswer
from chalicelib.enrolments.model import Enrolment, EnrolmentStatus
from chalicelib.enrolments.service import allowed_actions
from chalicelib.kernel.errors import DomainError

api = Api(__name__)


class RosterRequest(Form):
    """The whole roster."""

    version: Version
    rows: Annotated[list[RosterRowForm], Meta(max_length=ROWS_MAX)]


# --------------------------------------------------------------------------- answers


class RosterAnswer(Answer, omit_defaults=True):
    """What an upload of a roster did; `errors` are the rows left out, also as a sheet."""

    version: int
    accepted: int
    errors: list[RowFault]
    notices: list[NoticeAnswer]
    error_sheet: str | None = None


class RosteredAnswer(Answer):
    """A trainee on a roster."""

    enrolment_id: str
    voucher_id: str
    trainee: PersonAnswer
    status: EnrolmentStatus
    theory: int | None
    practice: int | None


class RosterListing(Answer):
    """A class's roster, whole: it has at most 90 trainees."""

    version: int
    items: list[RosteredAnswer]
    next: str | None = None


class WithdrawnAnswer(Answer):
    """An enrolment after its trainee left."""

    id: str
    voucher_id: str
    program_id: str
    project_id: str
    institution: str
    status: EnrolmentStatus
    trainee: PersonAnswer
    class_id: str | None
    version: int
    allowed_actions: list[str]


# --------------------------------------------------------------------------- roster and withdrawal


@api.endpoint(
    "PUT",
    "/v1/classes/{class_id}/roster",
    action="roster.write",
    body=RosterRequest,
    query=SheetQuery,
    answer=RosterAnswer,
    sheet=True,
    layouts=[ROSTER],
    summary="Replace the roster, by JSON, xlsx or csv",
)
def replace_roster(call: Call[RosterRequest | SheetBody, SheetQuery], class_id: str) -> RosterAnswer:
    version, rows = rows_of(call, ROSTER)
    try:
        outcome = service.replace_roster(
            call.context,
            class_id,
            rows,
            version=version,
            dry_run=call.query.dry_run,
            partial=call.query.partial,
        )
    except DomainError as error:
        give_back_sheet(call, rows, error)
        raise
    return RosterAnswer(
        version=outcome.version,
        accepted=outcome.accepted,
        errors=row_errors(call, outcome.faults),
        notices=row_notices(call, rows),
        error_sheet=error_sheet_of(call, rows, outcome.faults),
    )


@api.endpoint(
    "GET",
    "/v1/classes/{class_id}/roster",
    action="roster.read",
    answer=RosterListing,
    summary="Read the roster",
)
def read_roster(call: Call[None, NoQuery], class_id: str) -> RosterListing:
    training_class, enrolments = service.roster_of(call.context, class_id)
    items = [_rostered(enrolment) for enrolment in enrolments]
    return RosterListing(version=training_class.version, items=items)


@api.endpoint(
    "GET",
    "/v1/classes/{class_id}/roster/template",
    action="roster.template",
    answer=LinkAnswer,
    summary="Get a link to the roster's xlsx form, prefilled",
    refuses=[409],
)
def get_roster_template(call: Call[None, NoQuery], class_id: str) -> LinkAnswer:
    return LinkAnswer(url=make_template(call.context, class_id))


@api.endpoint(
    "POST",
    "/v1/enrolments/{enrolment_id}/withdraw",
    action="enrolment.withdraw",
    body=ReasonBody,
    answer=WithdrawnAnswer,
    summary="Record that a trainee left the class; the voucher is closed",
)
def withdraw_enrolment(call: Call[ReasonBody, NoQuery], enrolment_id: str) -> WithdrawnAnswer:
    enrolment = service.withdraw(call.context, enrolment_id, reason=call.body.reason)
    return WithdrawnAnswer(
        id=enrolment.id,
        voucher_id=enrolment.voucher_id,
        program_id=enrolment.program_id,
        project_id=enrolment.project_id,
        institution=enrolment.institution,
        status=enrolment.status,
        trainee=person_answer(enrolment),
        class_id=enrolment.class_id,
        version=enrolment.version,
        allowed_actions=allowed_actions(call.context, [enrolment])[0],
    )


def _rostered(enrolment: Enrolment) -> RosteredAnswer:
    return RosteredAnswer(
        enrolment_id=enrolment.id,
        voucher_id=enrolment.voucher_id,
        trainee=person_answer(enrolment),
        status=enrolment.status,
        theory=enrolment.theory,
        practice=enrolment.practice,
    )
