"""The table of projects."""

from typing import Any

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex

from chalicelib.aws.table import StructAttribute, VersionedTable, page_of, table_name
from chalicelib.catalogue.projects.model import Project
from chalicelib.catalogue.store import create_or_replace
from chalicelib.kernel.paging import Page, PageRequest
from chalicelib.kernel.principal import Change

_PROJECTS = "project"


class ProjectsByListing(GlobalSecondaryIndex[Any]):
    """All projects."""

    class Meta:
        index_name = "by_listing"
        projection = AllProjection()

    listing = UnicodeAttribute(hash_key=True)
    id = UnicodeAttribute(range_key=True)


class ProjectRow(VersionedTable[Project]):
    """One row a project."""

    class Meta:
        table_name = table_name("projects")

    record_type = Project
    streamed = True

    id = UnicodeAttribute(hash_key=True)
    listing = UnicodeAttribute(default=_PROJECTS)
    name = UnicodeAttribute()
    occupation_code = UnicodeAttribute()
    edition = UnicodeAttribute()
    level = NumberAttribute()
    hours = NumberAttribute()
    fee_fen = NumberAttribute()
    programs = StructAttribute()
    by_listing = ProjectsByListing()


def save_project(project: Project, *, version: int | None, change: Change) -> Project:
    """Create a project, or replace the one with this version."""
    row = ProjectRow.from_record(project)
    saved: Project = create_or_replace(row, project.id, version=version, change=change)
    return saved


def find_project(project_id: str) -> Project | None:
    """Read a project."""
    return ProjectRow.find(project_id)


def list_projects(request: PageRequest) -> Page[Project]:
    """List all projects."""
    rows = ProjectRow.by_listing.query(_PROJECTS, limit=request.limit, last_evaluated_key=request.after)
    return page_of(rows, request)


def place_of_project(project: Project) -> dict[str, Any]:
    """Give the key from which the list of projects goes on after this one."""
    return {"listing": {"S": _PROJECTS}, "id": {"S": project.id}}
