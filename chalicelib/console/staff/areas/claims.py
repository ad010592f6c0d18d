"""Subsidy claims: lists by state, and one claim with its lines against their checks."""

from typing import Any, Final

from chalicelib.catalogue.institutions.store import want_with_payees
from chalicelib.catalogue.payees.store import want_accounts
from chalicelib.classes.store import find_parts, want_class
from chalicelib.console.staff import numbers
from chalicelib.console.staff.rendering import Page
from chalicelib.edge.endpoints import Reply
from chalicelib.edge.pages import Visit
from chalicelib.enrolments.store import want_enrolments
from chalicelib.kernel.calendar import shanghai_date
from chalicelib.kernel.errors import DomainError
from chalicelib.kernel.ids import PersonKey, is_id, sibling_id
from chalicelib.kernel.reasons import error
from chalicelib.subsidies.budgets.model import budget_division
from chalicelib.subsidies.budgets.store import want_budget
from chalicelib.subsidies.claims.store import claims_read_before, want_claims
from chalicelib.subsidies.register.store import want_registers

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


def ahead(visit: Visit) -> None:
    """Have a claim and its class come along."""
    claim_id = visit.values.get("id", "")
    if is_id(claim_id, "clm"):
        want_claims([claim_id])
        want_class(sibling_id("cls", claim_id))


def show(page: Page) -> Reply:
    """Show the list, one claim, or its documents."""
    claim_id = page.visit.values.get("id")
    if claim_id is None:
        return _list(page)
    match page.visit.values.get("part"):
        case None:
            return _claim(page, claim_id)
        case "documents":
            return _documents(page, claim_id)
        case _:
            raise error("not_found")


def _documents(page: Page, claim_id: str) -> Reply:
    values = {"claim_id": claim_id}
    claim = page.get("/v1/subsidy-claims/{claim_id}", values)
    documents = page.get("/v1/subsidy-claims/{claim_id}/documents", values, limit=100)
    page.know([claim.institution])
    return page.draw(
        "claim_documents", claim.class_name, claim=claim, documents=documents.items, part="documents"
    )


def _claim(page: Page, claim_id: str) -> Reply:
    _want(page, claim_id)
    claim = page.get("/v1/subsidy-claims/{claim_id}", {"claim_id": claim_id})
    values = {"class_id": claim.class_id}
    payability = page.get("/v1/classes/{class_id}/payability", values, others="approved")
    checked = {line.enrolment_id: line for line in payability.lines}
    page.know([claim.institution])
    return page.draw(
        "claim",
        claim.class_name,
        claim=claim,
        payability=payability,
        checked=checked,
        names_of_checks=list(dict.fromkeys(c.name for line in payability.lines for c in line.checks)),
        budget=_budget(page, claim),
        reserved=str(claim.status) in _RESERVED_FROM,
        part="claim",
        dropped={picked.partition("|")[0] for picked in page.visit.fields.get("drop", ())},
        lines_may_go={"review", "approve"} & set(claim.allowed_actions),
    )


def _want(page: Page, claim_id: str) -> None:
    """Have what a claim and its class name come along: both came with the account.

    Whoever asks may see them, or is refused by the endpoints.
    """
    for known in claims_read_before([claim_id]):
        parts = find_parts(known.class_id)
        if parts is not None:
            want_enrolments(parts.roster.values())
            want_registers([PersonKey(person) for person in parts.roster])
        want_with_payees([known.institution])
        if known.payee_id is not None:
            want_accounts([(known.institution, known.payee_id)])
        if page.may("GET", _BUDGET):
            year = shanghai_date(page.visit.now).year
            want_budget(budget_division(known.division), year, known.program_id)


def _list(page: Page) -> Reply:
    asked = page.visit.parameters
    listing = page.get(
        "/v1/subsidy-claims",
        status=asked.get("status"),
        division=asked.get("division"),
        institution=asked.get("institution"),
        cursor=asked.get("cursor"),
        limit=PAGE_ROWS,
    )
    page.know([asked.get("institution"), *(item.institution for item in listing.items)])
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
        "size_bytes": numbers.as_sent(visit.typed("size_bytes")),
        "sha256": visit.typed("sha256"),
    }
    path = "/v1/subsidy-claims/{claim_id}/documents"
    announced = page.asker.ask("POST", path, values={"claim_id": claim_id}, body=body)
    then = f"claims/{claim_id}/documents"
    return page.draw("upload", page.say("上传", "Upload"), upload=announced.upload, then=then)
