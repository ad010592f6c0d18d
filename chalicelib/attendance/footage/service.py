"""Use cases of footage: announce, refer to it, show it, hold it (step 8)."""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

import msgspec

from chalicelib.accounts import rights
from chalicelib.accounts.disclosures.service import record_access
from chalicelib.attendance.footage import manifest as footage_manifest
from chalicelib.attendance.footage import registration, store
from chalicelib.attendance.footage.model import (
    CLOCK_AHEAD_MAX,
    SEGMENTS_MAX,
    SHOWN,
    UPLOAD_GRACE,
    FootageStatus,
    Interval,
    LegalHold,
    Mismatch,
    Segment,
    coverage_of,
    covered,
    due_day_of,
    gaps,
    host_of,
    is_plain_url,
    lesson_prefix_of,
    near_lesson,
    object_key_of,
    segment_id_of,
)
from chalicelib.attendance.lessons import require_lesson
from chalicelib.attendance.model import why_closed
from chalicelib.aws import objects
from chalicelib.aws.settings import settings
from chalicelib.aws.writes import until_written
from chalicelib.classes.model import Lesson, TrainingClass
from chalicelib.kernel.calendar import format_moment
from chalicelib.kernel.errors import DomainError, Fault
from chalicelib.kernel.principal import Context, change_of
from chalicelib.kernel.reasons import error, refuse

WATCHING = "footage.watch"


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
class ExternalRecording:
    """A recording that stays on a provincial monitoring platform; `sha256` is hexadecimal."""

    camera_id: str
    started_at: datetime
    ended_at: datetime
    url: str
    sha256: str
    size_bytes: int | None


@dataclass(frozen=True)
class AnnouncedRecording:
    """An announced recording, and the form to upload it with unless it is there already."""

    segment: Segment
    upload: objects.UploadForm | None


@dataclass(frozen=True)
class LessonFootage:
    """The recordings of a lesson, what they show of it, links and the hold for those who may see them."""

    segments: Sequence[Segment]
    coverage: Decimal
    gaps: Sequence[Interval]
    urls: dict[str, str]
    hold: LegalHold | None


# --------------------------------------------------------------------------- announcing


def announce_footage(context: Context, lesson_id: str, recording: Recording) -> AnnouncedRecording:
    """Announce a recording of a lesson and get the form that uploads exactly it (step 8): four calls.

    The same recording announced again is the same segment, with a fresh form while it is not stored. One
    whose very bytes another recording has, of whatever lesson and camera, is flagged and gets no form.

    Raises:
        Malformed: the end is not after the start (`ends_before_start`).
        NotFound: there is no such lesson in the caller's area.
        Refused: the class is not running, the lesson has not begun (`lesson_not_begun`) or has too many
            recordings, or the recording still goes on (`recording_not_over`).
        Impossible: `footage_outside_lesson`.

    """
    training_class, lesson = _require_filmed(context, lesson_id, recording)
    digest = hashlib.sha256(msgspec.json.encode(recording)).hexdigest()
    segment_id = segment_id_of(lesson.id, digest=digest)
    due_at = context.now + timedelta(seconds=objects.UPLOAD_SECONDS) + UPLOAD_GRACE
    announced = Segment(
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
        due_day=due_day_of(due_at),
        due_at=due_at,
    )

    other = store.claimant_of(recording.sha256)
    if other not in (None, segment_id):
        announced = _as_duplicate(announced, other)

    def attempt() -> Segment:
        segment = _announced(context, announced)
        if _needs_no_form(segment) or _is_due_late_enough(segment, due_at):
            return segment
        return store.renew(segment, due_at=due_at, change=change_of(context, "footage.write"))

    segment = until_written(attempt)
    if _needs_no_form(segment):
        return AnnouncedRecording(segment, None)
    assert segment.object_key is not None
    form = objects.upload_form(
        settings().evidence_bucket,
        segment.object_key,
        content_type=recording.content_type,
        size_bytes=recording.size_bytes,
        sha256_base64=base64.b64encode(bytes.fromhex(recording.sha256)).decode(),
    )
    return AnnouncedRecording(segment, form)


def _needs_no_form(segment: Segment) -> bool:
    return segment.status is FootageStatus.STORED or segment.duplicate_of is not None


def _as_duplicate(segment: Segment, other: str | None) -> Segment:
    """Give a recording that does not count from the first: its very bytes are another one's, which did."""
    return msgspec.structs.replace(
        segment,
        status=FootageStatus.MISMATCH,
        mismatch=Mismatch.DUPLICATE,
        duplicate_of=other,
        due_day=None,
        due_at=None,
    )


def _is_due_late_enough(segment: Segment, due_at: datetime) -> bool:
    """Tell whether a recording is asked for about as late as a form given now would have it."""
    return segment.due_at is not None and segment.due_at >= due_at - UPLOAD_GRACE / 2


