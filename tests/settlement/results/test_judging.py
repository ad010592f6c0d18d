"""How a bank's row is judged: against its batch, its line and the rows beside it, without any table."""

from datetime import date

import pytest

from chalicelib.settlement.batches.model import Member
from chalicelib.settlement.results.model import (
    attempts_in,
    first_right_rows,
    judge_known,
    judge_row,
    outcome_of,
    plain_reference,
    same_result,
    word_of,
)
from chalicelib.subsidies.claims.model import BankOutcome, Correction, PaymentAttempt
from chalicelib.subsidies.claims.states import LineStatus
from tests.settlement.lines import SCHOOL, paid_line
from tests.settlement.results.test_model import result

PAID, FAILED, RETURNED = BankOutcome.PAID, BankOutcome.FAILED, BankOutcome.RETURNED
SEALED_ON, TODAY = date(2026, 9, 20), date(2026, 9, 30)
MEMBER = Member("lin_a-01", "enr_a", "vch_a", SCHOOL, "prg_a", 2026, 5)


def attempt(status=PAID, *, batch_id="bat_a", paid_on=date(2026, 9, 30), reference="a"):
    return PaymentAttempt(
        batch_id=batch_id, status=status, amount_fen=5, paid_on=paid_on, bank_reference=reference
    )


FELL_THROUGH = attempt(FAILED, paid_on=None, reference=None)


# ------------------------------------------------------------------------------------------ against its batch


@pytest.mark.parametrize(
    ("row", "member", "code", "facts"),
    [
        (result(outcome=PAID), MEMBER, None, {}),
        (result(outcome=FAILED), MEMBER, None, {}),
        (result(outcome=PAID), None, "line_unknown", {}),
        (result(outcome=PAID, amount_fen=4), MEMBER, "amount_differs", {"amount_fen": 4, "expected_fen": 5}),
        (result(outcome=PAID, paid_on=TODAY), MEMBER, None, {}),
        (result(outcome=PAID, paid_on=SEALED_ON), MEMBER, None, {}),
        (
            result(outcome=PAID, paid_on=date(2026, 10, 1)),
            MEMBER,
            "date_in_future",
            {"day": "2026-10-01"},
        ),
        (
            result(outcome=PAID, paid_on=date(2026, 9, 19)),
            MEMBER,
            "paid_before_sealing",
            {"day": "2026-09-19", "sealed_on": "2026-09-20"},
        ),
    ],
)
def test_a_row_is_of_its_batch_its_amount_and_a_day_that_can_be(row, member, code, facts):
    refusal = judge_row(row, member, sealed_on=SEALED_ON, today=TODAY)
    if code is None:
        assert refusal is None
    else:
        assert refusal is not None
        assert (refusal.row, refusal.code, refusal.facts) == (1, code, facts)


# ------------------------------------------------------------------------------------------ against its line


