"""When two rows of a bank report the same, without any table."""

from datetime import date

from chalicelib.settlement.results.model import PaymentResult, same_result


def result(*, paid: bool, **facts: object) -> PaymentResult:
    facts_of_row = {
        "row": 1,
        "line_id": "lin_a-01",
        "amount_fen": 5,
        "paid_on": date(2026, 9, 30) if paid else None,
        "bank_reference": "a" if paid else None,
        "reason": None,
    }
    return PaymentResult(paid=paid, **{**facts_of_row, **facts})  # type: ignore[arg-type]


def test_two_reports_of_a_line_agree_in_all_that_the_bank_decides() -> None:
    assert same_result(result(paid=True), result(paid=True, row=9))
    assert same_result(result(paid=False), result(paid=False, reason="another wording"))
    assert not same_result(result(paid=True), result(paid=False))
    assert not same_result(result(paid=True), result(paid=True, bank_reference="b"))
    assert not same_result(result(paid=True), result(paid=True, amount_fen=6))
