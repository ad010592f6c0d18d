"""Who is taught in a class decides neither on it nor on the money for it, whatever their role (invariant 5).

A clerk had a voucher of their own spent in a class, approved its completion and reviewed the claim with their
own line in it. Each step below is tried by the one whose duty it is, as a trainee of the class; nothing that is
refused is offered.
"""

from datetime import timedelta

import pytest

from chalicelib.accounts.guard import forget_statuses
from chalicelib.accounts.model import account_id_of
from chalicelib.accounts.persons.service import person_key_of
from chalicelib.accounts.store import AccountRow
from chalicelib.aws.table import connection
from chalicelib.classes.service import read_class
from chalicelib.subsidies.claims.store import ClaimRow, LineRow, read_claim
from tests.attendance.builders import recorded
from tests.classes.builders import Classroom
from tests.classes.cancellation.test_cancellation import applied, begun
from tests.classes.changes import test_changes as changes
from tests.subsidies.holds.test_stop_payment import let_go, on, stop
from tests.subsidies.scored import Money, scored_class
from tests.support.people import staff_person, staff_principal


def is_also(who, person):
    """Let the account of one who decides be that of a trainee."""
    staff_principal(who)
    key = person if isinstance(person, str) else person_key_of(person.id_number)
    AccountRow(account_id_of(who)).update(actions=[AccountRow.person_key.set(key)])
    forget_statuses()


def refused(answer):
    assert (answer.status, answer.json["code"]) == (403, "self_approval"), answer.text


# ------------------------------------------------------------------------------------------ the class


def test_the_completion_of_ones_own_class_is_neither_offered_nor_decided(world):
    room = Classroom(world).rostered(2)
    room.do("institution", "completion/submit", at=room.ended())
    is_also("clerk", room.people[1])
    assert room.read("clerk", at=room.ended())["allowed_actions"] == []
    listed = world.api("clerk").get("/v1/classes", at=room.ended()).json["items"]
    assert [item["allowed_actions"] for item in listed] == [[]]
    refused(room.try_("clerk", "completion/approve", at=room.ended()))
    refused(room.try_("clerk", "completion/return", {"reason": "缺录像"}, at=room.ended()))
    assert "completion_approve" in room.read("clerk_two", at=room.ended())["allowed_actions"]
    room.do("clerk_two", "completion/approve", at=room.ended())


def test_a_change_of_ones_own_class_is_neither_offered_nor_decided(world):
    room = Classroom(world).rostered(1)
    asked = changes.apply(room, lessons=changes.wanted(room, _2=timedelta(hours=1))).json
    is_also("clerk", room.people[0])
    path = f"/v1/classes/{room.id}/changes"
    shown = world.api("clerk").get(path, at=world.now).json["items"]
    assert [change["allowed_actions"] for change in shown] == [[]]
    refused(changes.decide(room, asked, "approve"))
    refused(changes.decide(room, asked, "reject", reason="不必"))
    assert changes.decide(room, asked, "approve", who="clerk_two").status == 200


def test_the_cancellation_of_ones_own_class_is_neither_offered_nor_decided(world):
    room = Classroom(world).rostered(1)
    applied(room, begun(room))
    is_also("clerk", room.people[0])
    assert room.read("clerk", at=begun(room))["allowed_actions"] == []
    refused(room.try_("clerk", "cancel/approve", at=begun(room)))
    refused(room.try_("clerk", "cancel/refuse", {"reason": "继续上课"}, at=begun(room)))
    room.do("clerk_two", "cancel/approve", at=begun(room))


def test_evidence_of_ones_own_class_is_neither_offered_nor_decided_also_that_of_another_trainee(world):
    room = Classroom(world).rostered(2)
    room.check_in(room.people[0], location={"accuracy_m": 500})
    body = {"enrolment_id": room.enrolments[0]["id"], "kind": "excuse", "reason": "病假"}
    path = f"/v1/lessons/{room.lesson(1)['id']}/make-ups"
    excuse = room.api("institution").post(path, body, at=room.ended()).json
    is_also("clerk", room.people[1])
    clerk = world.api("clerk")
    (check_in,) = recorded(room)
    for of_all in ("/v1/check-ins", "/v1/make-ups"):
        waiting = clerk.get(of_all, at=room.ended()).json["items"]
        assert [item["allowed_actions"] for item in waiting] == [[]], of_all
    assert check_in["allowed_actions"] == []
    decision = {"version": check_in["version"], "reason": "已核实"}
    accept = f"/v1/lessons/{check_in['lesson_id']}/check-ins/{check_in['id']}/accept"
    refused(clerk.post(accept, decision, at=room.ended()))
    decision = {"version": excuse["version"], "reason": "已核实"}
    refused(clerk.post(f"/v1/make-ups/{excuse['id']}/approve", decision, at=room.ended()))
    other = world.api("clerk_two").post(f"/v1/make-ups/{excuse['id']}/approve", decision, at=room.ended())
    assert other.status == 200, other.text


