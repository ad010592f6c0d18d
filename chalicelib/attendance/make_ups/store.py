"""The table of make-ups and excuses, and every lawful write on one."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.expressions.condition import Condition
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex, IncludeProjection

from chalicelib.attendance.make_ups.model import MAKE_UP_TRANSITIONS, MakeUp
from chalicelib.attendance.model import ASKED_IN
from chalicelib.aws.lists import AS_MUCH_AS_COMES, page_of_list
from chalicelib.aws.table import MomentAttribute, table_name
from chalicelib.aws.waiting import WaitingTable, page_of_waiting
from chalicelib.aws.writes import Check, ConditionFailed, Put, Update, lawful, refuse_stale, transact
from chalicelib.classes.store import evidence_check
from chalicelib.kernel.paging import Page, PageRequest
from chalicelib.kernel.principal import Change
from chalicelib.kernel.reasons import error


class WaitingMakeUps(GlobalSecondaryIndex[Any]):
    """The requests that wait for a decision, by city and part, oldest first."""

    class Meta:
        index_name = "waiting"
        projection = AllProjection()

    queue = UnicodeAttribute(hash_key=True)
    requested_at = MomentAttribute(range_key=True)


class AllWaitingMakeUps(GlobalSecondaryIndex[Any]):
    """The same of the whole province, by part alone."""

    class Meta:
        index_name = "waiting_all"
        projection = IncludeProjection(["status", "institution", "division"])

    queue_all = UnicodeAttribute(hash_key=True)
    requested_at = MomentAttribute(range_key=True)


class MakeUpRow(WaitingTable[MakeUp]):
    """One row a trainee and lesson, by class."""

    class Meta:
        table_name = table_name("make-ups")

    record_type = MakeUp
    streamed = True

    class_id = UnicodeAttribute(hash_key=True)
    slot = UnicodeAttribute(range_key=True)
    enrolment_id = UnicodeAttribute()
    division = UnicodeAttribute()
    institution = UnicodeAttribute()
    kind = UnicodeAttribute()
    status = UnicodeAttribute()
    hours = NumberAttribute()
    reason = UnicodeAttribute()
    requested_by = UnicodeAttribute()
    requested_at = MomentAttribute()
    evidence = UnicodeAttribute(null=True)
    decided_by = UnicodeAttribute(null=True)
    decided_at = MomentAttribute(null=True)
    decision_reason = UnicodeAttribute(null=True)
    queue = UnicodeAttribute(null=True)
    queue_all = UnicodeAttribute(null=True)
    waiting = WaitingMakeUps()
    waiting_all = AllWaitingMakeUps()


def find_make_up(class_id: str, slot: str) -> MakeUp | None:
    """Read a request."""
    return MakeUpRow.find(class_id, slot)


def find_make_ups(keys: Sequence[tuple[str, str]]) -> list[MakeUp]:
    """Read many requests by class and place, 100 a call."""
    return MakeUpRow.find_many(keys)


def make_ups_of(class_id: str) -> Iterable[MakeUp]:
    """Go through all requests of a class: one query."""
    return (row.record for row in MakeUpRow.query(class_id, consistent_read=True))


def waiting_in(area: str, request: PageRequest) -> Page[MakeUp]:
    """List the requests of a division and below that wait for a decision."""
    return page_of_waiting(MakeUpRow.waiting, MakeUpRow.division, area, request)


def make_ups_waiting(queue: str) -> Page[MakeUp]:
    """Read the requests of one list that wait for a decision, as many as one answer holds."""
    return page_of_list(MakeUpRow, MakeUpRow.waiting, queue, request=AS_MUCH_AS_COMES)


def ask(make_up: MakeUp, before: MakeUp | None, *, change: Change) -> None:
    """Store a request: a new one, or again after a rejection.

    Raises:
        Refused: the completion was applied for meanwhile, or the request changed.

    """
    known: Condition | None = None
    if before is not None:
        known = lawful(MakeUpRow, sources=MAKE_UP_TRANSITIONS.sources("request"), version=before.version)
    row = MakeUpRow.from_record(make_up)
    check = evidence_check(make_up.class_id, sources=ASKED_IN)
    _transact(check, Put(row, known), action="request", version=None, change=change)


def decide(
    before: MakeUp, action: str, *, version: int, by: str, reason: str, now: datetime, change: Change
) -> None:
    """Approve or reject a request: the truth of what `model.why_not` told.

    Raises:
        Refused: it is decided already, changed, or the completion was approved meanwhile.

    """
    sources = MAKE_UP_TRANSITIONS.sources(action)
    update = Update(
        MakeUpRow,
        (before.class_id, before.slot),
        [
            MakeUpRow.status.set(str(MAKE_UP_TRANSITIONS.target(action))),
            MakeUpRow.decided_by.set(by),
            MakeUpRow.decided_at.set(now),
            MakeUpRow.decision_reason.set(reason),
            *MakeUpRow.listed_nowhere(),
        ],
        lawful(MakeUpRow, sources=sources, version=version),
    )
    _transact(evidence_check(before.class_id), update, action=action, version=version, change=change)


def _transact(check: Check, write: Put | Update, *, action: str, version: int | None, change: Change) -> None:
    """Write while the class's evidence is still being gathered."""
    try:
        transact([check, write], change=change)
    except ConditionFailed as failure:
        if failure.index == 0:
            raise error("wrong_state", status=str(failure.old.status if failure.old else "")) from failure
        refuse_stale(failure.old, sources=MAKE_UP_TRANSITIONS.sources(action), version=version)
        raise error("version_conflict", version=failure.old.version if failure.old else 1) from failure
