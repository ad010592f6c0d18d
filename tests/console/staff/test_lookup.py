"""Looking a person up on the page: a form that is sent, an answer on the page, nothing of the number elsewhere."""

from typing import Any

from chalicelib.accounts.disclosures.store import AccessRow
from chalicelib.accounts.model import account_id_of
from chalicelib.accounts.persons.service import person_key_of
from tests.enrolments.lookups.test_lookups import audited
from tests.support.pages import Visitor


def accesses() -> list[Any]:
    looks = [row.record for row in AccessRow.scan() if row.record.last_change.action == "person.find"]
    return [look for look in looks if not look.subject.startswith("lookups_")]


def test_who_is_looked_up_stands_on_the_page_with_what_is_theirs(world: Any) -> None:
    person = world.person(1)
    enrolment = world.enrolment(person)
    clerk = Visitor(world.api, "clerk", at=world.now)
    asked = clerk.get("/console/search")
    page = clerk.press(asked, "new.lookup", id_number=person.id_number, purpose="核对投诉")
    assert page.status == 200, page.text
    assert page.path == "/console/search", "it is no address that is gone to"
    places = {link.rpartition("console/")[2] for link in page.links}
    assert {f"vouchers/{enrolment['voucher_id']}", f"enrolments/{enrolment['id']}"} <= places
    assert enrolment["trainee"]["name"] in page.text
    assert enrolment["voucher_id"] not in page.text
    assert person.id_number not in page.html
    assert person.name not in page.html


def test_sending_the_form_again_is_a_look_of_its_own(world: Any) -> None:
    """What is shown again is recorded again: a kept answer would show a person long after, and nobody was told."""
    person = world.person(1)
    enrolment = world.enrolment(person)
    clerk = Visitor(world.api, "clerk", at=world.now)
    asked = clerk.get("/console/search")
    for _ in range(2):  # F5 sends the very form again; going back shows the empty one
        page = clerk.press(asked, "new.lookup", id_number=person.id_number, purpose="核对投诉")
        assert enrolment["id"] in page.html
    assert len([one for one in accesses() if one.subject.startswith("prs_")]) == 2
    back = clerk.get("/console/search")
    assert enrolment["id"] not in back.html


def test_a_wrong_number_is_told_by_its_field_and_kept_to_be_mended(world: Any) -> None:
    clerk = Visitor(world.api, "clerk", lang="en", at=world.now)
    page = clerk.press(
        clerk.get("/console/search"), "new.lookup", id_number="340111199001010000", purpose="check"
    )
    assert page.status == 400
    assert "ID number" in page.text
    assert ("id_number", "340111199001010000") in page.form_of("new.lookup").fields
    assert not accesses()


def test_who_may_not_look_people_up_has_no_form_for_it(world: Any) -> None:
    for who, may in (("clerk", True), ("province", True), ("finance", False), ("institution", False)):
        page = Visitor(world.api, who, at=world.now).get("/console/search")
        assert ("new.lookup" in page.decisions) is may, who


def test_a_supervisor_sees_on_a_page_who_looked_whom_up_by_day_and_by_officer(world: Any) -> None:
    person = world.person(1)
    world.enrolment(person)
    for who, purpose in (("clerk", "核对投诉"), ("reviewer", "复核申领")):
        visitor = Visitor(world.api, who, at=world.now)
        visitor.press(
            visitor.get("/console/search"), "new.lookup", id_number=person.id_number, purpose=purpose
        )
    audited(world)
    supervisor = Visitor(world.api, "supervisor", at=world.now)
    page = supervisor.get("/console/lookups")
    assert "核对投诉" in page.text
    assert "复核申领" in page.text
    of_reviewer = next(link for link in page.links if f"actor={account_id_of('reviewer')}" in link)
    narrowed = supervisor.get("/console/lookups?" + of_reviewer.partition("?")[2])
    assert "复核申领" in narrowed.text
    assert "核对投诉" not in narrowed.text
    before = next(link for link in page.links if "day=" in link and "actor" not in link)
    assert "核对投诉" not in supervisor.get("/console/lookups" + before).text
    of_person = supervisor.get("/console/lookups", person=person_key_of(person.id_number))
    assert "核对投诉" in of_person.text
    assert "复核申领" in of_person.text
    assert (
        "核对投诉"
        in Visitor(world.api, "province", at=world.now).get("/console/lookups", division="3401").text
    )
    assert "核对投诉" not in Visitor(world.api, "supervisor_wuhu", at=world.now).get("/console/lookups").text
    assert Visitor(world.api, "clerk", at=world.now).get("/console/lookups").status == 403
    assert supervisor.get("/console/lookups", day="昨天").status == 400
