"""The audit chain: one record a change, each holding the digest of the one before it.

A chain belongs to the bureau directly under the province, so a city's supervisor can verify theirs alone.
Editing, deleting, inserting or reordering records breaks a digest or a number; cutting the end off leaves
the chain's head pointing past it.

    1  voucher vch_a issued       hash 3f…  = SHA-256("" + record 1)
    2  voucher vch_a claimed      hash 81…  = SHA-256("3f…" + record 2)
    3  voucher vch_a redeemed     hash c0…  = SHA-256("81…" + record 3); the head is (3, c0…)
    record 2 is edited            its digest is no longer 81…: first bad 2
    record 2 is deleted           3 follows 1: first bad 2
    record 3 is deleted           the head says 3: first bad 3
    2, 3 and the head are made anew, all digests right: the locked root of last night says (3, c0…): first bad
    is the first record after the root before it
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from enum import Enum
from typing import Any

import msgspec

from chalicelib.kernel.calendar import format_moment
from chalicelib.kernel.identity import mask_phone

GENESIS = ""
UNTOLD_ACTOR = "unknown"
MISSING_ACTION = "row.version_missing"
"""A version between two that are known: the row has it no more, and the stream never told it."""
VALUE_BYTES_MAX = 16_000
_KEPT_OUT = frozenset({"op_id", "last_change", "version", "password_hash", "activation_hash", "current_hash"})
_SECRET = re.compile(r"sealed.*|.*_(hash|digest|nonce|secret)")
_HIDDEN = "***"


class AuditRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One change of one row. `entry` tells the changes of a subject apart: part and version."""

    subject: str
    entry: str
    chain: str
    seq: int
    table: str
    division: str
    at: datetime
    actor: str
    role: str
    action: str
    request_id: str
    reason: str | None = None
    before: dict[str, Any] = {}
    after: dict[str, Any] = {}
    rebuilt: bool = False
    """It was made from the row as it stands, because the stream never told the change."""
    on_behalf_of: str | None = None
    """The account of the person whom software, the actor, named."""
    hash: str = ""


class ChainHead(msgspec.Struct, frozen=True, kw_only=True):
    """Where a chain ends."""

    chain: str
    seq: int = 0
    hash: str = GENESIS


def entry_of(part: str, version: int | None, sequence: str) -> str:
    """Tell the changes of a subject apart, in their order; what has no version goes by its stream number."""
    number = f"{version:08d}" if version is not None else f"~{sequence.zfill(40)}"
    return f"{number}#{part}" if part else number


def version_of(entry: str) -> int | None:
    """Tell the version that an entry names; None of one that goes by its stream number."""
    number = entry.partition("#")[0]
    return int(number) if number.isdecimal() else None


def digest_of(record: AuditRecord, previous: str) -> str:
    """Give the SHA-256 of the previous digest followed by the record's canonical JSON."""
    facts = msgspec.structs.asdict(record)
    del facts["hash"]
    if not record.rebuilt:
        del facts["rebuilt"]  # records from before there was such a thing keep their digests
    if record.on_behalf_of is None:
        del facts["on_behalf_of"]  # as above
    facts["at"] = format_moment(record.at)
    canonical = msgspec.json.encode(facts, order="deterministic")
    return hashlib.sha256(previous.encode() + canonical).hexdigest()


def link(record: AuditRecord, head: ChainHead) -> AuditRecord:
    """Put a record at the end of its chain."""
    numbered = msgspec.structs.replace(record, chain=head.chain, seq=head.seq + 1)
    return msgspec.structs.replace(numbered, hash=digest_of(numbered, head.hash))


def head_after(record: AuditRecord) -> ChainHead:
    """Give the head of a chain that ends with this record."""
    return ChainHead(chain=record.chain, seq=record.seq, hash=record.hash)


def follows(record: AuditRecord, head: ChainHead) -> bool:
    """Tell whether a record is the unaltered next one after this head."""
    return record.seq == head.seq + 1 and record.hash == digest_of(record, head.hash)


def same_change(record: AuditRecord, other: AuditRecord) -> bool:
    """Tell whether two records tell of the same change, whatever their places in the chain.

    A change that nobody signed is told at the time its record was made, so that time does not count. One that
    was rebuilt has what the row said last of who, when and why, but not what the row was before.
    """
    if record.rebuilt != other.rebuilt:
        return _signature(record) == _signature(other)
    unsigned = record.actor == other.actor == UNTOLD_ACTOR
    unplaced = msgspec.structs.replace(record, seq=0, hash="", at=other.at if unsigned else record.at)
    return unplaced == msgspec.structs.replace(other, seq=0, hash="")


def _signature(record: AuditRecord) -> tuple[object, ...]:
    signed = record.actor != UNTOLD_ACTOR
    asked = (record.request_id, record.at) if signed else ()
    return (record.subject, record.entry, record.actor, record.action, *asked)


class RebuiltChange(msgspec.Struct, frozen=True):
    """A record that was made anew from a row, or names a version of which nothing is left."""

    seq: int
    subject: str
    table: str
    version: int
    missing: bool


REBUILT_LISTED_MAX = 200
"""So many rebuilt records one walk names; all are counted."""


class ChainBreak(msgspec.Struct, frozen=True):
    """The first place at which a chain is broken; `subject` is None where a record is missing."""

    seq: int
    subject: str | None


