"""HTTP of a class's people: roster, withdrawal, marks, and the sheets of both."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from chalicelib.aws.forms import Answer, Form, Reason, Version, line, malformed
from chalicelib.aws.http import Api, Call, LinkAnswer, Listing, NoQuery, ReasonBody, SheetBody, SheetQuery
from chalicelib.aws.problems import fault_of
from chalicelib.aws.sheets import SheetRow
from chalicelib.classes import rosters, scores, templates
from chalicelib.classes.model import Marks
from chalicelib.classes.sheet_rows import ROSTER_COLUMNS, SCORE_COLUMNS, read_rows
from chalicelib.enrolments.model import Enrolment, EnrolmentStatus
from chalicelib.enrolments.service import allowed_actions
from chalicelib.kernel.errors import DomainError, Fault

api = Api(__name__)

ROWS_MAX = 1000
Id = Annotated[str, Meta(min_length=1, max_length=80)]
PersonName = Annotated[str, line(64, needed=False)]
IdNumber = Annotated[str, Meta(max_length=40)]


# --------------------------------------------------------------------------- forms


class RosterRowForm(Form):
    """A trainee: by enrolment, or by name and ID number."""

    enrolment_id: Id | None = None
    name: PersonName | None = None
    id_number: IdNumber | None = None

    @classmethod
    def needed(cls, given: Mapping[str, Any]) -> list[str]:
        """Ask for name and number of who is not meant by an enrolment."""
        if given.get("enrolment_id") is not None:
            return []
        return [name for name in ("name", "id_number") if given.get(name) is None]


class RosterRequest(Form):
    """The whole roster."""

    version: Version
    rows: Annotated[list[RosterRowForm], Meta(max_length=ROWS_MAX)]


class ScoreRowForm(RosterRowForm, kw_only=True):
    """A trainee's marks, 0 to 100."""

    theory: int
    practice: int


class ScoresRequest(Form):
    """The marks of all trainees; recorded again they need the reason of the correction."""

    version: Version
    rows: Annotated[list[ScoreRowForm], Meta(max_length=ROWS_MAX)]
    reason: Reason | None = None


class ScoresQuery(SheetQuery):
    """The query of marks sent as a sheet: a correction gives its reason here."""

    reason: Reason | None = None


# --------------------------------------------------------------------------- answers


class RosterAnswer(Answer, omit_defaults=True):
    """What an upload of a roster did; `errors` are the rows left out, also as a sheet."""

    version: int
    accepted: int
    errors: list[dict[str, Any]]
    error_sheet: str | None = None


class ScoresAnswer(Answer, omit_defaults=True):
    """What an upload of marks did."""

    version: int
    passed: int
    failed: int
    errors: list[dict[str, Any]]
    error_sheet: str | None = None


class PersonAnswer(Answer):
    """A person, masked."""

    name: str
    id_number: str


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


class MarkAnswer(Answer):
    """One trainee's marks, and whether they passed; `share` is of the hours attended, 0 to 1."""

    theory: int
    practice: int
    share: Decimal
    passed: bool


class ScoreRowAnswer(MarkAnswer):
    """One trainee's marks in one recording, and those of the one before; null the first time."""

    enrolment_id: str
    before: MarkAnswer | None


class ScoreSheetAnswer(Answer):
    """One recording of a class's marks: who, when, why; `version` is the class's that it made."""

    version: int
    scored_by: str
    scored_at: datetime
    reason: str | None
    passed: int
    failed: int
    rows: list[ScoreRowAnswer]


# --------------------------------------------------------------------------- roster and scores


