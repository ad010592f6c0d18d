"""Looking a person up by ID number: for whom, what it tells, what it leaves, and what it never tells."""

import logging
from datetime import timedelta
from typing import Any

import boto3
import pytest

from chalicelib.accounts.disclosures import store as disclosures_store
from chalicelib.accounts.disclosures.store import AccessRow, add_accesses
from chalicelib.accounts.model import account_id_of
from chalicelib.accounts.persons.service import find_person_key, person_key_of
from chalicelib.accounts.persons.store import PersonIndexRow
from chalicelib.edge import pace
from chalicelib.enrolments.lookups.model import NOBODY, lookups_on
from chalicelib.enrolments.lookups.service import MISSES
from chalicelib.kernel.calendar import shanghai_date
from chalicelib.kernel.principal import system_context
from chalicelib.kernel.reasons import error
from chalicelib.supervision.audit.jobs import record_audit
from infra.local import catalogue
from infra.privacy_scan import scan
from tests.classes.builders import Classroom
from tests.support.calls import called
from tests.support.streams import stream_event, stream_record

PATH = "/v1/person-lookups"
NOTHING = {"person": None, "holder": None, "vouchers": [], "enrolments": [], "classes": [], "lists": []}


def look(world: Any, who: str, id_number: str, purpose: str = "核对投诉") -> Any:
    return world.api(who).post(PATH, {"id_number": id_number, "purpose": purpose}, at=world.now)


def found_in_accesses() -> list[Any]:
    found = [row.record for row in AccessRow.scan() if row.record.last_change.action == "person.find"]
    return sorted(found, key=lambda access: access.access)


def accesses() -> list[Any]:
    """Give what stands in the histories of people."""
    return [access for access in found_in_accesses() if not access.subject.startswith("lookups_")]


def listed() -> list[Any]:
    """Give what stands in the lists of days."""
    return [access for access in found_in_accesses() if access.subject.startswith("lookups_")]


def audited(world: Any) -> None:
    """Have the chain told of every lookup, as the stream does."""
    told = [stream_record(AccessRow, None, access) for access in found_in_accesses()]
    record_audit(stream_event(*told), system_context("audit", now=world.now, request_id="req_test"))


def test_a_bureau_finds_what_of_a_person_lies_in_its_area(world: Any) -> None:
    room = Classroom(world).rostered(2)
    enrolment = room.enrolments[0]
    id_number = room.people[0].id_number
    for who in ("clerk", "reviewer", "supervisor", "province"):
        found = look(world, who, id_number)
        assert found.status == 200, found.text
        assert found.json["person"] == person_key_of(id_number)
        assert found.json["holder"] == enrolment["trainee"]
        assert [one["voucher_id"] for one in found.json["vouchers"]] == [enrolment["voucher_id"]]
        assert [one["enrolment_id"] for one in found.json["enrolments"]] == [enrolment["id"]]
        assert [one["class_id"] for one in found.json["classes"]] == [room.id]
        for kind in ("vouchers", "enrolments", "classes"):
            for one in found.json[kind]:
                assert world.api(who).get(one["url"], at=world.now).status == 200, one
        assert id_number not in found.text


def test_lists_are_told_to_the_province_alone(world: Any) -> None:
    person = world.person(1)
    world.voucher(person)
    assert look(world, "clerk", person.id_number).json["lists"] == []
    lists = look(world, "province", person.id_number).json["lists"]
    assert lists == [{"import_id": "imp_world", "situation": None, "url": "/v1/imports/imp_world"}]


@pytest.mark.parametrize("who", ["institution", "institution_two", "finance"])
def test_whose_duty_does_not_need_it_is_refused(world: Any, who: str) -> None:
    person = world.person(1)
    world.enrolment(person)
    refused = look(world, who, person.id_number)
    assert (refused.status, refused.json["code"]) == (403, "forbidden")
    assert not accesses()


def test_who_is_unknown_and_who_is_elsewhere_look_the_same_and_cost_the_same(world: Any) -> None:
    elsewhere, unknown = world.person(1), world.person(2)
    world.enrolment(elsewhere)
    look(world, "clerk_wuhu", world.person(3).id_number)  # warm
    told = []
    for person in (elsewhere, unknown):
        with called() as calls:
            answer = look(world, "clerk_wuhu", person.id_number)
        told.append((answer.status, answer.json, sorted(calls)))
    assert told[0] == told[1]
    assert told[0][:2] == (200, NOTHING)


def test_nobody_becomes_known_by_being_looked_up(world: Any) -> None:
    before = len(list(PersonIndexRow.scan()))
    for _ in range(2):
        assert look(world, "province", world.person(9).id_number).json == NOTHING
    assert find_person_key(world.person(9).id_number) is None
    assert len(list(PersonIndexRow.scan())) == before
    assert [access.subject for access in accesses()] == ["prs_unknown"] * 2


