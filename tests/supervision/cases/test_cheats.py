"""Schemes of somebody who knows the rules, or of one clerk alone: each has to come to nothing."""

from datetime import timedelta
from typing import Any

import pytest

from chalicelib.attendance.check_ins.store import CheckInRow
from chalicelib.kernel.calendar import shanghai_date
from chalicelib.settlement.jobs import Work, seal_settlement
from chalicelib.subsidies.claims.model import claim_id_of
from chalicelib.supervision.dossiers.service import gather
from chalicelib.supervision.evaluations.service import evaluate_class
from tests.subsidies.holds.test_listed import follow, listed
from tests.subsidies.scored import Money, codes, scored_class
from tests.supervision.cases.found import finding, record, resolve
from tests.supervision.cases.test_holds import FREE, HELD, states, trainees
from tests.supervision.evaluations.test_paths import context_at
from tests.supervision.evaluations.test_races import one_phone
from tests.support.people import HEFEI_SCHOOL


@pytest.fixture
def money(world: Any) -> Money:
    money = Money(world)
    money.budget()
    return money


def sealed_in_the_night(money: Money) -> Any:
    """Let the night's worker of the city do its work, without the province's clocks beside it."""
    from types import SimpleNamespace

    message: Any = SimpleNamespace(body={"work": Work.SETTLE, "division": "3401"})
    seal_settlement(message, context_at(money.now))
    items = money.ok(money.api("finance").get("/v1/settlement-batches", {"division": "3401"}, at=money.now))
    return items["items"][0] if items["items"] else None


def test_a_claim_returned_and_filed_again_keeps_the_hold_of_its_class(world: Any, money: Money) -> None:
    class_id = one_phone(world)
    evaluate_class(context_at(money.now), class_id)
    claim = money.claim(class_id)
    back = money.ok(money.decide("clerk", claim, "return", reason="材料不全"))
    again = money.claim(class_id)
    assert again["id"] == back["id"]
    assert {line["status"] for line in again["lines"]} == {"held"}
    reviewed = money.ok(money.decide("clerk", again, "review"))
    money.ok(money.decide("reviewer", reviewed, "approve"))
    money.wait()
    assert money.seal() is None


def test_the_evidence_of_a_held_class_made_clean_afterwards_frees_nothing(world: Any, money: Money) -> None:
    """Who gets at the rows, or corrects devices, does not undo a case: only a supervisor does."""
    class_id = one_phone(world)
    evaluate_class(context_at(money.now), class_id)
    claim = money.publicised(class_id)
    for place, row in enumerate(CheckInRow.query(class_id)):
        row.update(actions=[CheckInRow.came.set({**row.came, "device_id": f"own-{place % 6}"})])
    evaluate_class(context_at(money.now), class_id)
    assert {status for status, _ in states(money, claim)} == {"held"}
    money.wait()
    assert money.seal() is None


def test_a_new_account_while_a_case_is_open_frees_nothing(world: Any, money: Money) -> None:
    from tests.catalogue.payees.test_payees import decide, propose

    class_id = one_phone(world)
    claim = money.publicised(class_id)
    evaluate_class(context_at(money.now), class_id)
    payee = propose(money.api, world).json
    assert decide(money.api, world, payee).status == 200
    money.wait()
    assert money.seal() is None
    assert all("risk_case" in held for _, held in states(money, claim))


def test_a_deleted_or_corrected_list_does_not_undo_the_case_that_it_opened(world: Any, money: Money) -> None:
    """One person corrects a list: the check passes again, and the case still needs its supervisor."""
    class_id = scored_class(world, 2)
    claim = money.publicised(class_id)
    line = money.read(claim)["lines"][0]
    key = listed(money, line["voucher_id"])
    evaluate_class(context_at(money.now), class_id)
    from chalicelib.people.standings.store import StandingsRow

    StandingsRow(key).update(actions=[StandingsRow.standings.set([])])
    follow(money, key)
    money.wait()
    assert money.seal()["count"] == 1
    assert [status for status, _ in states(money, claim)] == ["held", "batched"]
    assert "risk_case" in states(money, claim)[0][1]


def test_two_cases_with_one_line_both_have_to_be_decided(world: Any, money: Money) -> None:
    class_id = scored_class(world, 1)
    claim = money.publicised(class_id)
    one, other = finding(class_id), finding(class_id, rule="impossible_travel", lines=trainees(class_id))
    record(money, one)
    record(money, other)
    money.ok(resolve(money, one, "false_alarm"))
    assert [status for status, _ in states(money, claim)] == ["held"]
    money.ok(resolve(money, other, "false_alarm"))
    assert states(money, claim) == [FREE]
    money.wait()
    assert money.seal()["count"] == 1
    assert money.seal() is None


