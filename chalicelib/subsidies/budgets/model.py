"""Budgets: what a division may spend on a program in a year (integer fen).

Appropriated = available + reserved + spent, always. Second review reserves (`subsidies`), payment
results spend (`settlement`), so it lives in the earlier of the two steps.
"""

import msgspec

from chalicelib.kernel.divisions import DIRECTLY_ADMINISTERED, PROVINCE
from chalicelib.kernel.ids import ProgramId
from chalicelib.kernel.principal import Change

_CITY_DIGITS = 4


class Budget(msgspec.Struct, frozen=True, kw_only=True):
    """One division's budget of one year for one program."""

    id: str
    program_id: ProgramId
    division: str
    year: int
    appropriated_fen: int
    available_fen: int
    reserved_fen: int = 0
    spent_fen: int = 0
    version: int = 1
    last_change: Change | None = None


def budget_id_of(division: str, year: int) -> str:
    """Give the id under which the budgets of a division's year stand, one a program."""
    return f"bud_{division}-{year}"


def budget_division(division: str) -> str:
    """Give the division whose budget pays for a division's classes.

    Its city; the directly administered counties are paid by the province.
    """
    if division in DIRECTLY_ADMINISTERED:
        return PROVINCE
    return division[:_CITY_DIGITS]
