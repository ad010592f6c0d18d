"""Overrides: only where policy allows, by two people, with a reason, until a day."""

from datetime import timedelta
from typing import Any

import pytest

from chalicelib.classes.service import read_class
from chalicelib.classes.store import ClassRow
from chalicelib.kernel.principal import Role
from chalicelib.subsidies.claims.store import LineRow
from tests.accounts.test_separation import moved
from tests.subsidies.claims.test_claims import hide_from_the_index
from tests.subsidies.scored import Money, scored_class
from tests.support.people import staff_principal


@pytest.fixture
def money(world: Any) -> Money:
    return Money(world)


def letting(money: Money, *checks: str) -> int:
    """Let checks be overridden; give the version of the policy."""
    path = f"/v1/programs/{money.world.program_id}"
    program = money.ok(money.api().get(path))
    body = {
        "version": program["version"],
        "policy": program["policy"] | {"overridable_checks": list(checks)},
    }
    return int(money.ok(money.api("province").post(f"{path}/policy", body))["policy_version"])


@pytest.fixture
def class_id(world: Any, money: Money) -> str:
    """Give a class of three, the first of whom was absent, whose policy lets attendance be overridden."""
    return scored_class(world, 3, absent={0}, policy_version=letting(money, "attendance"))


def ask(money: Money, class_id: str, *, days: int = 30, who: str = "clerk", **facts: Any) -> Any:
    body = {
        "enrolment_id": f"enr_{class_id[4:20]}00",
        "check": "attendance",
        "reason": "住院，附证明",
        "expires_on": (money.now + timedelta(days=days)).date().isoformat(),
    }
    return money.api(who).post(f"/v1/classes/{class_id}/overrides", body | facts, at=money.now)


def decide(money: Money, asked: Any, verb: str, *, who: Any = "reviewer", **facts: Any) -> Any:
    body = {"version": asked["version"], **facts}
    return money.api(who).post(f"/v1/overrides/{asked['id']}/{verb}", body, at=money.now)


def test_a_confirmed_override_makes_its_trainee_payable_and_shows_by_whose_decision(
    money: Money, class_id: str
) -> None:
    assert money.payability(class_id)["count"] == 2
    asked = money.ok(ask(money, class_id))
    assert money.payability(class_id)["count"] == 2
    confirmed = money.ok(decide(money, asked, "confirm"))
    assert confirmed["status"] == "confirmed"
    payability = money.payability(class_id)
    assert payability["count"] == 3
    check = next(check for check in payability["lines"][0]["checks"] if check["name"] == "attendance")
    assert check["passed"]
    assert check["evidence"]["override"] == asked["id"]
    assert check["evidence"]["share"] == 0
    money.budget()
    assert money.publicised(class_id)["count"] == 3


def test_an_override_makes_a_trainee_payable_whom_scoring_failed_for_absence(
    world: Any, money: Money, class_id: str
) -> None:
    ids = sorted(read_class(class_id).enrolment_ids)
    rows = [{"enrolment_id": enrolment_id, "theory": 90, "practice": 90} for enrolment_id in ids]
    body = {"version": read_class(class_id).version, "rows": rows, "reason": "更正"}
    path = f"/v1/classes/{class_id}/scores"
    scored = money.ok(world.api("institution").put(path, body, at=money.now))
    assert (scored["passed"], scored["failed"]) == (2, 1)
    asked = money.ok(ask(money, class_id))
    money.ok(decide(money, asked, "confirm"))
    payability = money.payability(class_id)
    assert (payability["count"], payability["amount_fen"]) == (3, 3 * payability["lines"][1]["amount_fen"])
    shown = {check["name"]: check for check in payability["lines"][0]["checks"]}
    assert shown["scores"]["evidence"]["pay_rate"] == 1
    assert all(check["passed"] for check in shown.values())


def test_where_the_policy_names_no_check_none_is_overridden(world: Any, money: Money) -> None:
    refused = ask(money, scored_class(world, 1, absent={0}))
    assert (refused.status, refused.json["code"]) == (409, "override_not_allowed")


