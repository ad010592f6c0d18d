"""Footage (监控录像): the announced recordings of a lesson and what of the lesson they show.

An example: a lesson from 9:00 to 12:00. One camera filmed from 8:50 to 10:00, another from 9:30 to 11:00.
They show 9:00 to 11:00, which is 7,200 of 10,800 seconds: the coverage is 0.6667, and 11:00 to 12:00 is a
gap. Recordings that were announced and never came, or came as something else, show nothing.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Final
from urllib.parse import unquote, urlsplit

import msgspec

from chalicelib.attendance.footage.films.pages import Film
from chalicelib.classes.model import Lesson
from chalicelib.kernel.calendar import add_months, shanghai_date, start_of_day
from chalicelib.kernel.ids import ClassId, LessonId, part_id, whole_of
from chalicelib.kernel.principal import Change
from chalicelib.kernel.shares import share_of
from chalicelib.programs.model import Policy

FOOTAGE_BYTES_MAX = 5 * 1024**3
FOOTAGE_MARGIN = timedelta(hours=2)
CLOCK_AHEAD_MAX = timedelta(minutes=2)
"""So far a camera's clock may be ahead of ours; a recording that ends later than that is not over yet."""
SEGMENTS_MAX = 500
"""Recordings of one lesson: eight hours of five cameras in pieces of five minutes."""
VERSIONS_MAX = 20
UPLOAD_GRACE = timedelta(hours=1)
"""A form is checked when the upload begins: 5 GB may arrive this much later than it ends."""
RECONCILED_DAYS = 31
FOOTAGE_SUFFIXES: Mapping[str, str] = {
    "video/mp4": "mp4",
    "video/x-matroska": "mkv",
    "video/matroska": "mkv",
}


BYTES_A_SECOND_MIN = 250
"""2 kbit/s: an eighth of the lowest rate that cameras can be set to. Below it there is no such film."""
LENGTH_OFF_MIN, LENGTH_OFF_SHARE = timedelta(minutes=1), 0.05
"""So far a film's length may be from what was announced: cameras drop frames, and clocks are read by hand."""
LENGTH_OFF_SHARE_MAX = 0.2
"""But no more than this of a short one: a second of film is no minute."""


class FootageStatus(StrEnum):
    """What became of an announced recording.

    `missing`: the form is over and S3 has nothing; `lapsed`: and nobody sent it in the days that its clock
    allows; announced anew, it is awaited again. `external`: it stays on a platform of the province.
    `mismatch`: it came and does not count.
    """

    AWAITING_UPLOAD = "awaiting_upload"
    STORED = "stored"
    MISMATCH = "mismatch"
    MISSING = "missing"
    EXTERNAL = "external"
    LAPSED = "lapsed"


class Mismatch(StrEnum):
    """Why a recording that came does not count: what differs from its announcement, or what its head says.

    `unplayable`: it is no film that a browser plays; `hollow`: its head tells of pictures that are not in it;
    `length`: its own is not the announced one; `too_small`: for its length; `duplicate`: another recording
    has these very bytes.
    """

    SIZE_BYTES = "size_bytes"
    CONTENT_TYPE = "content_type"
    SHA256 = "sha256"
    UNPLAYABLE = "unplayable"
    HOLLOW = "hollow"
    LENGTH = "length"
    TOO_SMALL = "too_small"
    DUPLICATE = "duplicate"


UNSENT: Final = (FootageStatus.AWAITING_UPLOAD, FootageStatus.MISSING)
"""Announced, and nothing came so far: what lapses."""
SHOWN: Final = (FootageStatus.STORED, FootageStatus.EXTERNAL)
"""Recordings that count as footage of the lesson."""


class Segment(msgspec.Struct, frozen=True, kw_only=True):
    """One recording of a lesson by one camera.

    An uploaded one has an object: `object_key` names it in the evidence bucket, `object_version` is the
    version that was compared with the announcement, `other_versions` what else was put under that name. An
    external one has a `url` instead. `due_day` (of UTC) and `due_at` say when to ask S3 if nothing was heard;
    a recording that needs no asking has none. `container`, `codec` and `length_seconds` are what its head
    says (`films`), `pictures_sha256` is a digest of two of its pictures, which it keeps in any container.
    `duplicate_of` is the recording that had these very bytes first.
    """

    class_id: ClassId
    id: str
    lesson_id: LessonId
    division: str
    institution: str
    camera_id: str
    started_at: datetime
    ended_at: datetime
    sha256: str
    status: FootageStatus
    announced_at: datetime
    size_bytes: int | None = None
    content_type: str | None = None
    object_key: str | None = None
    object_version: str | None = None
    mismatch: Mismatch | None = None
    other_versions: list[str] | None = None
    url: str | None = None
    registered_at: datetime | None = None
    due_day: str | None = None
    due_at: datetime | None = None
    container: str | None = None
    codec: str | None = None
    length_seconds: int | None = None
    pictures_sha256: str | None = None
    duplicate_of: str | None = None
    version: int = 1
    last_change: Change | None = None


class FilmClaim(msgspec.Struct, frozen=True, kw_only=True):
    """That these very bytes are one recording's, the first that counted with them; no other counts."""

    sha256: str
    class_id: ClassId
    segment_id: str
    lesson_id: LessonId
    claimed_at: datetime


