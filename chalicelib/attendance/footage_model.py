"""Footage (监控录像): the announced recordings of a lesson and what of the lesson they show."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

import msgspec

from chalicelib.classes.model import Lesson
from chalicelib.kernel.ids import ClassId, LessonId, part_id, whole_of
from chalicelib.kernel.principal import Change
from chalicelib.kernel.shares import share_of

FOOTAGE_BYTES_MAX = 5 * 1024**3
FOOTAGE_MARGIN = timedelta(hours=2)
FOOTAGE_SUFFIXES: Mapping[str, str] = {
    "video/mp4": "mp4",
    "video/x-matroska": "mkv",
    "video/matroska": "mkv",
}


class FootageStatus(StrEnum):
    """What became of an announced recording."""

    AWAITING_UPLOAD = "awaiting_upload"
    STORED = "stored"
    MISMATCH = "mismatch"


class Segment(msgspec.Struct, frozen=True, kw_only=True):
    """One recording of a lesson by one camera; `object_key` names its object in the evidence bucket."""

    class_id: ClassId
    id: str
    lesson_id: LessonId
    division: str
    institution: str
    camera_id: str
    started_at: datetime
    ended_at: datetime
    size_bytes: int
    sha256: str
    content_type: str
    object_key: str
    status: FootageStatus
    announced_at: datetime
    registered_at: datetime | None = None
    version: int = 1
    last_change: Change | None = None


def segment_id_of(lesson_id: str, *, digest: str) -> str:
    """Give the id of a lesson's recording with this digest of what was announced."""
    class_id, number = whole_of("cls", lesson_id)
    return part_id("ftg", class_id, f"{number}{digest[:20]}")


def object_key_of(lesson_id: str, segment_id: str, content_type: str) -> str:
    """Give the object's name: opaque ids only."""
    class_id = whole_of("cls", lesson_id)[0]
    return f"footage/{class_id}/{lesson_id}/{segment_id}.{FOOTAGE_SUFFIXES[content_type]}"


def segment_key_of(object_key: str) -> tuple[str, str] | None:
    """Give the class and segment that an object's name names; None if it is no footage."""
    parts = object_key.split("/")
    if len(parts) != 4 or parts[0] != "footage":  # noqa: PLR2004 - footage/class/lesson/segment
        return None
    return parts[1], parts[3].rpartition(".")[0]


def near_lesson(lesson: Lesson, started_at: datetime, ended_at: datetime) -> bool:
    """Tell whether a recording can be of this lesson."""
    return lesson.starts_at - FOOTAGE_MARGIN <= started_at and ended_at <= lesson.ends_at + FOOTAGE_MARGIN


Interval = tuple[datetime, datetime]


def covered(lesson: Lesson, segments: Iterable[Segment]) -> list[Interval]:
    """Give the parts of a lesson that stored footage shows, merged, in order."""
    clipped = sorted(
        (max(segment.started_at, lesson.starts_at), min(segment.ended_at, lesson.ends_at))
        for segment in segments
        if segment.status is FootageStatus.STORED and segment.lesson_id == lesson.id
    )
    merged: list[Interval] = []
    for start, end in clipped:
        if end <= start:
            continue
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    return merged


def gaps(lesson: Lesson, shown: Sequence[Interval]) -> list[Interval]:
    """Give the parts of a lesson that no stored footage shows."""
    found = []
    at = lesson.starts_at
    for start, end in shown:
        if start > at:
            found.append((at, start))
        at = end
    if at < lesson.ends_at:
        found.append((at, lesson.ends_at))
    return found


def seconds_of(intervals: Iterable[Interval]) -> int:
    """Add up the lengths of intervals."""
    return int(sum((end - start).total_seconds() for start, end in intervals))


def coverage_of(lesson: Lesson, shown: Sequence[Interval]) -> Decimal:
    """Give the share of a lesson that stored footage shows, 0 to 1."""
    return share_of(seconds_of(shown), seconds_of([(lesson.starts_at, lesson.ends_at)]))
