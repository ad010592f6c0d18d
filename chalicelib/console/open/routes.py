"""Pages for everybody: what is publicised, who teaches where, and what each reason code asks one to do."""

from typing import Final

from chalicelib.console.staff.rendering import Page
from chalicelib.console.staff.visiting import refused, visited
from chalicelib.edge.endpoints import Reply
from chalicelib.edge.pages import Pages, Visit
from chalicelib.kernel.reasons import REASONS

_ROWS: Final = 20
api = Pages(__name__, refused)


@api.page("/public")
def public(visit: Visit) -> Reply:
    return visited(visit, _public, shown_once=frozenset({"new.objection"}), for_everybody=True)


@api.page("/help")
def help_(visit: Visit) -> Reply:
    return visited(visit, _help, for_everybody=True)


def _public(page: Page) -> Reply:
    asked = page.visit.parameters
    looking = any(asked.get(name) for name in ("place", "project", "near"))
    found = (
        page.get(
            "/v1/institutions",
            division=asked.get("place"),
            project=asked.get("project"),
            near=asked.get("near"),
            cursor=asked.get("found"),
            limit=_ROWS,
        )
        if looking
        else None
    )
    return page.draw(
        "public",
        page.say("公示与机构查询", "Publicity and institutions"),
        listing=page.get(
            "/v1/publicity", division=asked.get("division"), cursor=asked.get("cursor"), limit=_ROWS
        ),
        projects=page.get("/v1/projects", limit=100).items,
        found=found,
        filed=page.result,
    )


def _help(page: Page) -> Reply:
    wanted = page.visit.parameters.get("code", "").strip()
    codes = [code for code in REASONS if not wanted or wanted in code or wanted in page.reason(code)]
    return page.draw("help", page.say("办事说明", "Help"), codes=codes, wanted=wanted)
