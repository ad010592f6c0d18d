"""Who may take money back, confirm it and book what comes back: every case of the rule, without any table."""

from datetime import date
from typing import Any

import msgspec
import pytest

from chalicelib.kernel.principal import Principal, Role
from chalicelib.settlement.clawback.model import (
    ProposedClawback,
    actions_on,
    outstanding_fen,
    paid_on,
    proposed_clawback,
    why_not,
    why_not_booked,
    why_not_reversed,
)
from chalicelib.subsidies.claims.model import (
    AskedRepayment,
    BankOutcome,
    Correction,
    PaymentAttempt,
    Repayment,
    SetOff,
)
from chalicelib.subsidies.claims.states import LineStatus
from tests.settlement.lines import paid_line

ASKER = Principal(actor="acc_a", role=Role.FINANCE, division="3401")
OTHER = Principal(actor="acc_b", role=Role.FINANCE, division="3401")
CAME = Repayment("R1", 60_000, date(2026, 10, 1))
ASKED = AskedRepayment(repayment=CAME, asked_by="acc_a")
CORRECTION = Correction(
    to=BankOutcome.FAILED,
    amount_fen=180_000,
    paid_on=None,
    bank_reference=None,
    reason="错",
    asked_by="acc_a",
)
REVERSED = {"status": LineStatus.REVERSED, "reversed_fen": 180_000}


def told(action: str, line: Any, who: Principal, *, own_work: bool = False) -> str | None:
    refusal = why_not(action, line, who, own_work=lambda: own_work)
    return None if refusal is None else refusal.code


@pytest.mark.parametrize(
    ("action", "facts", "who", "own_work", "code"),
    [
        ("reverse", {}, ASKER, False, None),
        ("reverse", {}, ASKER, True, None),
        ("reverse", {"status": LineStatus.BATCHED}, ASKER, False, "wrong_state"),
        ("reverse", {"reversal_asked_by": "acc_a"}, ASKER, False, "reversal_already_asked"),
        ("reverse", {"correction": CORRECTION}, ASKER, False, "correction_already_asked"),
        ("confirm_reversal", {}, OTHER, False, "reversal_not_asked"),
        ("confirm_reversal", {"reversal_asked_by": "acc_a"}, ASKER, False, "self_approval"),
        ("confirm_reversal", {"reversal_asked_by": "acc_a"}, OTHER, False, None),
        ("confirm_reversal", {"reversal_asked_by": "acc_a"}, OTHER, True, "self_approval"),
        ("cancel_reversal", {"reversal_asked_by": "acc_a"}, ASKER, True, None),
        ("cancel_reversal", {"reversal_asked_by": "acc_a"}, OTHER, False, None),
        ("cancel_reversal", {"reversal_asked_by": "acc_a"}, OTHER, True, "self_approval"),
        ("repay", {}, ASKER, False, "wrong_state"),
        ("repay", {"reversed_fen": 1}, ASKER, False, None),
        ("repay", REVERSED, ASKER, False, None),
        ("repay", {**REVERSED, "repayment_asked": ASKED}, ASKER, False, "repayment_already_asked"),
        ("confirm_repayment", REVERSED, OTHER, False, "repayment_not_asked"),
        ("confirm_repayment", {**REVERSED, "repayment_asked": ASKED}, ASKER, False, "self_approval"),
        ("confirm_repayment", {**REVERSED, "repayment_asked": ASKED}, OTHER, False, None),
        ("confirm_repayment", {**REVERSED, "repayment_asked": ASKED}, OTHER, True, "self_approval"),
        ("cancel_repayment", {**REVERSED, "repayment_asked": ASKED}, ASKER, True, None),
        ("cancel_repayment", {**REVERSED, "repayment_asked": ASKED}, OTHER, True, "self_approval"),
    ],
)
def test_what_stands_against_each_action(
    action: str, facts: Any, who: Principal, own_work: bool, code: str | None
) -> None:
    assert told(action, paid_line(**facts), who, own_work=own_work) == code


