"""Samples that nobody can steer: committed to beforehand, drawn again by anybody, entered by version."""

import hashlib
import hmac
import io
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import openpyxl
import pytest

from chalicelib.classes.store import ClassRow
from chalicelib.supervision.inspections.model import (
    LOTS_MAX,
    InspectionSubject,
    best_lot,
    commitment_of,
    draw,
    minutes_of,
    sample_size,
)
from chalicelib.supervision.records.model import Severity
from tests.subsidies.scored import Money, scored_class, wuhu_class
from tests.supervision.cases.found import finding, record
from tests.support.people import HEFEI_SCHOOL

SEED = "lottery-2026-09-01-0814"


@pytest.fixture
def money(world: Any) -> Money:
    return Money(world)


def inspect(money: Money, *, who: Any = "supervisor", **body: Any) -> Any:
    asked = {"scope": "classes", "division": "3401", "share": 0.5, **body}
    return money.api(who).post("/v1/inspections", asked, at=money.now)


def listed(money: Money, **query: Any) -> Any:
    return money.ok(money.api("supervisor").get("/v1/inspections", query, at=money.now))


# --------------------------------------------------------------------------- the drawing


def subjects(count: int, **lots: int) -> list[InspectionSubject]:
    return [
        InspectionSubject(id=name, class_id=name, institution="u", division="3401", lots=lots.get(name, 1))
        for name in (f"cls_{place:04d}" for place in range(count))
    ]


def test_the_same_seed_and_records_give_the_same_sample_in_any_order() -> None:
    population = subjects(50)
    first = draw(SEED, population, share=0.2)
    assert draw(SEED, reversed(population), share=0.2) == first
    assert len(first) == 10
    assert draw("another-seed", population, share=0.2) != first


def test_a_lot_is_what_the_page_says_and_the_best_of_a_subject_counts() -> None:
    by_hand = [
        hmac.new(SEED.encode(), f"cls_0000#{number}".encode(), hashlib.sha256).hexdigest()
        for number in range(3)
    ]
    (subject,) = subjects(1, cls_0000=3)
    assert best_lot(SEED, subject) == min(by_hand)
    (greedy,) = subjects(1, cls_0000=99)
    (most,) = subjects(1, cls_0000=LOTS_MAX)
    assert best_lot(SEED, greedy) == best_lot(SEED, most)


def test_more_lots_are_drawn_more_often() -> None:
    population = subjects(40, cls_0007=4)
    times = sum(
        "cls_0007" in {item.subject for item in draw(f"seed-{number}", population, share=0.1)}
        for number in range(400)
    )
    even = sum(
        "cls_0008" in {item.subject for item in draw(f"seed-{number}", population, share=0.1)}
        for number in range(400)
    )
    assert 2.5 * even < times < 5 * even


@pytest.mark.parametrize(
    ("population", "share", "size"), [(10, 0.5, 5), (10, 0.01, 1), (3, 0.5, 2), (10, 0.3, 3), (5000, 1, 200)]
)
def test_a_share_is_rounded_up(population: int, share: float, size: int) -> None:
    assert sample_size(population, share) == size


def test_minutes_to_watch_lie_in_the_lesson_and_follow_from_the_seed(world: Any) -> None:
    ends_at = world.now + timedelta(minutes=90)
    minutes = minutes_of(SEED, "les_a-01", world.now, ends_at)
    assert minutes == minutes_of(SEED, "les_a-01", world.now, ends_at)
    assert len(set(minutes)) == 3
    assert all(world.now <= minute < ends_at for minute in minutes)
    assert minutes_of(SEED, "les_a-01", world.now, world.now + timedelta(minutes=2)) == [
        world.now,
        world.now + timedelta(minutes=1),
    ]


# --------------------------------------------------------------------------- commitment


def test_the_seed_is_committed_to_before_it_is_used_and_revealed_after(world: Any, money: Money) -> None:
    for _ in range(4):
        scored_class(world, 1)
    first = money.ok(inspect(money))
    assert (first["committed_at"], first["seed_given"]) == (None, False), "nothing was published before"
    published = listed(money)["next_commitment"]
    money.wait(1)
    second = money.ok(inspect(money))
    assert second["commitment"] == published["commitment"] == commitment_of(second["seed"])
    assert second["committed_at"] == published["committed_at"]
    after = listed(money)
    assert after["next_commitment"]["commitment"] not in (first["commitment"], second["commitment"])
    assert [one["id"] for one in after["items"]] == [second["id"], first["id"]]
    assert listed(money, division="340111")["next_commitment"] is None


def test_a_seed_that_is_given_is_told_as_such_and_uses_up_no_commitment(world: Any, money: Money) -> None:
    for _ in range(4):
        scored_class(world, 1)
    money.ok(inspect(money))
    published = listed(money)["next_commitment"]
    once, again = (money.ok(inspect(money, seed=SEED)) for _ in range(2))
    assert (once["seed"], once["seed_given"], once["commitment"]) == (SEED, True, commitment_of(SEED))
    assert once["items"] == again["items"]
    assert once["population_digest"] == again["population_digest"]
    assert listed(money)["next_commitment"] == published