@api.endpoint(
    "PUT",
    "/v1/classes/{class_id}/roster",
    action="roster.write",
    body=RosterRequest,
    query=SheetQuery,
    answer=RosterAnswer,
    sheet=True,
    summary="Replace the roster, by JSON, xlsx or csv",
)
def replace_roster(call: Call[RosterRequest | SheetBody, SheetQuery], class_id: str) -> RosterAnswer:
    version, rows = _rows(call, ROSTER_COLUMNS)
    try:
        outcome = rosters.replace_roster(
            call.context,
            class_id,
            rows,
            version=version,
            dry_run=call.query.dry_run,
            partial=call.query.partial,
        )
    except DomainError as error:
        _give_back(call, rows, error)
        raise
    return RosterAnswer(
        version=outcome.version,
        accepted=outcome.accepted,
        errors=_errors(call, outcome.faults),
        error_sheet=_error_sheet(call, rows, outcome.faults),
    )


@api.endpoint(
    "GET",
    "/v1/classes/{class_id}/roster",
    action="roster.read",
    answer=RosterListing,
    summary="Read the roster",
)
def read_roster(call: Call[None, NoQuery], class_id: str) -> RosterListing:
    found, enrolments = rosters.roster_of(call.context, class_id)
    return RosterListing(version=found.version, items=[_rostered(enrolment) for enrolment in enrolments])


@api.endpoint(
    "PUT",
    "/v1/classes/{class_id}/scores",
    action="scores.write",
    body=ScoresRequest,
    query=ScoresQuery,
    answer=ScoresAnswer,
    sheet=True,
    summary="Record all marks, by JSON, xlsx or csv",
)
def record_scores(call: Call[ScoresRequest | SheetBody, ScoresQuery], class_id: str) -> ScoresAnswer:
    version, rows = _rows(call, SCORE_COLUMNS)
    body = call.body
    reason = call.query.reason if isinstance(body, SheetBody) else body.reason
    try:
        outcome = scores.record_scores(
            call.context, class_id, rows, version=version, dry_run=call.query.dry_run, reason=reason
        )
    except DomainError as error:
        _give_back(call, rows, error)
        raise
    return ScoresAnswer(
        version=outcome.version,
        passed=outcome.passed,
        failed=outcome.failed,
        errors=_errors(call, outcome.faults),
        error_sheet=_error_sheet(call, rows, outcome.faults),
    )


@api.endpoint(
    "GET",
    "/v1/classes/{class_id}/scores",
    action="scores.read",
    answer=Listing[ScoreSheetAnswer],
    summary="List every recording of the marks, newest first",
)
def read_scores(call: Call[None, NoQuery], class_id: str) -> Listing[ScoreSheetAnswer]:
    _, sheets = scores.score_history(call.context, class_id)
    before: Mapping[str, Marks] = {}
    shown = []
    for sheet in sheets:
        shown.append(
            ScoreSheetAnswer(
                version=sheet.version,
                scored_by=sheet.scored_by,
                scored_at=sheet.scored_at,
                reason=sheet.reason,
                passed=sum(mark.passed for mark in sheet.marks),
                failed=sum(not mark.passed for mark in sheet.marks),
                rows=[_score_row(mark, before.get(mark.enrolment_id)) for mark in sheet.marks],
            )
        )
        before = {mark.enrolment_id: mark for mark in sheet.marks}
    return Listing(items=shown[::-1], next=None)


def _score_row(mark: Marks, before: Marks | None) -> ScoreRowAnswer:
    was = None
    if before is not None:
        was = MarkAnswer(
            theory=before.theory, practice=before.practice, share=before.share, passed=before.passed
        )
    return ScoreRowAnswer(
        enrolment_id=mark.enrolment_id,
        theory=mark.theory,
        practice=mark.practice,
        share=mark.share,
        passed=mark.passed,
        before=was,
    )


@api.endpoint(
    "GET",
    "/v1/classes/{class_id}/roster/template",
    action="roster.template",
    answer=LinkAnswer,
    refuses=(409,),
    summary="Get a link to the roster's xlsx form, prefilled",
)
def roster_template(call: Call[None, NoQuery], class_id: str) -> LinkAnswer:
    return LinkAnswer(url=templates.roster_template(call.context, class_id))


