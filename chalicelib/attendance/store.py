"""The tables of check-ins, refused attempts and footage.

Check-ins have the class as hash key: a class has at most 90 trainees, so a key takes at most 90 writes at
the start of a lesson, and one query reads a whole class. Evidence is only ever added to.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, TypeVar

from botocore.exceptions import BotoCoreError, ClientError
from pynamodb.attributes import NumberAttribute, UnicodeAttribute

from chalicelib.attendance.model import CheckIn, FootageStatus, Proof, RefusedCheckIn, Segment
from chalicelib.aws.table import (
    ConditionFailed,
    MomentAttribute,
    StructAttribute,
    Table,
    VersionedTable,
    connection,
    insert,
    table_name,
    update,
)
from chalicelib.classes.store import PARTS, ClassRow, Parts, parts_of
from chalicelib.kernel.errors import Unavailable
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


class SegmentRow(VersionedTable[Segment]):
    """One row a recording, by class."""

    class Meta:
        table_name = table_name("footage")

    record_type = Segment
    streamed = True

    class_id = UnicodeAttribute(hash_key=True)
    id = UnicodeAttribute(range_key=True)
    lesson_id = UnicodeAttribute()
    division = UnicodeAttribute()
    institution = UnicodeAttribute()
    camera_id = UnicodeAttribute()
    started_at = MomentAttribute()
    ended_at = MomentAttribute()
    size_bytes = NumberAttribute()
    sha256 = UnicodeAttribute()
    content_type = UnicodeAttribute()
    object_key = UnicodeAttribute()
    status = UnicodeAttribute()
    announced_at = MomentAttribute()
    registered_at = MomentAttribute(null=True)


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
    insert(RefusedCheckInRow.from_record(refused))


def refused_at(lesson_id: str) -> Iterable[RefusedCheckIn]:
    """Go through the refused attempts at a lesson, oldest first."""
    return (row.record for row in RefusedCheckInRow.query(lesson_id))


def check_ins_of(class_id: str) -> Iterable[CheckIn]:
    """Go through all check-ins of a class, lesson by lesson: one query."""
    return (row.record for row in CheckInRow.query(class_id, consistent_read=True))


# --------------------------------------------------------------------------- footage


def announce(segment: Segment, change: Change) -> Segment:
    """Store an announced recording; the same one announced again is given as it is."""
    try:
        insert(SegmentRow.from_record(segment), change=change)
    except ConditionFailed as failure:
        return _standing(failure, Segment)
    return segment


def find_segment(class_id: str, segment_id: str) -> Segment | None:
    """Read a recording."""
    return SegmentRow.find(class_id, segment_id)


def segments_of(class_id: str) -> list[Segment]:
    """List all recordings of a class: one query."""
    return [row.record for row in SegmentRow.query(class_id, consistent_read=True)]


def segments_at(class_id: str, number: str) -> list[Segment]:
    """List the recordings of one lesson, by its number in the class."""
    prefix = f"ftg_{class_id.partition('_')[2]}-{number}"
    rows = SegmentRow.query(class_id, SegmentRow.id.startswith(prefix), consistent_read=True)
    return [row.record for row in rows]


def register(segment: Segment, status: FootageStatus, *, now: datetime, change: Change) -> bool:
    """Record what S3 holds for a recording; False if it is stored already."""
    try:
        update(
            SegmentRow,
            (segment.class_id, segment.id),
            [SegmentRow.status.set(str(status)), SegmentRow.registered_at.set(now)],
            condition=SegmentRow.status.is_in(
                str(FootageStatus.AWAITING_UPLOAD), str(FootageStatus.MISMATCH)
            ),
            change=change,
        )
    except ConditionFailed:
        return False
    return True
