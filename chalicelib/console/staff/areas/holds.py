"""Holds: what is not paid for now, why, since when, and who can lift it; stopping a payment."""

from collections.abc import Mapping
from typing import Any

from chalicelib.console import words
from chalicelib.console.staff.areas.cases import place_of
from chalicelib.console.staff.naming import names_of
from chalicelib.console.staff.rendering import Page
from chalicelib.console.staff.tables import Cell, Filter, Row, draw_table, states, status_cell
from chalicelib.edge.endpoints import Reply


def show(page: Page) -> Reply:
    """Show the holds of the area."""
    asked = page.visit.parameters
    listing = page.get(
        "/v1/holds",
        status=asked.get("status"),
        division=asked.get("division"),
        institution=asked.get("institution"),
        cursor=asked.get("cursor"),
        limit=50,
    )
    page.know(item.institution for item in listing.items)
    named = names_of(page, (item.subject.id for item in listing.items))

    def row(item: Any) -> Row:
        who = "、".join(words.word(words.ROLES, str(role), english=page.english) for role in item.lifted_by)
        return Row(
            cells=[
                Cell(
                    words.word(words.HOLDS, item.code.partition(":")[0], english=page.english),
                    small=item.reason,
                ),
                Cell(
                    _subject(page, item, named),
                    href=place_of(item.subject.id),
                    small=words.word(words.SUBJECTS, str(item.subject.kind), english=page.english),
                ),
                Cell(page.institution(item.institution)),
                Cell(page.day(item.since)),
                Cell(who),
                status_cell(page, "hold", item.status),
            ],
            name=page.institution(item.institution),
            kind="hold",
            id=item.id,
            actions=item.allowed_actions,
            version=item.version,
            status=str(item.status),
            machine="hold",
        )

    form = page.form_for("hold")
    stop = [(("暂缓支付", "Stop a payment"), form, "")] if page.may("POST", "/v1/holds") else []
    return draw_table(
        page,
        ("暂缓支付", "Holds"),
        head=[
            ("事由", "Why"),
            ("对象", "Of what"),
            ("机构", "Institution"),
            ("自", "Since"),
            ("可解除", "Lifted by"),
            ("状态", "State"),
        ],
        listing=listing,
        row=row,
        divided=True,
        filters=[Filter("status", states(page, "hold", ["open", "released"]))],
        forms=stop,
    )


def _subject(page: Page, item: Any, named: Mapping[str, str]) -> str:
    """Say what a hold is on by its name."""
    is_institution = item.subject.id == item.institution
    return page.institution(item.institution) if is_institution else named[item.subject.id]
