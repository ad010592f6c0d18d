"""Use cases of the audit chain: record every change once, show a subject's history, verify a chain."""

import json
import random
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from chalicelib.accounts import rights
from chalicelib.aws.keys import keyed_digest
from chalicelib.aws.logs import measure
from chalicelib.aws.metrics import CHAINS_BROKEN
from chalicelib.aws.streams import RowChange, named_in
from chalicelib.aws.writes import ConditionFailed
from chalicelib.enrolments.lookups.model import NOBODY
from chalicelib.exchange.model import ALL_AREAS, area_of
from chalicelib.kernel.calendar import add_months, shanghai_date, start_of_day
from chalicelib.kernel.divisions import PROVINCE, is_known
from chalicelib.kernel.errors import Fault, Unavailable
from chalicelib.kernel.paging import Page, PageRequest
from chalicelib.kernel.principal import Context, change_of
from chalicelib.kernel.reasons import error
from chalicelib.programs.service import all_programs
from chalicelib.supervision.audit import store
from chalicelib.supervision.audit.model import (
    UNTOLD_ACTOR,
    AuditRecord,
    ChainBreak,
    ChainHead,
    RebuiltChange,
    Walk,
    changed,
    entry_of,
    head_after,
    link,
    same_change,
)
from chalicelib.supervision.reports.model import CountScope, merged, moves_of

UNTOLD_ACTION = "row.changed_outside"
UNREADABLE_ACTION = "row.unreadable"
_MARK_BYTES = 16
COUNTED_TABLE = "vouchers"
_TRIES = 25
_PAUSE_SECONDS = 0.05
_RECORDS_BYTES_MAX = 3_000_000
_LAG_TRIES = 5
_VERIFY_SECONDS = 20
AUDIT_MONTHS_MIN = 36
"""The personal-information law asks for three years."""


@dataclass(frozen=True)
class ObservedChange:
    """A change as it will stand in its chain, and how it moves the counts."""

    record: AuditRecord
    moves: dict[CountScope, Counter[str]]
    sequence: str
    part: str

    @property
    def key(self) -> tuple[str, str]:
        """The key of the record."""
        return (self.record.subject, self.record.entry)


def observe(context: Context, row: RowChange) -> ObservedChange:
    """Describe a change of any table; one that does not say who made it is recorded as such."""
    item = row.after or row.before or {}
    division = str(item.get("division") or PROVINCE)
    chain = area_of(division)
    before, after = changed(row.before, row.after)
    change = row.change
    record = AuditRecord(
        subject=row.subject,
        entry=entry_of(row.part, row.version, row.sequence),
        chain=chain,
        seq=0,
        table=row.table,
        division=division,
        at=change.at if change else context.now,
        actor=change.actor if change else UNTOLD_ACTOR,
        role=change.role.value if change else "",
        action=change.action if change else UNTOLD_ACTION,
        request_id=change.request_id if change else row.sequence,
        reason=change.reason if change else None,
        on_behalf_of=change.on_behalf_of if change else None,
        before=before,
        after=after,
    )
    moves = moves_of(row.before, row.after, chain=chain) if row.table == COUNTED_TABLE else {}
    return ObservedChange(record, moves, row.sequence, row.part)


def observe_unreadable(record: Mapping[str, Any], why: str, context: Context) -> ObservedChange:
    """Describe a change that cannot be read, or not be told: that it was, where, and what marks it.

    Nothing of it is shown, for nobody knows what stands where in it. Its digests are keyed, so they tell
    nobody what it says: the subject is that of its key, by which its other changes are found, and `row` that
    of all of it, by which the record that was parked is known again. It stands in the province's chain, as it
    does not say whose it is.
    """
    table, sequence = named_in(record)
    images = record.get("dynamodb") or {}
    key = _marked([table, images.get("Keys")])
    told = AuditRecord(
        subject=f"row_{key}",
        entry=entry_of("", None, sequence),
        chain=PROVINCE,
        seq=0,
        table=table,
        division=PROVINCE,
        at=context.now,
        actor=UNTOLD_ACTOR,
        role="",
        action=UNREADABLE_ACTION,
        request_id=sequence,
        after={"row": _marked([images.get("OldImage"), images.get("NewImage")]), "why": why},
    )
    return ObservedChange(told, {}, sequence, "")


