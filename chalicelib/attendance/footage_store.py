"""The table of footage: one row a recording, by class."""

from datetime import datetime

from pynamodb.attributes import NumberAttribute, UnicodeAttribute

from chalicelib.attendance.footage_model import FootageStatus, Segment
from chalicelib.aws.table import ConditionFailed, MomentAttribute, VersionedTable, insert, table_name, update
from chalicelib.kernel.principal import Change


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


def announce(segment: Segment, change: Change) -> Segment:
    """Store an announced recording; the same one announced again is given as it is."""
    try:
        insert(SegmentRow.from_record(segment), change=change)
    except ConditionFailed as failure:
        old = failure.old
        assert isinstance(old, Segment)
        return old
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
