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
from tests.settlement.test_faults import Died, before_each_call, die_at
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
    before = listed(money)["next_commitment"]
    assert listed(money)["next_commitment"] == before
    first = money.ok(inspect(money))
    assert first["commitment"] == before["commitment"], "a division's first seed is committed to as well"
    assert (first["committed_at"], first["seed_given"]) == (None, False), "without a date"
    published = listed(money)["next_commitment"]
    money.wait(1)
    second = money.ok(inspect(money))
    assert second["commitment"] == published["commitment"] == commitment_of(second["seed"])
    assert second["committed_at"] == published["committed_at"]
    after = listed(money)
    assert after["next_commitment"]["commitment"] not in (first["commitment"], second["commitment"])
    assert [one["id"] for one in after["items"]] == [second["id"], first["id"]]
    assert listed(money, division="340111")["next_commitment"]["commitment"] != before["commitment"]


def test_a_word_that_is_given_is_mixed_into_the_seed_and_cannot_be_tried_out(
    world: Any, money: Money
) -> None:
    """A person tried seeds at home until the sample was convenient, and gave that one."""
    for _ in range(6):
        scored_class(world, 1)
    published = listed(money)["next_commitment"]
    once = money.ok(inspect(money, seed=SEED))
    assert (once["public_word"], once["seed_given"]) == (SEED, True)
    assert commitment_of(once["seed"]) == once["commitment"] == published["commitment"], (
        "it uses the seed up that was committed to"
    )
    key = hmac.new(once["seed"].encode(), SEED.encode(), hashlib.sha256).hexdigest()
    drawn = InspectionSubject(id=once["items"][0]["subject"], class_id="c", institution="u", division="3401")
    assert once["items"][0]["lot"] == best_lot(key, drawn) != best_lot(SEED, drawn)
    again = money.ok(inspect(money, seed=SEED))
    assert again["population_digest"] == once["population_digest"]
    assert [item["lot"] for item in again["items"]] != [item["lot"] for item in once["items"]], (
        "the same word draws another sample with the next seed"
    )
    on_record = {one["id"] for one in listed(money)["items"]}
    assert on_record == {again["id"], once["id"]}, "each try is on record"


def test_an_inspection_of_before_whose_seed_was_given_is_still_read(world: Any, money: Money) -> None:
    from chalicelib.supervision.inspections.store import InspectionEntryRow, InspectionRow

    class_id = scored_class(world, 1)
    inspection = money.ok(inspect(money, share=1))
    path = f"/v1/inspections/{inspection['id']}"
    money.ok(
        money.api("supervisor").put(f"{path}/entries/{class_id}", {"outcome": "deviation"}, at=money.now)
    )
    InspectionRow.get(inspection["id"]).update(
        actions=[
            InspectionRow.seed.set(SEED),
            InspectionRow.seed_given.set(True),
            InspectionRow.public_word.remove(),
        ]
    )
    InspectionEntryRow.get(inspection["id"], class_id).update(
        actions=[InspectionEntryRow.earlier.remove(), InspectionEntryRow.case_id.remove()]
    )
    read = money.ok(money.api("province").get(path, at=money.now))
    assert (read["seed"], read["seed_given"], read["public_word"]) == (SEED, True, None)
    assert (read["items"][0]["entry"]["earlier"], read["items"][0]["entry"]["case_id"]) == ([], None)
    replaced = money.ok(
        money.api("province").put(
            f"{path}/entries/{class_id}", {"outcome": "in_order", "version": 1}, at=money.now
        )
    )
    assert [earlier["outcome"] for earlier in replaced["earlier"]] == ["deviation"]


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


class Sample:
    """A sample of everything there is, with what is entered of it."""

    def __init__(self, money: Money, scope: str = "classes") -> None:
        self.money = money
        self.drawn = money.ok(inspect(money, scope=scope, share=1))
        self.path = f"/v1/inspections/{self.drawn['id']}"
        self.subjects = [item["subject"] for item in self.drawn["items"]]

    def enter(self, subject: str, outcome: str, *, who: Any = "supervisor", **body: Any) -> Any:
        path = f"{self.path}/entries/{subject}"
        return self.money.api(who).put(path, {"outcome": outcome, **body}, at=self.money.now)

    def item(self, subject: str, who: Any = "supervisor") -> Any:
        items = self.money.ok(self.money.api(who).get(self.path, at=self.money.now))["items"]
        return next(item for item in items if item["subject"] == subject)