def _marked(value: Any) -> str:
    """Give the keyed digest of a raw value."""
    raw = json.dumps(value, sort_keys=True, default=repr)
    return keyed_digest("audit-unreadable", raw)[:_MARK_BYTES].hex()


def append(context: Context, chain: str, observed: Sequence[ObservedChange]) -> int:
    """Add changes to a chain, those already there left out; gives how many were added.

    A loop of its own, not `until_written`: it goes on with what is left after each transaction, and waits a
    little before it tries again, since the writers of one chain come in crowds.

    Raises:
        Unavailable: other writers would not let this one in; repeating is safe.

    """
    left, added, head = list(observed), 0, None
    tries = 0
    while left:
        if head is None:
            left = _unrecorded(left)
            if not left:
                return added
            head = store.head_of(chain)
        part = left[: _fitting(left)]
        linked = _linked([change.record for change in part], head)
        moves = merged([change.moves for change in part])
        try:
            store.append(linked, head=head, moves=moves, change=change_of(context, "audit.record"))
        except (ConditionFailed, Unavailable):
            tries += 1
            if tries >= _TRIES:
                raise error("try_again") from None
            time.sleep(_PAUSE_SECONDS * random.random() * min(tries, 10))  # noqa: S311 - jitter
            head = None
            continue
        added += len(part)
        left = left[len(part) :]
        head = head_after(linked[-1])
    return added


def _unrecorded(observed: Iterable[ObservedChange]) -> list[ObservedChange]:
    """Leave out what is in the chain already, and of what is there twice the second.

    A row that was set back to an old version, or removed and made again, brings a version that has its
    record: another change under a known key is recorded under its stream number instead.
    """
    fresh: dict[tuple[str, str], ObservedChange] = {}
    waiting = list(observed)
    order = {change.sequence: place for place, change in reversed(list(enumerate(waiting)))}
    while waiting:
        recorded = store.recorded([change.key for change in waiting])
        again = []
        for change in waiting:
            first = recorded.get(change.key) or (fresh[change.key].record if change.key in fresh else None)
            numbered = entry_of(change.part, None, change.sequence)
            if first is None:
                fresh[change.key] = change
            elif change.record.rebuilt:
                continue  # it was told meanwhile after all
            elif change.record.entry != numbered and not same_change(first, change.record):
                late = msgspec.structs.replace(change.record, entry=numbered)
                moves = {} if first.rebuilt else change.moves  # what was rebuilt has moved the counts past it
                again.append(replace(change, record=late, moves=moves))
        waiting = again
    return sorted(fresh.values(), key=lambda change: order[change.sequence])


def _fitting(observed: Sequence[ObservedChange]) -> int:
    """Tell how many of these fit one transaction: records, head and counts, and bytes."""
    scopes: set[CountScope] = set()
    size = 0
    for place, change in enumerate(observed):
        scopes |= change.moves.keys()
        size += len(repr(change.record.before)) + len(repr(change.record.after)) + 1000
        if place and (place + 2 + len(scopes) > store.WRITES_MAX or size > _RECORDS_BYTES_MAX):
            return place
    return len(observed)


def _linked(records: Iterable[AuditRecord], head: ChainHead) -> list[AuditRecord]:
    chained = []
    for record in records:
        chained.append(link(record, head))
        head = head_after(chained[-1])
    return chained


def by_chain(observed: Iterable[ObservedChange]) -> Mapping[str, list[ObservedChange]]:
    """Sort changes to their chains, each in its order."""
    chains: dict[str, list[ObservedChange]] = {}
    for change in observed:
        chains.setdefault(change.record.chain, []).append(change)
    return chains


# --------------------------------------------------------------------------- people


def history(
    context: Context, subject: str, request: PageRequest, *, actor: str | None = None
) -> Page[AuditRecord]:
    """List what happened to a subject, in order: of a person whom several areas looked up, one's own records.

    `lookups_on` names the subject under which a day's lookups stand; `actor` picks what one account did.

    Raises:
        NotFound: nothing is known of it, or it is outside the caller's area. Where others did something to it
            and `actor` nothing, the page is empty.

    """
    principal = context.principal
    rights.admit(principal, "audit.read")

    is_known = False

    def is_shown(record: AuditRecord) -> bool:
        nonlocal is_known
        if subject == NOBODY and principal.division != PROVINCE:  # it tells who is known elsewhere
            return False
        reached = rights.reaches(principal, "audit.read", division=record.division)
        is_known = is_known or reached
        return reached and actor in (None, record.actor)

    page = store.records_of(subject, request, shown=is_shown)
    if not is_known and request.after is None:
        raise error("not_found")
    return page


