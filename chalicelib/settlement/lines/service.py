"""Use cases of a line as finance sees it: read it, and tell what may be done with it now."""

import functools

from chalicelib.accounts import rights
from chalicelib.kernel.errors import DomainError
from chalicelib.kernel.principal import Context, Principal
from chalicelib.settlement.clawback import model as clawback
from chalicelib.settlement.corrections import model as corrections
from chalicelib.settlement.own_work import find_line, prepared
from chalicelib.subsidies.claims.dropping import allowed_on_line as allowed_before_payment
from chalicelib.subsidies.claims.model import Line, LineStatus


def read_line(context: Context, line_id: str) -> Line:
    """Read a claim line of the caller's area."""
    line = find_line(line_id)
    rights.require(context.principal, "claim_line.read", division=line.division, institution=line.institution)
    return line


def allowed_on_line(principal: Principal, line: Line) -> list[str]:
    """List what this caller may do with a line now; its claim is read only where that decides."""
    of_clawback, of_corrections = clawback.actions_on(line), corrections.actions_on(line)
    own_work = functools.cache(lambda: prepared(principal, line))

    def refusal(action: str) -> DomainError | None:
        if action in of_clawback:
            return clawback.why_not(action, line, principal.hands, own_work=own_work)
        return corrections.why_not(action, line, principal.hands, own_work=own_work)

    offered = rights.offered(principal, {**of_clawback, **of_corrections}, refusal, division=line.city)
    unpaid = line.status not in (LineStatus.PAID, LineStatus.REVERSED)
    return [*allowed_before_payment(principal, line), *offered] if unpaid else offered
