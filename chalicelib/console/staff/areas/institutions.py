"""Institutions: finding them, one with its payee accounts, and sheets of many."""

from typing import Final

from chalicelib.console.staff.areas import entries
from chalicelib.console.staff.rendering import Page
from chalicelib.edge.endpoints import Reply

SHOWN_ONCE: Final = frozenset({"template.institutions", "template.projects"})


def show(page: Page) -> Reply:
    """Show the list, or one institution."""
    uscc = page.visit.values.get("id")
    if uscc is None:
        return _list(page)
    if uscc == entries.NEW or page.visit.values.get("part") == "edit":
        return entries.show_institution(page, uscc)
    institution = page.get("/v1/institutions/{uscc}", {"uscc": uscc})
    projects = {project.id: project.name for project in page.get("/v1/projects", limit=100).items}
    return page.draw(
        "institution",
        institution.name,
        institution=institution,
        projects=projects,
        payees=getattr(institution, "payees", []),
        actions=getattr(institution, "allowed_actions", []),
        may_edit=page.may("PUT", entries.INSTITUTION) and hasattr(institution, "rooms"),
        may_propose=page.may("POST", "/v1/institutions/{uscc}/payee"),
    )


def _list(page: Page) -> Reply:
    assert page.session.principal is not None
    asked = page.visit.parameters
    own = page.session.principal.division
    listing = page.get(
        "/v1/institutions",
        division=asked.get("division") or own,
        project=asked.get("project"),
        cursor=asked.get("cursor"),
        limit=50,
    )
    return page.draw(
        "institutions",
        page.say("机构与项目", "Institutions and projects"),
        listing=listing,
        projects=page.get("/v1/projects", limit=100).items,
        may_add=page.may("PUT", entries.INSTITUTION),
        may_add_project=page.may("PUT", entries.PROJECT),
        may_import=page.may("POST", "/v1/catalogue/imports"),
        made=page.result,
    )


def act(page: Page, do: str) -> Reply | None:
    """Make a template of a sheet, or save an entry; None for what is something else."""
    if do == "entry.save":
        return entries.save_institution(page, page.visit.values.get("id", entries.NEW))
    kind = do.removeprefix("template.")
    if do not in SHOWN_ONCE:
        return None
    page.result = page.get("/v1/catalogue/templates", kind=kind)
    return show(page)
