"""Pages of a list: one call each, whatever is picked out of it and however long it is.

The store applies a filter to what it has read. PynamoDB would read on until a page is full: where few of
100,000 closed things fit, that is the whole list. Here a page reads once, at most `EVALUATED_MAX` rows, and
may be short; its `after` goes on behind the last row that was looked at.
"""

from collections.abc import Mapping
from typing import Any, Final

from chalicelib.aws.table import Table
from chalicelib.kernel.paging import Page, PageRequest

EVALUATED_MAX: Final = 500
"""Rows that a page looks at where something is picked out: less than the megabyte of one answer."""


def page_of_list(
    table: type[Table[Any]],
    index: Any,
    name: str,
    *,
    request: PageRequest,
    between: Any = None,
    picked: Any = None,
    newest_first: bool = False,
) -> Page[Any]:
    """Read a page of the list of this name in an index: of a part of its order, with a filter."""
    page = raw_page_of_list(
        index, name, request=request, between=between, picked=picked, newest_first=newest_first
    )
    return page.map(table.record_of)


def raw_page_of_list(
    index: Any,
    name: str,
    *,
    request: PageRequest,
    between: Any = None,
    picked: Any = None,
    newest_first: bool = False,
) -> Page[Mapping[str, Any]]:
    """Read a page of a list as its rows are stored: for whom one that nobody can read must not stop."""
    rows = index.query(
        name,
        between,
        filter_condition=picked,
        page_size=request.limit if picked is None else EVALUATED_MAX,
        last_evaluated_key=request.after,
        scan_index_forward=not newest_first,
    )
    answer = next(rows.page_iter)
    found = answer["Items"]
    shown, after = found[: request.limit], rows.page_iter.last_evaluated_key
    if len(found) > len(shown):
        after = {part: shown[-1][part] for part in rows.page_iter.key_names}
    return Page(items=shown, after=after)


AS_MUCH_AS_COMES: Final = PageRequest(limit=10_000)
"""For who needs all of a list that is short as a rule, and is told where it is not."""
