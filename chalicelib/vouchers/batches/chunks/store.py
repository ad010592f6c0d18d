"""The table of what became of each chunk, and the objects that list who was refused and why."""

import contextlib
from collections.abc import Iterable, Iterator

import msgspec
from pynamodb.attributes import NumberAttribute, UnicodeAttribute

from chalicelib.aws import objects
from chalicelib.aws.settings import settings
from chalicelib.aws.table import StructAttribute, Table, table_name
from chalicelib.aws.writes import ConditionFailed, Put, insert
from chalicelib.kernel.ids import new_operation_id
from chalicelib.vouchers.batches.chunks.model import ChunkOutcome, RowRefusal, part_of
from chalicelib.vouchers.batches.model import Phase, Tally


class ChunkOutcomeRow(Table[ChunkOutcome]):
    """One row a chunk and phase, written once: 600 workers do not meet on one row."""

    class Meta:
        table_name = table_name("issuance-chunks")

    record_type = ChunkOutcome

    batch_id = UnicodeAttribute(hash_key=True)
    part = UnicodeAttribute(range_key=True)
    tally = StructAttribute()
    listed = NumberAttribute(default=0)
    refusals = UnicodeAttribute(null=True)


def find_outcome(batch_id: str, phase: Phase, chunk: int) -> ChunkOutcome | None:
    """Read what a phase made of a chunk; None if it is not done."""
    return ChunkOutcomeRow.find(batch_id, part_of(phase, chunk))


def outcomes_of(batch_id: str, phase: Phase, *, start: int = 0) -> Iterator[ChunkOutcome]:
    """Give the outcomes of a phase, in the order of the chunks."""
    rows = ChunkOutcomeRow.query(
        batch_id,
        ChunkOutcomeRow.part.between(part_of(phase, start), f"{phase.value}#~"),
        consistent_read=True,
    )
    return (row.record for row in rows)


def record_outcome(outcome: ChunkOutcome) -> None:
    """Write down what became of a chunk, once: done again, the first stays."""
    with contextlib.suppress(ConditionFailed):
        insert(ChunkOutcomeRow.from_record(outcome))


def outcome_writes(outcomes: Iterable[ChunkOutcome]) -> list[Put]:
    """Give what writes down the chunks of a batch together with it."""
    return [Put(ChunkOutcomeRow.from_record(outcome)) for outcome in outcomes]


def outcome_of(
    batch_id: str, phase: Phase, chunk: int, tally: Tally, refusals: list[RowRefusal]
) -> ChunkOutcome:
    """Say what became of a chunk, to be written down.

    The refusals go first, into an object of this try's own name: the row that stands names the one that
    belongs to it.
    """
    name = None
    if refusals:
        name = f"{part_of(phase, chunk).replace('#', '-')}-{new_operation_id()}"
        objects.write_object(
            settings().intake_bucket, _refusals_key(batch_id, name), msgspec.json.encode(refusals)
        )
    return ChunkOutcome(
        batch_id=batch_id, part=part_of(phase, chunk), tally=tally, listed=len(refusals), refusals=name
    )


def read_refusals(outcome: ChunkOutcome) -> list[RowRefusal]:
    """Read why rows of a chunk get no voucher."""
    if outcome.refusals is None:
        return []
    raw = objects.read_object(settings().intake_bucket, _refusals_key(outcome.batch_id, outcome.refusals))
    return msgspec.json.decode(raw, type=list[RowRefusal]) if raw is not None else []


def _refusals_key(batch_id: str, name: str) -> str:
    return f"issuance/{batch_id}/{name}"
