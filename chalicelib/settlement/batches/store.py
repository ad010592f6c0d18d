"""The tables of batches, their chunks and payees, their stored files, and every lawful write on them."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.expressions.update import Action
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex, IncludeProjection

from chalicelib.aws import objects
from chalicelib.aws.ahead import ahead
from chalicelib.aws.lists import page_of_list
from chalicelib.aws.settings import settings
from chalicelib.aws.table import MomentAttribute, StructAttribute, Table, VersionedTable, table_name
from chalicelib.aws.waiting import lists_of
from chalicelib.aws.writes import (
    Check,
    ConditionFailed,
    Put,
    Update,
    insert,
    lawful,
    names_none_of,
    transact,
    update,
)
from chalicelib.kernel.divisions import PROVINCE
from chalicelib.kernel.paging import Page, PageRequest
from chalicelib.kernel.principal import Change, Hands
from chalicelib.settlement.batches.model import (
    BATCH_TRANSITIONS,
    Batch,
    BatchStatus,
    Chunk,
    Member,
    Payee,
    batch_after,
    batch_id_of,
)

WAITING_LIST = lists_of(PROVINCE)[0]
"""All cities together have some tens of batches that wait, each for some days."""


class BatchesByDivision(GlobalSecondaryIndex[Any]):
    """A division's batches, by number."""

    class Meta:
        index_name = "by_division"
        projection = AllProjection()

    division = UnicodeAttribute(hash_key=True)
    number = NumberAttribute(range_key=True)


class WaitingBatches(GlobalSecondaryIndex[Any]):
    """Batches that wait for their export or their results, those of all cities in one list."""

    class Meta:
        index_name = "waiting"
        projection = IncludeProjection(["status", "division"])

    queue = UnicodeAttribute(hash_key=True)
    queued_at = MomentAttribute(range_key=True)


class BatchRow(VersionedTable[Batch]):
    """One row a batch; its key is derived from division and number."""

    class Meta:
        table_name = table_name("settlement-batches")

    record_type = Batch
    streamed = True

    id = UnicodeAttribute(hash_key=True)
    division = UnicodeAttribute()
    number = NumberAttribute()
    status = UnicodeAttribute()
    opened_at = MomentAttribute()
    chunks = NumberAttribute(default=0)
    line_count = NumberAttribute(default=0)
    amount_fen = NumberAttribute(default=0)
    digest = UnicodeAttribute(null=True)
    workbook_digest = UnicodeAttribute(null=True)
    sealed_at = MomentAttribute(null=True)
    result_count = NumberAttribute(default=0)
    paid_count = NumberAttribute(default=0)
    withdrawn_count = NumberAttribute(default=0)
    stopped = StructAttribute(default=list)
    exported_by = StructAttribute(default=list)
    queue = UnicodeAttribute(null=True)
    queued_at = MomentAttribute(null=True)
    by_division = BatchesByDivision()
    waiting = WaitingBatches()


class BatchCounter(msgspec.Struct, frozen=True, kw_only=True):
    """The number of a division's newest batch."""

    division: str
    number: int
    version: int = 1


class CounterRow(VersionedTable[BatchCounter]):
    """One row a division."""

    class Meta:
        table_name = table_name("settlement-counters")

    record_type = BatchCounter

    division = UnicodeAttribute(hash_key=True)
    number = NumberAttribute()


class ChunkRow(Table[Chunk]):
    """The frozen content of batches: one row a transaction that put lines into one."""

    class Meta:
        table_name = table_name("settlement-chunks")

    record_type = Chunk

    batch_id = UnicodeAttribute(hash_key=True)
    id = UnicodeAttribute(range_key=True)
    members = StructAttribute()
    payees = StructAttribute(default=dict)


class PayeeRow(Table[Payee]):
    """The frozen accounts of batches: one row a batch and institution."""

    class Meta:
        table_name = table_name("settlement-payees")

    record_type = Payee

    batch_id = UnicodeAttribute(hash_key=True)
    institution = UnicodeAttribute(range_key=True)
    holder = UnicodeAttribute()
    bank = UnicodeAttribute()
    sealed_account = UnicodeAttribute()


