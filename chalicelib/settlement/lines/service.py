"""Use cases of a line as finance sees it: read it, and tell what may be done with it now."""

import functools

from chalicelib.accounts import rights
from chalicelib.kernel.errors import DomainError
from chalicelib.kernel.paging import Page, PageRequest, page_over
from chalicelib.kernel.principal import Context, Principal
from chalicelib.settlement.clawback import model as clawback
from chalicelib.settlement.corrections import model as corrections
from chalicelib.settlement.own_work import find_line, prepared
from chalicelib.subsidies.areas import cities_of
from chalicelib.subsidies.claims import store as claim_store
from chalicelib.subsidies.claims.dropping import allowed_on_line as allowed_before_payment
from chalicelib.subsidies.claims.model import Line, LineFlag
from chalicelib.subsidies.claims.states import LineStatus


def read_line(context: Context, line_id: str) -> Line:
    """Read a claim line of the caller's area."""
    line = find_line(line_id)
    rights.require(context.principal, "claim_line.read", division=line.division, institution=line.institution)
    return line


def list_flagged(
    context: Context, request: PageRequest, flag: LineFlag, *, division: str | None
) -> Page[Line]:
    """List the lines of an area that somebody has to look at, until their payment is taken back."""
    area = division or context.principal.division
    rights.require(context.principal, "claim_line.read_flagged", division=area)
    cities, county = cities_of(area)

    def read(city: str, part: PageRequest) -> Page[Line]:
        page = claim_store.lines_flagged(flag, city, part)
        listed = [line for line in page.items if _is_listed(line, county)]
        return Page(items=listed, after=page.after)

    return page_over(cities, request, read)


def _is_listed(line: Line, county: str | None) -> bool:
    proposed = clawback.proposed_clawback(line)
    return proposed not in (None, clawback.ProposedClawback.DONE) and county in (None, line.division)


def allowed_on_line(principal: Principal, line: Line) -> list[str]:
    """List what this caller may do with a line now; its claim is read only where that decides."""
    of_clawback, of_corrections = clawback.actions_on(line), corrections.actions_on(line)
    own_work = functools.cache(lambda: prepared(principal, line))

    def refusal(action: str) -> DomainError | None:
        if action in of_clawback:
            return clawback.why_not(action, line, principal, own_work=own_work)
        return corrections.why_not(action, line, principal, own_work=own_work)

    offered = rights.offered(principal, {**of_clawback, **of_corrections}, refusal, division=line.city)
    unpaid = line.status not in (LineStatus.PAID, LineStatus.REVERSED)
    return [*allowed_before_payment(principal, line), *offered] if unpaid else offered
