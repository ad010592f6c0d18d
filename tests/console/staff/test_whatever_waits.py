"""Whatever waits leads to a page that has a form for each decision offered, over the whole story of a class."""

import logging
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from chalicelib.console.staff.actions import ACTS, MAKES
from chalicelib.console.staff.areas.waiting import place_of
from chalicelib.edge.endpoints import ENDPOINTS
from tests.architecture.offered_story import Story, steps
from tests.architecture.offered_table import KIND_OF, KINDS, WAITING_AS
from tests.exchange.test_returning import platform  # noqa: F401 - a fixture
from tests.support.pages import Visitor
from tests.support.people import STAFF, staff_principal

NAMES = {
    "issuance batch": "issuance_batch",
    "settlement batch": "settlement_batch",
    "make-up": "make_up",
    "check-in": "check_in",
    "payee account": "payee",
    "dead letters": "dead_letters",
    "risk case": "risk_case",
    "subject of a sample": "inspection",
}
"""What the table of offers names otherwise than pages do."""
ELSEWHERE = {
    "class": {"edit", "roster", "scores", "change", "claim"},
    "settlement_batch": {"results"},
    "program": {"change_policy"},
}
"""Decided with a sheet or a form of its own: tests of those pages try them."""
WHO = ("institution", "clerk", "reviewer", "finance", "finance_two", "supervisor", "province", "province_two")


def of_pages(kind: str) -> str:
    """Name a kind of the in-tray as decisions of pages are named."""
    name = KIND_OF[WAITING_AS[kind]].name
    return NAMES.get(name, name)


def test_every_form_asks_for_what_its_endpoint_reads() -> None:
    bodies = {(endpoint.method, endpoint.path): endpoint.body for endpoint in ENDPOINTS}
    acts = [act for acts in ACTS.values() for act in acts.values()] + list(MAKES.values())
    for act in acts:
        body = bodies[act.method, act.path]
        read = msgspec.structs.fields(body) if body is not None else ()
        asked = {part.name for part in act.fields}
        assert asked <= {part.encode_name for part in read}, act.path
        needed = {part.encode_name for part in read if part.required}
        assert needed <= {part.name for part in act.fields if part.needed}, act.path


def test_every_action_of_whatever_can_wait_has_its_form() -> None:
    for kind in WAITING_AS:
        offered = KIND_OF[WAITING_AS[kind]]
        name = of_pages(kind)
        missing = set(offered.tries) - ACTS.get(name, {}).keys() - ELSEWHERE.get(name, set())
        assert missing <= {"claim", "show_qr"}, (kind, missing)
    assert {kind for kind in KINDS if kind.name in NAMES} >= {KIND_OF["RiskCaseDetail"]}


@pytest.fixture
def quiet() -> Any:
    logger = logging.getLogger("training-voucher")
    logger.disabled = True
    yield
    logger.disabled = False


def test_each_decision_that_is_offered_stands_on_the_page_it_leads_to(
    world: Any,
    cloud: Any,
    platform: Any,  # noqa: F811 - the fixture
    quiet: None,
) -> None:
    for name in STAFF:
        staff_principal(name)
    story = Story(world, cloud, platform)
    seen: set[tuple[str, ...]] = set()
    wrong: list[str] = []
    for step_name, step in steps():
        step(story)
        for who in WHO:
            visitor = Visitor(world.api, who, at=story.now)
            for item in world.api(who).get("/v1/waiting", at=story.now).json["items"]:
                key = (who.partition("_")[0], item["kind"], *item["allowed_actions"])
                if key in seen:
                    continue
                seen.add(key)
                wrong += looked_at(visitor, item, f"{step_name}, {who}")
    assert wrong == []
    kinds = {key[1] for key in seen}
    assert kinds >= {"class", "claim_line", "risk_case", "restoration", "hold", "subsidy_claim"}, kinds


def looked_at(visitor: Visitor, item: Any, where: str) -> list[str]:
    """Open the page of a thing, and tell what it lacks."""
    path = f"/console/{place_of(SimpleNamespace(**item))}"
    page = visitor.get(path)
    if page.status != 200:
        return [f"{where}: {path} answers {page.status}"]
    kind = of_pages(item["kind"])
    own = ELSEWHERE.get(kind, set())
    wanted = {f"{kind}.{action}" for action in item["allowed_actions"] if action not in own}
    if kind == "change":  # decided on the class's page, where they are the class's own
        wanted = {f"class.change_{action}" for action in item["allowed_actions"]}
    return [f"{where}: {path} has no {missing}" for missing in sorted(wanted - page.decisions)]