# --------------------------------------------------------------------------- batches: reading


def find_batch(batch_id: str) -> Batch | None:
    """Read a batch."""
    return BatchRow.find(batch_id)


def want_batches(batch_ids: Iterable[str | None]) -> None:
    """Have batches come along with the next read of a page."""
    ahead(BatchRow, batch_ids)


def was_sealed_before(batch: Batch) -> bool:
    """Tell whether an earlier run of this call under a key sealed a batch that was read."""
    return batch.status is BatchStatus.SEALED and BatchRow.changed_before(batch.id)


def read_batch(batch_id: str) -> Batch:
    """Read a batch or raise `NotFound`."""
    return BatchRow.read(batch_id)


def find_batches(batch_ids: Sequence[str]) -> list[Batch]:
    """Read many batches."""
    return BatchRow.find_many(batch_ids)


def sealed_batches_in(division: str, request: PageRequest) -> Page[Batch]:
    """List a division's batches, newest first, a full page: one that is being collected is none yet."""
    collected = BatchRow.status != str(BatchStatus.SEALING)
    return page_of_list(
        BatchRow, BatchRow.by_division, division, request=request, picked=collected, newest_first=True
    )


def chunks_of(batch_id: str) -> list[Chunk]:
    """Read what is in a batch."""
    return [row.record for row in ChunkRow.query(batch_id, consistent_read=True)]


def members_of(batch_id: str) -> list[Member]:
    """Read the lines of a batch, by line id."""
    members = [member for chunk in chunks_of(batch_id) for member in chunk.members]
    return sorted(members, key=lambda member: member.line_id)


def payees_of(batch_id: str) -> dict[str, Payee]:
    """Read the frozen accounts of a batch, by institution."""
    return {row.institution: row.record for row in PayeeRow.query(batch_id, consistent_read=True)}


# --------------------------------------------------------------------------- batches: sealing


def newest_batch(division: str) -> Batch | None:
    """Read a division's newest batch."""
    counter = CounterRow.find(division)
    return None if counter is None else find_batch(batch_id_of(division, counter.number))


def begin_writes(batch: Batch, members: Sequence[Member], payees: Mapping[str, str]) -> list[Put | Update]:
    """Begin a division's next batch with its first chunk: none is ever there without a line.

    One that the program before opened and that got no line is begun anew: it has no chunk. Another worker who
    was first has taken the number, or put a chunk in.
    """
    row = BatchRow.from_record(
        msgspec.structs.replace(batch, chunks=1, version=batch.version + 1, last_change=None)
    )
    empty = lawful(BatchRow, sources=BATCH_TRANSITIONS.sources("seal")) & (BatchRow.chunks == 0)
    begun = Put(row, BatchRow.id.does_not_exist() | empty)
    free = (CounterRow.number == batch.number) | (CounterRow.number == batch.number - 1)
    if batch.number == 1:
        free |= CounterRow.division.does_not_exist()
    counter = BatchCounter(division=batch.division, number=batch.number, version=batch.number)
    return [begun, Put(CounterRow.from_record(counter), free), _put_chunk(batch, members, payees)]


def chunk_writes(batch: Batch, members: Sequence[Member], payees: Mapping[str, str]) -> list[Put | Update]:
    """Put a chunk into a batch that is still being collected, with the accounts by institution."""
    grown = Update(
        BatchRow,
        (batch.id,),
        [BatchRow.chunks.set(BatchRow.chunks + 1)],
        lawful(BatchRow, sources=BATCH_TRANSITIONS.sources("seal")),
    )
    return [grown, _put_chunk(batch, members, payees)]