def test_each_lookup_says_who_when_and_what_for_and_never_the_number(
    world: Any, caplog: pytest.LogCaptureFixture
) -> None:
    person = world.person(1)
    world.enrolment(person)
    caplog.set_level(logging.DEBUG)
    assert look(world, "clerk", person.id_number, f"核对 {person.id_number} 的投诉").status == 200
    (access,) = accesses()
    assert access.subject == person_key_of(person.id_number)
    assert access.division == "3401"
    assert access.purpose == access.last_change.reason
    assert access.purpose.startswith("核对 ****")
    assert access.last_change.at == world.now
    assert access.last_change.actor == account_id_of("clerk")
    assert person.id_number not in repr(access)
    assert person.id_number not in caplog.text


@pytest.mark.parametrize(
    ("body", "field", "code"),
    [
        ({"id_number": "340111199001010000", "purpose": "核对"}, "id_number", None),
        ({"id_number": "34011119980101", "purpose": "核对"}, "id_number", "id_number_form"),
        ({"purpose": "核对"}, "id_number", "missing_field"),
        ({"id_number": "340111199801010001"}, "purpose", "missing_field"),
        ({"id_number": "340111199801010001", "purpose": "  "}, "purpose", None),
    ],
)
def test_what_cannot_be_looked_up_is_told_by_its_field(
    world: Any, body: dict[str, str], field: str, code: str | None
) -> None:
    refused = world.api("clerk").post(PATH, body, at=world.now)
    assert refused.status == 400, refused.text
    assert [fault["field"] for fault in refused.json["errors"]] == [field]
    assert code in (None, refused.json["errors"][0]["code"])
    assert body.get("id_number", "never typed") not in refused.text
    assert not accesses()


def test_nothing_that_a_lookup_leaves_holds_the_number(world: Any) -> None:
    """The first answer is kept for a repeat, the refused caller and the wrong number are noted: all without it."""
    person, unknown = world.person(1), world.person(2)
    world.enrolment(person)
    for number in (person.id_number, unknown.id_number, person.id_number[:-1] + "0"):
        for who in ("clerk", "province", "finance"):
            body = {"id_number": number, "purpose": f"核对 {number}"}
            world.api(who).post(PATH, body, at=world.now, headers={"Idempotency-Key": "k-1"})
    assert accesses()
    accounts = {entry["bank_account"]["number"] for entry in catalogue.INSTITUTIONS}
    report = scan(boto3.client, streams=False, known=accounts)
    assert report.found == []


def test_the_number_has_no_place_in_an_address(world: Any) -> None:
    person = world.person(1)
    asked = {"id_number": person.id_number, "purpose": "核对"}
    assert world.api("clerk").get(PATH, asked).status == 405
    sent = world.api("clerk").post(f"{PATH}?id_number={person.id_number}", asked, at=world.now)
    assert sent.status == 400


def test_trying_numbers_is_slowed_down(world: Any) -> None:
    pace.forget_paces()
    person = world.person(1)
    world.enrolment(person)
    most = pace.PACES["person.find"].burst
    answers = [look(world, "clerk", person.id_number).status for _ in range(most + 1)]
    assert answers == [200] * most + [429]
    assert look(world, "clerk_two", person.id_number).status == 200


def test_whoever_tries_what_a_masked_number_may_be_has_few_tries_a_day(world: Any) -> None:
    person = world.person(1)
    world.enrolment(person)
    for nth in range(MISSES.most):
        assert look(world, "clerk", world.person(50 + nth).id_number).status == 200
        assert look(world, "clerk", person.id_number).status == (200 if nth < MISSES.most - 1 else 429)
    refused = look(world, "clerk", world.person(99).id_number)
    assert (refused.status, refused.json["code"]) == (429, "too_many_requests")
    assert int(refused.headers["Retry-After"]) > 3600
    assert look(world, "clerk_wuhu", person.id_number).json == NOTHING, "another's tries are their own"


def test_the_audit_tells_no_city_who_is_unknown_in_the_whole_province(world: Any) -> None:
    look(world, "supervisor", world.person(1).id_number)
    audited(world)
    asked = {"subject": NOBODY}
    assert world.api("supervisor").get("/v1/audit", asked).status == 404
    assert len(world.api("province").whole("/v1/audit", asked)) == 1


def test_two_areas_that_looked_somebody_up_each_see_their_own_look(world: Any) -> None:
    person = world.person(1)
    world.enrolment(person)
    for who in ("clerk", "clerk_wuhu"):
        look(world, who, person.id_number, f"核对投诉 {who}")
    audited(world)
    asked = {"subject": person_key_of(person.id_number), "limit": 1}
    for who, reasons in (
        ("supervisor", ["核对投诉 clerk"]),
        ("supervisor_wuhu", ["核对投诉 clerk_wuhu"]),
        ("province", ["核对投诉 clerk", "核对投诉 clerk_wuhu"]),
    ):
        history = world.api(who).whole("/v1/audit", asked)
        assert sorted(record["reason"] for record in history) == reasons, who  # both were at one moment
        assert {record["action"] for record in history} == {"person.find"}


