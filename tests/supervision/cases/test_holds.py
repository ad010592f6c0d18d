"""What a case holds is not sealed, whatever comes first: finding, filing, review or sealing; lifted, it is, once."""

import contextlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.classes.store import ClassRow
from chalicelib.kernel.calendar import shanghai_date
from chalicelib.programs.model import Policy
from chalicelib.subsidies.claims.model import claim_id_of
from chalicelib.subsidies.claims.store import LineRow, find_claim, find_lines
from chalicelib.subsidies.holds.store import find_class_holds
from chalicelib.supervision.records.model import FindingKind, Severity
from chalicelib.supervision.rules.register import ONLY_ALIKE
from tests.settlement.test_faults import Died, before_each_call, die_at
from tests.subsidies.scored import Money, codes, scored_class
from tests.supervision.cases.found import finding, read, record, resolve, take


@pytest.fixture
def money(world: Any) -> Money:
    money = Money(world)
    money.budget()
    return money


def aside(act: Callable[[], object]) -> None:
    """Do something as another process would, in the middle of a call."""
    with ThreadPoolExecutor(max_workers=1) as other:
        other.submit(act).result()


def trainees(class_id: str) -> list[str]:
    return sorted(ClassRow.get(class_id, "roster").record.roster.values())


def states(money: Money, claim: Any) -> list[tuple[str, list[str]]]:
    return [(line["status"], codes(line)) for line in money.read(claim)["lines"]]


HELD, FREE = ("held", ["risk_case"]), ("pending", [])


def test_a_finding_holds_the_lines_it_names_and_no_others(world: Any, money: Money) -> None:
    class_id = scored_class(world, 3)
    claim = money.publicised(class_id)
    found = finding(class_id, lines=trainees(class_id)[:1])
    record(money, found)
    assert states(money, claim) == [HELD, FREE, FREE]
    money.wait()
    assert money.seal()["count"] == 2
    assert money.seal() is None


def test_a_finding_that_names_nobody_holds_everybody_in_the_class(world: Any, money: Money) -> None:
    class_id = scored_class(world, 2)
    claim = money.publicised(class_id)
    record(money, finding(class_id))
    assert states(money, claim) == [HELD, HELD]
    money.wait()
    assert money.seal() is None


def test_a_warning_holds_nothing(world: Any, money: Money) -> None:
    class_id = scored_class(world, 2)
    claim = money.publicised(class_id)
    record(money, finding(class_id, severity=Severity.WARN))
    assert states(money, claim) == [FREE, FREE]
    assert find_class_holds(class_id) is None


def test_a_finding_before_the_claim_holds_the_lines_once_they_are_filed(world: Any, money: Money) -> None:
    class_id = scored_class(world, 2)
    record(money, finding(class_id, lines=trainees(class_id)[1:]))
    claim = money.publicised(class_id)
    assert states(money, claim) == [FREE, HELD]
    money.wait()
    assert money.seal()["count"] == 1


def test_what_is_found_of_a_person_holds_the_lines_named_in_each_class(world: Any, money: Money) -> None:
    classes = [scored_class(world, 2), scored_class(world, 2)]
    claims = [money.publicised(classes[0]), None]
    lines = [trainees(class_id)[0] for class_id in classes]
    record(money, finding(None, kind=FindingKind.PERSON, subject="prs_x", lines=lines, institution=None))
    claims[1] = money.publicised(classes[1])
    assert [states(money, claim) for claim in claims] == [[HELD, FREE], [HELD, FREE]]


def test_a_held_line_says_why_and_who_lifts_it_and_not_by_which_rule(world: Any, money: Money) -> None:
    class_id = scored_class(world, 1)
    claim = money.publicised(class_id)
    found = finding(class_id)
    record(money, found)
    (shown,) = money.read(claim, who="institution")["lines"][0]["holds"]
    assert (shown["code"], shown["released_by"]) == ("risk_case", ["supervisor", "province"])
    assert "监管核查中" in shown["reason"]
    assert (
        "shared_device"
        not in money.api("institution").get(f"/v1/subsidy-claims/{claim['id']}", at=money.now).text
    )
    case = read(money, found)
    path = f"/v1/holds/{shown['id']}/release"
    answer = money.api("supervisor").post(path, {"version": 1, "reason": "放行"}, at=money.now)
    assert (answer.status, answer.json["code"]) == (409, "hold_of_case")
    assert case["id"] in answer.json["detail"]
    (listed,) = money.ok(money.api("supervisor").get("/v1/holds", at=money.now))["items"]
    assert (listed["subject"], listed["evidence"], listed["allowed_actions"]) == (
        {"kind": "class", "id": class_id},
        case["id"],
        [],
    )


