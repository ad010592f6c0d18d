"""The table of issuance batches, and every lawful write on a batch."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex, IncludeProjection

from chalicelib.aws.table import MomentAttribute, StructAttribute, VersionedTable, page_of, table_name
from chalicelib.aws.waiting import A_PAGE, WaitingKeys, waiting_since
from chalicelib.aws.writes import TRANSACTION_ITEMS_MAX, Put, Write, insert, none_of, transact, transition
from chalicelib.kernel.errors import Refused
from chalicelib.kernel.paging import Page, PageRequest
from chalicelib.kernel.principal import Change, Hands
from chalicelib.vouchers.batches.model import (
    ISSUANCE_TRANSITIONS,
    IssuanceBatch,
    IssuanceBatchStatus,
    Phase,
    Tally,
)

CHUNKS_WITH_A_BATCH_MAX = TRANSACTION_ITEMS_MAX - 1
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


class WaitingBatches(GlobalSecondaryIndex[Any]):
    """Batches that wait for a second person, oldest first."""

    class Meta:
        index_name = "waiting"
        projection = IncludeProjection(["status"])

    queue = UnicodeAttribute(hash_key=True)
    queued_at = MomentAttribute(range_key=True)


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
    policy_version = NumberAttribute(null=True)
    face_value_fen = NumberAttribute(default=0)
    validity_months = NumberAttribute(default=0)
    chunks = NumberAttribute(default=0)
    open = UnicodeAttribute(null=True)
    queue = UnicodeAttribute(null=True)
    queued_at = MomentAttribute(null=True)
    by_program = BatchesByProgram()
    by_open = OpenBatches()
    waiting = WaitingBatches()


def create_batch(batch: IssuanceBatch, change: Change, *, also: Sequence[Write] = ()) -> None:
    """Store a new batch, and what else is there only with it: up to `CHUNKS_WITH_A_BATCH_MAX` chunks."""
    row = IssuanceBatchRow.from_record(batch)
    if also:
        transact([Put(row), *also], change=change)
    else:
        insert(row, change=change)


def read_batch(batch_id: str) -> IssuanceBatch:
    """Read a batch or raise `NotFound`."""
    return IssuanceBatchRow.read(batch_id)


def find_batches(batch_ids: Sequence[str]) -> list[IssuanceBatch]:
    """Read many batches, 100 a call."""
    return IssuanceBatchRow.find_many(batch_ids)


def batches_of(program_id: str, request: PageRequest) -> Page[IssuanceBatch]:
    """List a program's batches, oldest first."""
    rows = IssuanceBatchRow.by_program.query(
        program_id, limit=request.limit, last_evaluated_key=request.after
    )
    return page_of(rows, request)


def open_batches() -> Iterator[IssuanceBatch]:
    """Give the batches that workers have chunks of to do."""
    return (row.record for row in IssuanceBatchRow.by_open.query(OPEN_MARK))


def waiting_batches(queue: str, *, until: datetime, after: Mapping[str, Any] | None) -> WaitingKeys:
    """Give a page of one list of batches that have waited for a second person since before a moment."""
    return waiting_since(IssuanceBatchRow, queue, until=until, limit=A_PAGE, after=after)


def decide_batch(
    batch_id: str, action: str, *, version: int, by: str, hands: Hands, change: Change
) -> IssuanceBatch:
    """Approve or reject a batch; the condition is the truth of what `model.why_not` gives the reason for.

    Raises:
        NotFound, Refused: there is none; another version; decided already.
        ConditionFailed: its decider proposed it, or it is to be approved and has no pinned policy.

    """
    target = ISSUANCE_TRANSITIONS.target(action)
    row = IssuanceBatchRow
    opening, lawful = [], none_of(row.proposed_by, hands)
    if target is IssuanceBatchStatus.ISSUING:
        opening = [row.open.set(OPEN_MARK)]
        lawful &= row.policy_version.exists()
    return transition(
        row,
        (batch_id,),
        sources=ISSUANCE_TRANSITIONS.sources(action),
        target=target,
        version=version,
        change=change,
        actions=[row.approved_by.set(by), row.queued_at.remove(), *opening],
        also=lawful,
    )


def withdraw(batch_id: str, *, proposed_before: datetime, change: Change) -> IssuanceBatch:
    """Withdraw a batch that has waited for a second person since before a moment.

    Raises:
        NotFound, Refused, ConditionFailed: it was decided, or does not wait for so long.

    """
    return transition(
        IssuanceBatchRow,
        (batch_id,),
        sources=ISSUANCE_TRANSITIONS.sources("withdraw"),
        target=ISSUANCE_TRANSITIONS.target("withdraw"),
        version=None,
        change=change,
        actions=[IssuanceBatchRow.queued_at.remove()],
        also=IssuanceBatchRow.queued_at <= proposed_before,
    )


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
            row.queued_at.set(change.at),
        ]
        if phase is Phase.DRY_RUN
        else [row.issued.set(total.issued), row.outcome.set(total)]
    )
    try:
        return transition(
            row,
            (batch_id,),
            sources=ISSUANCE_TRANSITIONS.sources(action),
            target=ISSUANCE_TRANSITIONS.target(action),
            version=None,
            change=change,
            actions=[*figures, row.open.remove()],
        )
    except Refused:
        return read_batch(batch_id)
