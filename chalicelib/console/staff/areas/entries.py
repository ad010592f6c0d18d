"""Entries of the catalogue by form: an institution of the bureau's area, a project of the province."""

from collections.abc import Callable
from typing import Any, Final

from chalicelib.console.staff import numbers
from chalicelib.console.staff.rendering import Page
from chalicelib.edge.endpoints import Reply
from chalicelib.edge.forms import malformed
from chalicelib.kernel.errors import Fault
from chalicelib.kernel.reasons import error

NEW: Final = "new"
INSTITUTION: Final = "/v1/institutions/{uscc}"
PROJECT: Final = "/v1/projects/{project_id}"
_LINES: Final = ("name", "division", "address", "phone")


def show_institution(page: Page, uscc: str) -> Reply:
    """Draw the form of an institution, a new one for `new`; who may not write one has no such page."""
    if not page.may("PUT", INSTITUTION):
        raise error("forbidden")
    known = None if uscc == NEW else page.get(INSTITUTION, {"uscc": uscc})
    return page.draw(
        "entry_institution",
        known.name if known is not None else page.say("新增机构", "A new institution"),
        known=known,
        programs=page.get("/v1/programs", limit=20).items,
        projects=page.get("/v1/projects", limit=100).items,
        value=_values(page),
        ticked=_ticked(page, known),
    )


def save_institution(page: Page, uscc: str) -> Reply:
    """Send the form of an institution, and go to its page."""
    visit = page.visit
    number = _Numbers(page)
    body: dict[str, Any] = {name: visit.typed(name).strip() for name in _LINES}
    body["location"] = {
        "lng": number.decimal("lng"),
        "lat": number.decimal("lat"),
        "coord_system": visit.typed("coord_system"),
    }
    body |= {name: list(visit.fields.get(name, ())) for name in ("programs", "projects")}
    body |= number.given("rooms") | number.given("version")
    number.check()
    at = visit.typed("uscc").strip() if uscc == NEW else uscc
    page.asker.ask("PUT", INSTITUTION, values={"uscc": at}, body=body)
    return page.go(f"{visit.root}console/institutions/{at}?done=entry.save")


def show_project(page: Page, project_id: str) -> Reply:
    """Draw the form of a project, a new one for `new`; who may not write one has no such page."""
    if not page.may("PUT", PROJECT):
        raise error("forbidden")
    known = None if project_id == NEW else page.get(PROJECT, {"project_id": project_id})
    return page.draw(
        "entry_project",
        known.name if known is not None else page.say("新增项目", "A new project"),
        known=known,
        programs=page.get("/v1/programs", limit=20).items,
        value=_values(page),
        ticked=_ticked(page, known),
    )


def save_project(page: Page, project_id: str) -> Reply:
    """Send the form of a project, and go to the list."""
    visit = page.visit
    number = _Numbers(page)
    body: dict[str, Any] = {
        name: visit.typed(name).strip() for name in ("name", "occupation_code", "edition")
    }
    body |= {name: number.whole(name) for name in ("level", "hours")}
    body["fee_fen"] = number.fen("fee")
    body["programs"] = list(visit.fields.get("programs", ()))
    body |= number.given("version")
    number.check()
    at = visit.typed("project_id").strip() if project_id == NEW else project_id
    page.asker.ask("PUT", PROJECT, values={"project_id": at}, body=body)
    return page.go(f"{visit.root}console/institutions?done=entry.save")


class _Numbers:
    """Reads the numbers of a form, and tells of all that cannot be read at once."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._faults: list[Fault] = []

    def _read(self, name: str, how: Callable[[str], Any], form: str) -> Any:
        try:
            return how(self._page.visit.typed(name))
        except ValueError:
            self._faults.append(Fault("wrong_type", field=name, form=form))
            return 0

    def whole(self, name: str) -> Any:
        """Read a whole number."""
        return self._read(name, numbers.whole, "whole_number")

    def decimal(self, name: str) -> Any:
        """Read a decimal."""
        return self._read(name, numbers.decimal, "number")

    def fen(self, name: str) -> Any:
        """Read yuan."""
        return self._read(name, numbers.fen, "number")

    def given(self, name: str) -> dict[str, Any]:
        """Read a whole number that may be left out."""
        return {name: self.whole(name)} if self._page.visit.typed(name).strip() else {}

    def check(self) -> None:
        """Tell what could not be read.

        Raises:
            Malformed: something could not.

        """
        if self._faults:
            raise malformed(self._faults)


def _values(page: Page) -> Any:
    """Give a field as it was typed, else as it is known."""
    return lambda name, known="": page.visit.typed(name) if page.visit.fields else known


def _ticked(page: Page, known: Any) -> Any:
    """Tell whether one of several is ticked: as it was sent, else as it is known."""

    def is_ticked(name: str, value: str) -> bool:
        if page.visit.fields:
            return value in page.visit.fields.get(name, ())
        return known is not None and value in getattr(known, name)

    return is_ticked
