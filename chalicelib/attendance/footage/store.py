"""The tables of footage: one row a recording, by class, and one a lesson under legal hold."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from pynamodb.attributes import BooleanAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.expressions.update import Action
from pynamodb.indexes import GlobalSecondaryIndex, IncludeProjection, KeysOnlyProjection

from chalicelib.attendance.footage.films.pages import Film
from chalicelib.attendance.footage.model import (
    UNSENT,
    FilmClaim,
    FootageStatus,
    LegalHold,
    Mismatch,
    Segment,
    due_day_of,
)
from chalicelib.aws.ahead import ahead
from chalicelib.aws.table import MomentAttribute, StructAttribute, Table, VersionedTable, table_name
from chalicelib.aws.waiting import A_PAGE, WaitingKeys, queue_of, waiting_since
from chalicelib.aws.writes import ConditionFailed, insert, update
from chalicelib.kernel.ids import whole_of
from chalicelib.kernel.principal import Change
from chalicelib.kernel.reasons import error


class ByDueDay(GlobalSecondaryIndex[Any]):
    """Recordings of which nothing was heard yet, by the day to ask S3; the attributes go when it is settled.

    A province announces some ten thousand a day, each written once: far below what one key takes.
    """

    class Meta:
        index_name = "by_due_day"
        projection = KeysOnlyProjection()

    due_day = UnicodeAttribute(hash_key=True)
    due_at = MomentAttribute(range_key=True)


class WaitingFootage(GlobalSecondaryIndex[Any]):
    """Recordings that were announced and have not come, by city and part, oldest first."""

    class Meta:
        index_name = "waiting"
        projection = IncludeProjection(["status", "institution", "division"])

    queue = UnicodeAttribute(hash_key=True)
    queued_at = MomentAttribute(range_key=True)


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
    size_bytes = NumberAttribute(null=True)
    sha256 = UnicodeAttribute()
    content_type = UnicodeAttribute(null=True)
    object_key = UnicodeAttribute(null=True)
    object_version = UnicodeAttribute(null=True)
    mismatch = UnicodeAttribute(null=True)
    other_versions = StructAttribute(null=True)
    url = UnicodeAttribute(null=True)
    status = UnicodeAttribute()
    announced_at = MomentAttribute()
    registered_at = MomentAttribute(null=True)
    due_day = UnicodeAttribute(null=True)
    due_at = MomentAttribute(null=True)
    queue = UnicodeAttribute(null=True)
    queued_at = MomentAttribute(null=True)
    container = UnicodeAttribute(null=True)
    codec = UnicodeAttribute(null=True)
    length_seconds = NumberAttribute(null=True)
    pictures_sha256 = UnicodeAttribute(null=True)
    duplicate_of = UnicodeAttribute(null=True)

    by_due_day = ByDueDay()
    waiting = WaitingFootage()


class FilmClaimRow(Table[FilmClaim]):
    """One row a film, by its digest: the recording that counts with it."""

    class Meta:
        table_name = table_name("footage-films")

    record_type = FilmClaim

    sha256 = UnicodeAttribute(hash_key=True)
    class_id = UnicodeAttribute()
    segment_id = UnicodeAttribute()
    lesson_id = UnicodeAttribute()
    claimed_at = MomentAttribute()


class HoldRow(VersionedTable[LegalHold]):
    """One row a lesson that is, or once was, under legal hold."""

    class Meta:
        table_name = table_name("footage-holds")

    record_type = LegalHold
    streamed = True

    lesson_id = UnicodeAttribute(hash_key=True)
    division = UnicodeAttribute()
    held = BooleanAttribute()
    since = MomentAttribute()


# --------------------------------------------------------------------------- announcing


def announce(segment: Segment, change: Change) -> Segment:
    """Store an announced recording; the same one announced again is given as it is."""
    row: Any = SegmentRow.from_record(segment)
    if segment.status is FootageStatus.AWAITING_UPLOAD:
        row.queue, row.queued_at = queue_of(segment.division), segment.announced_at
    try:
        insert(row, change=change)
    except ConditionFailed as failure:
        old = failure.old
        assert isinstance(old, Segment)
        return old
    return segment


def claim_film(segment: Segment, *, now: datetime) -> str | None:
    """Claim a film for a recording; gives the other one that has it already: the first claim stands."""
    claim = FilmClaim(
        sha256=segment.sha256,
        class_id=segment.class_id,
        segment_id=segment.id,
        lesson_id=segment.lesson_id,
        claimed_at=now,
    )
    try:
        insert(FilmClaimRow.from_record(claim))
    except ConditionFailed as failure:
        standing = failure.old
        assert isinstance(standing, FilmClaim)
        return standing.segment_id if standing.segment_id != segment.id else None
    return None


def claimant_of(sha256: str) -> str | None:
    """Name the recording that counts with a film, if one does."""
    claim = FilmClaimRow.find(sha256)
    return claim.segment_id if claim is not None else None


def renew(segment: Segment, *, due_at: datetime, change: Change) -> Segment:
    """Note that a recording was given another form, so it is asked for later.

    Raises:
        ConditionFailed: it changed meanwhile.

    """
    actions: list[Action] = [
        SegmentRow.due_day.set(due_day_of(due_at)),
        SegmentRow.due_at.set(due_at),
        SegmentRow.queue.set(queue_of(segment.division)),
        SegmentRow.queued_at.set(change.at),
    ]
    if segment.status in (FootageStatus.MISSING, FootageStatus.LAPSED):
        actions.append(SegmentRow.status.set(str(FootageStatus.AWAITING_UPLOAD)))
    return _change(segment, actions, change)


def find_segment(class_id: str, segment_id: str) -> Segment | None:
    """Read a recording."""
    return SegmentRow.find(class_id, segment_id)


def find_segments(keys: Sequence[tuple[str, str]]) -> list[Segment]:
    """Read recordings by class and id, 100 a call."""
    return SegmentRow.find_many(keys)


def segments_of(class_id: str) -> list[Segment]:
    """List all recordings of a class: one query."""
    return [row.record for row in SegmentRow.query(class_id, consistent_read=True)]


def segments_at(lesson_id: str) -> list[Segment]:
    """List the recordings of one lesson: one query."""
    class_id, number = whole_of("cls", lesson_id)
    prefix = f"ftg_{class_id.partition('_')[2]}-{number}"
    rows = SegmentRow.query(class_id, SegmentRow.id.startswith(prefix), consistent_read=True)
    return [record for record in (row.record for row in rows) if record.lesson_id == lesson_id]


# --------------------------------------------------------------------------- registering


class Verdict(NamedTuple):
    """What comes of comparing an object: what differs, what its head says, whose film it is."""

    mismatch: Mismatch | None
    film: Film | None = None
    duplicate_of: str | None = None


def register(
    segment: Segment,
    object_version: str,
    *,
    verdict: Verdict,
    now: datetime,
    change: Change,
) -> Segment:
    """Record which version S3 holds for a recording and how it compares.

    The recording stays due: of a wrong object the right one may still come on the same form, and of a right
    one the manifest is still to tell. Who has written that settles it (`registration.tell`); who died before
    is made good by the nightly look at what is due.

    Raises:
        ConditionFailed: the row changed meanwhile.

    """
    mismatch, film = verdict.mismatch, verdict.film
    status = FootageStatus.STORED if mismatch is None else FootageStatus.MISMATCH
    actions: list[Action] = [
        SegmentRow.status.set(str(status)),
        SegmentRow.object_version.set(object_version),
        SegmentRow.registered_at.set(now),
    ]
    if mismatch is None:
        actions += [attribute.remove() for attribute in (SegmentRow.mismatch, SegmentRow.queued_at)]
    else:
        actions.append(SegmentRow.mismatch.set(str(mismatch)))
    if verdict.duplicate_of is not None:
        actions.append(SegmentRow.duplicate_of.set(verdict.duplicate_of))
    if film is not None:
        actions += [SegmentRow.container.set(film.container), SegmentRow.codec.set(film.codec)]
        if film.seconds is not None:
            actions.append(SegmentRow.length_seconds.set(round(film.seconds)))
        if film.pictures_sha256 is not None:
            actions.append(SegmentRow.pictures_sha256.set(film.pictures_sha256))
    if segment.object_version is not None:
        others = [*(segment.other_versions or []), segment.object_version]
        actions.append(SegmentRow.other_versions.set(others))
    return _change(segment, actions, change)


def note_other_version(segment: Segment, object_version: str, change: Change) -> Segment:
    """Record that something else stands under a stored recording's name; raises like `register`."""
    others = [*(segment.other_versions or []), object_version]
    return _change(segment, [SegmentRow.other_versions.set(others)], change)


