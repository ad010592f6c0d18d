"""Whose budget pays for an area: a county is part of its city's lists, the province is all cities in turn."""

from collections.abc import Sequence

from chalicelib.kernel.divisions import COUNTY_LEVEL, PROVINCE, parent_of
from chalicelib.subsidies.budgets.model import budget_division

_CITIES = (PROVINCE, *sorted({code[:4] for code in COUNTY_LEVEL}))


def cities_of(area: str) -> tuple[Sequence[str], str | None]:
    """Give the cities whose lists hold an area's things, and the county to pick out, if it is one."""
    if area == PROVINCE:
        return _CITIES, None
    if parent_of(area) == PROVINCE and area in _CITIES:
        return (area,), None
    return (budget_division(area),), area
