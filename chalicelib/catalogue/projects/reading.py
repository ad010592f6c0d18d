"""Projects as other steps read them: as stored, or as a process keeps them for some seconds."""

import functools
import time
from collections.abc import Callable
from datetime import datetime

from cachetools import LRUCache, TTLCache

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
    _current[project_id] = project
    return project


_current: TTLCache[str, Project] = TTLCache(1024, CACHE_SECONDS)


def current_project(project_id: str) -> Project:
    """Read a project as it was at most half a minute ago, and never older than this process has read it."""
    return _current.get(project_id) or read_project(project_id)


def pinned_project(project_id: str, version: int) -> Project:
    """Give one version of a project, under which something was approved: no version ever changes.

    Raises:
        LookupError: there never was such a version.

    """
    current = current_project(project_id)
    if current.version == version:
        return current
    earlier = _earlier(project_id, version)
    if earlier is None and (current := read_project(project_id)).version == version:
        return current  # this process had not read the newest yet
    earlier = earlier or store.find_earlier_project(project_id, version)
    if earlier is None:
        raise LookupError(project_id, version)
    return earlier


def _earlier(project_id: str, version: int) -> Project | None:
    known = _earlier_known.get((project_id, version))
    if known is None and (known := store.find_earlier_project(project_id, version)) is not None:
        _earlier_known[project_id, version] = known
    return known


_earlier_known: LRUCache[tuple[str, int], Project] = LRUCache(256)


def project_as_of(project_id: str, moment: datetime) -> Project:
    """Give a project as it stood at a moment; of before its oldest version is known, that one."""
    versions = [*store.earlier_projects(project_id), read_project(project_id)]
    standing = [
        project
        for project in versions
        if project.last_change is not None and project.last_change.at <= moment
    ]
    return max(standing, key=lambda project: project.version) if standing else versions[0]


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
    _current.clear()
    _earlier_known.clear()
