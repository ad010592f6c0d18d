"""The catalogue as other steps read it: as stored, or as a process keeps it for some seconds."""

import functools
import time
from collections.abc import Iterable

from chalicelib.catalogue.institutions import store
from chalicelib.catalogue.institutions.model import Institution
from chalicelib.catalogue.projects import store as projects_store
from chalicelib.catalogue.projects.model import Project
from chalicelib.catalogue.snapshot import forget_snapshot
from chalicelib.kernel.divisions import covers
from chalicelib.kernel.paging import PageRequest
from chalicelib.kernel.reasons import error
from chalicelib.programs.service import current_program

CACHE_SECONDS = 30


def read_institution(uscc: str) -> Institution:
    """Read an institution or raise `NotFound`."""
    found = store.find_institution(uscc)
    if found is None:
        raise error("not_found")
    return found


def find_institution(uscc: str) -> Institution | None:
    """Read an institution."""
    return store.find_institution(uscc)


def find_institutions(usccs: Iterable[str]) -> dict[str, Institution]:
    """Read many institutions by their numbers, a hundred a call; unknown ones are left out."""
    return {found.uscc: found for found in store.find_institutions(sorted(set(usccs)))}


def current_institution(uscc: str) -> Institution:
    """Read an institution as it was at most half a minute ago: for scans, which are many a second."""
    return _institution_at(uscc, int(time.monotonic() // CACHE_SECONDS))


@functools.lru_cache(maxsize=1024)
def _institution_at(uscc: str, _: int) -> Institution:
    return read_institution(uscc)


def institutions_in(area: str) -> Iterable[Institution]:
    """Go through the institutions of a division and below."""
    return (found for found in store.all_institutions_in(area) if covers(area, found.division))


def read_project(project_id: str) -> Project:
    """Read a project or raise `NotFound`."""
    found = projects_store.find_project(project_id)
    if found is None:
        raise error("not_found")
    return found


def find_project(project_id: str) -> Project | None:
    """Read a project."""
    return projects_store.find_project(project_id)


def current_project(project_id: str) -> Project:
    """Read a project as it was at most half a minute ago."""
    return _project_at(project_id, int(time.monotonic() // CACHE_SECONDS))


@functools.lru_cache(maxsize=1024)
def _project_at(project_id: str, _: int) -> Project:
    return read_project(project_id)


def forget_catalogue() -> None:
    """Drop the cached institutions and projects of this process."""
    forget_snapshot()
    _projects_of.cache_clear()
    _institution_at.cache_clear()
    _project_at.cache_clear()


def projects_of_program(program_id: str) -> list[str]:
    """Give the ids of the projects a program covers: of an open one, all."""
    return [project.id for project in _projects_of(program_id, int(time.monotonic() // CACHE_SECONDS))]


@functools.lru_cache(maxsize=32)
def _projects_of(program_id: str, _: int) -> list[Project]:
    found: list[Project] = []
    everything = current_program(program_id).kind.is_open
    after = None
    while True:
        page = projects_store.list_projects(PageRequest(limit=100, after=after))
        found += [one for one in page.items if everything or program_id in one.programs]
        if page.after is None:
            return found
        after = page.after
