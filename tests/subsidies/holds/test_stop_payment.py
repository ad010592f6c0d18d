"""Stopping a payment and letting it go: of a line, a claim, an institution; by people, by rules, by suspension."""

from typing import Any

import pytest

from chalicelib.kernel.errors import Forbidden
from chalicelib.kernel.principal import Context, Role
from chalicelib.subsidies.claims.store import LineRow
from chalicelib.subsidies.holds import service
from chalicelib.subsidies.holds.model import HoldCode, SubjectKind
from chalicelib.subsidies.holds.service import Grounds
from tests.accounts.test_separation import moved
from tests.subsidies.scored import Money, codes, scored_class
from tests.support.people import HEFEI_SCHOOL, staff_principal

SCHOOL = {"kind": "institution", "id": HEFEI_SCHOOL}


@pytest.fixture
def money(world: Any) -> Money:
    money = Money(world)
    money.budget()
    return money


def stop(money: Money, subject: Any, *, who: Any = "supervisor", reason: str = "举报套取，核查中") -> Any:
    return money.api(who).post("/v1/holds", {"subject": subject, "reason": reason}, at=money.now)


def let_go(money: Money, hold: Any, *, who: Any = "supervisor", version: int | None = None) -> Any:
    body = {"version": version or hold["version"], "reason": "已核实"}
    return money.api(who).post(f"/v1/holds/{hold['id']}/release", body, at=money.now)


def on(kind: str, thing: Any) -> dict[str, str]:
    return {"kind": kind, "id": thing["id"]}


def states(money: Money, claim: Any) -> list[tuple[str, list[str]]]:
    return [(line["status"], codes(line)) for line in money.read(claim)["lines"]]


def move_school(money: Money, verb: str, reason: str = "涉嫌套取补贴") -> Any:
    path = f"/v1/institutions/{HEFEI_SCHOOL}"
    version = money.ok(money.api("clerk").get(path, at=money.now))["version"]
    return money.ok(
        money.api("clerk").post(f"{path}/{verb}", {"version": version, "reason": reason}, at=money.now)
    )


# --------------------------------------------------------------------------- by people


OVERSEERS = ["supervisor", "province"]


@pytest.mark.parametrize("who", ["finance", *OVERSEERS])
def test_a_line_is_stopped_with_a_reason_shown_with_who_lifts_it_and_paid_once_let_go(
    world: Any, money: Money, who: str
) -> None:
    claim = money.publicised(scored_class(world, 2))
    first, second = money.read(claim)["lines"]
    hold = money.ok(stop(money, on("line", first), who=who))
    assert (hold["status"], hold["too_late"], hold["allowed_actions"]) == ("open", [], ["release"])
    (shown,) = money.read(claim)["lines"][0]["holds"]
    assert shown == {
        "id": hold["id"],
        "code": "stop_payment",
        "reason": "举报套取，核查中",
        "since": hold["since"],
        "released_by": ["finance", *OVERSEERS] if who == "finance" else OVERSEERS,
        "version": 1,
    }
    money.wait()
    assert [line["line_id"] for line in money.batch(money.seal())["lines"]] == [second["id"]]
    assert money.seal() is None
    released = money.ok(let_go(money, hold, who=who))
    assert (released["status"], released["release_reason"]) == ("released", "已核实")
    assert [line["line_id"] for line in money.batch(money.seal())["lines"]] == [first["id"]]


def test_a_claim_is_stopped_whole_and_every_line_of_it_tells_so(world: Any, money: Money) -> None:
    claim = money.publicised(scored_class(world, 3))
    hold = money.ok(stop(money, on("claim", claim)))
    assert states(money, claim) == [("held", ["stop_payment"])] * 3
    money.wait()
    assert money.seal() is None
    money.ok(let_go(money, hold))
    assert money.seal()["count"] == 3


def test_a_claim_that_was_stopped_and_is_sent_again_is_stopped_with_its_new_lines(
    world: Any, money: Money
) -> None:
    class_id = scored_class(world, 2)
    claim = money.ok(money.decide("clerk", money.claim(class_id), "review"))
    money.ok(stop(money, on("claim", claim)))
    line = money.read(claim)["lines"][1]
    LineRow(line["id"]).delete()  # as if this trainee had not been payable the first time
    now = money.read(claim)
    money.ok(money.decide("clerk", now, "return", reason="补充材料"))
    again = money.claim(class_id)
    assert states(money, again) == [("held", ["stop_payment"])] * 2