def test_nobody_places_a_hold_on_a_class_by_hand(world: Any, money: Money) -> None:
    body = {"subject": {"kind": "class", "id": scored_class(world, 1)}, "reason": "核查"}
    assert money.api("supervisor").post("/v1/holds", body, at=money.now).status == 400


@pytest.mark.parametrize(("outcome", "lifted"), [("false_alarm", True), ("confirmed", False)])
def test_a_false_alarm_lets_lines_go_to_be_sealed_once_and_what_is_confirmed_stays_held(
    world: Any, money: Money, outcome: str, lifted: bool
) -> None:
    class_id = scored_class(world, 2)
    claim = money.publicised(class_id)
    found = finding(class_id)
    record(money, found)
    money.wait()
    assert money.seal() is None
    money.ok(resolve(money, found, outcome))
    record(money, found)
    assert states(money, claim) == [FREE if lifted else HELD] * 2
    batch = money.seal()
    assert (batch["count"] if batch else 0) == (2 if lifted else 0)
    assert money.seal() is None


def test_a_false_alarm_before_the_claim_leaves_nothing_on_its_lines(world: Any, money: Money) -> None:
    class_id = scored_class(world, 1)
    found = finding(class_id)
    record(money, found)
    money.ok(resolve(money, found, "false_alarm"))
    assert states(money, money.publicised(class_id)) == [FREE]


def test_another_case_keeps_what_one_lets_go_and_new_evidence_holds_again(world: Any, money: Money) -> None:
    class_id = scored_class(world, 1)
    claim = money.publicised(class_id)
    found, other = finding(class_id), finding(class_id, rule="mock_location")
    record(money, found, other)
    assert states(money, claim) == [("held", ["risk_case", "risk_case"])]
    money.ok(resolve(money, found, "false_alarm"))
    assert states(money, claim) == [HELD]
    money.ok(resolve(money, other, "false_alarm"))
    assert states(money, claim) == [FREE]
    record(money, finding(class_id, people=9))
    assert states(money, claim) == [HELD]


def test_a_finding_that_grows_holds_more_and_one_that_shrinks_lets_nothing_go(
    world: Any, money: Money
) -> None:
    class_id = scored_class(world, 3)
    claim = money.publicised(class_id)
    whom = trainees(class_id)
    record(money, finding(class_id, lines=whom[:1]))
    record(money, finding(class_id, lines=whom[:2], people=2))
    assert states(money, claim) == [HELD, HELD, FREE]
    record(money, finding(class_id, lines=whom[:1], people=1))
    assert states(money, claim) == [HELD, HELD, FREE]


def test_a_line_in_a_sealed_batch_is_taken_out_and_one_the_bank_has_is_told_as_too_late(
    world: Any, money: Money
) -> None:
    classes = [scored_class(world, 2), scored_class(world, 1)]
    money.publicised(classes[0])
    money.wait()
    batch = money.seal()
    record(money, finding(classes[0], lines=trainees(classes[0])[:1]))
    assert money.batch(batch)["count"] == 1
    money.export(batch)
    late = record(money, finding(classes[0], lines=trainees(classes[0]), people=2))
    assert len(late.too_late) == 1


def test_a_line_that_second_review_rejected_comes_back_held(world: Any, money: Money) -> None:
    class_id = scored_class(world, 2)
    claim = money.ok(money.decide("clerk", money.claim(class_id), "review"))
    rejected = [{"id": money.read(claim)["lines"][0]["id"], "reason": "材料不全"}]
    claim = money.ok(money.decide("reviewer", claim, "approve", rejected_lines=rejected))
    record(money, finding(class_id))
    claim = money.ok(money.decide("reviewer", money.read(claim), "approve/withdraw", reason="看错"))
    assert states(money, claim) == [HELD, HELD]


