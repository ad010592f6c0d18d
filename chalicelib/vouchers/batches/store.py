"""The tables of issuance batches and of what became of each chunk, and every lawful write on a batch."""

from collections.abc import Iterator
from typing import Any

import msgspec
from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex

from chalicelib.aws import objects
from chalicelib.aws.settings import settings
from chalicelib.aws.table import MomentAttribute, StructAttribute, Table, VersionedTable, page_of, table_name
from chalicelib.aws.writes import ConditionFailed, insert, refuse_stale, transition
from chalicelib.kernel.errors import Fact, Refused
from chalicelib.kernel.ids import new_operation_id
from chalicelib.kernel.paging import Page, PageRequest
from chalicelib.kernel.principal import Change
from chalicelib.kernel.reasons import error
from chalicelib.vouchers.batches.model import (
    BATCH_TRANSITIONS,
    BatchStatus,
    ChunkOutcome,
    IssuanceBatch,
    Phase,
    Tally,
    part_of,
)

OPEN_MARK = "open"


class BatchesByProgram(GlobalSecondaryIndex[Any]):
    """A program's batches, oldest first."""

    class Meta:
        index_name = "by_program"
        projection = AllProjection()

    program_id = UnicodeAttribute(hash_key=True)
    proposed_at = MomentAttribute(range_key=True)


class OpenBatches(GlobalSecondaryIndex[Any]):
    """Batches that workers have chunks of to do; the attribute goes when they are done."""

    class Meta:
        index_name = "by_open"
        projection = AllProjection()

    open = UnicodeAttribute(hash_key=True)
    proposed_at = MomentAttribute(range_key=True)


class IssuanceBatchRow(VersionedTable[IssuanceBatch]):
    """One row an issuance batch."""

    class Meta:
        table_name = table_name("issuance-batches")

    record_type = IssuanceBatch
    streamed = True

    id = UnicodeAttribute(hash_key=True)
    program_id = UnicodeAttribute()
    import_id = UnicodeAttribute()
    status = UnicodeAttribute()
    proposed_by = UnicodeAttribute()
    proposed_at = MomentAttribute()
    approved_by = UnicodeAttribute(null=True)
    eligible = NumberAttribute(default=0)
    refused = NumberAttribute(default=0)
    already_held = NumberAttribute(default=0)
    reasons = StructAttribute(default=dict)
    issued = NumberAttribute(default=0)
    outcome = StructAttribute(null=True)
    chunks = NumberAttribute(default=0)
    open = UnicodeAttribute(null=True)
    by_program = BatchesByProgram()
    by_open = OpenBatches()


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


# --------------------------------------------------------------------------- batches


def create_batch(batch: IssuanceBatch, change: Change) -> None:
    """Store a new batch."""
    insert(IssuanceBatchRow.from_record(batch), change=change)


def read_batch(batch_id: str) -> IssuanceBatch:
    """Read a batch or raise `NotFound`."""
    return IssuanceBatchRow.read(batch_id)


def batches_of(program_id: str, request: PageRequest) -> Page[IssuanceBatch]:
    """List a program's batches, oldest first."""
    rows = IssuanceBatchRow.by_program.query(
        program_id, limit=request.limit, last_evaluated_key=request.after
    )
    return page_of(rows, request)


def open_batches() -> Iterator[IssuanceBatch]:
    """Give the batches that workers have chunks of to do."""
    return (row.record for row in IssuanceBatchRow.by_open.query(OPEN_MARK))


def decide_batch(batch_id: str, action: str, *, version: int, decider: str, change: Change) -> IssuanceBatch:
    """Approve or reject a batch, never by the one who proposed it (invariant 5)."""
    sources = BATCH_TRANSITIONS.sources(action)
    target = BATCH_TRANSITIONS.target(action)
    row = IssuanceBatchRow
    opening = [row.open.set(OPEN_MARK)] if target is BatchStatus.ISSUING else []
    try:
        return transition(
            row,
            (batch_id,),
            sources=sources,
            target=target,
            version=version,
            change=change,
            actions=[row.approved_by.set(decider), *opening],
            also=row.proposed_by != decider,
        )
    except ConditionFailed as failure:
        refuse_stale(failure.old, sources=sources, version=version)
        raise error("self_approval") from None


def close_phase(batch_id: str, phase: Phase, total: Tally, change: Change) -> IssuanceBatch:
    """Write down the sum of a phase whose chunks are all done; a repeat gives the batch as it is."""
    row = IssuanceBatchRow
    action = "count" if phase is Phase.DRY_RUN else "finish"
    figures = (
        [
            row.eligible.set(total.issued),
            row.already_held.set(total.already_held),
            row.refused.set(total.refused),
            row.reasons.set(total.reasons),
        ]
        if phase is Phase.DRY_RUN
        else [row.issued.set(total.issued), row.outcome.set(total)]
    )
    try:
        return transition(
            row,
            (batch_id,),
            sources=BATCH_TRANSITIONS.sources(action),
            target=BATCH_TRANSITIONS.target(action),
            version=None,
            change=change,
            actions=[*figures, row.open.remove()],
        )
    except Refused:
        return read_batch(batch_id)


# --------------------------------------------------------------------------- chunks


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """One reason why one row gets no voucher."""

    row: int
    code: str
    facts: dict[str, Fact]


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


def record_outcome(batch_id: str, phase: Phase, chunk: int, tally: Tally, refusals: list[Refusal]) -> None:
    """Write down what became of a chunk, once: done again, the first stays.

    The refusals go first, into an object of this try's own name: the row that stands names the one that
    belongs to it.
    """
    name = None
    if refusals:
        name = f"{part_of(phase, chunk).replace('#', '-')}-{new_operation_id()}"
        objects.write_object(
            settings().intake_bucket, _refusals_key(batch_id, name), msgspec.json.encode(refusals)
        )
    outcome = ChunkOutcome(
        batch_id=batch_id, part=part_of(phase, chunk), tally=tally, listed=len(refusals), refusals=name
    )
    try:
        insert(ChunkOutcomeRow.from_record(outcome))
    except ConditionFailed:
        return


def read_refusals(outcome: ChunkOutcome) -> list[Refusal]:
    """Read why rows of a chunk get no voucher."""
    if outcome.refusals is None:
        return []
    raw = objects.read_object(settings().intake_bucket, _refusals_key(outcome.batch_id, outcome.refusals))
    return msgspec.json.decode(raw, type=list[Refusal]) if raw is not None else []


def _refusals_key(batch_id: str, name: str) -> str:
    return f"issuance/{batch_id}/{name}"
