"""Projects: the entry of one, by form; the list stands with the institutions."""

from chalicelib.console.staff.areas import entries
from chalicelib.console.staff.rendering import Page
from chalicelib.edge.endpoints import Reply


def show(page: Page) -> Reply:
    """Draw the form of a project."""
    return entries.show_project(page, page.visit.values.get("id", entries.NEW))


def act(page: Page, do: str) -> Reply | None:
    """Save the entry; None for what is something else."""
    if do != "entry.save":
        return None
    return entries.save_project(page, page.visit.values.get("id", entries.NEW))
