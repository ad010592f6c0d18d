"""The table of how far the workers are: one row a list, apart from the list's own."""

import contextlib
from collections.abc import Sequence
from typing import Any

from pynamodb.attributes import NumberAttribute, NumberSetAttribute, UnicodeAttribute

from chalicelib.aws.table import Table, table_name
from chalicelib.aws.writes import ConditionFailed, insert, update
from chalicelib.kernel.principal import Change
from chalicelib.people.lists.progress.model import Progress


class ImportProgressRow(Table[Progress]):
    """One row an import, apart from the import's own: 600 steps of workers are no changes to be audited.

    The two sets only ever grow by numbers, so a write that arrives twice changes nothing.
    """

    class Meta:
        table_name = table_name("import-progress")

    record_type = Progress

    import_id = UnicodeAttribute(hash_key=True)
    judged = NumberSetAttribute(null=True)
    kept = NumberSetAttribute(null=True)
    accepted = NumberAttribute(null=True)
    valid = NumberAttribute(null=True)
    invalid = NumberAttribute(null=True)
    faults = NumberAttribute(null=True)


def open_progress(import_id: str) -> None:
    """Begin to count; a repeat changes nothing."""
    with contextlib.suppress(ConditionFailed):
        insert(ImportProgressRow(import_id=import_id))


def read_progress(import_id: str) -> Progress:
    """Read how far the workers are."""
    return ImportProgressRow.find(import_id) or Progress(import_id=import_id)


def note_judged(import_id: str, chunk: int, change: Change) -> Progress:
    """Note that a chunk is judged."""
    return _note(import_id, [ImportProgressRow.judged.add({chunk})], change)


def note_kept(import_id: str, chunk: int, change: Change) -> Progress:
    """Note that a chunk is taken over."""
    return _note(import_id, [ImportProgressRow.kept.add({chunk})], change)


def note_verdict(
    import_id: str, *, accepted: bool, valid: int, invalid: int, faults: int, change: Change
) -> Progress:
    """Note what came of the whole list; merging again comes to the same."""
    row: Any = ImportProgressRow
    return _note(
        import_id,
        [
            row.accepted.set(int(accepted)),
            row.valid.set(valid),
            row.invalid.set(invalid),
            row.faults.set(faults),
        ],
        change,
    )


def _note(import_id: str, actions: Sequence[Any], change: Change) -> Progress:
    there = ImportProgressRow.import_id.exists()
    return update(ImportProgressRow, (import_id,), actions, condition=there, change=change)
