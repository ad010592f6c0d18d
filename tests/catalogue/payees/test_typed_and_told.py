"""Who confirms an account has its number on paper, and its school is told before it counts, and may object."""

from datetime import timedelta
from typing import Any

import pytest

from chalicelib.catalogue.payees.model import MISTYPED_MAX
from chalicelib.catalogue.payees.store import find_account, find_payees
from tests.catalogue.payees.test_payees import NEW, PATH, decide, propose, shown
from tests.support.pages import Visitor
from tests.support.people import HEFEI_SCHOOL


def object_to(api: Any, world: Any, payee: Any, *, who: Any = "institution", at: Any = None) -> Any:
    return decide(api, world, payee, "refuse", who=who, at=at, reason="不是本单位的账户")


def test_another_number_than_was_proposed_confirms_nothing_and_is_counted(world: Any, api: Any) -> None:
    proposed = propose(api, world).json
    refused = decide(api, world, proposed, number=NEW["number"][:-4] + "0000")
    assert (refused.status, refused.json["code"]) == (422, "payee_number_differs")
    assert "4 次" in refused.json["detail"]
    stored = find_account(HEFEI_SCHOOL, proposed["id"])
    assert stored is not None
    assert (str(stored.status), stored.mistyped) == ("proposed", 1)
    assert stored.last_change is not None
    assert stored.last_change.action == "payee.mistype", "who typed it is in the audit"
    (waits,) = shown(api, "finance", world.now)["payees"]
    assert waits["mistyped"] == 1
    assert decide(api, world, waits).json["status"] == "confirmed"


@pytest.mark.parametrize("typed", ["6222 0200 0000 0009 993", "６２２２０２０００００００００９９９３"])
def test_the_number_may_be_typed_as_it_stands_on_paper(world: Any, api: Any, typed: str) -> None:
    answer = decide(api, world, propose(api, world).json, number=typed)
    assert answer.status == 200, answer.text


def test_four_digits_are_not_enough(world: Any, api: Any) -> None:
    proposed = propose(api, world).json
    assert decide(api, world, proposed, number=NEW["number"][-4:]).json["code"] == "malformed"
    path = f"{PATH}/payee/{proposed['id']}/confirm"
    without = api("finance").post(path, {"version": proposed["version"]}, at=world.now)
    assert (without.status, without.json["code"]) == (400, "malformed")


def test_nobody_guesses_the_number(world: Any, api: Any) -> None:
    proposed = propose(api, world).json
    for tries in range(MISTYPED_MAX):
        (waits,) = shown(api, "finance", world.now)["payees"]
        answer = decide(api, world, waits, number=f"13020101090{tries:04d}")
        assert answer.json["code"] == "payee_number_differs"
    (waits,) = shown(api, "finance", world.now)["payees"]
    assert waits["allowed_actions"] == ["refuse"]
    right = decide(api, world, waits)
    assert (right.status, right.json["code"]) == (409, "payee_mistyped")
    assert decide(api, world, waits, "refuse", reason="多次不符").json["status"] == "refused"
    again = propose(api, world).json
    assert again["id"] != proposed["id"]
    assert decide(api, world, again).json["status"] == "confirmed"


def test_a_school_sees_on_its_desk_what_was_proposed_and_confirmed_until_it_counts(
    world: Any, api: Any
) -> None:
    proposed = propose(api, world).json
    for _ in ("proposed", "confirmed"):
        page = Visitor(api, "institution", at=world.now).get("/console/desk")
        assert "收款账户变更" in page.text
        assert proposed["number"] in page.text
        assert NEW["number"] not in page.html
        decide(api, world, proposed)
    later = Visitor(api, "institution", at=world.now + timedelta(days=3)).get("/console/desk")
    assert "收款账户变更" not in later.text


@pytest.mark.parametrize("confirmed", [False, True])
def test_a_school_objects_before_the_account_counts_and_is_paid_to_the_old_one(
    world: Any, api: Any, confirmed: bool
) -> None:
    before = shown(api, "institution", world.now)["bank_account"]
    payee = propose(api, world).json
    if confirmed:
        payee = decide(api, world, payee).json
    (seen,) = shown(api, "institution", world.now)["payees"]
    assert seen["allowed_actions"] == ["refuse"]
    objected = object_to(api, world, seen)
    assert objected.status == 200, objected.text
    assert (objected.json["status"], objected.json["decision_reason"]) == ("refused", "不是本单位的账户")
    after = shown(api, "institution", world.now + timedelta(days=10))
    assert (after["bank_account"], after["payees"]) == (before, [])
    payees = find_payees(HEFEI_SCHOOL)
    assert payees is not None
    assert payees.waiting is None
    assert payee["id"] not in [known.id for known in payees.confirmed]


def test_a_school_objects_no_more_once_the_account_counts(world: Any, api: Any) -> None:
    confirmed = decide(api, world, propose(api, world).json).json
    late = object_to(api, world, confirmed, at=world.now + timedelta(days=3))
    assert (late.status, late.json["code"]) == (409, "payee_in_force")
    assert shown(api, "clerk", world.now + timedelta(days=3))["bank_account"]["id"] == confirmed["id"]


def test_another_school_does_not_object_and_no_school_confirms(world: Any, api: Any) -> None:
    proposed = propose(api, world).json
    assert object_to(api, world, proposed, who="institution_wuhu").status == 404
    assert decide(api, world, proposed, who="institution").json["code"] == "forbidden"


def test_a_finance_officer_does_not_take_back_what_is_confirmed(world: Any, api: Any) -> None:
    confirmed = decide(api, world, propose(api, world).json).json
    answer = decide(api, world, confirmed, "refuse", reason="弄错了")
    assert (answer.status, answer.json["code"]) == (409, "wrong_state")
