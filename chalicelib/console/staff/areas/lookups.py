"""Lookups: who looked whom up by ID number on a day in one's area, and why; or who looked at one person.

The list of a day is a city's (`lookups_on`): who looks after the province picks one.
"""

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any, Final

from chalicelib.accounts.store import find_accounts
from chalicelib.console import words
from chalicelib.console.staff.rendering import Page
from chalicelib.console.staff.tables import Cell, Filter, Row, draw_table
from chalicelib.edge.endpoints import Listing, Reply
from chalicelib.edge.forms import malformed
from chalicelib.enrolments.lookups.model import lookups_on
from chalicelib.kernel.calendar import shanghai_date
from chalicelib.kernel.divisions import PROVINCE, groups_below, is_known
from chalicelib.kernel.errors import Fault, NotFound
from chalicelib.kernel.ids import is_id

PAGE_ROWS: Final = 50
_AUDIT: Final = "/v1/audit"
_LOOKED: Final = frozenset({"person.find", "personal_data.open"})
"""What leaves a record of somebody who looked at a person."""


def show(page: Page) -> Reply:
    """Show a day's lookups, of one officer if asked for; or, by its key, who looked at a person."""
    asked = page.visit.parameters
    named = asked.get("person") or ""
    person = named if is_id(named, "prs") else ""
    day, division = _day_of(page), _division_of(page)
    subject = person or lookups_on(day, division)
    listing = _read(page, subject)
    names = _names_of(item.actor for item in listing.items)

    def row(item: Any) -> Row:
        found = item.after.get("person") or ""
        return Row(
            cells=[
                Cell(page.moment(item.at)),
                Cell(
                    names.get(item.actor, item.actor),
                    href=f"console/lookups?{_within(page, day, division)}&actor={item.actor}",
                    small=words.word(words.ROLES, item.role, english=page.english),
                ),
                Cell(words.division(str(item.after.get("division") or ""))),
                Cell(*_whom(page, person, found)),
                Cell(item.reason or ""),
            ],
        )

    wide = page.session.principal is not None and page.session.principal.division == PROVINCE
    return draw_table(
        page,
        ("查人记录", "Lookups"),
        head=[
            ("时间", "When"),
            ("查询人", "Who looked"),
            ("区划", "Division"),
            ("查到", "Whom"),
            ("用途", "What for"),
        ],
        listing=listing,
        row=row,
        filters=[_cities(division)] if wide and not person else [],
        template="lookups",
        day=day,
        days=[day - timedelta(days=1), day + timedelta(days=1)],
        today=shanghai_date(page.visit.now),
        person=person,
        actor=names.get(asked.get("actor") or "", asked.get("actor") or ""),
    )


def _read(page: Page, subject: str) -> Listing[Any]:
    """Read the records; where there are none, the audit knows of nothing, and neither does the page."""
    asked = page.visit.parameters
    try:
        listing: Listing[Any] = page.get(
            _AUDIT, subject=subject, actor=asked.get("actor"), cursor=asked.get("cursor"), limit=PAGE_ROWS
        )
    except NotFound:
        return Listing(items=[], next=None)
    return Listing(items=[item for item in listing.items if item.action in _LOOKED], next=listing.next)


def _day_of(page: Page) -> date:
    today = shanghai_date(page.visit.now)
    typed = page.visit.parameters.get("day")
    try:
        return date.fromisoformat(typed) if typed else today
    except ValueError:
        raise malformed([Fault("wrong_type", field="day")]) from None


def _division_of(page: Page) -> str:
    """Give whose list is shown: the one asked for, else the caller's own."""
    principal = page.session.principal
    asked = page.visit.parameters.get("division")
    if asked and not is_known(asked):
        raise malformed([Fault("unknown_division", field="division")])
    return asked or (principal.division if principal is not None else PROVINCE)


def _cities(division: str) -> Filter:
    return Filter("division", [(code, words.division(code)) for code in groups_below(PROVINCE)], division)


def _within(page: Page, day: date, division: str) -> str:
    return f"day={day.isoformat()}" + (
        f"&division={division}" if page.visit.parameters.get("division") else ""
    )


def _whom(page: Page, person: str, found: str) -> tuple[str, str]:
    if person:
        return "", ""
    return (found, f"console/lookups?person={found}") if found else (page.say("未查到", "Nobody"), "")


def _names_of(actors: Iterable[str]) -> dict[str, str]:
    """Read the names of accounts, in one call; what is none keeps its id."""
    wanted = sorted(set(actors))
    return {account.id: account.account for account in find_accounts(wanted)} if wanted else {}
