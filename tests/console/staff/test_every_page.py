"""Every page of every area opens for every role that may have it, in both languages, labelled and within its limits."""

import gzip

import pytest

from chalicelib.console.staff.areas.waiting import place_of
from chalicelib.console.staff.routes import AREAS
from chalicelib.supervision.cases.model import case_id_of
from chalicelib.supervision.records.model import Severity
from tests.classes.builders import application
from tests.subsidies.scored import Money, scored_class
from tests.supervision.cases.found import finding, record
from tests.support.pages import Visitor

ROLES = ("institution", "clerk", "reviewer", "finance", "supervisor", "province")
PAGE_BYTES_MAX = 60_000
UNIFORM = {
    "examined": 20,
    "alike_in_both": 19,
    "theory_lowest": 80,
    "theory_highest": 82,
    "practice_lowest": 84,
    "practice_highest": 85,
    "theory_spread": 0.5,
    "marks_spread": 1.5,
}
PARTS = ("roster", "attendance", "marks", "claim", "history")


@pytest.fixture
def busy(api, world):
    """Give a class applied for, one that was scored, and its claim."""
    applied = api("institution").post("/v1/classes", application(world), at=world.now).json
    api("institution").post(f"/v1/classes/{applied['id']}/submit", {"version": 1}, at=world.now)
    scored = scored_class(world)
    payable = api("institution").get(f"/v1/classes/{scored}/payability", at=world.now).json
    claim = api("institution").post(
        f"/v1/classes/{scored}/subsidy-claims",
        {"declared_count": payable["count"], "declared_amount_fen": payable["amount_fen"]},
        at=world.now,
    )
    assert claim.status == 201, claim.text
    enrolled = world.enrolment(world.person(1))
    money = Money(world)
    found = finding(scored, devices=2, people=9, people_on_one_day=6, device_people=3, uses_by_others=14)
    record(money, found, finding(scored, rule="uniform_scores", severity=Severity.WARN, **UNIFORM))
    drawn = api("supervisor").post(
        "/v1/inspections", {"scope": "trainees", "division": "3401", "share": 0.5}, at=world.now
    )
    assert drawn.status == 201, drawn.text
    return {
        "applied": applied["id"],
        "program": world.program_id,
        "scored": scored,
        "claim": claim.json,
        "enrolled": enrolled["id"],
        "case": case_id_of(found),
        "inspection": drawn.json["id"],
    }


def paths_of(busy):
    claim, scored, applied = busy["claim"], busy["scored"], busy["applied"]
    return [
        "/console",
        *(f"/console/{area}" for area in AREAS if area not in ("lines", "issuance")),
        f"/console/classes/{applied}",
        f"/console/classes/{scored}",
        *(f"/console/classes/{room}/{part}" for room in (applied, scored) for part in PARTS),
        f"/console/classes/{applied}/{applied.replace('cls_', 'les_')}-01",
        f"/console/claims/{claim['id']}",
        f"/console/lines/{claim['lines'][0]['id']}",
        f"/console/enrolments/{busy['enrolled']}",
        "/console/institutions/91340111MX0000027D",
        f"/console/cases/{busy['case']}",
        f"/console/inspections/{busy['inspection']}",
        *(f"/console/reports/{name}" for name in ("idle", "holds", "ratings")),
        f"/console/programs/{busy['program']}",
        "/console/desk/class",
        f"/console/desk/{applied}",
    ]


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("lang", ["zh", "en"])
def test_every_page_opens_or_says_why_not(api, world, busy, role, lang):
    visitor = Visitor(api, role, lang=lang, at=world.now)
    opened = 0
    for path in paths_of(busy):
        page = visitor.get(path)
        assert page.status in (200, 403, 404), (path, page.status, page.text[:300])
        opened += page.status == 200
        assert "undefined" not in page.text.lower(), path
        assert f'lang="{"en" if lang == "en" else "zh-CN"}"' in page.html, path
        assert len(gzip.compress(page.html.encode())) <= PAGE_BYTES_MAX, path
        for control in page.controls:
            named = control.get("id") in page.labelled or control.get("aria-label")
            radio = control.get("type") in ("radio", "checkbox", "file")
            assert named or radio, (path, control)
        for link in page.links:
            assert not link.startswith(("/", "http")) or "amazonaws" in link, (path, link)
    assert opened >= 8, role


@pytest.mark.parametrize("role", ROLES)
def test_the_navigation_names_only_what_the_role_may_open(api, world, busy, role):
    visitor = Visitor(api, role, at=world.now)
    areas = {link.removeprefix("./console/") for link in visitor.get("/console").links if "/console/" in link}
    assert areas
    for area in areas:
        assert visitor.get(f"/console/{area.partition('?')[0]}").status == 200, (role, area)


def test_everything_that_waits_leads_to_its_page(api, world, busy):
    for role in ROLES:
        visitor = Visitor(api, role, at=world.now)
        for item in api(role).get("/v1/waiting", at=world.now).json["items"]:
            thing = type("Item", (), item)
            assert visitor.get(f"/console/{place_of(thing)}").status == 200, item
