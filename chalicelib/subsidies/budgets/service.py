"""Use cases of budgets: appropriate, read."""

from chalicelib.accounts import rights
from chalicelib.kernel.divisions import is_known
from chalicelib.kernel.errors import Fault, NotFound
from chalicelib.kernel.ids import ProgramId
from chalicelib.kernel.principal import Context, Principal, change_of
from chalicelib.kernel.reasons import error
from chalicelib.programs.service import read_program
from chalicelib.subsidies.budgets import store as budget_store
from chalicelib.subsidies.budgets.model import Budget, budget_division, budget_id_of


def set_budget(
    context: Context, division: str, year: int, *, program_id: str, appropriated_fen: int, version: int | None
) -> Budget:
    """Enter or change what a division may spend on a program in a year.

    Raises:
        Malformed: the division has no budget of its own, or the program is unknown.
        Refused: `version_conflict`, or `budget_exhausted` if more is reserved, spent and receivable already.

    """
    _require_budget_division(context.principal, "budget.write", division)
    try:
        read_program(program_id)
    except NotFound:
        faults = (Fault("unknown_program", field="program_id"),)
        raise error("unknown_program", faults=faults) from None
    change = change_of(context, "budget.write")
    old = budget_store.find_budget(division, year, program_id)
    if old is None:
        if version is not None:
            raise error("not_found")
        budget = Budget(
            id=budget_id_of(division, year),
            program_id=ProgramId(program_id),
            division=division,
            year=year,
            appropriated_fen=appropriated_fen,
            available_fen=appropriated_fen,
        )
        return budget_store.create_budget(budget, change)
    if version is None:
        if old.appropriated_fen == appropriated_fen:
            return old
        raise error("version_conflict", version=old.version)
    return budget_store.change_budget(old, appropriated_fen=appropriated_fen, version=version, change=change)


def read_budgets(context: Context, division: str, year: int, *, program_id: str | None) -> list[Budget]:
    """Read a division's budgets of a year, or the one of a program.

    Raises:
        NotFound: there is none in the caller's area.

    """
    _require_budget_division(context.principal, "budget.read", division)
    if program_id is not None:
        one = budget_store.find_budget(division, year, program_id)
        budgets = [one] if one is not None else []
    else:
        budgets = budget_store.budgets_of(division, year)
    if not budgets:
        raise error("not_found")
    return budgets


def _require_budget_division(principal: Principal, action: str, division: str) -> None:
    if not is_known(division):
        rights.admit(principal, action)
        raise error("not_found")
    rights.require(principal, action, division=division)
    if budget_division(division) != division:
        raise error("not_found")