def _put_chunk(batch: Batch, members: Sequence[Member], payees: Mapping[str, str]) -> Put:
    chunk = Chunk(batch_id=batch.id, id=members[0].line_id, members=list(members), payees=dict(payees))
    return Put(ChunkRow.from_record(chunk))


def keep_payee(payee: Payee) -> bool:
    """Freeze an institution's account for a batch; the first one stays. Tell whether this is it."""
    try:
        insert(PayeeRow.from_record(payee))
    except ConditionFailed:
        return False
    return True


def seal_batch(
    batch_id: str,
    *,
    members: Sequence[Member],
    chunks: int,
    digest: str,
    workbook_digest: str,
    now: datetime,
    change: Change,
) -> Batch:
    """Fix a batch's count, amount and digests, if it still has just these chunks, which hold these lines.

    Raises:
        ConditionFailed: it was sealed already, or has grown meanwhile.

    """
    return update(
        BatchRow,
        (batch_id,),
        [
            BatchRow.status.set(str(BATCH_TRANSITIONS.target("seal"))),
            BatchRow.line_count.set(len(members)),
            BatchRow.amount_fen.set(sum(member.amount_fen for member in members)),
            BatchRow.digest.set(digest),
            BatchRow.workbook_digest.set(workbook_digest),
            BatchRow.sealed_at.set(now),
            BatchRow.queue.set(WAITING_LIST),
            BatchRow.queued_at.set(now),
        ],
        condition=lawful(BatchRow, sources=BATCH_TRANSITIONS.sources("seal")) & (BatchRow.chunks == chunks),
        change=change,
    )


def record_export(batch: Batch, change: Change, *, also: Sequence[Check] = ()) -> Batch:
    """Note that a batch's file was handed out, and to whom, if it is still the one it has.

    `also` is what else has to hold for a first export. Who has had it already is noted already.

    Raises:
        ConditionFailed: it has lost lines meanwhile, or what else has to hold does not.

    """
    had_by = sorted({*batch.exported_by, change.actor, change.on_behalf_of or change.actor})
    noted = BatchRow.exported_by.set(had_by)
    if batch.status not in BATCH_TRANSITIONS.sources("export"):
        if had_by == batch.exported_by:
            return batch
        still = lawful(BatchRow, sources=(batch.status,), version=batch.version)
        return update(BatchRow, (batch.id,), [noted], condition=still, change=change)
    exported = Update(
        BatchRow,
        (batch.id,),
        [
            BatchRow.status.set(str(BATCH_TRANSITIONS.target("export"))),
            BatchRow.queue.set(WAITING_LIST),
            BatchRow.queued_at.set(change.at),
            noted,
        ],
        lawful(BatchRow, sources=BATCH_TRANSITIONS.sources("export"), version=batch.version),
    )
    transact([exported, *also], change=change)
    after = BATCH_TRANSITIONS.target("export")
    return msgspec.structs.replace(batch, status=after, exported_by=had_by, version=batch.version + 1)


# --------------------------------------------------------------------------- batches: taking lines out


def take_out_writes(batch: Batch, after: Batch, chunks: Sequence[Chunk]) -> list[Update]:
    """Take lines out of a sealed batch that nobody has exported: these chunks are what is left of theirs."""
    fixed = [
        BatchRow.status.set(str(after.status)),
        BatchRow.line_count.set(after.line_count),
        BatchRow.amount_fen.set(after.amount_fen),
        BatchRow.digest.remove(),
        BatchRow.workbook_digest.remove(),
        *_waits_no_more(after),
    ]
    waits = lawful(BatchRow, sources=BATCH_TRANSITIONS.sources("export"), version=batch.version)
    head = Update(BatchRow, (batch.id,), fixed, waits)
    parts = [
        Update(
            ChunkRow,
            (chunk.batch_id, chunk.id),
            [ChunkRow.members.set(chunk.members)],
            ChunkRow.id.exists(),
        )
        for chunk in chunks
    ]
    return [head, *parts]


