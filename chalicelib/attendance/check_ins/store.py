"""The tables of check-ins and refused attempts.

Check-ins have the class as hash key: a class has at most 90 trainees, so a key takes at most 90 writes at
the start of a lesson, and one query reads a whole class. Evidence is only ever added to. What needs review
stands in an index besides, by city, and in one of the province, in a few parts: a morning's rough positions
of all cities make no hot key.
"""

from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

from pynamodb.attributes import BooleanAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.expressions.update import Action
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex, IncludeProjection

from chalicelib.attendance.check_ins.model import CheckIn, RefusedCheckIn
from chalicelib.aws.lists import AS_MUCH_AS_COMES, page_of_list
from chalicelib.aws.table import (
    MomentAttribute,
    StructAttribute,
    Table,
    page_of,
    read_together,
    table_name,
)
from chalicelib.aws.waiting import WaitingTable, page_of_waiting
from chalicelib.aws.writes import ConditionFailed, insert, keep, update
from chalicelib.classes.store import PARTS, ClassParts, ClassRow, parts_of
from chalicelib.kernel.ids import whole_of
from chalicelib.kernel.paging import Page, PageRequest
from chalicelib.kernel.principal import Change


class Waiting(GlobalSecondaryIndex[Any]):
    """The check-ins that need review, by city and part, oldest first: others lack the key."""

    class Meta:
        index_name = "waiting"
        projection = AllProjection()

    queue = UnicodeAttribute(hash_key=True)
    queued_at = MomentAttribute(range_key=True)


class AllWaitingCheckIns(GlobalSecondaryIndex[Any]):
    """The same of the whole province, by part alone."""

    class Meta:
        index_name = "waiting_all"
        projection = IncludeProjection(["division"])

    queue_all = UnicodeAttribute(hash_key=True)
    queued_at = MomentAttribute(range_key=True)


class CheckInRow(WaitingTable[CheckIn]):
    """One row a person and lesson, and one each answer to a roll-call."""

    class Meta:
        table_name = table_name("check-ins")

    record_type = CheckIn
    watched = True
    many_at_once = True

    class_id = UnicodeAttribute(hash_key=True)
    slot = UnicodeAttribute(range_key=True)
    enrolment_id = UnicodeAttribute()
    came = StructAttribute()
    went = StructAttribute(null=True)
    verdicts = StructAttribute(null=True)
    queue = UnicodeAttribute(null=True)
    queue_all = UnicodeAttribute(null=True)
    queued_at = MomentAttribute(null=True)
    division = UnicodeAttribute(null=True)
    network = UnicodeAttribute(null=True)
    waiting = Waiting()
    waiting_all = AllWaitingCheckIns()


class RefusedByClass(GlobalSecondaryIndex[Any]):
    """The refused attempts at all lessons of a class, by time."""

    class Meta:
        index_name = "by_class"
        projection = AllProjection()

    class_id = UnicodeAttribute(hash_key=True)
    id = UnicodeAttribute(range_key=True)


class RefusedCheckInRow(Table[RefusedCheckIn]):
    """One row a refused attempt, by lesson and time."""

    class Meta:
        table_name = table_name("refused-check-ins")

    record_type = RefusedCheckIn

    lesson_id = UnicodeAttribute(hash_key=True)
    id = UnicodeAttribute(range_key=True)
    class_id = UnicodeAttribute()
    division = UnicodeAttribute()
    code = UnicodeAttribute()
    kind = UnicodeAttribute()
    offline = BooleanAttribute(default=False)
    person_key = UnicodeAttribute()
    place = StructAttribute()
    device_id = UnicodeAttribute()
    nonce = UnicodeAttribute()
    happened_at = MomentAttribute()
    received_at = MomentAttribute()
    distance_m = NumberAttribute()
    actor = UnicodeAttribute()
    enrolment_id = UnicodeAttribute(null=True)
    network = UnicodeAttribute(null=True)
    by_class = RefusedByClass()


Record = TypeVar("Record")


def _standing(failure: ConditionFailed, kind: type[Record]) -> Record:
    """Give the record that was there first."""
    old = failure.old
    assert isinstance(old, kind)
    return old


# --------------------------------------------------------------------------- check-ins


