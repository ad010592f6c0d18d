"""When two rows of a bank report the same, without any table."""

from datetime import date

from chalicelib.settlement.results.model import PaymentResult, same_result
from chalicelib.subsidies.claims.model import BankOutcome


def result(*, outcome: BankOutcome, **facts: object) -> PaymentResult:
    facts_of_row = {
        "row": 1,
        "line_id": "lin_a-01",
        "amount_fen": 5,
        "paid_on": date(2026, 9, 30) if outcome is not BankOutcome.FAILED else None,
        "bank_reference": "a" if outcome is not BankOutcome.FAILED else None,
        "reason": None,
    }
    return PaymentResult(outcome=outcome, **{**facts_of_row, **facts})  # type: ignore[arg-type]


def test_two_reports_of_a_line_agree_in_all_that_the_bank_decides() -> None:
    assert same_result(result(outcome=BankOutcome.PAID), result(outcome=BankOutcome.PAID, row=9))
    assert same_result(
        result(outcome=BankOutcome.FAILED), result(outcome=BankOutcome.FAILED, reason="another wording")
    )
    assert not same_result(result(outcome=BankOutcome.PAID), result(outcome=BankOutcome.FAILED))
    assert not same_result(
        result(outcome=BankOutcome.PAID), result(outcome=BankOutcome.PAID, bank_reference="b")
    )
    assert not same_result(result(outcome=BankOutcome.PAID), result(outcome=BankOutcome.PAID, amount_fen=6))