def test_an_institution_is_stopped_in_one_write_with_all_it_claims_now_and_later(
    world: Any, money: Money
) -> None:
    claim = money.publicised(scored_class(world, 2))
    hold = money.ok(stop(money, SCHOOL, who="finance"))
    later = money.publicised(scored_class(world, 1))
    assert states(money, claim) == [("held", ["stop_payment"])] * 2
    assert states(money, later) == [("held", ["stop_payment"])]
    money.wait()
    assert money.seal() is None
    money.ok(let_go(money, hold, who="finance_two"))
    assert money.seal()["count"] == 3


@pytest.mark.parametrize("who", OVERSEERS)
@pytest.mark.parametrize("kind", ["line", "claim", "institution"])
def test_what_an_overseer_stops_no_finance_officer_lifts(
    world: Any, money: Money, who: str, kind: str
) -> None:
    """Was lifted by any one officer, and paid in the night: the supervisor's stop was a suggestion."""
    claim = money.publicised(scored_class(world, 1))
    subjects = {"line": on("line", money.read(claim)["lines"][0]), "claim": on("claim", claim)}
    hold = money.ok(stop(money, subjects.get(kind, SCHOOL), who=who))
    assert hold["lifted_by"] == OVERSEERS
    for officer in ("finance", "finance_two"):
        assert let_go(money, hold, who=officer).json["code"] == "forbidden"
        (listed,) = money.ok(money.api(officer).get("/v1/holds", at=money.now))["items"]
        assert (listed["id"], listed["allowed_actions"]) == (hold["id"], [])
    money.wait()
    assert money.seal() is None
    money.ok(let_go(money, hold, who="province" if who == "supervisor" else "supervisor"))
    assert money.seal()["count"] == 1


def test_two_stops_are_lifted_one_by_one(world: Any, money: Money) -> None:
    claim = money.publicised(scored_class(world, 1))
    (line,) = money.read(claim)["lines"]
    of_line, of_claim = money.ok(stop(money, on("line", line))), money.ok(stop(money, on("claim", claim)))
    money.ok(let_go(money, of_line))
    money.wait()
    assert money.seal() is None
    assert money.read(claim)["lines"][0]["holds"][0]["id"] == of_claim["id"]
    money.ok(let_go(money, of_claim))
    assert money.seal()["count"] == 1


@pytest.mark.parametrize("who", ["institution", "clerk", "reviewer"])
def test_who_files_and_reviews_stops_nothing_and_lets_nothing_go(world: Any, money: Money, who: str) -> None:
    claim = money.publicised(scored_class(world, 1))
    assert stop(money, on("claim", claim), who=who).json["code"] == "forbidden"
    hold = money.ok(stop(money, on("claim", claim)))
    assert let_go(money, hold, who=who).json["code"] == "forbidden"


def test_nothing_of_a_neighbour_is_stopped_or_let_go(world: Any, money: Money) -> None:
    claim = money.publicised(scored_class(world, 1))
    (line,) = money.read(claim)["lines"]
    for subject in (on("line", line), on("claim", claim), SCHOOL, {"kind": "line", "id": "lin_none-01"}):
        assert stop(money, subject, who="supervisor_wuhu").status == 404
    hold = money.ok(stop(money, on("claim", claim)))
    assert let_go(money, hold, who="supervisor_wuhu").status == 404
    assert let_go(money, {"id": "hld_none"}, version=1).status == 404


def test_a_stale_or_repeated_release_and_a_stop_of_what_is_paid_are_refused(world: Any, money: Money) -> None:
    claim = money.publicised(scored_class(world, 1))
    hold = money.ok(stop(money, on("claim", claim)))
    assert let_go(money, hold, version=7).json["code"] == "version_conflict"
    released = money.ok(let_go(money, hold))
    assert let_go(money, released).json["code"] == "wrong_state"
    money.wait()
    money.pay(money.seal())
    assert stop(money, on("claim", claim)).json["code"] == "wrong_state"


def test_holds_are_listed_oldest_first_for_the_area_by_state_and_institution(
    world: Any, money: Money
) -> None:
    claims = [money.publicised(scored_class(world, 1)) for _ in range(2)]
    first = money.ok(stop(money, on("claim", claims[0])))
    money.wait(1)
    second = money.ok(stop(money, SCHOOL))

    def listed(who: str = "supervisor", **query: str) -> list[str]:
        answer = money.ok(money.api(who).get("/v1/holds", query, at=money.now))
        return [hold["id"] for hold in answer["items"]]

    assert listed() == listed("clerk") == listed("province", division="3401") == [first["id"], second["id"]]
    assert listed(institution=HEFEI_SCHOOL) == [first["id"], second["id"]]
    assert listed(institution="52340111MX0000019K") == listed("supervisor_wuhu") == []
    money.ok(let_go(money, first))
    assert (listed(), listed(status="released")) == ([second["id"]], [first["id"]])


