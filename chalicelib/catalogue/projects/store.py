"""The tables of projects and of what they were before."""

from collections.abc import Iterable
from typing import Any

import msgspec
from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex

from chalicelib.aws.ahead import ahead
from chalicelib.aws.table import StructAttribute, Table, VersionedTable, page_of, table_name
from chalicelib.aws.writes import ConditionFailed, Put, Update, transact
from chalicelib.catalogue.model import SaveOutcome
from chalicelib.catalogue.projects.model import Project
from chalicelib.catalogue.store import create_or_replace, outcome_of_same, replacing
from chalicelib.kernel.paging import Page, PageRequest
from chalicelib.kernel.principal import Change
from chalicelib.kernel.reasons import error

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


class EarlierProjectRow(Table[Project]):
    """One row a version of a project that another one followed, never changed.

    Classes are approved under it. The write that replaces it keeps it: every version is here or the newest.
    """

    class Meta:
        table_name = table_name("earlier-projects")

    record_type = Project

    id = UnicodeAttribute(hash_key=True)
    version = NumberAttribute(range_key=True)
    name = UnicodeAttribute()
    occupation_code = UnicodeAttribute()
    edition = UnicodeAttribute()
    level = NumberAttribute()
    hours = NumberAttribute()
    fee_fen = NumberAttribute()
    programs = StructAttribute()
    last_change = StructAttribute(null=True)


def save_project(
    project: Project, *, version: int | None, change: Change, before: Project | None = None
) -> Project:
    """Create a project, or replace the one with this version; `before` is that one, which is kept.

    Raises:
        Refused: `version_conflict`, telling the version there is.

    """
    row = ProjectRow.from_record(project)
    if version is None or before is None:
        saved: Project = create_or_replace(row, project.id, version=version, change=change)
        return saved
    if before.version != version:
        raise error("version_conflict", version=before.version)
    try:
        transact(
            [
                Update(ProjectRow, (project.id,), replacing(row), ProjectRow.version == version),
                Put(EarlierProjectRow.from_record(before)),
            ],
            change=change,
        )
    except ConditionFailed as failure:
        version_now = failure.old.version if failure.old is not None else 0
        raise error("version_conflict", version=version_now) from None
    return msgspec.structs.replace(project, version=version + 1, last_change=change)


def find_earlier_project(project_id: str, version: int) -> Project | None:
    """Read a version of a project that another one followed."""
    return EarlierProjectRow.find(project_id, version)


def earlier_projects(project_id: str) -> list[Project]:
    """Read every earlier version of a project, the oldest first."""
    return [row.record for row in EarlierProjectRow.query(project_id, consistent_read=True)]


def outcome_of_unchanged(project: Project) -> SaveOutcome:
    """Tell what saving did to a project that stands as it is said."""
    return outcome_of_same(ProjectRow, project.id, project.version)


def want_projects(project_ids: Iterable[str | None]) -> None:
    """Have projects come along with the next read of a page."""
    ahead(ProjectRow, project_ids)


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
