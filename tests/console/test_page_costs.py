"""No page asks for more than six times, whoever looks at it and whatever lies there; none is large.

Every call counts, of tables, objects, queues and keys alike; so does reading who looks. What a process keeps
(programs, policies, institutions) is warm, as elsewhere where costs are counted. The night has kept its
figures, as it has on every day but a service's first.
"""

import gzip
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from chalicelib.accounts.guard import forget_statuses
from chalicelib.kernel.divisions import PROVINCE, groups_below
from chalicelib.kernel.paging import LISTS_A_PAGE
from chalicelib.supervision.waiting.overseen import keep_overseen, kept_in
from tests.architecture.offered_story import Story, steps
from tests.console.staff.test_every_page import PAGE_BYTES_MAX, ROLES, busy, paths_of  # noqa: F401 - fixture
from tests.exchange.test_returning import platform  # noqa: F401 - a fixture
from tests.supervision.found_night import run_night
from tests.support.calls import called
from tests.support.depth import size_of
from tests.support.pages import Visitor
from tests.support.people import STAFF, staff_principal

CALLS_MAX = 6
OPEN = ("/public", "/public?q=合肥", "/help", "/card", "/console", "/docs")
FILTERED = (
    "/console?kind=class",
    "/console?flag=overdue",
    "/console/classes?status=submitted",
    "/console/classes?division=3401",
    "/console/classes?division=340111&status=closed",
    "/console/classes?named=班&opens_from=2026-01-01&opens_until=2026-12-31",
    "/console/claims?status=submitted&division=3401",
    "/console/cases?severity=hold&division=340111",
    "/console/holds?status=released",
    "/console/vouchers?status=redeemed",
    "/console/vouchers?flag=restore_asked",
    "/console/vouchers?flag=name_mismatch",
    "/console/money?division=3401",
    "/console/statements?division=3401",
    "/console/accounts?division=340111",
    "/console/objections?status=open",
    "/console/scans?division=3401",
    "/console/scans?division=340111&code=token_invalid",
)
"""Lists as people narrow them down: a filter is no reason to read more."""


LISTS = (
    "/console",
    "/console?kind=completion",
    "/console/classes",
    "/console/claims",
    "/console/money",
    "/console/holds",
    "/console/objections",
    "/console/payees",
    "/console/scans",
)


def visited(visitor: Visitor, path: str) -> tuple[Any, list[str]]:
    """Open a page, and give what it asked for, who looks being read anew.

    What a process keeps (keys, projects, names) is not kept yet at first, and runs out by the clock on the
    wall: a page that asked for more is opened again, twice at most.
    """
    for _ in range(3):
        forget_statuses()
        with called() as calls:
            page = visitor.get(path)
        if page.status != 200:
            return None, []
        if len(calls) <= CALLS_MAX:
            break
    return page, calls


def told(wide: dict[tuple[str, str], list[str]]) -> str:
    return "\n".join(
        f"{who} {path}: {len(calls)} {dict(Counter(calls))}"
        for (who, path), calls in sorted(wide.items(), key=lambda entry: -len(entry[1]))
    )


PAGES_EVERY = size_of("PAGES_EVERY", usual=3, full=3)
"""At each step a role looks at every third page (`PAGES_EVERY=1`: each), beginning elsewhere than at the step before."""


@pytest.mark.parametrize("role", ROLES)
def test_every_page_asks_at_most_six_times_and_is_small(
    api: Any,
    world: Any,
    busy: Any,  # noqa: F811 - the fixture
    role: str,
) -> None:
    run_night(world.now)
    visitor = Visitor(api, role, at=world.now)
    opened, wide = 0, {}
    for path in [*paths_of(busy), f"/console/claims/{busy['claim']['id']}/documents", *FILTERED]:
        page, calls = visited(visitor, path)
        if page is None:
            continue
        opened += 1
        if len(calls) > CALLS_MAX:
            wide[role, path] = calls
        assert len(gzip.compress(page.html.encode())) <= PAGE_BYTES_MAX, path
    assert opened >= 20, "most pages open for most roles"
    assert not wide, told(wide)


def test_pages_that_are_open_to_everybody_ask_as_little(api: Any, world: Any, busy: Any) -> None:  # noqa: F811
    visitor = Visitor(api, at=world.now)
    for path in OPEN:
        page, calls = visited(visitor, path)
        assert page is not None, path
        assert len(calls) <= CALLS_MAX, (path, calls)
        size = len(gzip.compress(page.html.encode()))
        assert path == "/docs" or size <= PAGE_BYTES_MAX, (path, size)


def pages_of(story: Story) -> Iterator[str]:
    """Name the pages of what a story has come to."""
    for class_id in story.class_ids[:1]:
        yield f"/console/classes/{class_id}"
        yield from (
            f"/console/classes/{class_id}/{part}" for part in ("attendance", "marks", "claim", "history")
        )
        yield f"/console/classes/{class_id}/{class_id.replace('cls_', 'les_')}-01"
    yield from (f"/console/claims/{claim_id}" for claim_id in story.claim_ids[:1])
    yield from (f"/console/lines/{line_id}" for line_id in story.line_ids[:1])
    yield from (f"/console/money/{batch_id}" for batch_id in story.batch_ids[:1])
    yield from (f"/console/vouchers/{voucher_id}" for voucher_id in story.voucher_ids[:1])
    yield from (f"/console/enrolments/{enrolment_id}" for enrolment_id in story.enrolment_ids[:1])
    yield from (f"/console/lists/{import_id}" for import_id in story.import_ids[:1])
    yield from (f"/console/cases/{case_id}" for case_id in story.case_ids[:1])


def test_over_the_whole_life_of_a_class_in_trays_and_pages_ask_at_most_six_times(
    world: Any,
    cloud: Any,
    platform: Any,  # noqa: F811 - the fixture
) -> None:
    for name in STAFF:
        staff_principal(name)
    story = Story(world, cloud, platform)
    wide: dict[tuple[str, str], list[str]] = {}
    for turn, (step_name, step) in enumerate(steps()):
        step(story)
        elsewhere = () if kept_in(PROVINCE, story.now).is_whole else groups_below(PROVINCE)
        for group in {"3401", *elsewhere}:  # as every night does: an old one counts no more
            keep_overseen(group, story.now)
        for nth, who in enumerate(ROLES, turn):
            visitor = Visitor(world.api, who, at=story.now)
            for path in (*LISTS, *pages_of(story))[nth % PAGES_EVERY :: PAGES_EVERY]:
                page, calls = visited(visitor, path)
                if page is not None and len(calls) > CALLS_MAX:
                    wide.setdefault((f"{step_name}, {who}", path), calls)
    assert not wide, told(wide)


def test_a_page_of_the_province_s_lists_says_that_there_is_more(api: Any, world: Any) -> None:
    """Who looks after eighteen lists reads some of them a page, and may pick a city instead."""
    visitor = Visitor(api, "province", at=world.now)
    page = visitor.get("/console/claims")
    assert len(groups_below(PROVINCE)) > LISTS_A_PAGE
    assert "后面还有区划" in page.text
    assert any("cursor=" in link for link in page.links)
    assert any("division=3401" in link for link in page.links)
    city = visitor.get("/console/claims", division="3401")
    assert "后面还有区划" not in city.text
