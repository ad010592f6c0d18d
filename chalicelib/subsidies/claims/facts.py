"""Holds that follow from facts: which they are, before anybody knows what holds are."""

from collections.abc import Iterable

from chalicelib.subsidies.claims.model import Line, waits_for_finance
from chalicelib.subsidies.claims.states import LineStatus

DERIVED_HOLDS = frozenset({"attendance", "check"})
"""Kinds of holds that follow from facts: they have no record of their own, so their line is listed."""


def waits_for_facts(holds: Iterable[str]) -> bool:
    """Tell whether a line's holds follow from facts that somebody has to look into, or to put right."""
    return any(hold.partition(":")[0] in DERIVED_HOLDS for hold in holds)


def is_barred(line: Line) -> bool:
    """Tell whether facts hold a line that would be paid again: its failed payment was released, or taken out.

    No finance officer can do anything then: it waits for a reviewer, who takes it out, and a supervisor.
    """
    failed = line.status is LineStatus.PAYMENT_FAILED
    return failed and waits_for_facts(line.holds) and not waits_for_finance(line)
