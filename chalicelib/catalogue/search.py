"""The catalogue as the public sees it: searching institutions, and the list that is published (公布目录)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from chalicelib.catalogue.institutions import store
from chalicelib.catalogue.institutions.model import Institution, InstitutionStatus
from chalicelib.catalogue.projects import store as projects_store
from chalicelib.catalogue.projects.model import Project
from chalicelib.catalogue.reading import current_project
from chalicelib.catalogue.snapshot import snapshot
from chalicelib.kernel.divisions import PROVINCE, covers
from chalicelib.kernel.errors import Fault, NotFound
from chalicelib.kernel.geo import Point, distance_m, to_wgs84
from chalicelib.kernel.paging import LIMIT_MAX, Page, PageRequest
from chalicelib.kernel.reasons import error
from chalicelib.programs.service import current_program

Item = TypeVar("Item")


@dataclass(frozen=True)
class Found:
    """An institution of a search; `distance_m` where the search named a place."""

    institution: Institution
    distance_m: float | None = None


@dataclass(frozen=True)
class Wanted:
    """What a search asks for; an empty one asks for everything."""

    division: str = PROVINCE
    program: str | None = None
    project: str | None = None

    def fits(self, institution: Institution) -> bool:
        """Tell whether an institution is listed and what is asked for."""
        return institution.status is InstitutionStatus.LISTED and self.covers(institution)

    def covers(self, institution: Institution) -> bool:
        """Tell whether an institution is what is asked for, suspended or not."""
        return (
            covers(self.division, institution.division)
            and (self.program is None or self.program in institution.programs)
            and (self.project is None or self.project in institution.projects)
        )

    def fits_project(self, project: Project) -> bool:
        """Tell whether a project is of the program asked for."""
        return self.program is None or self.program in project.programs


def wanted(*, division: str | None, program: str | None, project: str | None) -> Wanted:
    """Check what a search names.

    Raises:
        Malformed: a program or project that does not exist.

    """
    faults = []
    if program is not None and not _exists(current_program, program):
        faults.append(Fault("unknown_program", field="program"))
    if project is not None and not _exists(current_project, project):
        faults.append(Fault("unknown_project", field="project"))
    if faults:
        raise error("malformed", faults=tuple(faults))
    if program is not None and current_program(program).kind.is_open:
        program = None  # its vouchers are good everywhere
    return Wanted(division or PROVINCE, program, project)


def _exists(read: Callable[[str], object], item_id: str) -> bool:
    try:
        read(item_id)
    except NotFound:
        return False
    return True


def search(asked: Wanted, request: PageRequest) -> Page[Found]:
    """Find listed institutions, by division."""

    def read(page: PageRequest) -> Page[Institution]:
        return store.institutions_in(asked.division, page)

    page = _filled(read, asked.fits, store.place_of_institution, request)
    return page.map(Found)


def nearest(asked: Wanted, near: Point, request: PageRequest, *, radius_m: int | None = None) -> Page[Found]:
    """Find listed institutions, nearest first; none farther than `radius_m` metres, if given."""
    here = to_wgs84(near)
    measured = [Found(one, distance_m(here, place)) for one, place in snapshot() if asked.fits(one)]
    if radius_m is not None:
        measured = [found for found in measured if _metres(found) <= radius_m]
    measured.sort(key=_order)
    if request.after is not None:
        last = (float(request.after["metres"]), str(request.after["uscc"]))
        measured = [found for found in measured if _order(found) > last]
    items = measured[: request.limit]
    more = len(measured) > request.limit
    after = {"metres": _metres(items[-1]), "uscc": items[-1].institution.uscc} if more else None
    return Page(items=items, after=after)


def _metres(found: Found) -> float:
    return found.distance_m or 0.0


def _order(found: Found) -> tuple[float, str]:
    return _metres(found), found.institution.uscc


def list_projects(request: PageRequest, *, program: str | None) -> Page[Project]:
    """List projects, of one program if named.

    Raises:
        Malformed: there is no such program.

    """
    asked = wanted(division=None, program=program, project=None)
    return _filled(projects_store.list_projects, asked.fits_project, projects_store.place_of_project, request)


def _filled(
    read: Callable[[PageRequest], Page[Item]],
    fits: Callable[[Item], bool],
    place_of: Callable[[Item], dict[str, Any]],
    request: PageRequest,
) -> Page[Item]:
    """Fill a page with what fits; it tells of a next one only if something is on it."""
    found: list[Item] = []
    after = request.after
    while True:
        page = read(PageRequest(limit=LIMIT_MAX, after=after))
        for item in filter(fits, page.items):
            if len(found) == request.limit:
                return Page(items=found, after=place_of(found[-1]))
            found.append(item)
        if page.after is None:
            return Page(items=found)
        after = page.after


# --------------------------------------------------------------------------- the published list


def published_institutions(asked: Wanted) -> list[Institution]:
    """Give the institutions as published, the suspended among them so that people can see it."""
    return [one for one, _ in snapshot() if asked.covers(one)]


def published_projects(asked: Wanted) -> list[Project]:
    """Give the projects as published."""
    return list(
        _filled(projects_store.list_projects, asked.fits_project, projects_store.place_of_project, _ALL).items
    )


_ALL = PageRequest(limit=100_000)
