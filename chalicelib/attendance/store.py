"""The tables of check-ins and refused attempts.

Check-ins have the class as hash key: a class has at most 90 trainees, so a key takes at most 90 writes at
the start of a lesson, and one query reads a whole class. Evidence is only ever added to.
"""

from collections.abc import Iterable
from typing import Any, TypeVar

from botocore.exceptions import BotoCoreError, ClientError
from pynamodb.attributes import NumberAttribute, UnicodeAttribute

from chalicelib.attendance.model import CheckIn, Proof, RefusedCheckIn
from chalicelib.aws.table import (
    ConditionFailed,
    MomentAttribute,
    StructAttribute,
    Table,
    VersionedTable,
    connection,
    insert,
    keep,
    table_name,
    update,
)
from chalicelib.classes.store import PARTS, ClassRow, Parts, parts_of
from chalicelib.kernel.errors import Unavailable
from chalicelib.kernel.ids import whole_of
from chalicelib.kernel.principal import Change


class CheckInRow(VersionedTable[CheckIn]):
    """One row a person and lesson."""

    class Meta:
        table_name = table_name("check-ins")

    record_type = CheckIn

    class_id = UnicodeAttribute(hash_key=True)
    slot = UnicodeAttribute(range_key=True)
    enrolment_id = UnicodeAttribute()
    came = StructAttribute()
    went = StructAttribute(null=True)


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
    person_key = UnicodeAttribute()
    place = StructAttribute()
    device_id = UnicodeAttribute()
    nonce = UnicodeAttribute()
    happened_at = MomentAttribute()
    received_at = MomentAttribute()
    distance_m = NumberAttribute()
    actor = UnicodeAttribute()


Kind = TypeVar("Kind")


def _standing(failure: ConditionFailed, kind: type[Kind]) -> Kind:
    """Give the record that was there first."""
    old = failure.old
    assert isinstance(old, kind)
    return old


# --------------------------------------------------------------------------- check-ins


def read_for_check_in(class_id: str, slot: str) -> tuple[Parts | None, CheckIn | None]:
    """Read a class and one person's check-in at a lesson: two tables, one call.

    Raises:
        Unavailable: DynamoDB did not answer in full.

    """
    classes, check_ins = ClassRow.Meta.table_name, CheckInRow.Meta.table_name
    wanted = {
        classes: [{"id": {"S": class_id}, "part": {"S": part}} for part in PARTS],
        check_ins: [{"class_id": {"S": class_id}, "slot": {"S": slot}}],
    }
    requests = {name: {"Keys": keys, "ConsistentRead": True} for name, keys in wanted.items()}
    try:
        answer = connection().client.batch_get_item(RequestItems=requests)
    except (BotoCoreError, ClientError) as failure:
        raise Unavailable("try_again") from failure
    if answer.get("UnprocessedKeys"):
        raise Unavailable("try_again")
    found: dict[str, list[dict[str, Any]]] = answer["Responses"]
    parts = parts_of(ClassRow.record_of(raw) for raw in found.get(classes, []))
    return parts, next((CheckInRow.record_of(raw) for raw in found.get(check_ins, [])), None)


def record_coming(check_in: CheckIn, change: Change) -> CheckIn:
    """Record that a trainee came; if a record is there already, that one is given."""
    try:
        insert(CheckInRow.from_record(check_in), change=change)
    except ConditionFailed as failure:
        return _standing(failure, CheckIn)
    return check_in


def record_going(check_in: CheckIn, went: Proof, change: Change) -> CheckIn:
    """Record that a trainee who came left again; if that is recorded already, that one is given."""
    try:
        return update(
            CheckInRow,
            (check_in.class_id, check_in.slot),
            [CheckInRow.went.set(went)],
            condition=CheckInRow.came.exists() & CheckInRow.went.does_not_exist(),
            change=change,
        )
    except ConditionFailed as failure:
        return _standing(failure, CheckIn)


def keep_refused(refused: RefusedCheckIn) -> None:
    """Keep a refused attempt as evidence."""
    keep(RefusedCheckInRow.from_record(refused))


def refused_at(lesson_id: str) -> Iterable[RefusedCheckIn]:
    """Go through the refused attempts at a lesson, oldest first."""
    return (row.record for row in RefusedCheckInRow.query(lesson_id))


def check_ins_at(lesson_id: str) -> Iterable[CheckIn]:
    """Go through the check-ins of one lesson: one query."""
    class_id, number = whole_of("cls", lesson_id)
    at_lesson = CheckInRow.slot.startswith(f"{number}#")
    return (row.record for row in CheckInRow.query(class_id, at_lesson, consistent_read=True))


def check_ins_of(class_id: str) -> Iterable[CheckIn]:
    """Go through all check-ins of a class, lesson by lesson: one query."""
    return (row.record for row in CheckInRow.query(class_id, consistent_read=True))
