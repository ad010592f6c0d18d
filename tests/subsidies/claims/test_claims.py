"""A class's claim: payability, declared totals, repeats, two reviews, return, rejection, rights."""

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.classes.service import read_class
from chalicelib.classes.store import ClassRow
from chalicelib.subsidies.claims.store import LineRow
from chalicelib.vouchers.store import VoucherRow
from tests.subsidies.scored import Money, scored_class, wuhu_class

FULL = 260_000


@pytest.fixture
def money(world: Any) -> Money:
    return Money(world)


def voucher_states(class_id: str) -> list[str]:
    from chalicelib.enrolments.store import find_enrolments
    from chalicelib.vouchers.store import find_vouchers

    enrolled = find_enrolments(read_class(class_id).enrolment_ids)
    return sorted(str(one.status) for one in find_vouchers([one.voucher_id for one in enrolled]))


def test_payability_names_every_check_with_its_evidence(world: Any, money: Money) -> None:
    class_id = scored_class(world, 4, failed={0}, absent={1}, mocked={2})
    payability = money.payability(class_id)
    failed, absent, mocked, good = payability["lines"]
    assert payability["count"] == 2
    assert payability["amount_fen"] == 2 * good["amount_fen"]
    assert [line["payable"] for line in payability["lines"]] == [False, False, True, True]
    assert mocked["held"]
    assert not good["held"]
    checks = {check["name"]: check for check in failed["checks"]}
    assert not checks["scores"]["passed"]
    assert checks["scores"]["evidence"]["theory"] == 50
    attendance = next(check for check in absent["checks"] if check["name"] == "attendance")
    assert attendance == {
        "name": "attendance",
        "passed": False,
        "evidence": {"hours": 0.0, "required_hours": 40.0, "share": 0.0, "minimum": 0.8},
    }
    names = [check["name"] for check in good["checks"]]
    for name in ("voucher_redeemed", "class_approved", "on_roster", "attendance", "scores", "no_hold"):
        assert name in names


def test_the_amount_is_the_smaller_of_face_value_and_fee(world: Any, money: Money) -> None:
    cheap = scored_class(world, 1, face_value_fen=12_345)
    assert money.payability(cheap)["amount_fen"] == 12_345


def test_a_claim_has_one_line_a_payable_trainee_and_a_repeat_answers_like_the_first(
    world: Any, money: Money
) -> None:
    class_id = scored_class(world, 3, failed={1})
    first = money.claim(class_id)
    assert first["status"] == "submitted"
    assert first["count"] == len(first["lines"]) == 2
    assert first["amount_fen"] == sum(line["amount_fen"] for line in first["lines"])
    assert first["publicity_ends_on"] is None
    assert read_class(class_id).status == "claimed"
    body = {"declared_count": first["count"], "declared_amount_fen": first["amount_fen"]}
    again = world.api("institution").post(f"/v1/classes/{class_id}/subsidy-claims", body, at=money.now)
    assert again.status == 200
    assert again.json == first
    other = world.api("institution").post(
        f"/v1/classes/{class_id}/subsidy-claims", {**body, "declared_count": 3}, at=money.now
    )
    assert (other.status, other.json["code"]) == (422, "declared_totals_differ")


def test_declared_totals_that_differ_are_refused_with_both_figures(world: Any, money: Money) -> None:
    class_id = scored_class(world, 2)
    answer = world.api("institution").post(
        f"/v1/classes/{class_id}/subsidy-claims",
        {"declared_count": 3, "declared_amount_fen": 1},
        at=money.now,
        headers={"Accept-Language": "en"},
    )
    assert (answer.status, answer.json["code"]) == (422, "declared_totals_differ")
    assert "3 / 0.01 yuan" in answer.json["detail"]
    assert read_class(class_id).status == "scored"


def test_nothing_payable_is_refused(world: Any, money: Money) -> None:
    class_id = scored_class(world, 1, failed={0})
    body = {"declared_count": 0, "declared_amount_fen": 0}
    answer = world.api("institution").post(f"/v1/classes/{class_id}/subsidy-claims", body, at=money.now)
    assert (answer.status, answer.json["code"]) == (409, "not_payable")


