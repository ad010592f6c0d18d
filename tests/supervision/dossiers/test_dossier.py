"""What a dossier holds of a class and its neighbours, and what it costs to read."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from chalicelib.aws.table import connection
from chalicelib.kernel.principal import Context, Principal, Role
from chalicelib.supervision.dossiers.model import SIGHTED_MAX, nearest, news
from chalicelib.supervision.dossiers.service import Gathered, gather
from chalicelib.supervision.dossiers.store import SightingRow
from tests.classes.builders import Classroom, trainer


def context_at(now: Any) -> Context:
    principal = Principal(actor="system:test", role=Role.SYSTEM, division="34")
    return Context(principal=principal, now=now, request_id="req_test")


def gathered(room: Classroom) -> Gathered:
    found = gather(context_at(room.ended()), room.id)
    assert found is not None
    return found


@contextmanager
def counted() -> Iterator[list[str]]:
    seen: list[str] = []

    def count(model: Any, **_: Any) -> None:
        seen.append(model.name)

    events = connection().client.meta.events
    events.register_first("before-call.dynamodb", count)
    try:
        yield seen
    finally:
        events.unregister("before-call.dynamodb", count)


def elsewhere(world: Any, first: int, count: int = 2, **changes: Any) -> Classroom:
    """A class of the same days with other people, under another trainer."""
    room = Classroom(world, trainers=[trainer(950 + first)], **changes).approved()
    enrolments = room.enrol(count, first=first)
    answer = room.put_roster([{"enrolment_id": enrolment["id"]} for enrolment in enrolments])
    assert answer.status == 200, answer.text
    return room.refresh()


def test_a_class_that_shares_nothing_has_its_own_records_and_no_neighbours(world: Any) -> None:
    room = Classroom(world).rostered(3)
    for place in range(3):
        room.attend(place)
    found = gathered(room)
    dossier = found.dossier
    assert dossier.head.id == room.id
    assert (len(dossier.roster), len(dossier.check_ins), len(dossier.people)) == (3, 15, 3)
    assert sorted(record.id for record in dossier.enrolments) == sorted(one["id"] for one in room.enrolments)
    assert dossier.institution is not None
    assert not dossier.neighbours.classes
    assert (found.met, found.left_out) == ([], 0)


def test_a_phone_that_signs_people_in_at_two_classes_makes_them_neighbours(world: Any) -> None:
    here, there = Classroom(world).rostered(2), elsewhere(world, 20)
    at = here.starts() - timedelta(minutes=10)
    assert here.check_in(here.people[0], device_id="one-phone", at=at).status == 201
    assert there.check_in(there.people[0], device_id="one-phone", at=at + timedelta(seconds=20)).status == 201
    assert there.check_in(there.people[1], device_id="her-own", at=at).status == 201
    gathered(here)
    met = gathered(there)
    assert met.met == [here.id], "the other class is to be evaluated again, for it has a new neighbour"
    around = gathered(here).dossier.neighbours
    assert [record.id for record in around.classes] == [there.id]
    (attempt,) = around.check_ins
    assert attempt.enrolment == there.enrolments[0]["id"]
    assert [record.id for record in around.enrolments] == [there.enrolments[0]["id"]]


def test_one_trainer_in_two_classes_brings_their_timetables_together(world: Any) -> None:
    here = Classroom(world).rostered(1)
    site = {
        "name": "他处",
        "address": "合肥",
        "location": {"lng": 117.3, "lat": 31.8, "coord_system": "gcj02"},
    }
    there = Classroom(world, site=site).approved()
    gathered(here)
    gathered(there)
    assert [record.id for record in gathered(here).dossier.neighbours.classes] == [there.id]
    assert not gathered(here).dossier.neighbours.check_ins


def test_other_claims_of_the_same_people_are_told_with_their_occupation(world: Any) -> None:
    from tests.subsidies.scored import Money, scored_class

    money = Money(world)
    money.budget()
    people = ["prs_aaaaaaaaaaaaaaaaaaaaaaaa", "prs_bbbbbbbbbbbbbbbbbbbbbbbb"]
    first = scored_class(world, 2, people=people)
    second = scored_class(world, 2, people=people)
    money.claim(first)
    context = context_at(world.now)
    assert gather(context, first) is not None
    found = gather(context, second)
    assert found is not None
    subsidies = found.dossier.neighbours.subsidies
    assert [(record.class_id, record.claim_status) for record in subsidies] == [(first, "submitted")] * 2
    from chalicelib.supervision.rules.dossier import occupation_of

    assert {record.occupation for record in subsidies} == {occupation_of(found.dossier.project)}


def test_two_people_with_one_phone_in_two_classes_are_told(world: Any) -> None:
    import msgspec

    from chalicelib.accounts.persons.service import person_key_of
    from chalicelib.people.vault import store as vault

    here, there = Classroom(world).rostered(2), elsewhere(world, 20)
    first, second = (person_key_of(room.people[0].id_number) for room in (here, there))
    one, other = vault.find_person(first), vault.find_person(second)
    assert one is not None
    assert other is not None
    vault.save_people([msgspec.structs.replace(other, phone_digest=one.phone_digest)])
    gathered(here)
    gathered(there)
    (alike,) = gathered(here).dossier.neighbours.people
    assert alike.phone_key in {record.phone_key for record in gathered(here).dossier.people}


def test_evaluating_again_writes_no_sighting_and_costs_eleven_calls(world: Any) -> None:
    room = Classroom(world).rostered(12)
    for place in range(12):
        room.attend(place)
    gathered(room)
    before = {row.what: row.places for row in SightingRow.scan()}
    with counted() as calls:
        gathered(room)
    assert len(calls) <= 9, calls
    assert not [call for call in calls if call not in ("Query", "BatchGetItem", "GetItem")]
    assert {row.what: row.places for row in SightingRow.scan()} == before


def test_what_is_seen_everywhere_is_listed_up_to_a_bound() -> None:
    many = frozenset(f"cls_{number:04d}" for number in range(SIGHTED_MAX))
    assert news({"device#a": {"cls_new"}}, {"device#a": many}) == {}
    assert news({"device#a": {"cls_new"}}, {"device#a": frozenset({"cls_new"})}) == {}
    assert news({"device#a": {"cls_new"}}, {}) == {"device#a": {"cls_new"}}


def test_of_many_neighbours_the_nearest_in_time_are_read() -> None:
    spans = {f"cls_{day:02d}": (float(day), float(day) + 1) for day in range(30)}
    assert nearest(spans, (10.0, 11.0), 3, shared={}) == ["cls_09", "cls_10", "cls_11"]
    assert nearest(spans, (10.0, 11.0), 2, shared={"cls_29": 4, "cls_10": 1}) == ["cls_29", "cls_10"]


def test_a_thing_seen_in_too_many_places_is_looked_for_by_quarter(world: Any) -> None:
    """A trainer of sixty classes, or a phone that a cheat has shown in sixty, hides nobody after that."""
    from chalicelib.supervision.dossiers.store import add_sightings

    here, there = Classroom(world).rostered(2), elsewhere(world, 20)
    gathered(here)
    (trainer_name,) = [row.what for row in SightingRow.scan() if row.what.startswith("trainer#")]
    old = {f"cls_{number:024d}" for number in range(SIGHTED_MAX)}
    SightingRow(trainer_name).delete()
    add_sightings({trainer_name: old}, world.change)
    gathered(here)
    by_quarter = {
        row.what: row.places for row in SightingRow.scan() if row.what.startswith(trainer_name + "#")
    }
    assert all(places == {here.id} for places in by_quarter.values())
    assert by_quarter
    add_sightings({name: {there.id} for name in by_quarter}, world.change)
    beside = {head.id for head in gathered(here).dossier.neighbours.classes}
    assert there.id in beside
    before = {row.what: row.places for row in SightingRow.scan()}
    gathered(here)
    assert {row.what: row.places for row in SightingRow.scan()} == before, "again adds nothing"


def test_a_class_that_is_gone_has_no_dossier(world: Any) -> None:
    assert gather(context_at(world.now), "cls_gone") is None
