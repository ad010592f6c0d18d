"""HTTP of projects."""

from typing import Annotated

import msgspec
from msgspec import Meta

from chalicelib.catalogue.answers import Ids, status_of
from chalicelib.catalogue.projects import reading, service
from chalicelib.catalogue.projects.model import PROJECT_PATTERNS, Project
from chalicelib.edge.endpoints import PUBLIC, AnswerKind, Call, Listing, NoQuery, PageQuery, Reply
from chalicelib.edge.forms import Answer, Form, Version, line, malformed
from chalicelib.edge.http import Api
from chalicelib.kernel.errors import Fault
from chalicelib.kernel.ids import ProgramId, ProjectId, is_id

api = Api(__name__)


class ProjectRequest(Form):
    """A project's entry; `hours` are lesson hours (课时)."""

    name: Annotated[str, line(100)]
    occupation_code: Annotated[str, Meta(pattern=rf"^{PROJECT_PATTERNS['occupation_code']}$(?!\n)")]
    edition: Annotated[str, Meta(pattern=rf"^{PROJECT_PATTERNS['edition']}$(?!\n)")]
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


class ProjectQuery(PageQuery):
    """Which projects to list."""

    program: Annotated[str, Meta(max_length=80)] | None = None


@api.endpoint(
    "PUT",
    "/v1/projects/{project_id}",
    action="project.write",
    body=ProjectRequest,
    answer=ProjectAnswer,
    also=(AnswerKind(ProjectAnswer, 201),),
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
    return Reply(_project(saved.project), status_of(saved.outcome))


@api.endpoint(
    "GET", "/v1/projects/{project_id}", action=PUBLIC, answer=ProjectAnswer, summary="Read a project"
)
def read_project(call: Call[None, NoQuery], project_id: str) -> ProjectAnswer:  # noqa: ARG001
    return _project(reading.read_project(project_id))


@api.endpoint(
    "GET",
    "/v1/projects",
    action=PUBLIC,
    query=ProjectQuery,
    answer=Listing[ProjectAnswer],
    summary="List projects",
)
def list_projects(call: Call[None, ProjectQuery]) -> Listing[ProjectAnswer]:
    page = reading.list_projects(call.page_request(), program_id=call.query.program)
    return call.listing(page, _project)


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
