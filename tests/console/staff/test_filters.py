"""Lists of classes and claims narrowed to one institution: from its own index, within the caller's area."""

from datetime import date, timedelta
from typing import Any

from tests.classes.builders import Classroom
from tests.console.staff.test_every_page import busy  # noqa: F401 - a fixture
from tests.support.pages import Visitor
from tests.support.people import HEFEI_OTHER, HEFEI_SCHOOL


def ids(world: Any, who: str, path: str, **query: Any) -> list[str]:
    answer = world.api(who).get(path, query, at=world.now)
    assert answer.status == 200, answer.text
    return [item["id"] for item in answer.json["items"]]


def test_a_bureau_sees_one_institution_s_classes_and_claims(world: Any, busy: Any) -> None:  # noqa: F811
    room = Classroom(world).do("institution", "submit")
    for who in ("clerk", "province"):
        own = ids(world, who, "/v1/classes", institution=HEFEI_SCHOOL)
        assert {room.id, busy["applied"], busy["scored"]} <= set(own)
        assert ids(world, who, "/v1/classes", institution=HEFEI_OTHER) == []
        assert ids(world, who, "/v1/subsidy-claims", institution=HEFEI_SCHOOL) == [busy["claim"]["id"]]
        assert ids(world, who, "/v1/subsidy-claims", institution=HEFEI_OTHER) == []
    submitted = ids(world, "clerk", "/v1/classes", institution=HEFEI_SCHOOL, status="submitted")
    assert room.id in submitted
    assert busy["scored"] not in submitted


def test_another_city_sees_none_of_them(world: Any, busy: Any) -> None:  # noqa: F811
    assert ids(world, "clerk_wuhu", "/v1/classes", institution=HEFEI_SCHOOL) == []
    assert ids(world, "clerk_wuhu", "/v1/subsidy-claims", institution=HEFEI_SCHOOL) == []


def test_an_institution_sees_its_own_whatever_it_asks_for(world: Any, busy: Any) -> None:  # noqa: F811
    assert ids(world, "institution_two", "/v1/classes", institution=HEFEI_SCHOOL) == []


def test_a_page_is_narrowed_by_a_click_on_the_institution(world: Any, busy: Any) -> None:  # noqa: F811
    clerk = Visitor(world.api, "clerk", at=world.now)
    listed = clerk.get("/console/claims")
    assert any(f"institution={HEFEI_SCHOOL}" in link for link in listed.links)
    narrowed = clerk.get("/console/claims", institution=HEFEI_SCHOOL)
    assert "只看机构" in narrowed.text
    assert busy["claim"]["class_name"] in narrowed.text


def test_classes_are_found_by_the_day_they_open_and_by_a_text_in_their_name(world: Any, busy: Any) -> None:  # noqa: F811
    room = Classroom(world).do("institution", "submit")
    head = world.api("clerk").get(f"/v1/classes/{room.id}", at=world.now).json
    opens, name = head["opens_at"][:10], head["name"]
    before = (date.fromisoformat(opens) - timedelta(days=1)).isoformat()
    for who in ("clerk", "institution", "province"):
        assert room.id in ids(world, who, "/v1/classes", **area_of(who))
        found = ids(world, who, "/v1/classes", opens_from=opens, opens_until=opens, **area_of(who))
        assert room.id in found
        assert room.id not in ids(world, who, "/v1/classes", opens_until=before, **area_of(who))
        assert set(ids(world, who, "/v1/classes", opens_until=before, **area_of(who))).isdisjoint(found)
        assert room.id in ids(world, who, "/v1/classes", named=name[1:4], **area_of(who))
        assert ids(world, who, "/v1/classes", named="没有这样的班", **area_of(who)) == []
        assert room.id in ids(world, who, "/v1/classes", named=name, status="submitted", **area_of(who))
        assert ids(world, who, "/v1/classes", named=name, status="returned", **area_of(who)) == []
    assert room.id in ids(world, "clerk", "/v1/classes", opens_until="2199-12-31")


def area_of(who: str) -> dict[str, str]:
    """Pick the city for who looks after eighteen."""
    return {"division": "3401"} if who == "province" else {}


def test_a_page_of_classes_keeps_what_was_typed_and_offers_to_clear_it(world: Any, busy: Any) -> None:  # noqa: F811
    clerk = Visitor(world.api, "clerk", at=world.now)
    found = clerk.get("/console/classes", named="没有这样的班", opens_from="2026-01-01")
    assert found.status == 200, found.text
    assert 'value="没有这样的班"' in found.html
    assert 'value="2026-01-01"' in found.html
    assert any("named=" not in link and "清除" in found.text for link in found.links)
    wrong = clerk.get("/console/classes", opens_from="昨天")
    assert wrong.status in (400, 422), "what is no day is told as such"
