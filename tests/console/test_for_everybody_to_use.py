"""Every page of every role in Chromium: axe finds nothing, nothing complains, nothing is asked for elsewhere."""

import re
from collections import defaultdict

import pytest

from tests.console.staff.test_every_page import ROLES, busy, paths_of  # noqa: F401 - the fixture
from tests.support import browser
from tests.support.axe import violations
from tests.support.browser import PHONE, WIDE, Browser, served
from tests.support.pages import COOKIE, Visitor

pytestmark = pytest.mark.skipif(not browser.is_there(), reason="Chromium and its driver are not installed")
OTHERS = ("/scan", "/public", "/help", "/card", "/docs")
_WORDS = re.compile(
    r">[^<]*<|\b(?:id|for|name|value|href|action|content|aria-[a-z]+|data-[a-z]+|d|cx|cy|r|x|y|x1|x2|y1|y2|width|transform|style)=\"[^\"]*\""
)


def shape_of(html):
    """Give a page without its words and ids, each element once: pages of one shape break the same rules."""
    return frozenset(_WORDS.sub("><", html).split("<"))


@pytest.fixture
def everywhere(api, world, busy):  # noqa: F811
    """Give each page that some role may open, by role: those whose shape no role before had."""
    seen, wanted = set(), defaultdict(list)
    for role in ROLES:
        visitor = Visitor(api, role, at=world.now)
        for path in (*paths_of(busy), *OTHERS):
            page = visitor.get(path)
            new = shape_of(page.html) - seen
            if page.status == 200 and new:
                seen |= new
                wanted[role].append(path)
    return wanted


@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
def test_nobody_is_shut_out_of_a_page_and_nothing_leaves_its_origin(api, world, everywhere, size):
    faults = []
    with served(api, at=world.now) as home, Browser.open(size=size) as window:
        window.go(f"{home}/console")
        faults += [("nobody", "/console", *found) for found in violations(window)]
        for role, paths in everywhere.items():
            window.cookie(COOKIE, Visitor(api, role).cookie)
            for path in paths:
                window.go(home + path)
                names = [name for name in window.named("button", "DisclosureTriangle") if "Show " not in name]
                faults += [(role, path, "says not of what", name) for name in names if names.count(name) > 1]
                faults += [(role, path, *found) for found in violations(window)]
        assert faults == [], "\n".join(map(str, faults))
        assert window.complaints() == []
        assert [address for address in window.requested() if not address.startswith(home)] == []


def test_no_open_page_is_wider_than_a_phone(api, world):
    with served(api, at=world.now) as home, Browser.open(size=PHONE) as window:
        for path in ("/docs", "/public", "/help", "/card"):
            window.go(home + path)
            wider = window.run(
                "const wide = document.documentElement.clientWidth;"
                "const sticks = (e) => !e.closest('.wide, pre, select') && e.getBoundingClientRect().right > wide + 1;"
                "return document.documentElement.scrollWidth <= wide ? [] :"
                " [...document.querySelectorAll('main *')].filter(sticks).slice(0, 5).map((e) => e.outerHTML.slice(0, 200))"
            )
            assert wider == [], path
