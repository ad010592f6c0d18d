"""Releasing a line and correcting its result: every case of the rules, without any table."""

from datetime import UTC, date, datetime

import pytest

from chalicelib.kernel.principal import Change, Principal, Role
from chalicelib.settlement.corrections.model import (
    actions_on,
    books_close_on,
    entered_by,
    entered_on,
    last_attempt,
    why_books_closed,
    why_not,
    why_not_corrected,
)
from chalicelib.subsidies.claims.model import BankOutcome, Correction, PaymentAttempt
from chalicelib.subsidies.claims.states import LineStatus
from tests.settlement.lines import paid_line

A = Principal(actor="acc_a", role=Role.FINANCE, division="3401")
B = Principal(actor="acc_b", role=Role.FINANCE, division="3401")
A_TOO = Principal(actor="acc_c", role=Role.FINANCE, division="3401", hands=frozenset({"acc_a"}))
PAID, FAILED, RETURNED = BankOutcome.PAID, BankOutcome.FAILED, BankOutcome.RETURNED
SEALED_ON, TODAY = date(2026, 9, 20), date(2026, 9, 30)


def attempt(status=FAILED, **facts):
    return PaymentAttempt(batch_id="bat_a", status=status, amount_fen=180_000, **facts)


def correction(to=PAID, *, asked_by="acc_a", amount_fen=180_000, paid_on=None):
    return Correction(
        to=to, amount_fen=amount_fen, paid_on=paid_on, bank_reference=None, reason="错", asked_by=asked_by
    )


def changed(action, actor="acc_a", at=datetime(2026, 9, 30, 17, tzinfo=UTC)):
    return Change(actor=actor, role=Role.FINANCE, action=action, request_id="req_a", at=at)


def failed_line(**facts):
    return paid_line(
        **{
            "status": LineStatus.PAYMENT_FAILED,
            "attempts": [attempt(entered_by="acc_a")],
            **facts,
        }
    )


def told(action, line, who, *, own_work=False):
    refusal = why_not(action, line, who, own_work=lambda: own_work)
    return None if refusal is None else refusal.code


# ------------------------------------------------------------------------------------------ who entered it


def test_who_entered_a_result_stands_in_it_or_in_the_lines_last_change():
    assert entered_by(failed_line()) == "acc_a"
    before = failed_line(attempts=[attempt()], last_change=changed("settlement.record_results", "acc_old"))
    assert entered_by(before) == "acc_old"
    since = failed_line(attempts=[attempt()], last_change=changed("claim_line.release", "acc_old"))
    assert entered_by(since) is None
    assert entered_by(failed_line(attempts=[attempt()])) is None
    assert entered_by(failed_line(attempts=[], last_change=changed("settlement.record_results"))) == "acc_a"
    both = failed_line(last_change=changed("settlement.record_results", "acc_old"))
    assert entered_by(both) == "acc_a"


def test_the_last_attempt_counts():
    assert last_attempt(paid_line(attempts=[])) is None
    assert last_attempt(paid_line(attempts=[attempt(), attempt(PAID)])) == attempt(PAID)


# ------------------------------------------------------------------------------------------ when books close


@pytest.mark.parametrize(
    ("entered", "closes"),
    [
        (date(2026, 10, 8), date(2026, 11, 10)),
        (date(2026, 10, 31), date(2026, 11, 10)),
        (date(2026, 1, 1), date(2026, 2, 10)),
        (date(2026, 11, 30), date(2026, 12, 10)),
        (date(2026, 12, 1), date(2027, 1, 10)),
    ],
)
def test_books_close_in_the_month_after(entered, closes):
    assert books_close_on(entered, close_day=10) == closes


def test_a_result_is_of_the_day_in_shanghai_on_which_it_was_entered():
    evening = datetime(2026, 9, 30, 16, 30, tzinfo=UTC)  # the 1st in Shanghai
    assert entered_on(paid_line(attempts=[attempt(PAID, entered_at=evening, paid_on=SEALED_ON)])) == date(
        2026, 10, 1
    )
    assert entered_on(paid_line(attempts=[attempt(PAID, paid_on=SEALED_ON)])) == SEALED_ON
    of_old = paid_line(attempts=[attempt()], last_change=changed("x", at=evening))
    assert entered_on(of_old) == date(2026, 10, 1)
    assert entered_on(paid_line(attempts=[attempt()])) is None
    assert entered_on(paid_line(attempts=[])) is None


def test_a_result_is_corrected_until_its_books_are_closed():
    line = paid_line(attempts=[attempt(PAID, paid_on=date(2026, 9, 20))])
    assert why_books_closed(line, close_day=10, today=date(2026, 10, 10)) is None
    refusal = why_books_closed(line, close_day=10, today=date(2026, 10, 11))
    assert refusal is not None
    assert (refusal.code, refusal.facts["closed_on"]) == ("books_closed", "2026-10-10")
    assert why_books_closed(paid_line(attempts=[]), close_day=10, today=date(2030, 1, 1)) is None


