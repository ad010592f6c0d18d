"""How both tables of the catalogue store an entry: created, or replaced in the version that was read."""

from typing import Any

from pynamodb.expressions.update import Action

from chalicelib.aws.table import Table, VersionedTable
from chalicelib.aws.writes import ConditionFailed, insert, update
from chalicelib.catalogue.model import SaveOutcome
from chalicelib.kernel.principal import Change
from chalicelib.kernel.reasons import error

_KEPT = (
    "version",
    "op_id",
    "last_change",
    "status",
    "uscc",
    "id",
    "bank_holder",
    "bank",
    "sealed_bank_account",
    "masked_bank_account",
    "suspended_at",
    "suspended_for",
    "suspended_as",
    "suspended_by",
    "stops",
)
"""What a new entry does not say: these stay as they are stored."""


def replacing(row: Table[Any]) -> list[Action]:
    """Give the actions that put this entry in the place of the one that is stored."""
    table: Any = type(row)
    values = {name: value for name, value in row.attribute_values.items() if name not in _KEPT}
    return [getattr(table, name).set(value) for name, value in values.items()]


def create_or_replace(row: Table[Any], key: str, *, version: int | None, change: Change) -> Any:
    """Store a new row, or replace the one with this version.

    Raises:
        Refused: `version_conflict`, telling the version there is.

    """
    table: Any = type(row)
    try:
        if version is None:
            insert(row, change=change)
            return row.record
        return update(table, (key,), replacing(row), condition=table.version == version, change=change)
    except ConditionFailed as failure:
        raise error("version_conflict", version=failure.old.version if failure.old else 0) from None


def outcome_of_same(table: type[VersionedTable[Any]], key: str, version: int) -> SaveOutcome:
    """Tell what saving did to an entry that stands as it is said: nothing, or what an earlier run did."""
    if not table.changed_before(key):
        return SaveOutcome.UNCHANGED
    return SaveOutcome.CREATED if version == 1 else SaveOutcome.CHANGED