def test_a_line_that_was_rejected_while_its_class_was_let_go_comes_back_free(
    world: Any, money: Money
) -> None:
    class_id = scored_class(world, 2)
    found = finding(class_id)
    record(money, found)
    claim = money.ok(money.decide("clerk", money.claim(class_id), "review"))
    rejected = [{"id": money.read(claim)["lines"][0]["id"], "reason": "材料不全"}]
    claim = money.ok(money.decide("reviewer", claim, "approve", rejected_lines=rejected))
    money.ok(resolve(money, found, "false_alarm"))
    claim = money.ok(money.decide("reviewer", money.read(claim), "approve/withdraw", reason="看错"))
    assert states(money, claim) == [FREE, FREE]


# --------------------------------------------------------------------------- races


@pytest.mark.parametrize("number", range(1, 16))
def test_a_finding_at_any_call_of_filing_holds_what_is_filed(world: Any, money: Money, number: int) -> None:
    class_id = scored_class(world, 2)
    payability = money.payability(class_id)
    body = {"declared_count": payability["count"], "declared_amount_fen": payability["amount_fen"]}
    begun: list[None] = []

    def act(call: int) -> None:
        if call == number and not begun:
            begun.append(None)
            aside(lambda: record(money, finding(class_id, lines=trainees(class_id)[:1])))

    with before_each_call(act):
        path = f"/v1/classes/{class_id}/subsidy-claims"
        claim = money.ok(money.api("institution").post(path, body, at=money.now))
    if not begun:
        record(money, finding(class_id, lines=trainees(class_id)[:1]))
    assert states(money, claim) == [HELD, FREE]


@pytest.mark.parametrize("number", range(1, 14))
def test_filing_at_any_call_of_a_finding_files_what_is_held(world: Any, money: Money, number: int) -> None:
    class_id = scored_class(world, 2)
    claims: list[Any] = []

    def act(call: int) -> None:
        if call == number and not claims:
            claims.append(None)
            aside(lambda: claims.append(money.claim(class_id)))

    with before_each_call(act):
        record(money, finding(class_id))
    claim = claims[1] if claims else money.claim(class_id)
    assert states(money, claim) == [HELD, HELD]


@pytest.mark.parametrize("number", range(1, 20))
def test_a_finding_at_any_call_of_second_review_holds(world: Any, money: Money, number: int) -> None:
    class_id = scored_class(world, 1)
    claim = money.ok(money.decide("clerk", money.claim(class_id), "review"))
    begun: list[None] = []

    def act(call: int) -> None:
        if call == number and not begun:
            begun.append(None)
            aside(lambda: record(money, finding(class_id)))

    with before_each_call(act):
        money.ok(money.decide("reviewer", claim, "approve"))
    if not begun:
        record(money, finding(class_id))
    assert states(money, claim) == [HELD]
    money.wait()
    assert money.seal() is None


@pytest.mark.parametrize("number", range(1, 24))
def test_a_finding_at_any_call_of_sealing_is_never_sealed_over(world: Any, money: Money, number: int) -> None:
    class_id = scored_class(world, 2)
    claim = money.publicised(class_id)
    money.wait()
    begun: list[None] = []

    def act(call: int) -> None:
        if call == number and not begun:
            begun.append(None)
            aside(lambda: record(money, finding(class_id, lines=trainees(class_id)[:1])))

    with before_each_call(act):
        batch = money.seal()
    if not begun:
        record(money, finding(class_id, lines=trainees(class_id)[:1]))
    assert states(money, claim)[0][1] == ["risk_case"]
    exported = money.export(batch)
    assert exported is not None
    (paid,) = [line for line in money.batch(batch)["lines"] if line["status"] != "withdrawn"]
    assert paid["line_id"] == find_claim(claim["id"]).line_ids[1]  # type: ignore[union-attr]


@pytest.mark.parametrize("number", range(1, 24))
def test_what_is_lifted_at_any_call_of_sealing_is_sealed_once(world: Any, money: Money, number: int) -> None:
    class_id = scored_class(world, 2)
    claim = money.publicised(class_id)
    found = finding(class_id, lines=trainees(class_id)[:1])
    record(money, found)
    money.wait()
    begun: list[None] = []

    def act(call: int) -> None:
        if call == number and not begun:
            begun.append(None)
            aside(lambda: money.ok(resolve(money, found, "false_alarm")))

    with before_each_call(act):
        batches = [money.seal()]
    if not begun:
        money.ok(resolve(money, found, "false_alarm"))
    batches.append(money.seal())
    lines = [
        line["line_id"]
        for batch in {batch["id"]: batch for batch in batches if batch}.values()
        for line in money.batch(batch)["lines"]
    ]
    assert sorted(lines) == sorted(find_claim(claim["id"]).line_ids)  # type: ignore[union-attr]


