"""Money is whole fen, and a rate never gives a fen more than the rule allows."""

from decimal import Decimal

import pytest

from chalicelib.kernel.money import at_rate, yuan


@pytest.mark.parametrize(
    ("amount", "rate", "expected"),
    [(600_000, "1", 600_000), (600_000, "0.5", 300_000), (1, "0.99", 0), (199, "0.5", 99), (0, "1", 0)],
)
def test_a_rate_is_rounded_down_to_whole_fen(amount: int, rate: str, expected: int) -> None:
    taken = at_rate(amount, Decimal(rate))
    assert taken == expected
    assert type(taken) is int


@pytest.mark.parametrize(
    ("amount", "written"),
    [
        (0, "0.00"),
        (5, "0.05"),
        (100, "1.00"),
        (600_000, "6,000.00"),
        (-1, "-0.01"),
        (-123_456_789, "-1,234,567.89"),
    ],
)
def test_an_amount_is_written_with_both_digits_of_its_fen(amount: int, written: str) -> None:
    assert yuan(amount) == written
