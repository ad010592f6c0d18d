"""Nobody decides on their own work, by person: an account that changed its role stays the same person."""

from typing import Any

import pytest

from chalicelib.accounts.guard import forget_statuses
from chalicelib.accounts.store import AccountRow
from chalicelib.classes.store import ClassRow
from chalicelib.kernel.principal import Principal, Role
from chalicelib.subsidies.claims.store import ClaimRow
from tests.classes.builders import Classroom, application
from tests.classes.changes.test_changes import apply, decide, wanted
from tests.subsidies.scored import Money, scored_class
from tests.support.people import HEFEI_SCHOOL, STAFF, staff_principal


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


def colleague() -> Principal:
    """Give a second member of the first institution's staff."""
    return moved("institution_two", Role.INSTITUTION, "340111", HEFEI_SCHOOL)


def edited(room: Classroom, who: Principal) -> Classroom:
    body = application(room.world, name="二班") | {"version": room.version}
    answer = room.api(who).put(f"/v1/classes/{room.id}", body, at=room.world.now)
    assert answer.status == 200, answer.text
    return room.refresh()


def test_who_wrote_an_application_that_another_filed_does_not_decide_on_it(world: Any) -> None:
    room = edited(Classroom(world), colleague()).do("institution", "submit")
    for name in ("institution", "institution_two"):
        assert is_own_work(room.try_(moved(name, Role.CLERK), "approve"))
        assert is_own_work(room.try_(moved(name, Role.CLERK), "return", {"reason": "x"}))
    assert room.read(moved("institution_two", Role.CLERK))["allowed_actions"] == []
    assert room.try_("clerk", "approve").status == 200


def test_who_filed_a_class_before_it_was_returned_does_not_approve_it(world: Any) -> None:
    room = Classroom(world).do("institution", "submit").do("clerk", "return", {"reason": "x"})
    room = edited(room, colleague()).do(colleague(), "submit")
    assert is_own_work(room.try_(moved("institution", Role.CLERK), "approve"))
    assert room.try_("clerk", "approve").status == 200


def test_who_filed_a_class_or_its_roster_does_not_approve_its_completion(world: Any) -> None:
    room = Classroom(world).do(colleague(), "submit").do("clerk", "approve")
    enrolments = room.enrol(1)
    assert room.put_roster([{"enrolment_id": enrolments[0]["id"]}]).status == 200
    third = moved("institution_wuhu", Role.INSTITUTION, "340111", HEFEI_SCHOOL)
    room.refresh().do(third, "completion/submit", at=room.ended())
    for name in ("institution", "institution_two", "institution_wuhu"):
        who = moved(name, Role.CLERK)
        assert is_own_work(room.try_(who, "completion/approve", at=room.ended()))
        assert is_own_work(room.try_(who, "completion/return", {"reason": "x"}, at=room.ended()))
    assert room.try_("clerk", "completion/approve", at=room.ended()).status == 200


def test_who_filed_a_class_does_not_decide_on_its_change(world: Any) -> None:
    room = Classroom(world).approved()
    lessons = wanted(room)
    answer = apply(room, who=colleague(), lessons=[*lessons[:4], lessons[4] | {"topic": "改"}])
    assert answer.status == 201, answer.text
    room.refresh()
    for name in ("institution", "institution_two"):
        who = moved(name, Role.CLERK)
        for verb, more in (("approve", {}), ("reject", {"reason": "x"})):
            assert is_own_work(decide(room, answer.json, verb, who=who, **more))
        assert room.read(who)["allowed_actions"] == []
    assert decide(room, answer.json, "approve").status == 200


def test_a_hand_found_only_by_the_write_is_refused_too(world: Any) -> None:
    """The condition says it as well: what the service has looked at may be older than the class."""
    from chalicelib.classes.applications import store as application_store
    from chalicelib.kernel.errors import Forbidden

    room = edited(Classroom(world), colleague()).do("institution", "submit")
    for name in ("institution", "institution_two"):
        with pytest.raises(Forbidden):
            application_store.give_back(
                room.id,
                version=room.version,
                reason="x",
                hands=staff_principal(name).hands | {"acc_second"},
                change=world.change,
            )