@pytest.mark.parametrize("check", ["scores", "voucher_redeemed", "class_approved", "on_roster", "no_hold"])
def test_what_invariants_rest_on_cannot_be_named(money: Money, class_id: str, check: str) -> None:
    assert ask(money, class_id, check=check).status == 400


def test_nobody_decides_on_their_own_request(money: Money, class_id: str) -> None:
    asked = money.ok(ask(money, class_id))
    assert decide(money, asked, "confirm", who="clerk").status == 403
    assert decide(money, asked, "confirm", who="reviewer_wuhu").status == 404
    refused = decide(money, asked, "confirm", who=moved("clerk", Role.REVIEWER))
    assert (refused.status, refused.json["code"]) == (403, "self_approval")


def test_who_prepared_the_class_does_not_let_its_failed_check_pass(money: Money, class_id: str) -> None:
    scorer = staff_principal("institution_two").actor
    ClassRow(class_id, "head").update(actions=[ClassRow.scored_by.set(scorer)])
    asked = money.ok(ask(money, class_id))
    reviewer = moved("institution_two", Role.REVIEWER)
    for verb, reason in (("confirm", {}), ("refuse", {"reason": "x"})):
        answer = decide(money, asked, verb, who=reviewer, **reason)
        assert (answer.status, answer.json["code"]) == (403, "self_approval")
    listed = f"/v1/classes/{class_id}/overrides"
    allowed = {
        who: money.ok(money.api(who).get(listed, at=money.now))["items"][0]["allowed_actions"]
        for who in ("clerk", "reviewer", reviewer)
    }
    assert allowed == {"clerk": [], "reviewer": ["confirm", "refuse"], reviewer: []}
    assert decide(money, asked, "confirm").status == 200


def test_after_its_last_day_an_override_no_longer_counts(money: Money, class_id: str) -> None:
    asked = money.ok(ask(money, class_id, days=3))
    money.ok(decide(money, asked, "confirm"))
    claim = money.claim(class_id)
    assert claim["count"] == 3
    money.wait(4)
    claim = money.ok(money.decide("clerk", claim, "review"))
    money.budget()
    refused = money.decide("reviewer", claim, "approve")
    assert (refused.status, refused.json["code"]) == (409, "lines_not_payable")
    shown = next(line for line in money.payability(class_id)["lines"] if line["differences"])
    assert [difference["name"] for difference in shown["differences"]] == ["attendance"]
    assert shown["differences"][0]["before"]["passed"]
    assert not shown["differences"][0]["now"]["passed"]


def test_after_its_last_day_an_override_can_only_be_refused_and_nothing_else_is_offered(
    money: Money, class_id: str
) -> None:
    asked = money.ok(ask(money, class_id, days=3))

    def offered() -> list[str]:
        page = money.ok(money.api("reviewer").get(f"/v1/classes/{class_id}/overrides", at=money.now))
        return list(page["items"][0]["allowed_actions"])

    money.wait(3)
    assert offered() == ["confirm", "refuse"]
    money.wait(1)
    assert offered() == ["refuse"]
    late = decide(money, asked, "confirm")
    assert (late.status, late.json["code"]) == (409, "override_expired")
    money.ok(decide(money, asked, "refuse", reason="逾期"))
    assert offered() == []


def show_in_the_index(line_id: str) -> None:
    LineRow(line_id).update(actions=[LineRow.person_key.set("prs_same")])


def test_an_override_confirmed_after_submission_counts_at_second_review(world: Any, money: Money) -> None:
    money.budget()
    version = letting(money, "occupation_and_level_once")
    classes = [scored_class(world, 1, people=["prs_same"], policy_version=version) for _ in range(2)]
    first = money.claim(classes[0])
    hide_from_the_index(first["lines"][0]["id"])
    second = money.claim(classes[1])
    show_in_the_index(first["lines"][0]["id"])
    hide_from_the_index(second["lines"][0]["id"])
    money.ok(money.decide("reviewer", money.ok(money.decide("clerk", first, "review")), "approve"))
    show_in_the_index(second["lines"][0]["id"])
    second = money.ok(money.decide("clerk", second, "review"))
    refused = money.decide("reviewer", second, "approve")
    assert (refused.status, refused.json["code"]) == (409, "lines_not_payable")
    asked = money.ok(ask(money, classes[1], check="occupation_and_level_once"))
    assert money.decide("reviewer", second, "approve").json["code"] == "decisions_open"
    money.ok(decide(money, asked, "confirm"))
    assert money.ok(money.decide("reviewer", second, "approve"))["status"] == "publicised"