def test_a_claim_after_the_deadline_is_refused(world: Any, money: Money) -> None:
    class_id = scored_class(world, 1)
    payability = money.payability(class_id)
    body = {"declared_count": payability["count"], "declared_amount_fen": payability["amount_fen"]}
    path = f"/v1/classes/{class_id}/subsidy-claims"
    late = world.api("institution").post(path, body, at=money.now + timedelta(days=365))
    assert (late.status, late.json["code"]) == (409, "claim_deadline_passed")
    last_day = world.api("institution").post(path, body, at=money.now + timedelta(days=364))
    assert last_day.status == 201


def test_a_claim_filed_in_time_is_sent_again_after_the_deadline(world: Any, money: Money) -> None:
    class_id = scored_class(world, 1)
    money.now = world.now + timedelta(days=364)
    claim = money.claim(class_id)
    money.wait(3)
    money.ok(money.decide("clerk", claim, "return", reason="补充材料"))
    again = money.claim(class_id)
    assert (again["id"], again["status"]) == (claim["id"], "submitted")


def test_a_claim_filed_in_time_is_sent_again_after_an_objection_was_upheld_past_the_deadline(
    world: Any, money: Money
) -> None:
    money.budget()
    claim = money.publicised(scored_class(world, 1))
    path = f"/v1/publicity/{claim['id']}/objections"
    objection = money.ok(money.api().post(path, {"reason": "有异议"}, at=money.now))
    money.wait(366)
    upheld = {"version": 1, "outcome": "upheld", "reason": "属实"}
    money.ok(money.api("supervisor").post(f"/v1/objections/{objection['id']}/resolve", upheld, at=money.now))
    assert money.claim(claim["class_id"])["status"] == "submitted"


def test_only_a_scored_class_is_claimed_for(world: Any, money: Money) -> None:
    class_id = scored_class(world, 1)
    ClassRow(class_id, "head").update(actions=[ClassRow.status.set("submitted")])
    body = {"declared_count": 1, "declared_amount_fen": 1}
    answer = world.api("institution").post(f"/v1/classes/{class_id}/subsidy-claims", body, at=money.now)
    assert (answer.status, answer.json["code"]) == (409, "class_not_approved")


def test_two_reviews_reserve_the_budget_and_begin_publicity(world: Any, money: Money) -> None:
    money.budget(1_000_000)
    claim = money.publicised(scored_class(world, 2))
    assert claim["status"] == "publicised"
    assert claim["publicity_ends_on"] == "2026-09-08"
    budget = world.api("finance").get("/v1/budgets/3401/2026").json
    assert budget["reserved_fen"] == claim["amount_fen"]
    assert budget["appropriated_fen"] == 1_000_000
    assert budget["spent_fen"] == 0


def test_second_review_without_a_budget_or_with_too_little_says_what_is_missing(
    world: Any, money: Money
) -> None:
    claim = money.claim(scored_class(world, 2))
    claim = money.ok(money.decide("clerk", claim, "review"))
    missing = money.decide("reviewer", claim, "approve")
    assert (missing.status, missing.json["code"]) == (409, "budget_missing")
    money.budget(claim["amount_fen"] - 1)
    short = money.decide("reviewer", claim, "approve")
    assert (short.status, short.json["code"]) == (409, "budget_exhausted")
    assert "还差 0.01 元" in short.json["detail"]
    assert money.read(claim)["status"] == "reviewed"


def test_a_rejected_line_leaves_count_and_amount(world: Any, money: Money) -> None:
    money.budget()
    claim = money.claim(scored_class(world, 3))
    first, second, _ = claim["lines"]
    reviewed = money.ok(
        money.decide("clerk", claim, "review", rejected_lines=[{"id": first["id"], "reason": "缺材料"}])
    )
    assert reviewed["count"] == 2
    assert reviewed["amount_fen"] == claim["amount_fen"] - first["amount_fen"]
    approved = money.ok(
        money.decide(
            "reviewer", reviewed, "approve", rejected_lines=[{"id": second["id"], "reason": "缺材料"}]
        )
    )
    assert approved["count"] == 1
    assert [line["status"] for line in money.read(claim)["lines"]] == ["rejected", "rejected", "pending"]
    reserved = world.api("finance").get("/v1/budgets/3401/2026").json["reserved_fen"]
    assert reserved == approved["amount_fen"]


