"""Lists over an area: a county is part of its city's list, the province is all cities in turn."""

from collections.abc import Callable, Sequence

from chalicelib.kernel.divisions import COUNTY_LEVEL, PROVINCE, parent_of
from chalicelib.kernel.paging import Item, Page, PageRequest
from chalicelib.subsidies.claims.model import budget_division

_CITIES = (PROVINCE, *sorted({code[:4] for code in COUNTY_LEVEL}))


def cities_of(area: str) -> tuple[Sequence[str], str | None]:
    """Give the cities whose lists hold an area's things, and the county to pick out, if it is one."""
    if area == PROVINCE:
        return _CITIES, None
    if parent_of(area) == PROVINCE and area in _CITIES:
        return (area,), None
    return (budget_division(area),), area


def page_over(
    cities: Sequence[str], request: PageRequest, read: Callable[[str, PageRequest], Page[Item]]
) -> Page[Item]:
    """Take one page of several cities' lists, one city after the other."""
    after = dict(request.after) if request.after is not None else None
    start = 0
    if after is not None and after.get("city") in cities:
        start = list(cities).index(after["city"])
        after = after.get("key")
    items: list[Item] = []
    for city in cities[start:]:
        page = read(city, PageRequest(limit=request.limit - len(items), after=after))
        after = None
        items += page.items
        if page.after is not None:
            return Page(items=items, after={"city": city, "key": dict(page.after)})
        if len(items) >= request.limit:
            following = list(cities).index(city) + 1
            more = {"city": cities[following], "key": None} if following < len(cities) else None
            return Page(items=items, after=more)
    return Page(items=items, after=None)
