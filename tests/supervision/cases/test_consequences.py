"""What may follow from a confirmed case: existing endpoints, by the rights and states that they have anyway."""

import re
from typing import Any

import pytest

from chalicelib.accounts import rights
from chalicelib.classes.store import ClassRow
from chalicelib.edge.endpoints import ENDPOINTS
from chalicelib.supervision.records.model import FindingKind, Severity
from tests.subsidies.scored import Money, scored_class
from tests.supervision.cases.found import finding, read, record, resolve


@pytest.fixture
def money(world: Any) -> Money:
    money = Money(world)
    money.budget()
    return money


def confirmed(money: Money, found: Any) -> list[tuple[str, str]]:
    case = money.ok(resolve(money, found, "confirmed"))
    assert case["consequences"] == read(money, found)["consequences"]
    return [(one["action"], one["subject"]) for one in case["consequences"]]


def test_nothing_follows_from_what_is_not_confirmed(world: Any, money: Money) -> None:
    found = finding(scored_class(world, 1))
    record(money, found)
    assert read(money, found)["consequences"] == []
    assert money.ok(resolve(money, found, "false_alarm"))["consequences"] == []


def test_each_consequence_is_an_endpoint_with_the_roles_of_its_right(world: Any, money: Money) -> None:
    class_id = scored_class(world, 2)
    claim = money.ok(money.decide("clerk", money.claim(class_id), "review"))
    voucher = finding(
        None,
        rule="idle_voucher",
        kind=FindingKind.VOUCHER,
        subject=world.voucher(world.person(1)),
        severity=Severity.WARN,
    )
    found = finding(class_id)
    record(money, found, voucher)
    assert ("subsidy_claim.reject", claim["id"]) in confirmed(money, found)
    assert ("voucher.revoke", voucher.subject.id) in confirmed(money, voucher)
    known = {(one.method, one.path): one.action for one in ENDPOINTS}
    for told in (*read(money, found)["consequences"], *read(money, voucher)["consequences"]):
        (action,) = {
            action
            for (method, path), action in known.items()
            if method == told["method"] and re.fullmatch(re.sub(r"{\w+}", "[^/]+", path), told["path"])
        }
        assert action == told["action"]
        assert told["roles"] == [str(role) for role in rights.RIGHTS[action]]
        assert told["mine"] == ("supervisor" in told["roles"])


def test_lines_named_by_the_case_are_taken_out_or_paid_back_by_who_may(world: Any, money: Money) -> None:
    classes = [scored_class(world, 2), scored_class(world, 1)]
    claims = [money.publicised(class_id) for class_id in classes]
    whom = sorted(ClassRow.get(classes[0], "roster").record.roster.values())[:1]
    found = finding(classes[0], lines=whom)
    record(money, found)
    line = money.read(claims[0])["lines"][0]
    told = confirmed(money, found)
    assert [subject for action, subject in told if action == "claim_line.reject"] == [line["id"]]
    consequence = next(
        one
        for one in read(money, found, who="reviewer")["consequences"]
        if one["action"] == "claim_line.reject"
    )
    assert consequence["mine"]
    body = {"version": consequence["version"], "reason": "查实"}
    money.ok(money.api("reviewer").post(consequence["path"], body, at=money.now))
    money.wait()
    money.pay(money.seal())
    paid = finding(classes[1], severity=Severity.WARN)
    record(money, paid)
    reversal = next(
        one
        for one in money.ok(resolve(money, paid, "confirmed"))["consequences"]
        if one["action"] == "claim_line.reverse"
    )
    assert (reversal["roles"], reversal["version"]) == (["finance"], None)
    money.ok(money.api("finance").post(reversal["path"], {"reason": "查实"}, at=money.now))


def test_an_institution_is_suspended_from_its_case_once(world: Any, money: Money) -> None:
    found = finding(scored_class(world, 1), severity=Severity.WARN)
    record(money, found)
    confirmed(money, found)
    suspend = next(
        one for one in read(money, found)["consequences"] if one["action"] == "institution.suspend"
    )
    assert suspend["mine"]
    body = {"version": suspend["version"], "reason": "查实"}
    money.ok(money.api("supervisor").post(suspend["path"], body, at=money.now))
    actions = [one["action"] for one in read(money, found)["consequences"]]
    assert "institution.suspend" not in actions
