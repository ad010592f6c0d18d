"""Inspections: drawing a sample, its subjects with what was found of each, and the sheet of whom to call."""

from collections.abc import Iterator
from typing import Any, Final

from chalicelib.console.staff.areas.cases import place_of
from chalicelib.console.staff.deciding import carry_out
from chalicelib.console.staff.naming import names_of
from chalicelib.console.staff.rendering import Page
from chalicelib.edge.endpoints import Reply

PAGE_ROWS: Final = 50
_INSPECTION: Final = "/v1/inspections/{inspection_id}"
_PHONES: Final = {"phones.masked": "false", "phones.opened": "true"}
"""Whether a sheet of phones shows them in full: who asks for that is recorded."""


def show(page: Page) -> Reply:
    """Show the list, or one sample."""
    inspection_id = page.visit.values.get("id")
    return _list(page) if inspection_id is None else _sample(page, inspection_id)


def act(page: Page, do: str) -> Reply | None:
    """Draw a sample and go to it, or make a sheet of phones; None for what is something else."""
    if do == "new.inspection":
        drawn = carry_out(page.asker, page.visit)
        return page.go(f"{page.visit.root}console/inspections/{drawn.id}?done={do}")
    if do in _PHONES:
        values = {"inspection_id": page.visit.values.get("id", "")}
        page.result = page.get(f"{_INSPECTION}/phones", values, opened=_PHONES[do])
        return show(page)
    return None


def _list(page: Page) -> Reply:
    assert page.session.principal is not None
    asked = page.visit.parameters
    division = asked.get("division") or page.session.principal.division
    listing = page.get("/v1/inspections", division=division, cursor=asked.get("cursor"), limit=PAGE_ROWS)
    return page.draw("inspections", page.say("抽查", "Inspections"), listing=listing, division=division)


def _sample(page: Page, inspection_id: str) -> Reply:
    sample = page.get(_INSPECTION, {"inspection_id": inspection_id})
    page.know(item.institution for item in sample.items)
    entered = sum(item.entry is not None for item in sample.items)
    return page.draw(
        "inspection",
        page.say("抽查样本", "Sample"),
        sample=sample,
        entered=entered,
        place=_place,
        named=names_of(page, [*(item.lesson or item.subject for item in sample.items), *_others(sample)]),
        sheet=page.result,
    )


def _others(sample: Any) -> Iterator[str | None]:
    """Name what stands beside the subjects: their classes, and who entered what was found."""
    for item in sample.items:
        yield item.class_id
        if item.entry is not None:
            yield item.entry.entered_by
            yield from (earlier.entered_by for earlier in item.entry.earlier)


def _place(item: Any) -> str:
    """Give the page of a subject: a lesson's, an enrolment's, or the class's lesson that is to be watched."""
    if item.lesson:
        return f"console/classes/{item.class_id}/{item.lesson}"
    return place_of(item.subject)