@pytest.mark.parametrize("number", range(1, 16))
def test_a_decision_at_any_call_of_a_run_leaves_no_hold_that_nobody_can_lift(
    world: Any, money: Money, number: int
) -> None:
    class_id = scored_class(world, 1)
    claim = money.publicised(class_id)
    record(money, finding(class_id))
    more = finding(class_id, people=7)
    begun: list[None] = []

    def act(call: int) -> None:
        if call == number and not begun:
            begun.append(None)
            aside(lambda: money.ok(resolve(money, more, "false_alarm")))

    with before_each_call(act):
        record(money, more)
    stands = read(money, more)["status"] != "resolved"
    assert states(money, claim) == [HELD if stands else FREE]


@pytest.mark.parametrize("number", range(1, 14))
def test_a_run_that_died_anywhere_is_completed_by_the_next(world: Any, money: Money, number: int) -> None:
    class_id = scored_class(world, 2)
    claim = money.publicised(class_id)
    with before_each_call(die_at(number)), contextlib.suppress(Died):
        record(money, finding(class_id))
    record(money, finding(class_id))
    assert states(money, claim) == [HELD, HELD]


def test_a_decision_whose_lifting_was_lost_is_completed_by_its_repeat_or_the_next_run(
    world: Any, money: Money
) -> None:
    class_id = scored_class(world, 1)
    claim = money.publicised(class_id)
    found = finding(class_id)
    record(money, found)
    from chalicelib.supervision.cases.model import Outcome, case_id_of, resolved, taken
    from chalicelib.supervision.cases.store import find_case, move

    case = find_case(case_id_of(found))
    assert case is not None
    held = move(case, taken(case, by="acc_s", now=money.now), world.change)
    after = resolved(held, Outcome.FALSE_ALARM, by="acc_s", reason="误报", until=None, now=money.now)
    move(held, after, world.change)
    assert states(money, claim) == [HELD]
    record(money, found)
    assert states(money, claim) == [FREE]
    assert all(not line.holds for line in find_lines(find_claim(claim_id_of(class_id)).line_ids))  # type: ignore[union-attr]
    assert LineRow.get(money.read(claim)["lines"][0]["id"]).record.status == "pending"


def stop_at_once(api: Any, money: Money) -> None:
    """Have the program stop what only looks like cheating before it is decided on, as programs usually do."""
    province = api("province")
    (program,) = province.get("/v1/programs").json["items"]
    body = {"version": program["version"], "policy": program["policy"] | {"patterns_stop_payment": True}}
    changed = province.post(f"/v1/programs/{program['id']}/policy", body, at=money.now)
    assert changed.status == 201, changed.text


ALIKE = sorted(ONLY_ALIKE)


@pytest.mark.parametrize("rule", ALIKE)
def test_what_only_looks_like_cheating_stops_payment_until_a_supervisor_has_decided(
    world: Any, money: Money, api: Any, rule: str
) -> None:
    """A class with four grave cases that nobody had looked at was sealed and paid: the default waited."""
    assert Policy().patterns_stop_payment
    class_id = scored_class(world, 2)
    claim = money.publicised(class_id)
    stop_at_once(api, money)
    found = finding(class_id, rule=rule, lines=trainees(class_id)[:1])
    record(money, found)
    assert states(money, claim) == [HELD, FREE]
    money.ok(resolve(money, found, "false_alarm"))
    assert states(money, claim) == [FREE, FREE]


@pytest.mark.parametrize("rule", ALIKE)
def test_by_policy_what_only_looks_like_cheating_stops_payment_once_a_supervisor_has_confirmed_it(
    world: Any, money: Money, rule: str
) -> None:
    class_id = scored_class(world, 2)
    claim = money.publicised(class_id)
    found = finding(class_id, rule=rule, lines=trainees(class_id)[:1])
    record(money, found)
    assert states(money, claim) == [FREE, FREE]
    money.ok(resolve(money, found, "confirmed"))
    assert states(money, claim) == [HELD, FREE]
    money.wait()
    assert money.seal()["count"] == 1
    assert money.seal() is None


def test_what_is_confirmed_before_the_claim_holds_the_lines_once_they_are_filed(
    world: Any, money: Money
) -> None:
    class_id = scored_class(world, 2)
    found = finding(class_id, rule="uniform_scores")
    record(money, found)
    money.ok(resolve(money, found, "confirmed"))
    assert states(money, money.publicised(class_id)) == [HELD, HELD]


