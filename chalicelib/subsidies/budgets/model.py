"""Budgets: what a division may spend on a program in a year (integer fen).

Appropriated = available + reserved + spent + receivable, always. Second review reserves (`subsidies`),
payment results spend (`settlement`), so it lives in the earlier of the two steps. What is taken back is
receivable until it has come back: only then it is available again, so what left the treasury less what came
back is never more than was appropriated.

    appropriated 200,000 yuan, a class of 200,000 is paid     available 0   spent 200,000   receivable 0
    the payment is taken back                                 available 0   spent 0         receivable 200,000
    a second class of 200,000 comes to second review          `budget_exhausted`
    50,000 are repaid                                         available 50,000              receivable 150,000
"""

from collections import Counter
from collections.abc import Mapping
from enum import StrEnum

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
    receivable_fen: int = 0
    version: int = 1
    last_change: Change | None = None


class Part(StrEnum):
    """What an appropriation is made up of."""

    AVAILABLE = "available_fen"
    RESERVED = "reserved_fen"
    SPENT = "spent_fen"
    RECEIVABLE = "receivable_fen"


Moves = Mapping[tuple[int, str], Counter[Part]]
"""How much more or less (fen) each part of some budgets has, by year and program."""


class BudgetMoves(dict[tuple[int, str], Counter[Part]]):
    """Moves that are written together: a transaction writes each budget once."""

    def move(self, year: int, program_id: str, source: Part, target: Part, amount_fen: int) -> None:
        """Move an amount from one part of a budget to another."""
        parts = self.setdefault((year, program_id), Counter())
        parts[source] -= amount_fen
        parts[target] += amount_fen


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
