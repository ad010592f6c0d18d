"""The table of issuance batches, and every lawful write on a batch."""

from typing import Any

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex

from chalicelib.aws.table import (
    ConditionFailed,
    MomentAttribute,
    StructAttribute,
    VersionedTable,
    insert,
    page_of,
    refuse_stale,
    table_name,
    transition,
    update,
)
from chalicelib.kernel.errors import Forbidden
from chalicelib.kernel.paging import Page, PageRequest
from chalicelib.kernel.principal import Change
from chalicelib.vouchers.batch_model import BatchStatus, IssuanceBatch

_CHUNK_TRIES = 50


class BatchesByProgram(GlobalSecondaryIndex[Any]):
    """A program's batches, oldest first."""

    class Meta:
        index_name = "by_program"
        projection = AllProjection()

    program_id = UnicodeAttribute(hash_key=True)
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
    issued = NumberAttribute(default=0)
    chunks = NumberAttribute(default=0)
    chunks_done = StructAttribute(default=list)
    by_program = BatchesByProgram()


def create_batch(batch: IssuanceBatch, change: Change) -> None:
    """Store a proposed batch; one of the same list and program exists once."""
    insert(IssuanceBatchRow.from_record(batch), change=change)


def read_batch(batch_id: str) -> IssuanceBatch:
    """Read a batch or raise `NotFound`."""
    return IssuanceBatchRow.read(batch_id)


def find_batch(batch_id: str) -> IssuanceBatch | None:
    """Read a batch."""
    return IssuanceBatchRow.find(batch_id)


def batches_of(program_id: str, request: PageRequest) -> Page[IssuanceBatch]:
    """List a program's batches, oldest first."""
    rows = IssuanceBatchRow.by_program.query(
        program_id, limit=request.limit, last_evaluated_key=request.after
    )
    return page_of(rows, request)


def decide_batch(
    batch_id: str,
    *,
    sources: tuple[BatchStatus, ...],
    target: BatchStatus,
    version: int | None,
    decider: str,
    change: Change,
) -> IssuanceBatch:
    """Approve or reject a batch, never by the one who proposed it (invariant 5)."""
    try:
        return transition(
            IssuanceBatchRow,
            (batch_id,),
            sources=sources,
            target=target,
            version=version,
            change=change,
            actions=[IssuanceBatchRow.approved_by.set(decider)],
            also=IssuanceBatchRow.proposed_by != decider,
        )
    except ConditionFailed as failure:
        refuse_stale(failure.old, sources=sources, version=version)
        raise Forbidden("self_approval") from None


def record_chunk(batch_id: str, *, chunk: int, issued: int, change: Change) -> IssuanceBatch:
    """Add one chunk's count to the batch, once: a chunk done again adds nothing."""
    for _ in range(_CHUNK_TRIES):
        batch = read_batch(batch_id)
        if chunk in batch.chunks_done:
            return batch
        done = [*batch.chunks_done, chunk]
        target = BatchStatus.ISSUED if len(done) == batch.chunks else BatchStatus.ISSUING
        try:
            return update(
                IssuanceBatchRow,
                (batch_id,),
                [
                    IssuanceBatchRow.chunks_done.set(done),
                    IssuanceBatchRow.issued.set(batch.issued + issued),
                    IssuanceBatchRow.status.set(str(target)),
                ],
                condition=IssuanceBatchRow.version == batch.version,
                change=change,
            )
        except ConditionFailed:
            continue
    raise RuntimeError("a batch is changed too often")