# --------------------------------------------------------------------------- by rules


def ruled(money: Money, who: str = "supervisor") -> Context:
    return Context(principal=staff_principal(who), now=money.now, request_id="req_test")


GROUNDS = Grounds(
    reason="签到使用模拟定位",
    code=HoldCode.MOCK_LOCATION,
    evidence="rsk_abcd",
    lifted_by=(Role.SUPERVISOR,),
    by_rule=True,
)


def test_a_rule_holds_a_line_once_for_one_piece_of_evidence_and_tells_it(world: Any, money: Money) -> None:
    claim = money.publicised(scored_class(world, 1))
    (line,) = money.read(claim)["lines"]
    first = service.place(ruled(money), SubjectKind.LINE, line["id"], GROUNDS)
    again = service.place(ruled(money), SubjectKind.LINE, line["id"], GROUNDS)
    assert first.hold.id == again.hold.id
    (shown,) = money.read(claim)["lines"][0]["holds"]
    told = (shown["code"], shown["reason"], shown["released_by"])
    assert told == ("mock_location", "签到使用模拟定位", ["supervisor"])
    listed = money.ok(money.api("supervisor").get("/v1/holds", at=money.now))["items"]
    assert [(hold["evidence"], hold["code"]) for hold in listed] == [("rsk_abcd", "mock_location")]


def test_whoever_set_a_rule_off_does_not_lift_its_hold_and_neither_does_a_role_it_does_not_name(
    world: Any, money: Money
) -> None:
    claim = money.publicised(scored_class(world, 1))
    (line,) = money.read(claim)["lines"]
    placed = service.place(ruled(money), SubjectKind.LINE, line["id"], GROUNDS).hold
    hold = {"id": placed.id, "version": 1}
    assert let_go(money, hold, who="finance").json["code"] == "forbidden"
    assert let_go(money, hold).json["code"] == "self_approval"
    money.ok(let_go(money, hold, who=moved("finance_two", Role.SUPERVISOR)))


def test_who_had_a_hand_in_a_claim_does_not_lift_what_a_rule_holds_in_it(world: Any, money: Money) -> None:
    claim = money.publicised(scored_class(world, 1))
    (line,) = money.read(claim)["lines"]
    placed = service.place(ruled(money), SubjectKind.LINE, line["id"], GROUNDS).hold
    hold = {"id": placed.id, "version": 1}
    assert let_go(money, hold, who=moved("clerk", Role.SUPERVISOR)).json["code"] == "self_approval"
    context = Context(principal=moved("reviewer", Role.SUPERVISOR), now=money.now, request_id="r")
    with pytest.raises(Forbidden):
        service.release(context, placed.id, version=1, reason="自己的")


def test_a_line_held_by_a_mocked_check_in_is_lifted_by_a_supervisor_and_stays_lifted(
    world: Any, money: Money
) -> None:
    claim = money.publicised(scored_class(world, 2, mocked={0}))
    (shown,) = money.read(claim)["lines"][0]["holds"]
    assert (shown["code"], shown["released_by"]) == ("mock_location", ["supervisor", "province"])
    assert "模拟定位" in shown["reason"]
    money.wait()
    money.pay(money.seal())
    assert money.seal() is None
    assert let_go(money, shown, who="finance").json["code"] == "forbidden"
    assert let_go(money, shown, version=99).json["code"] == "version_conflict"
    (current,) = money.read(claim)["lines"][0]["holds"]
    released = money.ok(let_go(money, current))
    assert (released["code"], released["status"]) == ("mock_location", "released")
    assert let_go(money, released).json["code"] == "wrong_state"
    batch = money.seal()
    assert batch["count"] == 1
    money.pay(batch, failing={0})
    money.release(batch)
    assert money.seal()["count"] == 1, "it is looked at again, and stays lifted"


def test_a_lifted_hold_does_not_come_back_when_the_claim_is_sent_again_or_looked_at_again(
    world: Any, money: Money
) -> None:
    from chalicelib.subsidies.holds.store import place_hold

    class_id = scored_class(world, 2, mocked={0, 1})
    claim = money.ok(money.decide("clerk", money.claim(class_id), "review"))
    (shown,) = money.read(claim)["lines"][0]["holds"]
    money.ok(let_go(money, shown))
    money.ok(money.decide("clerk", claim, "return", reason="补充材料"))
    again = money.claim(class_id)
    both = [("pending", []), ("held", ["mock_location"])]
    assert states(money, again) == both
    reviewed = money.ok(money.decide("clerk", again, "review"))
    money.ok(money.decide("reviewer", reviewed, "approve"))
    first = money.read(again)["lines"][0]
    place_hold(first["id"], "check:eligible_at_date", world.change)
    money.wait()
    batch = money.seal()
    assert [line["line_id"] for line in money.batch(batch)["lines"]] == [first["id"]]