def test_an_override_is_refused_or_asked_anew_but_not_decided_twice(money: Money, class_id: str) -> None:
    asked = money.ok(ask(money, class_id))
    assert money.ok(ask(money, class_id)) == asked
    assert ask(money, class_id, reason="另一理由").json["code"] == "wrong_state"
    refused = money.ok(decide(money, asked, "refuse", reason="证明不足"))
    assert refused["status"] == "refused"
    assert decide(money, refused, "confirm").json["code"] == "wrong_state"
    assert decide(money, asked, "confirm").json["code"] == "version_conflict"
    again = money.ok(ask(money, class_id, reason="补交证明"))
    assert (again["status"], again["version"]) == ("asked", refused["version"] + 1)
    assert money.payability(class_id)["count"] == 2


def test_a_request_needs_a_trainee_of_the_class_a_reason_and_a_day_within_a_year(
    money: Money, class_id: str
) -> None:
    assert (
        ask(money, class_id, enrolment_id="enr_someoneelse").json["errors"][0]["code"] == "enrolment_unknown"
    )
    assert ask(money, class_id, reason=" ").status == 400
    for days in (-1, 367):
        assert ask(money, class_id, days=days).json["errors"][0]["field"] == "expires_on"
    listed = money.ok(money.api("institution").get(f"/v1/classes/{class_id}/overrides"))
    assert listed["items"] == []


def test_who_applied_for_the_claim_does_not_let_its_failed_check_pass(world: Any, money: Money) -> None:
    class_id = scored_class(world, 3, absent={0}, policy_version=letting(money, "attendance"))
    claim = money.claim(class_id)
    money.ok(money.decide("clerk", claim, "return", reason="补充材料"))
    asked = money.ok(ask(money, class_id))
    refused = decide(money, asked, "confirm", who=moved("institution", Role.REVIEWER))
    assert (refused.status, refused.json["code"]) == (403, "self_approval")


def test_nothing_is_claimed_above_an_open_override(money: Money, class_id: str) -> None:
    asked = money.ok(ask(money, class_id))
    body = {"declared_count": 2, "declared_amount_fen": money.payability(class_id)["amount_fen"]}
    path = f"/v1/classes/{class_id}/subsidy-claims"
    refused = money.api("institution").post(path, body, at=money.now)
    assert (refused.status, refused.json["code"]) == (409, "decisions_open")
    assert [(fault["code"], fault["field"]) for fault in refused.json["errors"]] == [
        ("override_undecided", asked["id"])
    ]
    money.ok(decide(money, asked, "refuse", reason="材料不足"))
    assert money.claim(class_id)["count"] == 2


def test_no_claim_is_approved_above_an_open_override(money: Money, class_id: str) -> None:
    money.budget()
    claim = money.ok(money.decide("clerk", money.claim(class_id), "review"))
    asked = money.ok(ask(money, class_id))
    assert money.decide("reviewer", claim, "approve").json["code"] == "decisions_open"
    money.ok(decide(money, asked, "refuse", reason="材料不足"))
    money.ok(money.decide("reviewer", claim, "approve"))


def test_an_override_that_nobody_decided_in_time_holds_nothing_up(money: Money, class_id: str) -> None:
    money.ok(ask(money, class_id, days=1))
    money.wait(2)
    assert money.claim(class_id)["count"] == 2


def test_nothing_is_claimed_above_an_open_completion(money: Money, class_id: str) -> None:
    ClassRow(class_id, "head").update(actions=[ClassRow.status.set("completion_submitted")])
    body = {"declared_count": 2, "declared_amount_fen": 360_000}
    refused = money.api("institution").post(f"/v1/classes/{class_id}/subsidy-claims", body, at=money.now)
    assert (refused.status, refused.json["code"]) == (409, "decisions_open")
    assert [fault["code"] for fault in refused.json["errors"]] == ["completion_undecided"]
