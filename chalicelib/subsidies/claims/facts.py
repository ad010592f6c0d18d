"""Holds that follow from facts: which they are, before anybody knows what holds are."""

from collections.abc import Iterable

DERIVED_HOLDS = frozenset({"attendance", "check"})
"""Kinds of holds that follow from facts: they have no record of their own, so their line is listed."""


def waits_for_facts(holds: Iterable[str]) -> bool:
    """Tell whether a line's holds follow from facts that somebody has to look into, or to put right."""
    return any(hold.partition(":")[0] in DERIVED_HOLDS for hold in holds)