def test_who_comes_onto_the_roster_after_the_class_was_read_does_not_decide_on_it(world):
    """What was read is what is decided: every change of the roster makes another version of the class."""
    room = Classroom(world).approved()
    enrolments = room.enrol(2)
    rows = [{"enrolment_id": enrolment["id"]} for enrolment in enrolments]
    assert room.put_roster(rows[:1]).status == 200
    asked = changes.apply(room.refresh(), lessons=changes.wanted(room, _2=timedelta(hours=1))).json
    room.refresh()
    is_also("clerk", room.people[1])
    joined = []

    def act(request, **_):
        if request.headers["X-Amz-Target"].endswith(b"TransactWriteItems") and not joined:
            joined.append(None)
            joined.append(room.put_roster(rows).status)

    events = connection().client.meta.events
    events.register_first("before-send.dynamodb", act)
    try:
        answer = changes.decide(room, asked, "approve")
    finally:
        events.unregister("before-send.dynamodb", act)
    assert joined == [None, 200]
    assert (answer.status, answer.json["code"]) == (409, "version_conflict"), answer.text
    now = {**asked, "version": room.refresh().version}
    refused(changes.decide(room, now, "approve"))


def test_who_has_left_the_roster_is_no_trainee_of_the_class_any_more(world):
    room = Classroom(world).rostered(2)
    is_also("clerk", room.people[1])
    assert room.put_roster([{"enrolment_id": room.enrolments[0]["id"]}]).status == 200
    room.refresh().do("institution", "completion/submit", at=room.ended())
    room.do("clerk", "completion/approve", at=room.ended())


# ------------------------------------------------------------------------------------------ the money


@pytest.fixture
def money(world):
    money = Money(world)
    money.budget()
    return money


def class_with(world, *who):
    """Store a scored class of these staff and two others."""
    return scored_class(
        world, people=[*map(staff_person, who), "prs_another00001", "prs_another00002"], size=len(who) + 2
    )


def actions(money, claim, who):
    return money.read(claim, who=who)["allowed_actions"]


def test_a_claim_with_ones_own_line_is_neither_offered_nor_reviewed(world, money):
    claim = money.claim(class_with(world, "clerk", "reviewer"))
    assert actions(money, claim, "clerk") == []
    for verb, body in (("review", {}), ("return", {"reason": "材料不全"}), ("reject", {"reason": "不合规"})):
        refused(money.decide("clerk", claim, verb, **body))
    line = money.read(claim)["lines"][0]
    rejected = [{"id": line["id"], "reason": "不合规"}]
    refused(money.decide("clerk", claim, "review", rejected_lines=rejected))
    claim = money.ok(money.decide("clerk_two", claim, "review"))
    assert actions(money, claim, "reviewer") == []
    for verb, body in (("approve", {}), ("return", {"reason": "材料不全"}), ("reject", {"reason": "不合规"})):
        refused(money.decide("reviewer", claim, verb, **body))


def test_who_failed_in_a_class_does_not_review_its_claim_either(world, money):
    people = [staff_person("clerk"), "prs_another00001"]
    claim = money.claim(scored_class(world, people=people, size=2, failed={0}))
    assert len(money.read(claim)["lines"]) == 1
    refused(money.decide("clerk", claim, "review"))


def test_a_batch_with_ones_own_line_is_neither_offered_nor_exported(world, money):
    money.publicised(class_with(world, "finance"))
    money.wait()
    batch = money.seal(who="finance_two")
    path = f"/v1/settlement-batches/{batch['id']}"
    shown = world.api("finance").get(path, at=money.now).json
    assert shown["allowed_actions"] == []
    refused(world.api("finance").post(f"{path}/export", {}, at=money.now))
    other = world.api("finance_two").post(f"{path}/export", {}, at=money.now)
    assert other.status == 200, other.text
    refused(money.send(batch, [money.result(line) for line in money.batch(batch)["lines"]]))


def test_a_stop_of_ones_own_line_is_let_go_by_somebody_else_also_where_a_person_placed_it(world, money):
    claim = money.publicised(class_with(world, "supervisor"))
    for subject in (on("claim", claim), {"kind": "line", "id": money.read(claim)["lines"][0]["id"]}):
        hold = money.ok(stop(money, subject, who="finance"))
        listed = world.api("supervisor").get("/v1/holds", at=money.now).json["items"]
        assert [item["allowed_actions"] for item in listed if item["id"] == hold["id"]] == [[]]
        refused(let_go(money, hold, who="supervisor"))
        money.ok(let_go(money, hold, who="finance_two"))


def test_claims_name_their_trainees_from_submission_on(world, money):
    claim = money.claim(class_with(world, "clerk"))
    stored = read_claim(claim["id"])
    lines = [LineRow.get(line_id).person_key for line_id in stored.line_ids]
    assert set(lines) <= set(stored.also_prepared_by)
    assert ClaimRow.get(claim["id"]).version == 1
    assert set(read_class(stored.class_id).roster) == set(lines)
