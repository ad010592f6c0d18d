"""Nobody of an institution's staff is its trainee, and nobody gives marks in a class they are taught in.

A school's employee spent his own voucher by his own scan, entered 100 and 99 for himself, and was paid for.
"""

from datetime import timedelta
from typing import Any

import pytest

from chalicelib.accounts.guard import forget_statuses
from chalicelib.accounts.model import account_id_of
from chalicelib.accounts.persons.service import person_key_of
from chalicelib.accounts.staff import current_staff, forget_staff
from chalicelib.accounts.store import AccountRow
from chalicelib.catalogue.institutions.reading import current_institution
from chalicelib.catalogue.projects.reading import current_project
from chalicelib.enrolments.verification.service import ScanTarget, reasons_against_target
from chalicelib.vouchers.store import read_voucher
from tests.classes.builders import Classroom
from tests.support.people import HEFEI_SCHOOL, staff_principal


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


DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("until", "entered", "taken"),
    [(DAY, False, False), (-DAY, False, True), (-DAY, True, False)],
)
def test_an_account_that_nobody_entered_counts_only_while_its_code_is_good(
    world: Any, until: timedelta, *, entered: bool, taken: bool
) -> None:
    """Was staff for good; who was reset and never came back still is, until the bureau disables them."""
    person = world.person(1)
    works_at("institution", person, status="pending")
    row = AccountRow(account_id_of("institution"))
    actions: list[Any] = [AccountRow.activation_until.set(world.now + until)]
    actions.append(
        AccountRow.password_set_at.set(world.now - 30 * DAY)
        if entered
        else AccountRow.password_set_at.remove()
    )
    row.update(actions=actions)
    forget_staff()
    target = ScanTarget(
        current_institution(HEFEI_SCHOOL),
        current_project(world.project_id),
        current_staff(HEFEI_SCHOOL, world.now),
    )
    voucher = read_voucher(world.voucher(person))
    assert ("staff_is_trainee" not in reasons_against_target(voucher, target)) == taken


def test_whoever_is_refused_as_staff_is_told_how_the_voucher_and_a_left_account_are_freed(world: Any) -> None:
    person = world.person(1)
    works_at("institution", person)
    told = redeem(world, person).json["detail"]
    assert "先退回该报名" in told
    assert "停用其账户" in told


def test_who_is_taught_in_a_class_enters_no_marks_in_it_also_if_hired_since(world: Any) -> None:
    room = Classroom(world).completed(2)
    works_at("institution", room.people[0])
    assert room.read("institution", at=room.ended())["allowed_actions"] == []
    marks = [
        {"enrolment_id": enrolment["id"], "theory": 100, "practice": 99} for enrolment in room.enrolments
    ]
    refused = room.put_scores(marks)
    assert (refused.status, refused.json["code"]) == (403, "self_approval")