def test_what_was_entered_is_replaced_by_another_person_and_stays_on_record(world: Any, money: Money) -> None:
    """Who entered a deviation wrote over it by themselves, and nobody saw that it had been there."""
    class_id = scored_class(world, 1)
    sample = Sample(money)
    entry = money.ok(sample.enter(class_id, "deviation", note="到课五人"))
    assert (entry["outcome"], entry["note"], entry["version"], entry["earlier"]) == (
        "deviation",
        "到课五人",
        1,
        [],
    )
    assert sample.item(class_id)["allowed_actions"] == []
    alone = sample.enter(class_id, "in_order", version=1)
    assert (alone.status, alone.json["code"]) == (403, "self_approval")
    assert sample.item(class_id, "province")["allowed_actions"] == ["enter"]
    assert sample.enter(class_id, "in_order", who="province").json["code"] == "version_conflict"
    money.wait(1)
    replaced = money.ok(sample.enter(class_id, "in_order", who="province", version=1, note="已复核"))
    assert (replaced["outcome"], replaced["version"]) == ("in_order", 2)
    (earlier,) = replaced["earlier"]
    assert (earlier["outcome"], earlier["note"], earlier["version"]) == ("deviation", "到课五人", 1)
    assert (earlier["entered_by"], earlier["entered_at"]) == (entry["entered_by"], entry["entered_at"])
    for who in ("supervisor", "province"):
        assert sample.enter(class_id, "deviation", who=who, version=2).json["code"] == "self_approval"
    last = money.ok(sample.enter(class_id, "deviation", who="province_two", version=2))
    assert [one["outcome"] for one in last["earlier"]] == ["deviation", "in_order"]
    assert sample.enter("cls_elsewhere", "in_order").status == 404
    assert sample.item(class_id)["entry"] == last


def test_an_entry_sent_twice_answers_like_the_first(world: Any, money: Money) -> None:
    class_id = scored_class(world, 1)
    sample = Sample(money)
    first, second = (sample.enter(class_id, "deviation", note="无人上课") for _ in range(2))
    assert (first.status, first.json) == (second.status, second.json)


def test_of_two_who_enter_at_once_one_is_told_that_the_other_was_first(world: Any, money: Money) -> None:
    class_id = scored_class(world, 1)
    sample = Sample(money)
    begun: list[None] = []

    def other(_: int) -> None:
        if not begun:
            begun.append(None)
            money.ok(sample.enter(class_id, "deviation", who="province"))

    with before_each_call(other):
        answer = sample.enter(class_id, "in_order")
    assert begun
    assert sample.item(class_id)["entry"]["outcome"] == "deviation"
    assert answer.json.get("code") == "version_conflict"


# --------------------------------------------------------------------------- what a deviation stops


def case_of(money: Money, case_id: str, who: str = "supervisor") -> Any:
    return money.ok(money.api(who).get(f"/v1/risk-cases/{case_id}", at=money.now))


def decide(money: Money, case_id: str, outcome: str, who: str = "province") -> Any:
    path = f"/v1/risk-cases/{case_id}"
    version = case_of(money, case_id)["version"]
    taken = money.api(who).post(f"{path}/take", {"version": version}, at=money.now)
    if taken.status != 200:
        return taken
    body = {"version": version + 1, "outcome": outcome, "reason": "已复核"}
    return money.api(who).post(f"{path}/resolve", body, at=money.now)


def statuses(money: Money, claim: Any) -> list[str]:
    return [line["status"] for line in money.read(claim)["lines"]]


@pytest.mark.parametrize(("scope", "kind"), [("classes", "class"), ("lessons", "lesson")])
def test_a_deviation_of_a_class_or_lesson_stops_all_its_lines_at_once(
    world: Any, money: Money, scope: str, kind: str
) -> None:
    money.budget()
    class_id = scored_class(world, 2)
    claim = money.publicised(class_id)
    sample = Sample(money, scope)
    entry = money.ok(sample.enter(sample.subjects[0], "deviation", note="无人上课"))
    assert statuses(money, claim) == ["held", "held"]
    case = case_of(money, entry["case_id"])
    assert (case["rule"], case["severity"], case["status"]) == ("inspection_deviation", "hold", "open")
    assert case["subject"] == {"kind": kind, "id": sample.subjects[0]}
    assert (case["class"], case["lines"]) == (class_id, [])
    (told,) = case["findings"]
    assert told["evidence"] == {
        "inspections": [sample.drawn["id"]],
        "entry_version": 1,
        "found_by": [entry["entered_by"]],
    }
    (line, *_) = money.read(claim)["lines"]
    assert [hold["code"] for hold in line["holds"]] == ["risk_case"]