class LegalHold(msgspec.Struct, frozen=True, kw_only=True):
    """A legal hold (证据保全) on a lesson's footage, or the last one it had."""

    lesson_id: LessonId
    division: str
    held: bool
    since: datetime
    version: int = 1
    last_change: Change | None = None

    @property
    def reason(self) -> str | None:
        """Give why it is as it is."""
        return self.last_change.reason if self.last_change is not None else None


def due_day_of(due_at: datetime) -> str:
    """Give the day under which the nightly reconciliation finds a recording."""
    return due_at.astimezone(UTC).date().isoformat()


def due_days(now: datetime) -> list[str]:
    """List the days that a reconciliation looks at, oldest first."""
    today = now.astimezone(UTC).date()
    return [(today - timedelta(days=back)).isoformat() for back in range(RECONCILED_DAYS, -1, -1)]


def segment_id_of(lesson_id: str, *, digest: str) -> str:
    """Give the id of a lesson's recording with this digest of what was announced."""
    class_id, number = whole_of("cls", lesson_id)
    return part_id("ftg", class_id, f"{number}{digest[:20]}")


def lesson_prefix_of(lesson_id: str) -> str:
    """Give what the names of all uploads of a lesson begin with."""
    return f"footage/{whole_of('cls', lesson_id)[0]}/{lesson_id}/"


def object_key_of(lesson_id: str, segment_id: str, content_type: str) -> str:
    """Give the object's name: opaque ids only."""
    return f"{lesson_prefix_of(lesson_id)}{segment_id}.{FOOTAGE_SUFFIXES[content_type]}"


def segment_key_of(object_key: str) -> tuple[str, str] | None:
    """Give the class and segment that an object's name names; None if it is no footage."""
    parts = object_key.split("/")
    if len(parts) != 4 or parts[0] != "footage":  # noqa: PLR2004 - footage/class/lesson/segment
        return None
    return parts[1], parts[3].rpartition(".")[0]


def mismatch_of(
    segment: Segment, *, size_bytes: int, content_type: str, sha256: str | None
) -> Mismatch | None:
    """Name the first thing in which an object differs from what was announced; None if nothing does."""
    differs = {
        Mismatch.SIZE_BYTES: size_bytes != segment.size_bytes,
        Mismatch.CONTENT_TYPE: content_type != segment.content_type,
        Mismatch.SHA256: sha256 != segment.sha256,
    }
    return next((name for name, wrong in differs.items() if wrong), None)


def film_mismatch_of(segment: Segment, film: Film, *, size_bytes: int) -> Mismatch | None:
    """Name what speaks against a film as this recording, by what its own head says; None if nothing does.

    A film that was written live may tell no length; then the announced one is believed, and its size judged.
    """
    announced = (segment.ended_at - segment.started_at).total_seconds()
    seconds = announced if film.seconds is None else film.seconds
    by_hand = min(LENGTH_OFF_MIN.total_seconds(), LENGTH_OFF_SHARE_MAX * announced)
    if abs(seconds - announced) > max(by_hand, LENGTH_OFF_SHARE * announced):
        return Mismatch.LENGTH
    return Mismatch.TOO_SMALL if size_bytes < BYTES_A_SECOND_MIN * seconds else None


def retained_until(ended_at: datetime, policy: Policy) -> datetime:
    """Give the moment until which evidence of something that ended then is kept."""
    day = add_months(shanghai_date(ended_at), 12 * policy.footage_retention_years)
    return start_of_day(day + timedelta(days=1))


def near_lesson(lesson: Lesson, started_at: datetime, ended_at: datetime) -> bool:
    """Tell whether a recording can be of this lesson."""
    return lesson.starts_at - FOOTAGE_MARGIN <= started_at and ended_at <= lesson.ends_at + FOOTAGE_MARGIN


Interval = tuple[datetime, datetime]


def covered(lesson: Lesson, segments: Iterable[Segment]) -> list[Interval]:
    """Give the parts of a lesson that footage shows, merged, in order."""
    clipped = sorted(
        (max(segment.started_at, lesson.starts_at), min(segment.ended_at, lesson.ends_at))
        for segment in segments
        if segment.status in SHOWN and segment.lesson_id == lesson.id
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
    """Give the parts of a lesson that no footage shows."""
    missing = []
    at = lesson.starts_at
    for start, end in shown:
        if start > at:
            missing.append((at, start))
        at = end
    if at < lesson.ends_at:
        missing.append((at, lesson.ends_at))
    return missing


def seconds_of(intervals: Iterable[Interval]) -> int:
    """Add up the lengths of intervals."""
    return int(sum((end - start).total_seconds() for start, end in intervals))


def coverage_of(lesson: Lesson, shown: Sequence[Interval]) -> Decimal:
    """Give the share of a lesson that footage shows, 0 to 1."""
    return share_of(seconds_of(shown), seconds_of([(lesson.starts_at, lesson.ends_at)]))


# --------------------------------------------------------------------------- external references


_PERSONAL = re.compile(r"(?<!\d)(\d{17}[\dXx]|1[3-9]\d{9})(?!\d)")
"""An ID number or a mobile number."""


def is_plain_url(url: str) -> bool:
    """Tell whether a text is an https address that holds no secret and nobody's number.

    No user, no port of its own, no query and no fragment: whatever lets somebody in does not belong in a
    reference that is kept for years.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    bare = parts.scheme == "https" and parts.netloc == parts.hostname and port is None
    return bare and "?" not in url and "#" not in url and not _PERSONAL.search(unquote(parts.path))


def host_of(url: str) -> str:
    """Give the host of a plain address."""
    return urlsplit(url).hostname or ""
