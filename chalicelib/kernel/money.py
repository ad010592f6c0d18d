"""Money is integer fen (1 yuan = 100 fen); nothing here or elsewhere makes a float of it."""

from decimal import ROUND_DOWN, Decimal
from typing import NewType

Fen = NewType("Fen", int)


def at_rate(amount_fen: int, rate: Decimal) -> Fen:
    """Take a rate of an amount, rounded down to whole fen: never a fen above what the rule allows."""
    return Fen(int((Decimal(amount_fen) * rate).to_integral_value(rounding=ROUND_DOWN)))


def yuan(amount_fen: int) -> str:
    """Write an amount for people, e.g. `6,000.00`."""
    sign = "-" if amount_fen < 0 else ""
    whole, cents = divmod(abs(amount_fen), 100)
    return f"{sign}{whole:,}.{cents:02d}"
