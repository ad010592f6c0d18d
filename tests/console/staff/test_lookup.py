"""Looking a person up on the page: a form that is sent, an answer on the page, nothing of the number elsewhere."""

from typing import Any

from chalicelib.accounts.disclosures.store import AccessRow
from tests.support.pages import Visitor


def accesses() -> list[Any]:
    return [row.record for row in AccessRow.scan() if row.record.last_change.action == "person.find"]


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
    assert person.id_number not in page.html
    assert person.name not in page.html


def test_sending_the_form_again_is_no_second_look(world: Any) -> None:
    person = world.person(1)
    enrolment = world.enrolment(person)
    clerk = Visitor(world.api, "clerk", at=world.now)
    asked = clerk.get("/console/search")
    for _ in range(2):  # F5 sends the very form again; going back shows the empty one
        page = clerk.press(asked, "new.lookup", id_number=person.id_number, purpose="核对投诉")
        assert enrolment["id"] in page.html
    assert len(accesses()) == 1
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