@pytest.mark.parametrize("verb", ["review", "return", "reject"])
def test_the_applicant_does_not_review(world: Any, money: Money, verb: str) -> None:
    claim = money.claim(scored_class(world, 1))
    reason = {} if verb == "review" else {"reason": "x"}
    assert is_own_work(money.decide(moved("institution", Role.CLERK), claim, verb, **reason))
    assert money.decide("clerk", claim, verb, **reason).status == 200


def prepared_by_others(world: Any, size: int = 1, **facts: str) -> str:
    """Give a scored class for which others than the applicant did the work."""
    class_id = scored_class(world, size)
    names = {name: staff_principal(who).actor for name, who in facts.items()}
    ClassRow(class_id, "head").update(
        actions=[getattr(ClassRow, name).set(actor) for name, actor in names.items()]
    )
    return class_id


@pytest.mark.parametrize("part", ["submitted_by", "completion_submitted_by", "scored_by"])
def test_who_prepared_the_class_does_not_review_its_claim(world: Any, money: Money, part: str) -> None:
    money.budget()
    claim = money.claim(prepared_by_others(world, 2, **{part: "institution_two"}))
    clerk = moved("institution_two", Role.CLERK)
    lines = [{"id": claim["lines"][0]["id"], "reason": "x"}]
    assert is_own_work(money.decide(clerk, claim, "review"))
    assert is_own_work(money.decide(clerk, claim, "review", rejected_lines=lines))
    assert is_own_work(money.decide(clerk, claim, "return", reason="x"))
    assert is_own_work(money.decide(clerk, claim, "reject", reason="x"))
    assert money.read(claim, who=clerk)["allowed_actions"] == []
    claim = money.ok(money.decide("clerk", claim, "review"))
    reviewer = moved("institution_two", Role.REVIEWER)
    assert is_own_work(money.decide(reviewer, claim, "approve"))
    assert money.read(claim, who=reviewer)["allowed_actions"] == []
    money.ok(money.decide("reviewer", claim, "approve"))
    line = money.read(claim)["lines"][0]
    path = f"/v1/claim-lines/{line['id']}/reject"
    body = {"version": line["version"], "reason": "x"}
    assert is_own_work(world.api(reviewer).post(path, body, at=money.now))
    assert world.api("reviewer").post(path, body, at=money.now).status == 200


def test_who_entered_marks_that_another_corrected_does_not_review_the_claim(world: Any, money: Money) -> None:
    room = Classroom(world).completed(1)
    rows = [{"enrolment_id": room.enrolments[0]["id"], "theory": 50, "practice": 80}]
    assert room.put_scores(rows).status == 200
    body = {"version": room.refresh().version, "rows": [rows[0] | {"theory": 90}], "reason": "登记有误"}
    path = f"/v1/classes/{room.id}/scores"
    assert room.api(colleague()).put(path, body, at=room.ended()).status == 200
    money.now = room.ended()
    third = moved("institution_wuhu", Role.INSTITUTION, "340111", HEFEI_SCHOOL)
    claim = money.claim(room.id, who=third)
    for name in ("institution", "institution_two", "institution_wuhu"):
        assert is_own_work(money.decide(moved(name, Role.CLERK), claim, "review"))
    assert money.decide("clerk", claim, "review").status == 200


def test_who_applied_before_a_return_does_not_review_what_another_sent_again(
    world: Any, money: Money
) -> None:
    class_id = scored_class(world, 1)
    claim = money.claim(class_id)
    money.ok(money.decide("clerk", claim, "return", reason="x"))
    claim = money.claim(class_id, who=colleague())
    assert is_own_work(money.decide(moved("institution", Role.CLERK), claim, "review"))
    assert money.decide("clerk", claim, "review").status == 200


def test_an_account_whose_id_begins_another_ones_is_somebody_else(world: Any, money: Money) -> None:
    claim = money.claim(prepared_by_others(world, scored_by="institution_two"))
    longer = staff_principal("clerk").actor + "x"
    ClaimRow(claim["id"]).update(actions=[ClaimRow.also_prepared_by.set([longer])])
    assert money.decide("clerk", claim, "review").status == 200


