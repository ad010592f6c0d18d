"""Messages to the national platform that did not get through."""

from typing import Any

from chalicelib.console.staff.rendering import Page
from chalicelib.console.staff.tables import Cell, Filter, Row, draw_table, states, status_cell
from chalicelib.edge.endpoints import Reply
from chalicelib.kernel.calendar import SHANGHAI


def show(page: Page) -> Reply:
    """Show the deliveries in a state, the refused ones by default."""
    asked = page.visit.parameters
    listing = page.get(
        "/v1/exchange/deliveries",
        state=asked.get("state") or "refused",
        cursor=asked.get("cursor"),
        limit=50,
    )

    def row(item: Any) -> Row:
        return Row(
            cells=[
                Cell(item.event, small=item.subject),
                Cell(f"{item.occurred_at.astimezone(SHANGHAI):%Y-%m-%d %H:%M}"),
                Cell(item.attempts, number=True),
                status_cell(page, "delivery", item.state),
                Cell(item.failure or ""),
            ],
            name=item.message_id,
            kind="delivery",
            id=item.message_id,
            actions=item.allowed_actions,
            at={"message_id": item.message_id},
        )

    return draw_table(
        page,
        ("数据回流", "Deliveries"),
        head=[
            ("事件", "Event"),
            ("时间", "When"),
            ("次数", "Attempts"),
            ("状态", "State"),
            ("原因", "Why"),
        ],
        listing=listing,
        row=row,
        filters=[Filter("state", states(page, "delivery", ["pending", "refused", "dead", "acknowledged"]))],
    )
