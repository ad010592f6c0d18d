"""Lists as tables: rows of cells, what may be decided on each, filters in the address, forms beside them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from chalicelib.console import words
from chalicelib.console.staff.rendering import DrawnForm, Page
from chalicelib.console.words import Pair
from chalicelib.edge.endpoints import Reply


@dataclass(frozen=True)
class Cell:
    """One cell: its text, and where it leads, how it is coloured, what stands small below it."""

    text: Any
    href: str = ""
    pill: str = ""
    number: bool = False
    small: str = ""


@dataclass(frozen=True)
class Row:
    """One thing of a list, and what the API offers to do with it."""

    cells: Sequence[Cell]
    name: str = ""
    kind: str = ""
    id: str = ""
    actions: Sequence[str] = ()
    version: int | None = None
    status: str = ""
    machine: str = ""
    at: Mapping[str, str] = field(default_factory=dict)
    echo: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Filter:
    """One filter of a list: its parameter, and what may be chosen."""

    name: str
    choices: Sequence[tuple[str, str]]
    default: str = ""
    """What is shown where nothing is chosen, if that is not everything."""


def draw_table(
    page: Page,
    title: Pair,
    *,
    head: Sequence[Pair],
    listing: Any,
    row: Callable[[Any], Row],
    filters: Sequence[Filter] = (),
    forms: Sequence[tuple[Pair, DrawnForm, str]] = (),
    intro: Pair = ("", ""),
    template: str = "table",
    divided: bool = False,
    **facts: Any,
) -> Reply:
    """Draw a list; `divided` if it can be narrowed to a part of the caller's area."""
    return page.draw(
        template,
        page.say(*title),
        head=[page.say(*label) for label in head],
        listing=listing,
        rows=[row(item) for item in listing.items],
        filters=filters,
        forms=[(page.say(*heading), form, name) for heading, form, name in forms],
        intro=page.say(*intro),
        divided=divided,
        **facts,
    )


def status_cell(page: Page, machine: str, status: Any) -> Cell:
    """Say a status, coloured."""
    return Cell(words.status(machine, str(status), english=page.english), pill=words.tone(str(status)))


def states(page: Page, machine: str, names: Sequence[str]) -> list[tuple[str, str]]:
    """Give states to filter by, with their words."""
    return [(name, words.status(machine, name, english=page.english)) for name in names]
