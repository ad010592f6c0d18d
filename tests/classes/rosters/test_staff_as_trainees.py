"""Nobody of an institution's staff is its trainee, and nobody gives marks in a class they are taught in.

A school's employee spent his own voucher by his own scan, entered 100 and 99 for himself, and was paid for.
"""

from typing import Any

import pytest

from chalicelib.accounts.guard import forget_statuses
from chalicelib.accounts.model import account_id_of
from chalicelib.accounts.persons.service import person_key_of
from chalicelib.accounts.staff import forget_staff
from chalicelib.accounts.store import AccountRow
from tests.classes.builders import Classroom
from tests.support.people import staff_principal


def works_at(account: str, person: Any, *, status: str = "active") -> None:
    """Let the account of an institution's staff be that of a trainee, as other processes know it by now."""
    staff_principal(account)
    row = AccountRow(account_id_of(account))
    row.update(
        actions=[AccountRow.person_key.set(person_key_of(person.id_number)), AccountRow.status.set(status)]
    )
    forget_statuses()
    forget_staff()


def redeem(world: Any, person: Any) -> Any:
    """Scan a person's code at the first institution."""
    path = f"/v1/vouchers/{world.voucher(person)}/qr"
    return world.scan(world.api(person).get(path, at=world.now).json["token"], at=world.now)


def test_ones_own_employee_is_refused_at_the_counter_whoever_scans(world: Any) -> None:
    person = world.person(1)
    works_at("institution", person)
    refused = redeem(world, person)
    assert (refused.status, refused.json["code"]) == (409, "staff_is_trainee")
    kept = world.api("institution").get("/v1/scans", at=world.now).json["items"]
    assert [one["code"] for one in kept] == ["staff_is_trainee"]


def test_ones_own_employee_may_be_trained_elsewhere(world: Any) -> None:
    person = world.person(1)
    works_at("institution_two", person)
    assert redeem(world, person).status == 201


@pytest.mark.parametrize(("status", "joins"), [("active", False), ("pending", False), ("disabled", True)])
def test_who_became_staff_since_does_not_come_onto_the_roster(
    world: Any, status: str, *, joins: bool
) -> None:
    room = Classroom(world).approved()
    rows = [{"enrolment_id": enrolment["id"]} for enrolment in room.enrol(2)]
    staff_principal("institution_two")
    AccountRow(account_id_of("institution_two")).update(
        actions=[AccountRow.institution.set(staff_principal("institution").institution)]
    )
    works_at("institution_two", room.people[1], status=status)
    answer = room.put_roster(rows)
    if joins:
        assert answer.status == 200, answer.text
        return
    assert (answer.status, [one["code"] for one in answer.json["errors"]]) == (422, ["staff_is_trainee"])


def test_who_is_taught_in_a_class_enters_no_marks_in_it_also_if_hired_since(world: Any) -> None:
    room = Classroom(world).completed(2)
    works_at("institution", room.people[0])
    assert room.read("institution", at=room.ended())["allowed_actions"] == []
    marks = [
        {"enrolment_id": enrolment["id"], "theory": 100, "practice": 99} for enrolment in room.enrolments
    ]
    refused = room.put_scores(marks)
    assert (refused.status, refused.json["code"]) == (403, "self_approval")
