"""A recording that comes in parts: the parts that arrived stay, however often the line breaks (step 8).

Announced like any other, and registered like any other once it is put together; between these lie any number
of calls, of one day or of three: then S3 forgets what was never put together.
"""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from chalicelib.attendance.footage import store
from chalicelib.attendance.footage.model import UPLOAD_GRACE, FootageStatus, Segment
from chalicelib.attendance.lessons import require_lesson
from chalicelib.attendance.model import why_closed
from chalicelib.aws import objects, parted
from chalicelib.aws.settings import settings
from chalicelib.aws.writes import until_written
from chalicelib.kernel.errors import Fault
from chalicelib.kernel.principal import Context, change_of
from chalicelib.kernel.reasons import error, refuse

_ACTION = "footage.write"


@dataclass(frozen=True)
class WantedPart:
    """A part that is to be sent now; `sha256` of its bytes is hexadecimal."""

    number: int
    sha256: str


@dataclass(frozen=True)
class PartedRecording:
    """A recording, which of its parts have arrived, and links to send those that were asked for."""

    segment: Segment
    arrived: Sequence[int]
    links: Sequence[parted.PartLink]

    @property
    def part_bytes(self) -> int:
        """Tell how many bytes each part has but the last."""
        return parted.PART_BYTES

    @property
    def count(self) -> int:
        """Tell in how many parts the recording comes."""
        return parted.count_of(_size_of(self.segment))


def show_parts(context: Context, lesson_id: str, footage_id: str) -> PartedRecording:
    """Tell which parts of a recording have arrived; of one that is stored, all.

    Raises:
        NotFound: there is no such recording in the caller's area.

    """
    segment = _require_segment(context, lesson_id, footage_id, running=False)
    if segment.status is FootageStatus.STORED:
        return PartedRecording(segment, _numbers(segment), ())
    return _told(segment, parted.under_way(settings().evidence_bucket, _key_of(segment)), ())


def send_parts(
    context: Context, lesson_id: str, footage_id: str, wanted: Sequence[WantedPart]
) -> PartedRecording:
    """Begin or go on with a recording in parts: links for those that are wanted, and what has arrived.

    Raises:
        Malformed: a part that the recording does not have (`part_unknown`), or one twice.
        NotFound: there is no such recording in the caller's area.
        Refused: the class is not running; the recording is not awaited (`footage_not_awaited`).

    """
    segment = _require_segment(context, lesson_id, footage_id)
    if not _is_awaited(segment):
        raise error("footage_not_awaited")
    size = _size_of(segment)
    last, seen = parted.count_of(size), set[int]()
    faults = []
    for place, part in enumerate(wanted):
        if part.number > last:
            faults.append(Fault("part_unknown", field=f"parts[{place}].number"))
        elif part.number in seen:
            faults.append(Fault("repeated_entry", field=f"parts[{place}].number"))
        seen.add(part.number)
    if faults:
        raise error("malformed", faults=tuple(faults))
    segment = _renewed(context, segment)
    bucket, key = settings().evidence_bucket, _key_of(segment)
    upload = parted.begin(bucket, key, content_type=str(segment.content_type))
    links = [
        parted.part_link(
            bucket,
            key,
            upload,
            number=part.number,
            size_bytes=size,
            sha256_base64=base64.b64encode(bytes.fromhex(part.sha256)).decode(),
        )
        for part in wanted
    ]
    return _told(segment, upload, links)


def put_together(context: Context, lesson_id: str, footage_id: str) -> Segment:
    """Make one object of the parts; it is registered when S3 reports it. Repeating gives the same answer.

    Raises:
        NotFound: there is no such recording in the caller's area.
        Refused: parts are missing (`footage_parts_missing`); the recording is not awaited
            (`footage_not_awaited`).

    """
    segment = _require_segment(context, lesson_id, footage_id)
    if segment.status is FootageStatus.STORED:
        return segment
    if not _is_awaited(segment):
        raise error("footage_not_awaited")
    bucket, key = settings().evidence_bucket, _key_of(segment)
    upload = parted.under_way(bucket, key)
    if upload is None and _is_there(segment):
        return segment
    missing = parted.missing(upload, _size_of(segment))
    if upload is None or missing:
        raise error("footage_parts_missing", count=len(missing))
    segment = _renewed(context, segment)
    if not parted.put_together(bucket, key, upload) and not _is_there(segment):
        raise error("footage_parts_missing", count=len(_numbers(segment)))
    return segment


def _is_there(segment: Segment) -> bool:
    """Tell whether the whole of a recording is there, put together by a call before."""
    stored = objects.describe_object(settings().evidence_bucket, _key_of(segment))
    return stored is not None and stored.size_bytes == segment.size_bytes


def _require_segment(context: Context, lesson_id: str, footage_id: str, *, running: bool = True) -> Segment:
    training_class, lesson = require_lesson(context, _ACTION, lesson_id)
    segment = store.find_segment(training_class.id, footage_id)
    if segment is None or segment.lesson_id != lesson.id or segment.object_key is None:
        raise error("not_found")
    if running:
        refuse(why_closed(training_class))
    return segment


def _is_awaited(segment: Segment) -> bool:
    return segment.status is not FootageStatus.STORED and segment.duplicate_of is None


def _renewed(context: Context, segment: Segment) -> Segment:
    """Note that a recording is on its way, so that the night asks for it later: at most twice an hour."""
    due_at = context.now + timedelta(seconds=objects.UPLOAD_SECONDS) + UPLOAD_GRACE

    def attempt() -> Segment:
        current = store.find_segment(segment.class_id, segment.id)
        assert current is not None
        if not _is_awaited(current) or (current.due_at and current.due_at >= due_at - UPLOAD_GRACE / 2):
            return current
        return store.renew(current, due_at=due_at, change=change_of(context, _ACTION))

    return until_written(attempt)


def _told(
    segment: Segment, upload: parted.PartedUpload | None, links: Sequence[parted.PartLink]
) -> PartedRecording:
    missing = set(parted.missing(upload, _size_of(segment)))
    return PartedRecording(segment, [one for one in _numbers(segment) if one not in missing], links)


def _numbers(segment: Segment) -> Sequence[int]:
    return range(1, parted.count_of(_size_of(segment)) + 1)


def _size_of(segment: Segment) -> int:
    assert segment.size_bytes is not None
    return segment.size_bytes


def _key_of(segment: Segment) -> str:
    assert segment.object_key is not None
    return segment.object_key
