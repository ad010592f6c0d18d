"""Use cases of footage: announce, register what S3 reports, show (step 8)."""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

import msgspec

from chalicelib.accounts import rights
from chalicelib.attendance import footage_store as store
from chalicelib.attendance.footage_model import (
    FootageStatus,
    Interval,
    Segment,
    coverage_of,
    covered,
    gaps,
    near_lesson,
    object_key_of,
    segment_id_of,
    segment_key_of,
)
from chalicelib.aws import objects
from chalicelib.aws.logs import log
from chalicelib.aws.settings import settings
from chalicelib.classes.model import RUNNING, Lesson, TrainingClass, class_id_of
from chalicelib.classes.service import require_class
from chalicelib.kernel.errors import NotFound, Refused
from chalicelib.kernel.ids import is_id, whole_of
from chalicelib.kernel.principal import Context, change_of
from chalicelib.kernel.reasons import error

READ_BYTES_MAX = 32 * 1024**2


@dataclass(frozen=True)
class Recording:
    """A recording as the institution announces it; `sha256` is hexadecimal."""

    camera_id: str
    started_at: datetime
    ended_at: datetime
    size_bytes: int
    sha256: str
    content_type: str


@dataclass(frozen=True)
class Announced:
    """An announced recording, and the form to upload it with unless it is there already."""

    segment: Segment
    upload: objects.UploadForm | None


@dataclass(frozen=True)
class LessonFootage:
    """The recordings of a lesson, what they show of it, and links for those who may watch."""

    segments: Sequence[Segment]
    coverage: Decimal
    gaps: Sequence[Interval]
    urls: dict[str, str]


def announce_footage(context: Context, lesson_id: str, recording: Recording) -> Announced:
    """Announce a recording of a lesson and get the form that uploads exactly it (step 8).

    The same recording announced again is the same segment, with a fresh form while it is not stored.

    Raises:
        NotFound: there is no such lesson in the caller's area.
        Refused: the class is not running.
        Impossible: `footage_outside_lesson`.

    """
    training_class, lesson = _require_lesson(context, "footage.write", lesson_id)
    if training_class.approved_by is None:
        raise error("class_not_approved")
    if training_class.status not in RUNNING:
        raise Refused("wrong_state", status=training_class.status.value)
    if not near_lesson(lesson, recording.started_at, recording.ended_at):
        raise error("footage_outside_lesson")
    digest = hashlib.sha256(msgspec.json.encode(recording)).hexdigest()
    segment_id = segment_id_of(lesson.id, digest=digest)
    segment = store.announce(
        Segment(
            class_id=training_class.id,
            id=segment_id,
            lesson_id=lesson.id,
            division=training_class.division,
            institution=training_class.institution,
            camera_id=recording.camera_id,
            started_at=recording.started_at,
            ended_at=recording.ended_at,
            size_bytes=recording.size_bytes,
            sha256=recording.sha256,
            content_type=recording.content_type,
            object_key=object_key_of(lesson.id, segment_id, recording.content_type),
            status=FootageStatus.AWAITING_UPLOAD,
            announced_at=context.now,
        ),
        change_of(context, "footage.write"),
    )
    if segment.status is FootageStatus.STORED:
        return Announced(segment, None)
    form = objects.upload_form(
        settings().evidence_bucket,
        segment.object_key,
        content_type=segment.content_type,
        size_bytes=segment.size_bytes,
        sha256_base64=_base64_of(segment.sha256),
    )
    return Announced(segment, form)


def _digest_of(found: objects.StoredObject, object_key: str) -> str | None:
    """Give the SHA-256 that S3 verified at upload, in hexadecimal.

    Some S3-compatible stores forget it on form uploads; a small object is then read, a large one is not
    believed.
    """
    if found.sha256_base64 is not None:
        try:
            return base64.b64decode(found.sha256_base64, validate=True).hex()
        except ValueError:
            return None  # of a multipart upload: a digest of digests
    if found.size_bytes > READ_BYTES_MAX:
        return None
    body = objects.read_object(settings().evidence_bucket, object_key)
    return hashlib.sha256(body).hexdigest() if body is not None else None


def _base64_of(sha256: str) -> str:
    return base64.b64encode(bytes.fromhex(sha256)).decode()


def _require_lesson(context: Context, action: str, lesson_id: str) -> tuple[TrainingClass, Lesson]:
    rights.admit(context.principal, action)
    if not is_id(lesson_id, "les"):
        raise NotFound
    training_class = require_class(context, action, class_id_of(lesson_id))
    lesson = training_class.lesson(lesson_id)
    if lesson is None:
        raise NotFound
    return training_class, lesson


def show_footage(context: Context, lesson_id: str) -> LessonFootage:
    """Show the recordings of a lesson; signed links are for bureaus only."""
    _, lesson = _require_lesson(context, "footage.read", lesson_id)
    class_id, number = whole_of("cls", lesson_id)
    segments = [one for one in store.segments_at(class_id, number) if one.lesson_id == lesson.id]
    shown = covered(lesson, segments)
    bucket = settings().evidence_bucket
    urls = {}
    if context.principal.is_bureau:
        stored = (one for one in segments if one.status is FootageStatus.STORED)
        urls = {one.id: objects.link(bucket, one.object_key) for one in stored}
    return LessonFootage(
        segments=sorted(segments, key=lambda one: (one.started_at, one.camera_id)),
        coverage=coverage_of(lesson, shown),
        gaps=gaps(lesson, shown),
        urls=urls,
    )


def register_object(context: Context, object_key: str) -> FootageStatus | None:
    """Compare an object that S3 reports with what was announced, and mark the recording.

    Safe to repeat, and in any order: what is stored stays stored. None if the object is no footage.
    """
    key = segment_key_of(object_key)
    segment = store.find_segment(*key) if key is not None else None
    if segment is None or segment.object_key != object_key:
        log("footage_unknown", object_key=object_key)
        return None
    if segment.status is FootageStatus.STORED:
        return segment.status
    found = objects.describe_object(settings().evidence_bucket, object_key)
    if found is None:
        log("footage_missing", object_key=object_key)
        return None
    matches = found.size_bytes == segment.size_bytes and _digest_of(found, object_key) == segment.sha256
    status = FootageStatus.STORED if matches else FootageStatus.MISMATCH
    store.register(segment, status, now=context.now, change=change_of(context, "footage.register"))
    return status