# ------------------------------------------------------------------------------------------ what may be done


def test_what_a_line_can_be_asked_for_goes_by_its_state():
    corrections = dict.fromkeys(("correct", "confirm_correction", "cancel_correction"), "claim_line.correct")
    offered = {status: dict(actions_on(paid_line(status=status))) for status in LineStatus}
    assert offered == {status: {} for status in LineStatus} | {
        LineStatus.PAID: corrections,
        LineStatus.PAYMENT_FAILED: {"release": "claim_line.release", **corrections},
    }
    assert next(iter(actions_on(failed_line()))) == "release"


@pytest.mark.parametrize(
    ("line", "who", "own_work", "code"),
    [
        (failed_line(), B, False, None),
        (failed_line(), B, True, "self_approval"),
        (failed_line(), A, False, "self_approval"),
        (failed_line(), A_TOO, False, "self_approval"),
        (paid_line(), B, False, "wrong_state"),
        (failed_line(status=LineStatus.BATCHED), B, False, "wrong_state"),
        (failed_line(correction=correction()), B, False, "correction_already_asked"),
        (failed_line(released_by="acc_c"), B, False, "line_released"),
        (failed_line(attempts=[attempt()]), A, False, None),
    ],
)
def test_a_failed_line_is_released_by_another_than_who_entered_it(line, who, own_work, code):
    assert told("release", line, who, own_work=own_work) == code


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (paid_line(), None),
        (failed_line(), None),
        (failed_line(status=LineStatus.BATCHED), "line_batched_again"),
        (paid_line(status=LineStatus.BATCHED, attempts=[]), "wrong_state"),
        (paid_line(status=LineStatus.PENDING), "wrong_state"),
        (paid_line(status=LineStatus.REVERSED), "line_taken_back"),
        (paid_line(status=LineStatus.HELD, reversed_fen=1), "line_taken_back"),
        (paid_line(reversed_fen=1), "line_taken_back"),
        (paid_line(correction=correction()), "correction_already_asked"),
        (paid_line(reversal_asked_by="acc_a"), "reversal_already_asked"),
        (paid_line(attempts=[]), "nothing_to_correct"),
        (failed_line(attempts=[attempt(PAID), attempt(RETURNED)]), "nothing_to_correct"),
    ],
)
def test_a_correction_is_asked_for_of_a_result_that_stands(line, code):
    assert told("correct", line, A) == code
    assert told("correct", line, A, own_work=True) == (code or "self_approval")


@pytest.mark.parametrize(
    ("action", "who", "own_work", "code"),
    [
        ("confirm_correction", B, False, None),
        ("confirm_correction", B, True, "self_approval"),
        ("confirm_correction", A, False, "self_approval"),
        ("confirm_correction", A_TOO, False, "self_approval"),
        ("cancel_correction", A, False, None),
        ("cancel_correction", A, True, None),
        ("cancel_correction", B, False, None),
        ("cancel_correction", B, True, "self_approval"),
        ("cancel_correction", A_TOO, True, "self_approval"),
    ],
)
def test_a_correction_is_confirmed_by_another_and_withdrawn_by_who_asked(action, who, own_work, code):
    assert told(action, paid_line(correction=correction()), who, own_work=own_work) == code
    assert told(action, paid_line(), who, own_work=own_work) == "correction_not_asked"


@pytest.mark.parametrize(
    ("attempts", "asked", "code"),
    [
        ([attempt()], correction(), None),
        ([attempt(PAID)], correction(FAILED), None),
        ([attempt(PAID)], correction(), "nothing_to_correct"),
        ([attempt()], correction(FAILED), "nothing_to_correct"),
        ([attempt(RETURNED)], correction(FAILED), "nothing_to_correct"),
        ([], correction(), "nothing_to_correct"),
        ([attempt()], correction(amount_fen=179_999), "amount_differs"),
        ([attempt()], correction(paid_on=SEALED_ON), None),
        ([attempt()], correction(paid_on=TODAY), None),
        ([attempt()], correction(paid_on=date(2026, 9, 19)), "paid_before_sealing"),
        ([attempt()], correction(paid_on=date(2026, 10, 1)), "date_in_future"),
    ],
)
def test_a_correction_says_something_new_of_the_same_amount_on_a_day_that_can_be(attempts, asked, code):
    refusal = why_not_corrected(paid_line(attempts=attempts), asked, sealed_on=SEALED_ON, today=TODAY)
    assert (None if refusal is None else refusal.code) == code
