"""Own work: who had a hand in a claim decides nothing about its money, in whatever role then (invariant 4).

A clerk who reviewed a class's claim and is a finance officer now does not export the batch its lines are in,
records no result of them, and neither confirms nor refuses that a payment of them is taken back.
"""

from collections.abc import Iterable

from chalicelib.kernel.principal import Principal
from chalicelib.subsidies.claims import store as claim_store
from chalicelib.subsidies.claims.model import Claim, claim_of_line, has_hand_in


def claims_of_lines(line_ids: Iterable[str]) -> list[Claim]:
    """Read the claims of lines, a hundred a call."""
    return claim_store.find_claims(sorted({claim_of_line(line_id) for line_id in line_ids}))


def is_own_work(principal: Principal, claims: Iterable[Claim]) -> bool:
    """Tell whether somebody prepared or reviewed one of these claims."""
    return any(has_hand_in(claim, principal.hands) for claim in claims)
