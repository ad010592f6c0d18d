"""The table of budgets. Every write keeps appropriated = available + reserved + spent + receivable."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.expressions.update import Action

from chalicelib.aws.ahead import ahead
from chalicelib.aws.table import VersionedTable, read_together, table_name
from chalicelib.aws.writes import ConditionFailed, Update, insert, update
from chalicelib.kernel.principal import Change
from chalicelib.kernel.reasons import error
from chalicelib.programs.model import Program
from chalicelib.programs.store import ProgramRow
from chalicelib.subsidies.budgets.model import Budget, Moves, Part, budget_id_of


class BudgetRow(VersionedTable[Budget]):
    """One row a division, year and program."""

    class Meta:
        table_name = table_name("budgets")

    record_type = Budget
    streamed = True

    id = UnicodeAttribute(hash_key=True)
    program_id = UnicodeAttribute(range_key=True)
    division = UnicodeAttribute()
    year = NumberAttribute()
    appropriated_fen = NumberAttribute()
    available_fen = NumberAttribute()
    reserved_fen = NumberAttribute(default=0)
    spent_fen = NumberAttribute(default=0)
    receivable_fen = NumberAttribute(default=0)


def find_budget(division: str, year: int, program_id: str) -> Budget | None:
    """Read one budget."""
    return BudgetRow.find(budget_id_of(division, year), program_id)


def want_budget(division: str, year: int, program_id: str) -> None:
    """Have a budget come along with the next read of a page."""
    ahead(BudgetRow, [(budget_id_of(division, year), program_id)])


def find_budgets(division: str, keys: Iterable[tuple[int, str]]) -> dict[tuple[int, str], Budget]:
    """Read a division's budgets of years and programs, 100 a call; unknown ones are left out."""
    ids = [(budget_id_of(division, year), program_id) for year, program_id in keys]
    return {(budget.year, str(budget.program_id)): budget for budget in BudgetRow.find_many(ids)}


def find_budgets_and_programs(
    division: str, keys: Collection[tuple[int, str]], programs: Collection[str]
) -> tuple[dict[tuple[int, str], Budget], list[Program]]:
    """Read a division's few budgets of years and programs, and programs besides, in one call.

    Raises:
        Unavailable: DynamoDB did not answer, or not in full.

    """
    if not programs:
        return find_budgets(division, keys), []
    ids = [{"id": budget_id_of(division, year), "program_id": program_id} for year, program_id in keys]
    found = read_together({BudgetRow: ids, ProgramRow: [{"id": one} for one in sorted(programs)]})
    return {(one.year, str(one.program_id)): one for one in found[BudgetRow]}, found[ProgramRow]


def budgets_of(division: str, year: int) -> list[Budget]:
    """List the budgets of a division's year, one a program."""
    rows = BudgetRow.query(budget_id_of(division, year), consistent_read=True, limit=100)
    return [row.record for row in rows]


def create_budget(budget: Budget, change: Change) -> Budget:
    """Store a first appropriation; the same one again gives the budget as it is.

    Raises:
        Refused: there is another (`version_conflict`: change it with its version).

    """
    row = BudgetRow.from_record(budget)
    try:
        insert(row, change=change)
    except ConditionFailed as failure:
        old = failure.old
        assert isinstance(old, Budget)
        if old.appropriated_fen != budget.appropriated_fen:
            raise error("version_conflict", version=old.version) from None
        return old
    return row.record


def change_budget(budget: Budget, *, appropriated_fen: int, version: int, change: Change) -> Budget:
    """Appropriate another amount; never below what is reserved, spent and receivable.

    Raises:
        Refused: `version_conflict`, or `budget_exhausted` with what is missing.

    """
    more_fen = appropriated_fen - budget.appropriated_fen
    try:
        return update(
            BudgetRow,
            (budget.id, budget.program_id),
            [
                BudgetRow.appropriated_fen.set(appropriated_fen),
                BudgetRow.available_fen.set(budget.available_fen + more_fen),
            ],
            condition=(BudgetRow.version == version)
            & (BudgetRow.available_fen == budget.available_fen)
            & (BudgetRow.appropriated_fen == budget.appropriated_fen)
            & (BudgetRow.available_fen >= -more_fen),
            change=change,
        )
    except ConditionFailed as failure:
        old = failure.old
        if old is None:
            raise error("not_found") from None
        if old.version != version:
            raise error("version_conflict", version=old.version) from None
        missing_fen = old.appropriated_fen - old.available_fen - appropriated_fen
        raise error("budget_exhausted", missing_fen=missing_fen) from None


# --------------------------------------------------------------------------- parts of transactions


def _write(division: str, year: int, program_id: str, actions: list[Action], condition: Any) -> Update:
    return Update(BudgetRow, (budget_id_of(division, year), program_id), actions, condition)


def reserve_write(division: str, year: int, program_id: str, *, amount_fen: int) -> Update:
    """Set an amount aside for an approved claim, if that much is available."""
    return _write(
        division,
        year,
        program_id,
        [
            BudgetRow.available_fen.set(BudgetRow.available_fen - amount_fen),
            BudgetRow.reserved_fen.set(BudgetRow.reserved_fen + amount_fen),
        ],
        BudgetRow.available_fen >= amount_fen,
    )


def unreserve_write(division: str, year: int, program_id: str, *, amount_fen: int) -> Update:
    """Give back what was set aside for a claim that will not be paid."""
    return _write(
        division,
        year,
        program_id,
        [
            BudgetRow.available_fen.set(BudgetRow.available_fen + amount_fen),
            BudgetRow.reserved_fen.set(BudgetRow.reserved_fen - amount_fen),
        ],
        BudgetRow.reserved_fen >= amount_fen,
    )


def spend_write(division: str, year: int, program_id: str, *, amount_fen: int) -> Update:
    """Turn what was reserved into spent, once for a whole group of paid lines."""
    return _write(
        division,
        year,
        program_id,
        [
            BudgetRow.reserved_fen.set(BudgetRow.reserved_fen - amount_fen),
            BudgetRow.spent_fen.set(BudgetRow.spent_fen + amount_fen),
        ],
        BudgetRow.reserved_fen >= amount_fen,
    )


def moves_writes(division: str, moves: Moves) -> list[Update]:
    """Move amounts between the parts of budgets, if each has what is taken from it: one write a budget."""
    return [_moved(division, year, program_id, parts) for (year, program_id), parts in sorted(moves.items())]


def _moved(division: str, year: int, program_id: str, parts: Mapping[Part, int]) -> Update:
    changes = {part: fen for part, fen in sorted(parts.items()) if fen}
    actions: list[Action] = [getattr(BudgetRow, part).add(fen) for part, fen in changes.items()]
    condition: Any = BudgetRow.id.exists()
    for part, fen in changes.items():
        if fen < 0:
            condition &= getattr(BudgetRow, part) >= -fen
    return _write(division, year, program_id, actions, condition)
