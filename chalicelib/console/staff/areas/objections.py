"""Objections to publicised claims, and what is decided on them."""

from typing import Any

from chalicelib.console.staff.rendering import Page
from chalicelib.console.staff.tables import Cell, Filter, Row, draw_table, states, status_cell
from chalicelib.edge.endpoints import Reply


def show(page: Page) -> Reply:
    """Show the objections of the area."""
    asked = page.visit.parameters
    listing = page.get(
        "/v1/objections",
        status=asked.get("status"),
        claim=asked.get("claim"),
        division=asked.get("division"),
        cursor=asked.get("cursor"),
        limit=50,
    )

    def row(item: Any) -> Row:
        return Row(
            cells=[
                Cell(item.reason, small=item.contact or ""),
                Cell(page.say("看申领", "The claim"), href=f"console/claims/{item.claim_id}"),
                Cell(page.day(item.created_at), small=item.id),
                status_cell(page, "objection", item.status),
                Cell(item.resolution or ""),
            ],
            name=item.reason[:20],
            kind="objection",
            id=item.id,
            actions=item.allowed_actions,
            version=item.version,
            status=str(item.status),
            machine="objection",
        )

    return draw_table(
        page,
        ("公示异议", "Objections"),
        head=[
            ("异议", "Objection"),
            ("申领", "Claim"),
            ("提出日与编号", "Filed on, number"),
            ("状态", "State"),
            ("处理说明", "Resolution"),
        ],
        listing=listing,
        row=row,
        divided=True,
        filters=[Filter("status", states(page, "objection", ["open", "upheld", "dismissed"]))],
    )