def test_unknown_or_all_lines_cannot_be_rejected(world: Any, money: Money) -> None:
    claim = money.claim(scored_class(world, 1))
    unknown = money.decide("clerk", claim, "review", rejected_lines=[{"id": "lin_x-01", "reason": "r"}])
    assert (unknown.status, unknown.json["code"]) == (422, "line_unknown")
    every = [{"id": line["id"], "reason": "r"} for line in claim["lines"]]
    all_of_them = money.decide("clerk", claim, "review", rejected_lines=every)
    assert (all_of_them.status, all_of_them.json["code"]) == (409, "all_lines_rejected")


def test_a_line_that_is_no_longer_payable_stops_second_review(world: Any, money: Money) -> None:
    money.budget()
    claim = money.claim(scored_class(world, 2))
    claim = money.ok(money.decide("clerk", claim, "review"))
    VoucherRow(
        claim["lines"][0]["voucher_id"] if "lines" in claim else money.read(claim)["lines"][0]["voucher_id"]
    ).update(actions=[VoucherRow.status.set("revoked")])
    answer = money.decide("reviewer", claim, "approve")
    assert (answer.status, answer.json["code"]) == (409, "lines_not_payable")


def test_a_returned_claim_is_sent_again_under_its_id(world: Any, money: Money) -> None:
    money.budget()
    class_id = scored_class(world, 2)
    claim = money.claim(class_id)
    returned = money.ok(money.decide("clerk", claim, "return", reason="补充材料"))
    assert returned["status"] == "returned"
    seen = money.read(claim, who="institution")
    assert seen["allowed_actions"] == ["submit"]
    again = money.claim(class_id)
    assert again["id"] == claim["id"]
    assert again["status"] == "submitted"
    assert again["version"] > returned["version"]
    assert money.ok(money.decide("clerk", again, "review"))["status"] == "reviewed"


def test_a_rejected_claim_closes_its_class_and_every_voucher(world: Any, money: Money) -> None:
    class_id = scored_class(world, 3, failed={0})
    claim = money.claim(class_id)
    rejected = money.ok(money.decide("clerk", claim, "reject", reason="不实"))
    assert rejected["status"] == "rejected"
    assert read_class(class_id).status == "closed"
    assert voucher_states(class_id) == ["closed"] * 3
    assert {line["status"] for line in money.read(claim)["lines"]} == {"rejected"}


@pytest.mark.parametrize("verb", ["review", "approve", "return", "reject"])
def test_a_decision_on_an_old_version_is_refused(world: Any, money: Money, verb: str) -> None:
    money.budget()
    claim = money.claim(scored_class(world, 1))
    who = "reviewer" if verb == "approve" else "clerk"
    extra = {"reason": "r"} if verb in ("return", "reject") else {}
    stale = money.decide(who, {**claim, "version": 99}, verb, **extra)
    assert (stale.status, stale.json["code"]) == (409, "version_conflict")


def test_nobody_reviews_outside_their_area_or_role(world: Any, money: Money) -> None:
    claim = money.claim(scored_class(world, 1))
    assert money.decide("clerk_wuhu", claim, "review").status == 404
    assert money.decide("reviewer", claim, "review").status == 403
    assert money.decide("institution", claim, "review").status == 403
    assert money.decide("clerk", claim, "approve").status == 403
    assert money.decide("reviewer_wuhu", claim, "approve").status == 404
    assert world.api("institution_two").get(f"/v1/subsidy-claims/{claim['id']}").status == 404
    assert world.api("clerk_wuhu").get(f"/v1/subsidy-claims/{claim['id']}").status == 404


def test_the_first_reviewer_may_not_be_the_second(world: Any, money: Money) -> None:
    from chalicelib.kernel.principal import Role
    from chalicelib.subsidies.claims import store
    from tests.support.people import staff_principal

    money.budget()
    claim = money.ok(money.decide("clerk", money.claim(scored_class(world, 1)), "review"))
    reviewer = staff_principal("reviewer")
    assert reviewer.role is Role.REVIEWER
    store.ClaimRow(claim["id"]).update(actions=[store.ClaimRow.reviewed_by.set(reviewer.actor)])
    answer = money.decide("reviewer", claim, "approve")
    assert (answer.status, answer.json["code"]) == (403, "self_approval")
    assert "approve" not in money.read(claim, who="reviewer")["allowed_actions"]


