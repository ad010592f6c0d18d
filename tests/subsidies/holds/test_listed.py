"""A cross-match list and public money: who was ineligible when the class opened is not paid for.

The classes of these tests open on 12 August 2026.
"""

import json
from datetime import date, timedelta
from typing import Any

import pytest

import app  # noqa: F401 - installs what answers the ports
from chalicelib.kernel.ports import answer_to
from chalicelib.kernel.principal import system_context
from chalicelib.people.standings import store as standings_store
from chalicelib.people.standings.model import Situation, Standing
from chalicelib.subsidies.claims.store import LineRow
from chalicelib.subsidies.holds.listed import stop_payment
from chalicelib.supervision.evaluations.service import evaluate_class
from chalicelib.vouchers.ineligibility import service as ineligibility
from chalicelib.vouchers.store import VoucherRow
from tests.settlement.ledger.test_ledger import differences
from tests.subsidies.scored import Money, codes, scored_class

OPENING = date(2026, 8, 12)


@pytest.fixture
def money(world: Any) -> Money:
    money = Money(world)
    money.budget()
    return money


def listed(
    money: Money,
    voucher_id: str,
    situation: Situation = Situation.DECEASED,
    *,
    since: date = OPENING,
    until: date | None = None,
    as_of: date = date(2026, 9, 1),
) -> str:
    """Apply a list that names the holder of a voucher; give the holder's key."""
    key = VoucherRow.get(voucher_id).person_key
    standing = Standing(
        situation=situation,
        since=since,
        until=until,
        as_of=as_of,
        import_id="imp_crossmatch",
        listed_at=money.now,
        listed_by="acc_uploader",
    )
    standings_store.add_standings({key: [standing]}, money.world.change)
    follow(money, key)
    return str(key)


def follow(money: Money, key: Any) -> None:
    ineligibility.follow(system_context("test", now=money.now, request_id="req_test"), [key])


def test_the_class_of_who_is_listed_is_evaluated_soon_and_not_once_for_each(
    world: Any, money: Money, emulator: Any
) -> None:
    class_id = scored_class(world, 2)
    money.claim(class_id)
    queue = next(queue for url, queue in emulator.queues.items() if url.endswith("supervision"))
    queue["messages"].clear()
    for line in money.read({"id": f"clm_{class_id[4:]}"})["lines"]:
        listed(money, line["voucher_id"])
    assert [json.loads(message["body"])["class_id"] for message in queue["messages"]] == [class_id]
    evaluate_class(system_context("test", now=money.now, request_id="req_test"), class_id)
    cases = money.ok(money.api("supervisor").get("/v1/risk-cases", at=money.now))["items"]
    assert {case["rule"] for case in cases} >= {"ineligible_at_date"}, "before the night, with its reason"


def check_of(line: Any) -> Any:
    return next(check for check in line["checks"] if check["name"] == "eligible_at_date")


def states(money: Money, claim: Any) -> list[tuple[str, list[str]]]:
    return [(line["status"], codes(line)) for line in money.read(claim)["lines"]]


def events(captured: Any) -> list[dict[str, Any]]:
    events_logged = [json.loads(record.getMessage()) for record in captured.records]
    captured.clear()
    return [event for event in events_logged if event["event"] == "ineligible_too_late"]


@pytest.mark.parametrize(
    ("since", "until", "payable"),
    [
        (OPENING, None, False),
        (OPENING, OPENING, False),
        (date(2026, 8, 13), None, True),
        (date(2026, 1, 1), date(2026, 8, 11), True),
    ],
)
def test_who_is_listed_as_of_the_opening_day_is_not_payable_and_the_check_tells_why(
    world: Any, money: Money, since: date, until: date | None, *, payable: bool
) -> None:
    class_id = scored_class(world, 2)
    first = money.payability(class_id)["lines"][0]
    listed(money, first["voucher_id"], since=since, until=until)  # though it ended long ago
    payability = money.payability(class_id)
    assert [line["payable"] for line in payability["lines"]] == [payable, True]
    facts = {"opens_on": "2026-08-12", "listed": "deceased", "since": since.isoformat()}
    assert check_of(payability["lines"][0]) == {
        "name": "eligible_at_date",
        "passed": payable,
        "evidence": {"opens_on": "2026-08-12", "listed": None, "since": None} if payable else facts,
    }
    claim = money.publicised(class_id)
    assert claim["count"] == 1 + payable


def test_a_list_between_the_reviews_stops_the_second_and_shows_as_a_difference(
    world: Any, money: Money
) -> None:
    class_id = scored_class(world, 2)
    claim = money.ok(money.decide("clerk", money.claim(class_id), "review"))
    line = money.read(claim)["lines"][0]
    listed(money, line["voucher_id"])
    assert states(money, claim) == [("held", ["eligible_at_date"]), ("pending", [])]
    refused = money.decide("reviewer", claim, "approve")
    assert (refused.status, refused.json["code"]) == (409, "lines_not_payable")
    (shown,) = money.payability(class_id)["lines"][0]["differences"]
    assert (shown["name"], shown["before"]["passed"], shown["now"]["passed"]) == (
        "eligible_at_date",
        True,
        False,
    )
    without = [{"id": line["id"], "reason": "参训时已死亡"}]
    assert money.ok(money.decide("reviewer", claim, "approve", rejected_lines=without))["count"] == 1


