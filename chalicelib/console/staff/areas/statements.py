"""Statements of a month: what each institution was paid and owes, to print or as a sheet."""

from typing import Any

from chalicelib.console.staff.rendering import Page
from chalicelib.edge.endpoints import Reply
from chalicelib.kernel.calendar import shanghai_date


def show(page: Page) -> Reply:
    """Show the statement of a period, this month's by default."""
    asked = page.visit.parameters
    today = shanghai_date(page.visit.now)
    period = asked.get("period") or f"{today:%Y-%m}"
    filters: dict[str, Any] = {
        "period": period,
        "division": asked.get("division"),
        "institution": asked.get("institution"),
    }
    statement = page.get("/v1/statements", **filters)
    sheet = page.get("/v1/statements", **filters, format="xlsx") if asked.get("sheet") else None
    return page.draw(
        "statements",
        page.say("对账单", "Statement"),
        statement=statement,
        period=period,
        sheet=sheet,
    )
