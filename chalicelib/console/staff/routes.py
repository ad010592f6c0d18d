"""The pages of staff: three patterns for all of them."""

from collections.abc import Mapping
from types import ModuleType
from typing import Final

from chalicelib.console.staff.areas import (
    accounts,
    cases,
    claims,
    classes,
    clients,
    deliveries,
    desk,
    enrolments,
    holds,
    inspections,
    institutions,
    issuance,
    lines,
    lists,
    lookups,
    money,
    objections,
    payees,
    programs,
    projects,
    reports,
    scans,
    search,
    sheets,
    statements,
    vouchers,
    waiting,
)
from chalicelib.console.staff.rendering import Page
from chalicelib.console.staff.visiting import refused, visited
from chalicelib.edge.endpoints import Reply
from chalicelib.edge.pages import Pages, Visit
from chalicelib.kernel.reasons import error

AREAS: Final[Mapping[str, ModuleType]] = {
    "classes": classes,
    "claims": claims,
    "money": money,
    "lines": lines,
    "payees": payees,
    "holds": holds,
    "statements": statements,
    "desk": desk,
    "enrolments": enrolments,
    "scans": scans,
    "vouchers": vouchers,
    "lists": lists,
    "issuance": issuance,
    "institutions": institutions,
    "programs": programs,
    "projects": projects,
    "accounts": accounts,
    "clients": clients,
    "objections": objections,
    "cases": cases,
    "inspections": inspections,
    "reports": reports,
    "search": search,
    "lookups": lookups,
    "deliveries": deliveries,
}
"""By the part of the address after `/console`: each has `show`, some have `act`, `ahead` and `SHOWN_ONCE`."""

api = Pages(__name__, refused)


@api.page("/console")
def home(visit: Visit) -> Reply:
    return _in(waiting, visit)


@api.page("/console/{area}")
def area(visit: Visit) -> Reply:
    return _in(_area_of(visit), visit)


@api.page("/console/{area}/{id}")
def thing(visit: Visit) -> Reply:
    return _in(_area_of(visit), visit)


@api.page("/console/{area}/{id}/{part}")
def part(visit: Visit) -> Reply:
    return _in(_area_of(visit), visit)


def _area_of(visit: Visit) -> ModuleType:
    found = AREAS.get(visit.values["area"])
    if found is None:
        raise error("not_found")
    return found


def _in(room: ModuleType, visit: Visit) -> Reply:
    ahead = getattr(room, "ahead", None)
    if ahead is not None and visit.method == "GET":
        ahead(visit)  # rows that the address names come with the reading of the account

    def act(page: Page, do: str) -> Reply | None:
        if page.visit.sheet is not None:
            return sheets.send(page, do)
        own = getattr(room, "act", None)
        reply: Reply | None = own(page, do) if own is not None else None
        return reply

    return visited(visit, room.show, act, shown_once=getattr(room, "SHOWN_ONCE", frozenset()))
