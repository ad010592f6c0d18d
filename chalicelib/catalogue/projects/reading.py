"""Projects as other steps read them: as stored, or as a process keeps them for some seconds."""

import functools
import time
from collections.abc import Callable

from chalicelib.catalogue.picking import picked
from chalicelib.catalogue.projects import store
from chalicelib.catalogue.projects.model import Project
from chalicelib.kernel.errors import Fault, NotFound
from chalicelib.kernel.paging import Page, PageRequest
from chalicelib.kernel.reasons import error
from chalicelib.programs.service import current_program

CACHE_SECONDS = 30
_ALL = PageRequest(limit=100_000)


# --------------------------------------------------------------------------- one project


def find_project(project_id: str) -> Project | None:
    """Read a project."""
    return store.find_project(project_id)


def read_project(project_id: str) -> Project:
    """Read a project or raise `NotFound`."""
    project = store.find_project(project_id)
    if project is None:
        raise error("not_found")
    return project


def current_project(project_id: str) -> Project:
    """Read a project as it was at most half a minute ago."""
    return _project_at(project_id, int(time.monotonic() // CACHE_SECONDS))


@functools.lru_cache(maxsize=1024)
def _project_at(project_id: str, _: int) -> Project:
    return read_project(project_id)


def project_exists(project_id: str) -> bool:
    """Tell whether there is such a project."""
    return _exists(current_project, project_id)


def program_exists(program_id: str) -> bool:
    """Tell whether there is such a program."""
    return _exists(current_program, program_id)


def _exists(read: Callable[[str], object], item_id: str) -> bool:
    try:
        read(item_id)
    except NotFound:
        return False
    return True


# --------------------------------------------------------------------------- many projects


def list_projects(request: PageRequest, *, program_id: str | None) -> Page[Project]:
    """List projects, of one program if named.

    Raises:
        Malformed: there is no such program.

    """
    if program_id is not None and not program_exists(program_id):
        raise error("malformed", faults=(Fault("unknown_program", field="program"),))
    return _projects_in(narrowing(program_id), request)


def all_projects(*, program_id: str | None) -> list[Project]:
    """Give every project, of one program if named.

    Raises:
        Malformed: there is no such program.

    """
    return list(list_projects(_ALL, program_id=program_id).items)


def narrowing(program_id: str | None) -> str | None:
    """Give the program a list is narrowed to: none by an open one, whose vouchers are good everywhere."""
    return None if program_id is None or current_program(program_id).kind.is_open else program_id


def _projects_in(narrowed_to: str | None, request: PageRequest) -> Page[Project]:
    def fits(project: Project) -> bool:
        return narrowed_to is None or narrowed_to in project.programs

    return picked(store.list_projects, fits, store.place_of_project, request)


def projects_of_program(program_id: str) -> list[str]:
    """Give the ids of the projects a program covers, as at most half a minute ago: of an open one, all."""
    return _projects_of(program_id, int(time.monotonic() // CACHE_SECONDS))


@functools.lru_cache(maxsize=32)
def _projects_of(program_id: str, _: int) -> list[str]:
    return [project.id for project in _projects_in(narrowing(program_id), _ALL).items]


def forget_projects() -> None:
    """Drop what this process keeps of projects."""
    _projects_of.cache_clear()
    _project_at.cache_clear()
