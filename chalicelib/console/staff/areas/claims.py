"""Subsidy claims: lists by state, and one claim with its lines against their checks."""

from typing import Any, Final

from chalicelib.console.staff.rendering import Page
from chalicelib.edge.endpoints import Reply
from chalicelib.kernel.calendar import shanghai_date
from chalicelib.kernel.errors import DomainError
from chalicelib.subsidies.budgets.model import budget_division

PAGE_ROWS: Final = 50
_STATES: Final = (
    "submitted",
    "reviewed",
    "publicised",
    "payable",
    "batched",
    "paid",
    "returned",
    "rejected",
)
_DOCUMENT_TYPES: Final = {
    "pdf": "application/pdf",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "png": "image/png",
}
_BUDGET: Final = "/v1/budgets/{division}/{year}"
_RESERVED_FROM: Final = frozenset({"publicised", "payable", "batched", "paid"})


def show(page: Page) -> Reply:
    """Show the list or one claim."""
    claim_id = page.visit.values.get("id")
    if claim_id is None:
        return _list(page)
    claim = page.get("/v1/subsidy-claims/{claim_id}", {"claim_id": claim_id})
    values = {"class_id": claim.class_id}
    payability = page.get("/v1/classes/{class_id}/payability", values)
    checked = {line.enrolment_id: line for line in payability.lines}
    page.know([claim.institution])
    documents = page.get("/v1/subsidy-claims/{claim_id}/documents", {"claim_id": claim_id}, limit=100)
    return page.draw(
        "claim",
        claim.class_name,
        claim=claim,
        payability=payability,
        checked=checked,
        names_of_checks=list(dict.fromkeys(c.name for line in payability.lines for c in line.checks)),
        budget=_budget(page, claim),
        reserved=str(claim.status) in _RESERVED_FROM,
        documents=documents.items,
        lines_may_go={"review", "approve"} & set(claim.allowed_actions),
    )


def _list(page: Page) -> Reply:
    asked = page.visit.parameters
    listing = page.get(
        "/v1/subsidy-claims",
        status=asked.get("status"),
        division=asked.get("division"),
        cursor=asked.get("cursor"),
        limit=PAGE_ROWS,
    )
    page.know(item.institution for item in listing.items)
    return page.draw("claims", page.say("补贴申领", "Subsidy claims"), listing=listing, states=_STATES)


def _budget(page: Page, claim: Any) -> Any:
    """Give the budget that pays a claim, for who may see budgets; None if there is none yet."""
    if not page.may("GET", _BUDGET):
        return None
    values = {"division": budget_division(claim.division), "year": str(shanghai_date(page.visit.now).year)}
    try:
        return page.get(_BUDGET, values, program_id=claim.program_id)
    except DomainError:
        return None


def act(page: Page, do: str) -> Reply | None:
    """Announce a document, and give the page's script where to send it; None for what is something else."""
    if do != "document.announce":
        return None
    visit = page.visit
    claim_id = visit.values.get("id", "")
    body = {
        "kind": visit.typed("kind"),
        "content_type": _DOCUMENT_TYPES.get(visit.typed("filename").lower().rpartition(".")[2], ""),
        "size_bytes": int(visit.typed("size_bytes") or "0"),
        "sha256": visit.typed("sha256"),
    }
    path = "/v1/subsidy-claims/{claim_id}/documents"
    announced = page.asker.ask("POST", path, values={"claim_id": claim_id}, body=body)
    then = f"claims/{claim_id}"
    return page.draw("upload", page.say("上传", "Upload"), upload=announced.upload, then=then)
