"""HTTP of classes, rosters and scores."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from chalicelib.aws.forms import Answer, Form, Version, malformed
from chalicelib.aws.http import (
    Api,
    Call,
    Listing,
    NoQuery,
    PageQuery,
    ReasonBody,
    SheetBody,
    SheetQuery,
    VersionBody,
    VersionReason,
)
from chalicelib.aws.problems import fault_of
from chalicelib.aws.sheets import SheetRow, read_table
from chalicelib.catalogue.model import Location
from chalicelib.classes import rosters, service
from chalicelib.classes.model import LESSONS_MAX, TRAINERS_MAX, ClassHead, ClassStatus, Lesson, Site
from chalicelib.enrolments.model import Enrolment, EnrolmentStatus
from chalicelib.kernel.errors import Fault
from chalicelib.kernel.reasons import sentence

api = Api(__name__)

ROWS_MAX = 1000
Name = Annotated[str, Meta(min_length=1, max_length=100)]
Moment = Annotated[datetime, Meta(tz=True)]
Id = Annotated[str, Meta(min_length=1, max_length=80)]
PersonName = Annotated[str, Meta(max_length=64)]
IdNumber = Annotated[str, Meta(max_length=40)]


# --------------------------------------------------------------------------- forms


class SiteForm(Form):
    """A place of training; `radius_m` overrides the policy's geofence."""

    name: Name
    address: Annotated[str, Meta(min_length=1, max_length=200)]
    location: Location
    radius_m: Annotated[int, Meta(ge=10, le=1000)] | None = None

    def site(self) -> Site:
        """Give the place."""
        return Site(name=self.name, address=self.address, location=self.location, radius_m=self.radius_m)


class TrainerForm(Form):
    """A trainer."""

    name: Annotated[str, Meta(min_length=1, max_length=64)]
    id_number: Annotated[str, Meta(min_length=1, max_length=40)]
    qualification: Annotated[str, Meta(max_length=200)] = ""


class LessonForm(Form):
    """A lesson: `hours` are lesson hours (课时), `trainer` an index into `trainers`."""

    starts_at: Moment
    ends_at: Moment
    hours: Annotated[int, Meta(ge=1, le=24)]
    topic: Annotated[str, Meta(max_length=100)] = ""
    trainer: Annotated[int, Meta(ge=0, lt=TRAINERS_MAX)] = 0
    site: SiteForm | None = None


class ClassRequest(Form):
    """An application. `program_id` is only needed where project and institution share several."""

    project_id: Id
    name: Name
    planned_size: Annotated[int, Meta(ge=1, le=10_000)]
    site: SiteForm
    trainers: Annotated[list[TrainerForm], Meta(min_length=1, max_length=TRAINERS_MAX)]
    lessons: Annotated[list[LessonForm], Meta(max_length=LESSONS_MAX)]
    program_id: Id | None = None


class ClassEdit(ClassRequest, kw_only=True):
    """An application that replaces an earlier version."""

    version: Version


class ClassQuery(PageQuery):
    """Which classes to list."""

    division: Annotated[str, Meta(max_length=6)] | None = None
    status: ClassStatus | None = None


class RosterRowForm(Form):
    """A trainee: by enrolment, or by name and ID number."""

    enrolment_id: Id | None = None
    name: PersonName | None = None
    id_number: IdNumber | None = None


class RosterRequest(Form):
    """The whole roster."""

    version: Version
    rows: Annotated[list[RosterRowForm], Meta(max_length=ROWS_MAX)]


class ScoreRowForm(RosterRowForm, kw_only=True):
    """A trainee's marks, 0 to 100."""

    theory: int
    practice: int


class ScoresRequest(Form):
    """The marks of all trainees."""

    version: Version
    rows: Annotated[list[ScoreRowForm], Meta(max_length=ROWS_MAX)]


# --------------------------------------------------------------------------- answers


class SiteAnswer(Answer):
    """A place of training."""

    name: str
    address: str
    location: Location
    radius_m: int | None


class TrainerAnswer(Answer):
    """A trainer, masked."""

    name: str
    id_number: str
    qualification: str


class LessonAnswer(Answer):
    """A lesson; `site` only where it is not the class's."""

    id: str
    starts_at: datetime
    ends_at: datetime
    hours: int
    topic: str
    trainer: int
    site: SiteAnswer | None


class WarningAnswer(Answer):
    """A rule that the plan breaks."""

    code: str
    detail: str


class ClassSummary(Answer):
    """A class in a list; `lesson_hours` are lesson hours (课时)."""

    id: str
    institution: str
    division: str
    program_id: str
    project_id: str
    name: str
    planned_size: int
    status: ClassStatus
    policy_version: int
    created_at: datetime
    opens_at: datetime
    ends_at: datetime
    lesson_hours: int
    enrolled: int
    passed: int
    failed: int
    submitted_at: datetime | None
    approved_at: datetime | None
    completion_approved_at: datetime | None
    return_reason: str | None
    version: int
    allowed_actions: list[str]


class ClassAnswer(ClassSummary):
    """A whole class."""

    site: SiteAnswer
    trainers: list[TrainerAnswer]
    lessons: list[LessonAnswer]
    warnings: list[WarningAnswer]


