"""Use cases of the audit chain: record every change once, show a subject's history, verify a chain."""

import random
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from chalicelib.accounts import rights
from chalicelib.aws.streams import RowChange
from chalicelib.aws.table import ConditionFailed
from chalicelib.exchange.model import area_of
from chalicelib.exchange.service import ALL_AREAS
from chalicelib.kernel.divisions import PROVINCE, is_known
from chalicelib.kernel.errors import Fault, Malformed, NotFound, Unavailable
from chalicelib.kernel.paging import Page, PageRequest
from chalicelib.kernel.principal import Context, change_of
from chalicelib.supervision import store
from chalicelib.supervision.audit_model import (
    AuditRecord,
    ChainHead,
    changed,
    entry_of,
    follows,
    head_after,
    link,
)
from chalicelib.supervision.count_model import Scope, merged, moves_of

UNTOLD_ACTOR = "unknown"
UNTOLD_ACTION = "row.changed_outside"
COUNTED_TABLE = "vouchers"
_TRIES = 25
_PAUSE_SECONDS = 0.05
_RECORDS_BYTES_MAX = 3_000_000


@dataclass(frozen=True)
class Observed:
    """A change as it will stand in its chain, and how it moves the counts."""

    record: AuditRecord
    moves: dict[Scope, Counter[str]]

    @property
    def key(self) -> tuple[str, str]:
        """The key of the record."""
        return (self.record.subject, self.record.entry)


def observe(context: Context, row: RowChange) -> Observed:
    """Describe a change of any table; one that does not say who made it is recorded as such."""
    item = row.after or row.before or {}
    division = str(item.get("division") or PROVINCE)
    chain = area_of(division)
    before, after = changed(row.before, row.after)
    told = row.change
    record = AuditRecord(
        subject=row.subject,
        entry=entry_of(row.part, row.version, row.sequence),
        chain=chain,
        seq=0,
        table=row.table,
        division=division,
        at=told.at if told else context.now,
        actor=told.actor if told else UNTOLD_ACTOR,
        role=told.role.value if told else "",
        action=told.action if told else UNTOLD_ACTION,
        request_id=told.request_id if told else row.sequence,
        reason=told.reason if told else None,
        before=before,
        after=after,
    )
    moves = moves_of(row.before, row.after, chain=chain) if row.table == COUNTED_TABLE else {}
    return Observed(record, moves)


def append(context: Context, chain: str, observed: Sequence[Observed]) -> int:
    """Add changes to a chain, those already there left out; gives how many were added.

    Raises:
        Unavailable: other writers would not let this one in; repeating is safe.

    """
    left, added, head = list(observed), 0, None
    tries = 0
    while left:
        if head is None:
            known = store.recorded([one.key for one in left])
            left = list({one.key: one for one in left if one.key not in known}.values())
            if not left:
                return added
            head = store.head_of(chain)
        part = left[: _fitting(left)]
        linked = _linked([one.record for one in part], head)
        moves = merged([one.moves for one in part])
        try:
            store.append(linked, head=head, moves=moves, change=change_of(context, "audit.record"))
        except (ConditionFailed, Unavailable):
            tries += 1
            if tries >= _TRIES:
                raise Unavailable("try_again") from None
            time.sleep(_PAUSE_SECONDS * random.random() * min(tries, 10))  # noqa: S311 - jitter
            head = None
            continue
        added += len(part)
        left = left[len(part) :]
        head = head_after(linked[-1])
    return added


def _fitting(observed: Sequence[Observed]) -> int:
    """Tell how many of these fit one transaction: records, head and counts, and bytes."""
    scopes: set[Scope] = set()
    size = 0
    for place, one in enumerate(observed):
        scopes |= one.moves.keys()
        size += len(repr(one.record.before)) + len(repr(one.record.after)) + 1000
        if place and (place + 2 + len(scopes) > store.WRITES_MAX or size > _RECORDS_BYTES_MAX):
            return place
    return len(observed)


def _linked(records: Iterable[AuditRecord], head: ChainHead) -> list[AuditRecord]:
    linked = []
    for record in records:
        one = link(record, head)
        head = head_after(one)
        linked.append(one)
    return linked


def by_chain(observed: Iterable[Observed]) -> Mapping[str, list[Observed]]:
    """Sort changes to their chains, each in its order."""
    chains: dict[str, list[Observed]] = {}
    for one in observed:
        chains.setdefault(one.record.chain, []).append(one)
    return chains


# --------------------------------------------------------------------------- people


def history(context: Context, subject: str, request: PageRequest) -> Page[AuditRecord]:
    """List what happened to a subject, in order.

    Raises:
        NotFound: nothing is known of it, or it is outside the caller's area.

    """
    page = store.records_of(subject, request)
    if not page.items and request.after is None:
        rights.admit(context.principal, "audit.read")
        raise NotFound
    for record in page.items:
        rights.require(context.principal, "audit.read", division=record.division)
    return page


@dataclass(frozen=True)
class FirstBad:
    """The first place at which a chain is broken; `subject` is None where a record is missing."""

    seq: int
    subject: str | None


@dataclass(frozen=True)
class Verdict:
    """What walking a chain found."""

    chain: str
    records: int
    first_bad: FirstBad | None


def verify(context: Context, division: str | None) -> list[Verdict]:
    """Walk the chains of a division (by default the caller's) and recompute every digest.

    Raises:
        Malformed: no such division.
        NotFound: outside the caller's area.

    """
    wanted = division or context.principal.division
    if not is_known(wanted):
        raise Malformed("malformed", faults=(Fault("unknown_division", field="division"),))
    chain = area_of(wanted)
    rights.require(context.principal, "audit.verify", division=chain)
    return [_verify(one) for one in (ALL_AREAS if chain == PROVINCE else (chain,))]


def _verify(chain: str) -> Verdict:
    at, subject = ChainHead(chain=chain), None
    while True:
        reached = at.seq
        for record in store.walk(chain, after=at.seq):
            if record.seq > at.seq + 1:
                return Verdict(chain, at.seq, FirstBad(at.seq + 1, None))
            if not follows(record, at):
                return Verdict(chain, at.seq, FirstBad(record.seq, record.subject))
            at, subject = head_after(record), record.subject
        head = store.head_of(chain)
        if head == at:
            return Verdict(chain, at.seq, None)
        if head.seq == at.seq:
            return Verdict(chain, at.seq, FirstBad(at.seq, subject))
        if head.seq < at.seq:
            return Verdict(chain, at.seq, FirstBad(head.seq + 1, None))
        if at.seq == reached:  # nothing more came, though the head says there is
            return Verdict(chain, at.seq, FirstBad(at.seq + 1, None))
