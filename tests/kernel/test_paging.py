"""Pages over several lists: a caller of the API gets a full page, people who wait a brief one that goes on."""

from dataclasses import replace
from typing import Any

from chalicelib.kernel.paging import LISTS_A_PAGE, Page, PageRequest, page_over

NAMES = [f"list {number:02d}" for number in range(18)]
THINGS = {name: [] for name in NAMES} | {NAMES[9]: ["a"], NAMES[17]: ["b", "c"]}


def read_all(request: PageRequest) -> tuple[list[list[str]], list[int]]:
    """Go on page by page; gives what each page had, and how many lists it asked for."""
    asked: list[str] = []

    def read(name: str, part: PageRequest) -> Page[str]:
        asked.append(name)
        begin = (part.after or {"at": 0})["at"]
        items = THINGS[name][begin : begin + part.limit]
        after: dict[str, Any] | None = {"at": begin + len(items)}
        return Page(items, after if begin + len(items) < len(THINGS[name]) else None)

    pages, counts = [], []
    while True:
        before = len(asked)
        page = page_over(NAMES, request, read)
        pages.append(list(page.items))
        counts.append(len(asked) - before)
        if page.after is None:
            return pages, counts
        request = replace(request, after=page.after)


def test_a_caller_of_the_api_gets_what_there_is_in_one_page() -> None:
    assert read_all(PageRequest(limit=50)) == ([["a", "b", "c"]], [len(NAMES)])


def test_a_full_page_goes_on_where_it_ended() -> None:
    pages, _ = read_all(PageRequest(limit=2))
    assert pages == [["a", "b"], ["c"]]


def test_a_page_for_people_is_filled_from_the_next_lists_where_one_is_at_its_end() -> None:
    """Four counties with few things each are one page, in as many calls as four empty ones take."""
    lists = {"a": [1, 2], "b": [], "c": [3], "d": [4, 5, 6], "e": [7]}
    asked: list[str] = []

    def read(name: str, part: PageRequest) -> Page[int]:
        asked.append(name)
        begin = (part.after or {"at": 0})["at"]
        end = begin + part.limit
        return Page(lists[name][begin:end], {"at": end} if end < len(lists[name]) else None)

    page = page_over(list(lists), PageRequest(limit=50, brief=True), read)
    assert (page.items, asked) == ([1, 2, 3, 4, 5, 6], ["a", "b", "c", "d"])
    assert page_over(list(lists), PageRequest(limit=50, brief=True, after=page.after), read).items == [7]
    full = page_over(list(lists), PageRequest(limit=4, brief=True), read)
    assert full.items == [1, 2, 3, 4], "it ends within a list and goes on there"
    assert page_over(list(lists), PageRequest(limit=4, brief=True, after=full.after), read).items == [5, 6, 7]


def test_a_page_for_people_asks_few_lists_and_loses_nothing() -> None:
    pages, counts = read_all(PageRequest(limit=50, brief=True))
    assert max(counts) == LISTS_A_PAGE
    assert [item for page in pages for item in page] == ["a", "b", "c"]
