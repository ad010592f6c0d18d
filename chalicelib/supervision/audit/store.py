"""The audit chain's records and heads."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any

import msgspec
from pynamodb.attributes import BooleanAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex

from chalicelib.aws import objects
from chalicelib.aws.settings import settings
from chalicelib.aws.table import MomentAttribute, StructAttribute, Table, table_name
from chalicelib.aws.writes import TRANSACTION_ITEMS_MAX, Put, Update, Write, transact
from chalicelib.kernel.calendar import format_moment
from chalicelib.kernel.paging import Page, PageRequest
from chalicelib.kernel.principal import Change
from chalicelib.supervision.audit.model import AuditRecord, ChainHead
from chalicelib.supervision.reports.model import CountScope
from chalicelib.supervision.reports.store import VoucherCountRow

WRITES_MAX = TRANSACTION_ITEMS_MAX


class ByChain(GlobalSecondaryIndex[Any]):
    """A chain's records in their order."""

    class Meta:
        index_name = "by_chain"
        projection = AllProjection()

    chain = UnicodeAttribute(hash_key=True)
    seq = NumberAttribute(range_key=True)


class AuditRow(Table[AuditRecord]):
    """One row a change; its key is the subject and the version the change made."""

    class Meta:
        table_name = table_name("audit-records")

    record_type = AuditRecord

    subject = UnicodeAttribute(hash_key=True)
    entry = UnicodeAttribute(range_key=True)
    chain = UnicodeAttribute()
    seq = NumberAttribute()
    table = UnicodeAttribute()
    division = UnicodeAttribute()
    at = MomentAttribute()
    actor = UnicodeAttribute()
    role = UnicodeAttribute()
    action = UnicodeAttribute()
    request_id = UnicodeAttribute()
    reason = UnicodeAttribute(null=True)
    before = StructAttribute()
    after = StructAttribute()
    rebuilt = BooleanAttribute(null=True)
    on_behalf_of = UnicodeAttribute(null=True)
    hash = UnicodeAttribute()
    by_chain = ByChain()


class ChainHeadRow(Table[ChainHead]):
    """One row a chain."""

    class Meta:
        table_name = table_name("audit-heads")

    record_type = ChainHead

    chain = UnicodeAttribute(hash_key=True)
    seq = NumberAttribute(default=0)
    hash = UnicodeAttribute(default="")


# --------------------------------------------------------------------------- the chain


def recorded(keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], AuditRecord]:
    """Give the records that these changes (subject, entry) have already: one call a hundred."""
    records: list[AuditRecord] = AuditRow.find_many(list(dict.fromkeys(keys)))
    return {(record.subject, record.entry): record for record in records}


def head_of(chain: str) -> ChainHead:
    """Read where a chain ends; a chain without records ends at its beginning."""
    return ChainHeadRow.find(chain) or ChainHead(chain=chain)


def append(
    records: Sequence[AuditRecord],
    *,
    head: ChainHead,
    moves: Mapping[CountScope, Counter[str]],
    change: Change,
) -> None:
    """Add linked records to a chain, move its head and the counts: all or nothing.

    Raises:
        ConditionFailed: another writer moved the head, or a record exists already.

    """
    last = records[-1]
    writes: list[Write] = [Put(AuditRow.from_record(record)) for record in records]
    end = ChainHeadRow.from_record(ChainHead(chain=last.chain, seq=last.seq, hash=last.hash))
    at_head = ChainHeadRow.seq == head.seq
    writes.append(Put(end, ChainHeadRow.chain.does_not_exist() if head.seq == 0 else at_head))
    writes += [_move(scope, move, as_of=last.seq) for scope, move in moves.items()]
    transact(writes, change=change)


def _move(scope: CountScope, move: Counter[str], *, as_of: int) -> Update:
    row: Any = VoucherCountRow
    return Update(
        VoucherCountRow,
        (scope.program, scope.place),
        [
            row.as_of.set(as_of),
            *[getattr(row, name).set((getattr(row, name) | 0) + number) for name, number in move.items()],
        ],
        row.as_of.does_not_exist() | (row.as_of < as_of),
    )


def records_of(
    subject: str, request: PageRequest, *, shown: Callable[[AuditRecord], bool]
) -> Page[AuditRecord]:
    """List those of a subject's records that are shown, in the order of the chain.

    Of a person whom several areas looked up there are records in several chains, each with its own numbers:
    at the same number the order is that of the chains' names.

    A subject has few changes, and the parts of one (a class's plan, its roster) are counted apart, so its
    records are read together and put in order here.
    """
    place = request.after or {"seq": 0}
    after = place["seq"], place.get("chain", _BEHIND_ALL)  # a cursor of an earlier release names no chain
    later = sorted(
        (record for record in all_records_of(subject) if _place_of(record) > after and shown(record)),
        key=_place_of,
    )
    items = later[: request.limit]
    more = {"seq": items[-1].seq, "chain": items[-1].chain} if len(later) > len(items) else None
    return Page(items=items, after=more)


_BEHIND_ALL = "~"
"""Behind the name of every chain."""


def _place_of(record: AuditRecord) -> tuple[int, str]:
    return record.seq, record.chain


def all_records_of(subject: str) -> list[AuditRecord]:
    """Read every record of a subject, in the order of their entries."""
    return [row.record for row in AuditRow.query(subject, consistent_read=True)]


def walk(chain: str, *, after: int = 0) -> Iterator[AuditRecord]:
    """Give a chain's records in their order, from the one after a number."""
    onwards = AuditRow.seq > after if after else None  # a forged record may have any number
    return (row.record for row in AuditRow.by_chain.query(chain, onwards))


# --------------------------------------------------------------------------- daily roots


def _root_key(chain: str, day: date) -> str:
    return f"audit/{chain}/{day.isoformat()}.json"


def seal_root(head: ChainHead, *, day: date, until: datetime, at: datetime) -> None:
    """Write a chain's head where nobody can change it."""
    facts = {**msgspec.structs.asdict(head), "sealed_at": format_moment(at)}
    body = msgspec.json.encode(facts, order="deterministic")
    objects.write_locked(
        settings().evidence_bucket,
        _root_key(head.chain, day),
        body,
        until=until,
        content_type="application/json",
    )


def is_sealed(chain: str, day: date) -> bool:
    """Tell whether a chain has its root of the day."""
    return objects.describe_object(settings().evidence_bucket, _root_key(chain, day)) is not None


def roots_of(chain: str) -> list[ChainHead]:
    """Give every root of a chain, in every version: one that somebody added later must agree too."""
    versions = objects.read_versions(settings().evidence_bucket, f"audit/{chain}/")
    return [msgspec.json.decode(raw, type=ChainHead) for raw in versions]


def holds(root: ChainHead) -> bool:
    """Tell whether a chain still has the record that a root was sealed at."""
    rows = AuditRow.by_chain.query(root.chain, AuditRow.seq == root.seq)
    return [row.record.hash for row in rows] == [root.hash]