def settle(segment: Segment, change: Change) -> Segment:
    """Record that nothing more is expected for a recording; without any object it is missing.

    Raises:
        ConditionFailed: the row changed meanwhile.

    """
    actions: list[Action] = [SegmentRow.due_day.remove(), SegmentRow.due_at.remove()]
    if segment.status is FootageStatus.AWAITING_UPLOAD:
        actions.append(SegmentRow.status.set(str(FootageStatus.MISSING)))
    return _change(segment, actions, change)


def waiting_footage(queue: str, *, until: datetime, after: Mapping[str, Any] | None) -> WaitingKeys:
    """Give a page of one list of recordings that have been awaited since before a moment."""
    return waiting_since(SegmentRow, queue, until=until, limit=A_PAGE, after=after)


def lapse(segment: Segment, *, awaited_before: datetime, change: Change) -> Segment:
    """Record that nobody waits for a recording any more; of one that came as something else its state stays.

    Raises:
        ConditionFailed: it came, or was announced anew, meanwhile.

    """
    actions: list[Action] = [
        SegmentRow.due_day.remove(),
        SegmentRow.due_at.remove(),
        SegmentRow.queued_at.remove(),
    ]
    if segment.status in UNSENT:
        actions.append(SegmentRow.status.set(str(FootageStatus.LAPSED)))
    key = (segment.class_id, segment.id)
    waits = (SegmentRow.version == segment.version) & (SegmentRow.queued_at <= awaited_before)
    return update(SegmentRow, key, actions, condition=waits, change=change)


