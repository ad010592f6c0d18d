"""Messages to the national platform that did not get through."""

from dataclasses import replace
from typing import Any

import msgspec

from chalicelib.console.events import event_name
from chalicelib.console.staff.rendering import Page
from chalicelib.console.staff.tables import Cell, Filter, Row, draw_table, states, status_cell
from chalicelib.edge.endpoints import Reply

_PATH = "/v1/exchange/deliveries"


def show(page: Page) -> Reply:
    """Show the deliveries in a state, the refused ones by default.

    Who comes for one `message` sees it first, above the others of its state, and on no later page again. The
    state it was in then goes along to these: a message that moves meanwhile would lead into another list.
    """
    asked = page.visit.parameters
    wanted = None
    if asked.get("message"):
        wanted = page.get(_PATH + "/{message_id}", {"message_id": asked["message"]})
    usual = str(wanted.state) if wanted is not None else "refused"
    state = asked.get("state") or usual
    listing = page.get(_PATH, state=state, cursor=asked.get("cursor"), limit=50)
    if wanted is not None:
        page.visit = replace(page.visit, parameters={**asked, "state": state})
        others = [item for item in listing.items if item.message_id != wanted.message_id]
        first = [wanted] if str(wanted.state) == state and not asked.get("cursor") else []
        listing = msgspec.structs.replace(listing, items=[*first, *others])

    def row(item: Any) -> Row:
        return Row(
            cells=[
                Cell(event_name(item.event, english=page.english), small=item.subject),
                Cell(page.moment(item.occurred_at)),
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
        filters=[
            Filter(
                "state",
                states(
                    page,
                    "delivery",
                    ["refused", "dead", "waiting", "pending", "sent", "acknowledged", "passed", "missing"],
                ),
                default=usual,
            )
        ],
    )
