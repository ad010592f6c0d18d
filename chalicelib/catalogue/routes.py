"""HTTP of the catalogue."""

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from chalicelib.aws.forms import Answer, Form, Version, line, malformed
from chalicelib.aws.http import (
    AS_SHEETS,
    COMMA_SEPARATED,
    CSV,
    PUBLIC,
    XLSX,
    Api,
    Call,
    Empty,
    LinkAnswer,
    Listing,
    NoQuery,
    PageQuery,
    Reply,
    Sent,
    SheetBody,
    VersionReason,
)
from chalicelib.aws.problems import fault_of
from chalicelib.aws.sheets import write_csv
from chalicelib.catalogue import imports, publishing, service
from chalicelib.catalogue import search as searching
from chalicelib.catalogue.model import (
    INSTITUTION_TRANSITIONS,
    PROJECT_PATTERNS,
    Institution,
    InstitutionStatus,
    Location,
    Project,
)
from chalicelib.kernel.errors import Fault, UnsupportedType
from chalicelib.kernel.geo import CoordSystem, Point
from chalicelib.kernel.ids import ProgramId, ProjectId, is_id

api = Api(__name__)

Ids = Annotated[list[Annotated[str, Meta(max_length=80)]], Meta(max_length=200)]


class BankAccountForm(Form):
    """Where an institution is paid."""

    holder: Annotated[str, line(100)]
    bank: Annotated[str, line(100)]
    number: Annotated[str, Meta(min_length=1, max_length=40)]


class InstitutionRequest(Form):
    """An institution's entry."""

    name: Annotated[str, line(100)]
    division: Annotated[str, Meta(max_length=6)]
    address: Annotated[str, line(200)]
    phone: Annotated[str, Meta(min_length=1, max_length=30)]
    location: Location
    programs: Ids
    projects: Ids
    bank_account: BankAccountForm
    version: Version | None = None


class CatalogueWarning(Answer):
    """Something the clerk should look at again."""

    code: str
    detail: str


class InstitutionAnswer(Answer):
    """An institution as everybody may see it."""

    uscc: str
    name: str
    division: str
    address: str
    phone: str
    location: Location
    programs: list[ProgramId]
    projects: list[ProjectId]
    status: InstitutionStatus
    version: int


class OwnInstitutionAnswer(InstitutionAnswer):
    """An institution as the bureau that lists it sees it."""

    bank_account: dict[str, str]
    allowed_actions: list[str]
    warnings: list[CatalogueWarning]


class FoundAnswer(InstitutionAnswer):
    """An institution of a search; metres from the place asked for."""

    distance_m: int | None


class ProjectRequest(Form):
    """A project's entry; `hours` are lesson hours (课时)."""

    name: Annotated[str, line(100)]
    occupation_code: Annotated[str, Meta(pattern=f"^{PROJECT_PATTERNS['occupation_code']}$")]
    edition: Annotated[str, Meta(pattern=f"^{PROJECT_PATTERNS['edition']}$")]
    level: Annotated[int, Meta(ge=1, le=5)]
    hours: Annotated[int, Meta(ge=1, le=2000)]
    fee_fen: Annotated[int, Meta(ge=0, le=100_000_000)]
    programs: Ids = msgspec.field(default_factory=list)
    version: Version | None = None


class ProjectAnswer(Answer):
    """A project."""

    id: str
    name: str
    occupation_code: str
    edition: str
    level: int
    hours: int
    fee_fen: int
    programs: list[ProgramId]
    version: int


class InstitutionQuery(PageQuery):
    """A search; `near` is `lng,lat,coord_system`, `radius_m` metres from there."""

    program: Annotated[str, Meta(max_length=80)] | None = None
    division: Annotated[str, Meta(max_length=6)] | None = None
    project: Annotated[str, Meta(max_length=80)] | None = None
    near: Annotated[str, Meta(max_length=80)] | None = None
    radius_m: Annotated[int, Meta(ge=1, le=1_000_000)] | None = None


class ProjectQuery(PageQuery):
    """Which projects to list."""

    program: Annotated[str, Meta(max_length=80)] | None = None


class CatalogueQuery(Form):
    """What a sheet lists, and whether to apply it; `partial` applies the right rows though some are wrong."""

    kind: imports.CatalogueKind
    dry_run: bool = False
    partial: bool = False


class CatalogueAnswer(Answer):
    """What a sheet did to the catalogue, or would do."""

    kind: imports.CatalogueKind
    dry_run: bool
    total: int
    created: int
    changed: int
    unchanged: int
    warnings: list[dict[str, Any]]
    errors: list[dict[str, Any]]
    error_sheet: str | None


class TemplateQuery(Form):
    """Of which list."""

    kind: imports.CatalogueKind


class PublicationQuery(Form):
    """Which list is to be read, and how."""

    kind: imports.CatalogueKind = imports.CatalogueKind.INSTITUTIONS
    division: Annotated[str, Meta(max_length=6)] | None = None
    program: Annotated[str, Meta(max_length=80)] | None = None
    format: Literal["json", "csv", "xlsx"] = "json"


