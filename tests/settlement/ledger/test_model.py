"""The chart of accounts, without any table."""

from chalicelib.settlement.ledger.model import division_of_account, expense_account, treasury_account


def test_the_chart_of_accounts_names_its_division() -> None:
    assert division_of_account(expense_account("3401", "prg_a")) == "3401"
    assert division_of_account(treasury_account("34")) == "34"
    for wrong in ("", "treasury", "treasury.3401.x", "subsidy_expense.3401", "other.3401.x", "treasury.x"):
        assert division_of_account(wrong) is None