def test_who_reads_the_table_does_not_know_the_next_seed(world: Any, money: Money) -> None:
    from chalicelib.supervision.inspections.store import NextSeedRow

    scored_class(world, 1)
    money.ok(inspect(money))
    held = NextSeedRow.get("3401").record
    assert commitment_of(held.nonce) != held.commitment
    seed = money.ok(inspect(money))["seed"]
    assert commitment_of(seed) == held.commitment


# --------------------------------------------------------------------------- what is drawn


def test_classes_with_open_cases_have_more_lots(world: Any, money: Money) -> None:
    suspect, other = scored_class(world, 1), scored_class(world, 1)
    record(
        money,
        finding(suspect, severity=Severity.WARN),
        finding(suspect, severity=Severity.WARN, rule="footage_gap"),
    )
    items = money.ok(inspect(money, share=1))["items"]
    assert {item["subject"]: item["lots"] for item in items} == {suspect: 3, other: 1}
    assert all(item["lesson"].startswith("les_") and len(item["minutes"]) == 3 for item in items)


def test_lessons_and_trainees_are_drawn_of_the_division_only(world: Any, money: Money) -> None:
    class_id = scored_class(world, 3)
    wuhu_class(world)
    lessons = money.ok(inspect(money, scope="lessons", share=1))
    assert {item["class_id"] for item in lessons["items"]} == {class_id}
    trainees = money.ok(inspect(money, scope="trainees", share=0.5))
    assert (trainees["population"], trainees["count"]) == (3, 2)
    roster = ClassRow.get(class_id, "roster").record.roster
    assert {item["subject"] for item in trainees["items"]} < set(roster.values())
    assert {item["institution"] for item in trainees["items"]} == {HEFEI_SCHOOL}


def test_classes_long_over_and_areas_without_any_are_not_inspected(world: Any, money: Money) -> None:
    scored_class(world, 1)
    money.wait(120)
    answer = inspect(money)
    assert (answer.status, answer.json["code"]) == (409, "nothing_to_inspect")


def test_only_supervisors_of_the_area_and_the_province_inspect(world: Any, money: Money) -> None:
    scored_class(world, 1)
    assert inspect(money, who="clerk").status == 403
    assert inspect(money, who="supervisor_wuhu").status == 404
    inspection = money.ok(inspect(money, who="province", division="34"))
    path = f"/v1/inspections/{inspection['id']}"
    assert money.api("supervisor").get(path, at=money.now).status == 404
    assert money.api("province").get(path, at=money.now).json["items"] == inspection["items"]
    assert inspect(money, division="99").json["code"] == "malformed"


# --------------------------------------------------------------------------- entries


def test_what_was_found_is_entered_once_and_corrected_by_version(world: Any, money: Money) -> None:
    class_id = scored_class(world, 1)
    inspection = money.ok(inspect(money, share=1))
    path = f"/v1/inspections/{inspection['id']}"

    def enter(subject: str, **body: Any) -> Any:
        asked = {"outcome": "in_order", **body}
        return money.api("supervisor").put(f"{path}/entries/{subject}", asked, at=money.now)

    entry = money.ok(enter(class_id, note="到场核实"))
    assert (entry["outcome"], entry["note"], entry["version"]) == ("in_order", "到场核实", 1)
    assert enter(class_id, outcome="deviation").json["code"] == "version_conflict"
    corrected = money.ok(enter(class_id, outcome="deviation", version=1))
    assert (corrected["outcome"], corrected["version"]) == ("deviation", 2)
    assert enter("cls_elsewhere").status == 404
    (item,) = money.ok(money.api("supervisor").get(path, at=money.now))["items"]
    assert item["entry"] == corrected


# --------------------------------------------------------------------------- phones


def sheet_of(world: Any, answer: Any) -> list[tuple[Any, ...]]:
    from chalicelib.aws import objects
    from chalicelib.aws.settings import settings

    key = urlsplit(answer["url"]).path.partition("/reports/")[2]
    raw = objects.read_object(settings().intake_bucket, f"reports/{key}")
    assert raw is not None
    sheet = openpyxl.load_workbook(io.BytesIO(raw)).worksheets[0]
    return [tuple(row) for row in sheet.iter_rows(values_only=True)]


def test_a_sheet_of_phones_is_masked_unless_asked_for_and_who_looked_is_recorded(
    world: Any, money: Money
) -> None:
    from chalicelib.accounts.disclosures.store import AccessRow
    from chalicelib.accounts.persons.service import person_key_of

    person = world.person(1)
    world.enrolment(person)
    scored_class(world, 1, people=[person_key_of(person.id_number)])
    inspection = money.ok(inspect(money, scope="trainees", share=1))
    path = f"/v1/inspections/{inspection['id']}/phones"
    masked = sheet_of(world, money.ok(money.api("supervisor").get(path, at=money.now)))
    assert masked[0][2:4] == ("姓名", "手机号")
    assert "*" in masked[1][2]
    assert "*" in masked[1][3]
    opened = sheet_of(world, money.ok(money.api("supervisor").get(path, {"opened": "true"}, at=money.now)))
    assert opened[1][2:4] == (person.name, person.phone)
    looks = [row.record for row in AccessRow.query(inspection["id"])]
    assert sorted((look.purpose, look.items) for look in looks) == [
        ("inspection.call", 1),
        ("inspection.call_masked", 1),
    ]
    assert money.api("clerk").get(path, {"opened": "true"}, at=money.now).status == 403