@pytest.mark.parametrize(
    ("known", "row", "verdict"),
    [
        ([], result(outcome=PAID), "fresh"),
        ([], result(outcome=FAILED), "fresh"),
        ([], result(outcome=RETURNED), "returned_before_paid"),
        ([attempt()], result(outcome=PAID), "repeat"),
        ([attempt()], result(outcome=PAID, bank_reference="b"), "result_contradicts"),
        ([attempt()], result(outcome=PAID, paid_on=date(2026, 9, 29)), "result_contradicts"),
        ([attempt()], result(outcome=FAILED), "result_contradicts"),
        ([attempt()], result(outcome=RETURNED), "fresh"),
        ([FELL_THROUGH], result(outcome=FAILED, reason="another wording"), "repeat"),
        ([FELL_THROUGH], result(outcome=PAID), "result_contradicts"),
        ([FELL_THROUGH], result(outcome=RETURNED), "result_contradicts"),
        ([attempt(), attempt(RETURNED)], result(outcome=PAID), "repeat"),
        ([attempt(), attempt(RETURNED)], result(outcome=RETURNED), "repeat"),
        ([attempt(), attempt(RETURNED)], result(outcome=RETURNED, bank_reference="b"), "result_contradicts"),
        ([attempt(), attempt(RETURNED)], result(outcome=FAILED), "result_contradicts"),
        ([attempt(batch_id="bat_b")], result(outcome=PAID), "fresh"),
        ([attempt(batch_id="bat_b")], result(outcome=RETURNED), "returned_before_paid"),
    ],
)
def test_a_row_is_news_a_repeat_or_a_contradiction(known, row, verdict):
    judged = judge_known(row, paid_line(attempts=known), "bat_a")
    assert judged.fresh is (verdict == "fresh")
    code = None if judged.refusal is None else judged.refusal.code
    assert code == (None if verdict in ("fresh", "repeat") else verdict)
    if judged.refusal is not None:
        ours = [one for one in known if one.batch_id == "bat_a"]
        assert judged.refusal.facts == ({"status": word_of(ours[-1].status)} if ours else {})
        assert judged.refusal.row == 1


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        ({}, None),
        ({"status": LineStatus.REVERSED}, "line_taken_back"),
        ({"reversed_fen": 1}, "line_taken_back"),
        ({"reversal_asked_by": "acc_a"}, "line_taken_back"),
        (
            {
                "correction": Correction(
                    to=FAILED, amount_fen=5, paid_on=None, bank_reference=None, reason="错", asked_by="acc_a"
                )
            },
            "correction_already_asked",
        ),
    ],
)
def test_money_that_came_back_meets_what_was_done_to_the_line_meanwhile(facts, code):
    judged = judge_known(result(outcome=RETURNED), paid_line(attempts=[attempt()], **facts), "bat_a")
    assert (judged.fresh, None if judged.refusal is None else judged.refusal.code) == (code is None, code)


def test_what_is_known_of_a_line_is_what_was_said_of_it_in_this_batch():
    here, there = attempt(), attempt(batch_id="bat_b")
    assert attempts_in(paid_line(attempts=[there, here, FELL_THROUGH]), "bat_a") == [here, FELL_THROUGH]


# ------------------------------------------------------------------------------------------ beside other rows


def test_each_lines_first_right_row_counts_and_the_others_are_told_why_not():
    rows = [
        result(outcome=PAID, row=1, amount_fen=4),
        result(outcome=PAID, row=2),
        result(outcome=PAID, row=3),
        result(outcome=PAID, row=4, bank_reference="b"),
        result(outcome=FAILED, row=5, line_id="lin_b-01"),
        result(outcome=PAID, row=6, amount_fen=4),
    ]
    right, refused = first_right_rows(
        rows, lambda row: judge_row(row, MEMBER, sealed_on=SEALED_ON, today=TODAY)
    )
    assert [row.row for row in right] == [2, 5]
    assert [(one.row, one.code, one.facts) for one in refused] == [
        (1, "amount_differs", {"amount_fen": 4, "expected_fen": 5}),
        (3, "result_repeated", {"row": 2}),
        (4, "result_contradicts", {"status": "paid"}),
        (6, "result_repeated", {"row": 1}),
    ]


def test_rows_of_another_day_or_of_failures_agree_as_the_bank_means_them():
    assert not same_result(result(outcome=PAID), result(outcome=PAID, paid_on=SEALED_ON))
    assert same_result(result(outcome=RETURNED), result(outcome=RETURNED))
    assert same_result(result(outcome=FAILED), result(outcome=FAILED, bank_reference="x"))
    assert not same_result(result(outcome=FAILED), result(outcome=FAILED, amount_fen=6))


# ------------------------------------------------------------------------------------------ words


def test_each_outcome_has_its_word_and_a_reference_one_spelling():
    assert {outcome: word_of(outcome) for outcome in BankOutcome} == {
        PAID: "paid",
        FAILED: "failed",
        RETURNED: "returned",
    }
    assert [outcome_of(word_of(outcome)) for outcome in BankOutcome] == list(BankOutcome)
    assert plain_reference(" Ｒ８８\u200b０１ ") == "R8801"
    assert (result(outcome=PAID).paid, result(outcome=FAILED).paid, result(outcome=RETURNED).paid) == (
        True,
        False,
        False,
    )