def due_segments(due_day: str, *, before: datetime) -> Iterable[tuple[str, str]]:
    """Give class and id of the recordings of a day that are due, in order."""
    rows = SegmentRow.by_due_day.query(due_day, SegmentRow.due_at < before)
    return ((row.class_id, row.id) for row in rows)


def _change(segment: Segment, actions: list[Action], change: Change) -> Segment:
    """Change a recording in the version that was read."""
    key = (segment.class_id, segment.id)
    return update(SegmentRow, key, actions, condition=SegmentRow.version == segment.version, change=change)


# --------------------------------------------------------------------------- legal hold


def want_holds(lesson_ids: Iterable[str | None]) -> None:
    """Have the legal holds on lessons come along with the next read of a page."""
    ahead(HoldRow, lesson_ids)


def find_hold(lesson_id: str) -> LegalHold | None:
    """Read the legal hold on a lesson, or the last one it had."""
    return HoldRow.find(lesson_id)


def set_hold(hold: LegalHold, change: Change) -> LegalHold:
    """Record that a lesson is held, or no longer; if it is so already, that record is given.

    Raises:
        Unavailable: somebody else changed it at the same time.

    """
    try:
        insert(HoldRow.from_record(hold), change=change)
    except ConditionFailed as failure:
        standing = failure.old
        assert isinstance(standing, LegalHold)
    else:
        return HoldRow.read(hold.lesson_id)
    if standing.held == hold.held:
        return standing
    try:
        return update(
            HoldRow,
            (hold.lesson_id,),
            [HoldRow.held.set(hold.held), HoldRow.since.set(hold.since)],
            condition=HoldRow.version == standing.version,
            change=change,
        )
    except ConditionFailed as failure:
        raise error("try_again") from failure