def test_allowed_actions_are_those_of_this_caller_now(world: Any, money: Money) -> None:
    claim = money.claim(scored_class(world, 1))
    assert money.read(claim, who="clerk")["allowed_actions"] == ["review", "return", "reject"]
    assert money.read(claim, who="reviewer")["allowed_actions"] == ["return", "reject"]
    assert money.read(claim, who="institution")["allowed_actions"] == []
    assert money.read(claim, who="supervisor")["allowed_actions"] == []
    reviewed = money.ok(money.decide("clerk", claim, "review"))
    assert money.read(reviewed, who="reviewer")["allowed_actions"] == ["approve", "return", "reject"]


def test_claims_are_listed_by_area_and_status(world: Any, money: Money) -> None:
    mine = [money.claim(scored_class(world, 1))["id"] for _ in range(3)]
    theirs = money.claim(wuhu_class(world), who="institution_wuhu")["id"]

    def listed(who: str, **query: Any) -> list[str]:
        claim_ids = []
        while True:
            page = money.ok(world.api(who).get("/v1/subsidy-claims", query))
            claim_ids += [claim["id"] for claim in page["items"]]
            if page["next"] is None:
                return claim_ids
            query["cursor"] = page["next"]

    assert sorted(listed("clerk", limit=2)) == sorted(mine)
    assert listed("clerk_wuhu") == [theirs]
    assert sorted(listed("province", limit=1)) == sorted([*mine, theirs])
    assert sorted(listed("institution")) == sorted(mine)
    assert listed("clerk", status="paid") == []
    assert len(listed("clerk", status="submitted", limit=1)) == 3
    assert len(listed("clerk", division="340111")) == 3
    assert listed("clerk", division="340104") == []
    assert world.api("clerk").get("/v1/subsidy-claims", {"division": "3402"}).status == 404
    assert world.api("clerk").get("/v1/subsidy-claims", {"status": "nonsense"}).status == 400


def test_a_second_subsidy_for_the_same_occupation_and_level_is_not_payable(world: Any, money: Money) -> None:
    first = scored_class(world, 1, people=["prs_same"])
    money.claim(first)
    second = scored_class(world, 2, people=["prs_same", "prs_other"])
    payability = money.payability(second)
    by_name = {
        check["name"]: check["passed"]
        for line in payability["lines"]
        if not line["payable"]
        for check in line["checks"]
    }
    assert payability["count"] == 1
    assert not by_name["occupation_and_level_once"]


def hide_from_the_index(line_id: str) -> None:
    """Let the index of a person's lines lag: it does not show this line."""
    LineRow(line_id).update(actions=[LineRow.person_key.set("prs_not_there_yet")])


def test_two_claims_for_one_person_are_not_both_approved_though_the_index_lags(
    world: Any, money: Money
) -> None:
    money.budget()
    first = money.claim(scored_class(world, 1, people=["prs_same"]))
    hide_from_the_index(first["lines"][0]["id"])
    second = money.claim(scored_class(world, 2, people=["prs_same", "prs_other"]))
    assert second["count"] == 2
    LineRow(first["lines"][0]["id"]).update(actions=[LineRow.person_key.set("prs_same")])
    hide_from_the_index(second["lines"][0]["id"])  # neither review sees the other's line
    money.ok(money.decide("reviewer", money.ok(money.decide("clerk", first, "review")), "approve"))
    LineRow(second["lines"][0]["id"]).update(actions=[LineRow.person_key.set("prs_same")])
    hide_from_the_index(first["lines"][0]["id"])
    reviewed = money.ok(money.decide("clerk", second, "review"))
    refused = money.decide("reviewer", reviewed, "approve")
    assert (refused.status, refused.json["code"]) == (409, "lines_not_payable")
    without = [{"id": second["lines"][0]["id"], "reason": "同一职业等级已补贴"}]
    going_on = money.ok(money.decide("reviewer", reviewed, "approve", rejected_lines=without))
    assert (going_on["status"], going_on["count"]) == ("publicised", 1)