def test_a_supervisor_sees_who_looked_whom_up_in_the_area_by_day_and_by_officer(world: Any) -> None:
    person = world.person(1)
    world.enrolment(person)
    key = person_key_of(person.id_number)
    for who in ("clerk", "reviewer", "clerk_wuhu"):
        look(world, who, person.id_number, f"核对投诉 {who}")
    audited(world)
    day = {"subject": lookups_on(shanghai_date(world.now), "340111")}
    seen = world.api("supervisor").whole("/v1/audit", {**day, "limit": 1})
    told = [(one["actor"], one["reason"], one["after"].get("person")) for one in seen]
    assert sorted(told) == sorted(
        (account_id_of(who), f"核对投诉 {who}", key) for who in ("clerk", "reviewer")
    )
    of_one = world.api("supervisor").whole("/v1/audit", {**day, "actor": account_id_of("reviewer")})
    assert [one["actor"] for one in of_one] == [account_id_of("reviewer")]
    assert world.api("supervisor_wuhu").get("/v1/audit", day).status == 404
    assert len(world.api("province").whole("/v1/audit", day)) == 2
    tomorrow = {"subject": lookups_on(shanghai_date(world.now) + timedelta(days=1), "3401")}
    assert world.api("supervisor").get("/v1/audit", tomorrow).status == 404
    assert world.api("clerk").get("/v1/audit", day).status == 403


def test_an_officer_who_looked_nobody_up_that_day_has_an_empty_list_and_another_area_none(world: Any) -> None:
    person = world.person(1)
    world.enrolment(person)
    look(world, "clerk", person.id_number)
    audited(world)
    idle = {
        "subject": lookups_on(shanghai_date(world.now), "340111"),
        "actor": account_id_of("reviewer"),
    }
    seen = world.api("supervisor").get("/v1/audit", idle)
    assert (seen.status, seen.json) == (200, {"items": [], "next": None}), seen.text
    assert world.api("supervisor_wuhu").get("/v1/audit", idle).status == 404
    tomorrow = {**idle, "subject": lookups_on(shanghai_date(world.now) + timedelta(days=1), "340111")}
    assert world.api("supervisor").get("/v1/audit", tomorrow).status == 404


def test_whom_nobody_knows_is_not_there_for_a_city_by_whatever_officer(world: Any) -> None:
    """An empty page in place of 404 would tell it that somebody was asked for in vain."""
    look(world, "clerk", world.person(3).id_number)
    audited(world)
    for actor in ("clerk", "reviewer"):
        asked = {"subject": NOBODY, "actor": account_id_of(actor)}
        assert world.api("supervisor").get("/v1/audit", asked).status == 404


def test_the_list_of_a_day_tells_no_city_who_is_known_elsewhere(world: Any) -> None:
    elsewhere, unknown = world.person(1), world.person(2)
    world.enrolment(elsewhere)
    for person in (elsewhere, unknown):
        look(world, "clerk_wuhu", person.id_number)
    audited(world)
    day = {"subject": lookups_on(shanghai_date(world.now), "3402")}
    seen = world.api("supervisor_wuhu").whole("/v1/audit", day)
    assert len(seen) == 2
    assert person_key_of(elsewhere.id_number) not in repr(seen)
    first, second = ({**one["after"], "access": ""} for one in seen)
    assert first == second


def test_nothing_is_told_where_the_list_of_the_day_could_not_be_written(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = world.person(1)
    world.enrolment(person)
    written: list[Any] = []

    def fails(accesses: Any, **given: Any) -> None:
        written.extend(accesses)
        if len(written) > 1:
            raise error("try_again")
        add_accesses(accesses, **given)

    monkeypatch.setattr(disclosures_store, "add_accesses", fails)
    refused = look(world, "clerk", person.id_number)
    assert refused.status == 503, refused.text
    assert "enr_" not in refused.text
    assert [access.subject for access in accesses()] == [person_key_of(person.id_number)]


def test_a_repeat_under_the_same_key_is_a_look_of_its_own(world: Any) -> None:
    """Hours later the same call showed the person again, and left no record of it."""
    person = world.person(1)
    voucher_id = world.voucher(person)
    key = {"Idempotency-Key": "a-lookup-of-this-morning"}
    body = {"id_number": person.id_number, "purpose": "核对投诉"}
    first = world.api("clerk").post(PATH, body, headers=key, at=world.now)
    token = world.api(person).get(f"/v1/vouchers/{voucher_id}/qr", at=world.now).json["token"]
    assert world.scan(token, at=world.now).status == 201
    again = world.api("clerk").post(PATH, body, headers=key, at=world.later(hours=3))
    assert (first.status, again.status) == (200, 200)
    assert (len(first.json["enrolments"]), len(again.json["enrolments"])) == (0, 1), "as it is by now"
    of_person = [access for access in accesses() if access.subject == person_key_of(person.id_number)]
    assert [access.last_change.at for access in sorted(of_person, key=lambda one: one.last_change.at)] == [
        world.now,
        world.later(hours=3),
    ]
    other = world.api("clerk").post(PATH, body | {"purpose": "另查"}, headers=key, at=world.now)
    assert other.json["code"] == "idempotency_mismatch"
