"""Pages for everybody: what is publicised, who teaches where, and what each reason code asks one to do."""

from collections.abc import Mapping
from typing import Any, Final

from chalicelib.console.staff.rendering import Page
from chalicelib.console.staff.visiting import refused, visited
from chalicelib.console.words import Pair
from chalicelib.edge.endpoints import Reply
from chalicelib.edge.pages import Pages, Visit
from chalicelib.kernel.divisions import PROVINCE, divisions_below
from chalicelib.kernel.reasons import REASONS
from chalicelib.subsidies.publicity.model import ObjectionStatus
from chalicelib.subsidies.publicity.service import told_of

_ROWS: Final = 20
_RESULTS: Final[Mapping[ObjectionStatus, Pair]] = {
    ObjectionStatus.OPEN: (
        "已收到，正在核查；办结前所涉补贴不支付。",
        "It is being looked into. What it concerns is not paid before it is decided.",
    ),
    ObjectionStatus.UPHELD: (
        "经核查属实，异议成立：所涉补贴已退回机构或剔除。",
        "It was found true: what it concerns went back to the institution, or was taken out.",
    ),
    ObjectionStatus.DISMISSED: (
        "经核查，异议不成立，所涉补贴按程序继续办理。",
        "It was not found true: what it concerns goes on.",
    ),
}
"""What became of an objection, for who filed it: no more, as the number says nothing of who asks."""
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
        divisions=divisions_below(PROVINCE)[1:],
        **_objection(page, asked.get("objection", "").strip()),
    )


def _objection(page: Page, number: str) -> dict[str, Any]:
    """Tell who keeps the number of their objection what became of it."""
    told = told_of(number) if number else None
    result = page.say(*_RESULTS[told.status]) if told is not None else ""
    return {"asked_for": number, "told": told, "result": result}


def _help(page: Page) -> Reply:
    wanted = page.visit.parameters.get("code", "").strip()
    codes = [code for code in REASONS if not wanted or wanted in code or wanted in page.reason(code)]
    return page.draw("help", page.say("办事说明", "Help"), codes=codes, wanted=wanted)
