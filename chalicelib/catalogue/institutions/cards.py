"""Yellow and red cards: what an institution's card does, where a policy says that it does something.

Which card an institution has follows from what supervision found, so it is asked of that later step; where a
policy attaches nothing to cards, nobody is asked.
"""

from datetime import datetime

from chalicelib.kernel.ports import Port
from chalicelib.programs.model import Card, Policy

card_of_institution: Port[[str, Policy, datetime], Card | None] = Port("card_of_institution")
"""Asks supervision which card an institution has under a policy now."""


def may_open_no_class(uscc: str, policy: Policy, now: datetime) -> bool:
    """Tell whether an institution may file no new class, because it has the red card."""
    return policy.red_card_stops_classes and card_of_institution(uscc, policy, now) is Card.RED


def publicity_days(uscc: str, policy: Policy, now: datetime) -> int:
    """Give the working days of publicity of an institution's claims: more of one that has a card."""
    more = policy.card_publicity_extra_days
    longer = more > 0 and card_of_institution(uscc, policy, now) is not None
    return policy.publicity_working_days + (more if longer else 0)