@dataclass(frozen=True)
class Verdict:
    """What walking a chain found; `after` is where to go on if the walk was too long for one call.

    `rebuilt` are the first of the records that were made anew from the tables, `rebuilt_count` their number.
    """

    chain: str
    records: int
    first_bad: ChainBreak | None
    after: ChainHead | None = None
    rebuilt: Sequence[RebuiltChange] = ()
    rebuilt_count: int = 0


def verify(context: Context, division: str | None, *, after: ChainHead | None = None) -> list[Verdict]:
    """Walk the chains of a division (by default the caller's) and recompute every digest.

    A walk that would take longer than a request may ends with where to go on; all roots are compared each
    time, so a caller who makes up a place to go on from fools nobody but themselves.

    Raises:
        Malformed: no such division, or `after` is of another chain.
        NotFound: outside the caller's area.

    """
    area = after.chain if after is not None else division or context.principal.division
    if not is_known(area):
        raise error("malformed", faults=(Fault("unknown_division", field="division"),))
    chain = area_of(area)
    rights.require(context.principal, "audit.verify", division=chain)
    until = time.monotonic() + _VERIFY_SECONDS
    if after is not None:
        return [_verify(chain, until, at=after)]
    return [_verify(name, until) for name in (ALL_AREAS if chain == PROVINCE else (chain,))]


def _verify(chain: str, until: float, *, at: ChainHead | None = None) -> Verdict:
    walk = Walk(chain, roots=store.roots_of(chain), at=at)
    tries = 0
    while True:
        reached = walk.at.seq
        if not _follow(walk, chain, until):
            return _verdict(walk, walk.bad)
        if time.monotonic() > until:
            return _verdict(walk, None, after=walk.at)
        head = store.head_of(chain)
        if head.seq > walk.at.seq and tries < _LAG_TRIES:  # written meanwhile, or the index lags
            tries = tries + 1 if walk.at.seq == reached else 0
            time.sleep(_PAUSE_SECONDS * tries)
            continue
        return _verdict(walk, walk.end(head))


def _verdict(walk: Walk, bad: ChainBreak | None, *, after: ChainHead | None = None) -> Verdict:
    return Verdict(walk.at.chain, walk.at.seq, bad, after, walk.rebuilt, walk.rebuilt_count)


def _follow(walk: Walk, chain: str, until: float) -> bool:
    """Walk to the end of what is there, or of the time; False at the first bad record.

    A record that nobody can read any more is a bad one.
    """
    records = store.walk(chain, after=walk.at.seq)
    while time.monotonic() <= until:
        try:
            record = next(records, None)
        except (ValueError, TypeError, KeyError, msgspec.MsgspecError):
            walk.unreadable()
            return False
        if record is None:
            return True
        if not walk.follow(record):
            return False
    return True


# --------------------------------------------------------------------------- the daily root


class Tampered(RuntimeError):
    """An audit chain does not hold what was sealed of it."""


def seal_roots(context: Context) -> dict[str, int]:
    """Write each chain's head into the locked bucket, once a day; a repeat writes nothing.

    Before that the last root is looked up in the chain, so that a rewritten chain gets no new root.

    Raises:
        Tampered: chains that no longer hold what was sealed; the others are sealed all the same.

    """
    day = shanghai_date(context.now)
    months = max(
        [AUDIT_MONTHS_MIN, *(program.policy.audit_log_retention_months for program in all_programs())]
    )
    until = start_of_day(add_months(day, months))
    sealed, bad = 0, []
    for chain in ALL_AREAS:
        head = store.head_of(chain)
        if head.seq == 0 or store.is_sealed(chain, day):
            continue
        last = max(store.roots_of(chain), key=lambda root: root.seq, default=None)
        if last is not None and not store.holds(last):
            bad.append(chain)
            continue
        store.seal_root(head, day=day, until=until, at=context.now)
        sealed += 1
    measure(CHAINS_BROKEN, len(bad))
    if bad:
        raise Tampered(", ".join(bad))
    return {"chains": len(ALL_AREAS), "sealed": sealed}
