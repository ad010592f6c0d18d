"""Statements of a month: what each institution was paid and owes, to print or as a sheet."""

from typing import Any

from chalicelib.console.staff.rendering import Page
from chalicelib.edge.endpoints import Reply
from chalicelib.kernel.calendar import shanghai_date
from chalicelib.kernel.divisions import PROVINCE
from chalicelib.subsidies.budgets.model import budget_division


def show(page: Page) -> Reply:
    """Show the statement of a period, this month's by default."""
    asked = page.visit.parameters
    today = shanghai_date(page.visit.now)
    period = asked.get("period") or f"{today:%Y-%m}"
    picked = asked.get("division")
    division = picked if picked and picked != PROVINCE else _own_ledger(page)
    if division is None and not asked.get("institution"):
        return page.draw(
            "statements", page.say("对账单", "Statement"), statement=None, period=period, sheet=None
        )
    filters: dict[str, Any] = {
        "period": period,
        "division": division,
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


def _own_ledger(page: Page) -> str | None:
    """Give the division whose books are shown unless another is picked; None for who sees all books."""
    principal = page.session.principal
    assert principal is not None
    if principal.institution is not None:
        return budget_division(principal.division)
    return None if principal.division == PROVINCE else principal.division