class PublicationAnswer(Answer):
    """The list as published: one object a row, by its column."""

    kind: imports.CatalogueKind
    published_at: datetime
    columns: list[str]
    items: list[dict[str, Any]]


_WARNINGS = {
    "far_from_division": ("坐标离所属区划较远，请核对。", "The point is far from the division. Check it.")
}


@api.endpoint(
    "PUT",
    "/v1/institutions/{uscc}",
    action="institution.write",
    body=InstitutionRequest,
    answer=OwnInstitutionAnswer,
    also=(Sent(OwnInstitutionAnswer, 201),),
    summary="List an institution or change its entry",
)
def put_institution(call: Call[InstitutionRequest, NoQuery], uscc: str) -> Reply:
    body = call.body
    saved = service.save_institution(
        call.context,
        uscc,
        name=body.name,
        division=body.division,
        address=body.address,
        phone=body.phone,
        location=body.location,
        programs=body.programs,
        projects=body.projects,
        bank_account=service.BankAccount(
            body.bank_account.holder, body.bank_account.bank, body.bank_account.number
        ),
        version=body.version,
    )
    warnings = [
        CatalogueWarning(code=code, detail=_WARNINGS[code][1 if call.english else 0])
        for code in saved.warnings
    ]
    return Reply(_own(saved.institution, warnings), _status_of(saved.outcome))


@api.endpoint(
    "GET", "/v1/institutions/{uscc}", action=PUBLIC, answer=InstitutionAnswer, summary="Read an institution"
)
def read_institution(call: Call[None, NoQuery], uscc: str) -> InstitutionAnswer:  # noqa: ARG001
    return InstitutionAnswer(**_facts(service.read_institution(uscc)))


@api.endpoint(
    "GET",
    "/v1/institutions",
    action=PUBLIC,
    query=InstitutionQuery,
    answer=Listing[FoundAnswer],
    summary="Search institutions, nearest first where a place is given",
)
def search(call: Call[None, InstitutionQuery]) -> Listing[FoundAnswer]:
    query = call.query
    near = _near(query.near)
    if near is None and query.radius_m is not None:
        raise malformed([Fault("near_missing", field="radius_m")])
    asked = searching.wanted(division=query.division, program=query.program, project=query.project)
    request = call.page_request()
    if near is None:
        page = searching.search(asked, request)
    else:
        page = searching.nearest(asked, near, request, radius_m=query.radius_m)
    return call.listing(
        page,
        lambda found: FoundAnswer(
            **_facts(found.institution),
            distance_m=round(found.distance_m) if found.distance_m is not None else None,
        ),
    )


@api.endpoint(
    "POST",
    "/v1/institutions/{uscc}/suspend",
    action="institution.suspend",
    body=VersionReason,
    answer=OwnInstitutionAnswer,
    summary="Suspend an institution",
)
def suspend(call: Call[VersionReason, NoQuery], uscc: str) -> OwnInstitutionAnswer:
    return _moved(call, uscc, "suspend")


@api.endpoint(
    "POST",
    "/v1/institutions/{uscc}/reinstate",
    action="institution.reinstate",
    body=VersionReason,
    answer=OwnInstitutionAnswer,
    summary="Reinstate an institution",
)
def reinstate(call: Call[VersionReason, NoQuery], uscc: str) -> OwnInstitutionAnswer:
    return _moved(call, uscc, "reinstate")


@api.endpoint(
    "PUT",
    "/v1/projects/{project_id}",
    action="project.write",
    body=ProjectRequest,
    answer=ProjectAnswer,
    also=(Sent(ProjectAnswer, 201),),
    summary="List a project or change its entry",
)
def put_project(call: Call[ProjectRequest, NoQuery], project_id: str) -> Reply:
    if not is_id(project_id, "prj"):
        raise malformed([Fault("wrong_type", field="project_id")])
    body = call.body
    project = Project(
        id=ProjectId(project_id),
        name=body.name,
        occupation_code=body.occupation_code,
        edition=body.edition,
        level=body.level,
        hours=body.hours,
        fee_fen=body.fee_fen,
        programs=[ProgramId(program) for program in dict.fromkeys(body.programs)],
    )
    saved = service.save_project(call.context, project, version=body.version)
    return Reply(_project(saved.project), _status_of(saved.outcome))


@api.endpoint(
    "GET", "/v1/projects/{project_id}", action=PUBLIC, answer=ProjectAnswer, summary="Read a project"
)
def read_project(call: Call[None, NoQuery], project_id: str) -> ProjectAnswer:  # noqa: ARG001
    return _project(service.read_project(project_id))