def test_who_prepared_the_class_does_not_pay_for_it(world: Any, money: Money) -> None:
    batch = money.sealed(prepared_by_others(world, scored_by="institution_two"))
    recipient = moved("institution_two", Role.FINANCE)
    path = f"/v1/settlement-batches/{batch['id']}"
    assert is_own_work(world.api(recipient).post(f"{path}/export", {}, at=money.now))
    money.export(batch)
    results = [money.result(line) for line in money.batch(batch)["lines"]]
    assert is_own_work(world.api(recipient).post(f"{path}/results", {"results": results}, at=money.now))


def test_neither_applicant_nor_first_reviewer_gives_the_second_review(world: Any, money: Money) -> None:
    money.budget()
    claim = money.claim(scored_class(world, 1))
    claim = money.ok(money.decide("clerk", claim, "review"))
    for name in ("institution", "clerk"):
        assert is_own_work(money.decide(moved(name, Role.REVIEWER), claim, "approve"))
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
    elsewhere = moved("finance", Role.FINANCE, "34")
    assert is_own_work(world.api(elsewhere).post(f"{path}/confirm", {}, at=money.now))
    assert world.api("finance_two").post(f"{path}/confirm", {}, at=money.now).status == 200


@pytest.mark.parametrize("verb", ["approve", "reject"])
def test_who_proposed_an_issuance_does_not_decide_on_it(world: Any, api: Any, verb: str) -> None:
    from chalicelib.vouchers.batches import store as batch_store
    from chalicelib.vouchers.batches.model import IssuanceBatch, IssuanceBatchStatus

    proposer = staff_principal("province")
    batch = IssuanceBatch(
        id="iss_separation000000000000",
        program_id=world.program_id,
        import_id="imp_world",
        status=IssuanceBatchStatus.PROPOSED,
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
    assert is_own_work(money.decide(moved("institution", Role.CLERK), claim, "review"))


def test_who_asked_for_a_make_up_or_prepared_the_class_does_not_grant_it(world: Any) -> None:
    room = Classroom(world).rostered(1)
    third = moved("institution_wuhu", Role.INSTITUTION, "340111", HEFEI_SCHOOL)
    body = {"enrolment_id": room.enrolments[0]["id"], "kind": "make_up", "reason": "手机没电"} | {
        "evidence": "签到簿"
    }
    path = f"/v1/lessons/{room.lesson()['id']}/make-ups"
    make_up = room.api(third).post(path, body, at=room.ended()).json
    for name in ("institution", "institution_wuhu"):
        clerk = world.api(moved(name, Role.CLERK))
        for verb in ("approve", "reject"):
            answer = clerk.post(
                f"/v1/make-ups/{make_up['id']}/{verb}", {"version": 1, "reason": "x"}, at=room.ended()
            )
            assert is_own_work(answer)
    waiting = world.api(moved("institution_wuhu", Role.CLERK)).get("/v1/make-ups").json["items"]
    assert [request["allowed_actions"] for request in waiting] == [[]]
    granted = {"version": 1, "reason": "已核实"}
    assert (
        world.api("clerk").post(f"/v1/make-ups/{make_up['id']}/approve", granted, at=room.ended()).status
        == 200
    )


def test_who_prepared_the_class_does_not_let_its_doubtful_check_ins_count(world: Any) -> None:
    room = Classroom(world).rostered(1)
    check_in = room.check_in(room.people[0], location={"accuracy_m": 400})
    assert check_in.json["outcome"] == "needs_review", check_in.text
    lesson = f"/v1/lessons/{room.lesson()['id']}/check-ins"
    clerk = world.api(moved("institution", Role.CLERK))
    (shown,) = clerk.get(lesson).json["items"]
    assert shown["allowed_actions"] == []
    body = {"version": shown["version"], "reason": "x"}
    for verb in ("accept", "reject"):
        assert is_own_work(clerk.post(f"{lesson}/{shown['id']}/{verb}", body, at=room.ended()))
    accepted = world.api("clerk").post(f"{lesson}/{shown['id']}/accept", body, at=room.ended())
    assert accepted.status == 200, accepted.text
