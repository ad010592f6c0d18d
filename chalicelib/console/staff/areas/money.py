"""Money: the budget of the division, payment batches, and one batch with its file and the bank's results."""

from typing import Any, Final

from chalicelib.console.staff.actions import ACTS
from chalicelib.console.staff.rendering import Page
from chalicelib.edge.endpoints import Reply
from chalicelib.edge.pages import Visit
from chalicelib.kernel.calendar import shanghai_date
from chalicelib.kernel.divisions import PROVINCE
from chalicelib.kernel.errors import DomainError
from chalicelib.kernel.ids import is_id
from chalicelib.settlement.batches.store import want_batches
from chalicelib.subsidies.budgets.model import budget_division

PAGE_ROWS: Final = 50
SHOWN_ONCE: Final = frozenset({"settlement_batch.export"})
"""What gives something that is shown at once: the page is drawn, not gone to."""
_BUDGET: Final = "/v1/budgets/{division}/{year}"
_BATCH: Final = "/v1/settlement-batches/{batch_id}"


def ahead(visit: Visit) -> None:
    """Have a batch come along."""
    if is_id(visit.values.get("id", ""), "bat"):
        want_batches([visit.values["id"]])


def show(page: Page) -> Reply:
    """Show budget and batches, or one batch."""
    batch_id = page.visit.values.get("id")
    if batch_id is None:
        return _overview(page)
    values = {"batch_id": batch_id}
    batch = page.get(_BATCH, values)
    page.know(line.institution for line in batch.lines)
    refused = page.get(f"{_BATCH}/results", values, outcome="refused", limit=100)
    return page.draw(
        "batch",
        page.say(f"结算批次 {batch.number}", f"Payment batch {batch.number}"),
        batch=batch,
        refused=refused.items,
        acts=ACTS["settlement_batch"],
        export=page.result,
    )


def _overview(page: Page) -> Reply:
    assert page.session.principal is not None
    division = page.visit.parameters.get("division") or page.session.principal.division
    programs = page.get("/v1/programs", limit=20).items
    chosen = page.visit.parameters.get("program") or (programs[0].id if programs else "")
    year = page.visit.parameters.get("year") or str(shanghai_date(page.visit.now).year)
    flagged = _flagged(page, division)
    page.know(line.institution for line in flagged)
    return page.draw(
        "money",
        page.say("资金", "Money"),
        programs=programs,
        chosen=chosen,
        year=year,
        division=budget_division(division),
        budget=_budget(page, budget_division(division), year, chosen),
        batches=page.get(
            "/v1/settlement-batches",
            division=division,
            cursor=page.visit.parameters.get("cursor"),
            limit=PAGE_ROWS,
        ),
        flagged=flagged,
        of_all=division == PROVINCE,
    )


def _flagged(page: Page, division: str) -> list[Any]:
    """Give the lines of one city that somebody has to look at; who looks after all of them picks one."""
    if division == PROVINCE:
        return []
    lines = page.get("/v1/claim-lines", flag="late_ineligibility", division=division, limit=20)
    return list(lines.items)


def _budget(page: Page, division: str, year: str, program_id: str) -> Any:
    """Give the budget; None where none was entered yet."""
    try:
        return page.get(_BUDGET, {"division": division, "year": year}, program_id=program_id)
    except DomainError:
        return None