def test_a_confirmed_case_takes_its_lines_out_of_a_sealed_batch(world: Any, money: Money) -> None:
    class_id = scored_class(world, 2)
    money.publicised(class_id)
    money.wait()
    batch = money.seal()
    found = finding(class_id, rule="uniform_scores", lines=trainees(class_id)[:1])
    record(money, found)
    assert money.batch(batch)["count"] == 2
    money.ok(resolve(money, found, "confirmed"))
    assert money.batch(batch)["count"] == 1


def test_a_confirmed_warning_stops_the_lines_it_names(world: Any, money: Money) -> None:
    class_id = scored_class(world, 2)
    claim = money.publicised(class_id)
    found = finding(class_id, severity=Severity.WARN, lines=trainees(class_id)[1:])
    record(money, found)
    money.ok(resolve(money, found, "confirmed"))
    assert states(money, claim) == [FREE, HELD]


def test_a_confirmed_case_that_is_taken_up_again_holds_until_it_is_decided_otherwise(
    world: Any, money: Money
) -> None:
    class_id = scored_class(world, 1)
    claim = money.publicised(class_id)
    found = finding(class_id, rule="identical_coordinates")
    record(money, found)
    money.ok(resolve(money, found, "confirmed"))
    record(money, found)
    assert states(money, claim) == [HELD]
    more = finding(class_id, rule="identical_coordinates", people=7)
    record(money, more)
    assert (read(money, more)["status"], states(money, claim)) == ("open", [HELD])
    money.ok(resolve(money, more, "false_alarm", who="province"))
    assert states(money, claim) == [FREE]


@pytest.mark.parametrize("number", range(4, 16, 3))
def test_a_confirmation_whose_holding_was_lost_is_completed_by_its_repeat(
    world: Any, money: Money, number: int
) -> None:
    class_id = scored_class(world, 1)
    claim = money.publicised(class_id)
    found = finding(class_id, rule="uniform_scores")
    record(money, found)
    case = take(money, found)
    body = {"version": case["version"], "outcome": "confirmed", "reason": "已现场核实"}
    path = f"/v1/risk-cases/{case['id']}/resolve"
    with before_each_call(die_at(number)), contextlib.suppress(Died):
        money.api("supervisor").post(path, body, at=money.now)
    money.ok(money.api("supervisor").post(path, body, at=money.now))
    assert states(money, claim) == [HELD]


@pytest.mark.parametrize("outcome", ["false_alarm", "tolerated"])
def test_a_false_position_that_was_none_is_let_go_with_its_case_and_stays_so(
    world: Any, money: Money, outcome: str
) -> None:
    class_id = scored_class(world, 2, mocked={0})
    claim = money.publicised(class_id)
    whose = money.read(claim)["lines"][0]["enrolment_id"]
    found = finding(class_id, rule="mock_location", severity=Severity.WARN, lines=[whose])
    record(money, found)
    assert states(money, claim) == [("held", ["mock_location"]), FREE]
    until = {"until": str(shanghai_date(money.now) + timedelta(days=90))} if outcome == "tolerated" else {}
    money.ok(resolve(money, found, outcome, **until))
    assert states(money, claim) == [FREE, FREE]
    money.wait()
    assert money.seal()["count"] == 2


def test_a_case_of_a_false_position_decided_before_the_claim_lets_its_line_go_with_the_next_run(
    world: Any, money: Money
) -> None:
    class_id = scored_class(world, 1, mocked={0})
    found = finding(class_id, rule="mock_location", severity=Severity.WARN, lines=trainees(class_id))
    record(money, found)
    money.ok(resolve(money, found, "false_alarm"))
    claim = money.publicised(class_id)
    assert states(money, claim) == [("held", ["mock_location"])]
    record(money, found)
    assert states(money, claim) == [FREE]


def test_a_confirmed_false_position_stays_held(world: Any, money: Money) -> None:
    class_id = scored_class(world, 1, mocked={0})
    claim = money.publicised(class_id)
    found = finding(class_id, rule="mock_location", severity=Severity.WARN, lines=trainees(class_id))
    record(money, found)
    money.ok(resolve(money, found, "confirmed"))
    assert states(money, claim) == [("held", ["mock_location", "risk_case"])]