def test_what_was_tolerated_until_yesterday_is_held_again_before_the_night_seals_it(
    world: Any, money: Money
) -> None:
    """The clock of the province and the city's sealing are two messages: whichever comes first, it is held."""
    class_id = scored_class(world, 1)
    claim = money.publicised(class_id)
    found = finding(class_id)
    record(money, found)
    due_on = shanghai_date(money.now + timedelta(days=20))
    until = {"until": str(due_on - timedelta(days=1))}
    money.ok(resolve(money, found, "tolerated", **until))
    assert states(money, claim) == [FREE]
    money.wait()
    sealed_in_the_night(money)
    assert states(money, claim) == [HELD]


def test_who_had_a_hand_in_a_class_decides_no_case_of_it(world: Any, money: Money) -> None:
    """A clerk who reviewed, a school that filed, a reviewer, finance: none of them takes a case up."""
    class_id = scored_class(world, 1)
    money.publicised(class_id)
    found = finding(class_id)
    record(money, found)
    from chalicelib.supervision.cases.model import case_id_of

    for who in ("clerk", "reviewer", "finance", "institution", "supervisor_wuhu"):
        path = f"/v1/risk-cases/{case_id_of(found)}/take"
        assert money.api(who).post(path, {"version": 1}, at=money.now).status in (403, 404), who


def test_a_case_is_not_talked_down_by_a_warning_that_comes_later(world: Any, money: Money) -> None:
    """What is held is never narrowed by another run: fewer people named, or a warning in place of a hold."""
    from chalicelib.supervision.records.model import Severity

    class_id = scored_class(world, 2)
    claim = money.publicised(class_id)
    record(money, finding(class_id))
    record(money, finding(class_id, lines=trainees(class_id)[:1]))
    record(money, finding(class_id, severity=Severity.WARN, lines=trainees(class_id)[:1]))
    assert states(money, claim) == [HELD, HELD]


def test_a_hold_of_a_case_is_lifted_by_no_release_of_holds(world: Any, money: Money) -> None:
    class_id = scored_class(world, 1)
    claim = money.publicised(class_id)
    record(money, finding(class_id))
    (hold,) = money.read(claim, who="supervisor")["lines"][0]["holds"]
    body = {"version": hold["version"], "reason": "已核实"}
    for who in ("supervisor", "province", "finance", "clerk"):
        answer = money.api(who).post(f"/v1/holds/{hold['id']}/release", body, at=money.now)
        assert answer.status in (403, 409), who
    assert codes(money.read(claim)["lines"][0]) == ["risk_case"]


def test_sealing_by_hand_between_two_evaluations_pays_nothing_that_the_next_would_stop(
    world: Any, money: Money
) -> None:
    """Finance hurries: the class was clean at filing and is cheated by the time of sealing."""
    class_id = scored_class(world, 6)
    evaluate_class(context_at(money.now), class_id)
    claim = money.publicised(class_id)
    for row in CheckInRow.query(class_id):
        row.update(actions=[CheckInRow.came.set({**row.came, "device_id": "one-phone"})])
    money.wait()
    assert money.seal() is None
    assert claim["id"] == claim_id_of(class_id)
    assert {status for status, _ in states(money, claim)} == {"held"}


def test_a_school_whose_absent_are_sent_in_later_and_accepted_stands_in_the_supervisors_list(
    world: Any, money: Money
) -> None:
    """A school sends those who stay away as offline, a clerk accepts them: no rule of position reads that."""
    class_id = scored_class(world, 40)
    away = set(trainees(class_id)[:22])
    for row in CheckInRow.query(class_id):
        if row.enrolment_id in away:
            row.update(actions=[CheckInRow.came.set({**row.came, "offline": True})])
    evaluated = evaluate_class(context_at(money.now), class_id)
    [found] = [one for one in evaluated.findings if one.rule == "offline_check_ins"]
    assert (found.severity, found.lines) == ("hold", sorted(away))
    claim = money.publicised(class_id)
    listed_cases = money.ok(
        money.api("supervisor").get("/v1/risk-cases", {"rule": "offline_check_ins"}, at=money.now)
    )
    assert len(listed_cases["items"]) == 1
    assert {status for status, _ in states(money, claim)} == {"pending"}, (
        "it proves nothing until it is decided"
    )


def test_a_clerk_who_enters_forty_rooms_hides_no_classes_at_once(world: Any, money: Money) -> None:
    """The dossier carries the rooms of before, so that the rule sees what the clerk did."""
    class_id = scored_class(world, 6)
    path = f"/v1/institutions/{HEFEI_SCHOOL}"
    for rooms in (2, 40):
        known = money.ok(money.api("clerk").get(path, at=money.now))
        names = ("name", "division", "address", "phone", "location", "programs", "projects", "version")
        money.ok(
            money.api("clerk").put(
                path, {name: known[name] for name in names} | {"rooms": rooms}, at=money.now
            )
        )
    gathered = gather(context_at(money.now), class_id)
    assert gathered is not None
    assert gathered.dossier.institution is not None
    before = gathered.dossier.institution.rooms_before
    assert gathered.dossier.institution.rooms == 40
    assert before is not None
    assert [one.rooms for one in before] == [2]