def test_a_line_that_was_returned_makes_room_again(world: Any, money: Money) -> None:
    money.budget()
    claim = money.publicised(scored_class(world, 1, people=["prs_same"]))
    objection = money.ok(
        world.api().post(f"/v1/publicity/{claim['id']}/objections", {"reason": "有异议"}, at=money.now)
    )
    upheld = {"version": 1, "outcome": "upheld", "reason": "属实"}
    money.ok(world.api("supervisor").post(f"/v1/objections/{objection['id']}/resolve", upheld, at=money.now))
    again = money.publicised(claim["class_id"])
    assert (again["id"], again["status"]) == (claim["id"], "publicised")


def test_a_second_review_asks_once_a_trainee_and_all_else_once_a_class(world: Any, money: Money) -> None:
    from chalicelib.aws.table import connection

    money.budget()
    calls: Counter[str] = Counter()

    def count(request: Any, **_: Any) -> None:
        calls[request.headers["X-Amz-Target"].decode().split(".")[1]] += 1

    def approving(size: int) -> Counter[str]:
        people = [f"prs_of{size}_{place:02d}" for place in range(size)]
        for _ in range(2):  # each was in another class, of another occupation
            other = money.claim(scored_class(world, size, people=people))
            for line in other["lines"]:
                LineRow(line["id"]).update(actions=[LineRow.occupation.set("other/" + other["id"])])
        claim = money.ok(
            money.decide("clerk", money.claim(scored_class(world, size, people=people)), "review")
        )
        events = connection().client.meta.events
        calls.clear()
        events.register("before-send.dynamodb", count, unique_id="count")
        try:
            money.ok(money.decide("reviewer", claim, "approve"))
        finally:
            events.unregister("before-send.dynamodb", unique_id="count")
        return Counter(calls)

    approving(1)  # policies and keys are warm from here on
    few, many = approving(2), approving(7)
    assert many["Query"] == few["Query"] + 5
    assert {**many, "Query": 0} == {**few, "Query": 0}
    assert many.total() <= 7 + 16


def test_several_claims_are_decided_at_once_each_by_itself(world: Any, money: Money) -> None:
    money.budget()
    good, stale, other = [money.claim(scored_class(world, 1)) for _ in range(3)]
    theirs = money.claim(wuhu_class(world), who="institution_wuhu")
    decisions = [
        {"claim_id": good["id"], "action": "review", "version": 1},
        {"claim_id": stale["id"], "action": "review", "version": 9},
        {"claim_id": theirs["id"], "action": "review", "version": 1},
        {"claim_id": other["id"], "action": "return", "version": 1, "reason": "缺签到表"},
        {"claim_id": good["id"], "action": "approve", "version": 2},
        {"claim_id": good["id"], "action": "review", "version": 1},
    ]
    answer = money.ok(world.api("clerk").post("/v1/claim-decisions", {"decisions": decisions}, at=money.now))
    assert [result["code"] for result in answer["results"]] == [
        None,
        "version_conflict",
        "not_found",
        None,
        "forbidden",
        "version_conflict",
    ]
    assert [result["status"] for result in answer["results"] if result["applied"]] == ["reviewed", "returned"]
    assert (answer["applied"], answer["refused"]) == (2, 4)
    assert money.read(other)["decision_reason"] == "缺签到表"
    second = [{"claim_id": good["id"], "action": "approve", "version": 2}]
    approved = money.ok(
        world.api("reviewer").post("/v1/claim-decisions", {"decisions": second}, at=money.now)
    )
    assert approved["results"][0]["status"] == "publicised"
    without_reason = [{"claim_id": stale["id"], "action": "reject", "version": 1}]
    refused = world.api("clerk").post("/v1/claim-decisions", {"decisions": without_reason}, at=money.now)
    assert (refused.status, refused.json["errors"][0]["field"]) == (400, "decisions[0].reason")
    many = second * 21
    assert world.api("reviewer").post("/v1/claim-decisions", {"decisions": many}).status == 400