class RosterAnswer(Answer):
    """What an upload of a roster did; `errors` are the rows left out."""

    version: int
    accepted: int
    errors: list[dict[str, Any]]


class ScoresAnswer(Answer):
    """What an upload of marks did."""

    version: int
    passed: int
    failed: int
    errors: list[dict[str, Any]]


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


# --------------------------------------------------------------------------- applying


@api.endpoint(
    "POST",
    "/v1/classes",
    action="class.write",
    body=ClassRequest,
    answer=ClassAnswer,
    status_code=201,
    summary="Write down an application for a class",
)
def create(call: Call[ClassRequest, NoQuery]) -> ClassAnswer:
    return _answer(call, service.create_class(call.context, _plan(call.body)))


@api.endpoint(
    "GET",
    "/v1/classes",
    action="class.read",
    query=ClassQuery,
    answer=Listing[ClassSummary],
    summary="List classes",
)
def list_classes(call: Call[None, ClassQuery]) -> Listing[ClassSummary]:
    query = call.query
    page = service.list_classes(
        call.context, call.page_request(), division=query.division, status=query.status
    )
    return call.listing(page, lambda head: ClassSummary(**_facts(call, head)))


@api.endpoint(
    "GET", "/v1/classes/{class_id}", action="class.read", answer=ClassAnswer, summary="Read a class"
)
def read(call: Call[None, NoQuery], class_id: str) -> ClassAnswer:
    return _answer(call, service.show_class(call.context, class_id))


@api.endpoint(
    "PUT",
    "/v1/classes/{class_id}",
    action="class.write",
    body=ClassEdit,
    answer=ClassAnswer,
    summary="Replace an application that is not filed",
)
def edit(call: Call[ClassEdit, NoQuery], class_id: str) -> ClassAnswer:
    plan = _plan(call.body)
    return _answer(call, service.edit_class(call.context, class_id, plan, version=call.body.version))


def _plan(body: ClassRequest) -> service.PlanGiven:
    return service.PlanGiven(
        project_id=body.project_id,
        program_id=body.program_id,
        name=body.name,
        planned_size=body.planned_size,
        site=body.site.site(),
        trainers=[service.TrainerGiven(t.name, t.id_number, t.qualification) for t in body.trainers],
        lessons=[
            service.LessonGiven(
                starts_at=lesson.starts_at,
                ends_at=lesson.ends_at,
                hours=lesson.hours,
                topic=lesson.topic,
                trainer=lesson.trainer,
                site=lesson.site.site() if lesson.site is not None else None,
            )
            for lesson in body.lessons
        ],
    )


# --------------------------------------------------------------------------- decisions


@api.endpoint(
    "POST",
    "/v1/classes/{class_id}/submit",
    action="class.submit",
    body=VersionBody,
    answer=ClassAnswer,
    summary="File an application",
)
def submit(call: Call[VersionBody, NoQuery], class_id: str) -> ClassAnswer:
    body = call.body
    return _answer(
        call, service.submit_class(call.context, class_id, version=body.version, comment=body.comment)
    )


@api.endpoint(
    "POST",
    "/v1/classes/{class_id}/approve",
    action="class.approve",
    body=VersionBody,
    answer=ClassAnswer,
    summary="Approve an application",
)
def approve(call: Call[VersionBody, NoQuery], class_id: str) -> ClassAnswer:
    body = call.body
    return _answer(
        call, service.approve_class(call.context, class_id, version=body.version, comment=body.comment)
    )


@api.endpoint(
    "POST",
    "/v1/classes/{class_id}/return",
    action="class.return",
    body=VersionReason,
    answer=ClassAnswer,
    summary="Return an application with a reason",
)
def give_back(call: Call[VersionReason, NoQuery], class_id: str) -> ClassAnswer:
    body = call.body
    return _answer(
        call, service.return_class(call.context, class_id, version=body.version, reason=body.reason)
    )


class CancelBody(Form):
    """A cancellation, with its reason as `reason` or `comment`."""

    version: Version
    reason: Annotated[str, Meta(min_length=1, max_length=500)] | None = None
    comment: Annotated[str, Meta(max_length=500)] | None = None


@api.endpoint(
    "POST",
    "/v1/classes/{class_id}/cancel",
    action="class.cancel",
    body=CancelBody,
    answer=ClassAnswer,
    summary="Cancel a class and release its vouchers",
)
def cancel(call: Call[CancelBody, NoQuery], class_id: str) -> ClassAnswer:
    body = call.body
    reason = body.reason or body.comment
    return _answer(call, service.cancel_class(call.context, class_id, version=body.version, comment=reason))


@api.endpoint(
    "POST",
    "/v1/classes/{class_id}/completion/submit",
    action="completion.submit",
    body=VersionBody,
    answer=ClassAnswer,
    summary="Apply for completion",
)
def submit_completion(call: Call[VersionBody, NoQuery], class_id: str) -> ClassAnswer:
    body = call.body
    return _answer(
        call, service.submit_completion(call.context, class_id, version=body.version, comment=body.comment)
    )