@api.endpoint(
    "GET",
    "/v1/classes/{class_id}/scores/template",
    action="scores.template",
    answer=LinkAnswer,
    refuses=(409,),
    summary="Get a link to the xlsx form of marks, prefilled",
)
def scores_template(call: Call[None, NoQuery], class_id: str) -> LinkAnswer:
    return LinkAnswer(url=templates.scores_template(call.context, class_id))


@api.endpoint(
    "POST",
    "/v1/enrolments/{enrolment_id}/withdraw",
    action="enrolment.withdraw",
    body=ReasonBody,
    answer=WithdrawnAnswer,
    summary="Record that a trainee left the class; the voucher is closed",
)
def withdraw(call: Call[ReasonBody, NoQuery], enrolment_id: str) -> WithdrawnAnswer:
    enrolment = rosters.withdraw(call.context, enrolment_id, reason=call.body.reason)
    return WithdrawnAnswer(
        id=enrolment.id,
        voucher_id=enrolment.voucher_id,
        program_id=enrolment.program_id,
        project_id=enrolment.project_id,
        institution=enrolment.institution,
        status=enrolment.status,
        trainee=_person(enrolment),
        class_id=enrolment.class_id,
        version=enrolment.version,
        allowed_actions=allowed_actions(call.context, enrolment),
    )


def _rows(
    call: Call[Any, SheetQuery], columns: Mapping[str, tuple[str, ...]]
) -> tuple[int, Sequence[SheetRow]]:
    """Read the version and the rows of a JSON body or a sheet, in one shape."""
    body = call.body
    if isinstance(body, SheetBody):
        if call.query.version is None:
            raise malformed([Fault("missing_field", field="version")])
        return call.query.version, read_rows(body.raw, body.content_type, columns)
    faults = [fault for place, row in enumerate(body.rows) for fault in _row_faults(place, row)]
    if faults:
        raise malformed(faults)
    return body.version, [_sheet_row(place, row) for place, row in enumerate(body.rows, start=1)]


def _row_faults(place: int, row: RosterRowForm) -> list[Fault]:
    if row.enrolment_id is None:
        return []
    named = [name for name in ("name", "id_number") if getattr(row, name) is not None]
    return [Fault("unknown_field", field=f"rows[{place}].{name}") for name in named]


def _sheet_row(number: int, row: RosterRowForm) -> SheetRow:
    given = {name: value for name, value in msgspec.structs.asdict(row).items() if value is not None}
    return SheetRow(
        row=number,
        cells={name: str(value) for name, value in given.items()},
        headers={name: name for name in given},
    )


def _errors(call: Call[Any, Any], faults: Sequence[Fault]) -> list[dict[str, Any]]:
    return [fault_of(fault, english=call.english) for fault in faults]


def _error_sheet(call: Call[Any, Any], rows: Sequence[SheetRow], faults: Sequence[Fault]) -> str | None:
    """Give a link to the uploaded sheet with what is wrong in it; JSON gets none."""
    body = call.body
    if not faults or not isinstance(body, SheetBody):
        return None
    return templates.error_sheet(rows, faults, content_type=body.content_type, english=call.english)


def _give_back(call: Call[Any, Any], rows: Sequence[SheetRow], error: DomainError) -> None:
    link = _error_sheet(call, rows, error.faults)
    if link is not None:
        error.facts["error_sheet"] = link


# --------------------------------------------------------------------------- rendering


def _person(enrolment: Enrolment) -> PersonAnswer:
    return PersonAnswer(name=enrolment.trainee_name, id_number=enrolment.trainee_id_number)


def _rostered(enrolment: Enrolment) -> RosteredAnswer:
    return RosteredAnswer(
        enrolment_id=enrolment.id,
        voucher_id=enrolment.voucher_id,
        trainee=_person(enrolment),
        status=enrolment.status,
        theory=enrolment.theory,
        practice=enrolment.practice,
    )