def test_a_list_after_second_review_holds_its_line_and_the_others_are_paid(world: Any, money: Money) -> None:
    claim = money.publicised(scored_class(world, 3))
    line = money.read(claim)["lines"][0]
    key = listed(money, line["voucher_id"])
    once = LineRow.get(line["id"]).version
    follow(money, key)  # a message comes twice
    assert LineRow.get(line["id"]).version == once
    money.wait()
    batch = money.seal()
    assert batch["count"] == 2
    money.pay(batch)
    assert money.seal() is None
    held = ("held", ["risk_case", "eligible_at_date"])  # sealing has supervision look, which finds it too
    assert states(money, claim) == [held, ("paid", []), ("paid", [])]
    assert differences(money) == []


def test_a_worker_that_died_after_marking_the_voucher_holds_the_line_when_it_is_repeated(
    world: Any, money: Money
) -> None:
    claim = money.publicised(scored_class(world, 1))
    line = money.read(claim)["lines"][0]
    key = listed(money, line["voucher_id"])
    LineRow(line["id"]).update(actions=[LineRow.holds.set([]), LineRow.status.set("pending")])
    follow(money, key)
    assert states(money, claim) == [("held", ["eligible_at_date"])]


def test_a_situation_that_begins_after_the_opening_day_does_not_stop_the_payment(
    world: Any, money: Money
) -> None:
    claim = money.publicised(scored_class(world, 1))
    line = money.read(claim)["lines"][0]
    listed(money, line["voucher_id"], Situation.EMPLOYED, since=date(2026, 8, 13))
    assert states(money, claim) == [("pending", [])]
    money.wait()
    assert money.seal()["count"] == 1


def test_sealing_lets_a_line_go_whose_list_was_corrected(world: Any, money: Money) -> None:
    claim = money.publicised(scored_class(world, 2))
    line = money.read(claim)["lines"][0]
    since = date(2026, 8, 1)
    listed(money, line["voucher_id"], since=since)
    assert states(money, claim)[0] == ("held", ["eligible_at_date"])
    listed(money, line["voucher_id"], since=since, until=date(2026, 8, 11), as_of=date(2026, 9, 2))
    money.wait()
    assert money.seal()["count"] == 2


def test_a_list_after_the_line_was_exported_or_paid_is_logged_by_ids_alone(
    world: Any, money: Money, caplog: Any
) -> None:
    claim = money.publicised(scored_class(world, 2))
    line = money.read(claim)["lines"][0]
    money.wait()
    batch = money.seal()
    money.export(batch)
    key = listed(money, line["voucher_id"])
    (told,) = events(caplog)
    assert {name: told[name] for name in ("line_id", "status", "batch_id", "code", "import_id")} == {
        "line_id": line["id"],
        "status": "batched",
        "batch_id": batch["id"],
        "code": "listed_deceased",
        "import_id": "imp_crossmatch",
    }
    assert key not in json.dumps(told)
    money.pay(batch)
    follow(money, key)
    assert [event["status"] for event in events(caplog)] == ["paid"]
    assert money.read(claim)["status"] == "paid"


def test_a_line_found_ineligible_at_the_bank_is_not_paid_again_when_the_payment_fails(
    world: Any, money: Money
) -> None:
    claim = money.publicised(scored_class(world, 2))
    line = money.read(claim)["lines"][0]
    money.wait()
    batch = money.seal()
    money.export(batch)
    listed(money, line["voucher_id"])
    money.pay(batch, failing={0, 1})
    money.release(batch)
    assert money.seal()["count"] == 1
    assert [status for status, _ in states(money, claim)] == ["payment_failed", "batched"]
    assert states(money, claim)[0][1] == ["risk_case", "eligible_at_date"]


def test_the_program_as_deployed_connects_lists_with_payments() -> None:
    assert answer_to(ineligibility._stop_payment.name) is stop_payment


def test_who_was_eligible_on_the_opening_day_between_two_situations_is_payable(
    world: Any, money: Money
) -> None:
    class_id = scored_class(world, 1)
    voucher = VoucherRow.get(money.payability(class_id)["lines"][0]["voucher_id"])
    voucher.update(actions=[VoucherRow.redeemed_at.set(voucher.redeemed_at - timedelta(days=30))])
    listed(money, voucher.id, Situation.IN_SCHOOL, since=date(2026, 7, 20), until=date(2026, 8, 11))
    listed(money, voucher.id, Situation.IN_MILITARY, since=date(2026, 9, 10))
    (line,) = money.payability(class_id)["lines"]
    assert (line["payable"], check_of(line)["evidence"]["listed"]) == (True, None)


def test_a_list_that_comes_after_the_payment_takes_nothing_away_from_what_is_shown(
    world: Any, money: Money
) -> None:
    class_id = scored_class(world, 1)
    claim = money.publicised(class_id)
    money.wait()
    batch = money.seal()
    money.export(batch)
    listed(money, money.read(claim)["lines"][0]["voucher_id"])
    money.pay(batch)
    shown = money.payability(class_id)
    assert (shown["count"], shown["amount_fen"]) == (1, claim["amount_fen"])
