"""Institutions as the public finds them: by division, or nearest first."""

from dataclasses import dataclass

from chalicelib.catalogue.institutions import store
from chalicelib.catalogue.institutions.model import Institution, InstitutionStatus
from chalicelib.catalogue.institutions.snapshot import snapshot
from chalicelib.catalogue.picking import picked
from chalicelib.catalogue.projects.reading import narrowing, program_exists, project_exists
from chalicelib.kernel.divisions import PROVINCE, covers
from chalicelib.kernel.errors import Fault
from chalicelib.kernel.geo import Point, distance_m, to_wgs84
from chalicelib.kernel.paging import Page, PageRequest
from chalicelib.kernel.reasons import error


@dataclass(frozen=True)
class SearchQuery:
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


@dataclass(frozen=True)
class SearchHit:
    """An institution of a search; `distance_m` where the search named a place."""

    institution: Institution
    distance_m: float | None = None


def search_query(*, division: str | None, program: str | None, project: str | None) -> SearchQuery:
    """Check what a search names.

    Raises:
        Malformed: a program or project that does not exist.

    """
    faults = []
    if program is not None and not program_exists(program):
        faults.append(Fault("unknown_program", field="program"))
    if project is not None and not project_exists(project):
        faults.append(Fault("unknown_project", field="project"))
    if faults:
        raise error("malformed", faults=tuple(faults))
    return SearchQuery(division or PROVINCE, narrowing(program), project)


def search(query: SearchQuery, request: PageRequest) -> Page[SearchHit]:
    """Find listed institutions, by division."""

    def read(page: PageRequest) -> Page[Institution]:
        return store.institutions_in(query.division, page)

    return picked(read, query.fits, store.place_of_institution, request).map(SearchHit)


def nearest(
    query: SearchQuery, near: Point, request: PageRequest, *, radius_m: int | None = None
) -> Page[SearchHit]:
    """Find listed institutions, nearest first; none farther than `radius_m` metres, if given."""
    here = to_wgs84(near)
    hits = [
        SearchHit(institution, distance_m(here, place))
        for institution, place in snapshot()
        if query.fits(institution)
    ]
    if radius_m is not None:
        hits = [hit for hit in hits if _metres(hit) <= radius_m]
    hits.sort(key=_order)
    if request.after is not None:
        last = (float(request.after["metres"]), str(request.after["uscc"]))
        hits = [hit for hit in hits if _order(hit) > last]
    items = hits[: request.limit]
    more = len(hits) > request.limit
    after = {"metres": _metres(items[-1]), "uscc": items[-1].institution.uscc} if more else None
    return Page(items=items, after=after)


def _metres(hit: SearchHit) -> float:
    return hit.distance_m or 0.0


def _order(hit: SearchHit) -> tuple[float, str]:
    return _metres(hit), hit.institution.uscc


def published_institutions(query: SearchQuery) -> list[Institution]:
    """Give the institutions as published, the suspended among them so that people can see it."""
    return [institution for institution, _ in snapshot() if query.covers(institution)]