def test_a_line_is_asked_for_what_its_state_lets_it() -> None:
    assert set(actions_on(paid_line())) == {"reverse", "confirm_reversal", "cancel_reversal"}
    assert set(actions_on(paid_line(reversed_fen=1))) >= {"repay", "reverse"}
    assert set(actions_on(paid_line(**REVERSED))) == {"repay"}
    entered = paid_line(**REVERSED, repayment_asked=ASKED)
    assert set(actions_on(entered)) == {"confirm_repayment", "cancel_repayment"}
    back = Repayment("R1", 180_000, date(2026, 10, 1))
    assert actions_on(paid_line(**REVERSED, repayments=[back])) == {}
    assert actions_on(paid_line(status=LineStatus.BATCHED, reversed_fen=1)) == {}


@pytest.mark.parametrize(
    ("came", "known", "code"),
    [
        (CAME, [], None),
        (msgspec.structs.replace(CAME, received_on=date(2026, 10, 2)), [], "date_in_future"),
        (msgspec.structs.replace(CAME, received_on=date(2026, 9, 19)), [], "repaid_before_payment"),
        (msgspec.structs.replace(CAME, received_on=date(2026, 9, 20)), [], None),
        (msgspec.structs.replace(CAME, amount_fen=180_001), [], "repayment_exceeds"),
        (msgspec.structs.replace(CAME, amount_fen=180_000), [], None),
        (CAME, [msgspec.structs.replace(CAME, amount_fen=1)], "repayment_contradicts"),
        (CAME, [Repayment("R2", 120_000, date(2026, 10, 1))], None),
        (CAME, [Repayment("R2", 120_001, date(2026, 10, 1))], "repayment_exceeds"),
    ],
)
def test_what_stands_against_booking_a_repayment(came: Repayment, known: Any, code: str | None) -> None:
    refusal = why_not_booked(paid_line(**REVERSED, repayments=known), came, today=date(2026, 10, 1))
    assert (None if refusal is None else refusal.code) == code


def test_the_last_payment_counts() -> None:
    assert paid_on(paid_line(attempts=[])) is None
    failed = PaymentAttempt(
        batch_id="bat_a", status=BankOutcome.FAILED, amount_fen=1, paid_on=date(2026, 9, 1)
    )
    paid = [
        PaymentAttempt(batch_id="bat_b", status=BankOutcome.PAID, amount_fen=1, paid_on=date(2026, 9, day))
        for day in (2, 3)
    ]
    assert paid_on(paid_line(attempts=[*paid, failed])) == date(2026, 9, 3)


@pytest.mark.parametrize(
    ("facts", "how_far"),
    [
        ({"status": LineStatus.BATCHED}, ProposedClawback.WAITS_FOR_RESULT),
        ({}, ProposedClawback.PROPOSED),
        ({"reversal_asked_by": "acc_a"}, ProposedClawback.ASKED),
        (REVERSED, ProposedClawback.DONE),
        ({"status": LineStatus.PENDING}, None),
    ],
)
def test_how_far_a_clawback_is_that_a_late_list_proposes(facts: Any, how_far: Any) -> None:
    listed: Any = object()
    assert proposed_clawback(paid_line(**facts, late_ineligibility=listed)) is how_far
    assert proposed_clawback(paid_line(**facts)) is None


def test_what_is_left_of_a_payment_can_be_taken_back_and_no_more() -> None:
    line = paid_line(reversed_fen=60_000)
    assert why_not_reversed(line, 120_000) is None
    refusal = why_not_reversed(line, 120_001)
    assert refusal is not None
    assert (refusal.code, refusal.facts["left_fen"]) == ("reversal_exceeds", 120_000)


def test_what_is_outstanding_is_neither_repaid_nor_kept_of_another_payment() -> None:
    part: Any = SetOff("lin_b-01", "bat_b", 60_000)  # type: ignore[arg-type]
    repaid = Repayment("R2", 80_000, date(2026, 10, 1))
    line = paid_line(status=LineStatus.REVERSED, repayments=[repaid], set_offs=[part])
    assert outstanding_fen(line) == 40_000
