"""Nobody decides on their own work, by person: an account that changed its role stays the same person."""

from typing import Any

import pytest

from chalicelib.accounts.service import forget_statuses
from chalicelib.accounts.store import AccountRow
from chalicelib.kernel.principal import Principal, Role
from tests.classes.builders import Classroom
from tests.subsidies.scored import Money, scored_class
from tests.support.people import STAFF, staff_principal


def moved(name: str, role: Role, division: str = "3401", institution: str | None = None) -> Principal:
    """Move a staff member to another post: same account, other role."""
    who = staff_principal(name)
    actions = [AccountRow.role.set(str(role)), AccountRow.division.set(division)]
    actions.append(
        AccountRow.institution.set(institution) if institution else AccountRow.institution.remove()
    )
    AccountRow(who.actor).update(actions=actions)
    forget_statuses()
    return Principal(actor=who.actor, role=role, division=division, institution=institution)


def is_own_work(answer: Any) -> bool:
    return (answer.status, answer.json.get("code")) == (403, "self_approval")


@pytest.fixture
def money(world: Any) -> Money:
    return Money(world)


@pytest.mark.parametrize("action", ["approve", "return"])
def test_who_applied_for_a_class_does_not_decide_on_it(world: Any, action: str) -> None:
    room = Classroom(world).do("institution", "submit")
    body = {"reason": "x"} if action == "return" else {}
    assert is_own_work(room.try_(moved("institution", Role.CLERK), action, body))
    assert room.try_("clerk", action, body).status == 200


@pytest.mark.parametrize("action", ["approve", "return"])
def test_who_reported_completion_does_not_decide_on_it(world: Any, action: str) -> None:
    room = Classroom(world).rostered(1)
    room.do("institution", "completion/submit", at=room.ended())
    body = {"reason": "x"} if action == "return" else {}
    verb = f"completion/{action}"
    assert is_own_work(room.try_(moved("institution", Role.CLERK), verb, body, at=room.ended()))
    assert room.try_("clerk", verb, body, at=room.ended()).status == 200


@pytest.mark.parametrize("verb", ["review", "return", "reject"])
def test_the_applicant_does_not_review(world: Any, money: Money, verb: str) -> None:
    claim = money.claim(scored_class(world, 1))
    reason = {} if verb == "review" else {"reason": "x"}
    assert is_own_work(money.decide(moved("institution", Role.CLERK), claim, verb, **reason))  # type: ignore[arg-type]
    assert money.decide("clerk", claim, verb, **reason).status == 200


def test_neither_applicant_nor_first_reviewer_gives_the_second_review(world: Any, money: Money) -> None:
    money.budget()
    claim = money.claim(scored_class(world, 1))
    claim = money.ok(money.decide("clerk", claim, "review"))
    for name in ("institution", "clerk"):
        assert is_own_work(money.decide(moved(name, Role.REVIEWER), claim, "approve"))  # type: ignore[arg-type]
    assert money.decide("reviewer", claim, "approve").status == 200


def test_nobody_who_had_a_hand_in_a_claim_pays_it(world: Any, money: Money) -> None:
    batch = money.sealed(scored_class(world, 1))
    path = f"/v1/settlement-batches/{batch['id']}"
    hands = [moved(name, Role.FINANCE) for name in ("institution", "clerk", "reviewer")]
    for who in hands:
        assert is_own_work(world.api(who).post(f"{path}/export", {}, at=money.now))
    money.export(batch)
    results = [money.result(line) for line in money.batch(batch)["lines"]]
    for who in hands:
        assert is_own_work(world.api(who).post(f"{path}/results", {"results": results}, at=money.now))
    assert money.ok(money.send(batch, results))["applied"] == 1


def test_who_asks_for_a_reversal_does_not_confirm_it(world: Any, money: Money) -> None:
    batch = money.sealed(scored_class(world, 1))
    money.pay(batch)
    path = f"/v1/claim-lines/{money.batch(batch)['lines'][0]['line_id']}/reverse"
    assert world.api("finance").post(path, {"reason": "x"}, at=money.now).status == 200
    assert is_own_work(world.api("finance").post(f"{path}/confirm", {}, at=money.now))
    county = moved("finance", Role.FINANCE, "340111")
    assert is_own_work(world.api(county).post(f"{path}/confirm", {}, at=money.now))
    assert world.api("finance_two").post(f"{path}/confirm", {}, at=money.now).status == 200


@pytest.mark.parametrize("verb", ["approve", "reject"])
def test_who_proposed_an_issuance_does_not_decide_on_it(world: Any, api: Any, verb: str) -> None:
    from chalicelib.vouchers import batch_store
    from chalicelib.vouchers.batch_model import BatchStatus, IssuanceBatch

    proposer = staff_principal("province")
    batch = IssuanceBatch(
        id="iss_separation000000000000",  # type: ignore[arg-type]
        program_id=world.program_id,
        import_id="imp_world",  # type: ignore[arg-type]
        status=BatchStatus.PROPOSED,
        proposed_by=proposer.actor,
        proposed_at=world.now,
    )
    batch_store.create_batch(batch, world.change)
    path = f"/v1/programs/{world.program_id}/issuance-batches/{batch.id}/{verb}"
    body = {"version": 1} | ({"reason": "x"} if verb == "reject" else {})
    assert is_own_work(api("province").post(path, body))


def test_moving_back_and_forth_changes_no_person(world: Any, money: Money) -> None:
    claim = money.claim(scored_class(world, 1))
    role, division, institution = STAFF["institution"]
    moved("institution", Role.CLERK)
    back = moved("institution", role, division, institution)
    assert world.api(back).get(f"/v1/subsidy-claims/{claim['id']}").status == 200
    assert is_own_work(money.decide(moved("institution", Role.CLERK), claim, "review"))  # type: ignore[arg-type]