@api.endpoint(
    "POST",
    "/v1/classes/{class_id}/completion/approve",
    action="completion.approve",
    body=VersionBody,
    answer=ClassAnswer,
    summary="Approve the completion",
)
def approve_completion(call: Call[VersionBody, NoQuery], class_id: str) -> ClassAnswer:
    body = call.body
    return _answer(
        call, service.approve_completion(call.context, class_id, version=body.version, comment=body.comment)
    )


@api.endpoint(
    "POST",
    "/v1/classes/{class_id}/completion/return",
    action="completion.return",
    body=VersionReason,
    answer=ClassAnswer,
    summary="Return the completion application with a reason",
)
def return_completion(call: Call[VersionReason, NoQuery], class_id: str) -> ClassAnswer:
    body = call.body
    return _answer(
        call, service.return_completion(call.context, class_id, version=body.version, reason=body.reason)
    )


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
    version, rows = _rows(call, rosters.ROSTER_COLUMNS)
    outcome = rosters.replace_roster(
        call.context, class_id, rows, version=version, dry_run=call.query.dry_run, partial=call.query.partial
    )
    return RosterAnswer(
        version=outcome.version, accepted=outcome.accepted, errors=_errors(call, outcome.faults)
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
    query=SheetQuery,
    answer=ScoresAnswer,
    sheet=True,
    summary="Record all marks, by JSON, xlsx or csv",
)
def record_scores(call: Call[ScoresRequest | SheetBody, SheetQuery], class_id: str) -> ScoresAnswer:
    version, rows = _rows(call, rosters.SCORE_COLUMNS)
    outcome = rosters.record_scores(call.context, class_id, rows, version=version, dry_run=call.query.dry_run)
    return ScoresAnswer(
        version=outcome.version,
        passed=outcome.passed,
        failed=outcome.failed,
        errors=_errors(call, outcome.faults),
    )


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
    )


def _rows(
    call: Call[Any, SheetQuery], columns: dict[str, tuple[str, ...]] | Any
) -> tuple[int, Sequence[SheetRow]]:
    """Read the version and the rows of a JSON body or a sheet, in one shape."""
    body = call.body
    if isinstance(body, SheetBody):
        if call.query.version is None:
            raise malformed([Fault("missing_field", field="version")])
        rows = read_table(body.raw, body.content_type, columns, frozenset(columns))
        return call.query.version, rows
    faults = [fault for place, row in enumerate(body.rows) for fault in _row_faults(place, row)]
    if faults:
        raise malformed(faults)
    return body.version, [_sheet_row(place, row) for place, row in enumerate(body.rows, start=1)]


def _row_faults(place: int, row: RosterRowForm) -> list[Fault]:
    by_enrolment = row.enrolment_id is not None
    wrong = "unknown_field" if by_enrolment else "missing_field"
    return [
        Fault(wrong, field=f"rows[{place}].{name}")
        for name in ("name", "id_number")
        if (getattr(row, name) is not None) is by_enrolment
    ]


def _sheet_row(number: int, row: RosterRowForm) -> SheetRow:
    given = {name: value for name, value in msgspec.structs.asdict(row).items() if value is not None}
    return SheetRow(
        row=number,
        cells={name: str(value) for name, value in given.items()},
        headers={name: name for name in given},
    )


def _errors(call: Call[Any, Any], faults: Sequence[Fault]) -> list[dict[str, Any]]:
    return [fault_of(fault, english=call.english) for fault in faults]


# --------------------------------------------------------------------------- rendering


def _answer(call: Call[Any, Any], shown: service.Shown) -> ClassAnswer:
    found = shown.training_class
    return ClassAnswer(
        **_facts(call, found),
        site=_site(found.site),
        trainers=[
            TrainerAnswer(name=t.name, id_number=t.id_number, qualification=t.qualification)
            for t in found.trainers
        ],
        lessons=[_lesson(lesson) for lesson in found.lessons],
        warnings=[
            WarningAnswer(
                code=breach.code, detail=sentence(breach.code, dict(breach.facts), english=call.english)
            )
            for breach in shown.breaches
        ],
    )


def _facts(call: Call[Any, Any], found: Any) -> dict[str, Any]:
    """Give what a list and a whole class have in common; `found` is a head or a whole class."""
    computed = {
        "enrolled": found.enrolled if isinstance(found, ClassHead) else len(found.roster),
        "allowed_actions": service.actions_on(call.context, found),
    }
    fields = (name for name in ClassSummary.__struct_fields__ if name not in computed)
    return {name: getattr(found, name) for name in fields} | computed


def _site(site: Site) -> SiteAnswer:
    return SiteAnswer(name=site.name, address=site.address, location=site.location, radius_m=site.radius_m)


def _lesson(lesson: Lesson) -> LessonAnswer:
    return LessonAnswer(
        id=lesson.id,
        starts_at=lesson.starts_at,
        ends_at=lesson.ends_at,
        hours=lesson.hours,
        topic=lesson.topic,
        trainer=lesson.trainer,
        site=_site(lesson.site) if lesson.site is not None else None,
    )


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