def refer_to_footage(context: Context, lesson_id: str, reference: ExternalRecording) -> Segment:
    """Name a recording that stays on a provincial monitoring platform; it counts as footage of the lesson.

    The same reference again is the same segment.

    Raises:
        Malformed: as for an upload, or the address is not plain (`external_url_unfit`).
        NotFound, Refused: as for an upload.
        Impossible: `footage_outside_lesson`, or the policy does not name the platform
            (`external_host_unknown`; by default it names none).

    """
    if not is_plain_url(reference.url):
        rights.admit(context.principal, "footage.write")
        raise _wrong("url", "external_url_unfit")
    training_class, lesson = _require_filmed(context, lesson_id, reference)
    host = host_of(reference.url)
    if host not in training_class.policy.external_footage_hosts:
        raise error("external_host_unknown", host=host)
    digest = hashlib.sha256(msgspec.json.encode(reference)).hexdigest()
    due_at = context.now + UPLOAD_GRACE  # for the case that its manifest cannot be written now
    referred = Segment(
        class_id=training_class.id,
        id=segment_id_of(lesson.id, digest=digest),
        lesson_id=lesson.id,
        division=training_class.division,
        institution=training_class.institution,
        camera_id=reference.camera_id,
        started_at=reference.started_at,
        ended_at=reference.ended_at,
        size_bytes=reference.size_bytes,
        sha256=reference.sha256,
        url=reference.url,
        status=FootageStatus.EXTERNAL,
        announced_at=context.now,
        registered_at=context.now,
        due_day=due_day_of(due_at),
        due_at=due_at,
    )
    _standing(referred)  # before the claim: nothing may hold a film that is no recording
    other = store.claim_film(referred, now=context.now)
    segment = _announced(context, referred if other is None else _as_duplicate(referred, other))
    registration.tell(context, training_class, segment)
    return segment


def _require_filmed(
    context: Context, lesson_id: str, recording: Recording | ExternalRecording
) -> tuple[TrainingClass, Lesson]:
    """Give the class and the lesson of which this can be a recording."""
    rights.admit(context.principal, "footage.write")
    if recording.ended_at <= recording.started_at:
        raise _wrong("ended_at", "ends_before_start")
    training_class, lesson = require_lesson(context, "footage.write", lesson_id)
    refuse(why_closed(training_class))
    if not near_lesson(lesson, recording.started_at, recording.ended_at):
        raise error("footage_outside_lesson")
    if context.now < lesson.starts_at:
        raise error("lesson_not_begun", opens_at=format_moment(lesson.starts_at))
    if recording.ended_at > context.now + CLOCK_AHEAD_MAX:  # its bytes are named now: there are none yet
        raise error("recording_not_over", ends_at=format_moment(recording.ended_at))
    return training_class, lesson


def _wrong(field: str, code: str) -> DomainError:
    return error("malformed", faults=(Fault(code, field=field),))


def _announced(context: Context, segment: Segment) -> Segment:
    """Store an announcement unless it is there or the lesson has too many; give what stands there."""
    return _standing(segment) or store.announce(segment, change_of(context, "footage.write"))


def _standing(segment: Segment) -> Segment | None:
    """Give a recording as it was announced before; None if there is none, and room for it.

    Raises:
        Refused: `footage_too_many`.

    """
    known = store.segments_at(segment.lesson_id)
    standing = next((recording for recording in known if recording.id == segment.id), None)
    if standing is None and len(known) >= SEGMENTS_MAX:
        raise error("footage_too_many", limit=SEGMENTS_MAX)
    return standing


# --------------------------------------------------------------------------- showing


def show_footage(context: Context, lesson_id: str) -> LessonFootage:
    """Show the recordings of a lesson; links and the legal hold are for bureaus only.

    Before links are given, a record says who gets those of this lesson: one, however many recordings are
    stored then.
    """
    training_class, lesson = require_lesson(context, "footage.read", lesson_id)
    segments = store.segments_at(lesson.id)
    shown = covered(lesson, segments)
    watchable: list[Segment] = []
    hold = None
    if context.principal.is_bureau:
        hold = store.find_hold(lesson.id)
        watchable = [segment for segment in segments if segment.status in SHOWN]
    if watchable:
        record_access(
            context,
            subject=lesson.id,
            division=training_class.division,
            purpose=WATCHING,
            items=len(watchable),
        )
    return LessonFootage(
        segments=sorted(segments, key=lambda segment: (segment.started_at, segment.camera_id)),
        coverage=coverage_of(lesson, shown),
        gaps=gaps(lesson, shown),
        urls={segment.id: _link(segment) for segment in watchable},
        hold=hold if hold is not None and hold.held else None,
    )


def _link(segment: Segment) -> str:
    if segment.url is not None:
        return segment.url
    assert segment.object_key is not None
    return objects.link(settings().evidence_bucket, segment.object_key, version=segment.object_version)


# --------------------------------------------------------------------------- legal hold


def hold_footage(context: Context, lesson_id: str, *, reason: str, held: bool) -> LegalHold:
    """Put all evidence of a lesson under legal hold (证据保全), or release it; repeating finishes the work.

    The record comes first, so that what is registered meanwhile is held too.

    Raises:
        NotFound: there is no such lesson in the caller's area.
        Refused: `footage_not_held`.

    """
    training_class, lesson = require_lesson(context, "footage.hold", lesson_id)
    if not held and store.find_hold(lesson.id) is None:
        raise error("footage_not_held")
    hold = store.set_hold(
        LegalHold(lesson_id=lesson.id, division=training_class.division, held=held, since=context.now),
        change_of(context, "footage.hold" if held else "footage.release", reason=reason),
    )
    bucket = settings().evidence_bucket
    for prefix in (lesson_prefix_of(lesson.id), footage_manifest.prefix_of(lesson.id)):
        objects.hold(bucket, objects.versions_under(bucket, prefix), held=held)
    return hold
