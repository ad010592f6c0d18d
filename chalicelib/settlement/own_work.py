"""Own work: who had a hand in a claim decides nothing about its money, in whatever role then (invariant 4).

A clerk who reviewed a class's claim and is a finance officer now does not export the batch its lines are in,
records no result of them, and neither confirms nor refuses that a payment of them is taken back.
"""

from collections.abc import Iterable

from chalicelib.accounts import rights
from chalicelib.kernel.ids import is_id
from chalicelib.kernel.principal import Context, Principal
from chalicelib.kernel.reasons import error
from chalicelib.subsidies.claims import store as claim_store
from chalicelib.subsidies.claims.model import Claim, Line, claim_of_line, has_hand_in


def claims_of_lines(line_ids: Iterable[str]) -> list[Claim]:
    """Read the claims of lines, a hundred a call."""
    return claim_store.find_claims(sorted({claim_of_line(line_id) for line_id in line_ids}))


def is_own_work(principal: Principal, claims: Iterable[Claim]) -> bool:
    """Tell whether somebody prepared or reviewed one of these claims."""
    return any(has_hand_in(claim, principal.hands) for claim in claims)


def prepared(principal: Principal, line: Line) -> bool:
    """Tell whether somebody prepared or reviewed a line's claim."""
    return is_own_work(principal, [claim_store.read_claim(claim_of_line(line.id))])


def paid_line(context: Context, line_id: str, right: str) -> Line:
    """Read a line whose money is of the caller's area: a county's lines were paid by its city.

    Raises:
        NotFound: there is none in the caller's area.

    """
    line = find_line(line_id)
    rights.require(context.principal, right, division=line.city)
    return line


def find_line(line_id: str) -> Line:
    """Read a line whoever may see it, or raise `NotFound`."""
    line = claim_store.find_line(line_id) if is_id(line_id, "lin") else None
    if line is None:
        raise error("not_found")
    return line