def read_for_check_in(class_id: str, slots: Sequence[str]) -> tuple[ClassParts | None, dict[str, CheckIn]]:
    """Read a class and what is recorded of one person at a lesson: two tables, one call.

    Raises:
        Unavailable: DynamoDB did not answer in full.

    """
    rows = read_together(
        {
            ClassRow: [{"id": class_id, "part": part} for part in PARTS],
            CheckInRow: [{"class_id": class_id, "slot": slot} for slot in slots],
        }
    )
    check_ins: list[CheckIn] = rows[CheckInRow]
    return parts_of(rows[ClassRow]), {check_in.slot: check_in for check_in in check_ins}


def record_coming(check_in: CheckIn, change: Change) -> CheckIn:
    """Record that a trainee came; if a record is there already, that one is given."""
    try:
        insert(CheckInRow.from_record(check_in), change=change)
    except ConditionFailed as failure:
        return _standing(failure, CheckIn)
    return check_in


def record_going(after: CheckIn, change: Change) -> CheckIn:
    """Record that a trainee who came left again; if that is recorded already, that one is given."""
    waits: list[Action] = []
    if after.queue is not None and after.queued_at is not None and after.division is not None:
        waits = [
            *CheckInRow.listed_in(after.queue),
            CheckInRow.queued_at.set(after.queued_at),
            CheckInRow.division.set(after.division),
        ]
    try:
        return update(
            CheckInRow,
            (after.class_id, after.slot),
            [CheckInRow.went.set(after.went), *waits],
            condition=CheckInRow.came.exists() & CheckInRow.went.does_not_exist(),
            change=change,
        )
    except ConditionFailed as failure:
        return _standing(failure, CheckIn)


def find_check_in(class_id: str, slot: str) -> CheckIn | None:
    """Read one person's check-in at a lesson."""
    return CheckInRow.find(class_id, slot)


def check_ins_in(class_id: str, slots: Sequence[str]) -> list[CheckIn]:
    """Read what is recorded at these places, 100 a call."""
    return CheckInRow.find_many([(class_id, slot) for slot in slots])


def find_check_ins(keys: Sequence[tuple[str, str]]) -> list[CheckIn]:
    """Read many check-ins by class and place, 100 a call."""
    return CheckInRow.find_many(keys)


def check_ins_of_lesson(
    class_id: str, number: str, request: PageRequest, *, only_waiting: bool
) -> Page[CheckIn]:
    """List the check-ins of one lesson, by its number in the class."""
    rows = CheckInRow.query(
        class_id,
        CheckInRow.slot.startswith(f"{number}#"),
        limit=request.limit,
        last_evaluated_key=request.after,
        filter_condition=CheckInRow.queue.exists() if only_waiting else None,
        consistent_read=True,
    )
    return page_of(rows, request)


def waiting_in(area: str, request: PageRequest) -> Page[CheckIn]:
    """List the check-ins of a division and below that need review."""
    return page_of_waiting(CheckInRow.waiting, CheckInRow.division, area, request)


def check_ins_waiting(queue: str) -> Page[CheckIn]:
    """Read the check-ins of one list that need review, as many as one answer holds, the oldest first."""
    return page_of_list(CheckInRow, CheckInRow.waiting, queue, request=AS_MUCH_AS_COMES)


def keep_refused(refused: RefusedCheckIn) -> None:
    """Keep a refused attempt as evidence."""
    keep(RefusedCheckInRow.from_record(refused))


def refused_at(lesson_id: str, request: PageRequest) -> Page[RefusedCheckIn]:
    """List the refused attempts at a lesson, oldest first."""
    rows = RefusedCheckInRow.query(lesson_id, limit=request.limit, last_evaluated_key=request.after)
    return page_of(rows, request)


def refused_in(class_id: str) -> Iterable[RefusedCheckIn]:
    """Go through the refused attempts at all lessons of a class, oldest first: one query."""
    return (row.record for row in RefusedCheckInRow.by_class.query(class_id))


def check_ins_at(lesson_id: str) -> Iterable[CheckIn]:
    """Go through the check-ins of one lesson: one query."""
    class_id, number = whole_of("cls", lesson_id)
    at_lesson = CheckInRow.slot.startswith(f"{number}#")
    return (row.record for row in CheckInRow.query(class_id, at_lesson, consistent_read=True))


def check_ins_of(class_id: str) -> Iterable[CheckIn]:
    """Go through all check-ins of a class, lesson by lesson: one query."""
    return (row.record for row in CheckInRow.query(class_id, consistent_read=True))