def test_a_deviation_of_a_trainee_stops_their_line_alone_also_one_that_is_filed_later(
    world: Any, money: Money
) -> None:
    money.budget()
    scored_class(world, 3)
    class_id = scored_class(world, 2)
    sample = Sample(money, "trainees")
    roster = ClassRow.get(class_id, "roster").record.roster
    whom = min(roster.values())
    money.ok(sample.enter(whom, "deviation"))
    held = {line["enrolment_id"]: line["status"] for line in money.read(money.claim(class_id))["lines"]}
    assert held.pop(whom) == "held"
    assert set(held.values()) == {"pending"}


def test_what_is_in_order_or_was_not_reached_stops_nothing(world: Any, money: Money) -> None:
    money.budget()
    first, second = scored_class(world, 1), scored_class(world, 1)
    claims = [money.publicised(class_id) for class_id in (first, second)]
    sample = Sample(money)
    for class_id, outcome in ((first, "in_order"), (second, "not_reached")):
        assert money.ok(sample.enter(class_id, outcome))["case_id"] is None
    assert [statuses(money, claim) for claim in claims] == [["pending"], ["pending"]]
    assert money.ok(money.api("supervisor").get("/v1/risk-cases", at=money.now))["items"] == []


def test_replacing_a_deviation_lifts_nothing_and_its_case_is_decided_as_every_case(
    world: Any, money: Money
) -> None:
    money.budget()
    class_id = scored_class(world, 1)
    claim = money.publicised(class_id)
    sample = Sample(money)
    entry = money.ok(sample.enter(class_id, "deviation"))
    replaced = money.ok(sample.enter(class_id, "in_order", who="province", version=1))
    assert replaced["case_id"] == entry["case_id"]
    assert statuses(money, claim) == ["held"]
    assert case_of(money, entry["case_id"])["status"] == "open"
    money.ok(decide(money, entry["case_id"], "false_alarm", who="province_two"))
    assert statuses(money, claim) == ["pending"]


def test_who_found_a_deviation_does_not_judge_it(world: Any, money: Money) -> None:
    """One supervisor alone could stop a school's money for good, or let go what they had stopped."""
    money.budget()
    class_id = scored_class(world, 1)
    claim = money.publicised(class_id)
    entry = money.ok(Sample(money).enter(class_id, "deviation"))
    assert case_of(money, entry["case_id"])["allowed_actions"] == []
    for outcome in ("confirmed", "false_alarm"):
        refused = decide(money, entry["case_id"], outcome, who="supervisor")
        assert (refused.status, refused.json["code"]) == (403, "self_approval")
    money.ok(decide(money, entry["case_id"], "confirmed"))
    assert statuses(money, claim) == ["held"]


def test_a_second_inspection_that_finds_a_deviation_opens_the_case_again_beside_the_first(
    world: Any, money: Money
) -> None:
    money.budget()
    class_id = scored_class(world, 1)
    claim = money.publicised(class_id)
    entry = money.ok(Sample(money).enter(class_id, "deviation"))
    money.ok(decide(money, entry["case_id"], "false_alarm"))
    money.wait(1)
    second = Sample(money)
    again = money.ok(second.enter(class_id, "deviation", who="province_two"))
    assert again["case_id"] == entry["case_id"]
    case = case_of(money, entry["case_id"])
    assert (case["status"], len(case["findings"])) == ("open", 2)
    assert statuses(money, claim) == ["held"]
    once_more = money.ok(second.enter(class_id, "deviation", who="province_two"))
    assert once_more == again
    assert case_of(money, entry["case_id"])["version"] == case["version"]


def test_a_deviation_killed_after_any_call_is_never_on_record_without_its_stop(
    world: Any, money: Money
) -> None:
    money.budget()
    class_id = scored_class(world, 1)
    claim = money.publicised(class_id)
    sample = Sample(money)
    died = 0
    for number in range(1, 60):
        try:
            with before_each_call(die_at(number)):
                answer = sample.enter(class_id, "deviation")
        except Died:
            died += 1
            entry = sample.item(class_id)["entry"]
            assert entry is None or statuses(money, claim) == ["held"], number
            continue
        break
    assert died > 5
    entry = money.ok(answer)
    assert statuses(money, claim) == ["held"]
    assert (entry["version"], len(case_of(money, entry["case_id"])["findings"])) == (1, 1)


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