@api.endpoint(
    "GET",
    "/v1/projects",
    action=PUBLIC,
    query=ProjectQuery,
    answer=Listing[ProjectAnswer],
    summary="List projects",
)
def list_projects(call: Call[None, ProjectQuery]) -> Listing[ProjectAnswer]:
    page = searching.list_projects(call.page_request(), program=call.query.program)
    return call.listing(page, _project)


@api.endpoint(
    "POST",
    "/v1/catalogue/imports",
    action="catalogue.import",
    body=Empty,
    query=CatalogueQuery,
    answer=CatalogueAnswer,
    sheet=True,
    summary="List institutions or projects from a sheet; all rows are judged, none applied if one is wrong",
)
def import_catalogue(call: Call[SheetBody | Empty, CatalogueQuery]) -> CatalogueAnswer:
    sheet, query = call.body, call.query
    if not isinstance(sheet, SheetBody):
        raise UnsupportedType("unsupported_type", accepted=f"{XLSX}, {CSV}")
    done = imports.import_catalogue(
        call.context, query.kind, sheet.raw, sheet.content_type, dry_run=query.dry_run, partial=query.partial
    )
    return CatalogueAnswer(
        kind=query.kind,
        dry_run=query.dry_run,
        total=done.total,
        created=done.created,
        changed=done.changed,
        unchanged=done.unchanged,
        warnings=[
            {"row": row, "code": code, "detail": _WARNINGS[code][1 if call.english else 0]}
            for row, code in done.warnings
        ],
        errors=[fault_of(fault, english=call.english) for fault in done.faults],
        error_sheet=done.error_sheet,
    )


@api.endpoint(
    "GET",
    "/v1/catalogue/templates",
    action=PUBLIC,
    query=TemplateQuery,
    answer=LinkAnswer,
    summary="A link to the empty sheet of a catalogue import",
)
def template(call: Call[None, TemplateQuery]) -> LinkAnswer:
    return LinkAnswer(url=imports.link_to_template(call.query.kind))


@api.endpoint(
    "GET",
    "/v1/catalogue/publication",
    action=PUBLIC,
    query=PublicationQuery,
    answer=PublicationAnswer,
    also=AS_SHEETS,
    summary="The published list of institutions or projects (csv: the sheet itself, xlsx: a link to it)",
)
def publication(call: Call[None, PublicationQuery]) -> PublicationAnswer | LinkAnswer | Reply:
    query = call.query
    asked = searching.wanted(division=query.division, program=query.program, project=None)
    sheet = publishing.published(query.kind, asked, english=call.english)
    if query.format == "csv":
        disposition = {"Content-Disposition": f'attachment; filename="{query.kind}.csv"'}
        return Reply(write_csv(sheet.headers, sheet.rows), content_type=COMMA_SEPARATED, headers=disposition)
    if query.format == "xlsx":
        return LinkAnswer(url=publishing.link_to(query.kind, sheet))
    return PublicationAnswer(
        kind=query.kind,
        published_at=call.context.now,
        columns=list(sheet.headers),
        items=[dict(zip(sheet.headers, row, strict=True)) for row in sheet.rows],
    )


def _status_of(outcome: service.Outcome) -> int:
    return 201 if outcome is service.Outcome.CREATED else 200


def _near(text: str | None) -> Point | None:
    if text is None:
        return None
    parts = text.split(",")
    if len(parts) == 2:  # noqa: PLR2004 - longitude and latitude without a system
        raise malformed([Fault("coord_system_missing", field="near")])
    try:
        lng, lat, system = parts
        return Point(float(lng), float(lat), CoordSystem(system.strip()))
    except ValueError:
        raise malformed([Fault("wrong_type", field="near")]) from None


def _moved(call: Call[VersionReason, NoQuery], uscc: str, action: str) -> OwnInstitutionAnswer:
    body = call.body
    return _own(
        service.move_institution(call.context, uscc, action, version=body.version, reason=body.reason), []
    )


def _facts(institution: Institution) -> dict[str, Any]:
    return {
        "uscc": institution.uscc,
        "name": institution.name,
        "division": institution.division,
        "address": institution.address,
        "phone": institution.phone,
        "location": institution.location,
        "programs": institution.programs,
        "projects": institution.projects,
        "status": institution.status,
        "version": institution.version,
    }


def _own(institution: Institution, warnings: list[CatalogueWarning]) -> OwnInstitutionAnswer:
    return OwnInstitutionAnswer(
        **_facts(institution),
        bank_account={
            "holder": institution.bank_holder,
            "bank": institution.bank,
            "number": institution.masked_bank_account,
        },
        allowed_actions=list(INSTITUTION_TRANSITIONS.allowed(institution.status)),
        warnings=warnings,
    )


def _project(project: Project) -> ProjectAnswer:
    return ProjectAnswer(
        id=project.id,
        name=project.name,
        occupation_code=project.occupation_code,
        edition=project.edition,
        level=project.level,
        hours=project.hours,
        fee_fen=project.fee_fen,
        programs=project.programs,
        version=project.version,
    )