class Walk:
    """A walk along a chain, record by record, from a head that is trusted.

    `roots` are the heads sealed in locked storage. They find what the chain alone cannot show: one that was
    rewritten from some record on, with every digest after it and its head computed anew. Then the first
    record that no earlier root vouches for is named.
    """

    def __init__(self, chain: str, *, roots: Iterable[ChainHead] = (), at: ChainHead | None = None) -> None:
        self.at = at or ChainHead(chain=chain)
        self.subject: str | None = None
        self.bad: ChainBreak | None = None
        self.rebuilt: list[RebuiltChange] = []
        self.rebuilt_count = 0
        self._vouched = self.at.seq
        self._roots: dict[int, set[str]] = {}
        for root in roots:
            if root.seq > self.at.seq:
                self._roots.setdefault(root.seq, set()).add(root.hash)

    def follow(self, record: AuditRecord) -> bool:
        """Take the next record; False if it is a bad one."""
        if record.chain == self.at.chain and record.seq > self.at.seq + 1:
            self.bad = ChainBreak(self.at.seq + 1, None)
        elif not follows(record, self.at):
            self.bad = ChainBreak(min(record.seq, self.at.seq + 1), record.subject)
        elif self._roots.get(record.seq, {record.hash}) != {record.hash}:
            self.bad = ChainBreak(self._vouched + 1, None)
        else:
            self.at, self.subject = head_after(record), record.subject
            if record.seq in self._roots:
                self._vouched = record.seq
            if record.rebuilt:
                self._note_rebuilt(record)
        return self.bad is None

    def _note_rebuilt(self, record: AuditRecord) -> None:
        self.rebuilt_count += 1
        if len(self.rebuilt) < REBUILT_LISTED_MAX:
            version = version_of(record.entry) or 0
            missing = record.action == MISSING_ACTION
            self.rebuilt.append(RebuiltChange(record.seq, record.subject, record.table, version, missing))

    def unreadable(self) -> None:
        """Note that what stands next cannot be read as a record."""
        self.bad = ChainBreak(self.at.seq + 1, None)

    def end(self, head: ChainHead) -> ChainBreak | None:
        """Compare where the walk ended with the chain's head and the last root."""
        if self.bad is None and head != self.at:
            if head.seq == self.at.seq:
                self.bad = ChainBreak(self.at.seq, self.subject)
            else:
                self.bad = ChainBreak(min(head.seq, self.at.seq) + 1, None)
        if self.bad is None and any(seq > self.at.seq for seq in self._roots):
            self.bad = ChainBreak(self.at.seq + 1, None)
        return self.bad


def first_bad(
    chain: str, records: Iterable[AuditRecord], head: ChainHead, *, roots: Iterable[ChainHead] = ()
) -> ChainBreak | None:
    """Walk a whole chain and give the first place at which it is broken, or None if it holds."""
    walk = Walk(chain, roots=roots)
    for record in records:
        if not walk.follow(record):
            return walk.bad
    return walk.end(head)


def changed(
    before: Mapping[str, Any] | None, after: Mapping[str, Any] | None
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Give the attributes that a change touched, as they were and as they are, fit to be kept for years.

    Sealed values, digests, hashes and nonces show only that they changed; masks stay masks. What is too
    large to be kept is named by its own digest.
    """
    then, now = before or {}, after or {}
    names = sorted({*then, *now} - _KEPT_OUT)
    touched = [name for name in names if then.get(name) != now.get(name)]
    return (
        {name: _kept(name, then[name]) for name in touched if name in then},
        {name: _kept(name, now[name]) for name in touched if name in now},
    )


def known_of(records: Iterable[AuditRecord]) -> dict[str, Any]:
    """Put together what records of one row, in the order of its versions, tell of how it stood last."""
    known: dict[str, Any] = {}
    for record in records:
        for name in record.before.keys() - record.after.keys():
            known.pop(name, None)
        known |= record.after
    return known


def undone(standing: Mapping[str, Any], records: Iterable[AuditRecord]) -> dict[str, Any]:
    """Tell how a row stood before some of its last changes, given from the last one backwards."""
    image = dict(standing)
    for record in records:
        for name in record.after.keys() - record.before.keys():
            image.pop(name, None)
        image |= record.before
    return image


def lacking(version: int, chained: Iterable[AuditRecord]) -> list[int]:
    """Name the versions of a row, up to the one in which it stands, that have no record."""
    recorded = {version_of(record.entry) for record in chained}
    return [number for number in range(1, version + 1) if number not in recorded]


def runs_of(versions: Iterable[int]) -> list[tuple[int, int]]:
    """Put versions that follow each other together: 3, 4, 7 are (3, 4) and (7, 7)."""
    runs: list[tuple[int, int]] = []
    for version in sorted(versions):
        if runs and runs[-1][1] == version - 1:
            runs[-1] = (runs[-1][0], version)
        else:
            runs.append((version, version))
    return runs


def differences(
    known: Mapping[str, Any], standing: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Give what differs between how a row was known and how it stands, both as records keep values."""
    touched = sorted(name for name in {*known, *standing} if known.get(name) != standing.get(name))
    return (
        {name: known[name] for name in touched if name in known},
        {name: standing[name] for name in touched if name in standing},
    )


def _kept(name: str, value: Any) -> Any:
    kept = _shown(name, value)
    raw = msgspec.json.encode(kept, order="deterministic")
    if len(raw) > VALUE_BYTES_MAX:
        return {"bytes": len(raw), "sha256": hashlib.sha256(raw).hexdigest()}
    return kept


def _shown(name: str, value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _shown(str(key), part) for key, part in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_shown(name, part) for part in value]
    if value is None or isinstance(value, bool):
        return value
    if _SECRET.fullmatch(name):
        return _HIDDEN
    if name == "phone":
        return mask_phone(str(value))
    return _plain(value)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return format_moment(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Enum):
        return value.value
    return value if isinstance(value, str | int | float) else str(value)