def _waits_no_more(after: Batch) -> list[Action]:
    """Take a batch that has all its results out of the list: what is left of it are its lines."""
    waits = after.status in (BatchStatus.SEALING, BatchStatus.SEALED, BatchStatus.EXPORTED)
    return [] if waits else [BatchRow.queued_at.remove()]


def stopped_write(batch: Batch, line_ids: Sequence[str]) -> Update:
    """Note lines that were held while their batch is collected: they come out before it is exported."""
    return Update(
        BatchRow,
        (batch.id,),
        [BatchRow.stopped.set(sorted({*batch.stopped, *line_ids}))],
        lawful(BatchRow, sources=BATCH_TRANSITIONS.sources("seal"), version=batch.version),
    )


def record_file(batch: Batch, *, digest: str, workbook_digest: str, change: Change) -> Batch:
    """Fix the digests of a sealed batch that lost lines, if it has lost no more.

    Raises:
        ConditionFailed: it has, or somebody else was first.

    """
    return update(
        BatchRow,
        (batch.id,),
        [BatchRow.digest.set(digest), BatchRow.workbook_digest.set(workbook_digest)],
        condition=lawful(BatchRow, sources=BATCH_TRANSITIONS.sources("export"), version=batch.version),
        change=change,
    )


def progress_write(
    batch: Batch, *, results: int = 0, paid: int = 0, withdrawn: int = 0, hands: Hands = frozenset()
) -> Update:
    """Note so many more results, payments and withdrawals on a batch, with the state that follows.

    `hands` are those of who enters results: they have not had the file (`model.why_not`).
    """
    condition = BatchRow.version == batch.version
    if hands:
        condition &= names_none_of(BatchRow.exported_by, hands)
    after = batch_after(batch, results=results, paid=paid, withdrawn=withdrawn)
    return Update(
        BatchRow,
        (batch.id,),
        [
            BatchRow.result_count.set(after.result_count),
            BatchRow.paid_count.set(after.paid_count),
            BatchRow.withdrawn_count.set(after.withdrawn_count),
            BatchRow.status.set(str(after.status)),
            *_waits_no_more(after),
        ],
        condition,
    )


def record_workbook(batch: Batch, *, digest: str, change: Change) -> Batch:
    """Note the digest of the workbook of a batch that was sealed without one; the first one stays."""
    try:
        return update(
            BatchRow,
            (batch.id,),
            [BatchRow.workbook_digest.set(digest)],
            condition=BatchRow.workbook_digest.does_not_exist() & (BatchRow.digest == batch.digest),
            change=change,
        )
    except ConditionFailed as failure:
        old = failure.old
        if isinstance(old, Batch) and old.workbook_digest is not None:
            return old
        raise


# --------------------------------------------------------------------------- payment files

FILES = "payment-files/"
"""Where sealed payment files lie in the evidence bucket."""


def file_name(batch_id: str, digest: str) -> str:
    """Name a stored payment file: by its batch and the digest of what was sealed."""
    return f"{FILES}{batch_id}/{digest}"


def keep_file(name: str, sealed: str, *, until: datetime) -> None:
    """Store a sealed file that no role of the service can change or remove before a day.

    The lock is GOVERNANCE, as that of footage: an order to erase can be followed by who may bypass it.
    """
    objects.write_locked(
        settings().evidence_bucket,
        name,
        sealed.encode(),
        until=until,
        content_type="application/octet-stream",
        mode="GOVERNANCE",
    )


def find_files(name: str) -> list[str]:
    """Read a stored file in every version, the newest first."""
    return [raw.decode() for raw in objects.read_versions(settings().evidence_bucket, name)]


def write_download(key: str, raw: bytes, *, content_type: str) -> None:
    """Put a file where its link leads; it is gone there after the days of the intake bucket."""
    objects.write_object(settings().intake_bucket, key, raw, content_type=content_type)


def download_link(key: str, *, filename: str) -> str:
    """Give a link to a file, good for ten minutes."""
    return objects.link(settings().intake_bucket, key, filename=filename)
