"""Use cases of subsidy claims: who may read which, and what a caller may do with one."""

from chalicelib.accounts import rights
from chalicelib.catalogue.institutions.store import want_with_payees
from chalicelib.enrolments.store import want_enrolments
from chalicelib.kernel.calendar import shanghai_date
from chalicelib.kernel.divisions import covers
from chalicelib.kernel.errors import DomainError
from chalicelib.kernel.ids import is_id
from chalicelib.kernel.paging import Page, PageRequest, page_over
from chalicelib.kernel.principal import Context, Role
from chalicelib.kernel.reasons import error
from chalicelib.subsidies.areas import cities_of
from chalicelib.subsidies.claims import store
from chalicelib.subsidies.claims.model import (
    Claim,
    Line,
    why_not,
    why_not_again,
    why_not_withdraw_approval,
)
from chalicelib.subsidies.claims.states import ClaimStatus
from chalicelib.vouchers.store import want_vouchers

_ACTIONS = {
    action: f"subsidy_claim.{action}"
    for action in ("submit", "review", "approve", "withdraw_approval", "return", "reject")
}


def read_claim(context: Context, claim_id: str, action: str = "subsidy_claim.read") -> Claim:
    """Read a claim of the caller's area or institution."""
    claim = store.find_claim(claim_id) if is_id(claim_id, "clm") else None
    if claim is None:
        raise error("not_found")
    rights.require(context.principal, action, division=claim.division, institution=claim.institution)
    return claim


def lines_of(claim: Claim) -> list[Line]:
    """Read a claim's lines; a page of it asks for their people's rows next."""
    want_with_payees([claim.institution])
    lines = store.find_lines(claim.line_ids)
    want_enrolments(line.enrolment_id for line in lines)
    want_vouchers(line.voucher_id for line in lines)
    return lines


def list_claims(
    context: Context,
    request: PageRequest,
    *,
    division: str | None,
    status: ClaimStatus | None,
    institution: str | None = None,
) -> Page[Claim]:
    """List claims, newest first: an institution its own, a bureau those of its area or a part of it.

    Of one `institution` a bureau sees those claims that lie in its area.
    """
    principal = context.principal
    today = shanghai_date(context.now)
    rights.admit(principal, "subsidy_claim.read")
    if principal.role is Role.INSTITUTION:
        if principal.institution is None:
            raise error("not_found")
        page = store.claims_of(principal.institution, request, status=status, today=today)
        if division is None:
            return page
        return Page(
            items=[claim for claim in page.items if claim.division.startswith(division)], after=page.after
        )
    area = division or principal.division
    rights.require(principal, "subsidy_claim.read", division=area)
    if institution is not None:
        page = store.claims_of(institution, request, status=status, today=today)
        return Page([claim for claim in page.items if covers(area, claim.division)], page.after)
    cities, county = cities_of(area)
    return page_over(
        cities,
        request,
        lambda city, part: store.claims_in(city, part, division=county, status=status, today=today),
    )


def allowed_actions(context: Context, claim: Claim) -> list[str]:
    """List what this caller may do with a claim now."""
    principal, today = context.principal, shanghai_date(context.now)

    def refusal(action: str) -> DomainError | None:
        if action == "withdraw_approval":
            return why_not_withdraw_approval(claim, principal.own, today=today)
        stands = why_not(action, claim, principal.hands)
        return why_not_again(claim, today) if stands is None and action == "submit" else stands

    return rights.offered(
        principal, _ACTIONS, refusal, division=claim.division, institution=claim.institution
    )