def test_a_check_that_fails_is_lifted_by_nobody(world: Any, money: Money) -> None:
    from chalicelib.subsidies.holds.store import place_hold

    claim = money.publicised(scored_class(world, 1))
    (line,) = money.read(claim)["lines"]
    place_hold(line["id"], "check:eligible_at_date", world.change)
    (shown,) = money.read(claim)["lines"][0]["holds"]
    assert (shown["code"], shown["released_by"]) == ("eligible_at_date", [])
    assert let_go(money, shown).json["code"] == "hold_follows"


# --------------------------------------------------------------------------- by suspension


def test_a_suspended_institution_is_not_paid_and_reinstating_it_lets_all_go(world: Any, money: Money) -> None:
    claim = money.publicised(scored_class(world, 2))
    move_school(money, "suspend")
    (shown, *_), _ = (line["holds"] for line in money.read(claim)["lines"])
    assert (shown["code"], shown["reason"]) == ("institution_suspended", "涉嫌套取补贴")
    assert shown["since"] is not None
    assert shown["released_by"] == ["clerk", "supervisor", "province"]
    assert states(money, claim) == [("held", ["institution_suspended"])] * 2
    money.wait()
    assert money.seal() is None
    move_school(money, "reinstate", "已核实无误")
    assert states(money, claim) == [("pending", [])] * 2
    assert money.seal()["count"] == 2


def test_under_a_policy_that_does_not_hold_a_suspended_institution_is_paid(world: Any, money: Money) -> None:
    policy = {"version": 1, "policy": {"hold_when_suspended": False}}
    money.ok(money.api("province").post(f"/v1/programs/{world.program_id}/policy", policy, at=money.now))
    claim = money.publicised(scored_class(world, 1))
    move_school(money, "suspend")
    assert states(money, claim) == [("pending", [])]
    money.wait()
    assert money.seal()["count"] == 1


def test_a_failed_line_of_a_suspended_institution_is_not_paid_again(world: Any, money: Money) -> None:
    money.publicised(scored_class(world, 1))
    money.wait()
    batch = money.seal()
    money.pay(batch, failing={0})
    money.release(batch)
    move_school(money, "suspend")
    assert money.seal() is None
    move_school(money, "reinstate", "已核实无误")
    assert money.seal()["count"] == 1


# --------------------------------------------------------------------------- sent again under its key


@pytest.mark.parametrize("what", ["line", "mocked"])
def test_a_stop_and_a_release_sent_again_under_their_keys_are_done_once(
    world: Any, money: Money, what: str
) -> None:
    from chalicelib.edge.idempotency.store import FirstCallRow

    claim = money.publicised(scored_class(world, 1, mocked={0} if what == "mocked" else set()))
    (line,) = money.read(claim)["lines"]

    def twice(path: str, body: Any) -> Any:
        answers = []
        for _ in range(2):
            headers = {"Idempotency-Key": f"key-{path[-8:]}"}
            answers.append(money.ok(money.api("supervisor").post(path, body, at=money.now, headers=headers)))
            for row in list(FirstCallRow.scan()):
                row.delete()  # its first answer was lost
        assert answers[0] == answers[1]
        return answers[0]

    hold = (
        line["holds"][0]
        if what == "mocked"
        else twice("/v1/holds", {"subject": on("line", line), "reason": "核查"})
    )
    released = twice(f"/v1/holds/{hold['id']}/release", {"version": hold["version"], "reason": "已核实"})
    assert released["status"] == "released"
    assert states(money, claim) == [("pending", [])]


# --------------------------------------------------------------------------- twice


@pytest.mark.parametrize("kind", ["line", "claim", "institution"])
def test_the_same_stop_again_answers_with_the_one_that_is_open(world: Any, money: Money, kind: str) -> None:
    claim = money.publicised(scored_class(world, 2))
    things = {"line": on("line", money.read(claim)["lines"][0]), "claim": on("claim", claim)}
    subject = things.get(kind, SCHOOL)
    first = money.ok(stop(money, subject))
    again = stop(money, subject)
    assert (again.status, again.json["id"]) == (201, first["id"]), again.text
    others = [
        money.ok(stop(money, subject, who="finance"))["id"],
        money.ok(stop(money, subject, reason="另有举报"))["id"],
    ]
    assert len({first["id"], *others}) == 3, "another person's, and another reason's, are lifted apart"
    money.ok(let_go(money, first))
    assert money.ok(stop(money, subject))["id"] not in {first["id"], *others}
