"""Holds by themselves, without any table: what they do to a line, who lifts them, how they are named and shown."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from chalicelib.kernel.principal import Principal, Role
from chalicelib.subsidies.claims.states import ClaimStatus, LineStatus
from chalicelib.subsidies.holds.model import (
    ClassHolds,
    Hold,
    HoldStatus,
    SubjectKind,
    claim_of_hold,
    concerns,
    decided_holds,
    derived_hold_id,
    derived_or_objection,
    hold_id_of_rule,
    holds_from_class,
    line_of_hold,
    not_lifted,
    payee_hold_id,
    shown,
    since_with,
    status_with,
    stops_of,
    why_not_release,
)
from tests.settlement.lines import SCHOOL, paid_line
from tests.subsidies.claims.test_states_shown import claim_of

NOW = datetime(2026, 9, 1, 1, tzinfo=UTC)
CLAIM = claim_of("clm_a", ClaimStatus.PUBLICISED, was_public=True, objections=0)
MOCKED, LISTED, STOP, OBJECTION = (
    "attendance:mock_location",
    "check:eligible_at_date",
    "stop:hld_a",
    "objection:obj_a",
)
SUPERVISOR = Principal(actor="acc_watch", role=Role.SUPERVISOR, division="3401")


def a_hold(**facts: Any) -> Hold:
    known: dict[str, Any] = {
        "id": "hld_a",
        "subject_kind": SubjectKind.LINE,
        "subject_id": "lin_a-01",
        "institution": SCHOOL,
        "division": "340111",
        "city": "3401",
        "code": "stop_payment",
        "reason": "接举报",
        "status": HoldStatus.OPEN,
        "placed_by": "acc_a",
        "placed_at": NOW,
        "lifted_by": [Role.FINANCE, Role.SUPERVISOR],
    }
    return Hold(**{**known, **facts})


# --------------------------------------------------------------------------- what they do to a line


def test_a_line_with_holds_is_held_unless_it_is_in_a_batch_or_its_payment_failed() -> None:
    for status in (LineStatus.PENDING, LineStatus.HELD):
        assert status_with(paid_line(status=status), [STOP]) is LineStatus.HELD
        assert status_with(paid_line(status=status), []) is LineStatus.PENDING
    for status in (LineStatus.PAYMENT_FAILED, LineStatus.BATCHED):
        assert status_with(paid_line(status=status), [STOP]) is status
        assert status_with(paid_line(status=status), []) is status


def test_a_hold_stands_since_it_came_and_a_lifted_one_does_not_come_back() -> None:
    before = NOW - timedelta(days=3)
    line = paid_line(holds=[MOCKED, STOP], held_since={MOCKED: before, "check:x": before}, lifted=[LISTED])
    assert since_with(line, [MOCKED, STOP], NOW) == {MOCKED: before, STOP: NOW}
    assert not_lifted(line, [MOCKED, LISTED]) == [MOCKED]
    assert not_lifted(None, [MOCKED, LISTED]) == [MOCKED, LISTED]


def test_what_somebody_decided_stays_and_what_follows_from_facts_goes_with_them() -> None:
    line = paid_line(holds=[MOCKED, STOP, LISTED, OBJECTION])
    assert decided_holds(line) == [STOP, OBJECTION]
    assert stops_of(line.holds) == ["hld_a"]
    assert stops_of([]) == []


def test_a_hold_on_a_class_stops_those_it_names_or_everybody() -> None:
    assert [concerns(whom, "enr_a") for whom in ([], ["enr_a", "enr_b"], ["enr_b"])] == [True, True, False]
    standing = ClassHolds(
        class_id="cls_a", division="340111", holds={"hld_c": ["enr_b"], "hld_b": [], "hld_a": ["enr_a"]}
    )
    assert holds_from_class(standing, "enr_a") == ["stop:hld_a", "stop:hld_b"]
    assert holds_from_class(standing, "enr_b") == ["stop:hld_b", "stop:hld_c"]
    assert holds_from_class(None, "enr_a") == []
    assert standing.version == 1


# --------------------------------------------------------------------------- how they are named


def test_the_id_of_a_derived_hold_leads_back_to_its_line() -> None:
    hold_id = derived_hold_id("lin_a-07", MOCKED)
    assert hold_id.startswith("hld_a-l07")
    assert line_of_hold(hold_id) == "lin_a-07"
    assert hold_id == derived_hold_id("lin_a-07", MOCKED)
    assert (
        len({derived_hold_id(line, hold) for line in ("lin_a-07", "lin_a-08") for hold in (MOCKED, LISTED)})
        == 4
    )
    assert len(hold_id) == len("hld_a-l07") + 12
    for other in ("hld_abc", "hld_a-p07abcdefghijkl", "hld_a-lxxabcdefghijkl", "hld_a-l", ""):
        assert line_of_hold(other) is None


def test_the_id_of_a_changed_account_leads_back_to_its_claim() -> None:
    claim = msgspec.structs.replace(CLAIM, payee_id="pay_a")
    hold_id = payee_hold_id(claim, "pay_b")
    assert claim_of_hold(hold_id) == "clm_a"
    assert hold_id.startswith("hld_a-p")
    assert len(hold_id) == len("hld_a-p") + 12
    others = {
        payee_hold_id(claim, "pay_c"),
        payee_hold_id(msgspec.structs.replace(claim, payee_id="pay_x"), "pay_b"),
        hold_id,
    }
    assert len(others) == 3
    assert claim_of_hold(derived_hold_id("lin_a-07", MOCKED)) is None
    assert claim_of_hold("hld_abc") is None


def test_a_rule_places_one_hold_for_one_piece_of_evidence() -> None:
    ids = {hold_id_of_rule(code, "cls_a", case) for code in ("a", "b") for case in ("rsk_a", "rsk_b")}
    assert len(ids) == 4
    assert hold_id_of_rule("a", "cls_a", "rsk_a") in ids
    assert all(one.startswith("hld_") for one in ids)


# --------------------------------------------------------------------------- who lifts them


@pytest.mark.parametrize(
    ("facts", "who", "code"),
    [
        ({}, SUPERVISOR, None),
        ({"placed_by": "acc_watch"}, SUPERVISOR, None),
        ({}, Principal(actor="acc_c", role=Role.CLERK), "forbidden"),
        ({"subject_kind": SubjectKind.CLASS, "evidence": "rsk_a"}, SUPERVISOR, "hold_of_case"),
        ({"by_rule": True}, SUPERVISOR, None),
        ({"by_rule": True, "placed_by": "acc_watch"}, SUPERVISOR, "self_approval"),
        ({"by_rule": True}, Principal(actor="acc_school", role=Role.SUPERVISOR), "self_approval"),
        ({}, Principal(actor="acc_school", role=Role.SUPERVISOR), "self_approval"),
        ({}, Principal(actor="acc_reviewer", role=Role.SUPERVISOR), None),
        ({"by_rule": True}, Principal(actor="acc_reviewer", role=Role.SUPERVISOR), "self_approval"),
        ({"status": HoldStatus.RELEASED}, SUPERVISOR, "wrong_state"),
        ({"version": 2}, SUPERVISOR, "version_conflict"),
    ],
)
def test_what_a_rule_has_stopped_is_let_go_by_somebody_without_a_hand_in_it(
    facts: dict[str, Any], who: Principal, code: str | None
) -> None:
    refusal = why_not_release(a_hold(**facts), who, claim=CLAIM, version=1)
    assert (None if refusal is None else refusal.code) == code


def test_without_a_claim_only_the_placer_has_a_hand_in_a_hold() -> None:
    of_school = Principal(actor="acc_school", role=Role.SUPERVISOR)
    assert why_not_release(a_hold(by_rule=True), of_school, claim=None) is None
    own = why_not_release(a_hold(by_rule=True, placed_by="acc_school"), of_school, claim=None)
    assert own is not None
    assert own.code == "self_approval"
    fresh = a_hold()
    assert (fresh.by_rule, fresh.version) == (False, 1)


# --------------------------------------------------------------------------- how they are shown


def test_a_held_line_tells_each_hold_by_what_it_follows_from() -> None:
    line = paid_line(held_since={MOCKED: NOW}, version=3)
    derived = derived_or_objection(line, MOCKED)
    assert (derived.id, derived.code, derived.kind) == (
        derived_hold_id(line.id, MOCKED),
        "mock_location",
        "attendance",
    )
    assert (derived.since, derived.version, derived.reason) == (NOW, 3, None)
    assert derived.lifted_by == (Role.SUPERVISOR, Role.PROVINCE)
    objection = derived_or_objection(line, OBJECTION)
    assert (objection.id, objection.code, objection.kind, objection.since) == (
        "obj_a",
        "objection",
        "objection",
        None,
    )
    assert derived_or_objection(line, LISTED).lifted_by == ()


def test_a_hold_of_a_record_tells_its_reason_but_never_that_of_a_rule() -> None:
    told = shown(a_hold(version=2))
    assert (told.id, told.code, told.kind, told.reason) == ("hld_a", "stop_payment", "stop_payment", "接举报")
    assert (told.since, told.lifted_by, told.version) == (NOW, (Role.FINANCE, Role.SUPERVISOR), 2)
    assert shown(a_hold(code="risk_case")).reason is None
